/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to replies: which octets are a request, what the reply says, and that it never outgrows what asked for it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "server/respond.h"
#include "server/restrict.h"

#define EPHEMERAL	40000
#define XMT		UINT64_C(0x0123456789abcdef)	/* transmit time of the requests */

/* A request with all that hangs on it. */
struct ask {
	uint8_t		buf[PACKET_MAX];
	struct request	rq;
};

static struct addr
addr(const char *s, uint16_t port)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, s, 0), "%s", s);
	a.port = port;
	return a;
}

static void
ask_init(struct ask *a, uint8_t first, size_t len)
{
	memset(a, 0, sizeof(*a));
	a->buf[0] = first;
	a->buf[2] = 6;
	for (int i = 0; i < 8; i++)
		a->buf[40 + i] = (uint8_t)(XMT >> (56 - 8 * i));
	a->rq = (struct request){
		.buf = a->buf,
		.len = len,
		.peer = addr("192.0.2.77", EPHEMERAL),
		.local = addr("192.0.2.1", 0),
		.rec = { INT64_C(1700000000250000000) },
		.chance = 1,
	};
}

static enum respond_reason
check(const struct ask *a)
{
	struct request_head head;

	return respond_check(&a->rq, &head);
}

static struct sysvars
synchronised(void)
{
	struct sysvars s;

	sysvars_init(&s, -20);
	s.leap = LEAP_INSERT;
	s.stratum = 2;
	s.refid = 0xc0000201;
	s.reftime = (struct walltime){ INT64_C(1699999990500000000) };
	s.updated = (struct monotime){ INT64_C(5000000000) };
	s.rootdelay = 0.5;
	s.rootdisp = 0.25;
	s.disp_rate = 0.001;
	return s;
}

START_TEST(a_search_is_answered_by_who_knows_better_only)
{
	static const struct { uint8_t ours, theirs, floor, ceiling; bool cohort, answered; } rows[] = {
		{ 2, 0, 0, 15, false, true },		/* who asks says nothing of itself */
		{ 2, 3, 0, 15, false, true },
		{ 2, 2, 0, 15, false, false },
		{ 2, 2, 0, 15, true, true },
		{ 3, 2, 0, 15, true, false },
		{ 2, 0, 3, 15, false, false },
		{ 3, 0, 3, 15, false, true },
		{ 5, 0, 0, 5, false, false },
		{ 16, 0, 0, 15, false, false },
	};
	struct sysvars sys = synchronised();

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct respond_search o = { .floor = rows[i].floor, .ceiling = rows[i].ceiling, .cohort = rows[i].cohort };
		struct packet rq = { .stratum = rows[i].theirs };

		sys.stratum = rows[i].ours;
		ck_assert_msg(respond_search(&sys, &o, &rq) == rows[i].answered, "row %zu", i);
	}
	sys.stratum = 2;
	sys.leap = LEAP_UNSYNC;
	ck_assert(!respond_search(&sys, &(struct respond_search){ .ceiling = 15 }, &(struct packet){ 0 }));
}
END_TEST

START_TEST(broadcasts_are_the_clients_only_where_it_listens)
{
	struct ask a;

	ask_init(&a, 4 << 3 | MODE_BROADCAST, PACKET_LEN);
	ck_assert_int_eq(check(&a), RESPOND_MODE);
	a.rq.broadcast = true;
	ck_assert_int_eq(check(&a), RESPOND_DESTINATION);
	a.rq.heard = true;
	ck_assert_int_eq(check(&a), RESPOND_UNASKED);
	a.rq.flags = RESTRICT_NOTRUST;
	ck_assert_int_eq(check(&a), RESPOND_UNSIGNED);
	a.rq.flags = RESTRICT_IGNORE;
	ck_assert_int_eq(check(&a), RESPOND_IGNORED);
}
END_TEST

START_TEST(packets_of_known_peers_are_the_clients_and_others_modes_stay_what_they_were)
{
	static const struct { uint8_t first; bool known; enum respond_reason why; } rows[] = {
		{ 4 << 3 | MODE_ACTIVE, false, RESPOND_TIME }, { 4 << 3 | MODE_ACTIVE, true, RESPOND_UNASKED },
		{ 4 << 3 | MODE_PASSIVE, false, RESPOND_MODE }, { 4 << 3 | MODE_PASSIVE, true, RESPOND_UNASKED },
		{ 4 << 3 | MODE_CLIENT, true, RESPOND_TIME }, { 4 << 3 | MODE_BROADCAST, true, RESPOND_MODE }, { 4 << 3 | MODE_SERVER, true, RESPOND_MODE },
	};
	struct ask a;

	for (size_t i = 0; i < NELEMS(rows); i++) {
		ask_init(&a, rows[i].first, PACKET_LEN);
		a.rq.known = rows[i].known;
		ck_assert_int_eq(check(&a), rows[i].why);
		a.rq.flags = RESTRICT_NOTRUST;
		ck_assert_int_eq(check(&a), rows[i].why == RESPOND_MODE ? RESPOND_MODE : RESPOND_UNSIGNED);
		a.rq.flags = RESTRICT_NOSERVE;
		ck_assert_int_eq(check(&a), RESPOND_NOSERVE);
	}
}
END_TEST

/* The whole way, as the worker goes it without a rate limit; the length of the reply, or 0. */
static size_t
respond_all(const struct ask *a, const struct sysvars *sys, uint8_t out[static RESPOND_MAX])
{
	struct monotime now = monotime_add((struct monotime){ INT64_C(5000000000) }, 10);
	struct request_head head;
	struct packet face;
	size_t len = 0;

	respond_face(&face, sys, now);
	switch (respond_check(&a->rq, &head)) {
	case RESPOND_TIME:
		len = respond_reply(out, &a->rq, &head, &face);
		break;
	case RESPOND_NAK:
		len = respond_nak(out, &a->rq, &head, &face);
		break;
	default:
		return 0;
	}
	respond_stamp(out, (struct walltime){ INT64_C(1700000000500000000) });
	return len;
}

static struct packet
parse(const uint8_t *buf, size_t len)
{
	struct packet_tail tail;
	struct packet p;

	ck_assert_int_eq(packet_parse(&p, &tail, buf, len), WIRE_OK);
	return p;
}

START_TEST(a_reply_says_what_we_know)
{
	struct sysvars sys = synchronised();
	uint8_t out[RESPOND_MAX];
	struct packet p;
	struct ask a;

	ask_init(&a, 0xe3, 48);
	ck_assert_uint_eq(respond_all(&a, &sys, out), 48);
	p = parse(out, 48);
	ck_assert_uint_eq(p.leap, LEAP_INSERT);
	ck_assert_uint_eq(p.version, 4);
	ck_assert_uint_eq(p.mode, MODE_SERVER);
	ck_assert_uint_eq(p.stratum, 2);
	ck_assert_int_eq(p.poll, 6);
	ck_assert_int_eq(p.precision, -20);
	ck_assert_uint_eq(p.rootdelay, 0x8000);
	ck_assert_double_eq_tol(short_to_seconds(p.rootdisp), 0.25 + 10 * 0.001, 1.0 / 65536);
	ck_assert_uint_eq(p.refid, 0xc0000201);
	ck_assert_uint_eq(p.reftime.raw, (UINT64_C(1699999990) + NTP_UNIX_EPOCH) << 32 | 0x80000000);
	ck_assert_uint_eq(p.org.raw, XMT);
	ck_assert_uint_eq(p.rec.raw, (UINT64_C(1700000000) + NTP_UNIX_EPOCH) << 32 | 0x40000000);
	ck_assert_uint_eq(p.xmt.raw, (UINT64_C(1700000000) + NTP_UNIX_EPOCH) << 32 | 0x80000000);
}
END_TEST

START_TEST(before_synchronisation_nothing_is_claimed)
{
	struct sysvars sys;
	uint8_t out[RESPOND_MAX];
	struct packet p;
	struct ask a;

	sysvars_init(&sys, -18);
	ask_init(&a, 0x23, 48);
	ck_assert_uint_eq(respond_all(&a, &sys, out), 48);
	p = parse(out, 48);
	ck_assert_uint_eq(p.leap, LEAP_UNSYNC);
	ck_assert_uint_eq(p.stratum, 0);
	ck_assert_uint_eq(p.refid, REFID_INIT);
	ck_assert_uint_eq(p.reftime.raw, 0);
	ck_assert_uint_eq(p.org.raw, XMT);
}
END_TEST

START_TEST(either_sign_of_lost_time_hides_stratum_and_refid)
{
	struct monotime now = { INT64_C(5000000000) };
	struct sysvars sys = synchronised();
	struct packet face;

	sys.leap = LEAP_UNSYNC;
	respond_face(&face, &sys, now);
	ck_assert_uint_eq(face.stratum, 0);
	ck_assert_uint_eq(face.refid, REFID_INIT);
	sys = synchronised();
	sys.stratum = STRATUM_UNSYNC;
	sys.refid = REFID_STEP;
	respond_face(&face, &sys, now);
	ck_assert_uint_eq(face.leap, LEAP_UNSYNC);
	ck_assert_uint_eq(face.stratum, 0);
	ck_assert_uint_eq(face.refid, REFID_STEP);
	sys = synchronised();
	sys.stratum = 15;
	respond_face(&face, &sys, now);
	ck_assert_uint_eq(face.leap, LEAP_INSERT);
	ck_assert_uint_eq(face.stratum, 15);
}
END_TEST

/* WIRE-02: all first octets, from any port and from port 123. */
START_TEST(of_all_first_octets_only_requests_are_answered)
{
	struct sysvars sys = synchronised();

	for (int port = 0; port < 2; port++)
		for (unsigned first = 0; first < 256; first++) {
			unsigned version = first >> 3 & 7, mode = first & 7, want = 0;
			uint8_t out[RESPOND_MAX];
			struct ask a;
			size_t len;

			ask_init(&a, (uint8_t)first, 48);
			a.rq.peer.port = port == 0 ? EPHEMERAL : 123;
			if (version >= 1 && version <= 4) {
				if (mode == 3 || (mode == 0 && version == 1 && port == 0))
					want = 4;
				else if (mode == 1)
					want = 2;
			}
			len = respond_all(&a, &sys, out);
			ck_assert_msg((len == 48) == (want != 0), "first octet 0x%02x", first);
			ck_assert_uint_eq(check(&a) == RESPOND_CONTROL, mode == 6);
			if (len == 0)
				continue;
			ck_assert_uint_eq(out[0] & 7, want);
			ck_assert_uint_eq(out[0] >> 3 & 7, version);
		}
}
END_TEST

/* WIRE-01: every length below a header, every first octet. */
START_TEST(short_datagrams_are_dropped)
{
	for (size_t len = 0; len < 48; len++)
		for (unsigned first = 0; first < 256; first++) {
			enum respond_reason why;
			struct ask a;

			ask_init(&a, (uint8_t)first, len);
			why = check(&a);
			if (len >= 2 && (first & 7) == MODE_PRIVATE)
				ck_assert_int_eq(why, RESPOND_PRIVATE);
			else if (len >= 12 && (first & 7) == MODE_CONTROL)
				ck_assert_int_eq(why, RESPOND_CONTROL);
			else
				ck_assert_int_eq(why, RESPOND_SHORT);
		}
}
END_TEST

START_TEST(mode_seven_is_never_answered)
{
	for (size_t len = 2; len <= 600; len++) {
		struct ask a;

		ask_init(&a, 0x17, len);
		ck_assert_int_eq(check(&a), RESPOND_PRIVATE);
	}
}
END_TEST

/* SRV-01, WIRE-03 and WIRE-04 as seen from the reply. */
START_TEST(a_reply_is_never_longer_than_its_request)
{
	uint64_t dice = chance_seed("respond length");
	struct sysvars sys = synchronised();
	unsigned replies = 0, naks = 0;

	for (int i = 0; i < 300000; i++) {
		uint8_t out[RESPOND_MAX];
		struct ask a;
		size_t len;

		ask_init(&a, (uint8_t)(chance(&dice) % 2 == 0 ? 0x23 : chance(&dice)), chance(&dice) % 160);
		for (size_t k = 1; k < 160; k++)
			a.buf[k] = (uint8_t)(chance(&dice) % 4 == 0 ? chance(&dice) : 0);
		if (chance(&dice) % 2 == 0)
			a.buf[51] = (uint8_t)(chance(&dice) % 128);
		len = respond_all(&a, &sys, out);
		ck_assert_uint_le(len, a.rq.len);
		ck_assert(len == 0 || len == 48 || len == 52);
		replies += len == 48;
		naks += len == 52;
	}
	ck_assert_uint_gt(replies, 1000);
	ck_assert_uint_gt(naks, 1000);
}
END_TEST

START_TEST(too_long_datagrams_are_dropped)
{
	struct ask a;

	ask_init(&a, 0x23, PACKET_MAX + 1);
	ck_assert_int_eq(check(&a), RESPOND_LONG);
}
END_TEST

/* WIRE-10: the octets of a request that a reply repeats, and those that mean nothing to us. */
START_TEST(extreme_numbers_come_back_as_they_are)
{
	static const uint64_t stamps[] = { 0, UINT64_MAX, 1, UINT64_C(1) << 63 };
	struct sysvars sys = synchronised();

	for (size_t i = 0; i < NELEMS(stamps); i++)
		for (int poll = -128; poll < 128; poll++) {
			uint8_t out[RESPOND_MAX];
			struct ask a;
			struct packet p;

			ask_init(&a, 0x23, 48);
			memset(a.buf + 1, poll & 0xff, 39);
			for (int k = 0; k < 8; k++)
				a.buf[40 + k] = (uint8_t)(stamps[i] >> (56 - 8 * k));
			ck_assert_uint_eq(respond_all(&a, &sys, out), 48);
			p = parse(out, 48);
			ck_assert_uint_eq(p.org.raw, stamps[i]);
			ck_assert_int_eq(p.poll, poll);
			ck_assert_int_eq(p.precision, -20);
		}
}
END_TEST

/* WIRE-08: two fields of unknown type, the last of them 28 octets long. */
START_TEST(extension_fields_are_ignored)
{
	struct sysvars sys = synchronised();
	uint8_t out[RESPOND_MAX];
	struct ask a;

	ask_init(&a, 0x23, 48 + 16 + 28);
	a.buf[48] = 0x12;
	a.buf[51] = 16;
	a.buf[64] = 0x34;
	a.buf[67] = 28;
	ck_assert_uint_eq(respond_all(&a, &sys, out), 48);
	a.buf[67] = 22;
	ck_assert_int_eq(check(&a), RESPOND_TRAILER);
}
END_TEST

START_TEST(an_unknown_key_gets_a_crypto_nak)
{
	struct sysvars sys = synchronised();

	for (size_t mac = 20; mac <= 24; mac += 4) {
		uint8_t out[RESPOND_MAX];
		struct ask a;

		ask_init(&a, 0x23, 48 + mac);
		a.buf[51] = 9;
		ck_assert_uint_eq(respond_all(&a, &sys, out), 52);
		ck_assert_uint_eq(out[48] | out[49] | out[50] | out[51], 0);
		ck_assert_uint_eq(parse(out, 48).org.raw, XMT);
	}
}
END_TEST

/* WIRE-07 */
START_TEST(a_crypto_nak_is_no_request)
{
	struct ask a;

	ask_init(&a, 0x23, 52);
	ck_assert_int_eq(check(&a), RESPOND_NAKED);
	a.buf[51] = 1;
	ck_assert_int_eq(check(&a), RESPOND_TRAILER);
}
END_TEST

/* SRV-12 */
START_TEST(ports_that_answer_anything_are_not_answered)
{
	static const uint16_t ports[] = { 0, 7, 13, 17, 19, 37 };

	for (size_t i = 0; i < NELEMS(ports); i++)
		for (unsigned first = 0; first < 256; first++) {
			struct ask a;

			ask_init(&a, (uint8_t)first, 48);
			a.rq.peer.port = ports[i];
			ck_assert_int_eq(check(&a), RESPOND_PORT);
		}
}
END_TEST

/* SRV-10, SRV-11 */
START_TEST(nobody_can_be_at_these_addresses)
{
	static const struct { const char *peer, *local; bool ok; } rows[] = {
		{ "127.0.0.1", "192.0.2.1", false },
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "127.0.0.53", true },
		{ "127.127.28.0", "127.0.0.1", false },
		{ "192.0.2.5", "127.0.0.1", true },
		{ "::1", "2001:db8::1", false },
		{ "::1", "::1", true },
		{ "::", "2001:db8::1", false },
		{ "ff02::101", "2001:db8::1", false },
		{ "0.0.0.0", "192.0.2.1", false },
		{ "224.0.1.1", "192.0.2.1", false },
		{ "240.0.0.1", "192.0.2.1", false },
		{ "255.255.255.255", "192.0.2.1", false },
		{ "192.0.2.5", "224.0.1.1", false },
		{ "192.0.2.5", "255.255.255.255", false },
		{ "2001:db8::5", "ff05::101", false },
		{ "2001:db8::5", "2001:db8::1", true },
		{ "fe80::5", "fe80::1", true },
	};

	for (size_t i = 0; i < NELEMS(rows); i++)
		for (int mode = 3; mode <= 6; mode += 3) {
			enum respond_reason why;
			struct ask a;

			ask_init(&a, (uint8_t)(0x20 | mode), 48);
			a.rq.peer = addr(rows[i].peer, EPHEMERAL);
			a.rq.local = addr(rows[i].local, 0);
			why = check(&a);
			ck_assert_msg((why == RESPOND_TIME || why == RESPOND_CONTROL) == rows[i].ok, "%s to %s", rows[i].peer, rows[i].local);
		}
}
END_TEST

START_TEST(a_request_to_a_broadcast_address_is_dropped)
{
	struct ask a;

	ask_init(&a, 0x23, 48);
	a.rq.broadcast = true;
	ck_assert_int_eq(check(&a), RESPOND_DESTINATION);
}
END_TEST

START_TEST(without_a_local_address_a_request_is_answered)
{
	struct ask a;

	ask_init(&a, 0x23, 48);
	a.rq.local = (struct addr){ 0 };
	ck_assert_int_eq(check(&a), RESPOND_TIME);
}
END_TEST

/* What each flag does to client, symmetric and control requests of versions 4 and 3, and to a client request with a MAC. */
START_TEST(each_flag_does_what_it_says)
{
	enum { CLIENT, SYMMETRIC, CONTROL, OLD, SIGNED, KINDS };
	static const struct { uint8_t first; size_t len; } kinds[KINDS] = { { 0x23, 48 }, { 0x21, 48 }, { 0x26, 12 }, { 0x1b, 48 }, { 0x23, 68 } };
	static const struct { unsigned flags; enum respond_reason want[KINDS]; } rows[] = {
#define ROW(flags, client, symmetric, control, old, mac) \
	{ flags, { RESPOND_##client, RESPOND_##symmetric, RESPOND_##control, RESPOND_##old, RESPOND_##mac } }
		ROW(0,				TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_IGNORE,		IGNORED,	IGNORED,	IGNORED,	IGNORED,	IGNORED),
		ROW(RESTRICT_NOSERVE,		NOSERVE,	NOSERVE,	CONTROL,	NOSERVE,	NOSERVE),
		ROW(RESTRICT_NOQUERY,		TIME,		TIME,		NOQUERY,	TIME,		NAK),
		ROW(RESTRICT_NOTRUST,		UNSIGNED,	UNSIGNED,	CONTROL,	UNSIGNED,	NAK),
		ROW(RESTRICT_VERSION,		TIME,		TIME,		CONTROL,	VERSION,	NAK),
		ROW(RESTRICT_NOPEER,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_NOEPEER,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_NOMODIFY,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_NOTRAP,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_LOWPRIOTRAP,	TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_LIMITED,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_KOD,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_MSSNTP,		TIME,		TIME,		CONTROL,	TIME,		MSSNTP),
		ROW(RESTRICT_NOMRULIST,		TIME,		TIME,		CONTROL,	TIME,		NAK),
		ROW(RESTRICT_FUZZ,		TIME,		TIME,		CONTROL,	TIME,		NAK),
#undef ROW
	};

	for (size_t i = 0; i < NELEMS(rows); i++)
		for (int k = 0; k < KINDS; k++) {
			struct ask a;

			ask_init(&a, kinds[k].first, kinds[k].len);
			a.rq.flags = rows[i].flags;
			ck_assert_msg(check(&a) == rows[i].want[k], "flags 0x%04x, kind %d: %s", rows[i].flags, k, respond_reason_str(check(&a)));
		}
}
END_TEST

START_TEST(flake_drops_one_time_packet_in_ten)
{
	uint64_t dice = chance_seed("flake");
	int dropped = 0;

	for (int i = 0; i < 100000; i++) {
		struct ask a;

		ask_init(&a, 0x23, 48);
		a.rq.flags = RESTRICT_FLAKE;
		a.rq.chance = chance(&dice);
		dropped += check(&a) == RESPOND_FLAKE;
	}
	ck_assert_int_ge(dropped, 10000 - 6 * 95);	/* binomial: sigma is 95 */
	ck_assert_int_le(dropped, 10000 + 6 * 95);
}
END_TEST

START_TEST(fuzz_moves_the_reference_time_back_by_less_than_a_second)
{
	uint64_t dice = chance_seed("fuzz");
	struct sysvars sys = synchronised();

	for (int i = 0; i < 1000; i++) {
		uint8_t out[RESPOND_MAX];
		struct ask a;
		double back;

		ask_init(&a, 0x23, 48);
		a.rq.flags = RESTRICT_FUZZ;
		a.rq.chance = chance(&dice) | 1;
		ck_assert_uint_eq(respond_all(&a, &sys, out), 48);
		back = ntptime_diff(walltime_to_ntp(sys.reftime), parse(out, 48).reftime);
		ck_assert_double_gt(back, 0);
		ck_assert_double_lt(back, 1);
	}
}
END_TEST

static struct packet
kod_for(struct ask *a, int8_t minpoll)
{
	uint8_t out[RESPOND_MAX];
	struct request_head head;

	ck_assert_int_eq(respond_check(&a->rq, &head), RESPOND_TIME);
	ck_assert_uint_eq(respond_kod(out, &head, minpoll), 48);
	return parse(out, 48);
}

START_TEST(a_kod_holds_nothing_but_the_request_and_the_kiss)
{
	struct packet p, q;
	struct ask a;

	ask_init(&a, 0x1b, 48);
	for (int i = 3; i < 40; i++)
		a.buf[i] = (uint8_t)(i * 7);
	p = kod_for(&a, 3);
	q = parse(a.buf, 48);
	ck_assert_uint_eq(p.leap, LEAP_UNSYNC);
	ck_assert_uint_eq(p.version, 3);
	ck_assert_uint_eq(p.mode, MODE_SERVER);
	ck_assert_uint_eq(p.stratum, 0);
	ck_assert_uint_eq(p.refid, REFID_RATE);
	ck_assert_int_eq(p.poll, 6);
	ck_assert_int_eq(p.precision, q.precision);
	ck_assert_uint_eq(p.rootdelay, q.rootdelay);
	ck_assert_uint_eq(p.rootdisp, q.rootdisp);
	ck_assert_uint_eq(p.reftime.raw, q.reftime.raw);
	ck_assert_uint_eq(p.org.raw, XMT);
	ck_assert_uint_eq(p.rec.raw, XMT);
	ck_assert_uint_eq(p.xmt.raw, XMT);
}
END_TEST

START_TEST(a_kod_asks_for_the_slower_of_two_polls)
{
	struct ask a;

	ask_init(&a, 0x23, 48);
	a.buf[2] = 2;
	ck_assert_int_eq(kod_for(&a, 3).poll, 3);
	a.buf[2] = 10;
	ck_assert_int_eq(kod_for(&a, 3).poll, 10);
	a.buf[2] = 0x80;
	ck_assert_int_eq(kod_for(&a, 3).poll, 3);
}
END_TEST

/* Mode 2, which no daemon answers; the same mode back would be a request. */
START_TEST(a_kod_for_a_symmetric_request_is_no_request)
{
	struct ask a;

	ask_init(&a, 0x21, 48);
	ck_assert_uint_eq(kod_for(&a, 3).mode, MODE_PASSIVE);
}
END_TEST

/* Nothing we send is answered if it comes back to us, or to another one like us. */
START_TEST(no_reply_is_a_request)
{
	struct sysvars sys = synchronised();

	for (unsigned first = 0; first < 256; first++) {
		uint8_t out[RESPOND_MAX];
		struct ask a, b;
		size_t len;

		ask_init(&a, (uint8_t)first, 72);
		a.rq.peer.port = 123;
		len = respond_all(&a, &sys, out);
		if (len == 0)
			continue;
		ask_init(&b, out[0], len);
		memcpy(b.buf, out, len);
		b.rq.peer.port = 123;
		ck_assert_int_eq(check(&b), RESPOND_MODE);
	}
}
END_TEST

START_TEST(every_reason_is_counted_once_in_its_place)
{
	static const struct { enum respond_reason why; size_t where; bool version; } rows[] = {
#define ROW(why, where, version)	{ RESPOND_##why, offsetof(struct server_counters, where), version }
		ROW(SHORT, badformat, false), ROW(LONG, badformat, false), ROW(PORT, badformat, false), ROW(SOURCE, restricted, false),
		ROW(DESTINATION, restricted, false), ROW(IGNORED, restricted, false), ROW(PRIVATE, restricted, false),
		ROW(NOQUERY, restricted, false), ROW(NOSERVE, restricted, false), ROW(FLAKE, restricted, false), ROW(VERSION, badformat, false),
		ROW(RESERVED, badformat, true), ROW(MODE, declined, true), ROW(TRAILER, badformat, true), ROW(UNSIGNED, restricted, true),
		ROW(NAKED, badauth, true), ROW(NAK, badauth, true), ROW(LIMITED, limited, true), ROW(KOD, kodsent, true),
#undef ROW
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct server_counters got = { 0 }, want = { .received = 2 };

		respond_count(&got, rows[i].why, 4);
		respond_count(&got, rows[i].why, 3);
		memcpy((uint8_t *)&want + rows[i].where, &(uint64_t){ 2 }, sizeof(uint64_t));
		want.limited = rows[i].why == RESPOND_KOD ? 2 : want.limited;
		want.thisver = want.oldver = rows[i].version ? 1 : 0;
		ck_assert_msg(memcmp(&got, &want, sizeof(got)) == 0, "%s", respond_reason_str(rows[i].why));
	}
}
END_TEST

START_TEST(an_answered_request_counts_as_received_and_by_version)
{
	struct server_counters got = { 0 };

	respond_count(&got, RESPOND_TIME, 4);
	respond_count(&got, RESPOND_TIME, 1);
	respond_count(&got, RESPOND_CONTROL, 2);
	ck_assert_uint_eq(got.received, 3);
	ck_assert_uint_eq(got.thisver, 1);
	ck_assert_uint_eq(got.oldver, 1);
	ck_assert_uint_eq(got.badformat + got.badauth + got.declined + got.restricted + got.limited + got.kodsent, 0);
}
END_TEST

START_TEST(version_1_is_counted_by_mode)
{
	struct server_counters got = { 0 }, want = { .ver1 = 4, .ver1client = 2, .ver1zero = 1, .ver1symm = 1 };

	respond_count_ver1(&got, RESPOND_TIME, 1 << 3 | MODE_CLIENT);
	respond_count_ver1(&got, RESPOND_KOD, 1 << 3 | MODE_CLIENT);
	respond_count_ver1(&got, RESPOND_TIME, 1 << 3 | MODE_RESERVED);
	respond_count_ver1(&got, RESPOND_NAK, 1 << 3 | MODE_ACTIVE);
	respond_count_ver1(&got, RESPOND_TIME, 4 << 3 | MODE_CLIENT);
	respond_count_ver1(&got, RESPOND_IGNORED, 1 << 3 | MODE_CLIENT);
	respond_count_ver1(&got, RESPOND_SHORT, 1 << 3);
	ck_assert_mem_eq(&got, &want, sizeof(got));
}
END_TEST

START_TEST(counters_have_names_and_add_up)
{
	struct server_counters sum = { .sent = 1, .received = 5 }, one = { .sent = 2, .badauth = 7 };

	server_counters_add(&sum, &one);
	ck_assert_uint_eq(sum.sent, 3);
	ck_assert_uint_eq(sum.received, 5);
	ck_assert_uint_eq(sum.badauth, 7);
	ck_assert_uint_eq(server_counter_rows_len * sizeof(uint64_t), sizeof(struct server_counters));
	for (size_t i = 0; i < server_counter_rows_len; i++)
		ck_assert_uint_eq(server_counter_rows[i].offset, i * sizeof(uint64_t));
	ck_assert_str_eq(server_counter_rows[0].name, "received");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("respond");
	TCase *tc = tcase_create("respond");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, version_1_is_counted_by_mode);
	tcase_add_test(tc, a_search_is_answered_by_who_knows_better_only);
	tcase_add_test(tc, broadcasts_are_the_clients_only_where_it_listens);
	tcase_add_test(tc, packets_of_known_peers_are_the_clients_and_others_modes_stay_what_they_were);
	tcase_add_test(tc, a_reply_says_what_we_know);
	tcase_add_test(tc, before_synchronisation_nothing_is_claimed);
	tcase_add_test(tc, either_sign_of_lost_time_hides_stratum_and_refid);
	tcase_add_test(tc, of_all_first_octets_only_requests_are_answered);
	tcase_add_test(tc, short_datagrams_are_dropped);
	tcase_add_test(tc, mode_seven_is_never_answered);
	tcase_add_test(tc, a_reply_is_never_longer_than_its_request);
	tcase_add_test(tc, too_long_datagrams_are_dropped);
	tcase_add_test(tc, extreme_numbers_come_back_as_they_are);
	tcase_add_test(tc, extension_fields_are_ignored);
	tcase_add_test(tc, an_unknown_key_gets_a_crypto_nak);
	tcase_add_test(tc, a_crypto_nak_is_no_request);
	tcase_add_test(tc, ports_that_answer_anything_are_not_answered);
	tcase_add_test(tc, nobody_can_be_at_these_addresses);
	tcase_add_test(tc, a_request_to_a_broadcast_address_is_dropped);
	tcase_add_test(tc, without_a_local_address_a_request_is_answered);
	tcase_add_test(tc, each_flag_does_what_it_says);
	tcase_add_test(tc, flake_drops_one_time_packet_in_ten);
	tcase_add_test(tc, fuzz_moves_the_reference_time_back_by_less_than_a_second);
	tcase_add_test(tc, a_kod_holds_nothing_but_the_request_and_the_kiss);
	tcase_add_test(tc, a_kod_asks_for_the_slower_of_two_polls);
	tcase_add_test(tc, a_kod_for_a_symmetric_request_is_no_request);
	tcase_add_test(tc, no_reply_is_a_request);
	tcase_add_test(tc, every_reason_is_counted_once_in_its_place);
	tcase_add_test(tc, an_answered_request_counts_as_received_and_by_version);
	tcase_add_test(tc, counters_have_names_and_add_up);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
