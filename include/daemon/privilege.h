/* SPDX-License-Identifier: BSD-2-Clause */
/* From root to a user that may do one thing more than others: bind low ports, or, in the clock process, set the clock. */
#ifndef DAEMON_PRIVILEGE_H
#define DAEMON_PRIVILEGE_H

#include <stdbool.h>

#include "base/must_use.h"

struct privilege_plan {
	const char	*user;		/* user[:group], names or numbers; NULL = who we are */
	const char	*jaildir;	/* the new root directory; NULL = none */
	const char	*emptydir;	/* likewise, but where that is not permitted it is done without; NULL = none */
	bool		 set_time;	/* CAP_SYS_TIME is kept, and no right to files: this is the clock process */
	bool		 bind_port;	/* CAP_NET_BIND_SERVICE is kept: sockets may have to be opened on new addresses */
};

/* Is this process worth taking over: is it root, or does it have a capability? */
MUST_USE bool privilege_held(void);

/*
 * Carries out the plan, for a process that has one thread.  No supplementary group and no capability but those of the plan is left, in any set (a process
 * that stays root keeps CAP_DAC_OVERRIDE, for files that are not root's); nothing can be regained later.  Where the call that changes capabilities is forbidden, having no
 * others to begin with will do.  In any case no_new_privs is set, and no core
 * is written.  False with a line in the log: the daemon must then exit.
 */
MUST_USE bool privilege_drop(const struct privilege_plan *p);

#endif
