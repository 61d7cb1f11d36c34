/* SPDX-License-Identifier: BSD-2-Clause */
/* Broadcasts: sent at their times, and heard from servers that become sources by them. */
#include <errno.h>
#include <string.h>

#include "base/ntp.h"
#include "base/random.h"
#include "glue.h"

#define TTL_LEAST	1

/* The time to live of a row of the ttl list as it is now; 0 would not leave the machine. */
int
broadcast_ttl(const struct source *s, unsigned row)
{
	const struct client_modes *m = &s->client->opts.modes;

	if (row == ASSOC_TTL_FAR || m->nttl == 0)
		return ASSOC_TTL_FAR;
	row = row < m->nttl ? row : (unsigned)m->nttl - 1;
	return m->ttl[row] < TTL_LEAST ? TTL_LEAST : m->ttl[row];
}

/*
 * When it left is known only afterwards: between just before the call and just after it, and half-way is off by no more than half of that.  The next one
 * tells, unless our clock is stepped meanwhile.
 */
static void
note_departure(struct source *s, const struct packet *p, const struct clockread *before)
{
	struct sysclock *clock = s->client->clock;
	struct clockread after;

	sysclock_read(clock, &after);
	s->departed = walltime_to_ntp((struct walltime){ before->wall.ns + (after.wall.ns - before->wall.ns) / 2 });
	s->departed_generation = sysclock_generation(clock);
	s->assoc.xleave = ntptime_diff(s->departed, p->xmt);
}

/* Nobody has asked for it, so it names no origin (RFC 5905 figure 22: mode 5); interleaved, that is where the departure of the last one goes, as in ntpd. */
static int
send_one(struct source *s)
{
	struct client *c = s->client;
	uint8_t buf[REQUEST_MAX];
	struct datagram d = { .peer = s->assoc.addr, .buf = buf, .len = PACKET_LEN };
	struct clockread now;
	struct packet p;

	if (c->opts.send == NULL) {
		errno = ENOTCONN;
		return -1;
	}
	peers_face(c, monotime_now(), &p);
	p.version = s->assoc.opts.version;
	p.mode = MODE_BROADCAST;
	p.poll = s->assoc.opts.minpoll;
	if (s->assoc.opts.xleave && s->departed_generation == sysclock_generation(c->clock))
		p.org = s->departed;
	s->departed = (struct ntptime){ 0 };
	sysclock_read(c->clock, &now);
	p.xmt = walltime_to_ntp(now.wall);
	packet_build(&p, buf);
	if (s->assoc.exchange.key != NULL)
		d.len += key_sign(s->assoc.exchange.key, buf, PACKET_LEN, buf + PACKET_LEN);
	sysclock_read(c->clock, &now);
	if (c->opts.send(c->opts.send_arg, &d, broadcast_ttl(s, s->assoc.opts.ttl)) == -1)
		return -1;
	if (s->assoc.opts.xleave)
		note_departure(s, &p, &now);
	return 0;
}

void
broadcast_due(struct source *s)
{
	struct client *c = s->client;
	double wait = log2_seconds(s->assoc.opts.minpoll);

	if (s->assoc.keyless)
		return;
	s->assoc.sent = monotime_now();
	s->assoc.next = monotime_add(s->assoc.sent, wait);
	glue_arm(s->due, wait);
	/* Who does not know the time does not spread it. */
	if (c->system.vars.leap == LEAP_UNSYNC)
		return;
	if (send_one(s) == 0) {
		s->assoc.count.sent++;
		s->told_errno = 0;
	} else if (errno != s->told_errno) {
		s->told_errno = errno;
		log_warn("broadcasts cannot be sent");
	}
}

static struct source *
find_bclient(const struct client *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->source[i]->role == ROLE_BCLIENT && addr_same_host(&c->assoc[i]->addr, a))
			return c->source[i];
	}
	return NULL;
}

/* A server not heard before: unless the delay of its broadcasts is assumed, it is asked for the time until that is known. */
static void
mobilize(struct client *c, const struct client_unasked *u, const struct packet *p)
{
	struct assoc_opts o = assoc_defaults;
	char who[SOURCE_STR_MAX];
	struct source *s;

	o.iburst = true;
	o.key = u->key;
	o.version = p->version;
	s = source_new(c, ROLE_BCLIENT, "", &o);
	if (s == NULL)
		return;
	source_set_addr(s, &u->d->peer);
	if (glue_guest_line(c))
		log_info("%s is a broadcast server we listen to", source_str(s, who, sizeof(who)));
	if (c->opts.modes.broadcast.delay > 0)
		source_hear(s, u->d);
}

void
broadcast_hear(struct client *c, const struct client_unasked *u, const struct packet *p)
{
	struct source *s = find_bclient(c, &u->d->peer);

	if (s != NULL && u->d->peer.port == NTP_PORT)
		source_hear(s, u->d);
	else if (s == NULL && peers_may_mobilize(c, u))
		mobilize(c, u, p);
}
