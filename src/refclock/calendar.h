/* SPDX-License-Identifier: BSD-2-Clause */
/* Days of the Gregorian calendar, as receivers name them. */
#ifndef REFCLOCK_CALENDAR_H
#define REFCLOCK_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"

#define DAY_NS	(86400 * (int64_t)1000000000)

/* Days since 1970-01-01, if there is such a day between 1980, when GPS began, and 2200. */
MUST_USE bool calendar_day(int year, int month, int day, int32_t *days);

/* n decimal digits at s + at, which has len octets. */
MUST_USE bool calendar_digits(const char *s, size_t len, size_t at, size_t n, int *out);

/* ".fff" at the end of a time, as ns; nothing is 0. */
MUST_USE bool calendar_fraction(const char *s, size_t len, int64_t *ns);

#endif
