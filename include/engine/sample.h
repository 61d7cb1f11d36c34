/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One measurement of one source, and the frame in which all later arithmetic is done.
 *
 * The clock that a sample is measured with is steered: slewed, stepped, sped up.  So that no filter ever has to be told of that,
 * each sample carries how far our clock had been moved by then (steered: the sum of all corrections since start), and
 *
 *	raw offset = offset + steered = server time minus the clock as it would read had nobody touched it
 *
 * moves only as the oscillator does.  Filters live in the raw frame; an offset for now is raw offset - steered now.
 */
#ifndef ENGINE_SAMPLE_H
#define ENGINE_SAMPLE_H

#include "base/time.h"

struct sample {
	struct monotime	when;		/* when the reply arrived (T4) */
	double		offset;		/* s, server minus us: positive means our clock is slow (RFC 5905 section 8) */
	double		delay;		/* s, round trip, never below the precision */
	double		disp;		/* s, reading errors of both clocks and 15 ppm over the exchange */
	double		steered;	/* s, sum of all corrections of our clock at when */
};

static inline double
sample_raw(const struct sample *s)
{
	return s->offset + s->steered;
}

/*
 * What a source says of our clock now: the seam between measuring and judging.
 * freq is in seconds of raw offset gained per second of monotime: positive means our oscillator is slow.
 */
struct estimate {
	double	offset;			/* s, server minus us, now */
	double	freq;			/* s/s */
	double	var;			/* s^2, of offset */
	double	freq_var;		/* (s/s)^2, of freq */
};

/* What a reference clock says when it is asked: a sample, or that it has none. */
struct clock_answer {
	bool		alarm;		/* something is wrong with it since it was last asked */
	bool		have;		/* the rest is valid */
	struct sample	sample;		/* disp includes how much the readings behind it differ */
	double		floor;		/* s, least jitter that may be shown */
	uint8_t		leap;		/* enum leap */
	int8_t		precision;	/* log2 s, of its time */
	struct walltime	reftime;	/* last time it told */
	uint32_t	refid;		/* whose time it is; 0 = as it was */
	double		again;		/* s, not 0: it has nothing yet, is about to, and wants to be asked again so soon */
};

#endif
