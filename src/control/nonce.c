/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes and checks nonces. */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/bytes.h"
#include "control/nonce.h"

#define TIME_DIGITS	16

bool
nonce_hash(const struct nonce_secret *secret, const void *data, size_t len, uint64_t *hash)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned md_len = 0;
	struct rd r;

	if (HMAC(EVP_sha256(), secret->octets, (int)sizeof(secret->octets), data, len, md, &md_len) == NULL || md_len < sizeof(*hash))
		return false;
	r = rd_init(md, md_len);
	*hash = rd_u64(&r);
	return true;
}

static bool
hash_of(const struct nonce_secret *secret, const struct addr *who, uint64_t ns, uint64_t *hash)
{
	uint8_t buf[sizeof(who->ip) + 16];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_bytes(&w, who->ip, sizeof(who->ip));
	wr_u8(&w, who->family);
	wr_u32(&w, who->scope);
	wr_u16(&w, who->port);
	wr_u64(&w, ns);
	wr_u8(&w, 'n');		/* no other use of the secret hashes as many octets */
	return !w.bad && nonce_hash(secret, buf, sizeof(buf), hash);
}

bool
nonce_make(const struct nonce_secret *secret, const struct addr *who, struct monotime now, char out[static NONCE_DIGITS + 1])
{
	uint64_t hash;

	if (!hash_of(secret, who, (uint64_t)now.ns, &hash))
		return false;
	snprintf(out, NONCE_DIGITS + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)now.ns, hash);
	return true;
}

static bool
parse_time(const char *digits, uint64_t *ns)
{
	uint64_t v = 0;

	for (int i = 0; i < TIME_DIGITS; i++) {
		char c = digits[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*ns = v;
	return true;
}

bool
nonce_check(const struct nonce_secret *secret, const struct addr *who, struct monotime now, const char *digits, size_t len)
{
	char good[NONCE_DIGITS + 1];
	struct monotime then;
	uint64_t ns;
	double age;

	if (len != NONCE_DIGITS || !parse_time(digits, &ns) || ns > (uint64_t)now.ns)
		return false;
	then.ns = (int64_t)ns;
	age = monotime_diff(now, then);
	return age < NONCE_LIFE && nonce_make(secret, who, then, good) && CRYPTO_memcmp(good, digits, NONCE_DIGITS) == 0;
}
