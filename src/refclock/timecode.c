/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a telegram by its format: digits into numbers, marks into what they mean. */
#include <string.h>

#include "base/ntp.h"
#include "timecode.h"

#define HOUR	3600

static int
hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
fits_one(char match, uint8_t c)
{
	bool digit = c >= '0' && c <= '9';

	return match == '#' ? digit : match == '$' ? !digit : match == '?' || c == (uint8_t)match;
}

static bool
fits(const struct timecode_format *f, const uint8_t *p, size_t len)
{
	size_t n = strlen(f->match);

	if (f->prefix ? len < n : len != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!fits_one(f->match[i], p[i]))
			return false;
	}
	return true;
}

/* The digits of a field as a number; how many there are, 0 = it has none. */
static int
number(const struct timecode_format *f, const uint8_t *p, char field, int *out)
{
	int n = 0, v = 0, unit = 1;

	for (size_t i = 0; f->field[i] != '\0'; i++) {
		if (f->field[i] != field || f->match[i] != '#')
			continue;
		v = f->reversed ? v + unit * (p[i] - '0') : v * 10 + p[i] - '0';
		unit *= 10;
		n++;
	}
	if (n > 0)
		*out = v;
	return n;
}

/* ".fff", of up to nine digits, as ns. */
static int64_t
fraction(const struct timecode_format *f, const uint8_t *p)
{
	int v = 0, n = number(f, p, 'f', &v);
	int64_t ns = v;

	for (; n > 0 && n < 9; n++)
		ns *= 10;
	return ns;
}

static bool
is_set(const struct timecode_mark *m, uint8_t c)
{
	int digit = hex(c);

	switch (m->test) {
	case MARK_IN:
		return c != '\0' && strchr(m->chars, c) != NULL;
	case MARK_NOT_IN:
		return c == '\0' || strchr(m->chars, c) == NULL;
	case MARK_HEX:
		return digit != -1 && ((unsigned)digit & m->bits) != 0;
	case MARK_HEX_CLEAR:
		return digit == -1 || ((unsigned)digit & m->bits) == 0;
	case MARK_BITS:
		return (c & m->bits) != 0;
	case MARK_BITS_CLEAR:
		return (c & m->bits) == 0;
	case MARK_END:
		break;
	}
	return false;
}

static void
distrust(struct timecode *t, enum timecode_trust to)
{
	if (t->trust < to)
		t->trust = to;
}

static void
read_marks(const struct timecode_format *f, const uint8_t *p, struct civil *v, struct timecode *t)
{
	bool utc = false;

	for (size_t i = 0; i < TIMECODE_MARKS && f->marks[i].test != MARK_END; i++) {
		const char *at = strrchr(f->field, f->marks[i].field);

		if (at == NULL || !is_set(&f->marks[i], p[at - f->field]))
			continue;
		switch (f->marks[i].means) {
		case MEANS_NEVER:
			distrust(t, TIMECODE_NEVER);
			break;
		case MEANS_COASTING:
			distrust(t, TIMECODE_COASTING);
			break;
		case MEANS_SUMMER:
		case MEANS_CET:
			v->east += HOUR;
			break;
		case MEANS_UTC:
			utc = true;
			break;
		case MEANS_LEAP:
			t->leap = LEAP_INSERT;
			break;
		case MEANS_LEAP_DELETE:
			t->leap = LEAP_DELETE;
			break;
		}
	}
	if (utc)
		v->east = 0;
}

/* The zone that the telegram itself tells; it is what it tells, summer time and all. */
static void
read_zone(const struct timecode_format *f, const uint8_t *p, struct civil *v)
{
	const char *sign = strchr(f->field, 'o');
	int h = 0, m = 0;

	if (sign == NULL || number(f, p, 'H', &h) == 0 || number(f, p, 'N', &m) == 0)
		return;
	v->east = (h * 60 + m) * 60 * (p[sign - f->field] == '-' ? -1 : 1);
}

static void
read_fields(const struct timecode_format *f, const uint8_t *p, struct civil *v, struct timecode *t)
{
	static const int zones[] = { [ZONE_UTC] = 0, [ZONE_CET] = HOUR, [ZONE_JST] = 9 * HOUR };
	bool time = number(f, p, 'h', &v->hour) > 0 && number(f, p, 'm', &v->minute) > 0 && number(f, p, 's', &v->second) > 0;

	v->year_digits = number(f, p, 'Y', &v->year);
	v->have_time = time;
	v->have_date = number(f, p, 'J', &v->yearday) > 0 || (number(f, p, 'M', &v->month) > 0 && number(f, p, 'D', &v->day) > 0);
	/* A month 0 would mean that the day of the year counts. */
	if (v->have_date && v->yearday == 0 && v->month == 0)
		v->month = -1;
	v->ns = fraction(f, p);
	v->east = zones[f->zone];
	read_marks(f, p, v, t);
	read_zone(f, p, v);
}

static int
seconds_of(const struct civil *v)
{
	return (v->hour * 60 + v->minute) * 60 + v->second;
}

/* A date that came between two times is that of both if no midnight came between them. */
static enum timecode_err
join(struct timecode_memory *memory, struct civil *v, struct timecode *t)
{
	struct timecode_memory m = *memory;

	if (v->have_date && v->have_time)
		return TIMECODE_OK;
	*memory = (struct timecode_memory){ .v.have_time = false };
	if (!v->have_date && !v->have_time) {
		if (!m.v.have_date || !m.v.have_time)
			return TIMECODE_OTHER;
		*v = m.v;
		*t = m.t;
		return TIMECODE_OK;
	}
	if (v->have_date) {
		int h = m.v.hour, min = m.v.minute, s = m.v.second;

		memory->v = *v;
		memory->v.have_time = m.v.have_time;
		memory->v.hour = h;
		memory->v.minute = min;
		memory->v.second = s;
		return TIMECODE_PART;
	}
	if (!m.v.have_date || !m.v.have_time) {
		memory->v = *v;
		return TIMECODE_PART;
	}
	if (seconds_of(v) < seconds_of(&m.v))
		return TIMECODE_PART;
	m.v.hour = v->hour;
	m.v.minute = v->minute;
	m.v.second = v->second;
	m.v.ns = v->ns;
	m.v.have_time = true;
	*v = m.v;
	return TIMECODE_OK;
}

enum timecode_err
timecode_read(const struct timecode_format *const formats[], struct timecode_memory *memory, const uint8_t *p, size_t len, struct walltime now,
    struct timecode *out)
{
	struct timecode t = { .leap = LEAP_NONE, .trust = TIMECODE_LOCKED };
	struct civil v = { .year = -1 };
	const struct timecode_format *f = NULL;
	enum timecode_err err;

	for (size_t i = 0; formats[i] != NULL && f == NULL; i++)
		f = fits(formats[i], p, len) ? formats[i] : NULL;
	if (f == NULL || (f->sum != NULL && !f->sum(p, len)))
		return TIMECODE_FORMAT;
	read_fields(f, p, &v, &t);
	if (f->held) {
		*memory = (struct timecode_memory){ v, t };
		return TIMECODE_PART;
	}
	err = join(memory, &v, &t);
	if (err != TIMECODE_OK)
		return err;
	if (!calendar_when(&v, now, &t.when))
		return TIMECODE_BAD_TIME;
	t.when.ns -= f->early_ms * (int64_t)(NS_PER_S / 1000);
	*out = t;
	return TIMECODE_OK;
}

enum timecode_err
timecode_schmid(const uint8_t *p, size_t len, struct walltime now, struct timecode *out)
{
	enum { TIME = 0, DATE = 4, STATUS = 7, STATION = 8, LEN = 10 };
	struct timecode t = { .leap = LEAP_NONE, .trust = TIMECODE_LOCKED };
	struct civil v = { .have_date = true, .have_time = true };

	if (len != LEN || p[TIME + 3] > 9 || p[DATE + 2] > 99 || p[DATE + 1] == 0)
		return TIMECODE_FORMAT;
	v.hour = p[TIME];
	v.minute = p[TIME + 1];
	v.second = p[TIME + 2];
	v.ns = p[TIME + 3] * (int64_t)(NS_PER_S / 10);
	v.day = p[DATE];
	v.month = p[DATE + 1];
	v.year = p[DATE + 2];
	v.year_digits = 2;
	/* Bits 3 and 2: 10 is CET, 01 its summer time. */
	if ((p[STATION] & 0x0c) != 0x08 && (p[STATION] & 0x0c) != 0x04)
		return TIMECODE_FORMAT;
	v.east = (p[STATION] & 0x0c) == 0x08 ? HOUR : 2 * HOUR;
	/* 0 no time, 1 by the crystal, 3 by DCF77. */
	t.trust = (p[STATUS] & 1) == 0 ? TIMECODE_NEVER : (p[STATUS] & 2) == 0 ? TIMECODE_COASTING : TIMECODE_LOCKED;
	if ((p[STATION] & 0x10) != 0)
		t.leap = LEAP_INSERT;
	if (!calendar_when(&v, now, &t.when))
		return TIMECODE_BAD_TIME;
	*out = t;
	return TIMECODE_OK;
}
