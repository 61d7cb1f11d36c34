/* SPDX-License-Identifier: BSD-2-Clause */
/* The budget of answers: what one address may take, what all may, and how it comes back. */
#include "control/budget.h"
#include "../unit.h"

static struct monotime
at(double s)
{
	return monotime_add((struct monotime){ 1000 * (int64_t)NS_PER_S }, s);
}

/* Octets given out before the first refusal, in answers of 500. */
static unsigned
drain(struct budget *b, uint64_t bucket, double when)
{
	unsigned n = 0;

	while (n < 1000000 && budget_take(b, bucket, 500, at(when)))
		n += 500;
	return n;
}

START_TEST(one_address_gets_its_burst_and_then_its_rate)
{
	struct budget b;

	budget_init(&b, at(0));
	ck_assert_uint_eq(drain(&b, 7, 0), BUDGET_BURST / 500 * 500);
	ck_assert_uint_eq(drain(&b, 7, 0), 0);
	ck_assert_uint_le(drain(&b, 7, 10), 10 * BUDGET_RATE + 500);
	ck_assert_uint_ge(drain(&b, 7, 20), 10 * BUDGET_RATE > BUDGET_BURST ? BUDGET_BURST - 500 : 10 * BUDGET_RATE - 500);
	ck_assert_uint_eq(drain(&b, 7, 100000), BUDGET_BURST / 500 * 500);
}
END_TEST

START_TEST(one_address_does_not_silence_another)
{
	struct budget b;

	budget_init(&b, at(0));
	drain(&b, 7, 0);
	ck_assert(budget_take(&b, 8, 500, at(0)));
	ck_assert(!budget_take(&b, 7 + BUDGET_BUCKETS, 500, at(0)));
}
END_TEST

START_TEST(all_together_get_no_more_than_the_common_budget)
{
	struct budget b;
	unsigned sum = 0;

	budget_init(&b, at(0));
	for (uint64_t i = 0; i < BUDGET_BUCKETS; i++)
		sum += drain(&b, i, 0);
	ck_assert_uint_le(sum, BUDGET_BURST_ALL);
	ck_assert_uint_gt(sum, BUDGET_BURST_ALL - 500);
	sum = 0;
	for (uint64_t i = 0; i < BUDGET_BUCKETS; i++)
		sum += drain(&b, i, 2);
	ck_assert_uint_le(sum, 2 * BUDGET_RATE_ALL + 500);
}
END_TEST

START_TEST(a_refusal_takes_nothing)
{
	struct budget b;

	budget_init(&b, at(0));
	ck_assert(!budget_take(&b, 7, BUDGET_BURST + 1, at(0)));
	ck_assert(budget_take(&b, 7, BUDGET_BURST, at(0)));
}
END_TEST

START_TEST(it_is_spent_from_a_refusal_until_there_is_enough_for_what_was_refused)
{
	struct budget b;

	budget_init(&b, at(0));
	ck_assert(!budget_spent(&b, 7, at(0)));
	ck_assert(budget_take(&b, 7, BUDGET_BURST - 100, at(0)));
	ck_assert(!budget_spent(&b, 7, at(0)));	/* nobody has been refused yet */
	ck_assert(!budget_take(&b, 7, BUDGET_RATE, at(0)));
	ck_assert(budget_spent(&b, 7, at(0)));
	ck_assert(!budget_spent(&b, 8, at(0)));
	ck_assert(budget_spent(&b, 7, at(0.9)));
	ck_assert(!budget_spent(&b, 7, at(1)));
	ck_assert(budget_take(&b, 7, BUDGET_RATE, at(1)));
}
END_TEST

START_TEST(a_common_budget_that_is_spent_is_spent_for_all)
{
	struct budget b;

	budget_init(&b, at(0));
	for (uint64_t i = 0; i < BUDGET_BUCKETS; i++)
		drain(&b, i, 0);
	for (uint64_t i = 0; i < BUDGET_BUCKETS; i++)
		ck_assert(budget_spent(&b, i, at(0)));
	ck_assert(!budget_spent(&b, BUDGET_BUCKETS - 1, at(1)));
}
END_TEST

START_TEST(what_can_never_be_had_spends_only_what_there_is)
{
	struct budget b;

	budget_init(&b, at(0));
	ck_assert(!budget_take(&b, 7, BUDGET_BURST + 1, at(0)));
	ck_assert(!budget_spent(&b, 7, at(0)));
}
END_TEST

START_TEST(a_screen_of_ten_sources_fits_into_the_burst_many_times)
{
	/* One list of pairs, then ten times two datagrams: what ntpq -p asks for. */
	unsigned once = 12 + 40 + 10 * 2 * 480;

	ck_assert_uint_ge(BUDGET_BURST, 5 * once);
}
END_TEST

UNIT_MAIN("control/budget", one_address_gets_its_burst_and_then_its_rate, one_address_does_not_silence_another,
    all_together_get_no_more_than_the_common_budget, a_refusal_takes_nothing,
    it_is_spent_from_a_refusal_until_there_is_enough_for_what_was_refused, a_common_budget_that_is_spent_is_spent_for_all,
    what_can_never_be_had_spends_only_what_there_is, a_screen_of_ten_sources_fits_into_the_burst_many_times)
