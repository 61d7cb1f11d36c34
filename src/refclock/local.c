/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LOCAL (type 1): our own clock, which is right by definition.  The selection comes to it only when there is nothing else.
 *
 * With flag1 (NTPsec's lockclock) somebody else keeps it right, and the kernel knows how well: then it is a source like any other, as long as the
 * kernel says that it is synchronised.  time1 is shown as the offset, as in ntpd; nothing follows it, since following oneself by an offset would
 * never end.
 */
#include <sys/timex.h>

#include "driver.h"
#include "sysclock/sysclock.h"

bool
local_open(struct refclock *c)
{
	c->readings.noise = 0;
	return true;
}

uint8_t
local_leap(int state, int status)
{
	if (state == TIME_ERROR || state < 0 || (status & STA_UNSYNC) != 0)
		return LEAP_UNSYNC;
	return state == TIME_INS ? LEAP_INSERT : state == TIME_DEL ? LEAP_DELETE : LEAP_NONE;
}

/* What the kernel has been told by whoever keeps the clock. */
static void
ask_kernel(struct refclock *c)
{
	struct timex t;
	int state = sysclock_kernel_state(c->env.clock, &t);
	uint8_t leap = local_leap(state, t.status);

	if (leap == LEAP_UNSYNC)
		refclock_bad(c, CLOCK_BAD_SIGNAL);
	c->leap = leap;
	c->readings.noise = 1e-6 * (double)(t.maxerror > 0 ? t.maxerror : 0);
}

void
local_ask(struct refclock *c)
{
	struct clockread now;

	if (c->info.opts.flag[0])
		ask_kernel(c);
	sysclock_read(c->env.clock, &now);
	/* One reading to a sample, so that its noise stays what has just been said. */
	readings_drop(&c->readings);
	refclock_reading(c, now.wall, now.host, c->info.opts.time1);
}

void
local_close(struct refclock *c)
{
	(void)c;
}
