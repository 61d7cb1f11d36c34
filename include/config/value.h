/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as ntp.conf writes them.  Nothing here takes NaN, infinity or a number that does not fit. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdint.h>

#include "base/must_use.h"

enum value_err {
	VALUE_OK,
	VALUE_SYNTAX,	/* no number of this kind */
	VALUE_OVERFLOW,	/* a number that does not fit its type */
};

/* Decimal with an optional sign, or 0x and hexadecimal digits. */
MUST_USE enum value_err value_int(const char *s, int64_t *out);

/*
 * Decimal number with optional sign, fraction and exponent.  Letters g and G at the end, any number of them, add 1024 and 8192 weeks
 * in seconds each: the eras by which GPS receivers go wrong (NTPsec).
 */
MUST_USE enum value_err value_double(const char *s, double *out);

/* A day at 0 h UTC, as seconds since 1970: "2026-01-31", or days since 1900.  From 1970 to 2200. */
MUST_USE enum value_err value_date(const char *s, int64_t *out);

#endif
