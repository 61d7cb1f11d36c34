/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a request to a reply: pure, without memory of who asked.
 *
 *   respond_check()  may this be answered, and how?        (steps 1 to 11 and 13 of ntpd's order)
 *   …                the caller notes the address and applies the rate limit
 *   respond_reply()  or respond_kod(), respond_nak()       all but the transmit time
 *   respond_stamp()  the transmit time, as late as can be
 *
 * A reply is never longer than its request, repeats its version, and is of mode 4, or 2 for a symmetric active request, which
 * is answered without an association.  Extension fields are ignored.  Nothing here allocates, locks or logs.
 */
#ifndef SERVER_RESPOND_H
#define SERVER_RESPOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keys.h"
#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"
#include "engine/sysvars.h"
#include "nts/warden.h"
#include "server/counters.h"
#include "wire/packet.h"

#define RESPOND_MAX	(PACKET_LEN + MAC_MAX)	/* longest reply: a header and a MAC */
#define RESPOND_NAK_LEN	(PACKET_LEN + KEY_ID_LEN)

/* X(name, counter beside received, version known, prose).  The first four, UNASKED and NTS_NAK are not dropped; KOD counts as limited too. */
#define RESPOND_REASONS(X) \
	X(TIME,		received,	true,	"a request for time") \
	X(CONTROL,	received,	false,	"mode 6: the control room's") \
	X(MSSNTP,	received,	true,	"a request for time that Samba is to sign the answer to: the daemon's") \
	X(NAK,		badauth,	true,	"a MAC by a key we do not have or trust, or a wrong one: answered by a crypto-NAK") \
	X(SHORT,	badformat,	false,	"too short for its mode") \
	X(LONG,		badformat,	false,	"longer than the receive buffer") \
	X(PORT,		badformat,	false,	"from a port no client uses") \
	X(SOURCE,	restricted,	false,	"from an address nobody can be at") \
	X(DESTINATION,	restricted,	false,	"to a broadcast or multicast address") \
	X(IGNORED,	restricted,	false,	"restrict … ignore") \
	X(PRIVATE,	restricted,	false,	"mode 7, which is never answered") \
	X(NOQUERY,	restricted,	false,	"mode 6 with restrict … noquery") \
	X(NOSERVE,	restricted,	false,	"restrict … noserve") \
	X(FLAKE,	restricted,	false,	"restrict … flake: one in ten") \
	X(VERSION,	badformat,	false,	"not of version 1 to 4, or restrict … version") \
	X(RESERVED,	badformat,	true,	"mode 0, but not of version 1") \
	X(MODE,		declined,	true,	"a mode that asks for nothing") \
	X(SEARCH,	declined,	true,	"a manycast search that we are no use for") \
	X(UNASKED,	received,	true,	"no request: the client's room") \
	X(TRAILER,	badformat,	true,	"what follows the header is neither fields nor a MAC") \
	X(UNSIGNED,	restricted,	true,	"restrict … notrust, and no MAC") \
	X(NAKED,	badauth,	true,	"a crypto-NAK as a request") \
	X(LIMITED,	limited,	true,	"restrict … limited: over the limit, silence") \
	X(KOD,		kodsent,	true,	"restrict … limited kod: over the limit, KoD") \
	X(NTS_NAK,	badauth,	true,	"an NTS cookie that does not open, or not what it comes with: answered by a NAK") \
	X(NTS_BAD,	badformat,	true,	"NTS fields that are not as they must be")

enum respond_reason {
#define X(name, counter, versioned, prose)	RESPOND_##name,
	RESPOND_REASONS(X)
#undef X
};

/* Prose of a reason. */
const char *respond_reason_str(enum respond_reason why);

/* What arrived, and what is known of it without a look inside. */
struct request {
	const uint8_t	*buf;
	size_t		len;
	struct addr	peer, local;	/* from, to; local may be unset */
	bool		broadcast;	/* local is a broadcast address of ours */
	struct walltime	rec;		/* our clock when it came */
	unsigned	flags;		/* RESTRICT_… in force for peer */
	uint32_t	chance;		/* 32 random bits */
	const struct keys *keys;	/* NULL: there are none */
	struct warden	*warden;		/* NULL: there is no NTS */
	bool		known;		/* peer is a symmetric peer of ours */
	bool		heard;		/* mode 5, to where we listen for broadcasts */
	bool		sought;		/* mode 3, to a group whose searches we answer */
};

/* What respond_check found inside. */
struct request_head {
	struct packet		pkt;
	struct packet_tail	tail;
	const struct key	*key;		/* by which it is signed and the reply is to be; NULL = none */
	uint8_t			reply_mode;
	bool			guarded;	/* it is protected by NTS, and the reply is to be … */
	struct guarded		nts;		/* … so; leads into the request */
};

/*
 * Decides what a packet is.  RESPOND_TIME, RESPOND_MSSNTP, RESPOND_NAK and RESPOND_NTS_NAK: *head is written, and the packet comes under the rate limit.  RESPOND_CONTROL: at
 * least 12 octets of mode 6, not forbidden; *head untouched, as for every other reason.  RESPOND_UNASKED: it is for an association; *head is written, head->key
 * by which it is signed, or NULL.
 */
MUST_USE enum respond_reason respond_check(const struct request *rq, struct request_head *head);

/* Is it a request of a machine in a Windows domain (MS-SNTP): a header, a key id, and 16 octets of zero where the digest would be? */
bool respond_is_mssntp(const uint8_t *buf, size_t len);

/* Version and mode in a first octet. */
static inline uint8_t respond_version(uint8_t first) { return first >> 3 & 7; }
static inline uint8_t respond_mode(uint8_t first) { return first & 7; }

/* What manycast searches are answered by: tos floor, ceiling and cohort. */
struct respond_search {
	uint8_t	floor, ceiling;		/* strata of ours: from … to below … */
	bool	cohort;			/* to askers of our own stratum, too */
};

/* May a search be answered: do we know the time, and better than who asks? */
bool respond_search(const struct sysvars *sys, const struct respond_search *o, const struct packet *rq);

/* Counts one packet that came to this end; version from its first octet (ignored where the reason says so). */
void respond_count(struct server_counters *c, enum respond_reason why, uint8_t version);

/* The same for those of version 1, which had no modes at first; first is the first octet.  Others are not counted. */
void respond_count_ver1(struct server_counters *c, enum respond_reason why, uint8_t first);

/*
 * Our side of every reply while this snapshot holds: leap, stratum, precision, root delay, root dispersion as of now, refid, reference
 * time.  Without a right to claim time: leap 3, stratum 0, a kiss code for refid.  Worth making once for a batch.
 */
void respond_face(struct packet *face, const struct sysvars *sys, struct monotime now);

/*
 * Makes it the face for clients while an inserted second is announced and smeared; offset is that of leap_smear_offset, and belongs into the receive and
 * transmit times of the replies too.
 */
void respond_smear(struct packet *face, const struct leap_smear *smear, double offset);

/* Each writes a reply into out and returns its length; the transmit time of reply and nak is yet to be stamped. */
size_t respond_reply(uint8_t out[static RESPOND_MAX], const struct request *rq, const struct request_head *head, const struct packet *face);
size_t respond_nak(uint8_t out[static RESPOND_MAX], const struct request *rq, const struct request_head *head, const struct packet *face);

/*
 * Makes a reply of respond_reply one in interleaved mode (RFC 9769 section 2): it answers the request's receive time instead of its transmit time, and
 * carries the transmit time of our last reply; there is nothing to be stamped.
 */
void respond_interleave(uint8_t reply[static PACKET_LEN], const struct request_head *head, struct ntptime last_xmt);

/* NAK of NTS: complete as it is, with the identifier of the request and no more (RFC 8915 section 5.7); in out there is room for the request. */
size_t respond_nts_nak(uint8_t *out, const struct request_head *head);

/* KoD RATE: complete as it is.  It carries no time of ours, and asks for polls no faster than 2^minpoll s. */
size_t respond_kod(uint8_t out[static RESPOND_MAX], const struct request_head *head, int8_t minpoll);

/* Puts the transmit time in. */
void respond_stamp(uint8_t reply[static PACKET_LEN], struct walltime xmt);

/* Appends the MAC to a stamped reply, where the request had one.  Returns the new length. */
size_t respond_sign(uint8_t out[static RESPOND_MAX], const struct key *key);

#endif
