/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker has received and the main thread is to look at: a short queue for each kind of it, with a limit to how much of it goes in at all, so that a flood
 * of one kind, or in one name, takes neither the main thread's time nor the places of the others.  Private to this room; whoever shares it locks it.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "net/steer.h"
#include "worker.h"

/* In the order in which they are looked at. */
enum relay_kind {
	RELAY_LOCAL,	/* mode 6 of this machine's own, whose addresses nobody outside can forge */
	RELAY_PEER,	/* packets of our symmetric associations, or in their names */
	RELAY_OTHER,	/* broadcasts, and strangers that would be peers */
	RELAY_CONTROL,	/* mode 6 of others */
	RELAY_MSSNTP,	/* requests whose replies Samba is to sign */
	RELAY_KINDS
};

#define RELAY_MAX	16	/* datagrams of a kind that wait; more are lost, as datagrams may be */
#define RELAY_NAMES	64	/* addresses are told apart by one of so many numbers */

/* One on its way up. */
struct relayed {
	struct datagram	d;
	unsigned	flags;
	int		fd;	/* -1: closed meanwhile, not to be answered any more */
	unsigned	name;	/* its sender's number: whose share of the queue it takes */
	bool		is_signed;
	uint8_t		buf[PACKET_MAX];
};

/* How much may still go in: it grows by so many a second up to so many. */
struct relay_gate {
	double		open;
	struct monotime	at;
};

struct relay {
	struct relayed		*queue[RELAY_KINDS];	/* RELAY_MAX each, a ring */
	size_t			 first[RELAY_KINDS], n[RELAY_KINDS];
	struct steer_key	 key;
	struct relay_gate	 gate[RELAY_KINDS][2][RELAY_NAMES];	/* of each kind, unsigned and rightly signed */
};

/* False with errno. */
MUST_USE bool relay_init(struct relay *r, struct monotime now);
void relay_clear(struct relay *r);

/* Copies it.  False: it is lost. */
MUST_USE bool relay_put(struct relay *r, const struct passed *p, struct monotime now);

/* The oldest of a kind; false if there is none.  out->d.buf is out->buf. */
MUST_USE bool relay_take(struct relay *r, enum relay_kind kind, struct relayed *out);

/* Whether there are any of whatever kind. */
bool relay_waits(const struct relay *r);

/* What came by this descriptor is not to be answered. */
void relay_forget(struct relay *r, int fd);

#endif
