/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpsim: runs scenarios over a number of seeds and prints what became of the clock. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "world.h"

#define SEEDS_DEFAULT	10
#define SEEDS_MAX	10000

struct options {
	unsigned	seeds;
	uint64_t	first;		/* seed */
	enum format	format;
	const char	*trace;
	bool		check;
};

static void
usage(FILE *f)
{
	fputs("usage: ntpsim [--seeds N] [--first-seed N] [--format table|json|compare] [--check] [--trace FILE] SCENARIO...\n"
	    "  --seeds N        runs of each scenario (default 10)\n"
	    "  --first-seed N   seed of the first (default 1); each next is one higher\n"
	    "  --format FORMAT  table (default), json, or compare: beside the figures recorded in the scenario\n"
	    "  --check          exit 1 if a scenario does not hold what its file says it holds\n"
	    "  --trace FILE     one line a second of the first run of the last scenario\n", f);
}

static bool
parse_count(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* -1: go on; else the exit status. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "seeds", required_argument, NULL, 's' },
		{ "first-seed", required_argument, NULL, 'S' },
		{ "format", required_argument, NULL, 'f' },
		{ "trace", required_argument, NULL, 't' },
		{ "check", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long n;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 's' && parse_count(optarg, 1, SEEDS_MAX, &n)) {
			o->seeds = (unsigned)n;
		} else if (c == 'S' && parse_count(optarg, 0, UINT32_MAX, &n)) {
			o->first = n;
		} else if (c == 'f' && report_format(optarg, &o->format)) {
			continue;
		} else if (c == 't') {
			o->trace = optarg;
		} else if (c == 'c') {
			o->check = true;
		} else if (c == 'h') {
			usage(stdout);
			return 0;
		} else {
			if (strchr("sSf", c) != NULL)
				fprintf(stderr, "ntpsim: bad value '%s'\n", optarg);
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc)
		return -1;
	usage(stderr);
	return 2;
}

static bool
run_seeds(const struct scenario *s, const struct options *o, FILE *trace, struct result *r)
{
	struct figures *f = calloc(o->seeds, sizeof(*f));
	bool ok = f != NULL;

	for (unsigned i = 0; ok && i < o->seeds; i++)
		ok = world_run(s, o->first + i, i == 0 ? trace : NULL, &f[i]);
	if (ok) {
		r->seeds = o->seeds;
		figures_median(f, o->seeds, &r->median, &r->worst);
	}
	free(f);
	return ok;
}

static int
run_file(const char *path, const struct options *o, struct scenario *s, unsigned number, bool *held)
{
	char err[SCENARIO_ERROR_MAX];
	struct result r = { .scenario = s };
	FILE *trace = NULL;
	bool ok;

	if (!scenario_load(s, path, err)) {
		fprintf(stderr, "ntpsim: %s\n", err);
		return -1;
	}
	if (o->trace != NULL && (trace = fopen(o->trace, "w")) == NULL) {
		fprintf(stderr, "ntpsim: %s: %s\n", o->trace, strerror(errno));
		return -1;
	}
	if (trace != NULL)
		fputs("# time_s offset_s estimate_s stddev_s freq_ppm poll rootdist_s synced\n", trace);
	ok = run_seeds(s, o, trace, &r);
	if (trace != NULL && fclose(trace) != 0)
		ok = false;
	if (!ok) {
		fprintf(stderr, "ntpsim: %s: %s\n", path, strerror(errno));
		return -1;
	}
	report_result(stdout, o->format, number, &r);
	if (o->check)
		*held = report_claims(stderr, &r) && *held;
	return 0;
}

int
main(int argc, char **argv)
{
	struct options o = { .seeds = SEEDS_DEFAULT, .first = 1, .format = FORMAT_TABLE };
	struct scenario *s = malloc(sizeof(*s));
	int status = s == NULL ? 1 : parse_options(argc, argv, &o);
	unsigned number = 0;
	bool held = true;

	if (status != -1) {
		free(s);
		return status;
	}
	status = 0;
	report_begin(stdout, o.format);
	for (int i = optind; i < argc; i++) {
		if (run_file(argv[i], &o, s, number, &held) == -1)
			status = 2;
		else
			number++;
	}
	report_end(stdout, o.format);
	free(s);
	return status != 0 ? status : held ? 0 : 1;
}
