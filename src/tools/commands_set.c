/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that show and set how this session works. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "command_fns.h"
#include "version.h"

#define TIMEOUT_MIN_MS	1
#define TIMEOUT_MAX_MS	600000

bool
do_version(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	fprintf(s->out, "ntpq truechimer-%s\n", VERSION);
	return true;
}

bool
parse_between(const char *arg, unsigned long min, unsigned long max, unsigned long *n)
{
	struct varval v = { .s = arg, .len = strlen(arg) };

	return varval_uint(&v, n) && *n >= min && *n <= max;
}

bool
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

bool
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

bool
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

bool
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

bool
do_raw(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	s->raw = strcmp(self->name, "raw") == 0;
	fprintf(s->out, "Output set to %s\n", self->name);
	return true;
}

bool
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
	fprintf(s->out, "debug level %s %u\n", argc == 1 ? "set to" : "is", *level);
	return true;
}

bool
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

bool
do_exit(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	s->done = true;
	return true;
}

bool
do_layout(struct session *s, const struct command *self, int argc, char **argv)
{
	if (argc == 1 && !session_set_layout(s, argv[0]))
		return complain_usage(self);
	fprintf(s->out, "layout is %s\n", s->layout == LAYOUT_NTPSEC ? "ntpsec" : "classic");
	return true;
}

bool
do_units(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	s->units = !s->units;
	return true;
}

bool
do_direct(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	s->direct = !s->direct;
	fprintf(s->out, "Direct mode is %s\n", s->direct ? "on" : "off");
	return true;
}

bool
do_delay(struct session *s, const struct command *self, int argc, char **argv)
{
	unsigned long n;

	if (argc == 1 && !parse_between(argv[0], 0, TIMEOUT_MAX_MS, &n))
		return complain_usage(self);
	if (argc == 1)
		s->delay_ms = (long)n;
	else
		fprintf(s->out, "delay %ld ms\n", s->delay_ms);
	return true;
}

bool
do_poll(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	fprintf(s->out, "poll not implemented yet\n");
	return true;
}

bool
do_logfile(struct session *s, const struct command *self, int argc, char **argv)
{
	struct query_opts *o = &s->query.opts;
	FILE *out = NULL;

	(void)self;
	if (argc == 0) {
		fprintf(s->out, "debug lines go to %s\n", o->debug_out == NULL ? "standard error" : "a file");
		return true;
	}
	if (strcmp(argv[0], "-") != 0) {
		out = fopen(argv[0], "ae");
		if (out == NULL) {
			fprintf(stderr, "***%s: %s\n", argv[0], strerror(errno));
			return false;
		}
	}
	if (o->debug_out != NULL)
		fclose(o->debug_out);
	o->debug_out = out;
	fprintf(s->out, "Logfile set to %s\n", argv[0]);
	return true;
}

bool
do_flake(struct session *s, const struct command *self, int argc, char **argv)
{
	struct varval v;
	double d = 0;

	if (argc == 1) {
		v = (struct varval){ .s = argv[0], .len = strlen(argv[0]) };
		if (!varval_real(&v, &d) || d < 0 || d > 1)
			return complain_usage(self);
	}
	s->query.opts.flake = d;
	return true;
}

/* Calls one for each item of a comma separated list in the arguments. */
static bool
each_item(struct varlist *l, int argc, char **argv, bool (*one)(struct varlist *l, const char *item))
{
	for (int i = 0; i < argc; i++) {
		char *save = NULL;

		for (char *w = strtok_r(argv[i], ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
			if (!one(l, w)) {
				fprintf(stderr, "***Not in the list of variables, or no room in it: `%.40s'\n", w);
				return false;
			}
		}
	}
	return true;
}

bool
do_addvars(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	return each_item(&s->list, argc, argv, varlist_add);
}

bool
do_rmvars(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	return each_item(&s->list, argc, argv, varlist_remove);
}

bool
do_clearvars(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	s->list.n = 0;
	return true;
}

bool
do_showvars(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	(void)argc;
	(void)argv;
	if (s->list.n == 0)
		fprintf(s->out, "No variables on list\n");
	for (size_t i = 0; i < s->list.n; i++)
		fprintf(s->out, "%s\n", s->list.items[i]);
	return true;
}
