/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three kinds of instant and one kind of difference.
 *
 * Instants are integers so that nothing is lost and nothing needs normalising; differences are double seconds
 * because they are small and all algebra is done on them.  One-member structs keep the kinds apart at compile time.
 * RFC 5905 section 6 makes the same split: subtract at full width, then go to floating point.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct walltime { int64_t ns; };	/* CLOCK_REALTIME or our software clock: ns since 1970-01-01 UTC, good until 2262 */
struct monotime { int64_t ns; };	/* CLOCK_MONOTONIC: ns since an unstated start, never stepped */
struct ntptime  { uint64_t raw; };	/* wire format 32.32, era unstated, 0 = unset */

#define NTP_UNIX_EPOCH	2208988800u	/* seconds from 1900-01-01 to 1970-01-01 (RFC 5905 figure 4) */
#define NS_PER_S	1000000000

/* a - b in seconds. */
static inline double
walltime_diff(struct walltime a, struct walltime b)
{
	return 1e-9 * (double)(a.ns - b.ns);
}

static inline double
monotime_diff(struct monotime a, struct monotime b)
{
	return 1e-9 * (double)(a.ns - b.ns);
}

/* a - b in seconds; right across an era roll-over while |a - b| < 68 years. */
static inline double
ntptime_diff(struct ntptime a, struct ntptime b)
{
	return 0x1p-32 * (double)(int64_t)(a.raw - b.raw);
}

/* t + seconds, to the nearest nanosecond.  seconds must be finite and |seconds| < 1e9. */
static inline struct walltime
walltime_add(struct walltime t, double seconds)
{
	return (struct walltime){ t.ns + (seconds == 0 ? 0 : llround(seconds * 1e9)) };
}

static inline struct monotime
monotime_add(struct monotime t, double seconds)
{
	return (struct monotime){ t.ns + llround(seconds * 1e9) };
}

static inline bool
monotime_before(struct monotime a, struct monotime b)
{
	return a.ns < b.ns;
}

/* Wire form of a wall time; the era falls away.  Rounds down, to 233 ps. */
struct ntptime walltime_to_ntp(struct walltime t);

/* The wall time nearest to pivot (within 68 years) that has this wire form. */
struct walltime ntptime_to_wall(struct ntptime t, struct walltime pivot);

/* The clocks of the host.  Only drivers, event glue and tools read them: the core is given its time. */
struct monotime monotime_now(void);
struct walltime walltime_now(void);

/* Wall time of a timespec, as the kernel's timestamps come. */
struct walltime walltime_of(const struct timespec *ts);

/* Seconds as a 16.16 wire value, clamped to 0 … 65535.99; and back (RFC 5905 section 6, NTP short format). */
uint32_t short_from_seconds(double seconds);
double short_to_seconds(uint32_t raw);

/* 2^exponent in seconds; the exponent is clamped to -64 … 64, so bytes off the wire may be passed. */
double log2_seconds(int exponent);

#endif
