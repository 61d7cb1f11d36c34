/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams that nobody should send, from forged addresses, as fast as they are asked for.
 *
 * The senders are some ten thousand addresses of 32.0.0.0/3, which the namespace has to have on its loopback ("ip route add local 32.0.0.0/3 dev lo"), so
 * that answers have somewhere to go.  Needs the capability of raw sockets.
 */
#ifndef BENCH_FLOOD_H
#define BENCH_FLOOD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct flood;

/*
 * Kinds: requests (like any other client's, to compare with), garbage, control (queries), ports (requests from ports 0, 7, 19 and 123), fragments (beginnings
 * without an end), peer (modes 1, 2 and 4 in the name of 32.0.0.1), bucket (requests from addresses that differ in their upper half only and so meet in one bucket of a table without a keyed hash).
 * NULL if there is no such kind.  Exits if the kernel refuses.
 */
struct flood *flood_new(const char *kind, const struct sockaddr_in *server);

/* Sends n of them; returns how many the kernel took. */
size_t flood_send(struct flood *f, size_t n);

#endif
