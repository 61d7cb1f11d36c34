/* SPDX-License-Identifier: BSD-2-Clause */
/* Splits sentences into fields, checks them, and reads the time out of those that have it. */
#include <string.h>

#include "calendar.h"
#include "nmea_parse.h"

#define FIELDS_MAX	32
#define CENTURY_PIVOT	80	/* GPS has told the time since 1980: years of two digits below this are of this century */

struct field {
	const char	*s;
	size_t		len;
};

/* Where a sentence has what; -1 = nowhere. */
struct layout {
	const char	*name;		/* after the talker for standard ones, else the whole of field 0 */
	bool		talker;
	enum nmea_kind	kind;
	int		time, date;	/* date: ddmmyy; -1 = none, or ZDA's three fields */
	int		valid;		/* field that says whether there is a fix … */
	const char	*invalid;	/* … by not beginning with one of these characters, nor being empty */
	int		place;		/* latitude, hemisphere, longitude, hemisphere begin here */
};

static const struct layout layouts[] = {
	{ "RMC", true, NMEA_RMC, 1, 9, 2, "V", 3 },
	{ "GGA", true, NMEA_GGA, 1, -1, 6, "0", 2 },
	{ "GLL", true, NMEA_GLL, 5, -1, 6, "V", 1 },
	{ "ZDA", true, NMEA_ZDA, 1, -1, -1, NULL, -1 },
	{ "ZDG", true, NMEA_ZDA, 1, -1, -1, NULL, -1 },
	{ "PGRMF", false, NMEA_PGRMF, 4, 3, 11, "0", 6 },
	{ "PUBX", false, NMEA_PUBX04, 2, 3, -1, NULL, -1 },
};

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "$…*hh": what stands between, if the sum is right. */
static bool
unwrap(const char *s, size_t len, const char **body, size_t *n)
{
	unsigned sum = 0;
	int high, low;

	if (len < 5 || len > NMEA_LEN_MAX || s[0] != '$' || s[len - 3] != '*')
		return false;
	high = hex(s[len - 2]);
	low = hex(s[len - 1]);
	if (high < 0 || low < 0)
		return false;
	for (size_t i = 1; i < len - 3; i++) {
		if (s[i] < ' ' || s[i] > '~' || s[i] == '$' || s[i] == '*')
			return false;
		sum ^= (unsigned char)s[i];
	}
	*body = s + 1;
	*n = len - 4;
	return sum == (unsigned)(high << 4 | low);
}

static int
split(const char *s, size_t len, struct field f[static FIELDS_MAX])
{
	int n = 0;

	f[0] = (struct field){ .s = s };
	for (size_t i = 0; i < len; i++) {
		if (s[i] != ',')
			f[n].len++;
		else if (n < FIELDS_MAX - 1)
			f[++n] = (struct field){ .s = s + i + 1 };
		else
			return -1;
	}
	return n + 1;
}

static bool
digits(const struct field *f, size_t at, size_t n, int *out)
{
	return calendar_digits(f->s, f->len, at, n, out);
}

/* hhmmss or hhmmss.fff */
static bool
read_time(const struct field *f, int64_t *ns)
{
	int h, m, s;
	int64_t fraction;

	if (!digits(f, 0, 2, &h) || !digits(f, 2, 2, &m) || !digits(f, 4, 2, &s) || h > 23 || m > 59 || s > 59 ||
	    !calendar_fraction(f->s + 6, f->len - 6, &fraction))
		return false;
	*ns = ((h * 60 + m) * 60 + s) * (int64_t)NS_PER_S + fraction;
	return true;
}

static bool
read_date(const struct field *f, int32_t *days)
{
	int d, m, y;

	if (f->len != 6 || !digits(f, 0, 2, &d) || !digits(f, 2, 2, &m) || !digits(f, 4, 2, &y))
		return false;
	return calendar_day(y < CENTURY_PIVOT ? 2000 + y : 1900 + y, m, d, days);
}

/* ZDA: day, month, year of four digits. */
static bool
read_long_date(const struct field f[], int32_t *days)
{
	int d, m, y;

	if (f[0].len != 2 || f[1].len != 2 || f[2].len != 4 || !digits(&f[0], 0, 2, &d) || !digits(&f[1], 0, 2, &m) || !digits(&f[2], 0, 4, &y))
		return false;
	return calendar_day(y, m, d, days);
}

static const struct layout *
layout_of(const struct field f[], int n)
{
	for (size_t i = 0; i < NELEMS(layouts); i++) {
		const struct layout *l = &layouts[i];
		size_t len = strlen(l->name), talker = l->talker ? 2 : 0;

		if (f[0].len != talker + len || memcmp(f[0].s + talker, l->name, len) != 0 || (l->talker && f[0].s[0] == 'P'))
			continue;
		if (l->kind == NMEA_PUBX04 && (n < 2 || f[1].len != 2 || memcmp(f[1].s, "04", 2) != 0))
			continue;
		return l;
	}
	return NULL;
}

static bool
has_fix(const struct layout *l, const struct field f[])
{
	/* Leap seconds that the receiver has only been told at the factory: a second or more may be missing. */
	if (l->kind == NMEA_PUBX04)
		return f[6].len > 0 && f[6].s[f[6].len - 1] != 'D';
	return l->valid == -1 || (f[l->valid].len > 0 && strchr(l->invalid, f[l->valid].s[0]) == NULL);
}

/* How many fields a layout reads. */
static int
fields_of(const struct layout *l)
{
	int n = l->kind == NMEA_ZDA ? 5 : l->kind == NMEA_PUBX04 ? 7 : l->place + 4;

	n = l->valid >= n ? l->valid + 1 : n;
	n = l->date >= n ? l->date + 1 : n;
	return l->time >= n ? l->time + 1 : n;
}

enum nmea_err
nmea_parse(const char *s, size_t len, struct nmea_time *out)
{
	struct field f[FIELDS_MAX] = { { .s = NULL } };
	const struct layout *l;
	struct nmea_time t = { .day_ns = 0 };
	const char *body;
	size_t blen;
	int n;

	if (!unwrap(s, len, &body, &blen))
		return NMEA_FORMAT;
	n = split(body, blen, f);
	l = n > 0 ? layout_of(f, n) : NULL;
	if (l == NULL)
		return NMEA_OTHER;
	if (n < fields_of(l))
		return NMEA_FORMAT;
	t.kind = l->kind;
	if (l->place != -1) {
		t.place = (size_t)(f[l->place].s - s);
		t.place_len = (size_t)(f[l->place + 3].s + f[l->place + 3].len - f[l->place].s);
	}
	if (!has_fix(l, f)) {
		*out = t;
		return NMEA_NO_FIX;
	}
	t.have_date = l->date != -1 || l->kind == NMEA_ZDA;
	if (!read_time(&f[l->time], &t.day_ns) || (l->kind == NMEA_ZDA && !read_long_date(&f[2], &t.days)) ||
	    (l->date != -1 && !read_date(&f[l->date], &t.days)))
		return NMEA_BAD_TIME;
	*out = t;
	return NMEA_OK;
}

struct walltime
nmea_when(const struct nmea_time *t, struct walltime now)
{
	int64_t days;

	if (t->have_date)
		return (struct walltime){ t->days * DAY_NS + t->day_ns };
	/* Rounded to the nearest day. */
	days = (now.ns - t->day_ns + DAY_NS / 2) / DAY_NS;
	return (struct walltime){ days * DAY_NS + t->day_ns };
}
