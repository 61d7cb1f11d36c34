/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side: what opens, what is refused, and how long an answer may be. */
#include "exchange.h"

/* A request of a client with these fields before the authenticator. */
struct part { uint16_t type; size_t len; const uint8_t *p; };

static size_t
ask_with(struct pair *p, const struct part parts[], size_t n, uint8_t out[static PACKET_MAX])
{
	const struct packet h = { .version = 4, .mode = 3, .xmt = { 1 } };
	struct wr w = wr_init(out + PACKET_LEN, PACKET_MAX - PACKET_LEN - AUTH_LEN);

	packet_build(&h, out);
	for (size_t i = 0; i < n; i++)
		fields_put(&w, parts[i].type, (struct octets){ parts[i].p, parts[i].len });
	ck_assert(!w.bad);
	return fields_seal(p->s->siv, p->s->aead, p->s->c2s, out, (size_t)(w.p - out), 0);
}

static const uint8_t uid[64] = { 1, 2, 3 };

START_TEST(replies_are_no_longer_than_requests_whatever_is_asked_for)
{
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	for (size_t n = 0; n <= 15; n++) {
		struct part parts[17] = { { FIELD_UID, 32, uid }, { FIELD_COOKIE, 104, p.s->cookie[0].octets } };
		uint8_t rq[PACKET_MAX], re[PACKET_MAX];
		struct fields f;
		size_t len, back;

		for (size_t i = 0; i < n; i++)
			parts[2 + i] = (struct part){ FIELD_PLACEHOLDER, 104, NULL };
		len = ask_with(&p, parts, 2 + n, rq);
		back = pair_answer(&p, rq, len, WARDEN_GOOD, re);
		ck_assert_uint_gt(back, 0);
		ck_assert_uint_le(back, len);
		ck_assert_int_eq(fields_parse(&f, re, back), FIELDS_OK);
		ck_assert_uint_eq(f.cipher.len, SIV_TAG_LEN + (n < 8 ? n + 1 : 8) * 108);
	}
	pair_end(&p);
}
END_TEST

START_TEST(a_placeholder_of_another_length_than_the_cookie_is_malformed)
{
	static const size_t lens[] = { 100, 108, 16 };
	uint8_t rq[PACKET_MAX], re[PACKET_MAX];
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	for (size_t i = 0; i < NELEMS(lens); i++) {
		const struct part parts[] = { { FIELD_UID, 32, uid }, { FIELD_PLACEHOLDER, lens[i], NULL }, { FIELD_COOKIE, 104, p.s->cookie[0].octets } };

		ck_assert_uint_eq(pair_answer(&p, rq, ask_with(&p, parts, 3, rq), WARDEN_BAD, re), 0);
	}
	ck_assert_uint_eq(p.g.count.server_recv_bad, NELEMS(lens));
	ck_assert_uint_eq(p.g.count.cookie_decode_total, 0);
	pair_end(&p);
}
END_TEST

START_TEST(fields_doubled_missing_or_behind_the_authenticator_are_malformed)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX];
	struct pair p;
	size_t len;

	pair_begin(&p, AEAD_SIV_256);
	const struct part u = { FIELD_UID, 32, uid }, c = { FIELD_COOKIE, 104, p.s->cookie[0].octets }, x = { 0x4567, 24, NULL };
	const struct { struct part parts[3]; size_t n; enum warden_verdict want; } rows[] = {
		{ { u, c, x }, 3, WARDEN_GOOD }, { { x, c, u }, 3, WARDEN_GOOD },
		{ { u, u, c }, 3, WARDEN_BAD }, { { u, c, c }, 3, WARDEN_BAD }, { { u }, 1, WARDEN_BAD }, { { c }, 1, WARDEN_BAD },
		{ { { FIELD_UID, 28, uid }, c }, 2, WARDEN_BAD },
	};

	for (size_t i = 0; i < NELEMS(rows); i++)
		(void)pair_answer(&p, rq, ask_with(&p, rows[i].parts, rows[i].n, rq), rows[i].want, re);
	/* Behind the authenticator: what is not ours is without effect, what is makes it void. */
	for (int ours = 0; ours < 2; ours++) {
		struct wr w;

		len = ask_with(&p, (const struct part[]){ u, c }, 2, rq);
		w = wr_init(rq + len, PACKET_MAX - len);
		fields_put(&w, ours ? FIELD_PLACEHOLDER : 0x4567, (struct octets){ NULL, 104 });
		(void)pair_answer(&p, rq, (size_t)(w.p - rq), ours ? WARDEN_BAD : WARDEN_GOOD, re);
	}
	/* Twice authenticated. */
	len = ask_with(&p, (const struct part[]){ u, c }, 2, rq);
	len = fields_seal(p.s->siv, p.s->aead, p.s->c2s, rq, len, 0);
	(void)pair_answer(&p, rq, len, WARDEN_BAD, re);
	pair_end(&p);
}
END_TEST

START_TEST(authenticators_that_lie_about_lengths_are_malformed_before_anything_is_opened)
{
	static const struct { uint16_t nonce, cipher; enum warden_verdict want; } rows[] = {
		{ 16, 16, WARDEN_GOOD }, { 0, 16, WARDEN_BAD }, { 16, 0, WARDEN_BAD }, { 16, 15, WARDEN_BAD }, { 17, 16, WARDEN_BAD }, { 16, 17, WARDEN_BAD },
		{ 65535, 16, WARDEN_BAD }, { 16, 65535, WARDEN_BAD }, { 65535, 65535, WARDEN_BAD }, { 65533, 65535, WARDEN_BAD }, { 65520, 16, WARDEN_BAD },
		/* Short nonces need padding behind, which is not there. */
		{ 12, 20, WARDEN_BAD }, { 8, 16, WARDEN_NAK },
	};
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		const struct part parts[] = { { FIELD_UID, 32, uid }, { FIELD_COOKIE, 104, p.s->cookie[0].octets } };
		uint8_t rq[PACKET_MAX], re[PACKET_MAX];
		size_t len = ask_with(&p, parts, 2, rq);
		struct wr w = wr_init(rq + len - AUTH_LEN + FIELD_HEAD, 4);

		wr_u16(&w, rows[i].nonce);
		wr_u16(&w, rows[i].cipher);
		(void)pair_answer(&p, rq, len, rows[i].want, re);
	}
	ck_assert_uint_eq(p.g.count.cookie_decode_total, 2);
	pair_end(&p);
}
END_TEST

START_TEST(what_does_not_open_gets_a_nak_with_the_identifier_and_nothing_else)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX];
	struct pair p, other;
	struct fields f;
	size_t len, back;

	pair_begin(&p, AEAD_SIV_256);
	pair_begin(&other, AEAD_SIV_256);
	len = pair_ask(&p, rq);
	back = pair_answer(&other, rq, len, WARDEN_NAK, re);	/* another server's cookie */
	ck_assert_uint_eq(back, PACKET_LEN + FIELD_HEAD + UID_LEN);
	ck_assert_uint_lt(back, len);
	ck_assert_int_eq(fields_parse(&f, re, back), FIELDS_OK);
	ck_assert_mem_eq(f.uid.p, p.s->uid, UID_LEN);
	ck_assert_ptr_null(f.cookie.p);
	ck_assert_ptr_null(f.cipher.p);
	ck_assert_uint_eq(other.g.count.cookie_decode_too_old, 1);
	/* Every bit of the cookie and of what it covers. */
	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct guarded g;

		size_t at = bit / 8;

		/* Lengths and types are another matter. */
		if ((at >= PACKET_LEN && at < PACKET_LEN + 4) || (at >= PACKET_LEN + 36 && at < PACKET_LEN + 40) || (at >= len - AUTH_LEN && at < len - AUTH_LEN + 8))
			continue;
		rq[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(warden_open(&p.g, rq, len, len, &g), WARDEN_NAK);
		rq[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_uint_gt(pair_answer(&p, rq, len, WARDEN_GOOD, re), 0);
	pair_end(&other);
	pair_end(&p);
}
END_TEST

START_TEST(cookies_of_the_ten_keys_are_taken_and_the_reply_has_new_ones)
{
	struct pair p;
	bool made;

	pair_begin(&p, AEAD_SIV_256);
	for (int day = 0; day <= COOKIE_KEYS; day++) {
		const struct part parts[] = { { FIELD_UID, 32, uid }, { FIELD_COOKIE, 104, p.s->cookie[0].octets } };
		uint8_t rq[PACKET_MAX], re[PACKET_MAX];

		(void)pair_answer(&p, rq, ask_with(&p, parts, 2, rq), day < COOKIE_KEYS ? WARDEN_GOOD : WARDEN_NAK, re);
		ck_assert(cookie_rotate(&p.g.ring, 1700000000 + (int64_t)(day + 1) * COOKIE_DAY, &made));
	}
	ck_assert_uint_eq(p.g.count.cookie_decode_current, 1);
	ck_assert_uint_eq(p.g.count.cookie_decode_old, 1);
	ck_assert_uint_eq(p.g.count.cookie_decode_old2, 1);
	ck_assert_uint_eq(p.g.count.cookie_decode_older, COOKIE_KEYS - 3);
	ck_assert_uint_eq(p.g.count.cookie_decode_too_old, 1);
	/* A live client never sees any of this. */
	for (int day = 20; day < 60; day++) {
		uint8_t rq[PACKET_MAX], re[PACKET_MAX];
		size_t len;

		if (day == 20) {
			struct ke_answer a = { .aead = AEAD_SIV_256 };

			ck_assert(warden_cookies(&p.g, &p.keys, &a));
			memcpy(p.s->cookie, a.cookie, sizeof(a.cookie));
		}
		len = pair_answer(&p, rq, pair_ask(&p, rq), WARDEN_GOOD, re);
		ck_assert_int_eq(shield_judge(p.s, re, len, 0), SHIELD_GOOD);
		for (size_t i = 0; i < NTS_COOKIES - 1; i++)	/* those it holds come to be used in turn */
			p.s->cookie[i] = p.s->cookie[NTS_COOKIES - 1];
		ck_assert(cookie_rotate(&p.g.ring, 1700000000 + (int64_t)day * COOKIE_DAY, &made));
	}
	pair_end(&p);
}
END_TEST

START_TEST(without_keys_protected_requests_are_plain_ones)
{
	uint8_t rq[PACKET_MAX], re[PACKET_MAX];
	struct pair p;

	pair_begin(&p, AEAD_SIV_256);
	size_t len = pair_ask(&p, rq);
	p.g.ring.n = 0;
	ck_assert_uint_eq(pair_answer(&p, rq, len, WARDEN_PLAIN, re), 0);
	ck_assert_uint_eq(p.g.count.cookie_not_server, 1);
	ck_assert_uint_eq(pair_answer(&p, rq, PACKET_LEN, WARDEN_PLAIN, re), 0);
	ck_assert_uint_eq(p.g.count.cookie_not_server, 1);
	pair_end(&p);
}
END_TEST

UNIT_MAIN("nts/warden", replies_are_no_longer_than_requests_whatever_is_asked_for, a_placeholder_of_another_length_than_the_cookie_is_malformed,
    fields_doubled_missing_or_behind_the_authenticator_are_malformed, authenticators_that_lie_about_lengths_are_malformed_before_anything_is_opened,
    what_does_not_open_gets_a_nak_with_the_identifier_and_nothing_else, cookies_of_the_ten_keys_are_taken_and_the_reply_has_new_ones,
    without_keys_protected_requests_are_plain_ones)
