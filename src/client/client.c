/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of sources, and the decisions of the system process carried out on the clock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "glue.h"

#define PEER_TRIES	3	/* once mode: polls after which a peer is silent; the last of them asks it as a server */
#define PRECISION_LEAST	-30.0	/* log2 s */
#define LAST_WAIT	2.0	/* s, once mode: how long the last reply may take */
#define SILENT_POLLS	4	/* once mode: polls so short that there is always one under way, after which a source is silent */

static struct timeval
timeval_of(double seconds)
{
	double whole = floor(seconds);

	return (struct timeval){ .tv_sec = (time_t)whole, .tv_usec = (suseconds_t)((seconds - whole) * 1e6) };
}

void
glue_arm(struct event *ev, double seconds)
{
	struct timeval tv;

	if (seconds < 0) {
		event_del(ev);
		return;
	}
	tv = timeval_of(seconds);
	event_add(ev, &tv);
}

void
glue_report(struct client *c, enum client_news what, double value, const struct assoc *a)
{
	c->cb(c->arg, &(struct client_report){ .what = what, .value = value, .assoc = a });
}

void
glue_event(struct client *c, int event, const struct assoc *a)
{
	c->cb(c->arg, &(struct client_report){ .what = CLIENT_EVENT, .event = event, .assoc = a });
}

void
client_event(struct client *c, int event)
{
	system_event(&c->system, event);
	glue_event(c, event, NULL);
}

void
client_news(struct client *c)
{
	glue_arm(c->select_due, 0);
}

bool
client_has_addr(const struct client *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->assoc[i]->addr.family != 0 && addr_same_host(&c->assoc[i]->addr, a))
			return true;
	}
	return false;
}

bool
client_is_prototype(const struct source *s)
{
	return s->role == ROLE_POOL || s->role == ROLE_BROADCAST || s->role == ROLE_MANYCAST;
}

size_t
client_sources(const struct client *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += !client_is_prototype(c->source[i]) && !c->assoc[i]->opts.noselect;
	return n;
}

/* --- steering ------------------------------------------------------------------------------ */

static void
publish_status(struct client *c, struct monotime now)
{
	struct sysclock_status st = {
		.leap = c->system.vars.leap,
		.maxerror = sysvars_rootdist(&c->system.vars, now),
		.esterror = c->system.vars.est_error,
		.tai = c->system.vars.tai,
	};
	unsigned held = 0;

	if (c->opts.steer && sysclock_set_status(c->clock, &st) == -1 && log_gate_open(&c->clock_gate, now, &held))
		log_warn("the kernel does not take the state of its clock");
}

/* Slew or step; *duration is that of the slew. */
static bool
steer(struct client *c, const struct decision *d, struct monotime now, double *duration)
{
	double slew = d->what == DECIDE_SLEW ? d->offset : 0;
	unsigned held = 0;
	int err;

	err = sysclock_adjust(c->clock, now, d->freq, slew, d->slew, duration);
	if (err == 0 && d->what == DECIDE_STEP)
		err = sysclock_step(c->clock, now, d->offset);
	if (err == -1 && log_gate_open(&c->clock_gate, now, &held))
		log_warn("the clock cannot be steered, so the offset of %+.6f s stays", d->offset);
	if (sysclock_meddled(c->clock) && log_gate_open(&c->meddle_gate, now, &held)) {
		log_warnx("another program steers the clock too: one of the two has to go");
		client_event(c, EVENT_KERN);
	}
	return err == 0;
}

/* What was measured by the clock as it was is shown as the clock is now. */
static void
stepped(struct client *c, double offset)
{
	for (size_t i = 0; i < c->n; i++)
		assoc_stepped(c->assoc[i], offset);
	glue_report(c, CLIENT_STEPPED, offset, NULL);
}

static void
report_once(struct client *c, const struct decision *d)
{
	if (!c->opts.once || c->reported)
		return;
	c->reported = true;
	c->cb(c->arg, &(struct client_report){ .what = CLIENT_SET, .value = d->offset, .stepped = d->what == DECIDE_STEP });
}

/* Once mode: this is the one correction there will be, and somebody waits for it. */
static void
hurry(struct client *c, struct decision *d)
{
	c->committed = true;
	d->slew = fmax(c->opts.discipline.slew_start, c->opts.discipline.slew_max);
}

static void
carry_out(struct client *c, const struct decision *d, struct monotime now, struct system_out *out)
{
	struct decision mine = *d;
	struct clockread after;
	double duration = 0;
	bool ok;

	sysclock_read(c->clock, &after);
	if (d->what == DECIDE_PANIC || (d->what != DECIDE_HOLD && walltime_add(after.wall, d->offset).ns < c->opts.not_before.ns)) {
		system_event(&c->system, EVENT_PANIC);
		glue_report(c, CLIENT_PANIC, d->offset, NULL);
		return;
	}
	if (c->opts.once)
		hurry(c, &mine);
	ok = d->what == DECIDE_HOLD || steer(c, &mine, now, &duration);
	sysclock_read(c->clock, &after);
	system_done(&c->system, c->assoc, c->n, d, ok, after.mono, after.wall, out);
	if (!ok || d->what == DECIDE_HOLD)
		return;
	glue_arm(c->slew_due, duration > 0 ? duration : -1);
	if (d->what == DECIDE_STEP)
		stepped(c, d->offset);
	if (duration == 0)
		report_once(c, d);
}

static void
on_slew_due(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	sysclock_slew_end(c->clock, monotime_now());
	glue_report(c, CLIENT_UPDATED, 0, NULL);	/* the map of the clock has changed */
	report_once(c, &(struct decision){ .what = DECIDE_SLEW, .offset = c->system.vars.offset });
}

/* --- the system process -------------------------------------------------------------------- */

static void
tell_vote(struct client *c, unsigned what, struct monotime now)
{
	unsigned held = 0;

	if (!(what & (SYSTEM_NO_MAJORITY | SYSTEM_TOO_FEW)) || !log_gate_open(&c->vote_gate, now, &held))
		return;
	if (what & SYSTEM_NO_MAJORITY)
		log_warnx("the sources disagree and none has a majority: the clock runs on by itself");
	else
		log_warnx("%u sources agree, minsane asks for %u: the clock runs on by itself", c->system.truechimers, c->system.select.minsane);
}

static void
tell_syspeer(struct client *c)
{
	char ip[ADDR_STR_MAX];

	for (size_t i = 0; i < c->n; i++) {
		const struct assoc *a = c->assoc[i];

		if (a->id != c->system.vars.peer)
			continue;
		glue_event(c, PEVENT_SYSPEER, a);
		log_of(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_STATUS), "system peer is %s%s%s, stratum %u", a->name, a->name[0] != '\0' ? " " : "", addr_str(&a->addr, ip, sizeof(ip)), a->last.stratum);
	}
}

static void
tell_leap(struct client *c, const struct system_out *out)
{
	static const struct { unsigned what; int event; } rows[] = {
		{ SYSTEM_LEAPT, EVENT_LEAP }, { SYSTEM_LEAP_ARMED, EVENT_LEAP_ARMED }, { SYSTEM_LEAP_DISARMED, EVENT_LEAP_DISARMED }, { SYSTEM_TAI, EVENT_TAI },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		if ((out->what & rows[i].what) == 0)
			continue;
		client_event(c, rows[i].event);
	}
}

/* Of these the system has counted the event already. */
static void
tell_discipline(struct client *c, const struct system_out *out)
{
	if (out->what & SYSTEM_SPIKE)
		c->cb(c->arg, &(struct client_report){ .what = CLIENT_EVENT, .event = EVENT_SPIKE, .value = out->decision.offset });
	if (out->what & SYSTEM_FREQ_MODE)
		glue_event(c, EVENT_FREQ_MODE, NULL);
}

static void
tell(struct client *c, const struct system_out *out)
{
	tell_discipline(c, out);
	tell_leap(c, out);
	if (out->what & SYSTEM_SYSPEER)
		tell_syspeer(c);
	if (out->what & SYSTEM_SYNC)
		glue_report(c, CLIENT_SYNCED, c->system.vars.offset, NULL);
	if (out->what & SYSTEM_LOST)
		glue_report(c, CLIENT_LOST, 0, NULL);
	if (out->what & SYSTEM_ALONE)
		glue_report(c, CLIENT_ALONE, 0, NULL);
	glue_report(c, CLIENT_UPDATED, 0, NULL);
}

/* Once mode: has this one been asked as often as makes sense, and said nothing? */
static bool
is_silent(const struct client *c, const struct source *s, struct monotime now)
{
	if (s->role == ROLE_BROADCAST)
		return true;
	if (s->role == ROLE_MANYCAST)
		return client_sources(c) > 0 || (s->searched.ns != 0 && monotime_diff(now, s->searched) >= LAST_WAIT);
	if (s->role == ROLE_POOL)
		return s->ask_failed >= 2 || client_sources(c) > 0;
	if (s->assoc.addr.family == 0)
		return s->ask_failed >= 2;
	if (s->assoc.kind == ASSOC_OWN)
		return true;	/* it never corrects anything */
	if (assoc_is_peer(&s->assoc) && s->assoc.tries < PEER_TRIES)
		return false;
	if (s->assoc.filter.n > 0)
		return false;
	return s->assoc.tries > SILENT_POLLS || (assoc_heard_out(&s->assoc) && monotime_diff(now, s->assoc.sent) >= LAST_WAIT);
}

/* Looked at every LAST_WAIT until there is a result. */
static void
look_for_end(struct client *c, struct monotime now)
{
	if (!c->opts.once || c->reported || c->committed)
		return;
	glue_arm(c->select_due, LAST_WAIT);
	for (size_t i = 0; i < c->n; i++) {
		if (!is_silent(c, c->source[i], now))
			return;
	}
	if (c->n == 0)
		return;
	c->reported = true;
	for (size_t i = 0; i < c->n; i++) {
		if (client_is_prototype(c->source[i]) || c->assoc[i]->addr.family == 0)
			continue;
		assoc_event(c->assoc[i], PEVENT_NO_REPLY);
		glue_event(c, PEVENT_NO_REPLY, c->assoc[i]);
	}
	glue_report(c, CLIENT_NO_SERVERS, 0, NULL);
}

/* By the time as it is after the correction. */
static void
mind_leaps(struct client *c, struct system_out *out)
{
	struct clockread now;
	unsigned held = 0;

	sysclock_read(c->clock, &now);
	system_leap(&c->system, c->assoc, c->n, now.mono, now.wall, out);
	if (out->leap != 0 && sysclock_leap(c->clock, now.mono, out->leap) == -1 && log_gate_open(&c->clock_gate, now.mono, &held))
		log_warn("the leap second cannot be made");
}

static void
on_select_due(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	struct own_refids own = { .id = c->own, .n = c->nown };
	struct clockread now;
	struct system_out out;
	bool was_lost = c->system.lost.ns != 0;

	(void)fd;
	(void)what;
	if (c->committed)
		return;
	sysclock_read(c->clock, &now);
	system_update(&c->system, c->assoc, c->n, &own, now.mono, now.steered, &out);
	if (out.what & SYSTEM_DECISION)
		carry_out(c, &out.decision, now.mono, &out);
	if (out.what & SYSTEM_OWN)
		system_own_time(&c->system, now.wall);
	mind_leaps(c, &out);
	glue_arm(c->select_due, out.wait);
	publish_status(c, now.mono);
	tell_vote(c, out.what, now.mono);
	if (c->system.lost.ns != 0 && !was_lost)
		glue_event(c, EVENT_NO_SYSPEER, NULL);
	tell(c, &out);
	look_for_end(c, now.mono);
}

/* --- disturbances -------------------------------------------------------------------------- */

/* After a sleep the clock is the hardware clock's guess: everything is measured anew. */
static void
wake_up(struct client *c, double slept)
{
	struct monotime now = monotime_now();
	struct assoc_out out;

	log_of(LOG_CLOCK_EVENT, "the machine slept for %.0f s: measuring anew", slept);
	system_disturbed(&c->system, now);
	for (size_t i = 0; i < c->n; i++) {
		if (c->assoc[i]->addr.family == 0)
			continue;
		assoc_disturbed(c->assoc[i], now, &out);
		source_act(c->source[i], &out);
	}
}

static void
on_changed(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	double slept, jump;

	(void)what;
	sysclock_change_seen(fd);
	jump = sysclock_watch(c->clock, &slept);
	if (slept > 0)
		wake_up(c, slept);
	if (jump != 0) {
		log_warnx("somebody else has set the clock by %+.6f s", jump);
		client_event(c, EVENT_KERN);
	}
	if (jump != 0 || slept > 0)
		client_news(c);
}

static bool
watch_host(struct client *c)
{
	double slept;

	sysclock_watch(c->clock, &slept);
	c->change_fd = sysclock_change_fd();
	if (c->change_fd == -1)
		return true;
	c->changed = event_new(c->base, c->change_fd, EV_READ | EV_PERSIST, on_changed, c);
	return c->changed != NULL && event_add(c->changed, NULL) == 0;
}

/* --- life ---------------------------------------------------------------------------------- */

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	while (c->dead != NULL) {
		struct source *s = c->dead;

		c->dead = s->next_dead;
		source_free(s);
	}
}

/* As it shows, or what it is said to be, rounded as ntpd does. */
static int8_t
precision(const struct client_opts *o, const struct sysclock *clock)
{
	return o->tick > 0 ? (int8_t)fmax(PRECISION_LEAST, round(log2(o->tick))) : sysclock_precision(clock);
}

struct client *
client_new(struct event_base *base, struct sysclock *clock, struct resolver *resolver, const struct client_opts *o, client_cb *cb, void *arg)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	c->clock = clock;
	c->resolver = resolver;
	c->opts = *o;
	c->cb = cb;
	c->arg = arg;
	c->change_fd = -1;
	c->last_id = (uint16_t)random_u64();
	system_init(&c->system, &o->select, &o->discipline, monotime_now(), precision(o, clock), o->have_freq, o->freq);
	c->system.steer = o->steer;
	c->system.leap_by_hand = !sysclock_steers_host(clock);
	c->source = calloc(SYSTEM_ASSOCS_MAX, sizeof(struct source *));
	c->assoc = calloc(SYSTEM_ASSOCS_MAX, sizeof(struct assoc *));
	c->select_due = evtimer_new(base, on_select_due, c);
	c->slew_due = evtimer_new(base, on_slew_due, c);
	c->reap = evtimer_new(base, on_reap, c);
	if (c->source == NULL || c->assoc == NULL || c->select_due == NULL || c->slew_due == NULL || c->reap == NULL || !watch_host(c)) {
		client_free(c);
		errno = ENOMEM;
		return NULL;
	}
	client_news(c);		/* orphan mode needs no source */
	return c;
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		source_free(c->source[i]);	/* NOLINT(clang-analyzer-core.*): none without a list */
	on_reap(-1, 0, c);
	free_event(c->changed);
	if (c->change_fd != -1)
		close(c->change_fd);
	free_event(c->reap);
	free_event(c->slew_due);
	free_event(c->select_due);
	free(c->own);
	free(c->assoc);
	free(c->source);
	free(c);
}

void
client_set_own(struct client *c, const uint32_t *id, size_t n)
{
	uint32_t *copy = calloc(n + 1, sizeof(*copy));

	if (copy == NULL)
		return;
	if (n > 0)
		memcpy(copy, id, n * sizeof(*copy));
	free(c->own);
	c->own = copy;
	c->nown = n;
}

void
client_network_changed(struct client *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct source *s = c->source[i];

		if (s->role == ROLE_POOL || s->assoc.addr.family == 0) {
			if (s->ask_failed > 0 && s->query == NULL)
				naming_ask(s);
		} else if (s->assoc.failures > 0) {
			s->assoc.next = monotime_now();
			glue_arm(s->due, 0);
		}
	}
}

void
client_set_steer(struct client *c, bool on)
{
	if (c->opts.steer == on)
		return;
	c->opts.steer = c->system.steer = on;
	if (!on) {
		sysclock_slew_end(c->clock, monotime_now());
		glue_arm(c->slew_due, -1);
	}
	log_of(LOG_CLOCK_EVENT, on ? "the clock is steered again" : "the clock is not steered any more and runs on by itself");
	glue_report(c, CLIENT_UPDATED, 0, NULL);	/* the map of the clock has changed */
	client_news(c);
}

void
client_set_leaps(struct client *c, const struct leap_table *t, double interval)
{
	c->system.leaps = t;
	c->system.smear = interval;
	c->system.tai_lost = false;
	client_news(c);
}

const struct system *
client_system(const struct client *c)
{
	return &c->system;
}

const struct assoc *const *
client_assocs(const struct client *c, size_t *n)
{
	*n = c->n;
	return (const struct assoc *const *)c->assoc;
}

struct client_io
client_io(const struct client *c)
{
	return c->io;
}

void
client_counts(const struct client *c, uint64_t *sent, uint64_t *received, uint64_t *barred)
{
	*barred = c->barred;
	*sent = c->sent;
	*received = c->received;
	for (size_t i = 0; i < c->n; i++) {
		*sent += c->assoc[i]->count.sent;
		*received += c->assoc[i]->count.received;
	}
}

void
client_nts(const struct client *c, struct nts_exchanges *out)
{
	*out = c->nts;
	for (size_t i = 0; i < c->n; i++) {
		out->sent += c->assoc[i]->count.nts_sent;
		out->good += c->assoc[i]->count.nts_good;
		out->bad += c->assoc[i]->count.nts_bad;
	}
}
