/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock of the steersman, in a network of the test's own (SYS-13). */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/lock.h"
#include "../unit.h"

/* A process that takes the lock, says so by a byte, and lives until it is killed. */
static pid_t
holder(void)
{
	int pipes[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		byte = lock_take() == -1 ? 'n' : 'y';
		if (write(pipes[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

START_TEST(one_holds_it_as_long_as_it_lives)
{
	pid_t pid;
	int fd;

	ck_assert_msg(unshare(CLONE_NEWNET) == 0, "a network of one's own needs root");
	pid = holder();
	ck_assert_int_eq(lock_take(), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	/* However it ends: nothing stale is left. */
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	fd = lock_take();
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(lock_take(), -1);
	close(fd);
}
END_TEST

UNIT_MAIN("daemon/lock", one_holds_it_as_long_as_it_lives)
