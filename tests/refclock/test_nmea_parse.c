/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences of receivers: what they say, what is wrong with them (LOC-03), and dates. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "refclock/nmea_parse.h"
#include "../unit.h"

/* Puts "$", checksum and all around a body. */
static size_t
wrap(const char *body, char *buf, size_t cap)
{
	unsigned sum = 0;

	for (const char *p = body; *p != '\0'; p++)
		sum ^= (unsigned char)*p;
	return (size_t)snprintf(buf, cap, "$%s*%02X", body, sum);
}

static enum nmea_err
parse(const char *body, struct nmea_time *t)
{
	char buf[512];

	return nmea_parse(buf, wrap(body, buf, sizeof(buf)), t);
}

static int64_t
utc(int year, int month, int day, int h, int m, int s)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = h, .tm_min = m, .tm_sec = s };

	return timegm(&tm) * (int64_t)NS_PER_S;
}

START_TEST(sentences_of_real_receivers_are_read)
{
	static const struct { const char *s; enum nmea_kind kind; int year, month, day, h, m, s_; } rows[] = {
		{ "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A", NMEA_RMC, 1994, 3, 23, 12, 35, 19 },
		{ "$GPZDA,201530.00,04,07,2002,00,00*60", NMEA_ZDA, 2002, 7, 4, 20, 15, 30 },
	};
	struct nmea_time t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(nmea_parse(rows[i].s, strlen(rows[i].s), &t) == NMEA_OK, "%s", rows[i].s);
		ck_assert_int_eq(t.kind, rows[i].kind);
		ck_assert(t.have_date);
		ck_assert_int_eq(nmea_when(&t, (struct walltime){ 0 }).ns, utc(rows[i].year, rows[i].month, rows[i].day, rows[i].h, rows[i].m, rows[i].s_));
	}
}
END_TEST

START_TEST(every_kind_tells_the_time)
{
	static const struct { const char *body; enum nmea_kind kind; bool date; } rows[] = {
		{ "GPRMC,010203.250,A,4807.038,N,01131.000,E,022.4,084.4,231126,003.1,W,A", NMEA_RMC, true },
		{ "GNRMC,010203.250,A,4807.038,N,01131.000,E,,,231126,,", NMEA_RMC, true },
		{ "GPGGA,010203.250,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", NMEA_GGA, false },
		{ "GPGLL,4807.038,N,01131.000,E,010203.250,A,A", NMEA_GLL, false },
		{ "GPZDA,010203.250,23,11,2026,,", NMEA_ZDA, true },
		{ "GPZDG,010203.250,23,11,2026,3", NMEA_ZDA, true },
		{ "PGRMF,290,293895,231126,010203.25,13,5213.1439,N,02100.6511,E,A,2,0,226,2,1", NMEA_PGRMF, true },
		{ "PUBX,04,010203.25,231126,113851.00,1196,18,1930035,-2660.664,43", NMEA_PUBX04, true },
	};
	int64_t want = utc(2026, 11, 23, 1, 2, 3) + NS_PER_S / 4;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nmea_time t;

		ck_assert_msg(parse(rows[i].body, &t) == NMEA_OK, "%s", rows[i].body);
		ck_assert_int_eq(t.kind, rows[i].kind);
		ck_assert(t.have_date == rows[i].date);
		ck_assert_msg(nmea_when(&t, (struct walltime){ want - 3600 * (int64_t)NS_PER_S }).ns == want, "%s", rows[i].body);
	}
}
END_TEST

START_TEST(receivers_that_do_not_know_are_not_believed)
{
	static const char *const rows[] = {
		"GPRMC,010203,V,4807.038,N,01131.000,E,022.4,084.4,231126,003.1,W", "GPGGA,010203,4807.038,N,01131.000,E,0,00,,,M,,M,,",
		"GPGGA,010203,,,,,,,,,,,,,", "GPGLL,4807.038,N,01131.000,E,010203,V", "PGRMF,290,293895,231126,010203,13,5213.1439,N,02100.6511,E,A,0,0,226,2,1",
		"PUBX,04,010203.25,231126,113851.00,1196,15D,1930035,-2660.664,43", "GPRMC,,V,,,,,,,,,,N",
	};
	struct nmea_time t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(parse(rows[i], &t) == NMEA_NO_FIX, "%s", rows[i]);
}
END_TEST

START_TEST(what_is_no_sentence_is_refused)
{
	static const char *const rows[] = {
		"", "$", "$*00", "$GP*17", "GPZDA,201530.00,04,07,2002,00,00*60",
		"$GPZDA,201530.00,04,07,2002,00,00*61", "$GPZDA,201530.00,04,07,2002,00,00", "$GPZDA,201530.00,04,07,2002,00,00*6G",
		"$GPZDA,201530.00,04,07,2002,00,00*60 ", "$GPZDA,201530.00,0\0014,07,2002,00,00*61", "$GPZDA,201531.00,04,07,2002,00,00*60",
	};
	struct nmea_time t = { .day_ns = 77 };
	char longish[NMEA_LEN_MAX + 64], body[NMEA_LEN_MAX + 32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(nmea_parse(rows[i], strlen(rows[i]), &t) != NMEA_OK, "%s", rows[i]);
	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, "GPZDA,123519.00,23,03,2026,00,00,", 33);
	body[sizeof(body) - 1] = '\0';
	ck_assert_int_eq(nmea_parse(longish, wrap(body, longish, sizeof(longish)), &t), NMEA_FORMAT);
	/* Too few fields, and more than any sentence has. */
	ck_assert_int_eq(parse("GPRMC,010203,A", &t), NMEA_FORMAT);
	ck_assert_int_eq(parse("PGRMF", &t), NMEA_FORMAT);
	ck_assert_int_eq(parse("GPZDA,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,", &t), NMEA_OTHER);
	ck_assert_int_eq(parse("GPGSV,3,1,11,03,03,111,00,04,15,270,00", &t), NMEA_OTHER);
	ck_assert_int_eq(parse("PUBX,03,010203.25,231126,113851.00,1196,18", &t), NMEA_OTHER);
	ck_assert_int_eq(parse("PPRMC,010203,A,4807.038,N,01131.000,E,022.4,084.4,231126,003.1,W", &t), NMEA_OTHER);
	ck_assert_int_eq(t.day_ns, 77);
}
END_TEST

START_TEST(times_and_dates_that_are_none_are_refused)
{
	static const char *const rows[] = {
		"GPZDA,240000,23,11,2026,,", "GPZDA,236000,23,11,2026,,", "GPZDA,235960,31,12,2026,,", "GPZDA,2359,23,11,2026,,",
		"GPZDA,23595x,23,11,2026,,", "GPZDA,235959.0x,23,11,2026,,", "GPZDA,235959x0,23,11,2026,,", "GPZDA,235959,29,02,2027,,",
		"GPZDA,235959,31,11,2026,,", "GPZDA,235959,00,11,2026,,", "GPZDA,235959,23,00,2026,,", "GPZDA,235959,23,13,2026,,",
		"GPZDA,235959,23,11,1979,,", "GPZDA,235959,23,11,9999,,", "GPZDA,235959,23,11,26,,", "GPZDA,,,,,,",
		"GPRMC,235959,A,4807.038,N,01131.000,E,022.4,084.4,2311266,003.1,W", "GPRMC,235959,A,4807.038,N,01131.000,E,022.4,084.4,,003.1,W",
		"GPRMC,235959,A,4807.038,N,01131.000,E,022.4,084.4,-11126,003.1,W",
	};
	struct nmea_time t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(parse(rows[i], &t) == NMEA_BAD_TIME, "%s", rows[i]);
}
END_TEST

START_TEST(every_day_is_the_one_that_it_is)
{
	for (int64_t day = 3653; day < 70000; day += 13) {
		time_t at = (time_t)day * 86400;
		struct nmea_time t;
		char body[64];
		struct tm tm;

		ck_assert_ptr_nonnull(gmtime_r(&at, &tm));
		snprintf(body, sizeof(body), "GPZDA,000000,%02d,%02d,%04d,,", tm.tm_mday, tm.tm_mon + 1, tm.tm_year + 1900);
		ck_assert_msg(parse(body, &t) == NMEA_OK && t.days == day, "%s", body);
	}
}
END_TEST

START_TEST(years_of_two_digits_are_those_of_gps)
{
	static const struct { const char *date; int year; } rows[] = { { "010180", 1980 }, { "010199", 1999 }, { "010100", 2000 }, { "010179", 2079 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nmea_time t;
		char body[128];

		snprintf(body, sizeof(body), "GPRMC,000000,A,4807.038,N,01131.000,E,022.4,084.4,%s,003.1,W", rows[i].date);
		ck_assert_int_eq(parse(body, &t), NMEA_OK);
		ck_assert_int_eq(nmea_when(&t, (struct walltime){ 0 }).ns, utc(rows[i].year, 1, 1, 0, 0, 0));
	}
}
END_TEST

START_TEST(a_time_without_a_date_is_the_nearest_one)
{
	static const struct { int now_h, now_m; const char *time; int day, h; } rows[] = {
		{ 0, 0, "235959", 22, 23 }, { 23, 59, "000001", 24, 0 }, { 12, 0, "130000", 23, 13 }, { 3, 0, "160000", 22, 16 }, { 20, 0, "070000", 24, 7 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct walltime now = { utc(2026, 11, 23, rows[i].now_h, rows[i].now_m, 0) }, got;
		struct nmea_time t;
		char body[128];

		snprintf(body, sizeof(body), "GPGGA,%s,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", rows[i].time);
		ck_assert_int_eq(parse(body, &t), NMEA_OK);
		got = nmea_when(&t, now);
		ck_assert_msg(got.ns / NS_PER_S / 3600 == utc(2026, 11, rows[i].day, rows[i].h, 0, 0) / NS_PER_S / 3600, "row %zu", i);
	}
}
END_TEST

START_TEST(the_position_is_found)
{
	static const char s[] = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A";
	struct nmea_time t;

	ck_assert_int_eq(nmea_parse(s, strlen(s), &t), NMEA_OK);
	ck_assert_int_eq(strncmp(s + t.place, "4807.038,N,01131.000,E", t.place_len), 0);
	ck_assert_uint_eq(t.place_len, 22);
}
END_TEST

UNIT_MAIN("refclock/nmea_parse", sentences_of_real_receivers_are_read, every_kind_tells_the_time, receivers_that_do_not_know_are_not_believed,
    what_is_no_sentence_is_refused, times_and_dates_that_are_none_are_refused, every_day_is_the_one_that_it_is,
    years_of_two_digits_are_those_of_gps, a_time_without_a_date_is_the_nearest_one, the_position_is_found)
