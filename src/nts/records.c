/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes the records of a key exchange. */
#include <string.h>

#include "base/bytes.h"
#include "nts/records.h"

#define CRITICAL	0x8000
#define PROTOCOL_NTP	0	/* IANA's registry of NTS next protocols */

enum record { END = 0, PROTOCOL = 1, ERROR = 2, WARNING = 3, ALGORITHM = 4, COOKIE = 5, SERVER = 6, PORT = 7, RECORDS };

static const char *const faults[] = {
#define X(name, prose)	[KE_FAULT_##name] = prose,
	KE_FAULTS(X)
#undef X
};

const char *
ke_fault_str(enum ke_fault f)
{
	return faults[f];
}

/* One record. */
struct item {
	bool		critical;
	uint16_t	type;
	struct octets	body;
};

/* False at the end, or where there is less than a record. */
static bool
next(struct rd *r, struct item *it)
{
	struct rd at = *r;
	uint16_t head = rd_u16(&at), len = rd_u16(&at);
	const uint8_t *body = rd_bytes(&at, len);

	if (at.bad)
		return false;
	*it = (struct item){ .critical = (head & CRITICAL) != 0, .type = head & (CRITICAL - 1), .body = { body, len } };
	*r = at;
	return true;
}

enum ke_progress
ke_scan(const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct item it;

	while (next(&r, &it)) {
		if (it.type == END)
			return it.body.len == 0 && rd_left(&r) == 0 ? KE_WHOLE : KE_BROKEN;
	}
	return KE_MORE;
}

/* --- what a server reads ------------------------------------------------------------------- */

/* Is that number in a list?  False with *bad for what is no list. */
static bool
lists(struct octets body, uint16_t number, bool *bad)
{
	struct rd r = rd_init(body.p, body.len);
	bool found = false;

	*bad = body.len == 0 || body.len % 2 != 0;
	while (rd_left(&r) >= 2)
		found |= rd_u16(&r) == number;
	return found && !*bad;
}

static uint16_t
first_known(struct octets body, bool *bad)
{
	struct rd r = rd_init(body.p, body.len);
	uint16_t found = 0;

	*bad = body.len == 0 || body.len % 2 != 0;
	while (rd_left(&r) >= 2) {
		uint16_t aead = rd_u16(&r);

		if (found == 0 && siv_key_len(aead) > 0)
			found = aead;
	}
	return *bad ? 0 : found;
}

/* One record of a request; false with *error. */
static bool
take_wish(struct ke_request *rq, const struct item *it, unsigned *seen, enum ke_error *error)
{
	bool bad = false;

	*error = KE_BAD_REQUEST;
	if (it->type < RECORDS && it->type != SERVER && it->type != PORT && (*seen & 1u << it->type) != 0)
		return false;
	switch (it->type) {
	case PROTOCOL:
		rq->ntp = lists(it->body, PROTOCOL_NTP, &bad);
		break;
	case ALGORITHM:
		rq->aead = first_known(it->body, &bad);
		break;
	case END:
	case SERVER:	/* wishes, which need not be heeded (RFC 8915 sections 4.1.7 and 4.1.8) */
	case PORT:
		break;
	case ERROR:
	case WARNING:
	case COOKIE:
		return false;
	default:
		*error = KE_UNRECOGNIZED;
		return !it->critical;
	}
	if (it->type < RECORDS)
		*seen |= 1u << it->type;
	return !bad;
}

bool
ke_request_parse(struct ke_request *rq, const uint8_t *buf, size_t len, enum ke_error *error)
{
	struct rd r = rd_init(buf, len);
	struct ke_request mine = { 0 };
	unsigned seen = 0;
	struct item it;

	*error = KE_BAD_REQUEST;
	if (ke_scan(buf, len) != KE_WHOLE)
		return false;
	while (next(&r, &it)) {
		if (!take_wish(&mine, &it, &seen, error))
			return false;
	}
	*error = KE_BAD_REQUEST;
	if ((seen & 1u << PROTOCOL) == 0 || (mine.ntp && (seen & 1u << ALGORITHM) == 0))
		return false;
	*rq = mine;
	return true;
}

/* --- what a client reads ------------------------------------------------------------------- */

static void
take_cookie(struct ke_answer *a, struct octets body)
{
	struct nts_cookie *c = &a->cookie[a->ncookies];

	if (a->ncookies == NTS_COOKIES || body.len < NTS_COOKIE_MIN || body.len > NTS_COOKIE_MAX || body.len % 4 != 0)
		return;
	c->len = body.len;
	memcpy(c->octets, body.p, body.len);
	a->ncookies++;
}

static enum ke_fault
take_server(struct ke_answer *a, struct octets body)
{
	if (body.len == 0 || body.len >= sizeof(a->server))
		return KE_FAULT_MALFORMED;
	for (size_t i = 0; i < body.len; i++) {
		if (body.p[i] <= ' ' || body.p[i] > '~')
			return KE_FAULT_MALFORMED;
	}
	memcpy(a->server, body.p, body.len);
	a->server[body.len] = '\0';
	return KE_FAULT_NONE;
}

/* A list of one number; empty: nothing is wanted of us. */
static enum ke_fault
take_choice(struct octets body, uint16_t wanted, enum ke_fault other)
{
	struct rd r = rd_init(body.p, body.len);

	if (body.len != 0 && body.len != 2)
		return KE_FAULT_MALFORMED;
	return body.len == 2 && rd_u16(&r) == wanted ? KE_FAULT_NONE : other;
}

static enum ke_fault
take_answer(struct ke_answer *a, uint16_t offered, const struct item *it, unsigned *seen)
{
	struct rd r = rd_init(it->body.p, it->body.len);

	if (it->type < RECORDS && it->type != COOKIE) {
		if ((*seen & 1u << it->type) != 0)
			return KE_FAULT_MALFORMED;
		*seen |= 1u << it->type;
	}
	switch (it->type) {
	case END:
		return KE_FAULT_NONE;
	case PROTOCOL:
		return take_choice(it->body, PROTOCOL_NTP, KE_FAULT_PROTOCOL);
	case ERROR:
		return KE_FAULT_ERROR;
	case WARNING:
		return KE_FAULT_WARNING;
	case ALGORITHM:
		a->aead = offered;
		return take_choice(it->body, offered, KE_FAULT_AEAD);
	case COOKIE:
		take_cookie(a, it->body);
		return KE_FAULT_NONE;
	case SERVER:
		return take_server(a, it->body);
	case PORT:
		a->port = rd_u16(&r);
		return it->body.len == 2 && a->port != 0 ? KE_FAULT_NONE : KE_FAULT_MALFORMED;
	default:
		return it->critical ? KE_FAULT_CRITICAL : KE_FAULT_NONE;
	}
}

enum ke_fault
ke_answer_parse(struct ke_answer *a, uint16_t offered, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct ke_answer mine = { 0 };
	enum ke_fault f = KE_FAULT_NONE;
	unsigned seen = 0;
	struct item it;

	if (ke_scan(buf, len) != KE_WHOLE)
		return KE_FAULT_MALFORMED;
	while (f == KE_FAULT_NONE && next(&r, &it))
		f = take_answer(&mine, offered, &it, &seen);
	if (f == KE_FAULT_NONE && (seen & 1u << PROTOCOL) == 0)
		f = KE_FAULT_PROTOCOL;
	if (f == KE_FAULT_NONE && mine.aead == 0)
		f = KE_FAULT_AEAD;
	if (f == KE_FAULT_NONE && mine.ncookies == 0)
		f = KE_FAULT_COOKIES;
	if (f == KE_FAULT_NONE)
		*a = mine;
	return f;
}

/* --- writing ------------------------------------------------------------------------------- */

static void
put(struct wr *w, bool critical, enum record type, const void *body, size_t len)
{
	wr_u16(w, (uint16_t)((critical ? CRITICAL : 0) | type));
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, body, len);
}

static void
put_number(struct wr *w, bool critical, enum record type, uint16_t number)
{
	put(w, critical, type, (const uint8_t[]){ (uint8_t)(number >> 8), (uint8_t)number }, 2);
}

static size_t
end(struct wr *w, const uint8_t *buf)
{
	put(w, true, END, "", 0);
	return w->bad ? 0 : (size_t)(w->p - buf);
}

size_t
ke_request_build(uint16_t aead, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	put_number(&w, true, PROTOCOL, PROTOCOL_NTP);
	put_number(&w, true, ALGORITHM, aead);
	return end(&w, buf);
}

size_t
ke_answer_build(const struct ke_request *rq, const struct ke_answer *a, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (!rq->ntp) {
		put(&w, true, PROTOCOL, "", 0);
		return end(&w, buf);
	}
	put_number(&w, true, PROTOCOL, PROTOCOL_NTP);
	if (rq->aead == 0) {
		put(&w, true, ALGORITHM, "", 0);
		return end(&w, buf);
	}
	put_number(&w, true, ALGORITHM, rq->aead);
	if (a->port != 0)
		put_number(&w, false, PORT, a->port);
	for (size_t i = 0; i < a->ncookies; i++)
		put(&w, false, COOKIE, a->cookie[i].octets, a->cookie[i].len);
	return end(&w, buf);
}

size_t
ke_error_build(enum ke_error code, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	put_number(&w, true, ERROR, (uint16_t)code);
	return end(&w, buf);
}

void
ke_context(uint8_t out[static KE_CONTEXT_LEN], uint16_t aead, bool s2c)
{
	struct wr w = wr_init(out, KE_CONTEXT_LEN);

	wr_u16(&w, PROTOCOL_NTP);
	wr_u16(&w, aead);
	wr_u8(&w, s2c);
}
