/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for random tests: the seed is printed, and taken from SEED if that is set. */
#ifndef TESTS_SERVER_CHANCE_H
#define TESTS_SERVER_CHANCE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t
chance_seed(const char *test)
{
	const char *given = getenv("SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	printf("%s: SEED=%" PRIu64 "\n", test, seed);
	fflush(stdout);
	return seed;
}

static inline uint32_t
chance(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(z >> 32);
}

#endif
