/* SPDX-License-Identifier: BSD-2-Clause */
/* Ages the system snapshot. */
#include "engine/sysvars.h"

void
sysvars_init(struct sysvars *s, int8_t precision)
{
	*s = (struct sysvars){
		.leap = LEAP_UNSYNC,
		.stratum = STRATUM_UNSYNC,
		.precision = precision,
		.refid = REFID_INIT,
		.disp_rate = DISP_RATE,
		.tc = POLL_MIN_DEFAULT,
	};
}

double
sysvars_rootdisp(const struct sysvars *s, struct monotime now)
{
	double age = s->updated.ns == 0 ? 0 : monotime_diff(now, s->updated);

	return fmin(s->rootdisp + s->disp_rate * fmax(age, 0), DISP_MAX);
}

double
sysvars_rootdist(const struct sysvars *s, struct monotime now)
{
	return s->rootdelay / 2 + sysvars_rootdisp(s, now);
}
