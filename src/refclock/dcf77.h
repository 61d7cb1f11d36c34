/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DCF77 as it comes from the air: each second begins with a pulse of 0.1 s for a 0 or of 0.2 s for a 1, but for the last of a minute, and the pulses of a
 * minute say which minute comes next (PTB, "DCF77 time code").  A serial line of 50 bits per second reads each pulse as one octet.
 */
#ifndef REFCLOCK_DCF77_H
#define REFCLOCK_DCF77_H

#include <stdbool.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"
#include "timecode.h"

#define DCF77_BITS	59	/* pulses of a minute; one more before a leap second */

/* Begins as zeros. */
struct dcf77 {
	uint8_t		bits[DCF77_BITS + 1];
	unsigned	n;		/* pulses of this minute so far */
	bool		heard, whole;	/* a pulse, and this minute from its begin */
	struct walltime	last;		/* pulse */
	bool		told, known;	/* the last minute told one; and that is believed */
	struct timecode	minute;		/* when this one began */
};

/* Was that octet, read at so many bits per second, a 0 or a 1?  -1 for noise. */
int dcf77_bit(uint8_t octet, int baud);

/*
 * A pulse that was read at host.  TIMECODE_OK with the time of the second it began, once that is known: a minute is believed if the one before told the
 * minute before, or if our own clock says the same.  TIMECODE_PART until then.  TIMECODE_FORMAT for pulses that are not a second apart or noise, and for
 * minutes that contradict themselves.
 */
MUST_USE enum timecode_err dcf77_pulse(struct dcf77 *d, int bit, struct walltime host, struct timecode *out);

/* The minute that 59 bits tell. */
MUST_USE enum timecode_err dcf77_read(const uint8_t bits[static DCF77_BITS], struct walltime now, struct timecode *out);

#endif
