/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies signed by Samba for the machines of a Windows domain (MS-SNTP, RFC 5905 with a MAC by the machine's account).
 *
 * The account's secret stays with Samba: a reply goes to its daemon through a socket and comes back with the MAC (Samba's ntp_signd.idl).  One reply at a time
 * is with Samba, which ends the connection where it does not know the account or wants to know nothing of it; the others wait in a short queue.  Nobody
 * waits for Samba: it all happens in callbacks of the caller's loop, and what is not signed in SIGND_PATIENCE is lost, as datagrams may be.
 *
 *   request   0 length of the rest  4 version (0)  8 operation (0: sign)  12 number, padding (2 + 2)  16 key id, as it came  20 reply (48)
 *   answer    0 length of the rest  4 version (0)  8 operation (3: done, 4: not)  12 number  16 the reply, the key id and 16 octets of digest
 *
 * All big-endian, but for the key id, which is copied.
 */
#ifndef SERVER_SIGND_H
#define SERVER_SIGND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "wire/packet.h"

struct event_base;
struct signd;

#define SIGND_DIR	"/var/lib/samba/ntp_signd"	/* where Samba has its socket, unless told otherwise */
#define SIGND_QUEUE	32		/* replies that wait, the one that is with Samba among them */
#define SIGND_PATIENCE	1.0		/* s */
#define SIGND_REPLY_LEN	(PACKET_LEN + 4 + 16)

/* Whose reply it is.  Not looked at here. */
struct signd_ticket {
	struct addr	peer, local;
	double		smear;		/* s */
};

/* X(name, prose); times are ns. */
#define SIGND_COUNTERS(X) \
	X(serves,	"MS-SNTP requests") \
	X(serves_no,	"not signed: Samba could not be reached, or too many waited") \
	X(serves_err,	"not signed: Samba did not answer, or nonsense") \
	X(serves_good,	"signed") \
	X(serves_bad,	"refused by Samba") \
	X(good_wall,	"time that the signed took") \
	X(good_slowest,	"… the slowest of them") \
	X(bad_wall,	"time that the refused took") \
	X(bad_slowest,	"… the slowest of them")

struct signd_counts {
#define X(name, prose)	uint64_t name;
	SIGND_COUNTERS(X)
#undef X
};

struct signd_calls {
	void	(*stamp)(void *arg, const struct signd_ticket *t, uint8_t reply[static PACKET_LEN], double after);	/* it is to leave in so many s: its transmit time */
	void	(*done)(void *arg, const struct signd_ticket *t, uint8_t reply[static SIGND_REPLY_LEN]);		/* signed: to be sent */
	void	*arg;
};

/* Of the socket "socket" in directory dir; counts is borrowed.  No connection is made yet.  NULL with errno. */
MUST_USE struct signd *signd_new(struct event_base *base, const char *dir, const struct signd_calls *calls, struct signd_counts *counts);
void signd_free(struct signd *s);

/* A reply, complete but for its transmit time, to be signed by the key whose id, as it came, is key.  What becomes of it is counted. */
void signd_submit(struct signd *s, const struct signd_ticket *t, const uint8_t reply[static PACKET_LEN], const uint8_t key[static 4]);

#endif
