/* SPDX-License-Identifier: BSD-2-Clause */
/* The shared memory clock: both modes, torn updates, and whose segments are trusted (LOC-02). */
#include <pthread.h>
#include <string.h>

#include "refclock/shm.h"
#include "../unit.h"

static struct shm_segment
sound(int mode)
{
	return (struct shm_segment){
		.mode = mode, .count = 7, .clock_sec = 1800000000, .clock_usec = 250000, .clock_nsec = 250000123, .receive_sec = 1800000001,
		.receive_usec = 500, .receive_nsec = 500999, .leap = 1, .precision = -20, .valid = 1,
	};
}

START_TEST(a_valid_sample_is_taken_once_in_either_mode)
{
	struct shm_segment s = sound(_i);
	struct shm_values v;

	ck_assert_int_eq(shm_take(&s, &v), SHM_OK);
	ck_assert_int_eq(v.clock.ns, INT64_C(1800000000250000123));
	ck_assert_int_eq(v.receive.ns, INT64_C(1800000001000500999));
	ck_assert_int_eq(v.leap, 1);
	ck_assert_int_eq(v.precision, -20);
	ck_assert_int_eq(s.valid, 0);
	ck_assert_int_eq(s.count, 8);
	ck_assert_int_eq(shm_take(&s, &v), SHM_NOT_READY);
	ck_assert_int_eq(s.count, 8);
}
END_TEST

START_TEST(nanoseconds_that_contradict_the_microseconds_do_not_count)
{
	struct shm_segment s = sound(0);
	struct shm_values v;

	s.clock_nsec = 0;
	s.receive_nsec = 4000000000u;
	ck_assert_int_eq(shm_take(&s, &v), SHM_OK);
	ck_assert_int_eq(v.clock.ns, INT64_C(1800000000250000000));
	ck_assert_int_eq(v.receive.ns, INT64_C(1800000001000500000));
}
END_TEST

START_TEST(nonsense_is_not_taken)
{
	static const struct { size_t offset; int value; } rows[] = {
		{ offsetof(struct shm_segment, mode), 2 }, { offsetof(struct shm_segment, mode), -1 },
		{ offsetof(struct shm_segment, clock_usec), 1000000 }, { offsetof(struct shm_segment, clock_usec), -1 },
		{ offsetof(struct shm_segment, receive_usec), 1000000 }, { offsetof(struct shm_segment, leap), 4 }, { offsetof(struct shm_segment, leap), -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shm_segment s = sound(1);
		struct shm_values v = { .leap = 77 };

		memcpy((char *)&s + rows[i].offset, &rows[i].value, sizeof(int));
		ck_assert_msg(shm_take(&s, &v) == SHM_BAD, "row %zu", i);
		ck_assert_int_eq(v.leap, 77);
		ck_assert_int_eq(s.valid, 0);
	}
}
END_TEST

START_TEST(times_beyond_all_reckoning_are_not_taken)
{
	struct shm_segment s = sound(0);
	struct shm_values v;

	s.clock_sec = INT64_MAX;
	ck_assert_int_eq(shm_take(&s, &v), SHM_BAD);
	s = sound(0);
	s.receive_sec = -1;
	ck_assert_int_eq(shm_take(&s, &v), SHM_BAD);
}
END_TEST

#define UPDATES	200000

/* Writes as mode 1 asks: count goes up before and after, and every field of an update is the same number. */
static void *
write_updates(void *arg)
{
	struct shm_segment *s = arg;

	for (int i = 1; i <= UPDATES; i++) {
		s->valid = 0;
		s->count = (int)((unsigned)s->count + 1);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		*(volatile time_t *)&s->clock_sec = i;
		*(volatile int *)&s->clock_usec = i % 1000000;
		*(volatile time_t *)&s->receive_sec = i;
		*(volatile int *)&s->receive_usec = i % 1000000;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		s->count = (int)((unsigned)s->count + 1);
		s->valid = 1;
		for (volatile int k = 0; k < 400; k++)
			;
	}
	s->mode = 99;
	s->valid = 1;
	return NULL;
}

START_TEST(a_torn_update_is_never_taken)
{
	struct shm_segment s = { .mode = 1 };
	enum shm_result r = SHM_NOT_READY;
	struct shm_values v;
	unsigned taken = 0;
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_updates, &s), 0);
	while (r != SHM_BAD) {
		r = shm_take(&s, &v);
		if (r != SHM_OK)
			continue;
		taken++;
		ck_assert_int_eq(v.clock.ns, v.receive.ns);
		ck_assert_int_eq(v.clock.ns % NS_PER_S / 1000, v.clock.ns / NS_PER_S % 1000000);
	}
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_uint_gt(taken, 0);
}
END_TEST

START_TEST(segments_of_others_and_open_ones_are_not_trusted)
{
	static const struct { uid_t uid, cuid; unsigned short mode; size_t size; bool private; bool trusted; } rows[] = {
		{ 0, 0, 0600, 96, true, true }, { 42, 42, 0600, 96, true, true }, { 0, 42, 0600, 96, true, true },
		{ 1000, 1000, 0600, 96, true, false }, { 0, 1000, 0600, 96, true, false }, { 1000, 0, 0600, 96, true, false },
		{ 0, 0, 0666, 96, true, false }, { 0, 0, 0660, 96, true, false }, { 0, 0, 0604, 96, true, false },
		{ 0, 0, 0666, 96, false, true }, { 1000, 1000, 0666, 96, false, false }, { 0, 0, 0600, 20, true, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shmid_ds ds = { .shm_perm = { .uid = rows[i].uid, .cuid = rows[i].cuid, .mode = rows[i].mode }, .shm_segsz = rows[i].size };

		ck_assert_msg((shm_distrust(&ds, 42, rows[i].private) == NULL) == rows[i].trusted, "row %zu", i);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("refclock/shm");
	TCase *t = tcase_create("shm");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, a_valid_sample_is_taken_once_in_either_mode, 0, 2);
	tcase_add_test(t, nanoseconds_that_contradict_the_microseconds_do_not_count);
	tcase_add_test(t, nonsense_is_not_taken);
	tcase_add_test(t, times_beyond_all_reckoning_are_not_taken);
	tcase_add_test(t, a_torn_update_is_never_taken);
	tcase_add_test(t, segments_of_others_and_open_ones_are_not_trusted);
	tcase_set_timeout(t, 60);
	suite_add_tcase(suite, t);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
