/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz targets share: taking an input apart.  What must hold is asserted; what an input means stands in each target, and every
 * input means something, as a cursor that has run out yields zeros.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#ifdef NDEBUG
#error "these targets consist of assertions"
#endif

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A length of two octets and as many octets, or as many as there are: a datagram in memory of exactly its size, so that a read beyond
 * it is seen.  The caller frees it.
 */
static inline uint8_t *
fuzz_datagram(struct rd *in, size_t max, size_t *len)
{
	size_t n = rd_u16(in);
	uint8_t *copy;

	if (n > max)
		n = max;
	if (n > rd_left(in))
		n = rd_left(in);
	copy = malloc(n > 0 ? n : 1);
	assert(copy != NULL);
	if (n > 0)
		memcpy(copy, rd_bytes(in, n), n);
	*len = n;
	return copy;
}

/* A double of seconds: 24 bits with a sign, times 2^(octet mod 64 - 40), cut to bound. */
static inline double
fuzz_seconds(struct rd *in, double bound)
{
	uint32_t v = rd_u32(in);
	double s = ldexp((int32_t)(v << 8) / 256, (int)(v >> 24) % 64 - 40);

	return s > bound ? bound : s < -bound ? -bound : s;
}

#endif
