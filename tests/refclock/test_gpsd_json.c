/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports of gpsd: what concerns the time is read, the rest is checked and left out, nonsense is refused. */
#include <stdio.h>
#include <string.h>

#include "refclock/gpsd_json.h"
#include "../unit.h"

static bool
parse(const char *s, struct gpsd_report *r)
{
	return gpsd_parse(s, strlen(s), r);
}

START_TEST(reports_of_the_time_are_read)
{
	struct gpsd_report r;

	ck_assert(parse("{\"class\":\"TPV\",\"device\":\"/dev/ttyS0\",\"mode\":3,\"time\":\"2026-11-23T01:02:03.250Z\",\"lat\":48.1,\"ept\":5.0e-3}", &r));
	ck_assert_int_eq(r.class, GPSD_TPV);
	ck_assert_str_eq(r.device, "/dev/ttyS0");
	ck_assert_int_eq(r.mode, 3);
	ck_assert(r.have_time && !r.have_pair);
	ck_assert_int_eq(r.time.ns, INT64_C(1795395723250000000));
	ck_assert(parse("{ \"class\" : \"PPS\", \"real_sec\": 1795395723, \"real_nsec\":0,\"clock_sec\":1795395722,\"clock_nsec\":999999123,\"precision\":-20 }\r", &r));
	ck_assert_int_eq(r.class, GPSD_PPS);
	ck_assert_str_eq(r.device, "");
	ck_assert(r.have_pair && !r.have_time);
	ck_assert_int_eq(r.real.ns, INT64_C(1795395723000000000));
	ck_assert_int_eq(r.clock.ns, INT64_C(1795395722999999123));
	ck_assert_int_eq(r.precision, -20);
	ck_assert(parse("{\"class\":\"TOFF\",\"real_sec\":1,\"real_nsec\":2,\"clock_sec\":3,\"clock_nsec\":4}", &r));
	ck_assert_int_eq(r.class, GPSD_TOFF);
	ck_assert(parse("{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3}", &r));
	ck_assert_int_eq(r.class, GPSD_VERSION);
}
END_TEST

START_TEST(other_reports_are_checked_and_left_alone)
{
	static const char *const rows[] = {
		"{}", " { } ", "{\"class\":\"SKY\",\"satellites\":[{\"PRN\":1,\"used\":true},{\"PRN\":2,\"class\":\"TPV\"},[],{}],\"x\":null}",
		"{\"class\":\"DEVICES\",\"devices\":[{\"class\":\"DEVICE\",\"path\":\"/dev/ttyS0\",\"flags\":-1.5E+3}]}", "{\"a\":[[[[1,2],3],\"]\"]],\"b\":{\"}\":0}}",
		"{\"class\":5}", "{\"class\":\"\\u0041\\n\"}", "{\"a\":123456789012345678901234567890}",
	};
	struct gpsd_report r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(parse(rows[i], &r), "%s", rows[i]);
		ck_assert_int_eq(r.class, GPSD_OTHER);
	}
}
END_TEST

START_TEST(what_is_no_object_is_refused)
{
	static const char *const rows[] = {
		"", "[]", "null", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\":1}}", "{\"a\":1}x", "{a:1}",
		"{\"a\":tru}", "{\"a\":01x}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":\"x}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\",
		"{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":[1}", "{\"a\":{\"b\"}}", "{\"a\":{1:2}}", "{\"a\":{\"b\":1,}}", "{\"a\":[}", "{\"a\":\"\n\"}",
		"{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "{1:2}", "{\"a\":.5}", "{\"a\":+1}",
	};
	struct gpsd_report r = { .mode = 77 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(!parse(rows[i], &r), "%s", rows[i]);
	ck_assert_int_eq(r.mode, 77);
	ck_assert(!gpsd_parse("{\"a\0\":1}", 8, &r));
}
END_TEST

START_TEST(times_that_are_none_are_left_out)
{
	static const char *const times[] = {
		"2026-11-23T01:02:03", "2026-11-23T01:02:60Z", "2026-13-23T01:02:03Z", "2026-11-31T01:02:03Z", "2026-11-23 01:02:03Z",
		"2026-11-23T24:02:03Z", "2026-11-23T01:02:03.x5Z", "1026-11-23T01:02:03Z", "Z", "", "2026-11-23T01:02:03,5Z", "-026-11-23T01:02:03Z",
	};
	struct gpsd_report r;
	char line[256];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(line, sizeof(line), "{\"class\":\"TPV\",\"mode\":3,\"time\":\"%s\"}", times[i]);
		ck_assert_msg(parse(line, &r) && !r.have_time, "%s", times[i]);
	}
}
END_TEST

START_TEST(pairs_that_are_not_whole_or_beyond_reckoning_are_left_out)
{
	static const char *const rows[] = {
		"\"real_sec\":1,\"real_nsec\":2,\"clock_sec\":3", "\"real_sec\":1.5,\"real_nsec\":2,\"clock_sec\":3,\"clock_nsec\":4",
		"\"real_sec\":-1,\"real_nsec\":2,\"clock_sec\":3,\"clock_nsec\":4", "\"real_sec\":1,\"real_nsec\":1000000000,\"clock_sec\":3,\"clock_nsec\":4",
		"\"real_sec\":\"1\",\"real_nsec\":2,\"clock_sec\":3,\"clock_nsec\":4", "\"real_sec\":999999999999999999,\"real_nsec\":2,\"clock_sec\":3,\"clock_nsec\":4",
		"\"real_sec\":1,\"real_nsec\":2,\"clock_sec\":99999999999999999999,\"clock_nsec\":4",
	};
	struct gpsd_report r;
	char line[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "{\"class\":\"PPS\",%s}", rows[i]);
		ck_assert_msg(parse(line, &r) && !r.have_pair, "%s", rows[i]);
	}
}
END_TEST

START_TEST(strings_that_are_too_long_are_cut)
{
	struct gpsd_report r;
	char line[1024];

	memset(line, 'x', sizeof(line));
	memcpy(line, "{\"device\":\"", 11);
	memcpy(line + 900, "\"}", 3);
	ck_assert(parse(line, &r));
	ck_assert_uint_eq(strlen(r.device), GPSD_DEVICE_MAX - 1);
}
END_TEST

UNIT_MAIN("refclock/gpsd_json", reports_of_the_time_are_read, other_reports_are_checked_and_left_alone, what_is_no_object_is_refused,
    times_that_are_none_are_left_out, pairs_that_are_not_whole_or_beyond_reckoning_are_left_out, strings_that_are_too_long_are_cut)
