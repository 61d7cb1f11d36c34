/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MRU list for readers, piece by piece from the oldest entry to the newest (RFC 9327, ntpd's extension).
 *
 * A request names what its sender has already; the answer goes on from there.  Instants are shown as wall time by one fixed
 * difference to monotime, so that an entry that was not heard again looks the same in every answer.
 */
#ifndef CONTROL_MRULIST_H
#define CONTROL_MRULIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "control/nonce.h"
#include "control/text.h"
#include "server/mrus.h"
#include "wire/control.h"

#define MRULIST_FRAGS_MAX	128	/* datagrams of one answer */
#define MRULIST_LIMIT_MAX	256	/* rows, where a request does not bound the datagrams */
#define MRULIST_KNOWN_MAX	16	/* entries a request may name as known */
#define MRULIST_TEXT_MAX	(MRULIST_FRAGS_MAX * CONTROL_DATA_MAX)

struct mrulist_known {
	struct addr	addr;
	struct ntptime	last;
	bool		have_addr, have_last;
};

struct mrulist_request {
	unsigned	frags, limit;		/* 0 = not given */
	uint64_t	mincount, mindrop, recent;
	double		minscore;		/* 1/s */
	struct addr	local;			/* of ours, port 0; family 0 = any */
	unsigned	resall, resany;		/* RESTRICT_… */
	double		maxlstint, minlstint;	/* s; maxlstint < 0 = no bound */
	struct mrulist_known known[MRULIST_KNOWN_MAX];	/* newest first */
	unsigned	nknown;
	const char	*nonce;			/* into the text parsed; NULL = none */
	size_t		nonce_len;
};

/*
 * Reads a request.  Parameters that are not known are passed over, as ntpd does, which may have more of them some day.  False: one of those known is
 * malformed or out of bounds; rq->nonce is written all the same, so that only those are told who have one.
 */
MUST_USE bool mrulist_parse(struct mrulist_request *rq, const char *text, size_t len);

/* What the list is shown with. */
struct mrulist_frame {
	const struct mrus	*mrus;
	struct monotime		now;
	int64_t			ahead_ns;	/* wall time shown minus monotime */
	const char		*nonce;		/* the new one */
};

/*
 * Adds the answer to t (empty, room for MRULIST_TEXT_MAX), which then fits the datagrams asked for.  False if none of the entries named as
 * known is there unchanged: the reader must offer others.
 */
MUST_USE bool mrulist_put(struct text *t, const struct mrulist_request *rq, const struct mrulist_frame *f);

#endif
