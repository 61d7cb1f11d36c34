/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated oscillator, the kernel's clocks on it, and their driver. */
#include "base/ntp.h"
#include "simclock.h"

#define MONO_START	INT64_C(1000000000000)	/* ns: a machine that has been up for a while */
#define FREQ_UNIT	(1e-6 / 65536)		/* s/s, of timex.freq */
#define FREQ_LIMIT	500e-6			/* s/s that timex.freq takes */
#define TICK_UNIT	100e-6			/* s/s: one of the 10000 us of a tick at 100 ticks a second */
#define DAY_NS		(INT64_C(86400) * NS_PER_S)
#define TICK_LIMIT	1000			/* of them */

/* Frequency error of the second that begins now. */
static double
next_y(const struct simclock *c)
{
	double t = 1e-9 * (double)c->now_ns;
	double wave = c->osc.sine == 0 ? 0 : c->osc.sine * sin(2 * M_PI * t / c->osc.period);

	return c->osc.freq + c->walk + wave;
}

void
simclock_init(struct simclock *c, const struct oscillator_opts *o, uint64_t seed, int64_t epoch_ns)
{
	*c = (struct simclock){ .osc = *o, .stream = stream_open(seed, 0), .epoch_ns = epoch_ns, .leap_ns = INT64_MAX };
	c->stepped_ns = llround(-o->offset * 1e9);
	c->y = next_y(c);
}

/* Within one second nothing changes. */
static void
run(struct simclock *c, int64_t ns)
{
	c->drift += 1e-9 * (double)ns * (simclock_rate(c) - 1);
	c->now_ns += ns;
}

void
simclock_advance(struct simclock *c, int64_t t_ns)
{
	while (c->now_ns < t_ns) {
		int64_t second_end = (c->now_ns / NS_PER_S + 1) * NS_PER_S;

		if (t_ns < second_end) {
			run(c, t_ns - c->now_ns);
			return;
		}
		run(c, second_end - c->now_ns);
		if (c->osc.wander != 0)
			c->walk += c->osc.wander * stream_normal(&c->stream);
		c->y = next_y(c);
	}
}

void
simclock_suspend(struct simclock *c, double seconds, double error)
{
	double drift = c->drift;

	simclock_advance(c, c->now_ns + llround(seconds * 1e9));
	c->drift = drift;
	c->stepped_ns += llround(error * 1e9);
	c->asleep_ns += llround(seconds * 1e9);
}

void
simclock_jump(struct simclock *c, double seconds)
{
	c->stepped_ns += llround(seconds * 1e9);
}

void
simclock_set_leap(struct simclock *c, double s, int step)
{
	int64_t at = c->epoch_ns + llround(s * 1e9);

	c->leap_ns = (at / DAY_NS + 1) * DAY_NS - c->epoch_ns - (step < 0 ? NS_PER_S : 0);
	c->leap_step = step;
}

/* What UTC has put in so far. */
static int64_t
utc_leap_ns(const struct simclock *c)
{
	return c->now_ns >= c->leap_ns ? c->leap_step * (int64_t)NS_PER_S : 0;
}

/* As second_overflow of Linux does it: at midnight set back, or a second before it ahead; once, as the warning must be withdrawn and given anew. */
int64_t
simclock_kernel_midnight(const struct simclock *c)
{
	int64_t wall = simclock_wall(c).ns, midnight = c->midnight_ns - (c->warned == LEAP_DELETE ? NS_PER_S : 0);

	if ((c->warned != LEAP_INSERT && c->warned != LEAP_DELETE) || c->leapt_ns != 0)
		return INT64_MAX;
	return c->now_ns + (int64_t)ceil((double)(midnight - wall) / simclock_rate(c));
}

void
simclock_look_at_midnight(struct simclock *c)
{
	c->leapt_ns = (c->warned == LEAP_INSERT ? 1 : -1) * (int64_t)NS_PER_S;
}

struct walltime
simclock_true(const struct simclock *c)
{
	return (struct walltime){ c->epoch_ns + c->now_ns - utc_leap_ns(c) };
}

struct walltime
simclock_wall(const struct simclock *c)
{
	return (struct walltime){ c->epoch_ns + c->now_ns + c->stepped_ns - c->leapt_ns + llround(c->drift * 1e9) };
}

struct monotime
simclock_mono(const struct simclock *c)
{
	return (struct monotime){ MONO_START + c->now_ns - c->asleep_ns + llround(c->drift * 1e9) };
}

double
simclock_offset(const struct simclock *c)
{
	return -c->drift - 1e-9 * (double)(c->stepped_ns - c->leapt_ns + utc_leap_ns(c));
}

double
simclock_rate(const struct simclock *c)
{
	return (1 + c->y) * (1 + c->gain);
}

static void
read_clocks(const void *driver, struct walltime *host, struct monotime *mono)
{
	*host = simclock_wall(driver);
	*mono = simclock_mono(driver);
}

/* freq is per second of the steered clock, gain per second of the bare one: 1 + gain = 1 / (1 - freq). */
static int
run_by(void *driver, const struct steer *s, struct monotime *when, double *actual)
{
	struct simclock *c = driver;
	double freq = s->freq + s->slew;
	double gain = freq / (1 - freq);
	double ticks = fabs(gain) <= FREQ_LIMIT ? 0 : round(gain / TICK_UNIT);
	double rest;

	(void)when;
	ticks = fmax(-TICK_LIMIT, fmin(TICK_LIMIT, ticks));
	rest = fmax(-FREQ_LIMIT, fmin(FREQ_LIMIT, gain - ticks * TICK_UNIT));
	c->gain = ticks * TICK_UNIT + round(rest / FREQ_UNIT) * FREQ_UNIT;
	*actual = c->gain / (1 + c->gain);
	return 0;
}

static int
step(void *driver, struct monotime now, double offset)
{
	struct simclock *c = driver;

	(void)now;
	simclock_jump(c, offset);
	c->steps++;
	return 0;
}

static int
set_status(void *driver, const struct sysclock_status *st)
{
	struct simclock *c = driver;

	if (st->leap != c->warned)
		c->midnight_ns = (simclock_wall(c).ns / DAY_NS + 1) * DAY_NS;
	c->warned = st->leap;
	return 0;
}

static void
get_map(const void *driver, struct clockmap *map)
{
	(void)driver;
	*map = (struct clockmap){ 0 };
}

static void
watch(const void *driver, struct watchpoint *w)
{
	const struct simclock *c = driver;

	w->ahead_ns = simclock_wall(c).ns - simclock_mono(c).ns;
	w->asleep_ns = c->asleep_ns;
}

static bool
absorb(void *driver, double jump)
{
	(void)driver;
	(void)jump;
	return false;
}

static void
close_driver(void *driver)
{
	(void)driver;
}

static const struct sysclock_ops simclock_ops = {
	.name = "simulated",
	.steers_host = true,
	.read = read_clocks,
	.run = run_by,
	.step = step,
	.set_status = set_status,
	.map = get_map,
	.watch = watch,
	.absorb = absorb,
	.close = close_driver,
};

struct sysclock *
simclock_driver(struct simclock *c)
{
	return sysclock_new(&simclock_ops, c);
}
