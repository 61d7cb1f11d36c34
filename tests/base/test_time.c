/* SPDX-License-Identifier: BSD-2-Clause */
/* Time arithmetic, across eras and at the edges of the formats. */
#include "base/time.h"
#include "../unit.h"

static struct walltime
at(int64_t seconds, int64_t ns)
{
	return (struct walltime){ seconds * NS_PER_S + ns };
}

START_TEST(the_unix_epoch_is_2208988800_on_the_wire)
{
	ck_assert_uint_eq(walltime_to_ntp(at(0, 0)).raw, UINT64_C(2208988800) << 32);
	ck_assert_uint_eq(walltime_to_ntp(at(0, 500000000)).raw, UINT64_C(2208988800) << 32 | 0x80000000u);
}
END_TEST

START_TEST(times_before_the_unix_epoch_round_down)
{
	ck_assert_uint_eq(walltime_to_ntp(at(-1, 750000000)).raw, UINT64_C(2208988799) << 32 | 0xc0000000u);
}
END_TEST

START_TEST(wall_to_wire_to_wall_is_the_identity)
{
	static const int64_t ns[] = { 0, 1, 2, 3, 499999999, 500000000, 999999998, 999999999 };
	/* 1970, today, the last second of era 0, the first of era 1, 2038, 2106. */
	static const int64_t s[] = { 0, 1795392000, 2085978495, 2085978496, 2147483648, 4294967296 };

	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		for (size_t j = 0; j < sizeof(ns) / sizeof(ns[0]); j++) {
			struct walltime w = at(s[i], ns[j]);

			ck_assert_int_eq(ntptime_to_wall(walltime_to_ntp(w), w).ns, w.ns);
			ck_assert_int_eq(ntptime_to_wall(walltime_to_ntp(w), at(s[i] + 86400, 5)).ns, w.ns);
			ck_assert_int_eq(ntptime_to_wall(walltime_to_ntp(w), at(s[i] - 86400, 999999999)).ns, w.ns);
		}
	}
}
END_TEST

START_TEST(differences_are_right_across_the_era)
{
	struct ntptime before = walltime_to_ntp(at(2085978495, 750000000)), after = walltime_to_ntp(at(2085978496, 250000000));

	ck_assert_uint_lt(after.raw, before.raw);
	ck_assert_double_eq(ntptime_diff(after, before), 0.5);
	ck_assert_double_eq(ntptime_diff(before, after), -0.5);
}
END_TEST

START_TEST(adding_a_difference_gives_the_other_instant)
{
	struct walltime a = at(1795392000, 123456789);

	ck_assert_int_eq(walltime_add(a, 1e-9).ns, a.ns + 1);
	ck_assert_int_eq(walltime_add(a, -0.5).ns, a.ns - 500000000);
	ck_assert_double_eq_tol(walltime_diff(walltime_add(a, 3600.25), a), 3600.25, 1e-9);
}
END_TEST

START_TEST(short_format_rounds_up_and_clamps)
{
	ck_assert_uint_eq(short_from_seconds(0), 0);
	ck_assert_uint_eq(short_from_seconds(-1), 0);
	ck_assert_uint_eq(short_from_seconds(NAN), 0);
	ck_assert_uint_eq(short_from_seconds(1), 0x10000);
	/* An error bound must not shrink on its way to a client. */
	ck_assert_uint_eq(short_from_seconds(1e-9), 1);
	ck_assert_uint_eq(short_from_seconds(1e9), 0xffff0000u);
	ck_assert_double_eq(short_to_seconds(0x18000), 1.5);
}
END_TEST

START_TEST(exponents_off_the_wire_are_clamped)
{
	ck_assert_double_eq(log2_seconds(-20), 0x1p-20);
	ck_assert_double_eq(log2_seconds(10), 1024);
	ck_assert_double_eq(log2_seconds(127), 0x1p64);
	ck_assert_double_eq(log2_seconds(-128), 0x1p-64);
}
END_TEST

UNIT_MAIN("base/time", the_unix_epoch_is_2208988800_on_the_wire, times_before_the_unix_epoch_round_down, wall_to_wire_to_wall_is_the_identity,
    differences_are_right_across_the_era, adding_a_difference_gives_the_other_instant, short_format_rounds_up_and_clamps,
    exponents_off_the_wire_are_clamped)
