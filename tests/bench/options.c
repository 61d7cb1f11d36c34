/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the command line of the load generator. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

enum { WINDOW_MAX = 1 << 16, CLIENTS_MAX = 1 << 24 };

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("sched_setaffinity");
		exit(1);
	}
}

static bool
parse_server(struct options *o, const char *addr, long port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	o->v6 = strchr(addr, ':') != NULL;
	if (o->v6) {
		o->server_len = sizeof(sin6);
		if (inet_pton(AF_INET6, addr, &sin6.sin6_addr) != 1)
			return false;
		memcpy(&o->server, &sin6, sizeof(sin6));
	} else {
		o->server_len = sizeof(sin);
		if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1)
			return false;
		memcpy(&o->server, &sin, sizeof(sin));
	}
	return true;
}

static bool
options_fit(const struct options *o)
{
	return o->seconds > 0 && o->warm_up >= 0 && o->window > 0 && o->window <= WINDOW_MAX && o->rate >= 0 && o->clients > 0 &&
	    o->clients <= CLIENTS_MAX && o->first <= CLIENTS_MAX && o->pid >= 0;
}

bool
options_parse(struct options *o, int argc, char **argv)
{
	long port = 123;
	int c;

	*o = (struct options){ .seconds = 1, .count = UINT64_MAX, .window = 128, .clients = 1000 };
	while ((c = getopt(argc, argv, "c:p:t:u:n:w:r:k:f:P:a:ix:")) != -1) {
		switch (c) {
		case 'c': pin(atoi(optarg)); break;
		case 'p': port = strtol(optarg, NULL, 10); break;
		case 't': o->seconds = strtod(optarg, NULL); break;
		case 'u': o->warm_up = strtod(optarg, NULL); break;
		case 'n': o->count = strtoull(optarg, NULL, 10); break;
		case 'w': o->window = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'r': o->rate = strtod(optarg, NULL); break;
		case 'k': o->clients = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'f': o->first = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'P': o->pid = strtol(optarg, NULL, 10); break;
		case 'a': o->sign = optarg; break;
		case 'i': o->interleaved = true; break;
		case 'x': o->flood = optarg; break;
		default: return false;
		}
	}
	return optind == argc - 1 && port > 0 && port <= UINT16_MAX && parse_server(o, argv[optind], port) && options_fit(o);
}

void
options_usage(void)
{
	fprintf(stderr, "usage: load [-c CPU] [-p PORT] [-t SECONDS] [-u SECONDS] [-n COUNT] [-w WINDOW] [-r RATE]\n"
	    "            [-k CLIENTS] [-f FIRST] [-P PID] [-a TYPE:NUMBER:HEX] [-i] [-x FLOOD] ADDRESS\n");
}
