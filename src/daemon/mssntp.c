/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of machines in a Windows domain: answered by the main loop, for whichever worker they came to, as soon as Samba has signed. */
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/random.h"
#include "root.h"

static void
stamp(void *arg, const struct signd_ticket *t, uint8_t reply[static PACKET_LEN], double after)
{
	const struct root *r = arg;
	struct clockread now;

	sysclock_read(r->clock, &now);
	respond_stamp(reply, walltime_add(now.wall, after + t->smear));
}

static void
done(void *arg, const struct signd_ticket *t, uint8_t reply[static SIGND_REPLY_LEN])
{
	struct root *r = arg;
	struct datagram d = { .peer = t->peer, .local = t->local, .buf = reply, .len = SIGND_REPLY_LEN };

	/* What cannot be sent is lost, as any datagram may be. */
	if (listener_send(r->listener, &d, 0) == -1)
		return;
}

static const char *
directory(const struct config *c)
{
	return c->signd_dir != NULL ? c->signd_dir : SIGND_DIR;
}

static bool
is_ready(struct root *r)
{
	const struct signd_calls calls = { .stamp = stamp, .done = done, .arg = r };
	unsigned held = 0;

	if (r->signd == NULL)
		r->signd = signd_new(r->base, directory(r->config), &calls, &r->signd_counts);
	if (r->signd == NULL && log_gate_open(&r->signd_gate, monotime_now(), &held))
		log_warn("ntpsigndsocket %s cannot be used", directory(r->config));
	return r->signd != NULL;
}

bool
root_mssntp_is(const struct datagram *d, unsigned flags)
{
	return (flags & RESTRICT_MSSNTP) != 0 && respond_is_mssntp(d->buf, d->len);
}

/* By which the question came, and the answer is to leave; the socket may be gone by then. */
static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && addr_from_sockaddr(&a, (struct sockaddr *)&ss) ? a.port : 0;
}

void
root_mssntp(struct root *r, const struct datagram *d, unsigned flags, int fd)
{
	struct request rq = {
		.buf = d->buf, .len = d->len, .peer = d->peer, .local = d->local, .rec = sysclock_at_host(r->clock, d->host),
		.flags = flags & ~RESTRICT_FLAKE,	/* the worker has seen to that */
		.chance = (uint32_t)random_u64(),
	};
	struct signd_ticket t = { .peer = d->peer, .local = d->local };
	struct request_head head;
	struct packet face;
	uint8_t reply[RESPOND_MAX];
	const struct sysvars *v;
	struct monotime now = monotime_now();

	if (r->client == NULL || respond_check(&rq, &head) != RESPOND_MSSNTP || !is_ready(r))
		return;
	t.local.port = port_of(fd);
	v = &client_system(r->client)->vars;
	respond_face(&face, v, now);
	if (head.reply_mode == MODE_SERVER) {
		t.smear = leap_smear_offset(&v->smear, now);
		respond_smear(&face, &v->smear, t.smear);
		rq.rec = walltime_add(rq.rec, t.smear);
	}
	respond_reply(reply, &rq, &head, &face);
	signd_submit(r->signd, &t, reply, d->buf + head.tail.mac_at);
}

void
root_mssntp_close(struct root *r)
{
	signd_free(r->signd);
	r->signd = NULL;
}

void
root_mssntp_follow(struct root *r, const struct config *old)
{
	if (strcmp(directory(old), directory(r->config)) != 0)
		root_mssntp_close(r);
}
