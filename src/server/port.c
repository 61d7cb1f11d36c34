/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens and closes the sockets of one address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "port.h"

#define DROP_BUFFER	1	/* octets of receive buffer for a socket that is never read; the kernel raises it to its minimum */

void
port_free(struct port *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct lsock *s = &p->sock[i];

		if (s->fd == -1)
			continue;
		crew_run(s->m, serve_end, s);
		crew_forget(s->m, s->fd);
		close(s->fd);
	}
	free(p);
}

/* An address is taken by whoever has it, which sockets that share it would not notice. */
static bool
is_free(const struct addr *a)
{
	struct udp_opts o = { .bind = *a, .dscp = -1 };
	int fd = udp_open(&o);

	return fd != -1 && close(fd) == 0;
}

/* False with errno. */
static bool
port_open(struct port *p, int dscp, const struct steer_key *key)
{
	struct udp_opts o = { .bind = p->about.addr, .dscp = dscp, .lean = true, .reuse_port = p->n > 1 };

	if (o.reuse_port && !is_free(&o.bind))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		p->sock[i].fd = udp_open(&o);
		if (p->sock[i].fd == -1)
			return false;
		if (i == 0 && o.reuse_port && steer_attach(p->sock[i].fd, o.bind.family, (unsigned)p->n, key) == -1)
			return false;
	}
	return true;
}

/* False with errno. */
static bool
port_listen(struct port *p)
{
	int least = DROP_BUFFER;

	if (p->about.drop)
		return setsockopt(p->sock[0].fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) == 0;
	for (size_t i = 0; i < p->n; i++) {
		if (!crew_run(p->sock[i].m, serve_begin, &p->sock[i]))
			return false;
	}
	return true;
}

struct port *
port_new(struct crew *c, const struct want *want, int dscp)
{
	size_t n = want->drop ? 1 : c->n;
	struct port *p = calloc(1, sizeof(*p) + n * sizeof(p->sock[0]));
	int saved;

	if (p == NULL)
		return NULL;
	p->keep = true;
	p->n = n;
	for (size_t i = 0; i < n; i++)
		p->sock[i] = (struct lsock){ .m = c->member[i], .fd = -1 };
	p->about = (struct listener_socket){ .addr = want->addr, .drop = want->drop, .since = monotime_now() };
	memcpy(p->about.name, want->name, sizeof(p->about.name));
	if (!port_open(p, dscp, &c->steer) || !port_listen(p)) {
		saved = errno;
		port_free(p);
		errno = saved;
		return NULL;
	}
	return p;
}

struct listener_socket
port_about(const struct port *p)
{
	struct listener_socket about = p->about;

	for (size_t i = 0; i < p->n; i++) {
		const struct lsock *s = &p->sock[i];

		about.drops += s->fd == -1 ? 0 : udp_drops(s->fd);
		crew_lock(s->m);
		about.received += s->received;
		about.sent += s->sent;
		about.sendfailed += s->sendfailed;
		crew_unlock(s->m);
	}
	return about;
}

void
port_log_opened(const struct port *p)
{
	char buf[ADDR_STR_MAX];

	log_info("Listen %s on %u %s %s", p->about.drop ? "and drop" : "normally", p->about.id, p->about.name,
	    addr_port_str(&p->about.addr, buf, sizeof(buf)));
}

void
port_log_closed(const struct port *p)
{
	struct listener_socket s = port_about(p);
	char buf[ADDR_STR_MAX];

	log_info("Deleting interface #%u %s, %s, interface stats: received=%llu, sent=%llu, dropped=%llu, active_time=%.0f secs", s.id,
	    s.name, addr_port_str(&s.addr, buf, sizeof(buf)), (unsigned long long)s.received,
	    (unsigned long long)s.sent, (unsigned long long)s.sendfailed, monotime_diff(monotime_now(), s.since));
}

bool
port_again(struct port *p)
{
	bool ok = true;

	for (size_t i = 0; i < p->n; i++)
		ok = crew_run(p->sock[i].m, serve_again, &p->sock[i]) && ok;
	return ok;
}

void
port_mark(const struct port *p, int dscp)
{
	for (size_t i = 0; i < p->n; i++) {
		if (udp_set_dscp(p->sock[i].fd, p->about.addr.family, dscp) == -1)
			log_warn("cannot set DSCP %d on the socket of %s", dscp, p->about.name);
	}
}

bool
port_join(struct port *p, const struct addr *group)
{
	bool ok = true;

	for (size_t i = 0; i < p->n; i++)
		ok = udp_join(p->sock[i].fd, group) == 0 && ok;
	return ok;
}

int
port_send(struct port *p, const struct datagram *d, int ttl)
{
	struct lsock *s = &p->sock[0];
	int r = ttl > 0 ? udp_set_ttl(s->fd, d->peer.family, ttl) : 0, saved;

	if (r == 0)
		r = udp_send(s->fd, d);
	saved = errno;
	crew_lock(s->m);
	s->sent += r == 0;
	s->sendfailed += r != 0;
	crew_unlock(s->m);
	errno = saved;
	return r;
}
