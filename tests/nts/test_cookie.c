/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies, their keys, and the file of keys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nts/cookie.h"
#include "../unit.h"

#define NOW	INT64_C(1700000000)

static struct cookie_ring
ring_of_days(int days)
{
	struct cookie_ring r = { 0 };
	bool made;

	for (int i = 0; i < days; i++) {
		ck_assert(cookie_rotate(&r, NOW + (int64_t)i * COOKIE_DAY, &made));
		ck_assert(made);
	}
	return r;
}

static struct cookie_keys
some_keys(uint16_t aead)
{
	struct cookie_keys k = { .aead = aead };

	memset(k.c2s, 0xc2, siv_key_len(aead));
	memset(k.s2c, 0x52, siv_key_len(aead));
	return k;
}

START_TEST(what_is_sealed_is_opened)
{
	static const uint16_t aeads[] = { AEAD_SIV_256, AEAD_SIV_384, AEAD_SIV_512 };
	struct cookie_ring r = ring_of_days(1);
	struct siv *siv = siv_new();

	for (size_t i = 0; i < NELEMS(aeads); i++) {
		struct cookie_keys k = some_keys(aeads[i]), got = { 0 };
		uint8_t a[COOKIE_LEN_MAX], b[COOKIE_LEN_MAX];
		size_t len = cookie_seal(siv, &r, &k, a);

		ck_assert_uint_eq(len, cookie_len(aeads[i]));
		ck_assert_uint_eq(len % 4, 0);
		ck_assert_int_eq(cookie_open(siv, &r, (struct octets){ a, len }, &got), 0);
		ck_assert_uint_eq(got.aead, aeads[i]);
		ck_assert_mem_eq(got.c2s, k.c2s, siv_key_len(aeads[i]));
		ck_assert_mem_eq(got.s2c, k.s2c, siv_key_len(aeads[i]));
		/* Two cookies of the same keys have nothing in common that would tell so. */
		ck_assert_uint_eq(cookie_seal(siv, &r, &k, b), len);
		ck_assert_mem_ne(a + 4, b + 4, 16);
		ck_assert_mem_ne(a + 20, b + 20, 16);
	}
	siv_free(siv);
}
END_TEST

START_TEST(cookies_forged_flipped_cut_or_of_another_server_are_refused)
{
	struct cookie_ring r = ring_of_days(1), other = ring_of_days(1);
	struct cookie_keys k = some_keys(AEAD_SIV_256), got = { .aead = 4711 };
	struct siv *siv = siv_new();
	uint8_t c[COOKIE_LEN_MAX], odd[1024] = { 0 };
	size_t len = cookie_seal(siv, &r, &k, c);

	for (size_t bit = 0; bit < 8 * len; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(cookie_open(siv, &r, (struct octets){ c, len }, &got), bit < 32 ? COOKIE_UNKNOWN : COOKIE_BAD);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	memcpy(odd, c, len);
	for (size_t n = 0; n <= sizeof(odd); n++) {
		if (n != len)
			ck_assert_int_lt(cookie_open(siv, &r, (struct octets){ odd, n }, &got), 0);
	}
	ck_assert_int_eq(cookie_open(siv, &other, (struct octets){ c, len }, &got), COOKIE_UNKNOWN);
	other.key[0].id = r.key[0].id;
	ck_assert_int_eq(cookie_open(siv, &other, (struct octets){ c, len }, &got), COOKIE_BAD);
	ck_assert_uint_eq(got.aead, 4711);
	ck_assert_int_eq(cookie_open(siv, &r, (struct octets){ c, len }, &got), 0);
	siv_free(siv);
}
END_TEST

START_TEST(ten_keys_open_and_older_ones_are_gone)
{
	struct cookie_ring r = ring_of_days(1);
	struct cookie_keys k = some_keys(AEAD_SIV_256), got;
	struct siv *siv = siv_new();
	uint8_t c[COOKIE_LEN_MAX];
	size_t len = cookie_seal(siv, &r, &k, c);
	bool made;

	for (int day = 0; day < COOKIE_KEYS; day++) {
		ck_assert_int_eq(cookie_open(siv, &r, (struct octets){ c, len }, &got), day);
		ck_assert(cookie_rotate(&r, NOW + (day + 1) * COOKIE_DAY - 1, &made));
		ck_assert(!made);
		ck_assert(cookie_rotate(&r, NOW + (day + 1) * COOKIE_DAY, &made));
		ck_assert(made);
	}
	ck_assert_uint_eq(r.n, COOKIE_KEYS);
	ck_assert_int_eq(cookie_open(siv, &r, (struct octets){ c, len }, &got), COOKIE_UNKNOWN);
	siv_free(siv);
}
END_TEST

START_TEST(days_that_went_by_while_nobody_was_there_retire_keys_too)
{
	struct cookie_ring r = ring_of_days(2), before = r;
	bool made;

	ck_assert(cookie_rotate(&r, NOW - 500000, &made));	/* a clock that went back */
	ck_assert(!made);
	ck_assert_mem_eq(&r, &before, sizeof(r));
	ck_assert(cookie_rotate(&r, before.made + 4 * COOKIE_DAY + 5, &made));
	ck_assert(made);
	ck_assert_uint_eq(r.n, 6);
	ck_assert_uint_eq(r.key[4].id, before.key[0].id);
	ck_assert_int_eq(r.made, before.made + 4 * COOKIE_DAY);
	ck_assert(cookie_rotate(&r, NOW + 10000 * (int64_t)COOKIE_DAY, &made));
	ck_assert_uint_eq(r.n, COOKIE_KEYS);
	for (size_t i = 0; i < r.n; i++)
		ck_assert_uint_ne(r.key[i].id, before.key[0].id);
}
END_TEST

START_TEST(keys_go_to_a_file_and_come_back)
{
	struct cookie_ring r = ring_of_days(4), got;
	char text[COOKIE_FILE_MAX], again[COOKIE_FILE_MAX], path[] = "/tmp/test_cookie.XXXXXX";
	size_t len = cookie_format(&r, text);
	struct stat st;
	int fd;

	ck_assert(cookie_parse(&got, text, len));
	ck_assert_mem_eq(&got, &r, sizeof(r));
	ck_assert_uint_eq(cookie_format(&got, again), len);
	fd = mkstemp(path);
	ck_assert_int_ne(fd, -1);
	close(fd);
	ck_assert_int_eq(cookie_save(&r, path), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	got = (struct cookie_ring){ 0 };
	ck_assert_int_eq(cookie_load(&got, path), 0);
	ck_assert_mem_eq(&got, &r, sizeof(r));
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(cookie_load(&got, path), -1);
	ck_assert_int_eq(errno, EPERM);
	unlink(path);
	ck_assert_int_eq(cookie_load(&got, path), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_file_that_cannot_be_replaced_stays_as_it_was)
{
	struct cookie_ring r = ring_of_days(1);

	ck_assert_int_eq(cookie_save(&r, "/nowhere/at/all"), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(cookie_load(&r, "/dev/null"), -1);
	ck_assert_int_eq(errno, EILSEQ);
}
END_TEST

#define KEY32	"K: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

START_TEST(a_file_of_ntpsecs_form_is_read_and_anything_else_refused)
{
	static const char *const bad[] = {
		"", "T: 5\n", "T: 5\nL: 32\n", "L: 32\nT: 5\nI: 1\n" KEY32, "T: 5\nL: 16\nI: 1\n" KEY32, "T: x\nL: 32\nI: 1\n" KEY32,
		"T: 5\nL: 48\nI: 1\n" KEY32, "T: 5\nL: 32\nI: 1\n", "T: 5\nL: 32\nI: 1\nK: 00\n", "T: 5\nL: 32\nI: 1\n" KEY32 "I: 1\n" KEY32,
		"T: 5\nL: 32\nI: 100000000\n" KEY32, "T: 5\nL: 32\nI: 1\n" KEY32 "x", "T: -5\nL: 32\nI: 1\n" KEY32,
		"T: 5\nL: 32\nI: 1\nK: 0g0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
	};
	static const char good[] = "T: 1600000000\nL: 32\nI: 89abcdef\n" KEY32 "I: 00000001\n" KEY32;
	struct cookie_ring r = { .n = 3 };

	for (size_t i = 0; i < NELEMS(bad); i++) {
		ck_assert_msg(!cookie_parse(&r, bad[i], strlen(bad[i])), "row %zu", i);
		ck_assert_uint_eq(r.n, 3);
	}
	ck_assert(cookie_parse(&r, good, strlen(good)));
	ck_assert_uint_eq(r.n, 2);
	ck_assert_uint_eq(r.key[0].id, 0x89abcdef);
	ck_assert_uint_eq(r.key[1].key[31], 0x1f);
	ck_assert_int_eq(r.made, 1600000000);
}
END_TEST

UNIT_MAIN("nts/cookie", what_is_sealed_is_opened, cookies_forged_flipped_cut_or_of_another_server_are_refused, ten_keys_open_and_older_ones_are_gone,
    days_that_went_by_while_nobody_was_there_retire_keys_too, keys_go_to_a_file_and_come_back, a_file_that_cannot_be_replaced_stays_as_it_was,
    a_file_of_ntpsecs_form_is_read_and_anything_else_refused)
