/* SPDX-License-Identifier: BSD-2-Clause */
/* Joins the client's associations and the server's port 123: who is heard there, and what is sent from there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "root.h"

#define NOVOLLEY_DELAY	0.004	/* s, what ntpd assumed when it still had a choice: a busy local network */

/* The id of the key that has rightly signed it, or 0. */
static uint32_t
signed_by(const struct root *r, const struct datagram *d)
{
	struct packet_tail tail;
	const struct key *key;
	struct packet p;
	struct rd id;

	if (packet_parse(&p, &tail, d->buf, d->len) != WIRE_OK || tail.kind != TRAILER_MAC)
		return 0;
	id = rd_init(d->buf + tail.mac_at, tail.mac_len);
	key = keys_find(r->keys, rd_u32(&id));
	if (key == NULL || !key_allows(key, &d->peer) || !key_verify(key, d->buf, tail.mac_at, d->buf + tail.mac_at, tail.mac_len))
		return 0;
	return key_id(key);
}

static void
hear(struct root *r, const struct datagram *d)
{
	const struct restrict_rule *rule = &restrict_lookup(r->restricts, &d->peer)->rule;
	struct client_unasked u = {
		.d = d,
		.key = signed_by(r, d),
		.nopeer = (rule->flags & RESTRICT_NOPEER) != 0,
		.noepeer = (rule->flags & RESTRICT_NOEPEER) != 0,
		.limit = rule->ippeerlimit,
		.range = rule->addr,
		.mask = rule->mask,
	};

	if (r->client != NULL)
		client_unasked(r->client, &u);
}

void
root_passed(void *arg, const struct datagram *d, unsigned flags, int fd)
{
	if (d->len > 0 && respond_mode(d->buf[0]) == MODE_CONTROL)
		root_control(arg, d, flags, fd);
	else if (root_mssntp_is(d, flags))
		root_mssntp(arg, d, flags, fd);
	else
		hear(arg, d);
}

int
root_modes_send(void *arg, const struct datagram *d, int ttl)
{
	struct root *r = arg;

	if (r->listener != NULL)
		return listener_send(r->listener, d, ttl);
	errno = ENOTCONN;
	return -1;
}

/* The built-in entries for our own addresses are against forged requests; whoever answers a request of ours is none. */
struct client_bar
root_bars(void *arg, const struct datagram *d, bool secured)
{
	struct root *r = arg;
	const struct restrict_rule *rule = &restrict_lookup(r->restricts, &d->peer)->rule;
	const struct restrict_flag *f = NULL;

	if (!rule->interface)
		f = restrict_bars_reply(rule->flags, respond_version(d->buf[0]), secured, (uint32_t)random_u64());
	return (struct client_bar){ .word = f != NULL ? f->name : NULL, .told = f != NULL && f->bit != RESTRICT_FLAKE };
}

/* One entry for a group, whatever it is for. */
static void
add_groups(struct listener_interest *i, const struct config_groups *g, bool purpose[static LISTENER_GROUPS_MAX])
{
	for (size_t k = 0; k < g->n; k++) {
		size_t at = 0;

		while (at < i->ngroups && !addr_same_host(&i->group[at], &g->addr[k]))
			at++;
		if (at == LISTENER_GROUPS_MAX)
			return;
		i->group[at] = g->addr[k];
		i->ngroups = at == i->ngroups ? at + 1 : i->ngroups;
		purpose[at] = true;
	}
}

void
root_modes_listen(struct root *r)
{
	struct listener_interest *i = calloc(1, sizeof(*i));
	size_t n;
	const struct assoc *const *a = client_assocs(r->client, &n);

	if (i == NULL || r->listener == NULL) {
		free(i);
		return;
	}
	i->strangers = !r->config->enable_auth;
	i->broadcasts = r->config->modes.bclient || r->config->enable_bclient;
	i->search = (struct respond_search){ .floor = r->config->tos.floor, .ceiling = r->config->tos.ceiling, .cohort = r->config->tos.cohort };
	add_groups(i, &r->config->modes.multicast, i->heard);
	add_groups(i, &r->config->modes.manycast, i->searched);
	for (size_t k = 0; k < n && i->npeers < LISTENER_PEERS_MAX; k++)
		if (assoc_is_peer(a[k]) && a[k]->addr.family != 0)
			i->peers[i->npeers++] = a[k]->addr;
	listener_interest(r->listener, i);
	free(i);
}

struct client_modes
settings_modes(const struct config *c)
{
	struct client_modes m = client_modes_default;

	m.auth = c->enable_auth;
	m.bclient = c->modes.bclient || c->enable_bclient || c->modes.multicast.n > 0;
	m.broadcast.delay = c->modes.broadcastdelay != 0 ? c->modes.broadcastdelay : m.broadcast.delay;
	if (c->modes.novolley && m.broadcast.delay <= 0)
		m.broadcast.delay = NOVOLLEY_DELAY;
	m.broadcast.back = c->modes.bcpollbstep;
	memcpy(m.ttl, c->modes.ttl, sizeof(m.ttl));
	m.nttl = c->modes.nttl;
	m.beacon = c->modes.beacon;
	m.pollskew = c->modes.pollskew;
	return m;
}
