/* SPDX-License-Identifier: BSD-2-Clause */
/* The published values are never seen half written; who is not heard of for ten seconds of asking is not believed. */
#include <pthread.h>
#include <string.h>

#include "server/snapshot.h"
#include "../unit.h"

#define READERS	3
#define WRITING	1.5	/* s: without the sequence number some ten values would be torn in it */
#define MS(n)	((struct monotime){ INT64_C(1000000) * (n) })

struct stage {
	struct snapshot	snapshot;
	_Atomic bool	over;
	_Atomic unsigned torn, backwards, seen;
};

/* Every part of the value says n. */
static struct published
value(int n)
{
	struct published p;

	memset(&p, 0, sizeof(p));
	p.sys.refid = (uint32_t)n;
	p.sys.reftime.ns = n;
	p.sys.rootdelay = n;
	p.sys.tai = n;
	p.map.since.ns = n;
	p.map.base_ns = n;
	p.map.rate = n;
	return p;
}

static void *
reader(void *arg)
{
	struct stage *s = arg;
	struct published p = { .map.rate = 0 };
	uint64_t seen = 0;
	int last = 0;

	while (!atomic_load(&s->over)) {
		struct published want;

		if (!snapshot_read(&s->snapshot, &seen, &p))
			continue;
		want = value((int)p.map.base_ns);
		s->torn += memcmp(&p, &want, sizeof(p)) != 0;
		s->backwards += (int)p.map.base_ns < last;
		s->seen++;
		last = (int)p.map.base_ns;
	}
	return NULL;
}

START_TEST(a_reader_sees_whole_values_in_order)
{
	struct monotime end = monotime_add(monotime_now(), WRITING);
	static struct stage s;
	pthread_t t[READERS];

	for (int i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, reader, &s), 0);
	for (int n = 1; monotime_before(monotime_now(), end) || s.seen < 100; n++) {
		struct published p = value(n);

		snapshot_write(&s.snapshot, &p);
	}
	atomic_store(&s.over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(t[i], NULL);
	ck_assert_uint_eq(s.torn, 0);
	ck_assert_uint_eq(s.backwards, 0);
}
END_TEST

START_TEST(a_value_is_read_once)
{
	struct snapshot s = { .number = 0 };
	struct published p = value(7), got = value(1);
	uint64_t seen = 0;

	ck_assert(!snapshot_read(&s, &seen, &got));
	ck_assert_int_eq(got.map.base_ns, 1);
	snapshot_write(&s, &p);
	ck_assert(snapshot_read(&s, &seen, &got));
	ck_assert_mem_eq(&got, &p, sizeof(p));
	ck_assert(!snapshot_read(&s, &seen, &got));
	seen = 0;
	ck_assert(snapshot_read(&s, &seen, &got));
}
END_TEST

START_TEST(the_main_loop_is_asked_once_after_two_seconds_of_silence)
{
	struct beat b = { .heard = 0 };

	beat_answer(&b, MS(1000));
	ck_assert_int_eq(beat_check(&b, MS(1001)), BEAT_ALIVE);
	ck_assert_int_eq(beat_check(&b, MS(2999)), BEAT_ALIVE);
	ck_assert_int_eq(beat_check(&b, MS(3001)), BEAT_ASK);
	ck_assert_int_eq(beat_check(&b, MS(3002)), BEAT_ALIVE);
	beat_answer(&b, MS(3003));
	ck_assert_int_eq(beat_check(&b, MS(5002)), BEAT_ALIVE);
	ck_assert_int_eq(beat_check(&b, MS(5004)), BEAT_ASK);
}
END_TEST

/* Silence alone says nothing: nobody has asked. */
START_TEST(only_a_question_unanswered_for_ten_seconds_counts)
{
	struct beat b = { .heard = 0 };

	beat_answer(&b, MS(1000));
	ck_assert_int_eq(beat_check(&b, MS(3600000)), BEAT_ASK);
	ck_assert_int_eq(beat_check(&b, MS(3609999)), BEAT_ALIVE);
	ck_assert_int_eq(beat_check(&b, MS(3610001)), BEAT_STALE);
	ck_assert_int_eq(beat_check(&b, MS(9999999)), BEAT_STALE);
	beat_answer(&b, MS(10000000));
	ck_assert_int_eq(beat_check(&b, MS(10000001)), BEAT_ALIVE);
}
END_TEST

UNIT_MAIN("server/snapshot", a_reader_sees_whole_values_in_order, a_value_is_read_once, the_main_loop_is_asked_once_after_two_seconds_of_silence,
    only_a_question_unanswered_for_ten_seconds_counts)
