/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does in a sandbox what whoever took ntpd over would try: forbidden [-t] [-k] [-a] [-u USER] [-l LOGFILE] DEED [PATH]
 *
 * Drops privileges and enters the sandbox as ntpd does, then does the deed; -t: in a thread, -k: in the sandbox of the clock process, -a: in that
 * of an ntpd which may ask the kernel about its clock.  "done" on standard output and status 0: it was possible;
 * "refused: REASON" and status 3 (with -k the status alone): it was refused; death by SIGSYS: it was forbidden.  Status 2: the test itself could not be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "base/log.h"
#include "daemon/privilege.h"
#include "daemon/sandbox.h"

#define LEN	4096	/* octets mapped */

static char *const nothing[] = { NULL };
static void *data_page;		/* mapped before the sandbox, readable and writable */
static const char *path = "/";

static long do_execve(void) { return execve("/bin/true", nothing, nothing); }
static long do_execveat(void) { return syscall(SYS_execveat, AT_FDCWD, "/bin/true", nothing, nothing, 0); }
static long do_fork(void) { return fork(); }
static long do_clone3(void) { return syscall(SYS_clone3, NULL, 0); }
static long do_ptrace(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static long do_readv_other(void) { return syscall(SYS_process_vm_readv, getppid, NULL, 0, NULL, 0, 0); }
static long do_kill(void) { return kill(1, 0); }
static long do_tgkill_other(void) { return syscall(SYS_tgkill, 1, 1, 0); }
static long do_setuid(void) { return setuid(0); }
static long do_capset(void) { return syscall(SYS_capset, NULL, NULL); }
static long do_packet_socket(void) { return socket(AF_PACKET, SOCK_DGRAM, 0); }
static long do_raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static long do_raw_socket6(void) { return socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }
static long do_other_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }
static long do_stream_socket(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static long do_listen(void) { return listen(0, 1); }
static long do_clock_settime(void) { return clock_settime(CLOCK_REALTIME, &(struct timespec){ .tv_sec = -1 }); }
static long do_mprotect_exec(void) { return mprotect(data_page, LEN, PROT_READ | PROT_EXEC); }
static long do_mmap_exec(void) { return mmap(NULL, LEN, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0; }
static long do_memfd(void) { return (long)syscall(SYS_memfd_create, "x", 0); }
static long do_mount(void) { return syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL); }
static long do_chroot(void) { return chroot("/"); }
static long do_chmod(void) { return chmod(path, 0777); }
static long do_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long do_io_uring(void) { return syscall(SYS_io_uring_setup, 1, NULL); }
static long do_userfaultfd(void) { return syscall(SYS_userfaultfd, 0); }
static long do_prctl(void) { return syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0); }
static long do_setrlimit(void) { return syscall(SYS_prlimit64, 0, 4 /* RLIMIT_CORE */, &(uint64_t[2]){ 0 }, NULL); }
static long do_open_read(void) { return open(path, O_RDONLY); }
static long do_open_write(void) { return open(path, O_WRONLY); }
static long do_x32(void) { return syscall(0x40000000 + 39); }	/* getpid of the x32 ABI: another architecture to the filter */

/* The way back to a handler of one's own, or to none. */
static long
do_ignore_sigsys(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

/* A blocked SIGSYS does not make the call return. */
static long
do_blocked_sigsys(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return kill(1, 0);
}

/* The same register, with something in the half that the kernel does not look at. */
static long
do_high_bits(void)
{
	return syscall(SYS_rt_sigaction, (1L << 32) | SIGSYS, NULL, NULL, 8);
}

/* What must still be possible, or the rest would prove nothing. */

static long
do_udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return fd == -1 ? -1 : connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static long
do_bind_low(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(123), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return fd == -1 ? -1 : bind(fd, (const struct sockaddr *)&at, sizeof(at));
}

/* Reads only: modes is 0. */
static long do_read_clock(void) { return adjtimex(&(struct timex){ .modes = 0 }) == -1 ? -1 : 0; }
static long do_set_clock(void) { return adjtimex(&(struct timex){ .modes = ADJ_SETOFFSET, .time.tv_usec = 1000001 }) == -1 ? -1 : 0; }
static long do_settimeofday(void) { return syscall(SYS_settimeofday, NULL, NULL); }
static long do_other_clock(void) { return syscall(SYS_clock_adjtime, CLOCK_TAI, &(struct timex){ .modes = 0 }); }
static long do_socketpair(void) { int fd[2]; return socketpair(AF_UNIX, SOCK_STREAM, 0, fd); }
static long do_write(void) { return write(STDOUT_FILENO, "x\n", 2); }
static long do_mmap(void) { return mmap(NULL, LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0; }
static long do_nothing(void) { return 0; }
static long do_abort(void) { abort(); }

static const struct deed { const char *name; long (*act)(void); } deeds[] = {
	{ "execve", do_execve }, { "execveat", do_execveat }, { "fork", do_fork }, { "clone3", do_clone3 }, { "ptrace", do_ptrace },
	{ "process_vm_readv", do_readv_other }, { "kill", do_kill }, { "tgkill", do_tgkill_other }, { "setuid", do_setuid }, { "capset", do_capset },
	{ "socket-packet", do_packet_socket }, { "socket-raw", do_raw_socket }, { "socket-raw6", do_raw_socket6 },
	{ "socket-audit", do_other_netlink }, { "socket-stream", do_stream_socket }, { "listen", do_listen }, { "clock_settime", do_clock_settime },
	{ "mprotect-exec", do_mprotect_exec }, { "mmap-exec", do_mmap_exec }, { "memfd_create", do_memfd }, { "mount", do_mount },
	{ "chroot", do_chroot }, { "chmod", do_chmod }, { "bpf", do_bpf }, { "io_uring_setup", do_io_uring }, { "userfaultfd", do_userfaultfd },
	{ "prctl", do_prctl }, { "prlimit64", do_setrlimit }, { "open-read", do_open_read }, { "open-write", do_open_write }, { "x32", do_x32 },
	{ "rt_sigaction", do_ignore_sigsys }, { "blocked", do_blocked_sigsys }, { "high-bits", do_high_bits },
	{ "udp", do_udp }, { "bind-low", do_bind_low }, { "read-clock", do_read_clock }, { "set-clock", do_set_clock },
	{ "settimeofday", do_settimeofday }, { "other-clock", do_other_clock }, { "socketpair", do_socketpair }, { "write", do_write }, { "mmap", do_mmap },
	{ "nothing", do_nothing }, { "abort", do_abort },
};

static const struct deed *
find_deed(const char *name)
{
	for (size_t i = 0; i < NELEMS(deeds); i++) {
		if (strcmp(deeds[i].name, name) == 0)
			return &deeds[i];
	}
	return NULL;
}

static bool mute;	/* nothing can be written */

static int
commit(const struct deed *d)
{
	bool possible = d->act() != -1;

	if (mute)
		return possible ? 0 : 3;
	if (possible)
		printf("done\n");
	else
		printf("refused: %s\n", strerror(errno));
	fflush(stdout);
	return possible ? 0 : 3;
}

/* A thread that was there before the sandbox, told by a pipe to begin. */
struct accomplice {
	const struct deed	*deed;
	int			 wait;
};

static void *
accomplice_run(void *arg)
{
	const struct accomplice *a = arg;
	char go;

	exit(read(a->wait, &go, 1) == 1 ? commit(a->deed) : 2);
}

int
main(int argc, char *argv[])
{
	struct privilege_plan plan = { .bind_port = true };
	struct accomplice a = { .deed = NULL };
	const char *logfile = "stderr";
	bool in_thread = false, as_clock = false, asks_kernel = false;
	pthread_t thread;
	int c, fd[2];

	while ((c = getopt(argc, argv, "u:l:tka")) != -1) {
		if (c == 'u')
			plan.user = optarg;
		else if (c == 'l')
			logfile = optarg;
		else if (c == 't')
			in_thread = true;
		else if (c == 'k')
			as_clock = mute = true;
		else if (c == 'a')
			asks_kernel = true;
		else
			return 2;
	}
	a.deed = optind < argc ? find_deed(argv[optind]) : NULL;
	if (a.deed == NULL)
		return 2;
	if (optind + 1 < argc)
		path = argv[optind + 1];
	data_page = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data_page == MAP_FAILED || !privilege_drop(&plan) || pipe(fd) == -1)
		return 2;
	a.wait = fd[0];
	if (in_thread && pthread_create(&thread, NULL, accomplice_run, &a) != 0)
		return 2;
	if ((as_clock ? sandbox_enter_clock() : sandbox_enter(logfile, 0, asks_kernel)) != SANDBOX_OK)
		return 2;
	if (!in_thread)
		return commit(a.deed);
	if (write(fd[1], "", 1) != 1)
		return 2;
	pthread_join(thread, NULL);
	return 2;
}
