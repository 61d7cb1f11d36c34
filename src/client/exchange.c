/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests, and the tests a datagram has to pass to be their reply. */
#include "base/ntp.h"
#include "client/exchange.h"

#define DELAY_MAX	1.5	/* s, round trip: beyond it a reply is more likely held back than late */
#define SLEWING_MAX	0.02	/* s/s, by which two clocks that are being slewed may differ over one exchange */

size_t
exchange_request(struct exchange *x, uint64_t nonce, uint8_t version, uint8_t buf[static REQUEST_MAX])
{
	/* Everything but version, mode and nonce is zero: a request tells nothing about its sender. */
	struct packet p = { .version = version, .mode = MODE_CLIENT, .xmt = { nonce } };

	packet_build(&p, buf);
	x->open = true;
	x->nonce = nonce;
	return PACKET_LEN + (x->key == NULL ? 0 : key_sign(x->key, buf, PACKET_LEN, buf + PACKET_LEN));
}

void
exchange_sent(struct exchange *x, struct walltime t1, unsigned generation)
{
	x->t1 = t1;
	x->generation = generation;
}

/* Is it the answer to the question that is open?  The flash bits say why not. */
static unsigned
test_origin(const struct exchange *x, const struct packet *p)
{
	if (p->mode != MODE_SERVER || p->version < NTP_VERSION_MIN || p->version > NTP_VERSION)
		return FLASH_BOGUS;
	if (x->open && p->org.raw == x->nonce && x->nonce != 0)
		return 0;
	return x->last != 0 && p->org.raw == x->last ? FLASH_DUP : FLASH_BOGUS;
}

/* A source with a key has to sign with that very one (RFC 5905 section 9.2); nobody's crypto-NAK is a reply. */
static unsigned
test_mac(const struct exchange *x, const struct arrival *a, const struct packet_tail *tail)
{
	const uint8_t *mac = a->buf + tail->mac_at;

	if (tail->kind == TRAILER_NAK)
		return FLASH_AUTH;
	if (x->key == NULL)
		return 0;
	return tail->kind == TRAILER_MAC && key_verify(x->key, a->buf, tail->mac_at, mac, tail->mac_len) ? 0 : FLASH_AUTH;
}

/* A packet without times is nobody's reply; one with the times of the last is a frozen server's. */
static unsigned
test_times(const struct exchange *x, const struct packet *p)
{
	if (p->rec.raw == 0 || p->xmt.raw == 0)
		return FLASH_UNSYNC;
	return x->last != 0 && p->xmt.raw == x->last_xmt.raw ? FLASH_DUP : 0;
}

/* Does the server have time to give? */
static unsigned
test_server(const struct packet *p)
{
	unsigned flash = 0;

	if (p->leap == LEAP_UNSYNC || p->stratum == 0 || p->stratum >= STRATUM_UNSYNC)
		flash |= FLASH_STRATUM;
	if (short_to_seconds(p->rootdelay) / 2 + short_to_seconds(p->rootdisp) >= DISP_MAX)
		flash |= FLASH_HEADER;
	return flash;
}

/* On-wire protocol (RFC 5905 section 8): T1 and T4 are ours, T2 and T3 the server's. */
static unsigned
measure(const struct exchange *x, const struct arrival *a, const struct packet *p, struct sample *s)
{
	struct ntptime t1 = walltime_to_ntp(x->t1), t4 = walltime_to_ntp(a->t4);
	double away = ntptime_diff(t4, t1), held = ntptime_diff(p->xmt, p->rec), delay = away - held;
	double reading = a->precision + log2_seconds(p->precision), disp = reading + DISP_RATE * away;

	/* A server cannot hold a request for longer than it was away, but for what the clocks cannot show. */
	if (away < 0 || held < 0 || delay > DELAY_MAX || delay < -(reading + SLEWING_MAX * away) || disp >= DISP_MAX)
		return FLASH_HEADER;
	*s = (struct sample){
		.when = a->when,
		/* ((T2 - T1) + (T3 - T4)) / 2 with one wide difference only: two could come out on either side of the era's far end. */
		.offset = ntptime_diff(p->rec, t1) - delay / 2,
		.delay = fmax(delay, a->precision),
		.disp = disp,
		.steered = a->steered,
	};
	/* Our clock may be in the wrong era, 136 years off; then the nearest time that fits is not the one that is meant. */
	if (a->basedate.ns > 0 && walltime_add(a->t4, s->offset).ns < a->basedate.ns)
		s->offset += 0x1p32;
	return 0;
}

static void
close_exchange(struct exchange *x, const struct packet *p)
{
	x->open = false;
	x->last = x->nonce;
	x->nonce = 0;
	if (p->xmt.raw != 0)
		x->last_xmt = p->xmt;
}

/* A genuine reply: kiss, sample or neither. */
static void
judge(struct exchange *x, const struct arrival *a, struct reply *r)
{
	close_exchange(x, &r->pkt);
	r->kind = REPLY_USELESS;
	if (r->pkt.stratum == STRATUM_KOD && r->pkt.refid >> 24 != 0) {
		r->kind = REPLY_KISS;
		r->kiss = r->pkt.refid;
		r->flash = FLASH_STRATUM;
		return;
	}
	r->flash = test_server(&r->pkt);
	if (r->flash != 0 || a->generation != x->generation)
		return;
	r->flash = measure(x, a, &r->pkt, &r->sample);
	if (r->flash == 0)
		r->kind = REPLY_SAMPLE;
}

void
exchange_receive(struct exchange *x, const struct arrival *a, struct reply *out)
{
	struct reply r = { .kind = REPLY_DROPPED };
	struct packet_tail tail;

	if (packet_parse(&r.pkt, &tail, a->buf, a->len) != WIRE_OK)
		r.flash = FLASH_HEADER;
	else
		r.flash = test_origin(x, &r.pkt);
	if (r.flash == 0)
		r.flash = test_mac(x, a, &tail);
	if (r.flash == 0 && r.pkt.stratum != STRATUM_KOD)
		r.flash = test_times(x, &r.pkt);
	if (r.flash == 0)
		judge(x, a, &r);
	*out = r;
}
