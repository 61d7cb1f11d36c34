/* SPDX-License-Identifier: BSD-2-Clause */
/* The limits of the process that the directive rlimit asks for, and memory that is never paged out. */
#ifndef DAEMON_LIMITS_H
#define DAEMON_LIMITS_H

#include "config/config.h"

/* Sets the limits, before privileges are dropped: raising one takes them.  What cannot be set is said, and stays as it is. */
void limits_set(const struct config_rlimit *want);

/* Locks what is in memory now and what will be, after privileges are dropped, so that the limit counts.  Says so if it cannot. */
void limits_lock(const struct config_rlimit *want);

#endif
