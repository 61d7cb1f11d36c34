/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes control messages in, finds who answers them, and sends what he says. */
#include <string.h>

#include "base/bytes.h"
#include "talk.h"

#define AHEAD_SLACK	(1 * (int64_t)NS_PER_S)	/* how far the clock may move before instants of the MRU list follow it */

/*
 * Two datagrams in a row hold more than one of CONTROL_DATA_MAX would, or they would be one; so this much always fits the datagrams
 * that a client keeps.
 */
#define VARIABLES_MAX	(CONTROL_FRAGMENTS_MAX / 2 * CONTROL_DATA_MAX)

/* Answers are made by these: an enum control_err, or NO_ERROR. */
typedef int handler(struct talk *k);

static int
read_list(struct talk *k, enum var_table table, const struct assoc *a)
{
	struct text *out = &k->out;
	const char *p = k->data, *end = p + k->head.count;
	struct var_set want = { 0 };
	struct control_item item;
	enum control_list got;
	bool any = false;

	while ((got = control_next(&p, end, &item)) == LIST_ITEM) {
		if (!vars_want(&want, table, k->v, item.name, item.name_len))
			return CERR_UNKNOWNVAR;
		any = true;
	}
	if (got == LIST_BAD)
		return CERR_BADVALUE;
	if (!any)
		vars_want_defaults(&want, table, k->v);
	out->cap = VARIABLES_MAX + 1;
	vars_put_set(out, &want, table, k->v, a);
	text_end(out);
	return NO_ERROR;
}

/* Whoever holds the control key has now seen the status. */
static void
events_read(const struct talk *k)
{
	if (k->master && k->rq->hands != NULL && (k->rq->flags & RESTRICT_NOMODIFY) == 0)
		k->rq->hands->events_read(k->rq->hands->arg, k->head.associd);
}

static int
read_variables(struct talk *k)
{
	const struct assoc *a = control_view_assoc(k->v, k->head.associd);
	int err;

	if (k->head.associd != 0 && a == NULL)
		return CERR_BADASSOC;
	if (a != NULL)
		k->status = control_peer_status(a);
	err = read_list(k, a == NULL ? VARS_SYSTEM : VARS_PEER, a);
	if (err == NO_ERROR)
		events_read(k);
	return err;
}

/* Pairs of association id and status. */
static void
put_pairs(struct talk *k)
{
	struct wr w = wr_init((uint8_t *)k->out.buf, k->out.cap - 1);
	size_t n = k->v->nassocs < (k->out.cap - 1) / 4 ? k->v->nassocs : (k->out.cap - 1) / 4;

	for (size_t i = 0; i < n; i++) {
		wr_u16(&w, k->v->assocs[i]->id);
		wr_u16(&w, control_peer_status(k->v->assocs[i]));
	}
	k->out.len = n * 4;
}

static int
read_status(struct talk *k)
{
	k->head.count = 0;	/* what it lists does not matter */
	if (k->head.associd != 0)
		return read_variables(k);
	put_pairs(k);
	return NO_ERROR;
}

/* The system peer if it is a reference clock, else the first that there is. */
static const struct assoc *
some_clock(const struct control_view *v)
{
	const struct assoc *a = control_view_assoc(v, v->system->vars.peer);

	if (a != NULL && control_view_clock(v, a) != NULL)
		return a;
	for (size_t i = 0; i < v->nassocs; i++) {
		if (control_view_clock(v, v->assocs[i]) != NULL)
			return v->assocs[i];
	}
	return NULL;
}

static int
read_clock(struct talk *k)
{
	const struct assoc *a = k->head.associd != 0 ? control_view_assoc(k->v, k->head.associd) : some_clock(k->v);

	if (a == NULL || control_view_clock(k->v, a) == NULL)
		return CERR_BADASSOC;
	k->status = control_clock_status(control_view_clock(k->v, a));
	return read_list(k, VARS_CLOCK, a);
}

static int
request_nonce(struct talk *k)
{
	char nonce[NONCE_DIGITS + 1];

	if (!nonce_make(&k->m->secret, &k->rq->from, k->v->now.mono, nonce))
		return CERR_UNSPEC;
	text_item(&k->out, "nonce", "%s", nonce);
	text_end(&k->out);
	return NO_ERROR;
}

/* Small corrections must not change what entries look like between two requests of one reader; a step may. */
static int64_t
ahead(struct mode6 *m, const struct clockread *now)
{
	int64_t is = now->wall.ns - now->mono.ns, moved = is - m->ahead_ns;

	if (moved > AHEAD_SLACK || moved < -AHEAD_SLACK)
		m->ahead_ns = is;
	return m->ahead_ns;
}

/* Without a good nonce there is no answer at all: it might go to someone who never asked. */
static int
read_mru(struct talk *k)
{
	struct mrulist_frame f = { .mrus = &k->v->mrus, .now = k->v->now.mono, .ahead_ns = ahead(k->m, &k->v->now) };
	struct mrulist_request rq;
	char nonce[NONCE_DIGITS + 1];
	bool ok;

	if ((k->rq->flags & RESTRICT_NOMRULIST) != 0)
		return CERR_PERMISSION;
	ok = mrulist_parse(&rq, k->data, k->head.count);
	k->proven = rq.nonce != NULL && nonce_check(&k->m->secret, &k->rq->from, f.now, rq.nonce, rq.nonce_len);
	k->silent = !k->proven;
	if (!k->proven)
		return CERR_PERMISSION;
	if (!ok)
		return CERR_BADVALUE;
	if (!nonce_make(&k->m->secret, &k->rq->from, f.now, nonce))
		return CERR_UNSPEC;
	f.nonce = nonce;
	if (k->v->hold != NULL)
		k->v->hold(k->v->hold_arg, true);
	ok = mrulist_put(&k->out, &rq, &f);
	if (k->v->hold != NULL)
		k->v->hold(k->v->hold_arg, false);
	return ok ? NO_ERROR : CERR_UNKNOWNVAR;
}

static int
forbidden(struct talk *k)
{
	(void)k;
	return CERR_PERMISSION;
}

/* All others are no operations of ours: BADOP.  Traps are among them, as in NTPsec. */
static const struct {
	enum control_op	 op;
	bool		 signed_only;	/* must be signed with the control key */
	handler		*answer;
} ops[] = {
	{ CONTROL_READSTAT,	false,	read_status },
	{ CONTROL_READVAR,	false,	read_variables },
	{ CONTROL_WRITEVAR,	true,	change_variables },
	{ CONTROL_READCLOCK,	false,	read_clock },
	{ CONTROL_WRITECLOCK,	false,	forbidden },
	{ CONTROL_CONFIGURE,	true,	change_configuration },
	{ CONTROL_SAVECONFIG,	true,	change_saved },
	{ CONTROL_READ_MRU,	false,	read_mru },
	{ CONTROL_READ_ORDLIST,	true,	read_ordered },
	{ CONTROL_REQ_NONCE,	false,	request_nonce },
};

static int
answer(struct talk *k)
{
	for (size_t i = 0; i < NELEMS(ops); i++) {
		if (ops[i].op != k->head.op)
			continue;
		if (!ops[i].signed_only || k->master)
			return ops[i].answer(k);
		talk_refused(k, k->key == NULL ? "it is not signed, or not with a key we trust" : "it is not signed with the control key");
		return CERR_PERMISSION;
	}
	return CERR_BADOP;
}

/* Binary pairs are cut at any pair, text where an item ends. */
static size_t
next_cut(const struct talk *k, size_t from, bool *quoted)
{
	size_t left = k->out.len - from;

	if (k->head.op == CONTROL_READSTAT && k->head.associd == 0)
		return left < CONTROL_DATA_MAX ? left : CONTROL_DATA_MAX;
	return text_cut(&k->out, from, CONTROL_DATA_MAX, quoted);
}

static size_t
padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* Octets of the whole answer, headers and padding included. */
static size_t
answer_size(const struct talk *k)
{
	size_t at = 0, size = 0, n;
	bool quoted = false;

	do {
		n = next_cut(k, at, &quoted);
		at += n;
		size += CONTROL_HEADER_LEN + (k->key == NULL ? padded(n) : n + SIGNATURE_ALIGN - 1 + key_mac_len(k->key));
	} while (at < k->out.len);
	return size;
}

static struct control
reply_head(const struct talk *k)
{
	return (struct control){
		.leap = k->v->system->vars.leap,
		.version = k->head.version,
		.response = true,
		.op = k->head.op,
		.sequence = k->head.sequence,
		.status = k->status,
		.associd = k->head.associd,
	};
}

/* One datagram: buf[0 … len), which has room for MODE6_DATAGRAM_MAX, signed if the request was. */
static void
send_datagram(const struct talk *k, uint8_t *buf, size_t len, mode6_send *send, void *arg)
{
	size_t whole = k->key == NULL ? padded(len) : signature_add(k->key, buf, len);

	if (whole == 0)
		return;		/* the library cannot sign any more: silence rather than an answer nobody can trust */
	memset(buf + len, 0, k->key == NULL ? whole - len : 0);
	k->m->sent++;
	send(arg, buf, whole);
}

static void
send_answer(const struct talk *k, mode6_send *send, void *arg)
{
	struct control h = reply_head(k);
	uint8_t buf[MODE6_DATAGRAM_MAX];
	size_t at = 0, n;
	bool quoted = false;

	do {
		n = next_cut(k, at, &quoted);
		h.offset = (uint16_t)at;
		h.count = (uint16_t)n;
		h.more = at + n < k->out.len;
		control_build(&h, buf);
		memcpy(buf + CONTROL_HEADER_LEN, k->out.buf + at, n);
		send_datagram(k, buf, CONTROL_HEADER_LEN + n, send, arg);
		at += n;
	} while (at < k->out.len);
}

static void
send_error(const struct talk *k, int err, mode6_send *send, void *arg)
{
	struct control h = reply_head(k);
	uint8_t buf[MODE6_DATAGRAM_MAX];

	h.error = true;
	h.status = (uint16_t)(err << 8);
	control_build(&h, buf);
	send_datagram(k, buf, CONTROL_HEADER_LEN, send, arg);
}

/* The bucket of an address: by its octets, IPv6 by its /64. */
static uint64_t
bucket_of(const struct mode6 *m, const struct addr *a)
{
	uint64_t hash;

	return nonce_hash(&m->secret, a->ip, a->family == 6 ? 8 : 4, &hash) ? hash : 0;
}

static bool
affordable(const struct talk *k, int err)
{
	if (k->proven || addr_is_loopback(&k->rq->from))
		return true;
	return budget_take(&k->m->budget, bucket_of(k->m, &k->rq->from), err == NO_ERROR ? answer_size(k) : CONTROL_HEADER_LEN + (k->key == NULL ? 0 : SIGNATURE_ALIGN + MAC_MAX), k->v->now.mono);
}

/* Responses, errors and later fragments are no requests: answering them, two daemons could go on for ever. */
static bool
is_request(const struct control *h)
{
	return !h->response && !h->error && !h->more && h->offset == 0 && h->version >= NTP_VERSION_MIN && h->version <= NTP_VERSION;
}

void
mode6_init(struct mode6 *m, const struct nonce_secret *secret, const struct clockread *now)
{
	memset(m, 0, sizeof(*m));
	m->secret = *secret;
	m->ahead_ns = now->wall.ns - now->mono.ns;
	budget_init(&m->budget, now->mono);
}

void
mode6_close(struct mode6 *m)
{
	replay_free(&m->replay);
}

/* Who signed it, if anybody did. */
static void
authenticate(struct talk *k, const struct keys *keys, uint32_t controlkey)
{
	k->key = signature_check(keys, &k->rq->from, k->rq->buf, k->rq->len, CONTROL_HEADER_LEN + (size_t)k->head.count, &k->covered);
	k->master = k->key != NULL && key_id(k->key) == controlkey;
}

/* Is it one that the budget does not count for, or that does something even if nothing can be said? */
static bool
is_above_budget(struct talk *k, const struct keys *keys, uint32_t controlkey, struct monotime now)
{
	struct mrulist_request rq;

	if (k->head.op == CONTROL_READ_MRU) {
		if (!mrulist_parse(&rq, k->data, k->head.count) && rq.nonce == NULL)
			return false;
		return rq.nonce != NULL && nonce_check(&k->m->secret, &k->rq->from, now, rq.nonce, rq.nonce_len);
	}
	authenticate(k, keys, controlkey);
	return k->master;
}

bool
mode6_admits(struct mode6 *m, const struct mode6_request *rq, const struct keys *keys, uint32_t controlkey, struct monotime now)
{
	struct talk k = { .m = m, .rq = rq };
	enum control_parse parsed = control_parse(&k.head, rq->buf, rq->len);

	if ((parsed != CONTROL_OK && parsed != CONTROL_COUNT) || !is_request(&k.head))
		return false;
	if (addr_is_loopback(&rq->from) || !budget_spent(&m->budget, bucket_of(m, &rq->from), now))
		return true;
	k.data = (const char *)rq->buf + CONTROL_HEADER_LEN;
	if (parsed == CONTROL_OK && k.head.count <= CONTROL_DATA_MAX && is_above_budget(&k, keys, controlkey, now))
		return true;
	m->requests++;
	m->silences++;
	return false;
}

enum mode6_end
mode6_handle(struct mode6 *m, const struct mode6_request *rq, const struct control_view *v, mode6_send *send, void *arg)
{
	struct talk k = { .m = m, .rq = rq, .v = v, .status = control_system_status(v) };
	enum control_parse parsed = control_parse(&k.head, rq->buf, rq->len);
	int err = CERR_BADFMT;

	if ((parsed != CONTROL_OK && parsed != CONTROL_COUNT) || !is_request(&k.head))
		return MODE6_IGNORED;
	m->requests++;
	k.data = (const char *)rq->buf + CONTROL_HEADER_LEN;
	text_init(&k.out, m->text, sizeof(m->text));
	if (parsed == CONTROL_OK && k.head.count <= CONTROL_DATA_MAX) {
		authenticate(&k, v->keys, v->controlkey);
		err = answer(&k);
	}
	if (k.silent)
		return MODE6_IGNORED;
	if (!affordable(&k, err)) {
		m->silences++;
		return MODE6_SILENCED;
	}
	if (err == NO_ERROR) {
		send_answer(&k, send, arg);
		return MODE6_ANSWERED;
	}
	m->errors++;
	send_error(&k, err, send, arg);
	return MODE6_ERROR;
}
