/* SPDX-License-Identifier: BSD-2-Clause */
/* A trimmed mean about the median, as ntpd's clocks have always had it. */
#include <stdlib.h>

#include "readings.h"

#define KEEP_TENTHS	6	/* of the readings */
#define ENOUGH		3	/* readings that show by themselves how much they differ */
#define GAIN		0.25	/* of the running mean, where they are fewer */

void
readings_init(struct readings *r)
{
	*r = (struct readings){ .noise = READINGS_NOISE };
}

void
readings_add(struct readings *r, struct monotime when, double raw)
{
	const struct reading *newest = &r->ring[(r->next + READINGS_MAX - 1) % READINGS_MAX];

	if (r->n > 0 && !monotime_before(newest->when, when))
		return;
	r->ring[r->next] = (struct reading){ when, raw };
	r->next = (r->next + 1) % READINGS_MAX;
	if (r->n < READINGS_MAX)
		r->n++;
}

void
readings_drop(struct readings *r)
{
	r->n = 0;
	r->have_last = false;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorted values: the end that lies farther from the middle goes until few enough are left. */
static void
trim(const double v[], unsigned n, unsigned *from, unsigned *to)
{
	unsigned keep = (n * KEEP_TENTHS + 9) / 10;

	*from = 0;
	*to = n;
	while (*to - *from > keep) {
		double middle = v[(*from + *to) / 2];

		if (v[*to - 1] - middle < middle - v[*from])
			(*from)++;
		else
			(*to)--;
	}
}

/* Fewer than ENOUGH say little of their noise: how far samples lie apart from poll to poll must tell. */
static void
learn_noise(struct readings *r, const struct reading *now, double freq)
{
	double d = now->raw - r->last.raw - freq * monotime_diff(now->when, r->last.when);

	if (r->have_last)
		r->noise = sqrt(r->noise * r->noise + GAIN * (d * d / 2 - r->noise * r->noise));
}

bool
readings_take(struct readings *r, double freq, struct readings_sample *out)
{
	struct reading newest = r->ring[(r->next + READINGS_MAX - 1) % READINGS_MAX];
	double v[READINGS_MAX], sum = 0, squares = 0;
	unsigned from, to;

	if (r->n == 0)
		return false;
	for (unsigned i = 0; i < r->n; i++) {
		const struct reading *one = &r->ring[(r->next + READINGS_MAX - 1 - i) % READINGS_MAX];

		v[i] = one->raw + freq * monotime_diff(newest.when, one->when);
	}
	qsort(v, r->n, sizeof(v[0]), compare);
	trim(v, r->n, &from, &to);
	for (unsigned i = from; i < to; i++)
		sum += v[i];
	newest.raw = sum / (to - from);
	for (unsigned i = from; i < to; i++)
		squares += (v[i] - newest.raw) * (v[i] - newest.raw);
	if (r->n >= ENOUGH)
		r->noise = sqrt(squares / (to - from));
	else
		learn_noise(r, &newest, freq);
	r->last = newest;
	r->have_last = true;
	r->n = 0;
	*out = (struct readings_sample){ .when = newest.when, .raw = newest.raw, .noise = r->noise, .n = to - from };
	return true;
}
