/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines about reference clocks: NTPsec's refclock, and ntpd's fudge and device, which tune a clock wherever its server line stands. */
#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define NMEA_SPEED_BITS	0x70	/* of mode; ntpd takes none of them for 4800 … */
#define NTPSEC_BAUD	9600	/* … and NTPsec for this */

void
clock_add(struct reader *r, struct source_line *line, unsigned column)
{
	enum refclock_standing standing = refclock_standing(line->source.clock.type);
	const char *name = refclock_type_name(line->source.clock.type);

	source_settle_poll(r, &line->source.opts, true);
	line->source.opts.key = 0;
	line->source.opts.iburst = line->source.opts.burst = false;
	if (standing == REFCLOCK_RELIC)
		reader_warn(r, column, "'%.40s' is not used: receivers of type %s are relics, and there is no driver for them", line->source.host, name);
	else if (r->c->nsources >= CONFIG_SOURCES_MAX)
		reader_error(r, column, "more than %d sources; the line is skipped", CONFIG_SOURCES_MAX);
	else if (!source_append(r->c, &r->source_tail, &line->source) && !r->c->starved)
		reader_warn(r, column, "'%.200s' is there already; the line is skipped", line->source.host);
}

static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s < ' ' || *s > '~')
			return false;
	}
	return true;
}

void
parse_refclock(struct reader *r, const struct directive *d)
{
	struct source_line line = { .source = { .kind = SOURCE_CLOCK, .opts = assoc_defaults, .clock = refclock_defaults, .line = r->lexer.line } };
	char host[ADDR_STR_MAX];
	unsigned column;
	int type;

	if (!reader_need(r, WANT_STRING, "the name of a driver"))
		return;
	column = r->tok.column;
	type = refclock_type_of(r->tok.text);
	if (type == -1) {
		reader_error(r, column, "no reference clock driver is called '%.40s'; the line is skipped", r->tok.text);
		return;
	}
	line.source.opts.minpoll = line.source.opts.maxpoll = UNSET_POLL;
	if (!options_read(r, d->options, d->noptions, &line))
		return;
	line.source.clock.type = (uint8_t)type;
	if (type == REFCLOCK_NMEA && line.source.clock.baud == 0 && (line.source.clock.mode & NMEA_SPEED_BITS) == 0)
		line.source.clock.baud = NTPSEC_BAUD;
	snprintf(host, sizeof(host), "127.127.%u.%u", line.source.clock.type, line.source.clock.unit);
	line.source.host = host;
	clock_add(r, &line, column);
}

/* What has been said of that clock so far. */
static struct fudge *
fudge_of(struct reader *r, const struct addr *a)
{
	struct fudge **tail = &r->fudges;

	for (; *tail != NULL; tail = &(*tail)->next) {
		if ((*tail)->type == a->ip[2] && (*tail)->unit == a->ip[3])
			return *tail;
	}
	*tail = config_alloc(r->c, sizeof(**tail));
	if (*tail == NULL)
		return NULL;
	**tail = (struct fudge){ .type = a->ip[2], .unit = a->ip[3], .line = r->lexer.line };
	return *tail;
}

void
parse_fudge(struct reader *r, const struct directive *d)
{
	const struct option *o;
	struct fudge *f, trial;
	struct addr a;

	if (!reader_need(r, WANT_STRING, "the address of a reference clock"))
		return;
	if (!addr_parse(&a, r->tok.text, 4) || !addr_is_refclock(&a)) {
		reader_error(r, r->tok.column, "'%.200s' is not the address of a reference clock (127.127.type.unit); the line is skipped",
		    r->tok.text);
		return;
	}
	f = fudge_of(r, &a);
	if (f == NULL)
		return;
	trial = *f;
	while (reader_next(r, WANT_WORD)) {
		o = r->tok.kind == TOKEN_WORD ? option_find(d->options, d->noptions, r->tok.text) : NULL;
		if (o == NULL) {
			reader_error(r, r->tok.column, "'%s' has no option '%.40s'; the line is skipped", d->name, r->tok.text);
			return;
		}
		if (!option_apply(r, o, &trial.opts))
			return;
		trial.set[d->kind] |= 1u << (o - d->options);
	}
	if (!r->bad)
		*f = trial;
}

/* Octets of the field that an option fills. */
static size_t
field_size(const struct option *o)
{
	switch (o->type) {
	case OPT_BOOL:
		return sizeof(bool);
	case OPT_DOUBLE:
		return sizeof(double);
	case OPT_STRING:
		return (size_t)o->max + 1;
	default:
		return sizeof(int);
	}
}

static void
copy_given(struct refclock_opts *to, const struct fudge *f, const char *directive, unsigned which)
{
	const struct directive *d = directive_find(directive);

	for (size_t i = 0; i < d->noptions; i++) {
		if ((f->set[which] & 1u << i) != 0)
			memcpy((char *)to + d->options[i].offset, (const char *)&f->opts + d->options[i].offset, field_size(&d->options[i]));
	}
}

static struct config_source *
clock_of(const struct config *c, const struct fudge *f)
{
	for (struct config_source *s = c->sources; s != NULL; s = s->next) {
		if (s->kind == SOURCE_CLOCK && s->clock.type == f->type && s->clock.unit == f->unit)
			return s;
	}
	return NULL;
}

/* NTPsec's lockclock: somebody else keeps the clock, so we do not, and believe it. */
static void
settle_lockclock(struct reader *r)
{
	for (struct config_source *s = r->c->sources; s != NULL; s = s->next) {
		if (s->kind != SOURCE_CLOCK || s->clock.type != REFCLOCK_LOCAL || !s->clock.flag[0])
			continue;
		s->opts.prefer = true;
		/* Who steers the clock is settled at start. */
		if (r->remote == NULL)
			r->c->enable_ntp = false;
	}
}

/* Every modem calls the same numbers. */
static void
settle_phones(struct reader *r)
{
	for (struct config_source *s = r->c->sources; s != NULL; s = s->next) {
		if (s->kind == SOURCE_CLOCK && s->clock.type == REFCLOCK_MODEM)
			memcpy(s->clock.phone, r->c->phone, sizeof(s->clock.phone));
	}
}

void
parse_phone(struct reader *r, const struct directive *d)
{
	struct { char text[REFCLOCK_PHONES][REFCLOCK_PHONE_MAX]; unsigned n; } all = { .n = 0 };

	memcpy(all.text, r->c->phone, sizeof(all.text));
	while (all.n < REFCLOCK_PHONES && all.text[all.n][0] != '\0')
		all.n++;
	if (!reader_need(r, WANT_STRING, "a number with its command, such as ATDT13034944774"))
		return;
	do {
		if (all.n == REFCLOCK_PHONES) {
			reader_error(r, r->tok.column, "'%s' takes %d numbers at most; the line is skipped", d->name, REFCLOCK_PHONES);
			return;
		}
		if (r->tok.text[0] == '\0' || strlen(r->tok.text) >= REFCLOCK_PHONE_MAX || !is_printable(r->tok.text)) {
			reader_error(r, r->tok.column, "a number has 1 to %d characters, none of them a control character; the line is skipped",
			    REFCLOCK_PHONE_MAX - 1);
			return;
		}
		snprintf(all.text[all.n++], REFCLOCK_PHONE_MAX, "%s", r->tok.text);
	} while (reader_next(r, WANT_STRING));
	if (!r->bad)
		memcpy(r->c->phone, all.text, sizeof(all.text));
}

void
settle_clocks(struct reader *r)
{
	struct fudge *f;

	settle_phones(r);
	while ((f = r->fudges) != NULL) {
		struct config_source *s = clock_of(r->c, f);

		if (s != NULL) {
			copy_given(&s->clock, f, "fudge", LINE_FUDGE);
			copy_given(&s->clock, f, "device", LINE_DEVICE);
		} else if (refclock_standing(f->type) == REFCLOCK_HERE || refclock_standing(f->type) == REFCLOCK_UNKNOWN) {
			reader_settle_warn(r, "line %u: unrecognized fudge reference clock address 127.127.%u.%u, line ignored: no server or refclock line names it",
			    f->line, f->type, f->unit);
		}
		r->fudges = f->next;
		free(f);
	}
	settle_lockclock(r);
}
