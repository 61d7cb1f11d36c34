/* SPDX-License-Identifier: BSD-2-Clause */
/* Readings of a clock make one sample: outliers out, drift taken into account, noise told. */
#include "refclock/readings.h"
#include "../unit.h"

static struct monotime
at(double s)
{
	return (struct monotime){ llround(s * 1e9) };
}

START_TEST(nothing_gives_nothing)
{
	struct readings_sample s;
	struct readings r;

	readings_init(&r);
	ck_assert(!readings_take(&r, 0, &s));
}
END_TEST

START_TEST(outliers_do_not_count)
{
	struct readings_sample s;
	struct readings r;

	readings_init(&r);
	for (int i = 0; i < 10; i++)
		readings_add(&r, at(i + 1), i % 4 == 1 ? 5.0 * i : 0.25 + 1e-6 * (i % 2));
	ck_assert(readings_take(&r, 0, &s));
	ck_assert_double_eq_tol(s.raw, 0.25, 2e-6);
	ck_assert_double_le(s.noise, 2e-6);
	ck_assert_uint_eq(s.n, 6);
	ck_assert_int_eq(s.when.ns, at(10).ns);
	ck_assert_msg(!readings_take(&r, 0, &s), "they are taken once");
}
END_TEST

START_TEST(a_known_drift_is_no_noise)
{
	struct readings_sample s;
	struct readings r;

	readings_init(&r);
	for (int i = 0; i < 16; i++)
		readings_add(&r, at(i + 1), 0.1 + 100e-6 * i);
	ck_assert(readings_take(&r, 100e-6, &s));
	ck_assert_double_eq_tol(s.raw, 0.1 + 100e-6 * 15, 1e-9);
	ck_assert_double_le(s.noise, 1e-9);
}
END_TEST

START_TEST(single_readings_show_their_noise_from_poll_to_poll)
{
	struct readings_sample s;
	struct readings r;

	readings_init(&r);
	for (int i = 0; i < 100; i++) {
		readings_add(&r, at(16 * i + 1), i % 2 == 0 ? 1e-3 : -1e-3);
		ck_assert(readings_take(&r, 0, &s));
	}
	ck_assert_double_ge(s.noise, 0.5e-3);
	ck_assert_double_le(s.noise, 3e-3);
}
END_TEST

START_TEST(more_than_fit_push_the_oldest_out)
{
	struct readings_sample s;
	struct readings r;

	readings_init(&r);
	for (int i = 0; i < 3 * READINGS_MAX; i++)
		readings_add(&r, at(i + 1), i < 2 * READINGS_MAX ? 7 : 1);
	ck_assert(readings_take(&r, 0, &s));
	ck_assert_double_eq(s.raw, 1);
}
END_TEST

START_TEST(time_does_not_run_backwards)
{
	struct readings_sample s;
	struct readings r;

	readings_init(&r);
	readings_add(&r, at(5), 1);
	readings_add(&r, at(5), 2);
	readings_add(&r, at(4), 3);
	ck_assert(readings_take(&r, 0, &s));
	ck_assert_double_eq(s.raw, 1);
}
END_TEST

UNIT_MAIN("refclock/readings", nothing_gives_nothing, outliers_do_not_count, a_known_drift_is_no_noise,
    single_readings_show_their_noise_from_poll_to_poll, more_than_fit_push_the_oldest_out, time_does_not_run_backwards)
