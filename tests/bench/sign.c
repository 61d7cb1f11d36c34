/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs requests. */
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/core_names.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sign.h"

enum { KEY_MAX = 32, MESSAGE_MAX = 64, NUMBER_LEN = 4 };

struct signer {
	const EVP_MD	*digest;	/* NULL: AES-CMAC */
	uint32_t	 number;	/* network order */
	uint8_t		 key[KEY_MAX];
	size_t		 key_len;
};

struct signer *
signer_new(const char *spec)
{
	struct signer *s = calloc(1, sizeof(*s));
	char type[16], hex[2 * KEY_MAX + 1];
	unsigned number, octet;

	if (s == NULL || sscanf(spec, "%15[^:]:%u:%64[0-9a-fA-F]", type, &number, hex) != 3)
		return NULL;
	for (const char *p = hex; sscanf(p, "%2x", &octet) == 1 && p[1] != '\0'; p += 2)
		s->key[s->key_len++] = (uint8_t)octet;
	s->number = htonl(number);
	if (strcmp(type, "AES128") != 0 && (s->digest = EVP_get_digestbyname(type)) == NULL)
		return NULL;
	return s;
}

static size_t
digest(const struct signer *s, const uint8_t *msg, size_t len, uint8_t *out)
{
	uint8_t all[KEY_MAX + MESSAGE_MAX];
	unsigned n = 0;

	memcpy(all, s->key, s->key_len);
	memcpy(all + s->key_len, msg, len);
	if (len > MESSAGE_MAX || EVP_Digest(all, s->key_len + len, out, &n, s->digest, NULL) != 1)
		abort();
	return n;
}

static size_t
cmac(const struct signer *s, const uint8_t *msg, size_t len, uint8_t *out, size_t room)
{
	char cipher[] = "AES-128-CBC";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0), OSSL_PARAM_construct_end() };
	size_t n = 0;

	if (EVP_Q_mac(NULL, "CMAC", NULL, NULL, params, s->key, s->key_len, msg, len, out, room, &n) == NULL)
		abort();
	return n;
}

size_t
signer_sign(const struct signer *s, uint8_t *msg, size_t len)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t n = s->digest != NULL ? digest(s, msg, len, mac) : cmac(s, msg, len, mac, sizeof(mac));

	if (n > SIGN_MAX - NUMBER_LEN)
		n = SIGN_MAX - NUMBER_LEN;	/* RFC 8573 has AES-CMAC, of 16 octets, beside digests of at most 20 */
	memcpy(msg + len, &s->number, NUMBER_LEN);
	memcpy(msg + len + NUMBER_LEN, mac, n);
	return NUMBER_LEN + n;
}
