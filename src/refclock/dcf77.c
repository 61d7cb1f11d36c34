/* SPDX-License-Identifier: BSD-2-Clause */
/* Pulses into bits, bits into minutes, and the doubts that a signal by radio deserves. */
#include <string.h>

#include "base/ntp.h"
#include "dcf77.h"

#define HOUR		3600
#define ONE_FROM	0.150	/* s: pulses from here on are a 1 */
#define PULSE_MIN	0.040	/* s */
#define SECOND_MIN	0.6	/* s between pulses as they are read, of one second … */
#define SECOND_MAX	1.4
#define MARK_MIN	1.6	/* … and of two, where a minute begins */
#define MARK_MAX	2.4
#define AGREES		30.0	/* s from our clock, within which its minute is the same */

/* Seconds of a minute, and what their bits are. */
enum { BIT_MARK = 0, BIT_SUMMER = 17, BIT_WINTER = 18, BIT_LEAP = 19, BIT_START = 20, BIT_MINUTE = 21, BIT_HOUR = 29, BIT_DAY = 36, BIT_WEEKDAY = 42,
    BIT_MONTH = 45, BIT_YEAR = 50, BIT_PARITY = 58 };

int
dcf77_bit(uint8_t octet, int baud)
{
	int low = 0;

	while (low < 8 && (octet & 1 << low) == 0)
		low++;
	/* One pulse is one run: start bit and zeros, then ones. */
	if ((octet | ((1 << low) - 1)) != 0xff || (1 + low) < PULSE_MIN * baud)
		return -1;
	return low == 8 || 1 + low >= ONE_FROM * baud;
}

/* Decimal digits, units first, of 4 bits and what is left; -1 if a digit is none. */
static int
bcd(const uint8_t *b, unsigned n)
{
	static const int weights[] = { 1, 2, 4, 8, 10, 20, 40, 80 };
	int v = 0, units = 0;

	for (unsigned i = 0; i < n; i++) {
		v += b[i] * weights[i];
		units += i < 4 ? b[i] * weights[i] : 0;
	}
	return units > 9 || v - units > 90 ? -1 : v;
}

static bool
even(const uint8_t *b, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += b[i];
	return sum % 2 == 0;
}

static bool
is_sound(const uint8_t bits[static DCF77_BITS])
{
	return bits[BIT_MARK] == 0 && bits[BIT_START] == 1 && bits[BIT_SUMMER] != bits[BIT_WINTER] && even(bits + BIT_MINUTE, BIT_HOUR - BIT_MINUTE) &&
	    even(bits + BIT_HOUR, BIT_DAY - BIT_HOUR) && even(bits + BIT_DAY, BIT_PARITY + 1 - BIT_DAY);
}

/* 1 = Monday; 1970-01-01 was a Thursday. */
static int
weekday_of(int64_t days)
{
	return (int)((days + 3) % 7) + 1;
}

enum timecode_err
dcf77_read(const uint8_t bits[static DCF77_BITS], struct walltime now, struct timecode *out)
{
	struct timecode t = { .leap = bits[BIT_LEAP] != 0 ? LEAP_INSERT : LEAP_NONE, .trust = TIMECODE_LOCKED };
	struct civil v = { .have_date = true, .have_time = true, .year_digits = 2 };

	if (!is_sound(bits))
		return TIMECODE_FORMAT;
	v.minute = bcd(bits + BIT_MINUTE, 7);
	v.hour = bcd(bits + BIT_HOUR, 6);
	v.day = bcd(bits + BIT_DAY, 6);
	v.month = bcd(bits + BIT_MONTH, 5);
	v.year = bcd(bits + BIT_YEAR, 8);
	v.east = bits[BIT_SUMMER] != 0 ? 2 * HOUR : HOUR;
	if (v.minute < 0 || v.hour < 0 || v.day < 1 || v.month < 1 || v.year < 0 || !calendar_when(&v, now, &t.when))
		return TIMECODE_BAD_TIME;
	if (weekday_of((t.when.ns + v.east * (int64_t)NS_PER_S) / DAY_NS) != bcd(bits + BIT_WEEKDAY, 3))
		return TIMECODE_BAD_TIME;
	*out = t;
	return TIMECODE_OK;
}

/* The first pulse of a minute: what has the last one told? */
static enum timecode_err
begin_minute(struct dcf77 *d, struct walltime host)
{
	bool whole = d->whole && (d->n == DCF77_BITS || (d->n == DCF77_BITS + 1 && d->bits[DCF77_BITS] == 0 && d->bits[BIT_LEAP] != 0));
	struct timecode told;
	enum timecode_err err = whole ? dcf77_read(d->bits, host, &told) : TIMECODE_PART;

	d->known = err == TIMECODE_OK && ((d->told && told.when.ns - d->minute.when.ns == 60 * (int64_t)NS_PER_S) ||
	    fabs(walltime_diff(told.when, host)) < AGREES);
	d->told = err == TIMECODE_OK;
	if (d->told)
		d->minute = told;
	d->whole = true;
	d->n = 0;
	return err == TIMECODE_OK && !d->known ? TIMECODE_PART : err;
}

/* Until the next minute begins nothing is known. */
static enum timecode_err
lose(struct dcf77 *d)
{
	d->whole = d->known = d->told = false;
	d->n = 0;
	return TIMECODE_FORMAT;
}

enum timecode_err
dcf77_pulse(struct dcf77 *d, int bit, struct walltime host, struct timecode *out)
{
	double gap = d->heard ? walltime_diff(host, d->last) : 1;
	enum timecode_err err = TIMECODE_PART;

	d->heard = true;
	d->last = host;
	if (bit == -1)
		return lose(d);
	if (gap >= MARK_MIN && gap <= MARK_MAX)
		err = begin_minute(d, host);
	else if (gap < SECOND_MIN || gap > SECOND_MAX || (d->whole && d->n > DCF77_BITS))
		return lose(d);
	if (!d->whole)
		return err;
	d->bits[d->n++] = (uint8_t)bit;
	if (!d->known)
		return err;
	*out = d->minute;
	out->when.ns += (d->n - 1) * (int64_t)NS_PER_S;
	return TIMECODE_OK;
}
