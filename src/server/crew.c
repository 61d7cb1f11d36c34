/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker threads: turns, jobs, and what is passed up. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/random.h"
#include "crew.h"

#define STACK_SIZE	((size_t)512 * 1024)	/* octets; the deepest call needs a twentieth, a sanitizer's build a little more */

/* A full counter means that there is a call already. */
static void
ring(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) == -1)
		return;
}

static void
hear(int fd)
{
	uint64_t calls;

	if (read(fd, &calls, sizeof(calls)) == -1)
		return;
}

/* --- turns --------------------------------------------------------------------------------- */

static void
take_turn(struct member *m)
{
	pthread_mutex_lock(&m->gate);
	pthread_mutex_lock(&m->lock);
	pthread_mutex_unlock(&m->gate);
}

void
crew_lock(struct member *m)
{
	if (m->crew->threaded)
		take_turn(m);
}

void
crew_unlock(struct member *m)
{
	if (m->crew->threaded)
		pthread_mutex_unlock(&m->lock);
}

/* Brings the published values up to date; without a sign of life from the main loop they are worth nothing. */
static void
refresh(struct member *m, struct monotime now)
{
	struct crew *c = m->crew;
	enum beat_state beat = beat_check(&c->beat, now);
	struct published p;

	if (beat == BEAT_ASK)
		ring(c->call_fd);
	if (snapshot_read(&c->snapshot, &m->seen, &p)) {
		m->worker.sys = p.sys;
		m->worker.map = p.map;
	}
	if (beat == BEAT_STALE) {
		m->worker.sys.leap = LEAP_UNSYNC;
		m->seen = 0;	/* to be read again */
	}
}

void
crew_enter(struct member *m, struct monotime now)
{
	if (!m->crew->threaded)
		return;
	take_turn(m);
	m->now = now;
	refresh(m, now);
}

void
crew_leave(struct member *m)
{
	if (m->calls)
		ring(m->crew->call_fd);
	m->calls = false;
	crew_unlock(m);
}

/* --- what is passed up --------------------------------------------------------------------- */

/* With one worker: in the caller's loop already. */
static void
pass_straight(void *arg, const struct passed *p)
{
	const struct crew *c = ((const struct member *)arg)->crew;

	c->control(c->control_arg, p->d, p->flags, p->fd);
}

/* On the worker's thread.  The main loop is called when the batch is through. */
static void
pass_up(void *arg, const struct passed *p)
{
	struct member *m = arg;
	bool first, placed;

	pthread_mutex_lock(&m->relay_lock);
	first = !relay_waits(&m->relay);
	placed = relay_put(&m->relay, p, m->now);
	pthread_mutex_unlock(&m->relay_lock);
	m->calls |= first && placed;
	m->worker.counters.dropped += !placed;
}

/* Takes the oldest of a kind; false if there is none. */
static bool
take_up(struct member *m, enum relay_kind kind, struct relayed *out)
{
	bool there;

	pthread_mutex_lock(&m->relay_lock);
	there = relay_take(&m->relay, kind, out);
	pthread_mutex_unlock(&m->relay_lock);
	return there;
}

static bool
has_more(struct member *m)
{
	bool more;

	pthread_mutex_lock(&m->relay_lock);
	more = relay_waits(&m->relay);
	pthread_mutex_unlock(&m->relay_lock);
	return more;
}

/* On the main thread.  No more than what can be there at once, so that a flood of requests leaves room for the rest of the loop. */
static void
on_call(evutil_socket_t fd, short what, void *arg)
{
	struct crew *c = arg;
	struct relayed r;

	(void)what;
	hear((int)fd);
	beat_answer(&c->beat, monotime_now());
	for (size_t i = 0; i < c->n * RELAY_KINDS; i++) {
		struct member *m = c->member[i % c->n];

		for (int k = 0; k < RELAY_MAX && take_up(m, (enum relay_kind)(i / c->n), &r); k++) {
			if (r.fd != -1)
				c->control(c->control_arg, &r.d, r.flags, r.fd);
		}
	}
	for (size_t i = 0; i < c->n; i++) {
		if (has_more(c->member[i]))
			ring(c->call_fd);
	}
}

void
crew_forget(struct member *m, int fd)
{
	if (!m->crew->threaded)
		return;
	pthread_mutex_lock(&m->relay_lock);
	relay_forget(&m->relay, fd);
	pthread_mutex_unlock(&m->relay_lock);
}

/* --- jobs ---------------------------------------------------------------------------------- */

bool
crew_run(struct member *m, crew_job *job, void *arg)
{
	bool result;

	if (!m->running)
		return job(arg);
	take_turn(m);
	m->job = job;
	m->job_arg = arg;
	ring(m->wake_fd);
	while (m->job != NULL)
		pthread_cond_wait(&m->done, &m->lock);
	result = m->job_result;
	pthread_mutex_unlock(&m->lock);
	return result;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct member *m = arg;

	(void)what;
	hear((int)fd);
	take_turn(m);
	if (m->job != NULL) {
		m->job_result = m->job(m->job_arg);
		m->job = NULL;
		pthread_cond_signal(&m->done);
	}
	pthread_mutex_unlock(&m->lock);
}

/* --- building and taking down -------------------------------------------------------------- */

static struct event *
watch(struct event_base *base, int fd, event_callback_fn cb, void *arg)
{
	struct event *e = fd == -1 ? NULL : event_new(base, fd, EV_READ | EV_PERSIST, cb, arg);

	if (e != NULL && event_add(e, NULL) == -1) {
		event_free(e);
		e = NULL;
	}
	return e;
}

static void
member_free(struct member *m)
{
	if (m == NULL)
		return;
	if (m->wake != NULL)
		event_free(m->wake);
	if (m->wake_fd != -1)
		close(m->wake_fd);
	if (m->crew->threaded && m->base != NULL)
		event_base_free(m->base);
	pthread_cond_destroy(&m->done);
	pthread_mutex_destroy(&m->relay_lock);
	pthread_mutex_destroy(&m->lock);
	pthread_mutex_destroy(&m->gate);
	worker_clear(&m->worker);
	relay_clear(&m->relay);
	free(m);
}

/* What a member in a thread has beyond the others.  False with errno. */
static bool
member_equip(struct member *m)
{
	m->base = event_base_new();
	m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->base == NULL || !relay_init(&m->relay, monotime_now()))
		return false;
	m->wake = watch(m->base, m->wake_fd, on_wake, m);
	return m->wake != NULL;
}

static struct member *
member_new(struct crew *c, size_t number, struct event_base *base)
{
	struct member *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->crew = c;
	m->number = (unsigned)number;
	m->wake_fd = -1;
	pthread_mutex_init(&m->gate, NULL);
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->relay_lock, NULL);
	pthread_cond_init(&m->done, NULL);
	m->base = c->threaded ? NULL : base;
	sysvars_init(&m->worker.sys, 0);
	m->worker.pass = c->threaded ? pass_up : pass_straight;
	m->worker.pass_arg = m;
	if (worker_init(&m->worker) && (!c->threaded || member_equip(m)))
		return m;
	member_free(m);
	return NULL;
}

struct crew *
crew_new(struct event_base *base, size_t n, listener_control_cb *control, void *control_arg)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->n = n;
	c->threaded = n > 1;
	c->steer = (struct steer_key){ { (uint32_t)random_u64(), (uint32_t)random_u64() } };
	c->control = control;
	c->control_arg = control_arg;
	c->call_fd = c->threaded ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
	c->call = watch(base, c->call_fd, on_call, c);
	if (c->threaded && c->call == NULL)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		c->member[i] = member_new(c, i, base);
		if (c->member[i] == NULL)
			goto fail;
	}
	return c;
fail:
	crew_free(c);
	return NULL;
}

void
crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	crew_stop(c);
	for (size_t i = 0; i < c->n; i++)
		member_free(c->member[i]);
	if (c->call != NULL)
		event_free(c->call);
	if (c->call_fd != -1)
		close(c->call_fd);
	free(c);
}

static void *
work(void *arg)
{
	struct member *m = arg;

	event_base_dispatch(m->base);
	return NULL;
}

/* Signals are the main thread's; those of our own faults stay with whoever makes them. */
static void
worker_signals(sigset_t *set)
{
	static const int own[] = { SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

	sigfillset(set);
	for (size_t i = 0; i < NELEMS(own); i++)
		sigdelset(set, own[i]);
}

/*
 * Where the process runs with real-time priority, workers run a step below the main thread: under more load than there are processors they would never let it
 * run, and then say that they have not heard of it.
 */
static void
set_priority(pthread_attr_t *attr)
{
	struct sched_param p;
	int policy;

	if (pthread_getschedparam(pthread_self(), &policy, &p) != 0 || policy != SCHED_FIFO || p.sched_priority <= sched_get_priority_min(SCHED_FIFO))
		return;
	p.sched_priority--;
	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, policy);
	pthread_attr_setschedparam(attr, &p);
}

/* 0 or an error number. */
static int
start_thread(struct member *m, pthread_attr_t *attr)
{
	int err = pthread_create(&m->thread, attr, work, m);

	if (err == EPERM) {	/* who confines us forbids to touch priorities */
		pthread_attr_setinheritsched(attr, PTHREAD_INHERIT_SCHED);
		err = pthread_create(&m->thread, attr, work, m);
	}
	m->running = err == 0;
	return err;
}

int
crew_start(struct crew *c)
{
	pthread_attr_t attr;
	sigset_t all, old;
	char name[16];
	int err = 0;

	if (!c->threaded)
		return 0;
	beat_answer(&c->beat, monotime_now());
	worker_signals(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	set_priority(&attr);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (size_t i = 0; i < c->n && err == 0; i++) {
		struct member *m = c->member[i];

		err = start_thread(m, &attr);
		snprintf(name, sizeof(name), "ntpd worker %zu", i % 100);
		if (m->running)
			(void)pthread_setname_np(m->thread, name);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err == 0)
		return 0;
	crew_stop(c);
	errno = err;
	return -1;
}

static bool
end_loop(void *arg)
{
	return event_base_loopbreak(arg) == 0;
}

void
crew_stop(struct crew *c)
{
	for (size_t i = 0; c != NULL && i < c->n; i++) {
		struct member *m = c->member[i];

		if (m == NULL || !m->running)
			continue;
		crew_run(m, end_loop, m->base);
		pthread_join(m->thread, NULL);
		m->running = false;
	}
}

void
crew_publish(struct crew *c, const struct sysvars *sys, const struct clockmap *map)
{
	struct published p = { .sys = *sys, .map = *map };

	if (c->threaded) {
		snapshot_write(&c->snapshot, &p);
		return;
	}
	c->member[0]->worker.sys = *sys;
	c->member[0]->worker.map = *map;
}
