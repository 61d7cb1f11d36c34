/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of one association: polling, bursts, reachability, kisses, samples. */
#include <string.h>

#include "auth/digest.h"
#include "base/ntp.h"
#include "client/assoc.h"
#include "steps.h"

#define BURST_GAP	2.0	/* s between the requests of a burst: RFC 5905 BTIME, and the guard time of every server */
#define IBURST_LEN	(NELEMS(iburst_gap) + 1)	/* requests of an initial burst */
#define IBURST_PROBES	3	/* unanswered ones after which it is given up until the next poll */
#define BURST_MAX	8
#define UNREACH_SLOW	10	/* polls without answer after which the poll exponent grows (RFC 5905: UNREACH) */
#define UNREACH_RESOLVE	8	/* … and after which its name is asked again */
#define RETRY_MAX	64.0	/* s, between tries while nothing can be sent at all */
#define RATE_POLL_MAX	10	/* RATE raises the poll no further, so that a forger cannot silence us */
#define RATE_RELIEF	8	/* good replies that undo one RATE */
#define POLL_SKEW	0.06	/* share of the shortest interval by which polls are spread, so that clients do not march in step … */
#define POLL_SPREAD	0.125	/* … and of longer ones, to below, so that none is longer than maxpoll */
#define PEER_SILENT	2	/* packets to a peer without an answer after which it is asked as a server */
#define POLL_FORESIGHT	1.56	/* the next poll is due when the clock can be foretold no better than to this many samples' variance */
#define CLOCK_HOPES	3	/* polls at start after which a reference clock is not waited for any more */
#define POLL_GRAIN	1.09	/* to which the interval is found: an eighth of a power of two */

/* s between the requests of an initial burst: close at first, which tells the offset, then ever wider, which tells the frequency. */
static const uint8_t iburst_gap[] = { 2, 2, 2, 4, 4, 8, 8, 16, 16 };

const struct assoc_opts assoc_defaults = {
	.version = NTP_VERSION,
	.minpoll = POLL_MIN_DEFAULT,
	.maxpoll = POLL_MAX_DEFAULT,
	.mode = MODE_CLIENT,
	.ttl = ASSOC_TTL_FAR,
};

void
assoc_init(struct assoc *a, uint16_t id, const struct assoc_opts *o, struct monotime now, double start, double freq, double freq_var)
{
	*a = (struct assoc){
		.id = id,
		.opts = *o,
		.hpoll = o->minpoll,
		.minpoll = o->minpoll,
		.interval = log2_seconds(o->minpoll),
		.last = { .leap = LEAP_UNSYNC, .stratum = STRATUM_UNSYNC, .refid = o->nts.on ? REFID_NTS : REFID_INIT, .poll = o->minpoll },
		.next = monotime_add(now, start),
		.changed = now,
		.exchange = { .mode = o->mode, .xleave = o->xleave },
	};
	filter_init(&a->filter);
	estimator_init(&a->estimator, freq, freq_var);
	assoc_event(a, PEVENT_MOBILIZE);
}

void
assoc_event(struct assoc *a, int event)
{
	a->event = (uint8_t)event;
	if (a->events < 15)
		a->events++;
}

static void
tell(struct assoc *a, struct assoc_out *out, int event)
{
	assoc_event(a, event);
	out->events |= 1u << event;
}

static void
set_hpoll(struct assoc *a, int8_t hpoll)
{
	a->hpoll = hpoll;
	a->interval = log2_seconds(hpoll);
}

double
assoc_wait(const struct assoc *a, struct monotime now)
{
	if (a->stopped || a->keyless || a->addr.family == 0)
		return -1;
	return fmax(0, monotime_diff(a->next, now));
}

/* The register is empty from now on. */
static void
clear_reach(struct assoc *a, struct monotime now)
{
	if (a->reach != 0)
		a->changed = now;
	a->reach = 0;
}

/* What ntpd shows for a reference ID as long as nothing was heard, or never will be. */
static uint32_t
untold(const struct assoc *a)
{
	if (a->opts.manycast)
		return REFID('A', 'C', 'S', 'T');
	if (a->opts.mode == MODE_BROADCAST)
		return addr_is_multicast(&a->addr) ? REFID('M', 'C', 'S', 'T') : REFID('B', 'C', 'S', 'T');
	return a->opts.nts.on ? REFID_NTS : REFID_INIT;
}

/* What was learnt from a server, and suffered from it; our oscillator's frequency stays known. */
static void
forget_server(struct assoc *a, struct monotime now)
{
	struct estimate e;

	filter_init(&a->filter);
	if (estimator_get(&a->estimator, now, 0, &e))
		estimator_init(&a->estimator, e.freq, e.freq_var);
	a->exchange = (struct exchange){ .key = a->exchange.key, .mode = a->opts.mode, .xleave = a->opts.xleave };
	a->last = (struct packet){ .leap = LEAP_UNSYNC, .stratum = STRATUM_UNSYNC, .refid = untold(a), .poll = a->opts.minpoll };
	a->have_stat = a->stopped = a->called = a->listening = a->self = a->interleaved = false;
	a->mark.came.ns = 0;
	a->xleave = 0;
	a->ke_tries = 0;
	a->ke_next.ns = 0;
	clear_reach(a, now);
	a->unreach = 0;
	a->minpoll = a->opts.minpoll;
	set_hpoll(a, a->minpoll);
	a->tries = a->probes = a->burst = a->failures = a->good = 0;
	a->kiss = a->flash = 0;
	a->heard.ns = 0;
	a->tally = TALLY_REJECT;
}

void
assoc_set_addr(struct assoc *a, const struct addr *addr, struct monotime now, struct assoc_out *out)
{
	*out = (struct assoc_out){ 0 };
	if (a->addr.family == 0 || !addr_same_host(&a->addr, addr)) {
		/* The start given by assoc_init holds for the first address; any later one is asked at once. */
		if (a->addr.family != 0 || monotime_before(a->next, now))
			a->next = now;
		/* Not for the first one: the association begins with that. */
		if (a->addr.family != 0)
			tell(a, out, PEVENT_RESTART);
		a->addr = *addr;
		forget_server(a, now);
		out->what = ASSOC_CLOSE;
	}
	a->addr = *addr;
	a->addr.port = NTP_PORT;
	out->wait = assoc_wait(a, now);
}

/* Has the server asked for less, and not been satisfied for long enough since? */
static bool
is_limited(const struct assoc *a)
{
	return a->kiss == REFID_RATE || a->minpoll > a->opts.minpoll;
}

/* Poll exponent up to which a server that says RATE is obeyed. */
static int8_t
most_rated(const struct assoc *a)
{
	return a->opts.maxpoll < RATE_POLL_MAX ? a->opts.maxpoll : RATE_POLL_MAX;
}

bool
assoc_is_peer(const struct assoc *a)
{
	return a->opts.mode == MODE_ACTIVE || a->opts.mode == MODE_PASSIVE;
}

bool
assoc_speaks(const struct assoc *a)
{
	return a->exchange.mode == MODE_ACTIVE || a->exchange.mode == MODE_PASSIVE;
}

/* A peer that says nothing may know no symmetric mode: it is asked as a server, until it does speak as a peer, or says nothing at all. */
static void
choose_mode(struct assoc *a)
{
	const struct exchange *x = &a->exchange;
	uint8_t mode = MODE_ACTIVE;

	if (a->opts.mode != MODE_ACTIVE)
		return;
	if (x->mode == MODE_ACTIVE && x->missed >= PEER_SILENT && (x->good.xmt.raw == 0 || a->reach == 0))
		mode = MODE_CLIENT;
	else if (x->mode == MODE_CLIENT && !a->called && x->missed == 0)
		mode = MODE_CLIENT;
	if (mode == x->mode)
		return;
	a->exchange = (struct exchange){ .key = x->key, .mode = mode, .xleave = x->xleave };
	a->called = false;
}

/* It spoke as a peer, signed if it has to be, while we asked it as a server. */
static void
hear_call(struct assoc *a, const struct arrival *in)
{
	struct packet_tail tail;
	struct packet p;

	if (a->opts.mode == a->exchange.mode || !assoc_is_peer(a) || packet_parse(&p, &tail, in->buf, in->len) != WIRE_OK)
		return;
	if ((p.mode == MODE_ACTIVE || p.mode == MODE_PASSIVE) && exchange_test_mac(&a->exchange, in, &tail) == 0)
		a->called = true;
}

/* How many requests this poll is made of.  Bursts are for servers, which answer at once. */
static unsigned
burst_length(const struct assoc *a)
{
	if (is_limited(a) || assoc_is_peer(a))
		return 1;
	if (a->reach == 0)
		return a->opts.iburst ? IBURST_LEN : 1;
	if (!a->opts.burst)
		return 1;
	return a->hpoll - a->minpoll >= 3 ? BURST_MAX : 1u << (a->hpoll - a->minpoll);
}

void
assoc_begin_poll(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	bool was_reachable = a->reach != 0;

	a->reach = (uint8_t)(a->reach << 1);
	if (a->tries < UINT8_MAX)
		a->tries++;
	/* At its end it goes back by one round, so that the name is asked again for ever. */
	a->unreach = (uint8_t)(a->unreach < UINT8_MAX ? a->unreach + 1 : UINT8_MAX + 1 - UNREACH_RESOLVE);
	if (was_reachable && a->reach == 0) {
		tell(a, out, PEVENT_UNREACHABLE);
		a->changed = now;
		out->what |= ASSOC_UPDATE;
	}
	if (a->unreach > UNREACH_SLOW && a->hpoll < (a->kiss == REFID_RATE ? most_rated(a) : a->opts.maxpoll))
		set_hpoll(a, (int8_t)(a->hpoll + 1));
	if (a->unreach > 0 && a->unreach % UNREACH_RESOLVE == 0) {
		out->what |= a->configured ? ASSOC_RESOLVE : ASSOC_DEMOBILIZE;
		if (!a->configured)	/* what ntpd calls it when it gives one up for its silence */
			tell(a, out, PEVENT_RESTART);
	}
	a->opening = a->reach == 0;
	a->burst = burst_length(a);
	a->probes = 0;
}

/* As the file has it, s: between early and late by chance. */
static double
skew_of(const struct pollskew *p, int8_t hpoll, double chance)
{
	return chance * (double)(p->early[hpoll] + p->late[hpoll]) - (double)p->early[hpoll];
}

/* How long after the request just sent the next one is due. */
static double
gap(const struct assoc *a)
{
	double shortest = log2_seconds(a->minpoll), least = shortest * (1 + POLL_SKEW * (a->skew - 0.5)), interval = a->interval;

	if (a->burst > 0)
		return a->opening ? iburst_gap[NELEMS(iburst_gap) - a->burst] : BURST_GAP;
	/* Of two peers the one in more of a hurry sets the pace (RFC 5905 section 13). */
	if (assoc_is_peer(a) && a->heard.ns != 0 && a->last.poll > 0)
		interval = fmin(interval, log2_seconds(a->last.poll));
	if (a->pollskew != NULL && a->pollskew->given[a->hpoll])
		return fmax(BURST_GAP, interval + skew_of(a->pollskew, a->hpoll, a->skew));
	return fmax(fmax(BURST_GAP, least), interval > shortest ? interval * (1 - POLL_SPREAD * a->skew) : 0);
}

void
assoc_timer(struct assoc *a, struct monotime now, struct dice dice, struct assoc_out *out)
{
	*out = (struct assoc_out){ .wait = assoc_wait(a, now) };
	if (out->wait != 0)
		return;
	if (a->burst == 0) {
		assoc_begin_poll(a, now, out);
		choose_mode(a);
	}
	if (a->opts.nts.on)
		assoc_mind_keys(a, now, out);
	if (assoc_cookies(a) == 0) {
		assoc_pass_poll(a, now, out);
		return;
	}
	if (a->listening) {
		a->burst = 0;
		a->next = monotime_add(now, log2_seconds(a->last.poll));
		out->wait = assoc_wait(a, now);
		return;
	}
	if (!assoc_speaks(a))
		out->len = exchange_request(&a->exchange, dice.nonce != 0 ? dice.nonce : 1, a->opts.version, out->pkt);
	if (out->len > 0 || assoc_speaks(a))
		out->what |= ASSOC_SEND;
	a->count.nts_sent += a->opts.nts.on;
	a->burst--;
	a->probes++;
	if (a->reach == 0 && a->probes >= IBURST_PROBES)
		a->burst = 0;
	/* Where polls are as close as the burst has become, they take over: silence shows by them. */
	if (a->burst > 0 && a->opening && iburst_gap[NELEMS(iburst_gap) - a->burst] >= log2_seconds(a->minpoll))
		a->burst = 0;
	a->sent = now;
	a->skew = dice.uniform;
	a->count.sent++;
	a->next = monotime_add(now, gap(a));
	out->wait = assoc_wait(a, now);
}

void
assoc_speak(struct assoc *a, const struct packet *face, const struct departure *now, struct assoc_out *out)
{
	struct packet p = *face;

	p.poll = a->hpoll;
	out->len = exchange_symmetric(&a->exchange, &p, now, a->opts.version, out->pkt);
}

void
assoc_sent(struct assoc *a, struct walltime t1, unsigned generation)
{
	exchange_sent(&a->exchange, t1, generation);
}

void
assoc_failed(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	double wait = log2_seconds((int)a->failures + 1);

	*out = (struct assoc_out){ .what = ASSOC_CLOSE };
	a->exchange.open = false;
	if (a->reach == 0) {
		if (a->failures < 16)
			a->failures++;
		a->burst = 0;
		a->next = monotime_add(now, fmin(wait, RETRY_MAX));
	}
	out->wait = assoc_wait(a, now);
}

void
assoc_set_key(struct assoc *a, const struct key *key)
{
	a->exchange.key = key;
	a->keyless = a->opts.key != 0 && key == NULL;
	if (a->keyless)
		a->flash |= FLASH_AUTH;
}

bool
assoc_heard_out(const struct assoc *a)
{
	if (a->kind != ASSOC_SERVER)
		return a->filter.n > 0 || a->tries >= CLOCK_HOPES;
	return a->filter.n > 0 || a->stopped || a->keyless || (assoc_cookies(a) == 0 && a->ke_tries > 0 && !a->keying) || assoc_is_peer(a) || a->opts.mode == MODE_BROADCAST || a->opts.manycast || a->failures > 1 || (a->tries > 0 && a->burst == 0 && a->probes >= (a->opts.iburst ? IBURST_PROBES : 1));
}

/* RATE: slower by one step and no bursts, within bounds.  DENY, RSTR: never again.  Others say no more than stratum 0 (RFC 5905 section 7.4). */
static void
take_kiss(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	int8_t most = most_rated(a);

	out->kiss = a->kiss;
	if (a->kiss == REFID_RATE) {
		a->burst = 0;
		if (a->minpoll < most)
			a->minpoll++;
		set_hpoll(a, a->hpoll < most ? (int8_t)(a->hpoll + 1) : a->hpoll < a->minpoll ? a->minpoll : a->hpoll);
		a->good = 0;
		a->next = monotime_add(now, log2_seconds(a->hpoll));
		tell(a, out, PEVENT_RATE);
	} else if (a->kiss == REFID_DENY || a->kiss == REFID_RSTR) {
		a->stopped = true;
		clear_reach(a, now);
		a->flash |= FLASH_DENIED;
		out->what |= ASSOC_UPDATE | (a->configured ? 0 : ASSOC_DEMOBILIZE);
		tell(a, out, PEVENT_DENIED);
	}
}

/*
 * The longest interval at whose end the clock can still be foretold to POLL_FORESIGHT times the variance of a typical sample.  After a
 * sample that says much it is longer, after one that was held up shorter, so the request just answered decides when the next is sent.
 * The poll exponent shown is that interval's, rounded up.
 */
static void
adapt_poll(struct assoc *a, struct monotime now)
{
	double least = log2_seconds(a->minpoll), most = log2_seconds(a->opts.maxpoll > a->minpoll ? a->opts.maxpoll : a->minpoll);
	double enough = POLL_FORESIGHT * estimator_noise(&a->estimator), interval = least;

	if (a->burst > 0)
		return;
	while (interval < most && !estimator_puzzled(&a->estimator) && estimator_var_ahead(&a->estimator, now, interval * POLL_GRAIN) < enough)
		interval *= POLL_GRAIN;
	a->interval = fmin(interval, most);
	a->hpoll = (int8_t)ceil(log2(a->interval));
	a->next = monotime_add(a->sent, gap(a));
}

static void
relieve(struct assoc *a)
{
	if (++a->good < RATE_RELIEF || a->minpoll == a->opts.minpoll)
		return;
	a->good = 0;
	a->minpoll--;
}

/* It was slowed down for its silence, which is over. */
static void
quicken(struct assoc *a, struct monotime now)
{
	struct monotime next;

	set_hpoll(a, a->minpoll);
	next = monotime_add(now, log2_seconds(a->hpoll));
	if (monotime_before(next, a->next))
		a->next = next;
}

void
assoc_take_sample(struct assoc *a, const struct arrival *in, struct sample *s, struct assoc_out *out)
{
	struct estimate e;
	bool fresh;

	s->offset += a->opts.bias;
	if (a->reach == 0) {
		tell(a, out, PEVENT_REACHABLE);
		a->changed = in->when;
		if (a->unreach > UNREACH_SLOW)
			quicken(a, in->when);
	}
	a->reach |= 1;
	a->unreach = 0;
	a->failures = 0;
	a->probes = 0;
	a->kiss = 0;
	if (!filter_add(&a->filter, s))
		return;
	estimator_add(&a->estimator, s);
	if (estimator_get(&a->estimator, in->when, in->steered, &e))
		a->have_stat = filter_stat(&a->filter, in->precision, e.freq, &a->stat, &fresh);
	relieve(a);
	if (!a->listening)
		adapt_poll(a, in->when);
	out->what |= ASSOC_UPDATE;
}

void
assoc_count_drop(struct assoc *a, unsigned flash)
{
	a->count.dup += (flash & FLASH_DUP) != 0;
	a->count.bogus += (flash & (FLASH_BOGUS | FLASH_UNSYNC | FLASH_HEADER)) != 0;
	a->count.badauth += (flash & FLASH_AUTH) != 0;
	a->count.nts_bad += (flash & FLASH_CRYPTO) != 0;
}

/*
 * A peer that does not answer us yet waits for our answer: it comes now rather than at the next poll, so that two that have just started need not
 * wait for two.  No more often than a burst would.
 */
static void
answer_stranger(struct assoc *a, struct monotime now)
{
	struct monotime soon = a->sent.ns == 0 ? now : monotime_add(a->sent, BURST_GAP);

	if (a->reach == 0 && a->exchange.stray.xmt.raw != 0 && monotime_before(soon, a->next))
		a->next = monotime_before(soon, now) ? now : soon;
}

/* It announces a leap second that it did not announce before. */
static void
watch_leap(struct assoc *a, const struct reply *r, struct assoc_out *out)
{
	bool is = r->pkt.leap == LEAP_INSERT || r->pkt.leap == LEAP_DELETE, was = a->last.leap == LEAP_INSERT || a->last.leap == LEAP_DELETE;

	if (r->kind == REPLY_SAMPLE && is && !was)
		tell(a, out, PEVENT_LEAP_ARMED);
}

/* Interleaved mode begins with its first sample, and ends in an error with a reply that makes none, or with a basic one. */
static void
watch_interleave(struct assoc *a, const struct reply *r, struct assoc_out *out)
{
	bool is = r->kind == REPLY_SAMPLE && r->interleaved;

	if (r->kind == REPLY_KISS || is == a->interleaved)
		return;
	tell(a, out, is ? PEVENT_INTERLEAVE : PEVENT_INTERLEAVE_ERROR);
	a->interleaved = is;
}

void
assoc_receive(struct assoc *a, const struct arrival *in, struct assoc_out *out)
{
	struct reply r;

	*out = (struct assoc_out){ 0 };
	exchange_receive(&a->exchange, in, &r);
	if (r.kind == REPLY_DROPPED) {
		assoc_count_drop(a, r.flash);
		hear_call(a, in);
		answer_stranger(a, in->when);
		/* It answers our request, so it comes from the server or from somebody on the way. */
		if ((r.flash & FLASH_AUTH) != 0) {
			a->flash |= FLASH_AUTH;
			tell(a, out, PEVENT_BADAUTH);
		}
		out->wait = assoc_wait(a, in->when);
		return;
	}
	out->what = ASSOC_CLOSE;
	a->count.received++;
	a->authentic = a->exchange.key != NULL || a->exchange.shield != NULL;
	a->count.nts_good += a->exchange.shield != NULL;
	a->ke_tries = 0;
	a->flash = (a->flash & ~(unsigned)FLASH_PACKET) | r.flash;
	watch_leap(a, &r, out);
	watch_interleave(a, &r, out);
	/* RATE speaks of us and not of the server's clock, whose header stays. */
	if (r.kind != REPLY_KISS || r.kiss != REFID_RATE)
		a->last = r.pkt;
	/* The time of our last update, to 233 ps, is nobody else's; whatever address or translator we met ourselves by (RFC 5905 section 9.2). */
	a->self |= in->own_reftime.raw != 0 && r.pkt.reftime.raw == in->own_reftime.raw;
	a->heard = in->when;
	if (r.kind == REPLY_SAMPLE) {
		assoc_take_sample(a, in, &r.sample, out);
	} else if (r.kind == REPLY_KISS) {
		a->kiss = r.kiss;
		take_kiss(a, in->when, out);
	} else {
		a->count.selbroken++;
	}
	out->wait = assoc_wait(a, in->when);
}

void
assoc_disturbed(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	*out = (struct assoc_out){ .what = ASSOC_CLOSE };
	a->exchange.open = false;
	filter_init(&a->filter);
	a->have_stat = false;
	estimator_loosen(&a->estimator, 1e6);
	a->burst = 0;
	clear_reach(a, now);
	a->next = monotime_add(now, BURST_GAP);
	tell(a, out, PEVENT_RESTART);
	out->wait = assoc_wait(a, now);
}

void
assoc_stepped(struct assoc *a, double by)
{
	struct estimate e;

	/* What it said of the clock as it was belongs to other seconds. */
	if (a->kind == ASSOC_PULSE) {
		filter_init(&a->filter);
		if (estimator_get(&a->estimator, a->heard, 0, &e))
			estimator_init(&a->estimator, e.freq, e.freq_var);
		a->have_stat = false;
		return;
	}
	filter_shift(&a->filter, by);
	a->stat.offset -= by;
}

uint32_t
assoc_refid_of(const struct addr *a)
{
	uint8_t md[MD5_LEN] = { 0 };
	const uint8_t *p = a->family == 6 ? md : a->ip;

	if (a->family == 6 && !digest_md5(a->ip, sizeof(a->ip), md))
		p = a->ip + 12;		/* no digest to be had: the low octets tell hosts apart nearly as well */
	return REFID(p[0], p[1], p[2], p[3]);
}
