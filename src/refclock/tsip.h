/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TSIP, the binary protocol of Trimble's receivers: DLE, id, data, DLE, ETX, with a DLE in the data doubled; numbers with the most significant octet
 * first.  The packets are those of Trimble's manuals of the Palisade (8F-AD), the Thunderbolt (8F-AB, 8F-AC) and the ACE III (41).
 */
#ifndef REFCLOCK_TSIP_H
#define REFCLOCK_TSIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"
#include "timecode.h"

#define TSIP_MAX	172	/* octets of the longest packet, 58 */

/* Packets that tell the time of a receiver, which differ from model to model. */
enum tsip_kind {
	TSIP_EVENT,		/* 8F-AD: when the event was that we triggered */
	TSIP_TIMING,		/* 8F-AB and 8F-AC after each pulse */
	TSIP_GPS,		/* 41: week and second of GPS */
};

/* Begins as zeros. */
struct tsip {
	uint8_t		buf[TSIP_MAX];	/* id and data, undoubled */
	size_t		len;
	bool		in, dle, id;	/* in a packet; after a DLE; the id has come */
	struct walltime	stamp;		/* when the id of the packet came */
	bool		have_time;	/* of 8F-AB, until 8F-AC comes: */
	struct timecode	time;
	int		month;		/* of it */
	struct walltime	time_stamp;
};

/* One octet more, read at host: true if a packet is whole now. */
MUST_USE bool tsip_feed(struct tsip *t, uint8_t octet, struct walltime host);

/*
 * The packet that is whole.  holdover, s: how long a receiver of TSIP_TIMING may go without satellites, 0 = not at all.  *stamp is when the told instant
 * was by the host's clock; not written for TSIP_EVENT, as we know when we triggered it.
 */
MUST_USE enum timecode_err tsip_read(struct tsip *t, enum tsip_kind kind, double holdover, struct walltime now, struct timecode *out, struct walltime *stamp);

#endif
