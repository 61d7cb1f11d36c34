/* SPDX-License-Identifier: BSD-2-Clause */
/* Nonces: good for one address and port, for sixteen seconds, from one secret. */
#include <string.h>

#include "control/nonce.h"
#include "fixture.h"

static const struct nonce_secret secret = { { 1, 2, 3 } }, other = { { 1, 2, 4 } };
static const struct monotime now = { 100 * (int64_t)NS_PER_S };

static void
make(char out[static NONCE_DIGITS + 1])
{
	struct addr who = v4(192, 0, 2, 1, 40000);

	ck_assert(nonce_make(&secret, &who, now, out));
	ck_assert_uint_eq(strlen(out), NONCE_DIGITS);
}

START_TEST(a_nonce_is_good_for_under_sixteen_seconds)
{
	struct addr who = v4(192, 0, 2, 1, 40000);
	char n[NONCE_DIGITS + 1];

	make(n);
	ck_assert(nonce_check(&secret, &who, now, n, NONCE_DIGITS));
	ck_assert(nonce_check(&secret, &who, monotime_add(now, 15.9), n, NONCE_DIGITS));
	ck_assert(!nonce_check(&secret, &who, monotime_add(now, 16), n, NONCE_DIGITS));
	ck_assert(!nonce_check(&secret, &who, monotime_add(now, 17), n, NONCE_DIGITS));
	ck_assert(!nonce_check(&secret, &who, monotime_add(now, -1), n, NONCE_DIGITS));
}
END_TEST

START_TEST(a_nonce_of_another_address_port_or_run_is_worth_nothing)
{
	struct addr who = v4(192, 0, 2, 1, 40000), elsewhere = v4(192, 0, 2, 2, 40000), port = v4(192, 0, 2, 1, 40001);
	char n[NONCE_DIGITS + 1];

	make(n);
	ck_assert(nonce_check(&secret, &who, now, n, NONCE_DIGITS));
	ck_assert(!nonce_check(&secret, &elsewhere, now, n, NONCE_DIGITS));
	ck_assert(!nonce_check(&secret, &port, now, n, NONCE_DIGITS));
	ck_assert(!nonce_check(&other, &who, now, n, NONCE_DIGITS));
}
END_TEST

START_TEST(a_nonce_with_one_digit_changed_is_refused)
{
	struct addr who = v4(192, 0, 2, 1, 40000);
	char n[NONCE_DIGITS + 1];

	make(n);
	for (size_t i = 0; i < NONCE_DIGITS; i++) {
		char was = n[i];

		n[i] = was == '0' ? '1' : '0';
		ck_assert_msg(!nonce_check(&secret, &who, now, n, NONCE_DIGITS), "digit %zu", i);
		n[i] = was;
	}
	ck_assert(!nonce_check(&secret, &who, now, n, NONCE_DIGITS - 1));
	ck_assert(!nonce_check(&secret, &who, now, "", 0));
}
END_TEST

UNIT_MAIN("control/nonce", a_nonce_is_good_for_under_sixteen_seconds, a_nonce_of_another_address_port_or_run_is_worth_nothing,
    a_nonce_with_one_digit_changed_is_refused)
