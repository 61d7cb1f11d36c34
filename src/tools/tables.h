/* SPDX-License-Identifier: BSD-2-Clause */
/* The labelled tables of variables: what each shows, in the words of classic ntpq and of NTPsec's. */
#ifndef TOOLS_TABLES_H
#define TOOLS_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "cook.h"

/* What NTPsec makes of a variable; …_2: it shows it beside the same one since the daemon's start, whose name ends in _r. */
enum table_kind { KIND_VALUE, KIND_UPTIME, KIND_PACKETS, KIND_UPTIME_2, KIND_PACKETS_2 };

struct table_row {
	const char	*label, *var;
	enum cook	 how;		/* in the classic table */
	const char	*port;		/* variable shown behind a colon, or NULL */
	enum table_kind	 kind;		/* in NTPsec's */
};

struct table {
	const char		*command;
	const struct table_row	*rows;
	size_t			 nrows;
	int			 label_width;	/* where values begin; in NTPsec's table, where they are put in columns behind it */
	bool			 status_line;
};

/* The table of that command; those that classic ntpq has not are NTPsec's in its layout too.  NULL if there is none. */
const struct table *table_find(const char *command, enum layout layout);

/* Is it one of NTPsec's? */
bool table_is_ntpsec(const struct table *t);

#endif
