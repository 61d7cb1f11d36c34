/* SPDX-License-Identifier: BSD-2-Clause */
/* What the client room tells the daemon, and what follows from it: for the listener, the service manager, the starting parent, the log and the end. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "daemon/background.h"
#include "daemon/build.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "root.h"
#include "wire/control.h"

void
root_stop(struct root *r, int status)
{
	r->status = status;
	event_base_loopbreak(r->base);
}

void
root_publish(struct root *r)
{
	struct clockmap map;

	if (r->listener == NULL || r->client == NULL)
		return;
	sysclock_map(r->clock, &map);
	listener_publish(r->listener, &client_system(r->client)->vars, &map);
}

static void
tell_manager(const struct root *r)
{
	const struct sysvars *v = &client_system(r->client)->vars;
	char line[128];

	if (v->leap == LEAP_UNSYNC)
		snprintf(line, sizeof(line), "STATUS=Not synchronised");
	else if (client_system(r->client)->alone)
		snprintf(line, sizeof(line), "STATUS=Without a source, serving this machine's time at stratum %u", v->stratum);
	else
		snprintf(line, sizeof(line), "STATUS=Synchronised at stratum %u%s", v->stratum, sysclock_steers_host(r->clock) ? "" : " (software clock)");
	notify_manager(line);
}

void
root_parent_may_go(struct root *r, int status)
{
	if (r->waiting == -1)
		return;
	background_done(r->waiting, status);
	r->waiting = -1;
}

/* What time it would be with this correction; true if that cannot be. */
static bool
is_before_build(const struct root *r, double offset, char date[static 32])
{
	struct clockread now;
	struct tm tm;
	time_t t;

	sysclock_read(r->clock, &now);
	t = (time_t)(walltime_add(now.wall, offset).ns / NS_PER_S);
	if (gmtime_r(&t, &tm) == NULL || strftime(date, 32, "%Y-%m-%d", &tm) == 0)
		date[0] = '\0';
	return t < build_time();
}

/* Why the correction was refused, and what somebody can do about it. */
static void
tell_panic(const struct root *r, double offset)
{
	struct monotime now = monotime_now();
	char date[32];

	if (is_before_build(r, offset, date)) {
		log_errx("the sources say it is %s, which is before this ntpd was made: not believed, with -g or without", date);
		log_errx("look for what is wrong with the sources; ntpq -p lists them");
		return;
	}
	if (fabs(offset) <= r->config->tinker.panic) {
		log_errx("a step of %+.3f s after steps of %.3f s within a day comes to more than the panic threshold of %.0f s: not touched", offset,
		    discipline_stepped(&client_system(r->client)->discipline, now), r->config->tinker.panic);
		log_errx("look for a source that moves, or for another program that sets the clock, before ntpd is started again");
		return;
	}
	log_errx("the clock is off by %+.3f s, more than the panic threshold of %.0f s: not touched", offset, r->config->tinker.panic);
	log_errx("set it by hand to within %.0f s, or start ntpd with -g to accept the sources' time once", r->config->tinker.panic);
}

static void
on_panic(struct root *r, double offset)
{
	tell_panic(r, offset);
	notify_manager("STATUS=Offset beyond the panic threshold; set the clock by hand or start with -g");
	root_stop(r, EXIT_PANIC);
}

/* -q: the result goes to standard output too. */
static void
on_set(struct root *r, const struct client_report *n)
{
	const char *how = n->stepped ? "set" : "slew";

	printf("ntpd: time %s %+.6fs\n", how, n->value);
	log_info("time %s %+.6fs", how, n->value);
	root_stop(r, 0);
}

static void
tell_leap(const struct root *r, int event)
{
	const struct system *s = client_system(r->client);

	if (event == EVENT_LEAP_ARMED)
		log_of(LOG_CLOCK_EVENT, "a leap second will be %s at the end of today (UTC)", s->armed.step > 0 ? "inserted" : "left out");
	else if (event == EVENT_LEAP_DISARMED)
		log_warnx("there will be no leap second today after all");
	else if (event == EVENT_LEAP)
		log_of(LOG_CLOCK_EVENT, "the leap second is over");
}

void
root_news(void *arg, const struct client_report *n)
{
	struct root *r = arg;

	root_stats_news(r, n);
	switch (n->what) {
	case CLIENT_KEYS:
		break;
	case CLIENT_UPDATED:
		root_publish(r);
		break;
	case CLIENT_STEPPED:
		log_of(LOG_CLOCK_EVENT, "time stepped by %+.6f s%s", n->value, sysclock_steers_host(r->clock) ? "" : " on the software clock; the kernel's is left alone");
		break;
	case CLIENT_SYNCED:
		log_of(LOG_SYNC_STATUS, "synchronised, offset %+.6f s", n->value);
		tell_manager(r);
		if (r->wait_sync)
			root_parent_may_go(r, 0);
		break;
	case CLIENT_LOST:
		log_warnx("no peer for too long, server running free now");
		tell_manager(r);
		break;
	case CLIENT_ALONE:
		log_warnx("no source can be used: serving the time of this machine's clock at stratum %u", client_system(r->client)->vars.stratum);
		tell_manager(r);
		if (r->wait_sync)
			root_parent_may_go(r, 0);
		break;
	case CLIENT_PANIC:
		on_panic(r, n->value);
		break;
	case CLIENT_SET:
		on_set(r, n);
		break;
	case CLIENT_NO_SERVERS:
		printf("ntpd: no servers found\n");
		log_warnx("no servers found");
		root_stop(r, 0);
		break;
	case CLIENT_ASSOC_ADDED:
		if (n->assoc->kind == ASSOC_SERVER && restrict_source_add(r->restricts, &n->assoc->addr) == -1)
			log_warn("no restrict entry for a new source");
		listener_follow(r->listener);
		root_modes_listen(r);
		break;
	case CLIENT_ASSOC_REMOVED:
		restrict_source_remove(r->restricts, &n->assoc->addr);
		root_clock_gone(r, n->assoc);
		listener_follow(r->listener);
		root_modes_listen(r);
		break;
	case CLIENT_EVENT:
		if (n->assoc == NULL)
			tell_leap(r, n->event);
		break;
	case CLIENT_SAMPLE:
		root_clock_sample(r, n->assoc);
		break;
	case CLIENT_REPLY:
		break;
	}
}
