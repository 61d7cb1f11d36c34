/* SPDX-License-Identifier: BSD-2-Clause */
/* What ntpq knows while it runs: the host it speaks to, the settings in force, the last list of associations. */
#ifndef TOOLS_SESSION_H
#define TOOLS_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/must_use.h"
#include "cook.h"
#include "query.h"

#define SESSION_ASSOCS_MAX	(ASSEMBLY_MAX / 4)
#define SESSION_HOST_SHOWN	40	/* columns a host may take in front of a listing */
#define SESSION_WIDTH		72	/* columns of variable lists */

struct assoc_entry { uint16_t id, status; };

struct session {
	struct query		 query;
	const char		*host;		/* as given; NULL = none open */
	char			*host_owned;	/* what host points to if a command set it */
	FILE			*out;
	struct assoc_entry	 assocs[SESSION_ASSOCS_MAX];	/* by id */
	size_t			 nassocs;
	bool			 have_assocs;	/* the list is this host's, if empty */
	int			 server_width;	/* of the first column when several hosts are asked, else 0 */
	size_t			 width;
	bool			 numeric, wide, raw, json, refid_hash, old_rv;
	bool			 done;		/* exit was asked for */
};

void session_init(struct session *s, const struct query_opts *opts);
void session_close(struct session *s);

/* Opens a host, kept by reference; on failure says why on stderr and leaves none open. */
MUST_USE bool session_open(struct session *s, const char *host);

/* Asks the open host; says on stderr what went wrong.  The answer is in s->query.assembly, and session_answer. */
MUST_USE bool session_ask(struct session *s, enum control_op op, uint16_t associd, const char *data);
struct vars session_answer(const struct session *s);
void session_complain(const struct session *s, enum query_err e, uint16_t associd);

/* Gets the list of associations. */
MUST_USE bool session_fetch_assocs(struct session *s);

/*
 * An association given by id or as &N, the Nth of the last list, which is fetched if there is none yet.  Says on stderr what is
 * wrong with it.  session_assoc_index is for ranges: the place in the list.
 */
MUST_USE bool session_assoc(struct session *s, const char *arg, uint16_t *associd);
MUST_USE bool session_assoc_index(struct session *s, const char *arg, size_t *index);

struct cook_view session_view(const struct session *s);

#endif
