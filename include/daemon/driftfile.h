/* SPDX-License-Identifier: BSD-2-Clause */
/* The drift file: one line, the frequency in ppm, positive for a clock that runs slow and is sped up. */
#ifndef DAEMON_DRIFTFILE_H
#define DAEMON_DRIFTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"

enum drift_err {
	DRIFT_OK,
	DRIFT_ABSENT,		/* no such file: nothing has been measured yet */
	DRIFT_UNREADABLE,	/* errno says why */
	DRIFT_GARBAGE,		/* no number, or not within 500 ppm */
};

/* Reads the first number; what follows it does not count.  *freq is in s/s. */
MUST_USE enum drift_err driftfile_read(const char *path, double *freq);

/* Replaces the file as a whole, or leaves it as it is: -1 with errno. */
MUST_USE int driftfile_write(const char *path, double freq);

/*
 * Whether a frequency is worth a write: it differs from the one on file by at least *threshold (all in s/s).  Each time it is not, the
 * threshold is halved: the longer nothing was written, the less is enough.
 */
MUST_USE bool driftfile_due(double freq, double on_file, double *threshold);

#endif
