/* SPDX-License-Identifier: BSD-2-Clause */
/* What the holder of the control key may have done while the daemon runs: lines of configuration, counters of events. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/mode6.h"
#include "root.h"

#define DONE	"Config Succeeded"

/* One request under way. */
struct remote {
	struct root	*root;
	char		 who[ADDR_STR_MAX];
	bool		 many;		/* lines: remarks tell which */
	char		*reply;
	size_t		 len;
};

/* The restrict lines in force, and whether there is a default among them. */
struct rules {
	struct config_restrict	*list;
	bool			 default4, default6;
};

static PRINTF_LIKE(2, 3) void
put(struct remote *m, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(m->reply + m->len, MODE6_REPLY_MAX - m->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		m->len = (size_t)n < MODE6_REPLY_MAX - m->len ? m->len + (size_t)n : MODE6_REPLY_MAX - 1;
}

/* Columns are counted from 0, as ntpq draws its pointer by them. */
static void
on_remark(void *arg, enum remark kind, const char *file, unsigned line, unsigned column, const char *text)
{
	struct remote *m = arg;

	(void)file;
	if (kind == REMARK_NOTE)
		return;
	log_warnx("%s config: %s", m->who, text);
	if (m->len > 0)
		put(m, "\n");
	if (m->many && line > 0)
		put(m, "line %u ", line);
	if (kind == REMARK_WARNING)
		put(m, "warning: %s", text);
	else if (column > 0)
		put(m, "column %u syntax error: %s", column - 1, text);
	else
		put(m, "%s", text);
}

/* The loop does not wait for name servers. */
static int
on_resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	(void)arg;
	(void)name;
	(void)family;
	(void)out;
	(void)cap;
	*why = "names on restrict lines are looked up at start only; an address is wanted";
	return -1;
}

static const struct assoc *
find_assoc(const struct root *r, const struct config_unpeer *u)
{
	struct addr a;
	size_t n;
	const struct assoc *const *list = client_assocs(r->client, &n);
	bool literal = u->host != NULL && addr_parse(&a, u->host, u->family);

	for (size_t i = 0; i < n; i++) {
		if (u->host == NULL ? list[i]->id == u->id : literal && list[i]->addr.family != 0 && addr_same_host(&list[i]->addr, &a))
			return list[i];
	}
	return NULL;
}

/* A source of the configuration goes with its line; one of another origin by itself. */
static bool
on_unpeer(void *arg, const struct config_unpeer *u, bool configured)
{
	struct remote *m = arg;
	struct root *r = m->root;
	const struct assoc *a = configured ? NULL : find_assoc(r, u);
	char ip[ADDR_STR_MAX];

	if (a == NULL)
		return false;
	if (a->configured && config_remove_source(r->config, a->name[0] != '\0' && a->kind == ASSOC_SERVER ? a->name : addr_str(&a->addr, ip, sizeof(ip)), 0))
		return true;
	return client_unpeer(r->client, a->id);
}

static void
free_rules(struct config_restrict *list)
{
	struct config_restrict *e;

	while ((e = list) != NULL) {
		list = e->next;
		free(e);
	}
}

/* The rules as they are before they change, by which the old entries are found.  False for want of memory. */
static bool
copy_rules(const struct config *c, struct rules *copy)
{
	struct config_restrict **tail = &copy->list;

	*copy = (struct rules){ .default4 = c->restrict_default4, .default6 = c->restrict_default6 };
	for (const struct config_restrict *e = c->restricts; e != NULL; e = e->next) {
		*tail = malloc(sizeof(**tail));
		if (*tail == NULL) {
			free_rules(copy->list);
			return false;
		}
		**tail = *e;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
	}
	return true;
}

/* Rules take effect as a whole or not at all: half of them might leave a door open.  False for want of memory. */
static bool
swap_rules(struct remote *m, const struct config_change *change, struct rules *old)
{
	struct config *c = m->root->config;
	struct config_restrict *new = c->restricts;

	if (!change->starved && (!change->restricts || settings_swap_restricts(m->root, old->list, c)))
		return true;
	if (change->restricts)
		on_remark(m, REMARK_ERROR, "", 0, 0, "out of memory: the rules stay as they were");
	c->restricts = old->list;
	c->restrict_default4 = old->default4;
	c->restrict_default6 = old->default6;
	old->list = new;
	return false;
}

/* Everything that a line may have changed is carried out; what has not changed is not disturbed by that. */
static void
carry_out(struct root *r, const struct config_change *change)
{
	struct config *c = r->config;
	struct listener_opts lo;

	for (const struct config_trusted *t = c->trusted; t != NULL; t = t->next)
		keys_trust(r->keys, t->lo, t->hi);
	if (!settings_listener(r, c, &lo) || listener_reconfigure(r->listener, &lo) == -1)
		log_warnx("the server goes on with its old options");
	settings_carry_out(r);
	if (change->sources)
		settings_swap_sources(r, c, "configuration changed by ntpq");
}

/* Rules of the command line and of the configuration do not go together. */
static bool
rules_allowed(struct remote *m)
{
	const struct options *o = m->root->opts;

	if (m->root->config->niface_rules == 0 || (o->ninterface == 0 && !o->novirtual))
		return true;
	m->root->config->niface_rules = 0;
	put(m, "interface rules are not allowed with --interface (-I) or --novirtualips (-L)");
	return false;
}

/* Whoever was not to steer the clock at start has not asked for the right to. */
static bool
steering_allowed(struct remote *m)
{
	if (!m->root->config->enable_ntp || !m->root->watch_only)
		return true;
	m->root->config->enable_ntp = false;
	put(m, "the clock has been opened to be looked at only: enable ntp is for the file, and takes effect at the next start");
	return false;
}

/* The log shows each line as it came; a line of configuration is printable, or refused. */
static void
log_lines(const char *who, const char *text, size_t len)
{
	while (len > 0) {
		size_t n = strcspn(text, "\n");

		if (n > 0)
			log_info("%s config: %.*s", who, (int)n, text);
		n += text[n] == '\n';
		text += n;
		len -= n;
	}
}

static bool
is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((text[i] < ' ' || text[i] > '~') && strchr("\t\r\n", text[i]) == NULL)
			return false;
	}
	return true;
}

static bool
configure(void *arg, const struct addr *from, const char *data, size_t len, char reply[static MODE6_REPLY_MAX])
{
	struct remote m = { .root = arg, .reply = reply };
	const struct config_remote_hooks hooks = { .hooks = { .remark = on_remark, .resolve = on_resolve, .arg = &m }, .unpeer = on_unpeer };
	struct config_change change;
	struct rules old;
	char text[4 * CONTROL_DATA_MAX + 1];
	bool ok;

	addr_str(from, m.who, sizeof(m.who));
	while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\0' || data[len - 1] == ' '))
		len--;
	if (len >= sizeof(text) || memchr(data, '\0', len) != NULL || !is_printable(data, len)) {
		put(&m, "configuration is printable ASCII, blanks and newlines");
		return false;
	}
	memcpy(text, data, len);
	text[len] = '\0';
	m.many = strchr(text, '\n') != NULL;
	log_lines(m.who, text, len);
	if (!copy_rules(m.root->config, &old)) {
		put(&m, "out of memory");
		return false;
	}
	ok = config_remote(m.root->config, text, len, &hooks, &change);
	ok = rules_allowed(&m) && steering_allowed(&m) && ok;
	ok = swap_rules(&m, &change, &old) && ok;
	carry_out(m.root, &change);
	free_rules(old.list);
	if (m.root->config->controlkey != 0 && keys_find(m.root->keys, m.root->config->controlkey) == NULL)
		on_remark(&m, REMARK_WARNING, "", 0, 0, "there is no trusted key of the number of controlkey: this was the last change by ntpq");
	if (m.len == 0)
		put(&m, DONE);
	else if (ok) {
		memmove(reply + sizeof(DONE), reply, MODE6_REPLY_MAX - sizeof(DONE));
		memcpy(reply, DONE "\n", sizeof(DONE));
		reply[MODE6_REPLY_MAX - 1] = '\0';
	}
	return ok;
}

/* Digits of the day and time for %Y %m %d %H %M %S, as ntpd's ntpq has them; whatever else a % stands before stays, since names are to stay plain. */
static void
expand(const char *name, char *out, size_t cap)
{
	time_t now = time(NULL);
	struct tm tm;
	size_t n = 0;

	localtime_r(&now, &tm);
	for (; *name != '\0' && n + 8 < cap; name++) {
		const struct { char letter; int value; } rows[] = {
			{ 'Y', tm.tm_year + 1900 }, { 'm', tm.tm_mon + 1 }, { 'd', tm.tm_mday }, { 'H', tm.tm_hour }, { 'M', tm.tm_min }, { 'S', tm.tm_sec },
		};
		size_t i = 0;

		for (; i < NELEMS(rows) && !(name[0] == '%' && name[1] == rows[i].letter); i++)
			;
		if (i < NELEMS(rows))
			n += (size_t)snprintf(out + n, cap - n, "%02d", rows[i].value);
		else
			out[n++] = *name;
		name += i < NELEMS(rows);
	}
	out[n] = '\0';
}

static bool
save(void *arg, const struct addr *from, const char *name, char reply[static MODE6_REPLY_MAX])
{
	struct root *r = arg;
	const char *dir = r->config->saveconfigdir;
	char path[PATH_MAX], who[ADDR_STR_MAX], plain[NAME_MAX];
	int len;

	if (dir == NULL) {
		snprintf(reply, MODE6_REPLY_MAX, "saveconfig prohibited, no saveconfigdir configured");
		return false;
	}
	expand(name, plain, sizeof(plain));
	len = snprintf(path, sizeof(path), "%s/%s", dir, plain);
	if (len < 0 || (size_t)len >= sizeof(path) || config_save(r->config, path, walltime_now()) == -1) {
		snprintf(reply, MODE6_REPLY_MAX, "unable to save the configuration to %s: %s", plain, strerror((size_t)len >= sizeof(path) ? ENAMETOOLONG : errno));
		log_warn("%s has asked to save the configuration to %s, which cannot be done", addr_str(from, who, sizeof(who)), path);
		return false;
	}
	log_info("the configuration has been saved to %s, as %s has asked", path, addr_str(from, who, sizeof(who)));
	memcpy(r->savedconfig, plain, sizeof(r->savedconfig));
	snprintf(reply, MODE6_REPLY_MAX, "Configuration saved to %s", plain);
	return true;
}

static void
events_read(void *arg, uint16_t associd)
{
	struct root *r = arg;

	client_events_read(r->client, associd);
}

static void
refused(void *arg, const struct addr *from, uint8_t op, const char *why)
{
	struct root *r = arg;
	char who[ADDR_STR_MAX];
	unsigned held = 0;

	if (log_gate_open(&r->refused_gate, monotime_now(), &held))
		log_warnx("%s: a control request (operation %u) is refused: %s", addr_port_str(from, who, sizeof(who)), op, why);
}

void
root_hands(struct root *r, struct mode6_hands *out)
{
	*out = (struct mode6_hands){ .arg = r, .configure = configure, .save = save, .events_read = events_read, .refused = refused };
}
