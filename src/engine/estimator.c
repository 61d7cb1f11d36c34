/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank of three-state Kalman filters run over the last samples of one source or of several.
 *
 * Between samples t seconds apart, with w and u as in the header (the fading of the slope within t is applied after the step):
 *	x += f t + a t^2/2,  f += a t
 *	P  = F P F' + w^2 [t^3/3 t^2/2 0; t^2/2 t 0; 0 0 0] + u^2 [t^5/20 t^4/8 t^3/6; t^4/8 t^3/3 t^2/2; t^3/6 t^2/2 t]
 * A sample then leaves x with another mean and variance: those of the mixture of the two errors of the header.  With z the sample, s^2 = pxx + v,
 * A = (z - h - x)/s, B = (z + h - x)/s, phi and Phi the normal density and distribution, the box leaves
 *	x += pxx/s d1,  pxx -= pxx^2/s^2 d2,  d1 = (phi(A) - phi(B))/m,  d2 = d1^2 + (B phi(B) - A phi(A))/m,  m = Phi(B) - Phi(A)
 * with likelihood m/2h, and the normal error of variance r = h^2/3 + v the textbook's gain pxx/(pxx + r).  What x learns f and a learn
 * in proportion pxf/pxx and pxa/pxx.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/estimator.h"

#define FADE		1000.0		/* s, within which a slope is forgotten: air conditioning cycles in an hour or so, rooms in more */
#define SLOPE_SIGMA	1e-9		/* s/s^2, before the first sample: 0.1 ppm per degree and a degree in two minutes */
#define FORGET		0.99		/* of the log likelihood, per sample: what an oscillator was like counts less with time … */
#define DOUBT_MAX	15.0		/* … and no model is ever held to be less likely than exp(-15) times the best: fans start, sunlight comes in */
#define CLUSTERED	0.25		/* of all paths: errors crowd in the middle of the box instead of filling it */
#define NARROW		1e-3		/* a box this small against what is known of x is as good as a normal error */
#define OFFSET_VAR	1.0e12		/* s^2: nothing is known of the offset before the first sample */
#define UNSEEN_JITTER	3.0		/* of the least delay, over (n + 1)^2: see d in the header */
#define FREQ_BOUND	500e-6		/* s/s: no oscillator is worse, whatever strange samples made of it */
#define STRANGE		6.0		/* standard deviations under every model: not of our oscillator's or the path's making */
#define STRANGE_MIN	4		/* samples before anything can be strange */
#define PATH_RUN	6		/* delays that make a new path … */
#define PATH_SPREAD	3.0		/* … if they lie this many of their spreads away */

struct model {
	double	wander;			/* s/s per sqrt(s) */
	double	agility;		/* s/s^2 per sqrt(s) */
};

/* Half a decade apart: between two neighbours the variance differs by a few per cent at most. */
static const struct model models[ESTIMATOR_MODELS] = {
	{ 3.0e-11, 0 }, { 9.5e-11, 0 }, { 3.0e-10, 0 }, { 9.5e-10, 0 }, { 3.0e-9, 0 }, { 9.5e-9, 0 }, { 3.0e-8, 0 }, { 9.5e-8, 0 }, { 3.0e-7, 0 },
	{ 9.5e-11, 1.0e-11 }, { 9.5e-11, 3.2e-11 }, { 9.5e-11, 1.0e-10 }, { 9.5e-11, 3.2e-10 },
};

/* The error of a sample: uniform within +-half, and a normal one of this variance. */
struct error {
	double	half;			/* s */
	double	var;			/* s^2 */
};

static double
error_var(const struct error *e)
{
	return e->half * e->half / 3 + e->var;
}

static void
predict(struct kalman *k, const struct model *m, double t)
{
	double q = m->wander * m->wander, u = m->agility * m->agility, t2 = t * t, fade;

	k->x += t * (k->f + t / 2 * k->a);
	k->f += t * k->a;
	k->pxx += t * (2 * k->pxf + t * (k->pff + q * t / 3));
	k->pxf += t * (k->pff + q * t / 2);
	k->pff += q * t;
	if (m->agility == 0)
		return;
	fade = exp(-t / FADE);
	k->pxx += t2 * (k->pxa + t * (k->pfa + t / 4 * k->paa) + u * t2 * t / 20);
	k->pxf += t * (k->pxa + t * (1.5 * k->pfa + t / 2 * k->paa) + u * t2 * t / 8);
	k->pff += t * (2 * k->pfa + t * k->paa + u * t2 / 3);
	k->pxa = fade * (k->pxa + t * (k->pfa + t / 2 * k->paa) + u * t2 * t / 6);
	k->pfa = fade * (k->pfa + t * k->paa + u * t2 / 2);
	k->paa = fade * fade * (k->paa + u * t);
	k->a *= fade;
}

/* What a measurement may leave of x: how far its mean moves, its variance, and how likely the measurement was. */
struct outcome {
	double	shift, var, likelihood;
};

/* The error is normal. */
static struct outcome
normal_outcome(const struct kalman *k, double innovation, double r)
{
	double s2 = k->pxx + r;

	return (struct outcome){
		.shift = k->pxx / s2 * innovation,
		.var = k->pxx * r / s2,
		.likelihood = exp(-0.5 * innovation * innovation / s2) / sqrt(2 * M_PI * s2),
	};
}

/* The standard normal's share between a and b, a < b, without loss in the tails. */
static double
normal_between(double a, double b)
{
	if (a > 0)
		return (erfc(a * M_SQRT1_2) - erfc(b * M_SQRT1_2)) / 2;
	if (b < 0)
		return (erfc(-b * M_SQRT1_2) - erfc(-a * M_SQRT1_2)) / 2;
	return (erf(b * M_SQRT1_2) - erf(a * M_SQRT1_2)) / 2;
}

static double
normal_density(double a)
{
	return exp(-0.5 * a * a) / sqrt(2 * M_PI);
}

/* The error is uniform within +-h, blurred by a normal one of variance v. */
static struct outcome
box_outcome(const struct kalman *k, double innovation, double h, double v)
{
	double s = sqrt(k->pxx + v), a = (innovation - h) / s, b = (innovation + h) / s;
	double mass = normal_between(a, b), at_a = normal_density(a), at_b = normal_density(b), d1, d2;
	struct outcome like_normal = normal_outcome(k, innovation, h * h / 3 + v);

	/* Where next to nothing is known, or all is contradicted, the difference of the moments would be a rounding error. */
	if (mass < 1e-12 || h < NARROW * s) {
		like_normal.likelihood = mass / (2 * h);
		return like_normal;
	}
	d1 = (at_a - at_b) / mass;
	d2 = d1 * d1 + (b * at_b - a * at_a) / mass;
	return (struct outcome){
		.shift = k->pxx / s * d1,
		.var = k->pxx * (1 - k->pxx * fmax(0, fmin(d2, 1)) / (s * s)),
		.likelihood = mass / (2 * h),
	};
}

/* Mean and variance of two possible outcomes, the second of which is true with probability p before the measurement. */
static struct outcome
mix(struct outcome one, struct outcome other, double p)
{
	double likelihood = (1 - p) * one.likelihood + p * other.likelihood;
	double w = p * other.likelihood / likelihood, apart = other.shift - one.shift;

	return (struct outcome){
		.shift = one.shift + w * apart,
		.var = (1 - w) * one.var + w * other.var + w * (1 - w) * apart * apart,
		.likelihood = likelihood,
	};
}

/* What x learns, f and a learn in proportion. */
static void
correct(struct kalman *k, double shift, double var)
{
	double pxf = k->pxf, pxa = k->pxa, gf = pxf / k->pxx, ga = pxa / k->pxx, left = var / k->pxx;

	k->x += shift;
	k->f += gf * shift;
	k->a += ga * shift;
	k->pff -= gf * pxf * (1 - left);
	k->pfa -= gf * pxa * (1 - left);
	k->paa -= ga * pxa * (1 - left);
	k->pxf *= left;
	k->pxa *= left;
	k->pxx = var;
}

static void
measure(struct kalman *k, double z, const struct error *e)
{
	double innovation = z - k->x, r = error_var(e);
	struct outcome normal = normal_outcome(k, innovation, r), o = normal;

	if (e->half > 0)
		o = mix(box_outcome(k, innovation, e->half, e->var), normal, CLUSTERED);
	/* Beyond what a double can tell from impossible. */
	if (!(o.likelihood > DBL_MIN)) {
		o = normal;
		k->loglik -= 0.5 * (log(k->pxx + r) + innovation * innovation / (k->pxx + r));
	} else {
		k->loglik += log(o.likelihood);
	}
	correct(k, o.shift, o.var);
}

static void
bank_init(struct bank *b, double freq, double freq_var)
{
	*b = (struct bank){ 0 };
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		b->model[i] = (struct kalman){ .f = freq, .pxx = OFFSET_VAR, .pff = freq_var };
		if (models[i].agility > 0)
			b->model[i].paa = SLOPE_SIGMA * SLOPE_SIGMA;
	}
}

static void
bank_take(struct bank *b, const struct measurement *m, const struct error *e)
{
	double dt = b->n == 0 ? 0 : monotime_diff(m->when, b->when), best = -INFINITY;

	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		struct kalman *k = &b->model[i];

		predict(k, &models[i], dt);
		k->loglik *= FORGET;
		k->pxx += m->loosen;
		measure(k, m->raw, e);
		/* Two samples fit any model: only from the third on one can be better than another. */
		if (b->n < 2)
			k->loglik = 0;
		best = fmax(best, k->loglik);
	}
	/* Where all are contradicted beyond what a double holds, none is better than another. */
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		b->model[i].loglik = isfinite(best) ? fmax(b->model[i].loglik, best - DOUBT_MAX) : 0;
	b->when = m->when;
	b->n++;
}

/* What each model counts for; they add up to 1. */
static void
bank_weigh(const struct bank *b, double w[static ESTIMATOR_MODELS])
{
	double best = -INFINITY, sum = 0;

	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		best = fmax(best, b->model[i].loglik);
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		sum += w[i] = exp(b->model[i].loglik - best);
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		w[i] /= sum;
}

/* Mean and variance of the mixture. */
static void
bank_get(const struct bank *b, struct monotime now, double steered, struct estimate *out)
{
	struct kalman k[ESTIMATOR_MODELS];
	double w[ESTIMATOR_MODELS];
	struct estimate m = { 0 };

	bank_weigh(b, w);
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		k[i] = b->model[i];
		predict(&k[i], &models[i], monotime_diff(now, b->when));
		m.offset += w[i] * k[i].x;
		m.freq += w[i] * k[i].f;
	}
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		double dx = k[i].x - m.offset, df = k[i].f - m.freq;

		/* The subtractions of correct() may leave a variance that is nothing a rounding below nothing. */
		m.var += w[i] * (fmax(0, k[i].pxx) + dx * dx);
		m.freq_var += w[i] * (fmax(0, k[i].pff) + df * df);
	}
	m.offset -= steered;
	*out = m;
}

static double
median(double v[], unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		double one = v[i];
		unsigned j = i;

		for (; j > 0 && v[j - 1] > one; j--)
			v[j] = v[j - 1];
		v[j] = one;
	}
	return v[n / 2];
}

/* By how much the least delay of the present path may exceed the true one: d of the header. */
static double
doubt(const struct estimator *e)
{
	double excess[ESTIMATOR_RING] = { 0 }, least = e->ring[e->path].least;
	unsigned n = e->n - e->path;

	for (unsigned i = 0; i < n; i++)
		excess[i] = e->ring[e->path + i].delay - least;
	return median(excess, n) / sqrt(n) + UNSEEN_JITTER * least / ((n + 1) * (n + 1));
}

static struct error
measurement_error(const struct measurement *m, double d)
{
	return (struct error){ .half = (m->delay - m->least + d) / 2, .var = m->disp * m->disp + d * d / 12 };
}

/* The n newest came by a path of their own, whose least delay is this. */
static void
begin_path(struct estimator *e, unsigned n, double least, double old)
{
	e->path = e->n - n;
	for (unsigned i = e->path; i < e->n; i++)
		e->ring[i].least = least;
	e->ring[e->path].loosen += (least - old) * (least - old) / 12;
}

/* Finds the least delay of the path by which the newest sample came, and whether that is a new one. */
static void
find_path(struct estimator *e)
{
	const struct measurement *run = &e->ring[e->n < PATH_RUN ? 0 : e->n - PATH_RUN];
	unsigned n = e->n - e->path;
	double newest = e->ring[e->n - 1].delay, old = e->ring[e->path].least;
	double delay[PATH_RUN], least = INFINITY, spread;

	if (n > PATH_RUN && newest < old) {
		for (unsigned i = 0; i < PATH_RUN; i++)
			delay[i] = run[i].delay;
		delay[PATH_RUN - 1] = INFINITY;
		spread = median(delay, PATH_RUN) - old;
		if (old - newest > PATH_SPREAD * spread) {
			begin_path(e, 1, newest, old);
			return;
		}
	} else if (n >= 2 * PATH_RUN) {
		for (unsigned i = 0; i < PATH_RUN; i++)
			least = fmin(least, delay[i] = run[i].delay);
		spread = median(delay, PATH_RUN) - least;
		if (least - old > PATH_SPREAD * spread) {
			begin_path(e, PATH_RUN, least, old);
			return;
		}
	}
	for (unsigned i = e->path; i < e->n; i++)
		e->ring[i].least = fmin(old, newest);
}

void
estimator_init(struct estimator *e, double freq, double freq_var)
{
	*e = (struct estimator){ 0 };
	bank_init(&e->base, freq, freq_var);
	e->state = e->base;
}

/* Is this sample beyond what any model can foresee? */
static bool
is_strange(const struct estimator *e, const struct sample *s)
{
	const struct measurement m = { .delay = s->delay, .disp = s->disp, .least = fmin(s->delay, e->ring[e->n - 1].least) };
	struct error one = measurement_error(&m, doubt(e));
	double dt = monotime_diff(s->when, e->state.when), r = error_var(&one);

	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		struct kalman k = e->state.model[i];
		double innovation;

		predict(&k, &models[i], dt);
		innovation = sample_raw(s) - k.x;
		if (innovation * innovation < STRANGE * STRANGE * (k.pxx + e->loosen + r))
			return false;
	}
	return true;
}

/* One strange sample is put aside.  A second shows that the server's clock was set: all that is kept is our oscillator's frequency. */
static bool
put_aside(struct estimator *e, const struct sample *s)
{
	struct estimate known;
	struct sample first = e->odd;

	if (e->n < STRANGE_MIN || !is_strange(e, s)) {
		e->puzzled = false;
		return false;
	}
	e->odd = *s;
	if (!e->puzzled)
		return e->puzzled = true;
	bank_get(&e->state, s->when, 0, &known);
	estimator_init(e, fmax(-FREQ_BOUND, fmin(FREQ_BOUND, known.freq)), fmin(known.freq_var, ESTIMATOR_FREQ_UNKNOWN));
	estimator_add(e, &first);
	return false;
}

/* The oldest sample leaves the ring for the state that the run starts from. */
static void
retire(struct estimator *e)
{
	struct error oldest = measurement_error(&e->ring[0], doubt(e));

	bank_take(&e->base, &e->ring[0], &oldest);
	memmove(&e->ring[0], &e->ring[1], (ESTIMATOR_RING - 1) * sizeof(e->ring[0]));
	e->n--;
	if (e->path > 0)
		e->path--;
}

void
estimator_add(struct estimator *e, const struct sample *s)
{
	double d, sum = 0;

	if (put_aside(e, s))
		return;
	if (e->n == ESTIMATOR_RING)
		retire(e);
	e->ring[e->n++] = (struct measurement){
		.when = s->when, .raw = sample_raw(s), .delay = s->delay, .disp = s->disp, .least = s->delay, .loosen = e->loosen,
	};
	e->loosen = 0;
	find_path(e);
	d = doubt(e);
	e->state = e->base;
	for (unsigned i = 0; i < e->n; i++) {
		struct error one = measurement_error(&e->ring[i], d);

		bank_take(&e->state, &e->ring[i], &one);
		sum += error_var(&one);
	}
	e->noise = sum / e->n;
}

void
estimator_loosen(struct estimator *e, double sigma)
{
	e->loosen += sigma * sigma;
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++)
		e->state.model[i].pxx += sigma * sigma;
}

bool
estimator_get(const struct estimator *e, struct monotime now, double steered, struct estimate *out)
{
	if (e->n == 0)
		return false;
	bank_get(&e->state, now, steered, out);
	return true;
}

/* The variance between sources beyond their own: t^2 of the header. */
static double
between_var(const struct estimator *const e[], size_t n, struct monotime now)
{
	double w = 0, w2 = 0, mean = 0, q = 0;
	struct estimate m[ESTIMATOR_JOINT_MAX];

	for (size_t i = 0; i < n; i++) {
		bank_get(&e[i]->state, now, 0, &m[i]);
		w += 1 / m[i].var;
		w2 += 1 / (m[i].var * m[i].var);
		mean += m[i].offset / m[i].var;
	}
	mean /= w;
	for (size_t i = 0; i < n; i++)
		q += (m[i].offset - mean) * (m[i].offset - mean) / m[i].var;
	return n < 2 ? 0 : fmax(0, (q - (double)(n - 1)) / (w - w2 / w));
}

/* The estimator whose next sample is the oldest of all, or n if there is none left. */
static size_t
oldest(const struct estimator *const e[], const unsigned next[], size_t n)
{
	size_t first = n;

	for (size_t i = 0; i < n; i++) {
		if (next[i] < e[i]->n && (first == n || monotime_before(e[i]->ring[next[i]].when, e[first]->ring[next[first]].when)))
			first = i;
	}
	return first;
}

void
estimator_joint(const struct estimator *const e[], const double bias[], size_t n, struct monotime now, double steered, struct estimate *out)
{
	double between = between_var(e, n, now), d[ESTIMATOR_JOINT_MAX] = { 0 }, extra[ESTIMATOR_JOINT_MAX] = { 0 }, common = 0;
	unsigned next[ESTIMATOR_JOINT_MAX] = { 0 };
	struct bank b;

	bank_init(&b, e[0]->base.model[0].f, ESTIMATOR_FREQ_UNKNOWN);
	for (size_t i = 0; i < n; i++) {
		d[i] = doubt(e[i]);
		extra[i] = fmin(between, bias[i] * bias[i] / 3);
		common += extra[i] / (double)(n * n);
	}
	for (size_t i = oldest(e, next, n); i < n; i = oldest(e, next, n)) {
		const struct measurement *m = &e[i]->ring[next[i]++];
		struct error one = measurement_error(m, d[i]);

		one.var += extra[i];
		bank_take(&b, m, &one);
	}
	bank_get(&b, now, steered, out);
	/* However many samples: a source's bias does not average out, only those of several sources do. */
	out->var += common;
}

double
estimator_var_ahead(const struct estimator *e, struct monotime now, double ahead)
{
	struct estimate m;

	return estimator_get(e, monotime_add(now, ahead), 0, &m) ? m.var : INFINITY;
}

bool
estimator_puzzled(const struct estimator *e)
{
	return e->puzzled;
}

double
estimator_noise(const struct estimator *e)
{
	return e->noise;
}
