/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names to addresses without ever blocking the loop: /etc/hosts, then the servers of resolv.conf (asked by libevent's evdns).
 *
 * Both files are read anew for each question, so that a resolver which appears after boot is found.  Each question has sockets, hence
 * ports, of its own and leaves nothing behind: with no question under way there is no descriptor, no event and no timer.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stddef.h>

#include "base/addr.h"
#include "base/must_use.h"

struct event_base;
struct resolver;
struct resolver_query;

enum resolve_err {
	RESOLVE_OK,
	RESOLVE_AGAIN,		/* no answer: try later */
	RESOLVE_NONAME,		/* the name does not exist, or has no usable address of the family */
};

#define RESOLVE_ADDRS_MAX	16

/*
 * Called once per query, from the loop, with n addresses (port 0) in the order they are to be tried: those there is a route to first,
 * families in turns, each address once, none that a server cannot have (any, multicast, broadcast, reference clock).  n is 0 unless err
 * is RESOLVE_OK.  reason is a phrase for the log.  addrs and reason are the callee's only during the call.  The callee may ask again,
 * cancel other queries and free the resolver.
 */
typedef void resolver_cb(void *arg, enum resolve_err err, const char *reason, const struct addr addrs[], size_t n);

/* NULL with errno.  Call it before privileges are dropped: it seeds the generator of query numbers. */
MUST_USE struct resolver *resolver_new(struct event_base *base);

/* The same with other files than /etc/hosts and /etc/resolv.conf.  A nameserver line may carry a port: 127.0.0.1:5353, [::1]:5353. */
MUST_USE struct resolver *resolver_new_at(struct event_base *base, const char *hosts_path, const char *resolv_path);

/* Queries under way are cancelled.  NULL is fine.  Comes before event_base_free. */
void resolver_free(struct resolver *r);

/*
 * Asks for name, family 4, 6 or 0 = either.  A literal address is answered too, from the loop, whatever address it is.  NULL with errno if
 * nothing could be started; the callback is then not called.  At most 30 s go by until it is called, and the handle is gone by then.
 */
MUST_USE struct resolver_query *resolver_ask(struct resolver *r, const char *name, int family, resolver_cb *cb, void *arg);

/* The callback will not be called any more.  NULL is fine. */
void resolver_cancel(struct resolver_query *q);

#endif
