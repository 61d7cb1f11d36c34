/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's log: stderr, a file or syslog.
 *
 * A line says what, who, value and consequence.  log_warn and log_err append strerror(errno), the x forms do not; all
 * preserve errno.  The log belongs to the process as stderr does, and is the only state kept outside the root struct.
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

/* Closes and opens the log file again, so that rotation works.  Nothing to do for other targets. */
void log_reopen(void);

/* 0 (default) hides log_debug; 1 and above show it. */
void log_set_debug(int level);
int log_debug_level(void);

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

#endif
