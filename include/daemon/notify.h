/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells the service manager how we are (the sd_notify protocol: one datagram to $NOTIFY_SOCKET).
 *
 * Written here rather than taken from libsystemd: it is one sendto, and a library loaded into a daemon that can set the clock, with
 * all that it loads in turn, costs more trust than these lines do.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* "READY=1", "STATUS=…", "STOPPING=1" …; several assignments are separated by newlines.  Does nothing without a service manager. */
void notify_manager(const char *state);

/* Seconds within which the service manager wants to hear "WATCHDOG=1" again and again; 0: it does not. */
double notify_watchdog(void);

#endif
