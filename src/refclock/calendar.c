/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads dates and times digit by digit, so that nothing else passes for one. */
#include <stdlib.h>

#include "base/time.h"
#include "calendar.h"

#define YEAR_MIN	1980
#define YEAR_MAX	2200
#define DAYS_TO_1970	719162	/* from 0001-01-01 */
#define CENTURY_PIVOT	80	/* years of two digits below this are of this century */
#define ROLL_NS		(1024 * 7 * DAY_NS)

bool
calendar_day(int year, int month, int day, int32_t *days)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int y = year - 1;

	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
	    day > before[month] - before[month - 1] + (leap && month == 2))
		return false;
	*days = 365 * y + y / 4 - y / 100 + y / 400 + before[month - 1] + (leap && month > 2) + day - 1 - DAYS_TO_1970;
	return true;
}

bool
calendar_digits(const char *s, size_t len, size_t at, size_t n, int *out)
{
	int v = 0;

	if (len < at + n)
		return false;
	for (size_t i = at; i < at + n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + s[i] - '0';
	}
	*out = v;
	return true;
}

bool
calendar_fraction(const char *s, size_t len, int64_t *ns)
{
	int64_t unit = NS_PER_S / 10, sum = 0;

	if (len > 0 && s[0] != '.')
		return false;
	for (size_t i = 1; i < len; i++, unit /= 10) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		sum += unit * (s[i] - '0');
	}
	*ns = sum;
	return true;
}

bool
calendar_yearday(int year, int day, int32_t *days)
{
	int32_t first, next;

	if (!calendar_day(year, 1, 1, &first) || !calendar_day(year, 12, 31, &next) || day < 1 || day > next - first + 1)
		return false;
	*days = first + day - 1;
	return true;
}

static bool
date_of(const struct civil *v, int year, int32_t *days)
{
	return v->month == 0 ? calendar_yearday(year, v->yearday, days) : calendar_day(year, v->month, v->day, days);
}

/* The year is not told: near the turn of the year it may be another than now's. */
static bool
nearest_date(const struct civil *v, struct walltime now, int64_t within, int32_t *days)
{
	int year = 1970 + (int)(now.ns / DAY_NS * 400 / 146097);
	int64_t best = INT64_MAX;

	for (int y = year - 1; y <= year + 1; y++) {
		int64_t away;
		int32_t d;

		if (!date_of(v, y, &d))
			continue;
		away = llabs(d * DAY_NS + within - now.ns);
		if (away < best) {
			best = away;
			*days = d;
		}
	}
	return best != INT64_MAX;
}

bool
calendar_when(const struct civil *v, struct walltime now, struct walltime *out)
{
	int64_t within = ((v->hour * 60 + v->minute) * 60 + v->second - v->east) * (int64_t)NS_PER_S + v->ns;
	int year = v->year_digits == 2 ? v->year + (v->year < CENTURY_PIVOT ? 2000 : 1900) : v->year;
	int32_t days;

	if (!v->have_date || !v->have_time || v->hour > 23 || v->minute > 59 || v->second > 59)
		return false;
	if (v->year == -1 ? !nearest_date(v, now, within, &days) : !date_of(v, year, &days))
		return false;
	out->ns = days * DAY_NS + within;
	return true;
}

struct walltime
calendar_forward(struct walltime told, struct walltime now)
{
	while (now.ns - told.ns > ROLL_NS / 2)
		told.ns += ROLL_NS;
	return told;
}
