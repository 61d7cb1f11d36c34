/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key exchanges that our sources ask for, on the loop.  One connection each, ended within KE_PATIENCE; certificates are judged as strictly as the caller
 * says, at a time that the caller names.
 */
#ifndef NTS_KECLIENT_H
#define NTS_KECLIENT_H

#include "base/addr.h"
#include "nts/shield.h"
#include "nts/tls.h"

struct keclient;
struct ke_query;

/* NULL with errno. */
MUST_USE struct keclient *keclient_new(struct event_base *base, const struct nts_opts *o);
void keclient_free(struct keclient *k);	/* queries must be gone */

/* Other options from now on; trusted certificates are read anew. */
void keclient_configure(struct keclient *k, const struct nts_opts *o);

/* Loads all of the library that will be needed, while that can be done: before a sandbox.  Always true. */
bool keclient_prepare(struct keclient *k);

struct ke_wish {
	struct addr	addr;		/* whom to ask; the port is KE_PORT whatever it says */
	const char	*host;		/* whose certificate has to be shown: a name or an address */
	const char	*ca;		/* trusted certificates, "" = those of the options */
	const char	*aead;		/* algorithm by name, "" = that of the options */
	bool		noval;		/* certificates are not looked at */
	struct walltime	now;		/* by which certificates are judged */
};

struct ke_outcome {
	const char		*why;		/* NULL: it went well; else a phrase for the log, and the rest is void but for cost */
	const struct ke_answer	*answer;
	struct shield		*shield;	/* the callee's */
	struct talk_cost	 cost;
};

/* Called once, from the loop.  The callee may free the keclient's other users, not the keclient. */
typedef void ke_query_cb(void *arg, const struct ke_outcome *out);

/* The answer comes by cb, a refusal of the system too.  NULL for want of memory: cb is not called. */
MUST_USE struct ke_query *keclient_ask(struct keclient *k, const struct ke_wish *w, ke_query_cb *cb, void *arg);
void ke_query_cancel(struct ke_query *q);	/* NULL is fine */

/* How many went well, and how many did not. */
struct keclient_counters { uint64_t probes_good, probes_bad; };
void keclient_counters(const struct keclient *k, struct keclient_counters *out);

#endif
