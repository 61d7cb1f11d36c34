/* SPDX-License-Identifier: BSD-2-Clause */
/* MACs against published vectors, and against the library's own way to make them. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/mac.h"
#include "base/bytes.h"
#include "../unit.h"

#define LONGEST	700	/* octets: beyond what is hashed together with the secret */

/* NIST SP 800-38B, appendix D. */
static const uint8_t nist_text[64] = {
	0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
	0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
	0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef,
	0xf6, 0x9f, 0x24, 0x45, 0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10,
};

static const struct nist {
	const char	*type;
	const char	*key;	/* hexadecimal */
	const char	*tag[4];	/* of the first 0, 16, 40 and 64 octets */
} nist[] = {
	{ "AES-128", "2b7e151628aed2a6abf7158809cf4f3c",
	    { "bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c", "dfa66747de9ae63030ca32611497c827", "51f0bebf7e3b9d92fc49741779363cfe" } },
	{ "AES-192", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	    { "d17ddf46adaacde531cac483de7a9367", "9e99a7bf31e710900662f65e617c5184", "8a1de5be2eb31aad089a82e6ee908b0e", "a1d5df0eed790f794d77589659f39a11" } },
	{ "AES-256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	    { "028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c", "aaf3d8f1de5640c232f5b169b9c911e6", "e1992190549f6ed5696a2c056c315410" } },
};

static size_t
unhex(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		const char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

START_TEST(cmacs_are_those_of_nist)
{
	static const size_t lens[4] = { 0, 16, 40, 64 };
	uint8_t key[MAC_SECRET_MAX], want[16], got[MAC_DIGEST_MAX];

	for (size_t i = 0; i < NELEMS(nist); i++) {
		size_t n = unhex(key, nist[i].key);
		struct mac *m = mac_new(nist[i].type, key, n);

		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(mac_cmac_secret(nist[i].type), n);
		ck_assert_uint_eq(mac_digest_len(m), 16);
		ck_assert(mac_is_cmac(m));
		for (size_t k = 0; k < NELEMS(lens); k++) {
			ck_assert_uint_eq(unhex(want, nist[i].tag[k]), 16);
			ck_assert(mac_make(m, nist_text, lens[k], got));
			ck_assert_msg(memcmp(got, want, 16) == 0, "%s of %zu octets", nist[i].type, lens[k]);
		}
		mac_free(m);
	}
}
END_TEST

static void
scramble(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)random();
}

/* What the library says, made without any state of ours. */
static void
by_library(const char *type, const uint8_t *secret, size_t secret_len, const uint8_t *msg, size_t len, uint8_t out[static EVP_MAX_MD_SIZE])
{
	uint8_t all[MAC_SECRET_MAX + LONGEST];
	char cipher[16] = "";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0), OSSL_PARAM_construct_end() };
	size_t n;

	if (strncmp(type, "AES", 3) == 0) {
		snprintf(cipher, sizeof(cipher), "%s-CBC", type);
		ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "CMAC", NULL, NULL, params, secret, secret_len, msg, len, out, EVP_MAX_MD_SIZE, &n));
		return;
	}
	memcpy(all, secret, secret_len);
	memcpy(all + secret_len, msg, len);
	ck_assert(EVP_Q_digest(NULL, type, NULL, all, secret_len + len, out, &n) == 1);
}

/* Messages of every length in turn and at random by one context, as a worker uses it: nothing of one may be left for the next. */
START_TEST(macs_are_what_the_library_makes_itself)
{
	static const char *const types[] = { "MD5", "SHA1", "SHA256", "SHA512", "SHA3-256", "AES-128", "AES-192", "AES-256" };
	uint8_t secret[MAC_SECRET_MAX], msg[LONGEST], want[EVP_MAX_MD_SIZE], got[MAC_DIGEST_MAX];
	const char *seed = getenv("CK_SEED");
	unsigned dice = seed != NULL ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);

	printf("seed %u\n", dice);
	srandom(dice);
	for (size_t t = 0; t < NELEMS(types); t++) {
		size_t secret_len = mac_cmac_secret(types[t]) != 0 ? mac_cmac_secret(types[t]) : 1 + (size_t)random() % MAC_SECRET_MAX;
		struct mac *m, *copy;

		scramble(secret, secret_len);
		m = mac_new(types[t], secret, secret_len);
		ck_assert_ptr_nonnull(m);
		copy = mac_copy(m);
		ck_assert_ptr_nonnull(copy);
		for (size_t i = 0; i < 2 * (LONGEST + 1); i++) {
			size_t len = i <= LONGEST ? i : (size_t)random() % (LONGEST + 1);

			scramble(msg, len);
			by_library(types[t], secret, secret_len, msg, len, want);
			ck_assert(mac_make(i % 3 == 0 ? copy : m, msg, len, got));
			ck_assert_msg(memcmp(got, want, mac_digest_len(m)) == 0, "%s, seed %u: %zu octets", types[t], dice, len);
		}
		mac_free(m);
		ck_assert(mac_make(copy, msg, 48, got));
		by_library(types[t], secret, secret_len, msg, 48, want);
		ck_assert_mem_eq(got, want, mac_digest_len(copy));
		mac_free(copy);
	}
}
END_TEST

START_TEST(what_is_no_kind_of_mac_is_refused)
{
	static const uint8_t secret[MAC_SECRET_MAX + 1] = { 1 };

	ck_assert_ptr_null(mac_new("NOSUCHDIGEST", secret, 16));
	ck_assert_ptr_null(mac_new("AES-128", secret, 15));
	ck_assert_ptr_null(mac_new("AES-128", secret, 17));
	ck_assert_ptr_null(mac_new("SHA1", secret, sizeof(secret)));
	ck_assert_uint_eq(mac_cmac_secret("SHA1"), 0);
	mac_free(NULL);
}
END_TEST

UNIT_MAIN("auth/mac", cmacs_are_those_of_nist, macs_are_what_the_library_makes_itself, what_is_no_kind_of_mac_is_refused)
