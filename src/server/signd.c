/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of replies that Samba is to sign, and the connection to its daemon. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/ntp.h"
#include "server/signd.h"

#define OP_SIGN		0
#define OP_SUCCESS	3
#define HEAD_LEN	12	/* version, operation, number */
#define REQUEST_LEN	(4 + 16 + PACKET_LEN)
#define ANSWER_MAX	(HEAD_LEN + SIGND_REPLY_LEN)
#define AVERAGE_OVER	8	/* answers */
#define EXAMPLE_MAX	0.02	/* s: an answer that took longer says nothing of the next one */

struct waiting {
	struct signd_ticket	ticket;
	struct monotime		came;
	uint8_t			reply[PACKET_LEN];
	uint8_t			key[4];
};

struct signd {
	struct event_base	*base;
	struct sockaddr_un	 to;
	struct signd_calls	 calls;
	struct signd_counts	*counts;
	struct bufferevent	*conn;		/* NULL: there is none */
	bool			 connected;
	struct event		*late;		/* the one with Samba takes too long */
	struct waiting		 queue[SIGND_QUEUE];
	size_t			 first, n;
	bool			 asked;		/* the first of the queue is with Samba … */
	struct monotime		 since;		/* … since then */
	uint16_t		 number;	/* of it */
	double			 usual;		/* s, that it takes */
	struct log_gate		 gate;
};

static void ask(struct signd *s);

static void
hang_up(struct signd *s)
{
	if (s->conn != NULL)
		bufferevent_free(s->conn);
	s->conn = NULL;
	s->connected = false;
	event_del(s->late);
}

static void
drop_first(struct signd *s, uint64_t *counter)
{
	(*counter)++;
	s->first = (s->first + 1) % SIGND_QUEUE;
	s->n--;
	s->asked = false;
}

/* Whoever waits would wait for nothing. */
static void
give_up(struct signd *s, const char *why, uint64_t *counter)
{
	unsigned held = 0;

	if (s->n > 0 && log_gate_open(&s->gate, monotime_now(), &held))
		log_warnx("%s does not sign for the domain: %s", s->to.sun_path, why);
	hang_up(s);
	while (s->n > 0)
		drop_first(s, counter);
}

static uint64_t
took(const struct signd *s, struct monotime now)
{
	return now.ns > s->since.ns ? (uint64_t)(now.ns - s->since.ns) : 0;
}

static void
note_time(uint64_t *wall, uint64_t *slowest, uint64_t ns)
{
	*wall += ns;
	*slowest = ns > *slowest ? ns : *slowest;
}

static void
refused(struct signd *s, struct monotime now)
{
	note_time(&s->counts->bad_wall, &s->counts->bad_slowest, took(s, now));
	drop_first(s, &s->counts->serves_bad);
}

/* What comes back is what was sent, the key it was to be signed by, and a digest; anything else is not ours to send. */
static void
signed_well(struct signd *s, uint8_t reply[static SIGND_REPLY_LEN], struct monotime now)
{
	const struct waiting *w = &s->queue[s->first];
	struct signd_ticket t = w->ticket;
	double each = 1e-9 * (double)took(s, now);

	if (memcmp(reply, w->reply, PACKET_LEN) != 0 || memcmp(reply + PACKET_LEN, w->key, sizeof(w->key)) != 0) {
		give_up(s, "another packet came back", &s->counts->serves_err);
		return;
	}
	if (each <= EXAMPLE_MAX)
		s->usual += (each - s->usual) / AVERAGE_OVER;
	note_time(&s->counts->good_wall, &s->counts->good_slowest, took(s, now));
	drop_first(s, &s->counts->serves_good);
	s->calls.done(s->calls.arg, &t, reply);
}

/* An answer, whole, its length taken off. */
static void
take_answer(struct signd *s, uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	uint32_t version = rd_u32(&r), op = rd_u32(&r), number = rd_u32(&r);

	if (r.bad || version != 0 || !s->asked || number != s->number)
		give_up(s, "an answer that makes no sense", &s->counts->serves_err);
	else if (op == OP_SUCCESS && len == ANSWER_MAX)
		signed_well(s, buf + HEAD_LEN, monotime_now());
	else if (op == OP_SUCCESS)
		give_up(s, "a signature of another kind", &s->counts->serves_err);
	else
		refused(s, monotime_now());
}

static void
on_read(struct bufferevent *conn, void *arg)
{
	struct signd *s = arg;
	struct evbuffer *in = bufferevent_get_input(conn);
	uint8_t buf[4 + ANSWER_MAX];
	struct rd r;
	size_t len;

	while (s->conn == conn && evbuffer_copyout(in, buf, 4) == 4) {
		r = rd_init(buf, 4);
		len = rd_u32(&r);
		if (len > ANSWER_MAX) {
			give_up(s, "an answer of no length that is known", &s->counts->serves_err);
			return;
		}
		if (evbuffer_get_length(in) < 4 + len)
			return;
		evbuffer_remove(in, buf, 4 + len);
		event_del(s->late);
		take_answer(s, buf + 4, len);
		ask(s);
	}
}

static void
on_event(struct bufferevent *conn, short what, void *arg)
{
	struct signd *s = arg;

	(void)conn;
	if (what & BEV_EVENT_CONNECTED) {
		s->connected = true;
		ask(s);
	} else if (!s->connected) {
		give_up(s, strerror(errno), &s->counts->serves_no);
	} else {
		/* Samba's way to say that it does not know an account; or it has gone, which the next connection tells. */
		hang_up(s);
		if (s->asked)
			refused(s, monotime_now());
		ask(s);
	}
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct signd *s = arg;

	(void)fd;
	(void)what;
	give_up(s, s->connected ? "it does not answer" : "it takes no connection", &s->counts->serves_err);
}

static bool
is_stale(const struct waiting *w)
{
	return monotime_diff(monotime_now(), w->came) > SIGND_PATIENCE;
}

static void
wait_for(struct signd *s)
{
	struct timeval tv = { .tv_sec = (time_t)SIGND_PATIENCE };

	event_add(s->late, &tv);
}

/* Connects to a local socket at once or not at all; what becomes of it comes by on_event, maybe before this returns. */
static void
call(struct signd *s)
{
	s->conn = bufferevent_socket_new(s->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (s->conn == NULL) {
		give_up(s, "no memory", &s->counts->serves_no);
		return;
	}
	bufferevent_setcb(s->conn, on_read, NULL, on_event, s);
	wait_for(s);
	if (bufferevent_enable(s->conn, EV_READ | EV_WRITE) == -1 || bufferevent_socket_connect(s->conn, (struct sockaddr *)&s->to, sizeof(s->to)) == -1)
		give_up(s, strerror(errno), &s->counts->serves_no);
}

/* The next one goes to Samba, with the time at which it will come back. */
static void
ask(struct signd *s)
{
	uint8_t buf[REQUEST_LEN] = { 0 };
	struct wr w = wr_init(buf, sizeof(buf));
	struct waiting *first;

	while (s->n > 0 && !s->asked && is_stale(&s->queue[s->first]))
		drop_first(s, &s->counts->serves_err);
	if (s->n == 0 || s->asked)
		return;
	if (s->conn == NULL)
		call(s);
	if (!s->connected)
		return;
	first = &s->queue[s->first];
	s->calls.stamp(s->calls.arg, &first->ticket, first->reply, s->usual);
	wr_u32(&w, REQUEST_LEN - 4);
	wr_u32(&w, 0);
	wr_u32(&w, OP_SIGN);
	wr_u16(&w, ++s->number);
	memcpy(buf + 16, first->key, sizeof(first->key));
	memcpy(buf + 20, first->reply, PACKET_LEN);
	s->asked = true;
	s->since = monotime_now();
	wait_for(s);
	if (bufferevent_write(s->conn, buf, sizeof(buf)) == -1)
		give_up(s, "no memory", &s->counts->serves_no);
}

void
signd_submit(struct signd *s, const struct signd_ticket *t, const uint8_t reply[static PACKET_LEN], const uint8_t key[static 4])
{
	struct waiting *w = &s->queue[(s->first + s->n) % SIGND_QUEUE];

	s->counts->serves++;
	if (s->n == SIGND_QUEUE) {
		s->counts->serves_no++;
		return;
	}
	w->ticket = *t;
	w->came = monotime_now();
	memcpy(w->reply, reply, PACKET_LEN);
	memcpy(w->key, key, sizeof(w->key));
	s->n++;
	ask(s);
}

struct signd *
signd_new(struct event_base *base, const char *dir, const struct signd_calls *calls, struct signd_counts *counts)
{
	struct signd *s = calloc(1, sizeof(*s));
	int len;

	if (s == NULL)
		return NULL;
	s->base = base;
	s->calls = *calls;
	s->counts = counts;
	s->to.sun_family = AF_UNIX;
	s->late = evtimer_new(base, on_late, s);
	len = snprintf(s->to.sun_path, sizeof(s->to.sun_path), "%s/socket", dir);
	if (s->late != NULL && len > 0 && (size_t)len < sizeof(s->to.sun_path))
		return s;
	errno = s->late == NULL ? ENOMEM : ENAMETOOLONG;
	signd_free(s);
	return NULL;
}

void
signd_free(struct signd *s)
{
	int saved = errno;

	if (s == NULL)
		return;
	if (s->conn != NULL)
		bufferevent_free(s->conn);
	if (s->late != NULL)
		event_free(s->late);
	free(s);
	errno = saved;
}
