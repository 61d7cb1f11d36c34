/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of allowed system calls, made into a seccomp filter, and the last words of a process that broke it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/pps.h>

#include "base/must_use.h"
#include "daemon/sandbox.h"
#include "refclock/refclock.h"

#define IPC_64	0x0100	/* what the C library adds to commands on some architectures */

/* --- what is allowed ----------------------------------------------------------------------- */

/*
 * Whatever the arguments.  Names of several architectures and ages stand side by side: those that this one does not have fall out when the
 * filter is made.  The busiest first, as the filter is searched.
 */
static const char *const plain[] = {
	/* The loop, packets and time. */
	"recvmmsg", "recvmmsg_time64", "sendmmsg", "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "recvmsg", "sendmsg", "clock_gettime",
	"clock_gettime64", "sendto", "recvfrom", "send", "recv", "read", "write", "writev", "readv", "close",
	"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "epoll_create", "epoll_create1", "eventfd2",
	"timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "timerfd_gettime64", "pipe", "pipe2",
	"gettimeofday", "time", "clock_getres", "clock_getres_time64", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "restart_syscall",
	/* Sockets; which ones is below. */
	"bind", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown",
	/* Files: configuration, keys, drift, log, statistics, names. */
	"open", "openat", "lseek", "_llseek", "pread64", "pwrite64", "fsync", "fdatasync", "fstat", "fstat64", "stat", "stat64", "lstat", "lstat64",
	"newfstatat", "fstatat64", "statx", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "rename", "renameat",
	"renameat2", "link", "linkat", "unlink", "unlinkat", "getdents", "getdents64", "dup", "dup2", "dup3", "umask", "ftruncate", "ftruncate64",
	"flock", "getcwd",
	/* Memory; executable or not is below. */
	"brk", "munmap", "mremap", "madvise", "getrandom",
	/* Threads that are there, and signals. */
	"futex", "futex_time64", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "rt_sigprocmask", "sigprocmask", "rt_sigreturn", "sigreturn",
	"sigaltstack", "exit", "exit_group",
	/* Who and where we are. */
	"getpid", "gettid", "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "uname", "sysinfo", "getrusage",
	"times",
};

/* Whose arguments are looked at: all conditions of a row must hold, and one row is enough. */
struct checked {
	const char		*call;
	uint32_t		 action;
	unsigned		 n;
	struct scmp_arg_cmp	 cmp[3];
};

/* Only the bits that the kernel looks at: the upper half of a register may hold anything where the argument is an int. */
#define BITS(nr, mask, value)	{ .arg = (nr), .op = SCMP_CMP_MASKED_EQ, .datum_a = (scmp_datum_t)(mask), .datum_b = (scmp_datum_t)(value) }
#define INT(nr, value)		BITS(nr, UINT32_MAX, (uint32_t)(value))
#define NONE(nr)		{ .arg = (nr), .op = SCMP_CMP_EQ, .datum_a = 0 }
#define ALLOW			SCMP_ACT_ALLOW
#define REFUSE			SCMP_ACT_ERRNO(EACCES)

#define SOCKET(family, type, proto)	{ "socket", ALLOW, 3, { INT(0, family), BITS(1, SOCKET_TYPE, type), INT(2, proto) } }
#define SOCKET_TYPE			(UINT32_MAX & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))

static const struct checked checked[] = {
	/* Data stays data. */
	{ "mmap", ALLOW, 1, { BITS(2, PROT_EXEC, 0) } },
	{ "mmap", REFUSE, 1, { BITS(2, PROT_EXEC, PROT_EXEC) } },
	{ "mmap2", ALLOW, 1, { BITS(2, PROT_EXEC, 0) } },
	{ "mmap2", REFUSE, 1, { BITS(2, PROT_EXEC, PROT_EXEC) } },
	{ "mprotect", ALLOW, 1, { BITS(2, PROT_EXEC, 0) } },
	{ "mprotect", REFUSE, 1, { BITS(2, PROT_EXEC, PROT_EXEC) } },

	/* UDP, the system log, the service manager, the name service cache, and news of interfaces. */
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_UNIX, SOCK_DGRAM, 0),
	SOCKET(AF_UNIX, SOCK_STREAM, 0),
	SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),

	/* Is it a terminal, how much is there to read, and which interface is meant. */
	{ "ioctl", ALLOW, 1, { INT(1, TCGETS) } },
	{ "ioctl", ALLOW, 1, { INT(1, FIONREAD) } },
	{ "ioctl", ALLOW, 1, { INT(1, SIOCGIFINDEX) } },
	{ "ioctl", ALLOW, 1, { INT(1, SIOCGIFNAME) } },

	{ "fcntl", ALLOW, 1, { INT(1, F_GETFD) } },
	{ "fcntl", ALLOW, 1, { INT(1, F_SETFD) } },
	{ "fcntl", ALLOW, 1, { INT(1, F_GETFL) } },
	{ "fcntl", ALLOW, 1, { INT(1, F_SETFL) } },
	{ "fcntl", ALLOW, 1, { INT(1, F_DUPFD_CLOEXEC) } },
	{ "fcntl", ALLOW, 1, { INT(1, F_SETLK) } },
	{ "fcntl64", ALLOW, 1, { INT(1, F_GETFD) } },
	{ "fcntl64", ALLOW, 1, { INT(1, F_SETFD) } },
	{ "fcntl64", ALLOW, 1, { INT(1, F_GETFL) } },
	{ "fcntl64", ALLOW, 1, { INT(1, F_SETFL) } },
	{ "fcntl64", ALLOW, 1, { INT(1, F_DUPFD_CLOEXEC) } },
	{ "fcntl64", ALLOW, 1, { INT(1, F_SETLK) } },

	/* Those we catch, and those of a failed assertion; not SIGSYS, whose handler stays. */
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGHUP) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGINT) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGQUIT) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGTERM) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGUSR1) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGUSR2) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGPIPE) } },
	{ "rt_sigaction", ALLOW, 1, { INT(0, SIGABRT) } },

	/* Our own limits may be read, not changed; a newer C library names its memory. */
	{ "prlimit64", ALLOW, 2, { INT(0, 0), NONE(2) } },
	{ "prctl", ALLOW, 1, { INT(0, PR_SET_VMA) } },
};

/* Asking the kernel about its clock, where no clock process can be asked.  The call that asks is the call that sets; the difference is a right we have not. */
static const char *const asking[] = { "adjtimex", "clock_adjtime", "clock_adjtime64" };

/* No TCP, unless gpsd is to be asked, or there is NTS. */
static const struct checked no_tcp6 = { "socket", REFUSE, 2, { INT(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_STREAM) } };
static const struct checked no_tcp = { "socket", REFUSE, 2, { INT(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM) } };

/* What drivers of reference clocks need while they run, to find their device again above all; and key exchanges. */
static const struct {
	unsigned	need;		/* enum refclock_need */
	struct checked	rule;
} for_clocks[] = {
	{ REFCLOCK_NEEDS_TCP, { "socket", ALLOW, 2, { INT(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM) } } },
	{ SANDBOX_NTS, { "socket", ALLOW, 2, { INT(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM) } } },
	{ SANDBOX_NTS, { "socket", ALLOW, 2, { INT(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_STREAM) } } },
	{ SANDBOX_NTS, { "accept4", ALLOW, 0, { { 0 } } } },
	{ REFCLOCK_NEEDS_SERIAL, { "ioctl", ALLOW, 1, { INT(1, TCSETS) } } },
	{ REFCLOCK_NEEDS_SERIAL, { "ioctl", ALLOW, 1, { INT(1, TCFLSH) } } },
	{ REFCLOCK_NEEDS_SERIAL, { "ioctl", ALLOW, 1, { INT(1, TIOCMBIS) } } },
	{ REFCLOCK_NEEDS_SERIAL, { "ioctl", ALLOW, 1, { INT(1, TIOCMBIC) } } },
	{ REFCLOCK_NEEDS_PPS, { "ioctl", ALLOW, 1, { INT(1, PPS_GETPARAMS) } } },
	{ REFCLOCK_NEEDS_PPS, { "ioctl", ALLOW, 1, { INT(1, PPS_SETPARAMS) } } },
	{ REFCLOCK_NEEDS_PPS, { "ioctl", ALLOW, 1, { INT(1, PPS_GETCAP) } } },
	{ REFCLOCK_NEEDS_PPS, { "ioctl", ALLOW, 1, { INT(1, PPS_FETCH) } } },
	{ REFCLOCK_NEEDS_SHM, { "shmget", ALLOW, 0, { { 0 } } } },
	{ REFCLOCK_NEEDS_SHM, { "shmat", ALLOW, 0, { { 0 } } } },
	{ REFCLOCK_NEEDS_SHM, { "shmdt", ALLOW, 0, { { 0 } } } },
	{ REFCLOCK_NEEDS_SHM, { "shmctl", ALLOW, 1, { BITS(1, UINT32_MAX & ~(uint32_t)IPC_64, IPC_STAT) } } },
};

/* --- the filter ---------------------------------------------------------------------------- */

/* A sanitizer's runtime traces the process at its end and maps what it likes: a build for finding faults, not for service. */
static bool
instrumented(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer);
#else
	return false;
#endif
}

/* 0 or a negative errno, as libseccomp does it; a call that this architecture or library does not know cannot be made, either. */
static int
add(scmp_filter_ctx f, const struct checked *c)
{
	int nr = seccomp_syscall_resolve_name(c->call);

	return nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(f, c->action, nr, c->n, c->cmp);
}

/* A process may signal itself, which is how abort works. */
static int
add_own_signals(scmp_filter_ctx f)
{
	struct checked own = { "tgkill", ALLOW, 1, { INT(0, getpid()) } };

	return add(f, &own);
}

/* Whatever their arguments. */
static int
add_plain(scmp_filter_ctx f, const char *const calls[], size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++) {
		struct checked any = { calls[i], ALLOW, 0, { { 0 } } };

		err = add(f, &any);
		/* Earlier calls are looked at earlier, as far as the library can arrange it. */
		if (err == 0 && seccomp_syscall_resolve_name(calls[i]) >= 0)
			err = seccomp_syscall_priority(f, seccomp_syscall_resolve_name(calls[i]), (uint8_t)(i < UINT8_MAX ? UINT8_MAX - i : 0));
	}
	return err;
}

static int
fill(scmp_filter_ctx f, unsigned clocks, bool asks_kernel)
{
	int err = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (err == 0)
		err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (err == 0)
		err = add_plain(f, plain, NELEMS(plain));
	if (err == 0 && asks_kernel)
		err = add_plain(f, asking, NELEMS(asking));
	for (size_t i = 0; i < NELEMS(checked) && err == 0; i++)
		err = add(f, &checked[i]);
	for (size_t i = 0; i < NELEMS(for_clocks) && err == 0; i++)
		err = (for_clocks[i].need & clocks) != 0 ? add(f, &for_clocks[i].rule) : 0;
	if (err == 0 && (clocks & SANDBOX_NTS) == 0)
		err = add(f, &no_tcp6);
	if (err == 0 && (clocks & (REFCLOCK_NEEDS_TCP | SANDBOX_NTS)) == 0)
		err = add(f, &no_tcp);
	return err == 0 ? add_own_signals(f) : err;
}

/* --- last words ---------------------------------------------------------------------------- */

#define CALLS		512	/* numbers that have a name here; any other is told as a number */
#define NAME_LEN	28
#define LINE_LEN	160
#define TAG		"<26>"	/* facility daemon, severity critical (RFC 5424 section 6.2.1) */

/* A handler gets no argument, and may neither allocate nor ask a library: the one place where state is global.  Written once, before the filter. */
static struct {
	char	name[CALLS][NAME_LEN];
	char	logfile[PATH_MAX];	/* "" = none */
	bool	syslog;
} last_words;

struct line {
	char	text[LINE_LEN];
	size_t	len;
};

static void
put(struct line *l, const char *s)
{
	while (*s != '\0' && l->len < sizeof(l->text))
		l->text[l->len++] = *s++;
}

static void
put_number(struct line *l, unsigned n)
{
	char digits[11] = "";
	size_t at = sizeof(digits) - 1;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(l, digits + at);
}

/* Without the tag for syslog that every line begins with, unless it goes there. */
static void
say(int fd, const struct line *l, size_t from)
{
	/* Nobody is left to be told of a failure. */
	if (fd != -1 && write(fd, l->text + from, l->len - from) == -1)
		return;
}

static void
say_to_syslog(const struct line *l)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		say(fd, l, 0);
}

static void
put_message(struct line *l, const siginfo_t *si)
{
	unsigned nr = (unsigned)si->si_syscall;

	put(l, TAG "ntpd[");
	put_number(l, (unsigned)getpid());
	put(l, "]: forbidden system call ");
	if (nr < CALLS && last_words.name[nr][0] != '\0')
		put(l, last_words.name[nr]);
	else
		put_number(l, nr);
	put(l, ": ending; this is a fault, or somebody at work\n");
}

static void
on_forbidden(int sig, siginfo_t *si, void *context)
{
	struct line l = { .len = 0 };

	(void)context;
	put_message(&l, si);
	say(STDERR_FILENO, &l, strlen(TAG));
	if (last_words.logfile[0] != '\0')
		say(open(last_words.logfile, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY), &l, strlen(TAG));
	else if (last_words.syslog)
		say_to_syslog(&l);
	/* The handler was for one time: this one kills. */
	raise(sig);
	_exit(128 + sig);
}

static void
learn_names(void)
{
	uint32_t arch = seccomp_arch_native();

	for (int nr = 0; nr < CALLS; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, nr);

		if (name != NULL && strlen(name) < NAME_LEN)
			memcpy(last_words.name[nr], name, strlen(name) + 1);
		free(name);
	}
}

static int
prepare_last_words(const char *logfile)
{
	struct sigaction sa = { .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND | SA_NODEFER };
	bool named = logfile != NULL && strcmp(logfile, "stderr") != 0 && strcmp(logfile, "stdout") != 0;

	if (named && strlen(logfile) < sizeof(last_words.logfile))
		memcpy(last_words.logfile, logfile, strlen(logfile) + 1);
	last_words.syslog = logfile == NULL;
	learn_names();
	sigemptyset(&sa.sa_mask);
	return sigaction(SIGSYS, &sa, NULL);
}

/* --- entering ------------------------------------------------------------------------------ */

/* What the library says when the kernel, or a filter around us, has no such thing. */
static bool
is_absence(int err)
{
	return err == -ENOSYS || err == -EINVAL || err == -EOPNOTSUPP || err == -ECANCELED || err == -EPERM;
}

enum sandbox_err
sandbox_enter(const char *logfile, unsigned clocks, bool asks_kernel)
{
	scmp_filter_ctx f;
	int err;

	if (instrumented() || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == -1)
		return SANDBOX_ABSENT;
	f = seccomp_init(SCMP_ACT_TRAP);
	if (f == NULL) {
		errno = ENOMEM;
		return SANDBOX_FAILED;
	}
	/* The library asks the kernel what it can while it is being told. */
	err = fill(f, clocks, asks_kernel);
	if (err == 0 && prepare_last_words(logfile) == -1)
		err = -errno;
	if (err == 0)
		err = seccomp_load(f);
	seccomp_release(f);
	errno = -err;
	return err == 0 ? SANDBOX_OK : is_absence(err) ? SANDBOX_ABSENT : SANDBOX_FAILED;
}

/* --- the clock process --------------------------------------------------------------------- */

/* All that keeper_serve does (sysclock/keeper.h), under the names that C libraries have for it, and the way out. */
static const char *const for_keeper[] = {
	"poll", "ppoll", "ppoll_time64", "recvfrom", "recv", "sendto", "send", "clock_gettime", "clock_gettime64", "adjtimex", "restart_syscall",
	"rt_sigreturn", "sigreturn", "exit", "exit_group",
};

static const struct checked keeper_adjusts[] = {
	{ "clock_adjtime", ALLOW, 1, { INT(0, CLOCK_REALTIME) } },
	{ "clock_adjtime64", ALLOW, 1, { INT(0, CLOCK_REALTIME) } },
};

enum sandbox_err
sandbox_enter_clock(void)
{
	scmp_filter_ctx f;
	int err;

	if (instrumented() || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == -1)
		return SANDBOX_ABSENT;
	f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (f == NULL)
		return SANDBOX_FAILED;
	err = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (err == 0)
		err = add_plain(f, for_keeper, NELEMS(for_keeper));
	for (size_t i = 0; i < NELEMS(keeper_adjusts) && err == 0; i++)
		err = add(f, &keeper_adjusts[i]);
	if (err == 0)
		err = seccomp_load(f);
	seccomp_release(f);
	errno = -err;
	return err == 0 ? SANDBOX_OK : is_absence(err) ? SANDBOX_ABSENT : SANDBOX_FAILED;
}
