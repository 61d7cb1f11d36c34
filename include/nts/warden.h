/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's side of a protected exchange (RFC 8915 section 5.7): requests opened, replies sealed.  Remembers no client, allocates nothing.
 *
 * A reply is never longer than its request: it has as many cookies as were asked for, eight at most, and as fit.
 */
#ifndef NTS_WARDEN_H
#define NTS_WARDEN_H

#include "nts/cookie.h"
#include "nts/fields.h"
#include "nts/records.h"

/* X(name, prose): what is counted, as ntpq shows it (nts_<name>). */
#define WARDEN_COUNTERS(X) \
	X(server_send,			"protected replies") \
	X(server_recv_good,		"protected requests that were authentic") \
	X(server_recv_bad,		"protected requests that were not") \
	X(cookie_make,			"cookies made") \
	X(cookie_not_server,		"protected requests while no key exchange is served") \
	X(cookie_decode_total,		"cookies opened, or tried to") \
	X(cookie_decode_current,	"… of the present key") \
	X(cookie_decode_old,		"… of the one before") \
	X(cookie_decode_old2,		"… of the one before that") \
	X(cookie_decode_older,		"… of still older ones") \
	X(cookie_decode_too_old,	"… of keys that are gone") \
	X(cookie_decode_error,		"… that are damaged or forged")

struct warden_counters {
#define X(name, prose)	uint64_t name;
	WARDEN_COUNTERS(X)
#undef X
};
void warden_counters_add(struct warden_counters *sum, const struct warden_counters *one);

/* All that one thread needs to open and seal. */
struct warden {
	struct siv		*siv;
	struct cookie_ring	 ring;		/* n 0: we do not serve so */
	struct warden_counters	 count;
};

/* A request that was authentic, or at least says who is to hear that it was not.  Octets lead into the request. */
struct guarded {
	struct cookie_keys	keys;
	struct octets		uid;
	size_t			cookies;	/* wanted */
	size_t			limit;		/* octets of the request */
};

enum warden_verdict {
	WARDEN_PLAIN,		/* no such fields, or none of our business: to be answered as if they were not there */
	WARDEN_GOOD,
	WARDEN_NAK,		/* the cookie cannot be opened, or the authenticator not with its keys */
	WARDEN_BAD,		/* malformed: no answer */
};

/* Judges a request of mode 3; end is as in fields_parse.  *out is written for WARDEN_GOOD and, but for the keys, WARDEN_NAK. */
MUST_USE enum warden_verdict warden_open(struct warden *g, const uint8_t *buf, size_t len, size_t end, struct guarded *out);

/* Protects a reply whose header stands in out, in which there is room for limit octets; returns its length.  0 if the library fails. */
size_t warden_seal(struct warden *g, const struct guarded *rq, uint8_t *out);

/* Appends the identifier of the request to the header of a NAK; returns its length. */
size_t warden_nak(const struct guarded *rq, uint8_t *out);

/* The cookies of a key exchange. */
MUST_USE bool warden_cookies(struct warden *g, const struct cookie_keys *k, struct ke_answer *a);

/* Makes ready, with no keys; false if the library or memory fails. */
MUST_USE bool warden_init(struct warden *g);
void warden_clear(struct warden *g);

#endif
