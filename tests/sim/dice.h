/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulator's randomness: independent reproducible streams.
 *
 * Each part of the model (oscillator, every direction of every path, the daemon's own dice) draws from a stream of its own, so that a
 * daemon that polls differently still meets the same oscillator.
 */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include <stdint.h>

struct stream {
	uint64_t	state;
	double		spare;		/* second half of a normal pair */
	int		have_spare;
};

/* Stream number id of this seed. */
struct stream stream_open(uint64_t seed, uint64_t id);

uint64_t stream_u64(struct stream *s);
double stream_uniform(struct stream *s);	/* 0 <= u < 1 */
double stream_normal(struct stream *s);		/* mean 0, variance 1 */
double stream_exp(struct stream *s);		/* mean 1 */

#endif
