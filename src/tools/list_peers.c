/* SPDX-License-Identifier: BSD-2-Clause */
/* The listings that go through all associations: the peers billboard and the associations themselves. */
#include <string.h>

#include "listings.h"

struct assoc_row {
	long	index, associd, events;
	char	status[8];
	char	conf[4], reach[5], auth[5], condition[12], last_event[16];
};

static const struct json_field assoc_fields[] = {
	{ "index", JSON_LONG, offsetof(struct assoc_row, index) },
	{ "associd", JSON_LONG, offsetof(struct assoc_row, associd) },
	{ "status", JSON_TEXT, offsetof(struct assoc_row, status) },
	{ "conf", JSON_TEXT, offsetof(struct assoc_row, conf) },
	{ "reach", JSON_TEXT, offsetof(struct assoc_row, reach) },
	{ "auth", JSON_TEXT, offsetof(struct assoc_row, auth) },
	{ "condition", JSON_TEXT, offsetof(struct assoc_row, condition) },
	{ "last_event", JSON_TEXT, offsetof(struct assoc_row, last_event) },
	{ "events", JSON_LONG, offsetof(struct assoc_row, events) },
};

/* Short listings leave out what nobody configured and nobody hears. */
static bool
is_listed(uint16_t status, bool all)
{
	return all || (status >> 8 & (PEER_CONFIG | PEER_REACH)) != 0;
}

static void
assoc_row_fill(struct assoc_row *row, size_t index, const struct assoc_entry *a)
{
	*row = (struct assoc_row){ .index = (long)index, .associd = a->id, .events = status_events(a->status) };
	snprintf(row->status, sizeof(row->status), "%04x", a->status);
	snprintf(row->conf, sizeof(row->conf), "%s", a->status >> 8 & PEER_CONFIG ? "yes" : "no");
	snprintf(row->reach, sizeof(row->reach), "%s", words_reach(a->status));
	snprintf(row->auth, sizeof(row->auth), "%s", words_auth(a->status));
	snprintf(row->condition, sizeof(row->condition), "%s", words_selection(a->status));
	words_last_event(a->status, row->last_event, sizeof(row->last_event));
}

void
assocs_put(FILE *out, const struct assoc_entry *assocs, size_t n, bool all)
{
	fputs("ind assid status  conf reach auth condition  last_event cnt\n"
	    "===========================================================\n", out);
	for (size_t i = 0; i < n; i++) {
		struct assoc_row row;

		if (!is_listed(assocs[i].status, all))
			continue;
		assoc_row_fill(&row, i + 1, &assocs[i]);
		fprintf(out, "%3ld %5ld  %s   %3.3s  %4s  %4.4s %9.9s %11s %2ld\n", row.index, row.associd, row.status, row.conf,
		    row.reach, row.auth, row.condition, row.last_event, row.events);
	}
}

/* NTPsec's begins with an empty line and hides nothing. */
bool
list_assocs(struct session *s, bool all, bool fresh)
{
	struct assoc_row row;
	struct json j;

	all = all || s->layout == LAYOUT_NTPSEC;
	if ((fresh || !s->have_assocs) && !session_fetch_assocs(s))
		return false;
	if (s->json) {
		json_begin(&j, s->out, "associations", s->host);
		for (size_t i = 0; i < s->nassocs; i++) {
			if (!is_listed(s->assocs[i].status, all))
				continue;
			assoc_row_fill(&row, i + 1, &s->assocs[i]);
			json_row(&j, assoc_fields, NELEMS(assoc_fields), &row);
		}
		json_end(&j);
	} else if (s->nassocs == 0) {
		fprintf(stderr, "No association ID's returned\n");
	} else {
		if (s->layout == LAYOUT_NTPSEC)
			putc('\n', s->out);
		assocs_put(s->out, s->assocs, s->nassocs, all);
	}
	return true;
}

/*
 * The server's own clock: what the column when counts from, so that a server in another time is shown right.  One that does
 * not tell has the time we have.
 */
static struct walltime
server_clock(struct session *s, struct walltime ours)
{
	struct ntptime t;
	struct vars v;

	if (session_query(s, CONTROL_READVAR, 0, "clock") != QUERY_OK)
		return ours;
	v = session_answer(s);
	return vars_time(&v, "clock", &t) && t.raw != 0 ? ntptime_to_wall(t, ours) : ours;
}

/* Reads one association into *row.  *go_on: whether asking for further ones makes sense. */
static bool
read_peer(struct session *s, const struct peer_view *view, const struct assoc_entry *a, struct peer_row *row, bool *go_on)
{
	enum query_err e = session_query(s, CONTROL_READVAR, a->id, NULL);
	struct vars v = session_answer(s);

	/* An association may end between the list and the question: nothing to say about it then. */
	*go_on = e == QUERY_OK || e == QUERY_SERVER;
	if (e != QUERY_OK && !(e == QUERY_SERVER && s->query.server_err == CERR_BADASSOC))
		session_complain(s, e, a->id);
	if (e == QUERY_OK)
		peer_row_fill(row, view, a->id, s->query.assembly.status, &v);
	return e == QUERY_OK;
}

bool
list_peers(struct session *s, enum peers_layout layout, bool all, int family)
{
	struct peers_style style = {
		.layout = layout, .server = s->host, .server_width = s->server_width, .wide = s->wide,
		.whose = s->layout, .units = s->units, .columns = session_columns(s), .colour = session_has_colour(s),
	};
	struct peer_view view = { .cook = session_view(s), .refid_hash = s->refid_hash };
	bool go_on = true;
	struct json j;

	if (!session_fetch_assocs(s))
		return false;
	if (s->nassocs == 0 && !s->json) {
		fprintf(stderr, "No association ID's returned\n");
		return true;
	}
	view.cook.now = server_clock(s, view.cook.now);
	if (s->json)
		json_begin(&j, s->out, "peers", s->host);
	else
		peers_put_head(s->out, &style);
	for (size_t i = 0; i < s->nassocs && go_on; i++) {
		struct peer_row row;

		if (!is_listed(s->assocs[i].status, all) || !read_peer(s, &view, &s->assocs[i], &row, &go_on) ||
		    (family != 0 && row.family != family))
			continue;
		if (s->json)
			json_row(&j, peer_fields, peer_nfields, &row);
		else
			peers_put_row(s->out, &style, &row);
	}
	if (s->json)
		json_end(&j);
	return go_on;
}
