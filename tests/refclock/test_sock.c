/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples as they are sent to chronyd's socket. */
#include <string.h>

#include "refclock/sock.h"
#include "../unit.h"

static const struct sock_sample sound = { .tv = { 1800000000, 250000 }, .offset = -0.5, .leap = 1, .magic = SOCK_MAGIC };

START_TEST(a_sample_is_read)
{
	struct sock_values v;

	ck_assert(sock_parse(&sound, sizeof(sound), &v));
	ck_assert_int_eq(v.host.ns, INT64_C(1800000000250000000));
	ck_assert_int_eq(v.ref.ns, INT64_C(1799999999750000000));
	ck_assert_int_eq(v.leap, 1);
	ck_assert(!v.pulse);
}
END_TEST

START_TEST(what_is_no_sample_is_refused)
{
	struct sock_values v = { .leap = 77 };
	struct sock_sample bad[9];
	char longer[sizeof(sound) + 1] = { 0 };

	for (int i = 0; i < 9; i++)
		bad[i] = sound;
	bad[0].magic++;
	bad[1].tv.tv_usec = 1000000;
	bad[2].tv.tv_usec = -1;
	bad[3].tv.tv_sec = -1;
	bad[4].tv.tv_sec = INT64_MAX;
	bad[5].offset = NAN;
	bad[6].offset = INFINITY;
	bad[7].offset = 1e10;
	bad[8].leap = 4;
	for (int i = 0; i < 9; i++)
		ck_assert_msg(!sock_parse(&bad[i], sizeof(bad[i]), &v), "row %d", i);
	ck_assert(!sock_parse(&sound, sizeof(sound) - 1, &v));
	memcpy(longer, &sound, sizeof(sound));
	ck_assert(!sock_parse(longer, sizeof(longer), &v));
	ck_assert(!sock_parse("", 0, &v));
	ck_assert_int_eq(v.leap, 77);
}
END_TEST

UNIT_MAIN("refclock/sock", a_sample_is_read, what_is_no_sample_is_refused)
