/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock that is steered, from its process to its end. */
#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/build.h"
#include "daemon/clockproc.h"
#include "daemon/daemon.h"
#include "daemon/lock.h"
#include "root.h"

/* Two daemons on different addresses have no port in common, but may have a clock. */
static bool
is_only_steersman(struct root *r)
{
	r->lock = lock_take();
	if (r->lock == -1 && errno == EADDRINUSE) {
		errno = 0;
		log_errx("another time daemon is at work here, exiting");
		return false;
	}
	if (r->lock == -1)
		log_debug("no lock to be had on the clock");
	return true;
}

static bool
is_software(const struct root *r)
{
	return r->config->clock == CLOCK_SOFTWARE || !r->config->enable_ntp;
}

/* Before there is anything that the clock process should not have: descriptors, keys, threads. */
bool
root_steering_start(struct root *r)
{
	if (!is_software(r))
		r->keeper = clockproc_link(r->opts);
	return is_software(r) || r->keeper != -1;
}

static struct sysclock *
kernel_clock(struct root *r)
{
	const struct discipline_opts *t = &r->config->tinker;
	struct sysclock *c;

	r->bounds = (struct clock_bounds){ .panic = t->panic, .stepout = t->stepout, .slew_max = t->slew_max, .slew_start = t->slew_start,
	    .panic_once = t->panic_once, .not_before = { (int64_t)build_time() * NS_PER_S } };
	c = sysclock_kept(r->keeper, &r->bounds);
	if (c != NULL)
		r->keeper = -1;
	return c;
}

/* The clock process says nothing of itself: this is its end. */
static void
on_keeper_lost(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_errx("the clock process has ended: nobody can steer the clock any more, exiting");
	root_stop(arg, EXIT_CLOCK);
}

static bool
watch_keeper(struct root *r)
{
	int fd = sysclock_link(r->clock);

	if (fd == -1)
		return true;
	r->keeper_lost = event_new(r->base, fd, EV_READ, on_keeper_lost, r);
	return r->keeper_lost != NULL && event_add(r->keeper_lost, NULL) == 0;
}

bool
root_steering_open(struct root *r)
{
	bool software = is_software(r);

	r->watch_only = !r->config->enable_ntp && r->config->clock == CLOCK_KERNEL;
	if (!software && !is_only_steersman(r))
		return false;
	r->clock = software ? sysclock_software() : kernel_clock(r);
	if (r->clock == NULL) {
		log_err("the kernel's clock cannot be steered (CAP_SYS_TIME, or \"clock software\" in the configuration, would help)");
		return false;
	}
	if (!r->config->enable_ntp)
		log_info("disable ntp: the clock is only watched");
	else if (software)
		log_info("steering a software clock; the kernel's clock is left alone");
	return watch_keeper(r);
}

void
root_steering_close(struct root *r)
{
	if (r->keeper_lost != NULL)
		event_free(r->keeper_lost);
	sysclock_free(r->clock);
	if (r->keeper != -1)
		close(r->keeper);
	if (r->lock != -1)
		close(r->lock);
}
