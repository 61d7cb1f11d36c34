/* SPDX-License-Identifier: BSD-2-Clause */
/* The system process: when it dares, whom it follows, what it claims of itself (RFC 5905 section 11). */
#include "base/ntp.h"
#include "client/system.h"
#include "wire/control.h"
#include "../unit.h"
#include "wire.h"

#define N	4

static const struct own_refids nobody = { 0 };

/* A system and its sources, without a network: their state is as replies would have left it. */
struct house {
	struct system	s;
	struct assoc	a[N];
	struct assoc	*list[N];
	struct system_out	out;
	double		now;		/* s */
	int		day;		/* after 15 January 2027, by our clock */
};

#define JUNE_30	166

static struct addr
address(unsigned i)
{
	return (struct addr){ .family = 4, .ip = { 192, 0, 2, (uint8_t)(i + 1) }, .port = NTP_PORT };
}

static void
build(struct house *h)
{
	struct assoc_out out;

	*h = (struct house){ .now = 1 };
	system_init(&h->s, &select_defaults, &discipline_defaults, mono(h->now), -20, false, 0);
	for (unsigned i = 0; i < N; i++) {
		struct addr addr = address(i);

		assoc_init(&h->a[i], (uint16_t)(100 + i), &assoc_defaults, mono(h->now), 0, 0, ESTIMATOR_FREQ_UNKNOWN);
		h->a[i].configured = true;
		assoc_set_addr(&h->a[i], &addr, mono(h->now), &out);
		h->list[i] = &h->a[i];
	}
}

/* One poll of one source, answered: our clock has been steered by as much as steered says. */
static void
measure(struct house *h, unsigned i, double offset, double steered, const struct packet *like)
{
	struct dice dice = { .nonce = (uint64_t)llround(h->now * 1e6) << 8 | i, .uniform = 0.5 };
	struct assoc_out out;
	struct delivery d;
	struct packet p;

	h->a[i].next = mono(h->now);
	assoc_timer(&h->a[i], mono(h->now), dice, &out);
	assoc_sent(&h->a[i], wall(h->now), 0);
	p = sound_reply(request_nonce(out.pkt), h->now, 0.020, offset);
	if (like != NULL) {
		p.leap = like->leap;
		p.stratum = like->stratum;
		p.refid = like->refid;
	}
	d = deliver(&p, h->now + 0.020);
	d.in.steered = steered;
	assoc_receive(&h->a[i], &d.in, &out);
	free(d.buf);
}

static void
measure_all(struct house *h, const double offset[N])
{
	for (unsigned i = 0; i < N; i++)
		measure(h, i, offset[i], 0, NULL);
	h->now += 0.020;
}

static void
update(struct house *h)
{
	system_update(&h->s, h->list, N, &nobody, mono(h->now), 0, &h->out);
}

static void
done(struct house *h, bool ok)
{
	ck_assert(h->out.what & SYSTEM_DECISION);
	system_done(&h->s, h->list, N, &h->out.decision, ok, mono(h->now), wall(h->now + 86400.0 * h->day), &h->out);
	system_leap(&h->s, h->list, N, mono(h->now), wall(h->now + 86400.0 * h->day), &h->out);
}

static const double agreed[N] = { 0.001, 0.001, 0.001, 0.001 };

/* All agree on 1 ms, and the first correction is made. */
static void
synchronise(struct house *h)
{
	build(h);
	measure_all(h, agreed);
	update(h);
	done(h, true);
	ck_assert(h->out.what & SYSTEM_SYNC);
}

START_TEST(at_start_all_sources_are_heard_before_the_clock_is_touched)
{
	struct house h;

	build(&h);
	update(&h);
	ck_assert_uint_eq(h.out.what, 0);
	for (unsigned i = 0; i < N - 1; i++)
		measure(&h, i, 0.001, 0, NULL);
	h.now += 0.02;
	update(&h);
	ck_assert_uint_eq(h.out.what, 0);
	ck_assert_double_gt(h.out.wait, 0);
	ck_assert(!h.s.opened);
	measure(&h, N - 1, 0.001, 0, NULL);
	h.now += 0.02;
	update(&h);
	ck_assert(h.out.what & SYSTEM_DECISION);
}
END_TEST

START_TEST(a_silent_source_is_not_waited_for_without_end)
{
	struct house h;

	build(&h);
	for (unsigned i = 0; i < N - 1; i++)
		measure(&h, i, 0.001, 0, NULL);
	h.now += 0.02;
	update(&h);
	ck_assert(!(h.out.what & SYSTEM_DECISION));
	ck_assert_double_le(h.out.wait, 15);
	h.now += h.out.wait;
	update(&h);
	ck_assert(h.out.what & SYSTEM_DECISION);
}
END_TEST

START_TEST(with_no_sources_at_all_the_wait_is_not_over)
{
	struct house h;

	build(&h);
	system_update(&h.s, NULL, 0, &nobody, mono(h.now), 0, &h.out);
	ck_assert(!h.s.opened);
	ck_assert_double_gt(h.out.wait, 0);
}
END_TEST

START_TEST(the_first_decision_carried_out_makes_us_synchronised)
{
	struct house h;

	build(&h);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	measure_all(&h, agreed);
	update(&h);
	ck_assert_int_eq(h.out.decision.what, DECIDE_SLEW);
	ck_assert_double_eq_tol(h.out.decision.offset, 0.001, 1e-4);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);	/* not before it is done */
	done(&h, true);
	ck_assert(h.out.what & SYSTEM_SYNC);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_int_eq(h.s.vars.stratum, 2);
	ck_assert_uint_eq(h.s.vars.refid >> 8, 0xc00002);
	ck_assert_int_eq(h.s.vars.reftime.ns, wall(h.now).ns);
	/* The server's root delay of 1 ms (rounded up by 2^-16 s at most) and 20 ms of ours, less the 10 us it held the request. */
	ck_assert_double_eq_tol(h.s.vars.rootdelay, 0.02099, 2e-5);
	ck_assert_double_gt(h.s.vars.rootdisp, 0.001 + 0.001);	/* its dispersion and the offset that is not gone yet */
	ck_assert_int_eq(h.s.event, EVENT_CLOCK_SYNC);
}
END_TEST

START_TEST(a_clock_that_refuses_leaves_us_unsynchronised)
{
	struct house h;

	build(&h);
	measure_all(&h, agreed);
	update(&h);
	done(&h, false);
	ck_assert(!(h.out.what & (SYSTEM_SYNC | SYSTEM_LOST)));
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_int_eq(h.s.vars.stratum, STRATUM_UNSYNC);
	synchronise(&h);
	h.now += 64;
	measure_all(&h, agreed);
	update(&h);
	done(&h, false);
	ck_assert(h.out.what & SYSTEM_LOST);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_int_eq(h.s.vars.stratum, STRATUM_UNSYNC);
	ck_assert_uint_ne(h.s.vars.refid >> 8, 0xc00002);
}
END_TEST

START_TEST(a_minority_is_marked_and_the_majority_followed)
{
	static const double one_lies[N] = { 0.001, 0.500, 0.001, 0.001 };
	struct house h;

	build(&h);
	measure_all(&h, one_lies);
	update(&h);
	ck_assert_int_eq(h.a[1].tally, TALLY_FALSETICK);
	ck_assert_uint_eq(h.s.truechimers, 3);
	ck_assert_double_eq_tol(h.out.decision.offset, 0.001, 1e-4);
	ck_assert_int_eq(h.out.decision.what, DECIDE_SLEW);
}
END_TEST

START_TEST(a_tie_moves_nothing_and_says_so)	/* SRC-06 */
{
	static const double tie[N] = { 0.001, 0.500, 0.001, 0.500 };
	struct house h;

	build(&h);
	measure_all(&h, tie);
	update(&h);
	ck_assert_uint_eq(h.out.what, SYSTEM_NO_MAJORITY);
	ck_assert_uint_eq(h.s.vars.peer, 0);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	for (unsigned i = 0; i < N; i++)
		ck_assert_int_eq(h.a[i].tally, TALLY_FALSETICK);
}
END_TEST

START_TEST(fewer_than_minsane_move_nothing_and_say_so)	/* SRC-11 */
{
	static const double one_lies[N] = { 0.001, 0.500, 0.001, 0.001 };
	struct house h;

	build(&h);
	h.s.select.minsane = 4;
	measure_all(&h, one_lies);
	update(&h);
	ck_assert_uint_eq(h.out.what, SYSTEM_TOO_FEW);
	h.s.select.minsane = 3;
	update(&h);
	ck_assert(h.out.what & SYSTEM_DECISION);
}
END_TEST

START_TEST(the_system_peer_stays_while_it_survives)
{
	struct house h;
	uint16_t peer;
	unsigned changes = 0;

	synchronise(&h);
	peer = h.s.vars.peer;
	ck_assert_uint_ge(peer, 100);
	for (int i = 0; i < 40; i++) {
		h.now += 16;
		measure(&h, (unsigned)i % N, 0.001, 0, NULL);	/* in turn, so that each is the nearest for a while */
		h.now += 0.02;
		update(&h);
		changes += (h.out.what & SYSTEM_SYSPEER) != 0;
		done(&h, true);
	}
	ck_assert_uint_eq(changes, 0);
	ck_assert_uint_eq(h.s.vars.peer, peer);
	h.a[peer - 100].opts.noselect = true;
	update(&h);
	ck_assert(h.out.what & SYSTEM_SYSPEER);
	ck_assert_uint_ne(h.s.vars.peer, peer);
	ck_assert_int_eq(h.a[peer - 100].tally, TALLY_REJECT);
	ck_assert_int_eq(h.a[h.s.vars.peer - 100].tally, TALLY_SYSPEER);
	ck_assert_int_eq(h.a[h.s.vars.peer - 100].event, PEVENT_SYSPEER);
}
END_TEST

START_TEST(without_a_system_peer_we_claim_the_time_for_orphanwait_and_no_longer)	/* I8 */
{
	struct house h;
	double lost;

	synchronise(&h);
	for (unsigned i = 0; i < N; i++)
		h.a[i].reach = 0;
	h.now += 10;
	lost = h.now;
	update(&h);
	ck_assert_uint_eq(h.out.what, 0);
	ck_assert_uint_eq(h.s.vars.peer, 0);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_double_eq_tol(h.out.wait, 300, 1e-6);
	h.now = lost + 200;
	update(&h);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_double_eq_tol(h.out.wait, 100, 1e-6);
	h.now = lost + 300;
	update(&h);
	ck_assert(h.out.what & SYSTEM_LOST);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_int_eq(h.s.vars.stratum, STRATUM_UNSYNC);
	ck_assert_double_lt(h.out.wait, 0);
	h.now += 10;
	update(&h);
	ck_assert_uint_eq(h.out.what, 0);	/* told once */
}
END_TEST

START_TEST(a_root_distance_beyond_the_limit_ends_the_claim_earlier)
{
	struct house h;

	synchronise(&h);
	h.s.vars.disp_rate = 0.1;	/* s/s, so that 1.5 s are reached long before orphanwait */
	for (unsigned i = 0; i < N; i++)
		h.a[i].reach = 0;
	update(&h);
	ck_assert_double_gt(h.out.wait, 0);
	ck_assert_double_le(h.out.wait, 15);
	h.now += h.out.wait + 0.001;
	update(&h);
	ck_assert(h.out.what & SYSTEM_LOST);
}
END_TEST

START_TEST(a_source_that_comes_back_in_time_leaves_no_trace)
{
	struct house h;

	synchronise(&h);
	for (unsigned i = 0; i < N; i++)
		h.a[i].reach = 0;
	h.now += 10;
	update(&h);
	h.now += 290;
	measure_all(&h, agreed);
	update(&h);
	done(&h, true);
	for (unsigned i = 0; i < N; i++)
		h.a[i].reach = 0;
	h.now += 20;	/* 320 s after the first loss, but that one is over */
	update(&h);
	ck_assert_uint_eq(h.out.what, 0);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
}
END_TEST

START_TEST(a_leap_second_takes_more_than_half_of_the_survivors)	/* SRC-01 */
{
	static const struct { uint8_t leap[N]; uint8_t want; } votes[] = {
		{ { 0, 0, 0, 0 }, LEAP_NONE }, { { 1, 0, 0, 0 }, LEAP_NONE }, { { 1, 1, 0, 0 }, LEAP_NONE },
		{ { 1, 1, 1, 0 }, LEAP_INSERT }, { { 2, 0, 2, 2 }, LEAP_DELETE }, { { 1, 1, 2, 2 }, LEAP_NONE },
		{ { 1, 1, 1, 2 }, LEAP_INSERT },
	};

	for (size_t v = 0; v < sizeof(votes) / sizeof(votes[0]); v++) {
		struct house h;

		build(&h);
		h.day = JUNE_30;
		for (unsigned i = 0; i < N; i++)
			measure(&h, i, 0.001, 0, &(struct packet){ .leap = votes[v].leap[i], .stratum = 1, .refid = REFID('G', 'P', 'S', 0) });
		h.now += 0.02;
		update(&h);
		done(&h, true);
		ck_assert_int_eq(h.s.vars.leap, votes[v].want);
	}
}
END_TEST

START_TEST(a_falsetickers_leap_warning_does_not_count_and_a_withdrawal_does)
{
	static const struct packet warns = { .leap = LEAP_INSERT, .stratum = 1, .refid = REFID('G', 'P', 'S', 0) };
	struct house h;

	build(&h);
	h.day = JUNE_30;
	measure(&h, 0, 0.001, 0, &warns);
	measure(&h, 1, 0.001, 0, &warns);
	measure(&h, 2, 0.001, 0, NULL);
	measure(&h, 3, 0.900, 0, NULL);		/* two of three, without it */
	h.now += 0.02;
	update(&h);
	done(&h, true);
	ck_assert_int_eq(h.s.vars.leap, LEAP_INSERT);
	h.now += 64;
	measure(&h, 0, 0.001, 0, NULL);
	h.now += 0.02;
	update(&h);
	done(&h, true);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
}
END_TEST

START_TEST(leap_warnings_count_on_the_days_that_can_have_one)	/* SRC-01 */
{
	static const struct packet warns = { .leap = LEAP_INSERT, .stratum = 1, .refid = REFID('G', 'P', 'S', 0) };
	/* Days after 15 January 2027. */
	static const struct { int day; uint8_t want; } rows[] = {
		{ 0, LEAP_NONE }, { 59, LEAP_NONE },		/* 15 January, 15 March */
		{ JUNE_30 - 1, LEAP_NONE }, { JUNE_30, LEAP_INSERT }, { JUNE_30 + 1, LEAP_NONE },
		{ 349, LEAP_NONE }, { 350, LEAP_INSERT }, { 351, LEAP_NONE },	/* 30 and 31 December, 1 January */
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct house h;

		build(&h);
		h.day = rows[r].day;
		for (unsigned i = 0; i < N; i++)
			measure(&h, i, 0.001, 0, &warns);
		h.now += 0.02;
		update(&h);
		done(&h, true);
		ck_assert_msg(h.s.vars.leap == rows[r].want, "day %d", rows[r].day);
	}
}
END_TEST

START_TEST(a_source_that_follows_us_is_not_followed)	/* CLI-17 */
{
	static const uint32_t mine[] = { 0x0a000001 };
	struct own_refids own = { mine, 1 };
	struct house h;

	build(&h);
	for (unsigned i = 0; i < N; i++)
		measure(&h, i, 0.001, 0, &(struct packet){ .stratum = 2, .refid = i == 0 ? mine[0] : 0x0a000002 });
	h.now += 0.02;
	system_update(&h.s, h.list, N, &own, mono(h.now), 0, &h.out);
	ck_assert_int_eq(h.a[0].tally, TALLY_REJECT);
	ck_assert(h.a[0].flash & FLASH_PEER_LOOP);
	ck_assert_uint_eq(h.s.truechimers, 3);
	ck_assert_uint_ne(h.s.vars.peer, 100);
}
END_TEST

START_TEST(with_steering_disabled_we_select_but_neither_steer_nor_claim)
{
	struct house h;

	build(&h);
	h.s.steer = false;
	measure_all(&h, agreed);
	update(&h);
	ck_assert_uint_eq(h.out.what, SYSTEM_SYSPEER);
	ck_assert_uint_ne(h.s.vars.peer, 0);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_int_eq(h.s.vars.stratum, STRATUM_UNSYNC);
}
END_TEST

START_TEST(a_step_leaves_no_offset_to_report_and_is_an_event)
{
	static const double ahead[N] = { 500, 500, 500, 500 };
	struct house h;

	build(&h);
	measure_all(&h, ahead);
	update(&h);
	ck_assert_int_eq(h.out.decision.what, DECIDE_STEP);
	done(&h, true);
	ck_assert_double_eq(h.s.vars.offset, 0);
	ck_assert_double_lt(h.s.vars.rootdisp, 0.1);
	ck_assert(h.out.what & SYSTEM_SYNC);
}
END_TEST

START_TEST(an_offset_that_is_refused_claims_nothing)
{
	static const double year[N] = { 3e7, 3e7, 3e7, 3e7 };
	struct house h;

	build(&h);
	measure_all(&h, year);
	update(&h);
	ck_assert_int_eq(h.out.decision.what, DECIDE_PANIC);
	done(&h, true);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert(!(h.out.what & SYSTEM_SYNC));
}
END_TEST

START_TEST(measuring_the_frequency_and_meeting_a_spike_are_events)
{
	static const double away[N] = { 0.7, 0.7, 0.7, 0.7 };
	unsigned spikes = 0;
	struct house h;

	build(&h);
	ck_assert_int_eq(h.s.event, EVENT_FREQ_NOT_SET);
	measure_all(&h, agreed);
	update(&h);
	ck_assert(h.out.what & SYSTEM_FREQ_MODE);
	ck_assert_int_eq(h.s.event, EVENT_FREQ_MODE);
	done(&h, true);
	for (int i = 0; i < 8; i++) {
		h.now += 16;
		measure_all(&h, away);
		update(&h);
		spikes += (h.out.what & SYSTEM_SPIKE) != 0;
		ck_assert(!(h.out.what & SYSTEM_FREQ_MODE));
		if ((h.out.what & SYSTEM_SPIKE) != 0)
			ck_assert_int_eq(h.s.event, EVENT_SPIKE);
		if ((h.out.what & SYSTEM_SPIKE) != 0)
			ck_assert_double_eq_tol(h.out.decision.offset, 0.7, 0.3);
		done(&h, true);
	}
	ck_assert_uint_eq(spikes, 1);	/* however long it is waited out */
}
END_TEST

START_TEST(a_disturbance_ends_the_claim_at_once)
{
	struct house h;

	synchronise(&h);
	system_disturbed(&h.s, mono(h.now));
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_int_eq(h.s.vars.stratum, STRATUM_UNSYNC);
	ck_assert_uint_eq(h.s.vars.refid, REFID_STEP);
	ck_assert_uint_eq(h.s.vars.peer, 0);
}
END_TEST

UNIT_MAIN("client/system", measuring_the_frequency_and_meeting_a_spike_are_events, at_start_all_sources_are_heard_before_the_clock_is_touched, a_silent_source_is_not_waited_for_without_end,
    with_no_sources_at_all_the_wait_is_not_over, the_first_decision_carried_out_makes_us_synchronised,
    a_clock_that_refuses_leaves_us_unsynchronised, a_minority_is_marked_and_the_majority_followed, a_tie_moves_nothing_and_says_so,
    fewer_than_minsane_move_nothing_and_say_so, the_system_peer_stays_while_it_survives,
    without_a_system_peer_we_claim_the_time_for_orphanwait_and_no_longer, a_root_distance_beyond_the_limit_ends_the_claim_earlier,
    a_source_that_comes_back_in_time_leaves_no_trace, a_leap_second_takes_more_than_half_of_the_survivors,
    a_falsetickers_leap_warning_does_not_count_and_a_withdrawal_does, leap_warnings_count_on_the_days_that_can_have_one, a_source_that_follows_us_is_not_followed,
    with_steering_disabled_we_select_but_neither_steer_nor_claim, a_step_leaves_no_offset_to_report_and_is_an_event,
    an_offset_that_is_refused_claims_nothing, a_disturbance_ends_the_claim_at_once)
