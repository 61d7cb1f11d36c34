/* SPDX-License-Identifier: BSD-2-Clause */
/* Many durations, and what they come to by rank. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MAX	(1 << 22)	/* later ones are not kept */

struct samples {
	int32_t		*v;		/* ns; SAMPLES_MAX of them */
	size_t		 n;
};

void samples_add(struct samples *s, int64_t ns);

/* Sorts them and prints their ranks as one member of an object of JSON, with a comma before it. */
void samples_print(const char *name, struct samples *s);

#endif
