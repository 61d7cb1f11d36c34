/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP sockets that know when their datagrams came and went, and by which local address.  Knows no NTP.
 *
 * Every kernel feature beyond socket, bind, send and receive is optional: where one is missing, the stamps come from the daemon's
 * clock (STAMP_DAEMON), the local address stays unset, and a batch is a loop.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"

enum stamp_quality { STAMP_DAEMON, STAMP_KERNEL, STAMP_HARDWARE };

struct udp_opts {
	struct addr	bind;		/* family must be set; address may be any, port 0 = ephemeral */
	int		dscp;		/* 0 … 63, or -1 to leave alone; what the kernel refuses is logged and left */
	bool		reuse_port;	/* several workers on one port; otherwise a second socket on it fails with EADDRINUSE */
	bool		freebind;	/* an address that is not there yet */
	bool		lean;		/* much traffic: IPv4 leaves unfragmentable and without an ID, stamps come in their shortest form */
	bool		tx_stamps;	/* ask the kernel when a datagram left (udp_tx_stamp) */
};

/* A datagram received or to be sent.  buf points into the caller's storage. */
struct datagram {
	struct addr		peer;		/* whence it came or whither it goes, with port */
	struct addr		local;		/* the address it was sent to, port 0, for the way back; scope only if link-local */
	struct walltime		host;		/* when it came, host time */
	enum stamp_quality	quality;
	uint8_t			*buf;
	size_t			len;		/* > cap given: the datagram was longer and has been cut */
};

/* A bound, non-blocking, close-on-exec socket with kernel receive timestamps; -1 with errno. IPv6 sockets take IPv6 only. */
MUST_USE int udp_open(const struct udp_opts *o);

/* Marks what the socket of that family sends from now on; dscp is 0 … 63.  -1 with errno. */
MUST_USE int udp_set_dscp(int fd, int family, int dscp);

/* Connects, so that only this peer's datagrams and ICMP errors arrive. */
MUST_USE int udp_connect(int fd, const struct addr *peer);

/* One datagram into buf; -1 with errno (EAGAIN: none there).  An error that the kernel kept for the socket (ECONNREFUSED) is returned so too, once. */
MUST_USE int udp_receive(int fd, struct datagram *d, uint8_t *buf, size_t cap);

/*
 * Several datagrams by one system call; d[i].buf must point to cap octets each.  Returns how many (up to n and UDP_BATCH), or -1 with errno.
 */
#define UDP_BATCH	32
MUST_USE int udp_receive_batch(int fd, struct datagram d[], size_t n, size_t cap);

/*
 * Sends from d->local (unset, any or multicast: as routed) to d->peer; a connected socket needs peer unset.  -1 with errno.
 */
MUST_USE int udp_send(int fd, const struct datagram *d);

/*
 * Sends several datagrams by one system call, and in two steps, for who puts the time of sending into what he sends: everything is made ready first, so that
 * little is left to do between a look at the clock and the send.  Number i is of 0 … UDP_BATCH - 1.  The octets of d->buf are read only by udp_outbox_send.
 */
struct udp_outbox;
MUST_USE struct udp_outbox *udp_outbox_new(void);	/* NULL with errno */
void udp_outbox_free(struct udp_outbox *o);
void udp_outbox_put(struct udp_outbox *o, size_t i, const struct datagram *d);
void udp_outbox_cut(struct udp_outbox *o, size_t i, size_t len);	/* another length than it was put with */

/*
 * Sends numbers from … from + n - 1.  Returns how many were handed over: if fewer than asked, the next one met an error, which a call that starts with it
 * returns.  -1 with errno if the first one met it.
 */
MUST_USE int udp_outbox_send(int fd, struct udp_outbox *o, size_t from, size_t n);

/*
 * To be told when single datagrams left: udp_stamps once for the socket, udp_outbox_ask for each of them, and udp_next_stamp when the socket turns readable.
 * While it is on, datagrams that come bring more octets with them.  A kernel that cannot do it never tells.
 */
void udp_stamps(int fd, bool on);
void udp_outbox_ask(struct udp_outbox *o, size_t i);

/*
 * Takes a stamp off the socket's error queue: host time, and the end of the datagram, as much of it as there is room for (*len of cap octets).  False if
 * there is none.
 */
MUST_USE bool udp_next_stamp(int fd, struct walltime *host, uint8_t *tail, size_t cap, size_t *len);

/* How many datagrams the kernel has dropped for this socket since it was opened, for want of room or as broken; 0 where it does not say. */
uint64_t udp_drops(int fd);

/* The address of ours from which datagrams to peer would leave; -1 with errno. */
MUST_USE int udp_route(const struct addr *peer, struct addr *local);

/* Hears a group on each interface that can; being in it already is no error.  -1 with errno: on none. */
MUST_USE int udp_join(int fd, const struct addr *group);

/* How far the multicasts of this socket go from now on, 1 … 255, and allows it to send broadcasts.  -1 with errno. */
MUST_USE int udp_set_ttl(int fd, int family, int ttl);

/*
 * Host time at which the newest datagram left, if the kernel has said so by now (socket error queue); drains the queue.  false: not said.
 * A socket opened with tx_stamps turns readable when a stamp arrives and stays so until it is fetched: call this in its read callback.
 */
bool udp_tx_stamp(int fd, struct walltime *host);

#endif
