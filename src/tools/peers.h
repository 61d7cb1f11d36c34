/* SPDX-License-Identifier: BSD-2-Clause */
/* The peers billboard: one row structure, filled from an association's variables, and its renderings. */
#ifndef TOOLS_PEERS_H
#define TOOLS_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "cook.h"
#include "json.h"

enum peers_layout { PEERS_REFID, PEERS_ASSID, PEERS_LOCAL, PEERS_NAME_LAST };

/* Columns that NTPsec shows as they were sent. */
enum peer_text { PEER_DELAY, PEER_OFFSET, PEER_JITTER, PEER_DISPERSION, PEER_TEXTS };

/* Numbers the server did not send are JSON_UNKNOWN or NaN. */
struct peer_row {
	char		tally[2];
	char		selection[12];
	char		remote[256];	/* the name or address shown */
	char		address[ADDR_STR_MAX];
	char		local[ADDR_STR_MAX];
	char		refid[ADDR_STR_MAX];	/* as shown: ".GPS.", "10.9.0.1", "LOCAL(0)", "(loop)" */
	char		short_refid[12];	/* as apeers shows it: eight columns, addresses as hex */
	char		type[2];
	uint8_t		family;		/* of address: 4, 6, 0 */
	long		associd, stratum, reach;
	long		when, poll;	/* s */
	double		delay, offset, jitter, dispersion;	/* ms; offset: server minus it */
	char		text[PEER_TEXTS][24];	/* the same as sent */
	char		sent_refid[ADDR_STR_MAX];
	bool		fine;		/* they came with six decimals */
	long		cookies;	/* of network time security */
};

struct peer_view {
	struct cook_view cook;		/* now: by the server's own clock, where it is known */
	bool		 refid_hash;	/* references of stratum 2 and up as hex instead of dotted quad */
};

/* Fills a row from the answer to a read of all variables of an association. */
void peer_row_fill(struct peer_row *row, const struct peer_view *view, uint16_t associd, uint16_t status, const struct vars *v);

/* How a listing is laid out: server is the first column, of server_width, when several hosts are asked (else 0). */
struct peers_style {
	enum peers_layout	 layout;
	const char		*server;
	int			 server_width;
	bool			 wide;		/* a long name stands on a line of its own */
	enum layout		 whose;
	bool			 units;		/* NTPsec's: values with their units */
	size_t			 columns;	/* NTPsec's: of the terminal; names get what there is beyond 80 */
	bool			 colour;	/* tally and reach speak in colours */
};

void peers_put_head(FILE *out, const struct peers_style *style);
void peers_put_row(FILE *out, const struct peers_style *style, const struct peer_row *row);

extern const struct json_field peer_fields[];
extern const size_t peer_nfields;

#endif
