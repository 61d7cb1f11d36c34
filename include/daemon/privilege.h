/* SPDX-License-Identifier: BSD-2-Clause */
/* From root to a user that may do two things more than others: set the clock and bind low ports. */
#ifndef DAEMON_PRIVILEGE_H
#define DAEMON_PRIVILEGE_H

#include <stdbool.h>

#include "base/must_use.h"

/*
 * Changes root to jaildir and becomes user[:group] (names or numbers), keeping CAP_NET_BIND_SERVICE and, if set_time, CAP_SYS_TIME; nothing can be
 * regained later.  Either string may be NULL.  False with a line in the log: the daemon must then exit.
 */
MUST_USE bool privilege_drop(const char *user, const char *jaildir, bool set_time);

#endif
