/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines that name sources: server, pool, peer, the other modes, reference clocks. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ntp.h"
#include "reader.h"

#define HOST_MAX	(ASSOC_NAME_MAX - 1)

/* "fe80::1%eth0" is an address even while eth0 is not there yet. */
static bool
is_scoped(const char *host)
{
	char bare[ADDR_STR_MAX];
	size_t len = strcspn(host, "%");
	struct addr a;

	if (host[len] == '\0' || len >= sizeof(bare))
		return false;
	memcpy(bare, host, len);
	bare[len] = '\0';
	return addr_parse(&a, bare, 6);
}

const char *
source_host_problem(const char *host, int family)
{
	struct addr a;
	const char *p;

	if (addr_parse(&a, host, 0)) {
		if (family != 0 && family != a.family)
			return "is an address of the other family";
		if (addr_is_unusable(&a) || (a.family == 4 && addr_is_loopback(&a) && !addr_is_refclock(&a)))
			return "is no address that a server can have";
		return NULL;
	}
	if (is_scoped(host))
		return family == 4 ? "is an address of the other family" : NULL;
	if (host[0] == '\0' || strlen(host) > HOST_MAX)
		return "is empty or longer than a host name can be";
	if (host[strspn(host, "0123456789.")] == '\0' || strchr(host, ':') != NULL)
		return "is neither an address nor a host name";
	for (p = host; *p != '\0'; p++)
		if (strchr("0123456789-._", *p) == NULL && !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
			return "is no host name";
	return NULL;
}

bool
source_same_host(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	struct addr x, y;

	if (addr_parse(&x, a, 0) && addr_parse(&y, b, 0))
		return addr_same_host(&x, &y);
	la -= la > 0 && a[la - 1] == '.';
	lb -= lb > 0 && b[lb - 1] == '.';
	return la == lb && strncasecmp(a, b, la) == 0;
}

bool
source_append(struct config *c, struct config_source ***tail, const struct config_source *s)
{
	struct config_source *new;

	for (const struct config_source *o = c->sources; o != NULL; o = o->next)
		if (o->kind == s->kind && o->family == s->family && source_same_host(o->host, s->host))
			return false;
	new = config_alloc(c, sizeof(*new));
	if (new == NULL)
		return false;
	*new = *s;
	new->host = config_strdup(c, s->host);
	if (new->host == NULL) {
		free(new);
		return false;
	}
	new->next = NULL;
	**tail = new;
	*tail = &new->next;
	c->nsources++;
	return true;
}

/* What the kind of line or source makes of its options.  The column is the option's. */
static bool
option_fits(struct reader *r, const struct option *o, bool clock, bool pool, unsigned column)
{
	if ((o->flags & OPTION_ON_CLOCK) != 0 && !clock) {
		reader_error(r, column, "'%s' is for reference clocks only, not for a server on the network; the line is skipped", o->name);
		return false;
	}
	if ((o->flags & OPTION_ON_NET) != 0 && clock) {
		reader_error(r, column, "'%s' is not for reference clocks; the line is skipped", o->name);
		return false;
	}
	if ((o->flags & OPTION_NOT_POOL) != 0 && pool)
		reader_warn(r, column, "'%s' has no effect on a pool (%s)", o->name, o->prose);
	else if (!clock)
		option_standing(r, o, column);
	return true;
}

static bool
read_source_options(struct reader *r, const struct directive *d, bool clock, bool pool, struct source_line *line)
{
	const struct option *o;
	unsigned column;

	while (reader_next(r, WANT_WORD)) {
		column = r->tok.column;
		o = r->tok.kind == TOKEN_WORD ? option_find(d->options, d->noptions, r->tok.text) : NULL;
		/* NTPsec takes what it has for refclock lines on the classic ones too. */
		if (o == NULL && clock && r->tok.kind == TOKEN_WORD)
			o = option_find(refclock_options, refclock_option_count, r->tok.text);
		if (o == NULL) {
			reader_error(r, column, "'%s' has no option '%.40s'; the line is skipped", d->name, r->tok.text);
			return false;
		}
		if (!option_apply(r, o, (o->flags & OPTION_NOT_POOL) != 0 && pool ? NULL : line) || !option_fits(r, o, clock, pool, column))
			return false;
	}
	return !r->bad;
}

/* -4 or -6, then the address, which goes into host.  The finger ends on the address. */
static bool
read_host(struct reader *r, char host[static TOKEN_MAX + 1], int *family)
{
	*family = 0;
	while (reader_need(r, WANT_STRING, "an address")) {
		if (r->tok.kind == TOKEN_WORD && strcmp(r->tok.text, "-4") == 0) {
			*family = 4;
		} else if (r->tok.kind == TOKEN_WORD && strcmp(r->tok.text, "-6") == 0) {
			*family = 6;
		} else {
			memcpy(host, r->tok.text, r->tok.len + 1);
			return true;
		}
	}
	return false;
}

/* minpoll must not exceed maxpoll; the one that was given stands, and maxpoll if both were. */
void
source_settle_poll(struct reader *r, struct assoc_opts *o, bool clock)
{
	int8_t min = o->minpoll, max = o->maxpoll;

	o->minpoll = min == UNSET_POLL ? assoc_defaults.minpoll : min;
	o->maxpoll = max != UNSET_POLL ? max : clock ? o->minpoll : assoc_defaults.maxpoll;
	if (o->minpoll <= o->maxpoll)
		return;
	if (min != UNSET_POLL)
		reader_warn(r, r->column, "minpoll %d is more than maxpoll %d%s: minpoll %d is used", min, o->maxpoll,
		    max == UNSET_POLL ? ", the default" : "", o->maxpoll);
	o->minpoll = o->maxpoll;
}

/* NTS protects what a client and a server say to each other in version 4, and nothing else (RFC 8915 section 1.2): no line that wants it is used without. */
static bool
nts_fits(struct reader *r, const struct source_line *line, unsigned column)
{
	const struct assoc_opts *o = &line->source.opts;

	if (!o->nts.on) {
		if (o->nts.noval || o->nts.ca[0] != '\0' || o->nts.aead[0] != '\0')
			reader_warn(r, column, "'noval', 'ca' and 'aead' have no effect without 'nts'");
		return true;
	}
	if (o->mode != MODE_CLIENT || o->manycast) {
		reader_warn(r, column, "'%.200s' is not used: 'nts' is for servers and pools only, and what was to be protected is not done without",
		    line->source.host);
		r->idle = true;
		return false;
	}
	if (o->version != NTP_VERSION)
		reader_error(r, column, "'nts' needs version %d; the line is skipped", NTP_VERSION);
	else if (o->key != 0)
		reader_error(r, column, "'nts' and 'key' exclude each other; the line is skipped");
	return !r->bad;
}

static void
add_source(struct reader *r, struct source_line *line, unsigned column)
{
	if (!nts_fits(r, line, column))
		return;
	source_settle_poll(r, &line->source.opts, false);
	if (r->c->nsources >= CONFIG_SOURCES_MAX)
		reader_error(r, column, "more than %d sources; the line is skipped", CONFIG_SOURCES_MAX);
	else if (!source_append(r->c, &r->source_tail, &line->source) && !r->c->starved)
		reader_warn(r, column, "'%.200s' is there already; the line is skipped", line->source.host);
}

void
parse_source(struct reader *r, const struct directive *d)
{
	char host[TOKEN_MAX + 1];
	struct source_line line = { .source.opts = assoc_defaults, .source.line = r->lexer.line, .source.host = host };
	bool pool = d->kind == LINE_POOL, clock;
	const char *problem;
	struct addr a;
	unsigned column;

	if (!read_host(r, host, &line.source.family))
		return;
	column = r->tok.column;
	problem = source_host_problem(host, line.source.family);
	if (problem != NULL) {
		reader_error(r, column, "'%.200s' %s; the line is skipped", host, problem);
		return;
	}
	clock = addr_parse(&a, host, 4) && addr_is_refclock(&a);
	if (clock && pool) {
		reader_error(r, column, "'%.40s' is a reference clock, not a pool", host);
		return;
	}
	if (clock && refclock_standing(a.ip[2]) == REFCLOCK_UNKNOWN) {
		reader_error(r, column, "'%.40s' is no reference clock that ntpd knows: clock type %u invalid", host, a.ip[2]);
		return;
	}
	line.source.kind = clock ? SOURCE_CLOCK : pool ? SOURCE_POOL : SOURCE_SERVER;
	line.source.clock = refclock_defaults;
	line.source.opts.minpoll = line.source.opts.maxpoll = UNSET_POLL;
	if (d->kind == LINE_PEER)
		line.source.opts.mode = MODE_ACTIVE;
	if (!read_source_options(r, d, clock, pool, &line))
		return;
	if (clock) {
		line.source.clock.type = a.ip[2];
		line.source.clock.unit = a.ip[3];
		clock_add(r, &line, column);
	} else
		add_source(r, &line, column);
}

/* What is wrong with an address to send unasked, or to search; NULL: nothing.  Which unicast ones are broadcasts of a network is not known yet. */
static const char *
group_problem(const struct addr *a, bool manycast)
{
	if (addr_is_multicast(a))
		return NULL;
	if (manycast || a->family == 6)
		return "is no multicast address";
	return addr_is_any(a) || addr_is_loopback(a) || (a->ip[0] >= 240 && a->ip[0] < 255) ? "is neither a broadcast nor a multicast address" : NULL;
}

/* broadcast and manycastclient. */
void
parse_other_mode(struct reader *r, const struct directive *d)
{
	char host[TOKEN_MAX + 1];
	struct source_line line = { .source.opts = assoc_defaults, .source.line = r->lexer.line, .source.host = host };
	const char *problem;
	struct addr a;
	unsigned column;

	if (!read_host(r, host, &line.source.family))
		return;
	column = r->tok.column;
	if (!addr_parse(&a, host, line.source.family)) {
		reader_error(r, column, "'%s' needs an address, and '%.200s' is none", d->name, host);
		return;
	}
	problem = group_problem(&a, d->kind == LINE_MANYCAST);
	if (problem != NULL) {
		reader_error(r, column, "'%.200s' %s; the line is skipped", host, problem);
		return;
	}
	line.source.opts.minpoll = line.source.opts.maxpoll = UNSET_POLL;
	line.source.opts.manycast = d->kind == LINE_MANYCAST;
	if (d->kind == LINE_BROADCAST)
		line.source.opts.mode = MODE_BROADCAST;
	if (read_source_options(r, d, false, false, &line))
		add_source(r, &line, column);
}
