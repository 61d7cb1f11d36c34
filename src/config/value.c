/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads numbers strictly. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/value.h"

#define WEEK_S		604800.0
#define DAY_S		86400
#define DAYS_1970	25567	/* days from 1900 to 1970 */
#define DAYS_MAX	109572	/* … to 2200 */
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

/* "2026-01-31" with no more and no less, and a day that there is. */
static bool
calendar_day(const char *s, int64_t *out)
{
	struct tm tm = { .tm_mday = 0 }, settled;
	const char *end;
	time_t t;

	if (strspn(s, digits) != 4 || strlen(s) != 10)
		return false;
	end = strptime(s, "%Y-%m-%d", &tm);
	if (end == NULL || *end != '\0')
		return false;
	/* It makes the first of March of a 29 February that there is not. */
	settled = tm;
	t = timegm(&settled);
	*out = (int64_t)t;
	return settled.tm_mday == tm.tm_mday && settled.tm_mon == tm.tm_mon;
}

enum value_err
value_date(const char *s, int64_t *out)
{
	int64_t day = 0, t = 0;

	if (!calendar_day(s, &t)) {
		enum value_err e = s[0] >= '0' && s[0] <= '9' ? value_int(s, &day) : VALUE_SYNTAX;

		if (e != VALUE_OK)
			return e;
		if (day > DAYS_MAX)
			return VALUE_OVERFLOW;
		t = (day - DAYS_1970) * DAY_S;
	}
	if (t < 0 || t > (int64_t)(DAYS_MAX - DAYS_1970) * DAY_S)
		return VALUE_OVERFLOW;
	*out = t;
	return VALUE_OK;
}
