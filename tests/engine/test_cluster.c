/* SPDX-License-Identifier: BSD-2-Clause */
/* Clustering against cases worked out by hand (RFC 5905 section 11.2.2). */
#include "engine/select.h"
#include "../unit.h"

static void
survivors(struct candidate c[], size_t n, const double offset[], double jitter)
{
	for (size_t i = 0; i < n; i++)
		c[i] = (struct candidate){ .est.offset = offset[i], .jitter = jitter, .tally = TALLY_CANDIDATE };
}

static struct select_opts
keep(unsigned minclock)
{
	struct select_opts o = select_defaults;

	o.minclock = minclock;
	return o;
}

START_TEST(the_farthest_goes_until_the_rest_agree_as_well_as_one_does_with_itself)
{
	static const double offset[] = { 0.000, 0.001, 0.002, 0.010, 0.030 };
	struct select_opts o = keep(1);
	struct candidate c[5];

	/*
	 * Selection jitters of all five (ms): of 30: sqrt((900 + 841 + 784 + 400) / 4) = 27.0, the worst: out.
	 * Of four: 10 against 0, 1, 2: sqrt((100 + 81 + 64) / 3) = 9.04: out.
	 * Of three: 0: sqrt((1 + 4) / 2) = 1.58, 1: 1.0, 2: 1.58.  With jitter 2 ms that is agreement.
	 */
	survivors(c, 5, offset, 0.002);
	ck_assert_uint_eq(select_cluster(c, 5, &o), 3);
	ck_assert_int_eq(c[4].tally, TALLY_OUTLIER);
	ck_assert_int_eq(c[3].tally, TALLY_OUTLIER);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(c[i].tally, TALLY_CANDIDATE);
	/* With 9.1 ms of jitter the second is let be. */
	survivors(c, 5, offset, 0.0091);
	ck_assert_uint_eq(select_cluster(c, 5, &o), 4);
	ck_assert_int_eq(c[3].tally, TALLY_CANDIDATE);
}
END_TEST

START_TEST(minclock_are_kept_however_they_disagree)
{
	static const double offset[] = { 0.000, 0.100, 0.200, 0.400, 0.800 };
	struct candidate c[5];

	for (unsigned min = 1; min <= 5; min++) {
		struct select_opts o = keep(min);

		survivors(c, 5, offset, 1e-6);
		ck_assert_uint_eq(select_cluster(c, 5, &o), min);
	}
}
END_TEST

START_TEST(prefer_and_true_survive_where_they_are_the_worst)
{
	static const double offset[] = { 0.000, 0.001, 0.002, 0.500, -0.900 };
	struct select_opts o = keep(1);
	struct candidate c[5];

	survivors(c, 5, offset, 1e-6);
	c[3].prefer = true;
	c[4].always = true;
	ck_assert_uint_eq(select_cluster(c, 5, &o), 2);
	ck_assert_int_eq(c[3].tally, TALLY_CANDIDATE);
	ck_assert_int_eq(c[4].tally, TALLY_CANDIDATE);
}
END_TEST

START_TEST(the_least_jitter_of_those_left_decides)
{
	static const double offset[] = { 0.000, 0.001, 0.005 };
	struct select_opts o = keep(1);
	struct candidate c[3];

	/* Of three: 5 against 0, 1: sqrt((25 + 16) / 2) = 4.53 ms.  One precise source is enough to see that. */
	survivors(c, 3, offset, 0.010);
	ck_assert_uint_eq(select_cluster(c, 3, &o), 3);
	survivors(c, 3, offset, 0.010);
	c[0].jitter = 0.002;
	ck_assert_uint_eq(select_cluster(c, 3, &o), 2);
	ck_assert_int_eq(c[2].tally, TALLY_OUTLIER);
}
END_TEST

START_TEST(falsetickers_neither_count_nor_weigh)
{
	static const double offset[] = { 0.000, 0.001, 9.000, 0.002 };
	struct select_opts o = keep(3);
	struct candidate c[4];

	survivors(c, 4, offset, 1e-6);
	c[2].tally = TALLY_FALSETICK;
	ck_assert_uint_eq(select_cluster(c, 4, &o), 3);
	ck_assert_int_eq(c[2].tally, TALLY_FALSETICK);
	o = keep(2);
	ck_assert_uint_eq(select_cluster(c, 4, &o), 2);
	ck_assert_int_eq(c[1].tally, TALLY_CANDIDATE);	/* the middle one is nearest to the others */
}
END_TEST

UNIT_MAIN("engine/cluster", the_farthest_goes_until_the_rest_agree_as_well_as_one_does_with_itself, minclock_are_kept_however_they_disagree,
    prefer_and_true_survive_where_they_are_the_worst, the_least_jitter_of_those_left_decides, falsetickers_neither_count_nor_weigh)
