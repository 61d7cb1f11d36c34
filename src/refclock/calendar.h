/* SPDX-License-Identifier: BSD-2-Clause */
/* Days of the Gregorian calendar, as receivers name them. */
#ifndef REFCLOCK_CALENDAR_H
#define REFCLOCK_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"

#define DAY_NS	(86400 * (int64_t)1000000000)
#define CALENDAR_GPS_EPOCH	3657	/* days from 1970-01-01 to 1980-01-06, when GPS began to count its weeks (IS-GPS-200) */

/* A date and a time of day as a receiver tells them. */
struct civil {
	bool	have_date, have_time;
	int	year;			/* two digits or all of them; -1 = it tells none */
	int	year_digits;
	int	month, day;		/* or, with month 0: */
	int	yearday;		/* from 1 */
	int	hour, minute, second;
	int64_t	ns;			/* 0 … NS_PER_S - 1 */
	int	east;			/* s, what its zone is ahead of UTC */
};

/*
 * The instant that is meant, if there is one.  A year that is not told is the one that comes nearest to now; of a year of two digits the century is that of
 * GPS, 1980 to 2079.  A leap second, :60, is none: it cannot be told from the second after.
 */
MUST_USE bool calendar_when(const struct civil *v, struct walltime now, struct walltime *out);

/*
 * Receivers of GPS that count weeks in ten bits tell, after their last year, a time that is a multiple of 1024 weeks ago: brought forward to within half of
 * that of now.
 */
struct walltime calendar_forward(struct walltime told, struct walltime now);

/* Days since 1970-01-01 of the day'th day of a year, from 1. */
MUST_USE bool calendar_yearday(int year, int day, int32_t *days);

/* Days since 1970-01-01, if there is such a day between 1980, when GPS began, and 2200. */
MUST_USE bool calendar_day(int year, int month, int day, int32_t *days);

/* n decimal digits at s + at, which has len octets. */
MUST_USE bool calendar_digits(const char *s, size_t len, size_t at, size_t n, int *out);

/* ".fff" at the end of a time, as ns; nothing is 0. */
MUST_USE bool calendar_fraction(const char *s, size_t len, int64_t *ns);

#endif
