/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet path of a socket: a batch in, a batch out, until there is none. */
#include <errno.h>
#include <event2/event.h>

#include "serve.h"

#define SEND_GROUP	DEPART_GROUP	/* replies that leave together, by one look at the clock; fewer cost more calls, of more the last ones are stamped by guess */
#define BATCHES_MAX	16	/* taken in a row from one socket before the loop may look at anything else */

/* Replies from … from + n - 1. */
static void
send_group(struct lsock *s, size_t from, size_t n)
{
	struct worker *w = &s->m->worker;

	for (size_t at = from; at < from + n;) {
		int sent = udp_outbox_send(s->fd, w->outbox, at, from + n - at);

		if (sent > 0) {
			w->counters.sent += (uint64_t)sent;
			s->sent += (uint64_t)sent;
			at += (size_t)sent;
		} else {	/* this one is lost: full buffers, or a destination the kernel refuses */
			w->counters.sendfailed++;
			s->sendfailed++;
			at++;
		}
	}
}

/* Takes what the kernel says of replies that have left; in the worker's turn. */
static void
take_stamps(struct lsock *s)
{
	uint8_t tail[RESPOND_MAX];
	struct walltime host;
	size_t len;

	while (udp_next_stamp(s->fd, &host, tail, sizeof(tail), &len))
		worker_left(&s->m->worker, tail, len, host);
}

/* The same as a turn; nobody would stop telling of it otherwise. */
static void
hear_stamps(struct lsock *s)
{
	crew_enter(s->m, monotime_now());
	take_stamps(s);
	crew_leave(s->m);
}

/* What is stamped together leaves together, or soon after. */
static void
send_stamped(struct lsock *s, size_t at, size_t group)
{
	struct worker *w = &s->m->worker;
	bool asked = worker_ask(w, at);
	struct walltime begin, ready;
	size_t to_sign;
	int64_t took;

	if (asked && !s->stamps)
		udp_stamps(s->fd, true);
	begin = ready = walltime_now();
	to_sign = worker_stamp(w, at, group, begin);
	if (to_sign > 0) {
		ready = walltime_now();
		worker_signed(w, to_sign, ready.ns - begin.ns);
	}
	if (asked)
		worker_asked(w, at, ready);
	send_group(s, at, group);
	took = walltime_now().ns - ready.ns;
	if (!asked) {
		worker_sent(w, group, took);
		return;
	}
	/* A reply has usually left when the call returns; one that has not is no example. */
	take_stamps(s);
	worker_learn(w, group, took);
	if (!s->stamps)
		udp_stamps(s->fd, false);	/* else each datagram that comes would bring two stamps */
}

static void
send_replies(struct lsock *s, size_t n)
{
	for (size_t at = 0; at < n; at += SEND_GROUP)
		send_stamped(s, at, n - at < SEND_GROUP ? n - at : SEND_GROUP);
}

/* Broadcasts and multicasts come to every worker's socket; one of them answers.  How many of n are ours, which come first then. */
static size_t
keep_own(struct member *m, size_t n)
{
	struct datagram *in = m->worker.in;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct datagram d = in[i];

		if (steer_pick(&d.peer, (unsigned)m->crew->n, &m->crew->steer) != m->number)
			continue;
		in[i] = in[kept];
		in[kept++] = d;
	}
	return kept;
}

/* The socket has woken us, for something or for nothing. */
static void
count_wakeup(struct lsock *s, bool good)
{
	s->m->worker.counters.wakeups++;
	s->m->worker.counters.goodwakeups += good;
}

/* Takes one batch and answers it; how many datagrams there were, or -1 if none is left.  woken: it is the first one since the socket became readable. */
static int
serve_batch(struct lsock *s, bool woken)
{
	struct worker *w = &s->m->worker;
	int n = udp_receive_batch(s->fd, w->in, UDP_BATCH, PACKET_MAX);
	struct monotime now;
	size_t own, replies;

	if (n == -1) {	/* or it was an error kept for the socket, now gone */
		n = errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
		if (woken) {
			crew_enter(s->m, monotime_now());
			count_wakeup(s, false);
			crew_leave(s->m);
		}
		return n;
	}
	own = s->m->crew->n > 1 ? keep_own(s->m, (size_t)n) : (size_t)n;
	now = monotime_now();
	crew_enter(s->m, now);
	s->received += own;
	w->counters.reads++;
	if (woken)
		count_wakeup(s, true);
	replies = worker_answer(w, own, s->fd, now);
	if (w->asked && !s->stamps) {
		udp_stamps(s->fd, true);
		s->stamps = true;
	}
	send_replies(s, replies);
	crew_leave(s->m);
	return n;
}

/*
 * While somebody waits on a socket, the kernel goes to wake him for each datagram that comes and for each that has left, though he is awake: a
 * few per cent of what a reply costs.  So under load the event is taken off the socket until the batches are through.  Adding it tells of what has come
 * meanwhile.
 */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lsock *s = arg;
	int n = serve_batch(s, true);
	bool nothing = n == -1;		/* woken by a stamp that came late */
	bool busy = n == UDP_BATCH && event_del(s->ev) == 0;

	(void)fd;
	(void)what;
	for (int i = 1; i < BATCHES_MAX && (n == UDP_BATCH || n == 0); i++)
		n = serve_batch(s, false);
	if (s->stamps || nothing)
		hear_stamps(s);
	if (busy && event_add(s->ev, NULL) == -1)
		return;		/* for want of memory; the next scan tries again, and says so */
}

bool
serve_begin(void *arg)
{
	struct lsock *s = arg;

	s->ev = event_new(s->m->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	return s->ev != NULL && event_add(s->ev, NULL) == 0;
}

bool
serve_again(void *arg)
{
	struct lsock *s = arg;

	return s->ev == NULL || event_add(s->ev, NULL) == 0;
}

bool
serve_end(void *arg)
{
	struct lsock *s = arg;

	if (s->ev != NULL)
		event_free(s->ev);
	s->ev = NULL;
	return true;
}
