/* SPDX-License-Identifier: BSD-2-Clause */
/* A reader of JSON (RFC 8259) that keeps what it knows of the outermost object and checks the rest. */
#include <string.h>

#include "calendar.h"
#include "gpsd_json.h"

#define WORD_MAX	GPSD_DEVICE_MAX	/* of a string that is kept, with its NUL */
#define SECONDS_MAX	(INT64_MAX / NS_PER_S - 1)

struct json {
	const char	*p, *end;
};

/* A value that is kept: a string, or a number without its fraction. */
struct value {
	bool	is_string, is_integer;
	char	word[WORD_MAX];
	int64_t	integer;
};

static void
skip_blanks(struct json *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\r' || *j->p == '\n'))
		j->p++;
}

static bool
accept(struct json *j, char c)
{
	skip_blanks(j);
	if (j->p == j->end || *j->p != c)
		return false;
	j->p++;
	return true;
}

/* One character of a string, escapes resolved; those beyond ASCII become '?'.  False at a bad one. */
static bool
read_char(struct json *j, char *out)
{
	static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if ((unsigned char)*j->p < ' ')
		return false;
	*out = *j->p++;
	if (*out != '\\')
		return true;
	if (j->p == j->end)
		return false;
	if (*j->p == 'u') {
		j->p++;
		for (int i = 0; i < 4; i++, j->p++) {
			if (j->p == j->end || *j->p == '\0' || strchr("0123456789abcdefABCDEF", *j->p) == NULL)
				return false;
		}
		*out = '?';
		return true;
	}
	at = *j->p != '\0' ? strchr(plain, *j->p) : NULL;
	if (at == NULL)
		return false;
	j->p++;
	*out = means[at - plain];
	return true;
}

/* After the opening quote.  What does not fit is read and left out. */
static bool
read_string(struct json *j, char word[static WORD_MAX])
{
	size_t n = 0;
	char c;

	while (j->p < j->end && *j->p != '"') {
		if (!read_char(j, &c))
			return false;
		if (n < WORD_MAX - 1)
			word[n++] = c;
	}
	word[n] = '\0';
	return accept(j, '"');
}

static size_t
skip_digits(struct json *j)
{
	const char *from = j->p;

	while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
		j->p++;
	return (size_t)(j->p - from);
}

static bool
read_number(struct json *j, struct value *v)
{
	bool negative = j->p < j->end && *j->p == '-';
	const char *from;
	int64_t sum = 0;

	j->p += negative;
	from = j->p;
	if (skip_digits(j) == 0)
		return false;
	v->is_integer = j->p - from <= 18;
	for (const char *p = from; v->is_integer && p < j->p; p++)
		sum = sum * 10 + (*p - '0');
	v->integer = negative ? -sum : sum;
	if (j->p < j->end && *j->p == '.') {
		j->p++;
		if (skip_digits(j) == 0)
			return false;
		v->is_integer = false;
	}
	if (j->p < j->end && (*j->p | 0x20) == 'e') {
		j->p++;
		j->p += j->p < j->end && (*j->p == '+' || *j->p == '-');
		v->is_integer = false;
		return skip_digits(j) > 0;
	}
	return true;
}

static bool
read_literal(struct json *j)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(j->end - j->p) >= n && memcmp(j->p, words[i], n) == 0) {
			j->p += n;
			return true;
		}
	}
	return false;
}

/* A value that is no array and no object. */
static bool
read_scalar(struct json *j, struct value *v)
{
	*v = (struct value){ .is_string = false };
	skip_blanks(j);
	if (j->p == j->end)
		return false;
	if (*j->p == '"') {
		j->p++;
		v->is_string = true;
		return read_string(j, v->word);
	}
	return *j->p == '-' || (*j->p >= '0' && *j->p <= '9') ? read_number(j, v) : read_literal(j);
}

/*
 * Steps over an array or object whose opening bracket is next, with all that is in it.  close[] is what ends each level that is open.
 */
static bool
skip_nested(struct json *j)
{
	char close[GPSD_DEPTH_MAX];
	unsigned depth = 0;
	struct value v;
	bool first = true;

	do {
		if (accept(j, '[') || accept(j, '{')) {
			if (depth == GPSD_DEPTH_MAX)
				return false;
			close[depth++] = j->p[-1] == '[' ? ']' : '}';
			first = true;
		} else if (!read_scalar(j, &v)) {
			return false;
		} else {
			first = false;
		}
		while (depth > 0 && accept(j, close[depth - 1])) {
			depth--;
			first = false;
		}
		if (depth == 0)
			return true;
		if (!first && !accept(j, ','))
			return false;
		if (close[depth - 1] == '}' && (!read_scalar(j, &v) || !v.is_string || !accept(j, ':')))
			return false;
	} while (true);
}

/* 2026-11-23T01:02:03.000Z */
static bool
read_iso(const char *s, struct walltime *out)
{
	size_t len = strlen(s);
	int y, mo, d, h, mi, sec;
	int64_t fraction;
	int32_t days;

	if (len < 20 || s[len - 1] != 'Z' || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' ||
	    !calendar_digits(s, len, 0, 4, &y) || !calendar_digits(s, len, 5, 2, &mo) || !calendar_digits(s, len, 8, 2, &d) ||
	    !calendar_digits(s, len, 11, 2, &h) || !calendar_digits(s, len, 14, 2, &mi) || !calendar_digits(s, len, 17, 2, &sec))
		return false;
	if (h > 23 || mi > 59 || sec > 59 || !calendar_day(y, mo, d, &days) || !calendar_fraction(s + 19, len - 20, &fraction))
		return false;
	out->ns = days * DAY_NS + ((h * 60 + mi) * 60 + sec) * (int64_t)NS_PER_S + fraction;
	return true;
}

/* Members of the outermost object that are put together only at its end. */
struct members {
	int64_t	part[4];	/* real_sec, real_nsec, clock_sec, clock_nsec */
	unsigned given;		/* bits of those */
};

static void
keep(struct gpsd_report *r, struct members *m, const char *name, const struct value *v)
{
	static const char *const classes[] = { [GPSD_VERSION] = "VERSION", [GPSD_TPV] = "TPV", [GPSD_TOFF] = "TOFF", [GPSD_PPS] = "PPS" };
	static const char *const parts[] = { "real_sec", "real_nsec", "clock_sec", "clock_nsec" };

	for (unsigned i = GPSD_VERSION; v->is_string && strcmp(name, "class") == 0 && i < NELEMS(classes); i++) {
		if (strcmp(v->word, classes[i]) == 0)
			r->class = (enum gpsd_class)i;
	}
	if (v->is_string && strcmp(name, "device") == 0)
		memcpy(r->device, v->word, sizeof(r->device));
	if (v->is_string && strcmp(name, "time") == 0)
		r->have_time = read_iso(v->word, &r->time);
	if (v->is_integer && strcmp(name, "mode") == 0 && v->integer >= 0 && v->integer <= 3)
		r->mode = (int)v->integer;
	if (v->is_integer && strcmp(name, "precision") == 0 && v->integer >= -64 && v->integer < 0)
		r->precision = (int)v->integer;
	for (unsigned i = 0; v->is_integer && i < NELEMS(parts); i++) {
		if (strcmp(name, parts[i]) == 0) {
			m->part[i] = v->integer;
			m->given |= 1u << i;
		}
	}
}

static void
put_together(struct gpsd_report *r, const struct members *m)
{
	const int64_t *p = m->part;

	if (m->given != 0xf || p[0] < 0 || p[2] < 0 || p[0] > SECONDS_MAX || p[2] > SECONDS_MAX || p[1] < 0 || p[1] >= NS_PER_S || p[3] < 0 || p[3] >= NS_PER_S)
		return;
	r->have_pair = true;
	r->real.ns = p[0] * NS_PER_S + p[1];
	r->clock.ns = p[2] * NS_PER_S + p[3];
}

/* "name": value */
static bool
read_member(struct json *j, struct gpsd_report *r, struct members *m)
{
	struct value name, v;

	if (!read_scalar(j, &name) || !name.is_string || !accept(j, ':'))
		return false;
	skip_blanks(j);
	if (j->p < j->end && (*j->p == '[' || *j->p == '{'))
		return skip_nested(j);
	if (!read_scalar(j, &v))
		return false;
	keep(r, m, name.word, &v);
	return true;
}

bool
gpsd_parse(const char *s, size_t len, struct gpsd_report *out)
{
	struct gpsd_report r = { .class = GPSD_OTHER };
	struct members m = { .given = 0 };
	struct json j = { s, s + len };

	if (!accept(&j, '{'))
		return false;
	if (!accept(&j, '}')) {
		do {
			if (!read_member(&j, &r, &m))
				return false;
		} while (accept(&j, ','));
		if (!accept(&j, '}'))
			return false;
	}
	skip_blanks(&j);
	if (j.p != j.end)
		return false;
	put_together(&r, &m);
	*out = r;
	return true;
}
