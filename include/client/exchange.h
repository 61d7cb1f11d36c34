/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question and its answer: builds the request, and decides whether a datagram is the reply to it (RFC 5905 sections 8 and 9.2).
 *
 * The transmit timestamp of a request is 64 random bits: it says nothing of our clock, and a reply must repeat them (RFC 9109 for the port,
 * draft-ietf-ntp-data-minimization for the rest).  Nothing is changed by a reply that fails a test, but for the flash bits returned.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keys.h"
#include "base/must_use.h"
#include "engine/sample.h"
#include "wire/packet.h"

/* Which test said no; bits as ntpq shows them (peer variable flash). */
enum flash {
	FLASH_DUP = 0x001,		/* answered already */
	FLASH_BOGUS = 0x002,		/* origin is not what we sent */
	FLASH_UNSYNC = 0x004,		/* a timestamp is missing */
	FLASH_DENIED = 0x008,		/* kiss-o'-death DENY or RSTR */
	FLASH_AUTH = 0x010,		/* MAC missing or wrong */
	FLASH_STRATUM = 0x020,		/* server unsynchronised: leap 3, stratum 0 or 16 and above */
	FLASH_HEADER = 0x040,		/* root distance of 16 s or more, or malformed */
	FLASH_AUTOKEY = 0x080,
	FLASH_CRYPTO = 0x100,
	FLASH_PEER_STRATUM = 0x200,	/* selection: stratum outside floor and ceiling */
	FLASH_PEER_DIST = 0x400,	/* selection: root distance above maxdist */
	FLASH_PEER_LOOP = 0x800,	/* selection: its source is ourselves */
	FLASH_PEER_UNREACH = 0x1000,	/* selection: unreachable, or noselect */
};
#define FLASH_PACKET	0x1ff		/* tests of a packet, as against those of an association */

enum reply_kind {
	REPLY_DROPPED,			/* not ours: no state may change */
	REPLY_SAMPLE,			/* a measurement */
	REPLY_KISS,			/* a kiss-o'-death with our origin: refid is the code */
	REPLY_USELESS,			/* genuine, but no measurement can be made of it */
};

struct exchange {
	bool		open;		/* a request is out and unanswered */
	uint64_t	nonce;		/* its transmit timestamp */
	uint64_t	last;		/* that of the last one answered: tells duplicates from bogus */
	struct ntptime	last_xmt;	/* server's transmit timestamp in that answer: a frozen server repeats it */
	const struct key *key;		/* by which requests are signed and replies must be; NULL = none */
	struct walltime	t1;		/* when it left, our clock */
	unsigned	generation;	/* of our clock then: a step in between voids the exchange */
};

/* What arrived, and when, by our clock. */
struct arrival {
	const uint8_t	*buf;
	size_t		len;
	struct walltime	t4;
	struct monotime	when;		/* the same instant */
	double		steered;	/* s, of our clock at when */
	unsigned	generation;	/* of our clock */
	double		precision;	/* s, of our clock */
	struct ntptime	own_reftime;	/* reference time in our own replies, by which we know them; 0: they claim no time */
};

struct reply {
	enum reply_kind	kind;
	unsigned	flash;		/* FLASH_… of the tests that failed */
	struct packet	pkt;		/* valid unless kind is REPLY_DROPPED */
	uint32_t	kiss;		/* REPLY_KISS: the code */
	struct sample	sample;		/* valid for REPLY_SAMPLE */
};

#define REQUEST_MAX	(PACKET_LEN + MAC_MAX)

/*
 * Opens an exchange: fills buf with a request of this version and returns its length: a header, and a MAC where there is a key.  nonce must
 * not be 0.
 */
size_t exchange_request(struct exchange *x, uint64_t nonce, uint8_t version, uint8_t buf[static REQUEST_MAX]);

/* The request left at t1 (daemon's or, later and better, the kernel's word). */
void exchange_sent(struct exchange *x, struct walltime t1, unsigned generation);

/* Judges a datagram.  Closes the exchange if it is the reply to it. */
void exchange_receive(struct exchange *x, const struct arrival *a, struct reply *out);

#endif
