/* SPDX-License-Identifier: BSD-2-Clause */
/* Steering, with a driver whose time is set by hand; and the software clock against the host's. */
#include "base/ntp.h"
#include "sysclock/sysclock.h"
#include "../unit.h"

struct hand {
	int64_t	mono_ns, host_ns, asleep_ns;
	double	freq;
	double	grain;		/* s/s, the driver rounds frequencies to this */
	double	stepped;
	int	refuse;		/* the next calls fail */
	double	delay;		/* s until it does as told */
	bool	absorbs;
	unsigned absorbed;	/* times it was asked */
};

static void
hand_read(const void *driver, struct walltime *host, struct monotime *mono)
{
	const struct hand *h = driver;

	host->ns = h->host_ns;
	mono->ns = h->mono_ns;
}

static int
hand_run(void *driver, const struct steer *s, struct monotime *when, double *actual)
{
	struct hand *h = driver;
	double freq = s->freq + s->slew;

	if (h->refuse)
		return -1;
	*when = monotime_add(*when, h->delay);
	*actual = h->freq = h->grain > 0 ? h->grain * round(freq / h->grain) : freq;
	return 0;
}

static int
hand_step(void *driver, struct monotime now, double offset)
{
	struct hand *h = driver;

	(void)now;
	if (h->refuse)
		return -1;
	h->stepped += offset;
	h->host_ns += llround(offset * 1e9);
	return 0;
}

static int
hand_set_status(void *driver, const struct sysclock_status *st)
{
	(void)driver;
	(void)st;
	return 0;
}

static void
hand_map(const void *driver, struct clockmap *map)
{
	(void)driver;
	*map = (struct clockmap){ 0 };
}

static void
hand_watch(const void *driver, struct watchpoint *w)
{
	const struct hand *h = driver;

	w->ahead_ns = h->host_ns - h->mono_ns;
	w->asleep_ns = h->asleep_ns;
}

static bool
hand_absorb(void *driver, double jump)
{
	(void)jump;
	((struct hand *)driver)->absorbed++;
	return ((struct hand *)driver)->absorbs;
}

static void
hand_close(void *driver)
{
	(void)driver;
}

static const struct sysclock_ops hand_ops = {
	.name = "hand", .steers_host = true, .read = hand_read, .run = hand_run, .step = hand_step, .set_status = hand_set_status,
	.map = hand_map, .watch = hand_watch, .absorb = hand_absorb, .close = hand_close,
};

static struct monotime
after(struct hand *h, double seconds)
{
	h->mono_ns += llround(seconds * 1e9);
	h->host_ns += llround(seconds * 1e9);
	return (struct monotime){ h->mono_ns };
}

START_TEST(steered_adds_up_frequency_slew_and_step)
{
	struct hand h = { .mono_ns = 1 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double duration;

	ck_assert_int_eq(sysclock_adjust(c, (struct monotime){ 1 }, 10e-6, 0, 0, &duration), 0);
	ck_assert_double_eq(duration, 0);
	ck_assert_double_eq_tol(sysclock_steered(c, after(&h, 100)), 1e-3, 1e-12);
	/* 5 ms at 500 ppm take 10 s. */
	ck_assert_int_eq(sysclock_adjust(c, (struct monotime){ h.mono_ns }, 10e-6, -5e-3, 500e-6, &duration), 0);
	ck_assert_double_eq_tol(duration, 10, 1e-9);
	ck_assert_double_eq_tol(h.freq, -490e-6, 1e-12);
	ck_assert_double_eq_tol(sysclock_slew_left(c, after(&h, 4)), -3e-3, 1e-9);
	sysclock_slew_end(c, after(&h, 6));
	ck_assert_double_eq_tol(h.freq, 10e-6, 1e-15);
	ck_assert_double_eq_tol(sysclock_steered(c, (struct monotime){ h.mono_ns }), 1e-3 + 10 * 10e-6 - 5e-3, 1e-12);
	ck_assert_int_eq(sysclock_step(c, (struct monotime){ h.mono_ns }, 3600), 0);
	ck_assert_double_eq_tol(sysclock_steered(c, (struct monotime){ h.mono_ns }), 3600 - 3.9e-3, 1e-9);
	ck_assert_uint_eq(sysclock_generation(c), 1);
	sysclock_free(c);
}
END_TEST

START_TEST(a_slew_by_a_rounding_driver_lasts_as_long_as_it_needs)
{
	struct hand h = { .mono_ns = 1, .grain = 3e-6 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double duration;

	ck_assert_int_eq(sysclock_adjust(c, (struct monotime){ 1 }, 0, 1e-3, 100e-6, &duration), 0);
	ck_assert_double_eq_tol(h.freq, 99e-6, 1e-12);
	ck_assert_double_eq_tol(duration, 1e-3 / 99e-6, 1e-9);
	ck_assert_double_eq_tol(sysclock_steered(c, after(&h, duration)), 1e-3, 1e-12);
	sysclock_free(c);
}
END_TEST

START_TEST(a_refused_command_changes_nothing)
{
	struct hand h = { .mono_ns = 1 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double duration;

	ck_assert_int_eq(sysclock_adjust(c, (struct monotime){ 1 }, 10e-6, 0, 0, &duration), 0);
	h.refuse = 1;
	ck_assert_int_eq(sysclock_adjust(c, after(&h, 10), 20e-6, 1, 1e-3, &duration), -1);
	ck_assert_int_eq(sysclock_step(c, (struct monotime){ h.mono_ns }, 1), -1);
	ck_assert_double_eq(sysclock_freq(c), 10e-6);
	ck_assert_double_eq_tol(sysclock_steered(c, after(&h, 10)), 20 * 10e-6, 1e-12);
	ck_assert_uint_eq(sysclock_generation(c), 0);
	sysclock_free(c);
}
END_TEST

START_TEST(a_clock_set_by_another_is_noticed_once_and_counted_in)
{
	struct hand h = { .mono_ns = 1 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double slept;

	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	after(&h, 5);
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	h.host_ns += 2 * (int64_t)NS_PER_S;
	ck_assert_double_eq_tol(sysclock_watch(c, &slept), 2, 1e-9);
	ck_assert_double_eq(slept, 0);
	ck_assert_double_eq_tol(sysclock_steered(c, (struct monotime){ h.mono_ns }), 2, 1e-9);
	ck_assert_uint_eq(sysclock_generation(c), 1);
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	/* Our own step is not another's. */
	ck_assert_int_eq(sysclock_step(c, (struct monotime){ h.mono_ns }, -1), 0);
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	sysclock_free(c);
}
END_TEST

START_TEST(small_moves_add_up_until_they_show)
{
	struct hand h = { .mono_ns = 1 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double slept, seen = 0;

	sysclock_watch(c, &slept);
	for (int i = 0; i < 5; i++) {
		h.host_ns += 300000;
		seen += sysclock_watch(c, &slept);
	}
	ck_assert_double_eq_tol(seen, 1.2e-3, 1e-9);
	sysclock_free(c);
}
END_TEST

START_TEST(sleep_is_no_setting_of_the_clock)
{
	struct hand h = { .mono_ns = 1 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double slept;

	sysclock_watch(c, &slept);
	h.host_ns += 3600 * (int64_t)NS_PER_S;
	h.asleep_ns += 3600 * (int64_t)NS_PER_S;
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	ck_assert_double_eq_tol(slept, 3600, 1e-9);
	ck_assert_uint_eq(sysclock_generation(c), 1);
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	ck_assert_double_eq(slept, 0);
	sysclock_free(c);
}
END_TEST

START_TEST(a_clock_that_does_not_follow_the_host_is_not_moved_by_others)
{
	struct hand h = { .mono_ns = 1, .absorbs = true };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double slept;

	sysclock_watch(c, &slept);
	h.host_ns += NS_PER_S;
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	ck_assert_double_eq(sysclock_steered(c, (struct monotime){ h.mono_ns }), 0);
	sysclock_free(c);
}
END_TEST

START_TEST(an_announced_leap_second_is_nobodys_doing)
{
	static const struct { uint8_t leap; int64_t move; bool counted; } rows[] = {
		{ LEAP_INSERT, -1, false }, { LEAP_DELETE, 1, false }, { LEAP_NONE, -1, true }, { LEAP_INSERT, 1, true }, { LEAP_INSERT, -2, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hand h = { .mono_ns = 1 };
		struct sysclock *c = sysclock_new(&hand_ops, &h);
		double slept, move = (double)rows[i].move;

		sysclock_watch(c, &slept);
		ck_assert_int_eq(sysclock_set_status(c, &(struct sysclock_status){ .leap = rows[i].leap }), 0);
		h.host_ns += rows[i].move * NS_PER_S;
		ck_assert_double_eq_tol(sysclock_watch(c, &slept), rows[i].counted ? move : 0, 1e-9);
		ck_assert_double_eq_tol(sysclock_steered(c, (struct monotime){ h.mono_ns }), rows[i].counted ? move : 0, 1e-9);
		/* An exchange across it is void either way. */
		ck_assert_uint_eq(sysclock_generation(c), 1);
		sysclock_free(c);
	}
}
END_TEST

START_TEST(the_software_clock_steps_and_slews_and_leaves_the_host_alone)
{
	struct sysclock *c = sysclock_software();
	struct clockread before, then;
	double duration;

	ck_assert(!sysclock_steers_host(c));
	sysclock_read(c, &before);
	ck_assert_int_eq(before.wall.ns, before.host.ns);
	ck_assert_int_eq(sysclock_step(c, before.mono, 1000), 0);
	sysclock_read(c, &then);
	ck_assert_double_eq_tol(walltime_diff(then.wall, then.host), 1000, 1e-6);
	ck_assert_double_eq_tol(walltime_diff(then.host, before.host), monotime_diff(then.mono, before.mono), 1e-4);
	ck_assert_double_eq_tol(then.steered, 1000, 1e-6);
	/* A rate shows in the map at once, without a jump, and kernel stamps of a moment ago are mapped by the same line. */
	ck_assert_int_eq(sysclock_adjust(c, then.mono, 0.01, 0, 0, &duration), 0);
	sysclock_read(c, &before);
	ck_assert_double_eq_tol(walltime_diff(before.wall, before.host), 1000, 1e-3);
	ck_assert_double_eq_tol(walltime_diff(sysclock_at_host(c, walltime_add(before.host, 10)), before.wall), 10.1, 1e-6);
	sysclock_free(c);
}
END_TEST

START_TEST(a_leap_second_is_made_by_hand_where_the_clock_is_ours_alone)
{
	struct sysclock *c = sysclock_software();
	struct hand h = { .mono_ns = 1 };
	struct clockread before, then;

	for (int second = -1; second <= 1; second += 2) {
		sysclock_read(c, &before);
		ck_assert_int_eq(sysclock_leap(c, before.mono, second), 0);
		sysclock_read(c, &then);
		ck_assert_double_eq_tol(walltime_diff(then.wall, before.wall) - monotime_diff(then.mono, before.mono), -second, 1e-3);
		ck_assert_double_eq_tol(then.steered, before.steered, 1e-6);	/* the servers' clocks make the same move */
	}
	ck_assert_uint_eq(sysclock_generation(c), 2);
	sysclock_free(c);
	c = sysclock_new(&hand_ops, &h);
	ck_assert_int_eq(sysclock_leap(c, (struct monotime){ 1 }, 1), 0);
	ck_assert_int_eq(h.host_ns, 0);		/* a kernel does it */
	sysclock_free(c);
}
END_TEST

START_TEST(a_clock_of_our_own_takes_no_part_in_the_hosts_leap_second)
{
	struct sysclock_ops ops = hand_ops;
	struct hand h = { .mono_ns = 1, .absorbs = true };
	struct sysclock *c;
	double slept;

	ops.steers_host = false;
	c = sysclock_new(&ops, &h);
	sysclock_watch(c, &slept);
	ck_assert_int_eq(sysclock_set_status(c, &(struct sysclock_status){ .leap = LEAP_INSERT }), 0);
	h.host_ns -= NS_PER_S;
	ck_assert_double_eq(sysclock_watch(c, &slept), 0);
	ck_assert_uint_eq(h.absorbed, 1);
	sysclock_free(c);
}
END_TEST

/* A driver that is told at one moment and does it at a later one: what is steered in between goes by the old rate. */
START_TEST(a_driver_that_needs_time_is_reckoned_from_when_it_has_done_it)
{
	struct hand h = { .mono_ns = 1, .delay = 2 };
	struct sysclock *c = sysclock_new(&hand_ops, &h);
	double duration;

	ck_assert_int_eq(sysclock_adjust(c, (struct monotime){ 1 }, 10e-6, 0, 0, &duration), 0);
	ck_assert_double_eq_tol(sysclock_steered(c, after(&h, 10)), 8 * 10e-6, 1e-12);
	sysclock_free(c);
}
END_TEST

UNIT_MAIN("sysclock", a_driver_that_needs_time_is_reckoned_from_when_it_has_done_it, a_leap_second_is_made_by_hand_where_the_clock_is_ours_alone, a_clock_of_our_own_takes_no_part_in_the_hosts_leap_second,
    an_announced_leap_second_is_nobodys_doing, steered_adds_up_frequency_slew_and_step, a_slew_by_a_rounding_driver_lasts_as_long_as_it_needs,
    a_refused_command_changes_nothing, a_clock_set_by_another_is_noticed_once_and_counted_in, small_moves_add_up_until_they_show,
    sleep_is_no_setting_of_the_clock, a_clock_that_does_not_follow_the_host_is_not_moved_by_others,
    the_software_clock_steps_and_slews_and_leaves_the_host_alone)
