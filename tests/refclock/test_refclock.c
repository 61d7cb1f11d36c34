/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of a reading, whatever its driver. */
#include "base/ntp.h"
#include "refclock/driver.h"
#include "sysclock/sysclock.h"
#include "../unit.h"

/* As if one had been opened: only readings are given to it. */
static struct refclock
clock_of(struct sysclock *clock, uint8_t type)
{
	struct refclock c = { .driver = refclock_driver(type), .env = { .clock = clock }, .generation = sysclock_generation(clock) };

	readings_init(&c.readings);
	return c;
}

static void
read_now(struct refclock *c, double ahead)
{
	struct clockread now;

	sysclock_read(c->env.clock, &now);
	refclock_reading(c, walltime_add(now.wall, ahead), now.host, 0);
}

START_TEST(readings_make_a_sample_of_their_offset)
{
	struct sysclock *clock = sysclock_software();
	struct refclock c = clock_of(clock, REFCLOCK_NMEA);
	struct readings_sample s;

	for (int i = 0; i < 5; i++)
		read_now(&c, 0.25);
	ck_assert(readings_take(&c.readings, 0, &s));
	ck_assert_double_eq_tol(s.raw, 0.25, 1e-6);
	sysclock_free(clock);
}
END_TEST

/* A pulse that the kernel stamped before the clock was set an hour forward, and that is fetched after. */
START_TEST(the_first_reading_after_a_step_may_be_of_before_it_and_is_left_out)
{
	struct sysclock *clock = sysclock_software();
	struct refclock c = clock_of(clock, REFCLOCK_PPS);
	struct readings_sample s;

	read_now(&c, 0.25);
	read_now(&c, 0.25);
	ck_assert_uint_eq(c.readings.n, 2);
	ck_assert_int_eq(sysclock_step(clock, monotime_now(), 3600), 0);
	read_now(&c, 99);
	ck_assert_uint_eq(c.readings.n, 0);
	read_now(&c, 0.25);
	ck_assert_uint_eq(c.readings.n, 1);
	ck_assert(readings_take(&c.readings, 0, &s));
	ck_assert_double_eq_tol(s.raw, 0.25 + 3600, 1e-6);
	sysclock_free(clock);
}
END_TEST

START_TEST(our_own_clock_is_read_as_it_is_after_a_step_too)
{
	struct sysclock *clock = sysclock_software();
	struct refclock c = clock_of(clock, REFCLOCK_LOCAL);

	ck_assert_int_eq(sysclock_step(clock, monotime_now(), 3600), 0);
	read_now(&c, 0);
	ck_assert_uint_eq(c.readings.n, 1);
	sysclock_free(clock);
}
END_TEST

UNIT_MAIN("refclock", readings_make_a_sample_of_their_offset, the_first_reading_after_a_step_may_be_of_before_it_and_is_left_out,
    our_own_clock_is_read_as_it_is_after_a_step_too)
