/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks many hosts at once whether anybody is there. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "probe.h"

#define ASKED_MAX	(PROBE_HOSTS_MAX * QUERY_ADDRS_MAX)

/* One address that has been asked. */
struct asked {
	size_t	host;
	int	fd;
};

struct probe {
	struct query	query;		/* knows how to resolve */
	struct asked	asked[ASKED_MAX];
	struct pollfd	fds[ASKED_MAX];
	size_t		n;
};

/* One that every daemon answers: the list of associations. */
static bool
send_question(const struct probe *p, int fd)
{
	const struct control c = { .version = p->query.opts.version, .op = CONTROL_READSTAT, .sequence = 1 };
	uint8_t buf[CONTROL_HEADER_LEN];

	control_build(&c, buf);
	return send(fd, buf, sizeof(buf), MSG_NOSIGNAL) == (ssize_t)sizeof(buf);
}

static void
ask_address(struct probe *p, size_t host, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return;
	if (connect(fd, sa, len) == -1 || !send_question(p, fd)) {
		close(fd);
		return;
	}
	p->asked[p->n] = (struct asked){ .host = host, .fd = fd };
	p->fds[p->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* Whatever comes, an error of the socket too, says that the host is not silent: its own session finds out what it is. */
static void
wait_for_all(struct probe *p, size_t nhosts, double seconds, bool silent[])
{
	struct monotime end = monotime_add(monotime_now(), seconds);
	double left;

	while ((left = monotime_diff(end, monotime_now())) > 0) {
		bool any = false;

		for (size_t i = 0; i < nhosts; i++)
			any = any || silent[i];
		if (!any || poll(p->fds, (nfds_t)p->n, (int)(left * 1e3) + 1) == -1)
			return;
		for (size_t i = 0; i < p->n; i++) {
			if (p->fds[i].revents == 0)
				continue;
			silent[p->asked[i].host] = false;
			p->fds[i].fd = -1;	/* poll passes it over */
		}
	}
}

void
probe_hosts(char *const hosts[], size_t n, const struct query_opts *o, bool silent[])
{
	struct probe *p = calloc(1, sizeof(*p));

	memset(silent, 0, n * sizeof(silent[0]));
	if (p == NULL)
		return;
	query_init(&p->query, o);
	for (size_t i = 0; i < n && i < PROBE_HOSTS_MAX; i++) {
		size_t before = p->n;

		if (query_open(&p->query, hosts[i], "123") != NULL)
			continue;
		for (size_t k = 0; k < p->query.naddrs; k++)
			ask_address(p, i, (const struct sockaddr *)&p->query.addrs[k], p->query.addr_lens[k]);
		silent[i] = p->n > before;
	}
	wait_for_all(p, n < PROBE_HOSTS_MAX ? n : PROBE_HOSTS_MAX, o->first_ms * 0.5e-3, silent);
	/* A datagram may be lost. */
	for (size_t i = 0; i < p->n; i++) {
		if (p->fds[i].fd != -1 && silent[p->asked[i].host] && !send_question(p, p->fds[i].fd))
			silent[p->asked[i].host] = false;
	}
	wait_for_all(p, n < PROBE_HOSTS_MAX ? n : PROBE_HOSTS_MAX, o->first_ms * 0.5e-3, silent);
	for (size_t i = 0; i < p->n; i++)
		close(p->asked[i].fd);
	query_close(&p->query);
	free(p);
}
