/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has come together within a day, so that many small things cannot do what one large one may not.  Kept hour by hour: what is older than 24 hours
 * falls out with its hour.  Zero-initialise.
 */
#ifndef BASE_DAYSUM_H
#define BASE_DAYSUM_H

#include "base/time.h"

#define DAYSUM_HOURS	25	/* the one under way and 24 whole ones before it */

struct daysum {
	int64_t	hour;			/* of monotime; the one under way */
	double	by[DAYSUM_HOURS];	/* [hour % DAYSUM_HOURS] */
};

/* now must not run backwards between calls. */
void daysum_add(struct daysum *s, struct monotime now, double amount);
double daysum_total(const struct daysum *s, struct monotime now);

#endif
