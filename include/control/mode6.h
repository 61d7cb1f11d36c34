/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server of control messages (mode 6, RFC 9327): one request in, its answer out in as many datagrams as it takes, or silence.
 *
 * It reads; nothing can be changed through it, as there are no keys by which to know who may.  Who may not ask at all (restrict …
 * noquery) never gets here.
 */
#ifndef CONTROL_MODE6_H
#define CONTROL_MODE6_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "control/budget.h"
#include "control/mrulist.h"
#include "control/nonce.h"
#include "control/view.h"

/* Belongs to whoever asks; large, so not for the stack. */
struct mode6 {
	struct nonce_secret	secret;
	struct budget		budget;
	int64_t			ahead_ns;	/* wall time minus monotime, by which instants of the MRU list are shown */
	uint64_t		requests, errors, silences;	/* counted since start: all, those answered by an error, those over budget */
	char			text[MRULIST_TEXT_MAX + 1];
};

struct mode6_request {
	const uint8_t	*buf;
	size_t		len;
	struct addr	from;		/* with port */
	unsigned	flags;		/* RESTRICT_… in force for from */
};

/* Sends one datagram back; buf is gone when it returns. */
typedef void mode6_send(void *arg, const uint8_t *buf, size_t len);

/* What became of a request. */
enum mode6_end {
	MODE6_ANSWERED,
	MODE6_ERROR,		/* by an error of 12 octets */
	MODE6_IGNORED,		/* no request, or one that must not be answered */
	MODE6_SILENCED,		/* over the budget of answers */
};

/* secret must be random. */
void mode6_init(struct mode6 *m, const struct nonce_secret *secret, const struct clockread *now);

enum mode6_end mode6_handle(struct mode6 *m, const struct mode6_request *rq, const struct control_view *v, mode6_send *send, void *arg);

#endif
