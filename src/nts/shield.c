/* SPDX-License-Identifier: BSD-2-Clause */
/* Protects requests and judges replies. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "nts/shield.h"
#include "wire/packet.h"

#define NAK_PATIENCE	2	/* requests, that which was refused and the next one, after which a NAK is believed */

struct shield *
shield_new(const struct ke_answer *a, const uint8_t *c2s, const uint8_t *s2c)
{
	struct shield *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->siv = siv_new();
	if (s->siv == NULL) {
		free(s);
		return NULL;
	}
	s->aead = a->aead;
	memcpy(s->c2s, c2s, siv_key_len(a->aead));
	memcpy(s->s2c, s2c, siv_key_len(a->aead));
	memcpy(s->cookie, a->cookie, sizeof(s->cookie));
	s->ncookies = a->ncookies;
	return s;
}

void
shield_free(struct shield *s)
{
	if (s == NULL)
		return;
	siv_free(s->siv);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

bool
shield_spent(const struct shield *s)
{
	return s->ncookies == 0 || s->naked >= NAK_PATIENCE;
}

/* How many cookies to ask for besides the one that comes for the one sent. */
static size_t
missing(const struct shield *s, size_t len, size_t cookie)
{
	size_t want = NTS_COOKIES - 1 - s->ncookies, fixed = len + FIELD_HEAD + UID_LEN + FIELD_HEAD + cookie + AUTH_LEN;
	size_t fit = fixed >= SHIELD_PACKET_MAX ? 0 : (SHIELD_PACKET_MAX - fixed) / (FIELD_HEAD + cookie);

	return want < fit ? want : fit;
}

size_t
shield_protect(struct shield *s, uint8_t *pkt, size_t len)
{
	struct nts_cookie c;
	size_t placeholders;
	struct wr w;

	if (s->ncookies == 0 || RAND_bytes(s->uid, sizeof(s->uid)) != 1)
		return 0;
	c = s->cookie[--s->ncookies];
	placeholders = missing(s, len, c.len);
	w = wr_init(pkt + len, SHIELD_PACKET_MAX - len - AUTH_LEN);
	fields_put(&w, FIELD_UID, (struct octets){ s->uid, sizeof(s->uid) });
	fields_put(&w, FIELD_COOKIE, (struct octets){ c.octets, c.len });
	for (size_t i = 0; i < placeholders; i++)
		fields_put(&w, FIELD_PLACEHOLDER, (struct octets){ NULL, c.len });
	s->open = !w.bad;
	s->naked += s->naked > 0;
	return w.bad ? 0 : fields_seal(s->siv, s->aead, s->c2s, pkt, (size_t)(w.p - pkt), 0);
}

/* Cookies that are of use are kept, as long as there is room. */
static void
take_cookie(struct shield *s, struct octets body)
{
	struct nts_cookie *c = &s->cookie[s->ncookies];

	if (s->ncookies == NTS_COOKIES || body.len < NTS_COOKIE_MIN || body.len > NTS_COOKIE_MAX)
		return;
	c->len = body.len;
	memcpy(c->octets, body.p, body.len);
	s->ncookies++;
}

/* All fields of the sealed text are looked at before any cookie is taken. */
static bool
take_sealed(struct shield *s, const uint8_t *text, size_t len)
{
	struct rd look = rd_init(text, len), r = look;
	struct octets body;
	bool bad = false;
	uint16_t type;

	while (fields_next(&look, &type, &body, &bad))
		;
	if (bad)
		return false;
	while (fields_next(&r, &type, &body, &bad)) {
		if (type == FIELD_COOKIE)
			take_cookie(s, body);
	}
	return true;
}

enum shield_verdict
shield_judge(struct shield *s, const uint8_t *buf, size_t end, uint32_t kiss)
{
	uint8_t text[PACKET_MAX];
	struct fields f;

	if (!s->open || end > PACKET_MAX || fields_parse(&f, buf, end) != FIELDS_OK)
		return SHIELD_BAD;
	if (f.uid.p == NULL || f.uid.len != UID_LEN || memcmp(f.uid.p, s->uid, UID_LEN) != 0)
		return SHIELD_BAD;
	if (f.cipher.p == NULL && f.cookie.p == NULL && kiss == REFID_NTSN) {
		s->naked += s->naked == 0;
		return SHIELD_NAK;
	}
	/* A cookie in the clear would tell who we are when it is sent (RFC 8915 section 5.7). */
	if (f.cookie.p != NULL || f.placeholders > 0 || !fields_open(s->siv, s->aead, s->s2c, &f, text))
		return SHIELD_BAD;
	if (!take_sealed(s, text, f.cipher.len - SIV_TAG_LEN))
		return SHIELD_BAD;
	s->open = false;
	s->naked = 0;
	return SHIELD_GOOD;
}
