/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpq's listings: what each asks the server for and how it shows the answer. */
#ifndef TOOLS_LISTINGS_H
#define TOOLS_LISTINGS_H

#include <stdbool.h>

#include "peers.h"
#include "session.h"
#include "words.h"

/* Every listing returns whether it got what it asked for; if not, stderr says why. */

/* The billboard.  all: also what is neither configured nor reachable; family 4 or 6: only those, 0: both. */
bool list_peers(struct session *s, enum peers_layout layout, bool all, int family);

/* The associations; fresh: asks for them anew. */
bool list_assocs(struct session *s, bool all, bool fresh);

/* Variables of one association (0 = system); names is a list for the server, or "" for its default set. */
bool list_vars(struct session *s, enum control_op op, uint16_t associd, const char *names);

/* A labelled table of variables by the name of its command ("sysinfo"); associd is 0 but for pstats. */
bool list_table(struct session *s, const char *command, uint16_t associd);

/* The MRU list; arguments are those of the command: filters, and sort=. */
bool list_mru(struct session *s, int argc, char **argv);

/* "ifstats" or "reslist", which a control key must sign. */
bool list_ordered(struct session *s, const char *command);

/* What stands in front of answers: whose they are, when several hosts are asked; the status word. */
void put_server(const struct session *s);
void put_status(struct session *s, enum control_op op, uint16_t associd, uint16_t status);
enum status_kind status_kind(enum control_op op, uint16_t associd);

/* An answer as it came, made visible. */
void put_raw(FILE *out, const struct vars *v);

/* Prints the rows of associations on out: the pure part of list_assocs. */
void assocs_put(FILE *out, const struct assoc_entry *assocs, size_t n, bool all);

/* Prints a table from the variables it is made of: the pure part of list_table. */
void table_put(FILE *out, const char *command, const struct cook_view *view, const struct vars *v);

#endif
