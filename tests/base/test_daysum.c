/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums of a day. */
#include "base/daysum.h"
#include "../unit.h"

#define HOUR	3600.0

static struct monotime
at(double seconds)
{
	return monotime_add((struct monotime){ 1 }, seconds);
}

START_TEST(what_is_younger_than_a_day_counts_and_the_rest_does_not)
{
	struct daysum s = { 0 };

	daysum_add(&s, at(0.5 * HOUR), 1);
	daysum_add(&s, at(10.5 * HOUR), 2);
	daysum_add(&s, at(10.9 * HOUR), 4);
	ck_assert_double_eq(daysum_total(&s, at(10.9 * HOUR)), 7);
	ck_assert_double_eq(daysum_total(&s, at(24.6 * HOUR)), 7);
	ck_assert_double_eq(daysum_total(&s, at(25.1 * HOUR)), 6);
	ck_assert_double_eq(daysum_total(&s, at(34.95 * HOUR)), 6);
	ck_assert_double_eq(daysum_total(&s, at(35.1 * HOUR)), 0);
	/* Looking ahead has taken nothing away. */
	ck_assert_double_eq(daysum_total(&s, at(11 * HOUR)), 7);
}
END_TEST

START_TEST(a_long_pause_empties_it)
{
	struct daysum s = { 0 };

	for (int i = 0; i < 100; i++)
		daysum_add(&s, at(i * HOUR), 1);
	ck_assert_double_eq(daysum_total(&s, at(99 * HOUR)), DAYSUM_HOURS);
	ck_assert_double_eq(daysum_total(&s, at(100000 * HOUR)), 0);
	daysum_add(&s, at(100000 * HOUR), 3);
	ck_assert_double_eq(daysum_total(&s, at(100001 * HOUR)), 3);
}
END_TEST

UNIT_MAIN("base/daysum", what_is_younger_than_a_day_counts_and_the_rest_does_not, a_long_pause_empties_it)
