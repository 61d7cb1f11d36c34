/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of an association: bursts, the reach register, kisses, and what a bad packet may change (RFC 5905 sections 9 and 13). */
#include "base/ntp.h"
#include "client/assoc.h"
#include "../unit.h"
#include "wire.h"

#define DELAY	0.020	/* s */

static const struct dice middle = { .nonce = UINT64_C(0x0123456789abcd00), .uniform = 0.5 };
static const struct own_refids nobody = { 0 };

/* One association, what it asked for last, and the time. */
struct life {
	struct assoc	a;
	struct assoc_out	out;
	double		now;		/* s */
	uint64_t	asked;		/* requests so far: makes their nonces */
	double		sent;		/* s, last request */
};

static struct life
born(const struct assoc_opts *o)
{
	struct life l = { .now = 1 };
	struct addr addr;

	ck_assert(addr_parse(&addr, "192.0.2.1", 0));
	assoc_init(&l.a, 7, o, mono(l.now), 0, 0, ESTIMATOR_FREQ_UNKNOWN);
	l.a.configured = true;
	assoc_set_addr(&l.a, &addr, mono(l.now), &l.out);
	return l;
}

/* Waits as long as it asked to and lets it send. */
static void
next_request(struct life *l)
{
	struct dice dice = middle;

	ck_assert_double_ge(l->out.wait, 0);
	l->now += l->out.wait;
	dice.nonce += ++l->asked << 8;
	assoc_timer(&l->a, mono(l->now), dice, &l->out);
	ck_assert(l->out.what & ASSOC_SEND);
	l->sent = l->now;
	assoc_sent(&l->a, wall(l->now), 0);
}

static struct packet
good(const struct life *l)
{
	return sound_reply(request_nonce(l->out.pkt), l->sent, DELAY, 0.001);
}

static void
receive(struct life *l, const struct packet *p)
{
	struct delivery d = deliver(p, l->sent + DELAY);

	l->now = l->sent + DELAY;
	assoc_receive(&l->a, &d.in, &l->out);
	free(d.buf);
}

static void
poll_answered(struct life *l)
{
	struct packet p;

	next_request(l);
	p = good(l);
	receive(l, &p);
}

static void
poll_kissed(struct life *l, uint32_t code)
{
	struct packet p;

	next_request(l);
	p = good(l);
	p.stratum = STRATUM_KOD;
	p.leap = LEAP_UNSYNC;
	p.refid = code;
	receive(l, &p);
}

/* One poll of a peer's association; whether it speaks as a peer. */
static bool
speaks_now(struct life *l)
{
	const struct packet face = { .leap = LEAP_UNSYNC, .precision = -20 };
	struct departure d = { .wall = wall(l->now), .mono = mono(l->now), .chance = ++l->asked };
	struct dice dice = { .nonce = l->asked << 8, .uniform = 0.5 };

	assoc_timer(&l->a, mono(l->now), dice, &l->out);
	ck_assert(l->out.what & ASSOC_SEND);
	l->sent = l->now;
	if (assoc_speaks(&l->a))
		assoc_speak(&l->a, &face, &d, &l->out);
	else
		assoc_sent(&l->a, wall(l->now), 0);
	l->now += l->out.wait;
	return assoc_speaks(&l->a);
}

START_TEST(a_peer_that_knows_no_peers_is_asked_as_a_server)
{
	struct packet call = { .version = 4, .mode = MODE_ACTIVE, .stratum = 2, .xmt = { 7 } };
	struct assoc_opts o = assoc_defaults;
	struct packet p;
	struct life l;

	o.mode = MODE_ACTIVE;
	l = born(&o);
	for (int i = 0; i < 6; i++)	/* nobody answers anything */
		ck_assert_int_eq(speaks_now(&l), i % 3 != 2);
	while (speaks_now(&l))
		continue;
	for (int i = 0; i < 3; i++) {	/* the server does */
		p = good(&l);
		receive(&l, &p);
		l.now += l.out.wait;
		ck_assert(!speaks_now(&l));
	}
	ck_assert_uint_eq(l.a.reach, 016);
	receive(&l, &call);		/* and is a peer after all */
	l.now += l.out.wait;
	ck_assert(speaks_now(&l));
}
END_TEST

START_TEST(polls_are_as_early_and_late_as_the_pollskewlist_has_it)
{
	struct pollskew list = { .given = { [6] = true }, .early = { [6] = 20 }, .late = { [6] = 10 } };
	static const struct { double uniform, wait; } rows[] = { { 0, 44 }, { 2.0 / 3, 64 }, { 1, 74 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life l = born(&assoc_defaults);

		l.a.pollskew = &list;
		assoc_timer(&l.a, mono(l.now), (struct dice){ .nonce = 1, .uniform = rows[i].uniform }, &l.out);
		ck_assert_double_eq_tol(l.out.wait, rows[i].wait, 1e-6);
	}
}
END_TEST

/* --- sending --------------------------------------------------------------------------------- */

START_TEST(without_an_address_nothing_is_due)
{
	struct assoc_out out;
	struct assoc a;

	assoc_init(&a, 7, &assoc_defaults, mono(1), 0, 0, ESTIMATOR_FREQ_UNKNOWN);
	assoc_timer(&a, mono(100), middle, &out);
	ck_assert_double_lt(out.wait, 0);
	ck_assert_uint_eq(out.what, 0);
}
END_TEST

START_TEST(the_first_request_waits_for_its_start_and_the_caller_may_be_early)
{
	struct addr addr;
	struct assoc_out out;
	struct assoc a;

	ck_assert(addr_parse(&addr, "192.0.2.1", 0));
	assoc_init(&a, 7, &assoc_defaults, mono(1), 0.5, 0, ESTIMATOR_FREQ_UNKNOWN);
	assoc_set_addr(&a, &addr, mono(1), &out);
	ck_assert_double_eq_tol(out.wait, 0.5, 1e-9);
	assoc_timer(&a, mono(1.2), middle, &out);
	ck_assert_uint_eq(out.what, 0);
	ck_assert_double_eq_tol(out.wait, 0.3, 1e-9);
	assoc_timer(&a, mono(1.5), middle, &out);
	ck_assert_uint_eq(out.what, ASSOC_SEND);
}
END_TEST

START_TEST(an_initial_burst_is_close_at_first_and_then_ever_wider)
{
	static const double gaps[] = { 2, 2, 2, 4, 4, 8, 8, 16, 16 };
	struct assoc_opts o = assoc_defaults;
	struct life l;

	o.iburst = true;
	l = born(&o);
	for (int i = 0; i < 10; i++) {
		double before = l.now;

		poll_answered(&l);
		if (i > 0)
			ck_assert_double_eq_tol(l.sent - (before - DELAY), gaps[i - 1], 1e-6);
	}
	ck_assert_uint_eq(l.a.reach, 1);	/* one poll, however many requests */
	ck_assert_uint_eq(l.a.filter.n, FILTER_STAGES);
	ck_assert_double_ge(l.out.wait, 60);
}
END_TEST

START_TEST(without_iburst_it_is_one_request)
{
	struct life l = born(&assoc_defaults);

	next_request(&l);
	ck_assert_double_eq_tol(l.out.wait, 64, 1e-6);
}
END_TEST

START_TEST(a_burst_nobody_answers_ends_after_three)
{
	struct assoc_opts o = assoc_defaults;
	struct life l;

	o.iburst = true;
	l = born(&o);
	ck_assert(!assoc_heard_out(&l.a));
	for (int i = 0; i < 3; i++) {
		ck_assert(!assoc_heard_out(&l.a));
		next_request(&l);
	}
	ck_assert(assoc_heard_out(&l.a));
	ck_assert_double_ge(l.out.wait, 60);
	/* The next poll tries the same again. */
	next_request(&l);
	ck_assert_double_eq_tol(l.out.wait, 2, 1e-6);
}
END_TEST

START_TEST(polls_are_spread_by_chance_within_bounds)
{
	for (double u = 0; u < 1; u += 0.05) {
		struct life l = born(&assoc_defaults);

		assoc_timer(&l.a, mono(l.now), (struct dice){ .nonce = 1, .uniform = u }, &l.out);
		ck_assert_double_ge(l.out.wait, 64 * 0.95);
		ck_assert_double_le(l.out.wait, 64 * 1.05);
		if (u > 0.9)
			ck_assert_double_gt(l.out.wait, 64);
		else if (u < 0.1)
			ck_assert_double_lt(l.out.wait, 64);
	}
}
END_TEST

START_TEST(every_bit_of_the_nonce_is_chance_but_it_is_never_zero)	/* CLI-07 */
{
	static const uint64_t thrown[] = { 1, 2, UINT64_C(1) << 63, UINT64_MAX, UINT64_C(0xfedcba9876543210) };
	struct life l;

	for (size_t i = 0; i < sizeof(thrown) / sizeof(thrown[0]); i++) {
		l = born(&assoc_defaults);
		assoc_timer(&l.a, mono(l.now), (struct dice){ .nonce = thrown[i] }, &l.out);
		ck_assert_uint_eq(request_nonce(l.out.pkt), thrown[i]);
	}
	l = born(&assoc_defaults);
	assoc_timer(&l.a, mono(l.now), (struct dice){ 0 }, &l.out);
	ck_assert_uint_ne(request_nonce(l.out.pkt), 0);
}
END_TEST

START_TEST(a_burst_grows_with_the_poll_up_to_eight)
{
	struct assoc_opts o = assoc_defaults;

	o.burst = true;
	for (int8_t above = 0; above <= 4; above++) {
		struct life l = born(&o);
		int sent = 1;

		poll_answered(&l);
		l.a.hpoll = (int8_t)(o.minpoll + above);
		for (next_request(&l); l.out.wait < 3; next_request(&l))
			sent++;
		ck_assert_int_eq(sent, above > 3 ? 8 : 1 << above);
	}
}
END_TEST

/* --- reachability ---------------------------------------------------------------------------- */

START_TEST(the_reach_register_shifts_with_every_poll)
{
	struct life l = born(&assoc_defaults);
	unsigned want = 0;

	for (int i = 0; i < 20; i++) {
		bool answered = i % 3 != 1;

		next_request(&l);
		want = want << 1 & 0xff;
		ck_assert_uint_eq(l.a.reach, want);
		if (answered) {
			struct packet p = good(&l);

			receive(&l, &p);
			want |= 1;
		}
		ck_assert_uint_eq(l.a.reach, want);
	}
}
END_TEST

START_TEST(becoming_reachable_and_unreachable_is_told_once_each)
{
	struct life l = born(&assoc_defaults);

	poll_answered(&l);
	ck_assert_uint_eq(l.out.events, 1u << PEVENT_REACHABLE);
	ck_assert(l.out.what & ASSOC_UPDATE && l.out.what & ASSOC_CLOSE);
	poll_answered(&l);
	ck_assert_uint_eq(l.out.events, 0);
	for (int i = 1; i <= 8; i++) {
		next_request(&l);
		ck_assert_uint_eq(l.out.events, i < 8 ? 0 : 1u << PEVENT_UNREACHABLE);
		ck_assert_int_eq((l.out.what & ASSOC_UPDATE) != 0, i == 8);
	}
	ck_assert_int_eq(l.a.changed.ns, mono(l.now).ns);
	next_request(&l);
	ck_assert_uint_eq(l.out.events, 0);
}
END_TEST

START_TEST(silence_slows_polling_to_the_maximum_and_its_end_restores_it)
{
	struct assoc_opts o = assoc_defaults;
	struct life l;

	o.maxpoll = 8;
	l = born(&o);
	for (int i = 0; i < 10; i++)
		next_request(&l);
	ck_assert_int_eq(l.a.hpoll, 6);
	for (int i = 0; i < 10; i++)
		next_request(&l);
	ck_assert_int_eq(l.a.hpoll, 8);
	poll_answered(&l);
	ck_assert_int_le(l.a.hpoll, 7);
	ck_assert_uint_eq(l.a.unreach, 0);
}
END_TEST

START_TEST(a_silent_servers_name_is_asked_again_for_ever)
{
	struct life l = born(&assoc_defaults);
	int asked = 0;

	for (int i = 0; i < 800; i++) {
		next_request(&l);
		asked += (l.out.what & ASSOC_RESOLVE) != 0;
		ck_assert(!(l.out.what & ASSOC_DEMOBILIZE));
	}
	ck_assert_int_eq(asked, 100);
}
END_TEST

START_TEST(a_silent_pool_member_goes)
{
	struct life l = born(&assoc_defaults);

	l.a.configured = false;
	for (int i = 1; i < 8; i++) {
		next_request(&l);
		ck_assert(!(l.out.what & ASSOC_DEMOBILIZE));
	}
	next_request(&l);
	ck_assert(l.out.what & ASSOC_DEMOBILIZE);
	ck_assert(!(l.out.what & ASSOC_RESOLVE));
	ck_assert_uint_eq(l.out.events, 1u << PEVENT_RESTART);
}
END_TEST

START_TEST(polling_stays_between_minpoll_and_maxpoll)
{
	struct assoc_opts o = assoc_defaults;
	struct life l;
	int highest = 0;

	o.minpoll = 4;
	o.maxpoll = 7;
	l = born(&o);
	for (int i = 0; i < 400; i++) {
		struct packet p;

		next_request(&l);
		/* A quiet spell, then offsets nobody could foretell, then quiet again. */
		p = sound_reply(request_nonce(l.out.pkt), l.sent, DELAY, i > 150 && i < 250 ? 0.05 * (i % 7) : 0);
		receive(&l, &p);
		ck_assert_int_ge(l.a.hpoll, 4);
		ck_assert_int_le(l.a.hpoll, 7);
		highest = l.a.hpoll > highest ? l.a.hpoll : highest;
	}
	ck_assert_int_gt(highest, 4);
}
END_TEST

/* --- kisses ---------------------------------------------------------------------------------- */

START_TEST(each_rate_lengthens_the_poll_by_one_within_bounds)	/* CLI-10 */
{
	static const struct { int8_t min, max, bound; } limits[] = { { 6, 8, 8 }, { 6, 10, 10 }, { 4, 17, 10 }, { 12, 14, 12 }, { 6, 6, 6 } };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct assoc_opts o = assoc_defaults;
		struct life l;

		o.minpoll = limits[i].min;
		o.maxpoll = limits[i].max;
		l = born(&o);
		for (int8_t n = 1; n <= 12; n++) {
			int8_t want = limits[i].min + n < limits[i].bound ? (int8_t)(limits[i].min + n) : limits[i].bound;

			poll_kissed(&l, REFID_RATE);
			ck_assert_int_eq(l.a.hpoll, want);
			ck_assert_int_eq(l.a.minpoll, want);
			ck_assert_uint_eq(l.out.kiss, REFID_RATE);
			ck_assert_uint_eq(l.out.events, 1u << PEVENT_RATE);
			ck_assert_double_ge(l.out.wait, log2_seconds(want));
		}
	}
}
END_TEST

START_TEST(rate_lengthens_a_poll_that_is_long_already)
{
	struct life l = born(&assoc_defaults);

	poll_answered(&l);
	l.a.hpoll = 8;
	poll_kissed(&l, REFID_RATE);
	ck_assert_int_eq(l.a.hpoll, 9);
	ck_assert_int_eq(l.a.minpoll, 7);
}
END_TEST

START_TEST(rate_ends_bursts_and_allows_none_until_it_is_undone)
{
	struct assoc_opts o = assoc_defaults;
	struct life l;

	o.iburst = o.burst = true;
	l = born(&o);
	poll_answered(&l);
	poll_kissed(&l, REFID_RATE);
	ck_assert_double_ge(l.out.wait, 120);
	for (int i = 0; i < 8; i++) {
		ck_assert_double_ge(l.out.wait, 60);
		poll_answered(&l);
	}
	ck_assert_int_eq(l.a.minpoll, 6);
}
END_TEST

START_TEST(eight_good_replies_undo_one_rate)
{
	struct life l = born(&assoc_defaults);

	poll_kissed(&l, REFID_RATE);
	poll_kissed(&l, REFID_RATE);
	ck_assert_int_eq(l.a.minpoll, 8);
	for (int i = 1; i <= 16; i++) {
		poll_answered(&l);
		ck_assert_int_eq(l.a.minpoll, 8 - i / 8);
		ck_assert_uint_eq(l.a.kiss, 0);
	}
	for (int i = 0; i < 20; i++)
		poll_answered(&l);
	ck_assert_int_eq(l.a.minpoll, 6);
}
END_TEST

START_TEST(rate_does_not_cost_a_source_its_place)
{
	struct life l = born(&assoc_defaults);
	struct candidate c;

	poll_answered(&l);
	ck_assert(assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
	poll_kissed(&l, REFID_RATE);
	ck_assert(assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
	ck_assert_uint_eq(c.stratum, 1);
}
END_TEST

START_TEST(deny_and_rstr_are_obeyed_for_good)	/* CLI-11 */
{
	static const uint32_t codes[] = { REFID_DENY, REFID_RSTR };

	for (size_t i = 0; i < 2; i++) {
		struct life l = born(&assoc_defaults);
		struct candidate c;

		poll_answered(&l);
		poll_kissed(&l, codes[i]);
		ck_assert(l.a.stopped);
		ck_assert_uint_eq(l.a.reach, 0);
		ck_assert_int_eq(l.a.changed.ns, mono(l.now).ns);
		ck_assert_uint_eq(l.a.kiss, codes[i]);
		ck_assert(l.a.flash & FLASH_DENIED);
		ck_assert(l.out.what & ASSOC_UPDATE);
		ck_assert(!(l.out.what & ASSOC_DEMOBILIZE));
		ck_assert_double_lt(l.out.wait, 0);
		ck_assert(!assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
		assoc_timer(&l.a, mono(l.now + 1e6), middle, &l.out);
		ck_assert(!(l.out.what & ASSOC_SEND));
		ck_assert_double_lt(l.out.wait, 0);
	}
}
END_TEST

START_TEST(a_denied_pool_member_goes)
{
	struct life l = born(&assoc_defaults);

	l.a.configured = false;
	poll_kissed(&l, REFID_DENY);
	ck_assert(l.out.what & ASSOC_DEMOBILIZE);
}
END_TEST

START_TEST(a_denied_server_is_asked_again_at_another_address)
{
	struct life l = born(&assoc_defaults);
	struct addr other;

	ck_assert(addr_parse(&other, "192.0.2.2", 0));
	poll_kissed(&l, REFID_DENY);
	assoc_set_addr(&l.a, &other, mono(l.now), &l.out);
	ck_assert_double_eq(l.out.wait, 0);
	poll_answered(&l);
	ck_assert_uint_eq(l.a.filter.n, 1);
}
END_TEST

START_TEST(an_unknown_kiss_does_nothing)	/* CLI-12 */
{
	struct assoc_opts o = assoc_defaults;
	struct life l;
	struct candidate c;

	o.iburst = true;
	l = born(&o);
	poll_kissed(&l, REFID_INIT);
	ck_assert_uint_eq(l.a.reach, 0);
	ck_assert_uint_eq(l.a.filter.n, 0);
	ck_assert(!l.a.stopped);
	ck_assert(l.a.flash & FLASH_STRATUM);
	ck_assert_double_le(l.out.wait, 2);	/* its burst goes on */
	ck_assert(!assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
}
END_TEST

/* --- failures, addresses, disturbances ------------------------------------------------------- */

START_TEST(what_cannot_be_sent_is_tried_again_at_growing_intervals)
{
	struct life l = born(&assoc_defaults);
	double last = 0;

	for (int i = 0; i < 20; i++) {
		next_request(&l);
		assoc_failed(&l.a, mono(l.now), &l.out);
		ck_assert_uint_eq(l.out.what, ASSOC_CLOSE);
		ck_assert(!l.a.exchange.open);
		ck_assert_double_ge(l.out.wait, fmax(last, 2));
		ck_assert_double_le(l.out.wait, 64);
		last = l.out.wait;
	}
	ck_assert_double_eq_tol(last, 64, 1e-6);
	ck_assert(assoc_heard_out(&l.a));
	poll_answered(&l);
	ck_assert_uint_eq(l.a.failures, 0);
	ck_assert_double_le(l.out.wait, 128);	/* it is not made to pay for the network's absence */
}
END_TEST

START_TEST(a_reachable_server_keeps_its_pace_when_one_request_fails)
{
	struct life l = born(&assoc_defaults);
	double due;

	poll_answered(&l);
	next_request(&l);
	due = l.out.wait;
	assoc_failed(&l.a, mono(l.now), &l.out);
	ck_assert_double_eq_tol(l.out.wait, due, 1e-9);
}
END_TEST

START_TEST(another_address_is_another_server)
{
	struct life l = born(&assoc_defaults);
	struct addr other;

	ck_assert(addr_parse(&other, "2001:db8::1", 0));
	poll_answered(&l);
	poll_kissed(&l, REFID_RATE);
	poll_answered(&l);
	assoc_set_addr(&l.a, &other, mono(l.now), &l.out);
	ck_assert(l.out.what & ASSOC_CLOSE);
	ck_assert_double_eq(l.out.wait, 0);
	ck_assert_uint_eq(l.a.filter.n, 0);
	ck_assert_uint_eq(l.a.estimator.n, 0);
	ck_assert(!l.a.have_stat);
	ck_assert_uint_eq(l.a.reach, 0);
	ck_assert_int_eq(l.a.minpoll, 6);
	ck_assert_int_eq(l.a.hpoll, 6);
	ck_assert_uint_eq(l.a.last.stratum, STRATUM_UNSYNC);
	ck_assert_int_eq(l.a.heard.ns, 0);
	ck_assert_uint_eq(l.a.addr.port, NTP_PORT);
}
END_TEST

START_TEST(the_same_address_again_changes_nothing)
{
	struct life l = born(&assoc_defaults);
	struct assoc before;
	struct addr same = l.a.addr;

	poll_answered(&l);
	next_request(&l);
	before = l.a;
	assoc_set_addr(&l.a, &same, mono(l.now), &l.out);
	ck_assert_mem_eq(&l.a, &before, sizeof(before));
	ck_assert_uint_eq(l.out.what, 0);
}
END_TEST

START_TEST(what_is_known_of_our_oscillator_outlives_the_server)
{
	struct estimate e;
	struct life l = born(&assoc_defaults);
	struct addr other;

	ck_assert(addr_parse(&other, "192.0.2.2", 0));
	for (int i = 0; i < 40; i++) {
		struct packet p;

		next_request(&l);
		p = sound_reply(request_nonce(l.out.pkt), l.sent, DELAY, 80e-6 * l.sent);
		receive(&l, &p);
	}
	assoc_set_addr(&l.a, &other, mono(l.now), &l.out);
	poll_answered(&l);
	ck_assert(estimator_get(&l.a.estimator, mono(l.now), 0, &e));
	ck_assert_double_eq_tol(e.freq, 80e-6, 2e-6);
}
END_TEST

START_TEST(after_a_disturbance_measuring_starts_again_soon)
{
	struct life l = born(&assoc_defaults);
	struct candidate c;

	for (int i = 0; i < 10; i++)
		poll_answered(&l);
	next_request(&l);
	assoc_disturbed(&l.a, mono(l.now), &l.out);
	ck_assert(l.out.what & ASSOC_CLOSE);
	ck_assert(!l.a.exchange.open);
	ck_assert_double_le(l.out.wait, 2);
	ck_assert_uint_eq(l.a.filter.n, 0);
	ck_assert_uint_eq(l.a.reach, 0);
	ck_assert_int_eq(l.a.changed.ns, mono(l.now).ns);
	ck_assert(!assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
	poll_answered(&l);
	ck_assert(assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
}
END_TEST

START_TEST(after_a_step_the_offsets_shown_are_those_of_the_new_clock)
{
	struct life l = born(&assoc_defaults);
	struct candidate before, after;

	poll_answered(&l);
	poll_answered(&l);
	ck_assert(assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &before));
	assoc_stepped(&l.a, 0.001);
	ck_assert_double_eq_tol(l.a.stat.offset, 0, 1e-6);
	ck_assert_double_eq_tol(l.a.filter.stage[0].offset, 0, 1e-6);
	/* The estimate knows of it from the sum of corrections alone. */
	ck_assert(assoc_candidate(&l.a, mono(l.now), 0.001, &select_defaults, &nobody, &after));
	ck_assert_double_eq_tol(after.est.offset, before.est.offset - 0.001, 1e-12);
}
END_TEST

/* --- what a packet may change ----------------------------------------------------------------- */

/* Equal but for counters, events among them, and flash (I4). */
static void
check_same(const struct assoc *a, const struct assoc *b)
{
	struct assoc x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	memset(&x.count, 0, sizeof(x.count));
	memset(&y.count, 0, sizeof(y.count));
	x.flash = y.flash = 0;
	x.event = y.event = x.events = y.events = 0;
	ck_assert_mem_eq(&x, &y, sizeof(x));
}

enum spoilt {
	BAD_MODE, BAD_VERSION, BAD_ORIGIN, BAD_ORIGIN_ZERO, BAD_ORIGIN_LAST, BAD_RECEIVE, BAD_TRANSMIT, BAD_FROZEN, BAD_KISS, BAD_DENY,
	BAD_SHORT, BAD_TAIL, BAD_NAK, BAD_KINDS
};

static struct delivery
spoil(const struct life *l, enum spoilt how, uint64_t last_nonce, struct ntptime last_xmt)
{
	uint8_t buf[PACKET_LEN + 8] = { 0 };
	struct packet p = good(l);
	size_t len = PACKET_LEN;

	switch (how) {
	case BAD_MODE: p.mode = MODE_BROADCAST; break;
	case BAD_VERSION: p.version = 5; break;
	case BAD_ORIGIN: p.org.raw ^= 1; break;
	case BAD_ORIGIN_ZERO: p.org.raw = 0; break;
	case BAD_ORIGIN_LAST: p.org.raw = last_nonce; break;
	case BAD_RECEIVE: p.rec.raw = 0; break;
	case BAD_TRANSMIT: p.xmt.raw = 0; break;
	case BAD_FROZEN: p.xmt = last_xmt; break;
	case BAD_KISS: p.stratum = 0; p.refid = REFID_RATE; p.org.raw ^= 2; break;
	case BAD_DENY: p.stratum = 0; p.refid = REFID_DENY; p.org.raw = 0; break;
	case BAD_SHORT: len--; break;
	case BAD_TAIL: len += 8; break;
	case BAD_NAK: len += 4; break;
	case BAD_KINDS: break;
	}
	packet_build(&p, buf);
	return deliver_bytes(buf, len, l->sent + DELAY);
}

START_TEST(a_packet_that_fails_any_check_changes_nothing)	/* CLI-08 */
{
	for (int how = 0; how < BAD_KINDS; how++) {
		struct life l = born(&assoc_defaults);
		uint64_t last;
		struct packet p;
		struct assoc before;
		struct assoc_counts *n = &l.a.count;
		unsigned drops;
		double due;

		for (int i = 0; i < 4; i++)
			poll_answered(&l);
		last = l.a.exchange.last;
		next_request(&l);
		due = l.now + l.out.wait;
		before = l.a;
		for (int i = 0; i < 1000; i++) {
			struct delivery d = spoil(&l, (enum spoilt)how, last, l.a.exchange.last_xmt);
			struct assoc_out out;

			assoc_receive(&l.a, &d.in, &out);
			free(d.buf);
			check_same(&l.a, &before);
			ck_assert_uint_eq(out.what, 0);
			ck_assert_uint_eq(out.events, how == BAD_NAK ? 1u << PEVENT_BADAUTH : 0);
			ck_assert_uint_eq(out.kiss, 0);
			ck_assert_double_eq_tol(l.sent + DELAY + out.wait, due, 1e-6);
		}
		drops = n->badauth + n->bogus + n->dup - before.count.badauth - before.count.bogus - before.count.dup;
		ck_assert_msg(drops == 1000, "kind %d: %u drops counted", how, drops);
		ck_assert_uint_eq(n->received, before.count.received);
		ck_assert_int_eq(n->badauth != 0, how == BAD_NAK);
		/* The genuine reply among them is taken. */
		p = good(&l);
		receive(&l, &p);
		ck_assert_uint_eq(l.a.filter.n, 5);
	}
}
END_TEST

START_TEST(an_announced_leap_second_is_an_event_once)
{
	static const struct { uint8_t leap; bool event; } rows[] = {
		{ LEAP_NONE, false }, { LEAP_INSERT, true }, { LEAP_INSERT, false }, { LEAP_NONE, false }, { LEAP_DELETE, true },
		{ LEAP_UNSYNC, false }, { LEAP_NONE, false },
	};
	struct life l = born(&assoc_defaults);

	poll_answered(&l);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct packet p;

		next_request(&l);
		p = good(&l);
		p.leap = rows[i].leap;
		receive(&l, &p);
		ck_assert_msg(l.out.events == (rows[i].event ? 1u << PEVENT_LEAP_ARMED : 0), "reply %zu: %x", i, l.out.events);
	}
	ck_assert_int_eq(l.a.event, PEVENT_LEAP_ARMED);
}
END_TEST

START_TEST(a_crypto_nak_shows_in_the_flash_and_as_event_until_a_good_reply_comes)
{
	struct life l = born(&assoc_defaults);
	struct delivery d;
	struct packet p;

	poll_answered(&l);
	next_request(&l);
	p = good(&l);
	d = spoil(&l, BAD_NAK, 0, (struct ntptime){ 0 });
	assoc_receive(&l.a, &d.in, &l.out);
	free(d.buf);
	ck_assert_int_eq(l.a.event, PEVENT_BADAUTH);
	ck_assert(l.a.flash & FLASH_AUTH);
	receive(&l, &p);
	ck_assert(!(l.a.flash & FLASH_AUTH));
	ck_assert_int_eq(l.a.event, PEVENT_BADAUTH);
}
END_TEST

START_TEST(interleaved_mode_is_told_when_it_begins_and_when_it_fails)
{
	static const struct { bool interleaved; int event; } rows[] = {
		{ false, 0 }, { true, PEVENT_INTERLEAVE }, { true, 0 }, { false, PEVENT_INTERLEAVE_ERROR }, { false, 0 }, { true, PEVENT_INTERLEAVE },
	};
	struct assoc_opts o = assoc_defaults;
	double left = 0;
	struct life l;

	o.xleave = true;
	l = born(&o);
	poll_answered(&l);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct packet_tail tail;
		struct packet rq, p;

		left = l.sent + DELAY / 2;
		next_request(&l);
		ck_assert_int_eq(packet_parse(&rq, &tail, l.out.pkt, PACKET_LEN), WIRE_OK);
		p = good(&l);
		if (rows[i].interleaved) {
			p.org = rq.rec;
			p.xmt = walltime_to_ntp(walltime_add(wall(left), 0.001));
		}
		receive(&l, &p);
		ck_assert_msg(l.out.events == (rows[i].event != 0 ? 1u << rows[i].event : 0), "reply %zu: %x", i, l.out.events);
		ck_assert_int_eq(l.a.interleaved, rows[i].interleaved);
	}
}
END_TEST

START_TEST(beginning_anew_is_an_event)
{
	struct life l = born(&assoc_defaults);
	struct addr other;

	ck_assert_int_eq(l.a.event, PEVENT_MOBILIZE);
	poll_answered(&l);
	assoc_disturbed(&l.a, mono(l.now), &l.out);
	ck_assert_uint_eq(l.out.events, 1u << PEVENT_RESTART);
	l.now += l.out.wait;
	l.out.wait = 0;
	poll_answered(&l);
	ck_assert_int_eq(l.a.event, PEVENT_REACHABLE);
	ck_assert(addr_parse(&other, "192.0.2.9", 0));
	assoc_set_addr(&l.a, &other, mono(l.now), &l.out);
	ck_assert_uint_eq(l.out.events, 1u << PEVENT_RESTART);
	assoc_set_addr(&l.a, &other, mono(l.now), &l.out);
	ck_assert_uint_eq(l.out.events, 0);
}
END_TEST

START_TEST(a_server_without_time_is_genuine_but_not_reachable)
{
	struct life l = born(&assoc_defaults);
	struct packet p;

	next_request(&l);
	p = good(&l);
	p.leap = LEAP_UNSYNC;
	receive(&l, &p);
	ck_assert_uint_eq(l.a.reach, 0);
	ck_assert_uint_eq(l.a.filter.n, 0);
	ck_assert(l.a.flash & FLASH_STRATUM);
	ck_assert_uint_eq(l.a.count.received, 1);
	ck_assert(l.out.what & ASSOC_CLOSE);
}
END_TEST

START_TEST(the_bias_of_the_configuration_is_added)
{
	struct assoc_opts o = assoc_defaults;
	struct life l;

	o.bias = -0.25;
	l = born(&o);
	poll_answered(&l);
	ck_assert_double_eq_tol(l.a.stat.offset, 0.001 - 0.25, 1e-6);
}
END_TEST

/* --- the offer to the selection --------------------------------------------------------------- */

static struct life
ready(void)
{
	struct life l = born(&assoc_defaults);

	for (int i = 0; i < 4; i++)
		poll_answered(&l);
	return l;
}

/* Flash bits of the selection; 0 if it is a candidate. */
static unsigned
offer(struct life *l, const struct select_opts *o, const struct own_refids *own)
{
	struct candidate c;
	bool offered = assoc_candidate(&l->a, mono(l->now), 0, o, own, &c);
	unsigned flash = l->a.flash & ~(unsigned)FLASH_PACKET;

	ck_assert_int_eq(offered, flash == 0);
	return flash;
}

START_TEST(each_test_of_the_selection_names_itself)
{
	static const uint32_t mine[] = { 0x0a000001, 0x0a000002 };
	struct own_refids own = { mine, 2 };
	struct select_opts o = select_defaults;
	struct life l = ready();

	ck_assert_uint_eq(offer(&l, &o, &own), 0);
	l.a.opts.noselect = true;
	ck_assert_uint_eq(offer(&l, &o, &own), FLASH_PEER_UNREACH);
	l = ready();
	l.a.reach = 0;
	ck_assert_uint_eq(offer(&l, &o, &own), FLASH_PEER_UNREACH);
	l = ready();
	l.a.last.rootdisp = short_from_seconds(1.6);	/* CLI-13: reachable, never selectable */
	ck_assert_uint_eq(offer(&l, &o, &own), FLASH_PEER_DIST);
	l = ready();
	l.a.last.stratum = 15;
	ck_assert_uint_eq(offer(&l, &o, &own), FLASH_PEER_STRATUM);
	l.a.last.stratum = 14;
	ck_assert_uint_eq(offer(&l, &o, &own), 0);
	l.a.last.stratum = 0;
	ck_assert_uint_eq(offer(&l, &o, &own), FLASH_PEER_STRATUM);
	l.a.last.stratum = 2;
	o.floor = 3;
	ck_assert_uint_eq(offer(&l, &o, &own), FLASH_PEER_STRATUM);
}
END_TEST

START_TEST(a_source_that_follows_us_is_a_loop)	/* CLI-17 */
{
	static const uint32_t mine[] = { 0x0a000001, 0x0a000002 };
	struct own_refids own = { mine, 2 };
	struct life l = ready();

	l.a.last.stratum = 2;
	l.a.last.refid = 0x0a000002;
	ck_assert_uint_eq(offer(&l, &select_defaults, &own), FLASH_PEER_LOOP);
	l.a.last.refid = 0x0a000003;
	ck_assert_uint_eq(offer(&l, &select_defaults, &own), 0);
	/* At stratum 1 the refid is four letters, not an address. */
	l.a.last.stratum = 1;
	l.a.last.refid = 0x0a000002;
	ck_assert_uint_eq(offer(&l, &select_defaults, &own), 0);
}
END_TEST

/* CLI-17: through a translator's address, say.  Of all the header only the time of the last update is ours alone. */
START_TEST(a_source_that_answers_in_our_own_words_is_ourselves)
{
	struct life l = ready();
	struct addr other;
	struct delivery d;
	struct packet p;

	for (uint64_t off = 0; off < 2; off++) {	/* at the least difference it is somebody else */
		next_request(&l);
		p = good(&l);
		d = deliver(&p, l.sent + DELAY);
		d.in.own_reftime.raw = p.reftime.raw + 1 - off;
		l.now = l.sent + DELAY;
		assoc_receive(&l.a, &d.in, &l.out);
		free(d.buf);
		ck_assert_uint_eq(offer(&l, &select_defaults, &nobody), off == 0 ? 0 : FLASH_PEER_LOOP);
	}
	/* Our next update does not make it another; another address does. */
	poll_answered(&l);
	ck_assert_uint_eq(offer(&l, &select_defaults, &nobody), FLASH_PEER_LOOP);
	ck_assert(addr_parse(&other, "192.0.2.99", 0));
	assoc_set_addr(&l.a, &other, mono(l.now), &l.out);
	ck_assert(!l.a.self);
	poll_answered(&l);
	ck_assert_uint_eq(offer(&l, &select_defaults, &nobody), 0);
}
END_TEST

START_TEST(a_single_sample_does_not_look_infinitely_precise)
{
	struct life l = born(&assoc_defaults);
	struct candidate c;

	poll_answered(&l);
	ck_assert(assoc_candidate(&l.a, mono(l.now), 0, &select_defaults, &nobody, &c));
	ck_assert_double_eq(l.a.stat.jitter, PRECISION);
	ck_assert_double_ge(c.jitter, sqrt(c.est.var));
	ck_assert_double_gt(c.jitter, PRECISION);
	ck_assert_double_ge(c.rootdist, select_defaults.mindist);
}
END_TEST

START_TEST(root_distance_is_the_sum_of_its_parts)
{
	struct life l = born(&assoc_defaults);
	double sigma;

	ck_assert_double_eq(assoc_rootdist(&l.a, mono(1)), DISP_MAX);
	poll_answered(&l);
	sigma = sqrt(estimator_var_ahead(&l.a.estimator, mono(300), 0));
	l.a.last.rootdelay = short_from_seconds(0.5);
	l.a.last.rootdisp = short_from_seconds(0.25);
	l.a.filter.stage[0].when = mono(100);
	l.a.filter.stage[0].disp = 0.01;
	/* (0.5 + 0.1) / 2 + 0.25 + 0.01 + 15e-6 * 200, and the larger of the jitter and three standard deviations */
	l.a.stat = (struct filter_stat){ .when = mono(100), .delay = 0.1, .disp = 7, .jitter = 0.002 };
	ck_assert_double_gt(sigma, 0.001);
	ck_assert_double_eq_tol(assoc_rootdist(&l.a, mono(300)), 0.3 + 0.25 + 0.01 + 0.003 + 3 * sigma, 1e-9);
	l.a.stat.jitter = 2;
	ck_assert_double_eq_tol(assoc_rootdist(&l.a, mono(300)), 0.3 + 0.25 + 0.01 + 0.003 + 2, 1e-9);
}
END_TEST

START_TEST(reference_ids_are_addresses_or_their_digests)
{
	struct addr a;

	ck_assert(addr_parse(&a, "192.0.2.1", 0));
	ck_assert_uint_eq(assoc_refid_of(&a), 0xc0000201);
	/* MD5 of 20010db8 00000000 00000000 00000001 begins with 39ab9b37. */
	ck_assert(addr_parse(&a, "2001:db8::1", 0));
	ck_assert_uint_eq(assoc_refid_of(&a), 0x39ab9b37);
}
END_TEST

UNIT_MAIN("client/assoc", a_peer_that_knows_no_peers_is_asked_as_a_server, polls_are_as_early_and_late_as_the_pollskewlist_has_it, without_an_address_nothing_is_due, the_first_request_waits_for_its_start_and_the_caller_may_be_early,
    an_initial_burst_is_close_at_first_and_then_ever_wider, without_iburst_it_is_one_request, a_burst_nobody_answers_ends_after_three,
    polls_are_spread_by_chance_within_bounds, every_bit_of_the_nonce_is_chance_but_it_is_never_zero, a_burst_grows_with_the_poll_up_to_eight,
    the_reach_register_shifts_with_every_poll, becoming_reachable_and_unreachable_is_told_once_each,
    silence_slows_polling_to_the_maximum_and_its_end_restores_it, a_silent_servers_name_is_asked_again_for_ever, a_silent_pool_member_goes,
    polling_stays_between_minpoll_and_maxpoll, each_rate_lengthens_the_poll_by_one_within_bounds,
    rate_lengthens_a_poll_that_is_long_already, rate_ends_bursts_and_allows_none_until_it_is_undone, eight_good_replies_undo_one_rate,
    rate_does_not_cost_a_source_its_place, deny_and_rstr_are_obeyed_for_good, a_denied_pool_member_goes,
    a_denied_server_is_asked_again_at_another_address, an_unknown_kiss_does_nothing,
    what_cannot_be_sent_is_tried_again_at_growing_intervals, a_reachable_server_keeps_its_pace_when_one_request_fails,
    another_address_is_another_server, the_same_address_again_changes_nothing, what_is_known_of_our_oscillator_outlives_the_server,
    after_a_disturbance_measuring_starts_again_soon, after_a_step_the_offsets_shown_are_those_of_the_new_clock,
    a_packet_that_fails_any_check_changes_nothing, an_announced_leap_second_is_an_event_once,
    interleaved_mode_is_told_when_it_begins_and_when_it_fails, a_crypto_nak_shows_in_the_flash_and_as_event_until_a_good_reply_comes, beginning_anew_is_an_event, a_server_without_time_is_genuine_but_not_reachable,
    the_bias_of_the_configuration_is_added, each_test_of_the_selection_names_itself, a_source_that_follows_us_is_a_loop,
    a_source_that_answers_in_our_own_words_is_ourselves, a_single_sample_does_not_look_infinitely_precise,
    root_distance_is_the_sum_of_its_parts, reference_ids_are_addresses_or_their_digests)
