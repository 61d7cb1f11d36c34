/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LOCAL (type 1): our own clock, which is right by definition.  The selection comes to it only when there is nothing else.
 *
 * time1 is shown as the offset, as in ntpd; nothing follows it, since following oneself by an offset would never end.
 */
#include "driver.h"
#include "sysclock/sysclock.h"

bool
local_open(struct refclock *c)
{
	c->readings.noise = 0;
	return true;
}

void
local_ask(struct refclock *c)
{
	struct clockread now;

	sysclock_read(c->env.clock, &now);
	refclock_reading(c, now.wall, now.host, c->info.opts.time1);
}

void
local_close(struct refclock *c)
{
	(void)c;
}
