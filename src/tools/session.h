/* SPDX-License-Identifier: BSD-2-Clause */
/* What ntpq knows while it runs: the host it speaks to, the settings in force, the last list of associations. */
#ifndef TOOLS_SESSION_H
#define TOOLS_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/must_use.h"
#include "authkey.h"
#include "cook.h"
#include "query.h"
#include "varlist.h"

#define SESSION_ASSOCS_MAX	(ASSEMBLY_MAX / 4)
#define SESSION_HOST_SHOWN	40	/* columns a host may take in front of a listing */
#define SESSION_DELAY_MS	20	/* what delay has always said */
#define SESSION_WIDTH		72	/* columns of variable lists, whatever the terminal, in the classic layout */

struct assoc_entry { uint16_t id, status; };

struct session {
	struct query		 query;
	const char		*host;		/* as given; NULL = none open */
	char			*host_owned;	/* what host points to if a command set it */
	FILE			*out;
	struct assoc_entry	 assocs[SESSION_ASSOCS_MAX];	/* by id */
	size_t			 nassocs;
	bool			 have_assocs;	/* the list is this host's, if empty */
	struct authkey		 key;
	struct varlist		 list;		/* of addvars */
	enum layout		 layout;
	int			 server_width;	/* of the first column when several hosts are asked, else 0 */
	size_t			 columns;	/* of the terminal, as the user says; 0 = as it is */
	bool			 numeric, wide, raw, json, refid_hash, old_rv;
	bool			 authenticate;	/* sign what needs no signature, too */
	bool			 units, direct;	/* NTPsec's: values with units; the MRU list for machines */
	bool			 interactive;	/* lines come from a prompt */
	long			 delay_ms;	/* of the command delay, which has had no effect since DES went */
	bool			 timed_out;	/* a question to this host has */
	bool			 done;		/* exit was asked for */
};

void session_init(struct session *s, const struct query_opts *opts);
void session_close(struct session *s);

/* Ends the session: closes the host and wipes keys. */
void session_free(struct session *s);

/* By name, "classic" or "ntpsec", with the width that goes with it; false if there is no such layout. */
MUST_USE bool session_set_layout(struct session *s, const char *name);

/* Opens a host, kept by reference; on failure says why on stderr and leaves none open. */
MUST_USE bool session_open(struct session *s, const char *host);

/* Has the open host been asked and never answered in any way? */
bool session_is_silent(const struct session *s);

/* Asks the open host; says on stderr what went wrong.  The answer is in s->query.assembly, and session_answer. */
/*
 * session_query says nothing, and asks also for what has no answer yet: the caller gives session_complain the error it returns.  What only
 * the holder of a key may ask is signed, the rest too if the user wants that.
 */
MUST_USE enum query_err session_query(struct session *s, enum control_op op, uint16_t associd, const char *data);
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

/* Columns there are for a listing; those of variable lists in the layout in force. */
size_t session_columns(const struct session *s);
size_t session_list_width(const struct session *s);

/* May listings be coloured?  Only on a terminal, and only if NO_COLOR is unset. */
bool session_has_colour(const struct session *s);

struct cook_view session_view(const struct session *s);

#endif
