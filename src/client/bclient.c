/* SPDX-License-Identifier: BSD-2-Clause */
/* Broadcasts heard: which count, and what they measure (RFC 5905 sections 3 and 8). */
#include "base/ntp.h"
#include "client/assoc.h"
#include "wire/control.h"
#include "steps.h"

#define EARLY		0.125	/* share of the interval by which a broadcast may come before its time ... */
#define EARLY_LEAST	1.0	/* s ... and besides */
#define BACK_LEAST	2.0	/* s of silence, besides the intervals, before a server's step backwards is believed */
#define LATE		1.25	/* intervals after which one is missed */
#define XLEAVE_MAX	1.0	/* s, by which a broadcast may leave later than it says, as in ntpd */
#define VOLLEY_SAMPLES	3	/* answers that tell the delay, or fewer if the burst is over */

/* The offset that a broadcast tells, and of which instant; told is false where it tells none. */
struct word {
	bool		told;
	double		offset;		/* s */
	struct monotime	when;
	double		steered;	/* s, of our clock then */
	double		early;		/* s, by which the stamp was; interleaved only */
};

/*
 * Later than the last one by its own clock, and no sooner than an interval by ours: what is sent again is neither.  Earlier than the last one is what
 * is sent again, too, or by a server that was stepped backwards: as long as others count it is the former.
 */
static unsigned
test_again(const struct assoc *a, const struct arrival *in, const struct bclient_opts *o, const struct packet *p)
{
	double since = monotime_diff(in->when, a->mark.came), later = ntptime_diff(p->xmt, a->mark.xmt), interval = log2_seconds(p->poll);

	if (a->mark.came.ns == 0)
		return 0;
	if (since < (1 - EARLY) * interval - EARLY_LEAST || later == 0)
		return FLASH_DUP;
	return later < 0 && o->back > 0 && since < o->back * interval + BACK_LEAST ? FLASH_DUP : 0;
}

/* The origin, where there is one, is the departure of the broadcast before, or of one not long before that. */
static bool
is_recent(const struct packet *p)
{
	double ago = ntptime_diff(p->xmt, p->org);

	return ago > 0 && ago <= XLEAVE_MAX + log2_seconds(POLL_MAX);
}

static unsigned
test_broadcast(const struct assoc *a, const struct arrival *in, const struct bclient_opts *o, struct packet *p)
{
	struct packet_tail tail;
	unsigned flash;

	if (packet_parse(p, &tail, in->buf, in->len) != WIRE_OK || p->poll < POLL_MIN || p->poll > POLL_MAX)
		return FLASH_HEADER;
	if (p->mode != MODE_BROADCAST || p->version < NTP_VERSION_MIN || p->version > NTP_VERSION)
		return FLASH_BOGUS;
	if (p->xmt.raw == 0)
		return FLASH_UNSYNC;
	if (p->org.raw != 0 && !is_recent(p))
		return FLASH_BOGUS;
	flash = exchange_test_mac(&a->exchange, in, &tail);
	if (flash == 0)
		flash = test_again(a, in, o, p);
	return flash;
}

/*
 * The delay one way: assumed, or the difference between what the server's answers say and what its broadcast says, or half of the round trip if that
 * cannot be.  False: not known yet.
 */
static bool
know_delay(struct assoc *a, const struct arrival *in, const struct bclient_opts *o, const struct word *w)
{
	struct estimate e;
	double most = o->delay < 0 ? -o->delay : 0;

	if (a->listening)
		return true;
	if (o->delay > 0) {
		a->oneway = o->delay;
	} else {
		if (!w->told || a->filter.n == 0 || (a->filter.n < VOLLEY_SAMPLES && a->burst > 0) || !estimator_get(&a->estimator, in->when, in->steered, &e))
			return false;
		/* Both by the clock as it is now. */
		a->oneway = e.offset - (w->offset + w->steered - in->steered + e.freq * monotime_diff(in->when, w->when));
		if (a->oneway < 0 || a->oneway > most)
			a->oneway = a->stat.delay / 2;
	}
	a->listening = true;
	a->burst = 0;
	a->exchange.open = false;
	return true;
}

/* Basic: it says when it leaves. Interleaved: it says when the last one did, which is of use if that has come, by our clock as it still runs. */
static struct word
read_times(const struct assoc *a, const struct arrival *in, const struct packet *p)
{
	const struct broadcast_mark *m = &a->mark;
	struct word w = { .when = in->when, .steered = in->steered };

	if (p->org.raw == 0) {
		w.told = true;
		w.offset = ntptime_diff(p->xmt, walltime_to_ntp(in->t4));
	} else if (m->came.ns != 0 && m->generation == in->generation) {
		w.early = ntptime_diff(p->org, m->xmt);
		w.told = w.early >= 0 && w.early <= XLEAVE_MAX;
		w.offset = ntptime_diff(p->org, walltime_to_ntp(m->t4));
		w.when = m->came;
		w.steered = m->steered;
	}
	return w;
}

/* Which mode the server is in, for the operator. */
static void
note_mode(struct assoc *a, const struct packet *p, const struct word *w, struct assoc_out *out)
{
	bool was = a->interleaved;
	int event = 0;

	a->interleaved = p->org.raw != 0;
	a->xleave = w->told ? w->early : 0;
	if (a->interleaved && !was)
		event = PEVENT_INTERLEAVE;
	else if (a->interleaved && !w->told)
		event = PEVENT_INTERLEAVE_ERROR;
	if (event == 0)
		return;
	assoc_event(a, event);
	out->events |= 1u << event;
}

static void
take_broadcast(struct assoc *a, const struct arrival *in, const struct packet *p, const struct word *w, struct assoc_out *out)
{
	struct sample s = {
		.when = w->when,
		.offset = w->offset + a->oneway,
		.delay = fmax(2 * a->oneway, in->precision),
		.disp = in->precision + log2_seconds(p->precision) + DISP_RATE * 2 * a->oneway,
		.steered = w->steered,
	};

	if (s.disp < DISP_MAX)
		assoc_take_sample(a, in, &s, out);
}

/* A broadcast that counts. */
static void
hear(struct assoc *a, const struct arrival *in, const struct packet *p, const struct word *w, struct assoc_out *out)
{
	unsigned flash = exchange_test_server(p, in->maxdisp);

	a->count.received++;
	a->heard = in->when;
	a->authentic = a->exchange.key != NULL;
	a->flash = (a->flash & ~(unsigned)FLASH_PACKET) | flash;
	a->last = *p;
	a->hpoll = p->poll;
	assoc_begin_poll(a, in->when, out);
	a->burst = 0;
	note_mode(a, p, w, out);
	if (flash != 0)
		a->count.selbroken++;
	else if (w->told)
		take_broadcast(a, in, p, w, out);
	a->next = monotime_add(in->when, LATE * log2_seconds(p->poll));
}

void
assoc_broadcast(struct assoc *a, const struct arrival *in, const struct bclient_opts *o, struct assoc_out *out)
{
	bool listened = a->listening;
	struct packet p;
	struct word w;
	unsigned flash;

	*out = (struct assoc_out){ 0 };
	flash = test_broadcast(a, in, o, &p);
	if (flash != 0) {
		assoc_count_drop(a, flash);
		out->wait = assoc_wait(a, in->when);
		return;
	}
	w = read_times(a, in, &p);
	a->mark = (struct broadcast_mark){ .xmt = p.xmt, .came = in->when, .t4 = in->t4, .steered = in->steered, .generation = in->generation };
	if (know_delay(a, in, o, &w)) {
		out->what = listened ? 0 : ASSOC_CLOSE;
		hear(a, in, &p, &w, out);
	}
	out->wait = assoc_wait(a, in->when);
}
