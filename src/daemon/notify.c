/* SPDX-License-Identifier: BSD-2-Clause */
/* One datagram to the service manager. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/notify.h"

void
notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len == 0 || len >= sizeof(sun.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';	/* the abstract name space */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == -1)
		log_debug("the service manager at %s does not listen", path);
	close(fd);
}

static bool
read_number(const char *name, unsigned long long *out)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* sd_watchdog_enabled(3): microseconds, and for which process they are meant. */
double
notify_watchdog(void)
{
	unsigned long long us, pid;

	if (!read_number("WATCHDOG_USEC", &us) || us == 0)
		return 0;
	if (getenv("WATCHDOG_PID") != NULL && (!read_number("WATCHDOG_PID", &pid) || pid != (unsigned long long)getpid()))
		return 0;
	return (double)us / 1e6;
}
