/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the tables that the manual describes, one row a line, fields separated by tabs, for the check of the manual:
 *
 *	directive NAME STANDING SYNOPSIS
 *	option DIRECTIVE NAME STANDING CHOICES DEFAULT
 *	variable system|peer|clock NAME default|other
 *	number NAME VALUE
 *
 * With the argument "bounds", for the tests of bad input:
 *
 *	line NAME SHAPE MIN MAX EXAMPLE		SHAPE is int, number, path or other
 *	bound DIRECTIVE NAME TYPE MIN MAX clamp|refuse
 *
 * STANDING is "in force", "not yet", "relic", or "no effect" for either of the latter.  DEFAULT is a number as the file would have it, and
 * empty where there is none.  Flags of restrict, and of enable and disable, are options too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/directives.h"
#include "config/reader.h"
#include "control/budget.h"
#include "control/vars.h"
#include "server/restrict.h"

static const char *const standings[] = { [IN_FORCE] = "in force", [NOT_YET] = "not yet", [RELIC] = "relic" };

/* The number that the field of an option holds, in the unit of the file.  False if it holds none. */
static bool
read_field(const struct option *o, const void *base, double *v)
{
	const void *field;

	if (base == NULL || o->offset == NOWHERE)
		return false;
	field = (const char *)base + o->offset;
	switch (o->type) {
	case OPT_INT:
		*v = *(const int *)field;
		return true;
	case OPT_UINT:
		*v = *(const unsigned *)field;
		return true;
	case OPT_INT8:
		*v = *(const int8_t *)field;
		return true;
	case OPT_UINT8:
		*v = *(const uint8_t *)field;
		return true;
	case OPT_UINT32:
		*v = *(const uint32_t *)field;
		return true;
	case OPT_INT64:
		*v = (double)*(const int64_t *)field;
		return true;
	case OPT_DOUBLE:
		*v = *(const double *)field / (o->scale != 0 ? o->scale : 1);
		return isfinite(*v);
	default:
		return false;
	}
}

static void
print_options(const char *directive, const struct option t[], size_t n, const void *base)
{
	for (size_t i = 0; i < n; i++) {
		char dflt[32] = "";
		double v;

		if (read_field(&t[i], base, &v))
			snprintf(dflt, sizeof(dflt), "%g", v);
		printf("option\t%s\t%s\t%s\t%s\t%s\n", directive, t[i].name, standings[t[i].standing],
		    t[i].choices != NULL ? t[i].choices : "", dflt);
	}
}

/* What the fields of a directive's options lie in, with the defaults; NULL where they lie nowhere. */
static const void *
base_of(const struct directive *d, const struct config *c, const struct source_line *line)
{
	static const char *const of_config[] = { "tos", "tinker", "discard", "mru" };
	static const char *const of_line[] = { "server", "pool", "peer" };

	for (size_t i = 0; i < NELEMS(of_config); i++)
		if (strcmp(d->name, of_config[i]) == 0)
			return c;
	for (size_t i = 0; i < NELEMS(of_line); i++)
		if (strcmp(d->name, of_line[i]) == 0)
			return line;
	return NULL;
}

static void
print_directives(void)
{
	struct source_line line = { .source = { .opts = assoc_defaults, .clock = refclock_defaults } };
	struct config *c = config_new();

	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = &directive_table[i];

		printf("directive\t%s\t%s\t%s\n", d->name, standings[d->standing], d->args);
		print_options(d->name, d->options, d->noptions, base_of(d, c, &line));
	}
	print_options("filegen", filegen_names, filegen_name_count, NULL);
	config_free(c);
}

static void
print_flags(void)
{
	for (size_t i = 0; i < restrict_flags_len; i++)
		printf("option\trestrict\t%s\t%s\t\t\n", restrict_flags[i].name, restrict_flags[i].effect ? "in force" : "no effect");
	print_options("restrict", restrict_relics, restrict_relic_count, NULL);
}

static void
print_variables(enum var_table table, const char *name)
{
	for (size_t i = 0; i < vars_count(table); i++) {
		struct var_info v = vars_info(table, i);

		printf("variable\t%s\t%s\t%s\n", name, v.name, v.by_default ? "default" : "other");
	}
}

static void
print_numbers(void)
{
	static const struct { const char *name; long value; } numbers[] = {
		{ "BUDGET_RATE", BUDGET_RATE }, { "BUDGET_BURST", BUDGET_BURST },
		{ "BUDGET_RATE_ALL", BUDGET_RATE_ALL }, { "BUDGET_BURST_ALL", BUDGET_BURST_ALL },
	};

	for (size_t i = 0; i < NELEMS(numbers); i++)
		printf("number\t%s\t%ld\n", numbers[i].name, numbers[i].value);
}

/* What a directive or an option takes, and what lies outside it. */
static void
print_bounds(void)
{
	static const char *const types[] = { [OPT_SET] = "set", [OPT_CLEAR] = "set", [OPT_BOOL] = "bool", [OPT_INT] = "int", [OPT_UINT] = "int", [OPT_INT8] = "int",
		[OPT_UINT8] = "int", [OPT_UINT32] = "int", [OPT_INT64] = "int", [OPT_DOUBLE] = "number", [OPT_STRING] = "string",
		[OPT_CHOICE] = "choice" };

	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = &directive_table[i];

		printf("line\t%s\t%s\t%.17g\t%.17g\t%s\n", d->name, d->parse == parse_int ? "int" : d->parse == parse_number ? "number" :
		    d->parse == parse_path ? "path" : "other", d->min, d->max, d->example);
		for (size_t k = 0; k < d->noptions; k++) {
			const struct option *o = &d->options[k];

			printf("bound\t%s\t%s\t%s\t%.17g\t%.17g\t%s\n", d->name, o->name, types[o->type], o->min, o->max,
			    (o->flags & OPTION_CLAMP) != 0 ? "clamp" : "refuse");
		}
	}
}

int
main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "bounds") == 0) {
		print_bounds();
		return fflush(stdout) != 0 || ferror(stdout);
	}
	print_directives();
	print_flags();
	print_variables(VARS_SYSTEM, "system");
	print_variables(VARS_PEER, "peer");
	print_variables(VARS_CLOCK, "clock");
	print_numbers();
	return fflush(stdout) != 0 || ferror(stdout);
}
