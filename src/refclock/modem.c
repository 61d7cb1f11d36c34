/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACTS_MODEM (type 18): a service that tells the time by telephone, called when a poll is due, and listened to for a minute at most.
 *
 * The formats are those of NIST, of USNO and of the European institutes, and of a Spectracom receiver behind a modem (NTPsec, page of the driver modem).
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "call.h"
#include "frame.h"
#include "serial.h"
#include "timecode.h"

#define PATIENCE	20.0	/* s without anybody who tells the time, before one is called: at start others need a while, too */
#define BAUD		19200	/* between us and the modem, which adapts itself */
/* US answer tone, no carrier detect, hang up when DTR falls, no echo, speaker low and until carrier, codes as words. */
#define SETUP		"ATB1&C0&D2E0L1M1Q0V1\r"

enum modem_mode { MODEM_BACKUP, MODEM_AUTO, MODEM_MANUAL, MODEM_MODES };

struct modem {
	struct serial		*serial;
	struct event		*due;		/* the wait of the call is over */
	struct frame		frame;
	struct timecode_memory	memory;
	struct call		call;
	bool			was_alone;	/* nobody else tells the time … */
	struct monotime		alone;		/* … since then */
	bool			by_hand;	/* MODEM_MANUAL: the one call has been made */
	bool			just_called;	/* a call has ended since the last poll */
	bool			fresh;		/* a timecode has come since the last poll */
};

static const struct framing line = { .end = "\r\n", .stamp = FRAME_LAST };

static void
carry_out(struct refclock *c, const struct call_out *out)
{
	struct modem *m = c->state;
	const char *number = c->info.opts.phone[m->call.number];
	struct timeval tv = { .tv_sec = (time_t)out->wait };

	switch (out->what) {
	case CALL_SEND_SETUP:
		/* A terminal without such a line is one without a modem behind it that would mind. */
		serial_set(m->serial, TIOCM_DTR, true);
		serial_send(m->serial, SETUP, sizeof(SETUP) - 1);
		break;
	case CALL_SEND_NUMBER:
		refclock_tell(c, "%s", number);
		serial_send(m->serial, number, strlen(number));
		serial_send(m->serial, "\r", 1);
		break;
	case CALL_HANG_UP:
		serial_set(m->serial, TIOCM_DTR, false);
		break;
	case CALL_NOTHING:
		break;
	}
	if (out->wait > 0)
		event_add(m->due, &tv);
	if (m->call.state != CALL_IDLE)
		return;
	event_del(m->due);
	m->just_called = true;
	c->busy = false;
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct refclock *c = arg;
	struct modem *m = c->state;
	struct call_out out;

	(void)fd;
	(void)what;
	call_timeout(&m->call, &out);
	carry_out(c, &out);
}

/* Telegrams of services differ in length. */
static uint32_t
service_of(size_t len)
{
	static const struct { size_t len; uint32_t refid; } services[] = {
		{ 50, REFID('N', 'I', 'S', 'T') }, { 1, REFID('U', 'S', 'N', 'O') }, { 78, REFID('P', 'T', 'B', 0) },
	};

	for (size_t i = 0; i < NELEMS(services); i++) {
		if (services[i].len == len)
			return services[i].refid;
	}
	return REFID('G', 'P', 'S', 0);
}

static void
take_code(struct refclock *c, enum timecode_err err, const struct timecode *t)
{
	struct modem *m = c->state;
	struct call_out out;

	/* Greetings are none, and no fault. */
	if (err == TIMECODE_BAD_TIME)
		refclock_bad(c, CLOCK_BAD_DATE);
	if (err != TIMECODE_OK)
		return;
	serial_is_good(m->serial);
	refclock_timecode(c, (const char *)m->frame.buf, m->frame.len);
	m->fresh = true;
	if (t->trust == TIMECODE_NEVER) {
		refclock_bad(c, CLOCK_BAD_SIGNAL);
		return;
	}
	if (c->info.opts.refid[0] == '\0')
		c->info.refid = service_of(m->frame.len);
	c->leap = t->leap;
	refclock_reading(c, t->when, m->frame.stamp, c->info.opts.time1);
	call_code(&m->call, &out);
	carry_out(c, &out);
}

static void
on_line(struct refclock *c, struct walltime host)
{
	struct modem *m = c->state;
	struct call_out out;
	struct timecode t;

	if (m->call.state == CALL_IDLE)
		return;
	if (m->call.state == CALL_TALKING)
		take_code(c, timecode_read(timecode_phone, &m->memory, m->frame.buf, m->frame.len, host, &t), &t);
	call_line(&m->call, (const char *)m->frame.buf, m->frame.len, &out);
	carry_out(c, &out);
}

static void
on_octets(struct refclock *c, const uint8_t *p, size_t n, struct walltime host)
{
	struct modem *m = c->state;

	for (size_t i = 0; i < n; i++) {
		/* NIST measures by our echo how long the line is, and sends its mark that much earlier. */
		if (m->call.state == CALL_TALKING && (p[i] == '*' || p[i] == '#'))
			serial_send(m->serial, &p[i], 1);
		if (frame_feed(&m->frame, &line, p[i], host))
			on_line(c, host);
	}
}

enum when { NOT_NOW, SOON, NOW };

/* In backup: when nobody else has told the time for a while. */
static enum when
when_alone(struct refclock *c)
{
	struct modem *m = c->state;
	struct monotime now = monotime_now();
	bool alone = c->env.alone == NULL || c->env.alone(c->env.arg, c);

	if (!m->was_alone)
		m->alone = now;
	m->was_alone = alone;
	return !alone ? NOT_NOW : monotime_diff(now, m->alone) < PATIENCE ? SOON : NOW;
}

/* Is it time for a call?  By hand, there is one. */
static enum when
when_to_call(struct refclock *c)
{
	const struct modem *m = c->state;

	switch (c->info.opts.mode) {
	case MODEM_BACKUP:
		return when_alone(c);
	case MODEM_AUTO:
		return NOW;
	default:
		return c->info.opts.flag[0] && !m->by_hand ? NOW : NOT_NOW;
	}
}

static unsigned
numbers(const struct refclock_opts *o)
{
	unsigned n = 0;

	while (n < REFCLOCK_PHONES && o->phone[n][0] != '\0')
		n++;
	return n;
}

void
modem_ask(struct refclock *c)
{
	struct modem *m = c->state;
	struct call_out out;
	enum when when;

	if (m->fresh)
		refclock_tell(c, "%s", c->info.timecode);
	m->fresh = false;
	if (m->call.state != CALL_IDLE)
		return;
	when = m->just_called ? NOT_NOW : when_to_call(c);
	m->just_called = false;
	/* Until it is time, too, it is asked again soon. */
	c->busy = when != NOT_NOW;
	if (when != NOW)
		return;
	m->by_hand = true;
	m->memory = (struct timecode_memory){ .v.have_time = false };
	call_begin(&m->call, numbers(&c->info.opts), &out);
	if (m->call.numbers == 0)
		serial_send(m->serial, "T", 1);
	carry_out(c, &out);
}

bool
modem_open(struct refclock *c)
{
	struct modem *m = c->state = calloc(1, sizeof(*m));
	const struct serial_conf conf = { .baud = c->info.opts.baud != 0 ? c->info.opts.baud : BAUD, .octets = on_octets };

	if (m == NULL)
		return false;
	if (c->info.opts.mode >= MODEM_MODES) {
		log_warnx("%s: there is no mode %u", c->info.name, c->info.opts.mode);
		return false;
	}
	refclock_find_device(c, "/dev/modem%u");
	m->due = evtimer_new(c->env.base, on_due, c);
	m->serial = m->due != NULL ? serial_open(c, &conf) : NULL;
	return m->serial != NULL;
}

void
modem_close(struct refclock *c)
{
	struct modem *m = c->state;

	if (m == NULL)
		return;
	if (m->serial != NULL && m->call.state != CALL_IDLE)
		serial_set(m->serial, TIOCM_DTR, false);
	serial_close(m->serial);
	if (m->due != NULL)
		event_free(m->due);
	free(m);
}
