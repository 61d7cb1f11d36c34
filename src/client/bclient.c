/* SPDX-License-Identifier: BSD-2-Clause */
/* Broadcasts heard: which count, and what they measure (RFC 5905 sections 3 and 8). */
#include "base/ntp.h"
#include "client/assoc.h"
#include "steps.h"

#define EARLY		0.125	/* share of the interval by which a broadcast may come before its time ... */
#define EARLY_LEAST	1.0	/* s ... and besides */
#define BACK_LEAST	2.0	/* s of silence, besides the intervals, before a server's step backwards is believed */
#define LATE		1.25	/* intervals after which one is missed */
#define VOLLEY_SAMPLES	3	/* answers that tell the delay, or fewer if the burst is over */

/*
 * Later than the last one by its own clock, and no sooner than an interval by ours: what is sent again is neither.  Earlier than the last one is what
 * is sent again, too, or by a server that was stepped backwards: as long as others count it is the former.
 */
static unsigned
test_again(const struct assoc *a, const struct arrival *in, const struct bclient_opts *o, const struct packet *p)
{
	double since = monotime_diff(in->when, a->bcame), later = ntptime_diff(p->xmt, a->bxmt), interval = log2_seconds(p->poll);

	if (a->bcame.ns == 0)
		return 0;
	if (since < (1 - EARLY) * interval - EARLY_LEAST || later == 0)
		return FLASH_DUP;
	return later < 0 && o->back > 0 && since < o->back * interval + BACK_LEAST ? FLASH_DUP : 0;
}

static unsigned
test_broadcast(const struct assoc *a, const struct arrival *in, const struct bclient_opts *o, struct packet *p)
{
	struct packet_tail tail;
	unsigned flash;

	if (packet_parse(p, &tail, in->buf, in->len) != WIRE_OK || p->poll < POLL_MIN || p->poll > POLL_MAX)
		return FLASH_HEADER;
	if (p->mode != MODE_BROADCAST || p->version < NTP_VERSION_MIN || p->version > NTP_VERSION || p->org.raw != 0)
		return FLASH_BOGUS;
	if (p->xmt.raw == 0)
		return FLASH_UNSYNC;
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
know_delay(struct assoc *a, const struct arrival *in, const struct bclient_opts *o, double told)
{
	struct estimate e;
	double most = o->delay < 0 ? -o->delay : 0;

	if (a->listening)
		return true;
	if (o->delay > 0) {
		a->oneway = o->delay;
	} else {
		if (a->filter.n == 0 || (a->filter.n < VOLLEY_SAMPLES && a->burst > 0) || !estimator_get(&a->estimator, in->when, in->steered, &e))
			return false;
		a->oneway = e.offset - told;
		if (a->oneway < 0 || a->oneway > most)
			a->oneway = a->stat.delay / 2;
	}
	a->listening = true;
	a->burst = 0;
	a->exchange.open = false;
	return true;
}

static void
take_broadcast(struct assoc *a, const struct arrival *in, const struct packet *p, double told, struct assoc_out *out)
{
	struct sample s = {
		.when = in->when,
		.offset = told + a->oneway,
		.delay = fmax(2 * a->oneway, in->precision),
		.disp = in->precision + log2_seconds(p->precision) + DISP_RATE * 2 * a->oneway,
		.steered = in->steered,
	};

	if (s.disp < DISP_MAX)
		assoc_take_sample(a, in, &s, out);
}

void
assoc_broadcast(struct assoc *a, const struct arrival *in, const struct bclient_opts *o, struct assoc_out *out)
{
	bool listened = a->listening;
	struct packet p;
	double told;
	unsigned flash;

	*out = (struct assoc_out){ 0 };
	flash = test_broadcast(a, in, o, &p);
	if (flash != 0) {
		assoc_count_drop(a, flash);
		out->wait = assoc_wait(a, in->when);
		return;
	}
	told = ntptime_diff(p.xmt, walltime_to_ntp(in->t4));
	flash = exchange_test_server(&p);
	a->bxmt = p.xmt;
	a->bcame = in->when;
	if (know_delay(a, in, o, told)) {
		out->what = listened ? 0 : ASSOC_CLOSE;
		a->count.received++;
		a->heard = in->when;
		a->authentic = a->exchange.key != NULL;
		a->flash = (a->flash & ~(unsigned)FLASH_PACKET) | flash;
		a->last = p;
		a->hpoll = p.poll;
		assoc_begin_poll(a, in->when, out);
		a->burst = 0;
		if (flash == 0)
			take_broadcast(a, in, &p, told, out);
		else
			a->count.selbroken++;
		a->next = monotime_add(in->when, LATE * log2_seconds(p.poll));
	}
	out->wait = assoc_wait(a, in->when);
}
