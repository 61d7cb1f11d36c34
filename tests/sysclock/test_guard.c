/* SPDX-License-Identifier: BSD-2-Clause */
/* What the keeper permits, over days. */
#include "sysclock/guard.h"
#include "../unit.h"

#define DAY	86400.0

static const struct clock_bounds usual = { .panic = 1000, .stepout = 300, .slew_max = 500e-6, .slew_start = 0.08 };

static struct monotime
at(double seconds)
{
	return monotime_add((struct monotime){ 1 }, seconds);
}

static struct guard
fresh(const struct clock_bounds *b)
{
	struct guard g;

	ck_assert(guard_init(&g, b));
	return g;
}

static bool
step(struct guard *g, double now, double offset)
{
	bool may = guard_permits_step(g, at(now), (struct walltime){ INT64_C(1700000000) * NS_PER_S }, offset);

	if (may)
		guard_stepped(g, at(now), offset);
	return may;
}

/* Slews as a keeper does; returns the rate. */
static double
slew(struct guard *g, double now, double rate, double offset)
{
	struct steer s = { .slew = copysign(rate, offset), .offset = offset };

	ck_assert(guard_cut(g, at(now), &s));
	guard_ran(g, at(now), &s, s.slew);
	return fabs(s.slew);
}

START_TEST(bounds_that_are_none_are_refused)
{
	struct clock_bounds b = usual;
	struct guard g;

	b.panic = -1;
	ck_assert(!guard_init(&g, &b));
	b.panic = NAN;
	ck_assert(!guard_init(&g, &b));
	b = usual;
	b.slew_start = 0.2;
	ck_assert(!guard_init(&g, &b));
	b = usual;
	b.stepout = INFINITY;
	ck_assert(!guard_init(&g, &b));
}
END_TEST

START_TEST(the_steps_of_a_day_are_no_larger_than_one)
{
	struct guard g = fresh(&usual);

	ck_assert(!step(&g, 0, 1000.1));
	ck_assert(!step(&g, 0, -1000.1));
	ck_assert(step(&g, 0, 400));
	ck_assert(step(&g, 400, -400));
	ck_assert(!step(&g, 800, 201));
	ck_assert(step(&g, 800, 200));
	ck_assert(!step(&g, DAY - 1, 1));
	ck_assert(step(&g, DAY + 3601, 1));
}
END_TEST

START_TEST(steps_come_no_more_often_than_stepout)
{
	struct guard g = fresh(&usual);

	ck_assert(step(&g, 5, 1));
	ck_assert(!step(&g, 6, 1));
	ck_assert(!step(&g, 5 + 289, 1));
	ck_assert(step(&g, 5 + 300, 1));
	ck_assert(!step(&g, 5 + 301, 1));
}
END_TEST

START_TEST(only_the_first_correction_may_be_of_any_size)
{
	struct clock_bounds b = usual;
	struct guard g;

	b.panic_once = true;
	g = fresh(&b);
	ck_assert(step(&g, 0, 4e8));
	ck_assert(!step(&g, 400, 1001));
	ck_assert(step(&g, 400, 999));		/* the first one is not summed */
	/* A slew spends it, too. */
	g = fresh(&b);
	ck_assert_double_eq(slew(&g, 0, 1e-4, 0.01), 1e-4);
	ck_assert(!step(&g, 400, 4e8));
	/* What is no correction does not. */
	g = fresh(&b);
	ck_assert_double_eq(slew(&g, 0, 0, 0), 0);
	ck_assert(step(&g, 400, 4e8));
	/* Without a panic threshold there is none. */
	b.panic_once = false;
	b.panic = 0;
	g = fresh(&b);
	ck_assert(step(&g, 0, 4e8));
	ck_assert(step(&g, 400, -4e8));
}
END_TEST

START_TEST(no_step_leads_to_before_the_programs_making_or_out_of_the_calendar)
{
	struct clock_bounds b = usual;
	struct walltime now = { INT64_C(1700000000) * NS_PER_S };
	struct guard g;

	b.not_before.ns = now.ns - 100 * (int64_t)NS_PER_S;
	b.panic_once = true;
	g = fresh(&b);
	ck_assert(guard_permits_step(&g, at(0), now, -99));
	ck_assert(!guard_permits_step(&g, at(0), now, -101));
	ck_assert(guard_permits_step(&g, at(0), now, 1e9));
	ck_assert(!guard_permits_step(&g, at(0), now, 8e9));
	ck_assert(!guard_permits_step(&g, at(0), now, INFINITY));
	ck_assert(!guard_permits_step(&g, at(0), now, NAN));
}
END_TEST

START_TEST(fast_slews_of_a_day_come_to_no_more_than_the_panic_threshold)
{
	struct guard g = fresh(&usual);
	double moved = 0;

	for (double now = 0; now < DAY; now += 10)
		moved += 10 * slew(&g, now, 0.08, 5);
	ck_assert_double_le(moved, 1000 + DAY * 500e-6);
	ck_assert_double_ge(moved, 990);
	/* What a short one has really moved is what counts: 0.1 s each minute for half a day. */
	g = fresh(&usual);
	for (double now = 0; now < DAY / 2; now += 60) {
		ck_assert_double_eq(slew(&g, now, 0.08, 0.1), 0.08);
		slew(&g, now + 1.25, 0, 0);
	}
	/* Slow ones do not count. */
	g = fresh(&usual);
	for (double now = 0; now < 40 * DAY; now += 1000)
		slew(&g, now, 500e-6, 0.5);
	ck_assert_double_eq(slew(&g, 40 * DAY, 0.08, 0.1), 0.08);
}
END_TEST

START_TEST(rates_are_cut_and_nonsense_is_refused)
{
	struct guard g = fresh(&usual);
	struct steer s = { .freq = -1, .slew = 1, .offset = 1 };
	static const struct steer bad[] = {
		{ .freq = NAN }, { .slew = NAN, .offset = 1 }, { .slew = 1, .offset = NAN }, { .slew = 1, .offset = -1 }, { .freq = INFINITY },
	};

	ck_assert(guard_cut(&g, at(0), &s));
	ck_assert_double_eq(s.freq, -500e-6);
	ck_assert_double_eq(s.slew, 0.08);
	/* A slew of nothing would be a frequency beyond the bound. */
	s = (struct steer){ .slew = 0.08 };
	ck_assert(guard_cut(&g, at(0), &s));
	ck_assert_double_eq(s.slew, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = bad[i];
		ck_assert_msg(!guard_cut(&g, at(0), &s), "%zu", i);
	}
}
END_TEST

UNIT_MAIN("sysclock/guard", bounds_that_are_none_are_refused, the_steps_of_a_day_are_no_larger_than_one, steps_come_no_more_often_than_stepout,
    only_the_first_correction_may_be_of_any_size, no_step_leads_to_before_the_programs_making_or_out_of_the_calendar,
    fast_slews_of_a_day_come_to_no_more_than_the_panic_threshold, rates_are_cut_and_nonsense_is_refused)
