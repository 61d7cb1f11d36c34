/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system process (RFC 5905 section 11): from all associations to one decision about our clock and one snapshot of ourselves.
 *
 * Pure, as the association is: the daemon and the simulator call it and carry out what it decides.
 */
#ifndef CLIENT_SYSTEM_H
#define CLIENT_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "client/assoc.h"
#include "engine/discipline.h"
#include "engine/leap.h"
#include "engine/select.h"
#include "engine/sysvars.h"

#define SYSTEM_ASSOCS_MAX	256	/* that take part in one selection */

struct system {
	struct select_opts	select;
	struct discipline	discipline;
	struct sysvars		vars;
	struct monotime		start;		/* of the daemon */
	struct monotime		lost;		/* since when there has been no system peer; 0 = there is one, or never was */
	bool			steer;		/* false: disable ntp, the clock is left alone and we never count as synchronised */
	bool			resort;		/* orphanwait is over, and there has been no source since: LOCAL, an orphan or we ourselves must do */
	bool			alone;		/* we serve our own time: as orphan parent (vars.peer 0), or by LOCAL */
	bool			opened;		/* the first selection has been made: sources are not waited for any more */
	uint8_t			event, events;	/* as in the system status word */
	unsigned		truechimers, survivors;	/* of the last selection */
	const struct leap_table	*leaps;		/* leap file, borrowed; NULL = none */
	double			smear;		/* s, over which inserted seconds are smeared for clients; 0 = they are not */
	bool			leap_by_hand;	/* the clock does not make leap seconds by itself */
	struct leap_second	armed;		/* the one announced; step 0 = none */
	struct walltime		leapt;		/* the midnight after the last one made, 0 = none since start */
	bool			tai_lost;	/* one was made that the leap file does not know */
};

/* What has happened; bits of system_out.what. */
enum system_action {
	SYSTEM_DECISION = 0x01,		/* carry decision out, then call system_done */
	SYSTEM_SYSPEER = 0x02,		/* the system peer is another */
	SYSTEM_SYNC = 0x04,		/* we count as synchronised from now on */
	SYSTEM_LOST = 0x08,		/* we do not any more */
	SYSTEM_NO_MAJORITY = 0x10,	/* sources there are, but no majority of them agrees */
	SYSTEM_TOO_FEW = 0x20,		/* fewer truechimers than minsane */
	SYSTEM_OWN = 0x40,		/* we serve our own time: call system_own_time */
	SYSTEM_ALONE = 0x80,		/* … from now on */
	SYSTEM_LEAP_ARMED = 0x100,	/* a leap second is announced … */
	SYSTEM_LEAP_DISARMED = 0x200,	/* … not any more, without having been … */
	SYSTEM_LEAPT = 0x400,		/* … and now it is over */
	SYSTEM_TAI = 0x800,		/* TAI - UTC is another, or known for the first time */
	SYSTEM_SPIKE = 0x1000,		/* an offset beyond the step threshold has been met, which may be a spike */
	SYSTEM_FREQ_MODE = 0x2000,	/* the frequency of our oscillator is being measured from now on */
};

struct system_out {
	unsigned	what;
	struct decision	decision;
	double		wait;		/* s until system_update is due even if no association has news; < 0: not */
	int		leap;		/* s to be put in (1) or left out (-1) by sysclock_leap at once; 0 = nothing */
};

void system_init(struct system *s, const struct select_opts *so, const struct discipline_opts *d, struct monotime now, int8_t precision,
    bool have_freq, double freq);

/*
 * Selection over a[0 … n), which changes their tallies, and the discipline.  steered is that of our clock at now.
 */
void system_update(struct system *s, struct assoc *const a[], size_t n, const struct own_refids *own, struct monotime now, double steered,
    struct system_out *out);

/*
 * The decision has been carried out at now, wall by our clock: the snapshot is brought up to date.  ok is false if the clock refused; we then
 * do not count as synchronised.
 */
void system_done(struct system *s, struct assoc *const a[], size_t n, const struct decision *d, bool ok, struct monotime now, struct walltime wall,
    struct system_out *out);

/* We serve our own time, and it is now wall by our clock. */
void system_own_time(struct system *s, struct walltime wall);

/*
 * Leap seconds: announces the next one in its last day, and ends the announcement when it is over.  What the leap file says counts while it has not
 * expired; otherwise the survivors' votes do, on days that can have one.  Call after system_update and system_done, with the same *out: adds to what,
 * shortens wait.
 */
void system_leap(struct system *s, struct assoc *const a[], size_t n, struct monotime now, struct walltime wall, struct system_out *out);

/* Someone else has set the clock, or the machine slept. */
void system_disturbed(struct system *s, struct monotime now);

/* Counts an event (enum sys_event of wire/control.h) for the system status word. */
void system_event(struct system *s, int event);

#endif
