/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One key exchange over TLS (RFC 8915 section 3), on either side: a handshake, a message each way, the end.  Never blocks, and ends within KE_PATIENCE
 * whatever the other side does.
 */
#ifndef NTS_TLS_H
#define NTS_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"
#include "nts/opts.h"
#include "nts/records.h"

#define KE_PATIENCE	5.0	/* s, for all of it */

struct event_base;
struct talk;

/* What it took. */
struct talk_cost { double wall, user, system; };	/* s */

/* The two halves of what a finished handshake gives. */
struct talk_keys { uint8_t c2s[SIV_KEY_MAX], s2c[SIV_KEY_MAX]; };

/*
 * A whole message of the other side has come; the callee of a server writes its answer into out and returns its length, 0 to give up.  The client's is told by
 * done.
 */
typedef size_t talk_answer(void *arg, struct talk *t, const uint8_t *msg, size_t len, uint8_t *out, size_t cap);

/* It is over: why is NULL, or a phrase for the log.  msg is the server's message, of a client that has got one.  The talk is freed after the call. */
typedef void talk_done(void *arg, struct talk *t, const char *why, const uint8_t *msg, size_t len);

/* A client's end of a connection that is being made, or a server's of one that was accepted.  Takes fd, even if it fails: NULL with errno. */
MUST_USE struct talk *talk_ask(struct event_base *base, SSL_CTX *ctx, int fd, const char *host, bool noval, struct walltime now, const uint8_t *msg, size_t len,
    talk_done *done, void *arg);
MUST_USE struct talk *talk_serve(struct event_base *base, SSL_CTX *ctx, int fd, talk_answer *answer, talk_done *done, void *arg);

/* Without a word to anybody.  NULL is fine. */
void talk_cancel(struct talk *t);

/* The keys of both directions; false if the library fails. */
MUST_USE bool talk_export(struct talk *t, uint16_t aead, struct talk_keys *out);

/* The validity of the server's certificate; false if there is none that says so. */
bool talk_validity(struct talk *t, struct walltime *not_before, struct walltime *not_after);
void talk_cost(const struct talk *t, struct talk_cost *out);
bool talk_began(const struct talk *t);	/* the handshake is done */

/*
 * What all connections of one side have in common: TLS 1.3, no tickets, no early data.  NULL: why says what is wrong.  The client's trusts the certificates
 * of ca, "" being the system's.
 */
#define TLS_WHY_MAX	256
MUST_USE SSL_CTX *tls_client(const struct nts_opts *o, const char *ca, char why[static TLS_WHY_MAX]);
MUST_USE SSL_CTX *tls_server(const struct nts_opts *o, char why[static TLS_WHY_MAX]);

#endif
