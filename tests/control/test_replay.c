/* SPDX-License-Identifier: BSD-2-Clause */
/* What has been carried out is known, whatever came in between, and where nothing more can be known nothing more is taken. */
#include "control/replay.h"
#include "../unit.h"

START_TEST(each_is_fresh_once)
{
	struct replay r = { 0 };

	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_int_eq(replay_take(&r, i * 0x9e3779b97f4a7c15u), REPLAY_FRESH);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_int_eq(replay_take(&r, i * 0x9e3779b97f4a7c15u), REPLAY_SEEN);
	ck_assert_uint_eq(r.n, 1000);
	replay_free(&r);
	ck_assert_int_eq(replay_take(&r, 0), REPLAY_FRESH);
	replay_free(&r);
}
END_TEST

START_TEST(a_full_memory_takes_nothing_new_and_forgets_nothing)
{
	struct replay r = { 0 };

	/* Filled by hand: by way of replay_take it takes a while. */
	for (uint64_t i = 0; i < 100; i++)
		ck_assert_int_eq(replay_take(&r, i), REPLAY_FRESH);
	r.seen = realloc(r.seen, REPLAY_MAX * sizeof(*r.seen));
	ck_assert_ptr_nonnull(r.seen);
	for (r.cap = REPLAY_MAX; r.n < r.cap - 1; r.n++)
		r.seen[r.n] = r.n;
	ck_assert_int_eq(replay_take(&r, REPLAY_MAX - 1), REPLAY_FRESH);
	ck_assert_int_eq(replay_take(&r, REPLAY_MAX), REPLAY_FULL);
	ck_assert_int_eq(replay_take(&r, 0), REPLAY_SEEN);
	ck_assert_int_eq(replay_take(&r, REPLAY_MAX - 1), REPLAY_SEEN);
	replay_free(&r);
}
END_TEST

UNIT_MAIN("control/replay", each_is_fresh_once, a_full_memory_takes_nothing_new_and_forgets_nothing)
