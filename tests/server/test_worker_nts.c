/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker that serves protected time: its replies as a client judges them. */
#include <stdlib.h>
#include <string.h>

#include "nts/shield.h"
#include "server/worker.h"
#include "../unit.h"

#define NOW	INT64_C(1800000000000000000)	/* ns: a time in 2027 */

struct stage {
	struct worker	*w;
	struct shield	*s;
};

static void
begin(struct stage *t)
{
	struct cookie_keys k = { .aead = AEAD_SIV_256, .c2s = { 1 }, .s2c = { 2 } };
	struct ke_answer a = { .aead = AEAD_SIV_256 };
	bool made;

	t->w = calloc(1, sizeof(*t->w));
	ck_assert_ptr_nonnull(t->w);
	ck_assert(worker_init(t->w));
	sysvars_init(&t->w->sys, -20);
	t->w->sys.leap = LEAP_NONE;
	t->w->sys.stratum = 2;
	t->w->restricts = restrict_new();
	t->w->discard = discard_defaults;
	ck_assert(warden_init(&t->w->warden));
	ck_assert(cookie_rotate(&t->w->warden.ring, 1700000000, &made));
	ck_assert(warden_cookies(&t->w->warden, &k, &a));
	t->s = shield_new(&a, k.c2s, k.s2c);
	ck_assert_ptr_nonnull(t->s);
}

static void
end(struct stage *t)
{
	shield_free(t->s);
	worker_clear(t->w);
	restrict_free(t->w->restricts);
	free(t->w);
}

/* A protected packet of that mode into place i; the shield is for mode 3, and does not look. */
static size_t
ask(struct stage *t, size_t i, uint8_t mode)
{
	const struct packet p = { .version = 4, .mode = mode, .xmt = { 99 } };
	struct datagram *d = &t->w->in[i];

	packet_build(&p, d->buf);
	d->len = shield_protect(t->s, d->buf, PACKET_LEN);
	d->peer = (struct addr){ .family = 4, .ip = { 192, 0, 2, (uint8_t)i }, .port = 4000 };
	d->local = (struct addr){ .family = 4, .ip = { 192, 0, 2, 200 } };
	d->host = (struct walltime){ NOW };
	return d->len;
}

/* Answers n packets; how many replies are ready to leave. */
static size_t
answer(struct stage *t, size_t n)
{
	size_t replies = worker_answer(t->w, n, -1, (struct monotime){ INT64_C(5000000000) });

	(void)worker_stamp(t->w, 0, replies, (struct walltime){ NOW + 1000 });
	return replies;
}

static enum shield_verdict
judge(struct stage *t, size_t i)
{
	const uint8_t *re = t->w->outbuf[i];
	struct packet_tail tail;
	struct packet p;

	ck_assert_int_eq(packet_parse(&p, &tail, re, t->w->out[i].len), WIRE_OK);
	return shield_judge(t->s, re, tail.mac_at, p.stratum == 0 ? p.refid : 0);
}

START_TEST(protected_requests_have_protected_replies_no_longer_than_they_are)
{
	struct stage t;

	begin(&t);
	for (unsigned lost = 0; lost < NTS_COOKIES; lost++) {
		size_t len = ask(&t, 0, MODE_CLIENT);

		ck_assert_uint_eq(answer(&t, 1), 1);
		ck_assert_uint_le(t.w->out[0].len, len);
		ck_assert_int_eq(judge(&t, 0), SHIELD_GOOD);
		ck_assert_uint_eq(t.s->ncookies, NTS_COOKIES);
		t.s->ncookies -= lost;
	}
	ck_assert_uint_eq(t.w->warden.count.server_send, NTS_COOKIES);
	end(&t);
}
END_TEST

START_TEST(protected_requests_count_as_authenticated)
{
	const struct restrict_rule notrust = { .flags = RESTRICT_NOTRUST, .addr.family = 4, .mask.family = 4 };
	struct stage t;

	begin(&t);
	ck_assert_int_eq(restrict_add(t.w->restricts, &notrust), 0);
	(void)ask(&t, 0, MODE_CLIENT);
	ck_assert_uint_eq(answer(&t, 1), 1);
	t.w->in[0].len = PACKET_LEN;
	ck_assert_uint_eq(answer(&t, 1), 0);
	end(&t);
}
END_TEST

START_TEST(what_does_not_open_gets_a_nak_and_plain_requests_plain_replies)
{
	struct stage t;
	size_t len;

	begin(&t);
	len = ask(&t, 0, MODE_CLIENT);
	t.w->in[0].buf[len - 1] ^= 1;
	ck_assert_uint_eq(answer(&t, 1), 1);
	ck_assert_uint_lt(t.w->out[0].len, len);
	ck_assert_int_eq(judge(&t, 0), SHIELD_NAK);
	ck_assert_uint_eq(t.w->counters.badauth, 1);
	t.w->in[0].len = PACKET_LEN;
	ck_assert_uint_eq(answer(&t, 1), 1);
	ck_assert_uint_eq(t.w->out[0].len, PACKET_LEN);
	ck_assert_int_eq(judge(&t, 0), SHIELD_BAD);
	end(&t);
}
END_TEST

START_TEST(nts_fields_in_other_modes_are_not_answered)
{
	struct stage t;

	begin(&t);
	(void)ask(&t, 0, MODE_ACTIVE);
	ck_assert_uint_eq(answer(&t, 1), 0);
	ck_assert_uint_eq(t.w->counters.badformat, 1);
	/* Without them the same packet would be. */
	t.w->in[0].len = PACKET_LEN;
	ck_assert_uint_eq(answer(&t, 1), 1);
	end(&t);
}
END_TEST

START_TEST(replies_of_a_batch_keep_to_their_requests)
{
	struct stage t;

	begin(&t);
	(void)ask(&t, 0, MODE_CLIENT);
	(void)ask(&t, 1, MODE_CLIENT);
	t.w->in[0].len = PACKET_LEN;
	ck_assert_uint_eq(answer(&t, 2), 2);
	ck_assert_uint_eq(t.w->out[0].len, PACKET_LEN);
	ck_assert_int_eq(judge(&t, 1), SHIELD_GOOD);
	end(&t);
}
END_TEST

UNIT_MAIN("server/worker_nts", protected_requests_have_protected_replies_no_longer_than_they_are, protected_requests_count_as_authenticated,
    what_does_not_open_gets_a_nak_and_plain_requests_plain_replies, nts_fields_in_other_modes_are_not_answered, replies_of_a_batch_keep_to_their_requests)
