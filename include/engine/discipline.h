/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The discipline: turns what the survivors say into one decision about our clock.
 *
 * It steers by frequency and by bounded slews, steps beyond the step threshold after the stepout, and refuses beyond the panic
 * threshold (RFC 5905 section 11.3; thresholds as ntpd's tinker directive has them).  It holds no clock: its caller carries the decision out.
 */
#ifndef ENGINE_DISCIPLINE_H
#define ENGINE_DISCIPLINE_H

#include <stdbool.h>

#include "base/daysum.h"
#include "engine/sample.h"

#define FREQ_MAX	500e-6	/* s/s: no oscillator is worse; also ntpd's bound on slewing */

/* The tinker directive and the command line's -g -G -x. */
struct discipline_opts {
	double	step_fwd, step_back;	/* s; 0 = never step in that direction */
	double	stepout;		/* s */
	double	panic;			/* s; 0 = never */
	double	dispersion;		/* s/s, growth of dispersion */
	double	freq;			/* s/s, initial; NAN = from the drift file */
	int	allan;			/* log2 s; kept for show: the estimator finds its own time constant */
	double	huffpuff;		/* s; likewise */
	double	slew_max;		/* s/s, bound on slewing once synchronised */
	double	slew_start;		/* s/s, the same while converging after start; slew_max forbids more */
	bool	panic_once;		/* -g: the first correction may exceed panic */
	bool	step_once;		/* -G: the first correction is a step whatever its size */
};

extern const struct discipline_opts discipline_defaults;

/* States of RFC 5905 appendix A.5.5.6, as ntpq and logs show them. */
enum discipline_state { DISC_NSET, DISC_FSET, DISC_SPIK, DISC_FREQ, DISC_SYNC };

enum decision_kind { DECIDE_HOLD, DECIDE_SLEW, DECIDE_STEP, DECIDE_PANIC };

struct decision {
	enum decision_kind	what;
	double	offset;			/* s, to slew or step by; for DECIDE_PANIC the offset refused */
	double	freq;			/* s/s, to run at from now on (DECIDE_SLEW, DECIDE_STEP) */
	double	slew;			/* s/s > 0, the fastest slew allowed now */
	bool	spike;			/* DECIDE_HOLD: a spike has just been seen, or is being waited out */
};

struct discipline {
	struct discipline_opts	opts;
	enum discipline_state	state;
	struct monotime		start;		/* of the daemon */
	struct monotime		spike;		/* when the offset first exceeded step, in DISC_SPIK */
	struct monotime		updated;	/* of the last decision carried out; 0 = none yet */
	struct daysum		steps;		/* s, sizes without sign */
	bool			once;		/* the first correction has been made: -g and -G are spent */
	bool			settled;	/* converged after start: slew_start is over */
	double			offset;		/* s, last offset given */
	double			freq;		/* s/s in force */
	double			jitter;		/* s, RMS of offset differences: clk_jitter */
	double			wander;		/* s/s, RMS of frequency differences: clk_wander */
};

/* freq is what the drift file or tinker said, s/s; have_freq whether any did. */
void discipline_init(struct discipline *d, const struct discipline_opts *o, struct monotime now, bool have_freq, double freq);

/* One update of the combined estimate; interval is how long it is until the next one, s.  The caller must carry *out out. */
void discipline_update(struct discipline *d, struct monotime now, const struct estimate *e, double interval, struct decision *out);

/* The steps of the last 24 hours, s; a first one that -g has let pass is not among them.  With the next one they stay within the panic threshold. */
double discipline_stepped(const struct discipline *d, struct monotime now);

/* Somebody else has set the clock, or the machine slept: wait for a new measurement before believing anything old. */
void discipline_disturbed(struct discipline *d, struct monotime now);

#endif
