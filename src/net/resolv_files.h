/* SPDX-License-Identifier: BSD-2-Clause */
/* The two files of hosts(5) and resolv.conf(5), as far as the resolver needs them. */
#ifndef NET_RESOLV_FILES_H
#define NET_RESOLV_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

#define RESOLV_NAME_MAX		254	/* a name of 253 octets (RFC 1035 section 2.3.4, in text) and its NUL */
#define RESOLV_DOMAINS_MAX	8
#define RESOLV_SERVERS_MAX	3	/* MAXNS of resolv.conf(5) */
#define RESOLV_SERVER_MAX	72

struct resolv_conf {
	char		domains[RESOLV_DOMAINS_MAX][RESOLV_NAME_MAX];	/* search list; without dots at the ends */
	size_t		n_domains;
	char		servers[RESOLV_SERVERS_MAX][RESOLV_SERVER_MAX];	/* as written */
	size_t		n_servers;
	unsigned	ndots;		/* a name with fewer dots goes through the search list first */
	unsigned	timeout;	/* s, 1 … 30 */
	unsigned	attempts;	/* 1 … 5: rounds over all servers */
};

/* Writes *rc always: the defaults, and over them what the file says.  Lines that make no sense are skipped. */
void resolv_conf_read(struct resolv_conf *rc, const char *path);

/* Writes the addresses that the hosts file has for name, at most max, in the file's order.  family 4, 6 or 0.  Returns how many. */
size_t hosts_lookup(const char *path, const char *name, int family, struct addr addrs[], size_t max);

#endif
