/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several sockets on one port, and one source always at the same of them.
 *
 * The kernel asks a small program (classic BPF) which of the sockets that share an address by SO_REUSEPORT gets a datagram.  Ours looks at
 * nothing but where it comes from: an IPv4 address, the /64 of an IPv6 address, or the lower half of a link-local one, as they all
 * share a prefix; the sources that the MRU list tells apart, and no finer.  So whoever counts by source may count for each socket by itself.
 */
#ifndef NET_STEER_H
#define NET_STEER_H

#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"

/* Random, so that strangers cannot pick a socket to aim at.  Groups with the same key and number agree on every source. */
struct steer_key { uint32_t k[2]; };

/*
 * fd is the first of n sockets bound to one address with reuse_port; the others follow, and the one bound as number i gets the
 * sources of number i.  family is 4 or 6.  -1 with errno where the kernel has no such thing.
 */
MUST_USE int steer_attach(int fd, int family, unsigned n, const struct steer_key *key);

/* The number of the socket that gets this source's datagrams: what the program says.  Broadcasts and multicasts come to all of them. */
unsigned steer_pick(const struct addr *source, unsigned n, const struct steer_key *key);

#endif
