/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sandbox: from here on the process, in all of its threads, makes only the system calls that a running ntpd makes.
 *
 * What it is for.  Whoever takes over the part that parses packets has the rights of this process.  privilege.c makes these few: a user
 * of its own, CAP_SYS_TIME, CAP_NET_BIND_SERVICE.  The filter takes away what any user may do: start programs, trace, make code of data,
 * open raw or other exotic sockets, and most of the kernel's surface where the next hole is looked for.
 *
 * One process or two.  OpenNTPD splits: an unprivileged engine parses packets and asks a privileged parent, over a pipe, to move the
 * clock.  It was weighed for this house, and left at one process, for these reasons:
 *
 *   - What the split guards is little here.  The clock process must believe its engine within bounds, and the bounds that do not break
 *     ntpd's contract are wide: a first step of any size (-g), any later one up to the panic threshold (1000 s) as often as the step-out
 *     time allows (every 300 s), a frequency within 500 ppm, a slew of 1 % after start.  An engine in bad hands moves the clock by 3.3 s
 *     per second inside these bounds.  Tighter ones (a budget per day, say) can be had only by refusing what tinker lets the operator ask
 *     for, and they hold as well when checked in one process against all but code execution.
 *   - OpenNTPD's parent is root for good, since it sets the clock by root's right.  Ours has no root after start: with capabilities one
 *     right can be kept without the others, so the step from root to user, which was the first reason to split, is had without a split.
 *     What a taken-over process may do to the machine is the same in both designs: set the clock and bind low ports.
 *   - The clock's room reads the clock several times for each packet and steers it at each update, and a step must reach every holder of
 *     old samples before the next packet is looked at.  Over a pipe that becomes a protocol with its own failures: a peer that died, a
 *     request under way, a step whose time is not known.
 *
 * What speaks for the split is a number: systemd 252 rates the exposure of a service that both has the network and may set the clock at 1.6
 * at the very best (systemd/ntpd.service: 2.0), and of the network side alone at 1.5.
 *
 * So: one process, bounds in the discipline (panic, stepout, 500 ppm), and the filter.  If a part comes that parses much more than 48
 * octets from strangers (NTS with its TLS is the candidate), that part should become the second process, with neither clock nor keys.
 *
 * How it kills.  A forbidden call raises SIGSYS instead of being made.  The handler names the call on stderr and in the log, and
 * dies of the same signal, so that the service manager sees a crash.  The handler cannot be replaced (the filter allows no
 * rt_sigaction for SIGSYS), and where the signal is blocked or comes a second time, the kernel kills by itself.  Memory that is to be
 * executable is refused with EACCES instead, and so are stream sockets to the network: libraries that try (a name service module, an
 * OpenSSL provider, a resolver that would repeat a long answer over TCP) then go on without.
 *
 * Files.  A filter sees numbers, not paths: which files may be opened is decided by the user that we are, by the service unit's
 * ProtectSystem= and by the AppArmor profile.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include "base/must_use.h"

enum sandbox_err {
	SANDBOX_OK,
	SANDBOX_ABSENT,		/* this kernel, or whoever confines us already, has no filters for us; or a sanitizer is built in, which needs more */
	SANDBOX_FAILED,		/* errno says why */
};

/*
 * Installs the filter for all threads, for good.  Needs no right, and sets no_new_privs.  logfile is where a forbidden call
 * is named besides on stderr: a path, or NULL for syslog.  clocks are bits of enum refclock_need: what the reference clocks in use need is allowed, too.  No thread can be started later, no program, no process.
 */
MUST_USE enum sandbox_err sandbox_enter(const char *logfile, unsigned clocks);

#endif
