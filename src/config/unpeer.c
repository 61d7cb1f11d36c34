/* SPDX-License-Identifier: BSD-2-Clause */
/* unpeer and unconfig: sources taken away again, those of the file after all its lines, those from afar at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "reader.h"

#define UNIT_MAX	255

/* "clock TYPE [unit N]" (NTPsec) as an address; clock is under the finger. */
static bool
read_clock(struct reader *r, char host[static TOKEN_MAX + 1])
{
	int64_t unit = 0;
	int type;

	if (!reader_need(r, WANT_WORD, "the name of a driver"))
		return false;
	type = refclock_type_of(r->tok.text);
	if (type == -1) {
		reader_error(r, r->tok.column, "no reference clock driver is called '%.40s'", r->tok.text);
		return false;
	}
	if (reader_next(r, WANT_WORD)) {
		if (strcmp(r->tok.text, "unit") != 0)
			reader_error(r, r->tok.column, "unexpected '%.40s': only unit may follow the name of a driver", r->tok.text);
		else
			(void)reader_int(r, "a unit", 0, UNIT_MAX, &unit);
	}
	snprintf(host, TOKEN_MAX + 1, "127.127.%d.%d", type, (int)unit);
	return reader_end(r);
}

/* What is to go: a host, or an association id, then host is empty. */
static bool
read_target(struct reader *r, char host[static TOKEN_MAX + 1], struct config_unpeer *u)
{
	int64_t id = 0;

	while (reader_need(r, WANT_STRING, "an address, a host name or an association id")) {
		if (strcmp(r->tok.text, "-4") == 0 || strcmp(r->tok.text, "-6") == 0) {
			u->family = r->tok.text[1] - '0';
			continue;
		}
		if (r->tok.kind == TOKEN_WORD && strcmp(r->tok.text, "clock") == 0) {
			u->host = host;
			return read_clock(r, host);
		}
		if (value_int(r->tok.text, &id) == VALUE_SYNTAX) {
			memcpy(host, r->tok.text, r->tok.len + 1);
			u->host = host;
		} else if (!reader_token_int(r, "an association id", 1, UINT16_MAX, &id)) {
			return false;
		}
		u->id = (uint16_t)id;
		return reader_end(r);
	}
	return false;
}

static void
remember(struct reader *r, const struct config_unpeer *u)
{
	struct unpeer *new = config_alloc(r->c, sizeof(*new));
	char *host = config_strdup(r->c, u->host);

	if (new == NULL || host == NULL) {
		free(new);
		free(host);
		return;
	}
	*new = (struct unpeer){ .host = host, .family = u->family, .next = r->unpeers };
	r->unpeers = new;
}

/* At once: out of the configuration, and out of the running daemon. */
static void
remove_now(struct reader *r, const struct config_unpeer *u, unsigned column)
{
	bool configured = u->host != NULL && config_remove_source(r->c, u->host, u->family);
	bool live = r->remote->unpeer(r->hooks->arg, u, configured);

	r->source_tail = config_source_end(r->c);
	if (!configured && !live)
		reader_error(r, column, u->host != NULL ? "there is no association with '%.200s'" : "there is no such association%s",
		    u->host != NULL ? u->host : "");
}

void
parse_unpeer(struct reader *r, const struct directive *d)
{
	char host[TOKEN_MAX + 1] = "";
	struct config_unpeer u = { 0 };
	unsigned column;

	(void)d;
	if (!read_target(r, host, &u))
		return;
	column = r->column;
	if (r->remote != NULL)
		remove_now(r, &u, column);
	else if (u.host != NULL)
		remember(r, &u);
	else
		reader_warn(r, column, "association ids are made at start: here the line has no effect");
}

void
unpeer_settle(struct reader *r)
{
	struct unpeer *u;

	while ((u = r->unpeers) != NULL) {
		if (!config_remove_source(r->c, u->host, u->family))
			reader_settle_warn(r, "unpeer '%.200s': there is no such source", u->host);
		r->unpeers = u->next;
		free(u->host);
		free(u);
	}
}
