/* SPDX-License-Identifier: BSD-2-Clause */
/* DCF77: pulses as octets, bits as minutes, and when a minute is believed. */
#include <string.h>
#include <time.h>

#include "base/ntp.h"
#include "refclock/dcf77.h"
#include "../unit.h"

#define S	((int64_t)NS_PER_S)

static const struct walltime begin = { INT64_C(1795395720) * NS_PER_S };	/* 2026-11-23 01:02:00 UTC, a Monday: 02:02 in winter */

/* Weights from the first: 1 2 4 8 10 20 40 80. */
static void
bcd(uint8_t *b, unsigned n, int v)
{
	static const int weights[] = { 1, 2, 4, 8, 10, 20, 40, 80 };

	for (unsigned i = n; i-- > 0;) {
		b[i] = v >= weights[i];
		v -= b[i] * weights[i];
	}
}

static uint8_t
parity(const uint8_t *b, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += b[i];
	return sum % 2;
}

/* The bits that tell that instant, which is the begin of a minute. */
static void
encode(uint8_t b[static DCF77_BITS], struct walltime when, bool summer, bool leap)
{
	time_t local = (time_t)(when.ns / S) + (summer ? 7200 : 3600);
	struct tm tm;

	gmtime_r(&local, &tm);
	memset(b, 0, DCF77_BITS);
	b[17] = summer;
	b[18] = !summer;
	b[19] = leap;
	b[20] = 1;
	bcd(b + 21, 7, tm.tm_min);
	b[28] = parity(b + 21, 7);
	bcd(b + 29, 6, tm.tm_hour);
	b[35] = parity(b + 29, 6);
	bcd(b + 36, 6, tm.tm_mday);
	bcd(b + 42, 3, tm.tm_wday == 0 ? 7 : tm.tm_wday);
	bcd(b + 45, 5, tm.tm_mon + 1);
	bcd(b + 50, 8, tm.tm_year % 100);
	b[58] = parity(b + 36, 22);
}

START_TEST(pulses_are_long_or_short)
{
	static const struct { uint8_t octet; int baud, bit; } rows[] = {
		{ 0xf0, 50, 0 }, { 0xe0, 50, 0 }, { 0xf8, 50, 0 }, { 0xc0, 50, 0 }, { 0x80, 50, 1 }, { 0x00, 50, 1 },
		{ 0xc0, 75, 0 }, { 0x80, 75, 0 }, { 0x00, 75, 1 },
		/* Too short, or not one run. */
		{ 0xff, 50, -1 }, { 0xfe, 75, -1 }, { 0xf4, 50, -1 }, { 0x01, 50, -1 }, { 0x70, 50, -1 }, { 0x55, 50, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(dcf77_bit(rows[i].octet, rows[i].baud) == rows[i].bit, "%02x", rows[i].octet);
}
END_TEST

START_TEST(a_minute_is_read_in_winter_and_in_summer)
{
	struct timecode t = { .leap = 9 };
	uint8_t b[DCF77_BITS];

	encode(b, begin, false, false);
	ck_assert_int_eq(dcf77_read(b, begin, &t), TIMECODE_OK);
	ck_assert(t.when.ns == begin.ns && t.leap == LEAP_NONE && t.trust == TIMECODE_LOCKED);
	encode(b, begin, true, true);
	ck_assert_int_eq(dcf77_read(b, begin, &t), TIMECODE_OK);
	ck_assert(t.when.ns == begin.ns && t.leap == LEAP_INSERT);
	/* A day that has begun in local time only. */
	encode(b, (struct walltime){ begin.ns - 3600 * S - 120 * S }, false, false);
	ck_assert_int_eq(dcf77_read(b, begin, &t), TIMECODE_OK);
	ck_assert(t.when.ns == begin.ns - 3720 * S);
}
END_TEST

START_TEST(no_bit_may_be_another)
{
	uint8_t good[DCF77_BITS], b[DCF77_BITS];
	struct timecode t;

	encode(good, begin, false, false);
	for (unsigned i = 0; i < DCF77_BITS; i++) {
		memcpy(b, good, sizeof(b));
		b[i] ^= 1;
		/* Bits 1 to 16 tell no time, and 19 only of leap seconds. */
		ck_assert_msg((dcf77_read(b, begin, &t) == TIMECODE_OK) == ((i >= 1 && i <= 16) || i == 19), "bit %u", i);
	}
}
END_TEST

START_TEST(dates_that_there_are_not_are_refused)
{
	static const struct { unsigned at, n; int v; } rows[] = {
		{ 21, 7, 60 }, { 29, 6, 24 }, { 36, 6, 0 }, { 36, 6, 31 }, { 45, 5, 0 }, { 45, 5, 13 }, { 42, 3, 2 }, { 42, 3, 0 },
	};
	uint8_t b[DCF77_BITS];
	struct timecode t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		encode(b, begin, false, false);
		bcd(b + rows[i].at, rows[i].n, rows[i].v);
		b[28] = parity(b + 21, 7);
		b[35] = parity(b + 29, 6);
		b[58] = parity(b + 36, 22);
		ck_assert_msg(dcf77_read(b, begin, &t) == TIMECODE_BAD_TIME, "row %zu", i);
	}
	/* A digit above 9. */
	encode(b, begin, false, false);
	b[21] = b[22] = b[23] = b[24] = 1;
	b[28] = parity(b + 21, 7);
	ck_assert_int_eq(dcf77_read(b, begin, &t), TIMECODE_BAD_TIME);
}
END_TEST

/* Sends the pulses of the minute before when; host is off by so much.  The result of the last of them. */
static enum timecode_err
send_minute(struct dcf77 *d, struct walltime when, double off, struct timecode *t, unsigned *times)
{
	enum timecode_err err = TIMECODE_PART;
	uint8_t b[DCF77_BITS];

	encode(b, when, false, false);
	for (unsigned i = 0; i < DCF77_BITS; i++) {
		struct walltime host = walltime_add((struct walltime){ when.ns - (60 - i) * S }, off);

		err = dcf77_pulse(d, b[i], host, t);
		if (err == TIMECODE_OK) {
			ck_assert(fabs(walltime_diff(host, t->when) - off) < 1e-6);
			(*times)++;
		}
	}
	return err;
}

START_TEST(each_second_is_told_once_a_minute_is_known)
{
	struct dcf77 d = { .n = 0 };
	unsigned times = 0;
	struct timecode t;

	/* From the middle of a minute: the first whole one agrees with our clock. */
	for (int i = 20; i < 59; i++)
		ck_assert_int_eq(dcf77_pulse(&d, i % 2, (struct walltime){ begin.ns - 120 * S + i * S + S / 4 }, &t), TIMECODE_PART);
	ck_assert_int_eq(send_minute(&d, begin, 0.25, &t, &times), TIMECODE_PART);
	ck_assert_uint_eq(times, 0);
	ck_assert_int_eq(send_minute(&d, (struct walltime){ begin.ns + 60 * S }, 0.25, &t, &times), TIMECODE_OK);
	ck_assert_uint_eq(times, 59);
}
END_TEST

START_TEST(a_clock_that_is_off_wants_two_minutes_that_agree)
{
	struct dcf77 d = { .n = 0 };
	unsigned times = 0;
	struct timecode t;

	ck_assert_int_eq(dcf77_pulse(&d, 0, (struct walltime){ begin.ns - 62 * S - 100000 * S }, &t), TIMECODE_PART);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(send_minute(&d, (struct walltime){ begin.ns + 60 * i * S }, -100000, &t, &times), TIMECODE_PART);
	ck_assert_uint_eq(times, 0);
	ck_assert_int_eq(send_minute(&d, (struct walltime){ begin.ns + 120 * S }, -100000, &t, &times), TIMECODE_OK);
	ck_assert_uint_eq(times, 59);
	/* The next one tells another minute than the one after. */
	times = 0;
	for (int i = 0; i < DCF77_BITS; i++) {
		uint8_t b[DCF77_BITS];

		encode(b, (struct walltime){ begin.ns + 600 * S }, false, false);
		times += dcf77_pulse(&d, b[i], (struct walltime){ begin.ns + 120 * S - 100000 * S + i * S }, &t) == TIMECODE_OK;
	}
	ck_assert_uint_eq(times, 59);
	ck_assert_int_eq(dcf77_pulse(&d, 0, (struct walltime){ begin.ns + 180 * S - 100000 * S }, &t), TIMECODE_PART);
}
END_TEST

START_TEST(noise_and_pulses_at_the_wrong_time_end_what_is_known)
{
	static const double gaps[] = { 0.0, 0.5, 0.59, 1.41, 1.59, 2.41, 60.0, -1.0 };

	for (size_t i = 0; i <= sizeof(gaps) / sizeof(gaps[0]); i++) {
		struct dcf77 d = { .n = 0 };
		unsigned times = 0;
		struct timecode t;
		enum timecode_err err;
		struct walltime at = begin;

		for (int k = 50; k < 59; k++)
			ck_assert_int_eq(dcf77_pulse(&d, 0, (struct walltime){ begin.ns - 120 * S + k * S }, &t), TIMECODE_PART);
		ck_assert_int_eq(send_minute(&d, begin, 0, &t, &times), TIMECODE_PART);
		ck_assert_int_eq(dcf77_pulse(&d, 0, at, &t), TIMECODE_OK);
		if (i < sizeof(gaps) / sizeof(gaps[0]))
			err = dcf77_pulse(&d, 0, at = walltime_add(at, gaps[i]), &t);
		else
			err = dcf77_pulse(&d, -1, at = walltime_add(at, 1), &t);
		ck_assert_msg(err == TIMECODE_FORMAT, "row %zu", i);
		ck_assert_int_eq(dcf77_pulse(&d, 0, walltime_add(at, 1), &t), TIMECODE_PART);
	}
}
END_TEST

START_TEST(a_leap_second_has_a_pulse_of_its_own)
{
	struct dcf77 d = { .n = 0 };
	struct timecode t;
	uint8_t b[DCF77_BITS];

	for (int leap = 1; leap >= 0; leap--) {
		d = (struct dcf77){ .n = 0 };
		for (int k = 50; k < 59; k++)
			ck_assert_int_eq(dcf77_pulse(&d, 0, (struct walltime){ begin.ns - 121 * S + k * S }, &t), TIMECODE_PART);
		encode(b, begin, false, leap);
		for (int i = 0; i < 60; i++)
			ck_assert_int_eq(dcf77_pulse(&d, i < DCF77_BITS ? b[i] : 0, (struct walltime){ begin.ns + (i - 61) * S }, &t), TIMECODE_PART);
		ck_assert_int_eq(dcf77_pulse(&d, 0, begin, &t), leap ? TIMECODE_OK : TIMECODE_PART);
	}
}
END_TEST

UNIT_MAIN("dcf77", pulses_are_long_or_short, a_minute_is_read_in_winter_and_in_summer, no_bit_may_be_another, dates_that_there_are_not_are_refused,
    each_second_is_told_once_a_minute_is_known, a_clock_that_is_off_wants_two_minutes_that_agree, noise_and_pulses_at_the_wrong_time_end_what_is_known,
    a_leap_second_has_a_pulse_of_its_own)
