/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's sockets: which there are, and what happens when one of them turns readable. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ntp.h"
#include "base/random.h"
#include "server/listener.h"
#include "worker.h"

#define BATCHES_MAX	16	/* taken in a row from one socket before the loop may look at anything else */
#define DROP_BUFFER	1	/* octets of receive buffer for a socket that is never read; the kernel raises it to its minimum */

const struct listener_opts listener_defaults = {
	.port = NTP_PORT,
	.dscp = 46,	/* expedited forwarding, ntpd's default */
	.ipv4 = true,
	.ipv6 = true,
	.monitor = true,
	.discard = { .average_log2 = 3, .minimum = 2, .monitor = 3000 },
	.mru = { .maxmem = 1024, .mindepth = 600, .maxage = 64, .initmem = 4, .incmem = 4 },
};

/* An address that is to have a socket. */
struct want {
	struct addr	addr;
	char		name[IF_NAMESIZE];
	bool		drop;
};

struct lsock {
	struct lsock		*next;
	struct listener		*l;
	struct event		*ev;	/* NULL where everything is dropped */
	int			 fd;
	bool			 keep;	/* still wanted */
	struct listener_socket	 about;
};

struct listener {
	struct event_base	*base;
	struct listener_opts	 o;
	struct lsock		*socks;
	unsigned		 next_id;
	bool			 missing4, missing6;	/* families the kernel does not have */
	struct want		*wants;			/* what the last scan asked for */
	size_t			 nwants;
	struct addr		*deaf;			/* broadcast addresses, and those a rule drops */
	struct log_gate		 open_gate, scan_gate;
	struct worker		 worker;
};

/* --- the packet path --- */

/* An event that cannot be added, for want of memory, is added at the next scan. */
static void
wait_on(struct lsock *s)
{
	unsigned held;

	if (s->ev != NULL && event_add(s->ev, NULL) == -1 && log_gate_open(&s->l->open_gate, monotime_now(), &held))
		log_warn("cannot wait on %s; trying again at the next scan", s->about.name);
}

static void
send_replies(struct lsock *s, size_t n)
{
	struct worker *w = &s->l->worker;

	for (size_t at = 0; at < n;) {
		int sent = udp_send_batch(s->fd, w->out + at, n - at);

		if (sent > 0) {
			w->counters.sent += (uint64_t)sent;
			s->about.sent += (uint64_t)sent;
			at += (size_t)sent;
		} else {	/* this one is lost: full buffers, or a destination the kernel refuses */
			w->counters.sendfailed++;
			s->about.sendfailed++;
			at++;
		}
	}
}

/* Takes one batch and answers it; how many datagrams there were, or -1 if none is left. */
static int
serve_batch(struct lsock *s)
{
	struct worker *w = &s->l->worker;
	int n = udp_receive_batch(s->fd, w->in, UDP_BATCH, PACKET_MAX);
	size_t replies;

	if (n == -1)	/* or it was an error kept for the socket, now gone */
		return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
	s->about.received += (uint64_t)n;
	replies = worker_answer(w, (size_t)n, s->fd, monotime_now());
	worker_stamp(w, replies, walltime_now());
	send_replies(s, replies);
	return n;
}

/*
 * While somebody waits on a socket, the kernel goes to wake him for each datagram that comes and for each that has left, though he is awake: a
 * few per cent of what a reply costs.  So under load the event is taken off the socket until the batches are through.  Adding it tells of what has come
 * meanwhile.
 */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lsock *s = arg;
	int n = serve_batch(s);
	bool busy = n == UDP_BATCH && event_del(s->ev) == 0;

	(void)fd;
	(void)what;
	for (int i = 1; i < BATCHES_MAX && (n == UDP_BATCH || n == 0); i++)
		n = serve_batch(s);
	if (busy)
		wait_on(s);
}

/* --- one socket --- */

static void
sock_free(struct lsock *s)
{
	if (s == NULL)
		return;
	if (s->ev != NULL)
		event_free(s->ev);
	if (s->fd != -1)
		close(s->fd);
	free(s);
}

static int
sock_listen(struct lsock *s)
{
	int least = DROP_BUFFER;

	if (s->about.drop)
		return setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	s->ev = event_new(s->l->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	return s->ev == NULL ? -1 : event_add(s->ev, NULL);
}

/* NULL with errno. */
static struct lsock *
sock_new(struct listener *l, const struct want *want)
{
	struct udp_opts o = { .bind = want->addr, .dscp = l->o.dscp, .lean = true };
	struct lsock *s = calloc(1, sizeof(*s));
	int saved;

	if (s == NULL)
		return NULL;
	s->l = l;
	s->keep = true;
	s->about = (struct listener_socket){ .addr = want->addr, .drop = want->drop, .since = monotime_now() };
	memcpy(s->about.name, want->name, sizeof(s->about.name));
	s->fd = udp_open(&o);
	if (s->fd == -1 || sock_listen(s) == -1) {
		saved = errno;
		sock_free(s);
		errno = saved;
		return NULL;
	}
	s->about.id = l->next_id++;
	s->next = l->socks;
	l->socks = s;
	return s;
}

static void
log_opened(const struct lsock *s)
{
	char buf[ADDR_STR_MAX];

	log_info("Listen %s on %u %s %s", s->about.drop ? "and drop" : "normally", s->about.id, s->about.name,
	    addr_port_str(&s->about.addr, buf, sizeof(buf)));
}

static void
log_closed(const struct lsock *s)
{
	char buf[ADDR_STR_MAX];

	log_info("Deleting interface #%u %s, %s, interface stats: received=%llu, sent=%llu, dropped=%llu, active_time=%.0f secs", s->about.id,
	    s->about.name, addr_port_str(&s->about.addr, buf, sizeof(buf)), (unsigned long long)s->about.received,
	    (unsigned long long)s->about.sent, (unsigned long long)s->about.sendfailed, monotime_diff(monotime_now(), s->about.since));
}

/* --- which sockets there should be --- */

static void
wildcard(struct iface *out, int family)
{
	*out = (struct iface){ .addr.family = (uint8_t)family };
	memcpy(out->name, family == 4 ? "v4wildcard" : "v6wildcard", sizeof("v4wildcard"));
}

/* One socket for all addresses of the family?  Without rules yes; with them only if they ask for it. */
static bool
wants_wildcard(const struct listener *l, int family)
{
	struct iface any;

	wildcard(&any, family);
	return l->o.nrules == 0 || ifaces_decide(&any, l->o.rules, l->o.nrules) == IFACE_LISTEN;
}

static bool
serves(const struct listener *l, int family)
{
	return family == 4 ? l->o.ipv4 : l->o.ipv6;
}

static void
want_add(struct listener *l, const struct iface *i, bool drop)
{
	struct want *w = &l->wants[l->nwants++];

	*w = (struct want){ .addr = i->addr, .drop = drop };
	w->addr.port = l->o.port;
	memcpy(w->name, i->name, sizeof(w->name));
}

static void
deaf_add(struct listener *l, const struct addr *a)
{
	if (a->family != 0)
		l->deaf[l->worker.ndeaf++] = *a;
}

/* What one address of ours asks for.  Where a wildcard socket hears it all the same, dropping is done by its address. */
static void
want_iface(struct listener *l, const struct iface *i)
{
	enum iface_action action = l->o.nrules == 0 ? IFACE_LISTEN : ifaces_decide(i, l->o.rules, l->o.nrules);

	deaf_add(l, &i->bcast);
	if (!serves(l, i->addr.family))
		return;
	if (!wants_wildcard(l, i->addr.family)) {
		if (action != IFACE_IGNORE)
			want_add(l, i, action == IFACE_DROP);
	} else if (action == IFACE_DROP)
		deaf_add(l, &i->addr);
}

static int
tell_restrict(struct listener *l, const struct iface ifs[], size_t n)
{
	struct addr *own = calloc(n + 1, sizeof(*own));
	int r;

	if (own == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		own[i] = ifs[i].addr;
	r = restrict_interfaces(l->worker.restricts, own, n);
	free(own);
	return r;
}

/* Looks at the addresses there are and fills wants and deaf.  -1 with errno: nothing changed. */
static int
plan(struct listener *l)
{
	struct iface *ifs = NULL, any;
	struct want *wants = NULL;
	struct addr *deaf = NULL;
	int n = ifaces_scan(&ifs), r = -1;

	if (n == -1)
		return -1;
	wants = calloc((size_t)n + 2, sizeof(*wants));
	deaf = calloc(2 * (size_t)n + 1, sizeof(*deaf));
	if (wants == NULL || deaf == NULL || tell_restrict(l, ifs, (size_t)n) == -1)
		goto out;
	free(l->wants);
	free(l->deaf);
	l->wants = wants;
	l->worker.deaf = l->deaf = deaf;
	l->nwants = l->worker.ndeaf = 0;
	wants = NULL;
	deaf = NULL;
	for (int family = 4; family <= 6; family += 2) {
		wildcard(&any, family);
		if (serves(l, family) && wants_wildcard(l, family))
			want_add(l, &any, false);
	}
	for (int i = 0; i < n; i++)
		want_iface(l, &ifs[i]);
	r = 0;
out:
	free(wants);
	free(deaf);
	free(ifs);
	return r;
}

static struct lsock *
find_sock(const struct listener *l, const struct want *w)
{
	for (struct lsock *s = l->socks; s != NULL; s = s->next)
		if (addr_equal(&s->about.addr, &w->addr) && s->about.addr.scope == w->addr.scope && s->about.drop == w->drop)
			return s;
	return NULL;
}

/* Closes what is not wanted any more, or everything. */
static void
close_sockets(struct listener *l, bool all)
{
	struct lsock **at = &l->socks, *s;

	for (s = l->socks; s != NULL; s = s->next)
		s->keep = false;
	for (size_t i = 0; !all && i < l->nwants; i++)
		if ((s = find_sock(l, &l->wants[i])) != NULL)
			s->keep = true;
	while ((s = *at) != NULL) {
		if (s->keep) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		log_closed(s);
		sock_free(s);
	}
}

/* --- opening, at start and later --- */

/* The kernel has no such family at all: nothing to complain about more than once. */
static bool
family_missing(struct listener *l, const struct want *w, int err)
{
	bool *missing = w->addr.family == 4 ? &l->missing4 : &l->missing6;

	if (!addr_is_any(&w->addr) || (err != EAFNOSUPPORT && err != EADDRNOTAVAIL))
		return false;
	if (!*missing)
		log_info("no %s on this machine, so it is not served", w->addr.family == 4 ? "IPv4" : "IPv6");
	*missing = true;
	return true;
}

static void
say_why(const struct want *w, int err, char why[static LISTENER_WHY_MAX])
{
	char buf[ADDR_STR_MAX];

	snprintf(why, LISTENER_WHY_MAX, "cannot listen on %s: %s%s", addr_port_str(&w->addr, buf, sizeof(buf)), strerror(err),
	    err == EADDRINUSE ? " (is another time daemon running?)" : err == EACCES ? " (ports below 1024 need CAP_NET_BIND_SERVICE)" : "");
}

/*
 * Opens what is wanted and not there.  False if something is in the way that will not go away by itself, such as another daemon; why then says what.  An
 * address that is not quite there yet is left for the next scan.
 */
static bool
open_sockets(struct listener *l, char why[static LISTENER_WHY_MAX])
{
	bool ok = true;

	for (size_t i = 0; i < l->nwants; i++) {
		const struct want *w = &l->wants[i];
		struct lsock *s;

		if (find_sock(l, w) != NULL)
			continue;
		s = sock_new(l, w);
		if (s != NULL)
			log_opened(s);
		else if (!family_missing(l, w, errno) && errno != EADDRNOTAVAIL && ok) {
			say_why(w, errno, why);
			ok = false;
		}
	}
	return ok;
}

static struct mru *
make_mru(const struct listener_opts *o)
{
	struct mru_key key = { { random_u64(), random_u64() } };

	return mru_new(&o->mru, &key);
}

static bool
needs_mru(const struct listener *l, const struct listener_opts *o)
{
	return o->monitor || restrict_uses(l->worker.restricts, RESTRICT_LIMITED);
}

struct listener *
listener_new(struct event_base *base, const struct listener_opts *o, struct restrict_list *restricts, listener_control_cb *control,
    void *control_arg, char why[static LISTENER_WHY_MAX])
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		goto failed;
	l->base = base;
	l->o = *o;
	worker_init(&l->worker);
	sysvars_init(&l->worker.sys, 0);
	l->worker.restricts = restricts;
	l->worker.discard = o->discard;
	l->worker.keys = o->keys;
	l->worker.dice = random_u64();
	l->worker.control = control;
	l->worker.control_arg = control_arg;
	if (needs_mru(l, o) && (l->worker.mru = make_mru(o)) == NULL)
		goto failed;
	if (plan(l) == -1)
		goto failed;
	if (open_sockets(l, why))
		return l;
	listener_free(l);
	return NULL;
failed:
	snprintf(why, LISTENER_WHY_MAX, "cannot start the server: %s", strerror(errno));
	listener_free(l);
	return NULL;
}

void
listener_free(struct listener *l)
{
	struct lsock *s;

	if (l == NULL)
		return;
	while ((s = l->socks) != NULL) {
		l->socks = s->next;
		sock_free(s);
	}
	mru_free(l->worker.mru);
	free(l->wants);
	free(l->deaf);
	free(l);
}

void
listener_publish(struct listener *l, const struct sysvars *sys, const struct clockmap *map)
{
	l->worker.sys = *sys;
	l->worker.map = *map;
}

void
listener_rescan(struct listener *l)
{
	char why[LISTENER_WHY_MAX];
	unsigned held;

	if (plan(l) == -1) {
		if (log_gate_open(&l->scan_gate, monotime_now(), &held))
			log_warn("cannot look for interface addresses, so the sockets stay as they are");
		return;
	}
	close_sockets(l, false);
	for (struct lsock *s = l->socks; s != NULL; s = s->next)
		wait_on(s);
	if (!open_sockets(l, why) && log_gate_open(&l->open_gate, monotime_now(), &held))
		log_warnx("%s; trying again at the next scan", why);
}

int
listener_reconfigure(struct listener *l, const struct listener_opts *o)
{
	bool same = memcmp(&l->o.mru, &o->mru, sizeof(o->mru)) == 0;
	struct mru *m = NULL;

	if (needs_mru(l, o)) {
		m = same ? l->worker.mru : NULL;
		if (m == NULL && (m = make_mru(o)) == NULL)
			return -1;
	}
	if (m != l->worker.mru)
		mru_free(l->worker.mru);
	l->worker.mru = m;
	l->worker.discard = o->discard;
	l->worker.keys = o->keys;
	if (l->o.dscp != o->dscp)
		close_sockets(l, true);
	l->o = *o;
	listener_rescan(l);
	return 0;
}

void
listener_counters(const struct listener *l, struct server_counters *sum)
{
	*sum = (struct server_counters){ 0 };
	server_counters_add(sum, &l->worker.counters);
}

const struct mru *
listener_mru(const struct listener *l)
{
	return l->worker.mru;
}

const struct discard_opts *
listener_discard(const struct listener *l)
{
	return &l->worker.discard;
}

size_t
listener_sockets(const struct listener *l, struct listener_socket out[], size_t cap)
{
	size_t n = 0;

	for (const struct lsock *s = l->socks; s != NULL; s = s->next, n++)
		if (n < cap)
			out[n] = s->about;
	return n;
}
