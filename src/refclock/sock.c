/* SPDX-License-Identifier: BSD-2-Clause */
/* SOCK: a Unix socket that is sent samples, as chrony's driver of this name has it. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver.h"
#include "sock.h"

#define OFFSET_MAX	1e9	/* s */
#define AGE_MAX		5.0	/* s, of a sample */

struct sock {
	int		fd;
	struct event	*readable;
};

bool
sock_parse(const void *buf, size_t len, struct sock_values *out)
{
	struct sock_sample s;

	if (len != sizeof(s))
		return false;
	memcpy(&s, buf, sizeof(s));
	if (s.magic != SOCK_MAGIC || s.tv.tv_sec < 0 || s.tv.tv_sec > INT64_MAX / NS_PER_S / 2 || s.tv.tv_usec < 0 || s.tv.tv_usec > 999999 ||
	    !isfinite(s.offset) || fabs(s.offset) > OFFSET_MAX || s.leap < 0 || s.leap > LEAP_UNSYNC)
		return false;
	out->host.ns = s.tv.tv_sec * NS_PER_S + s.tv.tv_usec * 1000;
	out->ref = walltime_add(out->host, s.offset);
	out->pulse = s.pulse != 0;
	out->leap = s.leap;
	return true;
}

static void
take(struct refclock *c, const struct sock_values *v)
{
	double age = walltime_diff(walltime_now(), v->host), whole = 1e-9 * (double)(v->ref.ns % NS_PER_S);
	struct walltime edge;

	if (age < 0 || age > AGE_MAX) {
		refclock_bad(c, CLOCK_BAD_TIME);
		return;
	}
	c->leap = (uint8_t)v->leap;
	if (!v->pulse) {
		refclock_reading(c, v->ref, v->host, c->info.opts.time1);
		return;
	}
	/* The true time is a whole second as long before as its fraction says. */
	edge = walltime_add(v->host, -whole);
	refclock_pulse(c, edge, c->info.opts.time1);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct refclock *c = arg;
	struct sock_values v;
	char buf[sizeof(struct sock_sample) + 1];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	(void)what;
	if (n < 0)
		return;
	if (sock_parse(buf, (size_t)n, &v))
		take(c, &v);
	else
		refclock_bad(c, CLOCK_BAD_FORMAT);
}

/* A socket that an earlier daemon left may go; nothing else that stands there may. */
static int
bind_socket(struct refclock *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	mode_t mask;

	memcpy(a.sun_path, c->device, strlen(c->device) + 1);
	if (lstat(c->device, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(c->device);
	mask = umask(0177);
	if (fd != -1 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		close(fd);
		fd = -1;
	}
	umask(mask);
	return fd;
}

bool
sock_open(struct refclock *c)
{
	struct sock *s = c->state = calloc(1, sizeof(*s));

	if (s == NULL)
		return false;
	s->fd = -1;
	if (c->info.opts.path[0] == '\0') {
		log_warnx("%s: the path of a socket is wanting", c->info.name);
		return false;
	}
	s->fd = bind_socket(c);
	if (s->fd == -1) {
		log_warn("%s: there can be no socket %s", c->info.name, c->device);
		return false;
	}
	s->readable = event_new(c->env.base, s->fd, EV_READ | EV_PERSIST, on_readable, c);
	return s->readable != NULL && event_add(s->readable, NULL) == 0;
}

void
sock_close(struct refclock *c)
{
	struct sock *s = c->state;

	if (s == NULL)
		return;
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->fd != -1) {
		(void)unlink(c->device);
		close(s->fd);
	}
	free(s);
}
