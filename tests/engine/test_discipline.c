/* SPDX-License-Identifier: BSD-2-Clause */
/* When the discipline holds, slews, steps and gives up: the thresholds, not the tuning (RFC 5905 section 11.3). */
#include "base/ntp.h"
#include "engine/discipline.h"
#include "../unit.h"

#define INTERVAL	64.0	/* s */

static struct monotime
at(double s)
{
	return (struct monotime){ (int64_t)(s * 1e9) };
}

/* One update with a well-known offset and frequency. */
static struct decision
update(struct discipline *d, double when, double offset, double freq)
{
	struct estimate e = { .offset = offset, .freq = freq, .var = 1e-8, .freq_var = 1e-16 };
	struct decision out;

	discipline_update(d, at(when), &e, INTERVAL, &out);
	return out;
}

static struct discipline
fresh(const struct discipline_opts *o)
{
	struct discipline d;

	discipline_init(&d, o, at(1), false, 0);
	return d;
}

/* One that has made its first correction. */
static struct discipline
running(const struct discipline_opts *o)
{
	struct discipline d = fresh(o);

	ck_assert_int_eq(update(&d, 10, 0.0001, 0).what, DECIDE_SLEW);
	ck_assert_int_eq(update(&d, 74, 0.0001, 0).what, DECIDE_SLEW);
	return d;
}

START_TEST(the_drift_file_is_believed_within_the_bound)
{
	struct discipline d;

	discipline_init(&d, &discipline_defaults, at(1), false, 123e-6);
	ck_assert_int_eq(d.state, DISC_NSET);
	ck_assert_double_eq(d.freq, 0);
	discipline_init(&d, &discipline_defaults, at(1), true, 123e-6);
	ck_assert_int_eq(d.state, DISC_FSET);
	ck_assert_double_eq(d.freq, 123e-6);
	discipline_init(&d, &discipline_defaults, at(1), true, -1);
	ck_assert_double_eq(d.freq, -FREQ_MAX);
}
END_TEST

START_TEST(the_first_offset_above_the_threshold_is_stepped_at_once_and_one_below_is_slewed)
{
	struct discipline d = fresh(&discipline_defaults);
	struct decision out = update(&d, 10, 0.129, 20e-6);

	ck_assert_int_eq(out.what, DECIDE_STEP);
	ck_assert_double_eq(out.offset, 0.129);
	ck_assert_double_eq(out.freq, 20e-6);
	d = fresh(&discipline_defaults);
	ck_assert_int_eq(update(&d, 10, -0.129, 0).what, DECIDE_STEP);
	d = fresh(&discipline_defaults);
	ck_assert_int_eq(update(&d, 10, 0.127, 0).what, DECIDE_SLEW);
	d = fresh(&discipline_defaults);
	ck_assert_int_eq(update(&d, 10, -0.127, 0).what, DECIDE_SLEW);
}
END_TEST

START_TEST(later_a_large_offset_waits_for_the_stepout)
{
	struct discipline d = running(&discipline_defaults);
	struct decision out;

	for (double t = 138; t < 138 + 300; t += 64) {
		out = update(&d, t, 0.5, 0);
		ck_assert_int_eq(out.what, DECIDE_HOLD);
		ck_assert(out.spike);
		ck_assert_int_eq(d.state, DISC_SPIK);
	}
	ck_assert_int_eq(update(&d, 138 + 299.9, 0.5, 0).what, DECIDE_HOLD);
	out = update(&d, 138 + 300, 0.5, 0);
	ck_assert_int_eq(out.what, DECIDE_STEP);
	ck_assert_double_eq(out.offset, 0.5);
	ck_assert(!out.spike);
	ck_assert_int_ne(d.state, DISC_SPIK);
}
END_TEST

START_TEST(a_step_is_no_jitter)
{
	struct discipline d = running(&discipline_defaults);
	double before = d.jitter;

	(void)update(&d, 138, 0.5, 0);
	ck_assert_int_eq(update(&d, 138 + 300, 0.5, 0).what, DECIDE_STEP);
	ck_assert_double_le(d.jitter, before);
	ck_assert_double_eq(d.offset, 0);
	(void)update(&d, 138 + 364, 0.0001, 0);
	ck_assert_double_lt(d.jitter, 0.001);
}
END_TEST

START_TEST(a_spike_moves_nothing_and_the_next_one_waits_anew)
{
	struct discipline d = running(&discipline_defaults);
	struct discipline before = d;

	ck_assert_int_eq(update(&d, 138, 0.2, 300e-6).what, DECIDE_HOLD);
	ck_assert_double_eq(d.freq, before.freq);
	ck_assert_double_eq(d.offset, before.offset);
	ck_assert_double_eq(d.jitter, before.jitter);
	ck_assert_int_eq(update(&d, 202, 0.0001, 0).what, DECIDE_SLEW);
	ck_assert_int_eq(d.state, DISC_SYNC);
	/* 138 + 300 s is over, but this spike began at 420. */
	ck_assert_int_eq(update(&d, 420, 0.2, 0).what, DECIDE_HOLD);
	ck_assert_int_eq(update(&d, 484, 0.2, 0).what, DECIDE_HOLD);
	ck_assert_int_eq(update(&d, 720, 0.2, 0).what, DECIDE_STEP);
}
END_TEST

START_TEST(forward_and_backward_thresholds_are_apart)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.step_back = 2;
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, -1, 0).what, DECIDE_SLEW);
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 1, 0).what, DECIDE_STEP);
}
END_TEST

START_TEST(a_threshold_of_zero_never_steps)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.step_fwd = o.step_back = 0;
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 900, 0).what, DECIDE_SLEW);
	for (double t = 74; t < 2000; t += 64)
		ck_assert_int_eq(update(&d, t, -900, 0).what, DECIDE_SLEW);
	ck_assert_int_eq(update(&d, 2000, 1001, 0).what, DECIDE_PANIC);
}
END_TEST

START_TEST(slew_only_steps_beyond_ten_minutes)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.step_fwd = o.step_back = 600;	/* what -x sets */
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 599, 0).what, DECIDE_SLEW);
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 601, 0).what, DECIDE_STEP);
}
END_TEST

START_TEST(beyond_the_panic_threshold_the_clock_is_left_alone)
{
	struct discipline d = fresh(&discipline_defaults);
	struct decision out = update(&d, 10, 1000.5, 100e-6);

	ck_assert_int_eq(out.what, DECIDE_PANIC);
	ck_assert_double_eq(out.offset, 1000.5);
	ck_assert(!d.once);
	ck_assert_double_eq(d.freq, 0);
	ck_assert_int_eq(update(&d, 10, -1000.5, 0).what, DECIDE_PANIC);
	ck_assert_int_eq(update(&d, 10, 999.5, 0).what, DECIDE_STEP);
	d = running(&discipline_defaults);
	ck_assert_int_eq(update(&d, 138, 1001, 0).what, DECIDE_PANIC);
}
END_TEST

START_TEST(a_panic_threshold_of_zero_never_panics)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.panic = 0;
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 3e8, 0).what, DECIDE_STEP);
}
END_TEST

START_TEST(any_offset_is_forgiven_once_and_the_first_correction_of_any_size_spends_it)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.panic_once = true;	/* -g */
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 3e8, 0).what, DECIDE_STEP);
	ck_assert_int_eq(update(&d, 74, 3e8, 0).what, DECIDE_PANIC);
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 0.00001, 0).what, DECIDE_SLEW);
	ck_assert_int_eq(update(&d, 74, 3e8, 0).what, DECIDE_PANIC);
}
END_TEST

/* A step after the stepout, which was waited for from t on; the time after it, or 0 if it was refused. */
static double
step_by(struct discipline *d, double t, double offset)
{
	struct decision out;

	ck_assert_int_eq(update(d, t, offset, 0).what, DECIDE_HOLD);
	out = update(d, t + 301, offset, 0);
	if (out.what == DECIDE_PANIC)
		return 0;
	ck_assert_int_eq(out.what, DECIDE_STEP);
	return t + 302;
}

START_TEST(steps_of_a_day_lead_no_farther_than_one_may)	/* SRC-08 */
{
	struct discipline d = running(&discipline_defaults);
	double t = 100;

	for (unsigned i = 0; i < 4; i++) {
		t = step_by(&d, t, i % 2 == 0 ? 240 : -240);
		ck_assert_double_gt(t, 0);
	}
	ck_assert_double_eq(discipline_stepped(&d, at(t)), 960);
	ck_assert_double_eq(step_by(&d, t, 41), 0);
	(void)update(&d, t + 500, 0.0001, 0);
	ck_assert_double_gt(step_by(&d, t + 600, 39), 0);
	/* All of it is forgotten a day later, give or take the hour, and nothing before. */
	ck_assert_double_eq(discipline_stepped(&d, at(100 + 86400)), 999);
	ck_assert_double_eq(discipline_stepped(&d, at(t + 600 + 86400 + 7200)), 0);
	ck_assert_double_gt(step_by(&d, t + 600 + 86400 + 7200, 900), 0);
}
END_TEST

START_TEST(what_dash_g_has_let_pass_does_not_count_as_a_step_of_the_day)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.panic_once = true;
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 5000, 0).what, DECIDE_STEP);
	ck_assert_double_eq(discipline_stepped(&d, at(11)), 0);
	ck_assert_double_gt(step_by(&d, 100, 900), 0);
	ck_assert_double_eq(step_by(&d, 500, 101), 0);
}
END_TEST

START_TEST(without_a_panic_threshold_steps_are_not_added_up)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;
	double t = 100;

	o.panic = 0;
	d = running(&o);
	for (unsigned i = 0; i < 10; i++) {
		t = step_by(&d, t, 900);
		ck_assert_double_gt(t, 0);
	}
}
END_TEST

START_TEST(the_first_correction_is_a_step_if_asked_for_and_only_the_first)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	o.step_once = true;	/* -G */
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 0.0001, 0).what, DECIDE_STEP);
	ck_assert_int_eq(update(&d, 74, 0.0001, 0).what, DECIDE_SLEW);
	/* It does not forgive what -g would. */
	d = fresh(&o);
	ck_assert_int_eq(update(&d, 10, 3e8, 0).what, DECIDE_PANIC);
}
END_TEST

START_TEST(the_frequency_is_never_beyond_the_bound)
{
	struct discipline d = fresh(&discipline_defaults);

	ck_assert_double_eq(update(&d, 10, 0.001, 900e-6).freq, FREQ_MAX);
	ck_assert_double_eq(d.freq, FREQ_MAX);
	ck_assert_double_eq(update(&d, 74, 0.001, -900e-6).freq, -FREQ_MAX);
	ck_assert_double_le(update(&d, 138, 1.0, 0.5).freq, FREQ_MAX);
	ck_assert_double_eq(d.freq, -FREQ_MAX);	/* that was a spike */
}
END_TEST

START_TEST(slewing_is_bounded_and_more_so_once_settled)
{
	struct discipline_opts o = discipline_defaults;
	struct discipline d;

	for (double offset = 1e-9; offset < 0.128; offset *= 1.7) {
		struct decision out;

		d = fresh(&o);
		out = update(&d, 10, offset, 0);
		ck_assert_int_eq(out.what, DECIDE_SLEW);
		ck_assert_double_gt(out.slew, 0);
		ck_assert_double_le(out.slew, fmax(o.slew_start, o.slew_max));
		d = running(&o);
		ck_assert(d.settled);
		out = update(&d, 138, -offset, 0);
		ck_assert_int_eq(out.what, DECIDE_SLEW);
		ck_assert_double_gt(out.slew, 0);
		ck_assert_double_le(out.slew, o.slew_max);
	}
}
END_TEST

START_TEST(a_frequency_that_is_not_known_yet_is_measured_before_it_counts_as_in_step)
{
	struct discipline d = fresh(&discipline_defaults);
	struct estimate vague = { .offset = 0.01, .var = 1e-8, .freq_var = 1e-8 };
	struct decision out;

	discipline_update(&d, at(10), &vague, INTERVAL, &out);
	ck_assert_int_eq(d.state, DISC_FREQ);
	update(&d, 2000, 0.0001, 0);
	ck_assert_int_eq(d.state, DISC_SYNC);
	discipline_init(&d, &discipline_defaults, at(1), true, 1e-6);
	discipline_update(&d, at(10), &vague, INTERVAL, &out);
	ck_assert_int_eq(d.state, DISC_SYNC);
}
END_TEST

START_TEST(a_disturbance_ends_the_wait_for_the_stepout)
{
	struct discipline d = running(&discipline_defaults);

	ck_assert_int_eq(update(&d, 138, 5, 0).what, DECIDE_HOLD);
	discipline_disturbed(&d, at(400));
	/* What was seen before says nothing of the clock as it is now. */
	ck_assert_int_eq(update(&d, 500, 5, 0).what, DECIDE_HOLD);
	ck_assert_int_eq(update(&d, 500 + 301, 5, 0).what, DECIDE_STEP);
}
END_TEST

UNIT_MAIN("engine/discipline", the_drift_file_is_believed_within_the_bound,
    the_first_offset_above_the_threshold_is_stepped_at_once_and_one_below_is_slewed, later_a_large_offset_waits_for_the_stepout,
    a_step_is_no_jitter, a_spike_moves_nothing_and_the_next_one_waits_anew, forward_and_backward_thresholds_are_apart, a_threshold_of_zero_never_steps,
    slew_only_steps_beyond_ten_minutes, beyond_the_panic_threshold_the_clock_is_left_alone, a_panic_threshold_of_zero_never_panics,
    any_offset_is_forgiven_once_and_the_first_correction_of_any_size_spends_it, steps_of_a_day_lead_no_farther_than_one_may,
    what_dash_g_has_let_pass_does_not_count_as_a_step_of_the_day, without_a_panic_threshold_steps_are_not_added_up,
    the_first_correction_is_a_step_if_asked_for_and_only_the_first,
    the_frequency_is_never_beyond_the_bound, slewing_is_bounded_and_more_so_once_settled,
    a_frequency_that_is_not_known_yet_is_measured_before_it_counts_as_in_step, a_disturbance_ends_the_wait_for_the_stepout)
