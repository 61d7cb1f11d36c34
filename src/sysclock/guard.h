/* SPDX-License-Identifier: BSD-2-Clause */
/* What the keeper permits: the bounds of sysclock/keeper.h and the memory they need.  Pure; times are arguments. */
#ifndef GUARD_H
#define GUARD_H

#include "base/daysum.h"
#include "sysclock/keeper.h"
#include "sysclock/sysclock.h"

struct guard {
	struct clock_bounds	bounds;
	bool			corrected;	/* the first correction is made: panic_once is spent */
	bool			stepped;
	struct monotime		step;		/* the last one */
	struct daysum		steps, fast;	/* s */
	double			slew;		/* s/s under way that counts as fast, without sign; 0 = none */
	struct monotime		since;		/* of the slew */
};

/* False if these are no bounds: a number among them is not one, or not of its kind. */
MUST_USE bool guard_init(struct guard *g, const struct clock_bounds *b);

/* Cuts *s down to what is permitted.  False if it is no order at all. */
MUST_USE bool guard_cut(const struct guard *g, struct monotime now, struct steer *s);

/* From now on the clock runs by *s, slewing at added (s/s, as the kernel has rounded it): a slew that was under way has ended. */
void guard_ran(struct guard *g, struct monotime now, const struct steer *s, double added);

/* May this step be made when it is wall?  And: it has been. */
MUST_USE bool guard_permits_step(const struct guard *g, struct monotime now, struct walltime wall, double offset);
void guard_stepped(struct guard *g, struct monotime now, double offset);

#endif
