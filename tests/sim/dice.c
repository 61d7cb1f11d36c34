/* SPDX-License-Identifier: BSD-2-Clause */
/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) and the distributions made of it. */
#include <math.h>

#include "dice.h"

#define GOLDEN	UINT64_C(0x9e3779b97f4a7c15)

static uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct stream
stream_open(uint64_t seed, uint64_t id)
{
	return (struct stream){ .state = mix(mix(seed + GOLDEN) + (id + 1) * GOLDEN) };
}

uint64_t
stream_u64(struct stream *s)
{
	s->state += GOLDEN;
	return mix(s->state);
}

double
stream_uniform(struct stream *s)
{
	return 0x1p-53 * (double)(stream_u64(s) >> 11);
}

double
stream_exp(struct stream *s)
{
	return -log1p(-stream_uniform(s));
}

/* The polar method: two independent normals from one point in the unit disc. */
double
stream_normal(struct stream *s)
{
	double u, v, r, scale;

	if (s->have_spare) {
		s->have_spare = 0;
		return s->spare;
	}
	do {
		u = 2 * stream_uniform(s) - 1;
		v = 2 * stream_uniform(s) - 1;
		r = u * u + v * v;
	} while (r >= 1 || r == 0);
	scale = sqrt(-2 * log(r) / r);
	s->spare = v * scale;
	s->have_spare = 1;
	return u * scale;
}
