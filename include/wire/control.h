/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control message (mode 6, RFC 9327): header, status words, and the "name=value, …" text both ends exchange.
 *
 *   0 LI(2) VN(3) Mode=6(3)   1 R E M opcode(5)   2 sequence   4 status   6 association id   8 offset   10 count
 *  12 data (at most 468), padded with zeros to a multiple of 4
 */
#ifndef WIRE_CONTROL_H
#define WIRE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/ntp.h"

#define CONTROL_HEADER_LEN	12
#define CONTROL_DATA_MAX	468
#define CONTROL_MAX		(CONTROL_HEADER_LEN + CONTROL_DATA_MAX)
#define CONTROL_FRAGMENTS_MAX	32	/* what a client keeps of one answer */

enum control_op {
	CONTROL_UNSPEC = 0,
	CONTROL_READSTAT = 1,
	CONTROL_READVAR = 2,
	CONTROL_WRITEVAR = 3,
	CONTROL_READCLOCK = 4,
	CONTROL_WRITECLOCK = 5,
	CONTROL_SETTRAP = 6,
	CONTROL_ASYNC = 7,
	CONTROL_CONFIGURE = 8,
	CONTROL_SAVECONFIG = 9,
	CONTROL_READ_MRU = 10,
	CONTROL_READ_ORDLIST = 11,
	CONTROL_REQ_NONCE = 12,
	CONTROL_UNSETTRAP = 31,
};

/* Error codes, in the high octet of the status of a response with the E bit. */
enum control_err {
	CERR_UNSPEC = 0,
	CERR_PERMISSION = 1,
	CERR_BADFMT = 2,
	CERR_BADOP = 3,
	CERR_BADASSOC = 4,
	CERR_UNKNOWNVAR = 5,
	CERR_BADVALUE = 6,
	CERR_RESTRICT = 7,
};

/* System status word: leap (2) source (6) event count (4) event code (4). */
enum sys_source {
	SOURCE_UNSPEC = 0,
	SOURCE_PPS = 1,
	SOURCE_LF_RADIO = 2,
	SOURCE_HF_RADIO = 3,
	SOURCE_UHF_RADIO = 4,		/* satellites among them */
	SOURCE_LOCAL = 5,
	SOURCE_NTP = 6,
	SOURCE_TELEPHONE = 9,
};

enum sys_event {
	EVENT_UNSPEC, EVENT_FREQ_NOT_SET, EVENT_FREQ_SET, EVENT_SPIKE, EVENT_FREQ_MODE, EVENT_CLOCK_SYNC, EVENT_RESTART,
	EVENT_PANIC, EVENT_NO_SYSPEER, EVENT_LEAP_ARMED, EVENT_LEAP_DISARMED, EVENT_LEAP, EVENT_STEP, EVENT_KERN, EVENT_TAI,
	EVENT_LEAP_STALE,
};

/* Peer status word: flags (5) selection (3) event count (4) event code (4). */
#define PEER_CONFIG	0x80
#define PEER_AUTHENABLE	0x40
#define PEER_AUTHENTIC	0x20
#define PEER_REACH	0x10
#define PEER_BCAST	0x08

enum peer_event {
	PEVENT_NONE, PEVENT_MOBILIZE, PEVENT_DEMOBILIZE, PEVENT_UNREACHABLE, PEVENT_REACHABLE, PEVENT_RESTART, PEVENT_NO_REPLY,
	PEVENT_RATE, PEVENT_DENIED, PEVENT_LEAP_ARMED, PEVENT_SYSPEER, PEVENT_CLOCK, PEVENT_BADAUTH, PEVENT_POPCORN,
	PEVENT_INTERLEAVE, PEVENT_INTERLEAVE_ERROR,
};

/* The name of an event as files, logs and ntpq have it; of peer or system events, code 0 to 15. */
const char *control_event_name(bool peer, unsigned event);

struct control {
	uint8_t		leap, version;
	bool		response, error, more;
	uint8_t		op;
	uint16_t	sequence, status, associd, offset, count;
};

enum control_parse { CONTROL_OK, CONTROL_SHORT, CONTROL_NOT_MODE6, CONTROL_COUNT };

/*
 * Reads the header; the count octets of data start at buf + CONTROL_HEADER_LEN.  CONTROL_COUNT: the datagram holds fewer
 * octets than count says, or its length is no multiple of 4; *c is then written too, so that an error can be answered.
 */
MUST_USE enum control_parse control_parse(struct control *c, const uint8_t *buf, size_t len);

/* Writes the header. */
void control_build(const struct control *c, uint8_t buf[static CONTROL_HEADER_LEN]);

/*
 * One item of a "name", "name=value" or "name=\"value\"" list, as both requests and answers carry it.  Pointers lead into the
 * text; quotes are stripped, blanks around trimmed.  value is NULL where there is no "=".
 */
struct control_item {
	const char	*name, *value;
	size_t		 name_len, value_len;
};

enum control_list { LIST_ITEM, LIST_END, LIST_BAD };

/* Takes the next item off [*p, end).  LIST_BAD: an open quote or an unprintable octet. */
MUST_USE enum control_list control_next(const char **p, const char *end, struct control_item *item);

#endif
