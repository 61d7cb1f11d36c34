/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats a line once and hands it to stderr, a file or syslog. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_MAX_LEN	1024
#define GATE_INTERVAL	60.0	/* s */

static struct {
	FILE		*file;		/* NULL = stderr */
	char		 path[PATH_MAX];	/* of file, empty if it is no file of ours */
	const char	*ident;
	bool		 syslog, copy;
	int		 debug;
} log_state;

/* Worker threads have next to nothing to say, but may. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static const int syslog_priority[] = {
	[LOG_LEVEL_ERR] = LOG_ERR,
	[LOG_LEVEL_WARN] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

static void
print_line(FILE *f, const char *line)
{
	struct tm tm;
	time_t now = time(NULL);
	char stamp[32];

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%e %b %H:%M:%S", &tm);
	fprintf(f, "%s ntpd[%d]: %s\n", stamp, (int)getpid(), line);
	fflush(f);
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
	pthread_mutex_lock(&log_lock);
	if (log_state.syslog)
		syslog(syslog_priority[level], "%s", line);
	else
		print_line(log_state.file != NULL ? log_state.file : stderr, line);
	if (log_state.copy && (log_state.syslog || log_state.file != NULL))
		print_line(stderr, line);
	pthread_mutex_unlock(&log_lock);
	errno = saved;
}

int
log_to_file(const char *path)
{
	FILE *f = NULL;
	bool named = strcmp(path, "stderr") != 0 && strcmp(path, "stdout") != 0;

	if (named) {
		if (strlen(path) >= sizeof(log_state.path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		f = fopen(path, "ae");
		if (f == NULL)
			return -1;
	} else if (strcmp(path, "stdout") == 0) {
		f = stdout;
	}
	pthread_mutex_lock(&log_lock);
	if (log_state.path[0] != '\0')
		fclose(log_state.file);
	snprintf(log_state.path, sizeof(log_state.path), "%s", named ? path : "");
	log_state.file = f;
	log_state.syslog = false;
	pthread_mutex_unlock(&log_lock);
	return 0;
}

void
log_to_syslog(const char *ident)
{
	openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log_state.ident = ident;
	log_state.syslog = true;
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
