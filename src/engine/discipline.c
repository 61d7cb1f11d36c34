/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides between holding, slewing, stepping and giving up. */
#include "base/ntp.h"
#include "engine/discipline.h"

#define STEPOUT_MIN	300.0	/* s */
#define SLEW_START	0.08	/* s/s: the step threshold in 1.6 s, so before the next sample of a burst; kernels allow 0.1 */
#define SETTLED		0.001	/* s: an offset this small ends the convergence after start */
#define FREQ_KNOWN	5e-6	/* s/s: standard deviation of a frequency that counts as measured */
#define AVERAGE		0.25	/* gain of the running means of jitter and wander (RFC 5905: CLOCK_AVG 4) */
#define SLEW_TIME_START	1.0	/* s, the same while converging: a timer that is late then overshoots by little */
#define SLEW_TIME_MIN	2.0	/* s, over which even a tiny offset is spread … */
#define SLEW_SHARE	0.25	/* … or this share of the time to the next update */
#define SLEW_TIME_MAX	16.0	/* s: longer, and the clock lags what is known of it */

const struct discipline_opts discipline_defaults = {
	.step_fwd = 0.128,
	.step_back = 0.128,
	.stepout = STEPOUT_MIN,
	.panic = 1000,
	.dispersion = DISP_RATE,
	.freq = NAN,
	.allan = 11,
	.slew_max = FREQ_MAX,
	.slew_start = SLEW_START,
};

static double
clamp(double v, double bound)
{
	return fmax(-bound, fmin(bound, v));
}

void
discipline_init(struct discipline *d, const struct discipline_opts *o, struct monotime now, bool have_freq, double freq)
{
	*d = (struct discipline){
		.opts = *o,
		.state = have_freq ? DISC_FSET : DISC_NSET,
		.start = now,
		.freq = have_freq ? clamp(freq, FREQ_MAX) : 0,
	};
}

static bool
is_panic(const struct discipline *d, double offset)
{
	bool forgiven = d->opts.panic_once && !d->once;

	return d->opts.panic > 0 && fabs(offset) > d->opts.panic && !forgiven;
}

double
discipline_stepped(const struct discipline *d, struct monotime now)
{
	return daysum_total(&d->steps, now);
}

/* Steps that are each below the panic threshold must not lead farther than one could (CVE-2015-5300 was the like of it). */
static bool
is_one_too_many(const struct discipline *d, struct monotime now, double offset)
{
	return d->opts.panic > 0 && fabs(offset) <= d->opts.panic && discipline_stepped(d, now) + fabs(offset) > d->opts.panic;
}

static void
note_step(struct discipline *d, struct monotime now, double offset)
{
	if (d->opts.panic > 0 && fabs(offset) <= d->opts.panic)
		daysum_add(&d->steps, now, fabs(offset));
}

static bool
exceeds_step(const struct discipline *d, double offset)
{
	double step = offset > 0 ? d->opts.step_fwd : d->opts.step_back;

	return step > 0 && fabs(offset) > step;
}

/* An offset beyond the step threshold: at once if it is the first, after the stepout otherwise. */
static enum decision_kind
judge_large(struct discipline *d, struct monotime now)
{
	if (!d->once || (d->state == DISC_SPIK && monotime_diff(now, d->spike) >= d->opts.stepout))
		return DECIDE_STEP;
	if (d->state != DISC_SPIK) {
		d->state = DISC_SPIK;
		d->spike = now;
	}
	return DECIDE_HOLD;
}

/* In a second or as fast as allowed until converged; then gently where there is not far to go, so that the frequency others see stays even. */
static double
slew_rate(struct discipline *d, double offset, double interval)
{
	double bound = d->settled ? d->opts.slew_max : fmax(d->opts.slew_start, d->opts.slew_max);
	double time = d->settled ? fmin(fmax(SLEW_SHARE * interval, SLEW_TIME_MIN), SLEW_TIME_MAX) : SLEW_TIME_START;

	return fmin(bound, fmax(fabs(offset) / time, 1e-9));
}

/* A step is no jitter: what is left of the offset after it is none. */
static void
average(struct discipline *d, const struct estimate *e, const struct decision *r)
{
	bool step = r->what == DECIDE_STEP;
	double doff = step ? 0 : e->offset - d->offset, df = r->freq - d->freq;

	if (d->updated.ns != 0) {
		d->jitter = sqrt(d->jitter * d->jitter + AVERAGE * (doff * doff - d->jitter * d->jitter));
		d->wander = sqrt(d->wander * d->wander + AVERAGE * (df * df - d->wander * d->wander));
	}
	d->offset = step ? 0 : e->offset;
	d->freq = r->freq;
}

static void
advance(struct discipline *d, const struct estimate *e)
{
	bool known = sqrt(e->freq_var) < FREQ_KNOWN;

	if (d->state == DISC_NSET)
		d->state = DISC_FREQ;
	if (d->state != DISC_FREQ || known)
		d->state = DISC_SYNC;
	if (d->state == DISC_SYNC && fabs(e->offset) < SETTLED)
		d->settled = true;
}

void
discipline_update(struct discipline *d, struct monotime now, const struct estimate *e, double interval, struct decision *out)
{
	struct decision r = { .what = DECIDE_SLEW, .offset = e->offset, .freq = clamp(e->freq, FREQ_MAX) };

	if (is_panic(d, e->offset)) {
		r.what = DECIDE_PANIC;
	} else if (d->opts.step_once && !d->once) {
		r.what = DECIDE_STEP;
	} else if (exceeds_step(d, e->offset)) {
		r.what = judge_large(d, now);
		r.spike = r.what == DECIDE_HOLD;
	}
	if (r.what == DECIDE_STEP && is_one_too_many(d, now, e->offset))
		r.what = DECIDE_PANIC;
	if (r.what == DECIDE_STEP)
		note_step(d, now, e->offset);
	if (r.what == DECIDE_SLEW || r.what == DECIDE_STEP) {
		average(d, e, &r);
		r.slew = slew_rate(d, e->offset, interval);
		advance(d, e);
		d->once = true;
		d->updated = now;
	}
	*out = r;
}

void
discipline_disturbed(struct discipline *d, struct monotime now)
{
	(void)now;
	if (d->state == DISC_SPIK)
		d->state = DISC_SYNC;
}
