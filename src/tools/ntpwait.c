/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpwait: waits until this machine's NTP daemon is synchronised, so that what needs the right time can start after it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ntp.h"
#include "base/time.h"
#include "foreign.h"
#include "query.h"
#include "vars.h"
#include "version.h"

#define EXIT_FOREIGN	2	/* the daemon here will never answer */
#define EXIT_USAGE	2
#define ANSWER_MS	1000	/* the daemon is on this machine: it answers at once or not at all */
#define ANSWER_MORE_MS	500
#define SILENT_TRIES	3
#define COUNT_MAX	1000000000

struct wait { unsigned long tries, sleep; bool verbose; };

enum state { STATE_SYNCHRONISED, STATE_NOT_YET, STATE_SILENT, STATE_UNKNOWN, STATE_ODD };

static const char help[] =
    "usage: ntpwait [-hvV] [-n TRIES] [-s SECONDS]\n\n"
    "  -n, --tries=TRIES    how often to ask (100)\n"
    "  -s, --sleep=SECONDS  how long to wait between two tries (6)\n"
    "  -v, --verbose        tell what is going on\n"
    "  -h, --help           print this and exit (-? too)\n"
    "  -V, --version        print the version and exit\n\n"
    "Exits with 0 once ntpd on this machine is synchronised, 1 if it is not, 2 after a wrong option or if\nthe daemon that runs here cannot be asked.\n";

/* Asks once.  word gets the leap indicator as text. */
static enum state
ask(char *word, size_t cap)
{
	struct query_opts opts = query_defaults;
	enum state state = STATE_SILENT;
	struct query q;
	enum query_err e;
	struct vars v;

	opts.first_ms = ANSWER_MS;
	opts.more_ms = ANSWER_MORE_MS;
	opts.tries = 1;
	query_init(&q, &opts);
	if (query_open_local(&q, "123") == NULL) {
		e = query_ask(&q, CONTROL_READVAR, 0, "leap", strlen("leap"));
		v = (struct vars){ .text = (const char *)q.assembly.data, .len = q.assembly.len };
		/* No answer is no daemon yet: it may be about to start. */
		if (e == QUERY_OK && !vars_word(&v, "leap", word, cap))
			state = STATE_UNKNOWN;
		else if (e == QUERY_SERVER)
			state = STATE_UNKNOWN;
		else if (e == QUERY_OK)
			state = STATE_ODD;
	}
	query_close(&q);
	if (state == STATE_ODD) {
		/* Daemons send one digit; "00" is what ntpq makes of it. */
		struct varval value = { .s = word, .len = strlen(word) };
		unsigned long leap;

		if (varval_uint(&value, &leap) && leap <= LEAP_UNSYNC)
			state = leap == LEAP_UNSYNC ? STATE_NOT_YET : STATE_SYNCHRONISED;
	}
	return state;
}

static void
pause_seconds(unsigned long seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds };

	while (nanosleep(&left, &left) == -1)
		;
}

/* Each word overwrites the spinner that stands before it. */
static void
tell(const struct wait *w, const char *s)
{
	if (w->verbose) {
		printf("\b%s", s);
		fflush(stdout);
	}
}

static int
wait_synchronised(const struct wait *w)
{
	struct monotime begin = monotime_now();
	const char *foreign;
	unsigned silent = 0;
	char word[16], text[64];

	if (w->verbose) {
		printf("Waiting for ntpd to synchronize...  ");
		fflush(stdout);
	}
	for (unsigned long try = 1; try <= w->tries; try++) {
		switch (ask(word, sizeof(word))) {
		case STATE_SYNCHRONISED:
			snprintf(text, sizeof(text), "OK! (%.1f seconds)\n", monotime_diff(monotime_now(), begin));
			tell(w, text);
			return EXIT_SUCCESS;
		case STATE_SILENT:
			/* Nobody yet, or somebody who never will: that shows when it has been silent for some tries, and not because it was busy. */
			foreign = ++silent >= SILENT_TRIES || try == w->tries ? foreign_daemon() : NULL;
			if (foreign != NULL) {
				tell(w, "\n");
				fflush(stdout);
				fprintf(stderr, "%s\n", foreign);
				return EXIT_FOREIGN;
			}
			__attribute__((fallthrough));
		case STATE_NOT_YET:
			tell(w, (const char[]){ "*+:."[try % 4], '\0' });
			if (try < w->tries)
				pause_seconds(w->sleep);
			break;
		case STATE_UNKNOWN:
			tell(w, "\n");
			fflush(stdout);
			fprintf(stderr, "Leap status not available\n");
			return EXIT_FAILURE;
		case STATE_ODD:
			tell(w, "\n");
			fflush(stdout);
			fprintf(stderr, "Unexpected 'leap' status <%s>\n", word);
			return EXIT_FAILURE;
		}
	}
	tell(w, "No!\nntpd did not synchronize.\n");
	return EXIT_FAILURE;
}

static bool
parse_count(const char *arg, unsigned long min, unsigned long *n)
{
	struct varval v = { .s = arg, .len = strlen(arg) };
	unsigned long u;

	if (!varval_uint(&v, &u) || u < min || u > COUNT_MAX) {
		fprintf(stderr, "ntpwait: `%.40s': a number from %lu to %d is wanted\n", arg, min, COUNT_MAX);
		return false;
	}
	*n = u;
	return true;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tries", required_argument, NULL, 'n' }, { "sleep", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct wait w = { .tries = 100, .sleep = 6 };
	bool ok = true;
	int key;

	while (ok && (key = getopt_long(argc, argv, "n:s:vhV?", longs, NULL)) != -1) {
		if (key == '?' && optopt == 0 && strcmp(argv[optind - 1], "-?") == 0)
			key = 'h';
		switch (key) {
		case 'n': ok = parse_count(optarg, 1, &w.tries); break;
		case 's': ok = parse_count(optarg, 0, &w.sleep); break;
		case 'v': w.verbose = true; break;
		case 'h': fputs(help, stdout); return EXIT_SUCCESS;
		case 'V': printf("ntpwait truechimer-%s\n", VERSION); return EXIT_SUCCESS;
		default: ok = false; break;
		}
	}
	if (!ok || optind < argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	return wait_synchronised(&w);
}
