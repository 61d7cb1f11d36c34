/* SPDX-License-Identifier: BSD-2-Clause */
/* The roof: the root of all state, made from options and configuration, and the loop that runs it. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/must_use.h"
#include "daemon/options.h"

#define EXIT_PANIC	255	/* the offset is beyond the panic threshold, or privileges could not be dropped, as with ntpd */
#define EXIT_CLOCK	71	/* the clock process is gone (EX_OSERR) */
#define EXIT_WAIT_SYNC	110	/* -w: not synchronised in time (ETIMEDOUT) */

/* Runs ntpd until it is told to stop.  command is argv as one line, for the log.  Returns the exit status. */
MUST_USE int daemon_run(const struct options *o, const char *command);

#endif
