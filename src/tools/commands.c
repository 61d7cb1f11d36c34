/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes command lines apart, finds the command and runs it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "commands.h"
#include "listings.h"
#include "strb.h"
#include "version.h"

#define HELP_COLUMNS	5
#define HELP_WIDTH	17
#define TIMEOUT_MIN_MS	1
#define TIMEOUT_MAX_MS	600000

typedef bool command_fn(struct session *s, const struct command *c, int argc, char **argv);

static command_fn do_help, do_peers, do_assocs, do_readvar, do_mreadvar, do_table, do_pstats, do_version, do_ntpversion, do_host,
    do_hostnames, do_timeout, do_raw, do_debug, do_drefid, do_exit;

#define NAMES	"[associd | &N] [name[,name ...]]"
#define RANGE	"first last [name[,name ...]]"

/* In alphabetical order, as help shows them. */
static const struct command commands[] = {
	{ "?", 0, 1, do_help, "[command]", "tell what commands there are, or what one does" },
	{ "apeers", 0, 1, do_peers, "[-4 | -6]", "list the server's peers with their association ids" },
	{ "associations", 0, 0, do_assocs, "", "list associations with their status in words" },
	{ "authinfo", 0, 0, do_table, "", "show the counters of the server's authentication" },
	{ "cl", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "short for clocklist" },
	{ "clocklist", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "show the variables of a reference clock" },
	{ "clockvar", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "show the variables of a reference clock" },
	{ "cooked", 0, 0, do_raw, "", "show variables in words and dates" },
	{ "cv", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "short for clockvar" },
	{ "debug", 0, 1, do_debug, "[no | more | less | N]", "show or set how much is told about packets" },
	{ "drefid", 0, 1, do_drefid, "[hash | ipv4]", "show or set how references of stratum 2 and up are shown" },
	{ "exit", 0, 0, do_exit, "", "leave ntpq" },
	{ "help", 0, 1, do_help, "[command]", "tell what commands there are, or what one does" },
	{ "host", 0, 2, do_host, "[-4 | -6] [name]", "show or set the host that is asked" },
	{ "hostnames", 0, 1, do_hostnames, "[yes | no]", "show or set whether peers are shown by name" },
	{ "iostats", 0, 0, do_table, "", "show the server's counters of datagrams" },
	{ "kerninfo", 0, 0, do_table, "", "show what the server's kernel says of its clock" },
	{ "lassociations", 0, 0, do_assocs, "", "list all associations, also those neither configured nor heard" },
	{ "lopeers", 0, 1, do_peers, "[-4 | -6]", "as opeers, with those neither configured nor heard" },
	{ "lpassociations", 0, 0, do_assocs, "", "as lassociations, from the last list, without asking again" },
	{ "lpeers", 0, 1, do_peers, "[-4 | -6]", "as peers, with those neither configured nor heard" },
	{ "monstats", 0, 0, do_table, "", "show the counters of the list of recent clients" },
	{ "mreadlist", 2, COMMAND_ARGS_MAX, do_mreadvar, RANGE, "show the variables of a range of associations" },
	{ "mreadvar", 2, COMMAND_ARGS_MAX, do_mreadvar, RANGE, "show the variables of a range of associations" },
	{ "mrl", 2, COMMAND_ARGS_MAX, do_mreadvar, RANGE, "short for mreadlist" },
	{ "mrv", 2, COMMAND_ARGS_MAX, do_mreadvar, RANGE, "short for mreadvar" },
	{ "ntpversion", 0, 1, do_ntpversion, "[1 | 2 | 3 | 4]", "show or set the NTP version that requests claim" },
	{ "opeers", 0, 1, do_peers, "[-4 | -6]", "list peers with local address and dispersion" },
	{ "passociations", 0, 0, do_assocs, "", "as associations, from the last list, without asking again" },
	{ "peers", 0, 1, do_peers, "[-4 | -6]", "list the server's peers" },
	{ "pstats", 1, 1, do_pstats, "associd | &N", "show the counters of one association" },
	{ "quit", 0, 0, do_exit, "", "leave ntpq" },
	{ "raw", 0, 0, do_raw, "", "show variables as the server sends them" },
	{ "readlist", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "show variables of the system or of one association" },
	{ "readvar", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "show variables of the system or of one association" },
	{ "rl", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "short for readlist" },
	{ "rpeers", 0, 1, do_peers, "[-4 | -6]", "list peers with their names last, in full" },
	{ "rv", 0, COMMAND_ARGS_MAX, do_readvar, NAMES, "short for readvar" },
	{ "sysinfo", 0, 0, do_table, "", "show the state of the server's clock" },
	{ "sysstats", 0, 0, do_table, "", "show the server's counters of packets" },
	{ "timeout", 0, 1, do_timeout, "[milliseconds]", "show or set how long an answer is waited for" },
	{ "timerstats", 0, 0, do_table, "", "show the server's counters of timers" },
	{ "version", 0, 0, do_version, "", "show the version of ntpq" },
};

const struct command *
command_find(const char *word, bool *ambiguous)
{
	const struct command *found = NULL;
	size_t len = strlen(word);

	*ambiguous = false;
	for (size_t i = 0; i < NELEMS(commands); i++) {
		if (strcmp(commands[i].name, word) == 0) {
			*ambiguous = false;
			return &commands[i];
		}
		if (len == 0 || strncmp(commands[i].name, word, len) != 0)
			continue;
		*ambiguous = *ambiguous || found != NULL;
		found = &commands[i];
	}
	return *ambiguous ? NULL : found;
}

static bool
find_or_complain(const char *word, const struct command **c)
{
	bool ambiguous;

	*c = command_find(word, &ambiguous);
	if (*c == NULL)
		fprintf(stderr, "***Command `%s' %s\n", word, ambiguous ? "ambiguous" : "unknown");
	return *c != NULL;
}

static bool
complain_usage(const struct command *c)
{
	fprintf(stderr, "usage: %s %s\n", c->name, c->usage);
	return false;
}

static bool
do_help(struct session *s, const struct command *self, int argc, char **argv)
{
	size_t rows = (NELEMS(commands) + HELP_COLUMNS - 1) / HELP_COLUMNS;
	const struct command *c;

	(void)self;
	if (argc == 1) {
		if (!find_or_complain(argv[0], &c))
			return false;
		fprintf(s->out, "function: %s\nusage: %s%s%s\n", c->help, c->name, c->usage[0] != '\0' ? " " : "", c->usage);
		return true;
	}
	fprintf(s->out, "ntpq commands:\n");
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = row; i < NELEMS(commands); i += rows) {
			bool last = i + rows >= NELEMS(commands);

			fprintf(s->out, "%-*s%s", last ? 0 : HELP_WIDTH, commands[i].name, last ? "\n" : "");
		}
	}
	return true;
}

static bool
do_peers(struct session *s, const struct command *self, int argc, char **argv)
{
	static const struct { const char *name; enum peers_layout layout; bool all; } kinds[] = {
		{ "peers", PEERS_REFID, false }, { "lpeers", PEERS_REFID, true }, { "apeers", PEERS_ASSID, false },
		{ "opeers", PEERS_LOCAL, false }, { "lopeers", PEERS_LOCAL, true }, { "rpeers", PEERS_NAME_LAST, false },
	};
	int family = 0;

	if (argc == 1) {
		if (strcmp(argv[0], "-4") != 0 && strcmp(argv[0], "-6") != 0)
			return complain_usage(self);
		family = argv[0][1] - '0';
	}
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		if (strcmp(kinds[i].name, self->name) == 0)
			return list_peers(s, kinds[i].layout, kinds[i].all, family);
	}
	return false;
}

static bool
do_assocs(struct session *s, const struct command *self, int argc, char **argv)
{
	bool all = self->name[0] == 'l', fresh = strstr(self->name, "passoc") == NULL;

	(void)argc;
	(void)argv;
	return list_assocs(s, all, fresh);
}

/* Arguments joined to a list for the server; blanks separate names as commas do. */
static void
join_names(int argc, char **argv, struct strb *names)
{
	for (int i = 0; i < argc; i++)
		strb_add(names, "%s%s", i > 0 ? "," : "", argv[i]);
}

static bool
names_an_association(const char *arg)
{
	return arg[0] == '&' || (arg[0] >= '0' && arg[0] <= '9');
}

static bool
do_readvar(struct session *s, const struct command *self, int argc, char **argv)
{
	char buf[CONTROL_DATA_MAX + 2];		/* one more than fits a request, so that too long shows as such */
	struct strb names = strb_init(buf, sizeof(buf));
	uint16_t associd = 0;

	if (argc > 0 && names_an_association(argv[0])) {
		if (!session_assoc(s, argv[0], &associd))
			return false;
		argc--;
		argv++;
	}
	join_names(argc, argv, &names);
	return list_vars(s, self->name[0] == 'c' ? CONTROL_READCLOCK : CONTROL_READVAR, associd, buf);
}

static bool
do_mreadvar(struct session *s, const struct command *self, int argc, char **argv)
{
	char buf[CONTROL_DATA_MAX + 2];
	struct strb names = strb_init(buf, sizeof(buf));
	size_t first, last;

	(void)self;
	if (!session_assoc_index(s, argv[0], &first) || !session_assoc_index(s, argv[1], &last))
		return false;
	join_names(argc - 2, argv + 2, &names);
	if (first > last) {
		size_t swap = first;

		first = last;
		last = swap;
	}
	for (size_t i = first; i <= last; i++) {
		if (i > first && !s->json)
			putc('\n', s->out);
		if (!list_vars(s, CONTROL_READVAR, s->assocs[i].id, buf))
			return false;
	}
	return true;
}

static bool
do_table(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return list_table(s, self->name, 0);
}

static bool
do_pstats(struct session *s, const struct command *self, int argc, char **argv)
{
	uint16_t associd;

	(void)argc;
	if (!session_assoc(s, argv[0], &associd))
		return false;
	if (associd == 0)
		return complain_usage(self);
	return list_table(s, self->name, associd);
}

static bool
do_version(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	fprintf(s->out, "ntpq truechimer-%s\n", VERSION);
	return true;
}

/* Reads a whole number from min to max. */
static bool
parse_between(const char *arg, unsigned long min, unsigned long max, unsigned long *n)
{
	struct varval v = { .s = arg, .len = strlen(arg) };

	return varval_uint(&v, n) && *n >= min && *n <= max;
}

static bool
do_ntpversion(struct session *s, const struct command *self, int argc, char **argv)
{
	unsigned long n;

	if (argc == 0) {
		fprintf(s->out, "NTP version being claimed is %u\n", s->query.opts.version);
		return true;
	}
	if (!parse_between(argv[0], 1, 4, &n))
		return complain_usage(self);
	s->query.opts.version = (uint8_t)n;
	return true;
}

static bool
do_host(struct session *s, const struct command *self, int argc, char **argv)
{
	char *name;

	if (argc > 0 && (strcmp(argv[0], "-4") == 0 || strcmp(argv[0], "-6") == 0)) {
		if (argc == 1)
			return complain_usage(self);
		s->query.opts.family = argv[0][1] == '4' ? AF_INET : AF_INET6;
		argc--;
		argv++;
	}
	if (argc > 1)
		return complain_usage(self);
	if (argc == 1) {
		name = strdup(argv[0]);
		if (name == NULL || !session_open(s, name)) {
			free(name);
			return false;
		}
		s->host_owned = name;
		fprintf(s->out, "current host set to %s\n", s->host);
	} else if (s->host != NULL) {
		fprintf(s->out, "current host is %s\n", s->host);
	} else {
		fprintf(s->out, "no current host\n");
	}
	return true;
}

static bool
do_hostnames(struct session *s, const struct command *self, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "yes") == 0)
		s->numeric = false;
	else if (argc == 1 && strcmp(argv[0], "no") == 0)
		s->numeric = true;
	else if (argc == 1)
		return complain_usage(self);
	else
		fprintf(s->out, "hostnames %sbeing shown\n", s->numeric ? "not " : "");
	return true;
}

static bool
do_timeout(struct session *s, const struct command *self, int argc, char **argv)
{
	struct query_opts *o = &s->query.opts;
	unsigned long n;

	if (argc == 0) {
		fprintf(s->out, "primary timeout %d ms\n", o->first_ms);
		return true;
	}
	if (!parse_between(argv[0], TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &n))
		return complain_usage(self);
	/* Further fragments keep the share of the first one's time that they have by default. */
	o->first_ms = (int)n;
	o->more_ms = (int)(n * (unsigned long)query_defaults.more_ms / (unsigned long)query_defaults.first_ms);
	return true;
}

static bool
do_raw(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	s->raw = strcmp(self->name, "raw") == 0;
	fprintf(s->out, "Output set to %s\n", self->name);
	return true;
}

static bool
do_debug(struct session *s, const struct command *self, int argc, char **argv)
{
	unsigned *level = &s->query.opts.debug;
	unsigned long n;

	if (argc == 1 && strcmp(argv[0], "no") == 0)
		*level = 0;
	else if (argc == 1 && strcmp(argv[0], "more") == 0)
		++*level;
	else if (argc == 1 && strcmp(argv[0], "less") == 0)
		*level -= *level > 0;
	else if (argc == 1 && parse_between(argv[0], 0, 9, &n))
		*level = (unsigned)n;
	else if (argc == 1)
		return complain_usage(self);
	fprintf(s->out, "debug level is %u\n", *level);
	return true;
}

static bool
do_drefid(struct session *s, const struct command *self, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "hash") == 0)
		s->refid_hash = true;
	else if (argc == 1 && strcmp(argv[0], "ipv4") == 0)
		s->refid_hash = false;
	else if (argc == 1)
		return complain_usage(self);
	fprintf(s->out, "drefid value is %s\n", s->refid_hash ? "hash" : "ipv4");
	return true;
}

static bool
do_exit(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	s->done = true;
	return true;
}

/* Splits at blanks.  Returns the number of words, or -1 if there are too many. */
static int
split(char *line, char **words, int max)
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \t\r\n", &save); w != NULL; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == max)
			return -1;
		words[n++] = w;
	}
	return n;
}

/* Runs a command with its output in a file. */
static bool
run_into_file(struct session *s, const struct command *c, int argc, char **argv, const char *path)
{
	FILE *out = fopen(path, "we"), *before = s->out;
	bool ok;

	if (out == NULL) {
		fprintf(stderr, "***%s: %s\n", path, strerror(errno));
		return false;
	}
	s->out = out;
	ok = c->run(s, c, argc, argv);
	s->out = before;
	if (fclose(out) != 0) {
		fprintf(stderr, "***%s: %s\n", path, strerror(errno));
		ok = false;
	}
	return ok;
}

bool
command_run(struct session *s, char *line)
{
	char *words[COMMAND_ARGS_MAX + 3], *redirect = strchr(line, '>'), *path = NULL;
	const struct command *c;
	int n;

	if (redirect != NULL) {
		*redirect++ = '\0';
		n = split(redirect, &path, 1);
		if (n != 1) {
			fprintf(stderr, "***One file name is wanted behind `>'\n");
			return false;
		}
	}
	n = split(line, words, COMMAND_ARGS_MAX + 1);
	if (n == 0)
		return true;
	if (n < 0) {
		fprintf(stderr, "***More than %d arguments\n", COMMAND_ARGS_MAX);
		return false;
	}
	if (!find_or_complain(words[0], &c))
		return false;
	if (n - 1 < c->min_args || n - 1 > c->max_args)
		return complain_usage(c);
	query_rested(&s->query);
	return path != NULL ? run_into_file(s, c, n - 1, words + 1, path) : c->run(s, c, n - 1, words + 1);
}
