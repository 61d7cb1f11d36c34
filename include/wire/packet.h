/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NTP header (RFC 5905 section 7.3) and what may trail it: octets to struct and back.
 *
 *   0 LI(2) VN(3) Mode(3)   1 stratum   2 poll   3 precision
 *   4 root delay (16.16)    8 root dispersion (16.16)    12 reference ID
 *  16 reference  24 origin  32 receive  40 transmit (each 32.32)
 *  48 extension fields (version 4 only), then a MAC: key id (4) and digest (16 or 20)
 */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/ntp.h"
#include "base/time.h"

#define PACKET_LEN	48	/* header */
#define PACKET_MAX	2048	/* longest datagram looked at; longer ones are dropped */
#define EXTFIELDS_MAX	32	/* fields walked in one packet */

/* Modes and versions are plain octets here: any value may come off the wire. */
struct packet {
	uint8_t		leap, version, mode;
	uint8_t		stratum;
	int8_t		poll, precision;	/* log2 s */
	uint32_t	rootdelay, rootdisp;	/* 16.16 s */
	uint32_t	refid;			/* first octet on top */
	struct ntptime	reftime, org, rec, xmt;
};

/* What follows the header.  One rule that does not depend on the keys loaded: same bytes, same verdict. */
enum trailer { TRAILER_NONE, TRAILER_MAC, TRAILER_NAK };

struct packet_tail {
	enum trailer	kind;
	size_t		mac_at;		/* offset of the key id; octets before it are what the MAC covers */
	size_t		mac_len;	/* 0, 4 (crypto-NAK), 20 or 24 */
	size_t		fields;		/* extension fields walked over */
};

enum wire_err {
	WIRE_OK,
	WIRE_SHORT,		/* under 48 octets */
	WIRE_LONG,		/* over PACKET_MAX */
	WIRE_TRAILER,		/* what follows the header is neither fields nor a MAC (RFC 7822) */
};

/* Reads the header and walks the trailer.  Both outputs are written only on WIRE_OK. */
MUST_USE enum wire_err packet_parse(struct packet *pkt, struct packet_tail *tail, const uint8_t *buf, size_t len);

/* Writes the 48 octets of the header. */
void packet_build(const struct packet *pkt, uint8_t buf[static PACKET_LEN]);

#endif
