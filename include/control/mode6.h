/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server of control messages (mode 6, RFC 9327): one request in, its answer out in as many datagrams as it takes, or silence.
 *
 * It reads.  What would change something must be signed with the control key, is carried out once and never again (replay.h), and is handed up to whoever
 * can: see mode6_hands.  An answer to a signed request is signed with the same key.  Who may not ask at all (restrict … noquery) never gets here.
 */
#ifndef CONTROL_MODE6_H
#define CONTROL_MODE6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "control/budget.h"
#include "control/mrulist.h"
#include "control/nonce.h"
#include "control/replay.h"
#include "control/view.h"

#define MODE6_DATAGRAM_MAX	(CONTROL_MAX + 7 + MAC_MAX)	/* of an answer, with padding and MAC */
#define MODE6_REPLY_MAX		(CONTROL_DATA_MAX - 1)		/* octets of the text that tells what came of a change, NUL included */

/* What the holder of the control key may have done.  Whoever runs the daemon does it, and says in reply what came of it. */
struct mode6_hands {
	void	*arg;

	/* Lines of configuration; false if any of them was refused. */
	bool	(*configure)(void *arg, const struct addr *from, const char *text, size_t len, char reply[static MODE6_REPLY_MAX]);

	/* Writes the configuration in force into the file of that name: letters, digits, and none but - . _ + behind the first; no path. */
	bool	(*save)(void *arg, const struct addr *from, const char *name, char reply[static MODE6_REPLY_MAX]);

	/* The events of an association, 0 = of the system, have been read by one who may know: their count starts anew. */
	void	(*events_read)(void *arg, uint16_t associd);

	/* Somebody has asked for what he may not have; why is a clause for the log. */
	void	(*refused)(void *arg, const struct addr *from, uint8_t op, const char *why);
};

/* Belongs to whoever asks; large, so not for the stack. */
struct mode6 {
	struct nonce_secret	secret;
	struct budget		budget;
	int64_t			ahead_ns;	/* wall time minus monotime, by which instants of the MRU list are shown */
	uint64_t		requests, errors, silences;	/* counted since start: all, those answered by an error, those over budget */
	uint64_t		sent;		/* datagrams */
	struct replay		replay;
	char			text[MRULIST_TEXT_MAX + 1];
};

struct mode6_request {
	const uint8_t	*buf;
	size_t		len;
	struct addr	from;		/* with port */
	unsigned	flags;		/* RESTRICT_… in force for from */
	const struct mode6_hands *hands; /* NULL: nothing can be changed */
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

/* Frees what hangs on it; the struct is the caller's. */
void mode6_close(struct mode6 *m);

/*
 * A first look, which needs no view: false if the request would be met by silence, being none or over the budget, so that a flood costs little.  Refusals by
 * the budget are counted.  Who has proved where he is, or holds the control key, goes through.
 */
MUST_USE bool mode6_admits(struct mode6 *m, const struct mode6_request *rq, const struct keys *keys, uint32_t controlkey, struct monotime now);

/* For requests that mode6_admits lets through, and with the same answer for all others. */
enum mode6_end mode6_handle(struct mode6 *m, const struct mode6_request *rq, const struct control_view *v, mode6_send *send, void *arg);

#endif
