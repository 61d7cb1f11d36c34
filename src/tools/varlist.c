/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps variables in the order they were added. */
#include <string.h>

#include "varlist.h"

static size_t
find(const struct varlist *l, const char *item)
{
	size_t len = strcspn(item, "="), i;

	for (i = 0; i < l->n; i++) {
		if (strncmp(l->items[i], item, len) == 0 && (l->items[i][len] == '=' || l->items[i][len] == '\0'))
			break;
	}
	return i;
}

bool
varlist_add(struct varlist *l, const char *item)
{
	size_t i = find(l, item);

	if (strlen(item) >= VARLIST_ITEM_MAX || item[0] == '=' || i == VARLIST_MAX)
		return false;
	memcpy(l->items[i], item, strlen(item) + 1);
	l->n += i == l->n;
	return true;
}

bool
varlist_remove(struct varlist *l, const char *name)
{
	size_t i = find(l, name);

	if (i == l->n)
		return false;
	memmove(l->items[i], l->items[i + 1], (l->n - i - 1) * sizeof(l->items[0]));
	l->n--;
	return true;
}

void
varlist_put(const struct varlist *l, bool values, struct strb *out)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t len = values ? strlen(l->items[i]) : strcspn(l->items[i], "=");

		strb_add(out, "%s%.*s", out->len > 0 ? "," : "", (int)len, l->items[i]);
	}
}
