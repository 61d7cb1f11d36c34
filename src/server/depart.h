/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long after our look at the clock replies leave, as the kernel says of a few of them, so that the transmit time can say when a reply will leave rather than when it
 * was made: some 2 us later under load, and some 10 where the processor had gone to sleep.  Private to this room; pure.
 *
 * A stamp must not claim a later departure than there is: what is learnt is not the mean but below it, and apart for batches that follow each other closely and
 * those that come after a rest.  To be asked costs the kernel time of its own, some of it before it looks at the clock: all that a call with a question takes longer
 * than one without is taken off.  Where the kernel never says anything, replies are taken to leave at once.
 */
#ifndef SERVER_DEPART_H
#define SERVER_DEPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"

#define DEPART_PACES	4	/* time since the batch before: below 0.1, 1 and 10 ms, and above */

#define DEPART_GROUP	8	/* replies that leave together, at most */

/* Of batches that come at one pace. */
struct depart_lead {
	int64_t		ns;
	unsigned	seen;	/* samples */
	unsigned	until;	/* groups to go before the next one is asked about */
	int64_t		took_ns[DEPART_GROUP];	/* by a call that sends 1, 2, … replies, averaged; 0 = not known */
};

struct depart {
	struct depart_lead lead[DEPART_PACES];
	size_t		pace;		/* of the batch in work */
	struct monotime	last;		/* when it came */
	int64_t		spacing_ns;	/* between replies that leave together, averaged */
	/* The group asked about: */
	struct walltime	ready;		/* our look at the clock */
	uint64_t	xmt;		/* transmit time of its first reply, by which it is known; 0 = none */
	struct walltime	left;		/* ns 0: not heard of yet */
};

/* A batch has come; now is monotonic. */
void depart_batch(struct depart *d, struct monotime now);

/* Is the next group of replies to be asked about?  Counts the groups. */
MUST_USE bool depart_due(struct depart *d);

/* What lies between the look at the clock and the departure of the group's first reply, ns. */
int64_t depart_lead(const struct depart *d);

/* The kernel has been asked about a group's first reply, with this transmit time; ready is when the clock was last looked at. */
void depart_ask(struct depart *d, struct walltime ready, uint64_t xmt);

/* The reply with this transmit time has left at host time.  False if it is not the one asked about. */
bool depart_left(struct depart *d, uint64_t xmt, struct walltime host);

/* How long the n replies of a group took together, counted from our look at the clock: one that was not asked about, or one that was, and ends the asking. */
void depart_sent(struct depart *d, size_t n, int64_t took_ns);
void depart_learn(struct depart *d, size_t n, int64_t took_ns);

#endif
