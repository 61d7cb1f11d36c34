/* SPDX-License-Identifier: BSD-2-Clause */
/* The pairs of the interleaved mode: whose they are, how often they serve, and who gives way when there is no more room. */
#include <string.h>

#include "chance.h"
#include "server/interleave.h"
#include "../unit.h"

static struct ntptime
stamp(uint64_t n)
{
	return (struct ntptime){ UINT64_C(0xe8000000) << 32 | n << 8 | 1 };
}

static struct addr
addr(uint32_t n)
{
	return (struct addr){ .family = 4, .ip = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n }, .port = 123 };
}

START_TEST(a_pair_is_taken_once_by_its_owner)
{
	struct interleave *t = interleave_new();
	struct addr a = addr(1), b = addr(2), other_port = a;
	struct ntptime xmt = { 0 };

	ck_assert_ptr_nonnull(t);
	other_port.port = 40000;
	ck_assert(!interleave_take(t, &a, stamp(1), &xmt));
	interleave_note(t, &a, stamp(1));
	ck_assert(!interleave_take(t, &a, stamp(1), &xmt));	/* has not left yet */
	ck_assert(interleave_left(t, stamp(1), stamp(5)));
	ck_assert(interleave_left(t, stamp(1), stamp(6)));
	ck_assert(!interleave_left(t, stamp(2), stamp(7)));
	ck_assert(!interleave_take(t, &b, stamp(1), &xmt));
	ck_assert(!interleave_take(t, &a, stamp(2), &xmt));
	ck_assert_uint_eq(xmt.raw, 0);
	ck_assert(interleave_take(t, &other_port, stamp(1), &xmt));
	ck_assert_uint_eq(xmt.raw, stamp(6).raw);
	ck_assert(!interleave_take(t, &a, stamp(1), &xmt));
	interleave_free(t);
}
END_TEST

/* 0 marks what is free. */
START_TEST(no_time_names_nothing)
{
	struct interleave *t = interleave_new();
	struct ntptime xmt;
	struct addr a = { 0 };

	ck_assert(!interleave_left(t, (struct ntptime){ 0 }, stamp(1)));
	ck_assert(!interleave_take(t, &a, (struct ntptime){ 0 }, &xmt));
	interleave_free(t);
}
END_TEST

START_TEST(half_the_table_finds_room_and_newcomers_always_do)
{
	struct interleave *t = interleave_new();
	uint64_t dice = chance_seed("interleave");
	uint32_t n = INTERLEAVE_PAIRS / 2, kept = 0;
	struct ntptime xmt, rec[INTERLEAVE_PAIRS / 2];

	for (uint32_t i = 0; i < n; i++) {
		struct addr a = addr(i);

		rec[i] = (struct ntptime){ (uint64_t)(0xe8000000 + i) << 32 | chance(&dice) };
		interleave_note(t, &a, rec[i]);
		ck_assert(interleave_left(t, rec[i], stamp(i)));
	}
	for (uint32_t i = 0; i < n; i++) {
		struct addr a = addr(i);

		kept += interleave_take(t, &a, rec[i], &xmt);
	}
	ck_assert_uint_ge(kept, n * 9 / 10);	/* 95 in a hundred are expected */
	/* However many strangers come, the last one is remembered. */
	for (uint32_t i = 0; i < 10 * INTERLEAVE_PAIRS; i++) {
		struct addr a = addr(i);
		struct ntptime r = { (uint64_t)(0xe9000000 + i) << 32 | chance(&dice) };

		interleave_note(t, &a, r);
		ck_assert(interleave_left(t, r, stamp(i)));
		if (i % 1000 == 0)
			ck_assert(interleave_take(t, &a, r, &xmt));
	}
	interleave_free(t);
}
END_TEST

/* Many more than there is room for: what is lost is of the older ones, though the newer ones begin a new era. */
START_TEST(the_oldest_gives_way_also_across_an_era)
{
	enum { EACH = 3 * INTERLEAVE_PAIRS };
	struct interleave *t = interleave_new();
	uint64_t dice = chance_seed("interleave era");
	static struct ntptime rec[2 * EACH];
	unsigned old = 0, new = 0;
	struct addr a = addr(1);
	struct ntptime xmt;

	for (uint32_t i = 0; i < 2 * EACH; i++) {
		rec[i].raw = (uint64_t)(uint32_t)(i - EACH) << 32 | chance(&dice);
		interleave_note(t, &a, rec[i]);
		ck_assert(interleave_left(t, rec[i], stamp(i)));
	}
	for (uint32_t i = 0; i < EACH; i++) {
		old += interleave_take(t, &a, rec[i], &xmt);
		new += interleave_take(t, &a, rec[EACH + i], &xmt);
	}
	ck_assert_uint_le(old, INTERLEAVE_PAIRS / 100);
	ck_assert_uint_ge(new, INTERLEAVE_PAIRS * 99 / 100);
	interleave_free(t);
}
END_TEST

START_TEST(only_client_requests_with_both_times_may_be_meant)
{
	const struct packet good = { .mode = MODE_CLIENT, .org = { 1 }, .rec = { 2 }, .xmt = { 3 } };
	struct packet p;

	ck_assert(interleave_possible(&good));
	p = good, p.org.raw = 0;
	ck_assert(!interleave_possible(&p));
	p = good, p.rec.raw = 0;
	ck_assert(!interleave_possible(&p));
	p = good, p.xmt = p.rec;
	ck_assert(!interleave_possible(&p));
	p = good, p.mode = MODE_ACTIVE;
	ck_assert(!interleave_possible(&p));
}
END_TEST

UNIT_MAIN("server/interleave", a_pair_is_taken_once_by_its_owner, no_time_names_nothing, half_the_table_finds_room_and_newcomers_always_do,
    the_oldest_gives_way_also_across_an_era, only_client_requests_with_both_times_may_be_meant)
