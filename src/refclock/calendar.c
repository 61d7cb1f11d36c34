/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads dates and times digit by digit, so that nothing else passes for one. */
#include "base/time.h"
#include "calendar.h"

#define YEAR_MIN	1980
#define YEAR_MAX	2200
#define DAYS_TO_1970	719162	/* from 0001-01-01 */

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
