/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences of NMEA 0183 (and of Garmin and u-blox) that tell the time. */
#ifndef REFCLOCK_NMEA_PARSE_H
#define REFCLOCK_NMEA_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "base/time.h"

#define NMEA_LEN_MAX	128	/* octets of a sentence; the standard has 82 */

/* Kinds, as bits of the driver's mode; from any talker. */
enum nmea_kind { NMEA_RMC = 0x01, NMEA_GGA = 0x02, NMEA_GLL = 0x04, NMEA_ZDA = 0x08, NMEA_PGRMF = 0x100, NMEA_PUBX04 = 0x200 };
#define NMEA_KINDS	(NMEA_RMC | NMEA_GGA | NMEA_GLL | NMEA_ZDA | NMEA_PGRMF | NMEA_PUBX04)

enum nmea_err {
	NMEA_OK,
	NMEA_OTHER,		/* a sound sentence that tells no time */
	NMEA_FORMAT,		/* none at all, or its checksum is missing or wrong */
	NMEA_NO_FIX,		/* the receiver itself says not to believe it */
	NMEA_BAD_TIME,		/* no such time or date; a leap second is among them */
};

struct nmea_time {
	enum nmea_kind	kind;
	int64_t		day_ns;		/* since midnight UTC */
	bool		have_date;
	int32_t		days;		/* since 1970-01-01, if have_date */
	size_t		place, place_len;	/* where in the sentence the position stands, to be hidden; 0 = it has none */
};

/* One line without its end.  *out is written on NMEA_OK only, but for the kind, place and place_len, which are there after NMEA_NO_FIX too. */
MUST_USE enum nmea_err nmea_parse(const char *s, size_t len, struct nmea_time *out);

/* The instant that is meant: where there is no date, the one nearest to now. */
struct walltime nmea_when(const struct nmea_time *t, struct walltime now);

#endif
