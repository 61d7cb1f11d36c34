/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Motorola's binary protocol, of Oncore receivers and those that speak like them: @@, two letters, data, a checksum, CR, LF.  The messages that tell
 * position, status and time are Ba, Ea and Ha, of receivers with 6, 8 and 12 channels (Motorola, "Oncore user's guide" and "M12 user's guide").
 */
#ifndef REFCLOCK_ONCORE_H
#define REFCLOCK_ONCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"
#include "timecode.h"

/* Begins as zeros. */
struct oncore {
	uint8_t		buf[TIMECODE_MAX];
	size_t		len, want;	/* octets so far; of a message, once its letters are known */
	struct walltime	stamp;		/* when its first octet came */
};

/* One octet more, read at host: true if one of the three messages is whole now; others are passed over. */
MUST_USE bool oncore_feed(struct oncore *o, uint8_t octet, struct walltime host);

/* The message that is whole. */
MUST_USE enum timecode_err oncore_read(const struct oncore *o, struct walltime now, struct timecode *out);

#endif
