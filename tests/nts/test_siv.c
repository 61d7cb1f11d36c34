/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-SIV against the vectors of RFC 5297 and against the library's own. */
#include <openssl/evp.h>
#include <string.h>

#include "nts/siv.h"
#include "../unit.h"

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		const char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static const struct vector { const char *key, *ad[3], *text, *sealed; } vectors[] = {
	{ /* A.1 */
	    "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	    { "101112131415161718191a1b1c1d1e1f2021222324252627" }, "112233445566778899aabbccddee",
	    "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c" },
	{ /* A.2, with a nonce */
	    "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",
	    { "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100", "102030405060708090a0", "09f911029d74e35bd84156c5635688c0" },
	    "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553",
	    "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d" },
};

START_TEST(vectors_of_rfc_5297_are_met)
{
	struct siv *s = siv_new();

	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < NELEMS(vectors); i++) {
		uint8_t key[32], ads[3][64], text[64], want[128], out[128], back[64];
		struct octets ad[3];
		size_t n = 0, len, sealed;

		ck_assert_uint_eq(unhex(vectors[i].key, key), 32);
		for (; n < 3 && vectors[i].ad[n] != NULL; n++)
			ad[n] = (struct octets){ ads[n], unhex(vectors[i].ad[n], ads[n]) };
		len = unhex(vectors[i].text, text);
		sealed = unhex(vectors[i].sealed, want);
		ck_assert_uint_eq(sealed, len + SIV_TAG_LEN);
		ck_assert(siv_seal(s, AEAD_SIV_256, key, ad, n, text, len, out));
		ck_assert_mem_eq(out, want, sealed);
		ck_assert(siv_open(s, AEAD_SIV_256, key, ad, n, out, sealed, back));
		ck_assert_mem_eq(back, text, len);
	}
	siv_free(s);
}
END_TEST

/* The library's SIV, which takes one string more than none, and no empty text. */
static void
by_library(const char *name, const uint8_t *key, struct octets ad, const uint8_t *text, size_t len, uint8_t *out)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(EVP_EncryptInit_ex2(ctx, c, key, NULL, NULL), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, NULL, &n, ad.p, (int)ad.len), 1);
	ck_assert_int_eq(EVP_EncryptUpdate(ctx, out + SIV_TAG_LEN, &n, text, (int)len), 1);
	ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, out + SIV_TAG_LEN + n, &n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SIV_TAG_LEN, out), 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
}

static const struct { uint16_t aead; const char *name; } sizes[] = {
	{ AEAD_SIV_256, "AES-128-SIV" }, { AEAD_SIV_384, "AES-192-SIV" }, { AEAD_SIV_512, "AES-256-SIV" },
};

START_TEST(all_sizes_agree_with_the_librarys_at_every_length)
{
	struct siv *s = siv_new();
	uint8_t key[SIV_KEY_MAX], ads[100], text[100], ours[116], theirs[116];

	for (size_t i = 0; i < sizeof(ads); i++) {
		key[i % sizeof(key)] = (uint8_t)(i * 7 + 1);
		ads[i] = (uint8_t)(i * 5);
		text[i] = (uint8_t)(i * 3 + 2);
	}
	for (size_t i = 0; i < NELEMS(sizes); i++) {
		for (size_t len = 1; len <= sizeof(text); len++) {
			struct octets ad = { ads, (len * 13) % 100 + 1 };

			ck_assert(siv_seal(s, sizes[i].aead, key, &ad, 1, text, len, ours));
			by_library(sizes[i].name, key, ad, text, len, theirs);
			ck_assert_mem_eq(ours, theirs, len + SIV_TAG_LEN);
		}
	}
	siv_free(s);
}
END_TEST

START_TEST(an_empty_text_has_a_tag_that_covers_the_rest)
{
	struct siv *s = siv_new();
	uint8_t key[SIV_KEY_MAX] = { 1 }, ads[] = { 1, 2, 3 }, out[SIV_TAG_LEN];

	for (size_t i = 0; i < NELEMS(sizes); i++) {
		struct octets ad[] = { { ads, 3 }, { ads, 2 } };

		ck_assert(siv_seal(s, sizes[i].aead, key, ad, 2, NULL, 0, out));
		ck_assert(siv_open(s, sizes[i].aead, key, ad, 2, out, sizeof(out), NULL));
		ad[1].len = 1;
		ck_assert(!siv_open(s, sizes[i].aead, key, ad, 2, out, sizeof(out), NULL));
	}
	siv_free(s);
}
END_TEST

START_TEST(any_bit_that_is_changed_is_seen_and_nothing_is_given_away)
{
	struct siv *s = siv_new();
	uint8_t key[SIV_KEY_MAX] = { 9 }, ads[20] = { 3 }, text[24], out[40], back[24], zero[24] = { 0 };
	const struct octets ad = { ads, sizeof(ads) };

	memset(text, 0x55, sizeof(text));
	ck_assert(siv_seal(s, AEAD_SIV_256, key, &ad, 1, text, sizeof(text), out));
	for (size_t bit = 0; bit < 8 * (sizeof(out) + sizeof(ads)); bit++) {
		uint8_t *at = bit / 8 < sizeof(out) ? &out[bit / 8] : &ads[bit / 8 - sizeof(out)];

		*at ^= (uint8_t)(1 << bit % 8);
		memset(back, 0xee, sizeof(back));
		ck_assert(!siv_open(s, AEAD_SIV_256, key, &ad, 1, out, sizeof(out), back));
		ck_assert_mem_eq(back, zero, sizeof(back));
		*at ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert(siv_open(s, AEAD_SIV_256, key, &ad, 1, out, sizeof(out), back));
	for (size_t len = 0; len < SIV_TAG_LEN; len++)
		ck_assert(!siv_open(s, AEAD_SIV_256, key, &ad, 1, out, len, back));
	siv_free(s);
}
END_TEST

START_TEST(names_and_numbers_of_algorithms_are_known)
{
	struct siv *s = siv_new();
	uint8_t key[SIV_KEY_MAX] = { 0 }, out[SIV_TAG_LEN];

	ck_assert_uint_eq(siv_by_name("AES_SIV_CMAC_256"), AEAD_SIV_256);
	ck_assert_uint_eq(siv_by_name("AES_SIV_CMAC_384"), AEAD_SIV_384);
	ck_assert_uint_eq(siv_by_name("AES_SIV_CMAC_512"), AEAD_SIV_512);
	ck_assert_uint_eq(siv_by_name("AES_SIV_CMAC_1024"), 0);
	ck_assert_uint_eq(siv_key_len(AEAD_SIV_512), 64);
	ck_assert_uint_eq(siv_key_len(1), 0);
	ck_assert(!siv_seal(s, 1, key, NULL, 0, NULL, 0, out));
	siv_free(s);
	siv_free(NULL);
}
END_TEST

UNIT_MAIN("nts/siv", vectors_of_rfc_5297_are_met, all_sizes_agree_with_the_librarys_at_every_length, an_empty_text_has_a_tag_that_covers_the_rest,
    any_bit_that_is_changed_is_seen_and_nothing_is_given_away, names_and_numbers_of_algorithms_are_known)
