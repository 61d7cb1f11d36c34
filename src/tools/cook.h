/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns the values a server sends into what ntpq shows: bits as words, times as dates, addresses as names. */
#ifndef TOOLS_COOK_H
#define TOOLS_COOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"
#include "vars.h"
#include "wire/control.h"

#define COOKED_MAX	600	/* any cooked value and its NUL */

enum cook {
	COOK_AS_SENT,
	COOK_UINT,
	COOK_INT,
	COOK_REAL,
	COOK_SIGNED,		/* real with its sign always shown */
	COOK_LEAP,		/* two binary digits */
	COOK_OCTAL,
	COOK_TIME,
	COOK_REFID,
	COOK_HOST,		/* address, by name where names are wanted */
	COOK_ADDR,
	COOK_MODE,		/* word for an association mode */
	COOK_FLASH,
	COOK_KERNEL,		/* kernel status bits as words */
	COOK_ARRAY,		/* eight filter stages, aligned */
	COOK_SIGNED_ARRAY,
};

/* Names hosts; buf gets the name or the address as text.  Returns buf. */
typedef const char *host_name_fn(const struct addr *a, char *buf, size_t cap);

/* Whose ways of showing are followed. */
enum layout { LAYOUT_CLASSIC, LAYOUT_NTPSEC };

/* What cooking depends on besides the value. */
struct cook_view {
	struct walltime	 now;		/* settles the era of timestamps */
	host_name_fn	*host_name;	/* NULL: addresses stay numeric */
	enum layout	 layout;
	bool		 units;		/* in NTPsec's layout: numbers with their units, … */
	size_t		 width;		/* … in so many columns; 0 = as many as they need */
};

/* How the variable of that name is shown. */
enum cook cook_of(const char *name, size_t len);

/* Cooks a value; one that is not what it should be comes out as sent with a '?' behind, made visible.  Returns buf. */
const char *cook(const struct cook_view *view, enum cook how, const struct varval *v, char buf[static COOKED_MAX]);

/* The same for the variable of that name in NTPsec's way, and a whole "name=value" of it. */
const char *cook_ntpsec(const struct cook_view *view, const char *name, size_t len, const struct varval *v, char buf[static COOKED_MAX]);
void cook_item_ntpsec(FILE *out, const struct cook_view *view, const struct control_item *item);

/* A whole answer, cooked: name=value items separated by ", ", broken where a line would pass width columns, and a newline. */
void cook_list(FILE *out, const struct cook_view *view, const struct vars *v, size_t width);

#endif
