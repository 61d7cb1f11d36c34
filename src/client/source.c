/* SPDX-License-Identifier: BSD-2-Clause */
/* One association on the loop: its socket, its timer, and what it asks for carried out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "glue.h"
#include "net/udp.h"

#define START_SPREAD	0.1	/* s between the first requests of associations, so that their replies do not queue */
#define PREEMPT_POLLS	10	/* polls without a part in the combined offset after which a preemptible source may go */

void
source_close(struct source *s)
{
	if (s->readable != NULL)
		event_free(s->readable);
	s->readable = NULL;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
}

/* The kernel's word on when the request left is better than ours. */
static void
refine_sent(struct source *s)
{
	struct exchange *x = &s->assoc.exchange;
	struct walltime host;

	if (udp_tx_stamp(s->fd, &host) && x->open)
		assoc_sent(&s->assoc, sysclock_at_host(s->client->clock, host), x->generation);
}

/* For the statistics: the reply as it came, and the sample that the filter made of it. */
static void
report_reply(struct source *s, const struct arrival *in, struct monotime old_best)
{
	struct client_reply reply = { .t1 = s->assoc.exchange.t1, .t4 = in->t4 };
	struct packet_tail tail;

	if (packet_parse(&reply.pkt, &tail, in->buf, in->len) == WIRE_OK)
		s->client->cb(s->client->arg, &(struct client_report){ .what = CLIENT_REPLY, .assoc = &s->assoc, .reply = &reply });
	if (s->assoc.have_stat && s->assoc.stat.when.ns != old_best.ns)
		glue_report(s->client, CLIENT_SAMPLE, s->assoc.stat.offset, &s->assoc);
}

void
source_arrival(const struct source *s, const struct datagram *d, struct arrival *in)
{
	struct client *c = s->client;
	struct clockread now;

	sysclock_read(c->clock, &now);
	*in = (struct arrival){ .buf = d->buf, .len = d->len, .generation = sysclock_generation(c->clock) };
	in->t4 = sysclock_at_host(c->clock, d->host);
	in->when = monotime_add(now.mono, -fmax(0, walltime_diff(now.host, d->host)));
	in->steered = sysclock_steered(c->clock, in->when);
	in->precision = log2_seconds(c->system.vars.precision);
	in->basedate = c->system.select.basedate;
	in->maxdisp = c->system.select.maxdisp;
	if (c->system.vars.leap != LEAP_UNSYNC)
		in->own_reftime = walltime_to_ntp(c->system.vars.reftime);
}

static void
take_datagram(struct source *s, const struct datagram *d, bool broadcast)
{
	struct monotime best = s->assoc.stat.when;
	uint32_t received = s->assoc.count.received;
	struct arrival in;
	struct assoc_out out;

	refine_sent(s);
	source_arrival(s, d, &in);
	if (broadcast)
		assoc_broadcast(&s->assoc, &in, &s->client->opts.modes.broadcast, &out);
	else
		assoc_receive(&s->assoc, &in, &out);
	if (s->assoc.count.received != received)
		report_reply(s, &in, best);
	source_act(s, &out);
}

bool
source_is_barred(struct source *s, const struct datagram *d)
{
	struct client *c = s->client;
	struct client_bar bar = { .word = NULL };
	char who[SOURCE_STR_MAX];

	if (c->opts.bar != NULL)
		bar = c->opts.bar(c->opts.send_arg, d, s->assoc.exchange.key != NULL);
	if (bar.word == NULL) {
		s->barred = false;
		return false;
	}
	c->barred++;
	s->assoc.flash |= FLASH_DENIED;
	if (bar.told && !s->barred)
		log_warnx("%s is shut out: its replies are dropped, as a restrict line with '%s' is for its address", source_str(s, who, sizeof(who)), bar.word);
	s->barred = s->barred || bar.told;
	return true;
}

void
source_hear(struct source *s, const struct datagram *d)
{
	uint32_t received = s->assoc.count.received;

	take_datagram(s, d, s->role == ROLE_BCLIENT);
	if (s->assoc.count.received != received)
		s->assoc.local = d->local;
}

void
source_failed(struct source *s, int err)
{
	char who[SOURCE_STR_MAX];
	struct assoc_out out;
	bool guest = s->role == ROLE_PASSIVE || s->role == ROLE_BCLIENT;
	unsigned held = 0;
	bool due = log_gate_open(&s->gate, monotime_now(), &held);

	if ((err != s->told_errno || due) && (!guest || glue_guest_line(s->client)))
		log_of(LOG_PEER_STATUS, "%s cannot be reached: %s", source_str(s, who, sizeof(who)), strerror(err));
	s->told_errno = err;
	assoc_failed(&s->assoc, monotime_now(), &out);
	source_act(s, &out);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct source *s = arg;
	struct client_io *io = &s->client->io;
	uint8_t buf[PACKET_MAX];
	struct datagram d;

	(void)what;
	io->wakeups++;
	for (unsigned n = 0; s->fd == fd; n++) {
		if (udp_receive(fd, &d, buf, sizeof(buf)) == -1) {
			if (errno != EAGAIN && errno != EINTR)
				source_failed(s, errno);
			else
				refine_sent(s);
			return;
		}
		io->reads++;
		io->goodwakeups += n == 0;
		if (d.len > 0 && d.len <= sizeof(buf) && !source_is_barred(s, &d))
			take_datagram(s, &d, false);
	}
}

static int
open_socket(struct source *s)
{
	struct udp_opts o = { .bind = { .family = s->assoc.addr.family }, .dscp = s->client->opts.dscp, .tx_stamps = true };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	source_close(s);
	s->fd = udp_open(&o);
	if (s->fd == -1 || udp_connect(s->fd, &s->assoc.addr) == -1)
		return -1;
	s->readable = event_new(s->client->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	if (s->readable == NULL || event_add(s->readable, NULL) == -1)
		return -1;
	if (getsockname(s->fd, (struct sockaddr *)&ss, &len) == -1 || !addr_from_sockaddr(&s->assoc.local, (struct sockaddr *)&ss))
		s->assoc.local.family = 0;
	return 0;
}

static void
send_as_peer(struct source *s, const struct assoc_out *out)
{
	struct assoc_out mine = *out;

	if (peers_speak(s, &mine) == -1)
		source_failed(s, errno);
}

/* A request leaves from a fresh port, which the kernel picks at random (RFC 9109). */
static void
send_request(struct source *s, const struct assoc_out *out)
{
	uint8_t pkt[REQUEST_MAX];
	struct datagram d = { .buf = pkt, .len = out->len };
	struct clockread now;

	memcpy(pkt, out->pkt, out->len);
	if (open_socket(s) == -1) {
		source_failed(s, errno);
		return;
	}
	sysclock_read(s->client->clock, &now);
	assoc_sent(&s->assoc, now.wall, sysclock_generation(s->client->clock));
	if (udp_send(s->fd, &d) == -1)
		source_failed(s, errno);
	else
		refine_sent(s);	/* it has usually left by now: taken here, its stamp wakes nobody */
}

static void
tell_kiss(const struct source *s, uint32_t kiss)
{
	char who[SOURCE_STR_MAX], code[5] = { (char)(kiss >> 24), (char)(kiss >> 16), (char)(kiss >> 8), (char)kiss, '\0' };
	const char *then = s->assoc.stopped ? "not asked any more" : "asked less often";

	source_str(s, who, sizeof(who));
	for (char *p = code; *p != '\0'; p++)
		*p = *p > ' ' && *p <= '~' ? *p : '.';
	if (kiss == REFID_RATE || s->assoc.stopped)
		log_of(LOG_PEER_STATUS, "%s sent kiss code %s: %s", who, code, then);
	else
		log_debug("%s sent kiss code %s", who, code);
}

static void
tell_event(const struct source *s, int event)
{
	char who[SOURCE_STR_MAX];

	if (event == PEVENT_REACHABLE)
		log_of(LOG_PEER_STATUS, "%s is reachable", source_str(s, who, sizeof(who)));
	else if (event == PEVENT_UNREACHABLE)
		log_of(LOG_PEER_STATUS, "%s is unreachable", source_str(s, who, sizeof(who)));
}

void
source_act(struct source *s, const struct assoc_out *out)
{
	if (out->kiss != 0)
		tell_kiss(s, out->kiss);
	for (int event = 0; out->events >> event != 0; event++) {
		if ((out->events >> event & 1) == 0)
			continue;
		tell_event(s, event);
		glue_event(s->client, event, &s->assoc);
	}
	if (out->what & ASSOC_CLOSE)
		source_close(s);
	glue_arm(s->due, out->wait);
	if (out->what & ASSOC_UPDATE)
		client_news(s->client);
	if (out->what & ASSOC_KEYS)
		keying_ask(s);
	if (out->what & ASSOC_RESOLVE && s->assoc.name[0] != '\0')
		naming_ask(s);
	if (out->what & ASSOC_DEMOBILIZE)
		source_remove(s);
	else if (out->what & ASSOC_SEND && assoc_speaks(&s->assoc))
		send_as_peer(s, out);
	else if (out->what & ASSOC_SEND)
		send_request(s, out);
}

/* Preemptible, of no use for a while, and more are there than are wanted? */
static bool
may_go(struct source *s)
{
	struct client *c = s->client;

	if (!s->assoc.opts.preempt && s->role != ROLE_MEMBER)
		return false;
	s->idle = s->assoc.tally >= TALLY_CANDIDATE ? 0 : s->idle + 1;
	return s->idle >= PREEMPT_POLLS && client_sources(c) > c->opts.select.maxclock;
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	char who[SOURCE_STR_MAX];
	struct source *s = arg;
	struct assoc_out out;

	(void)fd;
	(void)what;
	if (s->role == ROLE_BROADCAST) {
		broadcast_due(s);
		return;
	}
	if (s->role == ROLE_MANYCAST) {
		manycast_due(s);
		return;
	}
	if (may_go(s)) {
		log_of(LOG_PEER_STATUS, "%s is dropped: there are enough better ones", source_str(s, who, sizeof(who)));
		source_remove(s);
		return;
	}
	if (s->role == ROLE_CLOCK) {
		clock_due(s);
		return;
	}
	assoc_timer(&s->assoc, monotime_now(), dice_throw(), &out);
	source_act(s, &out);
}

/* Association ids are 16 bits, not 0, and start anywhere, so that an old one is not taken for a new one. */
static uint16_t
new_id(struct client *c)
{
	bool used;

	do {
		c->last_id++;
		used = c->last_id == 0;
		for (size_t i = 0; i < c->n && !used; i++)
			used = c->assoc[i]->id == c->last_id;
	} while (used);
	return c->last_id;
}

struct source *
source_new(struct client *c, enum source_role role, const char *name, const struct assoc_opts *o)
{
	struct source *s = c->n < SYSTEM_ASSOCS_MAX ? calloc(1, sizeof(*s)) : NULL;
	bool known = c->opts.have_freq || c->system.discipline.state == DISC_SYNC;
	double freq_var = known ? ESTIMATOR_FREQ_DRIFT : ESTIMATOR_FREQ_UNKNOWN;

	if (s == NULL)
		return NULL;
	s->client = c;
	s->role = role;
	s->fd = -1;
	s->due = evtimer_new(c->base, on_due, s);
	if (s->due == NULL) {
		free(s);
		return NULL;
	}
	assoc_init(&s->assoc, new_id(c), o, monotime_now(), START_SPREAD * (double)(c->n % 32), c->system.discipline.freq, freq_var);
	s->assoc.pollskew = &c->opts.modes.pollskew;
	s->assoc.configured = role == ROLE_SERVER || role == ROLE_CLOCK || client_is_prototype(s);
	if (role == ROLE_POOL)
		s->assoc.last.refid = REFID_POOL;
	snprintf(s->assoc.name, sizeof(s->assoc.name), "%s", name);
	c->source[c->n] = s;
	c->assoc[c->n++] = &s->assoc;
	return s;
}

void
source_free(struct source *s)
{
	source_close(s);
	keying_forget(s);
	if (s->query != NULL)
		resolver_cancel(s->query);
	if (s->ask_due != NULL)
		event_free(s->ask_due);
	event_free(s->due);
	free(s);
}

void
source_remove(struct source *s)
{
	struct client *c = s->client;

	for (size_t i = 0; i < c->n; i++) {
		if (c->source[i] != s)
			continue;
		memmove(&c->source[i], &c->source[i + 1], (c->n - i - 1) * sizeof(c->source[0]));
		memmove(&c->assoc[i], &c->assoc[i + 1], (c->n - i - 1) * sizeof(c->assoc[0]));
		c->n--;
		source_close(s);
		event_del(s->due);
		keying_forget(s);
		c->nts.sent += s->assoc.count.nts_sent;
		c->nts.good += s->assoc.count.nts_good;
		c->nts.bad += s->assoc.count.nts_bad;
		c->sent += s->assoc.count.sent;
		c->received += s->assoc.count.received;
		if (s->assoc.addr.family != 0)
			glue_report(c, CLIENT_ASSOC_REMOVED, 0, &s->assoc);
		s->next_dead = c->dead;
		c->dead = s;
		event_active(c->reap, EV_TIMEOUT, 0);
		client_news(c);
		naming_pool_wanted(c);
		return;
	}
}

void
source_set_key(struct source *s)
{
	const struct key *key = s->assoc.opts.key == 0 ? NULL : keys_find(s->client->opts.keys, s->assoc.opts.key);
	char who[SOURCE_STR_MAX];

	if (key != NULL && s->assoc.addr.family != 0 && !key_allows(key, &s->assoc.addr))
		key = NULL;
	assoc_set_key(&s->assoc, key);
	if (s->assoc.keyless && s->role != ROLE_POOL)
		log_warnx("%s is not asked: key %u is not there, not trusted, or not for this address", source_str(s, who, sizeof(who)), s->assoc.opts.key);
}

void
source_set_addr(struct source *s, const struct addr *a)
{
	bool had = s->assoc.addr.family != 0;
	struct assoc_out out;

	if (had && addr_same_host(s->assoc.opts.nts.on ? &s->keying.addr : &s->assoc.addr, a))
		return;
	if (had)
		glue_report(s->client, CLIENT_ASSOC_REMOVED, 0, &s->assoc);
	keying_forget(s);
	s->keying.addr = *a;
	assoc_set_addr(&s->assoc, a, monotime_now(), &out);
	source_set_key(s);
	if (s->assoc.keyless)
		out.wait = -1;
	glue_report(s->client, CLIENT_ASSOC_ADDED, 0, &s->assoc);
	source_act(s, &out);
}

const char *
source_str(const struct source *s, char *buf, size_t cap)
{
	char ip[ADDR_STR_MAX] = "no address yet";

	if (s->assoc.addr.family != 0)
		addr_str(&s->assoc.addr, ip, sizeof(ip));
	if (s->role == ROLE_CLOCK)
		snprintf(buf, cap, "%s", s->assoc.name);
	else if (s->assoc.name[0] == '\0')
		snprintf(buf, cap, "%s", ip);
	else
		snprintf(buf, cap, "%s (%s)", s->assoc.name, ip);
	return buf;
}
