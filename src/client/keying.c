/* SPDX-License-Identifier: BSD-2-Clause */
/* Key exchanges of the associations that want Network Time Security, and the servers that these name. */
#include <stdlib.h>
#include <string.h>

#include "glue.h"
#include "nts/keclient.h"

/* Whose certificate has to be shown: the name that was configured, a pool's for its members, else the address. */
static const char *
host_of(const struct source *s, char ip[static ADDR_STR_MAX])
{
	if (s->keying.host[0] != '\0')
		return s->keying.host;
	return s->assoc.name[0] != '\0' ? s->assoc.name : addr_str(&s->keying.addr, ip, ADDR_STR_MAX);
}

void
keying_forget(struct source *s)
{
	ke_query_cancel(s->keying.query);
	resolver_cancel(s->keying.lookup);
	s->keying.query = NULL;
	s->keying.lookup = NULL;
	if (s->assoc.exchange.shield == s->keying.shield)
		s->assoc.exchange.shield = NULL;
	shield_free(s->keying.shield);
	shield_free(s->keying.fresh);
	s->keying.shield = s->keying.fresh = NULL;
	s->assoc.keying = false;
}

/* Said once for each reason; a server that is down is not told of every few seconds. */
static void
failed(struct source *s, const char *why)
{
	char who[SOURCE_STR_MAX];
	struct assoc_out out;
	unsigned held = 0;

	shield_free(s->keying.fresh);
	s->keying.fresh = NULL;
	if (strcmp(why, s->keying.told) != 0 || log_gate_open(&s->keying.gate, monotime_now(), &held))
		log_warnx("%s: no NTS key exchange: %s; it is not asked without", source_str(s, who, sizeof(who)), why);
	snprintf(s->keying.told, sizeof(s->keying.told), "%s", why);
	assoc_not_keyed(&s->assoc, monotime_now(), &out);
	source_act(s, &out);
}

/* The server that goes with the keys: from now on it is asked, by them. */
static void
take(struct source *s, const struct addr *a)
{
	char who[SOURCE_STR_MAX];
	struct assoc_out out;
	struct addr to = *a;

	to.port = s->keying.port != 0 ? s->keying.port : NTP_PORT;
	if (!addr_same_host(&s->assoc.addr, &to)) {
		glue_report(s->client, CLIENT_ASSOC_REMOVED, 0, &s->assoc);
		s->assoc.exchange.shield = NULL;
		assoc_set_addr(&s->assoc, &to, monotime_now(), &out);
		source_act(s, &out);
		glue_report(s->client, CLIENT_ASSOC_ADDED, 0, &s->assoc);
	}
	s->assoc.addr.port = to.port;
	s->keying.told[0] = '\0';
	assoc_keyed(&s->assoc, s->keying.fresh, monotime_now(), &out);
	shield_free(s->keying.shield);
	s->keying.shield = s->keying.fresh;
	s->keying.fresh = NULL;
	log_of(LOG_PEER_INFO, "%s: NTS keys and %zu cookies", source_str(s, who, sizeof(who)), s->keying.shield->ncookies);
	source_act(s, &out);
}

static void
on_lookup(void *arg, enum resolve_err err, const char *reason, const struct addr addrs[], size_t n)
{
	struct source *s = arg;

	s->keying.lookup = NULL;
	for (size_t i = 0; i < n && err == RESOLVE_OK; i++) {
		if (addr_is_unusable(&addrs[i]) || (client_has_addr(s->client, &addrs[i]) && !addr_same_host(&addrs[i], &s->assoc.addr)))
			continue;
		take(s, &addrs[i]);
		return;
	}
	failed(s, err != RESOLVE_OK ? reason : "the time server that it names cannot be used");
}

static void
on_keys(void *arg, const struct ke_outcome *o)
{
	struct source *s = arg;
	struct client *c = s->client;

	s->keying.query = NULL;
	c->cb(c->arg, &(struct client_report){ .what = CLIENT_KEYS, .assoc = &s->assoc, .keys = o, .to = &s->keying.addr });
	if (o->why != NULL) {
		failed(s, o->why);
		return;
	}
	shield_free(s->keying.fresh);
	s->keying.fresh = o->shield;
	s->keying.port = o->answer->port;
	if (o->answer->server[0] == '\0') {
		take(s, &s->keying.addr);
		return;
	}
	s->keying.lookup = resolver_ask(c->resolver, o->answer->server, s->family, on_lookup, s);
	if (s->keying.lookup == NULL)
		failed(s, "no resolver");
}

void
keying_ask(struct source *s)
{
	const struct assoc_nts *o = &s->assoc.opts.nts;
	char ip[ADDR_STR_MAX];
	struct clockread now;
	struct ke_wish w = { .addr = s->keying.addr, .ca = o->ca, .aead = o->aead, .noval = o->noval, .host = host_of(s, ip) };

	if (s->keying.query != NULL || s->keying.lookup != NULL)
		return;
	sysclock_read(s->client->clock, &now);
	/* A clock that stands before the program was made is wrong for certain: certificates are judged by the later of the two. */
	w.now = now.wall.ns > s->client->opts.not_before.ns ? now.wall : s->client->opts.not_before;
	s->keying.query = s->client->opts.ke == NULL ? NULL : keclient_ask(s->client->opts.ke, &w, on_keys, s);
	if (s->keying.query == NULL)
		failed(s, "no memory");
}
