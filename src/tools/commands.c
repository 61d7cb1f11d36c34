/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes command lines apart, finds the command and runs it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command_fns.h"

#define HELP_COLUMNS	5
#define HELP_WIDTH	17

static command_fn do_help;

#define ARGS	COMMAND_ARGS_MAX
#define LINE	COMMAND_LINE
#define NAMES	"[associd | &N] [name[,name ...]]"
#define RANGE	"first last [name[,name ...]]"
#define FAMILY	"[-4 | -6]"
#define MRU	"[name=value ...] [kod] [limited] [sort=lstint | avgint | addr | count | score | drop]"

/* In alphabetical order, as help shows them. */
static const struct command commands[] = {
	{ ":config", 1, LINE, do_config, "line", "have the server obey a line of configuration" },
	{ "?", 0, 1, do_help, "[command]", "tell what commands there are, or what one does" },
	{ "addvars", 1, ARGS, do_addvars, "name[=value][,...]", "add variables to the list that readlist and writelist use" },
	{ "apeers", 0, 1, do_peers, FAMILY, "list the server's peers with their association ids" },
	{ "associations", 0, 0, do_assocs, "", "list associations with their status in words" },
	{ "authenticate", 0, 1, do_authenticate, "[yes | no]", "show or set whether all requests are signed" },
	{ "authinfo", 0, 0, do_table, "", "show the counters of the server's authentication" },
	{ "cl", 0, ARGS, do_readvar, NAMES, "short for clocklist" },
	{ "clearvars", 0, 0, do_clearvars, "", "empty the list of variables" },
	{ "clocklist", 0, ARGS, do_readvar, NAMES, "show the variables of a reference clock" },
	{ "clockvar", 0, ARGS, do_readvar, NAMES, "show the variables of a reference clock" },
	{ "config-from-file", 1, 1, do_config_from_file, "file", "have the server obey the lines of a file, one by one" },
	{ "config_from_file", 1, 1, do_config_from_file, "file", "as config-from-file" },
	{ "cooked", 0, 0, do_raw, "", "show variables in words and dates" },
	{ "cv", 0, ARGS, do_readvar, NAMES, "short for clockvar" },
	{ "debug", 0, 1, do_debug, "[no | more | less | N]", "show or set how much is told about packets" },
	{ "delay", 0, 1, do_delay, "[milliseconds]", "show or set a delay that no key needs any more" },
	{ "direct", 0, 0, do_direct, "", "switch mrulist between intervals and instants for machines" },
	{ "doflake", 1, 1, do_flake, "probability", "throw answers away, to see what a bad network does" },
	{ "drefid", 0, 1, do_drefid, "[hash | ipv4]", "show or set how references of stratum 2 and up are shown" },
	{ "exit", 0, 0, do_exit, "", "leave ntpq" },
	{ "help", 0, 1, do_help, "[command]", "tell what commands there are, or what one does" },
	{ "host", 0, 2, do_host, "[-4 | -6] [name]", "show or set the host that is asked" },
	{ "hostnames", 0, 1, do_hostnames, "[yes | no]", "show or set whether peers are shown by name" },
	{ "ifstats", 0, 0, do_ordered, "", "list the server's interfaces; needs its control key" },
	{ "iostats", 0, 0, do_table, "", "show the server's counters of datagrams" },
	{ "kerninfo", 0, 0, do_table, "", "show what the server's kernel says of its clock" },
	{ "keyid", 0, 1, do_keyid, "[id]", "show or set which key signs requests" },
	{ "keytype", 0, 1, do_keytype, "[digest]", "show or set the type of keys that are typed" },
	{ "lassociations", 0, 0, do_assocs, "", "list all associations, also those neither configured nor heard" },
	{ "layout", 0, 1, do_layout, "[classic | ntpsec]", "show or set whose columns listings have" },
	{ "logfile", 0, 1, do_logfile, "[file | -]", "show or set where debug lines go" },
	{ "lopeers", 0, 1, do_peers, FAMILY, "as opeers, with those neither configured nor heard" },
	{ "lpassociations", 0, 0, do_assocs, "", "as lassociations, from the last list, without asking again" },
	{ "lpeers", 0, 1, do_peers, FAMILY, "as peers, with those neither configured nor heard" },
	{ "monstats", 0, 0, do_table, "", "show the counters of the list of recent clients" },
	{ "mreadlist", 2, ARGS, do_mreadvar, RANGE, "show the variables of a range of associations" },
	{ "mreadvar", 2, ARGS, do_mreadvar, RANGE, "show the variables of a range of associations" },
	{ "mrl", 2, ARGS, do_mreadvar, RANGE, "short for mreadlist" },
	{ "mrulist", 0, ARGS, do_mrulist, MRU, "list the clients that were heard most recently" },
	{ "mrv", 2, ARGS, do_mreadvar, RANGE, "short for mreadvar" },
	{ "mssntpinfo", 0, 0, do_table, "", "show the counters of MS-SNTP requests" },
	{ "noflake", 0, 0, do_flake, "", "take all answers again" },
	{ "ntpversion", 0, 1, do_ntpversion, "[1 | 2 | 3 | 4]", "show or set the NTP version that requests claim" },
	{ "ntsinfo", 0, 0, do_table, "", "show the counters of network time security" },
	{ "opeers", 0, 1, do_peers, FAMILY, "list peers with local address and dispersion" },
	{ "passociations", 0, 0, do_assocs, "", "as associations, from the last list, without asking again" },
	{ "passwd", 0, LINE, do_passwd, "[password]", "set the password of the key, which is asked for if not given" },
	{ "peers", 0, 1, do_peers, FAMILY, "list the server's peers" },
	{ "poll", 0, 2, do_poll, "[n] [verbose]", "not implemented, as in every ntpq" },
	{ "pstats", 1, 1, do_pstats, "associd | &N", "show the counters of one association" },
	{ "quit", 0, 0, do_exit, "", "leave ntpq" },
	{ "raw", 0, 0, do_raw, "", "show variables as the server sends them" },
	{ "readlist", 0, ARGS, do_readvar, NAMES, "show variables of the system or of one association" },
	{ "readvar", 0, ARGS, do_readvar, NAMES, "show variables of the system or of one association" },
	{ "reslist", 0, 0, do_ordered, "", "list the server's access restrictions; needs its control key" },
	{ "rl", 0, ARGS, do_readvar, NAMES, "short for readlist" },
	{ "rmvars", 1, ARGS, do_rmvars, "name[,...]", "remove variables from the list" },
	{ "rpeers", 0, 1, do_peers, FAMILY, "list peers with their names last, in full" },
	{ "rv", 0, ARGS, do_readvar, NAMES, "short for readvar" },
	{ "saveconfig", 1, 1, do_saveconfig, "file", "have the server save its configuration; needs its control key" },
	{ "showvars", 0, 0, do_showvars, "", "show the list of variables" },
	{ "sysinfo", 0, 0, do_table, "", "show the state of the server's clock" },
	{ "sysstats", 0, 0, do_table, "", "show the server's counters of packets" },
	{ "timeout", 0, 1, do_timeout, "[milliseconds]", "show or set how long an answer is waited for" },
	{ "timerstats", 0, 0, do_table, "", "show the server's counters of timers" },
	{ "units", 0, 0, do_units, "", "switch units of values on or off" },
	{ "version", 0, 0, do_version, "", "show the version of ntpq" },
	{ "writelist", 0, 1, do_writelist, "[associd | &N]", "write the variables of the list; needs the control key" },
	{ "writevar", 1, ARGS, do_writevar, "associd name=value[,...]", "write variables; needs the control key" },
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

bool
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

/* Cuts the white space around a line off. */
static char *
trim(char *s)
{
	size_t len;

	s += strspn(s, " \t\r\n");
	for (len = strlen(s); len > 0 && strchr(" \t\r\n", s[len - 1]) != NULL; len--)
		;
	s[len] = '\0';
	return s;
}

/* Runs a command whose argument is all the rest of its line, as it stands. */
static bool
run_line(struct session *s, const struct command *c, char *rest)
{
	char *argv[] = { trim(rest), NULL };
	int argc = argv[0][0] != '\0';

	return argc < c->min_args ? complain_usage(c) : c->run(s, c, argc, argv);
}

/* Runs a command with its arguments, and its output perhaps in a file. */
static bool
run_words(struct session *s, const struct command *c, char *rest)
{
	char *words[COMMAND_ARGS_MAX], *redirect = strchr(rest, '>'), *path = NULL;
	int n;

	if (redirect != NULL) {
		*redirect++ = '\0';
		n = split(redirect, &path, 1);
		if (n != 1) {
			fprintf(stderr, "***One file name is wanted behind `>'\n");
			return false;
		}
	}
	n = split(rest, words, COMMAND_ARGS_MAX);
	if (n < 0) {
		fprintf(stderr, "***More than %d arguments\n", COMMAND_ARGS_MAX);
		return false;
	}
	if (n < c->min_args || n > c->max_args)
		return complain_usage(c);
	return path != NULL ? run_into_file(s, c, n, words, path) : c->run(s, c, n, words);
}

bool
command_run(struct session *s, char *line)
{
	const struct command *c;
	char *rest;

	line = trim(line);
	line += line[0] == '~';		/* which only spares a blank line in front */
	line += strspn(line, " \t");
	if (line[0] == '\0')
		return true;
	rest = line + strcspn(line, " \t");
	if (*rest != '\0')
		*rest++ = '\0';
	if (!find_or_complain(line, &c))
		return false;
	query_rested(&s->query);
	return c->max_args == COMMAND_LINE ? run_line(s, c, rest) : run_words(s, c, rest);
}
