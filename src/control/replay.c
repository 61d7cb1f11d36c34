/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of hashes.  It is gone through from end to end: changes by hand are rare, and who signs them is trusted. */
#include <stdbool.h>
#include <stdlib.h>

#include "control/replay.h"

#define CAP_FIRST	64

static bool
grow(struct replay *r)
{
	size_t cap = r->cap == 0 ? CAP_FIRST : 2 * r->cap;
	uint64_t *bigger = cap > REPLAY_MAX ? NULL : reallocarray(r->seen, cap, sizeof(*bigger));

	if (bigger == NULL)
		return false;
	r->seen = bigger;
	r->cap = cap;
	return true;
}

enum replay_verdict
replay_take(struct replay *r, uint64_t hash)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->seen[i] == hash)
			return REPLAY_SEEN;
	}
	if (r->n == r->cap && !grow(r))
		return REPLAY_FULL;
	r->seen[r->n++] = hash;
	return REPLAY_FRESH;
}

void
replay_free(struct replay *r)
{
	free(r->seen);
	*r = (struct replay){ 0 };
}
