/* SPDX-License-Identifier: BSD-2-Clause */
/* The readings of a clock between two polls, and the one sample they make. */
#ifndef REFCLOCK_READINGS_H
#define REFCLOCK_READINGS_H

#include <stdbool.h>

#include "base/must_use.h"
#include "base/time.h"

#define READINGS_MAX	64	/* kept; of more the oldest go */
#define READINGS_NOISE	0.01	/* s, what a reading may be off by before anything is known */

struct reading {
	struct monotime	when;
	double		raw;		/* s, raw offset (engine/sample.h) */
};

struct readings {
	struct reading	ring[READINGS_MAX];
	unsigned	n, next;
	bool		have_last;	/* a sample has been made: */
	struct reading	last;		/* this one */
	double		noise;		/* s, standard deviation of readings as last seen */
};

struct readings_sample {
	struct monotime	when;		/* of the newest reading */
	double		raw;		/* s, then */
	double		noise;		/* s */
	unsigned	n;		/* readings averaged */
};

void readings_init(struct readings *r);

/* Readings come in order of time; one that does not is left out. */
void readings_add(struct readings *r, struct monotime when, double raw);

/*
 * Takes all readings out and makes one sample of them: brought to the time of the newest with freq (s of raw offset gained per second), the 40 % that
 * lie farthest from the median left out, the rest averaged.  False if there is none.
 */
MUST_USE bool readings_take(struct readings *r, double freq, struct readings_sample *out);

/* Our clock was moved by an unknown amount: the readings so far say nothing any more. */
void readings_drop(struct readings *r);

#endif
