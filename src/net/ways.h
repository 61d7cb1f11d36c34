/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of several addresses of a host are the best to be tried first.  Private to this room. */
#ifndef NET_WAYS_H
#define NET_WAYS_H

#include <stddef.h>

#include "base/addr.h"

#define WAYS_MAX	64	/* addresses sorted at once */

/*
 * The best ways first; among equals, families in turns beginning with IPv6 (as RFC 6724 section 2.1 prefers it), and the order of pool within each.  Takes
 * the addresses out of pool (n <= WAYS_MAX), writes no more than cap, and returns how many.
 */
size_t ways_sort(struct addr pool[], size_t n, struct addr out[], size_t cap);

#endif
