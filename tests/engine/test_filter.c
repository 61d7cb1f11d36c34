/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock filter against cases worked out by hand (RFC 5905 section 10). */
#include "base/ntp.h"
#include "engine/filter.h"
#include "../unit.h"

#define FLOOR	1e-6	/* s, precision */

static struct monotime
at(double s)
{
	return (struct monotime){ (int64_t)(s * 1e9) };
}

static bool
add(struct filter *f, double when, double offset, double delay, double disp)
{
	return filter_add(f, &(struct sample){ .when = at(when), .offset = offset, .delay = delay, .disp = disp });
}

START_TEST(an_empty_filter_has_nothing_to_say)
{
	struct filter_stat st = { .offset = 42 };
	struct filter f;
	bool fresh = true;

	filter_init(&f);
	ck_assert(!filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_eq(st.offset, 42);
	ck_assert(fresh);
}
END_TEST

START_TEST(samples_enter_in_front_and_the_ninth_pushes_the_first_out)
{
	struct filter f;

	filter_init(&f);
	for (int i = 1; i <= 9; i++) {
		ck_assert(add(&f, i, i, 0.1, 0.001));
		ck_assert_uint_eq(f.n, i < 9 ? (unsigned)i : FILTER_STAGES);
		ck_assert_double_eq(f.stage[0].offset, i);
	}
	ck_assert_double_eq(f.stage[FILTER_STAGES - 1].offset, 2);
}
END_TEST

START_TEST(a_sample_no_newer_than_the_newest_is_refused_and_changes_nothing)
{
	struct filter f, before;

	filter_init(&f);
	ck_assert(add(&f, 5, 1, 0.1, 0.001));
	before = f;
	ck_assert(!add(&f, 5, 2, 0.05, 0.001));
	ck_assert(!add(&f, 4, 2, 0.05, 0.001));
	ck_assert_mem_eq(&f, &before, sizeof(f));
}
END_TEST

START_TEST(one_sample_speaks_alone_with_the_precision_as_its_jitter)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(add(&f, 10, 0.25, 0.04, 0.002));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert(fresh);
	ck_assert_int_eq(st.when.ns, at(10).ns);
	ck_assert_double_eq(st.offset, 0.25);
	ck_assert_double_eq(st.delay, 0.04);
	/* The other seven stages are not there: weighted mean of one, not 0.002/2 + 16 (1/4 + ... + 1/256). */
	ck_assert_double_eq_tol(st.disp, 0.002, 1e-12);
	ck_assert_double_eq(st.jitter, FLOOR);
}
END_TEST

START_TEST(the_sample_of_least_delay_is_the_best_whatever_its_place)
{
	static const double delay[] = { 0.05, 0.02, 0.07, 0.03, 0.04 };
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	for (int i = 0; i < 5; i++)
		ck_assert(add(&f, 1 + i, 0.001 * i, delay[i], 0.001));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_eq(st.delay, 0.02);
	ck_assert_double_eq(st.offset, 0.001);
	ck_assert_int_eq(st.when.ns, at(2).ns);
	/*
	 * The offsets are 0, 1, 2, 3, 4 ms and the best is 1 ms: the other four differ by -1, 1, 2, 3 ms.
	 * sqrt((1 + 1 + 4 + 9) / 4) = 1.936 ms.
	 */
	ck_assert_double_eq_tol(st.jitter, sqrt(15.0 / 4) * 1e-3, 1e-12);
}
END_TEST

START_TEST(of_equal_delays_the_newer_is_better)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(add(&f, 1, 0.1, 0.02, 0.001));
	ck_assert(add(&f, 2, 0.2, 0.02, 0.001));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_eq(st.offset, 0.2);
}
END_TEST

START_TEST(dispersion_is_weighted_by_halves_in_the_order_of_delay)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(add(&f, 1000, 0, 0.030, 0.004));
	ck_assert(add(&f, 2000, 0, 0.010, 0.002));
	ck_assert(add(&f, 3000, 0, 0.020, 0.001));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	/*
	 * At 3000 s, with 15 us/s: delay 10 ms: 2 ms + 15 ms = 17 ms; 20 ms: 1 ms; 30 ms: 4 ms + 30 ms = 34 ms.
	 * (17/2 + 1/4 + 34/8) ms / (7/8) = 13 ms * 8/7 = 14.857 ms.
	 */
	ck_assert_double_eq_tol(st.disp, 0.013 * 8 / 7, 1e-12);
}
END_TEST

START_TEST(dispersion_grows_with_age_to_the_limit_and_unfilled_stages_are_at_it)
{
	struct filter f;

	filter_init(&f);
	ck_assert(add(&f, 100, 0, 0.01, 0.001));
	ck_assert_double_eq_tol(filter_stage_disp(&f, 0, at(100)), 0.001, 1e-12);
	ck_assert_double_eq_tol(filter_stage_disp(&f, 0, at(1100)), 0.001 + 0.015, 1e-12);
	ck_assert_double_eq(filter_stage_disp(&f, 0, at(100 + 2e6)), DISP_MAX);	/* 30 s of it by the formula */
	ck_assert_double_eq(filter_stage_disp(&f, 1, at(100)), DISP_MAX);
}
END_TEST

START_TEST(a_stage_too_old_to_mean_anything_comes_last_whatever_its_delay)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(add(&f, 1, 0.5, 0.001, 0.001));
	ck_assert(add(&f, 1.1e6, 0.1, 0.500, 0.001));	/* 12.7 days: 1.1e6 * 15e-6 = 16.5 s */
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_eq(st.offset, 0.1);
}
END_TEST

START_TEST(jitter_is_never_below_the_floor)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	for (int i = 1; i <= 8; i++)
		ck_assert(add(&f, i, 0.5, 0.02, 0.001));
	ck_assert(filter_stat(&f, 0.003, 0, &st, &fresh));
	ck_assert_double_eq(st.jitter, 0.003);
}
END_TEST

START_TEST(what_the_oscillator_gains_between_samples_is_not_jitter)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	for (int i = 1; i <= 8; i++)
		ck_assert(add(&f, 64.0 * i, 100e-6 * 64 * i, 0.02, 0.001));
	ck_assert(filter_stat(&f, FLOOR, 100e-6, &st, &fresh));
	ck_assert_double_eq(st.jitter, FLOOR);
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_gt(st.jitter, 0.01);	/* 6.4 ms and its multiples up to 44.8 ms */
}
END_TEST

START_TEST(a_correction_between_samples_is_not_jitter)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(filter_add(&f, &(struct sample){ .when = at(1), .offset = 0.3, .delay = 0.02, .disp = 0.001 }));
	ck_assert(filter_add(&f, &(struct sample){ .when = at(2), .offset = 0.0, .delay = 0.03, .disp = 0.001, .steered = 0.3 }));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_eq(st.jitter, FLOOR);
}
END_TEST

START_TEST(a_sample_is_fresh_once)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(add(&f, 1, 0, 0.02, 0.001));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh) && fresh);
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh) && !fresh);
	ck_assert(add(&f, 2, 0, 0.05, 0.001));	/* worse: the first stays the best */
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh) && !fresh);
	ck_assert(add(&f, 3, 0, 0.01, 0.001));
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh) && fresh);
}
END_TEST

START_TEST(after_a_step_offsets_are_told_by_the_clock_as_it_is_now)
{
	struct filter_stat st;
	struct filter f;
	bool fresh;

	filter_init(&f);
	ck_assert(add(&f, 1, 3600.25, 0.02, 0.001));
	ck_assert(add(&f, 2, 3600.50, 0.03, 0.001));
	filter_shift(&f, 3600);
	ck_assert_double_eq_tol(f.stage[0].offset, 0.5, 1e-9);
	ck_assert_double_eq_tol(f.stage[1].offset, 0.25, 1e-9);
	ck_assert_double_eq_tol(sample_raw(&f.stage[0]), 3600.5, 1e-9);
	ck_assert_double_eq_tol(sample_raw(&f.stage[1]), 3600.25, 1e-9);
	ck_assert_double_eq(f.stage[2].steered, 0);	/* stages that are not filled stay empty */
	ck_assert(filter_stat(&f, FLOOR, 0, &st, &fresh));
	ck_assert_double_eq_tol(st.offset, 0.25, 1e-9);
	ck_assert_double_eq_tol(st.jitter, 0.25, 1e-9);
}
END_TEST

UNIT_MAIN("engine/filter", an_empty_filter_has_nothing_to_say, samples_enter_in_front_and_the_ninth_pushes_the_first_out,
    a_sample_no_newer_than_the_newest_is_refused_and_changes_nothing, one_sample_speaks_alone_with_the_precision_as_its_jitter,
    the_sample_of_least_delay_is_the_best_whatever_its_place, of_equal_delays_the_newer_is_better,
    dispersion_is_weighted_by_halves_in_the_order_of_delay, dispersion_grows_with_age_to_the_limit_and_unfilled_stages_are_at_it,
    a_stage_too_old_to_mean_anything_comes_last_whatever_its_delay, jitter_is_never_below_the_floor,
    what_the_oscillator_gains_between_samples_is_not_jitter, a_correction_between_samples_is_not_jitter, a_sample_is_fresh_once,
    after_a_step_offsets_are_told_by_the_clock_as_it_is_now)
