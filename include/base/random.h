/* SPDX-License-Identifier: BSD-2-Clause */
/* Randomness from the system's generator.  Only glue calls it: pure rooms are handed their dice. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* The chance a pure function needs for one call, thrown by its caller. */
struct dice {
	uint64_t	nonce;		/* secret: goes out as a transmit timestamp */
	double		uniform;	/* 0 <= u < 1, independent of nonce: may show in the timing of packets */
};

struct dice dice_throw(void);
uint64_t random_u64(void);

#endif
