/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves decimal points. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must_use.h"
#include "strb.h"
#include "units.h"

#define DIGITS_MAX	40

static const char *const ms_vars[] = {
	"rootdelay", "rootdisp", "rootdist", "offset", "sys_jitter", "clk_jitter", "leapsmearoffset", "authdelay", "koffset", "kmaxerr", "kesterr",
	"kppsjitter", "fuzz", "delay", "jitter", "dispersion", "fudgetime1", "fudgetime2", "filtdelay", "filtoffset", "filtdisp", "est_error",
};
static const char *const ppm_vars[] = { "frequency", "clk_wander" };

/* Names of units by powers of 1000, smallest first; at: the one that servers send. */
static const struct scale { const char *names[7]; int n, at; } scales[] = {
	[UNIT_MS] = { { "ns", "us", "ms", "s" }, 4, 2 },
	[UNIT_PPM] = { { "ppt", "ppb", "ppm", "ppk" }, 4, 2 },
};

static bool
is_in(const char *const *names, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	}
	return false;
}

enum unit
units_of(const char *name, size_t len)
{
	if (is_in(ms_vars, NELEMS(ms_vars), name, len))
		return UNIT_MS;
	return is_in(ppm_vars, NELEMS(ppm_vars), name, len) ? UNIT_PPM : UNIT_NONE;
}

/* A decimal as digits without leading zeros, and how many of them are decimals. */
struct decimal { char digits[DIGITS_MAX]; int n, decimals; bool negative; };

static bool
read_decimal(const struct varval *v, struct decimal *d)
{
	bool point = false;
	size_t i = 0;

	*d = (struct decimal){ .negative = v->len > 0 && v->s[0] == '-' };
	if (v->len > 0 && (v->s[0] == '-' || v->s[0] == '+'))
		i++;
	if (i == v->len || v->len >= DIGITS_MAX)
		return false;
	for (; i < v->len; i++) {
		if (v->s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (!isdigit((unsigned char)v->s[i]))
			return false;
		d->decimals += point;
		if (d->n > 0 || v->s[i] != '0')
			d->digits[d->n++] = v->s[i];
	}
	return true;
}

/* Digits in front of the point; 0 or fewer if it is below one. */
static int
whole_digits(const struct decimal *d)
{
	return d->n - d->decimals;
}

static const char *
write_decimal(const struct decimal *d, const char *unit, char *buf)
{
	int whole = whole_digits(d);
	char *p = buf;

	if (d->negative)
		*p++ = '-';
	if (whole <= 0)
		*p++ = '0';
	for (int i = 0; i < whole; i++)
		*p++ = d->digits[i];
	if (d->decimals > 0)
		*p++ = '.';
	for (int i = whole; i < d->n; i++)
		*p++ = i < 0 ? '0' : d->digits[i];
	snprintf(p, (size_t)(buf + UNITS_MAX - p), "%s", unit);
	return buf;
}

const char *
units_put(const struct varval *v, enum unit unit, size_t width, char buf[static UNITS_MAX])
{
	const struct scale *s = &scales[unit];
	struct strb as_sent = strb_init(buf, UNITS_MAX);
	struct decimal d;
	size_t len;
	int at;

	if (unit == UNIT_NONE || !read_decimal(v, &d)) {
		strb_visible(&as_sent, v->s, v->len);
		return buf;
	}
	at = s->at;
	if (d.n == 0) {
		/* Nothing but zeros: the unit tells how fine they are. */
		at -= d.decimals / 3;
		snprintf(buf, UNITS_MAX, "0%s", s->names[at < 0 ? 0 : at]);
		return buf;
	}
	for (; whole_digits(&d) > 3 && at + 1 < s->n; at++)
		d.decimals += 3;
	for (; whole_digits(&d) <= 0 && d.decimals >= 3 && at > 0; at--)
		d.decimals -= 3;
	len = strlen(write_decimal(&d, s->names[at], buf));
	if (width > 0 && len > width && d.decimals > 0) {
		int keep = (int)(len - width) < d.decimals ? d.decimals - (int)(len - width) : 0;
		double value = strtod(buf, NULL);

		/* A point at the end says that there would be more.  Rounding may have made a digit more in front of it. */
		do
			snprintf(buf, UNITS_MAX, "%.*f%s%s", keep, value, keep == 0 ? "." : "", s->names[at]);
		while (strlen(buf) > width && keep-- > 0);
	}
	return buf;
}

const char *
units_f8(double d, int decimals, char buf[static UNITS_MAX])
{
	double limit = pow(10, 7 - decimals - (d < 0));

	if (isnan(d)) {
		snprintf(buf, UNITS_MAX, "nan");
		return buf;
	}
	for (; decimals > 0 && fabs(d) >= limit; decimals--)
		limit *= 10;
	snprintf(buf, UNITS_MAX, "%.*f", decimals, d);
	return buf;
}

const char *
units_shortest(double d, char buf[static UNITS_MAX])
{
	int digits = 1, exponent;
	char *e;

	do
		snprintf(buf, UNITS_MAX, "%.*e", digits - 1, d);
	while (strtod(buf, NULL) != d && digits++ < 17);
	e = strchr(buf, 'e');
	exponent = e != NULL ? (int)strtol(e + 1, NULL, 10) : 0;
	if (exponent < -4 || exponent >= 16)
		return buf;
	snprintf(buf, UNITS_MAX, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 1, d);
	return buf;
}

const char *
units_period(unsigned long seconds, char buf[static UNITS_MAX])
{
	int n = 0;

	if (seconds >= 86400)
		n = snprintf(buf, UNITS_MAX, "%luD ", seconds / 86400);
	snprintf(buf + n, UNITS_MAX - (size_t)n, "%02lu:%02lu:%02lu", seconds % 86400 / 3600, seconds % 3600 / 60, seconds % 60);
	return buf;
}
