/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock process: the keeper of the kernel's clock (sysclock/keeper.h), apart from the process that parses packets.
 *
 * Why two.  One process was what this house began with: what a split guards is bounded by what the discipline may do anyway, and capabilities make the
 * step from root without one.  What has changed the decision:
 *
 *   - The bounds have become narrow.  Since the steps of a day are summed, an honest daemon moves the clock by no more than the panic threshold a
 *     day.  One process holds wrong sources to that, but not somebody who executes code in it: he has CAP_SYS_TIME, and with it any time he likes.
 *     The keeper holds him to twice the threshold and 87 s a day (2087 s by default), from which no certificate expires and no log loses its order.
 *   - The parsing process now has neither CAP_SYS_TIME nor the system calls; the clock process has nothing but them: no file, no
 *     network, no socket to be made, no memory to be had.  Each is a small thing to reason about.
 *   - The price is small.  An order and its answer took 20 us at the median on a machine with four busy processes for each processor, some ten
 *     times a minute, and up to 0.2 s where the scheduler would have it so; but the answer says when the kernel changed over, so that none of this is an
 *     error of the offset, where before the unknown moment of the call was.  Reading the clock needs no order.  The process has 80 kB of its own.
 *   - systemd 252 rates the unit that faces the network 1.5, where 1.6 is the least with CAP_SYS_TIME; and the clock's own unit 1.0.
 *
 * How they meet.  Started by hand, ntpd forks the clock process before it has opened a port or read a key; they share a socket pair.  Under systemd
 * there are two units, as a unit's rights are those of all its processes: ntpd-clock.service runs `ntpd --serve-clock=SOCKET' and ntpd.service `ntpd
 * --clock=SOCKET'.  The socket hears one daemon of its own user, once, and is then gone: a daemon that has been taken over cannot come
 * back for new bounds.  For the same reason systemd does not listen in its place.
 *
 * Neither outlives the other: the clock process ends when the daemon does, after it has ended a slew; the daemon ends with EXIT_CLOCK when the
 * clock process does.
 */
#ifndef DAEMON_CLOCKPROC_H
#define DAEMON_CLOCKPROC_H

#include "base/must_use.h"
#include "daemon/options.h"

/*
 * The link to a clock process: the one that --clock names, or a new one, confined as the options say.  For a process with one thread, with
 * all rights it will ever have.  -1 with a line in the log.
 */
MUST_USE int clockproc_link(const struct options *o);

/* --serve-clock: is the clock process, for one daemon.  Returns the exit status. */
MUST_USE int clockproc_serve(const struct options *o);

#endif
