/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server of key exchanges (RFC 8915 section 4): TCP port 4460 of all addresses, on the loop.
 *
 * Bounded in all that strangers can ask for: connections in all and for each network, new ones for each second, octets and time for each.
 */
#ifndef NTS_KESERVER_H
#define NTS_KESERVER_H

#include "base/addr.h"
#include "nts/warden.h"
#include "nts/tls.h"

#define KESERVER_TALKS	128	/* at a time */
#define KESERVER_NEAR	16	/* … from one network: 24 bits of an IPv4 address, 48 of an IPv6 one */
#define KESERVER_RATE	100	/* new ones in a second, and … */
#define KESERVER_BURST	200	/* … at once: a handshake costs a millisecond */

struct keserver;

/* One that is over. */
struct keserver_report {
	const struct addr	*peer;
	const char		*why;	/* NULL: it went well */
	bool			 began;	/* TLS was agreed upon */
	struct talk_cost	 cost;
};

struct keserver_hooks {
	bool	(*may)(void *arg, const struct addr *peer);	/* is this address to be served at all? */
	void	(*report)(void *arg, const struct keserver_report *r);
	void	*arg;
};

/*
 * Reads certificate and key and opens the sockets of these families, for which there may have to be rights.  NULL: why says what is wrong.  Nobody is served
 * before keserver_set_cookies.
 */
MUST_USE struct keserver *keserver_new(struct event_base *base, const struct nts_opts *o, bool ipv4, bool ipv6, const struct keserver_hooks *h, char why[static TLS_WHY_MAX]);
void keserver_free(struct keserver *k);		/* NULL is fine */

/* Reads certificate and key anew; false, and the old ones in force, if why says so. */
MUST_USE bool keserver_reload(struct keserver *k, const struct nts_opts *o, char why[static TLS_WHY_MAX]);

/* The keys that cookies are sealed with from now on. */
void keserver_set_cookies(struct keserver *k, const struct cookie_ring *r);

/* The port that clients are told to ask for time; 0, as at first: none, hence 123. */
void keserver_set_port(struct keserver *k, uint16_t port);

struct keserver_sum { uint64_t n; double wall, cpu; };	/* s, together */
struct keserver_counters {
	struct keserver_sum	good, bad, nossl;	/* nossl: it never came to TLS; those turned away count too */
	uint64_t		cookies;		/* made */
};
void keserver_counters(const struct keserver *k, struct keserver_counters *out);

#endif
