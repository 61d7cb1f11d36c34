/* SPDX-License-Identifier: BSD-2-Clause */
/* Manycast: servers are searched for by requests to a group, each wider than the last, and those that answer become sources (RFC 5905 section 3.1). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/ntp.h"
#include "base/random.h"
#include "glue.h"
#include "net/udp.h"

static unsigned
last_row(const struct source *s)
{
	const struct client_modes *m = &s->client->opts.modes;
	unsigned last = m->nttl > 0 ? (unsigned)m->nttl - 1 : 0;

	return s->assoc.opts.ttl < last ? s->assoc.opts.ttl : last;
}

/* Is it the answer of a server that may be a source: to this search, signed if it is to be, with time of a stratum that we take? */
static bool
is_answer(const struct source *s, const struct datagram *d)
{
	const struct client *c = s->client;
	const struct exchange *x = &s->assoc.exchange;
	const struct arrival in = { .buf = d->buf, .len = d->len };
	struct packet_tail tail;
	struct packet p;

	if (packet_parse(&p, &tail, d->buf, d->len) != WIRE_OK || d->peer.port != NTP_PORT)
		return false;
	if (p.mode != MODE_SERVER || !x->open || p.org.raw != x->nonce || exchange_test_mac(x, &in, &tail) != 0)
		return false;
	if (x->key == NULL && c->opts.modes.auth)
		return false;
	return exchange_test_server(&p, c->opts.select.maxdisp) == 0 && p.stratum >= c->opts.select.floor && p.stratum < c->opts.select.ceiling;
}

static void
take_server(struct source *s, const struct addr *a)
{
	struct client *c = s->client;
	struct assoc_opts o = s->assoc.opts;
	char ip[ADDR_STR_MAX], group[ADDR_STR_MAX];
	struct source *member;

	if (addr_is_unusable(a) || client_has_addr(c, a) || client_sources(c) >= c->opts.select.maxclock)
		return;
	o.manycast = false;
	o.iburst = true;
	member = source_new(c, ROLE_MEMBER, "", &o);
	if (member == NULL)
		return;
	member->pool = s->assoc.id;
	if (glue_guest_line(c))
		log_info("manycast %s: using %s", addr_str(&s->assoc.addr, group, sizeof(group)), addr_str(a, ip, sizeof(ip)));
	source_set_addr(member, a);
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct source *s = arg;
	uint8_t buf[PACKET_MAX];
	struct datagram d;

	(void)what;
	s->client->io.wakeups++;
	for (unsigned n = 0; udp_receive(fd, &d, buf, sizeof(buf)) == 0; n++) {
		s->client->io.reads++;
		s->client->io.goodwakeups += n == 0;
		if (d.len > 0 && d.len <= sizeof(buf) && is_answer(s, &d) && !source_is_barred(s, &d))
			take_server(s, &d.peer);
	}
}

/* From a fresh port, as any request; it stays open for the answers until the next search. */
static int
search(struct source *s)
{
	struct udp_opts o = { .bind = { .family = s->assoc.addr.family }, .dscp = s->client->opts.dscp };
	uint8_t buf[REQUEST_MAX];
	struct datagram d = { .peer = s->assoc.addr, .buf = buf };
	uint64_t nonce = random_u64();

	source_close(s);
	s->fd = udp_open(&o);
	if (s->fd == -1 || udp_set_ttl(s->fd, s->assoc.addr.family, broadcast_ttl(s, s->row)) == -1)
		return -1;
	s->readable = event_new(s->client->base, s->fd, EV_READ | EV_PERSIST, on_answer, s);
	if (s->readable == NULL || event_add(s->readable, NULL) == -1)
		return -1;
	d.len = exchange_request(&s->assoc.exchange, nonce != 0 ? nonce : 1, s->assoc.opts.version, buf);
	return udp_send(s->fd, &d);
}

/* Are there too few sources, or is it time to look whether there are others? */
static bool
is_wanted(struct source *s, struct monotime now)
{
	const struct client *c = s->client;

	if (client_sources(c) >= c->opts.select.maxclock)
		return false;
	if (s->searched.ns == 0 || monotime_diff(now, s->searched) >= c->opts.modes.beacon)
		s->row = 0;
	else if (c->system.survivors >= c->opts.select.minclock)
		return false;
	return true;
}

void
manycast_due(struct source *s)
{
	struct monotime now = monotime_now();
	double wait = log2_seconds(s->assoc.opts.minpoll);

	if (s->assoc.keyless)
		return;
	glue_arm(s->due, wait);
	s->assoc.next = monotime_add(now, wait);
	if (!is_wanted(s, now))
		return;
	if (s->row == 0)
		s->searched = now;
	s->assoc.sent = now;
	if (search(s) == -1) {
		source_failed(s, errno);
		glue_arm(s->due, wait);
		return;
	}
	s->assoc.count.sent++;
	s->told_errno = 0;
	if (s->row < last_row(s))
		s->row++;
}
