/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses of this machine, the rules that say which of them get a socket (directives interface and nic, options -I and -L), and
 * news of their coming and going.
 */
#ifndef NET_IFACES_H
#define NET_IFACES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/must_use.h"

struct event_base;
struct ifaces_watch;

struct iface {
	char		name[IF_NAMESIZE];	/* of an IPv4 alias with its colon: "eth0:1" */
	unsigned	flags;		/* IFF_… */
	struct addr	addr;		/* scope = interface index for link-local; port 0 */
	struct addr	bcast;		/* family 0 = none */
};

enum iface_action { IFACE_LISTEN, IFACE_IGNORE, IFACE_DROP };

enum iface_match {
	IFACE_ALL,		/* all but loopback and wildcard addresses */
	IFACE_IPV4,		/* every address of the family, loopback and wildcard too */
	IFACE_IPV6,
	IFACE_WILDCARD,		/* 0.0.0.0 and :: */
	IFACE_NAME,
	IFACE_ADDR,
	IFACE_ALIAS,		/* a name with a colon (-L), but not of a loopback address */
};

struct iface_rule {
	enum iface_action	action;
	enum iface_match	match;
	char			name[IF_NAMESIZE];	/* shell glob, case does not count */
	struct addr		addr;			/* IFACE_ADDR */
	unsigned		prefix;			/* bits of addr that must match: 32 or 128 for one address */
};

/* All addresses of interfaces that are up, in the system's order.  Returns how many, or -1 with errno; *out is the caller's to free. */
MUST_USE int ifaces_scan(struct iface **out);

/*
 * What to do with one address: the last matching rule wins.  Without a match: loopback listens, the wildcard drops, any other address
 * listens if there are no rules at all and is ignored if there are.
 *
 * -I NAME is one rule { IFACE_LISTEN, IFACE_NAME or IFACE_ADDR }.  -L is { IFACE_IGNORE, IFACE_ALIAS } before those, and before that
 * { IFACE_LISTEN, IFACE_ALL } where there is no -I.
 */
enum iface_action ifaces_decide(const struct iface *i, const struct iface_rule rules[], size_t n);

/* An address or an interface has come, gone or changed, or may have: time to scan again.  The callee may free the watch. */
typedef void ifaces_watch_cb(void *arg);

/*
 * Listens for the kernel's notices and calls back 0.1 s after the first of a flurry.  No timer runs otherwise.  Only where the kernel
 * does not tell (no netlink) it calls back every interval seconds (0: never).  NULL with errno.
 */
MUST_USE struct ifaces_watch *ifaces_watch_new(struct event_base *base, double interval, ifaces_watch_cb *cb, void *arg);
void ifaces_watch_free(struct ifaces_watch *w);

#endif
