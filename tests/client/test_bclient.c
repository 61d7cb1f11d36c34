/* SPDX-License-Identifier: BSD-2-Clause */
/* Broadcasts heard: which of them count, what they say, and when a server that has fallen silent is let go. */
#include "auth/keys.h"
#include "base/ntp.h"
#include "client/assoc.h"
#include "wire/control.h"
#include "../unit.h"
#include "wire.h"

#define ONEWAY	0.003	/* s */
#define AHEAD	0.100	/* s, of the server's clock */
#define POLL	4	/* log2 s */
#define PERIOD	16.0	/* s */

static const struct bclient_opts measured = { .delay = -0.05, .back = 2 };
static const struct bclient_opts assumed = { .delay = ONEWAY, .back = 2 };

static struct assoc
born(double now)
{
	struct assoc_opts o = assoc_defaults;
	struct assoc_out out;
	struct addr addr;
	struct assoc a;

	o.iburst = true;
	ck_assert(addr_parse(&addr, "192.0.2.1", 0));
	assoc_init(&a, 7, &o, mono(now), 0, 0, ESTIMATOR_FREQ_UNKNOWN);
	assoc_set_addr(&a, &addr, mono(now), &out);
	return a;
}

static struct packet
broadcast(double sent)
{
	return (struct packet){
		.version = 4, .mode = MODE_BROADCAST, .stratum = 1, .poll = POLL, .precision = -20, .refid = REFID('G', 'P', 'S', 0),
		.xmt = walltime_to_ntp(wall(sent + AHEAD)),
	};
}

static struct assoc_out
hear(struct assoc *a, const struct packet *p, double came, const struct bclient_opts *o)
{
	struct delivery d = deliver(p, came);
	struct assoc_out out;

	assoc_broadcast(a, &d.in, o, &out);
	free(d.buf);
	return out;
}

static struct assoc_out
hear_sound(struct assoc *a, double sent, const struct bclient_opts *o)
{
	struct packet p = broadcast(sent);

	return hear(a, &p, sent + ONEWAY, o);
}

/* One question and its answer, both on their way for ONEWAY. */
static double
ask_once(struct assoc *a, double now)
{
	struct dice dice = { .nonce = (uint64_t)(now * 1e6), .uniform = 0.5 };
	struct assoc_out out;
	struct delivery d;
	struct packet p;

	assoc_timer(a, mono(now), dice, &out);
	ck_assert(out.what & ASSOC_SEND);
	assoc_sent(a, wall(now), 0);
	p = sound_reply(request_nonce(out.pkt), now, 2 * ONEWAY, AHEAD);
	d = deliver(&p, now + 2 * ONEWAY);
	assoc_receive(a, &d.in, &out);
	free(d.buf);
	return now + 2 * ONEWAY + fmax(out.wait, 0);
}

START_TEST(with_an_assumed_delay_the_first_broadcast_counts)
{
	struct assoc a = born(100);
	struct assoc_out out = hear_sound(&a, 100, &assumed);

	ck_assert(out.what & ASSOC_UPDATE);
	ck_assert_uint_eq(a.reach, 1);
	ck_assert_double_eq_tol(a.stat.offset, AHEAD, 1e-6);
	ck_assert_double_eq_tol(a.stat.delay, 2 * ONEWAY, 1e-9);
	for (int i = 1; i <= 7; i++)
		hear_sound(&a, 100 + i * PERIOD, &assumed);
	ck_assert_uint_eq(a.reach, 0377);
}
END_TEST

START_TEST(the_delay_is_learnt_by_asking_and_then_nothing_is_asked)
{
	struct assoc a = born(100);
	struct assoc_out out = hear_sound(&a, 100, &measured);
	double now = 100.1;

	ck_assert_uint_eq(a.reach, 0);
	ck_assert(!a.listening);
	for (int i = 0; i < 4; i++)
		now = ask_once(&a, now);
	out = hear_sound(&a, 116, &measured);
	ck_assert(a.listening);
	ck_assert(out.what & ASSOC_CLOSE);
	ck_assert_double_eq_tol(a.oneway, ONEWAY, 2e-5);
	ck_assert_double_eq_tol(a.stat.offset, AHEAD, 1e-4);
	for (now = 116; now < 400; now += out.wait) {
		assoc_timer(&a, mono(now), (struct dice){ .nonce = 9, .uniform = 0.5 }, &out);
		ck_assert_uint_eq(out.what & ASSOC_SEND, 0);
	}
}
END_TEST

START_TEST(a_delay_beyond_belief_is_half_the_round_trip)
{
	struct assoc a = born(100);
	double now = 100.1;

	for (int i = 0; i < 4; i++)
		now = ask_once(&a, now);
	/* Held back by a second somewhere. */
	struct packet p = broadcast(115);

	hear(&a, &p, 116, &measured);
	ck_assert(a.listening);
	ck_assert_double_eq_tol(a.oneway, ONEWAY, 2e-5);
}
END_TEST

/* It is dropped for this reason and nothing but a counter changes. */
static void
check_dropped(const struct assoc *a, const struct packet *p, double came, const struct bclient_opts *o)
{
	struct assoc after = *a;
	struct assoc_out out = hear(&after, p, came, o);

	ck_assert_uint_eq(out.what, 0);
	ck_assert_uint_eq(after.count.bogus + after.count.dup + after.count.badauth, a->count.bogus + a->count.dup + a->count.badauth + 1);
	after.count = a->count;
	ck_assert_mem_eq(&after, a, sizeof(after));
}

START_TEST(what_was_sent_before_is_not_heard_again)
{
	struct assoc a = born(100);
	struct packet old = broadcast(100), now = broadcast(116);

	hear_sound(&a, 100, &assumed);
	hear_sound(&a, 116, &assumed);
	check_dropped(&a, &now, 116.5, &assumed);
	check_dropped(&a, &now, 132, &assumed);
	check_dropped(&a, &old, 132, &assumed);
	check_dropped(&a, &old, 149, &assumed);
	check_dropped(&a, &now, 300, &assumed);
}
END_TEST

START_TEST(what_comes_before_its_time_is_not_heard)
{
	struct assoc a = born(100);
	struct packet p = broadcast(109);
	struct assoc_out out;

	hear_sound(&a, 100, &assumed);
	check_dropped(&a, &p, 109 + ONEWAY, &assumed);
	p = broadcast(113.5);	/* an eighth of the interval and a second are forgiven */
	out = hear(&a, &p, 113.5 + ONEWAY, &assumed);
	ck_assert(out.what & ASSOC_UPDATE);
}
END_TEST

/* tos bcpollbstep: what is earlier than the last one may be what was sent before. */
START_TEST(a_server_that_was_stepped_backwards_is_believed_after_so_many_intervals_of_silence)
{
	for (int back = 0; back <= 4; back++) {
		struct bclient_opts o = { .delay = ONEWAY, .back = back };
		struct packet old = broadcast(50);
		double silence = back == 0 ? PERIOD : back * PERIOD + 2;
		struct assoc a = born(100);
		struct assoc_out out;

		hear_sound(&a, 100, &o);
		check_dropped(&a, &old, 100 + ONEWAY + 0.8 * PERIOD, &o);
		if (back > 0)
			check_dropped(&a, &old, 100 + ONEWAY + silence - 0.1, &o);
		out = hear(&a, &old, 100 + ONEWAY + silence + 0.1, &o);
		ck_assert(out.what & ASSOC_UPDATE);
		/* That is the last one now, and no more than that. */
		check_dropped(&a, &old, 100 + ONEWAY + 2 * silence + 1, &o);
	}
}
END_TEST

START_TEST(what_was_sent_before_is_not_heard_as_long_as_others_are)
{
	struct packet old = broadcast(84);
	struct assoc a = born(100);

	for (int i = 0; i < 20; i++) {
		hear_sound(&a, 100 + i * PERIOD, &assumed);
		check_dropped(&a, &old, 100 + (i + 0.95) * PERIOD, &assumed);
	}
}
END_TEST

START_TEST(packets_that_are_no_broadcasts_are_not_heard_as_such)
{
	struct assoc a = born(100);
	struct packet p;

	for (uint8_t mode = 0; mode < 8; mode++) {
		p = broadcast(100);
		p.mode = mode;
		if (mode != MODE_BROADCAST)
			check_dropped(&a, &p, 100 + ONEWAY, &assumed);
	}
	p = broadcast(100);
	p.xmt.raw = 0;
	check_dropped(&a, &p, 100 + ONEWAY, &assumed);
	p = broadcast(100);
	p.org.raw = 1;
	check_dropped(&a, &p, 100 + ONEWAY, &assumed);
	p = broadcast(100);
	p.poll = 18;
	check_dropped(&a, &p, 100 + ONEWAY, &assumed);
	p.poll = -1;
	check_dropped(&a, &p, 100 + ONEWAY, &assumed);
}
END_TEST

START_TEST(a_server_without_time_is_heard_and_not_followed)
{
	struct assoc a = born(100);
	struct packet p = broadcast(100);
	struct assoc_out out;

	p.leap = LEAP_UNSYNC;
	out = hear(&a, &p, 100 + ONEWAY, &assumed);
	ck_assert_uint_eq(out.what & ASSOC_UPDATE, 0);
	ck_assert_uint_eq(a.reach, 0);
	ck_assert_uint_eq(a.flash & FLASH_STRATUM, FLASH_STRATUM);
}
END_TEST

/* One that left late after its stamp, and says when the one before did. */
static struct packet
interleaved(double stamped, double departed_before)
{
	struct packet p = broadcast(stamped);

	p.org = walltime_to_ntp(wall(departed_before + AHEAD));
	return p;
}

/* 20 broadcasts, each stamped up to 5 ms before it leaves; the offsets they make of it. */
static void
hear_late_ones(bool xleave, double *mean, double *spread)
{
	struct assoc a = born(100);
	double departed = 0, sum = 0, least = 1, most = -1;
	int n = 0;

	for (int i = 0; i < 20; i++) {
		double stamped = 100 + i * PERIOD, late = 0.001 * (i * 7 % 5 + 1);
		struct packet p = xleave && i > 0 ? interleaved(stamped, departed) : broadcast(stamped);
		struct assoc_out out;

		departed = stamped + late;
		out = hear(&a, &p, departed + ONEWAY, &assumed);
		if (i < 2 || (out.what & ASSOC_UPDATE) == 0)
			continue;
		n++;
		sum += a.filter.stage[0].offset;
		least = fmin(least, a.filter.stage[0].offset);
		most = fmax(most, a.filter.stage[0].offset);
	}
	ck_assert_int_eq(n, 18);
	*mean = sum / n;
	*spread = most - least;
}

START_TEST(interleaved_broadcasts_tell_when_they_left_and_basic_ones_when_they_were_about_to)
{
	double mean, spread;

	hear_late_ones(false, &mean, &spread);
	ck_assert_double_eq_tol(mean, AHEAD - 0.003, 5e-4);
	ck_assert_double_gt(spread, 0.0039);
	hear_late_ones(true, &mean, &spread);
	ck_assert_double_eq_tol(mean, AHEAD, 1e-7);
	ck_assert_double_lt(spread, 1e-7);
}
END_TEST

START_TEST(what_an_interleaved_broadcast_says_of_one_that_was_not_heard_is_not_used)
{
	struct assoc a = born(100);
	struct packet p = interleaved(100, 84.002);
	struct assoc_out out = hear(&a, &p, 100 + ONEWAY, &assumed);

	ck_assert_msg((out.events & 1u << PEVENT_INTERLEAVE) && (out.what & ASSOC_UPDATE) == 0, "the first one: nothing to compare with");
	p = interleaved(116, 100.002);
	out = hear(&a, &p, 116.002 + ONEWAY, &assumed);
	ck_assert(out.what & ASSOC_UPDATE);
	ck_assert_double_eq_tol(a.filter.stage[0].offset, AHEAD + 0.002, 1e-7);	/* the first came as it was stamped */
	ck_assert_double_eq_tol(a.xleave, 0.002, 1e-7);
	/* The one of 132 is lost: 148 tells of it, 164 of 148. */
	p = interleaved(148, 132.002);
	out = hear(&a, &p, 148 + ONEWAY, &assumed);
	ck_assert((out.events & 1u << PEVENT_INTERLEAVE_ERROR) && (out.what & ASSOC_UPDATE) == 0);
	p = interleaved(164, 148);
	out = hear(&a, &p, 164 + ONEWAY, &assumed);
	ck_assert(out.what & ASSOC_UPDATE);
	ck_assert_double_eq_tol(a.filter.stage[0].offset, AHEAD, 1e-7);
	/* Our clock is stepped before the next: by it the last one came at another time. */
	p = interleaved(180, 164);
	struct delivery d = deliver(&p, 180 + ONEWAY);
	d.in.generation++;
	assoc_broadcast(&a, &d.in, &assumed, &out);
	free(d.buf);
	ck_assert_uint_eq(out.what & ASSOC_UPDATE, 0);
}
END_TEST

START_TEST(an_origin_that_no_broadcast_can_have_left_at_is_bogus)
{
	static const double departed[] = { 132, 132.5, 1e6, -140000 };

	for (size_t i = 0; i < NELEMS(departed); i++) {
		struct assoc a = born(100);
		struct packet p = interleaved(132, departed[i]);

		hear_sound(&a, 116, &assumed);
		check_dropped(&a, &p, 132 + ONEWAY, &assumed);
	}
}
END_TEST

START_TEST(the_delay_of_interleaved_broadcasts_is_learnt_from_what_they_tell)
{
	struct assoc a = born(100);
	struct packet p = broadcast(100);
	double now = 100.1;

	hear(&a, &p, 100.004 + ONEWAY, &measured);
	for (int i = 0; i < 4; i++)
		now = ask_once(&a, now);
	p = interleaved(116, 100.004);
	hear(&a, &p, 116.004 + ONEWAY, &measured);
	ck_assert(a.listening);
	ck_assert_double_eq_tol(a.oneway, ONEWAY, 2e-5);
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

START_TEST(without_the_mac_nothing_changes)
{
	static const char text[] = "7 SHA1 0123456789abcdefghij\n8 SHA1 0123456789abcdefghik\n";
	struct keys *keys = keys_parse("keys", text, sizeof(text) - 1, no_remark, NULL);
	struct assoc a = born(100);
	struct packet p = broadcast(100);
	uint8_t buf[REQUEST_MAX];
	struct assoc_out out;
	struct delivery d;
	size_t len;

	keys_trust(keys, 7, 8);
	assoc_set_key(&a, keys_find(keys, 7));
	check_dropped(&a, &p, 100 + ONEWAY, &assumed);
	packet_build(&p, buf);
	for (uint32_t id = 8; id >= 7; id--) {
		len = PACKET_LEN + key_sign(keys_find(keys, id), buf, PACKET_LEN, buf + PACKET_LEN);
		d = deliver_bytes(buf, len, 100 + ONEWAY);
		assoc_broadcast(&a, &d.in, &assumed, &out);
		free(d.buf);
		ck_assert_int_eq((out.what & ASSOC_UPDATE) != 0, id == 7);
	}
	keys_free(keys);
}
END_TEST

START_TEST(silence_shows_and_after_eight_intervals_the_association_goes)
{
	struct assoc a = born(100);
	struct assoc_out out = hear_sound(&a, 100, &assumed);
	double now = 100 + ONEWAY + out.wait;
	int missed = 0;

	for (; !(out.what & ASSOC_DEMOBILIZE) && missed < 20; missed++, now += out.wait)
		assoc_timer(&a, mono(now), (struct dice){ .nonce = 9, .uniform = 0.5 }, &out);
	ck_assert_int_eq(missed, 8);
	ck_assert_uint_eq(a.reach, 0);
}
END_TEST

UNIT_MAIN("client/bclient",
    with_an_assumed_delay_the_first_broadcast_counts,
    the_delay_is_learnt_by_asking_and_then_nothing_is_asked,
    a_delay_beyond_belief_is_half_the_round_trip,
    what_was_sent_before_is_not_heard_again,
    what_comes_before_its_time_is_not_heard,
    a_server_that_was_stepped_backwards_is_believed_after_so_many_intervals_of_silence,
    what_was_sent_before_is_not_heard_as_long_as_others_are,
    packets_that_are_no_broadcasts_are_not_heard_as_such,
    a_server_without_time_is_heard_and_not_followed,
    interleaved_broadcasts_tell_when_they_left_and_basic_ones_when_they_were_about_to,
    what_an_interleaved_broadcast_says_of_one_that_was_not_heard_is_not_used,
    an_origin_that_no_broadcast_can_have_left_at_is_bogus,
    the_delay_of_interleaved_broadcasts_is_learnt_from_what_they_tell,
    without_the_mac_nothing_changes,
    silence_shows_and_after_eight_intervals_the_association_goes)
