/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time as receivers tell it in text: each kind of telegram is a row that says what stands where, and one reader reads them all.
 *
 * What the rows hold is from the pages of NTPsec and ntp.org on their drivers and on the data formats of the parse driver, which quote the makers' manuals.
 */
#ifndef REFCLOCK_TIMECODE_H
#define REFCLOCK_TIMECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"
#include "calendar.h"

#define TIMECODE_MAX	160	/* octets of the longest telegram, an Oncore's */
#define TIMECODE_MARKS	6

enum timecode_err {
	TIMECODE_OK,
	TIMECODE_PART,		/* sound, but the rest is still to come */
	TIMECODE_OTHER,		/* sound, and tells no time */
	TIMECODE_FORMAT,	/* no telegram that is known, or its checksum is wrong */
	TIMECODE_BAD_TIME,	/* no such time or date */
};

/* How far a receiver trusts itself. */
enum timecode_trust {
	TIMECODE_LOCKED,	/* it hears what it follows */
	TIMECODE_COASTING,	/* it did, and goes by its own oscillator */
	TIMECODE_NEVER,		/* it says not to believe it */
};

struct timecode {
	struct walltime		when;
	uint8_t			leap;	/* enum leap */
	enum timecode_trust	trust;
};

/* What a mark in a telegram means, if it is set. */
enum timecode_mean { MEANS_NEVER, MEANS_COASTING, MEANS_SUMMER, MEANS_CET, MEANS_UTC, MEANS_LEAP, MEANS_LEAP_DELETE };

/* When a mark is set: the last character of its field … */
enum timecode_test {
	MARK_END,		/* no more marks */
	MARK_IN,		/* … is one of chars */
	MARK_NOT_IN,		/* … is none of chars */
	MARK_HEX,		/* … is a hexadecimal digit with one of bits set */
	MARK_HEX_CLEAR,		/* … is a hexadecimal digit with all of bits clear */
	MARK_BITS,		/* … has one of bits set */
	MARK_BITS_CLEAR,	/* … has all of bits clear */
};

struct timecode_mark {
	char			field;
	enum timecode_test	test;
	const char		*chars;
	unsigned		bits;
	enum timecode_mean	means;
};

/* Zones, in which a telegram tells its time unless a mark says otherwise. */
enum timecode_zone { ZONE_UTC, ZONE_CET, ZONE_JST };

struct timecode_format {
	/* One character each: # is a digit, $ any octet that is none, ? any at all, the rest stands for itself. */
	const char		*match;
	/*
	 * Below it, which field each belongs to: Y year, M month, D day, J day of the year, h hour, m minute, s second, f fraction, o sign and H and
	 * N hours and minutes of the zone; other letters are those of marks.
	 */
	const char		*field;
	enum timecode_zone	zone;
	bool			prefix;		/* more may follow */
	bool			reversed;	/* digits from the right */
	bool			held;		/* the instant comes by itself, as a telegram without fields */
	int			early_ms;	/* that it comes before what it tells */
	bool			(*sum)(const uint8_t *p, size_t len);	/* is the checksum right?  NULL = there is none */
	struct timecode_mark	marks[TIMECODE_MARKS];
};

/* What is remembered from telegram to telegram where one alone does not tell it all; begins as zeros. */
struct timecode_memory {
	struct civil	v;
	struct timecode	t;
};

/* Telegrams by maker; each list ends with NULL. */
extern const struct timecode_format *const timecode_meinberg[], *const timecode_dcf7000[], *const timecode_taip[], *const timecode_rcc8000[],
    *const timecode_hopf[], *const timecode_computime[], *const timecode_wharton[], *const timecode_varitext[], *const timecode_sel[],
    *const timecode_spectracom[], *const timecode_truetime[], *const timecode_arbiter[], *const timecode_hp[], *const timecode_zyfer[],
    *const timecode_phone[], *const timecode_tristate[], *const timecode_cdex[], *const timecode_lt2000[], *const timecode_citizen[], *const timecode_seiko[];

/* One telegram, read about now by the host's clock, as one of the formats.  *out is written on TIMECODE_OK only. */
MUST_USE enum timecode_err timecode_read(const struct timecode_format *const formats[], struct timecode_memory *memory, const uint8_t *p, size_t len,
    struct walltime now, struct timecode *out);

/* Schmid's DCF77 clock: ten binary octets, without the 0xfd at the end. */
MUST_USE enum timecode_err timecode_schmid(const uint8_t *p, size_t len, struct walltime now, struct timecode *out);

#endif
