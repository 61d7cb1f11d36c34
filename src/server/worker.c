/* SPDX-License-Identifier: BSD-2-Clause */
/* A batch of datagrams in, a batch of replies out. */
#include "server/respond.h"
#include "worker.h"

void
worker_init(struct worker *w)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		w->in[i].buf = w->inbuf[i];
		w->out[i].buf = w->outbuf[i];
	}
}

/* splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t
roll(struct worker *w)
{
	uint64_t z = w->dice += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool
is_deaf(const struct worker *w, const struct addr *local)
{
	for (size_t i = 0; i < w->ndeaf; i++)
		if (addr_same_host(&w->deaf[i], local))
			return true;
	return false;
}

static struct mru_entry *
note(struct worker *w, const struct request *rq, struct monotime now, uint32_t chance)
{
	struct mru_sight s = {
		.addr = rq->peer,
		.flags = (uint16_t)(rq->flags & ~(RESTRICT_LIMITED | RESTRICT_KOD)),
		.version = respond_version(rq->buf[0]),
		.mode = respond_mode(rq->buf[0]),
	};

	return w->mru == NULL ? NULL : mru_note(w->mru, &s, now, w->discard.monitor, chance);
}

/* The rate limit's word on a packet that would be answered. */
static enum respond_reason
judge(struct worker *w, const struct request *rq, enum respond_reason why, struct mru_entry *e, struct monotime now, uint32_t chance)
{
	enum ratelimit_verdict v;

	if (e == NULL || (rq->flags & RESTRICT_LIMITED) == 0)
		return why;
	v = ratelimit_check(&e->rate, &w->discard, now, chance);
	if (v == RATELIMIT_PASS)
		return why;
	e->flags |= RESTRICT_LIMITED;
	if (v == RATELIMIT_MERCY)
		return why;
	e->dropped++;
	if (v == RATELIMIT_DROP || (rq->flags & RESTRICT_KOD) == 0)
		return RESPOND_LIMITED;
	e->flags |= RESTRICT_KOD;
	return RESPOND_KOD;
}

/* Writes what is to be said into out; 0 = nothing. */
static size_t
build(const struct worker *w, enum respond_reason why, const struct request *rq, const struct request_head *head, const struct packet *face,
    uint8_t out[static RESPOND_MAX])
{
	switch (why) {
	case RESPOND_TIME:
		return respond_reply(out, rq, head, face);
	case RESPOND_NAK:
		return respond_nak(out, rq, head, face);
	case RESPOND_KOD:
		return respond_kod(out, head, ratelimit_poll(&w->discard));
	default:
		return 0;
	}
}

/* One datagram; true if out[slot] is now a reply to it. */
static bool
answer(struct worker *w, const struct datagram *d, size_t slot, const struct packet *face, int fd, struct monotime now)
{
	struct datagram *out = &w->out[slot];
	uint64_t chance = roll(w);
	struct request_head head;
	struct request rq = {
		.buf = d->buf,
		.len = d->len,
		.peer = d->peer,
		.local = d->local,
		.broadcast = is_deaf(w, &d->local),
		.rec = clockmap_apply(&w->map, d->host),
		.flags = restrict_lookup(w->restricts, &d->peer)->rule.flags,
		.chance = (uint32_t)chance,
		.keys = w->keys,
	};
	enum respond_reason why = respond_check(&rq, &head);

	if (why == RESPOND_CONTROL)
		note(w, &rq, now, (uint32_t)(chance >> 32));
	else if (why == RESPOND_TIME || why == RESPOND_NAK)
		why = judge(w, &rq, why, note(w, &rq, now, (uint32_t)(chance >> 32)), now, (uint32_t)(chance >> 32));
	respond_count(&w->counters, why, d->len > 0 ? respond_version(d->buf[0]) : 0);
	respond_count_ver1(&w->counters, why, d->len > 0 ? d->buf[0] : 0);
	if (why == RESPOND_CONTROL) {
		w->control(w->control_arg, d, rq.flags, fd);
		return false;
	}
	out->len = build(w, why, &rq, &head, face, out->buf);
	out->peer = d->peer;
	out->local = d->local;
	w->to_stamp[slot] = why != RESPOND_KOD;
	w->to_sign[slot] = why == RESPOND_TIME ? head.key : NULL;
	return out->len > 0;
}

/* The datagrams of a batch, whoever of them will be noted. */
static void
look_ahead(const struct worker *w, size_t n)
{
	const struct addr *peers[UDP_BATCH];

	if (w->mru == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		peers[i] = &w->in[i].peer;
	mru_ahead(w->mru, peers, n);
}

size_t
worker_answer(struct worker *w, size_t n, int fd, struct monotime now)
{
	struct packet face;
	size_t replies = 0;

	look_ahead(w, n);
	respond_face(&face, &w->sys, now);
	for (size_t i = 0; i < n; i++)
		replies += answer(w, &w->in[i], replies, &face, fd, now);
	return replies;
}

void
worker_stamp(struct worker *w, size_t n, struct walltime host)
{
	struct walltime xmt = clockmap_apply(&w->map, host);

	for (size_t i = 0; i < n; i++) {
		if (w->to_stamp[i])
			respond_stamp(w->outbuf[i], xmt);
		if (w->to_sign[i] != NULL)
			w->out[i].len = respond_sign(w->outbuf[i], w->to_sign[i]);
	}
}
