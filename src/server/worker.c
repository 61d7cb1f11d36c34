/* SPDX-License-Identifier: BSD-2-Clause */
/* A batch of datagrams in, a batch of replies out. */
#include <string.h>

#include "base/bytes.h"
#include "server/respond.h"
#include "worker.h"

#define EACH_MAX	20000	/* ns that one reply may take to be signed: some 1000 are usual */
#define AVERAGE_OVER	16	/* groups */

bool
worker_init(struct worker *w)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		w->in[i].buf = w->inbuf[i];
		w->out[i].buf = w->outbuf[i];
	}
	w->outbox = udp_outbox_new();
	w->interleave = interleave_new();
	return w->outbox != NULL && w->interleave != NULL;
}

void
worker_clear(struct worker *w)
{
	warden_clear(&w->warden);
	udp_outbox_free(w->outbox);
	interleave_free(w->interleave);
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

/* To a group of ours, for this purpose? */
static bool
is_group(const struct worker *w, const struct addr *local, const bool purpose[static LISTENER_GROUPS_MAX])
{
	for (size_t i = 0; i < w->interest.ngroups; i++)
		if (purpose[i] && addr_same_host(&w->interest.group[i], local))
			return true;
	return false;
}

static bool
is_everybody(const struct addr *a)
{
	static const uint8_t ones[4] = { 255, 255, 255, 255 };

	return a->family == 4 && memcmp(a->ip, ones, sizeof(ones)) == 0;
}

/* A broadcast that we listen for? */
static bool
is_heard(const struct worker *w, const struct datagram *d)
{
	if (d->len == 0 || respond_mode(d->buf[0]) != MODE_BROADCAST)
		return false;
	if (addr_is_multicast(&d->local))
		return is_group(w, &d->local, w->interest.heard);
	for (size_t i = 0; i < w->nbcast && w->interest.broadcasts; i++)
		if (addr_same_host(&w->bcast[i], &d->local))
			return true;
	return w->interest.broadcasts && is_everybody(&d->local);
}

static struct mru_entry *
note(struct worker *w, const struct request *rq, struct monotime now, uint32_t chance)
{
	struct mru_sight s = {
		.addr = rq->peer,
		.local = rq->local,
		.decay = w->discard.burst,
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
build(const struct worker *w, enum respond_reason why, const struct request *rq, const struct request_head *head, uint8_t out[static PACKET_MAX])
{
	const struct packet *face = head->reply_mode == MODE_SERVER ? &w->client_face : &w->face;

	switch (why) {
	case RESPOND_TIME:
		return respond_reply(out, rq, head, face);
	case RESPOND_NAK:
		return respond_nak(out, rq, head, face);
	case RESPOND_NTS_NAK:
		return respond_nts_nak(out, head);
	case RESPOND_KOD:
		return respond_kod(out, head, ratelimit_poll(&w->discard));
	default:
		return 0;
	}
}

static bool
is_known(const struct worker *w, const struct datagram *d)
{
	for (size_t i = 0; i < w->interest.npeers; i++)
		if (addr_same_host(&w->interest.peers[i], &d->peer))
			return true;
	return false;
}

/* Is it for the client's room?  A stranger's active packet may be too, besides being answered. */
static bool
is_unasked(const struct worker *w, const struct request *rq, enum respond_reason why, const struct request_head *head)
{
	if (why == RESPOND_TIME && respond_mode(rq->buf[0]) == MODE_ACTIVE)
		return head->key != NULL || w->interest.strangers;
	return why == RESPOND_UNASKED;
}

/*
 * Interleaved mode: remembers this reply, and makes it one that tells when the last one left, if the client has named that.  Only whoever has done so costs a
 * stamp of the kernel; the others' time of leaving is the one in the reply.  True if it has been made one.
 */
static bool
interleave(struct worker *w, const struct request *rq, const struct request_head *head, size_t slot)
{
	struct ntptime rec = walltime_to_ntp(rq->rec), last;

	w->to_note[slot] = (struct ntptime){ 0 };
	if (!interleave_possible(&head->pkt))
		return false;
	interleave_note(w->interleave, &rq->peer, rec);
	w->to_note[slot] = rec;
	if (!interleave_take(w->interleave, &rq->peer, head->pkt.org, &last))
		return false;
	respond_interleave(w->outbuf[slot], head, last);
	return true;
}

static void
pass(const struct worker *w, const struct datagram *d, const struct request *rq, const struct request_head *head, int fd)
{
	struct passed p = { .d = d, .flags = rq->flags, .fd = fd, .known = rq->known, .is_signed = head->key != NULL };

	w->pass(w->pass_arg, &p);
}

/* One datagram; true if there is now a reply to it in that slot. */
static bool
answer(struct worker *w, const struct datagram *d, unsigned flags, size_t slot, int fd, struct monotime now)
{
	struct datagram *out = &w->out[slot];
	uint64_t chance = roll(w);
	struct request_head head = { .reply_mode = MODE_RESERVED };
	struct request rq = {
		.buf = d->buf,
		.len = d->len,
		.peer = d->peer,
		.local = d->local,
		.broadcast = is_deaf(w, &d->local),
		.rec = clockmap_apply(&w->map, d->host),
		.flags = flags,
		.chance = (uint32_t)chance,
		.keys = w->keys,
		.warden = &w->warden,
		.known = w->interest.npeers > 0 && d->len > 0 && respond_mode(d->buf[0]) <= MODE_PASSIVE && is_known(w, d),
		.heard = is_heard(w, d),
		.sought = d->len > 0 && respond_mode(d->buf[0]) == MODE_CLIENT && addr_is_multicast(&d->local) && is_group(w, &d->local, w->interest.searched),
	};
	enum respond_reason why = respond_check(&rq, &head);
	bool interleaved;

	if ((why == RESPOND_TIME || why == RESPOND_MSSNTP) && rq.sought && !respond_search(&w->sys, &w->interest.search, &head.pkt))
		why = RESPOND_SEARCH;
	/* Known peers are not answered, so there is nothing to limit; and whoever floods us in their name shall not silence them. */
	if (why == RESPOND_CONTROL || why == RESPOND_UNASKED)
		note(w, &rq, now, (uint32_t)(chance >> 32));
	else if (why == RESPOND_TIME || why == RESPOND_MSSNTP || why == RESPOND_NAK || why == RESPOND_NTS_NAK)
		why = judge(w, &rq, why, note(w, &rq, now, (uint32_t)(chance >> 32)), now, (uint32_t)(chance >> 32));
	w->counters.ignored += why == RESPOND_DESTINATION;
	respond_count(&w->counters, why, d->len > 0 ? respond_version(d->buf[0]) : 0);
	respond_count_ver1(&w->counters, why, d->len > 0 ? d->buf[0] : 0);
	if (why == RESPOND_CONTROL || why == RESPOND_MSSNTP) {
		pass(w, d, &rq, &head, fd);
		return false;
	}
	w->smeared[slot] = head.reply_mode == MODE_SERVER ? w->smear : 0;
	rq.rec = walltime_add(rq.rec, w->smeared[slot]);
	if (is_unasked(w, &rq, why, &head))
		pass(w, d, &rq, &head, fd);
	out->len = build(w, why, &rq, &head, out->buf);
	if (out->len == 0)
		return false;
	out->peer = d->peer;
	out->local = d->local;
	interleaved = why == RESPOND_TIME && !head.guarded && interleave(w, &rq, &head, slot);
	if (why != RESPOND_TIME || head.guarded)
		w->to_note[slot] = (struct ntptime){ 0 };
	w->to_stamp[slot] = why != RESPOND_KOD && why != RESPOND_NTS_NAK && !interleaved;
	w->to_sign[slot] = why == RESPOND_TIME ? head.key : NULL;
	w->to_guard[slot] = head.guarded && (why == RESPOND_TIME || why == RESPOND_KOD);
	if (w->to_guard[slot])
		w->guarded[slot] = head.nts;
	if (w->to_sign[slot] != NULL)
		out->len += key_mac_len(head.key);
	udp_outbox_put(w->outbox, slot, out);
	if (interleaved) {
		udp_outbox_ask(w->outbox, slot);
		w->asked = true;
	}
	return true;
}

/*
 * What is looked up for the datagrams of a batch, for all of them at once: the processor then waits for the memory of several together.  flags are those in force
 * for each.
 */
static void
look_ahead(const struct worker *w, size_t n, unsigned flags[static UDP_BATCH])
{
	const struct addr *peers[UDP_BATCH];

	for (size_t i = 0; i < n; i++)
		flags[i] = restrict_lookup(w->restricts, &w->in[i].peer)->rule.flags;
	if (w->mru == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		peers[i] = &w->in[i].peer;
	mru_ahead(w->mru, peers, n);
}

size_t
worker_answer(struct worker *w, size_t n, int fd, struct monotime now)
{
	unsigned flags[UDP_BATCH];
	size_t replies = 0;

	depart_batch(&w->depart, now);
	look_ahead(w, n, flags);
	respond_face(&w->face, &w->sys, now);
	w->client_face = w->face;
	w->smear = leap_smear_offset(&w->sys.smear, now);
	respond_smear(&w->client_face, &w->sys.smear, w->smear);
	for (size_t i = 0; i < n; i++)
		replies += answer(w, &w->in[i], flags[i], replies, fd, now);
	return replies;
}

static size_t
count_signed(const struct worker *w, size_t from, size_t n)
{
	size_t found = 0;

	for (size_t i = from; i < from + n; i++)
		found += w->to_sign[i] != NULL || w->to_guard[i];
	return found;
}

/* If the library fails, what leaves is a reply that its client will not take. */
static size_t
protect(struct worker *w, size_t i)
{
	size_t len = warden_seal(&w->warden, &w->guarded[i], w->outbuf[i]);

	return len > 0 ? len : PACKET_LEN;
}

size_t
worker_stamp(struct worker *w, size_t from, size_t n, struct walltime host)
{
	size_t to_sign = count_signed(w, from, n);

	host.ns += (int64_t)to_sign * w->signing_ns + depart_lead(&w->depart);
	for (size_t i = from; i < from + n; i++, host.ns += w->depart.spacing_ns) {
		struct walltime xmt = walltime_add(clockmap_apply(&w->map, host), w->smeared[i]);

		if (w->to_stamp[i])
			respond_stamp(w->outbuf[i], xmt);
		if (w->to_note[i].raw != 0)
			interleave_left(w->interleave, w->to_note[i], walltime_to_ntp(xmt));
		if (w->to_sign[i] == NULL && !w->to_guard[i])
			continue;
		w->out[i].len = w->to_guard[i] ? protect(w, i) : respond_sign(w->outbuf[i], w->to_sign[i]);
		udp_outbox_cut(w->outbox, i, w->out[i].len);	/* shorter than it should be only if the library fails */
	}
	return to_sign;
}

/* A step of the clock, or a turn of somebody else's on the processor, is no example. */
static void
learn(int64_t *average, size_t n, int64_t took_ns)
{
	int64_t each = took_ns / (int64_t)n;

	if (each >= 0 && each <= EACH_MAX)
		*average += (each - *average) / AVERAGE_OVER;
}

void
worker_signed(struct worker *w, size_t n, int64_t took_ns)
{
	learn(&w->signing_ns, n, took_ns);
}

void
worker_sent(struct worker *w, size_t n, int64_t took_ns)
{
	depart_sent(&w->depart, n, took_ns);
}

static uint64_t
xmt_of(const uint8_t reply[static PACKET_LEN])
{
	struct rd r = rd_init(reply + 40, 8);

	return rd_u64(&r);
}

bool
worker_ask(struct worker *w, size_t from)
{
	if (!w->to_stamp[from] || !depart_due(&w->depart))
		return false;
	udp_outbox_ask(w->outbox, from);
	return true;
}

void
worker_asked(struct worker *w, size_t from, struct walltime ready)
{
	depart_ask(&w->depart, ready, xmt_of(w->outbuf[from]));
}

void
worker_learn(struct worker *w, size_t n, int64_t took_ns)
{
	depart_learn(&w->depart, n, took_ns);
}

/* The receive time names it to those who ask in interleaved mode, the transmit time to ourselves; where they stand depends on whether there is a MAC. */
void
worker_left(struct worker *w, const uint8_t *tail, size_t len, struct walltime host)
{
	static const size_t mac_lens[] = { 0, KEY_ID_LEN + 16, KEY_ID_LEN + 20 };
	struct ntptime xmt = walltime_to_ntp(walltime_add(clockmap_apply(&w->map, host), w->smear));

	for (size_t i = 0; i < NELEMS(mac_lens); i++) {
		size_t reply = PACKET_LEN + mac_lens[i];
		struct rd r;

		if (len < reply)
			return;
		if (depart_left(&w->depart, xmt_of(tail + len - reply), host))
			return;
		r = rd_init(tail + len - reply + 32, 8);
		if (interleave_left(w->interleave, (struct ntptime){ rd_u64(&r) }, xmt))
			return;
	}
}
