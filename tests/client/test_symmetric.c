/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets between symmetric peers, basic and interleaved: what is believed, what is echoed, and what changes nothing (RFC 5905 section 8, RFC 9769). */
#include "auth/keys.h"
#include "base/ntp.h"
#include "client/exchange.h"
#include "../unit.h"
#include "wire.h"

#define DELAY	0.010	/* s, each way */
#define AHEAD	0.250	/* s, of b's clock before a's */

static const struct packet face = {
	.stratum = 2, .poll = 6, .precision = -20, .rootdelay = 66, .rootdisp = 66, .refid = REFID('G', 'P', 'S', 0),
};

/* One side: its exchange, and how far its clock is ahead of the time of the test. */
struct side {
	struct exchange	x;
	double		ahead;
	uint64_t	chance;
};

struct wirecopy {
	uint8_t	buf[REQUEST_MAX];
	size_t	len;
};

static struct side
side(uint8_t mode, double ahead)
{
	return (struct side){ .x.mode = mode, .ahead = ahead, .chance = 1 };
}

static struct wirecopy
speak(struct side *s, double when)
{
	struct wirecopy w;
	struct departure d = { .wall = wall(when + s->ahead), .mono = mono(when), .chance = s->chance };

	s->chance = s->chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
	w.len = exchange_symmetric(&s->x, &face, &d, 4, w.buf);
	return w;
}

static struct reply
hear(struct side *s, const struct wirecopy *w, double when)
{
	struct delivery d = deliver_bytes(w->buf, w->len, when);
	struct reply r;

	d.in.t4 = wall(when + s->ahead);
	exchange_receive(&s->x, &d.in, &r);
	free(d.buf);
	return r;
}

static struct reply
pass(struct side *from, struct side *to, double when)
{
	struct wirecopy w = speak(from, when);

	return hear(to, &w, when + DELAY);
}

static struct packet
parsed(const struct wirecopy *w)
{
	struct packet_tail tail;
	struct packet p;

	ck_assert_int_eq(packet_parse(&p, &tail, w->buf, w->len), WIRE_OK);
	return p;
}

static struct wirecopy
built(const struct packet *p)
{
	struct wirecopy w = { .len = PACKET_LEN };

	packet_build(p, w.buf);
	return w;
}

/* a has asked b, b has answered, and so on: both have heard an answer. */
static void
acquaint(struct side *a, struct side *b, double *now)
{
	pass(a, b, *now += 16);
	pass(b, a, *now += 16);
	pass(a, b, *now += 16);
	pass(b, a, *now += 16);
}

START_TEST(two_that_know_nothing_of_each_other_begin)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct reply r = pass(&a, &b, 1);

	ck_assert_int_eq(r.kind, REPLY_DROPPED);
	r = pass(&b, &a, 17);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_double_eq_tol(r.sample.offset, AHEAD, 1e-5);
	ck_assert_double_eq_tol(r.sample.delay, 2 * DELAY, 1e-5);
	/* Half way between, since b has kept it for long. */
	ck_assert_double_eq_tol(monotime_diff(r.sample.when, mono(0)), 9.005, 1e-3);
	r = pass(&a, &b, 33);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_double_eq_tol(r.sample.offset, -AHEAD, 1e-5);
}
END_TEST

START_TEST(a_passive_side_hears_active_ones_only)
{
	struct side active = side(MODE_ACTIVE, 0), passive = side(MODE_PASSIVE, 0), other = side(MODE_PASSIVE, 0);
	double now = 0;

	acquaint(&active, &passive, &now);
	ck_assert_int_eq(pass(&active, &passive, now += 16).kind, REPLY_SAMPLE);
	ck_assert_int_eq(pass(&passive, &active, now += 16).kind, REPLY_SAMPLE);
	pass(&other, &passive, now += 1);
	pass(&passive, &other, now += 1);
	ck_assert_int_eq(pass(&other, &passive, now += 1).kind, REPLY_DROPPED);
}
END_TEST

/* Octets of everything that a good exchange stands on. */
static void
check_good_part(const struct exchange *x, const struct exchange *before)
{
	struct exchange a = *x, b = *before;

	a.stray = b.stray = (struct echo){ 0 };
	ck_assert_mem_eq(&a, &b, sizeof(a));
}

START_TEST(a_packet_that_answers_nothing_is_echoed_only_when_answers_stay_away)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct exchange before;
	struct wirecopy w;
	struct packet p;
	double now = 0;

	acquaint(&a, &b, &now);
	p = (struct packet){ .version = 4, .mode = MODE_ACTIVE, .stratum = 1, .rec = { 7 }, .xmt = walltime_to_ntp(wall(now + 5)) };
	for (int i = 0; i < 3; i++) {
		before = a.x;
		w = built(&p);
		ck_assert_int_eq(hear(&a, &w, now += 1).kind, REPLY_DROPPED);
		check_good_part(&a.x, &before);
		w = speak(&a, now += 16);
		ck_assert_uint_eq(parsed(&w).org.raw, before.good.xmt.raw);
	}
	w = built(&p);
	hear(&a, &w, now += 1);
	w = speak(&a, now += 16);
	ck_assert_uint_eq(parsed(&w).org.raw, p.xmt.raw);
}
END_TEST

START_TEST(what_was_sent_before_and_what_is_our_own_is_not_even_echoed)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct wirecopy old, mine;
	struct exchange before;
	double now = 0;

	pass(&a, &b, now += 16);
	old = speak(&b, now += 1);
	hear(&a, &old, now += DELAY);
	acquaint(&a, &b, &now);
	mine = speak(&a, now += 16);
	before = a.x;
	ck_assert_int_eq(hear(&a, &old, now += 1).kind, REPLY_DROPPED);
	ck_assert_mem_eq(&a.x, &before, sizeof(before));
	ck_assert_int_eq(hear(&a, &mine, now += 1).kind, REPLY_DROPPED);
	ck_assert_mem_eq(&a.x, &before, sizeof(before));
}
END_TEST

START_TEST(the_same_answer_counts_once)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct exchange before;
	struct wirecopy w;
	struct reply r;
	double now = 0;

	acquaint(&a, &b, &now);
	pass(&a, &b, now += 16);
	w = speak(&b, now += 16);
	ck_assert_int_eq(hear(&a, &w, now += DELAY).kind, REPLY_SAMPLE);
	before = a.x;
	r = hear(&a, &w, now += 1);
	ck_assert_int_eq(r.kind, REPLY_DROPPED);
	ck_assert_uint_eq(r.flash, FLASH_DUP);
	ck_assert_mem_eq(&a.x, &before, sizeof(before));
}
END_TEST

START_TEST(a_second_answer_is_the_one_to_be_answered)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	double now = 0;

	acquaint(&a, &b, &now);
	pass(&a, &b, now += 16);
	pass(&b, &a, now += 1);
	ck_assert_int_eq(pass(&b, &a, now += 1).kind, REPLY_DROPPED);
	ck_assert_int_eq(pass(&a, &b, now += 16).kind, REPLY_SAMPLE);
}
END_TEST

START_TEST(packets_that_cross_do_not_end_the_conversation)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct wirecopy from_a, from_b;
	double now = 0;

	acquaint(&a, &b, &now);
	pass(&a, &b, now += 16);
	from_a = speak(&a, now += 16);
	from_b = speak(&b, now);
	hear(&a, &from_b, now + DELAY);
	hear(&b, &from_a, now + DELAY);
	from_a = speak(&a, now += 16);
	ck_assert_int_eq(hear(&b, &from_a, now + DELAY).kind, REPLY_SAMPLE);
}
END_TEST

static void
no_remark(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	(void)file;
	(void)line;
	ck_assert_msg(!error, "%s", text);
}

START_TEST(without_the_mac_nothing_at_all_changes)
{
	static const char text[] = "7 SHA1 0123456789abcdefghij\n";
	struct keys *keys = keys_parse("keys", text, sizeof(text) - 1, no_remark, NULL);
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct exchange before;
	struct wirecopy w, bad;
	double now = 0;

	ck_assert_ptr_nonnull(keys);
	keys_trust(keys, 7, 7);
	a.x.key = b.x.key = keys_find(keys, 7);
	acquaint(&a, &b, &now);
	pass(&a, &b, now += 16);
	w = speak(&b, now += 16);
	before = a.x;
	bad = w;
	bad.len = PACKET_LEN;
	ck_assert_uint_eq(hear(&a, &bad, now += 0.1).flash, FLASH_AUTH);
	bad = w;
	bad.buf[w.len - 1] ^= 1;
	ck_assert_uint_eq(hear(&a, &bad, now += 0.1).flash, FLASH_AUTH);
	bad = w;
	bad.buf[31] ^= 1;	/* of the origin */
	ck_assert_uint_eq(hear(&a, &bad, now += 0.1).flash, FLASH_BOGUS);
	bad.buf[47] ^= 1;	/* and of the transmit timestamp, in the future */
	bad.buf[40] ^= 1;
	hear(&a, &bad, now += 0.1);
	ck_assert_mem_eq(&a.x, &before, sizeof(before));
	ck_assert_int_eq(hear(&a, &w, now += 0.1).kind, REPLY_SAMPLE);
	keys_free(keys);
}
END_TEST

/* --- interleaved --------------------------------------------------------------------------------- */

START_TEST(interleaved_peers_tell_when_the_packet_before_had_left)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct wirecopy w, late;
	struct reply r;
	double now = 0;

	a.x.xleave = b.x.xleave = true;
	acquaint(&a, &b, &now);
	for (int i = 0; i < 4; i++) {
		pass(&a, &b, now += 16);
		/* It takes 5 ms until the packet is out, which b knows only then. */
		late = speak(&b, now += 16);
		exchange_sent(&b.x, wall(now + 0.005 + b.ahead), 0);
		hear(&a, &late, now + 0.005 + DELAY);
	}
	w = speak(&a, now += 16);
	ck_assert_uint_eq(parsed(&w).org.raw, parsed(&late).rec.raw);
	hear(&b, &w, now + DELAY);
	r = pass(&b, &a, now += 16);
	ck_assert(r.interleaved);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_double_eq_tol(r.sample.offset, AHEAD, 1e-5);
	ck_assert_double_eq_tol(r.sample.delay, 2 * DELAY, 1e-5);
}
END_TEST

START_TEST(a_basic_association_never_becomes_interleaved)
{
	struct side a = side(MODE_ACTIVE, 0), b = side(MODE_ACTIVE, AHEAD);
	struct exchange before;
	struct wirecopy w;
	struct packet p;
	double now = 0;

	acquaint(&a, &b, &now);
	w = speak(&a, now += 16);
	hear(&b, &w, now + DELAY);
	before = a.x;
	/* What an interleaved peer would say, and what a forger may guess from our receive timestamp. */
	p = face;
	p.version = 4;
	p.mode = MODE_ACTIVE;
	p.org = parsed(&w).rec;
	p.rec = walltime_to_ntp(wall(now + DELAY));
	p.xmt = walltime_to_ntp(wall(now - 100));
	w = built(&p);
	ck_assert_uint_eq(hear(&a, &w, now += 1).flash, FLASH_BOGUS);
	ck_assert_mem_eq(&a.x, &before, sizeof(before));
}
END_TEST

/* A server that does both, and remembers when its last reply left. */
static struct packet
served(const struct packet *rq, double came, bool interleaved, double left_before)
{
	return (struct packet){
		.version = 4,
		.mode = MODE_SERVER,
		.stratum = 1,
		.precision = -20,
		.org = interleaved ? rq->rec : rq->xmt,
		.rec = walltime_to_ntp(wall(came + AHEAD)),
		.xmt = walltime_to_ntp(wall((interleaved ? left_before : came) + AHEAD)),
	};
}

static struct reply
ask_server(struct exchange *x, double when, bool interleaved, double left_before)
{
	uint8_t buf[REQUEST_MAX];
	struct wirecopy w = { .len = exchange_request(x, UINT64_C(0x1234567800000000) + (uint64_t)(when * 1000), 4, buf) };
	struct delivery d;
	struct packet p;
	struct reply r;

	memcpy(w.buf, buf, w.len);
	exchange_sent(x, wall(when), 0);
	p = parsed(&w);
	p = served(&p, when + DELAY, interleaved, left_before);
	d = deliver(&p, when + 2 * DELAY + 0.005);
	exchange_receive(x, &d.in, &r);
	free(d.buf);
	return r;
}

START_TEST(an_interleaved_client_learns_from_the_next_reply_when_the_last_had_left)
{
	struct exchange x = { .xleave = true };
	struct reply r = ask_server(&x, 100, false, 0);

	/* 5 ms between the server's stamp and the leaving of its reply: the basic sample is off by half of it. */
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_double_eq_tol(r.sample.offset, AHEAD - 0.0025, 1e-5);
	r = ask_server(&x, 164, true, 100 + DELAY + 0.005);
	ck_assert(r.interleaved);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
	ck_assert_double_eq_tol(r.sample.offset, AHEAD, 1e-5);
	ck_assert_double_eq_tol(r.sample.delay, 2 * DELAY, 1e-5);
	ck_assert_double_eq_tol(monotime_diff(r.sample.when, mono(0)), 100 + 2 * DELAY + 0.005, 1e-6);
	r = ask_server(&x, 228, false, 0);
	ck_assert(!r.interleaved);
	ck_assert_int_eq(r.kind, REPLY_SAMPLE);
}
END_TEST

START_TEST(an_interleaved_request_says_no_more_of_our_clock_than_a_basic_one)
{
	struct exchange x = { .xleave = true };
	struct wirecopy w = { .len = PACKET_LEN };
	struct packet p;

	ask_server(&x, 100, false, 0);
	exchange_request(&x, 42, 4, w.buf);
	p = parsed(&w);
	ck_assert_uint_eq(p.xmt.raw, 42);
	ck_assert_uint_ne(p.rec.raw, 42);
	ck_assert_uint_ne(p.rec.raw, 0);
	ck_assert_uint_eq(p.org.raw, walltime_to_ntp(wall(100 + DELAY + AHEAD)).raw);
	ck_assert_double_gt(fabs(ntptime_diff(p.rec, walltime_to_ntp(wall(100)))), 1000);
}
END_TEST

START_TEST(a_basic_client_takes_no_interleaved_reply)
{
	struct exchange x = { 0 };
	struct wirecopy w = { .len = PACKET_LEN };
	struct exchange before;
	struct packet p;
	struct reply r;
	struct delivery d;

	ask_server(&x, 100, false, 0);
	exchange_request(&x, 42, 4, w.buf);
	exchange_sent(&x, wall(164), 0);
	before = x;
	p = parsed(&w);
	p = served(&p, 164 + DELAY, true, 100);
	for (int i = 0; i < 2; i++) {
		d = deliver(&p, 165);
		exchange_receive(&x, &d.in, &r);
		free(d.buf);
		ck_assert_int_eq(r.kind, REPLY_DROPPED);
		ck_assert_mem_eq(&x, &before, sizeof(before));
		p.org = walltime_to_ntp(wall(100 + 2 * DELAY + 0.005));	/* our receive timestamp of the reply before */
	}
}
END_TEST

UNIT_MAIN("symmetric and interleaved exchanges",
    two_that_know_nothing_of_each_other_begin,
    a_passive_side_hears_active_ones_only,
    a_packet_that_answers_nothing_is_echoed_only_when_answers_stay_away,
    what_was_sent_before_and_what_is_our_own_is_not_even_echoed,
    the_same_answer_counts_once,
    a_second_answer_is_the_one_to_be_answered,
    packets_that_cross_do_not_end_the_conversation,
    without_the_mac_nothing_at_all_changes,
    interleaved_peers_tell_when_the_packet_before_had_left,
    a_basic_association_never_becomes_interleaved,
    an_interleaved_client_learns_from_the_next_reply_when_the_last_had_left,
    an_interleaved_request_says_no_more_of_our_clock_than_a_basic_one,
    a_basic_client_takes_no_interleaved_reply)
