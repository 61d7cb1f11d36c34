/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads scenario files: a directive a line, keys and values after it, every one of them a row of a table. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "scenario.h"

#define LINE_MAX_LEN	512
#define WORDS_MAX	40

/* The line being read: where, its words, and what was wrong with it. */
struct line {
	const char	*file;
	unsigned	 number;
	char		*word[WORDS_MAX];
	unsigned	 nword;
	char		*err;		/* SCENARIO_ERROR_MAX */
	struct source_opts	*defaults;	/* what the path and server lines above have set */
};

static bool PRINTF_LIKE(2, 3)
fail(const struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(l->err, SCENARIO_ERROR_MAX, "%s:%u: ", l->file, l->number);

	va_start(ap, fmt);
	if (n > 0 && n < SCENARIO_ERROR_MAX)
		vsnprintf(l->err + n, (size_t)(SCENARIO_ERROR_MAX - n), fmt, ap);
	va_end(ap);
	return false;
}

struct unit {
	const char	*name;
	double		 factor;
};

static const struct unit time_units[] = {
	{ "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { "y", 31556952 }, { NULL, 0 },
};
static const struct unit freq_units[] = { { "ppm", 1e-6 }, { "ppb", 1e-9 }, { "", 1 }, { NULL, 0 } };
static const struct unit no_units[] = { { "", 1 }, { "%", 0.01 }, { NULL, 0 } };

/* A number with one of these units; 0 needs none. */
static bool
parse_quantity(const char *text, const struct unit *units, double *out)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || !isfinite(v))
		return false;
	for (; units->name != NULL; units++) {
		if (strcmp(end, units->name) == 0) {
			*out = v * units->factor;
			return true;
		}
	}
	if (v != 0 || *end != '\0')
		return false;
	*out = 0;
	return true;
}

enum kind { TIME, SPAN, FREQ, SHARE, AMOUNT, FREQ_OR_NONE, FLAG, SMALL, WORD4, UINT, LEAP };

struct key {
	const char	*name;
	enum kind	 kind;
	size_t		 at;
};

static const char *const kind_text[] = {
	[TIME] = "a time such as 10ms",
	[SPAN] = "a time of 0 or more such as 10ms",
	[FREQ] = "a frequency such as 20ppm or 1e-9",
	[SHARE] = "a share from 0 to 1, or a percentage",
	[AMOUNT] = "a number of 0 or more",
	[FREQ_OR_NONE] = "a frequency such as 20ppm, or none",
	[FLAG] = "yes or no",
	[SMALL] = "a whole number from -32 to 127",
	[WORD4] = "a kiss code of at most four letters, or none",
	[UINT] = "a whole number",
	[LEAP] = "none, insert, delete or unsync",
};

static bool
set_flag(const char *text, bool *out)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return false;
	*out = text[0] == 'y';
	return true;
}

static bool
set_whole(const char *text, long min, long max, long *out)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end != '\0' || v < min || v > max)
		return false;
	*out = v;
	return true;
}

static bool
set_code(const char *text, uint32_t *out)
{
	char c[4] = { 0 };

	if (strlen(text) > sizeof(c))
		return false;
	memcpy(c, text, strlen(text));
	*out = strcmp(text, "none") == 0 ? 0 : REFID((uint8_t)c[0], (uint8_t)c[1], (uint8_t)c[2], (uint8_t)c[3]);
	return true;
}

static bool
set_leap(const char *text, int *out)
{
	static const char *const name[] = { "none", "insert", "delete", "unsync" };

	for (int i = 0; i < (int)NELEMS(name); i++) {
		if (strcmp(text, name[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* Stores the value of a key where its row says. */
static bool
set_value(const struct key *k, void *base, const char *text)
{
	void *p = (char *)base + k->at;
	double d = 0;
	long n = 0;

	switch (k->kind) {
	case TIME:
		return parse_quantity(text, time_units, p);
	case SPAN:
		return parse_quantity(text, time_units, &d) && d >= 0 && (*(double *)p = d, true);
	case FREQ:
		return parse_quantity(text, freq_units, p);
	case FREQ_OR_NONE:
		return strcmp(text, "none") == 0 ? (*(double *)p = NAN, true) : parse_quantity(text, freq_units, p);
	case SHARE:
		return parse_quantity(text, no_units, &d) && d >= 0 && d <= 1 && (*(double *)p = d, true);
	case AMOUNT:
		return parse_quantity(text, no_units, &d) && d >= 0 && (*(double *)p = d, true);
	case FLAG:
		return set_flag(text, p);
	case SMALL:
		return set_whole(text, -32, 127, &n) && (*(int8_t *)p = (int8_t)n, true);
	case UINT:
		return set_whole(text, 0, 1 << 16, &n) && (*(unsigned *)p = (unsigned)n, true);
	case WORD4:
		return set_code(text, p);
	case LEAP:
		return set_leap(text, p);
	}
	return false;
}

static const struct key path_keys[] = {
	{ "base", SPAN, offsetof(struct path_opts, base) },
	{ "exp", SPAN, offsetof(struct path_opts, exp) },
	{ "normal", SPAN, offsetof(struct path_opts, normal) },
	{ "uniform", SPAN, offsetof(struct path_opts, uniform) },
	{ "spike", SHARE, offsetof(struct path_opts, spike) },
	{ "spike-max", SPAN, offsetof(struct path_opts, spike_max) },
	{ "loss", SHARE, offsetof(struct path_opts, loss) },
	{ "burst-gap", SPAN, offsetof(struct path_opts, burst_gap) },
	{ "burst-len", SPAN, offsetof(struct path_opts, burst_len) },
	{ "repeat", SHARE, offsetof(struct path_opts, repeat) },
	{ NULL, 0, 0 },
};

static const struct key server_keys[] = {
	{ "offset", TIME, offsetof(struct source_opts, server.offset) },
	{ "freq", FREQ, offsetof(struct source_opts, server.freq) },
	{ "rootdelay", SPAN, offsetof(struct source_opts, server.rootdelay) },
	{ "rootdisp", SPAN, offsetof(struct source_opts, server.rootdisp) },
	{ "hold", SPAN, offsetof(struct source_opts, server.hold) },
	{ "stratum", UINT, offsetof(struct source_opts, server.stratum) },
	{ "leap", LEAP, offsetof(struct source_opts, server.leap) },
	{ "kiss", WORD4, offsetof(struct source_opts, server.kiss) },
	{ "frozen", FLAG, offsetof(struct source_opts, server.frozen) },
	{ "mute", FLAG, offsetof(struct source_opts, server.mute) },
	{ "unreachable", FLAG, offsetof(struct source_opts, server.unreachable) },
	{ "forged", AMOUNT, offsetof(struct source_opts, server.forged) },
	{ "minpoll", SMALL, offsetof(struct source_opts, assoc.minpoll) },
	{ "maxpoll", SMALL, offsetof(struct source_opts, assoc.maxpoll) },
	{ "iburst", FLAG, offsetof(struct source_opts, assoc.iburst) },
	{ "burst", FLAG, offsetof(struct source_opts, assoc.burst) },
	{ "prefer", FLAG, offsetof(struct source_opts, assoc.prefer) },
	{ "noselect", FLAG, offsetof(struct source_opts, assoc.noselect) },
	{ "true", FLAG, offsetof(struct source_opts, assoc.always) },
	{ "local", FLAG, offsetof(struct source_opts, local) },
	{ NULL, 0, 0 },
};

static const struct key run_keys[] = {
	{ "length", SPAN, offsetof(struct scenario, length) },
	{ "settle", SPAN, offsetof(struct scenario, settle) },
	{ NULL, 0, 0 },
};

static const struct key clock_keys[] = {
	{ "offset", TIME, offsetof(struct scenario, clock.offset) },
	{ "freq", FREQ, offsetof(struct scenario, clock.freq) },
	{ "wander", FREQ, offsetof(struct scenario, clock.wander) },
	{ "sine", FREQ, offsetof(struct scenario, clock.sine) },
	{ "period", SPAN, offsetof(struct scenario, clock.period) },
	{ "precision", SPAN, offsetof(struct scenario, precision) },
	{ "latency", SPAN, offsetof(struct scenario, latency) },
	{ "watch", SPAN, offsetof(struct scenario, watch) },
	{ NULL, 0, 0 },
};

static const struct key daemon_keys[] = {
	{ "drift", FREQ_OR_NONE, offsetof(struct scenario, drift) },
	{ "step", SPAN, offsetof(struct scenario, discipline.step_fwd) },
	{ "stepback", SPAN, offsetof(struct scenario, discipline.step_back) },
	{ "stepout", SPAN, offsetof(struct scenario, discipline.stepout) },
	{ "panic", SPAN, offsetof(struct scenario, discipline.panic) },
	{ "slew-max", FREQ, offsetof(struct scenario, discipline.slew_max) },
	{ "slew-start", FREQ, offsetof(struct scenario, discipline.slew_start) },
	{ "panic-once", FLAG, offsetof(struct scenario, discipline.panic_once) },
	{ "step-once", FLAG, offsetof(struct scenario, discipline.step_once) },
	{ "minsane", UINT, offsetof(struct scenario, select.minsane) },
	{ "minclock", UINT, offsetof(struct scenario, select.minclock) },
	{ "maxclock", UINT, offsetof(struct scenario, select.maxclock) },
	{ "maxdist", SPAN, offsetof(struct scenario, select.maxdist) },
	{ "orphanwait", SPAN, offsetof(struct scenario, select.orphanwait) },
	{ "orphan", SMALL, offsetof(struct scenario, select.orphan) },
	{ NULL, 0, 0 },
};

/* Splits "key=value"; false if there is no "=" with something on both sides. */
static bool
split(const struct line *l, char *word, char **value)
{
	char *eq = strchr(word, '=');

	if (eq == NULL || eq == word || eq[1] == '\0')
		return fail(l, "'%s' is not key=value", word);
	*eq = '\0';
	*value = eq + 1;
	return true;
}

static const struct key *
find_key(const struct key *keys, const char *name)
{
	for (; keys->name != NULL; keys++) {
		if (strcmp(keys->name, name) == 0)
			return keys;
	}
	return NULL;
}

static bool
apply(const struct line *l, const struct key *k, void *base, const char *name, const char *value)
{
	if (k == NULL)
		return fail(l, "unknown key '%s' for '%s'", name, l->word[0]);
	if (!set_value(k, base, value))
		return fail(l, "'%s' is no value for %s: expected %s", value, name, kind_text[k->kind]);
	return true;
}

/* All words from the first on, as keys of one table. */
static bool
apply_all(const struct line *l, unsigned first, const struct key *keys, void *base)
{
	for (unsigned i = first; i < l->nword; i++) {
		char *value;

		if (!split(l, l->word[i], &value) || !apply(l, find_key(keys, l->word[i]), base, l->word[i], value))
			return false;
	}
	return true;
}

/* A key of a path ("to." and "from." name one direction, else both) or of a server. */
static bool
apply_source_key(const struct line *l, struct source_opts *s, const char *name, const char *value)
{
	const struct key *k;
	bool to = strncmp(name, "to.", 3) == 0, from = strncmp(name, "from.", 5) == 0;

	k = find_key(path_keys, name + (to ? 3 : from ? 5 : 0));
	if (k == NULL)
		return apply(l, find_key(server_keys, name), s, name, value);
	return (from || apply(l, k, &s->path[0], name, value)) && (to || apply(l, k, &s->path[1], name, value));
}

static bool
apply_source(const struct line *l, unsigned first, struct source_opts *s)
{
	for (unsigned i = first; i < l->nword; i++) {
		char *value;

		if (!split(l, l->word[i], &value) || !apply_source_key(l, s, l->word[i], value))
			return false;
	}
	if (s->assoc.minpoll > s->assoc.maxpoll)
		return fail(l, "minpoll %d is above maxpoll %d", s->assoc.minpoll, s->assoc.maxpoll);
	return true;
}

static bool
do_run(struct scenario *s, const struct line *l)
{
	return apply_all(l, 1, run_keys, s);
}

static bool
do_clock(struct scenario *s, const struct line *l)
{
	if (!apply_all(l, 1, clock_keys, s))
		return false;
	return s->clock.sine == 0 || s->clock.period > 0 ? true : fail(l, "a sine needs a period");
}

static bool
do_daemon(struct scenario *s, const struct line *l)
{
	return apply_all(l, 1, daemon_keys, s);
}

/* The instant of the start, in seconds since 1970: "epoch 2085978490". */
static bool
do_epoch(struct scenario *s, const struct line *l)
{
	char *end;
	long long v;

	if (l->nword != 2)
		return fail(l, "epoch wants seconds since 1970");
	v = strtoll(l->word[1], &end, 10);
	if (*end != '\0' || v < -1000000000 || v > 8000000000)
		return fail(l, "'%s' is not in -1000000000 … 8000000000 s since 1970", l->word[1]);
	s->epoch_ns = v * NS_PER_S;
	return true;
}

/* "leap TIME insert|delete [file]": at the end of the UTC day of that time; with a leap file at the daemon that knows of it. */
static bool
do_leap(struct scenario *s, const struct line *l)
{
	int leap = LEAP_NONE;

	if (l->nword < 3 || l->nword > 4 || !parse_quantity(l->word[1], time_units, &s->leap_at) || s->leap_at < 0 || !set_leap(l->word[2], &leap) ||
	    (leap != LEAP_INSERT && leap != LEAP_DELETE) || (l->nword == 4 && strcmp(l->word[3], "file") != 0))
		return fail(l, "expected: leap TIME insert|delete [file]");
	s->leap_step = leap == LEAP_INSERT ? 1 : -1;
	s->leap_file = l->nword == 4;
	return true;
}

/* Keys of all sources below this line. */
static bool
do_default(struct scenario *s, const struct line *l)
{
	(void)s;
	return apply_source(l, 1, l->defaults);
}

/* "source [xN] key=value …" */
static bool
do_source(struct scenario *s, const struct line *l)
{
	struct source_opts one = *l->defaults;
	unsigned first = 1;
	long n = 1;

	if (l->nword > 1 && l->word[1][0] == 'x') {
		if (!set_whole(l->word[1] + 1, 1, SCENARIO_SOURCES_MAX, &n))
			return fail(l, "'%s' is no number of sources", l->word[1]);
		first = 2;
	}
	if (!apply_source(l, first, &one))
		return false;
	if (s->nsource + (unsigned)n > SCENARIO_SOURCES_MAX)
		return fail(l, "more than %d sources", SCENARIO_SOURCES_MAX);
	while (n-- > 0)
		s->source[s->nsource++] = one;
	return true;
}

/* What source i is like after all changes read so far. */
static const struct source_opts *
latest(const struct scenario *s, unsigned i)
{
	for (unsigned c = s->nchange; c > 0; c--) {
		if (s->change[c - 1].kind == CHANGE_SOURCE && s->change[c - 1].source == i)
			return &s->change[c - 1].opts;
	}
	return &s->source[i];
}

static bool
add_change(struct scenario *s, const struct line *l, const struct change *c)
{
	if (s->nchange == SCENARIO_CHANGES_MAX)
		return fail(l, "more than %d changes", SCENARIO_CHANGES_MAX);
	s->change[s->nchange++] = *c;
	return true;
}

/* "at T source N|all key=value …" */
static bool
at_source(struct scenario *s, const struct line *l, struct change *c)
{
	unsigned first = 0, last = s->nsource;
	long n;

	if (l->nword < 5)
		return fail(l, "expected: at TIME source N|all key=value …");
	if (strcmp(l->word[3], "all") != 0) {
		if (!set_whole(l->word[3], 1, s->nsource, &n))
			return fail(l, "there is no source '%s'", l->word[3]);
		first = (unsigned)n - 1;
		last = (unsigned)n;
	}
	for (unsigned i = first; i < last; i++) {
		char copy[WORDS_MAX][LINE_MAX_LEN];
		struct line words = *l;

		for (unsigned w = 4; w < l->nword; w++) {
			snprintf(copy[w], LINE_MAX_LEN, "%s", l->word[w]);
			words.word[w] = copy[w];
		}
		c->kind = CHANGE_SOURCE;
		c->source = i;
		c->opts = *latest(s, i);
		if (!apply_source(&words, 4, &c->opts) || !add_change(s, l, c))
			return false;
	}
	return true;
}

/* "at T jump TIME", "at T freq FREQ", "at T suspend TIME [error TIME]" */
static bool
at_clock(struct scenario *s, const struct line *l, struct change *c)
{
	static const struct { const char *name; enum change_kind kind; const struct unit *units; } what[] = {
		{ "jump", CHANGE_JUMP, time_units },
		{ "freq", CHANGE_FREQ, freq_units },
		{ "suspend", CHANGE_SUSPEND, time_units },
	};

	for (size_t i = 0; i < NELEMS(what); i++) {
		if (strcmp(l->word[2], what[i].name) != 0)
			continue;
		c->kind = what[i].kind;
		if (l->nword < 4 || !parse_quantity(l->word[3], what[i].units, &c->amount))
			return fail(l, "%s wants an amount", what[i].name);
		if (l->nword == 6 && c->kind == CHANGE_SUSPEND && strcmp(l->word[4], "error") == 0 && parse_quantity(l->word[5], time_units, &c->error))
			return add_change(s, l, c);
		return l->nword == 4 ? add_change(s, l, c) : fail(l, "too many words");
	}
	return fail(l, "unknown change '%s'", l->word[2]);
}

static bool
do_at(struct scenario *s, const struct line *l)
{
	struct change c = { 0 };

	if (l->nword < 3 || !parse_quantity(l->word[1], time_units, &c.at) || c.at < 0)
		return fail(l, "expected: at TIME source|jump|freq|suspend …");
	if (s->nchange > 0 && c.at < s->change[s->nchange - 1].at)
		return fail(l, "changes must be in order of time");
	return strcmp(l->word[2], "source") == 0 ? at_source(s, l, &c) : at_clock(s, l, &c);
}

/* "hold name<=value …" */
static bool
do_hold(struct scenario *s, const struct line *l)
{
	for (unsigned i = 1; i < l->nword; i++) {
		struct claim *c = &s->claim[s->nclaim];
		size_t len = strcspn(l->word[i], "<>=");
		const char *rest = l->word[i] + len;

		if (s->nclaim == SCENARIO_CLAIMS_MAX)
			return fail(l, "more than %d bounds", SCENARIO_CLAIMS_MAX);
		if (len >= sizeof(c->name) || rest[0] == '\0' || (rest[0] != '=' && rest[1] != '='))
			return fail(l, "'%s' is not figure<=value, figure>=value or figure=value", l->word[i]);
		memcpy(c->name, l->word[i], len);
		c->name[len] = '\0';
		c->op = rest[0];
		if (figure_find(c->name + (strncmp(c->name, "worst.", 6) == 0 ? 6 : 0)) == FIGURES)
			return fail(l, "there is no figure '%s'", c->name);
		if (!parse_quantity(rest + (rest[0] == '=' ? 1 : 2), no_units, &c->value))
			return fail(l, "'%s' has no value that fits", l->word[i]);
		s->nclaim++;
	}
	return true;
}

/* "record WHO name=value …" */
static bool
do_record(struct scenario *s, const struct line *l)
{
	for (unsigned i = 2; i < l->nword; i++) {
		struct record *r = &s->record[s->nrecord];
		char *value;

		if (s->nrecord == SCENARIO_RECORDS_MAX)
			return fail(l, "more than %d records", SCENARIO_RECORDS_MAX);
		if (!split(l, l->word[i], &value))
			return false;
		if (figure_find(l->word[i]) == FIGURES || !parse_quantity(value, no_units, &r->value))
			return fail(l, "'%s=%s' is no figure", l->word[i], value);
		snprintf(r->who, sizeof(r->who), "%s", l->word[1]);
		snprintf(r->name, sizeof(r->name), "%s", l->word[i]);
		s->nrecord++;
	}
	return l->nword > 2 ? true : fail(l, "expected: record WHO figure=value …");
}

static const struct directive {
	const char	*name;
	bool		(*run)(struct scenario *, const struct line *);
} directives[] = {
	{ "run", do_run },
	{ "clock", do_clock },
	{ "daemon", do_daemon },
	{ "epoch", do_epoch },
	{ "leap", do_leap },
	{ "default", do_default },
	{ "source", do_source },
	{ "at", do_at },
	{ "hold", do_hold },
	{ "record", do_record },
};

/* Cuts text into words; a "#" starts a comment. */
static bool
cut(struct line *l, char *text)
{
	char *save = NULL;

	text[strcspn(text, "#")] = '\0';
	l->nword = 0;
	for (char *w = strtok_r(text, " \t\r\n", &save); w != NULL; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (l->nword == WORDS_MAX)
			return fail(l, "more than %d words", WORDS_MAX);
		l->word[l->nword++] = w;
	}
	return true;
}

static bool
do_line(struct scenario *s, struct line *l, char *text)
{
	if (strlen(text) == LINE_MAX_LEN - 1 && text[LINE_MAX_LEN - 2] != '\n')
		return fail(l, "line longer than %d octets", LINE_MAX_LEN - 2);
	if (!cut(l, text))
		return false;
	if (l->nword == 0)
		return true;
	for (size_t i = 0; i < NELEMS(directives); i++) {
		if (strcmp(l->word[0], directives[i].name) == 0)
			return directives[i].run(s, l);
	}
	return fail(l, "unknown directive '%s'", l->word[0]);
}

static void
set_defaults(struct scenario *s, struct source_opts *source, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	size_t len = strlen(base);

	*s = (struct scenario){
		.length = 86400,
		.epoch_ns = INT64_C(1767225600) * NS_PER_S,	/* 2026-01-01 */
		.precision = 100e-9,
		.latency = 1e-3,
		.drift = NAN,
		.watch = 1e-3,
		.discipline = discipline_defaults,
		.select = select_defaults,
	};
	if (len > 4 && strcmp(base + len - 4, ".sim") == 0)
		len -= 4;
	snprintf(s->name, sizeof(s->name), "%.*s", (int)len, base);
	*source = (struct source_opts){ .assoc = assoc_defaults, .server = { .stratum = 1, .precision = -23 } };
	source->assoc.iburst = true;
}

bool
scenario_load(struct scenario *s, const char *path, char err[static SCENARIO_ERROR_MAX])
{
	char text[LINE_MAX_LEN];
	struct source_opts defaults;
	struct line l = { .file = path, .err = err, .defaults = &defaults };
	FILE *f = fopen(path, "r");
	bool ok = f != NULL;

	if (!ok) {
		snprintf(err, SCENARIO_ERROR_MAX, "%s: %s", path, strerror(errno));
		return false;
	}
	set_defaults(s, &defaults, path);
	while (ok && fgets(text, sizeof(text), f) != NULL) {
		l.number++;
		ok = do_line(s, &l, text);
	}
	if (ok && ferror(f))
		ok = fail(&l, "cannot be read");
	if (ok && s->nsource == 0)
		ok = fail(&l, "has no source");
	if (ok && !(s->settle < s->length))
		ok = fail(&l, "settle is not below length");
	fclose(f);
	return ok;
}
