/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests, and the tests a datagram has to pass to be their reply. */
#include "base/ntp.h"
#include "client/exchange.h"

#define DELAY_MAX	1.5	/* s, round trip: beyond it a reply is more likely held back than late */
#define SLEWING_MAX	0.02	/* s/s, by which two clocks that are being slewed may differ over one exchange */
#define STRAY_MISSED	3	/* packets without an answer after which the other side may have forgotten us, and what anybody could send is worth an answer */
#define XLEAVE_MISSED	4	/* requests without an answer after which a server has long forgotten the last one */

static bool
is_symmetric(const struct exchange *x)
{
	return x->mode == MODE_ACTIVE || x->mode == MODE_PASSIVE;
}

/* Another number as hard to guess for whoever has not seen this one (the finalizer of splitmix64, Steele, Lea and Flood, 2014); never 0. */
static uint64_t
mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) | 1;
}

/* Signed or protected, where it is to be. */
static size_t
seal(const struct exchange *x, uint8_t buf[static REQUEST_MAX])
{
	if (x->shield != NULL)
		return shield_protect(x->shield, buf, PACKET_LEN);
	return PACKET_LEN + (x->key == NULL ? 0 : key_sign(x->key, buf, PACKET_LEN, buf + PACKET_LEN));
}

static size_t
finish(struct exchange *x, const struct packet *p, uint8_t buf[static REQUEST_MAX])
{
	size_t len;

	packet_build(p, buf);
	len = seal(x, buf);
	x->previous = x->open ? x->nonce : 0;
	x->open = len > 0;
	x->nonce = p->xmt.raw;
	x->rec = p->rec.raw;
	if (x->missed < UINT8_MAX)
		x->missed++;
	return len;
}

size_t
exchange_request(struct exchange *x, uint64_t nonce, uint8_t version, uint8_t buf[static REQUEST_MAX])
{
	/* Everything but version, mode and nonce is zero: a request tells nothing about its sender. */
	struct packet p = { .version = version, .mode = MODE_CLIENT, .xmt = { nonce } };

	/* RFC 9769 section 2: named by its receive timestamp, the server finds when the reply before left. */
	if (x->xleave && x->turn.valid && x->missed < XLEAVE_MISSED) {
		p.org = x->good.rec;
		p.rec.raw = mix(nonce);
		if (p.rec.raw == nonce)
			p.rec.raw ^= 2;
	}
	return finish(x, &p, buf);
}

/* A time of ours with random bits where the clock shows nothing (RFC 5905 section 7.3), and unlike three others. */
static struct ntptime
fuzzed(struct walltime t, int8_t precision, uint64_t chance, uint64_t a, uint64_t b, uint64_t c)
{
	unsigned bits = precision > -8 ? 24 : precision < -29 ? 3 : (unsigned)(32 + precision);
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	struct ntptime n = walltime_to_ntp(t);

	n.raw = (n.raw & ~mask) | (chance & mask);
	while (n.raw == 0 || n.raw == a || n.raw == b || n.raw == c)
		n.raw++;
	return n;
}

size_t
exchange_symmetric(struct exchange *x, const struct packet *face, const struct departure *now, uint8_t version, uint8_t buf[static REQUEST_MAX])
{
	bool answered = x->missed == 0 && x->good.xmt.raw != 0;
	bool lost = x->good.xmt.raw == 0 || x->missed >= (x->key != NULL ? 1 : STRAY_MISSED);
	const struct echo *e = lost && x->stray.xmt.raw != 0 ? &x->stray : &x->good;
	/* Only the first answer to a packet, and only if there was one answer to that before: else the other side could not tell whose time it is. */
	bool interleaved = x->xleave && answered && x->before == 1 && x->turn.valid && x->generation == now->generation;
	struct packet p = *face;

	p.version = version;
	p.mode = x->mode;
	p.org = interleaved ? x->good.rec : e->xmt;
	if (e->xmt.raw != 0 && e->generation == now->generation)
		p.rec = fuzzed(e->came, face->precision, now->chance >> 32, p.org.raw, x->last_rec, x->rec);
	p.xmt = fuzzed(interleaved ? x->t1 : now->wall, face->precision, now->chance, p.org.raw, p.rec.raw, x->nonce);
	if (p.xmt.raw == x->last)
		p.xmt.raw++;
	x->t1 = now->wall;
	x->left = now->mono;
	x->steered = now->steered;
	x->generation = now->generation;
	x->stray = (struct echo){ 0 };
	return finish(x, &p, buf);
}

void
exchange_sent(struct exchange *x, struct walltime t1, unsigned generation)
{
	x->t1 = t1;
	x->generation = generation;
}

/* An active peer hears active and passive ones, a passive one is there for its active one only. */
static bool
mode_fits(const struct exchange *x, uint8_t mode)
{
	if (is_symmetric(x))
		return mode == MODE_ACTIVE || (mode == MODE_PASSIVE && x->mode == MODE_ACTIVE);
	return mode == MODE_SERVER;
}

/* Is it the answer to the question that is open?  The flash bits say why not. */
static unsigned
test_origin(const struct exchange *x, const struct packet *p, bool *interleaved)
{
	*interleaved = false;
	if (!mode_fits(x, p->mode) || p->version < NTP_VERSION_MIN || p->version > NTP_VERSION || p->org.raw == 0)
		return FLASH_BOGUS;
	if (x->open && p->org.raw == x->nonce)
		return 0;
	/* Never unless asked for: the origin of such a reply is what a basic one leaves unguarded (RFC 9769 section 6). */
	*interleaved = x->xleave && x->open && x->rec != 0 && p->org.raw == x->rec;
	if (*interleaved)
		return 0;
	if ((x->last != 0 && p->org.raw == x->last) || (x->xleave && x->last_rec != 0 && p->org.raw == x->last_rec))
		return FLASH_DUP;
	return FLASH_BOGUS;
}

/* A source with a key has to sign with that very one (RFC 5905 section 9.2); nobody's crypto-NAK is a reply. */
unsigned
exchange_test_mac(const struct exchange *x, const struct arrival *a, const struct packet_tail *tail)
{
	const uint8_t *mac = a->buf + tail->mac_at;

	if (tail->kind == TRAILER_NAK)
		return FLASH_AUTH;
	if (x->key == NULL)
		return 0;
	return tail->kind == TRAILER_MAC && key_verify(x->key, a->buf, tail->mac_at, mac, tail->mac_len) ? 0 : FLASH_AUTH;
}

/* A protected request has a protected reply, or none (RFC 8915 section 5.7). */
static unsigned
test_authentic(const struct exchange *x, const struct arrival *a, const struct packet_tail *tail, const struct packet *p)
{
	uint32_t kiss = p->stratum == STRATUM_KOD ? p->refid : 0;

	if (x->shield == NULL)
		return exchange_test_mac(x, a, tail);
	if (tail->kind != TRAILER_NONE)
		return FLASH_AUTH;
	return shield_judge(x->shield, a->buf, tail->mac_at, kiss) == SHIELD_GOOD ? 0 : FLASH_AUTH | FLASH_CRYPTO;
}

/* A packet without times is nobody's reply; one with the times of the last is a frozen server's. */
static unsigned
test_times(const struct exchange *x, const struct packet *p, bool interleaved)
{
	if (p->rec.raw == 0 || p->xmt.raw == 0)
		return FLASH_UNSYNC;
	if (interleaved)
		return p->rec.raw == x->good.rec.raw ? FLASH_DUP : 0;
	return x->last != 0 && p->xmt.raw == x->last_xmt.raw ? FLASH_DUP : 0;
}

/* Does the server have time to give? */
unsigned
exchange_test_server(const struct packet *p, double maxdisp)
{
	unsigned flash = 0;

	if (p->leap == LEAP_UNSYNC || p->stratum == 0 || p->stratum >= STRATUM_UNSYNC)
		flash |= FLASH_STRATUM;
	if (short_to_seconds(p->rootdelay) / 2 + short_to_seconds(p->rootdisp) >= (maxdisp > 0 ? maxdisp : DISP_MAX))
		flash |= FLASH_HEADER;
	return flash;
}

/* On-wire protocol (RFC 5905 section 8): T1 and T4 are ours, T2 and T3 the server's. */
static unsigned
measure(const struct turn *u, struct ntptime t3, int8_t their_precision, double precision, struct walltime basedate, struct sample *s)
{
	struct ntptime t1 = walltime_to_ntp(u->t1), t4 = walltime_to_ntp(u->t4);
	double away = ntptime_diff(t4, t1), held = ntptime_diff(t3, u->t2), delay = away - held;
	double reading = precision + log2_seconds(their_precision), disp = reading + DISP_RATE * away;

	/* A server cannot hold a request for longer than it was away, but for what the clocks cannot show. */
	if (away < 0 || held < 0 || delay > DELAY_MAX || delay < -(reading + SLEWING_MAX * away) || disp >= DISP_MAX)
		return FLASH_HEADER;
	*s = (struct sample){
		.when = u->when,
		/* ((T2 - T1) + (T3 - T4)) / 2 with one wide difference only: two could come out on either side of the era's far end. */
		.offset = ntptime_diff(u->t2, t1) - delay / 2,
		.delay = fmax(delay, precision),
		.disp = disp,
		.steered = u->steered,
	};
	/* Peers answer when they please: what is told is the offset half way between. */
	if (u->left.ns != 0) {
		s->when = monotime_add(u->left, monotime_diff(u->when, u->left) / 2);
		s->steered = (u->steered_left + u->steered) / 2;
	}
	/* Our clock may be in the wrong era, 136 years off; then the nearest time that fits is not the one that is meant. */
	if (basedate.ns > 0 && walltime_add(u->t4, s->offset).ns < basedate.ns)
		s->offset += 0x1p32;
	return 0;
}

static void
close_exchange(struct exchange *x, const struct packet *p)
{
	x->open = false;
	x->last = x->nonce;
	x->last_rec = x->rec;
	if (!is_symmetric(x))
		x->nonce = 0;
	x->before = x->missed;
	x->missed = 0;
	if (p->xmt.raw != 0)
		x->last_xmt = p->xmt;
}

static void
keep_echo(struct exchange *x, const struct arrival *a, const struct packet *p)
{
	x->good = (struct echo){ .rec = p->rec, .xmt = p->xmt, .came = a->t4, .generation = a->generation };
	x->stray = (struct echo){ 0 };
}

static struct turn
turn_of(const struct exchange *x, const struct arrival *a, const struct packet *p)
{
	return (struct turn){
		.valid = a->generation == x->generation,
		.t1 = x->t1,
		.t2 = p->rec,
		.t4 = a->t4,
		.left = x->left,
		.when = a->when,
		.steered_left = x->steered,
		.steered = a->steered,
		.generation = a->generation,
	};
}

/* A server whose certificate does not hold at the time that it tells is not to be believed that time (RFC 8915 section 8.5). */
static unsigned
test_validity(const struct exchange *x, const struct arrival *a, double offset)
{
	struct walltime told = walltime_add(a->t4, offset);
	const struct shield *s = x->shield;

	if (s == NULL || (s->not_before.ns == 0 && s->not_after.ns == 0))
		return 0;
	return told.ns >= s->not_before.ns && told.ns <= s->not_after.ns ? 0 : FLASH_CRYPTO;
}

/* A genuine reply: kiss, sample or neither. */
static void
judge(struct exchange *x, const struct arrival *a, struct reply *r)
{
	struct turn now = turn_of(x, a, &r->pkt), u = r->interleaved ? x->turn : now;

	close_exchange(x, &r->pkt);
	x->turn.valid = false;
	r->kind = REPLY_USELESS;
	if (r->pkt.stratum == STRATUM_KOD && r->pkt.refid >> 24 != 0) {
		r->kind = REPLY_KISS;
		r->kiss = r->pkt.refid;
		r->flash = FLASH_STRATUM;
	}
	if (r->kind != REPLY_KISS || is_symmetric(x))
		keep_echo(x, a, &r->pkt);
	if (r->kind == REPLY_KISS)
		return;
	r->flash = exchange_test_server(&r->pkt, a->maxdisp);
	if (r->flash != 0)
		return;
	x->turn = now;
	if (!u.valid || a->generation != u.generation)
		return;
	r->flash = measure(&u, r->pkt.xmt, r->pkt.precision, a->precision, a->basedate, &r->sample);
	if (r->flash == 0)
		r->flash = test_validity(x, a, r->sample.offset);
	if (r->flash == 0)
		r->kind = REPLY_SAMPLE;
}

/*
 * Signed as it should be, but no answer to our last packet, or not the first.  If it answers that again, or the one before because the two have crossed,
 * it is the one to be answered next; any other is only remembered in case nothing better comes.  Replayed, it is older than the last good one; reflected,
 * it is our own.
 */
static void
take_stray(struct exchange *x, const struct arrival *a, const struct packet *p, unsigned flash)
{
	bool newer = x->good.xmt.raw == 0 || ntptime_diff(p->xmt, x->good.xmt) > 0;

	if (!mode_fits(x, p->mode) || p->xmt.raw == 0 || p->xmt.raw == x->nonce || p->xmt.raw == x->last || !newer)
		return;
	if (p->rec.raw != 0 && ((flash == FLASH_DUP && x->missed == 0) || (x->previous != 0 && p->org.raw == x->previous))) {
		keep_echo(x, a, p);
		x->turn.valid = false;	/* the time told next belongs to this packet, not to the one that was measured */
	} else
		x->stray = (struct echo){ .rec = p->rec, .xmt = p->xmt, .came = a->t4, .generation = a->generation };
}

void
exchange_receive(struct exchange *x, const struct arrival *a, struct reply *out)
{
	struct reply r = { .kind = REPLY_DROPPED };
	struct packet_tail tail;
	unsigned origin = 0;

	if (packet_parse(&r.pkt, &tail, a->buf, a->len) != WIRE_OK)
		r.flash = FLASH_HEADER;
	else
		r.flash = origin = test_origin(x, &r.pkt, &r.interleaved);
	if (origin != 0 && is_symmetric(x) && exchange_test_mac(x, a, &tail) == 0)
		take_stray(x, a, &r.pkt, origin);
	if (r.flash == 0)
		r.flash = test_authentic(x, a, &tail, &r.pkt);
	if (r.flash == 0 && r.pkt.stratum != STRATUM_KOD)
		r.flash = test_times(x, &r.pkt, r.interleaved);
	if (r.flash == 0)
		judge(x, a, &r);
	*out = r;
}
