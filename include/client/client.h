/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Associations on the event loop: their sockets, timers and names, pools, and the decisions of the system process carried out.
 *
 * Glue around the pure rooms: assoc and system decide, this carries out.  One owner, one loop.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "client/assoc.h"
#include "client/system.h"
#include "net/udp.h"
#include "nts/counts.h"
#include "sysclock/sysclock.h"

struct client;
struct event_base;
struct resolver;

enum client_news {
	CLIENT_UPDATED,		/* the snapshot has changed */
	CLIENT_STEPPED,		/* … by a step of our clock; value is its size, s */
	CLIENT_SYNCED,		/* we count as synchronised from now on; value is the offset then, s */
	CLIENT_LOST,		/* we do not any more */
	CLIENT_ALONE,		/* there is nobody to follow: we serve our own time from now on (orphan mode, or LOCAL) */
	CLIENT_PANIC,		/* the offset is beyond the panic threshold, or a step as in discipline_stepped or not_before; value is the offset, s.  The clock has not been touched. */
	CLIENT_SET,		/* once mode: the clock has been set; value is the offset, s; negative kind: see stepped */
	CLIENT_NO_SERVERS,	/* once mode: every source has been asked in vain */
	CLIENT_ASSOC_ADDED,	/* an association has got its address … */
	CLIENT_ASSOC_REMOVED,	/* … or has lost it; arg of both is the association */
	CLIENT_REPLY,		/* an association has got a genuine reply, good for a sample or not */
	CLIENT_SAMPLE,		/* its filter has a new best sample, assoc->stat */
	CLIENT_KEYS,		/* an NTS key exchange of an association is over, well or not */
	CLIENT_EVENT,		/* event has happened to assoc, or to the system if that is NULL; no other news tells it */
};

/* A reply as it came, and when by our clock. */
struct client_reply {
	struct packet	pkt;
	struct walltime	t1, t4;		/* request left, reply arrived */
};

struct client_report {
	enum client_news	what;
	double			value;		/* s, an offset; for CLIENT_EVENT of EVENT_SPIKE only */
	bool			stepped;	/* CLIENT_SET: by a step rather than a slew */
	const struct assoc	*assoc;
	const struct client_reply *reply;	/* CLIENT_REPLY */
	const struct ke_outcome *keys;	/* CLIENT_KEYS; with whom: */
	const struct addr	*to;
	int			event;		/* CLIENT_EVENT: enum peer_event or sys_event of wire/control.h */
};
typedef void client_cb(void *arg, const struct client_report *r);

/*
 * Sends a datagram from port 123, which is not the client's: from d->local if set, with this time to live if not 0.  -1 with errno.
 */
typedef int client_send_cb(void *arg, const struct datagram *d, int ttl);

/*
 * May a reply of this address be used?  NULL, or the word of the rule by which it may not.  secured: it only counts if it is rightly signed.  Told is a word
 * that stays in force, and worth a line in the log.
 */
struct client_bar { const char *word; bool told; };
typedef struct client_bar client_bar_cb(void *arg, const struct datagram *d, bool secured);

/* What holds for all associations that packets from outside may bring about. */
struct client_modes {
	bool	auth;		/* enable auth: only signed packets bring about any */
	bool	bclient;	/* broadcasts are heard */
	struct bclient_opts broadcast;	/* of those heard */
	uint8_t	ttl[8];		/* the ttl list */
	size_t	nttl;
	struct pollskew	pollskew;
	double	beacon;		/* s after which a manycast search begins anew, wanted or not */
};
extern const struct client_modes client_modes_default;

struct client_opts {
	struct select_opts	select;
	struct discipline_opts	discipline;
	bool	have_freq;	/* freq is what the drift file says */
	double	freq;		/* s/s */
	double	tick;		/* s, precision of our clock; 0 = as measured */
	bool	steer;		/* enable ntp */
	bool	once;		/* -q: report CLIENT_SET after the first correction */
	int	dscp;
	struct walltime		not_before;	/* a correction to an earlier time is refused as beyond the panic threshold; 0 = none is */
	const struct keys	*keys;	/* borrowed until client_set_keys; NULL: there are none */
	struct client_modes	modes;
	struct keclient	*ke;	/* borrowed, for NTS; NULL: keys cannot be had */
	client_send_cb	*send;	/* NULL: peers cannot be reached */
	client_bar_cb	*bar;	/* NULL: nobody is barred */
	void	*send_arg;	/* of both */
};

/* clock and resolver are borrowed.  NULL with errno. */
MUST_USE struct client *client_new(struct event_base *base, struct sysclock *clock, struct resolver *resolver, const struct client_opts *o,
    client_cb *cb, void *arg);
void client_free(struct client *c);

/* A server or pool line.  family as in resolver_ask.  False: such an address cannot be a source, or is one already (logged). */
bool client_add(struct client *c, const char *host, int family, bool pool, const struct assoc_opts *o);

/*
 * A reference clock.  ask is called at each poll, with the frequency by which our oscillator is corrected (s/s), and must answer at once.
 * name is what ntpq shows.  The association's CLIENT_ASSOC_REMOVED is the last that is heard of it.  For client_roster_keep its host is its
 * address.  False: there is one of that address, or no room (logged).
 */
typedef void clock_ask(void *arg, double freq, struct clock_answer *out);
bool client_add_clock(struct client *c, const struct clock_face *f, const char *name, const struct assoc_opts *o, clock_ask *ask, void *arg);

/*
 * The configuration has been read again: begin, keep for each line (false: no such source with these options, to be added after end), then
 * end, which removes what was not kept and returns how many.
 */
void client_roster_begin(struct client *c);
bool client_roster_keep(struct client *c, const char *host, int family, bool pool, const struct assoc_opts *o);
size_t client_roster_end(struct client *c);

/* Removes the association of that id, with its members if it is a pool.  False if there is none. */
bool client_unpeer(struct client *c, uint16_t id);

/* The events of an association, or of the system for 0, are known now: their count starts anew. */
void client_events_read(struct client *c, uint16_t id);

/* An event of the system (enum sys_event) that the caller has met: counted, and reported as CLIENT_EVENT. */
void client_event(struct client *c, int event);

/* Other keys from now on: sources find theirs among them, or fall silent. */
void client_set_keys(struct client *c, const struct keys *keys);

/* Other tos and tinker values, and another traffic class, from now on. */
void client_reconfigure(struct client *c, const struct select_opts *so, const struct discipline_opts *d, int dscp);

/* enable or disable ntp: what runs free keeps its frequency, counts as synchronised as long as it is near enough, and is steered again when told to. */
void client_set_steer(struct client *c, bool on);

/* The leap file, borrowed until the next call (NULL: there is none), and over how many seconds a second is smeared for clients (0: it is not). */
void client_set_leaps(struct client *c, const struct leap_table *t, double interval);

/* Other modes options from now on. */
void client_set_modes(struct client *c, const struct client_modes *m);

/* A packet that came to port 123 and is no request: of a peer, or of somebody who may become one. */
struct client_unasked {
	const struct datagram	*d;
	uint32_t	key;		/* it is rightly signed with that one; 0: not signed */
	bool		nopeer, noepeer;	/* what restrict says of its address */
	int		limit;		/* ippeerlimit of that entry, or < 0 … */
	struct addr	range, mask;	/* … and whom it is for */
};
void client_unasked(struct client *c, const struct client_unasked *u);

/* The reference IDs by which our own addresses are known. */
void client_set_own(struct client *c, const uint32_t *id, size_t n);

/* Addresses or routes have changed: who could not be reached is tried at once. */
void client_network_changed(struct client *c);

/* Views for control, logs and statistics. */
const struct system *client_system(const struct client *c);
const struct assoc *const *client_assocs(const struct client *c, size_t *n);

/* The counters of each association start anew; those of all together go on. */
void client_reset_counts(struct client *c);

/* Protected packets of all associations. */
void client_nts(const struct client *c, struct nts_exchanges *out);

/* Packets sent by all associations, replies received, and replies that a rule has kept out. */
void client_counts(const struct client *c, uint64_t *sent, uint64_t *received, uint64_t *barred);

/* What the associations' own sockets do, since start. */
struct client_io { uint64_t wakeups, goodwakeups, reads; };
struct client_io client_io(const struct client *c);

#endif
