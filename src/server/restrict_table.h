/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of the restrict list of one address family, in matching order, and which of them is in force for an address.  Private to this room.
 * Zeroed is empty.  An empty table matches nothing, so whoever asks has put a default entry in.
 */
#ifndef SERVER_RESTRICT_TABLE_H
#define SERVER_RESTRICT_TABLE_H

#include <stdalign.h>

#include "server/restrict.h"

/* An address or mask as one big number; IPv4 in the topmost 32 bits, so that both families order and invert alike. */
struct restrict_key { uint64_t hi, lo; };

#define CACHE_LINE	64	/* octets, of the usual processors */

/* What every packet touches is in the first line of the cache, which is why the order of members is as it is. */
struct restrict_item {
	alignas(CACHE_LINE) struct restrict_entry e;	/* what callers are given */
	struct restrict_key		addr, mask;
	struct restrict_item		*wider;	/* the next to ask where this one's port does not fit; only among masks without holes */
	unsigned		refs;	/* associations that a source entry is for */
	bool			builtin, marked;
};

struct restrict_table {
	struct restrict_item	**v;		/* in matching order */
	size_t		 n, cap;
	uint64_t		*start;		/* 2 * cap + 1 starts of runs, ascending: the upper halves … */
	uint64_t		*start_lo;	/* … the lower ones … */
	struct restrict_item	**first;	/* … and the entry of each */
	size_t		 runs;
	uint32_t	*index;		/* the run in which each block of addresses with equal upper 16 bits begins; NULL where there are few */
	struct restrict_item	**holed;	/* entries whose mask has holes, in matching order */
	size_t		 nholed;
	bool		 stale;		/* runs and holed are to be made anew */
};

/* Fills in the item of a rule.  False if its address and mask do not belong together. */
MUST_USE bool restrict_item_init(struct restrict_item *it, const struct restrict_rule *r);

/* Where probe stands, or would stand. */
size_t restrict_table_place(const struct restrict_table *t, const struct restrict_item *probe, bool *there);

/* An item not yet in a table; NULL with errno.  Freed by free. */
MUST_USE struct restrict_item *restrict_item_new(void);

/* Room for so many more; everything that matching may need is allocated here.  -1 with errno. */
MUST_USE int restrict_table_reserve(struct restrict_table *t, size_t more);

/* Puts an allocated item, which is the table's from now on, into its place; there must be room. */
void restrict_table_insert(struct restrict_table *t, size_t at, struct restrict_item *it);

void restrict_table_delete(struct restrict_table *t, size_t at);
void restrict_table_free(struct restrict_table *t);

/* The item in force for an address and port of the table's family. */
struct restrict_item *restrict_table_match(struct restrict_table *t, const struct addr *src);

/* Fills the empty table to with copies whose hits are 0, ready to match.  False with errno if there is no memory. */
MUST_USE bool restrict_table_copy(struct restrict_table *to, const struct restrict_table *from);

/* Adds the hits of from to those of the same items of to, and zeroes them. */
void restrict_table_collect(struct restrict_table *to, struct restrict_table *from);

/* Whether an item has one of these flags. */
bool restrict_table_uses(const struct restrict_table *t, unsigned flags);

#endif
