/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets with the extension fields of Network Time Security, as a server and as a client read them.  Whoever has no keys achieves nothing but a NAK no longer
 * than his packet; whoever has them gets a reply no longer than that, which the client takes.
 *
 * Input: an octet that says what the rest is: 0 a packet to the server, 1 one to the client, else fields for a request that is rightly sealed: type and
 * length, two octets each.
 */
#include "nts/warden.h"
#include "nts/shield.h"
#include "wire/packet.h"
#include "fuzz.h"

struct both {
	struct warden	 g;
	struct shield	*s;
};

static void
begin(struct both *b)
{
	struct cookie_keys k = { .aead = AEAD_SIV_256, .c2s = { 1 }, .s2c = { 2 } };
	static struct ke_answer a;
	bool made;

	a = (struct ke_answer){ .aead = AEAD_SIV_256 };
	assert(warden_init(&b->g) && cookie_rotate(&b->g.ring, 1700000000, &made) && warden_cookies(&b->g, &k, &a));
	b->s = shield_new(&a, k.c2s, k.s2c);
	assert(b->s != NULL);
}

static void
to_server(struct both *b, const uint8_t *buf, size_t len)
{
	uint8_t out[PACKET_MAX] = { 0 };
	struct packet_tail tail;
	struct guarded g;
	struct packet p;

	if (packet_parse(&p, &tail, buf, len) != WIRE_OK)
		return;
	switch (warden_open(&b->g, buf, len, tail.mac_at, &g)) {
	case WARDEN_GOOD:
		assert(false);	/* a forgery has been taken */
		break;
	case WARDEN_NAK:
		assert(warden_nak(&g, out) <= len);
		break;
	default:
		break;
	}
}

static void
to_client(struct both *b, const uint8_t *buf, size_t len)
{
	uint8_t rq[PACKET_MAX] = { 0 };
	struct packet_tail tail;
	struct packet p;

	assert(shield_protect(b->s, rq, PACKET_LEN) > 0);
	if (packet_parse(&p, &tail, buf, len) != WIRE_OK)
		return;
	assert(shield_judge(b->s, buf, tail.mac_at, p.stratum == 0 ? p.refid : 0) == SHIELD_BAD);
	assert(b->s->ncookies == NTS_COOKIES - 1 && b->s->naked == 0);
}

/* A request made of the fields that the input names, but for the cookie, which is a real one. */
static void
sealed(struct both *b, struct rd *in)
{
	static const uint16_t types[] = { FIELD_UID, FIELD_COOKIE, FIELD_PLACEHOLDER, 0x1234 };
	uint8_t rq[PACKET_MAX] = { 0x23 }, re[PACKET_MAX] = { 0x24 };
	struct wr w = wr_init(rq + PACKET_LEN, PACKET_MAX - PACKET_LEN - AUTH_LEN);
	const struct nts_cookie *c = &b->s->cookie[0];
	struct guarded g;
	size_t len, back;

	while (rd_left(in) >= 4 && !w.bad) {
		uint16_t type = types[rd_u16(in) % NELEMS(types)], n = rd_u16(in) % 256;
		struct wr before = w;

		fields_put(&w, type, type == FIELD_COOKIE ? (struct octets){ c->octets, c->len } : (struct octets){ NULL, n });
		if (w.bad)
			w = before;
	}
	len = fields_seal(b->g.siv, AEAD_SIV_256, b->s->c2s, rq, (size_t)(w.p - rq), 0);
	assert(len > 0 && len <= PACKET_MAX);
	if (warden_open(&b->g, rq, len, len, &g) != WARDEN_GOOD)
		return;
	assert(g.cookies >= 1 && g.cookies <= NTS_COOKIES);
	back = warden_seal(&b->g, &g, re);
	assert(back > 0 && back <= len);
	if (g.uid.len != UID_LEN)
		return;
	b->s->ncookies = 0;
	b->s->open = true;
	memcpy(b->s->uid, g.uid.p, UID_LEN);
	assert(shield_judge(b->s, re, back, 0) == SHIELD_GOOD && b->s->ncookies == g.cookies);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	uint8_t what = rd_u8(&in), *buf;
	struct both b;
	size_t len;

	begin(&b);
	if (what > 1) {
		sealed(&b, &in);
	} else {
		len = rd_left(&in) > PACKET_MAX ? PACKET_MAX : rd_left(&in);
		buf = malloc(len > 0 ? len : 1);
		assert(buf != NULL);
		if (len > 0)
			memcpy(buf, in.p, len);
		if (what == 0)
			to_server(&b, buf, len);
		else
			to_client(&b, buf, len);
		free(buf);
	}
	shield_free(b.s);
	warden_clear(&b.g);
	return 0;
}
