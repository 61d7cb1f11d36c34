/* SPDX-License-Identifier: BSD-2-Clause */
/* Symmetric peers: what they are sent from port 123, what comes from them there, and strangers who become peers. */
#include <errno.h>
#include <string.h>

#include "base/ntp.h"
#include "base/random.h"
#include "glue.h"

#define GUEST_LINES		6	/* a minute */
#define PASSIVE_POLL_MIN	3	/* log2 s: whoever asks faster is not followed further */

const struct client_modes client_modes_default = { .auth = true, .broadcast = { .delay = -0.05, .back = BCPOLLBSTEP_DEFAULT } };

/* Our side of a packet (RFC 5905 section 7.3).  Stratum and refid belong together: without a right to claim time both say so. */
void
peers_face(const struct client *c, struct monotime now, struct packet *face)
{
	const struct sysvars *v = &c->system.vars;
	bool lost = v->leap == LEAP_UNSYNC || v->stratum == 0 || v->stratum >= STRATUM_UNSYNC;

	*face = (struct packet){
		.leap = lost ? LEAP_UNSYNC : v->leap,
		.stratum = lost ? STRATUM_KOD : v->stratum,
		.precision = v->precision,
		.rootdelay = short_from_seconds(v->rootdelay),
		.rootdisp = short_from_seconds(sysvars_rootdisp(v, now)),
		.refid = lost ? REFID_INIT : v->refid,
	};
	if (v->reftime.ns != 0)
		face->reftime = walltime_to_ntp(v->reftime);
}

/* The time goes in as late as can be. */
int
peers_speak(struct source *s, struct assoc_out *out)
{
	struct client *c = s->client;
	struct datagram d = { .peer = s->assoc.addr, .local = s->assoc.local, .buf = out->pkt };
	struct departure leave = { .chance = random_u64(), .generation = sysclock_generation(c->clock) };
	struct clockread now;
	struct packet face;

	if (c->opts.send == NULL) {
		errno = ENOTCONN;
		return -1;
	}
	peers_face(c, monotime_now(), &face);
	sysclock_read(c->clock, &now);
	leave.wall = now.wall;
	leave.mono = now.mono;
	leave.steered = now.steered;
	assoc_speak(&s->assoc, &face, &leave, out);
	d.len = out->len;
	d.local.port = 0;
	if (c->opts.send(c->opts.send_arg, &d, 0) == 0)
		return 0;
	s->assoc.local.family = 0;	/* it may be gone: the next one leaves as it is routed */
	return -1;
}

bool
glue_guest_line(struct client *c)
{
	unsigned held;

	if (!log_ration(&c->guest_lines, monotime_now(), GUEST_LINES, &held))
		return false;
	if (held > 0)
		log_info("%u more lines about such sources in the minute before", held);
	return true;
}

static struct source *
find_peer(const struct client *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n; i++) {
		if (assoc_is_peer(c->assoc[i]) && c->assoc[i]->addr.family != 0 && addr_same_host(&c->assoc[i]->addr, a))
			return c->source[i];
	}
	return NULL;
}

static bool
in_range(const struct client_unasked *u, const struct addr *a)
{
	struct addr masked = *a;

	if (a->family != u->range.family)
		return false;
	addr_apply_mask(&masked, &u->mask);
	return memcmp(masked.ip, u->range.ip, sizeof(masked.ip)) == 0;
}

/* Is there room for one more that a packet of this address brings about (restrict … ippeerlimit, tos maxclock)? */
static bool
has_room(const struct client *c, const struct client_unasked *u)
{
	size_t near = 0, all = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->assoc[i]->configured)
			continue;
		all++;
		near += in_range(u, &c->assoc[i]->addr);
	}
	return all < c->opts.select.maxclock && (u->limit < 0 || near < (size_t)u->limit);
}

/* Nobody becomes a peer of ours unsigned, unless authentication is disabled altogether. */
bool
peers_may_mobilize(const struct client *c, const struct client_unasked *u)
{
	const struct addr *a = &u->d->peer;

	if (a->port != NTP_PORT || addr_is_unusable(a) || client_has_addr(c, a))
		return false;
	if (u->key == 0 && (c->opts.modes.auth || u->nopeer))
		return false;
	return has_room(c, u);
}

/*
 * An active peer that we do not know has been answered without an association, as anybody is; its next packet will say that it got the answer.
 */
static void
mobilize_passive(struct client *c, const struct client_unasked *u, const struct packet *p)
{
	struct assoc_opts o = assoc_defaults;
	char who[SOURCE_STR_MAX];
	struct source *s;

	o.mode = MODE_PASSIVE;
	o.key = u->key;
	o.version = p->version;
	o.minpoll = p->poll < PASSIVE_POLL_MIN ? PASSIVE_POLL_MIN : p->poll > o.maxpoll ? o.maxpoll : p->poll;
	s = source_new(c, ROLE_PASSIVE, "", &o);
	if (s == NULL)
		return;
	source_set_addr(s, &u->d->peer);
	s->assoc.next = monotime_add(monotime_now(), log2_seconds(o.minpoll));
	glue_arm(s->due, log2_seconds(o.minpoll));
	if (glue_guest_line(c))
		log_info("%s is a symmetric passive peer now", source_str(s, who, sizeof(who)));
}

void
client_unasked(struct client *c, const struct client_unasked *u)
{
	struct source *s = find_peer(c, &u->d->peer);
	struct packet_tail tail;
	struct packet p;

	if (packet_parse(&p, &tail, u->d->buf, u->d->len) != WIRE_OK)
		return;
	if (s != NULL && u->d->peer.port == NTP_PORT && (p.mode == MODE_ACTIVE || p.mode == MODE_PASSIVE))
		source_hear(s, u->d);
	else if (s == NULL && p.mode == MODE_ACTIVE && !u->noepeer && peers_may_mobilize(c, u))
		mobilize_passive(c, u, &p);
	else if (p.mode == MODE_BROADCAST && c->opts.modes.bclient)
		broadcast_hear(c, u, &p);
}

void
client_set_modes(struct client *c, const struct client_modes *m)
{
	c->opts.modes = *m;
	for (size_t i = c->n; i > 0 && !m->bclient; i--) {
		if (c->source[i - 1]->role == ROLE_BCLIENT)
			source_remove(c->source[i - 1]);
	}
}
