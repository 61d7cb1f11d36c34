/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock of whoever steers the machine's clock. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ntp.h"
#include "daemon/lock.h"

int
lock_take(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(NTP_PORT) };
	int saved, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
