/* SPDX-License-Identifier: BSD-2-Clause */
/* The request, and every test a datagram has to pass to be its reply (RFC 5905 sections 8 and 9.2). */
#include "base/ntp.h"
#include "client/exchange.h"
#include "../unit.h"
#include "wire.h"

#define NONCE	UINT64_C(0x0123456789abcdef)
#define T1	1000.0	/* s */
#define DELAY	0.020	/* s */
#define T4	(T1 + DELAY)

static struct exchange
asked(uint64_t nonce)
{
	struct exchange x = { 0 };
	uint8_t buf[REQUEST_MAX];

	exchange_request(&x, nonce, 4, buf);
	exchange_sent(&x, wall(T1), 0);
	return x;
}

static struct reply
receive(struct exchange *x, const struct packet *p)
{
	struct delivery d = deliver(p, T4);
	struct reply r;

	exchange_receive(x, &d.in, &r);
	free(d.buf);
	return r;
}

/* It is dropped for this reason and nothing has changed. */
static void
check_dropped(const struct exchange *x, const struct packet *p, unsigned flash)
{
	struct exchange after = *x;
	struct reply r = receive(&after, p);

	ck_assert_int_eq(r.kind, REPLY_DROPPED);
	ck_assert_uint_eq(r.flash, flash);
	ck_assert_mem_eq(&after, x, sizeof(after));
}

/* It is ours, but no sample: the exchange is over. */
static void
check_useless(const struct packet *p, unsigned flash)
{
	struct exchange x = asked(NONCE);
	struct reply r = receive(&x, p);

	ck_assert_int_eq(r.kind, REPLY_USELESS);
	ck_assert_uint_eq(r.flash, flash);
	ck_assert(!x.open);
}

START_TEST(a_request_says_nothing_but_version_mode_and_nonce)
{
	for (uint8_t version = 1; version <= 4; version++) {
		uint8_t buf[REQUEST_MAX], want[PACKET_LEN] = { (uint8_t)(version << 3 | MODE_CLIENT) };
		struct exchange x = { 0 };

		for (int i = 0; i < 8; i++)
			want[40 + i] = (uint8_t)(NONCE >> (56 - 8 * i));
		ck_assert_uint_eq(exchange_request(&x, NONCE, version, buf), PACKET_LEN);
		ck_assert_mem_eq(buf, want, sizeof(want));
		ck_assert(x.open);
	}
}
END_TEST

START_TEST(offset_and_delay_are_those_of_the_four_times)
{
	/*
	 * T1 = 1000 s, T2 = 1000.305, T3 = 1000.307, T4 = 1000.020: offset ((0.305) + (0.287)) / 2 = 0.296 s,
	 * delay 0.020 - 0.002 = 0.018 s.
	 */
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE);
	struct delivery d;
	struct reply r;

	p.rec = walltime_to_ntp(wall(1000.305));
	p.xmt = walltime_to_ntp(wall(1000.307));
	d = deliver(&p, T4);
	d.in.steered = -7;
	exchange_receive(&x, &d.in, &r);
	free(d.buf);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_uint_eq(r.flash, 0);
	ck_assert_double_eq_tol(r.sample.offset, 0.296, 1e-9);
	ck_assert_double_eq_tol(r.sample.delay, 0.018, 1e-9);
	ck_assert_double_eq_tol(r.sample.disp, PRECISION + 0x1p-20 + 15e-6 * DELAY, 1e-12);
	ck_assert_double_eq(r.sample.steered, -7);
	ck_assert_int_eq(r.sample.when.ns, mono(T4).ns);
	ck_assert(!x.open);
}
END_TEST

START_TEST(a_better_stamp_of_departure_is_taken_until_the_reply_is)
{
	struct packet p = sound_reply(NONCE, T1 + 0.004, DELAY - 0.004, 0);
	struct exchange x = asked(NONCE);
	struct reply r;

	exchange_sent(&x, wall(T1 + 0.004), 0);
	r = receive(&x, &p);
	ck_assert_double_eq_tol(r.sample.offset, 0, 1e-8);
	ck_assert_double_eq_tol(r.sample.delay, 0.016 - 10e-6, 1e-8);
}
END_TEST

START_TEST(origin_zero_is_refused_in_every_state)	/* CLI-02 */
{
	struct packet zero = sound_reply(0, T1, DELAY, 0), good = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = { 0 };

	check_dropped(&x, &zero, FLASH_BOGUS);
	x = asked(NONCE);
	check_dropped(&x, &zero, FLASH_BOGUS);
	ck_assert_int_eq(receive(&x, &good).kind, REPLY_SAMPLE);
	check_dropped(&x, &zero, FLASH_BOGUS);
}
END_TEST

START_TEST(a_reply_without_times_is_refused_and_a_good_one_still_taken)	/* CLI-03 */
{
	struct packet good = sound_reply(NONCE, T1, DELAY, 0), p;
	struct exchange x = asked(NONCE);

	p = good;
	p.rec.raw = 0;
	check_dropped(&x, &p, FLASH_UNSYNC);
	p = good;
	p.xmt.raw = 0;
	check_dropped(&x, &p, FLASH_UNSYNC);
	ck_assert_int_eq(receive(&x, &good).kind, REPLY_SAMPLE);
}
END_TEST

START_TEST(only_the_first_reply_counts)	/* CLI-04 */
{
	struct packet good = sound_reply(NONCE, T1, DELAY, 0), other = sound_reply(NONCE, T1, DELAY, 5);
	struct exchange x = asked(NONCE);

	ck_assert_int_eq(receive(&x, &good).kind, REPLY_SAMPLE);
	check_dropped(&x, &good, FLASH_DUP);
	check_dropped(&x, &other, FLASH_DUP);
}
END_TEST

START_TEST(origins_of_the_past_are_bogus)	/* CLI-05 */
{
	struct exchange x = { 0 };
	uint8_t buf[REQUEST_MAX];

	for (uint64_t poll = 1; poll <= 100; poll++) {
		exchange_request(&x, NONCE + poll, 4, buf);
		exchange_sent(&x, wall(T1), 0);
		for (uint64_t old = 1; old < poll; old++) {
			struct packet p = sound_reply(NONCE + old, T1, DELAY, 1);

			check_dropped(&x, &p, old == (poll - 1) / 2 * 2 ? FLASH_DUP : FLASH_BOGUS);	/* the last one answered */
		}
		/* Every other one is answered, so that unanswered origins are among the old ones. */
		if (poll % 2 == 0) {
			struct packet good = sound_reply(NONCE + poll, T1, DELAY, 1e-6 * (double)poll);

			ck_assert_int_eq(receive(&x, &good).kind, REPLY_SAMPLE);
		}
	}
}
END_TEST

START_TEST(every_single_bit_of_the_origin_matters)
{
	struct exchange x = asked(NONCE);

	for (int bit = 0; bit < 64; bit++) {
		struct packet p = sound_reply(NONCE ^ UINT64_C(1) << bit, T1, DELAY, 0);

		check_dropped(&x, &p, FLASH_BOGUS);
	}
}
END_TEST

START_TEST(only_a_server_speaks_to_us_and_in_a_version_we_know)
{
	struct exchange x = asked(NONCE);

	for (unsigned version = 0; version < 8; version++) {
		for (unsigned mode = 0; mode < 8; mode++) {
			struct packet p = sound_reply(NONCE, T1, DELAY, 0);

			if (mode == MODE_SERVER && version >= 1 && version <= 4)
				continue;
			p.version = (uint8_t)version;
			p.mode = (uint8_t)mode;
			check_dropped(&x, &p, FLASH_BOGUS);
		}
	}
}
END_TEST

START_TEST(a_kiss_counts_only_with_our_origin)	/* CLI-09 */
{
	static const uint32_t codes[] = { REFID_RATE, REFID_DENY, REFID_RSTR };

	for (size_t i = 0; i < 3; i++) {
		struct packet p = sound_reply(NONCE ^ 1, T1, DELAY, 0);
		struct exchange x = asked(NONCE);
		struct reply r;

		p.stratum = STRATUM_KOD;
		p.leap = LEAP_UNSYNC;
		p.refid = codes[i];
		check_dropped(&x, &p, FLASH_BOGUS);
		p.org.raw = 0;
		check_dropped(&x, &p, FLASH_BOGUS);
		p.org.raw = NONCE;
		r = receive(&x, &p);
		ck_assert_int_eq(r.kind, REPLY_KISS);
		ck_assert_uint_eq(r.kiss, codes[i]);
		ck_assert(!x.open);
		check_dropped(&x, &p, FLASH_DUP);
	}
}
END_TEST

START_TEST(a_kiss_needs_no_times)
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE);

	p.stratum = STRATUM_KOD;
	p.refid = REFID_RATE;
	p.rec.raw = p.xmt.raw = 0;
	ck_assert_int_eq(receive(&x, &p).kind, REPLY_KISS);
}
END_TEST

START_TEST(a_server_without_time_makes_no_sample)	/* CLI-12 */
{
	static const struct { uint8_t leap, stratum; uint32_t refid; } odd[] = {
		{ LEAP_UNSYNC, 2, 0x7f000001 }, { LEAP_UNSYNC, 1, REFID('G', 'P', 'S', 0) }, { LEAP_NONE, 16, 0 }, { LEAP_NONE, 17, 0 },
		{ LEAP_NONE, 255, 0 }, { LEAP_NONE, 0, 0 }, { LEAP_UNSYNC, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct packet p = sound_reply(NONCE, T1, DELAY, 0);

		p.leap = odd[i].leap;
		p.stratum = odd[i].stratum;
		p.refid = odd[i].refid;
		check_useless(&p, FLASH_STRATUM);
	}
}
END_TEST

START_TEST(an_unknown_kiss_code_is_a_kiss_and_no_sample)	/* CLI-12 */
{
	static const uint32_t codes[] = { REFID_INIT, REFID('N', 'T', 'S', 'N'), REFID('X', 'Y', 'Z', 'W'), UINT32_MAX };

	for (size_t i = 0; i < 4; i++) {
		struct packet p = sound_reply(NONCE, T1, DELAY, 0);
		struct exchange x = asked(NONCE);
		struct reply r;

		p.stratum = STRATUM_KOD;
		p.refid = codes[i];
		r = receive(&x, &p);
		ck_assert_int_eq(r.kind, REPLY_KISS);
		ck_assert_uint_eq(r.flash, FLASH_STRATUM);
	}
}
END_TEST

START_TEST(root_distance_is_refused_from_sixteen_seconds)	/* CLI-13 */
{
	static const struct { double delay, disp; bool good; } root[] = {
		{ 0, 15.99, true }, { 0, 16, false }, { 31.99, 0, true }, { 32, 0, false }, { 16, 8, false }, { 15.9, 8, true }, { 2, 2, true },
	};
	struct packet p;

	for (size_t i = 0; i < sizeof(root) / sizeof(root[0]); i++) {
		struct exchange x = asked(NONCE);

		p = sound_reply(NONCE, T1, DELAY, 0);
		p.rootdelay = short_from_seconds(root[i].delay);
		p.rootdisp = short_from_seconds(root[i].disp);
		if (root[i].good)
			ck_assert_int_eq(receive(&x, &p).kind, REPLY_SAMPLE);
		else
			check_useless(&p, FLASH_HEADER);
	}
	p.rootdelay = p.rootdisp = UINT32_MAX;	/* unsigned: no -1/65536 s */
	check_useless(&p, FLASH_HEADER);
	p.rootdelay = UINT32_C(0x80000000);
	p.rootdisp = 0;
	check_useless(&p, FLASH_HEADER);
}
END_TEST

START_TEST(impossible_times_make_no_sample)	/* CLI-14 */
{
	static const double t[][2] = {
		{ 0.010, 0.009 },	/* T3 before T2 */
		{ 0.010, 3600.0 },	/* held for an hour of 20 ms */
		{ 0.010, 0.100 },	/* held for 90 ms of 20 ms */
		{ 3600, 0.010 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct packet p = sound_reply(NONCE, T1, DELAY, 0);

		p.rec = walltime_to_ntp(wall(T1 + t[i][0]));
		p.xmt = walltime_to_ntp(wall(T1 + t[i][1]));
		check_useless(&p, FLASH_HEADER);
	}
}
END_TEST

START_TEST(a_reply_from_before_the_request_makes_no_sample)	/* CLI-14: T4 before T1 */
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE);

	exchange_sent(&x, wall(T1 + 1), 0);
	ck_assert_int_eq(receive(&x, &p).kind, REPLY_USELESS);
	ck_assert(!x.open);
}
END_TEST

START_TEST(a_delay_below_what_clocks_can_show_is_the_precision)
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE);
	struct reply r;

	/* Held for 1.5 us longer than it was away: less than the two precisions, 1 us and 2^-20 s. */
	p.rec = walltime_to_ntp(wall(T1));
	p.xmt = walltime_to_ntp(wall(T4 + 1.5e-6));
	r = receive(&x, &p);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_double_eq(r.sample.delay, PRECISION);
}
END_TEST

START_TEST(a_reply_held_back_makes_no_sample)	/* CLI-15 */
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct delivery d = deliver(&p, T1 + 1.4);
	struct exchange x = asked(NONCE);
	struct reply r;

	exchange_receive(&x, &d.in, &r);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	/* The error is half of what was added to one way, and within half the delay. */
	ck_assert_double_eq_tol(r.sample.offset, -(1.4 - DELAY) / 2, 1e-6);
	ck_assert_double_le(fabs(r.sample.offset), r.sample.delay / 2);
	free(d.buf);
	d = deliver(&p, T1 + 1.6);
	x = asked(NONCE);
	exchange_receive(&x, &d.in, &r);
	ck_assert_int_eq(r.kind, REPLY_USELESS);
	ck_assert_uint_eq(r.flash, FLASH_HEADER);
	free(d.buf);
}
END_TEST

START_TEST(a_precision_of_more_than_all_dispersion_makes_no_sample)
{
	for (int precision = -128; precision < 128; precision++) {
		struct packet p = sound_reply(NONCE, T1, DELAY, 0);
		struct exchange x = asked(NONCE);
		struct reply r;

		p.precision = (int8_t)precision;
		r = receive(&x, &p);
		ck_assert_int_eq(r.kind, precision < 4 ? REPLY_SAMPLE : REPLY_USELESS);
		if (precision < 4)
			ck_assert_double_lt(r.sample.disp, DISP_MAX);
	}
}
END_TEST

START_TEST(the_reference_time_enters_nothing)	/* CLI-16 */
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0.125);
	const uint64_t odd[] = {
		walltime_to_ntp(wall(T1 + 1e6)).raw,		/* in the future */
		walltime_to_ntp(wall(T1 - 86400)).raw,		/* a day old */
		p.reftime.raw ^ UINT64_C(1) << 63,		/* in another era, or as good as */
		1, UINT64_MAX,
	};
	struct exchange x = asked(NONCE);
	struct reply zero, r;

	p.reftime.raw = 0;
	zero = receive(&x, &p);
	ck_assert_int_eq(zero.kind, REPLY_SAMPLE);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		x = asked(NONCE);
		p.reftime.raw = odd[i];
		r = receive(&x, &p);
		ck_assert_int_eq(r.kind, REPLY_SAMPLE);
		ck_assert_mem_eq(&r.sample, &zero.sample, sizeof(r.sample));
	}
}
END_TEST

static struct reply
receive_with_tail(struct exchange *x, const struct packet *p, const uint8_t *tail, size_t len)
{
	uint8_t buf[PACKET_LEN + 256];
	struct delivery d;
	struct reply r;

	packet_build(p, buf);
	memcpy(buf + PACKET_LEN, tail, len);
	d = deliver_bytes(buf, PACKET_LEN + len, T4);
	exchange_receive(x, &d.in, &r);
	free(d.buf);
	return r;
}

START_TEST(a_crypto_nak_changes_nothing)	/* WIRE-07 */
{
	struct packet good = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE), before = x;
	struct reply r = receive_with_tail(&x, &good, (const uint8_t[4]){ 0 }, 4);

	ck_assert_int_eq(r.kind, REPLY_DROPPED);
	ck_assert_uint_eq(r.flash, FLASH_AUTH);
	ck_assert_mem_eq(&x, &before, sizeof(x));
	ck_assert_int_eq(receive(&x, &good).kind, REPLY_SAMPLE);
}
END_TEST

START_TEST(fields_nobody_knows_do_not_spoil_a_sample)	/* WIRE-08 */
{
	static const uint8_t fields[88] = {
		0x7f, 0xff, 0, 28, [28] = 0x7f, 0xff, 0, 28,	/* one type twice */
		[56] = 0x00, 0x00, 0, 32,			/* all zero */
	};
	struct packet good = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE);

	ck_assert_int_eq(receive_with_tail(&x, &good, fields, sizeof(fields)).kind, REPLY_SAMPLE);
}
END_TEST

START_TEST(garbage_of_every_length_changes_nothing)
{
	struct packet good = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE), before = x;
	uint8_t buf[PACKET_MAX + 8] = { 0 };

	packet_build(&good, buf);
	for (size_t len = 0; len <= sizeof(buf); len++) {
		struct delivery d = deliver_bytes(buf, len, T4);
		struct reply r;

		/* Behind the header there is nothing but zeros: no field has a length of zero.  20 and 24 octets would be a MAC. */
		if (len != PACKET_LEN && len != PACKET_LEN + 20 && len != PACKET_LEN + 24) {
			exchange_receive(&x, &d.in, &r);
			ck_assert_int_eq(r.kind, REPLY_DROPPED);
			ck_assert_uint_eq(r.flash, len == PACKET_LEN + 4 ? FLASH_AUTH : FLASH_HEADER);
			ck_assert_mem_eq(&x, &before, sizeof(x));
		}
		free(d.buf);
	}
	ck_assert_int_eq(receive(&x, &good).kind, REPLY_SAMPLE);
}
END_TEST

START_TEST(a_step_in_between_voids_the_exchange)	/* SYS-01 */
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct delivery d = deliver(&p, T4);
	struct exchange x = asked(NONCE);
	struct reply r;

	d.in.generation = 1;
	exchange_receive(&x, &d.in, &r);
	ck_assert_int_eq(r.kind, REPLY_USELESS);
	ck_assert_uint_eq(r.flash, 0);	/* it is nobody's fault */
	ck_assert(!x.open);
	free(d.buf);
}
END_TEST

START_TEST(a_server_whose_time_stands_still_makes_one_sample)	/* SRC-04 */
{
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = asked(NONCE);
	uint8_t buf[REQUEST_MAX];

	ck_assert_int_eq(receive(&x, &p).kind, REPLY_SAMPLE);
	exchange_request(&x, NONCE + 1, 4, buf);
	exchange_sent(&x, wall(T1), 0);
	p.org.raw = NONCE + 1;
	check_dropped(&x, &p, FLASH_DUP);
}
END_TEST

START_TEST(offsets_are_right_across_eras_and_at_their_far_end)	/* SRC-10 */
{
	/* s.  2^31 is as far as it goes: at the last of them T2 - T1 and T3 - T4 lie on either side of that. */
	static const double offset[] = { 1e9, -1e9, 2147483640.0, -2147483640.0, 2147483647.0, 2147483647.9 };

	for (size_t i = 0; i < sizeof(offset) / sizeof(offset[0]); i++) {
		struct packet p = sound_reply(NONCE, T1, 1.0, offset[i]);
		struct delivery d = deliver(&p, T1 + 1.0);
		struct exchange x = asked(NONCE);
		struct reply r;

		exchange_receive(&x, &d.in, &r);
		ck_assert_int_eq(r.kind, REPLY_SAMPLE);
		ck_assert_double_eq_tol(remainder(r.sample.offset - offset[i], 0x1p32), 0, 1e-5);	/* eras apart is the same */
		free(d.buf);
	}
}
END_TEST

/* CLI-14 as a property: whatever the four times, what comes out is a number that means something, within its own bounds. */
START_TEST(no_times_make_nonsense)
{
	uint64_t state = 5905;
	unsigned samples = 0;

	for (int i = 0; i < 200000; i++) {
		struct packet p = sound_reply(NONCE, T1, DELAY, 0);
		struct exchange x = asked(NONCE);
		uint64_t r[3];
		struct reply out;

		for (int k = 0; k < 3; k++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			r[k] = state >> (state >> 59) ^ state << 29;
		}
		/* Half of them anywhere, the others near enough to pass. */
		p.rec.raw = i % 2 == 0 ? r[0] : p.rec.raw + (r[0] & 0x7ffffff) - 0x4000000;
		p.xmt.raw = i % 4 == 0 ? r[1] : p.rec.raw + (r[1] & 0x7ffffff) - 0x1000000;
		p.precision = (int8_t)r[2];
		out = receive(&x, &p);
		if (out.kind != REPLY_SAMPLE)
			continue;
		samples++;
		ck_assert(isfinite(out.sample.offset));
		ck_assert_double_le(fabs(out.sample.offset), 0x1p31 + 1);
		ck_assert_double_ge(out.sample.delay, PRECISION);
		ck_assert_double_le(out.sample.delay, 1.5);
		ck_assert(out.sample.disp > 0 && out.sample.disp < DISP_MAX);
	}
	ck_assert_uint_gt(samples, 1000);
}
END_TEST

/* A reply of the given length made of a header and what follows it. */
static struct reply
receive_octets(struct exchange *x, const uint8_t *buf, size_t len)
{
	struct delivery d = deliver(&(struct packet){ 0 }, T4);
	struct arrival in = d.in;
	struct reply r;

	in.buf = buf;
	in.len = len;
	exchange_receive(x, &in, &r);
	free(d.buf);
	return r;
}

static void
no_remark(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	(void)file;
	(void)line;
	ck_assert_msg(!error, "%s", text);
}

START_TEST(a_source_with_a_key_must_sign_with_it)
{
	static const char text[] = "1 SHA1 aSecretOfTwelve\n2 SHA1 bSecretOfTwelve\n3 AES128CMAC 0123456789abcdef0123456789abcdef\n";
	struct keys *keys = keys_parse("keys", text, sizeof(text) - 1, no_remark, NULL);
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	uint8_t req[REQUEST_MAX], buf[PACKET_LEN + MAC_MAX];
	const struct key *key;

	keys_trust(keys, 1, 3);
	for (uint32_t id = 1; id <= 3; id += 2) {
		struct exchange x = { .key = key = keys_find(keys, id) };
		size_t mac = key_mac_len(key);

		/* The request is signed … */
		ck_assert_uint_eq(exchange_request(&x, NONCE, 4, req), PACKET_LEN + mac);
		ck_assert(key_verify(key, req, PACKET_LEN, req + PACKET_LEN, mac));
		exchange_sent(&x, wall(T1), 0);
		packet_build(&p, buf);
		/* … and a reply without a MAC, with a cut one, by another key, over other octets, or a crypto-NAK is none (KEY-01, KEY-02, WIRE-07). */
		ck_assert_uint_eq(receive_octets(&x, buf, PACKET_LEN).flash, FLASH_AUTH);
		key_sign(key, buf, PACKET_LEN, buf + PACKET_LEN);
		ck_assert_int_eq(receive_octets(&x, buf, PACKET_LEN + mac - 4).kind, REPLY_DROPPED);
		key_sign(keys_find(keys, 2), buf, PACKET_LEN, buf + PACKET_LEN);
		ck_assert_uint_eq(receive_octets(&x, buf, PACKET_LEN + 24).flash, FLASH_AUTH);
		memset(buf + PACKET_LEN, 0, 4);
		ck_assert_uint_eq(receive_octets(&x, buf, PACKET_LEN + 4).flash, FLASH_AUTH);
		key_sign(key, buf, PACKET_LEN, buf + PACKET_LEN);
		buf[2] ^= 1;
		ck_assert_uint_eq(receive_octets(&x, buf, PACKET_LEN + mac).flash, FLASH_AUTH);
		buf[2] ^= 1;
		ck_assert(x.open);
		/* The right one still counts. */
		ck_assert_int_eq(receive_octets(&x, buf, PACKET_LEN + mac).kind, REPLY_SAMPLE);
	}
	keys_free(keys);
}
END_TEST

START_TEST(a_kiss_without_the_mac_it_owes_is_ignored)
{
	static const char text[] = "1 SHA1 aSecretOfTwelve\n";
	struct keys *keys = keys_parse("keys", text, sizeof(text) - 1, no_remark, NULL);
	struct packet p = sound_reply(NONCE, T1, DELAY, 0);
	struct exchange x = { 0 };
	uint8_t req[REQUEST_MAX], buf[PACKET_LEN];

	keys_trust(keys, 1, 1);
	x.key = keys_find(keys, 1);
	exchange_request(&x, NONCE, 4, req);
	exchange_sent(&x, wall(T1), 0);
	p.stratum = 0;
	p.refid = REFID_DENY;
	packet_build(&p, buf);
	ck_assert_int_eq(receive_octets(&x, buf, sizeof(buf)).kind, REPLY_DROPPED);
	ck_assert(x.open);
	keys_free(keys);
}
END_TEST

/* Our clock says 2027 and it is 2127: by the wire alone it could as well be 1991. */
START_TEST(a_base_date_tells_the_era)
{
	static const struct { int64_t base; double want; } rows[] = {
		{ 0, 3155760000.0 - 0x1p32 }, { INT64_C(4102444800), 3155760000.0 }, { INT64_C(500000000), 3155760000.0 - 0x1p32 },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct packet p = sound_reply(NONCE, T1, DELAY, 3155760000.0 - 0x1p32);
		struct exchange x = asked(NONCE);
		struct delivery d = deliver(&p, T4);
		struct reply r;

		d.in.basedate.ns = rows[i].base * NS_PER_S;
		exchange_receive(&x, &d.in, &r);
		free(d.buf);
		ck_assert_int_eq(r.kind, REPLY_SAMPLE);
		ck_assert_double_eq_tol(r.sample.offset, rows[i].want, 1e-3);
	}
}
END_TEST

UNIT_MAIN("client/exchange", a_base_date_tells_the_era, a_source_with_a_key_must_sign_with_it, a_kiss_without_the_mac_it_owes_is_ignored,
    a_request_says_nothing_but_version_mode_and_nonce, offset_and_delay_are_those_of_the_four_times,
    a_better_stamp_of_departure_is_taken_until_the_reply_is, origin_zero_is_refused_in_every_state,
    a_reply_without_times_is_refused_and_a_good_one_still_taken, only_the_first_reply_counts, origins_of_the_past_are_bogus,
    every_single_bit_of_the_origin_matters, only_a_server_speaks_to_us_and_in_a_version_we_know, a_kiss_counts_only_with_our_origin,
    a_kiss_needs_no_times, a_server_without_time_makes_no_sample, an_unknown_kiss_code_is_a_kiss_and_no_sample,
    root_distance_is_refused_from_sixteen_seconds, impossible_times_make_no_sample, a_reply_from_before_the_request_makes_no_sample,
    a_delay_below_what_clocks_can_show_is_the_precision, a_reply_held_back_makes_no_sample,
    a_precision_of_more_than_all_dispersion_makes_no_sample, the_reference_time_enters_nothing, a_crypto_nak_changes_nothing,
    fields_nobody_knows_do_not_spoil_a_sample, garbage_of_every_length_changes_nothing, a_step_in_between_voids_the_exchange,
    a_server_whose_time_stands_still_makes_one_sample, offsets_are_right_across_eras_and_at_their_far_end, no_times_make_nonsense)
