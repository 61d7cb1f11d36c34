/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes over slowly, so that a pulse that comes and goes is no source of steps. */
#include "gpsd_choice.h"

#define PULSE_LOST	120.0	/* s without a pulse, after which the serial line must do … */
#define PULSE_BACK	40.0	/* … and with them, after which it counts again */
#define GAP		3.0	/* s between pulses that are one series */

bool
gpsd_choice_serial(struct gpsd_choice *c, struct monotime now)
{
	if (c->mode != GPSD_AUTO)
		return c->mode == GPSD_SERIAL;
	if (c->by_pulse && monotime_diff(now, c->pulse) > PULSE_LOST)
		c->by_pulse = false;
	return !c->by_pulse;
}

bool
gpsd_choice_pulse(struct gpsd_choice *c, struct monotime now)
{
	if (c->pulse.ns == 0 || monotime_diff(now, c->pulse) > GAP)
		c->since = now;
	/* Where the serial line is silent, nobody else would notice. */
	if (c->by_pulse && monotime_diff(now, c->pulse) > PULSE_LOST)
		c->by_pulse = false;
	c->pulse = now;
	if (c->mode != GPSD_AUTO)
		return c->mode == GPSD_PULSE;
	if (!c->by_pulse && monotime_diff(now, c->since) >= PULSE_BACK)
		c->by_pulse = true;
	return c->by_pulse;
}
