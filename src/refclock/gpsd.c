/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GPSD_JSON (type 46): a receiver that gpsd on this machine looks after, asked over its own protocol.
 *
 * gpsd says what time it was and when that was by the host's clock, by the serial line (TOFF, or TPV in older ones) and by the pulse (PPS).
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "gpsd_choice.h"
#include "gpsd_json.h"

#define GPSD_PORT	2947
#define LINE_MAX_OCTETS	16384	/* gpsd's own bound is 10240 */
#define RETRY_MIN	1	/* s, between tries to connect; doubles up to … */
#define RETRY_MAX	64
#define PULSE_UNIT	128	/* units from here on are the pulse alone of the unit as much lower */
#define FIX_LIFE	10.0	/* s, that the last fix says something about the present */

struct gpsd {
	struct bufferevent	*conn;
	struct event		*again;
	unsigned		wait;		/* s */
	bool			told;
	struct gpsd_choice	choice;
	char			device[GPSD_DEVICE_MAX], real[GPSD_DEVICE_MAX];	/* whose reports count; "" = any.  real: where a link leads */
	bool			has_toff;	/* this gpsd does not need TPV for the time */
	struct monotime		fix;		/* last fix; 0 = none */
	unsigned		tpv, toff, pps, bad;	/* since the last poll */
};

static void connect_gpsd(struct refclock *c);

static bool
is_ours(const struct gpsd *g, const struct gpsd_report *r)
{
	return g->device[0] == '\0' || strcmp(r->device, g->device) == 0 || strcmp(r->device, g->real) == 0;
}

static bool
has_fix(const struct gpsd *g, struct monotime now)
{
	return g->fix.ns != 0 && monotime_diff(now, g->fix) <= FIX_LIFE;
}

static void
take_pair(struct refclock *c, const struct gpsd_report *r, double fudge)
{
	if (!r->have_pair) {
		refclock_bad(c, CLOCK_BAD_FORMAT);
		return;
	}
	if (r->precision != 0)
		c->its_precision = (int8_t)r->precision;
	refclock_reading(c, r->real, r->clock, fudge);
}

static void
take_tpv(struct refclock *c, const struct gpsd_report *r, struct monotime now)
{
	struct gpsd *g = c->state;

	g->tpv++;
	if (r->mode < 2) {
		g->fix.ns = 0;
		refclock_bad(c, CLOCK_BAD_SIGNAL);
		return;
	}
	g->fix = now;
	if (!g->has_toff && r->have_time && gpsd_choice_serial(&g->choice, now))
		refclock_reading(c, r->time, walltime_now(), c->info.opts.time2);
}

static void
take_report(struct refclock *c, const struct gpsd_report *r)
{
	struct gpsd *g = c->state;
	struct monotime now = monotime_now();

	switch (r->class) {
	case GPSD_TPV:
		take_tpv(c, r, now);
		break;
	case GPSD_TOFF:
		g->toff++;
		g->has_toff = true;
		if (has_fix(g, now) && gpsd_choice_serial(&g->choice, now))
			take_pair(c, r, c->info.opts.time2);
		break;
	case GPSD_PPS:
		g->pps++;
		if (has_fix(g, now) && gpsd_choice_pulse(&g->choice, now))
			take_pair(c, r, c->info.opts.time1);
		break;
	case GPSD_VERSION:
	case GPSD_OTHER:
		break;
	}
}

static void
lose(struct refclock *c, const char *why)
{
	struct gpsd *g = c->state;
	struct timeval tv = { .tv_sec = g->wait };

	if (g->conn != NULL)
		bufferevent_free(g->conn);
	g->conn = NULL;
	g->fix.ns = 0;
	if (!g->told)
		log_warnx("%s: gpsd on port %d: %s; trying again", c->info.name, GPSD_PORT, why);
	g->told = true;
	g->wait = 2 * g->wait < RETRY_MAX ? 2 * g->wait : RETRY_MAX;
	event_add(g->again, &tv);
}

static void
take_line(struct refclock *c, const char *line, size_t len)
{
	struct gpsd *g = c->state;
	struct gpsd_report r;

	if (!gpsd_parse(line, len, &r)) {
		g->bad++;
		refclock_bad(c, CLOCK_BAD_FORMAT);
		return;
	}
	if (r.class <= GPSD_VERSION || !is_ours(g, &r))
		return;
	/* Who only says hello and goes is not asked again at once. */
	g->wait = RETRY_MIN;
	refclock_timecode(c, line, len);
	take_report(c, &r);
}

static void
on_read(struct bufferevent *conn, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(conn);
	struct refclock *c = arg;
	size_t len;
	char *line;

	while ((line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF)) != NULL) {
		take_line(c, line, len);
		free(line);
	}
	if (evbuffer_get_length(in) > LINE_MAX_OCTETS)
		lose(c, "a line is longer than any of gpsd's");
}

static void
on_event(struct bufferevent *conn, short what, void *arg)
{
	struct refclock *c = arg;
	struct gpsd *g = c->state;

	if (what & BEV_EVENT_CONNECTED) {
		if (g->told)
			log_info("%s: gpsd is there", c->info.name);
		g->told = g->has_toff = false;
		evbuffer_add_printf(bufferevent_get_output(conn), "?WATCH={\"enable\":true,\"json\":true,\"pps\":true}\r\n");
	} else if (what & BEV_EVENT_EOF) {
		lose(c, "it has closed the connection");
	} else {
		lose(c, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
}

static void
connect_gpsd(struct refclock *c)
{
	struct gpsd *g = c->state;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(GPSD_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	g->conn = bufferevent_socket_new(c->env.base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (g->conn == NULL) {
		lose(c, "no memory");
		return;
	}
	bufferevent_setcb(g->conn, on_read, NULL, on_event, c);
	bufferevent_setwatermark(g->conn, EV_READ, 0, (size_t)2 * LINE_MAX_OCTETS);
	if (bufferevent_enable(g->conn, EV_READ | EV_WRITE) == -1 || bufferevent_socket_connect(g->conn, (struct sockaddr *)&to, sizeof(to)) == -1) {
		if (g->conn != NULL && !event_pending(g->again, EV_TIMEOUT, NULL))
			lose(c, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connect_gpsd(arg);
}

/* The device's name as gpsd may call it: as given, or where a link leads. */
static void
name_device(struct refclock *c)
{
	struct gpsd *g = c->state;
	char *real;

	if (c->info.opts.path[0] == '\0' && access(c->device, F_OK) == -1)
		return;
	snprintf(g->device, sizeof(g->device), "%s", c->device);
	real = realpath(c->device, NULL);
	snprintf(g->real, sizeof(g->real), "%s", real != NULL ? real : c->device);
	free(real);
}

bool
gpsd_open(struct refclock *c)
{
	static const enum gpsd_mode modes[] = { GPSD_SERIAL, GPSD_PULSE, GPSD_AUTO };
	struct gpsd *g = c->state = calloc(1, sizeof(*g));
	unsigned mode = c->info.opts.mode & 3;

	if (g == NULL)
		return false;
	if (mode >= NELEMS(modes)) {
		log_warnx("%s: there is no mode %u", c->info.name, c->info.opts.mode);
		return false;
	}
	g->choice.mode = c->info.opts.flag[1] ? GPSD_SERIAL : modes[mode];
	if (c->info.opts.unit >= PULSE_UNIT) {
		g->choice.mode = GPSD_PULSE;
		if (c->info.opts.path[0] == '\0')
			snprintf(c->device, sizeof(c->device), "/dev/gps%u", (unsigned)c->info.opts.unit - PULSE_UNIT);
	}
	name_device(c);
	g->wait = RETRY_MIN;
	g->again = evtimer_new(c->env.base, on_again, c);
	if (g->again == NULL)
		return false;
	connect_gpsd(c);
	return true;
}

void
gpsd_ask(struct refclock *c)
{
	struct gpsd *g = c->state;

	if (c->info.opts.flag[3])
		refclock_tell(c, "%u %u %u %u %s", g->tpv, g->toff, g->pps, g->bad, c->info.timecode);
	g->tpv = g->toff = g->pps = g->bad = 0;
}

void
gpsd_close(struct refclock *c)
{
	struct gpsd *g = c->state;

	if (g == NULL)
		return;
	if (g->conn != NULL)
		bufferevent_free(g->conn);
	if (g->again != NULL)
		event_free(g->again);
	free(g);
}
