/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads leap-seconds.list, line by line and strictly, and answers from what it says. */
#include <math.h>
#include <string.h>

#include "engine/leap.h"

#define S_PER_DAY	86400
#define NUMBER_MAX	11		/* digits … */
#define SECONDS_MAX	INT64_C(11000000000)	/* … of which no more than this: the year 2248, as far as a walltime goes */
#define TAI_MAX		1000		/* s: two thousand years of leap seconds */
#define HASH_WORDS	5
#define SMEAR_FRACTION	22		/* bits */

/* What has been read so far. */
struct listing {
	const char	*p, *end;
	unsigned	 line;
	struct leap_table table;
	bool		 has_expiry, has_hash;
	uint8_t		 hash[LEAP_HASH_LEN];
	size_t		 ndigits;
	char		 digits[2 * NUMBER_MAX * (LEAP_SECONDS_MAX + 1)];	/* what the hash is of: all numbers, one after the other */
};

const char *
leap_err_str(enum leap_err e)
{
	static const char *const text[] = {
		[LEAP_OK] = "it is good",
		[LEAP_SIZE] = "it is larger than any list of leap seconds",
		[LEAP_BINARY] = "it is no text",
		[LEAP_TRUNCATED] = "it ends within a line",
		[LEAP_LINE] = "a line of it cannot be understood",
		[LEAP_ORDER] = "its lines are not in order of time",
		[LEAP_DATE] = "a leap second of it is not at the end of a month",
		[LEAP_JUMP] = "TAI - UTC changes by something else than a second",
		[LEAP_MANY] = "it has more leap seconds than there can have been",
		[LEAP_EMPTY] = "it has no leap second",
		[LEAP_NO_EXPIRY] = "it does not say when it expires (#@)",
		[LEAP_HASH_FORM] = "its hash (#h) is not five hexadecimal words",
		[LEAP_HASH] = "its hash does not match what it says",
	};

	return text[e];
}

static struct walltime
from_ntp(int64_t seconds)
{
	return (struct walltime){ (seconds - NTP_UNIX_EPOCH) * NS_PER_S };
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
skip_blanks(struct listing *l, const char *eol)
{
	while (l->p < eol && is_blank(*l->p))
		l->p++;
}

/* Digits up to a blank or the end of the line; they join what the hash is of. */
static bool
take_number(struct listing *l, const char *eol, int64_t *out)
{
	const char *from;
	int64_t v = 0;

	skip_blanks(l, eol);
	for (from = l->p; l->p < eol && *l->p >= '0' && *l->p <= '9'; l->p++) {
		if (l->p - from == NUMBER_MAX)
			return false;
		v = v * 10 + (*l->p - '0');
	}
	if (l->p == from || (l->p < eol && !is_blank(*l->p) && *l->p != '#') || l->ndigits + NUMBER_MAX > sizeof(l->digits))
		return false;
	memcpy(l->digits + l->ndigits, from, (size_t)(l->p - from));
	l->ndigits += (size_t)(l->p - from);
	*out = v;
	return v <= SECONDS_MAX;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Five words of 32 bits, which may have lost their leading zeros. */
static bool
take_hash(struct listing *l, const char *eol)
{
	for (int i = 0; i < HASH_WORDS; i++) {
		uint32_t v = 0;
		int n = 0;

		for (skip_blanks(l, eol); l->p < eol && hex_value(*l->p) >= 0; l->p++, n++)
			v = v << 4 | (uint32_t)hex_value(*l->p);
		if (n < 1 || n > 8 || (l->p < eol && !is_blank(*l->p)))
			return false;
		for (int b = 0; b < 4; b++)
			l->hash[4 * i + b] = (uint8_t)(v >> (24 - 8 * b));
	}
	skip_blanks(l, eol);
	l->has_hash = true;
	return l->p == eol;
}

/* Days since 1970 that are the first of a month (the calendar of 400 years, counted from the first of March). */
static bool
begins_month(int64_t day)
{
	static const int first[] = { 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337 };
	int64_t d = day + 719468, era = (d >= 0 ? d : d - 146096) / 146097, of_era = d - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);

	for (size_t i = 0; i < NELEMS(first); i++) {
		if (of_year == first[i])
			return true;
	}
	return false;
}

static enum leap_err
take_row(struct listing *l, const char *eol)
{
	struct leap_table *t = &l->table;
	int64_t at, tai;
	int before;

	if (!take_number(l, eol, &at) || !take_number(l, eol, &tai) || tai > TAI_MAX)
		return LEAP_LINE;
	skip_blanks(l, eol);
	if (l->p < eol && *l->p != '#')
		return LEAP_LINE;
	if (t->n == LEAP_SECONDS_MAX)
		return LEAP_MANY;
	if (at % S_PER_DAY != 0 || !begins_month(at / S_PER_DAY - NTP_UNIX_EPOCH / S_PER_DAY))
		return LEAP_DATE;
	if (t->n > 0) {
		if (from_ntp(at).ns <= t->row[t->n - 1].from.ns)
			return LEAP_ORDER;
		before = t->row[t->n - 1].tai;
		if (tai != before + 1 && tai != before - 1)
			return LEAP_JUMP;
	}
	t->row[t->n].from = from_ntp(at);
	t->row[t->n++].tai = (int)tai;
	return LEAP_OK;
}

/* "#$" when it was made, "#@" when it expires, "#h" its hash; any other is for people. */
static enum leap_err
take_comment(struct listing *l, const char *eol)
{
	char kind = l->p + 1 < eol ? l->p[1] : '\0';
	struct walltime *when = kind == '$' ? &l->table.updated : &l->table.expires;
	int64_t v;

	l->p += 2;
	switch (kind) {
	case '$':
	case '@':
		if (!take_number(l, eol, &v))
			return LEAP_LINE;
		*when = from_ntp(v);
		l->has_expiry |= kind == '@';
		return LEAP_OK;
	case 'h':
		return take_hash(l, eol) ? LEAP_OK : LEAP_HASH_FORM;
	default:
		return LEAP_OK;
	}
}

static enum leap_err
take_line(struct listing *l, const char *eol)
{
	skip_blanks(l, eol);
	if (l->p == eol)
		return LEAP_OK;
	return *l->p == '#' ? take_comment(l, eol) : take_row(l, eol);
}

/* All lines, up to the first that is wrong. */
static enum leap_err
take_lines(struct listing *l)
{
	const char *eol, *next;
	enum leap_err e;

	while (l->p < l->end) {
		next = memchr(l->p, '\n', (size_t)(l->end - l->p));
		eol = next != NULL ? next : l->end;
		l->line++;
		e = take_line(l, eol);
		if (e != LEAP_OK)
			return e;
		l->p = next != NULL ? next + 1 : l->end;
	}
	return LEAP_OK;
}

/* What only the whole can show. */
static enum leap_err
check_whole(struct listing *l, bool ended, leap_sha1 *sha1)
{
	uint8_t hash[LEAP_HASH_LEN];

	if (l->table.n == 0)
		return LEAP_EMPTY;
	if (!l->has_expiry)
		return LEAP_NO_EXPIRY;
	if (l->has_hash && sha1 != NULL) {
		if (!sha1(l->digits, l->ndigits, hash) || memcmp(hash, l->hash, sizeof(hash)) != 0)
			return LEAP_HASH;
		l->table.hashed = true;
	}
	return ended || l->table.hashed ? LEAP_OK : LEAP_TRUNCATED;
}

enum leap_err
leap_parse(struct leap_table *t, const char *buf, size_t len, leap_sha1 *sha1, unsigned *line)
{
	struct listing l = { .p = buf, .end = buf + len };
	enum leap_err e;

	*line = 0;
	if (len > LEAP_FILE_MAX)
		return LEAP_SIZE;
	if (memchr(buf, '\0', len) != NULL)
		return LEAP_BINARY;
	e = take_lines(&l);
	*line = l.line;
	if (e != LEAP_OK)
		return e;
	*line = 0;
	e = check_whole(&l, len > 0 && buf[len - 1] == '\n', sha1);
	if (e == LEAP_OK)
		*t = l.table;
	return e;
}

bool
leap_expired(const struct leap_table *t, struct walltime now)
{
	return now.ns >= t->expires.ns;
}

static struct leap_second
second_of(const struct leap_table *t, unsigned i)
{
	return (struct leap_second){ t->row[i].from, t->row[i].tai - t->row[i - 1].tai };
}

struct leap_second
leap_next(const struct leap_table *t, struct walltime now)
{
	/* The first row is where the list begins, not a leap second. */
	for (unsigned i = 1; i < t->n; i++) {
		if (t->row[i].from.ns > now.ns)
			return second_of(t, i);
	}
	return (struct leap_second){ { 0 }, 0 };
}

struct leap_second
leap_last(const struct leap_table *t)
{
	return t->n > 1 ? second_of(t, t->n - 1) : (struct leap_second){ { 0 }, 0 };
}

int
leap_tai(const struct leap_table *t, struct walltime now)
{
	for (unsigned i = t->n; i > 0; i--) {
		if (t->row[i - 1].from.ns <= now.ns)
			return t->row[i - 1].tai;
	}
	return 0;
}

double
leap_smear_offset(const struct leap_smear *s, struct monotime now)
{
	double left = s->interval > 0 ? monotime_diff(s->end, now) : 0;

	if (left <= 0 || left >= s->interval)
		return 0;
	return -(1 - cos(M_PI * (s->interval - left) / s->interval)) / 2;
}

uint32_t
leap_smear_refid(double offset)
{
	int32_t fixed = (int32_t)lround(ldexp(offset, SMEAR_FRACTION));

	return 254u << 24 | ((uint32_t)fixed & 0xffffffu);
}
