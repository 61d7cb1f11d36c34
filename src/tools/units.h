/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as NTPsec's ntpq shows them: with the unit that suits them, in eight columns, or with as many digits as they need. */
#ifndef TOOLS_UNITS_H
#define TOOLS_UNITS_H

#include <stddef.h>

#include "vars.h"

#define UNITS_MAX	64	/* any text these make, and its NUL */

enum unit { UNIT_NONE, UNIT_MS, UNIT_PPM };

/* The unit in which servers send the variable of that name. */
enum unit units_of(const char *name, size_t len);

/*
 * A decimal number with a unit by a power of 1000 that leaves one to three digits in front of the point ("40us", "7.94753s"); of zero, the
 * unit of the last digit sent.  No wider than width unless the whole part is; width 0: all digits.  What is no number stays as it is, made visible.
 * Returns buf, as all below.
 */
const char *units_put(const struct varval *v, enum unit unit, size_t width, char buf[static UNITS_MAX]);

/* Eight columns with this many decimals (3 or 4), fewer where they do not fit. */
const char *units_f8(double d, int decimals, char buf[static UNITS_MAX]);

/* The fewest digits that read back as d, as Python writes them ("0.0", "7947.53", "6e-05"). */
const char *units_shortest(double d, char buf[static UNITS_MAX]);

/* "[nD ]HH:MM:SS" of seconds. */
const char *units_period(unsigned long seconds, char buf[static UNITS_MAX]);

#endif
