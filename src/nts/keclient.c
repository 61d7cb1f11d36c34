/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's key exchanges: connections to port 4460 and what comes of them. */
#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nts/keclient.h"

#define CONTEXTS	8	/* places of trusted certificates that are kept read */

struct keclient {
	struct event_base	*base;
	struct nts_opts		 opts;
	struct { char ca[NTS_PATH_MAX]; SSL_CTX *ctx; } context[CONTEXTS];
	size_t			 next;		/* to be replaced */
	struct keclient_counters count;
};

struct ke_query {
	struct keclient	*k;
	struct talk	*talk;		/* NULL: it did not come to that */
	struct event	*soon;		/* tells of a failure from the loop */
	uint16_t	 aead;
	bool		 noval;
	char		 why[TLS_WHY_MAX];
	ke_query_cb	*cb;
	void		*arg;
};

struct keclient *
keclient_new(struct event_base *base, const struct nts_opts *o)
{
	struct keclient *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->base = base;
	k->opts = *o;
	return k;
}

static void
forget_contexts(struct keclient *k)
{
	for (size_t i = 0; i < CONTEXTS; i++) {
		SSL_CTX_free(k->context[i].ctx);
		k->context[i].ctx = NULL;
	}
}

void
keclient_free(struct keclient *k)
{
	if (k == NULL)
		return;
	forget_contexts(k);
	free(k);
}

void
keclient_configure(struct keclient *k, const struct nts_opts *o)
{
	forget_contexts(k);
	k->opts = *o;
}

/* The context that trusts these certificates; reading them takes a while, so it is done once. */
static SSL_CTX *
context(struct keclient *k, const char *ca, char why[static TLS_WHY_MAX])
{
	size_t i;

	for (i = 0; i < CONTEXTS; i++) {
		if (k->context[i].ctx != NULL && strcmp(k->context[i].ca, ca) == 0)
			return k->context[i].ctx;
	}
	i = k->next++ % CONTEXTS;
	SSL_CTX_free(k->context[i].ctx);
	k->context[i].ctx = tls_client(&k->opts, ca, why);
	snprintf(k->context[i].ca, sizeof(k->context[i].ca), "%s", ca);
	return k->context[i].ctx;
}

bool
keclient_prepare(struct keclient *k)
{
	char why[TLS_WHY_MAX];

	OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	/* What is wrong with it is told when it is used. */
	(void)context(k, k->opts.ca, why);
	return true;
}

void
ke_query_cancel(struct ke_query *q)
{
	if (q == NULL)
		return;
	talk_cancel(q->talk);
	if (q->soon != NULL)
		event_free(q->soon);
	free(q);
}

/* The query is gone when the callee hears of it. */
static void
tell(struct ke_query *q, struct ke_outcome *out)
{
	struct ke_query mine = *q;

	if (out->why == NULL)
		q->k->count.probes_good++;
	else
		q->k->count.probes_bad++;
	if (out->why == q->why)
		out->why = mine.why;
	if (q->soon != NULL)
		event_free(q->soon);
	free(q);
	mine.cb(mine.arg, out);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct ke_query *q = arg;

	(void)fd;
	(void)what;
	tell(q, &(struct ke_outcome){ .why = q->why });
}

/* The keys of what has been agreed upon. */
static struct shield *
open_shield(struct ke_query *q, struct talk *t, const struct ke_answer *a)
{
	struct talk_keys keys;
	struct shield *s = talk_export(t, a->aead, &keys) ? shield_new(a, keys.c2s, keys.s2c) : NULL;

	OPENSSL_cleanse(&keys, sizeof(keys));
	if (s != NULL && !q->noval && !talk_validity(t, &s->not_before, &s->not_after))
		s->not_before.ns = s->not_after.ns = 0;
	return s;
}

static void
on_done(void *arg, struct talk *t, const char *why, const uint8_t *msg, size_t len)
{
	struct ke_query *q = arg;
	struct ke_outcome out = { .why = why };
	struct ke_answer a;
	enum ke_fault f = KE_FAULT_NONE;

	talk_cost(t, &out.cost);
	if (why == NULL)
		f = ke_answer_parse(&a, q->aead, msg, len);
	if (f != KE_FAULT_NONE)
		out.why = ke_fault_str(f);
	if (out.why == NULL) {
		out.answer = &a;
		out.shield = open_shield(q, t, &a);
		if (out.shield == NULL)
			out.why = "no keys could be made";
	}
	q->talk = NULL;
	tell(q, &out);
	OPENSSL_cleanse(&a, sizeof(a));
}

/* A connection under way, or -1 with errno. */
static int
dial(const struct addr *to)
{
	struct sockaddr_storage ss;
	struct addr a = *to;
	socklen_t len;
	int fd, saved;

	a.port = KE_PORT;
	len = addr_to_sockaddr(&a, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
begin(struct ke_query *q, const struct ke_wish *w)
{
	SSL_CTX *ctx = context(q->k, w->ca[0] != '\0' ? w->ca : q->k->opts.ca, q->why);
	uint8_t msg[KE_REQUEST_MAX];
	size_t len = ke_request_build(q->aead, msg, sizeof(msg));
	int fd;

	if (ctx == NULL)
		return false;
	fd = dial(&w->addr);
	q->talk = fd == -1 ? NULL : talk_ask(q->k->base, ctx, fd, w->host, w->noval, w->now, msg, len, on_done, q);
	if (q->talk == NULL)
		snprintf(q->why, sizeof(q->why), "%s", strerror(errno));
	return q->talk != NULL;
}

/* By name, as a line has it; none is the one that everybody knows. */
static uint16_t
choose(const char *name)
{
	uint16_t aead = siv_by_name(name);

	return aead != 0 ? aead : AEAD_SIV_256;
}

struct ke_query *
keclient_ask(struct keclient *k, const struct ke_wish *w, ke_query_cb *cb, void *arg)
{
	struct ke_query *q = calloc(1, sizeof(*q));
	const struct timeval now = { 0 };

	if (q == NULL)
		return NULL;
	*q = (struct ke_query){ .k = k, .aead = choose(w->aead[0] != '\0' ? w->aead : k->opts.aead), .noval = w->noval, .cb = cb, .arg = arg };
	if (begin(q, w))
		return q;
	q->soon = evtimer_new(k->base, on_soon, q);
	if (q->soon == NULL || event_add(q->soon, &now) == -1) {
		ke_query_cancel(q);
		return NULL;
	}
	return q;
}

void
keclient_counters(const struct keclient *k, struct keclient_counters *out)
{
	*out = k->count;
}
