/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers of a listener: one in the caller's loop, or several in threads of their own.
 *
 * Who may touch what.  A worker's tables are its thread's, which holds the worker's lock while it works on a batch - once per batch, and nobody
 * else wants it then but the main thread, when it looks at the tables or changes what a worker goes by.  What has to happen on a
 * worker's event base is run by its thread (crew_run).  What workers are not made for - mode 6, packets for associations - they pass up to the main thread's loop.
 * The published values come by a snapshot without a lock.  With one worker there is no thread, and all of this does nothing.
 */
#ifndef SERVER_CREW_H
#define SERVER_CREW_H

#include <pthread.h>

#include "relay.h"
#include "snapshot.h"
#include "worker.h"

struct crew;

typedef bool crew_job(void *arg);

struct member {
	struct worker		 worker;
	struct crew		*crew;
	unsigned		 number;	/* of the member: the sources steered to it */
	struct event_base	*base;		/* the thread's own, or the caller's */
	struct monotime		 now;		/* of the batch in work */
	bool			 calls;		/* the main loop, when the batch is through */
	uint64_t		 seen;		/* number of the snapshot it goes by */
	bool			 running;
	pthread_t		 thread;
	pthread_mutex_t		 gate, lock;	/* lock guards the members above and below; who waits for it holds gate, so that the next turn is his */
	pthread_cond_t		 done;
	int			 wake_fd;
	struct event		*wake;
	crew_job		*job;		/* NULL: none to do */
	void			*job_arg;
	bool			 job_result;
	pthread_mutex_t		 relay_lock;	/* guards the rest */
	struct relay		 relay;
};

struct crew {
	size_t			 n;
	bool			 threaded;
	struct steer_key	 steer;		/* which source is whose */
	struct snapshot		 snapshot;
	struct beat		 beat;
	int			 call_fd;	/* a worker calls the main loop */
	struct event		*call;
	listener_control_cb	*control;
	void			*control_arg;
	struct member		*member[LISTENER_WORKERS_MAX];
};

/* n workers, without tables; threads begin with crew_start. NULL with errno. */
MUST_USE struct crew *crew_new(struct event_base *base, size_t n, listener_control_cb *control, void *control_arg);

/* Ends the threads.  What a worker's tables are is the caller's to free, before, with crew_stop called; NULL is fine. */
void crew_stop(struct crew *c);
void crew_free(struct crew *c);

/* -1 with errno: no thread runs. */
MUST_USE int crew_start(struct crew *c);

void crew_publish(struct crew *c, const struct sysvars *sys, const struct clockmap *map);

/* The main thread's turn at a worker's tables. */
void crew_lock(struct member *m);
void crew_unlock(struct member *m);

/* Runs job on the member's thread, under its lock, and returns what it returned.  Before crew_start and with one worker: at once, here. */
bool crew_run(struct member *m, crew_job *job, void *arg);

/* The thread's own turn, around a batch; now is the time of the batch. */
void crew_enter(struct member *m, struct monotime now);
void crew_leave(struct member *m);

/* The descriptor is going to be closed: what came by it is not to be answered any more. */
void crew_forget(struct member *m, int fd);

#endif
