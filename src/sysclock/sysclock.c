/* SPDX-License-Identifier: BSD-2-Clause */
/* Steering that is the same for every driver: the sum of corrections, slews with an end, jumps that others made. */
#include <stdlib.h>
#include <sys/timex.h>

#include "base/ntp.h"
#include "sysclock/sysclock.h"

#define JUMP_MIN	0.001	/* s: less than this between wall and monotime is the noise of reading two clocks */
#define LEAP_TOLERANCE	0.1	/* s, about a whole second */
#define SLEPT_MIN	0.5	/* s */

struct sysclock {
	const struct sysclock_ops	*ops;
	void				*driver;
	double		 freq;		/* s/s asked for, without the slew */
	double		 actual;	/* s/s the driver runs at, with the slew */
	double		 slew;		/* s/s that the slew under way adds, signed; 0 = none */
	struct monotime	 slew_end;
	struct monotime	 since;		/* steered is as of then */
	double		 steered;	/* s */
	unsigned	 generation;
	bool		 watching;
	uint8_t		 leap;		/* enum leap, as last told to the driver */
	int64_t		 ahead_ns;	/* host wall minus monotime at the last look */
	int64_t		 asleep_ns;	/* boottime minus monotime at the last look */
};

struct sysclock *
sysclock_new(const struct sysclock_ops *ops, void *driver)
{
	struct sysclock *c = calloc(1, sizeof(*c));
	struct walltime host;

	if (c == NULL)
		return NULL;
	c->ops = ops;
	c->driver = driver;
	ops->read(driver, &host, &c->since);
	return c;
}

void
sysclock_free(struct sysclock *c)
{
	if (c == NULL)
		return;
	if (c->slew != 0)
		sysclock_slew_end(c, monotime_now());
	c->ops->close(c->driver);
	free(c);
}

const char *
sysclock_name(const struct sysclock *c)
{
	return c->ops->name;
}

bool
sysclock_steers_host(const struct sysclock *c)
{
	return c->ops->steers_host;
}

double
sysclock_steered(const struct sysclock *c, struct monotime at)
{
	double steered = c->steered + c->actual * monotime_diff(at, c->since), late = 0;

	if (c->slew != 0 && c->ops->slew_grace > 0)
		late = fmax(0, monotime_diff(at, c->slew_end) - c->ops->slew_grace);
	return steered - c->slew * late;
}

void
sysclock_read(const struct sysclock *c, struct clockread *out)
{
	struct clockmap map;

	c->ops->map(c->driver, &map);
	c->ops->read(c->driver, &out->host, &out->mono);
	out->wall = clockmap_apply(&map, out->host);
	out->steered = sysclock_steered(c, out->mono);
}

struct walltime
sysclock_at_host(const struct sysclock *c, struct walltime host)
{
	struct clockmap map;

	c->ops->map(c->driver, &map);
	return clockmap_apply(&map, host);
}

void
sysclock_map(const struct sysclock *c, struct clockmap *map)
{
	c->ops->map(c->driver, map);
}

int8_t
sysclock_precision(const struct sysclock *c)
{
	struct walltime host;
	struct monotime last, now;
	double least = 1;
	int log2 = 0;

	c->ops->read(c->driver, &host, &last);
	for (int i = 0; i < 1000; i++) {
		c->ops->read(c->driver, &host, &now);
		if (monotime_before(last, now))
			least = fmin(least, monotime_diff(now, last));
		last = now;
	}
	for (; log2 > -30 && log2_seconds(log2) > least; log2--)
		;
	return (int8_t)log2;
}

/* Settles what has been steered so far, up to when the driver has changed over, then runs as told. */
static int
run_at(struct sysclock *c, struct monotime now, const struct steer *s)
{
	double actual;

	if (c->ops->run(c->driver, s, &now, &actual) == -1)
		return -1;
	c->steered = sysclock_steered(c, now);
	c->since = now;
	c->freq = s->freq;
	c->slew = 0;
	c->actual = actual;
	return 0;
}

int
sysclock_adjust(struct sysclock *c, struct monotime now, double freq, double offset, double slew_max, double *duration)
{
	struct steer s = { .freq = freq, .slew = offset == 0 ? 0 : copysign(slew_max, offset), .offset = offset };
	double added;

	if (run_at(c, now, &s) == -1)
		return -1;
	*duration = 0;
	/* The driver rounds, and may be slower than it was asked to be: the slew lasts as long as what it really adds needs. */
	added = c->actual - freq;
	if (s.slew != 0 && added * offset > 0) {
		*duration = offset / added;
		c->slew = added;
		c->slew_end = monotime_add(c->since, *duration);
	}
	return 0;
}

void
sysclock_slew_end(struct sysclock *c, struct monotime now)
{
	/* A driver that has taken a frequency once takes it back; if it does not, the next update meets the rest. */
	if (c->slew != 0 && run_at(c, now, &(struct steer){ .freq = c->freq }) == -1)
		c->slew_end = now;
}

double
sysclock_slew_left(const struct sysclock *c, struct monotime now)
{
	return c->slew == 0 ? 0 : c->slew * fmax(0, monotime_diff(c->slew_end, now));
}

int
sysclock_step(struct sysclock *c, struct monotime now, double offset)
{
	if (run_at(c, now, &(struct steer){ .freq = c->freq }) == -1 || c->ops->step(c->driver, now, offset) == -1)
		return -1;
	c->steered += offset;
	c->generation++;
	c->watching = false;
	sysclock_watch(c, &(double){ 0 });
	return 0;
}

int
sysclock_set_status(struct sysclock *c, const struct sysclock_status *st)
{
	c->leap = st->leap;
	return c->ops->set_status(c->driver, st);
}

int
sysclock_leap(struct sysclock *c, struct monotime now, int second)
{
	if (c->ops->steers_host)
		return 0;
	if (c->ops->step(c->driver, now, -second) == -1)
		return -1;
	c->generation++;
	return 0;
}

bool
sysclock_meddled(struct sysclock *c)
{
	return c->ops->meddled != NULL && c->ops->meddled(c->driver);
}

int
sysclock_kernel_state(const struct sysclock *c, struct timex *out)
{
	*out = (struct timex){ .modes = 0 };
	return c->ops->kernel_state != NULL ? c->ops->kernel_state(c->driver, out) : adjtimex(out);
}

int
sysclock_link(const struct sysclock *c)
{
	return c->ops->link != NULL ? c->ops->link(c->driver) : -1;
}

double
sysclock_freq(const struct sysclock *c)
{
	return c->freq;
}

unsigned
sysclock_generation(const struct sysclock *c)
{
	return c->generation;
}

/* The second that a warned kernel puts in or leaves out.  The servers' clocks make the same move, so no offset changes by it. */
static bool
is_leap_second(const struct sysclock *c, double jump)
{
	double second = c->leap == LEAP_INSERT ? -1 : c->leap == LEAP_DELETE ? 1 : 0;

	return second != 0 && fabs(jump - second) < LEAP_TOLERANCE;
}

double
sysclock_watch(struct sysclock *c, double *slept)
{
	struct watchpoint w;
	double jump = 0;

	*slept = 0;
	c->ops->watch(c->driver, &w);
	if (c->watching) {
		*slept = 1e-9 * (double)(w.asleep_ns - c->asleep_ns);
		/* Sleep moves wall time on against monotime too; that is no setting of the clock. */
		jump = 1e-9 * (double)(w.ahead_ns - c->ahead_ns) - *slept;
		*slept = *slept < SLEPT_MIN ? 0 : *slept;
	}
	if (c->watching && *slept == 0 && fabs(jump) < JUMP_MIN)
		return 0;	/* what has been looked at stays, so that small moves add up and show */
	c->ahead_ns = w.ahead_ns;
	c->asleep_ns = w.asleep_ns;
	c->watching = true;
	if (fabs(jump) < JUMP_MIN)
		jump = 0;
	if (jump != 0 || *slept != 0)
		c->generation++;
	/* A clock of our own makes its leap seconds itself, and takes no part in the host's. */
	if (jump == 0 || (c->ops->steers_host && is_leap_second(c, jump)) || c->ops->absorb(c->driver, jump))
		return 0;
	c->steered += jump;
	return jump;
}
