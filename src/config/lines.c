/* SPDX-License-Identifier: BSD-2-Clause */
/* Directives with a shape of their own. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "reader.h"

/* enable and disable: collected, because disable wins wherever it stands. */
void
parse_flags(struct reader *r, const struct directive *d)
{
	unsigned *bits = d->kind != 0 ? &r->enabled : &r->disabled, now = 0;
	const struct option *o;

	while (reader_next(r, WANT_WORD)) {
		o = r->tok.kind == TOKEN_WORD ? option_find(flag_options, flag_option_count, r->tok.text) : NULL;
		if (o == NULL) {
			reader_error(r, r->tok.column, "'%s' has no flag '%.40s'; the line is skipped", d->name, r->tok.text);
			return;
		}
		now |= 1u << (o - flag_options);
		option_standing(r, o, r->tok.column);
	}
	if (!r->bad && now == 0)
		reader_error(r, r->tok.column, "'%s' needs a flag", d->name);
	else if (!r->bad)
		*bits |= now;
}

static bool
rule_action(struct reader *r, struct iface_rule *rule)
{
	static const char *const names[] = { [IFACE_LISTEN] = "listen", [IFACE_IGNORE] = "ignore", [IFACE_DROP] = "drop" };

	for (size_t i = 0; i < NELEMS(names); i++)
		if (strcmp(r->tok.text, names[i]) == 0) {
			rule->action = (enum iface_action)i;
			return true;
		}
	reader_error(r, r->tok.column, "'%s' begins with listen, ignore or drop, not with '%.40s'", r->row->name, r->tok.text);
	return false;
}

/* "192.0.2.1" or "192.0.2.0/24".  False without a word if it is no address at all. */
static bool
rule_address(struct reader *r, struct iface_rule *rule)
{
	char bare[ADDR_STR_MAX];
	const char *slash = strchr(r->tok.text, '/');
	size_t len = slash != NULL ? (size_t)(slash - r->tok.text) : r->tok.len;
	int64_t bits;

	if (len >= sizeof(bare))
		return false;
	memcpy(bare, r->tok.text, len);
	bare[len] = '\0';
	if (!addr_parse(&rule->addr, bare, 0))
		return false;
	rule->match = IFACE_ADDR;
	rule->prefix = addr_len(&rule->addr) * 8;
	if (slash == NULL)
		return true;
	if (value_int(slash + 1, &bits) != VALUE_OK || bits < 0 || bits > rule->prefix)
		reader_error(r, r->tok.column, "'%.60s': the number of bits after / is a whole number from 0 to %u", r->tok.text, rule->prefix);
	else
		rule->prefix = (unsigned)bits;
	return true;
}

static void
rule_match(struct reader *r, struct iface_rule *rule)
{
	static const struct { const char *name; enum iface_match match; } words[] = {
		{ "all", IFACE_ALL }, { "ipv4", IFACE_IPV4 }, { "ipv6", IFACE_IPV6 }, { "wildcard", IFACE_WILDCARD },
	};

	for (size_t i = 0; i < NELEMS(words); i++)
		if (r->tok.kind == TOKEN_WORD && strcmp(r->tok.text, words[i].name) == 0) {
			rule->match = words[i].match;
			return;
		}
	if (rule_address(r, rule))
		return;
	rule->match = IFACE_NAME;
	if (r->tok.len >= sizeof(rule->name))
		reader_error(r, r->tok.column, "'%.40s' is longer than the name of an interface can be (%zu octets)", r->tok.text,
		    sizeof(rule->name) - 1);
	else
		memcpy(rule->name, r->tok.text, r->tok.len + 1);
}

void
parse_interface(struct reader *r, const struct directive *d)
{
	struct iface_rule rule = { 0 }, *bigger;
	size_t n = r->c->niface_rules;

	if (!reader_need(r, WANT_WORD, "listen, ignore or drop") || !rule_action(r, &rule))
		return;
	if (!reader_need(r, WANT_STRING, "all, ipv4, ipv6, wildcard, an interface or an address"))
		return;
	rule_match(r, &rule);
	if (!reader_end(r))
		return;
	(void)d;
	bigger = config_alloc(r->c, (n + 1) * sizeof(*bigger));
	if (bigger == NULL)
		return;
	if (n > 0)
		memcpy(bigger, r->c->iface_rules, n * sizeof(*bigger));
	bigger[n] = rule;
	free(r->c->iface_rules);
	r->c->iface_rules = bigger;
	r->c->niface_rules = n + 1;
}

/* No separators of the lists of mode 6. */
bool
config_variable_name_ok(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || strchr(",=\"", s[i]) != NULL)
			return false;
	return len > 0 && len <= TOKEN_MAX;
}

/*
 * NAME, "=" and VALUE, with or without blanks between them (both ntpds insist on the blanks), the name being under the finger.
 */
static bool
setvar_value(struct reader *r, char name[static TOKEN_MAX + 1], char value[static TOKEN_MAX + 1])
{
	char *eq;

	memcpy(name, r->tok.text, r->tok.len + 1);
	eq = strchr(name, '=');
	if (eq != NULL) {
		*eq = '\0';
		memcpy(value, eq + 1, strlen(eq + 1) + 1);
		if (value[0] != '\0')
			return true;
	} else if (!reader_next(r, WANT_WORD) || r->tok.kind != TOKEN_SPECIAL || r->tok.text[0] != '=') {
		if (!r->bad)
			reader_error(r, r->tok.column, "'setvar' needs '=' after the name");
		return false;
	}
	if (!reader_next(r, WANT_STRING)) {
		if (!r->bad)
			reader_error(r, r->tok.column, "'setvar' needs a value");
		return false;
	}
	memcpy(value, r->tok.text, r->tok.len + 1);
	return true;
}

/* One of that name gets the value, or there is a new one. */
static void
keep_setvar(struct reader *r, unsigned column, const char *name, const char *value, bool dflt)
{
	struct config_setvar *v = r->c->setvars;
	unsigned n = 0;

	for (; v != NULL && strcmp(v->name, name) != 0; v = v->next)
		n++;
	if (v != NULL) {
		config_set(r->c, &v->value, value);
		v->dflt = dflt;
		return;
	}
	if (n >= CONFIG_SETVARS_MAX) {
		reader_error(r, column, "more than %d variables; the line is skipped", CONFIG_SETVARS_MAX);
		return;
	}
	v = config_alloc(r->c, sizeof(*v));
	if (v == NULL)
		return;
	*v = (struct config_setvar){ .name = config_strdup(r->c, name), .value = config_strdup(r->c, value), .dflt = dflt };
	if (v->name == NULL || v->value == NULL) {
		free(v->name);
		free(v->value);
		free(v);
		return;
	}
	*r->setvar_tail = v;
	r->setvar_tail = &v->next;
}

void
parse_setvar(struct reader *r, const struct directive *d)
{
	char name[TOKEN_MAX + 1], value[TOKEN_MAX + 1];
	bool dflt = false;
	unsigned column;

	(void)d;
	if (!reader_need(r, WANT_STRING, "a name"))
		return;
	column = r->tok.column;
	if (!setvar_value(r, name, value))
		return;
	if (!config_variable_name_ok(name, strlen(name))) {
		reader_error(r, column, "'%.40s' is no name that a variable can have", name);
		return;
	}
	if (reader_next(r, WANT_WORD)) {
		dflt = strcmp(r->tok.text, "default") == 0;
		if (!dflt)
			reader_error(r, r->tok.column, "unexpected '%.40s': only 'default' may follow the value", r->tok.text);
	}
	if (!reader_end(r))
		return;
	keep_setvar(r, column, name, value, dflt);
}

/*
 * Bits of one word without its sign: a class and a type, "all" standing for every one of either, in the order class, type; "allsys" and
 * "all" alone are words too.  0 = no such word.
 */
static unsigned
logconfig_bits(const char *s)
{
	static const char *const classes[] = { "clock", "peer", "sync", "sys", "all" };
	static const char *const types[] = { "info", "events", "statistics", "status", "all" };
	char word[32];
	unsigned bits = 0;

	for (unsigned c = 0; c < NELEMS(classes); c++)
		for (unsigned t = 0; t < NELEMS(types); t++) {
			bool all = c == LOG_CLASSES && t == LOG_TYPES;

			snprintf(word, sizeof(word), "%s%s", classes[c], types[t]);
			if (strcmp(s, word) != 0 && !(all && strcmp(s, "all") == 0)) {
				snprintf(word, sizeof(word), "%s%s", types[t], classes[c]);
				if (t != LOG_TYPES || strcmp(s, word) != 0)
					continue;
			}
			for (unsigned i = 0; i < LOG_CLASSES * LOG_TYPES; i++)
				if ((c == LOG_CLASSES || c == i / LOG_TYPES) && (t == LOG_TYPES || t == i % LOG_TYPES))
					bits |= 1u << i;
		}
	return bits;
}

void
parse_logconfig(struct reader *r, const struct directive *d)
{
	unsigned mask = r->c->logconfig, bits, n = 0;
	const char *word;
	char sign;

	for (; reader_next(r, WANT_STRING); n++) {
		sign = r->tok.text[0];
		word = r->tok.text + (sign == '+' || sign == '-' || sign == '=');
		bits = logconfig_bits(word);
		if (bits == 0)
			reader_complain(r, r->tok.column, "'%.40s' is no class and type of log lines; it is skipped", r->tok.text);
		else if (sign == '+')
			mask |= bits;
		else if (sign == '-')
			mask &= ~bits;
		else
			mask = bits;
	}
	if (!r->bad && n == 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
	else if (!r->bad)
		r->c->logconfig = mask;
}

/* A relative name counts from the directory of the file that includes it. */
void
parse_include(struct reader *r, const struct directive *d)
{
	char name[TOKEN_MAX + 1], path[PATH_MAX];
	const char *slash = r->place != NULL ? strrchr(r->place->file, '/') : NULL;
	unsigned column;
	int len;

	(void)d;
	if (!reader_need(r, WANT_STRING, "a path"))
		return;
	column = r->tok.column;
	memcpy(name, r->tok.text, r->tok.len + 1);
	if (!reader_end(r))
		return;
	if (name[0] == '/' || slash == NULL)
		len = snprintf(path, sizeof(path), "%s", name);
	else
		len = snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - r->place->file), r->place->file, name);
	if (len < 0 || (size_t)len >= sizeof(path))
		reader_error(r, column, "'%.40s' makes a path that is too long", name);
	else
		(void)reader_include(r, path, column);	/* it has said what was wrong */
	r->bad = false;
}

void
parse_end(struct reader *r, const struct directive *d)
{
	(void)d;
	if (reader_end(r))
		r->ended = true;
}

/* Everything up to the brace that closes the block, over as many lines as it takes. */
void
parse_simulate(struct reader *r, const struct directive *d)
{
	struct lexer start = r->lexer;
	unsigned open = 0;
	bool begun = false;

	(void)d;
	do {
		while (reader_next(r, WANT_WORD)) {
			if (r->tok.kind != TOKEN_SPECIAL)
				continue;
			begun = begun || r->tok.text[0] == '{';
			open += r->tok.text[0] == '{';
			open -= r->tok.text[0] == '}' && open > 0;
		}
		if (r->bad || (begun && open == 0))
			return;
	} while (begun && lexer_line(&r->lexer));
	r->lexer = start;
	reader_error(r, r->column, begun ? "the block of 'simulate' is not closed: } is missing" : "'simulate' needs a block in { }");
}

static void
trust(struct reader *r, unsigned column, int64_t lo, int64_t hi)
{
	struct config_trusted *t;

	if (lo < 1 || hi > UINT16_MAX || lo > hi) {
		reader_complain(r, column, "key numbers go from 1 to %u, and a range upwards; this one is skipped", UINT16_MAX);
		return;
	}
	t = config_alloc(r->c, sizeof(*t));
	if (t == NULL)
		return;
	*t = (struct config_trusted){ .lo = (uint16_t)lo, .hi = (uint16_t)hi };
	*r->trusted_tail = t;
	r->trusted_tail = &t->next;
}

/* "(1 ... 10)", the opening parenthesis being under the finger. */
static bool
read_range(struct reader *r, int64_t *lo, int64_t *hi)
{
	if (!reader_int(r, "a key number", INT32_MIN, INT32_MAX, lo))
		return false;
	if (!reader_next(r, WANT_WORD) || strcmp(r->tok.text, "...") != 0) {
		if (!r->bad)
			reader_error(r, r->tok.column, "a range of keys is written (1 ... 10), with blanks around the dots");
		return false;
	}
	if (!reader_int(r, "a key number", INT32_MIN, INT32_MAX, hi))
		return false;
	if (!reader_next(r, WANT_WORD) || strcmp(r->tok.text, ")") != 0) {
		if (!r->bad)
			reader_error(r, r->tok.column, "a range of keys ends in )");
		return false;
	}
	return true;
}

/* Key numbers add up over several lines, as NTPsec has it. */
void
parse_trustedkey(struct reader *r, const struct directive *d)
{
	int64_t lo = 0, hi = 0;
	unsigned n = 0, column;

	for (; reader_next(r, WANT_WORD); n++) {
		column = r->tok.column;
		if (strcmp(r->tok.text, "(") == 0) {
			if (!read_range(r, &lo, &hi))
				return;
		} else if (reader_token_int(r, "a key number", INT32_MIN, INT32_MAX, &lo)) {
			hi = lo;
		} else {
			return;
		}
		trust(r, column, lo, hi);
	}
	if (!r->bad && n == 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
}

/* driftfile PATH [THRESHOLD]; none or an empty path means no drift file. */
void
parse_driftfile(struct reader *r, const struct directive *d)
{
	char path[TOKEN_MAX + 1] = "";
	double threshold = 0;
	bool given = false;

	(void)d;
	if (reader_next(r, WANT_STRING)) {
		memcpy(path, r->tok.text, r->tok.len + 1);
		if (reader_next(r, WANT_WORD)) {
			given = true;
			if (!reader_token_double(r, "the threshold of wander, s/s,", 0, 1, &threshold))
				return;
		}
	}
	if (!reader_end(r))
		return;
	config_set(r->c, &r->c->driftfile, path[0] != '\0' ? path : NULL);
	if (given)
		r->c->wander_threshold = threshold;
}

void
parse_leapfile(struct reader *r, const struct directive *d)
{
	char path[TOKEN_MAX + 1];
	bool check = true;

	(void)d;
	if (!reader_need(r, WANT_STRING, "a path"))
		return;
	memcpy(path, r->tok.text, r->tok.len + 1);
	if (reader_next(r, WANT_WORD)) {
		check = strcmp(r->tok.text, "ignorehash") != 0;
		if (check && strcmp(r->tok.text, "checkhash") != 0)
			reader_error(r, r->tok.column, "unexpected '%.40s': only checkhash or ignorehash may follow the path", r->tok.text);
	}
	if (!reader_end(r))
		return;
	config_set(r->c, &r->c->leapfile, path);
	r->c->leap_checkhash = check;
}

void
parse_clock(struct reader *r, const struct directive *d)
{
	bool software;

	(void)d;
	if (!reader_need(r, WANT_WORD, "'kernel' or 'software'"))
		return;
	software = strcmp(r->tok.text, "software") == 0;
	if (!software && strcmp(r->tok.text, "kernel") != 0)
		reader_error(r, r->tok.column, "the clock is 'kernel' or 'software', not '%.40s'", r->tok.text);
	if (reader_end(r))
		r->c->clock = software ? CLOCK_SOFTWARE : CLOCK_KERNEL;
}

/* POLL EARLY|LATE, any number of them; "default" may stand for POLL, and holds for those that no line names. */
void
parse_pollskewlist(struct reader *r, const struct directive *d)
{
	struct pollskew list = r->c->modes.pollskew;
	int64_t poll, early, late, max;
	unsigned n = 0;
	bool all;

	for (; reader_next(r, WANT_WORD); n++) {
		poll = 3;
		all = strcmp(r->tok.text, "default") == 0;
		if (!all && !reader_token_int(r, "a poll exponent", 3, 17, &poll))
			return;
		max = (int64_t)1 << (poll - 1);
		if (!reader_int(r, "a skew of at most half the interval, s,", 0, max, &early))
			return;
		if (!reader_next(r, WANT_WORD) || strcmp(r->tok.text, "|") != 0) {
			if (!r->bad)
				reader_error(r, r->tok.column, "'|' is missing between how early and how late");
			return;
		}
		if (!reader_int(r, "a skew of at most half the interval, s,", 0, max, &late))
			return;
		for (int64_t p = all ? 3 : poll; p <= (all ? POLL_MAX : poll); p++) {
			if (all && list.given[p])
				continue;
			list.given[p] = true;
			list.early[p] = (uint32_t)early;
			list.late[p] = (uint32_t)late;
		}
	}
	if (!r->bad && n == 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
	else if (!r->bad)
		r->c->modes.pollskew = list;
}

/* mru: maxdepth and maxmem are two ways to say one thing, the last one wins. */
void
parse_mru(struct reader *r, const struct directive *d)
{
	struct config copy = *r->c;
	const struct option *o;
	unsigned n = 0, column;

	for (; reader_next(r, WANT_WORD); n++) {
		column = r->tok.column;
		o = r->tok.kind == TOKEN_WORD ? option_find(d->options, d->noptions, r->tok.text) : NULL;
		if (o == NULL) {
			reader_error(r, column, "'mru' has no option '%.40s'; the line is skipped", r->tok.text);
			return;
		}
		if (!option_apply(r, o, &copy))
			return;
		option_standing(r, o, column);
		if (strcmp(o->name, "maxmem") == 0)
			copy.mru.maxdepth = 0;
		else if (strcmp(o->name, "initmem") == 0)
			copy.mru.initalloc = 0;
		else if (strcmp(o->name, "incmem") == 0)
			copy.mru.incalloc = 0;
		else if (strcmp(o->name, "maxdepth") == 0 && copy.mru.maxdepth != 0)
			copy.mru.maxmem = 0;
	}
	if (!r->bad && n == 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
	else if (!r->bad)
		r->c->mru = copy.mru;
}
