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
#define SIZE_MAX_ALL	(MRULIST_FRAGS_MAX * CONTROL_MAX)

enum { HOW_LOOPBACK = 1, HOW_IPV6 = 2, HOW_NOMRULIST = 4, HOW_NONCE = 8 };

/* What comes back for one request. */
struct answer {
	struct control	ask;
	size_t		len, octets, datagrams;	/* of text; of all datagrams; how many */
	bool		done;
	uint8_t		text[MRULIST_TEXT_MAX];
};

static void
take(void *arg, const uint8_t *buf, size_t len)
{
	struct answer *an = arg;
	struct control c;

	assert(control_parse(&c, buf, len) == CONTROL_OK && len <= CONTROL_MAX && !an->done);
	assert(c.response && c.op == an->ask.op && c.sequence == an->ask.sequence && c.version == an->ask.version && c.associd == an->ask.associd);
	assert(c.offset == an->len && len - CONTROL_HEADER_LEN - c.count < 4 && an->len + c.count <= sizeof(an->text));
	assert((!c.more || c.count > 0) && (!c.error || (c.count == 0 && an->datagrams == 0)));
	for (size_t i = CONTROL_HEADER_LEN + c.count; i < len; i++)
		assert(buf[i] == 0);
	memcpy(an->text + an->len, buf + CONTROL_HEADER_LEN, c.count);
	an->len += c.count;
	an->octets += len;
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

/* Nothing is said to what is no request, little to whom it costs nothing to ask, and nothing of the list of addresses to whom may not be there. */
static void
check_end(const struct answer *an, enum control_parse parsed, enum mode6_end end, unsigned how)
{
	const struct control *q = &an->ask;

	assert(end == MODE6_ANSWERED || end == MODE6_ERROR ? an->done : an->datagrams == 0);
	assert(an->datagrams == 0 || (!q->response && !q->error && !q->more && q->offset == 0));
	assert(end == MODE6_ANSWERED ? parsed == CONTROL_OK : an->octets <= CONTROL_HEADER_LEN);
	assert(an->octets <= SIZE_MAX_ALL && (q->op == CONTROL_READ_MRU || an->datagrams <= CONTROL_FRAGMENTS_MAX));
	assert((how & (HOW_LOOPBACK | HOW_NONCE)) != 0 || an->octets <= BUDGET_BURST);
	if (parsed == CONTROL_OK && q->count <= CONTROL_DATA_MAX && q->op == CONTROL_READ_MRU && (how & (HOW_NONCE | HOW_NOMRULIST)) == 0)
		assert(an->datagrams == 0);
	if (q->op != CONTROL_READSTAT || q->associd != 0)
		check_text(an);
}

static void
one_request(struct rd *in, struct mode6 *m, struct control_view *v, struct answer *an)
{
	unsigned how = rd_u8(in);
	struct mode6_request rq = { .from = v4(192, 0, 2, 77, 40000), .flags = (how & HOW_NOMRULIST) != 0 ? RESTRICT_NOMRULIST : 0 };
	double pass = fabs(fuzz_seconds(in, 1e6));
	enum control_parse parsed;
	enum mode6_end end;

	v->now.mono = monotime_add(v->now.mono, pass);
	v->now.wall = walltime_add(v->now.wall, pass);
	if ((how & HOW_IPV6) != 0)
		rq.from = (struct addr){ .family = 6, .ip = { 0x20, 1, [15] = 7 }, .port = 40000 };
	if ((how & HOW_LOOPBACK) != 0)
		rq.from = v4(127, 0, 0, 1, 40000);
	rq.buf = take_request(in, how, m, &rq.from, v->now.mono, &rq.len);
	an->len = an->octets = an->datagrams = 0;
	an->done = false;
	an->ask = (struct control){ 0 };
	parsed = control_parse(&an->ask, rq.buf, rq.len);
	end = mode6_handle(m, &rq, v, take, an);
	check_end(an, parsed, end, how);
	free((void *)(uintptr_t)rq.buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mru_opts mo = { .maxdepth = MRU_ENTRIES };
	struct rd in = rd_init(data, size);
	struct mode6 *m = malloc(sizeof(*m));
	struct answer *an = malloc(sizeof(*an));
	struct mru *mru = mru_new(&mo, &(struct mru_key){ { 1, 2 } });
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
	mode6_init(m, &(struct nonce_secret){ { 7 } }, &f.v.now);
	while (rd_left(&in) > 0)
		one_request(&in, m, &f.v, an);
	mru_free(mru);
	free(an);
	free(m);
	return 0;
}
