/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: what the daemon's glue does with libevent and sockets, done with virtual time and a queue. */
#include <stdlib.h>
#include <string.h>

#include "client/system.h"
#include "network.h"
#include "world.h"

#define FLIGHTS_MAX	512
#define NEVER		INT64_MAX
#define START_SPREAD	0.1	/* s between the first requests to different sources */

/* A datagram on its way. */
struct flight {
	int64_t		at;		/* ns, true time of arrival */
	uint64_t	order;		/* of sending, for those that arrive at once */
	unsigned	source;
	bool		to_server;
	uint8_t		pkt[PACKET_LEN];
};

struct timer {
	bool		armed;
	struct monotime	due;
};

struct source {
	struct source_opts	opts;	/* as they are now */
	struct server		server;
	struct assoc		assoc;
	struct timer		timer;
	int64_t			next_forged;	/* ns, true time */
};

struct world {
	const struct scenario	*scn;
	struct simclock		 machine;
	struct sysclock		*clock;
	struct system		 system;
	struct source		 source[SCENARIO_SOURCES_MAX];
	struct assoc		*assoc[SCENARIO_SOURCES_MAX];
	unsigned		 n;
	struct flight		 flight[FLIGHTS_MAX];
	unsigned		 nflight;
	uint64_t		 flights;	/* ever */
	struct timer		 slew_end, system_due, watch;
	unsigned		 next_change;
	struct stream		 dice;		/* the daemon's */
	struct stream		 lateness;	/* of timers */
	struct meter		 meter;
	FILE			*trace;
	struct leap_table	 leaps;
	bool			 gone;		/* the daemon has given up (panic) */
};

static double
seconds_now(const struct world *w)
{
	return 1e-9 * (double)w->machine.now_ns;
}

static void
arm(struct world *w, struct timer *t, double wait)
{
	t->armed = wait >= 0;
	if (t->armed)
		t->due = monotime_add(simclock_mono(&w->machine), wait + w->scn->latency * stream_uniform(&w->lateness));
}

/* True time at which a timer goes off if the clock runs on as it does now. */
static int64_t
fires_at(const struct world *w, const struct timer *t)
{
	double left;

	if (!t->armed || w->gone)
		return NEVER;
	left = monotime_diff(t->due, simclock_mono(&w->machine)) / simclock_rate(&w->machine);
	return left <= 0 ? w->machine.now_ns : w->machine.now_ns + (int64_t)ceil(left * 1e9);
}

static bool
is_due(const struct world *w, const struct timer *t)
{
	return t->armed && !monotime_before(simclock_mono(&w->machine), t->due);
}

static void
send_off(struct world *w, unsigned i, bool to_server, double delay, const uint8_t pkt[static PACKET_LEN])
{
	struct flight *f = &w->flight[w->nflight];

	if (delay < 0 || w->nflight == FLIGHTS_MAX)
		return;
	f->at = w->machine.now_ns + llround(delay * 1e9);
	f->order = w->flights++;
	f->source = i;
	f->to_server = to_server;
	memcpy(f->pkt, pkt, PACKET_LEN);
	w->nflight++;
}

static void carry_out(struct world *w, struct system_out *so);

/* Announces leap seconds to the kernel as the daemon does. */
static void
mind_leaps(struct world *w, struct system_out *so)
{
	struct sysclock_status st = { .leap = LEAP_NONE };
	struct clockread now;

	sysclock_read(w->clock, &now);
	system_leap(&w->system, w->assoc, w->n, now.mono, now.wall, so);
	st.leap = w->system.vars.leap;
	if (sysclock_set_status(w->clock, &st) == -1)
		w->gone = true;
}

static void
update_system(struct world *w)
{
	static const struct own_refids own = { NULL, 0 };
	struct system_out so;
	struct clockread now;

	sysclock_read(w->clock, &now);
	system_update(&w->system, w->assoc, w->n, &own, now.mono, now.steered, &so);
	if (so.what & SYSTEM_OWN)
		system_own_time(&w->system, now.wall);
	if (so.what & SYSTEM_DECISION)
		carry_out(w, &so);
	mind_leaps(w, &so);
	arm(w, &w->system_due, so.wait);
}

/* Does with the clock what the discipline decided. */
static void
carry_out(struct world *w, struct system_out *so)
{
	const struct decision *d = &so->decision;
	struct clockread now;
	double duration = 0;
	bool ok = true;

	sysclock_read(w->clock, &now);
	if (d->what == DECIDE_PANIC) {
		w->gone = true;
		return;
	}
	if (d->what == DECIDE_STEP)
		ok = sysclock_step(w->clock, now.mono, d->offset) == 0 && sysclock_adjust(w->clock, now.mono, d->freq, 0, d->slew, &duration) == 0;
	if (d->what == DECIDE_SLEW) {
		ok = sysclock_adjust(w->clock, now.mono, d->freq, d->offset, d->slew, &duration) == 0;
		arm(w, &w->slew_end, duration > 0 ? duration : -1);
	}
	sysclock_read(w->clock, &now);
	system_done(&w->system, w->assoc, w->n, d, ok, now.mono, now.wall, so);
}

/* What every call into an association may ask for. */
static void
follow_up(struct world *w, unsigned i, const struct assoc_out *out)
{
	arm(w, &w->source[i].timer, out->wait);
	if (out->what & ASSOC_UPDATE)
		update_system(w);
}

static void
send_request(struct world *w, unsigned i, const uint8_t pkt[static PACKET_LEN])
{
	struct source *s = &w->source[i];
	struct assoc_out out;
	double delay;

	if (s->opts.server.unreachable) {
		assoc_failed(&s->assoc, simclock_mono(&w->machine), &out);
		follow_up(w, i, &out);
		return;
	}
	assoc_sent(&s->assoc, simclock_wall(&w->machine), sysclock_generation(w->clock));
	delay = direction_delay(&s->server.dir[0], &s->opts.path[0], seconds_now(w));
	send_off(w, i, true, delay, pkt);
	if (delay >= 0 && direction_repeats(&s->server.dir[0], &s->opts.path[0]))
		send_off(w, i, true, direction_delay(&s->server.dir[0], &s->opts.path[0], seconds_now(w)), pkt);
}

/* LOCAL: the clock agrees with itself. */
static void
poll_local(struct world *w, unsigned i)
{
	struct clock_answer answer = { .have = true, .floor = w->scn->precision, .sample.disp = w->scn->precision };
	struct assoc_out out;
	struct clockread now;

	sysclock_read(w->clock, &now);
	answer.sample.when = now.mono;
	answer.sample.steered = now.steered;
	answer.reftime = now.wall;
	assoc_clock_poll(&w->source[i].assoc, now.mono, now.steered, &answer, &out);
	follow_up(w, i, &out);
}

static void
poll_source(struct world *w, unsigned i)
{
	struct dice dice = { .nonce = stream_u64(&w->dice), .uniform = stream_uniform(&w->dice) };
	struct assoc_out out;

	if (w->source[i].opts.local) {
		poll_local(w, i);
		return;
	}
	assoc_timer(&w->source[i].assoc, simclock_mono(&w->machine), dice, &out);
	follow_up(w, i, &out);
	if (out.what & ASSOC_SEND)
		send_request(w, i, out.pkt);
}

static void
arrive_at_server(struct world *w, const struct flight *f)
{
	struct source *s = &w->source[f->source];
	uint8_t reply[PACKET_LEN];
	double hold = s->opts.server.hold, back;

	if (!server_answer(&s->server, &s->opts.server, f->pkt, seconds_now(w), simclock_true(&w->machine), reply))
		return;
	back = direction_delay(&s->server.dir[1], &s->opts.path[1], seconds_now(w) + hold);
	if (back < 0)
		return;
	send_off(w, f->source, false, hold + back, reply);
	if (direction_repeats(&s->server.dir[1], &s->opts.path[1]))
		send_off(w, f->source, false, hold + 1.5 * back, reply);
}

static void
deliver(struct world *w, unsigned i, const uint8_t pkt[static PACKET_LEN])
{
	struct clockread now;
	struct arrival in;
	struct assoc_out out;

	sysclock_read(w->clock, &now);
	in = (struct arrival){
		.buf = pkt,
		.len = PACKET_LEN,
		.t4 = now.wall,
		.when = now.mono,
		.steered = now.steered,
		.generation = sysclock_generation(w->clock),
		.precision = w->scn->precision,
	};
	assoc_receive(&w->source[i].assoc, &in, &out);
	follow_up(w, i, &out);
}

static void
wake_up(struct world *w, struct monotime now)
{
	struct assoc_out out;

	system_disturbed(&w->system, now);
	for (unsigned i = 0; i < w->n; i++) {
		assoc_disturbed(&w->source[i].assoc, now, &out);
		arm(w, &w->source[i].timer, out.wait);
	}
}

/* The kernel tells that somebody else has set the clock, or that the machine has slept: after a sleep everything is measured anew. */
static void
look_at_clock(struct world *w)
{
	struct monotime now = simclock_mono(&w->machine);
	double slept, jump = sysclock_watch(w->clock, &slept);

	w->watch.armed = false;
	if (slept > 0)
		wake_up(w, now);
	if (jump != 0 || slept > 0)
		update_system(w);
}

/* Datagrams that should have come in while the machine slept are lost. */
static void
drop_slept_through(struct world *w)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < w->nflight; i++) {
		if (w->flight[i].at >= w->machine.now_ns)
			w->flight[kept++] = w->flight[i];
	}
	w->nflight = kept;
}

static void
change_source(struct world *w, const struct change *c)
{
	struct source *s = &w->source[c->source];

	s->opts.path[0] = c->opts.path[0];
	s->opts.path[1] = c->opts.path[1];
	/* A server keeps what its drift has made of its clock so far. */
	s->opts.server = c->opts.server;
	s->server.set_at = seconds_now(w);
	s->next_forged = c->opts.server.forged > 0 ? w->machine.now_ns : NEVER;
}

static void
make_change(struct world *w, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_SOURCE:
		change_source(w, c);
		return;
	case CHANGE_FREQ:
		w->machine.osc.freq += c->amount;
		w->machine.y += c->amount;
		return;
	case CHANGE_JUMP:
		simclock_jump(&w->machine, c->amount);
		break;
	case CHANGE_SUSPEND:
		simclock_suspend(&w->machine, c->amount, c->error);
		drop_slept_through(w);
		break;
	}
	arm(w, &w->watch, w->scn->watch);
}

static void
take_second(struct world *w)
{
	const struct sysvars *v = &w->system.vars;
	struct monotime now = simclock_mono(&w->machine);
	double freq = sysclock_freq(w->clock);
	struct second s = {
		.t = seconds_now(w),
		.offset = simclock_offset(&w->machine),
		.freq = (1 + w->machine.y) / (1 - freq) - 1,
		.rootdist = sysvars_rootdist(v, now),
		.synced = v->leap != LEAP_UNSYNC && !w->gone,
	};

	meter_take(&w->meter, &s);
	if (w->trace != NULL)
		fprintf(w->trace, "%.0f %.9f %.9f %.9f %.6f %d %.9f %d\n", s.t, s.offset, v->offset, v->est_error, 1e6 * freq,
		    w->source[0].assoc.hpoll, s.rootdist, s.synced);
}

static int64_t
next_event(const struct world *w)
{
	int64_t at = (w->machine.now_ns / NS_PER_S + 1) * NS_PER_S;
	int64_t t;

	if (w->next_change < w->scn->nchange) {
		t = llround(w->scn->change[w->next_change].at * 1e9);
		at = t < at ? t : at;
	}
	for (unsigned i = 0; i < w->nflight; i++)
		at = w->flight[i].at < at ? w->flight[i].at : at;
	for (unsigned i = 0; i < w->n; i++) {
		t = fires_at(w, &w->source[i].timer);
		at = t < at ? t : at;
		t = w->source[i].next_forged;
		at = t < at ? t : at;
	}
	t = fires_at(w, &w->slew_end);
	at = t < at ? t : at;
	t = fires_at(w, &w->system_due);
	at = t < at ? t : at;
	t = fires_at(w, &w->watch);
	at = t < at ? t : at;
	t = simclock_kernel_midnight(&w->machine);
	at = t < at ? t : at;
	return at > w->machine.now_ns ? at : w->machine.now_ns;
}

/* The earliest datagram that has arrived by now; false if there is none. */
static bool
take_flight(struct world *w, struct flight *out)
{
	struct flight *first = NULL;

	for (unsigned i = 0; i < w->nflight; i++) {
		struct flight *f = &w->flight[i];

		if (f->at <= w->machine.now_ns && (first == NULL || f->at < first->at || (f->at == first->at && f->order < first->order)))
			first = f;
	}
	if (first == NULL)
		return false;
	*out = *first;
	*first = w->flight[--w->nflight];
	return true;
}

static void
run_timers(struct world *w)
{
	if (is_due(w, &w->watch))
		look_at_clock(w);
	if (is_due(w, &w->slew_end)) {
		w->slew_end.armed = false;
		sysclock_slew_end(w->clock, simclock_mono(&w->machine));
	}
	if (is_due(w, &w->system_due)) {
		w->system_due.armed = false;
		update_system(w);
	}
	for (unsigned i = 0; i < w->n; i++) {
		if (is_due(w, &w->source[i].timer)) {
			w->source[i].timer.armed = false;
			poll_source(w, i);
		}
	}
}

static void
run_network(struct world *w)
{
	struct flight f;

	while (take_flight(w, &f)) {
		if (f.to_server)
			arrive_at_server(w, &f);
		else if (!w->gone)
			deliver(w, f.source, f.pkt);
	}
	for (unsigned i = 0; i < w->n; i++) {
		struct source *s = &w->source[i];
		uint8_t forged[PACKET_LEN];

		if (s->next_forged > w->machine.now_ns)
			continue;
		s->next_forged = w->machine.now_ns + 1 + llround(1e9 * stream_exp(&s->server.stream) / s->opts.server.forged);
		server_forge(&s->server, simclock_true(&w->machine), forged);
		if (!w->gone)
			deliver(w, i, forged);
	}
}

/* The daemon is told of the leap second as of any setting of the clock. */
static void
run_kernel(struct world *w)
{
	if (simclock_kernel_midnight(&w->machine) > w->machine.now_ns)
		return;
	simclock_look_at_midnight(&w->machine);
	arm(w, &w->watch, w->scn->watch);
}

static void
run_changes(struct world *w)
{
	const struct scenario *s = w->scn;

	while (w->next_change < s->nchange && llround(s->change[w->next_change].at * 1e9) <= w->machine.now_ns)
		make_change(w, &s->change[w->next_change++]);
}

static void
start_source(struct world *w, unsigned i, uint64_t seed)
{
	static const struct addr any_host = { .family = 4, .ip = { 192, 0, 2, 0 } };
	static const struct clock_face local = { .addr = { .family = 4, .ip = { 127, 127, 1, 0 } }, .kind = ASSOC_OWN, .stratum = 10 };
	bool have_freq = !isnan(w->scn->drift);
	struct source *s = &w->source[i];
	struct addr addr = any_host;
	struct assoc_out out;

	s->opts = w->scn->source[i];
	s->next_forged = s->opts.server.forged > 0 ? 0 : NEVER;
	server_init(&s->server, seed, i);
	addr.ip[3] = (uint8_t)(i + 1);
	w->assoc[i] = &s->assoc;
	assoc_init(&s->assoc, (uint16_t)(i + 1), &s->opts.assoc, simclock_mono(&w->machine), START_SPREAD * i, have_freq ? w->scn->drift : 0,
	    have_freq ? ESTIMATOR_FREQ_DRIFT : ESTIMATOR_FREQ_UNKNOWN);
	s->assoc.configured = true;
	if (s->opts.local) {
		assoc_set_clock(&s->assoc, &local);
		out.wait = 0;
	} else
		assoc_set_addr(&s->assoc, &addr, simclock_mono(&w->machine), &out);
	arm(w, &s->timer, out.wait);
}

static void
start_leap(struct world *w, const struct scenario *s)
{
	if (s->leap_step == 0)
		return;
	simclock_set_leap(&w->machine, s->leap_at, s->leap_step);
	w->leaps = (struct leap_table){ .n = 2, .expires = { INT64_MAX } };
	w->leaps.row[0].tai = 37;
	w->leaps.row[1].from.ns = s->epoch_ns + w->machine.leap_ns + (s->leap_step < 0 ? NS_PER_S : 0);
	w->leaps.row[1].tai = 37 + s->leap_step;
	w->system.leaps = s->leap_file ? &w->leaps : NULL;
}

static bool
start(struct world *w, const struct scenario *s, uint64_t seed, FILE *trace)
{
	*w = (struct world){ .scn = s, .trace = trace, .n = s->nsource };
	w->dice = stream_open(seed, 1);
	w->lateness = stream_open(seed, 2);
	simclock_init(&w->machine, &s->clock, seed, s->epoch_ns);
	w->clock = simclock_driver(&w->machine);
	if (w->clock == NULL || !meter_init(&w->meter, s->length, s->settle))
		return false;
	system_init(&w->system, &s->select, &s->discipline, simclock_mono(&w->machine), (int8_t)floor(log2(s->precision)), !isnan(s->drift),
	    isnan(s->drift) ? 0 : s->drift);
	if (sysclock_adjust(w->clock, simclock_mono(&w->machine), isnan(s->drift) ? 0 : s->drift, 0, 0, &(double){ 0 }) == -1)
		return false;
	sysclock_watch(w->clock, &(double){ 0 });
	start_leap(w, s);
	for (unsigned i = 0; i < w->n; i++)
		start_source(w, i, seed);
	return true;
}

static double
packets_per_source(const struct world *w)
{
	double sent = 0;

	for (unsigned i = 0; i < w->n; i++)
		sent += w->source[i].assoc.count.sent;
	return sent / w->n;
}

bool
world_run(const struct scenario *s, uint64_t seed, FILE *trace, struct figures *out)
{
	struct world *w = calloc(1, sizeof(*w));
	int64_t end = llround(s->length * 1e9);
	bool ok = w != NULL && start(w, s, seed, trace);

	while (ok && w->machine.now_ns < end) {
		int64_t second = w->machine.now_ns / NS_PER_S;

		simclock_advance(&w->machine, next_event(w));
		if (w->machine.now_ns / NS_PER_S != second)
			take_second(w);
		run_changes(w);
		run_kernel(w);
		run_network(w);
		if (!w->gone)
			run_timers(w);
	}
	if (ok)
		meter_read(&w->meter, s->length, packets_per_source(w), w->machine.steps, w->gone, out);
	if (w != NULL) {
		meter_free(&w->meter);
		sysclock_free(w->clock);
	}
	free(w);
	return ok;
}
