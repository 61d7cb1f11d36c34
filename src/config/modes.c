/* SPDX-License-Identifier: BSD-2-Clause */
/* Directives of broadcast, multicast and manycast that are no sources themselves. */
#include <string.h>

#include "reader.h"

/* broadcastclient [novolley] */
void
parse_bclient(struct reader *r, const struct directive *d)
{
	bool novolley = false;

	if (reader_next(r, WANT_WORD)) {
		novolley = strcmp(r->tok.text, "novolley") == 0;
		if (!novolley)
			reader_error(r, r->tok.column, "'%s' takes 'novolley' or nothing, not '%.40s'", d->name, r->tok.text);
	}
	if (!reader_end(r))
		return;
	r->c->modes.bclient = true;
	r->c->modes.novolley |= novolley;
}

/* Groups add up over several lines. */
static bool
add_group(struct reader *r, struct config_groups *g, const struct addr *a)
{
	for (size_t i = 0; i < g->n; i++)
		if (addr_same_host(&g->addr[i], a))
			return true;
	if (g->n == CONFIG_GROUPS_MAX) {
		reader_error(r, r->tok.column, "more than %d groups; the line is skipped", CONFIG_GROUPS_MAX);
		return false;
	}
	g->addr[g->n++] = *a;
	return true;
}

/* multicastclient [ADDRESS ...] and manycastserver ADDRESS ... */
void
parse_groups(struct reader *r, const struct directive *d)
{
	static const char *const usual[] = { "224.0.1.1", "ff05::101" };	/* IANA's for NTP */
	struct config_groups *g = (struct config_groups *)(void *)((char *)r->c + d->offset), copy = *g;
	struct addr a;
	unsigned n = 0;

	for (; reader_next(r, WANT_STRING); n++) {
		if (!addr_parse(&a, r->tok.text, 0) || !addr_is_multicast(&a)) {
			reader_error(r, r->tok.column, "'%.60s' is no multicast address; the line is skipped", r->tok.text);
			return;
		}
		if (!add_group(r, &copy, &a))
			return;
	}
	if (!r->bad && n == 0 && d->min > 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
	for (size_t i = 0; n == 0 && !r->bad && i < NELEMS(usual); i++)
		if (!addr_parse(&a, usual[i], 0) || !add_group(r, &copy, &a))
			return;
	if (!r->bad)
		*g = copy;
}

/* ttl NUMBER ...: one to eight, in place of the ladder so far. */
void
parse_ttl(struct reader *r, const struct directive *d)
{
	uint8_t ttl[CONFIG_TTLS_MAX];
	size_t n = 0;
	int64_t v = 0;

	while (reader_next(r, WANT_WORD)) {
		if (!reader_token_int(r, d->name, (int64_t)d->min, (int64_t)d->max, &v))
			return;
		if (n == CONFIG_TTLS_MAX) {
			reader_error(r, r->tok.column, "'%s' takes eight numbers at most", d->name);
			return;
		}
		ttl[n++] = (uint8_t)v;
	}
	if (!r->bad && n == 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
	if (r->bad)
		return;
	memcpy(r->c->modes.ttl, ttl, n);
	r->c->modes.nttl = n;
}
