/* SPDX-License-Identifier: BSD-2-Clause */
/* Dice thrown with the C library's kernel-seeded generator. */
#include <math.h>
#include <stdlib.h>

#include "base/random.h"

uint64_t
random_u64(void)
{
	uint64_t v;

	arc4random_buf(&v, sizeof(v));
	return v;
}

struct dice
dice_throw(void)
{
	return (struct dice){ .nonce = random_u64(), .uniform = ldexp((double)(random_u64() >> 11), -53) };
}
