/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the MRU listing, as classic ntpq and NTPsec's print them. */
#ifndef TOOLS_MRU_H
#define TOOLS_MRU_H

#include <stdbool.h>
#include <stdio.h>

#include "mruget.h"
#include "session.h"

/* What a row depends on besides itself. */
struct mru_view {
	struct ntptime	 now;		/* the server's */
	const char	*host;		/* name or address to show */
	char		 letter;	/* K: kisses of death were due, L: limited, '.' */
	bool		 direct;	/* NTPsec's form for machines: instants instead of intervals */
};

void mru_put_head(FILE *out, enum layout layout);
void mru_put_row(FILE *out, enum layout layout, const struct mru_row *r, const struct mru_view *view);

#endif
