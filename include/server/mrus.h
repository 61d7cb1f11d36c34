/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several MRU lists read as one: those of the workers, no two of which have an address in common.
 *
 * Entries are in the order of their last packets, and of the lists where these are equal.  Nothing may note a packet meanwhile.
 */
#ifndef SERVER_MRUS_H
#define SERVER_MRUS_H

#include "server/mru.h"

#define MRUS_MAX	64

struct mrus {
	const struct mru	*list[MRUS_MAX];
	size_t			 n;		/* 0: there is no list */
};

/* An entry, and the list it is in. */
struct mrus_place {
	const struct mru_entry	*e;
	size_t			 list;
};

/* A walk from older to newer entries. */
struct mrus_walk {
	const struct mrus	*of;
	const struct mru_entry	*next[MRUS_MAX];	/* of each list; NULL at its end */
};

/* False if the address is in none of them. */
bool mrus_find(const struct mrus *m, const struct addr *a, struct mrus_place *out);

/* A walk over all of it, or over the newest n entries (n > 0). */
void mrus_oldest(struct mrus_walk *w, const struct mrus *m);
void mrus_recent(struct mrus_walk *w, const struct mrus *m, uint64_t n);

/*
 * A walk over what is newer than known[0].  The other nknown - 1 are older places, newest first, that make it cheap to find where to go on in the other
 * lists: without one in each, half a list may have to be looked through.
 */
void mrus_after(struct mrus_walk *w, const struct mrus *m, const struct mrus_place known[], size_t nknown);

/* The next entry without taking it, NULL at the end; and the step over it. */
const struct mru_entry *mrus_peek(const struct mrus_walk *w);
bool mrus_peek_place(const struct mrus_walk *w, struct mrus_place *out);	/* with its list; false at the end */
void mrus_step(struct mrus_walk *w);

/* Sums; bounds of age as of the first list, oldest as of all. */
void mrus_get_stats(const struct mrus *m, struct mru_stats *out);

#endif
