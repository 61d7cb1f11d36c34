/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A simulated machine's clocks: an oscillator that is never right, the wall and monotonic clocks a kernel makes of it, and the driver
 * by which sysclock steers them.
 *
 * True time is nanoseconds since the start of the run.  The oscillator gains y seconds per second,
 *	y = freq + walk + sine sin(2 pi t / period),
 * where walk takes a normal step of standard deviation wander every second.  The kernel multiplies its rate by 1 + gain, gain being made
 * of a tick (in steps of 100 ppm) and a frequency (in steps of 2^-16 ppm, at most 500 ppm), as adjtimex does.
 */
#ifndef SIM_SIMCLOCK_H
#define SIM_SIMCLOCK_H

#include <stdint.h>

#include "dice.h"
#include "sysclock/sysclock.h"

struct oscillator_opts {
	double	offset;			/* s, by which the clock is behind true time at the start: server minus us */
	double	freq;			/* s/s: positive gains */
	double	wander;			/* s/s, standard deviation of the step made every second */
	double	sine, period;		/* s/s and s */
};

struct simclock {
	struct oscillator_opts	osc;
	struct stream		stream;
	int64_t			epoch_ns;	/* UTC at the start of the run */
	int64_t			now_ns;		/* true time */
	double			walk;		/* s/s */
	double			y;		/* s/s, in the second under way */
	double			gain;		/* s/s the kernel adds */
	double			drift;		/* s, wall minus true time, apart from what is in whole ns below */
	int64_t			stepped_ns;	/* steps of the wall clock, ours and others' */
	int64_t			asleep_ns;	/* time spent suspended, which the monotonic clock does not count */
	unsigned		steps;		/* made by the driver */
	int64_t			leap_ns;	/* true time at which the leap second begins, INT64_MAX = there is none */
	int			leap_step;	/* s put in or left out then, by true UTC */
	uint8_t			warned;		/* enum leap, as the kernel was told */
	int64_t			midnight_ns;	/* wall time after the day of which it was told so */
	int64_t			leapt_ns;	/* what the kernel has made of it */
};

void simclock_init(struct simclock *c, const struct oscillator_opts *o, uint64_t seed, int64_t epoch_ns);

/* Runs on to true time t, which must not be before now. */
void simclock_advance(struct simclock *c, int64_t t_ns);

/* The machine sleeps for so long: the oscillator runs on unsteered and the wall clock wakes wrong by error. */
void simclock_suspend(struct simclock *c, double seconds, double error);

/* Somebody else sets the wall clock ahead by so much. */
void simclock_jump(struct simclock *c, double seconds);

/* A second is put in (1) or left out (-1) at the end of the UTC day in which the run is s seconds after its start. */
void simclock_set_leap(struct simclock *c, double s, int step);

/* True time at which the kernel looks for the end of its day, INT64_MAX if it has not been warned; and that look. */
int64_t simclock_kernel_midnight(const struct simclock *c);
void simclock_look_at_midnight(struct simclock *c);

struct walltime simclock_wall(const struct simclock *c);
struct monotime simclock_mono(const struct simclock *c);
struct walltime simclock_true(const struct simclock *c);

/* True offset: true time minus the wall clock, s. */
double simclock_offset(const struct simclock *c);

/* Seconds that the monotonic clock makes in one of true time. */
double simclock_rate(const struct simclock *c);

/* The clock behind the table of functions, not owning *c.  NULL with errno if there is no memory. */
MUST_USE struct sysclock *simclock_driver(struct simclock *c);

#endif
