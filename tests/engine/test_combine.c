/* SPDX-License-Identifier: BSD-2-Clause */
/* Combining against cases worked out by hand (RFC 5905 section 11.2.3, by inverse variance). */
#include "engine/select.h"
#include "../unit.h"

static struct candidate
survivor(double offset, double var, double freq, double freq_var)
{
	return (struct candidate){
		.est = { .offset = offset, .var = var, .freq = freq, .freq_var = freq_var },
		.rootdist = 0.01,
		.tally = TALLY_CANDIDATE,
	};
}

START_TEST(one_survivor_is_taken_as_it_is)
{
	struct candidate c[] = { survivor(0.5, 1e-6, 1e-5, 1e-12) };
	struct selection sel;

	select_combine(c, 1, &sel);
	ck_assert_double_eq_tol(sel.est.offset, 0.5, 1e-12);
	ck_assert_double_eq_tol(sel.est.freq, 1e-5, 1e-15);
	ck_assert_double_eq_tol(sel.est.var, 1e-6, 1e-15);
	ck_assert_double_eq_tol(sel.est.freq_var, 1e-12, 1e-19);
	ck_assert_double_eq_tol(sel.jitter, 0, 1e-12);
}
END_TEST

START_TEST(weights_are_inverse_variances)
{
	/*
	 * Offsets 0 and 4 ms, variances 1 and 3 ms^2: weights 1 and 1/3, so (0 + 4/3) / (4/3) = 1 ms, variance 1/(4/3) = 0.75 ms^2.
	 * Jitter: sqrt((1 * 1^2 + 1/3 * 3^2) / (4/3)) = sqrt(4 / (4/3)) = sqrt(3) ms.
	 * Frequencies 10 and 20 ppm, variances 4 and 1: weights 1/4 and 1, (2.5 + 20) / 1.25 = 18 ppm, variance 0.8.
	 */
	struct candidate c[] = { survivor(0.000, 1e-6, 10e-6, 4e-12), survivor(0.004, 3e-6, 20e-6, 1e-12) };
	struct selection sel;

	select_combine(c, 2, &sel);
	ck_assert_double_eq_tol(sel.est.offset, 0.001, 1e-12);
	ck_assert_double_eq_tol(sel.est.var, 0.75e-6, 1e-15);
	ck_assert_double_eq_tol(sel.jitter, sqrt(3) * 1e-3, 1e-9);
	ck_assert_double_eq_tol(sel.est.freq, 18e-6, 1e-12);
	ck_assert_double_eq_tol(sel.est.freq_var, 0.8e-12, 1e-18);
}
END_TEST

START_TEST(only_survivors_are_combined)
{
	struct candidate c[] = { survivor(0.001, 1e-6, 0, 1e-12), survivor(7, 1e-12, 1e-4, 1e-18), survivor(0.003, 1e-6, 0, 1e-12) };
	struct selection sel;

	c[1].tally = TALLY_FALSETICK;
	select_combine(c, 3, &sel);
	ck_assert_double_eq_tol(sel.est.offset, 0.002, 1e-12);
	ck_assert_double_eq_tol(sel.est.freq, 0, 1e-15);
	ck_assert_double_eq_tol(sel.est.var, 0.5e-6, 1e-15);
}
END_TEST

START_TEST(a_variance_of_zero_is_no_division_by_zero)
{
	struct candidate c[] = { survivor(0.25, 0, 1e-6, 0), survivor(0.75, 0, 3e-6, 0) };
	struct selection sel;

	select_combine(c, 2, &sel);
	ck_assert_double_eq_tol(sel.est.offset, 0.5, 1e-12);
	ck_assert_double_eq_tol(sel.est.freq, 2e-6, 1e-15);
	ck_assert(isfinite(sel.est.var) && sel.est.var > 0 && isfinite(sel.jitter));
}
END_TEST

START_TEST(the_whole_run_adds_the_system_peers_jitter)
{
	struct candidate c[] = { survivor(0.000, 1e-6, 0, 1e-12), survivor(0.002, 1e-6, 0, 1e-12) };
	struct selection sel;

	/* Selection jitter about 1 ms is 1 ms; the peer's own is sqrt(3) ms; together 2 ms. */
	c[0].jitter = c[1].jitter = sqrt(3) * 1e-3;
	select_run(c, 2, &select_defaults, 0, &sel);
	ck_assert_double_eq_tol(sel.jitter, 0.002, 1e-9);
	ck_assert_uint_eq(sel.survivors, 2);
}
END_TEST

UNIT_MAIN("engine/combine", one_survivor_is_taken_as_it_is, weights_are_inverse_variances, only_survivors_are_combined,
    a_variance_of_zero_is_no_division_by_zero, the_whole_run_adds_the_system_peers_jitter)
