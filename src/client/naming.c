/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of servers and pools: asked until they are known, and again when a server stays silent. */
#include <stdio.h>
#include <string.h>

#include "glue.h"

#define ASK_FIRST	2.0	/* s to the next try after a failure, doubling … */
#define ASK_LAST	64.0	/* … up to this */
#define POOL_PERIOD	64.0	/* s between questions for more pool servers while there are too few */

static void
on_ask_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	naming_ask(arg);
}

static void
ask_again(struct source *s, double seconds)
{
	if (s->ask_due == NULL)
		s->ask_due = evtimer_new(s->client->base, on_ask_due, s);
	if (s->ask_due != NULL)
		glue_arm(s->ask_due, seconds);
}

static void
ask_failed(struct source *s, const char *reason)
{
	double wait = fmin(ASK_LAST, ASK_FIRST * log2_seconds((int)s->ask_failed));

	/* Said once; a name that stays unknown needs no second line. */
	if (s->ask_failed++ == 0)
		log_warnx("name %s cannot be resolved: %s; trying again", s->assoc.name, reason);
	ask_again(s, wait);
}

/* No name has us ask this machine, whatever a name server says. */
static bool
can_be_source(const struct client *c, const struct addr *a)
{
	return !addr_is_unusable(a) && !addr_is_loopback(a) && !client_has_addr(c, a);
}

/* The first address that is not a source yet; the present one too, if it is still in the answer. */
static const struct addr *
pick_addr(const struct source *s, const struct addr addrs[], size_t n)
{
	const struct addr *other = NULL;

	for (size_t i = 0; i < n; i++) {
		if (other == NULL && can_be_source(s->client, &addrs[i]))
			other = &addrs[i];
	}
	return other;
}

static void
server_answer(struct source *s, const struct addr addrs[], size_t n)
{
	char ip[ADDR_STR_MAX];
	const struct addr *a = pick_addr(s, addrs, n);

	if (a == NULL && s->assoc.addr.family == 0) {
		ask_failed(s, "all its addresses are sources already or cannot be");
		return;
	}
	s->ask_failed = 0;
	if (a == NULL)
		return;
	log_of(LOG_PEER_INFO, "%s is %s", s->assoc.name, addr_str(a, ip, sizeof(ip)));
	source_set_addr(s, a);
}

static void
pool_answer(struct source *s, const struct addr addrs[], size_t n)
{
	struct client *c = s->client;
	char ip[ADDR_STR_MAX];

	s->ask_failed = 0;
	for (size_t i = 0; i < n && client_sources(c) < c->opts.select.maxclock; i++) {
		struct source *member;

		if (!can_be_source(c, &addrs[i]))
			continue;
		member = source_new(c, ROLE_MEMBER, "", &s->assoc.opts);
		if (member == NULL)
			break;
		member->pool = s->assoc.id;
		snprintf(member->keying.host, sizeof(member->keying.host), "%s", s->assoc.name);
		log_of(LOG_PEER_INFO, "pool %s: using %s", s->assoc.name, addr_str(&addrs[i], ip, sizeof(ip)));
		source_set_addr(member, &addrs[i]);
	}
	if (client_sources(c) < c->opts.select.maxclock)
		ask_again(s, POOL_PERIOD);
}

static void
on_answer(void *arg, enum resolve_err err, const char *reason, const struct addr addrs[], size_t n)
{
	struct source *s = arg;

	s->query = NULL;
	if (err != RESOLVE_OK) {
		ask_failed(s, reason);
		return;
	}
	if (s->role == ROLE_POOL)
		pool_answer(s, addrs, n);
	else
		server_answer(s, addrs, n);
}

void
naming_ask(struct source *s)
{
	if (s->query != NULL)
		return;
	s->query = resolver_ask(s->client->resolver, s->assoc.name, s->family, on_answer, s);
	if (s->query == NULL)
		ask_failed(s, "no resolver");
}

void
naming_pool_wanted(struct client *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->source[i]->role == ROLE_POOL && c->source[i]->query == NULL)
			ask_again(c->source[i], ASK_FIRST);
	}
}
