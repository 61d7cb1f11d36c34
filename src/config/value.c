/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads numbers strictly. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

#define WEEK_S		604800.0
#define NUMBER_MAX	64	/* characters of a number that are worth reading */

static const char digits[] = "0123456789";

enum value_err
value_int(const char *s, int64_t *out)
{
	const char *body = s + (*s == '-' || *s == '+');
	bool hex = body[0] == '0' && (body[1] == 'x' || body[1] == 'X');
	size_t len;
	long long v;

	if (hex)
		body += 2;
	len = strspn(body, hex ? "0123456789abcdefABCDEF" : digits);
	if (len == 0 || body[len] != '\0')
		return VALUE_SYNTAX;
	errno = 0;
	v = strtoll(s, NULL, hex ? 16 : 10);
	if (errno == ERANGE)
		return VALUE_OVERFLOW;
	*out = v;
	return VALUE_OK;
}

/* Length of a plain decimal number at the beginning of s, 0 if there is none: strtod alone would take nan, inf and hexadecimal. */
static size_t
decimal_span(const char *s)
{
	const char *p = s + (*s == '-' || *s == '+');
	size_t whole = strspn(p, digits), fraction = 0, exponent;

	p += whole;
	if (*p == '.') {
		fraction = strspn(p + 1, digits);
		p += 1 + fraction;
	}
	if (whole + fraction == 0)
		return 0;
	if (*p == 'e' || *p == 'E') {
		const char *e = p + 1 + (p[1] == '-' || p[1] == '+');

		exponent = strspn(e, digits);
		if (exponent > 0)
			p = e + exponent;
	}
	return (size_t)(p - s);
}

enum value_err
value_double(const char *s, double *out)
{
	char buf[NUMBER_MAX];
	size_t len = decimal_span(s);
	double v;

	if (len == 0 || len >= sizeof(buf))
		return VALUE_SYNTAX;
	memcpy(buf, s, len);
	buf[len] = '\0';
	v = strtod(buf, NULL);
	for (s += len; *s == 'g' || *s == 'G'; s++)
		v += WEEK_S * (*s == 'g' ? 1024 : 8192);
	if (*s != '\0')
		return VALUE_SYNTAX;
	if (!isfinite(v))
		return VALUE_OVERFLOW;
	*out = v;
	return VALUE_OK;
}
