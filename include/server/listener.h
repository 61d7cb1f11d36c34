/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's sockets on an event base: receive a batch, ask restrict, mru, ratelimit and respond, send a batch.
 *
 * Without interface rules there is one socket for all addresses of a family, and replies leave from the address that was
 * asked; with rules there is one socket for each address that is to be listened on, following listener_rescan.
 *
 * All state of the packet path belongs to a worker.  There is one, in the caller's loop, or there are several in threads, each with sockets of its
 * own on the same addresses: the kernel gives each source to always the same worker (net/steer.h), so that limits by source are exact, and the rooms for
 * sources that the mru directive gives are divided among them.  Callbacks still come in the caller's loop, and all functions are for its thread alone.
 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "engine/sysvars.h"
#include "net/ifaces.h"
#include "net/udp.h"
#include "server/counters.h"
#include "server/mrus.h"
#include "server/ratelimit.h"
#include "server/respond.h"
#include "server/restrict.h"
#include "sysclock/sysclock.h"

struct event_base;
struct listener;

#define LISTENER_WORKERS_MAX	MRUS_MAX

struct listener_opts {
	uint16_t		port;		/* 123 */
	uint16_t		extra_port;	/* served beside it; 0 = none */
	unsigned		workers;	/* 1: in the caller's loop; more (up to LISTENER_WORKERS_MAX): so many threads */
	int			dscp;		/* 0 … 63, or -1 */
	bool			ipv4, ipv6;	/* families to serve */
	const struct iface_rule	*rules;		/* interface directives, -I and -L, in order; borrowed while the listener lives */
	size_t			nrules;
	bool			monitor;	/* enable monitor; off, there is an MRU list only where an entry is limited */
	struct discard_opts	discard;
	struct mru_opts		mru;
	const struct keys	*keys;		/* borrowed until the next listener_reconfigure; NULL: there are none */
};
extern const struct listener_opts listener_defaults;

/*
 * A mode 6 request that restrict allows, to be answered on fd, if at all, with d->local and d->peer as they are; or a packet of modes 1, 2 and 5 that
 * listener_interest asks for, its MAC not looked at.  d is the callee's only during the call.
 */
typedef void listener_control_cb(void *arg, const struct datagram *d, unsigned flags, int fd);

/* Packets that are no requests, for those who keep associations: they go up by the same callback as mode 6. */
#define LISTENER_PEERS_MAX	256
#define LISTENER_GROUPS_MAX	16
struct listener_interest {
	struct addr	peers[LISTENER_PEERS_MAX];	/* whose packets of modes 1 and 2 are wanted, and not answered */
	size_t		npeers;
	bool		strangers;	/* those of mode 1 of anybody else too, answered all the same; otherwise only such as are rightly signed */
	bool		broadcasts;	/* those of mode 5 to broadcast addresses of networks that we listen on */
	struct addr	group[LISTENER_GROUPS_MAX];	/* those of mode 5 to these groups, and whoever searches by these in mode 3 is answered */
	bool		heard[LISTENER_GROUPS_MAX], searched[LISTENER_GROUPS_MAX];	/* … which of the two */
	size_t		ngroups;
	struct respond_search search;
};

#define LISTENER_WHY_MAX	256

/*
 * Opens the sockets.  A family the kernel does not have is left out with a log line, and a kernel that cannot steer gets one worker.  restricts is
 * borrowed and must outlive the listener, which keeps the entries for our own addresses in it current.  Until listener_publish, replies say that we
 * are not synchronised.
 * NULL: why says what could not be opened and why not ("cannot listen on 0.0.0.0:123: Address already in use").
 */
MUST_USE struct listener *listener_new(struct event_base *base, const struct listener_opts *o, struct restrict_list *restricts, listener_control_cb *control,
    void *control_arg, char why[static LISTENER_WHY_MAX]);
void listener_free(struct listener *l);

/*
 * Starts the threads, where there are to be some: until then nothing is answered.  They have the rights that the caller has now, so call it when those not
 * needed are gone, and before no thread can be started any more.  -1 with errno.
 */
MUST_USE int listener_start(struct listener *l);

/* From now on answers are made from these values.  Call after every change of the system variables or of the clock. */
void listener_publish(struct listener *l, const struct sysvars *sys, const struct clockmap *map);

/* Who wants what, from now on; joins the groups.  Until the first call nobody wants anything. */
void listener_interest(struct listener *l, const struct listener_interest *i);

/*
 * Sends a datagram of ours from a port we serve on, d->local.port or, if that is 0, the first: from d->local, if set, else from where it is routed.  ttl is that of the packet, 0 for the system's
 * choice.  -1 with errno; EADDRNOTAVAIL: no socket of ours can.
 */
MUST_USE int listener_send(struct listener *l, const struct datagram *d, int ttl);

/* The restrict list has changed: call this, so that all workers go by it.  Or its hits are to be looked at: it brings those up to date. */
void listener_follow(struct listener *l);

/* Addresses have changed, or may have: opens and closes sockets to match.  What cannot be opened is logged and tried again next time. */
void listener_rescan(struct listener *l);

/*
 * Other rules or rates after reading the configuration again; *o as for listener_new, with the same port and number of workers.  The MRU list starts anew
 * only if its options changed.  Sockets that are still wanted stay open.  -1 with errno: the old options stay in force.
 */
MUST_USE int listener_reconfigure(struct listener *l, const struct listener_opts *o);

/* NTS cookies are sealed and opened with these keys from now on, and protected requests answered so.  -1 with errno: some workers have the old ones. */
MUST_USE int listener_set_cookies(struct listener *l, const struct cookie_ring *r);
void listener_warden(const struct listener *l, struct warden_counters *sum);

/* Looks into the running server, for the control room: sums over the workers.  The first one brings the counters of the keys up to date, too. */
void listener_counters(const struct listener *l, struct server_counters *sum);
uint64_t listener_drops(const struct listener *l);	/* packets that the kernel had no room for, on sockets that are served */
void listener_mru_stats(const struct listener *l, struct mru_stats *out);
unsigned listener_workers(const struct listener *l);

/* The MRU lists.  Their entries may be read between listener_hold(l, true) and listener_hold(l, false), while the workers stand still. */
void listener_mrus(const struct listener *l, struct mrus *out);
void listener_hold(struct listener *l, bool on);

/* One socket, as ntpq's ifstats shows it. */
struct listener_socket {
	unsigned	id;		/* as in "Listen normally on 3 eth0 …" */
	char		name[IF_NAMESIZE];
	struct addr	addr;		/* with port */
	bool		drop;		/* bound, but nothing is answered */
	uint64_t	received, sent, sendfailed;	/* packets */
	uint64_t	drops;		/* of packets, by the kernel */
	struct monotime	since;
};
size_t listener_sockets(const struct listener *l, struct listener_socket out[], size_t cap);

#endif
