/* SPDX-License-Identifier: BSD-2-Clause */
/* The eight-stage clock filter (RFC 5905 section 10). */
#include <string.h>

#include "base/ntp.h"
#include "engine/filter.h"

void
filter_init(struct filter *f)
{
	*f = (struct filter){ 0 };
}

bool
filter_add(struct filter *f, const struct sample *s)
{
	if (f->n > 0 && !monotime_before(f->stage[0].when, s->when))
		return false;
	memmove(&f->stage[1], &f->stage[0], (FILTER_STAGES - 1) * sizeof(f->stage[0]));
	f->stage[0] = *s;
	if (f->n < FILTER_STAGES)
		f->n++;
	return true;
}

void
filter_shift(struct filter *f, double by)
{
	for (unsigned i = 0; i < f->n; i++) {
		f->stage[i].offset -= by;
		f->stage[i].steered += by;
	}
}

double
filter_stage_disp(const struct filter *f, unsigned i, struct monotime now)
{
	double disp;

	if (i >= f->n)
		return DISP_MAX;
	disp = f->stage[i].disp + DISP_RATE * monotime_diff(now, f->stage[i].when);
	return disp < DISP_MAX ? disp : DISP_MAX;
}

/* Stage numbers by rising delay; those whose dispersion has grown to DISP_MAX come last (RFC 5905 section 10). */
static void
sort_stages(const struct filter *f, unsigned order[static FILTER_STAGES])
{
	double key[FILTER_STAGES];

	for (unsigned i = 0; i < f->n; i++) {
		double k = filter_stage_disp(f, i, f->stage[0].when) >= DISP_MAX ? DISP_MAX : f->stage[i].delay;
		unsigned j = i;

		for (; j > 0 && key[j - 1] > k; j--) {
			key[j] = key[j - 1];
			order[j] = order[j - 1];
		}
		key[j] = k;
		order[j] = i;
	}
}

bool
filter_stat(struct filter *f, double floor, double freq, struct filter_stat *out, bool *fresh)
{
	unsigned order[FILTER_STAGES] = { 0 };
	const struct sample *best;
	double disp = 0, weights = 0, squares = 0;

	if (f->n == 0)
		return false;
	sort_stages(f, order);
	best = &f->stage[order[0]];
	for (unsigned i = 0; i < f->n; i++) {
		const struct sample *s = &f->stage[order[i]];
		double weight = log2_seconds(-(int)i - 1);
		double diff = sample_raw(s) - sample_raw(best) - freq * monotime_diff(s->when, best->when);

		disp += weight * filter_stage_disp(f, order[i], f->stage[0].when);
		weights += weight;
		squares += diff * diff;
	}
	*out = (struct filter_stat){
		.when = best->when,
		.offset = best->offset,
		.delay = best->delay,
		.disp = disp / weights,
		.jitter = f->n > 1 ? fmax(floor, sqrt(squares / (f->n - 1))) : floor,
	};
	*fresh = f->used.ns == 0 || monotime_before(f->used, best->when);
	if (*fresh)
		f->used = best->when;
	return true;
}
