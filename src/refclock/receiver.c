/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of all receivers on serial lines but those of NMEA: asks, reads, and believes as the rows of models.c say. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "dcf77.h"
#include "oncore.h"
#include "ppsdev.h"
#include "receiver.h"
#include "tsip.h"

#define PULSE_AGE_MAX	0.95	/* s: a telegram belongs to the pulse before it, and comes before the next */
#define EVENT_LOW_US	13000	/* the event input is low for so long: an Acutime and a Praecis want more than 12 ms (NTPsec, driver trimble) */
#define EVENT_AGE_MAX	0.9	/* s: an answer belongs to the event before it */

struct receiver {
	const struct receiver_model	*model;
	const struct receiver_kind	*kind;
	struct serial			*serial;
	struct ppsdev			*pps;		/* NULL: no pulse is used */
	struct event			*tick, *edge;	/* to ask; to end the pulse of an event */
	struct frame			frame;
	struct timecode_memory		memory;
	union {
		struct dcf77	dcf77;
		struct tsip	tsip;
		struct oncore	oncore;
	};
	unsigned			step;		/* command that was sent last */
	bool				heard;		/* it has told a time since the last tick */
	bool				fresh;		/* a timecode has come since the last poll */
	bool				triggered;	/* an event waits for its answer: */
	struct walltime			trigger;	/* since then */
	bool				was_locked;
	struct monotime			locked;		/* when it last heard its signal, if it ever did */
	struct walltime			last;		/* time told */
};

static bool
flag(const struct refclock *c, int number)
{
	return number != 0 && c->info.opts.flag[number - 1];
}

/* time1 or time2, by its number. */
static double
given(const struct refclock *c, int number)
{
	return number == 1 ? c->info.opts.time1 : number == 2 ? c->info.opts.time2 : 0;
}

/* --- what it says --- */

/* Binary telegrams are shown as the time that they tell. */
static void
show(struct refclock *c, const struct timecode *t)
{
	struct receiver *r = c->state;
	time_t seconds = (time_t)(t->when.ns / NS_PER_S);
	struct tm tm;
	char text[64] = "";
	size_t n;

	if (gmtime_r(&seconds, &tm) == NULL)
		return;
	n = strftime(text, sizeof(text), "%Y %j %H:%M:%S", &tm);
	refclock_timecode(c, text, n);
	r->fresh = true;
}

/* May it be believed?  One that goes by its own oscillator may for a while. */
static bool
is_trusted(struct refclock *c, enum timecode_trust trust)
{
	struct receiver *r = c->state;
	struct monotime now = monotime_now();
	double life = flag(c, r->kind->trust_flag) ? c->info.opts.time2 : r->model->trust;

	if (trust == TIMECODE_LOCKED) {
		r->was_locked = true;
		r->locked = now;
		return true;
	}
	if (trust == TIMECODE_NEVER && !r->model->trusts_start)
		return false;
	return isinf(life) || (r->was_locked && monotime_diff(now, r->locked) <= life);
}

/* The instant told came at host; its second began with the pulse, if there was one. */
static void
take_time(struct refclock *c, struct walltime told, struct walltime host)
{
	struct receiver *r = c->state;
	double serial = given(c, r->kind->serial_time), pulse = flag(c, r->kind->trust_flag) ? 0 : given(c, r->kind->pulse_time);
	struct walltime began;
	double age;

	if (r->pps != NULL && told.ns % NS_PER_S == 0 && ppsdev_fetch(r->pps, &began)) {
		age = walltime_diff(host, began);
		if (age >= 0 && age < PULSE_AGE_MAX) {
			refclock_reading(c, told, began, pulse);
			return;
		}
	}
	refclock_reading(c, told, host, serial != 0 ? serial : r->model->delay);
}

static void
take(struct refclock *c, enum timecode_err err, struct timecode *t, struct walltime host)
{
	struct receiver *r = c->state;

	if (err == TIMECODE_PART || err == TIMECODE_OTHER)
		return;
	if (err != TIMECODE_OK) {
		refclock_bad(c, err == TIMECODE_FORMAT ? CLOCK_BAD_FORMAT : CLOCK_BAD_DATE);
		return;
	}
	r->heard = true;
	serial_is_good(r->serial);
	if (r->model->rolls)
		t->when = calendar_forward(t->when, host);
	if (!is_trusted(c, t->trust)) {
		refclock_bad(c, CLOCK_BAD_SIGNAL);
		return;
	}
	if (t->when.ns == r->last.ns)
		return;
	r->last = t->when;
	c->leap = t->leap == LEAP_INSERT && flag(c, r->kind->delete_flag) ? LEAP_DELETE : t->leap;
	take_time(c, t->when, host);
}

static void
send_command(struct receiver *r, unsigned step)
{
	const struct receiver_command *command = &r->model->ask[step];

	r->step = step;
	serial_send(r->serial, command->octets, command->len);
}

static unsigned
commands(const struct receiver_model *m)
{
	unsigned n = 0;

	while (n < RECEIVER_COMMANDS && m->ask[n].len > 0)
		n++;
	return n;
}

static void
on_telegram(struct refclock *c, struct walltime now)
{
	struct receiver *r = c->state;
	const struct frame *f = &r->frame;
	struct timecode t;
	enum timecode_err err;

	if (r->model->protocol == RECEIVER_SCHMID) {
		err = timecode_schmid(f->buf, f->len, now, &t);
		if (err == TIMECODE_OK)
			show(c, &t);
	} else {
		err = timecode_read(r->model->formats, &r->memory, f->buf, f->len, now, &t);
		if (err == TIMECODE_OK || err == TIMECODE_PART) {
			refclock_timecode(c, (const char *)f->buf, f->len);
			r->fresh = true;
		}
	}
	if (r->model->asking == ASK_EVERY && err == TIMECODE_PART && r->step + 1 < commands(r->model))
		send_command(r, r->step + 1);
	take(c, err, &t, f->stamp);
}

/* --- what comes, by protocol --- */

static void
on_text(struct refclock *c, const uint8_t *p, size_t n, struct walltime host)
{
	struct receiver *r = c->state;

	for (size_t i = 0; i < n; i++) {
		if (frame_feed(&r->frame, r->model->framing, p[i], host))
			on_telegram(c, host);
	}
}

static void
on_pulses(struct refclock *c, const uint8_t *p, size_t n, struct walltime host)
{
	struct receiver *r = c->state;
	int baud = r->model->pulse_baud != 0 ? r->model->pulse_baud : r->model->baud;

	for (size_t i = 0; i < n; i++) {
		struct timecode t;
		enum timecode_err err = dcf77_pulse(&r->dcf77, dcf77_bit(p[i], baud), host, &t);

		if (err == TIMECODE_OK)
			show(c, &t);
		take(c, err, &t, host);
	}
}

static void
on_tsip_packet(struct refclock *c, enum tsip_kind kind, struct walltime now)
{
	struct receiver *r = c->state;
	struct walltime stamp = r->trigger;
	struct timecode t;
	enum timecode_err err = tsip_read(&r->tsip, kind, c->info.opts.time2, now, &t, &stamp);

	if (err == TIMECODE_OK)
		show(c, &t);
	if (err == TIMECODE_OK && kind == TSIP_EVENT) {
		if (!r->triggered || walltime_diff(now, r->trigger) > EVENT_AGE_MAX)
			return;
		r->triggered = false;
	}
	take(c, err, &t, stamp);
}

static void
on_tsip(struct refclock *c, const uint8_t *p, size_t n, struct walltime host)
{
	static const enum tsip_kind kinds[] = {
		[RECEIVER_TSIP_EVENT] = TSIP_EVENT, [RECEIVER_TSIP_TIMING] = TSIP_TIMING, [RECEIVER_TSIP_GPS] = TSIP_GPS,
	};
	struct receiver *r = c->state;

	for (size_t i = 0; i < n; i++) {
		if (tsip_feed(&r->tsip, p[i], host))
			on_tsip_packet(c, kinds[r->model->protocol], host);
	}
}

static void
on_oncore(struct refclock *c, const uint8_t *p, size_t n, struct walltime host)
{
	struct receiver *r = c->state;

	for (size_t i = 0; i < n; i++) {
		struct timecode t;
		enum timecode_err err;

		if (!oncore_feed(&r->oncore, p[i], host))
			continue;
		err = oncore_read(&r->oncore, host, &t);
		if (err == TIMECODE_OK)
			show(c, &t);
		take(c, err, &t, r->oncore.stamp);
	}
}

static serial_octets *const protocols[] = {
	[RECEIVER_TEXT] = on_text, [RECEIVER_SCHMID] = on_text, [RECEIVER_DCF77] = on_pulses, [RECEIVER_TSIP_EVENT] = on_tsip,
	[RECEIVER_TSIP_TIMING] = on_tsip, [RECEIVER_TSIP_GPS] = on_tsip, [RECEIVER_ONCORE] = on_oncore,
};

/* --- asking --- */

static void
on_edge(evutil_socket_t fd, short what, void *arg)
{
	struct refclock *c = arg;
	struct receiver *r = c->state;

	(void)fd;
	(void)what;
	r->triggered = serial_set(r->serial, TIOCM_RTS, true);
	r->trigger = walltime_now();
}

/* The event is the edge that ends a low of RTS, or the start bit of an octet. */
static void
trigger(struct refclock *c)
{
	struct receiver *r = c->state;
	struct timeval low = { .tv_usec = EVENT_LOW_US };

	if (flag(c, r->kind->write_flag)) {
		r->triggered = serial_send(r->serial, "", 1);
		r->trigger = walltime_now();
		return;
	}
	r->triggered = false;
	if (serial_set(r->serial, TIOCM_RTS, false))
		event_add(r->edge, &low);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct refclock *c = arg;
	struct receiver *r = c->state;

	(void)fd;
	(void)what;
	switch (r->model->asking) {
	case ASK_EVERY:
		r->memory = (struct timecode_memory){ .v.have_time = false };
		send_command(r, 0);
		break;
	case ASK_SILENT:
		if (!r->heard)
			send_command(r, (r->step + 1) % commands(r->model));
		r->heard = false;
		break;
	case ASK_EVENT:
		trigger(c);
		break;
	case ASK_NEVER:
		break;
	}
}

static bool
begin_to_ask(struct refclock *c)
{
	struct receiver *r = c->state;
	struct timeval period = { .tv_sec = r->model->every };

	if (r->model->asking == ASK_NEVER || flag(c, r->kind->quiet_flag))
		return true;
	r->step = r->model->asking == ASK_SILENT ? commands(r->model) - 1 : 0;
	r->tick = event_new(c->env.base, -1, EV_PERSIST, on_tick, c);
	r->edge = evtimer_new(c->env.base, on_edge, c);
	if (r->tick == NULL || r->edge == NULL || event_add(r->tick, &period) == -1)
		return false;
	on_tick(-1, 0, c);
	return true;
}

/* --- its life --- */

/* Puts the unit where the name of a device has %u. */
static void
name_device(const struct refclock *c, const char *pattern, char out[static REFCLOCK_PATH_MAX])
{
	const char *unit = strstr(pattern, "%u");

	snprintf(out, REFCLOCK_PATH_MAX, "%.*s%u", (int)(unit != NULL ? (size_t)(unit - pattern) : strlen(pattern)), pattern, c->info.opts.unit);
}

static bool
wants_pulses(const struct refclock *c)
{
	const struct receiver *r = c->state;
	const struct refclock_opts *o = &c->info.opts;
	unsigned subtype = o->subtype != 0 ? (unsigned)o->subtype : o->mode;

	return r->kind->pulse_always || o->ppspath[0] != '\0' || (subtype & (unsigned)r->kind->pulse_bit) != 0 || flag(c, r->kind->pulse_flag);
}

static bool
open_pulses(struct refclock *c)
{
	struct receiver *r = c->state;
	char path[REFCLOCK_PATH_MAX];

	if (!wants_pulses(c))
		return true;
	if (c->info.opts.ppspath[0] != '\0')
		snprintf(path, sizeof(path), "%s", c->info.opts.ppspath);
	else
		name_device(c, r->kind->pulse_device, path);
	r->pps = ppsdev_open(c, path, flag(c, r->kind->falling_flag));
	return r->pps != NULL;
}

bool
receiver_open(struct refclock *c)
{
	struct receiver *r = c->state = calloc(1, sizeof(*r));
	const struct receiver_model *m = receiver_model(&c->info.opts);
	struct serial_conf conf;

	if (r == NULL)
		return false;
	if (m == NULL) {
		log_warnx("%s: there is no subtype %u", c->info.name, c->info.opts.subtype != 0 ? (unsigned)c->info.opts.subtype : c->info.opts.mode);
		return false;
	}
	r->model = m;
	r->kind = receiver_kind(m->type);
	if (c->info.opts.refid[0] == '\0' && m->refid != 0)
		c->info.refid = m->refid;
	/* ntpd and NTPsec call some devices differently. */
	if (r->kind->other_device != NULL)
		refclock_find_device(c, r->kind->other_device);
	conf = (struct serial_conf){ .baud = c->info.opts.baud != 0 ? c->info.opts.baud : m->baud, .bits = m->bits, .raise = m->raise, .lower = m->lower,
	    .octets = protocols[m->protocol] };
	r->serial = serial_open(c, &conf);
	return r->serial != NULL && open_pulses(c) && begin_to_ask(c);
}

void
receiver_ask(struct refclock *c)
{
	struct receiver *r = c->state;

	if (r->fresh)
		refclock_tell(c, "%s", c->info.timecode);
	r->fresh = false;
}

void
receiver_close(struct refclock *c)
{
	struct receiver *r = c->state;

	if (r == NULL)
		return;
	if (r->tick != NULL)
		event_free(r->tick);
	if (r->edge != NULL)
		event_free(r->edge);
	serial_close(r->serial);
	ppsdev_close(r->pps);
	free(r);
}
