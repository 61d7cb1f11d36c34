/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpq: asks NTP daemons about themselves by mode 6 (RFC 9327). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "interrupt.h"
#include "lines.h"
#include "probe.h"
#include "version.h"

#define COMMANDS_MAX	64	/* -c on one command line */
#define EXIT_NOT_HAD	2	/* something that the command line asks for could not be had */
#define WIDTH_MIN	20
#define WIDTH_MAX	10000

enum option_key { KEY_HELP = 'h', KEY_OLD_RV = 256, KEY_JSON, KEY_LAYOUT };

static const struct { int key; const char *name, *arg, *help; } options[] = {
	{ '4', "ipv4", NULL, "ask hosts at their IPv4 addresses only" },
	{ '6', "ipv6", NULL, "ask hosts at their IPv6 addresses only" },
	{ 'a', "authentication", "ID", "sign with the key of that id" },
	{ 'c', "command", "COMMAND", "run COMMAND on each host, instead of asking for commands; may be repeated" },
	{ 'd', "debug-level", NULL, "tell more about packets; may be repeated" },
	{ 'D', "set-debug-level", "N", "tell that much about packets" },
	{ 'i', "interactive", NULL, "prompt for commands even where there is no terminal" },
	{ 'k', "keyfile", "FILE", "find keys in this file" },
	{ KEY_LAYOUT, "layout", "classic|ntpsec", "whose columns listings have" },
	{ 'l', "logfile", "FILE", "tell about packets in this file" },
	{ 'n', "numeric", NULL, "show addresses, not names" },
	{ 'p', "peers", NULL, "list the peers: the same as -c peers" },
	{ 'r', "refid", "hash|ipv4", "how references of stratum 2 and up are shown" },
	{ 'u', "units", NULL, "show values with their units (in NTPsec's layout)" },
	{ 'w', "wide", NULL, "give a long name a line of its own" },
	{ 'W', "width", "N", "assume a terminal of N columns" },
	{ KEY_JSON, "json", NULL, "print listings as JSON, one line per command and host" },
	{ KEY_OLD_RV, "old-rv", NULL, "print the status line also where readvar was given names" },
	{ KEY_HELP, "help", NULL, "print this and exit (-? too)" },
	{ 'V', "version", NULL, "print the version and exit" },
};

/* What the command line asks for. */
struct request {
	char		*commands[COMMANDS_MAX];
	size_t		 ncommands;
	char		**hosts;
	int		 nhosts;
	bool		 interactive;
};

enum parse { PARSE_GO, PARSE_DONE, PARSE_USAGE };

static void
print_help(FILE *out)
{
	fprintf(out, "usage: ntpq [-46dhinpuwV?] [-a ID] [-c COMMAND] [-D N] [-k FILE] [-l FILE] [-r hash|ipv4] [-W N]\n"
	    "            [--json] [--layout=classic|ntpsec] [--old-rv] [host ...]\n\n");
	for (size_t i = 0; i < NELEMS(options); i++) {
		char name[48];

		snprintf(name, sizeof(name), "--%s%s%s", options[i].name, options[i].arg != NULL ? "=" : "",
		    options[i].arg != NULL ? options[i].arg : "");
		if (options[i].key < 256)
			fprintf(out, "  -%c, %-24s %s\n", options[i].key, name, options[i].help);
		else
			fprintf(out, "      %-24s %s\n", name, options[i].help);
	}
	fprintf(out, "\nWithout -c or -p commands are read from standard input; `help' lists them.  The host is localhost by default.\n");
}

/* The same table in the two forms that getopt_long wants. */
static void
getopt_tables(struct option longs[static NELEMS(options) + 1], char shorts[static 3 * NELEMS(options) + 2])
{
	char *p = shorts;

	*p++ = '?';
	for (size_t i = 0; i < NELEMS(options); i++) {
		longs[i] = (struct option){ options[i].name, options[i].arg != NULL, NULL, options[i].key };
		if (options[i].key < 256)
			*p++ = (char)options[i].key;
		if (options[i].key < 256 && options[i].arg != NULL)
			*p++ = ':';
	}
	longs[NELEMS(options)] = (struct option){ 0 };
	*p = '\0';
}

static bool
number_between(const char *arg, unsigned long min, unsigned long max, unsigned long *n)
{
	struct varval v = { .s = arg, .len = strlen(arg) };

	if (varval_uint(&v, n) && *n >= min && *n <= max)
		return true;
	fprintf(stderr, "ntpq: `%.40s': a number from %lu to %lu is wanted\n", arg, min, max);
	return false;
}

static bool
add_command(struct request *r, char *command)
{
	if (r->ncommands == COMMANDS_MAX) {
		fprintf(stderr, "ntpq: more than %d commands\n", COMMANDS_MAX);
		return false;
	}
	r->commands[r->ncommands++] = command;
	return true;
}

static enum parse
take_option(struct request *r, struct session *s, int key, char *arg)
{
	static char peers[] = "peers";
	unsigned long n;
	bool ok = true;

	switch (key) {
	case '4': s->query.opts.family = AF_INET; break;
	case '6': s->query.opts.family = AF_INET6; break;
	case 'a':
		ok = number_between(arg, 1, KEY_ID_MAX, &n);
		if (ok)
			authkey_set_id(&s->key, (uint32_t)n);
		break;
	case 'c': ok = add_command(r, arg); break;
	case 'd': s->query.opts.debug++; break;
	case 'D':
		ok = number_between(arg, 0, 9, &n);
		if (ok)
			s->query.opts.debug = (unsigned)n;
		break;
	case 'i': r->interactive = true; break;
	case 'k': ok = authkey_load(&s->key, arg); break;
	case 'l':
		s->query.opts.debug_out = fopen(arg, "ae");
		ok = s->query.opts.debug_out != NULL;
		if (!ok)
			fprintf(stderr, "ntpq: %.200s: %s\n", arg, strerror(errno));
		break;
	case KEY_LAYOUT:
		ok = session_set_layout(s, arg);
		if (!ok)
			fprintf(stderr, "ntpq: `%.40s': classic or ntpsec is wanted\n", arg);
		break;
	case 'n': s->numeric = true; break;
	case 'p': ok = add_command(r, peers); break;
	case 'r':
		s->refid_hash = strcmp(arg, "hash") == 0;
		ok = s->refid_hash || strcmp(arg, "ipv4") == 0;
		if (!ok)
			fprintf(stderr, "ntpq: `%.40s': hash or ipv4 is wanted\n", arg);
		break;
	case 'u': s->units = true; break;
	case 'w': s->wide = true; break;
	case 'W':
		ok = number_between(arg, WIDTH_MIN, WIDTH_MAX, &n);
		if (ok)
			s->columns = n;
		break;
	case KEY_JSON: s->json = true; break;
	case KEY_OLD_RV: s->old_rv = true; break;
	case 'V':
		printf("ntpq truechimer-%s\n", VERSION);
		return PARSE_DONE;
	case KEY_HELP:
		print_help(stdout);
		return PARSE_DONE;
	default:
		ok = false;
		break;
	}
	return ok ? PARSE_GO : PARSE_USAGE;
}

static enum parse
parse_command_line(struct request *r, struct session *s, int argc, char **argv)
{
	struct option longs[NELEMS(options) + 1];
	char shorts[3 * NELEMS(options) + 2];
	enum parse p;
	int key;

	getopt_tables(longs, shorts);
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		/* getopt answers '?' for what it does not know, and for -? itself, which alone leaves no complaint behind. */
		if (key == '?' && optopt == 0 && strcmp(argv[optind - 1], "-?") == 0)
			key = KEY_HELP;
		p = take_option(r, s, key, optarg);
		if (p != PARSE_GO)
			return p;
	}
	r->hosts = argv + optind;
	r->nhosts = argc - optind;
	if (r->interactive && r->ncommands > 0) {
		fprintf(stderr, "ntpq: -i does not go with -c or -p\n");
		return PARSE_USAGE;
	}
	return PARSE_GO;
}

/* Columns for the host in front of listings of several hosts. */
static int
server_width(const struct request *r)
{
	size_t width = 0;

	if (r->nhosts < 2)
		return 0;
	for (int i = 0; i < r->nhosts; i++) {
		if (strlen(r->hosts[i]) > width)
			width = strlen(r->hosts[i]);
	}
	return width < SESSION_HOST_SHOWN ? (int)width : SESSION_HOST_SHOWN;
}

/*
 * Runs all commands on all hosts, with a blank line between any two outputs.  A host that cannot be had is passed over.  Returns whether
 * all did what they should.
 */
static bool
run_commands(struct session *s, const struct request *r)
{
	bool first = true, ok = true, *silent = calloc((size_t)r->nhosts, sizeof(*silent));

	if (silent != NULL && r->nhosts > 1)
		probe_hosts(r->hosts, (size_t)r->nhosts, &s->query.opts, silent);
	for (int h = 0; h < r->nhosts && !s->done; h++) {
		if (silent != NULL && silent[h]) {
			s->host = r->hosts[h];
			session_complain(s, QUERY_TIMEOUT, 0);
			session_close(s);
			ok = false;
			continue;
		}
		if (!session_open(s, r->hosts[h])) {
			ok = false;
			continue;
		}
		/* Whoever has not answered the first command will not answer the others: the next host need not wait for that. */
		for (size_t i = 0; i < r->ncommands && !s->done && !session_is_silent(s); i++) {
			/* Running takes the line apart, and the next host needs it again. */
			char *line = strdup(r->commands[i]);

			if (line == NULL) {
				ok = false;
				goto out;
			}
			/* NTPsec's puts nothing between them. */
			if (!first && !s->json && s->layout == LAYOUT_CLASSIC && line[0] != '~')
				putc('\n', s->out);
			first = false;
			ok &= command_run(s, line);
			fflush(s->out);
			free(line);
		}
	}
out:
	free(silent);
	return ok;
}

/* While a command runs an interrupt ends that command alone. */
static void
run_interactive(struct session *s, const struct request *r)
{
	struct lines *lines = lines_new(r->interactive);
	struct interrupt interrupt;
	char *line;

	if (lines == NULL)
		return;
	s->interactive = lines_prompt(lines);
	if (!session_open(s, r->hosts[0]))
		s->host = NULL;		/* `host' may open another one */
	while (!s->done && (line = lines_next(lines)) != NULL) {
		interrupt_catch(&interrupt, &s->query.opts.interrupt_fd);
		command_run(s, line);
		fflush(s->out);
		interrupt_let_go(&interrupt, &s->query.opts.interrupt_fd);
	}
	lines_free(lines);
}

int
main(int argc, char **argv)
{
	static char localhost[] = "localhost";
	char *default_host[] = { localhost, NULL };
	struct session *s = malloc(sizeof(*s));
	struct request r = { 0 };
	int status = EXIT_SUCCESS;
	enum parse p;

	if (s == NULL) {
		perror("ntpq");
		return EXIT_FAILURE;
	}
	session_init(s, &query_defaults);
	p = parse_command_line(&r, s, argc, argv);
	if (p == PARSE_USAGE) {
		fprintf(stderr, "Try `ntpq --help'.\n");
		status = EXIT_FAILURE;
	}
	if (p == PARSE_GO && r.nhosts == 0) {
		r.hosts = default_host;
		r.nhosts = 1;
	}
	s->server_width = server_width(&r);
	if (p == PARSE_GO && r.ncommands > 0)
		status = run_commands(s, &r) ? EXIT_SUCCESS : EXIT_NOT_HAD;
	else if (p == PARSE_GO)
		run_interactive(s, &r);
	session_free(s);
	free(s);
	return status;
}
