/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversions between the kinds of instant, and the host's clocks. */
#include "base/time.h"

struct ntptime
walltime_to_ntp(struct walltime t)
{
	int64_t s = t.ns / NS_PER_S, ns = t.ns % NS_PER_S;

	if (ns < 0) {
		s--;
		ns += NS_PER_S;
	}
	return (struct ntptime){ ((uint64_t)s + NTP_UNIX_EPOCH) << 32 | ((uint64_t)ns << 32) / NS_PER_S };
}

struct walltime
ntptime_to_wall(struct ntptime t, struct walltime pivot)
{
	int64_t pivot_s = pivot.ns / NS_PER_S - (pivot.ns % NS_PER_S < 0) + NTP_UNIX_EPOCH;
	int64_t s = pivot_s + (int32_t)((uint32_t)(t.raw >> 32) - (uint32_t)pivot_s) - NTP_UNIX_EPOCH;

	/* Rounded up, so that walltime -> ntptime -> walltime is the identity. */
	return (struct walltime){ s * NS_PER_S + (int64_t)(((t.raw & UINT32_MAX) * NS_PER_S + UINT32_MAX) >> 32) };
}

struct monotime
monotime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct monotime){ (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec };
}

struct walltime
walltime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return walltime_of(&ts);
}

struct walltime
walltime_of(const struct timespec *ts)
{
	return (struct walltime){ (int64_t)ts->tv_sec * NS_PER_S + ts->tv_nsec };
}

uint32_t
short_from_seconds(double seconds)
{
	if (!(seconds > 0))
		return 0;
	if (seconds >= 65535.0)
		return UINT32_C(0xffff0000);
	return (uint32_t)lround(ceil(seconds * 65536.0));
}

double
short_to_seconds(uint32_t raw)
{
	return raw / 65536.0;
}

double
log2_seconds(int exponent)
{
	if (exponent < -64)
		exponent = -64;
	if (exponent > 64)
		exponent = 64;
	return ldexp(1.0, exponent);
}
