/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clock filter (RFC 5905 section 10): the last eight samples of one association and the best of them.
 *
 * It yields what ntpq has always shown - offset, delay, dispersion, jitter - and the dispersion by which a source is judged.
 * One departure: stages not filled yet count nothing, where the RFC counts 16 s each, so that a liar can be told within a burst.
 */
#ifndef ENGINE_FILTER_H
#define ENGINE_FILTER_H

#include <stdbool.h>

#include "engine/sample.h"

#define FILTER_STAGES	8

struct filter {
	struct sample	stage[FILTER_STAGES];	/* newest first */
	unsigned	n;			/* stages filled */
	struct monotime	used;			/* time of the sample last returned as best */
};

struct filter_stat {
	struct monotime	when;		/* of the best sample */
	double		offset;		/* s, of the best sample as it was measured */
	double		delay;		/* s, of the best sample */
	double		disp;		/* s, weighted over the stages, at the newest sample */
	double		jitter;		/* s, RMS of the others about the best, never below floor */
};

void filter_init(struct filter *f);

/* Takes a sample in.  Returns false, and changes nothing, if it is not newer than the newest held. */
bool filter_add(struct filter *f, const struct sample *s);

/*
 * Statistics as of the newest sample.  floor is the precision, s; freq the frequency error of the bare oscillator, s/s, by which raw
 * offsets drift apart without being noise.  False if there is no sample.  *fresh says whether the best sample is newer than any
 * that was best before (RFC 5905: a sample is used once).
 */
bool filter_stat(struct filter *f, double floor, double freq, struct filter_stat *out, bool *fresh);

/* Our clock has been moved by this much, s, at one stroke: what was measured before is told by the clock as it is now.  Raw offsets stay. */
void filter_shift(struct filter *f, double by);

/* Dispersion of one stage now, s; DISP_MAX for one that is not filled. */
double filter_stage_disp(const struct filter *f, unsigned i, struct monotime now);

#endif
