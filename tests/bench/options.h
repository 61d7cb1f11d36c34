/* SPDX-License-Identifier: BSD-2-Clause */
/* What the load generator is told: load [-OPTION ...] ADDRESS.  Besides what stands here, -c CPU pins it and -p PORT is the server's. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

struct options {
	double		seconds, warm_up;	/* -t -u, s */
	uint64_t	count;			/* -n: requests at most */
	uint32_t	window;			/* -w */
	double		rate;			/* -r, 1/s; 0 = closed loop */
	uint32_t	clients, first;		/* -k -f */
	long		pid;			/* -P: of the server, whose CPU time is read; 0 = not */
	bool		v6, interleaved;	/* by the address asked; -i */
	const char	*sign, *flood;		/* -a -x; NULL = not */
	struct sockaddr_storage server;
	socklen_t	server_len;
};

/* False if the command line is wrong.  Pins the process where it says so. */
bool options_parse(struct options *o, int argc, char **argv);

void options_usage(void);

#endif
