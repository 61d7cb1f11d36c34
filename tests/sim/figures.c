/* SPDX-License-Identifier: BSD-2-Clause */
/* Root mean squares, percentiles, medians. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

static const double thresholds[3] = { 5e-3, 1e-3, 100e-6 };

static const struct {
	const char	*name;
	bool		 more_is_better;
} figure_table[FIGURES] = {
	[FIGURE_RMS] = { "rms_us", false },
	[FIGURE_P99] = { "p99_us", false },
	[FIGURE_MAX] = { "max_us", false },
	[FIGURE_FREQ] = { "freq_rms_ppm", false },
	[FIGURE_INTERVAL] = { "interval_s", true },
	[FIGURE_STEPS] = { "steps", false },
	[FIGURE_GAVE_UP] = { "gave_up", false },
	[FIGURE_IN_BOUND] = { "in_bound_fraction", true },
	[FIGURE_BOUND] = { "bound_rms_us", false },
	[FIGURE_SYNCED] = { "synced_fraction", true },
	[FIGURE_FIRST] = { "synced_s", false },
	[FIGURE_5MS] = { "converge_s.5ms", false },
	[FIGURE_1MS] = { "converge_s.1ms", false },
	[FIGURE_100US] = { "converge_s.100us", false },
};

const char *
figure_name(enum figure f)
{
	return figure_table[f].name;
}

enum figure
figure_find(const char *name)
{
	unsigned f = 0;

	while (f < FIGURES && strcmp(figure_table[f].name, name) != 0)
		f++;
	return (enum figure)f;
}

bool
meter_init(struct meter *m, double length, double settle)
{
	*m = (struct meter){ .settle = settle, .cap = (size_t)(length - settle) + 2, .above = { 0 }, .first = INFINITY };
	m->size = calloc(m->cap, sizeof(*m->size));
	return m->size != NULL;
}

void
meter_free(struct meter *m)
{
	free(m->size);
}

void
meter_take(struct meter *m, const struct second *s)
{
	double size = fabs(s->offset);

	m->seconds++;
	if (s->synced) {
		m->synced++;
		m->in_bound += size <= s->rootdist;
		m->bound_squares += s->rootdist * s->rootdist;
		m->first = fmin(m->first, s->t);
	}
	for (unsigned i = 0; i < 3; i++) {
		if (size > thresholds[i])
			m->above[i] = s->t;
	}
	if (s->t <= m->settle || m->n == m->cap)
		return;
	m->size[m->n++] = (float)(size * 1e6);
	m->squares += size * size;
	m->freq_squares += s->freq * s->freq;
}

static int
float_cmp(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

void
meter_read(struct meter *m, double length, double packets_per_source, unsigned steps, bool gave_up, struct figures *out)
{
	double n = (double)m->n;

	qsort(m->size, m->n, sizeof(*m->size), float_cmp);
	*out = (struct figures){ .value = {
		[FIGURE_RMS] = 1e6 * sqrt(m->squares / n),
		[FIGURE_P99] = m->size[(size_t)(0.99 * (n - 1))],
		[FIGURE_MAX] = m->size[m->n - 1],
		[FIGURE_FREQ] = 1e6 * sqrt(m->freq_squares / n),
		[FIGURE_INTERVAL] = length / packets_per_source,
		[FIGURE_STEPS] = steps,
		[FIGURE_GAVE_UP] = gave_up,
		[FIGURE_IN_BOUND] = m->synced == 0 ? 1 : (double)m->in_bound / (double)m->synced,
		[FIGURE_BOUND] = m->synced == 0 ? INFINITY : 1e6 * sqrt(m->bound_squares / (double)m->synced),
		[FIGURE_SYNCED] = (double)m->synced / (double)m->seconds,
		[FIGURE_FIRST] = m->first,
	} };
	for (unsigned i = 0; i < 3; i++)
		out->value[FIGURE_5MS + i] = m->above[i] > length - 2 ? INFINITY : m->above[i];
}

static int
double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
figures_median(const struct figures f[], size_t n, struct figures *median, struct figures *worst)
{
	double *v = calloc(n, sizeof(*v));

	for (unsigned k = 0; k < FIGURES && v != NULL; k++) {
		for (size_t i = 0; i < n; i++)
			v[i] = f[i].value[k];
		qsort(v, n, sizeof(*v), double_cmp);
		/* Between the middle two; written so that "never" stays never. */
		median->value[k] = v[(n - 1) / 2] == v[n / 2] ? v[n / 2] : (v[(n - 1) / 2] + v[n / 2]) / 2;
		worst->value[k] = figure_table[k].more_is_better ? v[0] : v[n - 1];
	}
	free(v);
}
