/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes the NTP header and decides what trails it. */
#include "base/bytes.h"
#include "wire/packet.h"

#define FIELD_MIN	16	/* RFC 7822 section 7.5.1.2: an extension field */
#define FIELD_LAST_MIN	28	/* … the last one, where no MAC follows: shorter would read as a MAC */
#define NAK_LEN		4
#define MAC_MD5_LEN	20	/* key id and 16 octets */
#define MAC_SHA1_LEN	24	/* key id and 20 octets */

static bool
is_mac_len(size_t left)
{
	return left == MAC_MD5_LEN || left == MAC_SHA1_LEN;
}

/* Steps over one extension field; false if it is malformed. */
static bool
skip_field(struct rd *r)
{
	size_t left = rd_left(r);
	size_t len;

	rd_u16(r);		/* type: nobody asks for any yet */
	len = rd_u16(r);
	if (r->bad || len < FIELD_MIN || len % 4 != 0 || len > left || (len == left && len < FIELD_LAST_MIN))
		return false;
	return rd_bytes(r, len - 4) != NULL;
}

/* RFC 7822: 20 or 24 octets left are a MAC, 4 zero octets a crypto-NAK, the rest is extension fields (version 4) or rubbish. */
static enum wire_err
tail_parse(struct packet_tail *tail, struct rd *r, unsigned version, const uint8_t *buf)
{
	struct packet_tail t = { .kind = TRAILER_NONE };

	if (rd_left(r) % 4 != 0)
		return WIRE_TRAILER;
	while (rd_left(r) > MAC_SHA1_LEN && version == NTP_VERSION) {
		if (t.fields++ == EXTFIELDS_MAX || !skip_field(r))
			return WIRE_TRAILER;
	}
	t.mac_at = (size_t)(r->p - buf);
	t.mac_len = rd_left(r);
	if (is_mac_len(t.mac_len))
		t.kind = TRAILER_MAC;
	else if (t.mac_len == NAK_LEN && rd_u32(r) == 0)
		t.kind = TRAILER_NAK;
	else if (t.mac_len != 0)
		return WIRE_TRAILER;
	*tail = t;
	return WIRE_OK;
}

enum wire_err
packet_parse(struct packet *pkt, struct packet_tail *tail, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct packet p;
	enum wire_err err;
	uint8_t first;

	if (len < PACKET_LEN)
		return WIRE_SHORT;
	if (len > PACKET_MAX)
		return WIRE_LONG;
	first = rd_u8(&r);
	p.leap = first >> 6;
	p.version = first >> 3 & 7;
	p.mode = first & 7;
	p.stratum = rd_u8(&r);
	p.poll = (int8_t)rd_u8(&r);
	p.precision = (int8_t)rd_u8(&r);
	p.rootdelay = rd_u32(&r);
	p.rootdisp = rd_u32(&r);
	p.refid = rd_u32(&r);
	p.reftime.raw = rd_u64(&r);
	p.org.raw = rd_u64(&r);
	p.rec.raw = rd_u64(&r);
	p.xmt.raw = rd_u64(&r);
	err = tail_parse(tail, &r, p.version, buf);
	if (err == WIRE_OK)
		*pkt = p;
	return err;
}

void
packet_build(const struct packet *pkt, uint8_t buf[static PACKET_LEN])
{
	struct wr w = wr_init(buf, PACKET_LEN);

	wr_u8(&w, (uint8_t)((pkt->leap & 3) << 6 | (pkt->version & 7) << 3 | (pkt->mode & 7)));
	wr_u8(&w, pkt->stratum);
	wr_u8(&w, (uint8_t)pkt->poll);
	wr_u8(&w, (uint8_t)pkt->precision);
	wr_u32(&w, pkt->rootdelay);
	wr_u32(&w, pkt->rootdisp);
	wr_u32(&w, pkt->refid);
	wr_u64(&w, pkt->reftime.raw);
	wr_u64(&w, pkt->org.raw);
	wr_u64(&w, pkt->rec.raw);
	wr_u64(&w, pkt->xmt.raw);
}
