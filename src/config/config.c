/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes, loads, settles, checks and frees a configuration. */
#include <sys/stat.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "reader.h"

#define DSCP_EF		46	/* expedited forwarding, as ntpd has it */
#define SAFE_FLAGS	(RESTRICT_KOD | RESTRICT_LIMITED | RESTRICT_NOMODIFY | RESTRICT_NOTRAP | RESTRICT_NOPEER | RESTRICT_NOQUERY)

void *
config_alloc(struct config *c, size_t size)
{
	void *p = malloc(size);

	c->starved |= p == NULL;
	return p;
}

char *
config_strdup(struct config *c, const char *s)
{
	size_t len = strlen(s) + 1;
	char *copy = config_alloc(c, len);

	return copy == NULL ? NULL : memcpy(copy, s, len);
}

void
config_set(struct config *c, char **dst, const char *s)
{
	char *new = s != NULL ? config_strdup(c, s) : NULL;

	if (new == NULL && s != NULL)
		return;
	free(*dst);
	*dst = new;
}

struct config *
config_new(void)
{
	struct config *c = malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	*c = (struct config){
		.leap_checkhash = true,
		.tos = select_defaults,
		.tinker = discipline_defaults,
		.discard = discard_defaults,
		.mru = mru_defaults,
		.dscp = DSCP_EF,
		.workers = 1,
		.enable_ntp = true,
		.enable_monitor = true,
		.enable_auth = true,
		.enable_kernel = true,
		.enable_stats = true,
		.wander_threshold = 1e-7,
		.logconfig = LOG_CLASSES_DEFAULT,
		.modes = { .broadcastdelay = -0.05, .beacon = 3600, .bcpollbstep = BCPOLLBSTEP_DEFAULT, .ttl = { 0, 32, 64, 96, 128, 160, 192, 224 }, .nttl = CONFIG_TTLS_MAX },
		.rlimit = { .memlock = -1, .stacksize = -1, .filenum = -1 },
	};
	stats_defaults(c->filegen);
	return c;
}

static void
free_lists(struct config *c)
{
	struct config_source *s;
	struct config_restrict *a;
	struct config_setvar *v;
	struct config_trusted *t;

	while ((s = c->sources) != NULL) {
		c->sources = s->next;
		free(s->host);
		free(s);
	}
	while ((a = c->restricts) != NULL) {
		c->restricts = a->next;
		free(a);
	}
	while ((v = c->setvars) != NULL) {
		c->setvars = v->next;
		free(v->name);
		free(v->value);
		free(v);
	}
	while ((t = c->trusted) != NULL) {
		c->trusted = t->next;
		free(t);
	}
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	free_lists(c);
	free(c->driftfile);
	free(c->logfile);
	free(c->pidfile);
	free(c->keysfile);
	free(c->leapfile);
	free(c->saveconfigdir);
	free(c->signd_dir);
	free(c->statsdir);
	free(c->iface_rules);
	free(c);
}

int
config_resolve_system(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list = NULL;
	int err, n = 0;

	(void)arg;
	hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
	err = getaddrinfo(name, NULL, &hints, &list);
	if (err != 0) {
		*why = err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err);
		return -1;
	}
	for (const struct addrinfo *ai = list; ai != NULL && (size_t)n < cap; ai = ai->ai_next)
		if (addr_from_sockaddr(&out[n], ai->ai_addr)) {
			out[n].port = 0;
			n++;
		}
	freeaddrinfo(list);
	return n;
}

static struct config_restrict **
restrict_end(struct config *c)
{
	struct config_restrict **tail = &c->restricts;

	while (*tail != NULL)
		tail = &(*tail)->next;
	return tail;
}

struct config_source **
config_source_end(struct config *c)
{
	struct config_source **tail = &c->sources;

	while (*tail != NULL)
		tail = &(*tail)->next;
	return tail;
}

static struct config_setvar **
setvar_end(struct config *c)
{
	struct config_setvar **tail = &c->setvars;

	while (*tail != NULL)
		tail = &(*tail)->next;
	return tail;
}

static struct config_trusted **
trusted_end(struct config *c)
{
	struct config_trusted **tail = &c->trusted;

	while (*tail != NULL)
		tail = &(*tail)->next;
	return tail;
}

bool
config_remove_source(struct config *c, const char *host, int family)
{
	struct config_source **at = &c->sources, *s;
	bool any = false;

	while ((s = *at) != NULL) {
		if (!source_same_host(s->host, host) || (family != 0 && s->family != 0 && s->family != family)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s->host);
		free(s);
		c->nsources--;
		any = true;
	}
	return any;
}

bool
config_add_server(struct config *c, const char *host, int family)
{
	struct config_source s = { .kind = SOURCE_SERVER, .family = family, .opts = assoc_defaults };
	struct config_source **tail = config_source_end(c);
	char name[ASSOC_NAME_MAX];
	struct addr a;

	if (source_host_problem(host, family) != NULL || c->nsources >= CONFIG_SOURCES_MAX || (addr_parse(&a, host, 4) && addr_is_refclock(&a)))
		return false;
	snprintf(name, sizeof(name), "%s", host);
	s.host = name;
	s.opts.iburst = true;
	return source_append(c, &tail, &s);
}

bool
config_key_trusted(const struct config *c, uint32_t id)
{
	for (const struct config_trusted *t = c->trusted; t != NULL; t = t->next)
		if (id >= t->lo && id <= t->hi)
			return true;
	return false;
}

/* Does an entry of the file say something of this address? */
static bool
is_mentioned(const struct config *c, const struct addr *a)
{
	for (const struct config_restrict *e = c->restricts; e != NULL; e = e->next) {
		struct addr masked = *a;

		if (e->source || e->rule.mask.family != a->family || e->rule.ntpport)
			continue;
		addr_apply_mask(&masked, &e->rule.mask);
		if (memcmp(masked.ip, e->rule.addr.ip, sizeof(masked.ip)) == 0)
			return true;
	}
	return false;
}

static bool
add_rule(struct config *c, const struct restrict_rule *rule)
{
	struct config_restrict *new = config_alloc(c, sizeof(*new));

	if (new == NULL)
		return false;
	*new = (struct config_restrict){ .rule = *rule };
	*restrict_end(c) = new;
	return true;
}

void
config_safe_default(struct config *c, int family)
{
	bool *given = family == 4 ? &c->restrict_default4 : &c->restrict_default6;
	struct restrict_rule rule = { .flags = SAFE_FLAGS, .ippeerlimit = IPPEERLIMIT_NONE };
	struct addr self;

	if (*given || !addr_parse(&self, family == 4 ? "127.0.0.1" : "::1", family))
		return;
	restrict_rule_default(&rule, family);
	if (!is_mentioned(c, &self)) {
		struct restrict_rule open = { .ippeerlimit = IPPEERLIMIT_NONE };

		restrict_rule_host(&open, &self);
		(void)add_rule(c, &open);
	}
	*given = add_rule(c, &rule);
}

void
config_finish(struct config *c)
{
	config_safe_default(c, 4);
	config_safe_default(c, 6);
}

/* enable and disable, of which disable wins wherever it stands. */
static void
settle_flags(struct reader *r)
{
	for (size_t i = 0; i < flag_option_count; i++) {
		bool *field = flag_options[i].offset == NOWHERE ? NULL : (bool *)(void *)((char *)r->c + flag_options[i].offset);

		if (field != NULL && (r->enabled & 1u << i) != 0)
			*field = true;
		if (field != NULL && (r->disabled & 1u << i) != 0)
			*field = false;
	}
}

/* A statistics line enables a file, unless the last filegen line of it, wherever it stands, says otherwise. */
static void
settle_stats(struct reader *r)
{
	for (unsigned i = 0; i < STATS_KINDS; i++) {
		unsigned told = r->filegen_on | r->filegen_off, on = (told & 1u << i) != 0 ? r->filegen_on : r->statistics;

		r->c->filegen[i].enabled = (on & 1u << i) != 0;
	}
}

static void
settle_monitor(struct reader *r)
{
	bool limited = false;

	for (const struct config_restrict *e = r->c->restricts; e != NULL; e = e->next)
		limited = limited || (e->rule.flags & RESTRICT_LIMITED) != 0;
	if (!limited || r->c->enable_monitor)
		return;
	r->c->enable_monitor = true;
	reader_settle_warn(r, "'disable monitor' has no effect while a restrict entry is 'limited': the rate limit needs the list");
}

static void
check_tos(struct reader *r)
{
	const struct select_opts *o = &r->c->tos;

	if (o->minsane >= o->minclock || o->minclock > o->maxclock)
		reader_settle_warn(r, "tos should have minsane (%u) < minclock (%u) <= maxclock (%u): the daemon will not work properly", o->minsane,
		    o->minclock, o->maxclock);
	if (o->floor > o->ceiling)
		reader_settle_warn(r, "tos should have floor (%u) <= ceiling (%u): no source can be used", o->floor, o->ceiling);
}

/* Port 123 is served in any case. */
static void
settle_port(struct reader *r)
{
	if (r->c->extra_port != NTP_PORT)
		return;
	r->c->extra_port = 0;
	reader_settle_warn(r, "'extra port %d' has no effect: it is served in any case", NTP_PORT);
}

static void
begin(struct reader *r, struct config *c, const struct config_hooks *h)
{
	*r = (struct reader){ .c = c, .hooks = h };
	r->source_tail = config_source_end(c);
	r->restrict_tail = restrict_end(c);
	r->setvar_tail = setvar_end(c);
	r->trusted_tail = trusted_end(c);
}

static void
settle(struct reader *r, const char *name)
{
	struct place place = { .file = name };

	r->place = &place;
	settle_flags(r);
	settle_stats(r);
	settle_clocks(r);
	unpeer_settle(r);
	config_finish(r->c);
	settle_monitor(r);
	check_tos(r);
	settle_port(r);
	/* Whoever changes something else while the daemon runs has heard of it before. */
	if (r->remote == NULL || r->change.sources || r->change.restricts)
		settle_shut_out(r);
	r->place = NULL;
}

/* NTPsec: the directory ntp.d beside the main file is read after it. */
static void
read_drop_ins(struct reader *r, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct stat st;
	int len = slash == NULL ? snprintf(dir, sizeof(dir), "ntp.d")
	    : snprintf(dir, sizeof(dir), "%.*s/ntp.d", (int)(slash - path), path);

	if (len > 0 && (size_t)len < sizeof(dir) && !r->ended && stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		(void)reader_include(r, dir, 0);	/* it has said what was wrong */
}

int
config_load(struct config *c, const char *path, const struct config_hooks *h)
{
	struct reader r;
	int ret, err;

	begin(&r, c, h);
	ret = reader_include(&r, path, 0);
	err = errno;
	if (ret == 0)
		read_drop_ins(&r, path);
	settle(&r, path);
	errno = c->starved ? ENOMEM : err;
	return c->starved ? -1 : ret;
}

int
config_parse_buffer(struct config *c, const char *name, const char *buf, size_t len, const struct config_hooks *h)
{
	unsigned line, column;
	struct reader r;
	bool text = lexer_is_text(buf, len, &line, &column);

	begin(&r, c, h);
	r.nfiles = 1;
	r.depth = 1;
	if (text)
		reader_buffer(&r, name, buf, len);
	else
		reader_not_text(&r, name, line, column);
	settle(&r, name);
	errno = c->starved ? ENOMEM : EILSEQ;
	return text && !c->starved ? 0 : -1;
}

/* What changes while the daemon runs is settled as a file is, from what is in force. */
bool
config_remote(struct config *c, const char *text, size_t len, const struct config_remote_hooks *h, struct config_change *change)
{
	unsigned errors = c->errors, warnings = c->warnings, fatal = c->fatal, line, column;
	struct reader r;
	bool ok;

	begin(&r, c, &h->hooks);
	r.nfiles = 1;
	r.depth = 1;
	r.remote = h;
	for (unsigned i = 0; i < STATS_KINDS; i++)
		r.filegen_on |= c->filegen[i].enabled ? 1u << i : 0;
	if (lexer_is_text(text, len, &line, &column))
		reader_buffer(&r, "line from afar", text, len);
	else
		reader_not_text(&r, "line from afar", line, column);
	settle(&r, "line from afar");
	ok = c->errors == errors && !c->starved;
	r.change.starved = c->starved;
	c->starved = false;
	c->errors = errors;
	c->warnings = warnings;
	c->fatal = fatal;
	*change = r.change;
	return ok;
}

/* Prints one remark where a compiler would. */
static void
print_remark(void *arg, enum remark kind, const char *file, unsigned line, unsigned column, const char *text)
{
	static const char *const names[] = { [REMARK_ERROR] = "error", [REMARK_WARNING] = "warning", [REMARK_NOTE] = "note" };
	FILE *out = arg;

	if (line > 0)
		fprintf(out, "%s:%u:%u: %s: %s\n", file, line, column, names[kind], text);
	else
		fprintf(out, "%s: %s: %s\n", file, names[kind], text);
}

static void
print_verdict(void *arg, enum line_verdict v, const char *file, unsigned line, unsigned column, const char *word)
{
	static const char *const names[] = {
		[VERDICT_IN_FORCE] = "in force", [VERDICT_IN_PART] = "in force in part", [VERDICT_IGNORED] = "ignored", [VERDICT_WRONG] = "wrong",
	};

	fprintf(arg, "%s:%u:%u: %s: %s\n", file, line, column, names[v], word);
}

int
config_check(const char *path, FILE *out)
{
	const struct config_hooks h = { .remark = print_remark, .verdict = print_verdict, .arg = out };
	struct config *c = config_new();
	bool bad = c == NULL || config_load(c, path, &h) != 0 || c->errors > 0;

	if (c == NULL || c->starved) {
		fprintf(out, "%s: %s\n", path, strerror(ENOMEM));
		config_free(c);
		return EXIT_FAILURE;
	}
	fprintf(out, "%s: %u error%s, %u warning%s%s\n", path, c->errors, c->errors == 1 ? "" : "s", c->warnings, c->warnings == 1 ? "" : "s",
	    c->fatal > 0 ? ": the daemon would not start" : "");
	config_free(c);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
