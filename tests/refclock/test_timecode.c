/* SPDX-License-Identifier: BSD-2-Clause */
/* Telegrams of receivers: what each maker's tell, and what is wrong with those that are refused (LOC-03). */
#include <string.h>
#include <time.h>

#include "base/ntp.h"
#include "refclock/timecode.h"
#include "../unit.h"

/* Lists of formats by name, for the tables below. */
#define F(name)	timecode_##name

static const struct walltime now = { INT64_C(1795395723) * NS_PER_S };	/* 2026-11-23 01:02:03 */

static int64_t
utc(int year, int month, int day, int h, int m, int s)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = h, .tm_min = m, .tm_sec = s };

	return timegm(&tm) * (int64_t)NS_PER_S;
}

static enum timecode_err
read_one(const struct timecode_format *const formats[], const char *s, size_t len, struct timecode *t)
{
	struct timecode_memory memory = { .v.have_time = false };
	uint8_t copy[TIMECODE_MAX];

	memcpy(copy, s, len);
	return timecode_read(formats, &memory, copy, len, now, t);
}

/* One whole telegram of each kind, all of them 2026-11-23 01:02:03 UTC unless it says otherwise. */
static const struct telegram {
	const struct timecode_format *const *formats;
	const char		*s;
	int64_t			more_ms;
	enum timecode_trust	trust;
	int			leap;
} telegrams[] = {
	{ F(meinberg), "D:23.11.26;T:1;U:02.02.03;    ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(meinberg), "D:23.11.26;T:1;U:03.02.03;  S ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(meinberg), "D:23.11.26;T:1;U:01.02.03;  UA", 0, TIMECODE_LOCKED, LEAP_INSERT },
	{ F(meinberg), "D:23.11.26;T:1;U:01.02.03; *U ", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(meinberg), "D:23.11.26;T:1;U:01.02.03;#*U ", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(meinberg), "23.11.26; 1; 02:02:03;        ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(meinberg), "23.11.26; 1; 01:02:03; U *  A ", 0, TIMECODE_COASTING, LEAP_INSERT },
	{ F(meinberg), "23.11.26; 1; 01:02:03; U#*  A ", 0, TIMECODE_NEVER, LEAP_INSERT },
	{ F(meinberg), "23.11.26; 1; 01:02:03; +00:00;        ; 51.9828N   9.2258E  176m", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(meinberg), "23.11.26; 1; 03:02:03; +02:00;   S A  ; 51.9828N   9.2258E  176m", 0, TIMECODE_LOCKED, LEAP_INSERT },
	{ F(meinberg), "22.11.26; 7; 20:32:03; -04:30; #*     ; 51.9828N   9.2258E  176m", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(dcf7000), "26-11-23-01-02-02-03-00", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(dcf7000), "26-11-23-01-03-02-03-05", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(taip), ">RTM0102032502311202618308100000;*67", 250, TIMECODE_LOCKED, LEAP_NONE },
	{ F(taip), ">RTM0102032502311202618908100000;*6D", 250, TIMECODE_NEVER, LEAP_NONE },
	{ F(taip), ">RTM0102032502311202618308000000;*66", 250, TIMECODE_NEVER, LEAP_NONE },
	{ F(rcc8000), "01:02:03.534 23/11/26 327 1 8", 534, TIMECODE_LOCKED, LEAP_NONE },
	{ F(rcc8000), "01:02:03.534 23/11/26 327 1 C", 534, TIMECODE_LOCKED, LEAP_NONE },
	{ F(rcc8000), "01:02:03.534 23/11/26 327 1 7", 534, TIMECODE_NEVER, LEAP_NONE },
	{ F(hopf), "C9010203231126\n\r", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(hopf), "C1020203231126\n\r", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(hopf), "A1030203231126\n\r", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(hopf), "49010203231126\n\r", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(hopf), "19010203231126\n\r", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(computime), "T:26:11:23:01:01:02:03", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(wharton), "3020103211624", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(wharton), "3020203211625", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(wharton), "3020303211627", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(wharton), "3020103211620", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(varitext), "T:26:11:23:01:01:02:03\r\nc123", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(varitext), "T:26:11:23:01:02:02:03\r\nk123", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(varitext), "T:26:11:23:01:01:02:03\r\na123", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(varitext), "T:26:11:23:01:01:02:03\r\n`123", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(sel), "2026:327:01:02:03 ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(sel), "2026:327:01:02:03#", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(sel), "2026:327:01:02:03?", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(spectracom), "   327 01:02:03 STZ=00", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(spectracom), "?  327 01:02:03 STZ=00", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(spectracom), "  26 327 01:02:03.534  S", 534, TIMECODE_LOCKED, LEAP_NONE },
	{ F(spectracom), "  26 327 01:02:03.534 LS", 534, TIMECODE_LOCKED, LEAP_INSERT },
	{ F(spectracom), " A26 327 01:02:03.534  S", 534, TIMECODE_COASTING, LEAP_NONE },
	{ F(spectracom), " B26 327 01:02:03.534  S", 534, TIMECODE_NEVER, LEAP_NONE },
	{ F(spectracom), "? 26 327 01:02:03.534  S", 534, TIMECODE_NEVER, LEAP_NONE },
	{ F(truetime), "327:01:02:03 ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(truetime), "327:01:02:03*", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(truetime), "327:01:02:03#", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(truetime), "327:01:02:03?", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(arbiter), "  26 327 01:02:03.000   ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(arbiter), "  26 327 01:02:03.000", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(arbiter), "? 26 327 01:02:03.000   ", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(hp), "T2202611230102033000030", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(hp), "T22026112301020330+002B", 0, TIMECODE_LOCKED, LEAP_INSERT },
	{ F(hp), "T22026112301020330-002d", 0, TIMECODE_LOCKED, LEAP_DELETE },
	{ F(hp), "T2202611230102033000131", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(zyfer), "!TIME,2026,327,01,02,03,2,4,1", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(zyfer), "!TIME,2026,327,01,02,03,2,4,2", 0, TIMECODE_COASTING, LEAP_NONE },
	{ F(zyfer), "!TIME,2026,327,01,02,03,2,4,0", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(zyfer), "!TIME,2026,327,01,02,03,2,9,1", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(zyfer), "!TIME,2026,327,01,02,03,1,4,1", 0, TIMECODE_NEVER, LEAP_NONE },
	{ F(phone), "61367 26-11-23 01:02:03 00 0 +.1 045.0 UTC(NIST) *", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(phone), "61367 26-11-23 01:02:03 50 1 -.1 027.3 UTC(NIST) #", 0, TIMECODE_LOCKED, LEAP_INSERT },
	{ F(phone), "61367 26-11-23 01:02:03 50 2 -.1 027.3 UTC(NIST) #", 0, TIMECODE_LOCKED, LEAP_DELETE },
	{ F(phone), "2026-11-23 02:02:03 MEZ  10402303260220261123010261367+4000500                ", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(phone), "  26 327 01:02:03.534  S", 534, TIMECODE_LOCKED, LEAP_NONE },
	{ F(cdex), "J26112311002037", 700, TIMECODE_LOCKED, LEAP_NONE },
	{ F(lt2000), "2611231100203xx", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(lt2000), "2611231100203xxxx", -500, TIMECODE_LOCKED, LEAP_NONE },
	{ F(citizen), "'OK 26/11/23 0 10:02:03", 0, TIMECODE_LOCKED, LEAP_NONE },
	{ F(citizen), "'NG 26/11/23 0 10:02:03", 0, TIMECODE_NEVER, LEAP_NONE },
};

static const struct timecode_format *const *const lists[] = {
	F(meinberg), F(dcf7000), F(taip), F(rcc8000), F(hopf), F(computime), F(wharton), F(varitext), F(sel), F(spectracom), F(truetime), F(arbiter), F(hp),
	F(zyfer), F(phone), F(tristate), F(cdex), F(lt2000), F(citizen), F(seiko),
};

START_TEST(every_telegram_tells_its_time)
{
	for (size_t i = 0; i < sizeof(telegrams) / sizeof(telegrams[0]); i++) {
		const struct telegram *g = &telegrams[i];
		struct timecode t = { .leap = 9 };

		ck_assert_msg(read_one(g->formats, g->s, strlen(g->s), &t) == TIMECODE_OK, "%s", g->s);
		ck_assert_msg(t.when.ns == now.ns + g->more_ms * (NS_PER_S / 1000), "%s: %lld", g->s, (long long)(t.when.ns - now.ns));
		ck_assert_msg(t.trust == g->trust, "%s: %d", g->s, t.trust);
		ck_assert_msg(t.leap == g->leap, "%s: %d", g->s, t.leap);
	}
}
END_TEST

START_TEST(every_format_has_a_field_below_each_character_and_a_telegram)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		bool tested = lists[i] == F(tristate) || lists[i] == F(seiko);

		for (size_t k = 0; lists[i][k] != NULL; k++) {
			const struct timecode_format *f = lists[i][k];

			ck_assert_msg(strlen(f->match) == strlen(f->field), "%s", f->match);
			ck_assert_uint_le(strlen(f->match), TIMECODE_MAX);
			for (size_t m = 0; m < TIMECODE_MARKS && f->marks[m].test != MARK_END; m++)
				ck_assert_msg(strchr(f->field, f->marks[m].field) != NULL, "%s has no %c", f->match, f->marks[m].field);
		}
		for (size_t k = 0; k < sizeof(telegrams) / sizeof(telegrams[0]); k++)
			tested = tested || telegrams[k].formats == lists[i];
		ck_assert_msg(tested, "%s", lists[i][0]->match);
	}
}
END_TEST

/* Cut short, or longer: the formats that let more follow may still fit, but then tell the same. */
START_TEST(telegrams_of_another_length_are_none)
{
	for (size_t i = 0; i < sizeof(telegrams) / sizeof(telegrams[0]); i++) {
		const struct telegram *g = &telegrams[i];
		char longer[TIMECODE_MAX];
		struct timecode t = { .when = { 0 } };
		size_t len = strlen(g->s);

		for (size_t n = 0; n < len; n++) {
			enum timecode_err err = read_one(g->formats, g->s, n, &t);

			ck_assert_msg(err == TIMECODE_FORMAT || (err == TIMECODE_OK && t.when.ns == now.ns), "%.*s", (int)n, g->s);
		}
		memcpy(longer, g->s, len);
		longer[len] = '0';
		if (!g->formats[0]->prefix && g->formats != F(meinberg) && g->formats != F(lt2000))
			ck_assert_msg(read_one(g->formats, longer, len + 1, &t) == TIMECODE_FORMAT, "%s", g->s);
	}
}
END_TEST

START_TEST(letters_where_digits_belong_are_refused)
{
	for (size_t i = 0; i < sizeof(telegrams) / sizeof(telegrams[0]); i++) {
		const struct telegram *g = &telegrams[i];
		char copy[TIMECODE_MAX];
		struct timecode t;
		char *hour;

		memcpy(copy, g->s, strlen(g->s));
		hour = memchr(copy, '2', strlen(g->s));
		*hour = ':';
		ck_assert_msg(read_one(g->formats, copy, strlen(g->s), &t) == TIMECODE_FORMAT, "%s", g->s);
	}
}
END_TEST

START_TEST(checksums_that_are_wrong_are_refused)
{
	static const struct { const struct timecode_format *const *formats; const char *s; } rows[] = {
		{ F(taip), ">RTM0102032502311202618308100000;*68" }, { F(taip), ">RTM0102042502311202618308100000;*67" },
		{ F(taip), ">RTM0102032502311202618308100000;*G7" },
		{ F(hp), "T2202611230102033000031" }, { F(hp), "T2202611230102043000030" }, { F(hp), "T220261123010203300003O" },
	};
	struct timecode t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(read_one(rows[i].formats, rows[i].s, strlen(rows[i].s), &t) == TIMECODE_FORMAT, "%s", rows[i].s);
}
END_TEST

START_TEST(days_and_times_that_there_are_not_are_refused)
{
	static const struct { const struct timecode_format *const *formats; const char *s; } rows[] = {
		{ F(meinberg), "D:31.11.26;T:1;U:01.02.03;  U " }, { F(meinberg), "D:00.11.26;T:1;U:01.02.03;  U " },
		{ F(meinberg), "D:23.00.26;T:1;U:01.02.03;  U " }, { F(meinberg), "D:23.13.26;T:1;U:01.02.03;  U " },
		{ F(meinberg), "D:29.02.27;T:1;U:01.02.03;  U " }, { F(meinberg), "D:23.11.26;T:1;U:24.02.03;  U " },
		{ F(meinberg), "D:23.11.26;T:1;U:01.60.03;  U " }, { F(meinberg), "D:31.12.26;T:1;U:23.59.60;  U " },
		{ F(truetime), "000:01:02:03 " }, { F(truetime), "367:01:02:03 " }, { F(truetime), "366:01:02:03 " },
		{ F(sel), "1979:327:01:02:03 " }, { F(sel), "2026:366:01:02:03 " }, { F(sel), "0000:001:01:02:03 " },
		{ F(hp), "T2202613230102033000032" }, { F(cdex), "J26112301099037" },
	};
	struct timecode t = { .leap = 9 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(read_one(rows[i].formats, rows[i].s, strlen(rows[i].s), &t) == TIMECODE_BAD_TIME, "%s", rows[i].s);
	ck_assert_int_eq(t.leap, 9);
}
END_TEST

START_TEST(a_year_that_is_not_told_is_the_nearest)
{
	static const struct { int at_year, at_month, at_day; const char *s; int year, month, day; } rows[] = {
		{ 2026, 12, 31, "365:23:59:58 ", 2026, 12, 31 }, { 2026, 12, 31, "001:23:59:58 ", 2027, 1, 1 }, { 2027, 1, 1, "365:23:59:58 ", 2026, 12, 31 },
		{ 2029, 1, 1, "366:23:59:58 ", 2028, 12, 31 }, { 2028, 3, 1, "060:23:59:58 ", 2028, 2, 29 }, { 2027, 3, 1, "060:23:59:58 ", 2027, 3, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timecode_memory memory = { .v.have_time = false };
		struct walltime at = { utc(rows[i].at_year, rows[i].at_month, rows[i].at_day, 12, 0, 0) };
		struct timecode t;

		ck_assert_int_eq(timecode_read(F(truetime), &memory, (const uint8_t *)rows[i].s, strlen(rows[i].s), at, &t), TIMECODE_OK);
		ck_assert_msg(t.when.ns == utc(rows[i].year, rows[i].month, rows[i].day, 23, 59, 58), "row %zu", i);
	}
}
END_TEST

START_TEST(years_of_two_digits_are_those_of_gps)
{
	struct timecode t;

	ck_assert_int_eq(read_one(F(meinberg), "D:23.11.80;T:1;U:01.02.03;  U ", 30, &t), TIMECODE_OK);
	ck_assert(t.when.ns == utc(1980, 11, 23, 1, 2, 3));
	ck_assert_int_eq(read_one(F(meinberg), "D:23.11.79;T:1;U:01.02.03;  U ", 30, &t), TIMECODE_OK);
	ck_assert(t.when.ns == utc(2079, 11, 23, 1, 2, 3));
}
END_TEST

static enum timecode_err
next(struct timecode_memory *memory, const struct timecode_format *const formats[], const char *s, struct timecode *t)
{
	return timecode_read(formats, memory, (const uint8_t *)s, strlen(s), now, t);
}

START_TEST(a_date_counts_between_two_times_without_a_midnight_between_them)
{
	struct timecode_memory m = { .v.have_time = false };
	struct timecode t;

	ck_assert_int_eq(next(&m, F(tristate), "10:02:02", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(tristate), "2026/11/23 MON", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(tristate), "10:02:03", &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns);
	/* The date has been used up. */
	ck_assert_int_eq(next(&m, F(tristate), "10:02:04", &t), TIMECODE_PART);
	m = (struct timecode_memory){ .v.have_time = false };
	ck_assert_int_eq(next(&m, F(tristate), "2026/11/23", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(tristate), "10:02:03", &t), TIMECODE_PART);
	m = (struct timecode_memory){ .v.have_time = false };
	ck_assert_int_eq(next(&m, F(tristate), "23:59:59", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(tristate), "2026/11/23", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(tristate), "00:00:00", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(tristate), "2026/11/24", &t), TIMECODE_PART);
}
END_TEST

START_TEST(a_time_that_is_announced_counts_when_it_comes)
{
	struct timecode_memory m = { .v.have_time = false };
	struct timecode t;

	ck_assert_int_eq(next(&m, F(seiko), "\xe5", &t), TIMECODE_OTHER);
	ck_assert_int_eq(next(&m, F(seiko), "2611231100203", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(seiko), "\xe5", &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns);
	ck_assert_int_eq(next(&m, F(seiko), "\xe5", &t), TIMECODE_OTHER);
	ck_assert_int_eq(next(&m, F(phone), "61367 327 010203 UTC", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(phone), "*", &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns);
	ck_assert_int_eq(next(&m, F(seiko), "2699991100203", &t), TIMECODE_PART);
	ck_assert_int_eq(next(&m, F(seiko), "\xe5", &t), TIMECODE_BAD_TIME);
}
END_TEST

START_TEST(octets_of_schmids_clock_are_read)
{
	static const uint8_t good[] = { 2, 2, 3, 5, 23, 11, 26, 3, 0x08, 0 };
	static const struct { size_t at; uint8_t value; enum timecode_err err; } rows[] = {
		{ 0, 24, TIMECODE_BAD_TIME }, { 1, 60, TIMECODE_BAD_TIME }, { 2, 60, TIMECODE_BAD_TIME }, { 3, 10, TIMECODE_FORMAT }, { 4, 31, TIMECODE_BAD_TIME },
		{ 5, 0, TIMECODE_FORMAT }, { 5, 13, TIMECODE_BAD_TIME }, { 6, 100, TIMECODE_FORMAT }, { 8, 0x0c, TIMECODE_FORMAT }, { 8, 0, TIMECODE_FORMAT },
	};
	uint8_t p[sizeof(good)];
	struct timecode t;

	ck_assert_int_eq(timecode_schmid(good, sizeof(good), now, &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns + NS_PER_S / 2 && t.trust == TIMECODE_LOCKED && t.leap == LEAP_NONE);
	ck_assert_int_eq(timecode_schmid(good, sizeof(good) - 1, now, &t), TIMECODE_FORMAT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(p, good, sizeof(p));
		p[rows[i].at] = rows[i].value;
		ck_assert_msg(timecode_schmid(p, sizeof(p), now, &t) == rows[i].err, "row %zu", i);
	}
	memcpy(p, good, sizeof(p));
	p[7] = 1;
	p[8] = 0x18;
	ck_assert_int_eq(timecode_schmid(p, sizeof(p), now, &t), TIMECODE_OK);
	ck_assert(t.trust == TIMECODE_COASTING && t.leap == LEAP_INSERT);
	p[7] = 0;
	ck_assert_int_eq(timecode_schmid(p, sizeof(p), now, &t), TIMECODE_OK);
	ck_assert_int_eq(t.trust, TIMECODE_NEVER);
}
END_TEST

UNIT_MAIN("timecode", every_telegram_tells_its_time, every_format_has_a_field_below_each_character_and_a_telegram, telegrams_of_another_length_are_none,
    letters_where_digits_belong_are_refused, checksums_that_are_wrong_are_refused, days_and_times_that_there_are_not_are_refused,
    a_year_that_is_not_told_is_the_nearest, years_of_two_digits_are_those_of_gps, a_date_counts_between_two_times_without_a_midnight_between_them,
    a_time_that_is_announced_counts_when_it_comes, octets_of_schmids_clock_are_read)
