/* SPDX-License-Identifier: BSD-2-Clause */
/* When replies leave: learnt from what the kernel says of a few, and never from what is no example. */
#include "server/depart.h"
#include "../unit.h"

#define US	INT64_C(1000)
#define READY	((struct walltime){ INT64_C(1800000000000000000) })	/* a time in 2027 */

/* A batch so long after the one before. */
static void
batch_after(struct depart *d, int64_t gap)
{
	depart_batch(d, (struct monotime){ d->last.ns + gap });
}

/* One group of n, asked about: the kernel says that its first reply left after lead, and the call took that long. */
static void
asked(struct depart *d, size_t n, int64_t lead, int64_t took)
{
	depart_ask(d, READY, 77);
	ck_assert(depart_left(d, 77, (struct walltime){ READY.ns + lead }));
	depart_learn(d, n, took);
}

START_TEST(nothing_is_believed_before_there_are_examples_enough)
{
	struct depart d = { 0 };

	batch_after(&d, 50 * US);
	depart_sent(&d, 1, 4 * US);
	for (int i = 0; i < 7; i++) {
		asked(&d, 1, (3 + i) * US, 4 * US);
		ck_assert_int_eq(depart_lead(&d), 0);
	}
	asked(&d, 1, 12 * US, 4 * US);
	ck_assert_int_eq(depart_lead(&d), 3 * US);	/* the least of them */
}
END_TEST

/* All of it, even where some comes after the kernel has looked at the clock: a stamp may be early, not late. */
START_TEST(what_asking_costs_is_taken_off)
{
	struct depart d = { 0 };

	batch_after(&d, 50 * US);
	for (int i = 0; i < 100; i++) {
		depart_sent(&d, 1, 4 * US);
		depart_sent(&d, 4, 10 * US);
		asked(&d, 1, 3 * US, 5 * US);	/* 1 us more than usual */
	}
	ck_assert_int_eq(depart_lead(&d), 2 * US);
	for (int i = 0; i < 200; i++)
		asked(&d, 4, 3 * US, 12 * US);	/* 2 us more than usual for four */
	ck_assert_int_le(depart_lead(&d), US + 100);
	ck_assert_int_eq(d.spacing_ns / 100, 2 * US / 100 - 1);	/* what each adds to 4 us, from below */
}
END_TEST

START_TEST(a_rest_makes_a_difference_that_is_learnt_apart)
{
	static const struct { int64_t gap, lead; } rows[DEPART_PACES] = {
		{ 50 * US, 2 * US }, { 500 * US, 4 * US }, { 5000 * US, 8 * US }, { 5000000 * US, 16 * US },
	};
	struct depart d = { 0 };

	for (size_t i = 0; i < 400; i++) {
		batch_after(&d, rows[i % DEPART_PACES].gap);
		depart_sent(&d, 1, 20 * US);
		asked(&d, 1, rows[i % DEPART_PACES].lead, 20 * US);
	}
	for (size_t i = 0; i < DEPART_PACES; i++) {
		batch_after(&d, rows[i].gap);
		ck_assert_int_eq(depart_lead(&d), rows[i].lead);
	}
}
END_TEST

START_TEST(what_is_no_example_teaches_nothing)
{
	static const struct { int64_t lead, took; } rows[] = {
		{ -1, 4 * US }, { -1000000 * US, 4 * US }, { 1000000 * US, 4 * US }, { 101 * US, 4 * US }, { 2 * US, -1000000 * US }, { 2 * US, 1000000 * US },
		{ 2 * US, 0 },
	};
	struct depart d = { 0 };

	batch_after(&d, 50 * US);
	asked(&d, 3, 3 * US, 4 * US);	/* what three take is not known */
	ck_assert_uint_eq(d.lead[0].seen, 0);
	depart_sent(&d, 1, 4 * US);
	for (int i = 0; i < 20; i++)
		asked(&d, 1, 3 * US, 4 * US);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		asked(&d, 1, rows[i].lead, rows[i].took);
		ck_assert_msg(depart_lead(&d) == 3 * US, "row %zu", i);
		depart_sent(&d, 1, rows[i].took > 0 && rows[i].took < 100 * US ? 1000000 * US : rows[i].took);
		ck_assert_msg(d.lead[0].took_ns[0] == 4 * US, "row %zu", i);
	}
	/* Nor does a reply that has not been asked about, or one heard of twice, or none. */
	ck_assert(!depart_left(&d, 77, READY));
	ck_assert(!depart_left(&d, 0, READY));
	depart_ask(&d, READY, 5);
	ck_assert(!depart_left(&d, 6, READY));
	depart_learn(&d, 1, 4 * US);
	ck_assert(!depart_left(&d, 5, READY));
	ck_assert_int_eq(depart_lead(&d), 3 * US);
	depart_sent(&d, 0, US);
	depart_sent(&d, DEPART_GROUP + 1, US);
}
END_TEST

START_TEST(a_busy_server_asks_seldom)
{
	struct depart d = { 0 };
	unsigned slow = 0, busy = 0;

	batch_after(&d, 50 * US);
	depart_sent(&d, 1, 4 * US);
	for (int i = 0; i < 10; i++)
		asked(&d, 1, 3 * US, 4 * US);
	for (int i = 0; i < 257 * 4; i++)
		busy += depart_due(&d);
	ck_assert_uint_eq(busy, 4);
	batch_after(&d, 5000 * US);
	for (int i = 0; i < 9 * 4; i++)
		slow += depart_due(&d);
	ck_assert_uint_eq(slow, 4);
}
END_TEST

/* Departures spread evenly over 2 to 4 us: most are not before their stamp, and none is by more than the spread. */
START_TEST(a_stamp_is_early_rather_than_late)
{
	struct depart d = { 0 };
	unsigned late = 0;

	srandom(1);
	batch_after(&d, 50 * US);
	for (int i = 0; i < 5000; i++) {
		int64_t leaves = 2000 + random() % 2000;

		depart_sent(&d, 1, 5 * US);
		if (i >= 1000) {
			late += depart_lead(&d) > leaves;
			ck_assert_int_ge(depart_lead(&d), 2000);
			ck_assert_int_le(depart_lead(&d), 3400);
		}
		asked(&d, 1, leaves, 5 * US);
	}
	ck_assert_uint_le(late, 4000 * 45 / 100);
	/* They leave at once: that is learnt within some tens of examples. */
	for (int i = 0; i < 40; i++)
		asked(&d, 1, 0, 5 * US);
	ck_assert_int_le(depart_lead(&d), 100);
}
END_TEST

UNIT_MAIN("server/depart", nothing_is_believed_before_there_are_examples_enough, what_asking_costs_is_taken_off, a_rest_makes_a_difference_that_is_learnt_apart,
    what_is_no_example_teaches_nothing, a_busy_server_asks_seldom, a_stamp_is_early_rather_than_late)
