/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet that reaches port 123 is, and what to say to it.
 *
 * The order of the checks is ntpd's (compare its receive()), so that its counters keep their meaning.
 */
#include <string.h>

#include "base/bytes.h"
#include "server/respond.h"
#include "server/restrict.h"

#define CONTROL_HEADER	12	/* RFC 9327 section 2: header of a mode 6 message */

struct reason_row {
	size_t		 counter;	/* offset in struct server_counters */
	bool		 versioned;	/* the packet got past the version check */
	const char	*prose;
};

static const struct reason_row reasons[] = {
#define X(name, counter, versioned, prose)	[RESPOND_##name] = { offsetof(struct server_counters, counter), versioned, prose },
	RESPOND_REASONS(X)
#undef X
};

const char *
respond_reason_str(enum respond_reason why)
{
	return reasons[why].prose;
}

/* Ports whose services answer anything: replying to them starts an endless exchange, or helps one who wants that. */
static bool
port_is_hopeless(uint16_t port)
{
	switch (port) {
	case 0:
	case 7:		/* echo */
	case 13:	/* daytime */
	case 17:	/* quote of the day */
	case 19:	/* character generator */
	case 37:	/* time */
		return true;
	default:
		return false;
	}
}

/* Whoever has a loopback address talks to a loopback address; reference clocks send no packets at all. */
static bool
source_is_hopeless(const struct addr *peer, const struct addr *local)
{
	if (addr_is_unusable(peer) || addr_is_refclock(peer))
		return true;
	return addr_is_loopback(peer) && local->family != 0 && !addr_is_loopback(local);
}

static bool
destination_is_hopeless(const struct request *rq)
{
	if (rq->heard || rq->sought)
		return false;
	return rq->broadcast || (rq->local.family != 0 && !addr_is_any(&rq->local) && addr_is_unusable(&rq->local));
}

/* What can be said without looking inside. */
static enum respond_reason
check_envelope(const struct request *rq)
{
	if (rq->len < 2)
		return RESPOND_SHORT;
	if (rq->len > PACKET_MAX)
		return RESPOND_LONG;
	if (port_is_hopeless(rq->peer.port))
		return RESPOND_PORT;
	if (source_is_hopeless(&rq->peer, &rq->local))
		return RESPOND_SOURCE;
	if (destination_is_hopeless(rq))
		return RESPOND_DESTINATION;
	if ((rq->flags & RESTRICT_IGNORE) != 0)
		return RESPOND_IGNORED;
	return RESPOND_TIME;
}

static enum respond_reason
check_control(const struct request *rq)
{
	if ((rq->flags & RESTRICT_NOQUERY) != 0)
		return RESPOND_NOQUERY;
	return rq->len < CONTROL_HEADER ? RESPOND_SHORT : RESPOND_CONTROL;
}

/* Time packets up to their version. */
static enum respond_reason
check_time(const struct request *rq)
{
	uint8_t version = respond_version(rq->buf[0]);

	if ((rq->flags & RESTRICT_NOSERVE) != 0)
		return RESPOND_NOSERVE;
	if (rq->len < PACKET_LEN)
		return RESPOND_SHORT;
	if ((rq->flags & RESTRICT_FLAKE) != 0 && rq->chance % RESTRICT_FLAKE_ONE_IN == 0)
		return RESPOND_FLAKE;
	if (version < NTP_VERSION_MIN || version > NTP_VERSION)
		return RESPOND_VERSION;
	if ((rq->flags & RESTRICT_VERSION) != 0 && version != NTP_VERSION)
		return RESPOND_VERSION;
	return RESPOND_TIME;
}

/* Which mode answers this one?  Mode 0 asks for time in version 1 only, which had no modes; from port 123 it may be anything. */
static enum respond_reason
check_mode(const struct request *rq, uint8_t *reply_mode)
{
	switch (respond_mode(rq->buf[0])) {
	case MODE_CLIENT:
		*reply_mode = MODE_SERVER;
		return RESPOND_TIME;
	case MODE_ACTIVE:
		*reply_mode = MODE_PASSIVE;
		return rq->known ? RESPOND_UNASKED : RESPOND_TIME;
	case MODE_PASSIVE:
		return rq->known ? RESPOND_UNASKED : RESPOND_MODE;
	case MODE_BROADCAST:
		return rq->heard ? RESPOND_UNASKED : RESPOND_MODE;
	case MODE_RESERVED:
		if (respond_version(rq->buf[0]) != 1)
			return RESPOND_RESERVED;
		*reply_mode = MODE_SERVER;
		return rq->peer.port == NTP_PORT ? RESPOND_MODE : RESPOND_TIME;
	default:
		return RESPOND_MODE;
	}
}

/* The key of a request that is signed as it should be; NULL for any other. */
static const struct key *
check_mac(const struct request *rq, const struct packet_tail *tail)
{
	const uint8_t *mac = rq->buf + tail->mac_at;
	struct rd r = rd_init(mac, tail->mac_len);
	const struct key *key = keys_find(rq->keys, rd_u32(&r));

	if (key == NULL || !key_allows(key, &rq->peer) || !key_verify(key, rq->buf, tail->mac_at, mac, tail->mac_len))
		return NULL;
	return key;
}

bool
respond_is_mssntp(const uint8_t *buf, size_t len)
{
	static const uint8_t zero[16];

	return len == PACKET_LEN + KEY_ID_LEN + sizeof(zero) && memcmp(buf + PACKET_LEN + KEY_ID_LEN, zero, sizeof(zero)) == 0;
}

/* Fields of NTS, where we serve so: what they protect is as good as signed. */
static enum respond_reason
check_nts(const struct request *rq, struct request_head *h)
{
	enum warden_verdict v;

	if (rq->warden == NULL || h->tail.fields == 0)
		return RESPOND_TIME;
	v = warden_open(rq->warden, rq->buf, rq->len, h->tail.mac_at, &h->nts);
	if (v == WARDEN_PLAIN)
		return RESPOND_TIME;
	if (v == WARDEN_BAD || respond_mode(rq->buf[0]) != MODE_CLIENT)
		return RESPOND_NTS_BAD;
	h->guarded = v == WARDEN_GOOD;
	return h->guarded ? RESPOND_TIME : RESPOND_NTS_NAK;
}

static enum respond_reason
check_trailer(const struct request *rq, struct request_head *h)
{
	switch (h->tail.kind) {
	case TRAILER_NAK:
		return RESPOND_NAKED;
	case TRAILER_MAC:
		if ((rq->flags & RESTRICT_MSSNTP) != 0 && respond_is_mssntp(rq->buf, rq->len))
			return RESPOND_MSSNTP;
		h->key = check_mac(rq, &h->tail);
		return h->key == NULL ? RESPOND_NAK : RESPOND_TIME;
	case TRAILER_NONE:
		break;
	}
	return (rq->flags & RESTRICT_NOTRUST) != 0 && !h->guarded ? RESPOND_UNSIGNED : RESPOND_TIME;
}

/* Nobody is told of a MAC that is wrong here: the association it is for counts it. */
static enum respond_reason
check_unasked(const struct request *rq, struct request_head *h, struct request_head *head)
{
	enum respond_reason why = check_trailer(rq, h);

	if (why == RESPOND_UNSIGNED || why == RESPOND_NAKED)
		return why;
	*head = *h;
	return RESPOND_UNASKED;
}

enum respond_reason
respond_check(const struct request *rq, struct request_head *head)
{
	struct request_head h = { .reply_mode = MODE_RESERVED };
	enum respond_reason why = check_envelope(rq);

	if (why != RESPOND_TIME)
		return why;
	if (respond_mode(rq->buf[0]) == MODE_PRIVATE)
		return RESPOND_PRIVATE;
	if (respond_mode(rq->buf[0]) == MODE_CONTROL)
		return check_control(rq);
	why = check_time(rq);
	if (why == RESPOND_TIME)
		why = check_mode(rq, &h.reply_mode);
	if (why != RESPOND_TIME && why != RESPOND_UNASKED)
		return why;
	if (packet_parse(&h.pkt, &h.tail, rq->buf, rq->len) != WIRE_OK)
		return RESPOND_TRAILER;
	if (why == RESPOND_UNASKED)
		return check_unasked(rq, &h, head);
	why = check_nts(rq, &h);
	if (why == RESPOND_TIME)
		why = check_trailer(rq, &h);
	if (why == RESPOND_NAK && rq->len < RESPOND_NAK_LEN)
		why = RESPOND_TRAILER;
	if (why == RESPOND_TIME || why == RESPOND_MSSNTP || why == RESPOND_NAK || why == RESPOND_NTS_NAK)
		*head = h;
	return why;
}

bool
respond_search(const struct sysvars *sys, const struct respond_search *o, const struct packet *rq)
{
	uint8_t theirs = rq->stratum == 0 ? STRATUM_UNSYNC : rq->stratum;

	if (sys->leap == LEAP_UNSYNC || sys->stratum == 0 || sys->stratum >= STRATUM_UNSYNC)
		return false;
	if (sys->stratum < o->floor || sys->stratum >= o->ceiling)
		return false;
	return sys->stratum < theirs || (o->cohort && sys->stratum == theirs);
}

static void
count_at(struct server_counters *c, size_t offset)
{
	uint64_t n;
	uint8_t *at = (uint8_t *)c + offset;

	memcpy(&n, at, sizeof(n));
	n++;
	memcpy(at, &n, sizeof(n));
}

void
respond_count(struct server_counters *c, enum respond_reason why, uint8_t version)
{
	const struct reason_row *row = &reasons[why];

	c->received++;
	if (row->counter != offsetof(struct server_counters, received))
		count_at(c, row->counter);
	if (why == RESPOND_KOD)
		c->limited++;
	if (row->versioned && version == NTP_VERSION)
		c->thisver++;
	else if (row->versioned)
		c->oldver++;
}

void
respond_count_ver1(struct server_counters *c, enum respond_reason why, uint8_t first)
{
	uint8_t mode = respond_mode(first);

	if (!reasons[why].versioned || respond_version(first) != 1)
		return;
	c->ver1++;
	c->ver1client += mode == MODE_CLIENT;
	c->ver1zero += mode == MODE_RESERVED;
	c->ver1symm += mode == MODE_ACTIVE;
}

/* Stratum and refid belong together: a stratum of 0 makes the refid a kiss code. */
void
respond_face(struct packet *face, const struct sysvars *sys, struct monotime now)
{
	bool lost = sys->leap == LEAP_UNSYNC || sys->stratum == 0 || sys->stratum >= STRATUM_UNSYNC;

	*face = (struct packet){
		.leap = lost ? LEAP_UNSYNC : sys->leap,
		.stratum = lost ? STRATUM_KOD : sys->stratum,
		.precision = sys->precision,
		.rootdelay = short_from_seconds(sys->rootdelay),
		.rootdisp = short_from_seconds(sysvars_rootdisp(sys, now)),
		.refid = lost && sys->stratum != STRATUM_UNSYNC ? REFID_INIT : sys->refid,
	};
	if (sys->reftime.ns != 0)
		face->reftime = walltime_to_ntp(sys->reftime);
}

/* Nobody is to take the second as well: the warning is hidden, and the reference ID says that the time is smeared. */
void
respond_smear(struct packet *face, const struct leap_smear *smear, double offset)
{
	if (smear->interval <= 0 || face->leap == LEAP_UNSYNC)
		return;
	face->leap = LEAP_NONE;
	if (offset == 0)
		return;
	face->refid = leap_smear_refid(offset);
	if (face->reftime.raw != 0)
		face->reftime.raw += (uint64_t)llround(offset * 0x1p32);
}

size_t
respond_reply(uint8_t out[static RESPOND_MAX], const struct request *rq, const struct request_head *head, const struct packet *face)
{
	struct packet p = *face;

	p.version = head->pkt.version;
	p.mode = head->reply_mode;
	p.poll = head->pkt.poll;
	p.org = head->pkt.xmt;
	p.rec = walltime_to_ntp(rq->rec);
	/* By up to a second into the past, and never into the future: enough to hide when exactly we were last updated. */
	if ((rq->flags & RESTRICT_FUZZ) != 0 && p.reftime.raw != 0)
		p.reftime.raw -= rq->chance;
	packet_build(&p, out);
	return PACKET_LEN;
}

void
respond_interleave(uint8_t reply[static PACKET_LEN], const struct request_head *head, struct ntptime last_xmt)
{
	struct wr org = wr_init(reply + 24, 8), xmt = wr_init(reply + 40, 8);

	wr_u64(&org, head->pkt.rec.raw);
	wr_u64(&xmt, last_xmt.raw);
}

size_t
respond_nak(uint8_t out[static RESPOND_MAX], const struct request *rq, const struct request_head *head, const struct packet *face)
{
	size_t len = respond_reply(out, rq, head, face);

	memset(out + len, 0, RESPOND_MAX - len);	/* key id 0 and no digest (RFC 5905 section 9.2) */
	return RESPOND_NAK_LEN;
}

/* All three times are the client's own, so that one who overlooks the kiss code learns nothing wrong. */
static size_t
kiss(uint8_t out[static PACKET_LEN], const struct request_head *head, uint32_t code, int8_t minpoll)
{
	struct packet p = head->pkt;

	p.leap = LEAP_UNSYNC;
	p.mode = head->reply_mode;
	p.stratum = STRATUM_KOD;
	p.poll = p.poll > minpoll ? p.poll : minpoll;
	p.refid = code;
	p.org = p.rec = p.xmt;
	packet_build(&p, out);
	return PACKET_LEN;
}

size_t
respond_kod(uint8_t out[static RESPOND_MAX], const struct request_head *head, int8_t minpoll)
{
	return kiss(out, head, REFID_RATE, minpoll);
}

size_t
respond_nts_nak(uint8_t *out, const struct request_head *head)
{
	kiss(out, head, REFID_NTSN, head->pkt.poll);
	return warden_nak(&head->nts, out);
}

void
respond_stamp(uint8_t reply[static PACKET_LEN], struct walltime xmt)
{
	struct wr w = wr_init(reply + 40, 8);

	wr_u64(&w, walltime_to_ntp(xmt).raw);
}

size_t
respond_sign(uint8_t out[static RESPOND_MAX], const struct key *key)
{
	return PACKET_LEN + key_sign(key, out, PACKET_LEN, out + PACKET_LEN);
}
