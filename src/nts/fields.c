/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads, writes, seals and opens the extension fields of Network Time Security. */
#include <openssl/rand.h>

#include "nts/fields.h"
#include "wire/packet.h"

static size_t
padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* A body of an authenticator; nothing of it is believed that the field has no room for. */
static bool
take_auth(struct fields *f, struct octets body)
{
	struct rd r = rd_init(body.p, body.len);
	size_t nonce = rd_u16(&r), cipher = rd_u16(&r), least = padded(nonce) < NONCE_LEN ? NONCE_LEN : padded(nonce);

	if (r.bad || nonce == 0 || cipher < SIV_TAG_LEN || padded(nonce) + padded(cipher) > rd_left(&r))
		return false;
	f->padded = least + padded(cipher) <= rd_left(&r);
	f->nonce = (struct octets){ rd_bytes(&r, padded(nonce)), nonce };
	f->cipher = (struct octets){ rd_bytes(&r, padded(cipher)), cipher };
	return true;
}

static bool
take_once(struct octets *at, struct octets body)
{
	if (at->p != NULL || body.len == 0)
		return false;
	*at = body;
	return true;
}

/* One field; placeholders are compared with the cookie at the end, as they may stand before it. */
static bool
take(struct fields *f, uint16_t type, struct octets body, size_t *placeholder)
{
	switch (type) {
	case FIELD_UID:
		return f->cipher.p == NULL && take_once(&f->uid, body);
	case FIELD_COOKIE:
		return f->cipher.p == NULL && take_once(&f->cookie, body);
	case FIELD_PLACEHOLDER:
		if (f->cipher.p != NULL || (f->placeholders++ > 0 && body.len != *placeholder))
			return false;
		*placeholder = body.len;
		return true;
	case FIELD_AUTH:
		return f->cipher.p == NULL && take_auth(f, body);
	default:
		return true;
	}
}

static bool
is_ours(uint16_t type)
{
	return type == FIELD_UID || type == FIELD_COOKIE || type == FIELD_PLACEHOLDER || type == FIELD_AUTH;
}

bool
fields_next(struct rd *r, uint16_t *type, struct octets *body, bool *bad)
{
	size_t len;

	if (rd_left(r) == 0)
		return false;
	*type = rd_u16(r);
	len = rd_u16(r);
	*bad = r->bad || len < FIELD_HEAD || len % 4 != 0 || len - FIELD_HEAD > rd_left(r);
	if (*bad)
		return false;
	body->len = len - FIELD_HEAD;
	body->p = rd_bytes(r, body->len);
	return true;
}

enum fields_err
fields_parse(struct fields *f, const uint8_t *buf, size_t end)
{
	struct fields mine = { 0 };
	size_t placeholder = 0;
	bool any = false, bad = false;
	struct octets body;
	struct rd r;
	uint16_t type;

	if (end <= PACKET_LEN)
		return FIELDS_NONE;
	r = rd_init(buf + PACKET_LEN, end - PACKET_LEN);
	for (const uint8_t *at = r.p; fields_next(&r, &type, &body, &bad); at = r.p) {
		if (type == FIELD_AUTH && mine.cipher.p == NULL)
			mine.ad = (struct octets){ buf, (size_t)(at - buf) };
		if (!take(&mine, type, body, &placeholder))
			return FIELDS_MALFORMED;
		any |= is_ours(type);
	}
	if (!any)
		return FIELDS_NONE;
	if (bad || (mine.placeholders > 0 && (mine.cookie.p == NULL || placeholder != mine.cookie.len)))
		return FIELDS_MALFORMED;
	*f = mine;
	return FIELDS_OK;
}

void
fields_put(struct wr *w, uint16_t type, struct octets body)
{
	static const uint8_t zeros[4];
	size_t len = padded(body.len);

	wr_u16(w, type);
	wr_u16(w, (uint16_t)(FIELD_HEAD + len));
	if (body.p != NULL) {
		wr_bytes(w, body.p, body.len);
		wr_bytes(w, zeros, len - body.len);
	} else {
		for (size_t i = 0; i < len; i += 4)
			wr_u32(w, 0);
	}
}

bool
fields_open(struct siv *siv, uint16_t aead, const uint8_t *key, const struct fields *f, uint8_t *out)
{
	const struct octets ad[] = { f->ad, f->nonce };

	return f->cipher.p != NULL && siv_open(siv, aead, key, ad, NELEMS(ad), f->cipher.p, f->cipher.len, out);
}

size_t
fields_seal(struct siv *siv, uint16_t aead, const uint8_t *key, uint8_t *buf, size_t len, size_t text)
{
	struct wr w = wr_init(buf + len, AUTH_LEN);
	uint8_t *sealed = buf + len + AUTH_LEN - SIV_TAG_LEN;
	const struct octets ad[] = { { buf, len }, { sealed - NONCE_LEN, NONCE_LEN } };

	wr_u16(&w, FIELD_AUTH);
	wr_u16(&w, (uint16_t)(AUTH_LEN + text));
	wr_u16(&w, NONCE_LEN);
	wr_u16(&w, (uint16_t)(SIV_TAG_LEN + text));
	if (RAND_bytes(w.p, NONCE_LEN) != 1 || !siv_seal(siv, aead, key, ad, NELEMS(ad), sealed + SIV_TAG_LEN, text, sealed))
		return 0;
	return len + AUTH_LEN + text;
}
