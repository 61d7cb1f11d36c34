/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side: requests, replies and what may be believed. */
#include "base/ntp.h"
#include "exchange.h"

#define NAK	REFID('N', 'T', 'S', 'N')

START_TEST(a_reply_brings_a_cookie_for_the_one_that_was_sent)
{
	static const uint16_t aeads[] = { AEAD_SIV_256, AEAD_SIV_384, AEAD_SIV_512 };

	for (size_t i = 0; i < NELEMS(aeads); i++) {
		uint8_t rq[PACKET_MAX], re[PACKET_MAX];
		struct pair p;
		size_t len;

		pair_begin(&p, aeads[i]);
		for (int round = 0; round < 20; round++) {
			len = pair_ask(&p, rq);
			ck_assert_uint_eq(p.s->ncookies, NTS_COOKIES - 1);
			len = pair_answer(&p, rq, len, WARDEN_GOOD, re);
			ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_GOOD);
			ck_assert_uint_eq(p.s->ncookies, NTS_COOKIES);
		}
		pair_end(&p);
	}
}
END_TEST

START_TEST(no_cookie_is_sent_twice_and_none_left_means_a_key_exchange)
{
	uint8_t seen[NTS_COOKIES][PACKET_MAX];
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	for (size_t i = 0; i < NTS_COOKIES; i++) {
		size_t len;

		ck_assert(!shield_spent(p.s));
		len = pair_ask(&p, seen[i]);
		ck_assert_uint_gt(len, 0);
		ck_assert_uint_le(len, SHIELD_PACKET_MAX);
		for (size_t k = 0; k < i; k++)
			ck_assert_mem_ne(seen[i] + PACKET_LEN + 36, seen[k] + PACKET_LEN + 36, 108);
	}
	ck_assert(shield_spent(p.s));
	ck_assert_uint_eq(pair_ask(&p, seen[0]), 0);
	pair_end(&p);
}
END_TEST

START_TEST(lost_replies_are_made_good_by_placeholders)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX];
	struct pair p;
	size_t len;

	pair_begin(&p, AEAD_SIV_256);
	for (int i = 0; i < 6; i++)
		(void)pair_ask(&p, rq);
	len = pair_ask(&p, rq);
	ck_assert_uint_eq(p.s->ncookies, 1);
	len = pair_answer(&p, rq, len, WARDEN_GOOD, re);
	ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_GOOD);
	ck_assert_uint_eq(p.s->ncookies, NTS_COOKIES);
	pair_end(&p);
}
END_TEST

START_TEST(long_cookies_leave_the_request_within_what_every_path_carries)
{
	uint8_t rq[PACKET_MAX];
	struct pair p;
	struct fields f;
	size_t len;

	pair_begin(&p, AEAD_SIV_256);
	p.s->ncookies = 1;
	p.s->cookie[0].len = NTS_COOKIE_MAX;
	len = pair_ask(&p, rq);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(len, SHIELD_PACKET_MAX);
	ck_assert_int_eq(fields_parse(&f, rq, len), FIELDS_OK);
	ck_assert_uint_eq(f.placeholders, 1);
	pair_end(&p);
}
END_TEST

START_TEST(any_bit_of_a_reply_that_is_changed_makes_it_nobodys)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX];
	struct pair p;
	size_t len;

	pair_begin(&p, AEAD_SIV_256);
	len = pair_ask(&p, rq);
	len = pair_answer(&p, rq, len, WARDEN_GOOD, re);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		re[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_BAD);
		re[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut += 4)
		ck_assert_int_eq(shield_judge(p.s, re, cut, 0), SHIELD_BAD);
	ck_assert_uint_eq(p.s->ncookies, NTS_COOKIES - 1);
	ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_GOOD);
	/* Once: what is sent again is no answer to anything. */
	ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_BAD);
	ck_assert_uint_eq(p.s->ncookies, NTS_COOKIES);
	pair_end(&p);
}
END_TEST

/* A reply as the server would seal it, with these fields in the clear before the authenticator. */
static size_t
forge(struct pair *p, const struct octets fields[], const uint16_t types[], size_t n, uint8_t out[static PACKET_MAX])
{
	struct wr w = wr_init(out + PACKET_LEN, PACKET_MAX - PACKET_LEN);

	memset(out, 0, PACKET_LEN);
	for (size_t i = 0; i < n; i++)
		fields_put(&w, types[i], fields[i]);
	return fields_seal(p->g.siv, p->s->aead, p->s->s2c, out, (size_t)(w.p - out), 0);
}

START_TEST(identifiers_missing_wrong_doubled_or_of_an_earlier_request_are_refused)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX], old[UID_LEN], longer[UID_LEN + 4] = { 0 };
	static const uint16_t types[] = { FIELD_UID, FIELD_UID };
	struct octets uid, twice[2];
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	(void)pair_ask(&p, rq);
	memcpy(old, p.s->uid, UID_LEN);
	(void)pair_ask(&p, rq);
	memcpy(longer, p.s->uid, UID_LEN);
	ck_assert_int_eq(shield_judge(p.s, re, forge(&p, NULL, NULL, 0, re), 0), SHIELD_BAD);
	uid = (struct octets){ old, UID_LEN };
	ck_assert_int_eq(shield_judge(p.s, re, forge(&p, &uid, types, 1, re), 0), SHIELD_BAD);
	uid = (struct octets){ longer, sizeof(longer) };
	ck_assert_int_eq(shield_judge(p.s, re, forge(&p, &uid, types, 1, re), 0), SHIELD_BAD);
	uid = (struct octets){ p.s->uid, UID_LEN };
	twice[0] = twice[1] = uid;
	ck_assert_int_eq(shield_judge(p.s, re, forge(&p, twice, types, 2, re), 0), SHIELD_BAD);
	/* The forger here has the keys: the right one would do. */
	ck_assert_int_eq(shield_judge(p.s, re, forge(&p, &uid, types, 1, re), 0), SHIELD_GOOD);
	pair_end(&p);
}
END_TEST

START_TEST(a_cookie_in_the_clear_makes_a_reply_void)
{
	static const uint16_t types[] = { FIELD_UID, FIELD_COOKIE };
	uint8_t rq[PACKET_MAX], re[PACKET_MAX], cookie[100] = { 1 };
	struct octets fields[2];
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	(void)pair_ask(&p, rq);
	fields[0] = (struct octets){ p.s->uid, UID_LEN };
	fields[1] = (struct octets){ cookie, sizeof(cookie) };
	ck_assert_int_eq(shield_judge(p.s, re, forge(&p, fields, types, 2, re), 0), SHIELD_BAD);
	ck_assert_uint_eq(p.s->ncookies, NTS_COOKIES - 1);
	pair_end(&p);
}
END_TEST

START_TEST(plain_replies_and_foreign_kisses_are_refused)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX] = { 0 };
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	(void)pair_ask(&p, rq);
	ck_assert_int_eq(shield_judge(p.s, re, PACKET_LEN, 0), SHIELD_BAD);
	ck_assert_int_eq(shield_judge(p.s, re, PACKET_LEN, NAK), SHIELD_BAD);
	ck_assert_int_eq(shield_judge(p.s, re, PACKET_LEN, REFID_RATE), SHIELD_BAD);
	ck_assert(!shield_spent(p.s));
	pair_end(&p);
}
END_TEST

/* A NAK with that identifier. */
static size_t
nak(const uint8_t *uid, uint8_t out[static PACKET_MAX])
{
	const struct guarded g = { .uid = { uid, UID_LEN } };

	memset(out, 0, PACKET_LEN);
	return warden_nak(&g, out);
}

START_TEST(a_nak_is_believed_only_after_the_next_request_too_is_in_vain)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX], wrong[UID_LEN] = { 0 };
	struct pair p;
	size_t len;

	pair_begin(&p, AEAD_SIV_256);
	(void)pair_ask(&p, rq);
	ck_assert_int_eq(shield_judge(p.s, re, nak(wrong, re), NAK), SHIELD_BAD);
	ck_assert_uint_eq(p.s->naked, 0);
	ck_assert_int_eq(shield_judge(p.s, re, nak(p.s->uid, re), REFID_DENY), SHIELD_BAD);
	ck_assert_int_eq(shield_judge(p.s, re, nak(p.s->uid, re), NAK), SHIELD_NAK);
	ck_assert_int_eq(shield_judge(p.s, re, nak(p.s->uid, re), NAK), SHIELD_NAK);
	ck_assert(!shield_spent(p.s));
	/* The next one is answered: somebody has lied. */
	len = pair_ask(&p, rq);
	len = pair_answer(&p, rq, len, WARDEN_GOOD, re);
	ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_GOOD);
	ck_assert(!shield_spent(p.s));
	/* Or it is not. */
	(void)pair_ask(&p, rq);
	ck_assert_int_eq(shield_judge(p.s, re, nak(p.s->uid, re), NAK), SHIELD_NAK);
	ck_assert(!shield_spent(p.s));
	(void)pair_ask(&p, rq);
	ck_assert(shield_spent(p.s));
	pair_end(&p);
}
END_TEST

UNIT_MAIN("nts/shield", a_reply_brings_a_cookie_for_the_one_that_was_sent, no_cookie_is_sent_twice_and_none_left_means_a_key_exchange,
    lost_replies_are_made_good_by_placeholders, long_cookies_leave_the_request_within_what_every_path_carries,
    any_bit_of_a_reply_that_is_changed_makes_it_nobodys, identifiers_missing_wrong_doubled_or_of_an_earlier_request_are_refused,
    a_cookie_in_the_clear_makes_a_reply_void, plain_replies_and_foreign_kisses_are_refused,
    a_nak_is_believed_only_after_the_next_request_too_is_in_vain)
