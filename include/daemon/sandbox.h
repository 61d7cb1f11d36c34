/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sandbox: from here on the process, in all of its threads, makes only the system calls that a running ntpd makes.
 *
 * What it is for.  Whoever takes over the part that parses packets has the rights of this process.  privilege.c makes these few: a user
 * of its own, CAP_NET_BIND_SERVICE.  The filter takes away what any user may do: start programs, trace, make code of data,
 * open raw or other exotic sockets, and most of the kernel's surface where the next hole is looked for.  No call that can set a clock
 * is among those allowed: setting the clock is done by another process, why and how is told in daemon/clockproc.h.
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

#include <stdbool.h>

#include "base/must_use.h"

#define SANDBOX_NTS	0x8000	/* beside the bits of enum refclock_need: TCP to and from the network, for key exchanges of NTS */

enum sandbox_err {
	SANDBOX_OK,
	SANDBOX_ABSENT,		/* this kernel, or whoever confines us already, has no filters for us; or a sanitizer is built in, which needs more */
	SANDBOX_FAILED,		/* errno says why */
};

/*
 * Installs the filter for all threads, for good.  Needs no right, and sets no_new_privs.  logfile is where a forbidden call
 * is named besides on stderr: a path, or NULL for syslog.  clocks are bits of enum refclock_need: what the reference clocks in use need is allowed, too; SANDBOX_NTS
 * beside them what key exchanges need.
 * asks_kernel: what the kernel says of its clock is asked here (adjtimex with modes 0), as there is no clock process to ask.  No thread can be started
 * later, no program, no process.
 */
MUST_USE enum sandbox_err sandbox_enter(const char *logfile, unsigned clocks, bool asks_kernel);

/* The same for the clock process, which makes seven system calls in all.  A forbidden one kills without last words, as there is no log. */
MUST_USE enum sandbox_err sandbox_enter_clock(void);

#endif
