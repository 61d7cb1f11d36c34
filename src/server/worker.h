/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One worker: all that the packet path of one thread reads and writes.  It shares nothing it writes with anybody.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "depart.h"
#include "interleave.h"
#include "net/udp.h"
#include "server/listener.h"
#include "server/respond.h"

/* A datagram that is not, or not only, to be answered by the worker: see listener_control_cb. */
struct passed {
	const struct datagram	*d;
	unsigned		 flags;		/* RESTRICT_… */
	int			 fd;		/* by which it came */
	bool			 known;		/* in the name of a symmetric association of ours */
	bool			 is_signed;	/* rightly, by a key that is trusted */
};
typedef void worker_pass(void *arg, const struct passed *p);

struct worker {
	struct sysvars		 sys;		/* as published */
	struct clockmap		 map;
	struct restrict_list	*restricts;	/* borrowed */
	struct mru		*mru;		/* NULL: nobody is noted and nobody limited */
	struct discard_opts	 discard;
	const struct keys	*keys;		/* borrowed, or own_keys; NULL: there are none */
	struct keys		*own_keys;	/* a copy for this thread, or NULL */
	struct server_counters	 counters;
	uint64_t		 dice;		/* state of a small generator; its numbers decide whom to drop, and are no secret */
	const struct addr	*deaf;		/* borrowed: local addresses that are not served, as broadcasts are not */
	size_t			 ndeaf;
	const struct addr	*bcast;		/* borrowed: broadcast addresses of networks that we listen on */
	size_t			 nbcast;
	worker_pass		*pass;
	void			*pass_arg;
	struct listener_interest interest;	/* as the listener has it */
	struct datagram		 in[UDP_BATCH], out[UDP_BATCH];	/* what came, and the replies as they are in the outbox */
	struct udp_outbox	*outbox;
	struct interleave	*interleave;
	bool			 asked;		/* some reply in the outbox asks when it leaves: worker_left wants to know */
	int64_t			 signing_ns;	/* for one reply, averaged */
	struct depart		 depart;	/* when replies leave, learnt */
	struct packet		 face, client_face;	/* of this batch; the second one with the smear */
	double			 smear;			/* s, of this batch */
	double			 smeared[UDP_BATCH];	/* s, that of reply i */
	bool			 to_stamp[UDP_BATCH];	/* reply i waits for its transmit time … */
	struct ntptime		 to_note[UDP_BATCH];	/* … the receive time of a reply whose time of leaving is remembered, or 0 … */
	const struct key	*to_sign[UDP_BATCH];	/* … and then for its MAC, by this key … */
	bool			 to_guard[UDP_BATCH];	/* … or for its protection by NTS … */
	struct guarded		 guarded[UDP_BATCH];	/* … which is this; leads into the request */
	struct warden		 warden;
	uint8_t			 inbuf[UDP_BATCH][PACKET_MAX];
	uint8_t			 outbuf[UDP_BATCH][PACKET_MAX];
};

/* Points the batches at their buffers.  The other members are the owner's to fill.  False with errno. */
MUST_USE bool worker_init(struct worker *w);
void worker_clear(struct worker *w);

/* Takes in[0 … n-1], which came by fd, and puts the replies into the outbox.  Returns how many. */
size_t worker_answer(struct worker *w, size_t n, int fd, struct monotime now);

/* Asks the kernel when replies that leave together do so, if it is time to learn that again; before worker_stamp.  False: not asked. */
MUST_USE bool worker_ask(struct worker *w, size_t from);

/*
 * Puts the transmit time into replies from … from + n - 1, which leave together from now on, and signs those that are to be signed; returns how many.  host
 * is the time of the host.  The first reply says when, by what has been learnt, it leaves; if some are to be signed, by what signing has lately taken later; each
 * further one adds what sending has lately taken for each.  worker_signed and worker_sent tell how long these took together.
 */
size_t worker_stamp(struct worker *w, size_t from, size_t n, struct walltime host);
void worker_signed(struct worker *w, size_t n, int64_t took_ns);
void worker_sent(struct worker *w, size_t n, int64_t took_ns);

/* If the kernel was asked: worker_asked between worker_stamp and the sending, with when all was ready; then worker_left; then worker_learn instead of worker_sent. */
void worker_asked(struct worker *w, size_t from, struct walltime ready);
void worker_learn(struct worker *w, size_t n, int64_t took_ns);

/* The kernel says when a reply left, of which these are the last octets. */
void worker_left(struct worker *w, const uint8_t *tail, size_t len, struct walltime host);

#endif
