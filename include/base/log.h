/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's log: stderr, a file or syslog.
 *
 * A line says what, who, value and consequence.  log_warn and log_err append strerror(errno), the x forms do not; all
 * preserve errno.  The log belongs to the process as stderr does, and is the only state kept outside the root struct.
 *
 * Nobody is waited for: a line that a full or broken target does not take at once is dropped and counted, and the count is the next line that it takes.
 * SIGPIPE must be ignored.  What is not printable comes out as ?.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/must_use.h"
#include "base/time.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Sends lines to stderr ("stderr"), stdout ("stdout") or a file that is appended to.  -1 with errno if it cannot be opened; the old target stays. */
MUST_USE int log_to_file(const char *path);

/* Sends lines to syslog, facility daemon, under the given ident (kept by reference). */
void log_to_syslog(const char *ident);

/* Copies each line to stderr too (start-up in the foreground), or stops doing so. */
void log_copy_to_stderr(bool on);

/* Closes and opens the log file again.  Rotation works without, too: before each line the path is looked at.  Nothing to do for other targets. */
void log_reopen(void);

/* 0 (default) hides log_debug; 1 and above show it. */
void log_set_debug(int level);
int log_debug_level(void);

/*
 * Lines that are only wanted by some, by class and type (logconfig).  Errors and warnings are not asked: they are always written.
 */
enum log_class { LOG_CLASS_CLOCK, LOG_CLASS_PEER, LOG_CLASS_SYNC, LOG_CLASS_SYS, LOG_CLASSES };
enum log_type { LOG_TYPE_INFO, LOG_TYPE_EVENTS, LOG_TYPE_STATISTICS, LOG_TYPE_STATUS, LOG_TYPES };
#define LOG_BIT(class, type)	(1u << ((class) * LOG_TYPES + (type)))
#define LOG_CLASSES_DEFAULT	(0xfu * LOG_BIT(LOG_CLASS_SYNC, 0))	/* all of sync, as in ntpd */

/* What the daemon says of its sources and its clock concerns the synchronisation, too. */
#define LOG_PEER_INFO	(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_INFO) | LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_INFO))
#define LOG_PEER_STATUS	(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_STATUS) | LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATUS))
#define LOG_CLOCK_INFO	(LOG_BIT(LOG_CLASS_CLOCK, LOG_TYPE_INFO) | LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_INFO))
#define LOG_CLOCK_EVENT	(LOG_BIT(LOG_CLASS_CLOCK, LOG_TYPE_EVENTS) | LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_EVENTS))
#define LOG_SYNC_STATUS	LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATUS)

/* Which ones are written; and whether any of these is. */
void log_set_classes(unsigned bits);
bool log_wants(unsigned bits);

/* A line of log_info for those who want one of these LOG_BIT()s; for others it is one of log_debug. */
void log_of(unsigned bits, const char *fmt, ...) PRINTF_LIKE(2, 3);

void log_err(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_errx(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warnx(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Lines that strangers or lasting faults can provoke: one a minute per gate.  Zero-initialise a gate per cause.
 * Returns true if the line may be written now; *held is then how many were kept back since the last one.
 */
struct log_gate {
	struct monotime	next;
	unsigned	held;
};
bool log_gate_open(struct log_gate *g, struct monotime now, unsigned *held);

/* The same for lines that come in bursts: so many a minute.  *held is that of the minute before, told once. */
struct log_ration {
	struct monotime	until;
	unsigned	used, held;
};
bool log_ration(struct log_ration *r, struct monotime now, unsigned most, unsigned *held);

#endif
