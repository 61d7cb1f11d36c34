/* SPDX-License-Identifier: BSD-2-Clause */
/* Going to the background so that whoever started us learns how it went. */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

#include "base/must_use.h"

/*
 * Forks.  The child returns with a descriptor; the parent waits until the child says how it went (background_done), dies, or the time is
 * up, and exits with that status: wait is for the first, in s; timeout_status is the exit status if the child is still silent then.
 * -1 with errno, in the only process there is, if it cannot be done.
 */
MUST_USE int background_start(double wait, int timeout_status);

/* The child is up: the parent may go, with this status.  Standard input, output and error become /dev/null. */
void background_done(int fd, int status);

#endif
