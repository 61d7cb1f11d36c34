/* SPDX-License-Identifier: BSD-2-Clause */
/* Associations that want Network Time Security: when they ask for keys, what they send, and what they believe. */
#include <stdlib.h>

#include "client/assoc.h"
#include "nts/warden.h"
#include "wire.h"
#include "../unit.h"

#define SERVER	((struct addr){ .family = 4, .ip = { 192, 0, 2, 7 } })

struct both {
	struct assoc	 a;
	struct warden	 g;
	struct shield	*s;
	struct assoc_out out;
	double		 now;
	uint64_t	 nonce;
};

static void
begin(struct both *b)
{
	struct assoc_opts o = assoc_defaults;
	bool made;

	*b = (struct both){ .nonce = 77 };
	o.nts.on = true;
	o.minpoll = o.maxpoll = 6;
	ck_assert(warden_init(&b->g));
	ck_assert(cookie_rotate(&b->g.ring, 1700000000, &made));
	assoc_init(&b->a, 1, &o, mono(0), 0, 0, 0);
	assoc_set_addr(&b->a, &SERVER, mono(0), &b->out);
}

static void
end(struct both *b)
{
	shield_free(b->s);
	warden_clear(&b->g);
}

static void
give_keys(struct both *b)
{
	struct cookie_keys k = { .aead = AEAD_SIV_256, .c2s = { 1 }, .s2c = { 2 } };
	struct ke_answer answer = { .aead = AEAD_SIV_256 };

	ck_assert(warden_cookies(&b->g, &k, &answer));
	shield_free(b->s);
	b->s = shield_new(&answer, k.c2s, k.s2c);
	ck_assert_ptr_nonnull(b->s);
	assoc_keyed(&b->a, b->s, mono(b->now), &b->out);
}

/* Sleeps until the association wants something; what it is. */
static unsigned
next(struct both *b)
{
	b->now = fmax(b->now, 1e-9 * (double)b->a.next.ns);
	assoc_timer(&b->a, mono(b->now), (struct dice){ .nonce = ++b->nonce, .uniform = 0.5 }, &b->out);
	if ((b->out.what & ASSOC_SEND) != 0)
		assoc_sent(&b->a, wall(b->now), 0);
	return b->out.what & (ASSOC_SEND | ASSOC_KEYS);
}

/* The server's reply to the request that has just been sent; shift is how far its clock is ahead, s. */
static size_t
reply(struct both *b, double shift, uint8_t re[static PACKET_MAX])
{
	struct packet p = sound_reply(b->nonce, b->now, 0.01, shift);
	struct guarded g;

	packet_build(&p, re);
	ck_assert_int_eq(warden_open(&b->g, b->out.pkt, b->out.len, b->out.len, &g), WARDEN_GOOD);
	return warden_seal(&b->g, &g, re);
}

static void
arrive(struct both *b, const uint8_t *re, size_t len)
{
	const struct arrival in = { .buf = re, .len = len, .t4 = wall(b->now + 0.01), .when = mono(b->now + 0.01), .precision = PRECISION };

	assoc_receive(&b->a, &in, &b->out);
}

START_TEST(without_keys_nothing_is_sent_and_they_are_asked_for_ever_later)
{
	struct both b;
	double last = 0, want = 10;

	begin(&b);
	ck_assert_int_eq(assoc_cookies(&b.a), 0);
	for (int i = 0; i < 40; i++) {
		while (next(&b) != ASSOC_KEYS)
			ck_assert_uint_eq(b.out.what & ASSOC_SEND, 0);
		if (i > 0)
			ck_assert_double_ge(b.now - last, want - 1e-6);
		if (i > 0 && want < 64)
			ck_assert_double_le(b.now - last, want + 1e-6);
		want = i == 0 ? 10 : fmin(want * 1.5, 432000);
		last = b.now;
		ck_assert_uint_eq(b.out.what & ASSOC_SEND, 0);
		assoc_not_keyed(&b.a, mono(b.now), &b.out);
	}
	ck_assert_double_eq(want, 432000);
	ck_assert_uint_eq(b.a.reach, 0);
	ck_assert_uint_eq(b.a.last.refid, REFID_NTS);
	ck_assert_uint_eq(b.a.count.sent, 0);
	end(&b);
}
END_TEST

START_TEST(while_keys_are_on_their_way_no_others_are_asked_for)
{
	struct both b;

	begin(&b);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(next(&b), 0);
	give_keys(&b);
	ck_assert_uint_eq(next(&b), ASSOC_SEND);
	end(&b);
}
END_TEST

START_TEST(protected_replies_are_samples_and_keep_the_cookies_up)
{
	uint8_t re[PACKET_MAX];
	struct both b;

	begin(&b);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	give_keys(&b);
	for (uint32_t i = 1; i <= 20; i++) {
		ck_assert_uint_eq(next(&b), ASSOC_SEND);
		ck_assert_uint_gt(b.out.len, PACKET_LEN);
		arrive(&b, re, reply(&b, 0, re));
		ck_assert_uint_eq(b.a.count.nts_good, i);
		ck_assert_int_eq(assoc_cookies(&b.a), NTS_COOKIES);
		ck_assert(b.a.authentic);
	}
	ck_assert_uint_eq(b.a.reach, 255);
	end(&b);
}
END_TEST

START_TEST(a_reply_stripped_of_its_protection_is_dropped)
{
	uint8_t re[PACKET_MAX];
	struct both b;

	begin(&b);
	(void)next(&b);
	give_keys(&b);
	ck_assert_uint_eq(next(&b), ASSOC_SEND);
	(void)reply(&b, 0, re);
	arrive(&b, re, PACKET_LEN);
	ck_assert_uint_eq(b.a.count.received, 0);
	ck_assert_uint_eq(b.a.count.nts_bad, 1);
	ck_assert_uint_eq(b.a.reach & 1, 0);
	/* Nor is a kiss that nobody has signed. */
	packet_build(&(struct packet){ .version = 4, .mode = MODE_SERVER, .leap = LEAP_UNSYNC, .refid = REFID_DENY, .org = { b.nonce } }, re);
	arrive(&b, re, PACKET_LEN);
	ck_assert(!b.a.stopped);
	ck_assert_uint_eq(b.a.count.nts_bad, 2);
	end(&b);
}
END_TEST

START_TEST(silence_uses_up_the_cookies_and_then_there_is_one_key_exchange)
{
	struct both b;

	begin(&b);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	give_keys(&b);
	for (int i = 0; i < NTS_COOKIES; i++)
		ck_assert_uint_eq(next(&b), ASSOC_SEND);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	ck_assert_uint_eq(b.a.ke_tries, 2);	/* no protected reply has come in between */
	end(&b);
}
END_TEST

START_TEST(only_a_protected_reply_makes_key_exchanges_quick_again)
{
	uint8_t re[PACKET_MAX];
	struct both b;

	begin(&b);
	for (int i = 0; i < 5; i++) {
		while (next(&b) != ASSOC_KEYS)
			;
		assoc_not_keyed(&b.a, mono(b.now), &b.out);
	}
	ck_assert_uint_eq(b.a.ke_tries, 5);
	while (next(&b) != ASSOC_KEYS)
		;
	give_keys(&b);
	ck_assert_uint_eq(b.a.ke_tries, 6);
	ck_assert_uint_eq(next(&b), ASSOC_SEND);
	arrive(&b, re, reply(&b, 0, re));
	ck_assert_uint_eq(b.a.ke_tries, 0);
	end(&b);
}
END_TEST

START_TEST(a_nak_and_one_more_request_in_vain_lead_to_a_key_exchange)
{
	uint8_t re[PACKET_MAX];
	struct both b;
	size_t len;

	begin(&b);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	give_keys(&b);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(next(&b), ASSOC_SEND);
		packet_build(&(struct packet){ .version = 4, .mode = MODE_SERVER, .leap = LEAP_UNSYNC, .refid = REFID_NTSN, .org = { b.nonce } }, re);
		len = warden_nak(&(struct guarded){ .uid = { b.s->uid, UID_LEN } }, re);
		arrive(&b, re, len);
		ck_assert_uint_eq(b.a.count.received, 0);
		ck_assert(!b.a.stopped);
	}
	ck_assert_uint_ne(next(&b) & ASSOC_KEYS, 0);
	/* It fails: what cookies there are go on being used, since the NAK may have been anybody's. */
	assoc_not_keyed(&b.a, mono(b.now), &b.out);
	ck_assert_uint_ne(next(&b) & ASSOC_SEND, 0);
	arrive(&b, re, reply(&b, 0, re));
	ck_assert_uint_eq(b.a.reach & 1, 1);
	end(&b);
}
END_TEST

START_TEST(time_outside_the_validity_of_the_certificate_is_not_believed)
{
	static const struct { double shift; bool taken; } rows[] = { { -2000, false }, { -500, true }, { 0, true }, { 500, true }, { 2000, false } };
	uint8_t re[PACKET_MAX];

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct both b;

		begin(&b);
		(void)next(&b);
		give_keys(&b);
		b.s->not_before = wall(-1000);
		b.s->not_after = wall(1000);
		ck_assert_uint_eq(next(&b), ASSOC_SEND);
		arrive(&b, re, reply(&b, rows[i].shift, re));
		ck_assert_int_eq(b.a.filter.n > 0, rows[i].taken);
		ck_assert_int_eq((b.a.flash & FLASH_CRYPTO) == 0, rows[i].taken);
		end(&b);
	}
}
END_TEST

START_TEST(another_address_needs_other_keys)
{
	struct both b;

	begin(&b);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	give_keys(&b);
	assoc_set_addr(&b.a, &(struct addr){ .family = 4, .ip = { 192, 0, 2, 8 } }, mono(b.now), &b.out);
	ck_assert_int_eq(assoc_cookies(&b.a), 0);
	ck_assert_uint_eq(next(&b), ASSOC_KEYS);
	end(&b);
}
END_TEST

UNIT_MAIN("client/nts", without_keys_nothing_is_sent_and_they_are_asked_for_ever_later, while_keys_are_on_their_way_no_others_are_asked_for,
    protected_replies_are_samples_and_keep_the_cookies_up, a_reply_stripped_of_its_protection_is_dropped,
    silence_uses_up_the_cookies_and_then_there_is_one_key_exchange, only_a_protected_reply_makes_key_exchanges_quick_again,
    a_nak_and_one_more_request_in_vain_lead_to_a_key_exchange, time_outside_the_validity_of_the_certificate_is_not_believed,
    another_address_needs_other_keys)
