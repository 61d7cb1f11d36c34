/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the interface and the access list. */
#ifndef TOOLS_ORDERED_H
#define TOOLS_ORDERED_H

#include <stdio.h>

#include "json.h"
#include "session.h"

#define ORDERED_TEXT_MAX	160

/* Numbers the server did not send are JSON_UNKNOWN, texts empty. */
struct ifstat_row {
	long	index, enabled, flags, ttl, mcast, received, sent, failed, peers;
	long	uptime;		/* s */
	char	name[ORDERED_TEXT_MAX], addr[ORDERED_TEXT_MAX], bcast[ORDERED_TEXT_MAX];
};

struct reslist_row {
	long	index, hits;
	long	prefix;		/* of the mask; JSON_UNKNOWN if it has holes */
	char	addr[ORDERED_TEXT_MAX], mask[ORDERED_TEXT_MAX], flags[ORDERED_TEXT_MAX];
};

union ordered_row { struct ifstat_row ifstat; struct reslist_row reslist; };

/* Prints the answer to a read of "ifstats" or "reslist": the pure part of list_ordered. */
void ordered_put(FILE *out, const char *command, enum layout layout, const struct vars *v);

#endif
