/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signed requests that have been carried out, so that none is carried out twice: a control message has no time in it, and a captured one
 * stays good as long as its key does.  What is remembered is a keyed hash of each; nothing is forgotten before the process ends.
 */
#ifndef CONTROL_REPLAY_H
#define CONTROL_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"

#define REPLAY_MAX	65536	/* requests; then no more are taken */

struct replay {
	uint64_t	*seen;
	size_t		n, cap;
};

enum replay_verdict {
	REPLAY_FRESH,	/* not seen before, and remembered from now on */
	REPLAY_SEEN,
	REPLAY_FULL,	/* nothing more can be remembered, so nothing more can be told from a repetition */
};

/* Starts from a struct of zeros. */
MUST_USE enum replay_verdict replay_take(struct replay *r, uint64_t hash);
void replay_free(struct replay *r);

#endif
