/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One address that is listened on: a socket of each worker, or one that is never read where everything is dropped.
 */
#ifndef SERVER_PORT_H
#define SERVER_PORT_H

#include "serve.h"

/* An address that is to have a socket. */
struct want {
	struct addr	addr;
	char		name[IF_NAMESIZE];
	bool		drop;
};

struct port {
	struct port		*next;
	bool			 keep;	/* still wanted */
	struct listener_socket	 about;	/* but for its counters */
	size_t			 n;
	struct lsock		 sock[];
};

/* NULL with errno. */
MUST_USE struct port *port_new(struct crew *c, const struct want *want, int dscp);
void port_free(struct port *p);

/* With the counters of all its sockets. */
struct listener_socket port_about(const struct port *p);

/* Waits for packets where that has failed before; false with errno where it does again. */
bool port_again(struct port *p);

/* All its sockets join a group; false with errno if one cannot. */
bool port_join(struct port *p, const struct addr *group);

/* Sends from it; ttl as in listener_send.  -1 with errno. */
MUST_USE int port_send(struct port *p, const struct datagram *d, int ttl);

void port_mark(const struct port *p, int dscp);
void port_log_opened(const struct port *p);
void port_log_closed(const struct port *p);

#endif
