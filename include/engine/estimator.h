/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the samples of one source, or of several together, say of our clock: offset, frequency and their variances.
 * Pure; works in the raw frame of sample.h, so steps and slews need not be announced.
 *
 * Our oscillator.  x is the raw offset (s), f the frequency (s/s) and a its slope (s/s^2), as temperature makes it:
 *
 *	dx = f dt	df = a dt + w dW	da = -a dt / T + u dW'
 *
 * w is the wander (s/s per sqrt(s)); u the agility (s/s^2 per sqrt(s)) of a slope that is forgotten within T = 1000 s.  Neither is known,
 * so a bank of Kalman filters is run, alike but for w and u: nine with no slope and a wander from 3e-11 to 3e-7, four with an agility
 * from 1e-11 to 3e-10.  Each is weighed by the likelihood of the samples under it, and the estimate is the mean and variance of the
 * mixture (Magill 1965: multiple model adaptive estimation).  What was seen long ago counts less (0.99 per sample), and no model is ever ruled
 * out, so that an oscillator may change its character.
 *
 * A sample.  Let its delay exceed the least delay of the path by s.  Whatever the delays are like, its offset error is within +-s/2; had both
 * one-way delays an exponential excess, it were uniform there.  So a sample is a box, not a bell: one that says no more than is known anyway
 * moves nothing, and where boxes overlap little, little is left.  The least delay itself is only known to within d, which shrinks with the number n of
 * samples: of exponential delays, the least of n exceeds the true one by about the median excess over sqrt(n).  So the error is uniform
 * within +-h, blurred by a normal error of variance v,
 *
 *	h = (s + d) / 2		v = e^2 + d^2 / 12	d = median excess / sqrt(n) + 3 least / (n + 1)^2
 *
 * where e are the reading errors and the last term stands for the jitter that the first few samples cannot show yet.  Other delays crowd errors
 * in the middle of the box: with a probability of one in four the error is taken to be normal, with the same variance h^2/3 + v.  What remains
 * of each filter's x is replaced by its mean and variance (assumed density filtering; Minka 2001, section 2).  In the simulator the box alone
 * takes 9 % off the RMS error of the clock, over all scenarios.
 *
 * Hindsight.  A sample that comes in may show that the least delay is less than was thought, so the last 64 are kept and all of
 * them weighed anew each time; those before are summed up in the state the run starts from.
 *
 * Routes.  Six delays in a row that lie higher by more than three times their own spread are a new path, with a least delay of its own.  So is,
 * after six, one that lies lower by as much.  By how much its asymmetry differs nobody can tell: it is uniform within half the change of delay.
 *
 * Steps.  A sample six standard deviations away from what every model foresees comes from a clock that was set, or is a single untruth.  It is put
 * aside; only if the next is as strange all is begun anew from these two, with the frequency as it was known.
 *
 * Several sources see the same oscillator through paths that are independent, so all their samples together are worth more than the mean of
 * what each says: estimator_joint runs the bank over the samples of all.  Sources that differ by more than their variances allow have
 * lopsided paths or wrong clocks; the variance t^2 between them (DerSimonian and Laird 1986) is added to that of every sample, but no
 * more of it than half a round trip can explain.
 */
#ifndef ENGINE_ESTIMATOR_H
#define ENGINE_ESTIMATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "engine/sample.h"

#define ESTIMATOR_MODELS	13
#define ESTIMATOR_RING		64	/* samples kept */
#define ESTIMATOR_JOINT_MAX	32	/* sources that can be taken together */

/* What may be known of the oscillator's frequency before the first sample: a variance, (s/s)^2. */
#define ESTIMATOR_FREQ_UNKNOWN	(100e-6 * 100e-6)	/* nothing: quartz is rarely worse */
#define ESTIMATOR_FREQ_DRIFT	(5e-6 * 5e-6)		/* a drift file: it holds but for temperature and age */

/* One filter: state, covariance and likelihood. */
struct kalman {
	double	x, f, a;		/* s raw offset, s/s, s/s^2 */
	double	pxx, pxf, pxa, pff, pfa, paa;
	double	loglik;
};

struct bank {
	struct kalman	model[ESTIMATOR_MODELS];
	struct monotime	when;		/* of the state */
	unsigned	n;		/* samples taken in */
};

/* A sample as the ring keeps it. */
struct measurement {
	struct monotime	when;
	double		raw;		/* s, raw offset */
	double		delay, disp;	/* s */
	double		least;		/* s, least delay of its path */
	double		loosen;		/* s^2, variance our clock gained from outside before it */
};

struct estimator {
	struct bank		state;		/* with all samples */
	struct bank		base;		/* with those that have left the ring */
	struct measurement	ring[ESTIMATOR_RING];	/* oldest first */
	unsigned		n;		/* in the ring */
	unsigned		path;		/* the first of the ring that came by the present path */
	double			loosen;		/* s^2, for the next sample */
	double			noise;		/* s^2, mean variance of the samples in the ring */
	bool			puzzled;	/* the last sample was strange … */
	struct sample		odd;		/* … and this is it */
};

/* Forgets everything.  freq and freq_var are what is known of the oscillator before the first sample (drift file), s/s. */
void estimator_init(struct estimator *e, double freq, double freq_var);

/* Samples must come in order of time. */
void estimator_add(struct estimator *e, const struct sample *s);

/* Our clock has been moved by an unknown amount of this standard deviation, s: the frequency stays, the offset is to be measured anew. */
void estimator_loosen(struct estimator *e, double sigma);

/* The estimate for now, with our clock moved by steered in all.  False before the first sample. */
MUST_USE bool estimator_get(const struct estimator *e, struct monotime now, double steered, struct estimate *out);

/*
 * The same from the samples of n estimators, 0 < n <= ESTIMATOR_JOINT_MAX, each with at least one; bias[i] is the largest error of source i that
 * its samples cannot show, s: half its round trip.
 */
void estimator_joint(const struct estimator *const e[], const double bias[], size_t n, struct monotime now, double steered, struct estimate *out);

/* Variance the offset would have at now + ahead seconds without a new sample, and that of a typical sample, s^2. */
double estimator_var_ahead(const struct estimator *e, struct monotime now, double ahead);
double estimator_noise(const struct estimator *e);

/* The last sample was beyond all expectation and has been put aside: the next should come soon. */
bool estimator_puzzled(const struct estimator *e);

#endif
