/* SPDX-License-Identifier: BSD-2-Clause */
/* The announcement of leap seconds over the last day and across midnight, by the file's word and by the sources', on clocks that make them and not. */
#include "base/ntp.h"
#include "client/system.h"
#include "../unit.h"

#define DAY	86400
#define MONO_0	1000.0		/* s, monotime a day before midnight */

/* 31 March 2027 has a leap second and no vote could bring one; 30 June 2027 is a day for votes. */
#define MARCH	INT64_C(1806537600)	/* midnight after it, s since 1970 */
#define JUNE	INT64_C(1814400000)	/* 1 July 2027 */

/* A system, one survivor, and a clock that the test sets: elapsed since a day before midnight, and what has been taken out of it since. */
struct house {
	struct system		s;
	struct assoc		a;
	struct assoc		*list[1];
	struct leap_table	table;
	int64_t			midnight;
	double			elapsed;
	int			inserted;
	struct system_out	out;
};

static void
build(struct house *h, int64_t midnight, int step, bool by_hand)
{
	*h = (struct house){ .midnight = midnight };
	system_init(&h->s, &select_defaults, &discipline_defaults, (struct monotime){ 1 }, -20, false, 0);
	h->s.vars.leap = LEAP_NONE;
	h->s.leap_by_hand = by_hand;
	h->a.tally = TALLY_SYSPEER;
	h->list[0] = &h->a;
	h->table.n = 2;
	h->table.row[0].from.ns = 0;
	h->table.row[0].tai = 37;
	h->table.row[1].from.ns = midnight * NS_PER_S;
	h->table.row[1].tai = 37 + step;
	h->table.expires.ns = (midnight + 30 * DAY) * NS_PER_S;
	h->s.leaps = step != 0 ? &h->table : NULL;
}

static struct walltime
wall(const struct house *h)
{
	return walltime_add((struct walltime){ (h->midnight - DAY - h->inserted) * NS_PER_S }, h->elapsed);
}

static struct monotime
mono(const struct house *h)
{
	return monotime_add((struct monotime){ 0 }, MONO_0 + h->elapsed);
}

/* Looks at so many seconds after a day before midnight, as the clock would have counted them without a leap second. */
static unsigned
look(struct house *h, double elapsed)
{
	h->elapsed = elapsed;
	h->out = (struct system_out){ .wait = -1 };
	system_leap(&h->s, h->list, 1, mono(h), wall(h), &h->out);
	h->inserted += h->out.leap;
	return h->out.what & ~(unsigned)SYSTEM_TAI;
}

START_TEST(the_files_second_is_announced_in_its_last_day_and_no_earlier)
{
	struct house h;

	build(&h, MARCH, 1, true);
	ck_assert_uint_eq(look(&h, -3600), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_double_eq_tol(h.out.wait, 3600, 1e-6);	/* and nobody has to look in between */
	ck_assert_uint_eq(look(&h, 0), SYSTEM_LEAP_ARMED);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_INSERT);
	ck_assert_double_eq_tol(h.out.wait, DAY, 1e-6);
	ck_assert_uint_eq(look(&h, 4000), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_INSERT);
	ck_assert_int_eq(h.s.vars.tai, 37);
}
END_TEST

START_TEST(a_clock_of_our_own_is_set_back_at_midnight_once)
{
	struct house h;

	build(&h, MARCH, 1, true);
	look(&h, 10);
	ck_assert_uint_eq(look(&h, DAY - 0.001), 0);
	ck_assert_int_eq(h.inserted, 0);
	ck_assert_uint_eq(look(&h, DAY), SYSTEM_LEAPT);
	ck_assert_int_eq(h.out.leap, 1);
	ck_assert_int_eq(h.s.vars.tai, 38);
	/* 23:59:59 again: the same second is not announced or made twice. */
	for (double t = DAY + 0.1; t < DAY + 3; t += 0.3) {
		ck_assert_uint_eq(look(&h, t), 0);
		ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
		ck_assert_int_eq(h.s.vars.tai, 38);
	}
	ck_assert_int_eq(h.inserted, 1);
}
END_TEST

START_TEST(a_clock_of_our_own_leaves_the_last_second_out)
{
	struct house h;

	build(&h, MARCH, -1, true);
	ck_assert_uint_eq(look(&h, 10), SYSTEM_LEAP_ARMED);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_DELETE);
	ck_assert_double_eq_tol(h.out.wait, DAY - 11, 1e-6);
	ck_assert_uint_eq(look(&h, DAY - 1), SYSTEM_LEAPT);
	ck_assert_int_eq(h.inserted, -1);
	ck_assert_int_eq(h.s.vars.tai, 36);
	ck_assert_uint_eq(look(&h, DAY), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_int_eq(h.inserted, -1);
}
END_TEST

START_TEST(a_kernel_stays_warned_until_it_must_have_made_the_second)
{
	struct house h;

	build(&h, MARCH, 1, false);
	look(&h, 10);
	/* It has not looked at its tick yet, so the clock is past midnight: a warning withdrawn now would undo the second. */
	ck_assert_uint_eq(look(&h, DAY + 0.004), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_INSERT);
	h.inserted = 1;
	ck_assert_uint_eq(look(&h, DAY + 0.2), 0);
	ck_assert_uint_eq(look(&h, DAY + 1.05), 0);
	ck_assert_uint_eq(look(&h, DAY + 1.2), SYSTEM_LEAPT);
	ck_assert_int_eq(h.out.leap, 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
}
END_TEST

START_TEST(the_file_outranks_every_vote)	/* SRC-01 */
{
	struct house h;

	build(&h, JUNE, 1, true);
	h.table.row[1].from.ns -= INT64_C(91) * DAY * NS_PER_S;	/* the file knows of none here */
	h.a.last.leap = LEAP_INSERT;
	ck_assert_uint_eq(look(&h, 100), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
	build(&h, JUNE, 1, true);
	h.a.last.leap = LEAP_DELETE;
	look(&h, 100);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_INSERT);
}
END_TEST

START_TEST(an_expired_file_leaves_it_to_the_vote)	/* FILE-05 */
{
	struct house h;

	build(&h, JUNE, 1, true);
	h.table.expires.ns = (JUNE - 2 * DAY) * NS_PER_S;
	ck_assert_uint_eq(look(&h, 100), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_int_eq(h.s.vars.tai, 37);	/* history it is */
	h.a.last.leap = LEAP_DELETE;
	ck_assert_uint_eq(look(&h, 200), SYSTEM_LEAP_ARMED);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_DELETE);
	ck_assert_uint_eq(look(&h, DAY - 1), SYSTEM_LEAPT);
	ck_assert_int_eq(h.s.vars.tai, 0);	/* and it does not know of this one */
}
END_TEST

START_TEST(a_withdrawn_vote_disarms)	/* SRC-01 */
{
	struct house h;

	build(&h, JUNE, 0, false);
	h.a.last.leap = LEAP_INSERT;
	ck_assert_uint_eq(look(&h, 100), SYSTEM_LEAP_ARMED);
	h.a.last.leap = LEAP_NONE;
	ck_assert_uint_eq(look(&h, 200), SYSTEM_LEAP_DISARMED);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
}
END_TEST

START_TEST(a_warning_that_a_source_keeps_up_is_over_at_midnight)	/* SRC-01 */
{
	struct house h;

	build(&h, JUNE, 0, true);
	h.a.last.leap = LEAP_INSERT;
	look(&h, 100);
	ck_assert_uint_eq(look(&h, DAY), SYSTEM_LEAPT);
	for (double t = DAY + 0.5; t < 2 * DAY; t += 900) {
		look(&h, t);
		ck_assert_uint_eq(h.s.vars.leap, LEAP_NONE);
	}
	ck_assert_int_eq(h.inserted, 1);
}
END_TEST

START_TEST(who_does_not_know_the_time_announces_nothing)
{
	struct house h;

	build(&h, MARCH, 1, true);
	h.s.vars.leap = LEAP_UNSYNC;
	ck_assert_uint_eq(look(&h, 100), 0);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_UNSYNC);
	h.s.vars.leap = LEAP_NONE;
	look(&h, 200);
	h.s.vars.leap = LEAP_UNSYNC;
	ck_assert_uint_eq(look(&h, 300), SYSTEM_LEAP_DISARMED);
	look(&h, DAY + 5);
	ck_assert_int_eq(h.inserted, 0);
}
END_TEST

START_TEST(the_smear_runs_to_the_second_and_not_over_it)
{
	struct house h;

	build(&h, MARCH, 1, true);
	h.s.smear = 2.0 * DAY;
	look(&h, -3600);	/* longer than the announcement */
	ck_assert_double_lt(leap_smear_offset(&h.s.vars.smear, mono(&h)), -0.4);
	look(&h, DAY - 1);
	ck_assert_double_lt(leap_smear_offset(&h.s.vars.smear, mono(&h)), -0.999);
	look(&h, DAY);
	ck_assert_double_eq(h.s.vars.smear.interval, 0);
	/* A kernel is still warned in the second: the clock shows 23:59:59, and the smear is over all the same. */
	build(&h, MARCH, 1, false);
	h.s.smear = 2.0 * DAY;
	look(&h, DAY - 1);
	h.inserted = 1;
	look(&h, DAY + 0.5);
	ck_assert_uint_eq(h.s.vars.leap, LEAP_INSERT);
	ck_assert_double_eq(leap_smear_offset(&h.s.vars.smear, mono(&h)), 0);
	/* Nothing is smeared that is left out. */
	build(&h, MARCH, -1, true);
	h.s.smear = DAY;
	look(&h, DAY / 2);
	ck_assert_double_eq(h.s.vars.smear.interval, 0);
}
END_TEST

UNIT_MAIN("client/leaps", the_files_second_is_announced_in_its_last_day_and_no_earlier, a_clock_of_our_own_is_set_back_at_midnight_once,
    a_clock_of_our_own_leaves_the_last_second_out, a_kernel_stays_warned_until_it_must_have_made_the_second, the_file_outranks_every_vote,
    an_expired_file_leaves_it_to_the_vote, a_withdrawn_vote_disarms, a_warning_that_a_source_keeps_up_is_over_at_midnight,
    who_does_not_know_the_time_announces_nothing, the_smear_runs_to_the_second_and_not_over_it)
