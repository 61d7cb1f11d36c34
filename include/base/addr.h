/* SPDX-License-Identifier: BSD-2-Clause */
/* Internet addresses with a port, of one fixed shape for both families, ready to be compared, masked and printed. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/must_use.h"

#define ADDR_STR_MAX	72	/* "[v6%scope]:port" and its NUL */

struct addr {
	uint8_t		ip[16];		/* network order; IPv4 in the first four, the rest 0 */
	uint32_t	scope;		/* IPv6 interface index, or 0 */
	uint16_t	port;		/* host order; 0 = none */
	uint8_t		family;		/* 4, 6, or 0 = unset */
};

/* Octets of ip in use: 4, 16 or 0. */
static inline unsigned
addr_len(const struct addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

/*
 * Reads "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "[::1]".  No names, no port.  family 4 or 6 asks for that family only, 0 takes
 * either.  A mapped address (::ffff:a.b.c.d) comes out as IPv4.  *a gets port 0 and is written only on success.
 */
MUST_USE bool addr_parse(struct addr *a, const char *s, int family);

/* Address alone ("192.0.2.1", "fe80::1%2"), and with its port ("192.0.2.1:123", "[::1]:123"); returns buf.  Unset prints as "0.0.0.0". */
const char *addr_str(const struct addr *a, char *buf, size_t cap);
const char *addr_port_str(const struct addr *a, char *buf, size_t cap);

/* To and from the socket calls; a mapped address becomes IPv4.  addr_to_sockaddr returns the length used. */
MUST_USE bool addr_from_sockaddr(struct addr *a, const struct sockaddr *sa);
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);

/* Same family and octets (and scope, where both have one); ports do not count. */
bool addr_same_host(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);

/* mask := bits leading ones (0 … 32 or 128) for a family; address bits outside a mask cleared. */
void addr_mask_bits(struct addr *mask, int family, unsigned bits);
void addr_apply_mask(struct addr *a, const struct addr *mask);

bool addr_is_multicast(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_any(const struct addr *a);

/* 127.127.t.u, by which ntp.conf names reference clocks. */
bool addr_is_refclock(const struct addr *a);

/* Addresses nobody can be at as an NTP peer: unset, any, multicast, broadcast, class E. */
bool addr_is_unusable(const struct addr *a);

#endif
