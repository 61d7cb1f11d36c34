/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounds on what may be done to the clock.  They are those of the discipline (engine/discipline.h), kept a second time by somebody who hears no strangers. */
#include "guard.h"

#define FREQ_BOUND	500e-6	/* s/s, as in the discipline */
#define SLEW_BOUND	0.1	/* s/s, what the kernel takes */
#define STEPOUT_SLACK	10.0	/* s: the order before may have been a while under way */
#define OFFSET_MOST	9e9	/* s: what a walltime can be moved by */

static double
clamp(double v, double bound)
{
	return fmax(-bound, fmin(bound, v));
}

bool
guard_init(struct guard *g, const struct clock_bounds *b)
{
	const double v[] = { b->panic, b->stepout, b->slew_max, b->slew_start };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (!(v[i] >= 0 && v[i] <= 1e12))
			return false;
	if (b->slew_max > SLEW_BOUND || b->slew_start > SLEW_BOUND)
		return false;
	*g = (struct guard){ .bounds = *b };
	return true;
}

/* The first correction, where the operator has said that it may be of any size. */
static bool
is_forgiven(const struct guard *g)
{
	return g->bounds.panic_once && !g->corrected;
}

static bool
may_be_fast(const struct guard *g, struct monotime now, double offset)
{
	return g->bounds.panic == 0 || is_forgiven(g) || daysum_total(&g->fast, now) + fabs(offset) <= g->bounds.panic;
}

bool
guard_cut(const struct guard *g, struct monotime now, struct steer *s)
{
	double fastest = fmax(g->bounds.slew_start, g->bounds.slew_max);

	if (!isfinite(s->freq) || !isfinite(s->slew) || !(fabs(s->offset) <= OFFSET_MOST) || s->slew * s->offset < 0)
		return false;
	s->freq = clamp(s->freq, FREQ_BOUND);
	/* A slew for nothing would be a frequency by another name. */
	s->slew = s->offset == 0 ? 0 : clamp(s->slew, may_be_fast(g, now, s->offset) ? fastest : g->bounds.slew_max);
	return true;
}

/* What the slew so far has come to. */
static void
settle(struct guard *g, struct monotime now)
{
	if (g->slew > 0)
		daysum_add(&g->fast, now, g->slew * fmax(0, monotime_diff(now, g->since)));
	g->slew = 0;
}

void
guard_ran(struct guard *g, struct monotime now, const struct steer *s, double added)
{
	settle(g, now);
	if (s->slew == 0)
		return;
	if (fabs(s->slew) > g->bounds.slew_max && !(is_forgiven(g) && fabs(s->offset) > g->bounds.panic))
		g->slew = fabs(added);
	g->since = now;
	g->corrected = true;
}

bool
guard_permits_step(const struct guard *g, struct monotime now, struct walltime wall, double offset)
{
	if (!(fabs(offset) <= OFFSET_MOST) || fabs(1e-9 * (double)wall.ns + offset) > OFFSET_MOST)
		return false;
	if (walltime_add(wall, offset).ns < g->bounds.not_before.ns)
		return false;
	if (g->stepped && monotime_diff(now, g->step) < g->bounds.stepout - STEPOUT_SLACK)
		return false;
	return g->bounds.panic == 0 || is_forgiven(g) || daysum_total(&g->steps, now) + fabs(offset) <= g->bounds.panic;
}

void
guard_stepped(struct guard *g, struct monotime now, double offset)
{
	if (!is_forgiven(g) || fabs(offset) <= g->bounds.panic)
		daysum_add(&g->steps, now, fabs(offset));
	g->corrected = g->stepped = true;
	g->step = now;
}
