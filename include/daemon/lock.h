/* SPDX-License-Identifier: BSD-2-Clause */
/* One steersman for one clock: a lock that is held by being alive, and leaves nothing behind. */
#ifndef DAEMON_LOCK_H
#define DAEMON_LOCK_H

#include "base/must_use.h"

/*
 * Takes TCP port 123 of this network, without listening: only who may serve time may bind it, and only one.  (Addresses of UDP may be shared out by
 * interface, or among workers; this is not.)  A descriptor to be kept, or -1 with errno: EADDRINUSE is another steersman, anything else that there
 * is no such lock to be had.
 */
MUST_USE int lock_take(void);

#endif
