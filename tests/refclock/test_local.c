/* SPDX-License-Identifier: BSD-2-Clause */
/* LOCAL, asked through the front door of the room. */
#include <string.h>
#include <sys/timex.h>

#include "base/ntp.h"
#include "refclock/driver.h"
#include "sysclock/sysclock.h"
#include "../unit.h"

START_TEST(our_own_clock_agrees_with_itself_however_it_is_steered)
{
	struct sysclock *clock = sysclock_software();
	const struct refclock_env env = { .clock = clock };
	struct refclock_opts o = refclock_defaults;
	struct clock_answer a;
	struct refclock *c;

	ck_assert_ptr_nonnull(clock);
	o.type = REFCLOCK_LOCAL;
	o.unit = 3;
	o.time1 = 0.25;
	c = refclock_open(&env, &o);
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(refclock_info(c)->name, "LOCAL(3)");
	ck_assert_uint_eq(refclock_info(c)->stratum, 5);
	for (int i = 0; i < 3; i++) {
		refclock_ask(c, 0, &a);
		ck_assert(a.have && !a.alarm);
		ck_assert_double_eq_tol(a.sample.offset, 0.25, 1e-6);
		ck_assert_double_le(a.sample.disp, 1e-5);
		ck_assert_int_eq(a.leap, LEAP_NONE);
		ck_assert_int_eq(sysclock_step(clock, monotime_now(), 100), 0);
	}
	ck_assert_uint_eq(refclock_info(c)->polls, 3);
	ck_assert_uint_eq(refclock_info(c)->noreply, 0);
	refclock_close(c);
	sysclock_free(clock);
}
END_TEST

START_TEST(with_flag1_the_kernel_says_what_it_is_worth)
{
	ck_assert_uint_eq(local_leap(TIME_OK, 0), LEAP_NONE);
	ck_assert_uint_eq(local_leap(TIME_INS, 0), LEAP_INSERT);
	ck_assert_uint_eq(local_leap(TIME_DEL, 0), LEAP_DELETE);
	ck_assert_uint_eq(local_leap(TIME_ERROR, STA_UNSYNC), LEAP_UNSYNC);
	ck_assert_uint_eq(local_leap(TIME_OK, STA_UNSYNC), LEAP_UNSYNC);
	ck_assert_uint_eq(local_leap(-1, 0), LEAP_UNSYNC);
}
END_TEST

START_TEST(there_is_no_clock_without_a_driver)
{
	struct refclock_opts o = refclock_defaults;
	const struct refclock_env env = { 0 };

	o.type = 3;
	ck_assert_ptr_null(refclock_open(&env, &o));
	o.type = 99;
	ck_assert_ptr_null(refclock_open(&env, &o));
}
END_TEST

/* The inventory of ntpd's and NTPsec's drivers: every type is known, those that are ours have all that a driver needs. */
START_TEST(the_table_is_whole)
{
	static const struct { uint8_t type; enum refclock_standing standing; const char *name; } rows[] = {
		{ 1, REFCLOCK_HERE, "local" }, { 20, REFCLOCK_HERE, "nmea" }, { 22, REFCLOCK_HERE, "pps" }, { 28, REFCLOCK_HERE, "shm" },
		{ 46, REFCLOCK_HERE, "gpsd" }, { 8, REFCLOCK_HERE, "generic" }, { 4, REFCLOCK_HERE, "spectracom" }, { 5, REFCLOCK_HERE, "truetime" },
		{ 11, REFCLOCK_HERE, "arbiter" }, { 18, REFCLOCK_HERE, "modem" }, { 26, REFCLOCK_HERE, "hpgps" }, { 29, REFCLOCK_HERE, "trimble" },
		{ 30, REFCLOCK_HERE, "oncore" }, { 40, REFCLOCK_HERE, "jjy" }, { 42, REFCLOCK_HERE, "zyfer" },
	};
	static const uint8_t relics[] = { 3, 6, 7, 9, 10, 12, 16, 19, 27, 31, 32, 33, 34, 35, 36, 37, 38, 39, 43, 44, 45 };

	for (size_t i = 0; i < NELEMS(rows); i++) {
		ck_assert_int_eq(refclock_standing(rows[i].type), rows[i].standing);
		ck_assert_int_eq(refclock_type_of(rows[i].name), rows[i].type);
	}
	for (size_t i = 0; i < NELEMS(relics); i++)
		ck_assert_int_eq(refclock_standing(relics[i]), REFCLOCK_RELIC);
	for (size_t i = 0; i < refclock_table_len; i++) {
		const struct refclock_driver *d = &refclock_table[i];

		ck_assert_ptr_eq(refclock_driver(d->type), d);
		ck_assert_ptr_nonnull(d->abbrev);
		if (d->standing == REFCLOCK_HERE)
			ck_assert(d->name != NULL && d->open != NULL && d->close != NULL && d->device != NULL && d->refid != 0 && d->source != 0);
	}
	ck_assert_int_eq(refclock_standing(99), REFCLOCK_UNKNOWN);
	ck_assert_int_eq(refclock_type_of("sundial"), -1);
}
END_TEST

UNIT_MAIN("refclock/local", our_own_clock_agrees_with_itself_however_it_is_steered, with_flag1_the_kernel_says_what_it_is_worth,
    there_is_no_clock_without_a_driver, the_table_is_whole)
