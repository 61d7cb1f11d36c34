/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leap seconds: the list that IERS and NIST publish (leap-seconds.list), what it says of an instant, and how they are smeared.
 *
 * A leap second is known by the midnight that follows it: +1 puts 23:59:60 before that midnight, -1 leaves out 23:59:59.  All walltimes are UTC as a
 * POSIX clock counts it, which shows 23:59:59 twice.
 */
#ifndef ENGINE_LEAP_H
#define ENGINE_LEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"

#define LEAP_FILE_MAX	(256u << 10)	/* octets: thirty times what the list has come to in fifty years */
#define LEAP_SECONDS_MAX	256
#define LEAP_DAY	86400.0		/* s before a leap second from which it is announced (RFC 5905 section 7.3: in the last day) */
#define LEAP_HASH_LEN	20

struct leap_second {
	struct walltime	at;		/* the midnight after it */
	int		step;		/* s by which TAI - UTC grows: 1 or -1; 0 = no leap second at all */
};

/* A list as it was read.  A plain value. */
struct leap_table {
	struct walltime	updated, expires;	/* updated 0 = not said */
	bool		hashed;			/* its hash is there and has been checked */
	unsigned	n;
	struct { struct walltime from; int tai; } row[LEAP_SECONDS_MAX];	/* from then on TAI - UTC is tai, s; in order of time */
};

enum leap_err {
	LEAP_OK, LEAP_SIZE, LEAP_BINARY, LEAP_TRUNCATED, LEAP_LINE, LEAP_ORDER, LEAP_DATE, LEAP_JUMP, LEAP_MANY, LEAP_EMPTY, LEAP_NO_EXPIRY, LEAP_HASH_FORM,
	LEAP_HASH,
};

/* SHA-1; false if there is none to be had. */
typedef bool leap_sha1(const void *data, size_t len, uint8_t out[static LEAP_HASH_LEN]);

/*
 * Reads a file.  A hash in it must be right; sha1 NULL leaves it unlooked at.  *line is where reading ended, 0 = the file as a whole.  *t is written only
 * on LEAP_OK.
 */
MUST_USE enum leap_err leap_parse(struct leap_table *t, const char *buf, size_t len, leap_sha1 *sha1, unsigned *line);

/* A sentence for people. */
const char *leap_err_str(enum leap_err e);

/* Past its expiry nothing may be concluded from silence: the table is history then. */
bool leap_expired(const struct leap_table *t, struct walltime now);

/* The first leap second whose midnight is after now; step is 0 if there is none. */
struct leap_second leap_next(const struct leap_table *t, struct walltime now);

/* The newest one of all, step 0 if there is none. */
struct leap_second leap_last(const struct leap_table *t);

/* TAI - UTC, s; 0 before the first row. */
int leap_tai(const struct leap_table *t, struct walltime now);

/*
 * An inserted second handed out to clients over the interval before it, along half a cosine (leapsmearinterval).  In monotime, so that it ends when the
 * second begins, which a clock that shows 23:59:59 twice could not tell.
 */
struct leap_smear {
	struct monotime	end;		/* the leap second begins */
	double		interval;	/* s; 0 = there is no smear */
};

/* s by which the time told is ahead of ours: 0 down to almost -1 during the interval, 0 before and after. */
double leap_smear_offset(const struct leap_smear *s, struct monotime now);

/* The reference ID by which a smearing server is known: 254 and the offset as a signed number with 22 fraction bits in 24. */
uint32_t leap_smear_refid(double offset);

#endif
