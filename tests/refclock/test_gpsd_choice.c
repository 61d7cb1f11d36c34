/* SPDX-License-Identifier: BSD-2-Clause */
/* Serial line or pulse: what counts, and when that changes. */
#include "refclock/gpsd_choice.h"
#include "../unit.h"

static struct monotime
at(double s)
{
	return (struct monotime){ llround((1000 + s) * 1e9) };
}

/* A pulse each second from the one instant to before the other; how many of them counted. */
static unsigned
pulses(struct gpsd_choice *c, int from, int to)
{
	unsigned n = 0;

	for (int s = from; s < to; s++)
		n += gpsd_choice_pulse(c, at(s));
	return n;
}

START_TEST(a_mode_of_one_way_stays_with_it)
{
	struct gpsd_choice serial = { .mode = GPSD_SERIAL }, pulse = { .mode = GPSD_PULSE };

	ck_assert_uint_eq(pulses(&serial, 0, 100), 0);
	ck_assert(gpsd_choice_serial(&serial, at(100)));
	ck_assert(!gpsd_choice_serial(&pulse, at(0)));
	ck_assert_uint_eq(pulses(&pulse, 0, 100), 100);
	ck_assert(!gpsd_choice_serial(&pulse, at(1000)));
}
END_TEST

START_TEST(the_pulse_counts_after_40_s_of_it)
{
	struct gpsd_choice c = { .mode = GPSD_AUTO };

	ck_assert(gpsd_choice_serial(&c, at(0)));
	ck_assert_uint_eq(pulses(&c, 0, 40), 0);
	ck_assert(gpsd_choice_serial(&c, at(39.5)));
	ck_assert_uint_eq(pulses(&c, 40, 50), 10);
	ck_assert(!gpsd_choice_serial(&c, at(49.5)));
}
END_TEST

START_TEST(a_gap_begins_the_40_s_anew)
{
	struct gpsd_choice c = { .mode = GPSD_AUTO };

	ck_assert_uint_eq(pulses(&c, 0, 39), 0);
	ck_assert_uint_eq(pulses(&c, 43, 83), 0);
	ck_assert_uint_eq(pulses(&c, 83, 84), 1);
	/* A pulse or two may be missing. */
	c = (struct gpsd_choice){ .mode = GPSD_AUTO };
	ck_assert_uint_eq(pulses(&c, 0, 20), 0);
	ck_assert_uint_eq(pulses(&c, 22, 40), 0);
	ck_assert_uint_eq(pulses(&c, 40, 41), 1);
}
END_TEST

START_TEST(the_serial_line_counts_again_after_120_s_without_a_pulse)
{
	struct gpsd_choice c = { .mode = GPSD_AUTO };

	ck_assert_uint_eq(pulses(&c, 0, 41), 1);
	for (int s = 41; s < 160; s++)
		ck_assert(!gpsd_choice_serial(&c, at(s)));
	/* One that comes in time is one that counts. */
	ck_assert_uint_eq(pulses(&c, 159, 160), 1);
	ck_assert(!gpsd_choice_serial(&c, at(278)));
	ck_assert(gpsd_choice_serial(&c, at(281)));
	ck_assert_uint_eq(pulses(&c, 300, 340), 0);
	ck_assert(gpsd_choice_serial(&c, at(339.5)));
	ck_assert_uint_eq(pulses(&c, 340, 341), 1);
	ck_assert(!gpsd_choice_serial(&c, at(340.5)));
}
END_TEST

START_TEST(a_pulse_after_a_long_silence_counts_anew_though_nobody_asked_for_the_line)
{
	struct gpsd_choice c = { .mode = GPSD_AUTO };

	ck_assert_uint_eq(pulses(&c, 0, 41), 1);
	ck_assert_uint_eq(pulses(&c, 200, 240), 0);
	ck_assert_uint_eq(pulses(&c, 240, 241), 1);
}
END_TEST

UNIT_MAIN("gpsd_choice", a_mode_of_one_way_stays_with_it, the_pulse_counts_after_40_s_of_it, a_gap_begins_the_40_s_anew,
    the_serial_line_counts_again_after_120_s_without_a_pulse, a_pulse_after_a_long_silence_counts_anew_though_nobody_asked_for_the_line)
