/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds out which of several hosts answer at all, all at once, so that those that do not need not be waited for one by one. */
#ifndef TOOLS_PROBE_H
#define TOOLS_PROBE_H

#include "query.h"

#define PROBE_HOSTS_MAX	64	/* hosts beyond are not asked */

/*
 * Asks each address of each host (n of them) for its status, twice where nothing comes, and waits for o->first_ms at most.  silent[i] is set where a host has addresses and none of them
 * has said anything: neither an answer of any kind nor that nobody listens there.
 */
void probe_hosts(char *const hosts[], size_t n, const struct query_opts *o, bool silent[]);

#endif
