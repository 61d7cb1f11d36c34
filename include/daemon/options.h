/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ntpd. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"

#define OPTIONS_LIST_MAX	64	/* -I, -t and --var given this often at most */

enum options_verdict {
	OPTIONS_RUN,
	OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_CHECK, OPTIONS_DUMP,	/* print and exit 0 */
	OPTIONS_BAD,		/* a message is on stderr: exit 1 */
};

struct options {
	const char	*configfile, *driftfile, *logfile, *pidfile, *statsdir, *keyfile, *saveconfig;	/* NULL = as the file says */
	const char	*user, *jaildir;
	const char	*clock, *serve_clock;	/* sockets of the clock process; NULL = not said */
	const char	*interface[OPTIONS_LIST_MAX];	/* -I */
	size_t		 ninterface;
	const char	*var[OPTIONS_LIST_MAX];		/* --var and --dvar, NAME=VALUE */
	bool		 var_default[OPTIONS_LIST_MAX];
	size_t		 nvar;
	uint16_t	 trusted[OPTIONS_LIST_MAX];	/* -t, key ids */
	size_t		 ntrusted;
	char *const	*server;	/* arguments: servers */
	size_t		 nserver;
	int		 ipv4, ipv6;	/* -4, -6 */
	int		 nofork, quit, panicgate, force_step, slew, novirtual, nice, software_clock;
	int		 authreq, authnoreq, bcastsync;
	double		 propagation_delay;	/* s; 0 = as the file says */
	int		 sandbox, no_sandbox;	/* neither = if privileged */
	int		 debug;
	int		 priority;	/* 0 = as it is */
	double		 update_interval;	/* s */
	double		 wait_sync;	/* s, 0 = do not wait */
};

/* argv stays in use by *o. */
MUST_USE enum options_verdict options_parse(struct options *o, int argc, char *argv[]);

void options_usage(void);
void options_dump(const struct options *o);

#endif
