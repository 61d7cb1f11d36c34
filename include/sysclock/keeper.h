/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper: who alone may touch the kernel's clock, in a process of its own, and does as it is told only within bounds.
 *
 * At one end of a SOCK_SEQPACKET socket sits the daemon, which parses what strangers send and has no right to set a clock; at the other the keeper,
 * which has that right and parses nothing but orders of 64 octets.  The first order takes the clock over and names the bounds; it is given before the
 * daemon has read a packet, and once in a keeper's life.  From then on the keeper judges by its own memory and its own clocks:
 *
 *	frequency	500 ppm.  More is less: it is clamped.
 *	slew		slew_start for as long as all slews faster than slew_max come to no more than the panic threshold within a day, slew_max
 *			after that.  Clamped, and the daemon learns what was done.  It ends by itself if nobody ends it.
 *	step		the first one at any time, any later one stepout after the one before; all of a day together no more than the panic
 *			threshold, but for the very first correction where panic_once is set; never to a time before not_before.  Refused (EPERM).
 *	state		leap flags, errors and TAI as told.
 *
 * So a daemon in bad hands moves the clock by the panic threshold twice a day (steps, fast slews), 43 s by slow slews, 43 s by its frequency, and a
 * leap second.  Where panic_once is set, the window up to the first correction stays open: seconds after start, and whoever cannot have that starts
 * without -g.
 *
 * When the daemon ends, however it ends, the socket does, and with it a slew under way: the kernel is left at the frequency last ordered.
 * An order that cannot be understood is an end, too.
 */
#ifndef SYSCLOCK_KEEPER_H
#define SYSCLOCK_KEEPER_H

#include <stdbool.h>

#include "base/must_use.h"
#include "base/time.h"

#define KEEPER_GRACE	1.0	/* s after its end at which the keeper ends a slew; a loop in good health is never so late */

struct clock_bounds {
	double		panic;		/* s; 0 = none */
	double		stepout;	/* s */
	double		slew_max;	/* s/s */
	double		slew_start;	/* s/s */
	bool		panic_once;
	struct walltime	not_before;
};

struct keeper;

/* Allocates all it will ever need.  NULL with errno. */
MUST_USE struct keeper *keeper_new(void);
void keeper_free(struct keeper *k);

/*
 * Obeys until the other end is closed or does not make sense, then ends a slew under way and returns.  From here on it makes only these system calls:
 * poll, recvfrom, sendto, clock_gettime, clock_adjtime (adjtimex).
 */
void keeper_serve(struct keeper *k, int fd);

#endif
