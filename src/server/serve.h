/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One socket and the worker that answers what comes by it.
 */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "crew.h"

struct event;

struct lsock {
	struct member	*m;
	struct event	*ev;	/* NULL: not served */
	int		 fd;
	bool		 stamps;	/* the kernel has been asked to say when replies leave, if they ask for it */
	uint64_t	 received, sent, sendfailed;	/* packets; guarded by the member's lock */
};

/* Jobs for crew_run; arg is the socket.  False with errno.  An event that cannot be added, for want of memory, may be tried again. */
bool serve_begin(void *arg);
bool serve_again(void *arg);
bool serve_end(void *arg);

#endif
