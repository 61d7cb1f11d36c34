/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens requests and seals replies. */
#include <openssl/crypto.h>
#include <string.h>

#include "nts/warden.h"
#include "wire/packet.h"

bool
warden_init(struct warden *g)
{
	*g = (struct warden){ .siv = siv_new() };
	return g->siv != NULL;
}

void
warden_clear(struct warden *g)
{
	siv_free(g->siv);
	OPENSSL_cleanse(g, sizeof(*g));
}

void
warden_counters_add(struct warden_counters *sum, const struct warden_counters *one)
{
#define X(name, prose)	sum->name += one->name;
	WARDEN_COUNTERS(X)
#undef X
}

static void
count_age(struct warden_counters *c, int age)
{
	uint64_t *const rows[] = { &c->cookie_decode_current, &c->cookie_decode_old, &c->cookie_decode_old2 };

	c->cookie_decode_total++;
	if (age == COOKIE_UNKNOWN)
		c->cookie_decode_too_old++;
	else if (age < 0)
		c->cookie_decode_error++;
	else
		(*((size_t)age < NELEMS(rows) ? rows[age] : &c->cookie_decode_older))++;
}

/* Has it all that a request must have? */
static bool
is_complete(const struct fields *f)
{
	return f->uid.p != NULL && f->uid.len >= UID_LEN && f->cookie.p != NULL && f->cipher.p != NULL && f->padded;
}

static enum warden_verdict
open_cookie(struct warden *g, const struct fields *f, struct guarded *out)
{
	uint8_t text[PACKET_MAX];	/* what a client seals is nothing we ask for */
	int age = cookie_open(g->siv, &g->ring, f->cookie, &out->keys);

	count_age(&g->count, age);
	return age >= 0 && fields_open(g->siv, out->keys.aead, out->keys.c2s, f, text) ? WARDEN_GOOD : WARDEN_NAK;
}

enum warden_verdict
warden_open(struct warden *g, const uint8_t *buf, size_t len, size_t end, struct guarded *out)
{
	enum warden_verdict v = WARDEN_BAD;
	struct guarded mine = { .limit = len };
	enum fields_err err;
	struct fields f;

	if (len > PACKET_MAX)
		return WARDEN_BAD;
	err = fields_parse(&f, buf, end);
	if (err == FIELDS_NONE)
		return WARDEN_PLAIN;
	if (g->ring.n == 0) {
		g->count.cookie_not_server++;
		return WARDEN_PLAIN;
	}
	/* A MAC besides would be a second opinion on what nobody has asked for. */
	if (err == FIELDS_OK && is_complete(&f) && end == len) {
		mine.uid = f.uid;
		mine.cookies = f.placeholders < NTS_COOKIES ? f.placeholders + 1 : NTS_COOKIES;
		v = open_cookie(g, &f, &mine);
	}
	if (v == WARDEN_GOOD)
		g->count.server_recv_good++;
	else
		g->count.server_recv_bad++;
	if (v != WARDEN_BAD)
		*out = mine;
	return v;
}

size_t
warden_seal(struct warden *g, const struct guarded *rq, uint8_t *out)
{
	size_t cookie = cookie_len(rq->keys.aead), n = rq->cookies, at = PACKET_LEN + FIELD_HEAD + rq->uid.len, len;
	struct wr w = wr_init(out + PACKET_LEN, FIELD_HEAD + rq->uid.len), sealed;
	uint8_t fresh[COOKIE_LEN_MAX];

	if (at + AUTH_LEN > rq->limit)
		return 0;
	fields_put(&w, FIELD_UID, rq->uid);
	while (n * (FIELD_HEAD + cookie) > rq->limit - at - AUTH_LEN)
		n--;
	sealed = wr_init(out + at + AUTH_LEN, n * (FIELD_HEAD + cookie));
	for (size_t i = 0; i < n; i++) {
		if (cookie_seal(g->siv, &g->ring, &rq->keys, fresh) != cookie)
			return 0;
		fields_put(&sealed, FIELD_COOKIE, (struct octets){ fresh, cookie });
	}
	len = fields_seal(g->siv, rq->keys.aead, rq->keys.s2c, out, at, n * (FIELD_HEAD + cookie));
	g->count.cookie_make += n;
	g->count.server_send += len > 0;
	return len;
}

size_t
warden_nak(const struct guarded *rq, uint8_t *out)
{
	struct wr w = wr_init(out + PACKET_LEN, FIELD_HEAD + rq->uid.len);

	fields_put(&w, FIELD_UID, rq->uid);
	return PACKET_LEN + FIELD_HEAD + rq->uid.len;
}

bool
warden_cookies(struct warden *g, const struct cookie_keys *k, struct ke_answer *a)
{
	uint8_t fresh[COOKIE_LEN_MAX];

	for (a->ncookies = 0; a->ncookies < NTS_COOKIES; a->ncookies++) {
		struct nts_cookie *c = &a->cookie[a->ncookies];

		c->len = cookie_seal(g->siv, &g->ring, k, fresh);
		if (c->len == 0)
			return false;
		memcpy(c->octets, fresh, c->len);
	}
	g->count.cookie_make += a->ncookies;
	return true;
}
