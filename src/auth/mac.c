/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MACs by OpenSSL's EVP, with as few calls of it as can be: each costs as much as the digest of a packet itself.
 *
 * The library's own CMAC sets its cipher up anew for each message, which takes five times what encrypting three blocks does; so the steps
 * of RFC 4493 are made here, on a cipher that is set up once.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "mac.h"

#define BLOCK		16	/* octets of AES */
#define PIECE		64	/* octets of a message encrypted at once: a packet's 48, and more */
#define DIGEST_LEAST	16	/* octets: one of fewer is no use as a MAC */
#define SHORT		256	/* octets: a message up to this goes to the digest together with the secret; that of a packet is 48 */

struct mac {
	EVP_MD_CTX	*md;		/* of a digest, or … */
	EVP_CIPHER_CTX	*aes;		/* … of a CMAC: CBC, which goes on where it stopped … */
	uint8_t		 chain[BLOCK];	/* … that is, from this */
	size_t		 digest_len;	/* on the wire */
	size_t		 secret_len;
	uint8_t		 k1[BLOCK], k2[BLOCK];		/* RFC 4493 section 2.3 */
	uint8_t		 text[MAC_SECRET_MAX + SHORT];	/* secret, and room for the message */
};

/* Type words that mean AES-CMAC, and the cipher of each. */
static const struct { const char *word, *cipher; size_t len; } cmacs[] = {
	{ "AES128CMAC", "AES-128-CBC", 16 }, { "AES", "AES-128-CBC", 16 }, { "AES-128", "AES-128-CBC", 16 },
	{ "AES-192", "AES-192-CBC", 24 }, { "AES-256", "AES-256-CBC", 32 },
};

static size_t
cmac_row(const char *type)
{
	size_t i = 0;

	while (i < NELEMS(cmacs) && strcasecmp(type, cmacs[i].word) != 0)
		i++;
	return i;
}

size_t
mac_cmac_secret(const char *type)
{
	size_t i = cmac_row(type);

	return i < NELEMS(cmacs) ? cmacs[i].len : 0;
}

static void
mix(uint8_t into[static BLOCK], const uint8_t with[static BLOCK])
{
	uint64_t a[2], b[2];

	memcpy(a, into, BLOCK);
	memcpy(b, with, BLOCK);
	a[0] ^= b[0];
	a[1] ^= b[1];
	memcpy(into, a, BLOCK);
}

/* In place; whole blocks.  One call of the library for all of them, and none to set it up. */
static bool
encrypt(struct mac *m, uint8_t *text, size_t len)
{
	static const uint8_t zero[BLOCK];
	int n = 0;

	if (EVP_EncryptUpdate(m->aes, text, &n, text, (int)len) == 1 && (size_t)n == len) {
		memcpy(m->chain, text + len - BLOCK, BLOCK);
		return true;
	}
	if (EVP_EncryptInit_ex2(m->aes, NULL, NULL, zero, NULL) == 1)
		memset(m->chain, 0, BLOCK);
	return false;
}

/* Times x in GF(2^128), RFC 4493 section 2.3. */
static void
twice(uint8_t out[static BLOCK], const uint8_t in[static BLOCK])
{
	unsigned carry = in[0] >> 7;

	for (size_t i = 0; i < BLOCK; i++)
		out[i] = (uint8_t)(in[i] << 1 | (i + 1 < BLOCK ? in[i + 1] >> 7 : 0));
	out[BLOCK - 1] ^= (uint8_t)(carry * 0x87);
}

static bool
begin_cmac(struct mac *m, const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	uint8_t zero[BLOCK] = { 0 };
	bool ok;

	m->digest_len = BLOCK;
	m->aes = cipher == NULL ? NULL : EVP_CIPHER_CTX_new();
	ok = m->aes != NULL && EVP_EncryptInit_ex2(m->aes, cipher, m->text, zero, NULL) == 1 && EVP_CIPHER_CTX_set_padding(m->aes, 0) == 1
	    && encrypt(m, zero, BLOCK);
	EVP_CIPHER_free(cipher);
	twice(m->k1, zero);
	twice(m->k2, m->k1);
	OPENSSL_cleanse(zero, sizeof(zero));
	return ok;
}

static bool
begin_digest(struct mac *m, const char *type)
{
	/* "M" is how old files write MD5, "SHA-1" how NTPsec's do. */
	const char *name = strcasecmp(type, "M") == 0 ? "MD5" : strcasecmp(type, "SHA-1") == 0 ? "SHA1" : type;
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	int size = md == NULL ? 0 : EVP_MD_get_size(md);
	bool ok;

	m->digest_len = size < MAC_DIGEST_MAX ? DIGEST_LEAST : MAC_DIGEST_MAX;
	m->md = size < DIGEST_LEAST ? NULL : EVP_MD_CTX_new();
	ok = m->md != NULL && EVP_DigestInit_ex2(m->md, md, NULL) == 1;
	EVP_MD_free(md);
	return ok;
}

struct mac *
mac_new(const char *type, const uint8_t *secret, size_t len)
{
	struct mac *m = len > MAC_SECRET_MAX ? NULL : calloc(1, sizeof(*m));
	size_t row = cmac_row(type);

	if (m == NULL)
		return NULL;
	memcpy(m->text, secret, len);
	m->secret_len = len;
	if (row < NELEMS(cmacs) ? len == cmacs[row].len && begin_cmac(m, cmacs[row].cipher) : begin_digest(m, type))
		return m;
	mac_free(m);
	return NULL;
}

struct mac *
mac_copy(const struct mac *old)
{
	struct mac *m = malloc(sizeof(*m));

	if (m == NULL)
		return NULL;
	*m = *old;
	m->md = old->md == NULL ? NULL : EVP_MD_CTX_new();
	m->aes = old->aes == NULL ? NULL : EVP_CIPHER_CTX_new();
	if (old->md != NULL ? m->md != NULL && EVP_MD_CTX_copy_ex(m->md, old->md) == 1 : m->aes != NULL && EVP_CIPHER_CTX_copy(m->aes, old->aes) == 1)
		return m;
	mac_free(m);
	return NULL;
}

void
mac_free(struct mac *m)
{
	if (m == NULL)
		return;
	EVP_MD_CTX_free(m->md);
	EVP_CIPHER_CTX_free(m->aes);
	OPENSSL_cleanse(m, sizeof(*m));
	free(m);
}

bool
mac_is_cmac(const struct mac *m)
{
	return m->aes != NULL;
}

size_t
mac_digest_len(const struct mac *m)
{
	return m->digest_len;
}

/* RFC 4493 section 2.4.  A chain begins with zeros; what the cipher has kept of the message before is taken off its first block. */
static bool
cmac(struct mac *m, const uint8_t *msg, size_t len, uint8_t out[static BLOCK])
{
	uint8_t text[PIECE];
	bool first = true;
	size_t whole;

	for (; len > PIECE; msg += PIECE, len -= PIECE) {
		memcpy(text, msg, PIECE);
		if (first)
			mix(text, m->chain);
		first = false;
		if (!encrypt(m, text, PIECE))
			return false;
	}
	whole = len == 0 ? BLOCK : (len + BLOCK - 1) / BLOCK * BLOCK;
	memset(text + whole - BLOCK, 0, BLOCK);
	memcpy(text, msg, len);
	if (len < whole)
		text[len] = 0x80;
	mix(text + whole - BLOCK, len < whole ? m->k2 : m->k1);
	if (first)
		mix(text, m->chain);
	if (!encrypt(m, text, whole))
		return false;
	memcpy(out, text + whole - BLOCK, BLOCK);
	return true;
}

static bool
digest(struct mac *m, const uint8_t *msg, size_t len, uint8_t out[static MAC_DIGEST_MAX])
{
	size_t together = len <= SHORT ? len : 0;
	uint8_t full[EVP_MAX_MD_SIZE];

	memcpy(m->text + m->secret_len, msg, together);
	if (EVP_DigestInit_ex2(m->md, NULL, NULL) != 1 || EVP_DigestUpdate(m->md, m->text, m->secret_len + together) != 1
	    || (len > together && EVP_DigestUpdate(m->md, msg, len) != 1) || EVP_DigestFinal_ex(m->md, full, NULL) != 1)
		return false;
	memcpy(out, full, m->digest_len);
	return true;
}

bool
mac_make(struct mac *m, const uint8_t *msg, size_t len, uint8_t out[static MAC_DIGEST_MAX])
{
	return m->aes != NULL ? cmac(m, msg, len, out) : digest(m, msg, len, out);
}
