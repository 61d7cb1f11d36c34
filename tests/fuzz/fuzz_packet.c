/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An association among hostile datagrams: whatever comes, its numbers stay numbers, its poll within bounds, and a packet that is not
 * the reply to the open request changes counters alone - and, between peers, what is only echoed.
 *
 * Input: options (1), poll exponents (1), then steps: what (1), time that passes (4), and what the step takes.
 */
#include "base/ntp.h"
#include "client/assoc.h"
#include "fuzz.h"

#define EPOCH_NS	INT64_C(1795378286000000000)	/* 2026-11-22 20:11:26 UTC */
#define PASS_MAX	2e5	/* s, between two steps: more than the longest poll interval */
#define KEYS		"1 SHA1 roof\n2 AES128CMAC sixteen.octets..\n"
#define STEP_MAX	2e8	/* s, of our clock at once */

struct world {
	struct rd	in;
	struct assoc	a;
	struct assoc_out out;
	struct monotime	now;
	int64_t		ahead_ns;	/* our clock minus now */
	double		steered;
	unsigned	generation;
	const struct key *key;		/* NULL: nothing is signed */
};

static struct walltime
wall(const struct world *w)
{
	return (struct walltime){ w->now.ns + w->ahead_ns };
}

/* What a peer says carries times, and never those of nobody. */
static void
speak(struct world *w)
{
	const struct packet face = { .stratum = 2, .precision = -20, .refid = 1 };
	struct departure leave = { .wall = wall(w), .mono = w->now, .steered = w->steered, .generation = w->generation, .chance = rd_u64(&w->in) };
	struct packet_tail tail;
	struct packet p;

	assoc_speak(&w->a, &face, &leave, &w->out);
	assert(packet_parse(&p, &tail, w->out.pkt, w->out.len) == WIRE_OK && (tail.mac_len > 0) == (w->key != NULL));
	assert(p.mode == w->a.opts.mode && p.xmt.raw != 0 && p.xmt.raw != p.org.raw && p.xmt.raw != p.rec.raw);
}

static void
timer(struct world *w)
{
	struct dice dice = { .nonce = rd_u64(&w->in), .uniform = rd_u8(&w->in) / 256.0 };
	struct packet_tail tail;
	struct packet p;

	if (dice.uniform < 0.5 && monotime_before(w->now, w->a.next))
		w->now = w->a.next;
	assoc_timer(&w->a, w->now, dice, &w->out);
	if ((w->out.what & ASSOC_SEND) == 0)
		return;
	if (assoc_speaks(&w->a)) {
		speak(w);
		return;
	}
	assert(packet_parse(&p, &tail, w->out.pkt, w->out.len) == WIRE_OK && (tail.mac_len > 0) == (w->key != NULL) && p.mode == MODE_CLIENT && p.xmt.raw != 0);
	assoc_sent(&w->a, wall(w), w->generation);
}

/* What only the server that was asked can know, put into a datagram where the input wishes: else hardly any would get past the first test. */
static void
make_genuine(struct world *w, unsigned wish, uint8_t *buf)
{
	struct wr org = wr_init(buf + 24, 8), times = wr_init(buf + 32, 16);
	uint64_t rec = walltime_to_ntp(walltime_add(w->a.exchange.t1, fuzz_seconds(&w->in, STEP_MAX))).raw;

	if ((wish & 1) != 0)
		wr_u64(&org, (wish & 4) != 0 ? w->a.exchange.last : w->a.exchange.nonce);
	if ((wish & 2) != 0) {
		wr_u64(&times, rec);
		wr_u64(&times, rec + rd_u32(&w->in));
	}
}

/* Between peers: what is echoed, which makes a turn void, and when. */
static void
forgive(struct assoc *before, const struct assoc *after)
{
	assert(!after->exchange.turn.valid || before->exchange.turn.valid);
	before->exchange.stray = after->exchange.stray;
	before->exchange.good = after->exchange.good;
	before->exchange.turn = after->exchange.turn;
	before->called = after->called;
	before->next = after->next;
}

/* What answers our request and is not signed rightly is shown by a bit and an event; nothing else of a refused packet is. */
static void
forgive_badauth(struct assoc *before, const struct assoc *after, const struct packet *p)
{
	if (after->flash == before->flash && after->event == before->event && after->events == before->events)
		return;
	assert(before->exchange.open && p->org.raw != 0);
	assert(p->org.raw == before->exchange.nonce || (before->opts.xleave && p->org.raw == before->exchange.rec));
	before->flash |= FLASH_AUTH;
	before->event = after->event;
	before->events = after->events;
}

/* The same datagram as a broadcast: without a right MAC nothing but a counter changes, nor by one that is not later than the last, unless that was an interval of silence ago. */
static void
hear(struct world *w, const struct arrival *in, struct assoc *before)
{
	const struct bclient_opts o = { .delay = (w->in.p - w->in.end) % 2 == 0 ? -0.05 : 0.004, .back = 1 };
	struct packet_tail tail;
	struct packet p;
	bool whole = packet_parse(&p, &tail, in->buf, in->len) == WIRE_OK;
	double later;

	assoc_broadcast(&w->a, in, &o, &w->out);
	before->count = w->a.count;
	if (memcmp(before, &w->a, sizeof(*before)) == 0)
		return;
	assert(whole && p.mode == MODE_BROADCAST && p.xmt.raw == w->a.mark.xmt.raw);
	later = ntptime_diff(p.xmt, before->mark.xmt);
	assert(before->mark.came.ns == 0 || later > 0 || (later < 0 && monotime_diff(in->when, before->mark.came) >= o.back * log2_seconds(p.poll)));
	assert(w->key == NULL || (tail.kind == TRAILER_MAC && key_verify(w->key, in->buf, tail.mac_at, in->buf + tail.mac_at, tail.mac_len)));
}

static void
receive(struct world *w)
{
	unsigned wish = rd_u8(&w->in), received = w->a.count.received;
	size_t len;
	uint8_t *buf = fuzz_datagram(&w->in, PACKET_MAX + 1, &len), again[PACKET_LEN];
	struct arrival in = { .buf = buf, .len = len, .t4 = wall(w), .when = w->now, .steered = w->steered,
		.generation = w->generation, .precision = 1e-7 };
	struct packet_tail tail;
	struct packet p = { 0 };
	struct assoc before;

	if (len >= PACKET_LEN)
		make_genuine(w, wish, buf);
	if ((wish & 8) != 0 && w->key != NULL && len <= PACKET_MAX - MAC_MAX) {
		in.buf = buf = realloc(buf, len + MAC_MAX);
		assert(buf != NULL);
		in.len = len += key_sign(w->key, buf, len, buf + len);
	}
	in.t4 = wall(w);
	memcpy(&before, &w->a, sizeof(before));
	if ((wish & 16) != 0) {
		hear(w, &in, &before);
		free(buf);
		return;
	}
	assoc_receive(&w->a, &in, &w->out);
	if (packet_parse(&p, &tail, buf, len) == WIRE_OK) {
		packet_build(&p, again);
		assert(memcmp(again, buf, PACKET_LEN) == 0);
	}
	if (w->a.count.received == received) {
		before.count = w->a.count;
		if (assoc_is_peer(&w->a))
			forgive(&before, &w->a);
		forgive_badauth(&before, &w->a, &p);
		assert(memcmp(&before, &w->a, sizeof(before)) == 0 && w->out.what == 0);
	} else {
		assert(before.exchange.open && p.org.raw != 0 && !w->a.exchange.open && (w->out.what & ASSOC_CLOSE) != 0);
		assert(p.org.raw == before.exchange.nonce || (w->a.opts.xleave && p.org.raw == before.exchange.rec));
		assert(w->key == NULL || (tail.kind == TRAILER_MAC && key_verify(w->key, buf, tail.mac_at, buf + tail.mac_at, tail.mac_len)));
	}
	free(buf);
}

static void
select_it(struct world *w)
{
	const uint32_t id = assoc_refid_of(&w->a.addr);
	const struct own_refids own = { &id, 1 };
	struct candidate c;

	if (!assoc_candidate(&w->a, w->now, w->steered, &select_defaults, &own, &c))
		return;
	assert(isfinite(c.est.offset) && isfinite(c.est.freq) && c.est.var >= 0 && isfinite(c.est.var) && isfinite(c.est.freq_var));
	assert(c.rootdist >= 0 && isfinite(c.rootdist) && c.jitter >= 0 && isfinite(c.jitter) && c.stratum >= 1 && c.stratum < STRATUM_UNSYNC);
}

static void
step(struct world *w)
{
	double by = fuzz_seconds(&w->in, STEP_MAX);

	w->ahead_ns += llround(by * 1e9);
	if (w->ahead_ns < 0 || w->ahead_ns > 2 * EPOCH_NS)	/* beyond what walltime can hold */
		w->ahead_ns = EPOCH_NS;
	w->steered += by;
	w->generation++;
	assoc_stepped(&w->a, by);
}

static void
fail(struct world *w)
{
	assoc_failed(&w->a, w->now, &w->out);
}

static void
disturb(struct world *w)
{
	w->generation++;
	assoc_disturbed(&w->a, w->now, &w->out);
}

static void
move(struct world *w)
{
	struct addr a = { .family = 4, .ip = { 192, 0, 2, rd_u8(&w->in) & 1 } };

	assoc_set_addr(&w->a, &a, w->now, &w->out);
}

static void
check(const struct world *w)
{
	const struct assoc *a = &w->a;

	assert(isfinite(w->out.wait) && a->opts.minpoll <= a->minpoll && (a->listening || (a->minpoll <= a->hpoll && a->hpoll <= a->opts.maxpoll)));
	assert(isfinite(a->stat.offset) && isfinite(a->stat.delay) && isfinite(a->stat.disp) && isfinite(a->stat.jitter));
	assert(isfinite(a->estimator.noise) && a->estimator.noise >= 0 && isfinite(assoc_rootdist(a, w->now)));
	for (unsigned i = 0; i < ESTIMATOR_MODELS; i++) {
		const struct kalman *k = &a->estimator.state.model[i];

		assert(isfinite(k->x) && isfinite(k->f) && isfinite(k->pxx) && isfinite(k->pxf) && isfinite(k->pff) && isfinite(k->a) && !isnan(k->loglik));
	}
	for (unsigned i = 0; i < a->filter.n; i++)
		assert(isfinite(a->filter.stage[i].offset) && a->filter.stage[i].delay >= 0 && a->filter.stage[i].disp >= 0);
}

static void
ignore(void *arg, bool error, const char *name, unsigned line, const char *text)
{
	(void)arg; (void)error; (void)name; (void)line; (void)text;
}

/* Made once: that takes longer than all the rest of a run. */
static const struct keys *
signers(void)
{
	static struct keys *keys;

	if (keys == NULL) {
		keys = keys_parse("keys", KEYS, sizeof(KEYS) - 1, ignore, NULL);
		keys_trust(keys, 1, 2);
	}
	assert(keys != NULL);
	return keys;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(struct world *) = { timer, receive, receive, select_it, step, fail, disturb, move };
	struct world w = { .in = rd_init(data, size), .now = { 1 }, .ahead_ns = EPOCH_NS };
	unsigned bits = rd_u8(&w.in);
	int polls = rd_u8(&w.in);
	struct assoc_opts o = { .version = (uint8_t)(1 + (bits & 3)), .iburst = bits & 4, .burst = bits & 8, .xleave = bits & 16 };

	o.mode = (bits & 3) == 0 ? MODE_ACTIVE : (bits & 3) == 1 ? MODE_PASSIVE : MODE_CLIENT;
	o.minpoll = (int8_t)(polls % (POLL_MAX + 1));
	o.maxpoll = (int8_t)(o.minpoll + polls / (POLL_MAX + 1) % (POLL_MAX + 1 - o.minpoll));
	assoc_init(&w.a, 1, &o, w.now, 0, 0, (bits & 32) != 0 ? ESTIMATOR_FREQ_DRIFT : ESTIMATOR_FREQ_UNKNOWN);
	w.a.configured = bits & 64;
	w.key = keys_find(signers(), bits >> 7 == 0 ? 0 : 1 + (bits & 1));
	assoc_set_key(&w.a, w.key);
	assoc_set_addr(&w.a, &(struct addr){ .family = 4, .ip = { 192, 0, 2, 1 } }, w.now, &w.out);
	while (rd_left(&w.in) > 0) {
		unsigned what = rd_u8(&w.in);

		w.now = monotime_add(w.now, fabs(fuzz_seconds(&w.in, PASS_MAX)));
		steps[what % NELEMS(steps)](&w);
		check(&w);
	}
	return 0;
}
