/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats a line once and hands it to stderr, a file or the system log, without ever waiting for one of them. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_MAX_LEN	1024
#define STAMPED_MAX	(LINE_MAX_LEN + 128)
#define GATE_INTERVAL	60.0	/* s */

static struct {
	int		 fd;		/* of a file, + 1; 0 = stderr */
	char		 path[PATH_MAX];	/* of that file, empty if it is no file of ours */
	const char	*ident;
	int		 socket;	/* to the system log, + 1; 0 = none */
	bool		 syslog, copy;
	int		 debug;
	unsigned	 classes;	/* LOG_BIT()s */
	unsigned	 lost;		/* lines that could not be written, since the last one that could */
} log_state = { .classes = LOG_CLASSES_DEFAULT };

/* Worker threads have next to nothing to say, but may. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static const int syslog_priority[] = {
	[LOG_LEVEL_ERR] = LOG_ERR,
	[LOG_LEVEL_WARN] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

/* --- targets ------------------------------------------------------------------------------- */

/* A pipe that nobody empties or a terminal that is stopped is not waited for; a line is short enough to go into a pipe whole. */
static bool
write_line(int fd, const char *line, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 && write(fd, line, len) == (ssize_t)len;
}

static bool
print_line(int fd, const char *line)
{
	struct tm tm;
	time_t now = time(NULL);
	char stamp[32], whole[STAMPED_MAX];
	int len;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%e %b %H:%M:%S", &tm);
	len = snprintf(whole, sizeof(whole), "%s ntpd[%d]: %s\n", stamp, (int)getpid(), line);
	return write_line(fd, whole, (size_t)len);
}

/* The socket of the system log, as syslog(3) has it but for the waiting. */
static int
connect_syslog(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd != -1 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void
close_syslog(void)
{
	if (log_state.socket != 0)
		close(log_state.socket - 1);
	log_state.socket = 0;
}

/* RFC 3164 section 4.1, as the local log takes it. */
static bool
send_line(enum log_level level, const char *line)
{
	struct tm tm;
	time_t now = time(NULL);
	char stamp[32], whole[STAMPED_MAX];
	int len;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	len = snprintf(whole, sizeof(whole), "<%d>%s %s[%d]: %s", LOG_DAEMON | syslog_priority[level], stamp, log_state.ident, (int)getpid(), line);
	/* A log that has been started anew is found again; one that is full is not waited for. */
	for (int tries = 0; tries < 2; tries++) {
		if (log_state.socket == 0)
			log_state.socket = connect_syslog() + 1;
		if (log_state.socket == 0)
			return false;
		if (send(log_state.socket - 1, whole, (size_t)len, MSG_NOSIGNAL) == len)
			return true;
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
			return false;
		close_syslog();
	}
	return false;
}

/* -1 with errno: no such file, or something that is none.  Opening waits for nobody. */
static int
open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	struct stat st;

	if (fd != -1 && (fstat(fd, &st) == -1 || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	return fd;
}

/* Has the file been renamed, deleted or replaced?  Then the next line goes to a new one, if there can be one. */
static void
follow_path(void)
{
	struct stat ours, there;
	int fd;

	if (fstat(log_state.fd - 1, &ours) == -1)
		return;
	if (stat(log_state.path, &there) == 0 && there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
		return;
	fd = open_file(log_state.path);
	if (fd == -1)
		return;
	close(log_state.fd - 1);
	log_state.fd = fd + 1;
}

static bool
deliver(enum log_level level, const char *line)
{
	if (log_state.syslog)
		return send_line(level, line);
	if (log_state.path[0] != '\0')
		follow_path();
	return print_line(log_state.fd != 0 ? log_state.fd - 1 : STDERR_FILENO, line);
}

/* What strangers, files and servers have put into a line reaches the log as printable text, and as one line. */
static void
make_printable(char *line)
{
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
}

static void
tell_lost(void)
{
	char line[64];

	if (log_state.lost == 0)
		return;
	snprintf(line, sizeof(line), "%u lines before this one could not be logged", log_state.lost);
	if (deliver(LOG_LEVEL_WARN, line))
		log_state.lost = 0;
}

static void PRINTF_LIKE(2, 0)
emit(enum log_level level, const char *fmt, va_list ap, int err)
{
	int saved = errno;
	char line[LINE_MAX_LEN];
	size_t len;

	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = '\0';
	len = strlen(line);
	if (err != 0)
		snprintf(line + len, sizeof(line) - len, ": %s", strerror(err));
	make_printable(line);
	pthread_mutex_lock(&log_lock);
	tell_lost();
	if (log_state.lost > 0 || !deliver(level, line))
		log_state.lost++;
	if (log_state.copy && (log_state.syslog || log_state.fd != 0))
		print_line(STDERR_FILENO, line);
	pthread_mutex_unlock(&log_lock);
	errno = saved;
}

/* --- choosing them ------------------------------------------------------------------------- */

int
log_to_file(const char *path)
{
	bool named = strcmp(path, "stderr") != 0 && strcmp(path, "stdout") != 0;
	int fd = strcmp(path, "stdout") == 0 ? STDOUT_FILENO : -1;

	if (named) {
		if (strlen(path) >= sizeof(log_state.path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = open_file(path);
		if (fd == -1)
			return -1;
	}
	pthread_mutex_lock(&log_lock);
	if (log_state.path[0] != '\0')
		close(log_state.fd - 1);
	close_syslog();
	snprintf(log_state.path, sizeof(log_state.path), "%s", named ? path : "");
	log_state.fd = fd + 1;
	log_state.syslog = false;
	pthread_mutex_unlock(&log_lock);
	return 0;
}

void
log_to_syslog(const char *ident)
{
	log_state.ident = ident;
	log_state.syslog = true;
	/* Before the root directory changes. */
	if (log_state.socket == 0)
		log_state.socket = connect_syslog() + 1;
}

void
log_copy_to_stderr(bool on)
{
	log_state.copy = on;
}

void
log_reopen(void)
{
	char path[PATH_MAX];

	if (log_state.path[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%s", log_state.path);
	if (log_to_file(path) == -1)
		log_warn("log file %s cannot be opened again, going on with the old one", path);
}

void
log_set_debug(int level)
{
	log_state.debug = level > 0 ? level : 0;
}

int
log_debug_level(void)
{
	return log_state.debug;
}

void
log_set_classes(unsigned bits)
{
	log_state.classes = bits;
}

bool
log_wants(unsigned bits)
{
	return (log_state.classes & bits) != 0;
}

/* --- lines --------------------------------------------------------------------------------- */

#define LOG_FUNCTION(name, level, err)	\
void					\
name(const char *fmt, ...)		\
{					\
	va_list ap;			\
					\
	va_start(ap, fmt);		\
	emit(level, fmt, ap, err);	\
	va_end(ap);			\
}

LOG_FUNCTION(log_err, LOG_LEVEL_ERR, errno)
LOG_FUNCTION(log_errx, LOG_LEVEL_ERR, 0)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN, errno)
LOG_FUNCTION(log_warnx, LOG_LEVEL_WARN, 0)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO, 0)

void
log_of(unsigned bits, const char *fmt, ...)
{
	va_list ap;

	if (!log_wants(bits) && log_state.debug == 0)
		return;
	va_start(ap, fmt);
	emit(log_wants(bits) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, fmt, ap, 0);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (log_state.debug == 0)
		return;
	va_start(ap, fmt);
	emit(LOG_LEVEL_DEBUG, fmt, ap, 0);
	va_end(ap);
}

bool
log_gate_open(struct log_gate *g, struct monotime now, unsigned *held)
{
	if (g->next.ns != 0 && monotime_before(now, g->next)) {
		g->held++;
		return false;
	}
	*held = g->held;
	g->held = 0;
	g->next = monotime_add(now, GATE_INTERVAL);
	return true;
}

bool
log_ration(struct log_ration *r, struct monotime now, unsigned most, unsigned *held)
{
	*held = 0;
	if (r->until.ns == 0 || !monotime_before(now, r->until)) {
		*held = r->held;
		*r = (struct log_ration){ .until = monotime_add(now, GATE_INTERVAL) };
	}
	if (r->used == most) {
		r->held++;
		return false;
	}
	r->used++;
	return true;
}
