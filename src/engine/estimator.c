/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank of two-state Kalman filters (offset, frequency) weighed by how well each foretold the samples.
 *
 * Between samples, dt seconds apart, with q the wander squared (s/s)^2 per second:
 *	x += f dt          pxx += 2 dt pxf + dt^2 pff + q dt^3 / 3
 *	f  = f             pxf += dt pff + q dt^2 / 2,   pff += q dt
 * A sample z of variance r then corrects both by the gain pxx/(pxx + r), pxf/(pxx + r).
 */
#include <string.h>

#include "engine/estimator.h"

#define WANDER_MIN	3e-11		/* s/s per sqrt(s), of the first model; each next is sqrt(10) times that */
#define FORGET		0.98		/* per sample, of the log likelihood */
#define MEDIAN_SHARE	0.25		/* of the median excess delay, for not knowing the true minimum */
#define OFFSET_VAR	1.0e12		/* s^2: nothing is known of the offset before the first sample */
#define NOISE_GAIN	0.1		/* of the running mean of sample variances */

static double
wander2(unsigned model)
{
	return WANDER_MIN * WANDER_MIN * pow(10.0, model);
}

void
estimator_init(struct estimator *e, double freq, double freq_var)
{
	*e = (struct estimator){ 0 };
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		e->model[i] = (struct kalman){ .f = freq, .pxx = OFFSET_VAR, .pff = freq_var, .weight = 1.0 / ESTIMATOR_MODELS };
}

static void
predict(struct kalman *k, double dt, double q)
{
	k->x += k->f * dt;
	k->pxx += dt * (2 * k->pxf + dt * (k->pff + q * dt / 3));
	k->pxf += dt * (k->pff + q * dt / 2);
	k->pff += q * dt;
}

/* Corrects the state by a measurement and returns the logarithm of its likelihood. */
static double
correct(struct kalman *k, double z, double r)
{
	double s = k->pxx + r;
	double innovation = z - k->x;
	double gx = k->pxx / s, gf = k->pxf / s;

	k->x += gx * innovation;
	k->f += gf * innovation;
	k->pff -= gf * k->pxf;
	k->pxf *= r / s;
	k->pxx *= r / s;
	return -0.5 * (log(s) + innovation * innovation / s);
}

static double
min_delay(const struct estimator *e)
{
	double least = e->delay[0];

	for (unsigned i = 1; i < e->ndelay; i++)
		least = fmin(least, e->delay[i]);
	return least;
}

static double
median_delay(const struct estimator *e)
{
	double sorted[ESTIMATOR_DELAYS];

	for (unsigned i = 0; i < e->ndelay; i++) {
		unsigned j = i;

		for (; j > 0 && sorted[j - 1] > e->delay[i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = e->delay[i];
	}
	return sorted[e->ndelay / 2];
}

/*
 * Variance of a sample whose two one-way delays together exceed the least by s: its offset error is uniform in +-s/2, hence s^2/12.
 * The first few samples do not show the least delay yet, so some of the round trip itself is added.
 */
static double
sample_var(struct estimator *e, const struct sample *s)
{
	double least, excess, doubt;

	e->delay[e->next] = s->delay;
	e->next = (e->next + 1) % ESTIMATOR_DELAYS;
	if (e->ndelay < ESTIMATOR_DELAYS)
		e->ndelay++;
	least = min_delay(e);
	excess = s->delay - least;
	doubt = MEDIAN_SHARE * (median_delay(e) - least) + least / ((1 + e->ndelay) * (1 + e->ndelay));
	return (excess * excess + doubt * doubt) / 12 + s->disp * s->disp;
}

static void
reweigh(struct estimator *e, const double loglik[static ESTIMATOR_MODELS])
{
	double w[ESTIMATOR_MODELS], best = -INFINITY, sum = 0;

	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		w[i] = FORGET * log(e->model[i].weight) + loglik[i];
		best = fmax(best, w[i]);
	}
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		sum += w[i] = fmax(exp(w[i] - best), 1e-30);
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		e->model[i].weight = w[i] / sum;
}

void
estimator_add(struct estimator *e, const struct sample *s)
{
	double loglik[ESTIMATOR_MODELS];
	double dt = e->n == 0 ? 0 : monotime_diff(s->when, e->when);
	double r = sample_var(e, s);

	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		predict(&e->model[i], dt, wander2(i));
		loglik[i] = correct(&e->model[i], sample_raw(s), r);
	}
	if (e->n > 1)
		reweigh(e, loglik);
	e->noise = e->n == 0 ? r : e->noise + NOISE_GAIN * (r - e->noise);
	e->when = s->when;
	e->n++;
}

void
estimator_loosen(struct estimator *e, double sigma)
{
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		e->model[i].pxx += sigma * sigma;
}

bool
estimator_get(const struct estimator *e, struct monotime now, double steered, struct estimate *out)
{
	struct kalman k[ESTIMATOR_MODELS];
	struct estimate m = { 0 };
	double x = 0;

	if (e->n == 0)
		return false;
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		k[i] = e->model[i];
		predict(&k[i], monotime_diff(now, e->when), wander2(i));
		x += k[i].weight * k[i].x;
		m.freq += k[i].weight * k[i].f;
	}
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		m.var += k[i].weight * (k[i].pxx + (k[i].x - x) * (k[i].x - x));
		m.freq_var += k[i].weight * (k[i].pff + (k[i].f - m.freq) * (k[i].f - m.freq));
	}
	m.offset = x - steered;
	*out = m;
	return true;
}

double
estimator_var_ahead(const struct estimator *e, struct monotime now, double ahead)
{
	struct estimate m;

	return estimator_get(e, monotime_add(now, ahead), 0, &m) ? m.var : INFINITY;
}

double
estimator_noise(const struct estimator *e)
{
	return e->noise;
}
