/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interleaved mode (RFC 9769) has to remember: when replies really left, for the clients who ask for it in their next request.
 *
 * A pair is the receive time that a reply carried, by which the client names it, and the transmit time of that reply.  The table is of fixed size; the oldest
 * pair in reach gives way, and whoever is forgotten is answered in basic mode.  A pair is used once.
 */
#ifndef SERVER_INTERLEAVE_H
#define SERVER_INTERLEAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"
#include "wire/packet.h"

#define INTERLEAVE_PAIRS	4096

struct interleave;

MUST_USE struct interleave *interleave_new(void);	/* NULL with errno */
void interleave_free(struct interleave *t);

/*
 * May it be a request in interleaved mode, or one of a client that will go over to it?  Then its origin time would be the receive time of our last reply.  (With
 * ntpd it is the transmit time, which we do not know; a client that gives away no times has none at all.)
 */
bool interleave_possible(const struct packet *request);

/* Remembers a reply to peer (whose port does not matter) with this receive time; xmt counts from interleave_left on. */
void interleave_note(struct interleave *t, const struct addr *peer, struct ntptime rec);

/* The reply with this receive time left at xmt; a later word is better.  False if it is not remembered. */
bool interleave_left(struct interleave *t, struct ntptime rec, struct ntptime xmt);

/* The transmit time of the reply to peer that had this receive time; forgets it.  False if there is none. */
MUST_USE bool interleave_take(struct interleave *t, const struct addr *peer, struct ntptime rec, struct ntptime *xmt);

#endif
