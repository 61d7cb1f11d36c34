/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes connections to port 4460, within bounds, and gives keys and cookies. */
#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include "nts/keserver.h"

#define BACKLOG		64
#define ACCEPTS		16	/* taken in a row before the loop may look at anything else */
#define PAUSE		1	/* s without new ones where the system has no descriptor or memory left */

struct conn {
	struct keserver	*k;
	struct talk	*talk;
	struct addr	 peer;
	struct conn	*next;
};

struct keserver {
	struct event_base	*base;
	SSL_CTX			*ctx;
	struct warden		 warden;
	struct keserver_hooks	 hooks;
	int			 fd[2];
	struct event		*ready[2], *again;
	struct conn		*conns;
	size_t			 n;
	uint16_t		 port;		/* told to clients, or 0 */
	double			 tokens;
	struct monotime		 filled;
	struct keserver_counters count;
};

/* --- one connection ------------------------------------------------------------------------ */

static size_t
give_keys(struct keserver *k, struct talk *t, const struct ke_request *rq, uint8_t *out, size_t cap)
{
	struct cookie_keys keys = { .aead = rq->aead };
	struct talk_keys both;
	struct ke_answer a = { .aead = rq->aead, .port = k->port };
	bool ok = talk_export(t, rq->aead, &both);

	if (ok) {
		memcpy(keys.c2s, both.c2s, sizeof(keys.c2s));
		memcpy(keys.s2c, both.s2c, sizeof(keys.s2c));
		ok = warden_cookies(&k->warden, &keys, &a);
	}
	OPENSSL_cleanse(&keys, sizeof(keys));
	OPENSSL_cleanse(&both, sizeof(both));
	return ok ? ke_answer_build(rq, &a, out, cap) : ke_error_build(KE_INTERNAL, out, cap);
}

static size_t
answer(void *arg, struct talk *t, const uint8_t *msg, size_t len, uint8_t *out, size_t cap)
{
	struct conn *c = arg;
	struct ke_request rq;
	enum ke_error error;

	if (!ke_request_parse(&rq, msg, len, &error))
		return ke_error_build(error, out, cap);
	if (!rq.ntp || rq.aead == 0)
		return ke_answer_build(&rq, NULL, out, cap);
	return give_keys(c->k, t, &rq, out, cap);
}

static void
unlink_conn(struct conn *c)
{
	struct conn **at = &c->k->conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->k->n--;
}

static void
add_cost(struct keserver_sum *s, const struct talk_cost *c)
{
	s->n++;
	s->wall += c->wall;
	s->cpu += c->user + c->system;
}

static void
done(void *arg, struct talk *t, const char *why, const uint8_t *msg, size_t len)
{
	struct conn *c = arg;
	struct keserver *k = c->k;
	struct keserver_report r = { .peer = &c->peer, .why = why, .began = talk_began(t) };

	(void)msg;
	(void)len;
	talk_cost(t, &r.cost);
	add_cost(why == NULL ? &k->count.good : r.began ? &k->count.bad : &k->count.nossl, &r.cost);
	k->hooks.report(k->hooks.arg, &r);
	unlink_conn(c);
	free(c);
}

/* --- who is let in ------------------------------------------------------------------------- */

static bool
is_near(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 3 : 6) == 0;
}

static bool
has_token(struct keserver *k)
{
	struct monotime now = monotime_now();

	k->tokens += KESERVER_RATE * monotime_diff(now, k->filled);
	k->tokens = k->tokens > KESERVER_BURST ? KESERVER_BURST : k->tokens;
	k->filled = now;
	if (k->tokens < 1)
		return false;
	k->tokens--;
	return true;
}

static bool
is_welcome(struct keserver *k, const struct addr *peer)
{
	size_t near = 0;

	for (const struct conn *c = k->conns; c != NULL; c = c->next)
		near += is_near(&c->peer, peer);
	return k->warden.ring.n > 0 && k->n < KESERVER_TALKS && near < KESERVER_NEAR && k->hooks.may(k->hooks.arg, peer) && has_token(k);
}

static void
let_in(struct keserver *k, int fd, const struct addr *peer)
{
	struct conn *c = is_welcome(k, peer) ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL) {
		k->count.nossl.n++;
		close(fd);
		return;
	}
	*c = (struct conn){ .k = k, .peer = *peer, .next = k->conns };
	c->talk = talk_serve(k->base, k->ctx, fd, answer, done, c);
	if (c->talk == NULL) {
		free(c);
		return;
	}
	k->conns = c;
	k->n++;
}

/* Without descriptors to be had the socket would be readable for ever: it is left alone for a while. */
static void
pause_all(struct keserver *k)
{
	const struct timeval tv = { .tv_sec = PAUSE };

	for (size_t i = 0; i < 2; i++) {
		if (k->ready[i] != NULL)
			event_del(k->ready[i]);
	}
	event_add(k->again, &tv);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct keserver *k = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < 2; i++) {
		if (k->ready[i] != NULL)
			event_add(k->ready[i], NULL);
	}
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct keserver *k = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct addr peer;
		int conn = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (conn == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
			pause_all(k);
		if (conn == -1)
			return;
		if (addr_from_sockaddr(&peer, (struct sockaddr *)&ss))
			let_in(k, conn, &peer);
		else
			close(conn);
	}
}

/* --- life ---------------------------------------------------------------------------------- */

/* -1 with errno. */
static int
listen_on(int family)
{
	struct addr any = { .family = (uint8_t)family, .port = KE_PORT };
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&any, &ss);
	int one = 1, saved, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == 6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
open_socket(struct keserver *k, size_t i, int family, char why[static TLS_WHY_MAX])
{
	k->fd[i] = listen_on(family);
	if (k->fd[i] == -1 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		return true;	/* a kernel without that family */
	k->ready[i] = k->fd[i] == -1 ? NULL : event_new(k->base, k->fd[i], EV_READ | EV_PERSIST, on_ready, k);
	if (k->ready[i] != NULL && event_add(k->ready[i], NULL) == 0)
		return true;
	snprintf(why, TLS_WHY_MAX, "cannot listen on TCP port %d: %s", KE_PORT, strerror(errno));
	return false;
}

bool
keserver_reload(struct keserver *k, const struct nts_opts *o, char why[static TLS_WHY_MAX])
{
	SSL_CTX *ctx = tls_server(o, why);

	if (ctx == NULL)
		return false;
	SSL_CTX_free(k->ctx);	/* connections have a hold on theirs */
	k->ctx = ctx;
	return true;
}

struct keserver *
keserver_new(struct event_base *base, const struct nts_opts *o, bool ipv4, bool ipv6, const struct keserver_hooks *h, char why[static TLS_WHY_MAX])
{
	struct keserver *k = calloc(1, sizeof(*k));

	snprintf(why, TLS_WHY_MAX, "no memory");
	if (k == NULL)
		return NULL;
	*k = (struct keserver){ .base = base, .hooks = *h, .fd = { -1, -1 }, .tokens = KESERVER_BURST, .filled = monotime_now() };
	k->again = evtimer_new(base, on_again, k);
	if (k->again != NULL && warden_init(&k->warden) && keserver_reload(k, o, why) && (!ipv4 || open_socket(k, 0, 4, why)) && (!ipv6 || open_socket(k, 1, 6, why)))
		return k;
	keserver_free(k);
	return NULL;
}

void
keserver_free(struct keserver *k)
{
	if (k == NULL)
		return;
	for (struct conn *c = k->conns, *next; c != NULL; c = next) {
		next = c->next;
		talk_cancel(c->talk);
		free(c);
	}
	for (size_t i = 0; i < 2; i++) {
		if (k->ready[i] != NULL)
			event_free(k->ready[i]);
		if (k->fd[i] != -1)
			close(k->fd[i]);
	}
	if (k->again != NULL)
		event_free(k->again);
	SSL_CTX_free(k->ctx);
	warden_clear(&k->warden);
	free(k);
}

void
keserver_set_cookies(struct keserver *k, const struct cookie_ring *r)
{
	k->warden.ring = *r;
}

void
keserver_set_port(struct keserver *k, uint16_t port)
{
	k->port = port;
}

void
keserver_counters(const struct keserver *k, struct keserver_counters *out)
{
	*out = k->count;
	out->cookies = k->warden.count.cookie_make;
}
