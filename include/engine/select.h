/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom to believe: intersection, clustering and combining (RFC 5905 section 11.2).
 *
 * All three work on one array of candidates and leave their verdict in the tally of each.
 */
#ifndef ENGINE_SELECT_H
#define ENGINE_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sample.h"

/* Verdict on a source; the values are the selection codes of the peer status word (RFC 9327 section 3). */
enum tally {
	TALLY_REJECT = 0,	/* ' ' unusable */
	TALLY_FALSETICK = 1,	/* 'x' outside the intersection */
	TALLY_EXCESS = 2,	/* '.' more than maxclock */
	TALLY_OUTLIER = 3,	/* '-' discarded by clustering */
	TALLY_CANDIDATE = 4,	/* '+' combined */
	TALLY_BACKUP = 5,	/* '#' survivor, not combined */
	TALLY_SYSPEER = 6,	/* '*' */
	TALLY_PPSPEER = 7,	/* 'o' */
};

/* The tos directive. */
struct select_opts {
	unsigned	minsane, minclock, maxclock;
	double		mindist, maxdist;	/* s */
	double		maxdisp;		/* s, root distance with which a server has no time to give */
	uint8_t		floor, ceiling;		/* strata */
	uint8_t		orphan;			/* stratum; STRATUM_UNSYNC and above: off */
	double		orphanwait;		/* s */
	bool		cohort;
	struct walltime	basedate;		/* no server means a time before this: it resolves the era; 0 = the one nearest to our clock */
};

extern const struct select_opts select_defaults;

struct candidate {
	struct estimate	est;		/* of our clock now */
	double		rootdist;	/* s, half the width of its correctness interval (RFC 5905 section 11.2.1) */
	double		jitter;		/* s */
	uint16_t	id;		/* association */
	uint8_t		stratum;
	bool		prefer, always;	/* options prefer and true */
	enum tally	tally;		/* out */
};

struct selection {
	unsigned	truechimers, survivors;
	int		syspeer;	/* index, or -1: no majority, or fewer than minsane */
	struct estimate	est;		/* combined over the survivors */
	double		jitter;		/* s, selection and peer jitter (RFC 5905 section 11.2.3) */
};

/*
 * Finds the largest majority clique of the n candidates and marks the rest falsetickers.
 * Returns how many truechimers there are; 0 if there is no majority (all are then falsetickers).  A candidate with always set is
 * a truechimer in either case.
 */
unsigned select_intersect(struct candidate c[], size_t n, const struct select_opts *o);

/* Discards outliers among the candidates that are TALLY_CANDIDATE until the rest agree or minclock are left.  Returns how many are left. */
unsigned select_cluster(struct candidate c[], size_t n, const struct select_opts *o);

/* Weighs the survivors' estimates by inverse variance; needs at least one survivor.  syspeer is set by select_run. */
void select_combine(const struct candidate c[], size_t n, struct selection *out);

/*
 * All three in turn.  before is the id of the system peer so far (0: none), kept while it survives and is no worse by much, so that
 * the system peer does not flap.
 */
void select_run(struct candidate c[], size_t n, const struct select_opts *o, uint16_t before, struct selection *out);

#endif
