/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one source's samples say of our clock: offset, frequency and their variances.
 * Pure; works in the raw frame of sample.h, so steps and slews need not be announced.
 */
#ifndef ENGINE_ESTIMATOR_H
#define ENGINE_ESTIMATOR_H

#include <stdbool.h>

#include "base/must_use.h"
#include "engine/sample.h"

#define ESTIMATOR_MODELS	9	/* filters in the bank: assumed wanders, half a decade apart */
#define ESTIMATOR_DELAYS	32	/* delays remembered for the minimum */

/* What may be known of the oscillator's frequency before the first sample: a variance, (s/s)^2. */
#define ESTIMATOR_FREQ_UNKNOWN	(100e-6 * 100e-6)	/* nothing: quartz is rarely worse */
#define ESTIMATOR_FREQ_DRIFT	(5e-6 * 5e-6)		/* a drift file: it holds but for temperature and age */

/* One two-state Kalman filter; they differ only in the wander they assume. */
struct kalman {
	double	x, f;			/* s raw offset, s/s frequency */
	double	pxx, pxf, pff;		/* covariance */
	double	weight;			/* likelihood, normalised over the bank */
};

struct estimator {
	struct kalman	model[ESTIMATOR_MODELS];
	struct monotime	when;		/* of the state */
	double		delay[ESTIMATOR_DELAYS];	/* s, ring */
	unsigned	ndelay, next;
	double		noise;		/* s^2, measurement variance of a typical sample */
	unsigned	n;		/* samples taken in */
};

/* Forgets everything.  freq and freq_var are what is known of the oscillator before the first sample (drift file), s/s. */
void estimator_init(struct estimator *e, double freq, double freq_var);

void estimator_add(struct estimator *e, const struct sample *s);

/* Our clock has been moved by an unknown amount of this standard deviation, s: the frequency stays, the offset is to be measured anew. */
void estimator_loosen(struct estimator *e, double sigma);

/* The estimate for now, with our clock moved by steered in all.  False before the first sample. */
MUST_USE bool estimator_get(const struct estimator *e, struct monotime now, double steered, struct estimate *out);

/* Variance the offset would have at now + ahead seconds without a new sample, and that of a typical sample, s^2. */
double estimator_var_ahead(const struct estimator *e, struct monotime now, double ahead);
double estimator_noise(const struct estimator *e);

#endif
