/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of files of one kind, of which the name says the period: "peerstats.20260102" today, another one tomorrow.
 *
 * A record is appended whole or not at all, and a file that cannot be written costs a line in the log, never more: its records are
 * dropped until it can be.  Files of others are never written through a link, and directories are never made.
 */
#ifndef STATS_FILEGEN_H
#define STATS_FILEGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/must_use.h"
#include "base/time.h"

#define FILEGEN_FILE_MAX	256	/* octets of a bare name, with NUL */

/* When a new file begins. */
enum filegen_type { FILEGEN_NONE, FILEGEN_PID, FILEGEN_DAY, FILEGEN_WEEK, FILEGEN_MONTH, FILEGEN_YEAR, FILEGEN_AGE, FILEGEN_TYPES };

struct filegen_opts {
	char			file[FILEGEN_FILE_MAX];	/* bare name, behind the directory */
	enum filegen_type	type;
	bool			link;		/* the bare name is a hard link to the newest file */
	bool			enabled;
};

/* The type that ntp.conf calls so; false if there is none. */
MUST_USE bool filegen_type_of(const char *name, enum filegen_type *out);

/* Can it be a bare name: not empty, not too long, naming a file, and never climbing by ".."? */
bool filegen_name_ok(const char *name);

/* What the name of a file depends on. */
struct filegen_at {
	struct walltime	wall;
	struct monotime	mono;
	double		uptime;		/* s, of the daemon */
	pid_t		pid;
};

/*
 * Writes the suffix of that type, "" or ".20260102", into buf; the times are UTC, weeks are those of ISO 8601.  Returns its length.
 */
#define FILEGEN_SUFFIX_MAX	40
size_t filegen_suffix(char buf[static FILEGEN_SUFFIX_MAX], enum filegen_type type, const struct filegen_at *at);

struct filegen {
	struct filegen_opts	opts;
	dev_t			dev;		/* the file written last … */
	ino_t			ino;		/* … is known to be ours; 0 = none yet */
	unsigned		saved;		/* files put aside for standing in the way of a link */
	struct log_gate		gate, link_gate;
};

/* New options, at start and later. */
void filegen_set(struct filegen *g, const struct filegen_opts *o);

/*
 * Appends a record, newline and all, to the file of now in dir (with a slash at its end).  Does nothing if the set is not enabled.  Returns whether the
 * record is in the file; if not, the log has been told, once an hour.
 */
bool filegen_append(struct filegen *g, const char *dir, const struct filegen_at *at, const char *record, size_t len);

#endif
