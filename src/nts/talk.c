/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection on the loop: handshake, message, message, end. */
#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "nts/tls.h"

enum state { SHAKE, WRITE, READ };

struct talk {
	struct event_base	*base;
	SSL			*ssl;
	int			 fd;
	struct event		*ready, *deadline;
	bool			 server, began;
	enum state		 state;
	uint8_t			*in, *out;
	size_t			 in_cap, in_len, out_len, out_at;
	talk_answer		*answer;
	talk_done		*done;
	void			*arg;
	struct monotime		 start;
	struct talk_cost	 cost;	/* of the processor, so far */
};

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static void
add_usage(struct talk_cost *c, double sign)
{
	struct rusage u;

	if (getrusage(RUSAGE_THREAD, &u) == -1)
		return;
	c->user += sign * seconds(u.ru_utime);
	c->system += sign * seconds(u.ru_stime);
}

void
talk_cancel(struct talk *t)
{
	if (t == NULL)
		return;
	if (t->ready != NULL)
		event_free(t->ready);
	if (t->deadline != NULL)
		event_free(t->deadline);
	SSL_free(t->ssl);
	if (t->fd != -1)
		close(t->fd);
	if (t->in != NULL)
		OPENSSL_cleanse(t->in, t->in_len);
	free(t->in);
	free(t->out);
	free(t);
}

static void
finish(struct talk *t, const char *why)
{
	bool told = why == NULL && !t->server;

	t->done(t->arg, t, why, told ? t->in : NULL, told ? t->in_len : 0);
	talk_cancel(t);
}

/* The best reason there is for a failure. */
static const char *
reason(struct talk *t, int ret, int saved)
{
	long verdict = SSL_get_verify_result(t->ssl);
	unsigned long e = ERR_peek_error();

	if (!t->server && verdict != X509_V_OK && !t->began)
		return X509_verify_cert_error_string(verdict);
	if (e != 0 && ERR_reason_error_string(e) != NULL)
		return ERR_reason_error_string(e);
	if (SSL_get_error(t->ssl, ret) == SSL_ERROR_SYSCALL && saved != 0)
		return strerror(saved);
	return t->began ? "the other side ended it" : "the other side ended it before TLS was agreed upon";
}

/* After the handshake: has the other side agreed to speak our protocol, by the one version there is? */
static const char *
check_shake(struct talk *t)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(t->ssl, &name, &len);
	if (len != sizeof(KE_ALPN) - 1 || memcmp(name, KE_ALPN, len) != 0)
		return "the other side does not speak " KE_ALPN;
	if (SSL_version(t->ssl) != TLS1_3_VERSION)
		return "not TLS 1.3";
	t->began = true;
	t->state = t->server ? READ : WRITE;
	return NULL;
}

/* What has come so far.  *over: nothing more is wanted. */
static const char *
take(struct talk *t, size_t n, bool *over)
{
	t->in_len += n;
	switch (ke_scan(t->in, t->in_len)) {
	case KE_MORE:
		return t->in_len == t->in_cap ? "its message is too long" : NULL;
	case KE_BROKEN:
		if (!t->server)
			return "its records are malformed";
		break;
	case KE_WHOLE:
		break;
	}
	*over = !t->server;
	if (!t->server)
		return NULL;
	t->out_len = t->answer(t->arg, t, t->in, t->in_len, t->out, KE_ANSWER_MAX);
	t->state = WRITE;
	return t->out_len == 0 ? "no answer could be made" : NULL;
}

/* One step; the library's result. */
static int
step(struct talk *t, size_t *n)
{
	*n = 0;
	switch (t->state) {
	case SHAKE:
		return SSL_do_handshake(t->ssl);
	case WRITE:
		return SSL_write_ex(t->ssl, t->out + t->out_at, t->out_len - t->out_at, n);
	default:
		return SSL_read_ex(t->ssl, t->in + t->in_len, t->in_cap - t->in_len, n);
	}
}

/* What a step that went well leads to. */
static const char *
advance(struct talk *t, size_t n, bool *over)
{
	if (t->state == SHAKE)
		return check_shake(t);
	if (t->state == READ)
		return take(t, n, over);
	t->out_at += n;
	if (t->out_at < t->out_len)
		return NULL;
	*over = t->server;
	t->state = READ;
	if (t->server)
		(void)SSL_shutdown(t->ssl);	/* our half; nobody waits for the other one */
	return NULL;
}

static void
wait_for(struct talk *t, short what)
{
	event_callback_fn cb = event_get_callback(t->ready);

	event_del(t->ready);
	if (event_assign(t->ready, t->base, t->fd, what, cb, t) == -1 || event_add(t->ready, NULL) == -1)
		finish(t, "no memory");
}

static void
go_on(struct talk *t)
{
	const char *why = NULL;
	bool over = false;

	add_usage(&t->cost, -1);
	while (why == NULL && !over) {
		size_t n;
		int ret, err, saved;

		ERR_clear_error();
		errno = 0;
		ret = step(t, &n);
		saved = errno;
		err = ret == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, ret);
		if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
			add_usage(&t->cost, 1);
			wait_for(t, err == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE);
			return;
		}
		why = ret == 1 ? advance(t, n, &over) : reason(t, ret, saved);
	}
	ERR_clear_error();
	add_usage(&t->cost, 1);
	finish(t, why);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct talk *t = arg;

	(void)fd;
	(void)what;
	finish(t, t->began ? "it took too long" : "no TLS within five seconds");
}

/* The first look at the socket is the loop's: nobody is called back before it is known what this is. */
static struct talk *
begin(struct event_base *base, SSL_CTX *ctx, int fd, bool server)
{
	struct talk *t = calloc(1, sizeof(*t));
	const struct timeval patience = { .tv_sec = (time_t)KE_PATIENCE };

	if (t == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	*t = (struct talk){ .base = base, .fd = fd, .server = server, .start = monotime_now(), .in_cap = server ? KE_REQUEST_MAX : KE_ANSWER_MAX };
	t->in = malloc(t->in_cap);
	t->out = malloc(server ? KE_ANSWER_MAX : KE_REQUEST_MAX);
	t->ssl = SSL_new(ctx);
	t->ready = event_new(base, fd, server ? EV_READ : EV_WRITE, on_ready, t);
	t->deadline = evtimer_new(base, on_deadline, t);
	if (t->in == NULL || t->out == NULL || t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1 || t->ready == NULL || t->deadline == NULL ||
	    event_add(t->ready, NULL) == -1 || event_add(t->deadline, &patience) == -1) {
		talk_cancel(t);
		errno = ENOMEM;
		return NULL;
	}
	return t;
}

struct talk *
talk_serve(struct event_base *base, SSL_CTX *ctx, int fd, talk_answer *answer, talk_done *done, void *arg)
{
	struct talk *t = begin(base, ctx, fd, true);

	if (t == NULL)
		return NULL;
	t->answer = answer;
	t->done = done;
	t->arg = arg;
	SSL_set_accept_state(t->ssl);
	return t;
}

/* The certificate has to be that of the name or address that was configured, in the place that is made for it, now. */
static bool
expect(SSL *ssl, const char *host, bool noval, struct walltime now)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
	struct addr a;
	bool literal = addr_parse(&a, host, 0);

	if (!literal && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (noval) {
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
		return true;
	}
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	X509_VERIFY_PARAM_set_time(p, (time_t)(now.ns / NS_PER_S));
	return literal ? X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1 : X509_VERIFY_PARAM_set1_host(p, host, 0) == 1;
}

struct talk *
talk_ask(struct event_base *base, SSL_CTX *ctx, int fd, const char *host, bool noval, struct walltime now, const uint8_t *msg, size_t len, talk_done *done, void *arg)
{
	struct talk *t = begin(base, ctx, fd, false);

	if (t == NULL)
		return NULL;
	t->done = done;
	t->arg = arg;
	if (len > KE_REQUEST_MAX || !expect(t->ssl, host, noval, now)) {
		talk_cancel(t);
		errno = EINVAL;
		return NULL;
	}
	memcpy(t->out, msg, len);
	t->out_len = len;
	SSL_set_connect_state(t->ssl);
	return t;
}

bool
talk_export(struct talk *t, uint16_t aead, struct talk_keys *out)
{
	size_t len = siv_key_len(aead);
	uint8_t c[KE_CONTEXT_LEN];

	ke_context(c, aead, false);
	if (len == 0 || SSL_export_keying_material(t->ssl, out->c2s, len, KE_EXPORTER, sizeof(KE_EXPORTER) - 1, c, sizeof(c), 1) != 1)
		return false;
	ke_context(c, aead, true);
	return SSL_export_keying_material(t->ssl, out->s2c, len, KE_EXPORTER, sizeof(KE_EXPORTER) - 1, c, sizeof(c), 1) == 1;
}

static bool
wall_of(const ASN1_TIME *a, struct walltime *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(a, &tm) != 1)
		return false;
	/* Certificates without an end say so by the year 9999. */
	out->ns = tm.tm_year >= 2262 - 1900 ? INT64_MAX : (int64_t)timegm(&tm) * NS_PER_S;
	return true;
}

bool
talk_validity(struct talk *t, struct walltime *not_before, struct walltime *not_after)
{
	const X509 *cert = SSL_get0_peer_certificate(t->ssl);

	return cert != NULL && wall_of(X509_get0_notBefore(cert), not_before) && wall_of(X509_get0_notAfter(cert), not_after);
}

void
talk_cost(const struct talk *t, struct talk_cost *out)
{
	*out = t->cost;
	out->wall = monotime_diff(monotime_now(), t->start);
}

bool
talk_began(const struct talk *t)
{
	return t->began;
}
