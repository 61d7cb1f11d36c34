/* SPDX-License-Identifier: BSD-2-Clause */
/* The restrict directive: addresses, masks, names and flags. */
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "reader.h"

#define NAME_ADDRS_MAX	32	/* addresses of one name that get an entry */

/* A restrict line as it is written. */
struct access_line {
	char			who[TOKEN_MAX + 1];	/* address, name, default, source */
	unsigned		who_column, mask_column;
	int			family;			/* -4, -6, or 0 */
	bool			dflt, source, literal;
	struct addr		addr;			/* literal */
	int			bits;			/* after a slash, or -1 */
	char			mask[ADDR_STR_MAX];	/* as written, empty = none */
	struct restrict_rule	rule;			/* flags and limits */
	unsigned		kod_column;		/* of kod, 0 = not there */
};

static void
append(struct reader *r, const struct restrict_rule *rule, bool source)
{
	struct config_restrict *new = config_alloc(r->c, sizeof(*new));

	if (new == NULL)
		return;
	*new = (struct config_restrict){ .source = source, .rule = *rule, .line = r->lexer.line };
	*r->restrict_tail = new;
	r->restrict_tail = &new->next;
	if (!source && !rule->ntpport && addr_is_any(&rule->mask)) {
		r->c->restrict_default4 |= rule->mask.family == 4;
		r->c->restrict_default6 |= rule->mask.family == 6;
	}
}

/* "192.0.2.0/24": cuts the bits off who. */
static bool
read_bits(struct reader *r, struct access_line *a, int family)
{
	char *slash = strchr(a->who, '/');
	int64_t v = 0;
	int max = family == 4 ? 32 : 128;

	a->bits = -1;
	if (slash == NULL)
		return true;
	if (value_int(slash + 1, &v) != VALUE_OK || v < 0 || v > max) {
		reader_error(r, a->who_column, "'%.60s': the number of bits after / is a whole number from 0 to %d", a->who, max);
		return false;
	}
	*slash = '\0';
	a->bits = (int)v;
	return true;
}

/* An address that looks like one must be one: a mistyped one is not for the resolver to find somewhere. */
static bool
looks_literal(const char *s)
{
	return s[strspn(s, "0123456789./")] == '\0' || strchr(s, ':') != NULL || strchr(s, '/') != NULL;
}

static bool
read_address(struct reader *r, struct access_line *a)
{
	struct addr probe;
	char bare[TOKEN_MAX + 1];

	memcpy(bare, a->who, sizeof(bare));
	bare[strcspn(bare, "/")] = '\0';
	a->literal = addr_parse(&probe, bare, 0);
	if (!a->literal) {
		if (looks_literal(a->who))
			reader_error(r, a->who_column, "'%.60s' is neither an address nor a host name", a->who);
		return !r->bad;
	}
	if (a->family != 0 && a->family != probe.family) {
		reader_error(r, a->who_column, "'%.60s' is not an IPv%d address", a->who, a->family);
		return false;
	}
	a->addr = probe;
	return read_bits(r, a, probe.family);
}

/* The address, or one of the words that stand for one; -4 and -6 before it. */
static bool
read_who(struct reader *r, struct access_line *a)
{
	bool word;

	do {
		if (!reader_need(r, WANT_STRING, "an address, a host name, 'default' or 'source'"))
			return false;
		word = r->tok.kind == TOKEN_WORD;
		if (word && strcmp(r->tok.text, "-4") == 0)
			a->family = 4;
		else if (word && strcmp(r->tok.text, "-6") == 0)
			a->family = 6;
		else
			break;
	} while (true);
	memcpy(a->who, r->tok.text, r->tok.len + 1);
	a->who_column = r->tok.column;
	a->bits = -1;
	a->dflt = word && strcmp(a->who, "default") == 0;
	a->source = word && strcmp(a->who, "source") == 0;
	return a->dflt || a->source || read_address(r, a);
}

/* The whole word, or two of them for "serverresponse fuzz". */
static bool
read_flag(struct reader *r, struct access_line *a)
{
	char name[64];
	unsigned column = r->tok.column;
	const struct restrict_flag *f;

	memcpy(name, r->tok.text, r->tok.len < sizeof(name) ? r->tok.len + 1 : sizeof(name));
	name[sizeof(name) - 1] = '\0';
	if (strcmp(name, "serverresponse") == 0 && reader_next(r, WANT_WORD) && strcmp(r->tok.text, "fuzz") == 0)
		snprintf(name, sizeof(name), "serverresponse fuzz");
	f = r->bad ? NULL : restrict_flag_find(name);
	if (f == NULL) {
		const struct option *relic = option_find(restrict_relics, restrict_relic_count, name);

		if (relic != NULL)
			option_standing(r, relic, column);
		else if (!r->bad)
			reader_error(r, column, "'%s' has no flag '%.40s'", r->row->name, name);
		return !r->bad;
	}
	if (f->word == RESTRICT_SETS)
		a->rule.flags |= f->bit;
	else if (f->word == RESTRICT_CLEARS)
		a->rule.flags &= ~f->bit;
	else
		a->rule.ntpport = true;
	if ((f->bit & RESTRICT_KOD) != 0)
		a->kod_column = column;
	if (!f->effect)
		reader_warn(r, column, "flag '%s' has no effect (%s)", f->name, f->prose);
	return true;
}

static bool
read_ippeerlimit(struct reader *r, struct access_line *a)
{
	int64_t v;

	if (!reader_int(r, "the value of 'ippeerlimit'", INT32_MIN, INT32_MAX, &v))
		return false;
	if (v < IPPEERLIMIT_NONE || v > IPPEERLIMIT_MAX) {
		reader_warn(r, r->tok.column, "'ippeerlimit' %.20s is out of range (-1 to %d): 0 is used", r->tok.text, IPPEERLIMIT_MAX);
		v = 0;
	}
	a->rule.ippeerlimit = (int)v;
	return true;
}

static bool
read_mask(struct reader *r, struct access_line *a)
{
	if (!reader_need(r, WANT_STRING, "a mask"))
		return false;
	a->mask_column = r->tok.column;
	if (a->dflt || a->source || a->bits >= 0) {
		reader_error(r, a->mask_column, "'%.60s' takes no mask", a->who);
	} else if (r->tok.len >= sizeof(a->mask)) {
		reader_error(r, a->mask_column, "mask '%.60s' is no address", r->tok.text);
	} else {
		memcpy(a->mask, r->tok.text, r->tok.len + 1);
	}
	return !r->bad;
}

static bool
read_rest(struct reader *r, struct access_line *a)
{
	bool ok;

	while (reader_next(r, WANT_WORD)) {
		if (r->tok.kind != TOKEN_WORD) {
			reader_error(r, r->tok.column, "'%s' needs a flag here, not '%.40s'", r->row->name, r->tok.text);
			return false;
		}
		if (strcmp(r->tok.text, "mask") == 0)
			ok = read_mask(r, a);
		else if (strcmp(r->tok.text, "ippeerlimit") == 0)
			ok = read_ippeerlimit(r, a);
		else
			ok = read_flag(r, a);
		if (!ok)
			return false;
	}
	return !r->bad;
}

/* Address and mask of a line with a literal address. */
static bool
literal_rule(struct reader *r, const struct access_line *a, struct restrict_rule *rule)
{
	struct addr mask;

	restrict_rule_host(rule, &a->addr);
	if (a->bits >= 0) {
		addr_mask_bits(&rule->mask, a->addr.family, (unsigned)a->bits);
	} else if (a->mask[0] != '\0') {
		if (!addr_parse(&mask, a->mask, a->addr.family)) {
			reader_error(r, a->mask_column, "mask '%s' is no IPv%u address", a->mask, a->addr.family);
			return false;
		}
		rule->mask = mask;
	}
	addr_apply_mask(&rule->addr, &rule->mask);
	return true;
}

static void
add_literal(struct reader *r, const struct access_line *a)
{
	struct restrict_rule rule = a->rule;

	if (literal_rule(r, a, &rule))
		append(r, &rule, false);
}

static void
add_name(struct reader *r, const struct access_line *a)
{
	struct addr found[NAME_ADDRS_MAX];
	struct restrict_rule rule = a->rule;
	const char *why = "no answer";
	int n;

	if (a->mask[0] != '\0')
		reader_note(r, a->mask_column, "the mask has no effect: every address of a host name gets an entry of its own");
	if (r->hooks->resolve == NULL) {
		reader_note(r, a->who_column, "'%.200s' is looked up when the daemon starts, not now", a->who);
		r->unknown_names = true;
		return;
	}
	n = r->hooks->resolve(r->hooks->arg, a->who, a->family, found, NELEMS(found), &why);
	if (n <= 0)
		reader_complain(r, a->who_column, "'%.200s' cannot be resolved (%s): the line has no effect", a->who, n < 0 ? why : "no address");
	for (int i = 0; i < n; i++) {
		restrict_rule_host(&rule, &found[i]);
		append(r, &rule, false);
	}
}

static void
add_default(struct reader *r, const struct access_line *a)
{
	struct restrict_rule rule = a->rule;

	for (int family = 4; family <= 6; family += 2)
		if (a->family == 0 || a->family == family) {
			restrict_rule_default(&rule, family);
			append(r, &rule, false);
		}
}

void
parse_restrict(struct reader *r, const struct directive *d)
{
	struct access_line a = { .rule.ippeerlimit = IPPEERLIMIT_NONE };

	(void)d;
	if (!read_who(r, &a) || !read_rest(r, &a))
		return;
	if (a.kod_column != 0 && (a.rule.flags & RESTRICT_LIMITED) == 0)
		reader_warn(r, a.kod_column, "'kod' does nothing without 'limited'");
	if (a.dflt)
		add_default(r, &a);
	else if (a.source)
		append(r, &a.rule, true);
	else if (a.literal)
		add_literal(r, &a);
	else
		add_name(r, &a);
}

static bool
is_same_entry(const struct config_restrict *e, const struct restrict_rule *rule, bool source)
{
	if (e->source || source)
		return e->source == source;
	return e->rule.ntpport == rule->ntpport && addr_same_host(&e->rule.addr, &rule->addr) &&
	    memcmp(e->rule.mask.ip, rule->mask.ip, sizeof(rule->mask.ip)) == 0;
}

/* Flags are cleared, or the entry is removed; the default stays, open.  Returns how many entries there were. */
static unsigned
take_back(struct reader *r, const struct restrict_rule *rule, bool source)
{
	struct config_restrict **at = &r->c->restricts, *e;
	bool stays = !source && !rule->ntpport && addr_is_any(&rule->mask);
	unsigned n = 0;

	while ((e = *at) != NULL) {
		bool same = is_same_entry(e, rule, source);

		n += same;
		if (same && rule->flags == 0 && !stays) {
			*at = e->next;
			free(e);
			continue;
		}
		if (same)
			e->rule.flags &= rule->flags == 0 ? 0 : ~rule->flags;
		at = &e->next;
	}
	r->restrict_tail = at;
	return n;
}

/* The default of a family that no line has spoken of yet is the safe one: it takes its place before something of it is taken back. */
static unsigned
take_default_back(struct reader *r, const struct access_line *a)
{
	struct restrict_rule rule = a->rule;
	unsigned n = 0;

	for (int family = 4; family <= 6; family += 2) {
		if (a->family != 0 && a->family != family)
			continue;
		config_safe_default(r->c, family);
		restrict_rule_default(&rule, family);
		n += take_back(r, &rule, false);
	}
	return n;
}

static unsigned
take_name_back(struct reader *r, const struct access_line *a)
{
	struct addr found[NAME_ADDRS_MAX];
	struct restrict_rule rule = a->rule;
	const char *why = "no answer";
	unsigned n = 0;
	int count;

	if (r->hooks->resolve == NULL) {
		reader_note(r, a->who_column, "'%.200s' is looked up when the daemon starts, not now", a->who);
		return 1;
	}
	count = r->hooks->resolve(r->hooks->arg, a->who, a->family, found, NELEMS(found), &why);
	for (int i = 0; i < count; i++) {
		restrict_rule_host(&rule, &found[i]);
		n += take_back(r, &rule, false);
	}
	return n;
}

/*
 * unrestrict (NTPsec) clears flags, or removes an entry if it names none; delrestrict (ntpd) removes one.  Both are about the lines above them.
 */
void
parse_unrestrict(struct reader *r, const struct directive *d)
{
	struct access_line a = { .rule.ippeerlimit = IPPEERLIMIT_NONE };
	struct restrict_rule rule;
	unsigned n;

	if (!read_who(r, &a))
		return;
	if (d->kind == LINE_DELRESTRICT && a.source) {
		if (reader_need(r, WANT_STRING, "an address") && reader_end(r))
			reader_warn(r, r->column, "entries of sources go with them; there is nothing to remove");
		r->idle = true;
		return;
	}
	if (!read_rest(r, &a))
		return;
	if (r->remote != NULL && !a.dflt && !a.source && !a.literal) {
		reader_error(r, a.who_column, "'%s' takes an address from afar, and '%.200s' is none", d->name, a.who);
		return;
	}
	rule = a.rule;
	if (a.literal && !literal_rule(r, &a, &rule))
		return;
	n = a.dflt ? take_default_back(r, &a) : a.source || a.literal ? take_back(r, &rule, a.source) : take_name_back(r, &a);
	r->idle = n == 0;
	if (n == 0 && r->remote != NULL)
		reader_error(r, a.who_column, "there is no such entry to be taken back");
	else if (n == 0)
		reader_warn(r, a.who_column, "no restrict line above has made an entry for '%.200s'", a.who);
}
