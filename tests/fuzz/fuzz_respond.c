/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet path of the server: a worker with restrict entries, an MRU list and a rate limit of the input's making.  A reply is never
 * longer than its request, never a request itself, and says no more than its sender may hear.
 *
 * Input: state (4), limits (6), entries (1 and 8 each), then packets: time that passes (4), from and how (7), to (1),
 * length and octets.
 */
#include "base/ntp.h"
#include "fuzz.h"
#include "server/restrict.h"
#include "server/worker.h"

#define ENTRIES_MAX	8
#define KEYS		"1 MD5 roof\n2 SHA1 0123456789abcdef0123456789abcdef01234567 192.0.2.0/24\n3 AES128CMAC sixteen.octets..\n4 SHA1 untrusted\n"
#define EPOCH_NS	INT64_C(1795378286000000000)

/* What was passed up of one packet: mode 6, a request that Samba is to sign, or what is for our associations, besides its answer if it is symmetric. */
struct control_seen { unsigned calls, flags, barred; size_t len, least; };

static void
control(void *arg, const struct passed *p)
{
	struct control_seen *seen = arg;

	unsigned mode = respond_mode(p->d->buf[0]);

	*seen = (struct control_seen){ seen->calls + 1, p->flags, RESTRICT_IGNORE | (mode == MODE_CONTROL ? RESTRICT_NOQUERY : RESTRICT_NOSERVE), p->d->len,
	    mode == MODE_CONTROL ? 12 : PACKET_LEN };
	assert(mode != MODE_SERVER && mode != MODE_PRIVATE && mode != MODE_RESERVED);
	assert(mode != MODE_CLIENT || ((p->flags & RESTRICT_MSSNTP) != 0 && respond_is_mssntp(p->d->buf, p->d->len)));
}

/* Four octets as they are, or at both ends of an IPv6 address, which may be link-local. */
static struct addr
take_addr(struct rd *in, unsigned kind)
{
	struct addr a = { .family = (kind & 1) != 0 ? 6 : 4 };

	for (unsigned i = 0; i < 4; i++)
		a.ip[(kind & 1) != 0 && i > 1 ? i + 12 : i] = rd_u8(in);
	if (a.family == 6 && a.ip[0] == 0xfe)
		a.ip[1] = 0x80;
	return a;
}

static void
add_entry(struct rd *in, struct restrict_list *l)
{
	unsigned kind = rd_u8(in), prefix = rd_u8(in);
	struct restrict_rule r = { .flags = rd_u16(in), .ntpport = kind & 2, .ippeerlimit = IPPEERLIMIT_NONE };

	r.addr = take_addr(in, kind);
	addr_mask_bits(&r.mask, r.addr.family, prefix % (addr_len(&r.addr) * 8 + 1));
	addr_apply_mask(&r.addr, &r.mask);
	assert(restrict_add(l, &r) == 0);
}

/* The entry that counts contains the address; entries are in order. */
static void
check_entry(struct restrict_list *l, const struct addr *peer)
{
	const struct restrict_rule *r = &restrict_lookup(l, peer)->rule;
	struct addr masked = *peer;

	addr_apply_mask(&masked, &r->mask);
	assert(r->addr.family == peer->family && memcmp(masked.ip, r->addr.ip, sizeof(masked.ip)) == 0);
	assert(!r->ntpport || peer->port == NTP_PORT);
}

static void
check_mru(const struct mru *m, size_t maxdepth)
{
	struct mru_stats st;
	size_t n = 0;

	for (const struct mru_entry *e = mru_newest(m); e != NULL; e = mru_older(m, e), n++) {
		const struct mru_entry *older = mru_older(m, e);

		assert(mru_find(m, &e->addr) == e && e->count > 0 && (older == NULL || older->last.ns <= e->last.ns));
	}
	mru_get_stats(m, &st);
	assert(n == st.depth && n <= maxdepth);
}

/* RFC 9769: it answers the receive time of a request that names an earlier reply. */
static bool
is_interleaved(const struct datagram *reply, const struct datagram *in)
{
	struct packet_tail tail;
	struct packet p;

	return packet_parse(&p, &tail, in->buf, in->len) == WIRE_OK && interleave_possible(&p) && memcmp(reply->buf + 24, in->buf + 32, 8) == 0;
}

static void
check_reply(const struct worker *w, const struct datagram *in, unsigned flags)
{
	const struct datagram *d = &w->out[0];
	unsigned mode = in->buf[0] & 7, version = in->buf[0] >> 3 & 7;
	bool kod = d->buf[1] == 0 && memcmp(d->buf + 12, "RATE", 4) == 0;
	bool lost = w->sys.leap == LEAP_UNSYNC || w->sys.stratum == 0 || w->sys.stratum >= STRATUM_UNSYNC;
	struct request back = { .buf = d->buf, .len = d->len, .peer = d->local, .chance = 1 };
	struct request_head head;

	assert(addr_equal(&d->peer, &in->peer) && d->len <= in->len && d->len >= PACKET_LEN);
	assert((d->buf[0] >> 3 & 7) == version && version >= 1 && version <= NTP_VERSION && (memcmp(d->buf + 24, in->buf + 40, 8) == 0 || is_interleaved(d, in)));
	assert((d->buf[0] & 7) == (mode == MODE_ACTIVE ? MODE_PASSIVE : MODE_SERVER) && mode != MODE_SERVER && mode != MODE_PASSIVE);
	assert((flags & (RESTRICT_IGNORE | RESTRICT_NOSERVE)) == 0 && (!kod || (flags & RESTRICT_KOD) != 0));
	assert((!lost && !kod) || (d->buf[0] >> 6 == LEAP_UNSYNC && d->buf[1] == 0));
	back.peer.port = 40000;
	assert(d->local.family == 0 || !(respond_check(&back, &head) <= RESPOND_NAK));
}

/* What follows the header of a reply: nothing, the crypto-NAK, or a MAC by the key of a request that was signed by it. */
static void
check_tail(const struct worker *w, const struct datagram *in)
{
	const struct datagram *d = &w->out[0];
	const uint8_t *mac = d->buf + PACKET_LEN;
	size_t len = d->len - PACKET_LEN;
	const struct key *k = len <= KEY_ID_LEN ? NULL : keys_find(w->keys, (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 | mac[3]);

	if (len == KEY_ID_LEN)
		assert(memcmp(mac, "\0\0\0", KEY_ID_LEN) == 0);
	else if (len != 0)
		assert(k != NULL && key_allows(k, &in->peer) && key_verify(k, d->buf, PACKET_LEN, mac, len) &&
		    key_verify(k, in->buf, in->len - len, in->buf + in->len - len, len));
}

/* The MAC of one of the keys behind a datagram: no input could compute it. */
static void
sign(const struct worker *w, struct datagram *d, unsigned id)
{
	const struct key *k = keys_find(w->keys, id);
	uint8_t *bigger = k == NULL ? NULL : realloc(d->buf, d->len + key_mac_len(k));

	if (bigger == NULL)
		return;
	d->buf = bigger;
	d->len += key_sign(k, d->buf, d->len, d->buf + d->len);
}

static void
one_packet(struct worker *w, struct rd *in, struct monotime now, struct control_seen *seen, size_t maxdepth)
{
	struct datagram *d = &w->in[0];
	unsigned kind = rd_u8(in), flags;
	uint64_t received = w->counters.received;
	size_t replies;

	*seen = (struct control_seen){ 0 };
	*d = (struct datagram){ .peer = take_addr(in, kind), .host = { now.ns + EPOCH_NS } };
	d->peer.port = rd_u16(in);
	d->local = (struct addr){ .ip = { 192, 0, 2, rd_u8(in) }, .family = (kind & 2) != 0 ? 0 : 4 };
	d->buf = fuzz_datagram(in, PACKET_MAX + 1, &d->len);
	if ((kind & 64) != 0 && d->len >= PACKET_LEN)	/* the last reply's receive time as origin, which no input could know */
		memcpy(d->buf + 24, w->outbuf[0] + 32, 8);
	if ((kind & 4) != 0 && d->len <= PACKET_MAX - MAC_MAX)
		sign(w, d, kind >> 3 & 7);
	flags = restrict_lookup(w->restricts, &d->peer)->rule.flags;
	check_entry(w->restricts, &d->peer);
	replies = worker_answer(w, 1, -1, now);
	worker_stamp(w, 0, replies, d->host);
	if ((kind & 128) != 0)
		worker_left(w, d->buf, d->len, d->host);
	assert(replies + seen->calls <= 1 + (d->len > 0 && respond_mode(d->buf[0]) == MODE_ACTIVE) && w->counters.received == received + 1);
	assert(seen->calls == 0 || ((seen->flags & seen->barred) == 0 && seen->len >= seen->least));
	if (replies > 0) {
		check_reply(w, d, flags);
		check_tail(w, d);
	}
	check_mru(w->mru, maxdepth);
	free(d->buf);
}

static void
ignore(void *arg, bool error, const char *name, unsigned line, const char *text)
{
	(void)arg; (void)error; (void)name; (void)line; (void)text;
}

/* Made once: that takes longer than all the rest of a run. */
static const struct keys *
signers(void)
{
	static struct keys *keys;

	if (keys == NULL) {
		keys = keys_parse("keys", KEYS, sizeof(KEYS) - 1, ignore, NULL);
		keys_trust(keys, 1, 3);
	}
	assert(keys != NULL);
	return keys;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	struct control_seen seen = { 0 };
	struct worker *w = calloc(1, sizeof(*w));
	struct mru_opts mo = { 0 };
	struct monotime now = { INT64_C(1000000000000) };
	const struct addr own = { .family = 4, .ip = { 192, 0, 2, 1 } };

	assert(w != NULL);
	w->keys = signers();
	if (!worker_init(w))
		abort();
	sysvars_init(&w->sys, -20);
	w->sys.leap = rd_u8(&in) & 3;
	w->sys.stratum = rd_u8(&in) % (STRATUM_UNSYNC + 1);
	w->dice = rd_u16(&in);
	w->map.rate = 1;
	w->discard = (struct discard_opts){ .average_log2 = rd_u8(&in), .minimum = rd_u8(&in) / 16.0, .monitor = 3000 };
	mo = (struct mru_opts){ .maxdepth = 1 + rd_u8(&in) % 16, .mindepth = rd_u8(&in) % 16, .maxage = rd_u8(&in), .minage = rd_u8(&in) / 4.0 };
	w->mru = mru_new(&mo, &(struct mru_key){ { 1, 2 } });
	w->restricts = restrict_new();
	w->pass = control;
	w->pass_arg = &seen;
	assert(w->mru != NULL && w->restricts != NULL && restrict_interfaces(w->restricts, &own, 1) == 0);
	for (unsigned n = rd_u8(&in) % (ENTRIES_MAX + 1); n > 0; n--)
		add_entry(&in, w->restricts);
	while (rd_left(&in) > 0) {
		now = monotime_add(now, fabs(fuzz_seconds(&in, 1e6)));
		one_packet(w, &in, now, &seen, (size_t)mo.maxdepth);
	}
	mru_free(w->mru);
	restrict_free(w->restricts);
	worker_clear(w);
	free(w);
	return 0;
}
