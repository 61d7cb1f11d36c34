/* SPDX-License-Identifier: BSD-2-Clause */
/* The intersection, and all three algorithms in turn, against cases worked out by hand (RFC 5905 section 11.2.1). */
#include <string.h>

#include "base/ntp.h"
#include "engine/select.h"
#include "../unit.h"

#define N_MAX	16

/* Sources of one half width; ids from 1, stratum 1. */
static void
sources(struct candidate c[], size_t n, const double offset[], double rootdist)
{
	for (size_t i = 0; i < n; i++) {
		c[i] = (struct candidate){
			.est = { .offset = offset[i], .var = 1e-8, .freq_var = 1e-14 },
			.rootdist = rootdist,
			.jitter = 1e-4,
			.id = (uint16_t)(i + 1),
			.stratum = 1,
		};
	}
}

/* The verdicts as ntpq's characters. */
static const char *
tallies(const struct candidate c[], size_t n, char buf[static N_MAX + 1])
{
	for (size_t i = 0; i < n; i++)
		buf[i] = " x.-+#*o"[c[i].tally];
	buf[n] = '\0';
	return buf;
}

static void
check_intersection(const double offset[], size_t n, double rootdist, const char *want)
{
	struct candidate c[N_MAX];
	char got[N_MAX + 1];
	unsigned expect = 0;

	for (const char *p = want; *p != '\0'; p++)
		expect += *p == '+';
	sources(c, n, offset, rootdist);
	ck_assert_uint_eq(select_intersect(c, n, &select_defaults), expect);
	ck_assert_str_eq(tallies(c, n, got), want);
}

#define INTERSECT(rootdist, want, ...)	\
	check_intersection((const double[]){ __VA_ARGS__ }, sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double), rootdist, want)

START_TEST(nobody_has_no_majority)
{
	struct selection sel;

	ck_assert_uint_eq(select_intersect(NULL, 0, &select_defaults), 0);
	select_run(NULL, 0, &select_defaults, 0, &sel);
	ck_assert_int_eq(sel.syspeer, -1);
	ck_assert_uint_eq(sel.survivors, 0);
}
END_TEST

START_TEST(one_source_is_believed_for_want_of_another)
{
	INTERSECT(0.01, "+", 5.0);
}
END_TEST

START_TEST(two_that_overlap_agree_and_two_that_do_not_cancel_out)
{
	/* Half width 10 ms: 15 ms apart they share [5, 10] ms but neither middle; RFC 5905 counts a middle outside as a falseticker. */
	INTERSECT(0.01, "++", 0.000, 0.008);
	INTERSECT(0.01, "xx", 0.000, 0.015);
	INTERSECT(0.01, "xx", 0.000, 0.100);
}
END_TEST

START_TEST(one_liar_of_three_is_outvoted)
{
	INTERSECT(0.01, "++x", 0.000, 0.002, 0.080);
	INTERSECT(0.01, "x++", -0.060, 0.000, 0.002);
}
END_TEST

START_TEST(two_liars_of_seven_are_outvoted_on_both_sides)
{
	/*
	 * Half width 10 ms.  Five middles at -2 … 2 ms share [-8, 8] ms; the liars are at +80 and -60 ms.  With two falsetickers allowed
	 * five intervals have to overlap: walking up, the fifth lower end is 2 - 10 = -8 ms, past one middle (-60); walking down the fifth
	 * upper end is -2 + 10 = 8 ms, past one middle (80).  Two outside, two allowed.
	 */
	INTERSECT(0.01, "+x++x++", -0.002, 0.080, -0.001, 0.000, -0.060, 0.001, 0.002);
}
END_TEST

START_TEST(liars_that_agree_are_outvoted_while_they_are_fewer)
{
	INTERSECT(0.01, "+++xx", 0.000, 0.001, 0.002, 0.500, 0.501);
	INTERSECT(0.01, "xxx++++", 0.500, 0.501, 0.502, 0.000, 0.001, 0.002, 0.003);
}
END_TEST

START_TEST(a_tie_of_two_against_two_has_no_majority)
{
	INTERSECT(0.01, "xxxx", 0.000, 0.001, 0.500, 0.501);
}
END_TEST

START_TEST(three_of_five_that_disagree_leave_no_majority)
{
	INTERSECT(0.01, "xxxxx", 0.000, 0.001, 0.500, 1.000, -0.700);
}
END_TEST

START_TEST(a_wide_interval_agrees_with_whom_it_overlaps_but_its_middle_counts)
{
	static const double offset[] = { 0.000, 0.001, 0.080, 0.080, 0.002 };
	struct candidate c[5];
	char got[N_MAX + 1];

	/* The third is 80 +- 100 ms, [-20, 180].  Of the first four two middles are outside [-9, 10] ms where one is allowed: no majority. */
	sources(c, 5, offset, 0.01);
	c[2].rootdist = 0.100;
	ck_assert_uint_eq(select_intersect(c, 4, &select_defaults), 0);
	/* Of five two may be, and the wide one is no liar: it says as much as the others do. */
	ck_assert_uint_eq(select_intersect(c, 5, &select_defaults), 4);
	ck_assert_str_eq(tallies(c, 5, got), "+++x+");
}
END_TEST

START_TEST(equal_intervals_agree_whatever_their_order)
{
	INTERSECT(0.001, "+++++", 0.25, 0.25, 0.25, 0.25, 0.25);
}
END_TEST

START_TEST(a_source_that_is_true_by_decree_needs_no_majority)
{
	static const double offset[] = { 0.000, 0.500 };
	struct candidate c[2];
	struct selection sel;
	char got[N_MAX + 1];

	sources(c, 2, offset, 0.01);
	c[1].always = true;
	select_run(c, 2, &select_defaults, 0, &sel);
	ck_assert_str_eq(tallies(c, 2, got), "x*");
	ck_assert_double_eq_tol(sel.est.offset, 0.5, 1e-9);
}
END_TEST

START_TEST(fewer_truechimers_than_minsane_make_no_system_peer)
{
	static const double offset[] = { 0.000, 0.001, 0.500 };
	struct select_opts o = select_defaults;
	struct candidate c[3];
	struct selection sel;

	o.minsane = 3;
	sources(c, 3, offset, 0.01);
	select_run(c, 3, &o, 0, &sel);
	ck_assert_uint_eq(sel.truechimers, 2);
	ck_assert_int_eq(sel.syspeer, -1);
	o.minsane = 2;
	select_run(c, 3, &o, 0, &sel);
	ck_assert_int_ne(sel.syspeer, -1);
}
END_TEST

START_TEST(no_more_than_maxclock_are_kept_and_those_the_best_ranked)
{
	static const double offset[] = { 0, 0, 0, 0, 0, 0 };
	struct select_opts o = select_defaults;
	struct candidate c[6];
	struct selection sel;
	char got[N_MAX + 1];

	o.maxclock = 3;
	sources(c, 6, offset, 0.01);
	c[0].stratum = 3;
	c[1].rootdist = 0.011;
	c[2].rootdist = 0.012;
	c[4].stratum = 2;
	c[5].rootdist = 0.013;
	select_run(c, 6, &o, 0, &sel);
	/* By stratum, then distance: 3 (10 ms), 1 (11 ms), 2 (12 ms) | 5 (13 ms), 4, 0. */
	ck_assert_str_eq(tallies(c, 6, got), ".++*..");
	ck_assert_uint_eq(sel.truechimers, 6);
	ck_assert_uint_eq(sel.survivors, 3);
}
END_TEST

START_TEST(prefer_and_true_are_never_excess)
{
	static const double offset[] = { 0, 0, 0, 0 };
	struct select_opts o = select_defaults;
	struct candidate c[4];
	struct selection sel;
	char got[N_MAX + 1];

	o.maxclock = 1;
	sources(c, 4, offset, 0.01);
	c[2].prefer = true;
	c[2].stratum = 5;
	c[3].always = true;
	c[3].stratum = 5;
	select_run(c, 4, &o, 0, &sel);
	ck_assert_str_eq(tallies(c, 4, got), "+.*+");
}
END_TEST

START_TEST(the_system_peer_is_of_the_lowest_stratum_then_the_nearest)
{
	static const double offset[] = { 0, 0.001, 0.002 };
	struct candidate c[3];
	struct selection sel;

	sources(c, 3, offset, 0.02);
	c[0].stratum = 2;
	c[0].rootdist = 0.010;
	c[2].rootdist = 0.019;
	select_run(c, 3, &select_defaults, 0, &sel);
	ck_assert_int_eq(sel.syspeer, 2);
	c[1].prefer = true;
	select_run(c, 3, &select_defaults, 0, &sel);
	ck_assert_int_eq(sel.syspeer, 1);
}
END_TEST

START_TEST(the_system_peer_stays_while_it_is_no_worse_by_much)
{
	static const double offset[] = { 0, 0, 0 };
	struct candidate c[3];
	struct selection sel;

	sources(c, 3, offset, 0.020);
	c[1].rootdist = 0.019;
	select_run(c, 3, &select_defaults, 3, &sel);
	ck_assert_int_eq(sel.syspeer, 2);		/* 20 ms against 19 ms: not worth the change */
	select_run(c, 3, &select_defaults, 77, &sel);
	ck_assert_int_eq(sel.syspeer, 1);		/* the old one is gone */
	c[2].rootdist = 1.0;
	select_run(c, 3, &select_defaults, 3, &sel);
	ck_assert_int_eq(sel.syspeer, 1);		/* 1 s against 19 ms: worse by much */
	c[2].rootdist = 0.020;
	c[2].stratum = 2;
	select_run(c, 3, &select_defaults, 3, &sel);
	ck_assert_int_eq(sel.syspeer, 1);		/* another is of a lower stratum */
}
END_TEST

START_TEST(more_sources_than_can_be_looked_at_are_rejected_beyond_the_end)
{
	enum { N = 1100 };
	struct candidate *c = calloc(N, sizeof(*c));

	for (size_t i = 0; i < N; i++)
		c[i] = (struct candidate){ .rootdist = 0.01, .est.var = 1e-8 };
	ck_assert_uint_eq(select_intersect(c, N, &select_defaults), 1024);
	ck_assert_int_eq(c[1023].tally, TALLY_CANDIDATE);
	ck_assert_int_eq(c[1024].tally, TALLY_REJECT);
	free(c);
}
END_TEST

UNIT_MAIN("engine/select", nobody_has_no_majority, one_source_is_believed_for_want_of_another,
    two_that_overlap_agree_and_two_that_do_not_cancel_out, one_liar_of_three_is_outvoted,
    two_liars_of_seven_are_outvoted_on_both_sides, liars_that_agree_are_outvoted_while_they_are_fewer,
    a_tie_of_two_against_two_has_no_majority, three_of_five_that_disagree_leave_no_majority,
    a_wide_interval_agrees_with_whom_it_overlaps_but_its_middle_counts, equal_intervals_agree_whatever_their_order,
    a_source_that_is_true_by_decree_needs_no_majority, fewer_truechimers_than_minsane_make_no_system_peer,
    no_more_than_maxclock_are_kept_and_those_the_best_ranked, prefer_and_true_are_never_excess,
    the_system_peer_is_of_the_lowest_stratum_then_the_nearest, the_system_peer_stays_while_it_is_no_worse_by_much,
    more_sources_than_can_be_looked_at_are_rejected_beyond_the_end)
