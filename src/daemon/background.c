/* SPDX-License-Identifier: BSD-2-Clause */
/* Fork, with a pipe by which the child tells the waiting parent its exit status. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/background.h"

#define FAILED	70	/* EX_SOFTWARE: the child died without a word */

_Noreturn static void
wait_for_child(int fd, pid_t child, double wait, int timeout_status)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t status;
	int how;

	if (poll(&p, 1, (int)(wait * 1000)) == 0)
		_exit(timeout_status);
	if (read(fd, &status, 1) == 1)
		_exit(status);
	/* The pipe is closed and nothing was said: the child is dead or dying. */
	if (waitpid(child, &how, 0) == child && WIFEXITED(how))
		_exit(WEXITSTATUS(how));
	_exit(FAILED);
}

int
background_start(double wait, int timeout_status)
{
	int fd[2], saved;
	pid_t child;

	if (pipe2(fd, O_CLOEXEC) == -1)
		return -1;
	child = fork();
	if (child == -1) {
		saved = errno;
		close(fd[0]);
		close(fd[1]);
		errno = saved;
		return -1;
	}
	if (child != 0) {
		close(fd[1]);
		wait_for_child(fd[0], child, wait, timeout_status);
	}
	close(fd[0]);
	setsid();
	return fd[1];
}

void
background_done(int fd, int status)
{
	uint8_t octet = (uint8_t)status;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* A parent that is gone already has nothing to be told. */
	if (write(fd, &octet, 1) == -1 && null == -1)
		return;
	close(fd);
	if (null == -1)
		return;
	for (int std = 0; std <= 2; std++)
		dup2(null, std);
	if (null > 2)
		close(null);
}
