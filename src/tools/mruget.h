/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies a server's MRU list piece by piece, from the oldest entry to the newest (RFC 9327's READ_MRU as ntpd extends it).
 *
 * Pure: it writes requests and reads answers; whoever sends them keeps the time.  An entry that is heard again meanwhile is sent
 * again and moves to the newest end.  A hostile server is held by bounds: so many rows, so many answers that bring nothing new.
 */
#ifndef TOOLS_MRUGET_H
#define TOOLS_MRUGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"
#include "strb.h"
#include "vars.h"

#define MRUGET_ROWS_MAX		1000000
#define MRUGET_RESTARTS_MAX	8	/* as many as ntpq has always tried */
#define MRUGET_FRAGS_MAX	32	/* datagrams that are kept of one answer */

enum { MRU_HAS_ADDR = 1, MRU_HAS_LAST = 2, MRU_HAS_DROPPED = 4 };

struct mru_row {
	struct addr	addr;
	struct ntptime	last, first;
	unsigned long	count, dropped;
	double		score;		/* NaN = not told */
	uint16_t	flags;		/* restrictions that held for the last packet */
	uint8_t		mode_version;
	uint8_t		has;		/* which of the above have come, MRU_HAS_…: a row counts with address and last */
	uint32_t	older, newer;	/* neighbours in the order of last packets */
	uint32_t	next;		/* of the same hash bucket */
};

struct mruget {
	struct mru_row	*rows;		/* in no order; the chain is oldest … newest */
	size_t		 n, cap;
	uint32_t	 oldest, newest;
	uint32_t	*buckets;
	size_t		 nbuckets;
	size_t		 updates;	/* rows that came again */
	struct ntptime	 now;		/* the server's, of the answer that ended the list */
	char		 nonce[64];
	unsigned	 nonce_uses;
	unsigned	 frags;		/* datagrams to ask for at once */
	unsigned	 limit;		/* rows to ask for instead, with a server that wants that; 0 = none */
	unsigned	 restarts;
	uint32_t	 offer;		/* newest row that requests name as known */
};

enum mruget_result {
	MRUGET_MORE,		/* ask for the next piece */
	MRUGET_DONE,		/* that was the newest entry: the list is whole */
	MRUGET_STUCK,		/* the answer brought nothing on, and so would others */
	MRUGET_TOO_MANY,	/* more rows than are kept */
	MRUGET_NO_MEMORY,
};

/* An empty list; false without memory. */
MUST_USE bool mruget_init(struct mruget *m);
void mruget_free(struct mruget *m);

/* Takes the answer to a request for a nonce; false if there is none in it. */
MUST_USE bool mruget_take_nonce(struct mruget *m, const struct vars *v);

/* Does the next request need a new nonce? */
bool mruget_wants_nonce(const struct mruget *m);

/* Writes the next request: filters is "name=value, …" or "". */
void mruget_request(struct mruget *m, const char *filters, struct strb *out);

/* Takes an answer. */
MUST_USE enum mruget_result mruget_take(struct mruget *m, const struct vars *v);

/* The server knows none of the rows named any more: names older ones, or begins anew.  MRUGET_MORE or MRUGET_STUCK. */
MUST_USE enum mruget_result mruget_unknown(struct mruget *m);

/* The server refused the amount asked for.  MRUGET_MORE or MRUGET_STUCK. */
MUST_USE enum mruget_result mruget_too_much(struct mruget *m);

/* The answer got lost, in part or whole: asks for less, with a new nonce.  MRUGET_MORE or MRUGET_STUCK. */
MUST_USE enum mruget_result mruget_lost(struct mruget *m);

#endif
