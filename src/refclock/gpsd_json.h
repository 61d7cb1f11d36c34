/* SPDX-License-Identifier: BSD-2-Clause */
/* What gpsd reports, one JSON object a line, as far as it concerns the time. */
#ifndef REFCLOCK_GPSD_JSON_H
#define REFCLOCK_GPSD_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "base/time.h"

#define GPSD_DEVICE_MAX	108	/* of a device's name with its NUL; longer ones are cut */
#define GPSD_DEPTH_MAX	16	/* arrays and objects within each other */

enum gpsd_class {
	GPSD_OTHER,
	GPSD_VERSION,
	GPSD_TPV,		/* position and time of a fix */
	GPSD_TOFF,		/* time by the serial line, with when it was read */
	GPSD_PPS,		/* the same by the pulse */
};

struct gpsd_report {
	enum gpsd_class	class;
	char		device[GPSD_DEVICE_MAX];	/* "" = it says none */
	int		mode;		/* of TPV: 0, 1 = no fix */
	bool		have_time;	/* of TPV: */
	struct walltime	time;
	bool		have_pair;	/* of TOFF and PPS: */
	struct walltime	real, clock;	/* what it was, and when, by the host's clock */
	int		precision;	/* log2 s; 0 = it says none */
};

/* False if the line is no JSON object.  What is in it but makes no sense is left out of *out, which is written on success only. */
MUST_USE bool gpsd_parse(const char *s, size_t len, struct gpsd_report *out);

#endif
