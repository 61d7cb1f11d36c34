/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question and its answer: builds the request, and decides whether a datagram is the reply to it (RFC 5905 sections 8 and 9.2).
 *
 * The transmit timestamp of a request is 64 random bits: it says nothing of our clock, and a reply must repeat them (RFC 9109 for the port,
 * draft-ietf-ntp-data-minimization for the rest).  Nothing is changed by a reply that fails a test, but for the flash bits returned.
 *
 * Between symmetric peers each packet is the answer to the other's last one and a question of its own, so it carries times: ours as a whole, but for
 * the bits below the precision, which are random.  What a packet that answers nothing of ours says is kept apart (exchange.stray) and only
 * echoed, when no good one has come: without that two peers that know nothing of each other could not begin.
 *
 * Interleaved (RFC 9769), where the association asks for it: the transmit timestamp is that of the packet before, taken when it had left.
 */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keys.h"
#include "base/must_use.h"
#include "engine/sample.h"
#include "nts/shield.h"
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
	FLASH_CRYPTO = 0x100,		/* NTS: not protected as it must be, or a NAK */
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

/* What a packet of a peer said and when it came: what our next one echoes. */
struct echo {
	struct ntptime	rec, xmt;	/* its receive and transmit timestamps; xmt 0: there is none */
	struct walltime	came;		/* our clock */
	unsigned	generation;	/* of our clock then */
};

/* Three times of an exchange, which the other side's true transmit time, told later, makes whole. */
struct turn {
	bool		valid;
	struct ntptime	t2;		/* their clock */
	struct walltime	t1, t4;		/* our clock */
	struct monotime	left, when;	/* the same instants */
	double		steered_left, steered;
	unsigned	generation;	/* of our clock, all the time */
};

struct exchange {
	uint8_t		mode;		/* of what we send: MODE_ACTIVE, MODE_PASSIVE; anything else counts as MODE_CLIENT */
	bool		xleave;		/* interleaved where the other side does it too */
	bool		open;		/* a request is out and unanswered */
	uint64_t	nonce;		/* its transmit timestamp */
	uint64_t	last;		/* that of the last one answered: tells duplicates from bogus */
	struct ntptime	last_xmt;	/* server's transmit timestamp in that answer: a frozen server repeats it */
	const struct key *key;		/* by which requests are signed and replies must be; NULL = none */
	struct shield	*shield;	/* by which requests are protected and replies must be (NTS); borrowed, NULL = none */
	struct walltime	t1;		/* when it left, our clock */
	unsigned	generation;	/* of our clock then: a step in between voids the exchange */
	struct monotime	left;		/* the instant of t1; symmetric modes only, as is */
	double		steered;	/* s, of our clock at t1 */
	uint64_t	rec;		/* receive timestamp of the request: an interleaved reply names it; 0: it cannot be answered so */
	uint64_t	last_rec;	/* that of the last one answered */
	unsigned	missed;		/* requests since the last answer */
	unsigned	before;		/* … and between that and the one before */
	uint64_t	previous;	/* nonce of the request before, if that was not answered either; symmetric modes only */
	struct echo	good;		/* of the last packet that answered one of ours */
	struct echo	stray;		/* of the last one since then that did not */
	struct turn	turn;		/* of the last good packet */
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
	double		maxdisp;	/* s, root distance with which a server has no time to give; 0 = DISP_MAX */
	struct walltime	basedate;	/* no time before this is meant (struct select_opts) */
	struct ntptime	own_reftime;	/* reference time in our own replies, by which we know them; 0: they claim no time */
};

struct reply {
	enum reply_kind	kind;
	unsigned	flash;		/* FLASH_… of the tests that failed */
	struct packet	pkt;		/* valid unless kind is REPLY_DROPPED */
	bool		interleaved;	/* it answers in interleaved mode */
	uint32_t	kiss;		/* REPLY_KISS: the code */
	struct sample	sample;		/* valid for REPLY_SAMPLE */
};

#define REQUEST_MAX	SHIELD_PACKET_MAX

/*
 * Opens an exchange: fills buf with a request of this version and returns its length: a header, and a MAC where there is a key, or
 * the fields of NTS where there is a shield, of which it uses up a cookie.  nonce must not be 0.  0: there is no cookie, and nothing may be sent.
 */
size_t exchange_request(struct exchange *x, uint64_t nonce, uint8_t version, uint8_t buf[static REQUEST_MAX]);

/* An instant by our clocks. */
struct departure {
	struct walltime	wall;
	struct monotime	mono;
	double		steered;
	unsigned	generation;
	uint64_t	chance;		/* random bits for what the clock cannot show */
};

/*
 * The same between symmetric peers: face is our side of the packet (leap to reference time, poll), now the time of leaving.  The packet
 * is complete and signed; the time may be corrected by exchange_sent as for a request.
 */
size_t exchange_symmetric(struct exchange *x, const struct packet *face, const struct departure *now, uint8_t version, uint8_t buf[static REQUEST_MAX]);

/* The request left at t1 (daemon's or, later and better, the kernel's word). */
void exchange_sent(struct exchange *x, struct walltime t1, unsigned generation);

/* Two tests for other kinds of packets: is the MAC by our key good, and has the server time to give (maxdisp as in struct arrival)?  FLASH_… bits of what fails. */
unsigned exchange_test_mac(const struct exchange *x, const struct arrival *a, const struct packet_tail *tail);
unsigned exchange_test_server(const struct packet *p, double maxdisp);

/* Judges a datagram.  Closes the exchange if it is the reply to it. */
void exchange_receive(struct exchange *x, const struct arrival *a, struct reply *out);

#endif
