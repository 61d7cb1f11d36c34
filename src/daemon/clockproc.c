/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the clock process, or finds it, or is it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ntp.h"
#include "daemon/clockproc.h"
#include "daemon/notify.h"
#include "daemon/privilege.h"
#include "daemon/sandbox.h"
#include "sysclock/keeper.h"

#define NAME		"ntpd-clock"
#define START_WAIT	10000	/* ms for a clock process to confine itself */

/* --- being it ------------------------------------------------------------------------------ */

/* The end comes by the link and by nothing else: what a terminal or killall sends to all of us is the daemon's business. */
static void
ignore_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

/* No descriptor but the link, not even of the log.  Returns the link's new number. */
static int
keep_only(int fd, int null)
{
	for (int std = 0; std <= 2; std++)
		if (dup2(null, std) == -1)
			return -1;
	if (dup2(fd, 3) == -1 || close_range(4, UINT_MAX, 0) == -1)
		return -1;
	return 3;
}

/* Gives up all but the one right, then obeys.  Returns the exit status. */
static int
keep(const struct options *o, int fd, const char *emptydir, bool tell)
{
	const struct privilege_plan plan = { .user = o->user, .emptydir = emptydir, .set_time = true };
	struct keeper *k = keeper_new();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ignore_signals();
	prctl(PR_SET_NAME, NAME, 0, 0, 0);
	if (k == NULL || null == -1) {
		log_err("the clock process cannot be made");
		return 1;
	}
	if (!privilege_drop(&plan))
		return 1;
	fd = keep_only(fd, null);
	if (fd == -1 || (!o->no_sandbox && sandbox_enter_clock() == SANDBOX_FAILED))
		return 1;
	if (tell && send(fd, "", 1, MSG_NOSIGNAL) == -1)
		return 1;
	keeper_serve(k, fd);
	return 0;
}

/* --- making it ----------------------------------------------------------------------------- */

static bool
heard_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char octet;

	return poll(&p, 1, START_WAIT) == 1 && recv(fd, &octet, 1, 0) == 1;
}

/* A place with nothing in it: a directory that is gone as soon as it is the clock process's root, so that nothing can ever come into it. */
static int
start(const struct options *o)
{
	char empty[] = "/run/" NAME ".XXXXXX";
	bool have_dir = geteuid() == 0 && mkdtemp(empty) != NULL;
	int fd[2];
	pid_t child = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1)
		fd[0] = fd[1] = -1;
	else
		child = fork();
	if (child == 0) {
		close(fd[0]);
		_exit(keep(o, fd[1], have_dir ? empty : NULL, true));
	}
	if (fd[1] != -1)
		close(fd[1]);
	if (child == -1 || !heard_ready(fd[0])) {
		log_errx("the clock process cannot be started");
		if (fd[0] != -1)
			close(fd[0]);
		fd[0] = -1;
	}
	if (have_dir && rmdir(empty) == -1)
		log_debug("%s cannot be removed", empty);
	return fd[0];
}

/* --- meeting it ---------------------------------------------------------------------------- */

static bool
socket_name(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sun->sun_path)) {
		log_errx("%s: too long for the name of a socket", path);
		return false;
	}
	memcpy(sun->sun_path, path, strlen(path));
	return true;
}

static int
meet(const char *path)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd != -1 && socket_name(path, &sun) && connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	log_err("no clock process is to be met at %s", path);
	if (fd != -1)
		close(fd);
	return -1;
}

int
clockproc_link(const struct options *o)
{
	return o->clock != NULL ? meet(o->clock) : start(o);
}

/* --- serving ------------------------------------------------------------------------------- */

/* For us alone: who may connect there is who may write to it. */
static int
open_socket(const char *path)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	mode_t mask = umask(0177);

	if (fd != -1 && (!socket_name(path, &sun) || (unlink(path) == -1 && errno != ENOENT) ||
	    bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1 || listen(fd, 1) == -1)) {
		log_err("%s cannot be listened on", path);
		close(fd);
		fd = -1;
	}
	umask(mask);
	return fd;
}

/* The first of our own user, or root; the mode of the socket lets nobody else come so far. */
static int
wait_for_daemon(int listening)
{
	for (;;) {
		struct ucred who;
		socklen_t len = sizeof(who);
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

		if (fd == -1 && errno != EINTR && errno != ECONNABORTED)
			return -1;
		if (fd != -1 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == geteuid() || who.uid == 0))
			return fd;
		if (fd != -1)
			close(fd);
	}
}

int
clockproc_serve(const struct options *o)
{
	int listening, fd;

	if (access("/dev/log", W_OK) == 0)
		log_to_syslog(NAME);
	listening = open_socket(o->serve_clock);
	if (listening == -1)
		return 1;
	notify_manager("READY=1\nSTATUS=Waiting for ntpd");
	fd = wait_for_daemon(listening);
	if (fd == -1) {
		log_err("%s: nobody can be met there", o->serve_clock);
		return 1;
	}
	close(listening);
	unlink(o->serve_clock);
	notify_manager("STATUS=Keeping the clock for ntpd");
	return keep(o, fd, NULL, false);
}
