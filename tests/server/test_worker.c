/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker's batch: when each reply says that it left, and whose word counts for that afterwards. */
#include <string.h>

#include "base/bytes.h"
#include "server/worker.h"
#include "../unit.h"

#define NOW	INT64_C(1800000000000000000)	/* ns: a time in 2027 */

static void
no_key(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	(void)error;
	(void)file;
	(void)line;
	ck_abort_msg("%s", text);
}

static struct worker *
worker(struct restrict_list *restricts)
{
	struct worker *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	ck_assert(worker_init(w));
	sysvars_init(&w->sys, -20);
	w->sys.leap = LEAP_NONE;
	w->sys.stratum = 2;
	w->restricts = restricts;
	w->discard = discard_defaults;
	return w;
}

static void
worker_end(struct worker *w)
{
	worker_clear(w);
	restrict_free(w->restricts);
	free(w);
}

/* A request into place i, from 192.0.2.i, that came i us after NOW; returns its length. */
static size_t
put_request(struct worker *w, size_t i, struct ntptime org, struct ntptime rec)
{
	struct packet p = { .version = 4, .mode = MODE_CLIENT, .org = org, .rec = rec, .xmt = { 99 } };

	packet_build(&p, w->in[i].buf);
	w->in[i].len = PACKET_LEN;
	w->in[i].peer = (struct addr){ .family = 4, .ip = { 192, 0, 2, (uint8_t)i }, .port = 4000 };
	w->in[i].local = (struct addr){ .family = 4, .ip = { 192, 0, 2, 200 } };
	w->in[i].host = (struct walltime){ NOW + 1000 * (int64_t)i };
	return PACKET_LEN;
}

static struct packet
reply(const struct worker *w, size_t i)
{
	struct packet_tail tail;
	struct packet p;

	ck_assert_int_eq(packet_parse(&p, &tail, w->outbuf[i], PACKET_LEN), WIRE_OK);
	return p;
}

/* ns after NOW */
static double
after(struct ntptime t)
{
	return 1e9 * ntptime_diff(t, walltime_to_ntp((struct walltime){ NOW }));
}

START_TEST(replies_that_leave_together_are_spaced_as_sending_has_taken)
{
	struct worker *w = worker(restrict_new());

	for (size_t i = 0; i < 4; i++)
		put_request(w, i, (struct ntptime){ 0 }, (struct ntptime){ 0 });
	ck_assert_uint_eq(worker_answer(w, 4, -1, monotime_now()), 4);
	worker_stamp(w, 0, 4, (struct walltime){ NOW + 50000 });
	for (size_t i = 0; i < 4; i++)
		ck_assert_double_eq_tol(after(reply(w, i).xmt), 50000, 1);
	for (int n = 0; n < 500; n++)
		worker_sent(w, 8, 8 * 2500);
	/* Neither a step nor a turn of somebody else's on the processor is an example. */
	worker_sent(w, 8, -NS_PER_S);
	worker_sent(w, 8, NS_PER_S);
	worker_stamp(w, 1, 3, (struct walltime){ NOW + 60000 });
	ck_assert_double_eq_tol(after(reply(w, 0).xmt), 50000, 1);
	ck_assert_double_eq_tol(after(reply(w, 1).xmt), 60000, 1);
	ck_assert_double_eq_tol(after(reply(w, 2).xmt), 62500, 30);
	ck_assert_double_eq_tol(after(reply(w, 3).xmt), 65000, 60);
	worker_end(w);
}
END_TEST

START_TEST(signed_replies_are_stamped_with_when_they_will_be_signed)
{
	static const char text[] = "1 MD5 aSecretOfTwelve\n";
	struct keys *k = keys_parse("keys", text, strlen(text), no_key, NULL);
	struct worker *w = worker(restrict_new());

	ck_assert_ptr_nonnull(k);
	keys_trust(k, 1, 1);
	w->keys = k;
	for (size_t i = 0; i < 3; i++) {
		size_t len = put_request(w, i, (struct ntptime){ 0 }, (struct ntptime){ 0 });

		if (i < 2)
			len += key_sign(keys_find(k, 1), w->in[i].buf, len, w->in[i].buf + len);
		w->in[i].len = len;
	}
	for (int n = 0; n < 500; n++) {
		worker_signed(w, 2, 2 * 1200);
		worker_sent(w, 8, 8 * 2500);
	}
	worker_signed(w, 2, NS_PER_S);
	ck_assert_uint_eq(worker_answer(w, 3, -1, monotime_now()), 3);
	ck_assert_uint_eq(worker_stamp(w, 0, 3, (struct walltime){ NOW + 50000 }), 2);
	ck_assert_double_eq_tol(after(reply(w, 0).xmt), 50000 + 2 * 1200, 40);
	ck_assert_double_eq_tol(after(reply(w, 2).xmt), 50000 + 2 * 1200 + 2 * 2500, 100);
	ck_assert_uint_eq(worker_stamp(w, 2, 1, (struct walltime){ NOW + 60000 }), 0);
	ck_assert_double_eq_tol(after(reply(w, 2).xmt), 60000, 1);
	for (size_t i = 0; i < 2; i++)
		ck_assert(key_verify(keys_find(k, 1), w->out[i].buf, PACKET_LEN, w->out[i].buf + PACKET_LEN, w->out[i].len - PACKET_LEN));
	keys_free(k);
	worker_end(w);
}
END_TEST

/* Rounds of one client; left says when the kernel saw the reply to the first interleaved request leave, 0 = it did not say. */
static struct packet
third_reply(struct worker *w, const struct keys *keys, int64_t left)
{
	uint8_t tail[RESPOND_MAX];
	struct ntptime last = { 5 };
	size_t len;

	w->keys = keys;
	for (int round = 0; round < 3; round++) {
		len = put_request(w, 0, last, (struct ntptime){ 7 });
		w->in[0].host.ns += round * INT64_C(1000000);
		if (keys != NULL)
			len += key_sign(keys_find(keys, 1), w->in[0].buf, len, w->in[0].buf + len);
		w->in[0].len = len;
		ck_assert_uint_eq(worker_answer(w, 1, -1, monotime_now()), 1);
		worker_stamp(w, 0, 1, (struct walltime){ NOW + round * INT64_C(1000000) + 30000 });
		ck_assert_uint_eq(reply(w, 0).org.raw, round == 0 ? 99u : 7u);
		last = reply(w, 0).rec;
		memset(tail, 0xee, sizeof(tail));
		memcpy(tail + sizeof(tail) - len, w->outbuf[0], len);
		if (round == 1 && left != 0)
			worker_left(w, tail, sizeof(tail), (struct walltime){ NOW + left });
	}
	return reply(w, 0);
}

START_TEST(the_kernels_word_beats_ours_with_every_length_of_mac)
{
	static const char *types[] = { NULL, "1 MD5 aSecretOfTwelve\n", "1 SHA256 aSecretOfTwelve\n", "1 AES128CMAC 0123456789abcdef0123456789abcdef\n" };

	for (size_t i = 0; i < NELEMS(types); i++) {
		struct keys *k = types[i] == NULL ? NULL : keys_parse("keys", types[i], strlen(types[i]), no_key, NULL);
		struct worker *w;

		if (k != NULL)
			keys_trust(k, 1, 1);
		for (int said = 0; said < 2; said++) {
			w = worker(restrict_new());
			ck_assert_double_eq_tol(after(third_reply(w, k, said ? 1044000 : 0).xmt), said ? 1044000 : 1030000, 1);
			worker_end(w);
		}
		keys_free(k);
	}
}
END_TEST

START_TEST(the_clock_map_holds_for_the_kernels_word_too)
{
	struct worker *w = worker(restrict_new());

	w->map.base_ns = INT64_C(3) * NS_PER_S;
	ck_assert_double_eq_tol(after(third_reply(w, NULL, 1044000).xmt), 3e9 + 1044000, 1);
	worker_end(w);
}
END_TEST

/* The kernel says of some that they left 3 us after our look at the clock: so say the next ones, in the clock that is served. */
START_TEST(replies_say_when_they_leave)
{
	struct worker *w = worker(restrict_new());
	struct monotime now = monotime_now();
	unsigned told = 0;

	for (int turn = 0; turn < 200; turn++) {
		struct walltime begin = { NOW + turn * INT64_C(1000000) };

		put_request(w, 0, (struct ntptime){ 0 }, (struct ntptime){ 0 });
		ck_assert_uint_eq(worker_answer(w, 1, -1, monotime_add(now, 1e-3 * turn)), 1);
		w->asked = worker_ask(w, 0);
		worker_stamp(w, 0, 1, begin);
		if (w->asked) {
			worker_asked(w, 0, begin);
			worker_left(w, w->outbuf[0], PACKET_LEN, (struct walltime){ begin.ns + 3000 });
			worker_learn(w, 1, 5000);
			told++;
		} else
			worker_sent(w, 1, 5000);
	}
	ck_assert_uint_ge(told, 8);
	put_request(w, 0, (struct ntptime){ 0 }, (struct ntptime){ 0 });
	ck_assert_uint_eq(worker_answer(w, 1, -1, monotime_add(now, 1e-3 * 200)), 1);
	worker_stamp(w, 0, 1, (struct walltime){ NOW });
	ck_assert_double_eq_tol(after(reply(w, 0).xmt), 3000, 1);
	worker_end(w);
}
END_TEST

START_TEST(scraps_of_the_error_queue_harm_nobody)
{
	struct worker *w = worker(restrict_new());
	uint8_t scrap[RESPOND_MAX] = { 0 };

	for (size_t len = 0; len <= sizeof(scrap); len++)
		worker_left(w, scrap, len, (struct walltime){ NOW });
	ck_assert_double_eq_tol(after(third_reply(w, NULL, 0).xmt), 1030000, 1);
	worker_end(w);
}
END_TEST

UNIT_MAIN("server/worker", replies_say_when_they_leave, replies_that_leave_together_are_spaced_as_sending_has_taken,
    signed_replies_are_stamped_with_when_they_will_be_signed, the_kernels_word_beats_ours_with_every_length_of_mac,
    the_clock_map_holds_for_the_kernels_word_too, scraps_of_the_error_queue_harm_nobody)
