/* SPDX-License-Identifier: BSD-2-Clause */
/* The cluster algorithm (RFC 5905 section 11.2.2). */
#include "engine/select.h"

/* RMS distance of candidate i from the other survivors, s: its selection jitter. */
static double
selection_jitter(const struct candidate c[], size_t n, size_t i, unsigned survivors)
{
	double squares = 0;

	for (size_t j = 0; j < n; j++) {
		double d = c[j].est.offset - c[i].est.offset;

		if (c[j].tally == TALLY_CANDIDATE)
			squares += d * d;
	}
	return survivors > 1 ? sqrt(squares / (survivors - 1)) : 0;
}

unsigned
select_cluster(struct candidate c[], size_t n, const struct select_opts *o)
{
	unsigned survivors = 0;

	for (size_t i = 0; i < n; i++)
		survivors += c[i].tally == TALLY_CANDIDATE;
	while (survivors > o->minclock) {
		double worst = -1, least_jitter = INFINITY;
		size_t out = n;

		for (size_t i = 0; i < n; i++) {
			double jitter;

			if (c[i].tally != TALLY_CANDIDATE)
				continue;
			jitter = selection_jitter(c, n, i, survivors);
			least_jitter = fmin(least_jitter, c[i].jitter);
			if (jitter > worst && !c[i].prefer && !c[i].always) {
				worst = jitter;
				out = i;
			}
		}
		/* Discarding more could not make the survivors agree better than one source agrees with itself. */
		if (out == n || worst <= least_jitter)
			break;
		c[out].tally = TALLY_OUTLIER;
		survivors--;
	}
	return survivors;
}
