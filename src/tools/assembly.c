/* SPDX-License-Identifier: BSD-2-Clause */
/* Reassembles answers that came in fragments. */
#include <string.h>

#include "assembly.h"

void
assembly_init(struct assembly *a)
{
	a->nfrags = 0;
	a->held = a->len = 0;
	a->len_known = false;
	a->status = 0;
}

static bool
overlaps(const struct assembly *a, size_t begin, size_t end)
{
	for (size_t i = 0; i < a->nfrags; i++) {
		if (begin < a->frags[i].end && a->frags[i].begin < end)
			return true;
	}
	return false;
}

/* Whether the fragment that ends the answer may end it here: nothing held may lie behind. */
static bool
may_end_at(const struct assembly *a, size_t end)
{
	for (size_t i = 0; i < a->nfrags; i++) {
		if (a->frags[i].end > end)
			return false;
	}
	return !a->len_known;
}

enum assembly_result
assembly_add(struct assembly *a, const struct control *c, const uint8_t *data)
{
	size_t begin = c->offset, end = begin + c->count;

	if (end > sizeof(a->data) || overlaps(a, begin, end))
		return ASSEMBLY_IGNORED;
	if (c->more ? c->count == 0 || (a->len_known && end > a->len) : !may_end_at(a, end))
		return ASSEMBLY_IGNORED;
	if (a->nfrags == CONTROL_FRAGMENTS_MAX)
		return ASSEMBLY_FULL;
	memcpy(a->data + begin, data, c->count);
	a->frags[a->nfrags].begin = begin;
	a->frags[a->nfrags++].end = end;
	a->held += c->count;
	if (begin == 0)
		a->status = c->status;
	if (!c->more) {
		a->len = end;
		a->len_known = true;
	}
	/* Nothing overlaps and nothing lies behind the end, so as many octets as the whole has are the whole. */
	if (a->len_known && a->held == a->len)
		return ASSEMBLY_COMPLETE;
	return a->nfrags == CONTROL_FRAGMENTS_MAX ? ASSEMBLY_FULL : ASSEMBLY_TAKEN;
}
