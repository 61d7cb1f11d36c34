/* SPDX-License-Identifier: BSD-2-Clause */
/* When there is nobody to follow: LOCAL, orphan mode and its election, and reference clocks in the selection. */
#include "base/ntp.h"
#include "client/system.h"
#include "wire/control.h"
#include "../unit.h"
#include "wire.h"

#define N	3
#define WAIT	300.0	/* s, orphanwait */

static const struct own_refids nobody = { 0 };

struct island {
	struct system		s;
	struct assoc		a[N];
	struct assoc		*list[N];
	size_t			n;
	struct system_out	out;
	double			now;
};

static void
build(struct island *h, uint8_t orphan)
{
	struct select_opts o = select_defaults;

	o.orphan = orphan;
	o.orphanwait = WAIT;
	*h = (struct island){ .now = 1 };
	system_init(&h->s, &o, &discipline_defaults, mono(h->now), -20, false, 0);
}

static struct assoc *
add(struct island *h, const struct assoc_opts *o)
{
	struct assoc *a = &h->a[h->n];

	assoc_init(a, (uint16_t)(100 + h->n), o, mono(h->now), 0, 0, ESTIMATOR_FREQ_UNKNOWN);
	a->configured = true;
	h->list[h->n++] = a;
	return a;
}

/* A server at 192.0.2.host, asked from 192.0.2.ours. */
static struct assoc *
add_server(struct island *h, uint8_t host, uint8_t ours)
{
	struct addr addr = { .family = 4, .ip = { 192, 0, 2, host } };
	struct assoc *a = add(h, &assoc_defaults);
	struct assoc_out out;

	assoc_set_addr(a, &addr, mono(h->now), &out);
	a->local = (struct addr){ .family = 4, .ip = { 192, 0, 2, ours } };
	return a;
}

static struct assoc *
add_clock(struct island *h, enum assoc_kind kind, uint8_t stratum, bool prefer)
{
	struct assoc_opts o = assoc_defaults;
	struct clock_face f = { .addr = { .family = 4, .ip = { 127, 127, 1, 0 } }, .kind = kind, .stratum = stratum, .source = SOURCE_LOCAL,
		.refid = REFID('L', 'O', 'C', 'L') };
	struct assoc *a;

	o.prefer = prefer;
	a = add(h, &o);
	assoc_set_clock(a, &f);
	return a;
}

static void
ask_clock(struct island *h, struct assoc *a, bool have, double offset, struct assoc_out *out)
{
	struct clock_answer c = { .have = have, .sample = { .when = mono(h->now), .offset = offset, .disp = 1e-6 }, .floor = 1e-6, .precision = -20 };

	assoc_clock_poll(a, mono(h->now), 0, &c, out);
}

static void
ask_server(struct island *h, struct assoc *a, uint8_t stratum, uint8_t leap)
{
	struct dice dice = { .nonce = (uint64_t)llround(h->now * 1e6) << 8 | a->id, .uniform = 0.5 };
	struct assoc_out out;
	struct delivery d;
	struct packet p;

	a->next = mono(h->now);
	assoc_timer(a, mono(h->now), dice, &out);
	assoc_sent(a, wall(h->now), 0);
	p = sound_reply(request_nonce(out.pkt), h->now, 0.020, 0.0005);
	p.stratum = stratum;
	p.leap = leap;
	p.refid = REFID(127, 0, 0, 1);
	d = deliver(&p, h->now + 0.020);
	assoc_receive(a, &d.in, &out);
	free(d.buf);
}

static void
update(struct island *h)
{
	system_update(&h->s, h->list, h->n, &nobody, mono(h->now), 0, &h->out);
	if (h->out.what & SYSTEM_OWN)
		system_own_time(&h->s, wall(h->now));
	if (h->out.what & SYSTEM_DECISION)
		system_done(&h->s, h->list, h->n, &h->out.decision, true, mono(h->now), wall(h->now), &h->out);
}

/* To a time after the start, with a sample of each clock on the way. */
static void
go_to(struct island *h, double now)
{
	struct assoc_out out;

	h->now = now;
	for (size_t i = 0; i < h->n; i++) {
		if (h->a[i].kind != ASSOC_SERVER)
			ask_clock(h, &h->a[i], true, 0, &out);
	}
	update(h);
}

START_TEST(local_waits_for_orphanwait_and_then_serves)
{
	struct island h;
	struct assoc *a;

	build(&h, 17);
	a = add_clock(&h, ASSOC_OWN, 5, false);
	go_to(&h, 30);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_double_eq_tol(h.out.wait, WAIT - 29, 0.01);
	go_to(&h, 1 + WAIT - 0.5);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	go_to(&h, 1 + WAIT);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
	ck_assert_uint_eq(h.s.vars.stratum, 6);
	ck_assert_uint_eq(h.s.vars.refid, REFID(127, 127, 1, 0));
	ck_assert_uint_eq(h.s.vars.peer, a->id);
	ck_assert_int_eq(a->tally, TALLY_SYSPEER);
	ck_assert(h.out.what & SYSTEM_ALONE);
	ck_assert_msg(!(h.out.what & SYSTEM_DECISION), "our own clock does not steer itself");
	ck_assert_int_eq(h.s.vars.reftime.ns, wall(h.now).ns);
	go_to(&h, 400);
	ck_assert_msg(!(h.out.what & SYSTEM_ALONE), "said once");
	ck_assert_int_eq(h.s.vars.reftime.ns, wall(h.now).ns);
}
END_TEST

START_TEST(local_yields_to_any_source_and_waits_again_when_it_is_lost)
{
	struct island h;
	struct assoc *server;

	build(&h, 17);
	add_clock(&h, ASSOC_OWN, 5, false);
	server = add_server(&h, 1, 2);
	go_to(&h, 1 + WAIT);
	ck_assert_uint_eq(h.s.vars.stratum, 6);
	ask_server(&h, server, 3, LEAP_NONE);
	h.now += 0.02;
	update(&h);
	ck_assert(h.out.what & SYSTEM_DECISION);
	ck_assert_uint_eq(h.s.vars.stratum, 4);
	ck_assert_uint_eq(h.s.vars.peer, server->id);
	ck_assert_int_eq(h.a[0].tally, TALLY_REJECT);
	h.now += 64;
	ask_server(&h, server, 16, LEAP_UNSYNC);
	h.now += 0.02;
	update(&h);
	ck_assert_uint_eq(h.s.vars.peer, 0);
	ck_assert_msg(h.s.vars.stratum == 4 && h.s.vars.leap == LEAP_NONE, "the last source still counts for orphanwait");
	ck_assert_double_eq_tol(h.out.wait, WAIT, 0.01);
	go_to(&h, h.now + WAIT);
	ck_assert_uint_eq(h.s.vars.stratum, 6);
	ck_assert_uint_eq(h.s.vars.peer, 100);
}
END_TEST

START_TEST(a_preferred_local_needs_no_wait_and_beats_a_server)
{
	struct island h;
	struct assoc *own;

	build(&h, 17);
	own = add_clock(&h, ASSOC_OWN, 3, true);
	ask_server(&h, add_server(&h, 1, 2), 3, LEAP_NONE);
	go_to(&h, 13);
	ck_assert_uint_eq(h.s.vars.peer, own->id);
	ck_assert_uint_eq(h.s.vars.stratum, 4);
	ck_assert(!(h.out.what & SYSTEM_DECISION));
}
END_TEST

START_TEST(a_real_clock_makes_us_primary_under_its_name)
{
	struct island h;
	struct assoc *gps;

	build(&h, 17);
	gps = add_clock(&h, ASSOC_CLOCK, 0, false);
	gps->last.refid = REFID('G', 'P', 'S', 0);
	go_to(&h, 13);
	ck_assert(h.out.what & SYSTEM_SYNC);
	ck_assert_uint_eq(h.s.vars.stratum, 1);
	ck_assert_uint_eq(h.s.vars.refid, REFID('G', 'P', 'S', 0));
	ck_assert_uint_eq(h.s.vars.peer, gps->id);
}
END_TEST

START_TEST(a_clock_that_falls_silent_is_unreachable_after_eight_polls)
{
	struct assoc_out out;
	struct island h;
	struct assoc *gps;

	build(&h, 17);
	gps = add_clock(&h, ASSOC_CLOCK, 0, false);
	ask_clock(&h, gps, true, 0.01, &out);
	ck_assert_uint_eq(out.events, 1u << PEVENT_REACHABLE);
	for (int i = 0; i < 8; i++) {
		ck_assert_uint_ne(gps->reach, 0);
		h.now += 64;
		ask_clock(&h, gps, false, 0, &out);
	}
	ck_assert_uint_eq(out.events, 1u << PEVENT_UNREACHABLE);
	ck_assert_uint_eq(gps->reach, 0);
	ck_assert(out.what & ASSOC_UPDATE);
	ck_assert_double_eq(out.wait, 64);
}
END_TEST

START_TEST(orphan_mode_serves_after_orphanwait)
{
	static const struct { uint8_t stratum; uint32_t refid; } rows[] = { { 1, REFID('O', 'R', 'P', 'H') }, { 6, REFID(127, 0, 0, 1) } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct island h;

		build(&h, rows[i].stratum);
		go_to(&h, WAIT);
		ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
		go_to(&h, 1 + WAIT);
		ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
		ck_assert_uint_eq(h.s.vars.stratum, rows[i].stratum);
		ck_assert_uint_eq(h.s.vars.refid, rows[i].refid);
		ck_assert_uint_eq(h.s.vars.peer, 0);
		ck_assert_double_eq(h.s.vars.rootdelay, 0);
		ck_assert_double_eq(h.s.vars.rootdisp, 0);
		ck_assert_double_gt(h.out.wait, 0);
	}
}
END_TEST

START_TEST(without_orphan_mode_nothing_is_served)
{
	struct island h;

	build(&h, 17);
	go_to(&h, 2 * WAIT);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	ck_assert_uint_eq(h.s.vars.stratum, STRATUM_UNSYNC);
	ck_assert_uint_eq(h.out.what & SYSTEM_OWN, 0);
}
END_TEST

/* Two other orphans at hosts 10 and 20, ours at this host. */
static void
meet(struct island *h, uint8_t ours)
{
	struct assoc *one, *two;

	build(h, 6);
	one = add_server(h, 20, ours);
	two = add_server(h, 10, ours);
	h->now = 1 + WAIT;
	ask_server(h, one, 6, LEAP_NONE);
	ask_server(h, two, 6, LEAP_NONE);
	h->now += 0.02;
	update(h);
}

START_TEST(the_orphan_of_the_lowest_number_is_parent)
{
	struct island h;

	meet(&h, 30);
	ck_assert(h.out.what & SYSTEM_DECISION);
	ck_assert_uint_eq(h.s.vars.peer, 101);
	ck_assert_uint_eq(h.s.vars.stratum, 7);
	ck_assert_uint_eq(h.s.vars.refid, REFID(192, 0, 2, 10));
	ck_assert_int_eq(h.a[1].tally, TALLY_SYSPEER);
	ck_assert_int_eq(h.a[0].tally, TALLY_REJECT);
	meet(&h, 15);
	ck_assert_uint_eq(h.s.vars.peer, 101);
	meet(&h, 5);
	ck_assert_uint_eq(h.s.vars.peer, 0);
	ck_assert_uint_eq(h.s.vars.stratum, 6);
	ck_assert_uint_eq(h.s.vars.refid, REFID(127, 0, 0, 1));
}
END_TEST

START_TEST(a_follower_stays_with_its_parent_and_becomes_parent_when_it_is_gone)
{
	struct island h;

	meet(&h, 15);
	h.now += 64;
	ask_server(&h, &h.a[1], 6, LEAP_NONE);
	h.now += 0.02;
	update(&h);
	ck_assert_uint_eq(h.s.vars.peer, 101);
	ck_assert_uint_eq(h.s.vars.stratum, 7);
	h.now += 64;
	ask_server(&h, &h.a[1], 16, LEAP_UNSYNC);
	h.now += 0.02;
	update(&h);
	ck_assert_uint_eq(h.s.vars.peer, 0);
	ck_assert_uint_eq(h.s.vars.stratum, 6);
}
END_TEST

START_TEST(who_has_its_time_from_an_orphan_is_never_followed)
{
	struct island h;
	struct assoc *a;

	build(&h, 6);
	a = add_server(&h, 1, 30);
	h.now = 1 + WAIT;
	ask_server(&h, a, 7, LEAP_NONE);
	h.now += 0.02;
	update(&h);
	ck_assert(a->flash & FLASH_PEER_STRATUM);
	ck_assert_uint_eq(h.s.vars.peer, 0);
	ck_assert_uint_eq(h.s.vars.stratum, 6);
}
END_TEST

START_TEST(a_source_below_the_orphan_stratum_ends_orphan_mode)
{
	struct island h;

	meet(&h, 5);
	h.now += 64;
	ask_server(&h, &h.a[0], 2, LEAP_NONE);
	h.now += 0.02;
	update(&h);
	ck_assert_uint_eq(h.s.vars.peer, 100);
	ck_assert_uint_eq(h.s.vars.stratum, 3);
	ck_assert(!h.s.alone && !h.s.resort);
}
END_TEST

START_TEST(local_comes_before_orphan_mode)
{
	struct island h;

	build(&h, 6);
	add_clock(&h, ASSOC_OWN, 3, false);
	go_to(&h, 1 + WAIT);
	ck_assert_uint_eq(h.s.vars.stratum, 4);
	ck_assert_uint_eq(h.s.vars.peer, 100);
}
END_TEST

START_TEST(a_disturbed_clock_is_not_served_before_orphanwait_is_over_again)
{
	struct island h;

	build(&h, 6);
	go_to(&h, 1 + WAIT);
	system_disturbed(&h.s, mono(h.now));
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	go_to(&h, h.now + WAIT - 1);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
	go_to(&h, h.now + 1);
	ck_assert_int_eq(h.s.vars.leap, LEAP_NONE);
}
END_TEST

/* A server that is off by so much, and a pulse. */
static void
pulse(struct island *h, double server, bool prefer)
{
	struct assoc_out out;
	struct assoc *gps, *pps;

	build(h, 17);
	gps = add_clock(h, ASSOC_CLOCK, 3, prefer);
	pps = add_clock(h, ASSOC_PULSE, 0, false);
	pps->addr.ip[3] = 1;
	pps->last.refid = REFID('P', 'P', 'S', 0);
	h->now = 13;
	ask_clock(h, gps, true, server, &out);
	ask_clock(h, pps, true, 0.0001, &out);
	update(h);
}

START_TEST(a_pulse_is_followed_while_somebody_numbers_its_seconds)
{
	struct island h;

	pulse(&h, 0.01, true);
	ck_assert(h.out.what & SYSTEM_DECISION);
	ck_assert_double_eq_tol(h.out.decision.offset, 0.0001, 1e-6);
	ck_assert_int_eq(h.a[1].tally, TALLY_PPSPEER);
	ck_assert_int_eq(h.a[0].tally, TALLY_SYSPEER);
	ck_assert_uint_eq(h.s.vars.stratum, 1);
	ck_assert_uint_eq(h.s.vars.refid, REFID('P', 'P', 'S', 0));
	pulse(&h, 0.01, false);
	ck_assert_int_eq(h.a[1].tally, TALLY_PPSPEER);
}
END_TEST

START_TEST(a_pulse_is_not_followed_by_itself_or_across_seconds)
{
	struct assoc_out out;
	struct island h;

	pulse(&h, 0.45, true);
	ck_assert_double_eq_tol(h.out.decision.offset, 0.45, 1e-6);
	ck_assert_int_eq(h.a[1].tally, TALLY_REJECT);
	ck_assert_uint_eq(h.s.vars.stratum, 4);
	build(&h, 17);
	ask_clock(&h, add_clock(&h, ASSOC_PULSE, 0, true), true, 0.0001, &out);
	h.now = 13;
	update(&h);
	ck_assert_uint_eq(h.out.what & SYSTEM_DECISION, 0);
	ck_assert_int_eq(h.s.vars.leap, LEAP_UNSYNC);
}
END_TEST

/* Pulses are told as the offset from the nearest second: by a clock an hour slow, and by the same clock once it is right. */
START_TEST(what_a_pulse_said_before_a_step_is_forgotten)
{
	struct clock_answer c = { .have = true, .sample = { .offset = 0.25, .disp = 1e-6 }, .floor = 1e-6, .precision = -20 };
	struct island h;
	struct candidate found;
	struct assoc_out out;
	struct assoc *a;

	build(&h, 17);
	a = add_clock(&h, ASSOC_PULSE, 0, false);
	for (h.now = 1; h.now < 10; h.now += 4) {
		c.sample.when = mono(h.now);
		assoc_clock_poll(a, mono(h.now), 0, &c, &out);
	}
	ck_assert(assoc_candidate(a, mono(h.now), 0, &select_defaults, &nobody, &found));
	assoc_stepped(a, 3600.25);
	ck_assert_msg(!assoc_candidate(a, mono(h.now), 3600.25, &select_defaults, &nobody, &found), "an hour would be taken back");
	c.sample = (struct sample){ .when = mono(h.now), .offset = 0.001, .steered = 3600.25, .disp = 1e-6 };
	assoc_clock_poll(a, mono(h.now), 3600.25, &c, &out);
	ck_assert(assoc_candidate(a, mono(h.now), 3600.25, &select_defaults, &nobody, &found));
	ck_assert_double_eq_tol(found.est.offset, 0.001, 1e-4);
}
END_TEST

UNIT_MAIN("client/island", local_waits_for_orphanwait_and_then_serves, local_yields_to_any_source_and_waits_again_when_it_is_lost,
    a_preferred_local_needs_no_wait_and_beats_a_server, a_real_clock_makes_us_primary_under_its_name,
    a_clock_that_falls_silent_is_unreachable_after_eight_polls, orphan_mode_serves_after_orphanwait, without_orphan_mode_nothing_is_served,
    the_orphan_of_the_lowest_number_is_parent, a_follower_stays_with_its_parent_and_becomes_parent_when_it_is_gone,
    who_has_its_time_from_an_orphan_is_never_followed, a_source_below_the_orphan_stratum_ends_orphan_mode, local_comes_before_orphan_mode,
    a_disturbed_clock_is_not_served_before_orphanwait_is_over_again, a_pulse_is_followed_while_somebody_numbers_its_seconds,
    a_pulse_is_not_followed_by_itself_or_across_seconds, what_a_pulse_said_before_a_step_is_forgotten)
