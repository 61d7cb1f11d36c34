/* SPDX-License-Identifier: BSD-2-Clause */
/* The system snapshot as it ages (RFC 5905 section 11.1). */
#include "engine/sysvars.h"
#include "../unit.h"

static struct monotime
at(double s)
{
	return (struct monotime){ (int64_t)(s * 1e9) };
}

START_TEST(at_first_it_claims_nothing)
{
	struct sysvars s;

	sysvars_init(&s, -20);
	ck_assert_int_eq(s.leap, LEAP_UNSYNC);
	ck_assert_int_eq(s.stratum, STRATUM_UNSYNC);
	ck_assert_uint_eq(s.refid, REFID_INIT);
	ck_assert_int_eq(s.precision, -20);
	ck_assert_uint_eq(s.peer, 0);
	ck_assert_int_eq(s.reftime.ns, 0);
	/* Never updated: nothing to age. */
	ck_assert_double_eq(sysvars_rootdisp(&s, at(1e6)), 0);
}
END_TEST

START_TEST(root_dispersion_grows_from_the_last_update)
{
	struct sysvars s;

	sysvars_init(&s, -20);
	s.updated = at(1000);
	s.rootdisp = 0.010;
	s.rootdelay = 0.040;
	ck_assert_double_eq_tol(sysvars_rootdisp(&s, at(1000)), 0.010, 1e-12);
	ck_assert_double_eq_tol(sysvars_rootdisp(&s, at(2000)), 0.010 + 0.015, 1e-12);
	ck_assert_double_eq_tol(sysvars_rootdist(&s, at(2000)), 0.020 + 0.025, 1e-12);
	s.disp_rate = 1e-3;
	ck_assert_double_eq_tol(sysvars_rootdisp(&s, at(2000)), 1.010, 1e-12);
}
END_TEST

START_TEST(it_never_shrinks_and_stops_at_the_limit)
{
	struct sysvars s;

	sysvars_init(&s, -20);
	s.updated = at(1000);
	s.rootdisp = 0.010;
	ck_assert_double_eq_tol(sysvars_rootdisp(&s, at(999)), 0.010, 1e-12);
	ck_assert_double_eq(sysvars_rootdisp(&s, at(1000 + 2e6)), DISP_MAX);
}
END_TEST

UNIT_MAIN("engine/sysvars", at_first_it_claims_nothing, root_dispersion_grows_from_the_last_update, it_never_shrinks_and_stops_at_the_limit)
