/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's shield and a server's warden that have exchanged keys, for the tests of both. */
#ifndef TESTS_NTS_EXCHANGE_H
#define TESTS_NTS_EXCHANGE_H

#include <string.h>

#include "nts/warden.h"
#include "nts/shield.h"
#include "wire/packet.h"
#include "../unit.h"

struct pair {
	struct warden		 g;
	struct shield		*s;
	struct cookie_keys	 keys;
};

static inline void
pair_begin(struct pair *p, uint16_t aead)
{
	struct ke_answer a = { .aead = aead };
	bool made;

	ck_assert(warden_init(&p->g));
	ck_assert(cookie_rotate(&p->g.ring, 1700000000, &made));
	p->keys = (struct cookie_keys){ .aead = aead };
	memset(p->keys.c2s, 0xc2, sizeof(p->keys.c2s));
	memset(p->keys.s2c, 0x52, sizeof(p->keys.s2c));
	ck_assert(warden_cookies(&p->g, &p->keys, &a));
	p->s = shield_new(&a, p->keys.c2s, p->keys.s2c);
	ck_assert_ptr_nonnull(p->s);
}

static inline void
pair_end(struct pair *p)
{
	shield_free(p->s);
	warden_clear(&p->g);
}

/* A protected request; returns its length. */
static inline size_t
pair_ask(struct pair *p, uint8_t buf[static PACKET_MAX])
{
	const struct packet h = { .version = 4, .mode = 3, .xmt = { 0x123456789abcdef0 } };

	packet_build(&h, buf);
	return shield_protect(p->s, buf, PACKET_LEN);
}

/* What the warden makes of it: the length of the reply. */
static inline size_t
pair_answer(struct pair *p, const uint8_t *rq, size_t len, enum warden_verdict want, uint8_t out[static PACKET_MAX])
{
	const struct packet h = { .version = 4, .mode = 4, .stratum = 2, .org = { 0x123456789abcdef0 } };
	struct guarded g;
	enum warden_verdict v = warden_open(&p->g, rq, len, len, &g);

	ck_assert_int_eq(v, want);
	packet_build(&h, out);
	return v == WARDEN_GOOD ? warden_seal(&p->g, &g, out) : v == WARDEN_NAK ? warden_nak(&g, out) : 0;
}

#endif
