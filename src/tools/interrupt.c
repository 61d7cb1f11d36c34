/* SPDX-License-Identifier: BSD-2-Clause */
/* Catches SIGINT by a signalfd. */
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

void
interrupt_let_go(struct interrupt *i, int *fd)
{
	struct signalfd_siginfo info;

	if (!i->ours)
		return;
	while (read(*fd, &info, sizeof(info)) > 0)
		;
	close(*fd);
	*fd = -1;
	sigprocmask(SIG_SETMASK, &i->before, NULL);
	i->ours = false;
}
