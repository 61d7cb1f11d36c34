/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of an answer: items "name=value" in a buffer of the caller's, separated by ", " and by ",\r\n" where a line would pass 72
 * columns.  An item is there whole or not at all: one without a value, and one that does not fit, leave no trace but full.
 * A copy of the struct is a mark; putting it back forgets what was added since.
 */
#ifndef CONTROL_TEXT_H
#define CONTROL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"

#define TEXT_WIDTH	72	/* columns, a trailing comma included */

struct text {
	char	*buf;
	size_t	 cap, len;	/* one octet of cap stays for a NUL */
	size_t	 line;		/* where the current line begins */
	size_t	 item, value;	/* where the item under way begins, with its separator, and its value */
	bool	 over;		/* the item under way does not fit */
	bool	 full;		/* an item was left out for want of room */
};

void text_init(struct text *t, char *buf, size_t cap);

/* One item: its name, any number of pieces of its value, its end. */
void text_open(struct text *t, const char *name);
void text_add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_close(struct text *t);

/* A piece "…" of at most max characters of s; what cannot stand between quotes becomes '.'.  Nothing for NULL or "", or where max is 0. */
void text_quote(struct text *t, const char *s, size_t max);

/* An item that is a name alone, without "=". */
void text_bare(struct text *t, const char *name);

/* All of an item in one call. */
void text_item(struct text *t, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The "\r\n" at the end, if there is room and anything before it. */
void text_end(struct text *t);

/*
 * How many octets of text[from …) to put into a datagram of at most max: up to the last place where an item ends; if one item is
 * longer than that, up to a comma inside; and max otherwise.  Never 0 unless nothing is left.
 * *quoted says whether from is between quotes, false for from 0, and is brought up to date for the next cut.
 */
size_t text_cut(const struct text *t, size_t from, size_t max, bool *quoted);

#endif
