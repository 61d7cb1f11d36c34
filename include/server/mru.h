/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of most recently used addresses: who asked, how often, and the state of the rate limit for each.
 *
 * One keyed hash table and one list by recency, sized once; memory is touched in the steps of initmem and incmem, as entries come.  The key is the address without
 * port, IPv6 by its /64 (link-local: by its lower half, as all of them share one prefix).  A hash key from the caller's random
 * generator keeps strangers from aiming at one bucket.
 */
#ifndef SERVER_MRU_H
#define SERVER_MRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"
#include "server/ratelimit.h"

#define MRU_DEPTH_MAX	(1 << 22)	/* entries where the configuration says "no cap" */
#define MRU_LOCALS_MAX	64		/* addresses of ours that are told apart */

/* The mru directive, by ntpd's names. */
struct mru_opts {
	int64_t	maxdepth;	/* entries; 0: as many as maxmem holds; negative: no cap */
	int64_t	maxmem;		/* kB; counts where maxdepth is 0 (of the two directives the last one wins: it sets the other to 0) */
	int64_t	mindepth;	/* entries: below this, newcomers never recycle */
	double	maxage;		/* s: from mindepth on, an oldest entry above this age is recycled; negative: never by age */
	double	minage;		/* s: a full list with an oldest entry younger than this takes no newcomers */
	int64_t	initalloc, initmem;	/* entries, kB: of memory that is there from the start; initalloc counts unless it is 0 */
	int64_t	incalloc, incmem;	/* likewise: of memory that comes when that is full, and so on */
};
extern const struct mru_opts mru_defaults;

struct mru_entry {
	struct addr		addr;		/* as of the last packet, with its port */
	struct monotime		first, last;
	uint64_t		count;		/* packets */
	struct ratelimit	rate;
	uint32_t		dropped;	/* packets refused by the rate limit */
	uint16_t		flags;		/* RESTRICT_… of the last packet; LIMITED only if it was over the limit, KOD only if a KoD went out */
	uint8_t			version : 4, mode : 4;	/* of the last packet */
	uint8_t			local;		/* which address of ours the last packet came to, see mru_local; 0 = not known */
	float			score;		/* 1/s, as of last: recent rate of packets */
	uint32_t		older, newer, chain;	/* private to mru.c: numbers of entries, 0 = none */
};

/* What ntpq's monstats shows. */
struct mru_stats {
	uint64_t	exists;		/* packets whose address was there */
	uint64_t	added;		/* entries made from fresh memory */
	uint64_t	recycled_old;	/* entries made from one above maxage */
	uint64_t	recycled_full;	/* entries made from a younger one, the list being full */
	uint64_t	none;		/* newcomers not recorded */
	size_t		depth, deepest, maxdepth, mindepth;	/* entries */
	size_t		slots;		/* chains of the hash table that are in use */
	size_t		mem, maxmem;	/* octets in use and at most */
	double		maxage, minage;	/* s */
	struct monotime	oldest;		/* last packet of the oldest entry; 0 where depth is */
};

/* What a packet tells the list. */
struct mru_sight {
	struct addr	addr;
	struct addr	local;		/* of ours, that it came to; family 0: not known */
	double		decay;		/* s: a score falls to a third in this time; 0 = no score is kept */
	uint16_t	flags;
	uint8_t		version, mode;
};

struct mru_key { uint64_t k[2]; };

struct mru;

/* key must be random.  NULL with errno. */
MUST_USE struct mru *mru_new(const struct mru_opts *o, const struct mru_key *key);
void mru_free(struct mru *m);

/*
 * Notes a packet.  Returns the entry, now the newest, or NULL if the list has no room for a newcomer.  A new entry has count 1 and its
 * rate limit zeroed.  chance: 32 random bits; monitor as in struct discard_opts.
 */
struct mru_entry *mru_note(struct mru *m, const struct mru_sight *s, struct monotime now, double monitor, uint32_t chance);

/*
 * Starts to fetch from memory what noting packets from these addresses (up to MRU_AHEAD) will touch, so that a batch waits for a big list once and not once
 * per packet.  Nothing changes but speed.
 */
#define MRU_AHEAD	32
void mru_ahead(const struct mru *m, const struct addr *const a[], size_t n);

/* Looks without noting; NULL if not there. */
const struct mru_entry *mru_find(const struct mru *m, const struct addr *a);

/* The address of ours that the last packet of this entry came to; NULL: it is not known, or there are too many of them. */
const struct addr *mru_local(const struct mru *m, const struct mru_entry *e);

/* Walking by age, NULL at the end.  Valid until the next mru_note. */
const struct mru_entry *mru_newest(const struct mru *m);
const struct mru_entry *mru_oldest(const struct mru *m);
const struct mru_entry *mru_older(const struct mru *m, const struct mru_entry *e);
const struct mru_entry *mru_newer(const struct mru *m, const struct mru_entry *e);

void mru_get_stats(const struct mru *m, struct mru_stats *out);

#endif
