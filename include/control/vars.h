/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The variables by which we show ourselves: one table for the system, one for an association, one for the reference clock it may be with, read by the control protocol, the
 * status page, the tests and the check of the manual alike.  All are read-only.
 *
 * Formats are those of ntpd 4.2.8; milliseconds and ppm on the wire, seconds and s/s inside.  Rows stand in the order of the answer; those of
 * the default set come first.  What helps to forge a reply is in no row: the origin of a request that is out, and the port it left from.
 */
#ifndef CONTROL_VARS_H
#define CONTROL_VARS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "control/text.h"
#include "control/view.h"

enum var_table { VARS_SYSTEM, VARS_PEER, VARS_CLOCK };

#define VARS_MAX	256	/* rows of a table */
#define VARS_SETVARS	64	/* variables made by setvar that are looked at */

/* Longest strings sent of ourselves, so that ntpstat finds tc in the first datagram of the default answer. */
#define VARS_VERSION_MAX	96
#define VARS_PROCESSOR_MAX	32
#define VARS_SYSTEM_MAX		64

struct var_info {
	const char	*name, *prose;
	bool		 by_default;
};

/* What the tables hold, row by row; i < vars_count(). */
size_t vars_count(enum var_table table);
struct var_info vars_info(enum var_table table, size_t i);

/* Adds one row to the text, unless it has no value.  a is NULL for the system, and with a reference clock of the view for VARS_CLOCK. */
void vars_put(struct text *t, enum var_table table, size_t i, const struct control_view *v, const struct assoc *a);

/* Which variables are wanted, setvar's among them. */
struct var_set {
	bool	row[VARS_MAX];
	bool	setvar[VARS_SETVARS];
};

void vars_want_defaults(struct var_set *s, enum var_table table, const struct control_view *v);

/* Adds the variable of that name (not NUL terminated) to the set; false if there is none. */
MUST_USE bool vars_want(struct var_set *s, enum var_table table, const struct control_view *v, const char *name, size_t len);

/* Adds all that are wanted, in the order of the table. */
void vars_put_set(struct text *t, const struct var_set *s, enum var_table table, const struct control_view *v, const struct assoc *a);

#endif
