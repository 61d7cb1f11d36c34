/* SPDX-License-Identifier: BSD-2-Clause */
/* The combine algorithm (RFC 5905 section 11.2.3), weighing by inverse variance instead of inverse root distance. */
#include "engine/select.h"

#define VAR_FLOOR	1e-20	/* s^2 and (s/s)^2: below it weights would say nothing */

void
select_combine(const struct candidate c[], size_t n, struct selection *out)
{
	double w = 0, wf = 0, x = 0, f = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		double wi = 1 / (c[i].est.var + VAR_FLOOR), wfi = 1 / (c[i].est.freq_var + VAR_FLOOR);

		if (c[i].tally != TALLY_CANDIDATE)
			continue;
		w += wi;
		wf += wfi;
		x += wi * c[i].est.offset;
		f += wfi * c[i].est.freq;
	}
	out->est = (struct estimate){ .offset = x / w, .freq = f / wf, .var = 1 / w, .freq_var = 1 / wf };
	for (size_t i = 0; i < n; i++) {
		double d = c[i].est.offset - out->est.offset;

		if (c[i].tally == TALLY_CANDIDATE)
			squares += d * d / (c[i].est.var + VAR_FLOOR) / w;
	}
	out->jitter = sqrt(squares);
}
