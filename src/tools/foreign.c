/* SPDX-License-Identifier: BSD-2-Clause */
/* Knocks at chronyd's command socket, and asks for the time. */
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must_use.h"
#include "base/ntp.h"
#include "base/random.h"
#include "foreign.h"
#include "query.h"

#define CHRONYD_SOCKET	"/run/chrony/chronyd.sock"
#define ANSWER_MS	500
#define TIME_LEN	48	/* octets of a packet without extensions */
#define ORIGIN_AT	24	/* where a reply has the transmit timestamp of its request … */
#define TRANSMIT_AT	40	/* … which had it here */

/* A socket file alone may be what a crash left behind; one that can be connected to has somebody at the other end. */
static bool
chronyd_listens(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = CHRONYD_SOCKET };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool yes;

	if (fd == -1)
		return false;
	yes = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
	close(fd);
	return yes;
}

/* Does anybody give the time at the other end of fd? */
static bool
gives_time(int fd)
{
	uint8_t request[TIME_LEN] = { NTP_VERSION << 3 | MODE_CLIENT }, reply[TIME_LEN];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t nonce = random_u64();

	memcpy(request + TRANSMIT_AT, &nonce, sizeof(nonce));
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request) || poll(&pfd, 1, ANSWER_MS) < 1)
		return false;
	return recv(fd, reply, sizeof(reply), 0) == TIME_LEN && (reply[0] & 7) == MODE_SERVER &&
	    memcmp(reply + ORIGIN_AT, &nonce, sizeof(nonce)) == 0;
}

const char *
foreign_daemon(void)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	bool yes = false;

	if (chronyd_listens())
		return "chronyd runs here, which answers no such questions: ask chronyc tracking, or wait with chronyc waitsync.";
	for (size_t i = 0; i < NELEMS(hosts) && !yes; i++) {
		struct query q;

		query_init(&q, &query_defaults);
		yes = query_open(&q, hosts[i], "123") == NULL && gives_time(q.fd);
		query_close(&q);
	}
	return yes ? "The daemon here gives the time but answers no questions about itself: chronyd never does, ntpd not under noquery." : NULL;
}
