/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of pairs of times: sets of a few places each, the set by the receive time. */
#include <stdlib.h>

#include "base/ntp.h"
#include "interleave.h"

#define WAYS	4
#define SETS	(INTERLEAVE_PAIRS / WAYS)

struct pair {
	struct ntptime	rec;	/* 0 = free */
	struct ntptime	xmt;	/* 0 = not yet known */
	struct addr	peer;
};

struct interleave {
	struct pair	set[SETS][WAYS];
};

struct interleave *
interleave_new(void)
{
	return calloc(1, sizeof(struct interleave));
}

void
interleave_free(struct interleave *t)
{
	free(t);
}

bool
interleave_possible(const struct packet *p)
{
	return p->mode == MODE_CLIENT && p->org.raw != 0 && p->rec.raw != 0 && p->rec.raw != p->xmt.raw;
}

/* Fibonacci hashing (Knuth): the lower bits of a time are as good as random, the upper ones are not. */
static struct pair *
set_of(struct interleave *t, struct ntptime rec)
{
	return t->set[(rec.raw * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (SETS - 1)];
}

static struct pair *
find(struct interleave *t, struct ntptime rec)
{
	struct pair *set = set_of(t, rec);

	for (int i = 0; i < WAYS && rec.raw != 0; i++) {
		if (set[i].rec.raw == rec.raw)
			return &set[i];
	}
	return NULL;
}

void
interleave_note(struct interleave *t, const struct addr *peer, struct ntptime rec)
{
	struct pair *set = set_of(t, rec), *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].rec.raw == 0 || set[i].rec.raw == rec.raw) {
			oldest = &set[i];
			break;
		}
		if (ntptime_diff(set[i].rec, oldest->rec) < 0)
			oldest = &set[i];
	}
	*oldest = (struct pair){ .rec = rec, .peer = *peer };
}

bool
interleave_left(struct interleave *t, struct ntptime rec, struct ntptime xmt)
{
	struct pair *p = find(t, rec);

	if (p != NULL)
		p->xmt = xmt;
	return p != NULL;
}

bool
interleave_take(struct interleave *t, const struct addr *peer, struct ntptime rec, struct ntptime *xmt)
{
	struct pair *p = find(t, rec);

	if (p == NULL || p->xmt.raw == 0 || !addr_same_host(&p->peer, peer))
		return false;
	*xmt = p->xmt;
	*p = (struct pair){ .rec = { 0 } };
	return true;
}
