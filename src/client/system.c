/* SPDX-License-Identifier: BSD-2-Clause */
/* Selection, discipline and the system variables that follow from them. */
#include <string.h>

#include "client/system.h"
#include "wire/control.h"

#define FIRST_WAIT	12.0	/* s after start within which every source gets its say before the first correction */
#define SIGMAS		3.0	/* standard deviations of the estimate that the root dispersion makes room for */
#define REFTIME_MIN_DISP 0.001	/* s, MINDISP of RFC 5905 */
#define PULSE_REACH	0.4	/* s, by which whoever numbers the seconds may be off at most */
#define OWN_PERIOD	64.0	/* s between renewals of the snapshot while we serve our own time */
#define REFID_ORPHAN	REFID('O', 'R', 'P', 'H')	/* an orphan of stratum 1 … */
#define REFID_SELF	REFID(127, 0, 0, 1)	/* … and of any other: nobody's address, so that nobody sees a loop */

void
system_init(struct system *s, const struct select_opts *so, const struct discipline_opts *d, struct monotime now, int8_t precision,
    bool have_freq, double freq)
{
	*s = (struct system){ .select = *so, .start = now, .steer = true };
	discipline_init(&s->discipline, d, now, have_freq, freq);
	sysvars_init(&s->vars, precision);
	s->vars.disp_rate = d->dispersion;
	s->vars.freq = s->discipline.freq;
	system_event(s, EVENT_RESTART);
	system_event(s, have_freq ? EVENT_FREQ_SET : EVENT_FREQ_NOT_SET);
}

void
system_event(struct system *s, int event)
{
	if (s->event != event && s->events < 15)
		s->events++;
	s->event = (uint8_t)event;
}

/* At start nobody moves the clock before all have been heard: a liar must not be believed for having been quick. */
static bool
may_open(struct system *s, struct assoc *const a[], size_t n, struct monotime now)
{
	size_t asked = 0;

	if (s->opened || monotime_diff(now, s->start) >= FIRST_WAIT)
		return s->opened = true;
	for (size_t i = 0; i < n; i++) {
		bool prototype = a[i]->addr.family == 0 && a[i]->last.refid == REFID_POOL;

		asked += !prototype;
		if (!prototype && !assoc_heard_out(a[i]))
			return false;
	}
	return s->opened = asked > 0;
}

/* We do not know the time, or not any more: say so. */
static void
unsynchronise(struct system *s, uint32_t refid)
{
	s->vars.leap = LEAP_UNSYNC;
	s->vars.stratum = STRATUM_UNSYNC;
	s->vars.refid = refid;
	s->alone = false;
}

/* Orphanwait is counted from the start, or from when the last system peer was lost. */
static struct monotime
waits_since(const struct system *s)
{
	return s->lost.ns != 0 ? s->lost : s->start;
}

/* None of the sources will do.  May those be looked at that are for such times? */
static bool
may_resort(struct system *s, struct monotime now)
{
	if (s->resort)
		return true;
	if (s->lost.ns == 0 && s->vars.leap != LEAP_UNSYNC) {
		s->lost = now;
		system_event(s, EVENT_NO_SYSPEER);
	}
	return s->resort = monotime_diff(now, waits_since(s)) >= s->select.orphanwait;
}

/* Without a system peer the clock runs on; after orphanwait we stop claiming to know the time.  hope: there is something else to come to then. */
static void
no_syspeer(struct system *s, bool hope, struct monotime now, struct system_out *out)
{
	double left = s->select.orphanwait - monotime_diff(now, waits_since(s)), room;

	s->vars.peer = 0;
	if (s->vars.leap == LEAP_UNSYNC) {
		out->wait = hope && left > 0 ? left : -1;
		return;
	}
	room = s->select.maxdist - sysvars_rootdist(&s->vars, now);
	if (left > 0 && room > 0) {
		out->wait = fmin(left, room / s->vars.disp_rate);
		return;
	}
	unsynchronise(s, REFID_FREE);
	out->what |= SYSTEM_LOST;
	out->wait = hope && left > 0 ? left : -1;
}

static struct assoc *
find_assoc(struct assoc *const a[], size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i]->id == id)
			return a[i];
	}
	return NULL;
}

static void
take_tallies(struct assoc *const a[], size_t n, const struct candidate c[], size_t nc)
{
	for (size_t i = 0; i < nc; i++) {
		struct assoc *one = find_assoc(a, n, c[i].id);

		if (one != NULL)
			one->tally = c[i].tally;
	}
}

/*
 * What all survivors together say.  select_combine weighs what each says by itself, which leaves in what all say alike: the wandering of our own
 * clock since their samples.
 */
static void
combine_samples(struct assoc *const a[], size_t n, struct monotime now, double steered, struct estimate *out)
{
	const struct estimator *e[ESTIMATOR_JOINT_MAX];
	double bias[ESTIMATOR_JOINT_MAX];
	size_t m = 0;

	for (size_t i = 0; i < n && m < ESTIMATOR_JOINT_MAX; i++) {
		if (a[i]->tally < TALLY_CANDIDATE || a[i]->tally == TALLY_BACKUP || a[i]->kind == ASSOC_OWN)
			continue;
		e[m] = &a[i]->estimator;
		bias[m++] = (short_to_seconds(a[i]->last.rootdelay) + a[i]->stat.delay) / 2 + short_to_seconds(a[i]->last.rootdisp);
	}
	if (m > 1)
		estimator_joint(e, bias, m, now, steered, out);
}

/* --- when there is nobody to follow -------------------------------------------------------- */

/* What is not part of the vote. */
struct resort {
	struct assoc		*own;		/* LOCAL */
	struct candidate	pulse;		/* PPS; id 0 = none */
	bool			parent;		/* there is an orphan whom we should follow: */
	struct candidate	candidate;	/* this one … */
	uint32_t		metric;		/* … of this metric */
};

static bool
is_orphan_mode(const struct select_opts *o)
{
	return o->orphan < STRATUM_UNSYNC;
}

/*
 * Orphans choose among themselves: the one of the lowest metric, which is the number that its address makes (assoc_refid_of), is parent, and
 * whoever's own is lower still follows nobody.
 */
static void
elect(struct resort *r, const struct assoc *a, const struct candidate *c)
{
	uint32_t theirs = assoc_refid_of(&a->addr), ours = a->local.family != 0 ? assoc_refid_of(&a->local) : UINT32_MAX;

	if (theirs >= ours || (r->parent && theirs >= r->metric))
		return;
	r->parent = true;
	r->candidate = *c;
	r->metric = theirs;
}

/* LOCAL, unless it is preferred, and orphans take no part as long as there is anybody else; pulses have no time of their own. */
static bool
set_aside(const struct system *s, struct assoc *a, const struct candidate *c, struct resort *r)
{
	if (a->kind == ASSOC_PULSE) {
		r->pulse = r->pulse.id != 0 ? r->pulse : *c;
		return true;
	}
	if (a->kind == ASSOC_OWN && !a->opts.prefer) {
		r->own = r->own != NULL ? r->own : a;
		return true;
	}
	if (!is_orphan_mode(&s->select) || a->last.stratum != s->select.orphan || a->kind != ASSOC_SERVER)
		return false;
	elect(r, a, c);
	return true;
}

/* Our own time, by LOCAL or as an orphan. */
static void
serve_own(struct system *s, struct assoc *own, struct monotime now, struct system_out *out)
{
	uint16_t peer = own != NULL ? own->id : 0;

	out->what |= SYSTEM_OWN | (!s->alone || s->vars.peer != peer ? SYSTEM_ALONE : 0);
	if (peer != 0 && peer != s->vars.peer) {
		out->what |= SYSTEM_SYSPEER;
		assoc_event(own, PEVENT_SYSPEER);
	}
	if (s->vars.leap == LEAP_UNSYNC)
		system_event(s, EVENT_CLOCK_SYNC);
	s->alone = true;
	s->vars.peer = peer;
	s->vars.leap = own != NULL ? own->last.leap : LEAP_NONE;
	s->vars.stratum = own != NULL ? (uint8_t)(own->last.stratum + 1) : s->select.orphan;
	s->vars.refid = s->vars.stratum == 1 ? REFID_ORPHAN : REFID_SELF;
	if (own != NULL) {
		own->tally = TALLY_SYSPEER;
		s->vars.refid = s->vars.stratum == 1 ? own->last.refid : assoc_refid_of(&own->addr);
	}
	s->vars.rootdelay = s->vars.offset = s->vars.sys_jitter = s->vars.est_error = 0;
	s->vars.rootdisp = own != NULL ? REFTIME_MIN_DISP + filter_stage_disp(&own->filter, 0, now) : 0;
	s->vars.tc = own != NULL ? (uint8_t)own->hpoll : s->vars.tc;
	s->vars.updated = now;
	out->wait = OWN_PERIOD;
}

void
system_own_time(struct system *s, struct walltime wall)
{
	s->vars.reftime = wall;
}

/*
 * LOCAL before an orphan parent before ourselves, as in ntpd.  True if there is a selection to go on with: the orphan parent alone.
 */
static bool
last_resort(struct system *s, const struct resort *r, struct monotime now, struct candidate *c, struct selection *sel, struct system_out *out)
{
	struct select_opts alone = s->select;

	alone.minsane = alone.minclock = 1;
	if (!may_resort(s, now))
		no_syspeer(s, r->own != NULL || is_orphan_mode(&s->select), now, out);
	else if (r->own != NULL)
		serve_own(s, r->own, now, out);
	else if (r->parent) {
		*c = r->candidate;
		select_run(c, 1, &alone, s->vars.peer, sel);
		return sel->syspeer != -1;
	} else if (is_orphan_mode(&s->select))
		serve_own(s, NULL, now, out);
	else
		no_syspeer(s, false, now, out);
	return false;
}

/* --- the process --------------------------------------------------------------------------- */

/* Asks every association for its candidature.  Returns how many stand. */
static size_t
muster(struct system *s, struct assoc *const a[], size_t n, const struct own_refids *own, struct monotime now, double steered, struct candidate c[],
    struct resort *r)
{
	size_t nc = 0;

	for (size_t i = 0; i < n && nc < SYSTEM_ASSOCS_MAX; i++)
		nc += assoc_candidate(a[i], now, steered, &s->select, own, &c[nc]) && !set_aside(s, a[i], &c[nc], r);
	return nc;
}

/*
 * Those who are followed number the seconds, the pulse says where they begin: the preferred one of them where there is one, else the system peer.
 * It must be near enough for the pulse to be that of its second.
 */
static bool
follow_pulse(const struct resort *r, const struct candidate c[], size_t nc, struct selection *sel)
{
	struct candidate pulse = r->pulse;
	const struct candidate *by = &c[sel->syspeer];
	bool preferred = false;

	for (size_t i = 0; i < nc; i++)
		preferred = preferred || c[i].prefer;
	if (pulse.id == 0 || (preferred && !by->prefer) || fabs(by->est.offset) > PULSE_REACH)
		return false;
	pulse.tally = TALLY_CANDIDATE;
	select_combine(&pulse, 1, sel);
	sel->jitter = hypot(sel->jitter, pulse.jitter);
	return true;
}

/* Sources there are, but they do not make a system peer: why not. */
static unsigned
vote_of(const struct selection *sel, size_t nc)
{
	if (nc == 0 || sel->syspeer != -1)
		return 0;
	return sel->truechimers == 0 ? SYSTEM_NO_MAJORITY : SYSTEM_TOO_FEW;
}

/* The discipline, and what it goes over to. */
static void
discipline(struct system *s, struct monotime now, const struct estimate *e, int8_t hpoll, struct system_out *out)
{
	enum discipline_state was = s->discipline.state;

	discipline_update(&s->discipline, now, e, log2_seconds(hpoll), &out->decision);
	out->what |= SYSTEM_DECISION;
	if (s->discipline.state == was)
		return;
	if (s->discipline.state == DISC_SPIK) {
		system_event(s, EVENT_SPIKE);
		out->what |= SYSTEM_SPIKE;
	} else if (s->discipline.state == DISC_FREQ) {
		system_event(s, EVENT_FREQ_MODE);
		out->what |= SYSTEM_FREQ_MODE;
	}
}

void
system_update(struct system *s, struct assoc *const a[], size_t n, const struct own_refids *own, struct monotime now, double steered,
    struct system_out *out)
{
	struct candidate c[SYSTEM_ASSOCS_MAX];
	struct selection sel = { .syspeer = -1 };
	struct resort resort = { .own = NULL };
	struct assoc *peer;
	bool pulsed;
	size_t nc;

	*out = (struct system_out){ .wait = -1 };
	nc = muster(s, a, n, own, now, steered, c, &resort);
	if (!may_open(s, a, n, now)) {
		out->wait = FIRST_WAIT - monotime_diff(now, s->start);
		return;
	}
	select_run(c, nc, &s->select, s->vars.peer, &sel);
	take_tallies(a, n, c, nc);
	s->truechimers = sel.truechimers;
	s->survivors = sel.survivors;
	out->what |= vote_of(&sel, nc);
	if (sel.syspeer != -1)
		s->resort = false;
	else if (last_resort(s, &resort, now, c, &sel, out))
		take_tallies(a, n, c, 1);
	else
		return;
	pulsed = follow_pulse(&resort, c, nc, &sel);
	peer = find_assoc(a, n, pulsed ? resort.pulse.id : c[sel.syspeer].id);
	if (pulsed)
		peer->tally = TALLY_PPSPEER;
	if (peer->kind == ASSOC_OWN) {
		serve_own(s, peer, now, out);
		return;
	}
	s->alone = false;
	if (s->vars.peer != peer->id) {
		s->vars.peer = peer->id;
		out->what |= SYSTEM_SYSPEER;
		assoc_event(peer, PEVENT_SYSPEER);
	}
	if (!s->steer)
		return;
	if (!pulsed)
		combine_samples(a, n, now, steered, &sel.est);
	s->vars.sys_jitter = sel.jitter;
	s->vars.est_error = sqrt(sel.est.var);
	discipline(s, now, &sel.est, peer->hpoll, out);
}

/* System variables from the system peer (RFC 5905 section 11.2.3, clock_update). */
static void
take_peer(struct system *s, const struct assoc *p, double offset, struct monotime now, struct walltime wall)
{
	double spread = fmax(s->vars.sys_jitter, SIGMAS * s->vars.est_error);

	s->vars.stratum = (uint8_t)(p->last.stratum + 1);
	/* A primary server names its clock (RFC 5905 section 7.3). */
	s->vars.refid = s->vars.stratum == 1 ? p->last.refid : assoc_refid_of(&p->addr);
	s->vars.reftime = wall;
	s->vars.updated = now;
	s->vars.tc = (uint8_t)p->hpoll;
	s->vars.rootdelay = short_to_seconds(p->last.rootdelay) + p->stat.delay;
	s->vars.rootdisp = short_to_seconds(p->last.rootdisp) + filter_stage_disp(&p->filter, 0, now)
	    + fmax(REFTIME_MIN_DISP, spread + fabs(offset));
}

/* While an offset waits for the stepout our clock may be wrong by as much, and says so. */
static void
doubt(struct system *s, double offset, struct monotime now)
{
	s->vars.rootdisp = fmax(sysvars_rootdisp(&s->vars, now), offset + REFTIME_MIN_DISP);
	s->vars.updated = now;
}

void
system_done(struct system *s, struct assoc *const a[], size_t n, const struct decision *d, bool ok, struct monotime now, struct walltime wall,
    struct system_out *out)
{
	const struct assoc *p = find_assoc(a, n, s->vars.peer);
	bool was_synced = s->vars.leap != LEAP_UNSYNC;

	if (d->what == DECIDE_HOLD && d->spike)
		doubt(s, fabs(d->offset), now);
	if (d->what == DECIDE_HOLD || d->what == DECIDE_PANIC || p == NULL)
		return;
	s->vars.offset = d->what == DECIDE_STEP ? 0 : d->offset;
	s->vars.freq = s->discipline.freq;
	s->vars.clk_jitter = s->discipline.jitter;
	s->vars.clk_wander = s->discipline.wander;
	if (!ok) {
		unsynchronise(s, was_synced ? REFID_FREE : s->vars.refid);
		out->what |= was_synced ? SYSTEM_LOST : 0;
		return;
	}
	s->lost.ns = 0;
	take_peer(s, p, s->vars.offset, now, wall);
	s->vars.leap = was_synced ? s->vars.leap : LEAP_NONE;
	if (d->what == DECIDE_STEP)
		system_event(s, EVENT_STEP);
	if (!was_synced) {
		out->what |= SYSTEM_SYNC;
		system_event(s, EVENT_CLOCK_SYNC);
	}
}

void
system_disturbed(struct system *s, struct monotime now)
{
	discipline_disturbed(&s->discipline, now);
	unsynchronise(s, REFID_STEP);
	s->vars.peer = 0;
	s->lost = now;
	s->resort = false;
}
