/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of gpsd's two ways of telling the time counts: by the serial line, or by the pulse. */
#ifndef REFCLOCK_GPSD_CHOICE_H
#define REFCLOCK_GPSD_CHOICE_H

#include <stdbool.h>

#include "base/must_use.h"
#include "base/time.h"

enum gpsd_mode {
	GPSD_SERIAL,		/* always the serial line */
	GPSD_PULSE,		/* always the pulse */
	GPSD_AUTO,		/* the pulse, once there has been one for 40 s, until there has been none for 120 s */
};

/* Begins with the mode, and zeros. */
struct gpsd_choice {
	enum gpsd_mode	mode;
	bool		by_pulse;		/* GPSD_AUTO: the pulse counts */
	struct monotime	pulse, since;		/* last pulse, 0 = none, and the first of its series */
};

/* Does what the serial line says now count?  now must not run backwards between calls of either. */
MUST_USE bool gpsd_choice_serial(struct gpsd_choice *c, struct monotime now);

/* A pulse came: does it count? */
MUST_USE bool gpsd_choice_pulse(struct gpsd_choice *c, struct monotime now);

#endif
