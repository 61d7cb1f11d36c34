/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each worker goes by: its MRU list, its contexts of the keys, its restrict list.
 */
#ifndef SERVER_TABLES_H
#define SERVER_TABLES_H

#include "crew.h"

/*
 * Gives the workers what o asks for; before is what was asked for last time, or NULL: MRU lists whose options are the same stay.  All or nothing: -1 with errno.
 * restricts says whether any entry is limited.
 */
MUST_USE int tables_set(struct crew *c, const struct listener_opts *o, const struct listener_opts *before, const struct restrict_list *restricts);

/* One worker reads the list itself; several get copies of it, if it has changed, and give their hits.  -1 with errno: some go by the old one. */
MUST_USE int tables_restrict(struct crew *c, struct restrict_list *restricts);

/* The keys of NTS cookies.  -1 with errno: some workers have the old ones. */
MUST_USE int tables_cookies(struct crew *c, const struct cookie_ring *r);

void tables_warden(const struct crew *c, struct warden_counters *sum);	/* what the workers have counted of NTS */

/* With no thread running. */
void tables_free(struct crew *c);

#endif
