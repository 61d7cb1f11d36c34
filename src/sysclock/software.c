/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A clock inside the process: the host's, plus a steered offset that runs at a steered rate.  The host's clock is never set.
 *
 *	clock = host + base + rate * (host - since)
 */
#include <stdlib.h>

#include "host.h"

struct software {
	struct clockmap	map;
};

/* Starts a new straight line at now, through where the old one is. */
static void
rebase(struct software *s)
{
	struct walltime host;
	struct monotime mono;

	host_read(NULL, &host, &mono);
	s->map.base_ns = clockmap_apply(&s->map, host).ns - host.ns;
	s->map.since = host;
}

static int
run(void *driver, const struct steer *how, struct monotime *when, double *actual)
{
	struct software *s = driver;

	(void)when;
	rebase(s);
	s->map.rate = how->freq + how->slew;
	*actual = s->map.rate;
	return 0;
}

static int
step(void *driver, struct monotime now, double offset)
{
	struct software *s = driver;

	(void)now;
	s->map.base_ns += llround(offset * 1e9);
	return 0;
}

static int
set_status(void *driver, const struct sysclock_status *st)
{
	(void)driver;
	(void)st;
	return 0;
}

static void
get_map(const void *driver, struct clockmap *map)
{
	*map = ((const struct software *)driver)->map;
}

/* Whoever sets the host's clock does not mean ours: what the host gained, the offset loses. */
static bool
absorb(void *driver, double jump)
{
	struct software *s = driver;
	int64_t ns = llround(jump * 1e9);

	s->map.base_ns -= ns;
	s->map.since.ns += ns;
	return true;
}

static void
close_software(void *driver)
{
	free(driver);
}

static const struct sysclock_ops software_ops = {
	.name = "software",
	.steers_host = false,
	.read = host_read,
	.run = run,
	.step = step,
	.set_status = set_status,
	.map = get_map,
	.watch = host_watch,
	.absorb = absorb,
	.close = close_software,
};

struct sysclock *
sysclock_software(void)
{
	struct software *s = calloc(1, sizeof(*s));
	struct sysclock *c;
	struct monotime mono;

	if (s == NULL)
		return NULL;
	host_read(NULL, &s->map.since, &mono);
	c = sysclock_new(&software_ops, s);
	if (c == NULL)
		free(s);
	return c;
}
