/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PPS (type 22): a pulse at the beginning of each second.  Which second begins, others must know: the selection turns to it only while one of
 * them is followed.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "ppsdev.h"

#define PERIOD_US	500000	/* twice a second, so that no pulse is missed */

struct pulse {
	struct ppsdev	*dev;
	struct event	*tick;
};

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct refclock *c = arg;
	struct pulse *p = c->state;
	struct walltime host;

	(void)fd;
	(void)what;
	if (!ppsdev_fetch(p->dev, &host))
		return;
	refclock_pulse(c, host, c->info.opts.time1);
	if (c->info.opts.flag[3])
		refclock_tell(c, "%lld.%09lld", (long long)(host.ns / NS_PER_S), (long long)(host.ns % NS_PER_S));
}

bool
pps_open(struct refclock *c)
{
	struct pulse *p = c->state = calloc(1, sizeof(*p));
	const char *path = c->info.opts.ppspath[0] != '\0' ? c->info.opts.ppspath : c->device;
	struct timeval period = { .tv_usec = PERIOD_US };

	if (p == NULL)
		return false;
	p->dev = ppsdev_open(c, path, c->info.opts.flag[1]);
	p->tick = event_new(c->env.base, -1, EV_PERSIST, on_tick, c);
	return p->dev != NULL && p->tick != NULL && event_add(p->tick, &period) == 0;
}

void
pps_close(struct refclock *c)
{
	struct pulse *p = c->state;

	if (p == NULL)
		return;
	ppsdev_close(p->dev);
	if (p->tick != NULL)
		event_free(p->tick);
	free(p);
}
