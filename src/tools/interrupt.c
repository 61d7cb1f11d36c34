/* SPDX-License-Identifier: BSD-2-Clause */
/* Catches SIGINT by a signalfd. */
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "interrupt.h"

void
interrupt_catch(struct interrupt *i, int *fd)
{
	sigset_t set;

	i->ours = false;
	if (*fd != -1)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*fd == -1)
		return;
	sigprocmask(SIG_BLOCK, &set, &i->before);
	i->ours = true;
}

bool
interrupt_seen(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return fd != -1 && poll(&pfd, 1, 0) > 0;
}

void
interrupt_forget(int fd)
{
	struct signalfd_siginfo info;

	while (fd != -1 && read(fd, &info, sizeof(info)) > 0)
		;
}

void
interrupt_let_go(struct interrupt *i, int *fd)
{
	if (!i->ours)
		return;
	interrupt_forget(*fd);
	close(*fd);
	*fd = -1;
	sigprocmask(SIG_SETMASK, &i->before, NULL);
	i->ours = false;
}
