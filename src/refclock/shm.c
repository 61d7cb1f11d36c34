/* SPDX-License-Identifier: BSD-2-Clause */
/* SHM (type 28): a segment that is looked at every second. */
#include <errno.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "shm.h"

#define PERIOD		1	/* s */
#define AGE_MAX		5.0	/* s, of a receive timestamp */
#define LIMIT_DEFAULT	14400.0	/* s, by which clock and receive timestamp may differ, if flag1 asks for that … */
#define LIMIT_MAX	86400.0	/* … and the most that time2 may say */
#define MODE_HIDDEN	0x01	/* bit of mode: units from 2 on are private, too */
#define PRIVATE_UNITS	2
#define RETRY_MAX	64	/* s, between tries to attach */

struct shm {
	struct shm_segment	*segment;	/* NULL: not attached */
	struct event		*tick;
	unsigned		retry;		/* s until the next try */
	unsigned		ticks, good, notready, bad, clash;	/* since the last poll */
};

static bool
stamp(time_t sec, int usec, unsigned nsec, struct walltime *out)
{
	if (sec < 0 || sec > INT64_MAX / NS_PER_S - 1 || usec < 0 || usec > 999999)
		return false;
	if (nsec / 1000 != (unsigned)usec)
		nsec = (unsigned)usec * 1000;
	out->ns = (int64_t)sec * NS_PER_S + nsec;
	return true;
}

enum shm_result
shm_take(struct shm_segment *s, struct shm_values *out)
{
	struct shm_segment copy;
	struct shm_values v;
	enum shm_result ret = SHM_OK;
	int count;

	if (!s->valid)
		return SHM_NOT_READY;
	atomic_thread_fence(memory_order_seq_cst);
	count = s->count;
	atomic_thread_fence(memory_order_seq_cst);
	copy = *s;
	atomic_thread_fence(memory_order_seq_cst);
	if (copy.mode == 1 && (s->count != count || copy.count != count))
		ret = SHM_CLASH;
	else if (copy.mode != 0 && copy.mode != 1)
		ret = SHM_BAD;
	s->valid = 0;
	s->count = (int)((unsigned)s->count + 1);
	if (ret != SHM_OK)
		return ret;
	if (!stamp(copy.clock_sec, copy.clock_usec, copy.clock_nsec, &v.clock) ||
	    !stamp(copy.receive_sec, copy.receive_usec, copy.receive_nsec, &v.receive) || copy.leap < 0 || copy.leap > LEAP_UNSYNC)
		return SHM_BAD;
	v.leap = copy.leap;
	v.precision = copy.precision < -64 ? -64 : copy.precision > 0 ? 0 : copy.precision;
	*out = v;
	return SHM_OK;
}

const char *
shm_distrust(const struct shmid_ds *ds, uid_t uid, bool private)
{
	const struct ipc_perm *p = &ds->shm_perm;

	if ((p->uid != 0 && p->uid != uid) || (p->cuid != 0 && p->cuid != uid))
		return "belongs to another user";
	if (private && (p->mode & 077) != 0)
		return "is open to others";
	return ds->shm_segsz < sizeof(struct shm_segment) ? "is too small" : NULL;
}

static bool
is_private(const struct refclock *c)
{
	return c->info.opts.unit < PRIVATE_UNITS || (c->info.opts.mode & MODE_HIDDEN) != 0;
}

/* Finds the segment or makes it.  Whoever is first does, so it may be there already in either case. */
static bool
attach(struct refclock *c)
{
	struct shm *s = c->state;
	key_t key = SHM_KEY + c->info.opts.unit;
	const char *wrong;
	struct shmid_ds ds;
	int id = shmget(key, sizeof(struct shm_segment), IPC_CREAT | (is_private(c) ? 0600 : 0666));
	void *at;

	if (id == -1 || shmctl(id, IPC_STAT, &ds) == -1) {
		if (refclock_may_log(c))
			log_warn("%s: the shared memory cannot be had", c->info.name);
		return false;
	}
	wrong = shm_distrust(&ds, geteuid(), is_private(c));
	if (wrong != NULL) {
		if (refclock_may_log(c))
			log_warnx("%s: the shared memory is not used: it %s", c->info.name, wrong);
		return false;
	}
	at = shmat(id, NULL, 0);
	if (at == (void *)-1) {
		if (refclock_may_log(c))
			log_warn("%s: the shared memory cannot be attached", c->info.name);
		return false;
	}
	s->segment = at;
	return true;
}

/* May it be so long ago, and so different? */
static bool
is_plausible(const struct refclock *c, const struct shm_values *v, struct walltime now)
{
	double age = walltime_diff(now, v->receive), limit = c->info.opts.time2;

	if (age < 0 || age > AGE_MAX)
		return false;
	if (!c->info.opts.flag[0])
		return true;
	return fabs(walltime_diff(v->clock, v->receive)) <= (limit >= 1 && limit <= LIMIT_MAX ? limit : LIMIT_DEFAULT);
}

static void
take(struct refclock *c, const struct shm_values *v)
{
	struct shm *s = c->state;

	if (!is_plausible(c, v, walltime_now())) {
		s->bad++;
		refclock_bad(c, CLOCK_BAD_TIME);
		return;
	}
	s->good++;
	c->leap = (uint8_t)v->leap;
	c->its_precision = (int8_t)v->precision;
	refclock_reading(c, v->clock, v->receive, c->info.opts.time1);
}

static void
look(struct refclock *c)
{
	struct shm *s = c->state;
	struct shm_values v;

	s->ticks++;
	switch (shm_take(s->segment, &v)) {
	case SHM_OK:
		take(c, &v);
		break;
	case SHM_NOT_READY:
		s->notready++;
		break;
	case SHM_CLASH:
		s->clash++;
		break;
	case SHM_BAD:
		s->bad++;
		refclock_bad(c, CLOCK_BAD_FORMAT);
		break;
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct refclock *c = arg;
	struct shm *s = c->state;
	struct timeval next = { .tv_sec = PERIOD };

	(void)fd;
	(void)what;
	if (s->segment != NULL || attach(c)) {
		s->retry = PERIOD;
		look(c);
	} else {
		s->retry = s->retry < RETRY_MAX ? s->retry * 2 : RETRY_MAX;
	}
	next.tv_sec = s->retry;
	event_add(s->tick, &next);
}

bool
shm_open_clock(struct refclock *c)
{
	struct shm *s = c->state = calloc(1, sizeof(*s));
	struct timeval first = { .tv_sec = PERIOD };

	if (s == NULL)
		return false;
	s->retry = PERIOD;
	attach(c);
	s->tick = evtimer_new(c->env.base, on_tick, c);
	return s->tick != NULL && event_add(s->tick, &first) == 0;
}

void
shm_ask(struct refclock *c)
{
	struct shm *s = c->state;

	if (c->info.opts.flag[3])
		refclock_tell(c, "%3u %3u %3u %3u %3u", s->ticks, s->good, s->notready, s->bad, s->clash);
	s->ticks = s->good = s->notready = s->bad = s->clash = 0;
}

void
shm_close(struct refclock *c)
{
	struct shm *s = c->state;

	if (s == NULL)
		return;
	if (s->segment != NULL)
		shmdt(s->segment);
	if (s->tick != NULL)
		event_free(s->tick);
	free(s);
}
