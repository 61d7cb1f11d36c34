/* SPDX-License-Identifier: BSD-2-Clause */
/* What the estimator owes whoever relies on it, whatever its tuning: it converges, weighs by delay, and does not claim more than it knows. */
#include "engine/estimator.h"
#include "../unit.h"

#define RUNS	60

static struct monotime
at(double s)
{
	return (struct monotime){ (int64_t)(s * 1e9) };
}

static void
add(struct estimator *e, double when, double offset, double delay)
{
	estimator_add(e, &(struct sample){ .when = at(when), .offset = offset, .delay = delay, .disp = 1e-6 });
}

/* --- chance, from a seed: every run is the same on every machine ------------------------------ */

static double
uniform(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((double)((z ^ z >> 31) >> 11) + 0.5) * 0x1p-53;
}

static double
normal(uint64_t *state)
{
	double u = uniform(state), v = uniform(state);

	return sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* --- tests ----------------------------------------------------------------------------------- */

START_TEST(before_the_first_sample_it_says_nothing)
{
	struct estimate out = { .offset = 42 };
	struct estimator e;

	estimator_init(&e, 0, ESTIMATOR_FREQ_UNKNOWN);
	ck_assert(!estimator_get(&e, at(1), 0, &out));
	ck_assert_double_eq(out.offset, 42);
	ck_assert(isinf(estimator_var_ahead(&e, at(1), 64)));
}
END_TEST

START_TEST(one_sample_is_the_offset_and_the_frequency_is_what_it_was_told)
{
	struct estimate out;
	struct estimator e;

	estimator_init(&e, 12e-6, ESTIMATOR_FREQ_DRIFT);
	add(&e, 100, 0.25, 0.010);
	ck_assert(estimator_get(&e, at(100), 0, &out));
	ck_assert_double_eq_tol(out.offset, 0.25, 1e-9);
	ck_assert_double_eq_tol(out.freq, 12e-6, 1e-9);
	ck_assert_double_gt(out.var, 0);
	/* The offset runs on at that frequency. */
	ck_assert(estimator_get(&e, at(1100), 0, &out));
	ck_assert_double_eq_tol(out.offset, 0.25 + 0.012, 1e-6);
}
END_TEST

START_TEST(a_ramp_without_noise_is_followed_to_its_offset_and_frequency)
{
	static const double ramp[] = { 0, 50e-6, -300e-6 };

	for (size_t k = 0; k < 3; k++) {
		struct estimate out = { 0 };
		struct estimator e;

		estimator_init(&e, 0, ESTIMATOR_FREQ_UNKNOWN);
		for (int i = 1; i <= 60; i++)
			add(&e, 64.0 * i, 0.5 + ramp[k] * 64 * i, 0.010);
		ck_assert(estimator_get(&e, at(64.0 * 60), 0, &out));
		ck_assert_double_eq_tol(out.offset, 0.5 + ramp[k] * 64 * 60, 20e-6);
		ck_assert_double_eq_tol(out.freq, ramp[k], 0.5e-6);
		ck_assert_double_lt(sqrt(out.freq_var), 1e-6);
	}
}
END_TEST

START_TEST(steering_is_taken_out_of_the_offset_and_never_seen_otherwise)
{
	struct estimate a, b;
	struct estimator free_running, steered;

	estimator_init(&free_running, 0, ESTIMATOR_FREQ_UNKNOWN);
	estimator_init(&steered, 0, ESTIMATOR_FREQ_UNKNOWN);
	for (int i = 1; i <= 20; i++) {
		double raw = 0.5 + 20e-6 * 64 * i, moved = i > 10 ? 3600.0 : 0;

		add(&free_running, 64.0 * i, raw, 0.010);
		estimator_add(&steered, &(struct sample){ .when = at(64.0 * i), .offset = raw - moved, .delay = 0.010, .disp = 1e-6, .steered = moved });
	}
	ck_assert(estimator_get(&free_running, at(1300), 0, &a));
	ck_assert(estimator_get(&steered, at(1300), 3600, &b));
	ck_assert_double_eq_tol(b.offset, a.offset - 3600, 1e-9);
	ck_assert_double_eq_tol(b.freq, a.freq, 1e-12);
}
END_TEST

START_TEST(a_sample_near_the_least_delay_weighs_more)
{
	struct estimate before, near, far;
	struct estimator a, b;

	estimator_init(&a, 0, ESTIMATOR_FREQ_DRIFT);
	for (int i = 1; i <= 16; i++)
		add(&a, 64.0 * i, 0, i % 2 == 0 ? 0.010 : 0.012);
	b = a;
	ck_assert(estimator_get(&a, at(64.0 * 17), 0, &before));
	add(&a, 64.0 * 17, 0.002, 0.010);
	add(&b, 64.0 * 17, 0.002, 0.050);
	ck_assert(estimator_get(&a, at(64.0 * 17), 0, &near));
	ck_assert(estimator_get(&b, at(64.0 * 17), 0, &far));
	ck_assert_double_gt(near.offset, before.offset);
	ck_assert_double_gt(near.offset - before.offset, 4 * fabs(far.offset - before.offset));
}
END_TEST

START_TEST(foresight_grows_worse_with_the_time_ahead)
{
	struct estimator e;
	double last;

	estimator_init(&e, 0, ESTIMATOR_FREQ_UNKNOWN);
	for (int i = 1; i <= 30; i++)
		add(&e, 64.0 * i, 10e-6 * 64 * i, i % 3 == 0 ? 0.011 : 0.010);
	last = estimator_var_ahead(&e, at(1920), 0);
	ck_assert_double_gt(last, 0);
	for (double ahead = 16; ahead < 1e5; ahead *= 2) {
		double var = estimator_var_ahead(&e, at(1920), ahead);

		ck_assert_double_gt(var, last);
		last = var;
	}
	ck_assert_double_gt(estimator_noise(&e), 0);
}
END_TEST

START_TEST(what_it_knows_it_forgets_when_told_that_the_clock_was_moved)
{
	struct estimate before, after;
	struct estimator e;

	estimator_init(&e, 0, ESTIMATOR_FREQ_UNKNOWN);
	for (int i = 1; i <= 30; i++)
		add(&e, 64.0 * i, 30e-6 * 64 * i, 0.010);
	ck_assert(estimator_get(&e, at(1920), 0, &before));
	estimator_loosen(&e, 1e6);
	ck_assert(estimator_get(&e, at(1920), 0, &after));
	ck_assert_double_ge(sqrt(after.var), 0.99e6);
	ck_assert_double_eq_tol(after.freq, before.freq, 1e-12);
	add(&e, 1984, 777, 0.010);
	ck_assert(estimator_get(&e, at(1984), 0, &after));
	ck_assert_double_eq_tol(after.offset, 777, 1e-3);
	ck_assert_double_eq_tol(after.freq, 30e-6, 1e-6);
}
END_TEST

START_TEST(absurd_samples_leave_no_nonsense_behind)
{
	static const double odd[][2] = { { 1e9, 1e-6 }, { -2e9, 1.5 }, { 0, 0 }, { 1e-12, 1e-9 } };
	struct estimate out;
	struct estimator e;

	estimator_init(&e, 0, ESTIMATOR_FREQ_UNKNOWN);
	for (int i = 1; i <= 40; i++) {
		estimator_add(&e, &(struct sample){ .when = at(2.0 * i), .offset = odd[i % 4][0], .delay = odd[i % 4][1], .disp = i % 5 == 0 ? 15 : 1e-9 });
		ck_assert(estimator_get(&e, at(2.0 * i), 0, &out));
		ck_assert(isfinite(out.offset) && isfinite(out.freq));
		ck_assert(isfinite(out.var) && out.var >= 0);
		ck_assert(isfinite(out.freq_var) && out.freq_var >= 0);
	}
}
END_TEST

/* One run of an oscillator that wanders (s/s per sqrt(s)) behind a path with queues of mean length queue, s: (error / claimed deviation)^2. */
static double
error_squared(uint64_t seed, double wander, double queue)
{
	uint64_t state = seed;
	double x = uniform(&state) - 0.5, f = 20e-6 * normal(&state);
	struct estimator e;
	struct estimate out = { 0 };
	const double dt = 64;

	estimator_init(&e, 0, ESTIMATOR_FREQ_UNKNOWN);
	for (int i = 1; i <= 100; i++) {
		double there = -queue * log(uniform(&state)), back = -queue * log(uniform(&state)), kick = wander * sqrt(dt) * normal(&state);

		x += (f + kick / 2) * dt;
		f += kick;
		add(&e, dt * i, x + (there - back) / 2, 0.010 + there + back);
	}
	ck_assert(estimator_get(&e, at(dt * 100), 0, &out));
	return (out.offset - x) * (out.offset - x) / out.var;
}

/*
 * Sum of squares over the claimed variance, per run: 1 if the claim is exact.  Queues are no normal noise, the true wander is not known to
 * the estimator, so exact is not to be had; but claims may be too bold by no more than a factor of two, nor too timid by more than ten.
 */
static void
check_honesty(double wander, double queue)
{
	double sum = 0;

	for (uint64_t run = 1; run <= RUNS; run++)
		sum += error_squared(run * 7919, wander, queue);
	ck_assert_msg(sum / RUNS < 2, "wander %g, queue %g: claims too much, %g", wander, queue, sum / RUNS);
	ck_assert_msg(sum / RUNS > 0.1, "wander %g, queue %g: claims too little, %g", wander, queue, sum / RUNS);
}

START_TEST(its_variance_is_honest_over_many_runs)
{
	static const double wander[] = { 1e-10, 1e-9, 1e-8 }, queue[] = { 20e-6, 1e-3, 5e-3 };

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			check_honesty(wander[i], queue[j]);
}
END_TEST

UNIT_MAIN("engine/estimator", before_the_first_sample_it_says_nothing, one_sample_is_the_offset_and_the_frequency_is_what_it_was_told,
    a_ramp_without_noise_is_followed_to_its_offset_and_frequency, steering_is_taken_out_of_the_offset_and_never_seen_otherwise,
    a_sample_near_the_least_delay_weighs_more, foresight_grows_worse_with_the_time_ahead,
    what_it_knows_it_forgets_when_told_that_the_clock_was_moved, absurd_samples_leave_no_nonsense_behind,
    its_variance_is_honest_over_many_runs)
