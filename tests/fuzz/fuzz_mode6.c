/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control requests to a made-up daemon: answers come in datagrams without gap or overlap, within bounds, in text that a reader can take
 * apart, and hold nothing that helps to forge a reply.
 *
 * Input: requests: how (1), time that passes (4), length and octets.
 */
#include <inttypes.h>

#include "control/fixture.h"
#include "control/mode6.h"
#include "control/vars.h"
#include "fuzz.h"

#define MRU_ENTRIES	40
#define SIZE_MAX_ALL	(MRULIST_FRAGS_MAX * MODE6_DATAGRAM_MAX)
#define CONTROLKEY	7

enum { HOW_LOOPBACK = 1, HOW_IPV6 = 2, HOW_NOMRULIST = 4, HOW_NONCE = 8, HOW_SIGNED = 16, HOW_NOMODIFY = 32 };

/* What comes back for one request. */
struct answer {
	struct control	ask;
	size_t		len, octets, datagrams;	/* of text; of all datagrams; how many */
	bool		done;
	const struct key *key;			/* it was signed with, as the answer must be */
	uint8_t		text[MRULIST_TEXT_MAX];
};

static void
take(void *arg, const uint8_t *buf, size_t len)
{
	struct answer *an = arg;
	struct control c;

	an->octets += len;
	assert(control_parse(&c, buf, len) == CONTROL_OK && len <= MODE6_DATAGRAM_MAX && !an->done);
	if (an->key != NULL) {
		size_t at = (CONTROL_HEADER_LEN + c.count + 7u) / 8 * 8;

		assert(len == at + key_mac_len(an->key) && key_verify(an->key, buf, at, buf + at, len - at));
		len = (CONTROL_HEADER_LEN + c.count + 3u) / 4 * 4;
	}
	assert(c.response && c.op == an->ask.op && c.sequence == an->ask.sequence && c.version == an->ask.version && c.associd == an->ask.associd);
	assert(c.offset == an->len && len - CONTROL_HEADER_LEN - c.count < 4 && an->len + c.count <= sizeof(an->text));
	assert((!c.more || c.count > 0) && (!c.error || (c.count == 0 && an->datagrams == 0)));
	for (size_t i = CONTROL_HEADER_LEN + c.count; i < len; i++)
		assert(buf[i] == 0);
	memcpy(an->text + an->len, buf + CONTROL_HEADER_LEN, c.count);
	an->len += c.count;
	an->datagrams++;
	an->done = !c.more;
}

static void
check_text(const struct answer *an)
{
	const char *p = (const char *)an->text, *end = p + an->len;
	struct control_item item;
	enum control_list got;
	char secret[20];

	for (size_t i = 0; i < an->len; i++)
		assert((an->text[i] >= ' ' && an->text[i] < 0x7f) || an->text[i] == '\r' || an->text[i] == '\n');
	while ((got = control_next(&p, end, &item)) == LIST_ITEM)
		assert(item.name_len > 0);
	assert(got == LIST_END);
	snprintf(secret, sizeof(secret), "%08" PRIx32 ".%08" PRIx32, (uint32_t)(SECRET_NONCE >> 32), (uint32_t)SECRET_NONCE);
	assert(memmem(an->text, an->len, secret, 17) == NULL);
}

/* The request as it came, or with a nonce that is good put before its data: nobody could guess one. */
static uint8_t *
take_request(struct rd *in, unsigned how, const struct mode6 *m, const struct addr *from, struct monotime now, size_t *len)
{
	uint8_t *buf = fuzz_datagram(in, 2048, len), *more;
	char nonce[NONCE_DIGITS + 1], text[NONCE_DIGITS + 10];
	struct control c;
	size_t n;

	if ((how & HOW_NONCE) == 0 || control_parse(&c, buf, *len) != CONTROL_OK || c.count > CONTROL_DATA_MAX - sizeof(text))
		return buf;
	assert(nonce_make(&m->secret, from, now, nonce));
	n = (size_t)snprintf(text, sizeof(text), "nonce=%s, ", nonce);
	*len = (CONTROL_HEADER_LEN + n + c.count + 3) / 4 * 4;
	more = calloc(1, *len);
	assert(more != NULL);
	memcpy(more + CONTROL_HEADER_LEN, text, n);
	memcpy(more + CONTROL_HEADER_LEN + n, buf + CONTROL_HEADER_LEN, c.count);
	c.count = (uint16_t)(c.count + n);
	control_build(&c, more);
	free(buf);
	return more;
}

static bool
is_list(const struct control *q)
{
	return q->op != CONTROL_CONFIGURE && q->op != CONTROL_SAVECONFIG && (q->op != CONTROL_READSTAT || q->associd != 0);
}

/* Nothing may be changed but by the signed, where no nomodify holds, and a name to be saved under has no path in it. */
static bool
on_configure(void *arg, const struct addr *from, const char *text, size_t len, char reply[static MODE6_REPLY_MAX])
{
	const unsigned *how = arg;

	assert(from->family != 0 && (*how & (HOW_SIGNED | HOW_NOMODIFY)) == HOW_SIGNED);
	for (size_t i = 0; i < len; i++)
		reply[i % (MODE6_REPLY_MAX - 1)] = text[i] != '\0' ? text[i] : ' ';
	reply[len < MODE6_REPLY_MAX ? len : MODE6_REPLY_MAX - 1] = '\0';
	return len % 2 == 0;
}

static bool
on_save(void *arg, const struct addr *from, const char *name, char reply[static MODE6_REPLY_MAX])
{
	assert(strchr(name, '/') == NULL && name[0] != '.' && name[0] != '\0');
	return on_configure(arg, from, name, strlen(name), reply);
}

static void
on_events_read(void *arg, uint16_t associd)
{
	const unsigned *how = arg;

	(void)associd;
	assert((*how & (HOW_SIGNED | HOW_NOMODIFY)) == HOW_SIGNED);
}

static void
on_refused(void *arg, const struct addr *from, uint8_t op, const char *why)
{
	(void)arg;
	(void)from;
	(void)op;
	assert(why[0] != '\0');
}

static void
on_key_remark(void *arg, bool error, const char *name, unsigned line, const char *text)
{
	(void)arg;
	(void)name;
	(void)line;
	(void)text;
	assert(!error);
}

/* Signs what is there, as far as the header says it counts. */
static uint8_t *
sign(uint8_t *buf, size_t *len, const struct key *key)
{
	struct control c;
	uint8_t *more;
	size_t at;

	if (control_parse(&c, buf, *len) != CONTROL_OK)
		return buf;
	at = (CONTROL_HEADER_LEN + c.count + 7u) / 8 * 8;
	more = calloc(1, at + MAC_MAX);
	assert(more != NULL);
	memcpy(more, buf, CONTROL_HEADER_LEN + c.count);
	*len = at + key_sign(key, more, at, more + at);
	free(buf);
	return more;
}

/* Nothing is said to what is no request, little to whom it costs nothing to ask, and nothing of the list of addresses to whom may not be there. */
static void
check_end(const struct answer *an, enum control_parse parsed, enum mode6_end end, unsigned how)
{
	const struct control *q = &an->ask;

	assert(end == MODE6_ANSWERED || end == MODE6_ERROR ? an->done : an->datagrams == 0);
	assert(an->datagrams == 0 || (!q->response && !q->error && !q->more && q->offset == 0));
	assert(end == MODE6_ANSWERED ? parsed == CONTROL_OK : an->octets <= CONTROL_HEADER_LEN + 4 + MAC_MAX);
	assert(an->octets <= SIZE_MAX_ALL && (q->op == CONTROL_READ_MRU || an->datagrams <= CONTROL_FRAGMENTS_MAX));
	assert((how & (HOW_LOOPBACK | HOW_NONCE)) != 0 || an->octets <= BUDGET_BURST);
	if (parsed == CONTROL_OK && q->count <= CONTROL_DATA_MAX && q->op == CONTROL_READ_MRU && (how & (HOW_NONCE | HOW_NOMRULIST)) == 0)
		assert(an->datagrams == 0);
	if (is_list(q))
		check_text(an);
}

static void
one_request(struct rd *in, struct mode6 *m, struct control_view *v, struct answer *an)
{
	unsigned how = rd_u8(in);
	const struct mode6_hands hands = { .arg = &how, .configure = on_configure, .save = on_save, .events_read = on_events_read, .refused = on_refused };
	uint8_t *buf;
	struct mode6_request rq = { .hands = &hands, .from = v4(192, 0, 2, 77, 40000), .flags = (how & HOW_NOMRULIST) != 0 ? RESTRICT_NOMRULIST : 0 };
	double pass = fabs(fuzz_seconds(in, 1e6));
	enum control_parse parsed;
	enum mode6_end end;

	v->now.mono = monotime_add(v->now.mono, pass);
	v->now.wall = walltime_add(v->now.wall, pass);
	if ((how & HOW_IPV6) != 0)
		rq.from = (struct addr){ .family = 6, .ip = { 0x20, 1, [15] = 7 }, .port = 40000 };
	if ((how & HOW_LOOPBACK) != 0)
		rq.from = v4(127, 0, 0, 1, 40000);
	if ((how & HOW_NOMODIFY) != 0)
		rq.flags |= RESTRICT_NOMODIFY;
	buf = take_request(in, how, m, &rq.from, v->now.mono, &rq.len);
	an->key = (how & HOW_SIGNED) != 0 && control_parse(&an->ask, buf, rq.len) == CONTROL_OK ? keys_find(v->keys, CONTROLKEY) : NULL;
	rq.buf = buf = an->key != NULL ? sign(buf, &rq.len, an->key) : buf;
	if (an->ask.count > CONTROL_DATA_MAX)
		an->key = NULL;		/* told before the signature is looked at */
	an->len = an->octets = an->datagrams = 0;
	an->done = false;
	an->ask = (struct control){ 0 };
	parsed = control_parse(&an->ask, rq.buf, rq.len);
	end = mode6_handle(m, &rq, v, take, an);
	check_end(an, parsed, end, how);
	free(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mru_opts mo = { .maxdepth = MRU_ENTRIES };
	struct rd in = rd_init(data, size);
	struct mode6 *m = malloc(sizeof(*m));
	struct answer *an = malloc(sizeof(*an));
	struct mru *mru = mru_new(&mo, &(struct mru_key){ { 1, 2 } });
	struct keys *keys;
	struct fixture f;

	assert(m != NULL && an != NULL && mru != NULL);
	fixture_init(&f);
	for (unsigned i = 0; i < MRU_ENTRIES; i++) {
		struct mru_sight s = { .addr = v4(198, 51, 100, (uint8_t)i, (uint16_t)(1000 + i)), .flags = (uint16_t)(i << 4), .version = 4, .mode = 3 };

		if (i % 3 == 2)
			s.addr = (struct addr){ .family = 6, .ip = { 0x20, 1, [4] = (uint8_t)i, [15] = 1 }, .port = 123 };
		(void)mru_note(mru, &s, (struct monotime){ S(NOW_MONO - 100 + i) }, 3000, i);
	}
	f.v.mrus = (struct mrus){ .list = { mru }, .n = 1 };
	f.v.keys = keys = keys_parse("keys", "7 SHA1 aSecretOfTwelve\n", 23, on_key_remark, NULL);
	f.v.controlkey = CONTROLKEY;
	keys_trust(keys, CONTROLKEY, CONTROLKEY);
	mode6_init(m, &(struct nonce_secret){ { 7 } }, &f.v.now);
	while (rd_left(&in) > 0)
		one_request(&in, m, &f.v, an);
	mode6_close(m);
	keys_free(keys);
	mru_free(mru);
	free(an);
	free(m);
	return 0;
}
