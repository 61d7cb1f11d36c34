/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's clock, as the keeper steers it.  The int functions return -1 with errno, and have then changed nothing. */
#ifndef KERNEL_H
#define KERNEL_H

#include "sysclock/sysclock.h"

struct kernel {
	long	nominal;	/* us per tick */
	double	step;		/* s/s that one us of tick makes */
	long	tick, freq;	/* as last set by us */
	bool	meddled;	/* another program had set them otherwise, or put the kernel's own loop to work; reset by whoever reads it */
};

/* Takes the clock over: no phase-locked loop, no frequency of a former owner, and not synchronised until we say so. */
MUST_USE int kernel_take_over(struct kernel *k);

/* As the driver's functions of the like name (sysclock/sysclock.h). */
MUST_USE int kernel_run(struct kernel *k, const struct steer *s, struct monotime *when, double *actual);
MUST_USE int kernel_step(double offset);
MUST_USE int kernel_set_status(const struct sysclock_status *st);

#endif
