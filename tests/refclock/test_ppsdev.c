/* SPDX-License-Identifier: BSD-2-Clause */
/* Which edge of a pulse counts, and that each counts once. */
#include <linux/pps.h>

#include "refclock/ppsdev.h"
#include "../unit.h"

static const struct pps_fdata both = { .info = {
	.assert_sequence = 5, .clear_sequence = 9, .assert_tu = { .sec = 1800000000, .nsec = 250 }, .clear_tu = { .sec = 1800000000, .nsec = 100000250 },
} };

START_TEST(the_edge_asked_for_is_taken_once)
{
	struct walltime t;
	unsigned seq = 4;

	ck_assert(ppsdev_edge(&both, false, &seq, &t));
	ck_assert_int_eq(t.ns, INT64_C(1800000000000000250));
	ck_assert(!ppsdev_edge(&both, false, &seq, &t));
	seq = 4;
	ck_assert(ppsdev_edge(&both, true, &seq, &t));
	ck_assert_int_eq(t.ns, INT64_C(1800000000100000250));
	ck_assert_uint_eq(seq, 9);
}
END_TEST

START_TEST(a_stamp_that_is_none_is_not_taken)
{
	struct pps_fdata d = both;
	struct walltime t = { 77 };
	unsigned seq = 4;

	d.info.assert_tu.nsec = NS_PER_S;
	ck_assert(!ppsdev_edge(&d, false, &seq, &t));
	d.info.assert_tu.nsec = -1;
	ck_assert(!ppsdev_edge(&d, false, &seq, &t));
	d.info.assert_tu = (struct pps_ktime){ .sec = 0 };
	ck_assert(!ppsdev_edge(&d, false, &seq, &t));
	d.info.assert_tu = (struct pps_ktime){ .sec = 1800000000, .flags = PPS_TIME_INVALID };
	ck_assert(!ppsdev_edge(&d, false, &seq, &t));
	ck_assert_int_eq(t.ns, 77);
	ck_assert_uint_eq(seq, 4);
}
END_TEST

UNIT_MAIN("refclock/ppsdev", the_edge_asked_for_is_taken_once, a_stamp_that_is_none_is_not_taken)
