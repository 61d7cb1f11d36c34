/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of hours. */
#include <stddef.h>

#include "base/daysum.h"

#define HOUR_NS	(INT64_C(3600) * NS_PER_S)

/* Hours that have passed since the sum was last looked at count no more. */
static void
forget(struct daysum *s, struct monotime now)
{
	int64_t hour = now.ns / HOUR_NS;

	for (int64_t gone = 1; gone <= hour - s->hour && gone <= DAYSUM_HOURS; gone++)
		s->by[(s->hour + gone) % DAYSUM_HOURS] = 0;
	s->hour = hour;
}

void
daysum_add(struct daysum *s, struct monotime now, double amount)
{
	forget(s, now);
	s->by[s->hour % DAYSUM_HOURS] += amount;
}

double
daysum_total(const struct daysum *s, struct monotime now)
{
	struct daysum then = *s;
	double sum = 0;

	forget(&then, now);
	for (size_t i = 0; i < DAYSUM_HOURS; i++)
		sum += then.by[i];
	return sum;
}
