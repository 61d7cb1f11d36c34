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
#include "port.h"
#include "tables.h"

const struct listener_opts listener_defaults = {
	.port = NTP_PORT,
	.workers = 1,
	.dscp = 46,	/* expedited forwarding, ntpd's default */
	.ipv4 = true,
	.ipv6 = true,
	.monitor = true,
	.discard = { .average_log2 = 3, .minimum = 2, .monitor = 3000, .rate = 1, .burst = 20, .kod = 0.5 },
	.mru = { .maxmem = 1024, .mindepth = 600, .maxage = 64, .initmem = 4, .incmem = 4 },
};

struct listener {
	struct event_base	*base;
	struct listener_opts	 o;
	struct crew		*crew;
	struct restrict_list	*restricts;
	struct port		*ports;
	unsigned		 next_id;
	bool			 missing4, missing6;	/* families the kernel does not have */
	struct want		*wants;			/* what the last scan asked for */
	size_t			 nwants;
	struct addr		*deaf;			/* broadcast addresses, and those a rule drops */
	size_t			 ndeaf;
	struct addr		*bcast;			/* broadcast addresses of networks that are listened on */
	size_t			 nbcast;
	struct listener_interest interest;
	uint64_t		 drops_gone;		/* of sockets that are closed */
	struct log_gate		 open_gate, scan_gate, table_gate, join_gate;
};

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
want_port(struct listener *l, const struct iface *i, uint16_t port, bool drop)
{
	struct want *w = &l->wants[l->nwants++];

	*w = (struct want){ .addr = i->addr, .drop = drop };
	w->addr.port = port;
	memcpy(w->name, i->name, sizeof(w->name));
}

/* An address of ours, or all of them. */
static void
want_add(struct listener *l, const struct iface *i, bool drop)
{
	want_port(l, i, l->o.port, drop);
	if (l->o.extra_port != 0)
		want_port(l, i, l->o.extra_port, drop);
}

static void
deaf_add(struct listener *l, const struct addr *a)
{
	if (a->family != 0)
		l->deaf[l->ndeaf++] = *a;
}

/* A socket for one address of ours does not hear broadcasts: they need one of their own. */
static void
want_broadcasts(struct listener *l, const struct iface *i)
{
	struct iface all = *i;

	l->bcast[l->nbcast++] = i->bcast;
	all.addr = i->bcast;
	if (l->interest.broadcasts && !wants_wildcard(l, 4))
		want_port(l, &all, l->o.port, false);
}

/* Likewise a group. */
static void
want_groups(struct listener *l)
{
	struct iface i = { .name = "multicast" };

	for (size_t g = 0; g < l->interest.ngroups; g++) {
		i.addr = l->interest.group[g];
		if (serves(l, i.addr.family) && !wants_wildcard(l, i.addr.family))
			want_port(l, &i, l->o.port, false);
	}
}

/* What one address of ours asks for.  Where a wildcard socket hears it all the same, dropping is done by its address. */
static void
want_iface(struct listener *l, const struct iface *i)
{
	enum iface_action action = l->o.nrules == 0 ? IFACE_LISTEN : ifaces_decide(i, l->o.rules, l->o.nrules);

	deaf_add(l, &i->bcast);
	if (!serves(l, i->addr.family))
		return;
	if (action == IFACE_LISTEN && i->bcast.family != 0)
		want_broadcasts(l, i);
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
	r = restrict_interfaces(l->restricts, own, n);
	free(own);
	return r;
}

/* From now on the workers have these lists; the old ones are not looked at any more. */
static void
hand_out(struct listener *l)
{
	for (size_t i = 0; i < l->crew->n; i++) {
		struct member *m = l->crew->member[i];

		crew_lock(m);
		m->worker.deaf = l->deaf;
		m->worker.ndeaf = l->ndeaf;
		m->worker.bcast = l->bcast;
		m->worker.nbcast = l->nbcast;
		m->worker.interest = l->interest;
		crew_unlock(m);
	}
}

static void
fill(struct listener *l, const struct iface ifs[], size_t n)
{
	struct iface any;

	l->nwants = l->ndeaf = l->nbcast = 0;
	for (int family = 4; family <= 6; family += 2) {
		wildcard(&any, family);
		if (serves(l, family) && wants_wildcard(l, family))
			want_add(l, &any, false);
	}
	for (size_t i = 0; i < n; i++)
		want_iface(l, &ifs[i]);
	want_groups(l);
}

/* Looks at the addresses there are and fills wants and deaf.  -1 with errno: nothing changed. */
static int
plan(struct listener *l)
{
	struct iface *ifs = NULL;
	struct want *wants = NULL;
	struct addr *deaf = NULL, *bcast = NULL, *old, *old_bcast;
	int n = ifaces_scan(&ifs), r = -1;

	if (n == -1)
		return -1;
	wants = calloc(3 * (size_t)n + 4 + LISTENER_GROUPS_MAX, sizeof(*wants));
	deaf = calloc(2 * (size_t)n + 1, sizeof(*deaf));
	bcast = calloc((size_t)n + 1, sizeof(*bcast));
	if (wants == NULL || deaf == NULL || bcast == NULL || tell_restrict(l, ifs, (size_t)n) == -1)
		goto out;
	free(l->wants);
	old = l->deaf;
	old_bcast = l->bcast;
	l->wants = wants;
	l->deaf = deaf;
	l->bcast = bcast;
	wants = NULL;
	deaf = bcast = NULL;
	fill(l, ifs, (size_t)n);
	hand_out(l);
	free(old);
	free(old_bcast);
	r = 0;
out:
	free(wants);
	free(deaf);
	free(bcast);
	free(ifs);
	return r;
}

static struct port *
find_port(const struct listener *l, const struct want *w)
{
	for (struct port *p = l->ports; p != NULL; p = p->next)
		if (addr_equal(&p->about.addr, &w->addr) && p->about.addr.scope == w->addr.scope && p->about.drop == w->drop)
			return p;
	return NULL;
}

/* Closes what is not wanted any more. */
static void
close_ports(struct listener *l)
{
	struct port **at = &l->ports, *p;

	for (p = l->ports; p != NULL; p = p->next)
		p->keep = false;
	for (size_t i = 0; i < l->nwants; i++)
		if ((p = find_port(l, &l->wants[i])) != NULL)
			p->keep = true;
	while ((p = *at) != NULL) {
		if (p->keep) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		l->drops_gone += p->about.drop ? 0 : port_about(p).drops;
		port_log_closed(p);
		port_free(p);
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
open_ports(struct listener *l, char why[static LISTENER_WHY_MAX])
{
	bool ok = true;

	for (size_t i = 0; i < l->nwants; i++) {
		const struct want *w = &l->wants[i];
		struct port *p;

		if (find_port(l, w) != NULL)
			continue;
		p = port_new(l->crew, w, l->o.dscp);
		if (p != NULL) {
			p->about.id = l->next_id++;
			p->next = l->ports;
			l->ports = p;
			port_log_opened(p);
		} else if (!family_missing(l, w, errno) && errno != EADDRNOTAVAIL && ok) {
			say_why(w, errno, why);
			ok = false;
		}
	}
	return ok;
}

/* --- the whole --- */

/* Can the kernel be told which worker gets a datagram? */
static bool
can_steer(const struct listener *l)
{
	struct udp_opts o = { .bind = { .family = l->o.ipv4 ? 4 : 6 }, .dscp = -1, .reuse_port = true };
	int fd = udp_open(&o);
	bool ok = fd != -1 && steer_attach(fd, o.bind.family, 2, &(struct steer_key){ { 0 } }) == 0;

	if (fd != -1)
		close(fd);
	return ok;
}

static size_t
workers(struct listener *l)
{
	size_t n = l->o.workers < 1 ? 1 : l->o.workers > LISTENER_WORKERS_MAX ? LISTENER_WORKERS_MAX : l->o.workers;

	if (n > 1 && !can_steer(l)) {
		log_warn("workers %zu: the kernel cannot steer clients to workers, so there is one", n);
		n = 1;
	}
	return n;
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
	l->restricts = restricts;
	l->crew = crew_new(base, workers(l), control, control_arg);
	if (l->crew == NULL || tables_set(l->crew, o, NULL, restricts) == -1)
		goto failed;
	for (size_t i = 0; i < l->crew->n; i++)
		l->crew->member[i]->worker.dice = random_u64();
	if (plan(l) == -1 || tables_restrict(l->crew, restricts) == -1)
		goto failed;
	if (open_ports(l, why))
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
	struct port *p;

	if (l == NULL)
		return;
	crew_stop(l->crew);
	while ((p = l->ports) != NULL) {
		l->ports = p->next;
		port_free(p);
	}
	if (l->crew != NULL)
		tables_free(l->crew);
	crew_free(l->crew);
	free(l->wants);
	free(l->deaf);
	free(l->bcast);
	free(l);
}

int
listener_start(struct listener *l)
{
	return crew_start(l->crew);
}

void
listener_publish(struct listener *l, const struct sysvars *sys, const struct clockmap *map)
{
	crew_publish(l->crew, sys, map);
}

void
listener_follow(struct listener *l)
{
	unsigned held;

	if (tables_restrict(l->crew, l->restricts) == -1 && log_gate_open(&l->table_gate, monotime_now(), &held))
		log_warn("the restrict list cannot be copied, so some workers go on with the old one");
}

static void
warn_open(struct listener *l, const char *why)
{
	unsigned held;

	if (log_gate_open(&l->open_gate, monotime_now(), &held))
		log_warnx("%s; trying again at the next scan", why);
}

/* Joins the groups on whatever sockets hear them. */
static void
join_groups(struct listener *l)
{
	const struct listener_interest *in = &l->interest;
	char buf[ADDR_STR_MAX];
	unsigned held;

	for (struct port *p = l->ports; p != NULL; p = p->next) {
		for (size_t g = 0; g < in->ngroups && p->about.addr.port == l->o.port; g++) {
			if (p->about.drop || in->group[g].family != p->about.addr.family)
				continue;
			if (!addr_is_any(&p->about.addr) && !addr_same_host(&p->about.addr, &in->group[g]))
				continue;
			if (!port_join(p, &in->group[g]) && log_gate_open(&l->join_gate, monotime_now(), &held))
				log_warn("cannot join the group %s", addr_str(&in->group[g], buf, sizeof(buf)));
		}
	}
}

static bool
same_places(const struct listener_interest *a, const struct listener_interest *b)
{
	if (a->broadcasts != b->broadcasts || a->ngroups != b->ngroups)
		return false;
	for (size_t i = 0; i < a->ngroups; i++)
		if (!addr_same_host(&a->group[i], &b->group[i]))
			return false;
	return true;
}

void
listener_interest(struct listener *l, const struct listener_interest *i)
{
	bool same = same_places(&l->interest, i);

	l->interest = *i;
	if (same)
		hand_out(l);
	else
		listener_rescan(l);
}

/* The port that d can leave by: that of its local address, or the one for all addresses. */
static struct port *
way_out(const struct listener *l, const struct datagram *d)
{
	uint16_t port = d->local.port != 0 ? d->local.port : l->o.port;

	for (struct port *p = l->ports; p != NULL; p = p->next) {
		if (p->about.drop || p->about.addr.family != d->peer.family || p->about.addr.port != port)
			continue;
		if (addr_is_any(&p->about.addr) || (d->local.family != 0 && addr_same_host(&p->about.addr, &d->local)))
			return p;
	}
	return NULL;
}

int
listener_send(struct listener *l, const struct datagram *d, int ttl)
{
	struct datagram mine = *d;
	struct port *p = way_out(l, &mine);

	/* With a socket for each address the route has to be known first. */
	if (p == NULL && mine.local.family == 0 && udp_route(&d->peer, &mine.local) == 0) {
		mine.local.port = d->local.port;
		p = way_out(l, &mine);
	}
	if (p != NULL)
		return port_send(p, &mine, ttl);
	errno = EADDRNOTAVAIL;
	return -1;
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
	listener_follow(l);
	close_ports(l);
	for (struct port *p = l->ports; p != NULL; p = p->next) {
		if (!port_again(p))
			warn_open(l, "cannot wait on a socket");
	}
	if (!open_ports(l, why))
		warn_open(l, why);
	join_groups(l);
}

int
listener_reconfigure(struct listener *l, const struct listener_opts *o)
{
	if (tables_set(l->crew, o, &l->o, l->restricts) == -1)
		return -1;
	for (struct port *p = l->ports; p != NULL && l->o.dscp != o->dscp; p = p->next)
		port_mark(p, o->dscp < 0 ? 0 : o->dscp);
	l->o = *o;
	listener_rescan(l);
	return 0;
}

void
listener_counters(const struct listener *l, struct server_counters *sum)
{
	*sum = (struct server_counters){ 0 };
	for (size_t i = 0; i < l->crew->n; i++) {
		struct member *m = l->crew->member[i];

		crew_lock(m);
		server_counters_add(sum, &m->worker.counters);
		keys_collect(l->o.keys, m->worker.own_keys);
		crew_unlock(m);
	}
}

uint64_t
listener_drops(const struct listener *l)
{
	uint64_t sum = l->drops_gone;

	for (const struct port *p = l->ports; p != NULL; p = p->next)
		sum += p->about.drop ? 0 : port_about(p).drops;
	return sum;
}

void
listener_mrus(const struct listener *l, struct mrus *out)
{
	out->n = l->crew->member[0]->worker.mru == NULL ? 0 : l->crew->n;
	for (size_t i = 0; i < out->n; i++)
		out->list[i] = l->crew->member[i]->worker.mru;
}

void
listener_hold(struct listener *l, bool on)
{
	for (size_t i = 0; i < l->crew->n; i++) {
		if (on)
			crew_lock(l->crew->member[i]);
		else
			crew_unlock(l->crew->member[i]);
	}
}

void
listener_mru_stats(const struct listener *l, struct mru_stats *out)
{
	struct mrus all;

	listener_mrus(l, &all);
	for (size_t i = 0; i < all.n; i++)
		crew_lock(l->crew->member[i]);
	mrus_get_stats(&all, out);
	for (size_t i = 0; i < all.n; i++)
		crew_unlock(l->crew->member[i]);
}

unsigned
listener_workers(const struct listener *l)
{
	return (unsigned)l->crew->n;
}

size_t
listener_sockets(const struct listener *l, struct listener_socket out[], size_t cap)
{
	size_t n = 0;

	for (const struct port *p = l->ports; p != NULL; p = p->next, n++)
		if (n < cap)
			out[n] = port_about(p);
	return n;
}

int
listener_set_cookies(struct listener *l, const struct cookie_ring *r)
{
	return tables_cookies(l->crew, r);
}

void
listener_warden(const struct listener *l, struct warden_counters *sum)
{
	tables_warden(l->crew, sum);
}
