/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations and their ranks. */
#include <stdio.h>
#include <stdlib.h>

#include "samples.h"

void
samples_add(struct samples *s, int64_t ns)
{
	if (s->n < SAMPLES_MAX)
		s->v[s->n++] = ns > INT32_MAX ? INT32_MAX : ns < INT32_MIN ? INT32_MIN : (int32_t)ns;
}

static int
compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* us at a rank of a sorted sample, rank 0 … 1. */
static double
at_rank(const struct samples *s, double rank)
{
	return s->n == 0 ? 0 : s->v[(size_t)(rank * (double)(s->n - 1) + 0.5)] / 1e3;
}

void
samples_print(const char *name, struct samples *s)
{
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	printf(", \"%s_us\": {\"samples\": %zu, \"p1\": %.3f, \"p50\": %.3f, \"p99\": %.3f, \"p99_9\": %.3f}", name, s->n, at_rank(s, 0.01), at_rank(s, 0.5),
	    at_rank(s, 0.99), at_rank(s, 0.999));
}
