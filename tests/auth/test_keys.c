/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys file, line by line, and MACs against published vectors. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"
#include "../unit.h"

struct heard {
	unsigned	errors, warnings, line;
	char		text[256];	/* of the last error, else of the last warning */
};

static void
hear(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	struct heard *h = arg;

	(void)file;
	h->errors += error;
	h->warnings += !error;
	h->line = line != 0 ? line : h->line;
	snprintf(h->text, sizeof(h->text), "%s", text);
}

static struct keys *
parse(const char *text, struct heard *h)
{
	*h = (struct heard){ 0 };
	return keys_parse("keys", text, strlen(text), hear, h);
}

START_TEST(keys_of_every_kind_are_read)
{
	static const char text[] =
	    "# comment\n"
	    "1 MD5 aSecretOfTwelve\n"
	    "\n"
	    "  2\tSHA1\t0123456789abcdef0123456789abcdef01234567 # forty digits\r\n"
	    "3 M anotherSecret\n"
	    "4 SHA256 0123456789abcdef0123456789abcdef\n"
	    "5 AES128CMAC 0123456789abcdef0123456789abcdef\n"
	    "6 SHA-1 aSecretOfTwelve\n"
	    "65535 AES 0123456789ABCDEF0123456789ABCDEF";
	static const struct { uint32_t id; size_t mac_len; } rows[] = { { 1, 20 }, { 2, 24 }, { 3, 20 }, { 4, 24 }, { 5, 20 }, { 6, 24 }, { 65535, 20 } };
	struct heard h;
	struct keys *k = parse(text, &h);

	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(h.errors + h.warnings, 0);
	ck_assert_uint_eq(keys_count(k), NELEMS(rows));
	ck_assert_ptr_null(keys_find(k, 1));	/* there, but not trusted */
	keys_trust(k, 1, 65535);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		ck_assert_ptr_nonnull(keys_find(k, rows[i].id));
		ck_assert_uint_eq(key_mac_len(keys_find(k, rows[i].id)), rows[i].mac_len);
	}
	ck_assert_ptr_null(keys_find(k, 0));
	ck_assert_ptr_null(keys_find(k, 7));
	ck_assert_ptr_null(keys_find(k, 65536));
	ck_assert_ptr_null(keys_find(k, UINT32_MAX));
	ck_assert_ptr_null(keys_find(NULL, 1));
	keys_free(k);
}
END_TEST

START_TEST(a_bad_line_is_named_and_the_file_refused)
{
	static const struct { const char *text; unsigned line; } rows[] = {
		{ "0 MD5 aSecretOfTwelve\n", 1 }, { "65536 MD5 aSecretOfTwelve\n", 1 }, { "x MD5 aSecretOfTwelve\n", 1 }, { "\n1 MD5\n", 2 },
		{ "1 NOSUCHDIGEST aSecretOfTwelve\n", 1 }, { "1 MD5 0123456789abcdef0123456789abcde\n", 1 }, { "1 MD5 0123456789abcdefg123456789abcdef\n", 1 },
		{ "1 MD5 aSecretOfTwelve\n1 SHA1 aSecretOfTwelve\n", 2 }, { "1 MD5 aSecretOfTwelve nowhere\n", 1 },
		{ "1 AES128CMAC 0123456789abcdef0123456789abcdef00\n", 1 }, { "1 MD5 aSecretOfTwelve 192.0.2.0/129\n", 1 },
		{ "-1 MD5 aSecretOfTwelve\n", 1 },
	};
	struct heard h;

	for (size_t i = 0; i < NELEMS(rows); i++) {
		ck_assert_msg(parse(rows[i].text, &h) == NULL, "row %zu", i);
		ck_assert_msg(h.errors == 2 && h.line == rows[i].line, "row %zu: %u errors, line %u", i, h.errors, h.line);
	}
}
END_TEST

START_TEST(long_lines_and_nuls_are_refused)
{
	char text[1024];
	struct heard h = { 0 };

	memset(text, 'a', sizeof(text));
	ck_assert_ptr_null(keys_parse("keys", text, sizeof(text), hear, &h));
	ck_assert_ptr_null(keys_parse("keys", "1 MD5 a\0b\n", 10, hear, &h));
}
END_TEST

START_TEST(weak_secrets_are_warned_about)
{
	struct heard h;
	struct keys *k = parse("1 MD5 short\n2 AES128CMAC tenCharact\n", &h);

	ck_assert_ptr_nonnull(k);
	ck_assert_uint_eq(h.warnings, 2);
	keys_free(k);
}
END_TEST

/* The digest is over the secret and then the message; these are what md5sum and sha1sum say of "secretsecretmessage". */
START_TEST(digests_are_over_secret_and_message)
{
	static const uint8_t md5[20] = { 0, 0, 0, 1, 0x7b, 0x74, 0x2c, 0xc3, 0x02, 0x2b, 0xd4, 0x3b, 0x64, 0x76, 0xaf, 0xde, 0x43, 0x4c, 0xa7, 0xcb };
	static const uint8_t sha1[24] = { 0, 0, 0, 2, 0xa8, 0x63, 0x3f, 0xf7, 0x7c, 0x1c, 0xb1, 0x91, 0x84, 0x7a, 0x4f, 0xfe, 0xd4, 0x78, 0x0d, 0x19,
		0xd2, 0x8c, 0x13, 0x23 };
	struct heard h;
	struct keys *k = parse("1 MD5 secretsecret\n2 SHA1 secretsecret\n", &h);
	uint8_t mac[MAC_MAX];

	keys_trust(k, 1, 2);
	ck_assert_uint_eq(key_sign(keys_find(k, 1), (const uint8_t *)"message", 7, mac), 20);
	ck_assert_mem_eq(mac, md5, 20);
	ck_assert_uint_eq(key_sign(keys_find(k, 2), (const uint8_t *)"message", 7, mac), 24);
	ck_assert_mem_eq(mac, sha1, 24);
	keys_free(k);
}
END_TEST

/* RFC 4493 section 4, examples 1 to 4. */
START_TEST(cmac_is_that_of_rfc_4493)
{
	static const uint8_t msg[64] = {
		0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
		0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
		0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef,
		0xf6, 0x9f, 0x24, 0x45, 0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10,
	};
	static const struct { size_t len; uint8_t tag[16]; } rows[] = {
		{ 0, { 0xbb, 0x1d, 0x69, 0x29, 0xe9, 0x59, 0x37, 0x28, 0x7f, 0xa3, 0x7d, 0x12, 0x9b, 0x75, 0x67, 0x46 } },
		{ 16, { 0x07, 0x0a, 0x16, 0xb4, 0x6b, 0x4d, 0x41, 0x44, 0xf7, 0x9b, 0xdd, 0x9d, 0xd0, 0x4a, 0x28, 0x7c } },
		{ 40, { 0xdf, 0xa6, 0x67, 0x47, 0xde, 0x9a, 0xe6, 0x30, 0x30, 0xca, 0x32, 0x61, 0x14, 0x97, 0xc8, 0x27 } },
		{ 64, { 0x51, 0xf0, 0xbe, 0xbf, 0x7e, 0x3b, 0x9d, 0x92, 0xfc, 0x49, 0x74, 0x17, 0x79, 0x36, 0x3c, 0xfe } },
	};
	struct heard h;
	struct keys *k = parse("9 AES128CMAC 2b7e151628aed2a6abf7158809cf4f3c\n", &h);
	uint8_t mac[MAC_MAX];

	keys_trust(k, 9, 9);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		ck_assert_uint_eq(key_sign(keys_find(k, 9), msg, rows[i].len, mac), 20);
		ck_assert_mem_eq(mac + 4, rows[i].tag, 16);
		ck_assert(key_verify(keys_find(k, 9), msg, rows[i].len, mac, 20));
	}
	keys_free(k);
}
END_TEST

START_TEST(only_the_very_mac_is_accepted)
{
	struct heard h;
	struct keys *k = parse("1 SHA1 aSecretOfTwelve\n2 SHA1 bSecretOfTwelve\n3 SHA512 aSecretOfTwelve\n", &h);
	uint8_t msg[48] = { 0x23 }, mac[MAC_MAX], bad[MAC_MAX];

	keys_trust(k, 1, 3);
	ck_assert_uint_eq(key_sign(keys_find(k, 1), msg, sizeof(msg), mac), 24);
	ck_assert(key_verify(keys_find(k, 1), msg, sizeof(msg), mac, 24));
	ck_assert(!key_verify(keys_find(k, 2), msg, sizeof(msg), mac, 24));
	ck_assert(!key_verify(keys_find(k, 3), msg, sizeof(msg), mac, 24));
	ck_assert(!key_verify(keys_find(k, 1), msg, sizeof(msg), mac, 20));
	for (size_t i = 0; i < 24 * 8; i++) {
		memcpy(bad, mac, sizeof(bad));
		bad[i / 8] = (uint8_t)(bad[i / 8] ^ 1u << i % 8);
		ck_assert(!key_verify(keys_find(k, 1), msg, sizeof(msg), bad, 24));
	}
	msg[47] = 1;
	ck_assert(!key_verify(keys_find(k, 1), msg, sizeof(msg), mac, 24));
	keys_free(k);
}
END_TEST

START_TEST(a_key_may_be_bound_to_addresses)
{
	static const struct { const char *addr; bool yes; } rows[] = {
		{ "192.0.2.1", true }, { "192.0.2.2", false }, { "198.51.100.77", true }, { "2001:db8::5", true }, { "2001:db9::5", false },
	};
	struct heard h;
	struct keys *k = parse("1 SHA1 aSecretOfTwelve 192.0.2.1,198.51.100.0/24,2001:db8::/32\n2 SHA1 aSecretOfTwelve\n", &h);

	ck_assert_ptr_nonnull(k);
	keys_trust(k, 1, 2);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct addr a;

		ck_assert(addr_parse(&a, rows[i].addr, 0));
		ck_assert_msg(key_allows(keys_find(k, 1), &a) == rows[i].yes, "%s", rows[i].addr);
		ck_assert(key_allows(keys_find(k, 2), &a));
	}
	keys_free(k);
}
END_TEST

START_TEST(files_others_may_write_are_refused)
{
	char path[] = "/tmp/truechimer-keys.XXXXXX";
	static const struct { mode_t mode; bool used; unsigned warnings; } rows[] = {
		{ 0600, true, 0 }, { 0604, true, 1 }, { 0602, false, 0 }, { 0620, false, 0 },
	};
	int fd = mkstemp(path);
	struct heard h;
	struct keys *k;

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, "1 SHA1 aSecretOfTwelve\n", 23), 23);
	close(fd);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		h = (struct heard){ 0 };
		ck_assert_int_eq(chmod(path, rows[i].mode), 0);
		k = keys_load(path, hear, &h);
		ck_assert_msg((k != NULL) == rows[i].used && h.warnings == rows[i].warnings, "mode %o", (unsigned)rows[i].mode);
		keys_free(k);
	}
	unlink(path);
	ck_assert_ptr_null(keys_load(path, hear, &h));
	ck_assert_str_eq(h.text, "the keys file cannot be opened: No such file or directory");
	ck_assert_ptr_null(keys_load("/tmp", hear, &h));
}
END_TEST

/* A copy lives on when the original is gone, signs alike, and trusts alike. */
START_TEST(a_copy_has_contexts_of_its_own)
{
	static const char text[] = "1 MD5 aSecretOfTwelve\n2 SHA256 0123456789abcdef0123456789abcdef\n3 AES128CMAC 0123456789abcdef0123456789abcdef\n"
	    "4 SHA1 aSecretOfTwelve\n";
	static const uint8_t msg[48] = "forty-eight octets of a request";
	uint8_t want[3][MAC_MAX], got[MAC_MAX];
	struct keys *k, *copy;
	struct heard h;

	k = parse(text, &h);
	ck_assert_ptr_nonnull(k);
	keys_trust(k, 1, 3);
	copy = keys_copy(k);
	ck_assert_ptr_nonnull(copy);
	for (uint32_t id = 1; id <= 3; id++)
		ck_assert_uint_ne(key_sign(keys_find(k, id), msg, sizeof(msg), want[id - 1]), 0);
	keys_free(k);
	ck_assert_uint_eq(keys_count(copy), 4);
	ck_assert_ptr_null(keys_find(copy, 4));
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t id = 1; id <= 3; id++) {
			size_t n = key_sign(keys_find(copy, id), msg, sizeof(msg), got);

			ck_assert_uint_eq(n, key_mac_len(keys_find(copy, id)));
			ck_assert_mem_eq(got, want[id - 1], n);
		}
	}
	keys_free(copy);
}
END_TEST

START_TEST(what_is_done_with_keys_is_counted)
{
	static const uint8_t msg[48] = { 0x23 };
	struct heard h;
	struct keys *k = parse("1 SHA1 aSecretOfTwelve\n2 AES 000102030405060708090a0b0c0d0e0f\n3 SHA1 notTrustedAtAll\n", &h), *next;
	const struct key *sha, *aes;
	struct keys_counts n;
	uint8_t mac[MAC_MAX];
	size_t len;

	keys_trust(k, 1, 2);
	sha = keys_find(k, 1);
	aes = keys_find(k, 2);
	ck_assert_ptr_null(keys_find(k, 3));
	ck_assert_ptr_null(keys_find(k, 4));
	len = key_sign(sha, msg, sizeof(msg), mac);
	ck_assert(key_verify(sha, msg, sizeof(msg), mac, len));
	ck_assert(!key_verify(sha, msg, 44, mac, len));
	ck_assert(!key_verify(aes, msg, sizeof(msg), mac, len));
	keys_get_counts(k, &n);
	ck_assert_uint_eq(n.lookups, 4);
	ck_assert_uint_eq(n.notfound, 2);
	ck_assert_uint_eq(n.digest_signed, 1);
	ck_assert_uint_eq(n.cmac_signed, 0);
	ck_assert_uint_eq(n.digest_checked, 2);
	ck_assert_uint_eq(n.digest_failed, 1);
	ck_assert_uint_eq(n.cmac_checked, 1);
	ck_assert_uint_eq(n.cmac_failed, 1);
	next = parse("1 SHA1 aSecretOfTwelve\n", &h);
	keys_follow(next, k);
	keys_free(k);
	keys_find(next, 1);
	keys_get_counts(next, &n);
	ck_assert_uint_eq(n.lookups, 5);
	keys_free(next);
	keys_get_counts(NULL, &n);
	ck_assert_uint_eq(n.lookups, 0);
}
END_TEST

/* A worker's copy counts by itself, and gives what it has counted when asked. */
START_TEST(what_copies_do_is_collected)
{
	static const uint8_t msg[48] = { 0x23 };
	struct heard h;
	struct keys *k = parse("1 SHA1 aSecretOfTwelve\n2 AES 000102030405060708090a0b0c0d0e0f\n", &h), *copy;
	struct keys_counts n;
	uint8_t mac[MAC_MAX];
	size_t len;

	keys_trust(k, 1, 2);
	copy = keys_copy(k);
	ck_assert_ptr_nonnull(copy);
	len = key_sign(keys_find(k, 1), msg, sizeof(msg), mac);
	ck_assert(key_verify(keys_find(copy, 1), msg, sizeof(msg), mac, len));
	ck_assert(!key_verify(keys_find(copy, 2), msg, sizeof(msg), mac, len));
	ck_assert_uint_ne(key_sign(keys_find(copy, 2), msg, sizeof(msg), mac), 0);
	ck_assert_ptr_null(keys_find(copy, 3));
	keys_get_counts(k, &n);
	ck_assert_uint_eq(n.lookups, 1);
	for (int turn = 0; turn < 2; turn++) {	/* the second time there is nothing new */
		keys_collect(k, copy);
		keys_get_counts(k, &n);
		ck_assert_uint_eq(n.lookups, 5);
		ck_assert_uint_eq(n.notfound, 1);
		ck_assert_uint_eq(n.digest_signed, 1);
		ck_assert_uint_eq(n.cmac_signed, 1);
		ck_assert_uint_eq(n.digest_checked, 1);
		ck_assert_uint_eq(n.digest_failed, 0);
		ck_assert_uint_eq(n.cmac_checked, 1);
		ck_assert_uint_eq(n.cmac_failed, 1);
	}
	keys_collect(NULL, copy);
	keys_collect(k, NULL);
	keys_free(copy);
	keys_free(k);
}
END_TEST

UNIT_MAIN("auth/keys", what_copies_do_is_collected, a_copy_has_contexts_of_its_own, what_is_done_with_keys_is_counted, keys_of_every_kind_are_read, a_bad_line_is_named_and_the_file_refused, long_lines_and_nuls_are_refused,
    weak_secrets_are_warned_about, digests_are_over_secret_and_message, cmac_is_that_of_rfc_4493, only_the_very_mac_is_accepted,
    a_key_may_be_bound_to_addresses, files_others_may_write_are_refused)
