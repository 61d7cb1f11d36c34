/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-SIV from CMAC and counter mode (RFC 5297 sections 2.4 to 2.7). */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "nts/siv.h"

#define BLOCK	16

static const struct variant {
	uint16_t	 aead;
	size_t		 key_len;	/* of both halves */
	const char	*name, *cmac, *ctr;
} variants[] = {
	{ AEAD_SIV_256, 32, "AES_SIV_CMAC_256", "AES-128-CBC", "AES-128-CTR" },
	{ AEAD_SIV_384, 48, "AES_SIV_CMAC_384", "AES-192-CBC", "AES-192-CTR" },
	{ AEAD_SIV_512, 64, "AES_SIV_CMAC_512", "AES-256-CBC", "AES-256-CTR" },
};

struct siv {
	EVP_MAC_CTX	*mac[NELEMS(variants)];
	EVP_CIPHER_CTX	*ctr[NELEMS(variants)];
};

/* NELEMS(variants) if there is no such. */
static size_t
find(uint16_t aead)
{
	size_t i;

	for (i = 0; i < NELEMS(variants) && variants[i].aead != aead; i++)
		;
	return i;
}

size_t
siv_key_len(uint16_t aead)
{
	size_t i = find(aead);

	return i == NELEMS(variants) ? 0 : variants[i].key_len;
}

uint16_t
siv_by_name(const char *name)
{
	for (size_t i = 0; i < NELEMS(variants); i++) {
		if (strcmp(variants[i].name, name) == 0)
			return variants[i].aead;
	}
	return 0;
}

static bool
make(struct siv *s, size_t i)
{
	const struct variant *v = &variants[i];
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)v->cmac, 0), OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_CIPHER *ctr = EVP_CIPHER_fetch(NULL, v->ctr, NULL);
	bool ok;

	s->mac[i] = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	s->ctr[i] = EVP_CIPHER_CTX_new();
	ok = s->mac[i] != NULL && s->ctr[i] != NULL && ctr != NULL && EVP_MAC_CTX_set_params(s->mac[i], params) == 1 &&
	    EVP_EncryptInit_ex2(s->ctr[i], ctr, NULL, NULL, NULL) == 1;
	EVP_CIPHER_free(ctr);
	EVP_MAC_free(mac);
	return ok;
}

struct siv *
siv_new(void)
{
	struct siv *s = calloc(1, sizeof(*s));

	for (size_t i = 0; s != NULL && i < NELEMS(variants); i++) {
		if (!make(s, i)) {
			siv_free(s);
			return NULL;
		}
	}
	return s;
}

void
siv_free(struct siv *s)
{
	for (size_t i = 0; s != NULL && i < NELEMS(variants); i++) {
		EVP_MAC_CTX_free(s->mac[i]);
		EVP_CIPHER_CTX_free(s->ctr[i]);
	}
	free(s);
}

/* The MAC of two strings one after the other; key NULL: that of the time before. */
static bool
cmac(EVP_MAC_CTX *c, const uint8_t *key, size_t key_len, struct octets a, struct octets b, uint8_t out[static BLOCK])
{
	size_t len;

	return EVP_MAC_init(c, key, key_len, NULL) == 1 && (a.len == 0 || EVP_MAC_update(c, a.p, a.len) == 1) &&
	    (b.len == 0 || EVP_MAC_update(c, b.p, b.len) == 1) && EVP_MAC_final(c, out, &len, BLOCK) == 1 && len == BLOCK;
}

/* Multiplication by x in the field of 2^128 elements (RFC 5297 section 2.3). */
static void
dbl(uint8_t d[static BLOCK])
{
	uint8_t carry = d[0] >> 7;

	for (size_t i = 0; i < BLOCK - 1; i++)
		d[i] = (uint8_t)(d[i] << 1 | d[i + 1] >> 7);
	d[BLOCK - 1] = (uint8_t)(d[BLOCK - 1] << 1 ^ (carry ? 0x87 : 0));
}

static void
xor_into(uint8_t d[static BLOCK], const uint8_t *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		d[i] ^= with[i];
}

/* S2V: all strings into one tag. */
static bool
s2v(EVP_MAC_CTX *c, const uint8_t *key, size_t key_len, const struct octets ad[], size_t n, const uint8_t *text, size_t len, uint8_t tag[static BLOCK])
{
	static const uint8_t zero[BLOCK];
	const struct octets none = { 0 };
	uint8_t d[BLOCK], t[BLOCK];
	size_t head = len >= BLOCK ? len - BLOCK : 0;

	if (!cmac(c, key, key_len, (struct octets){ zero, BLOCK }, none, d))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!cmac(c, NULL, 0, ad[i], none, t))
			return false;
		dbl(d);
		xor_into(d, t, BLOCK);
	}
	if (len >= BLOCK) {
		xor_into(d, text + head, BLOCK);
		return cmac(c, NULL, 0, (struct octets){ text, head }, (struct octets){ d, BLOCK }, tag);
	}
	dbl(d);
	xor_into(d, text, len);
	d[len] ^= 0x80;
	return cmac(c, NULL, 0, (struct octets){ d, BLOCK }, none, tag);
}

/* Counter mode, which is its own inverse. */
static bool
crypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t tag[static BLOCK], const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t iv[BLOCK];
	int n;

	if (len == 0)
		return true;
	memcpy(iv, tag, BLOCK);
	iv[8] &= 0x7f;
	iv[12] &= 0x7f;
	return len <= INT16_MAX * 2 && EVP_EncryptInit_ex2(c, NULL, key, iv, NULL) == 1 && EVP_EncryptUpdate(c, out, &n, in, (int)len) == 1 && (size_t)n == len;
}

bool
siv_seal(struct siv *s, uint16_t aead, const uint8_t *key, const struct octets ad[], size_t n, const uint8_t *text, size_t len, uint8_t *out)
{
	size_t i = find(aead), half = siv_key_len(aead) / 2;
	uint8_t tag[BLOCK];

	if (half == 0 || n > SIV_ADS_MAX || !s2v(s->mac[i], key, half, ad, n, text, len, tag))
		return false;
	if (!crypt(s->ctr[i], key + half, tag, text, len, out + BLOCK))
		return false;
	memcpy(out, tag, BLOCK);
	return true;
}

bool
siv_open(struct siv *s, uint16_t aead, const uint8_t *key, const struct octets ad[], size_t n, const uint8_t *in, size_t len, uint8_t *out)
{
	size_t i = find(aead), half = siv_key_len(aead) / 2, text = len - BLOCK;
	uint8_t tag[BLOCK], told[BLOCK];

	if (half == 0 || n > SIV_ADS_MAX || len < BLOCK)
		return false;
	memcpy(told, in, BLOCK);
	if (crypt(s->ctr[i], key + half, told, in + BLOCK, text, out) && s2v(s->mac[i], key, half, ad, n, out, text, tag) &&
	    CRYPTO_memcmp(tag, told, BLOCK) == 0)
		return true;
	if (text > 0)
		OPENSSL_cleanse(out, text);
	return false;
}
