/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of an association with a reference clock: asked at each poll, it answers at once. */
#include "base/ntp.h"
#include "client/assoc.h"

#define START_POLLS	8	/* polls at start that come more often, so that it is known soon what the clock is worth … */
#define START_GAP	4.0	/* s … and how often */

/* Nothing is gained by asking less often than may be: the packets saved elsewhere do not exist here.  So the poll exponent stays at minpoll. */
void
assoc_set_clock(struct assoc *a, const struct clock_face *f)
{
	a->kind = f->kind;
	a->source = f->source;
	a->addr = f->addr;
	a->local = (struct addr){ .family = 4, .ip = { 127, 0, 0, 1 }, .port = NTP_PORT };
	a->last.stratum = f->stratum;
	a->last.refid = f->refid;
	a->last.mode = MODE_SERVER;
	/* A receiver needs a while to say something. */
	if (f->kind != ASSOC_OWN)
		a->next = monotime_add(a->next, START_GAP);
}

static void
tell(struct assoc *a, struct assoc_out *out, int event, struct monotime now)
{
	assoc_event(a, event);
	out->events |= 1u << event;
	a->changed = now;
	out->what |= ASSOC_UPDATE;
}

static void
take_answer(struct assoc *a, struct monotime now, double steered, const struct clock_answer *c, struct assoc_out *out)
{
	struct sample s = c->sample;
	struct estimate e;
	bool fresh;

	a->last.leap = c->leap;
	a->last.precision = c->precision;
	a->last.reftime = walltime_to_ntp(c->reftime);
	a->last.refid = c->refid != 0 ? c->refid : a->last.refid;
	a->heard = now;
	a->count.received++;
	s.offset += a->opts.bias;
	if (!filter_add(&a->filter, &s))
		return;
	estimator_add(&a->estimator, &s);
	if (estimator_get(&a->estimator, now, steered, &e))
		a->have_stat = filter_stat(&a->filter, c->floor, e.freq, &a->stat, &fresh);
	/* Our own clock agrees with itself: what its filter shows is how we steered it. */
	if (a->kind == ASSOC_OWN)
		a->stat.jitter = 0;
	out->what |= ASSOC_UPDATE;
}

void
assoc_clock_poll(struct assoc *a, struct monotime now, double steered, const struct clock_answer *c, struct assoc_out *out)
{
	bool was_reachable = a->reach != 0;

	*out = (struct assoc_out){ 0 };
	if (c->again > 0) {
		/* It knows when it is to be asked: there is no need for haste at the start. */
		a->tries = START_POLLS;
		a->next = monotime_add(now, c->again);
		out->wait = c->again;
		return;
	}
	a->reach = (uint8_t)(a->reach << 1 | c->have);
	a->unreach = (uint8_t)(c->have ? 0 : a->unreach < UINT8_MAX ? a->unreach + 1 : UINT8_MAX);
	if (a->tries < UINT8_MAX)
		a->tries++;
	a->count.sent++;
	a->sent = now;
	if (c->have)
		take_answer(a, now, steered, c, out);
	if (was_reachable != (a->reach != 0))
		tell(a, out, was_reachable ? PEVENT_UNREACHABLE : PEVENT_REACHABLE, now);
	if (c->alarm && out->events == 0) {
		assoc_event(a, PEVENT_CLOCK);
		out->events |= 1u << PEVENT_CLOCK;
	}
	a->interval = log2_seconds(a->opts.minpoll);
	a->next = monotime_add(now, a->tries < START_POLLS ? fmin(START_GAP, a->interval) : a->interval);
	out->wait = monotime_diff(a->next, now);
}
