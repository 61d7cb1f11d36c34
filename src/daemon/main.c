/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpd: reads its command line and hands over to the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config.h"
#include "daemon/clockproc.h"
#include "daemon/daemon.h"
#include "daemon/options.h"

#define COMMAND_LEN	1024

static void
join_command(char line[static COMMAND_LEN], int argc, char *argv[])
{
	size_t len = 0;

	line[0] = '\0';
	for (int i = 0; i < argc && len < COMMAND_LEN; i++)
		len += (size_t)snprintf(line + len, COMMAND_LEN - len, "%s%s", i > 0 ? " " : "", argv[i]);
}

int
main(int argc, char *argv[])
{
	struct options o;
	char command[COMMAND_LEN];
	mode_t mask = umask(022);

	/* Files of ours are never writable by others, but may be as private as whoever starts us wants. */
	if (mask != 0)
		umask(mask | 022);
	switch (options_parse(&o, argc, argv)) {
	case OPTIONS_HELP:
		options_usage();
		return 0;
	case OPTIONS_VERSION:
		printf("ntpd truechimer-%s\n", VERSION);
		return 0;
	case OPTIONS_DUMP:
		options_dump(&o);
		return 0;
	case OPTIONS_CHECK:
		return config_check(o.configfile != NULL ? o.configfile : SYSCONFDIR "/ntp.conf", stdout);
	case OPTIONS_BAD:
		return 1;
	case OPTIONS_RUN:
		break;
	}
	if (o.serve_clock != NULL)
		return clockproc_serve(&o);
	join_command(command, argc, argv);
	return daemon_run(&o, command);
}
