/* SPDX-License-Identifier: BSD-2-Clause */
/* The user's own list of variables, "name" or "name=value", that addvars keeps. */
#ifndef TOOLS_VARLIST_H
#define TOOLS_VARLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "strb.h"

#define VARLIST_MAX		64
#define VARLIST_ITEM_MAX	128

struct varlist {
	char	items[VARLIST_MAX][VARLIST_ITEM_MAX];
	size_t	n;
};

/* Adds an item, in the place of one of the same name; false if it is too long or one too many. */
MUST_USE bool varlist_add(struct varlist *l, const char *item);

/* Removes the item of that name; false if there is none. */
MUST_USE bool varlist_remove(struct varlist *l, const char *name);

/* Adds the list to a request, with values or without. */
void varlist_put(const struct varlist *l, bool values, struct strb *out);

#endif
