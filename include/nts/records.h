/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of a key exchange (RFC 8915 section 4): octets to struct and back.
 *
 *   0 critical (1) type (15)   2 length of the body   4 body
 *
 * Each side sends one message, which ends with the record End of Message.
 */
#ifndef NTS_RECORDS_H
#define NTS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "nts/siv.h"

#define KE_PORT		4460
#define KE_ALPN		"ntske/1"
#define KE_EXPORTER	"EXPORTER-network-time-security"	/* RFC 8915 section 4.3 */

#define KE_REQUEST_MAX	1024	/* octets of a request that is listened to */
#define KE_ANSWER_MAX	16384	/* … and of an answer */
#define NTS_COOKIES	8	/* that a client holds, and a server gives it */
#define NTS_COOKIE_MIN	12	/* octets: an extension field has 16 at least */
#define NTS_COOKIE_MAX	512	/* octets of a cookie that is of use to us */
#define KE_NAME_MAX	256

/* Codes of error records. */
enum ke_error { KE_UNRECOGNIZED = 0, KE_BAD_REQUEST = 1, KE_INTERNAL = 2 };

struct nts_cookie {
	size_t	len;
	uint8_t	octets[NTS_COOKIE_MAX];
};

/* Is there a whole message?  A record after its end, or an end with a body, is KE_BROKEN. */
enum ke_progress { KE_MORE, KE_WHOLE, KE_BROKEN };
enum ke_progress ke_scan(const uint8_t *buf, size_t len);

/* What a client asks for. */
struct ke_request {
	bool		ntp;		/* NTPv4 is among the protocols */
	uint16_t	aead;		/* the first of the client's algorithms that we know; 0 = none */
};

/* Reads a whole message of a client.  False: *error is what it is to be told. */
MUST_USE bool ke_request_parse(struct ke_request *rq, const uint8_t *buf, size_t len, enum ke_error *error);

/* Writes what our client asks for: NTPv4 and one algorithm.  Returns the length, 0 if it does not fit. */
size_t ke_request_build(uint16_t aead, uint8_t *buf, size_t cap);

/* What a server answers. */
struct ke_answer {
	uint16_t		aead;
	uint16_t		port;		/* of the time server; 0: not told, hence 123 */
	char			server[KE_NAME_MAX];	/* its name or address; empty: the one that was asked */
	size_t			ncookies;
	struct nts_cookie	cookie[NTS_COOKIES];
};

/* X(name, prose): why an answer is of no use. */
#define KE_FAULTS(X) \
	X(NONE,		"nothing is wrong") \
	X(MALFORMED,	"its records are malformed") \
	X(CRITICAL,	"it insists on a record that we do not know") \
	X(ERROR,	"it answers with an error") \
	X(WARNING,	"it answers with a warning") \
	X(PROTOCOL,	"it does not offer NTPv4") \
	X(AEAD,		"it does not take the algorithm that was offered") \
	X(COOKIES,	"it gives no cookie that could be used")

enum ke_fault {
#define X(name, prose)	KE_FAULT_##name,
	KE_FAULTS(X)
#undef X
};
const char *ke_fault_str(enum ke_fault f);

/*
 * Reads a whole message of a server that was offered this algorithm.  *a is written on KE_FAULT_NONE only.  Cookies of no use are left out, and
 * those beyond NTS_COOKIES.
 */
MUST_USE enum ke_fault ke_answer_parse(struct ke_answer *a, uint16_t offered, const uint8_t *buf, size_t len);

/* Writes an answer: of rq->ntp false, or rq->aead 0, one that says so and no more.  Returns the length, 0 if it does not fit. */
size_t ke_answer_build(const struct ke_request *rq, const struct ke_answer *a, uint8_t *buf, size_t cap);

/* Writes an answer that is an error. */
size_t ke_error_build(enum ke_error code, uint8_t *buf, size_t cap);

/* The context of the exporter for keys of that algorithm (RFC 8915 section 5.1). */
#define KE_CONTEXT_LEN	5
void ke_context(uint8_t out[static KE_CONTEXT_LEN], uint16_t aead, bool s2c);

#endif
