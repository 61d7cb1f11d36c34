/* SPDX-License-Identifier: BSD-2-Clause */
/* The three ways of printing a result, and the check of a scenario's bounds. */
#include <math.h>
#include <string.h>

#include "report.h"

static const char *const format_name[] = { [FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_COMPARE] = "compare" };

/* Columns of the table, by figure. */
static const struct column {
	const char	*head;
	enum figure	 figure;
	int		 width, digits;
} columns[] = {
	{ "rms us", FIGURE_RMS, 9, 1 },
	{ "p99 us", FIGURE_P99, 9, 1 },
	{ "max us", FIGURE_MAX, 10, 1 },
	{ "freq ppm", FIGURE_FREQ, 9, 4 },
	{ "interval", FIGURE_INTERVAL, 8, 0 },
	{ "steps", FIGURE_STEPS, 5, 0 },
	{ "inbound%", FIGURE_IN_BOUND, 8, 3 },
	{ "bound us", FIGURE_BOUND, 10, 0 },
	{ "synced%", FIGURE_SYNCED, 7, 2 },
	{ "5ms s", FIGURE_5MS, 7, 0 },
	{ "1ms s", FIGURE_1MS, 7, 0 },
	{ "100us s", FIGURE_100US, 7, 0 },
};

/* Who is shown beside us, if recorded. */
static const char *const others[] = { "chrony", "ntpsec", "limit", "goal" };

bool
report_format(const char *name, enum format *out)
{
	for (unsigned i = 0; i < NELEMS(format_name); i++) {
		if (strcmp(name, format_name[i]) == 0) {
			*out = (enum format)i;
			return true;
		}
	}
	return false;
}

void
report_begin(FILE *f, enum format format)
{
	if (format == FORMAT_JSON) {
		fputs("[", f);
		return;
	}
	fprintf(f, "%-22s", "scenario");
	if (format == FORMAT_COMPARE) {
		fprintf(f, " %-15s %10s %10s %10s %10s %10s %8s %8s\n", "figure", "ours", "goal", "chrony", "ntpsec", "limit", "to best", "to limit");
		return;
	}
	for (size_t i = 0; i < NELEMS(columns); i++)
		fprintf(f, " %*s", columns[i].width, columns[i].head);
	fputc('\n', f);
}

void
report_end(FILE *f, enum format format)
{
	if (format == FORMAT_JSON)
		fputs("\n]\n", f);
}

static bool
is_share(enum figure k)
{
	return k == FIGURE_IN_BOUND || k == FIGURE_SYNCED;
}

static void
print_row(FILE *f, const struct result *r)
{
	fprintf(f, "%-22s", r->scenario->name);
	for (size_t i = 0; i < NELEMS(columns); i++) {
		double v = r->median.value[columns[i].figure] * (is_share(columns[i].figure) ? 100 : 1);

		if (isinf(v))
			fprintf(f, " %*s", columns[i].width, "never");
		else
			fprintf(f, " %*.*f", columns[i].width, columns[i].digits, v);
	}
	fputc('\n', f);
}

static void
print_number(FILE *f, double v)
{
	if (isfinite(v))
		fprintf(f, "%.9g", v);
	else
		fputs("null", f);
}

/* One object of figures; those named "group.key" go into an object of their own. */
static void
print_figures(FILE *f, const struct figures *v, const char *prefix)
{
	const char *group = NULL;

	for (unsigned k = 0; k < FIGURES; k++) {
		const char *name = figure_name(k), *dot = strchr(name, '.');

		if (dot != NULL && group == NULL)
			fprintf(f, ", \"%s%.*s\": {", prefix, (int)(dot - name), name);
		if (dot != NULL)
			fprintf(f, "%s\"%s\": ", group == NULL ? "" : ", ", dot + 1);
		else
			fprintf(f, ", \"%s%s\": ", prefix, name);
		print_number(f, v->value[k]);
		group = dot;
	}
	fputs(group != NULL ? "}" : "", f);
}

static void
print_object(FILE *f, unsigned number, const struct result *r)
{
	fprintf(f, "%s\n  {\"scenario\": \"%s\", \"seeds\": %u", number > 0 ? "," : "", r->scenario->name, r->seeds);
	print_figures(f, &r->median, "");
	print_figures(f, &r->worst, "worst_");
	fputs("}", f);
}

/* The recorded value of a figure, or NAN. */
static double
recorded(const struct scenario *s, const char *who, const char *name)
{
	for (unsigned i = 0; i < s->nrecord; i++) {
		if (strcmp(s->record[i].who, who) == 0 && strcmp(s->record[i].name, name) == 0)
			return s->record[i].value;
	}
	return NAN;
}

static void
print_cell(FILE *f, int width, double v)
{
	if (isnan(v))
		fprintf(f, " %*s", width, "-");
	else if (isinf(v))
		fprintf(f, " %*s", width, "never");
	else
		fprintf(f, " %*.*f", width, v < 10 ? 2 : v < 100 ? 1 : 0, v);
}

static void
print_comparison(FILE *f, const struct result *r)
{
	for (unsigned k = 0; k < FIGURES; k++) {
		double ours = r->median.value[k], v[NELEMS(others)];
		bool any = false;

		for (size_t i = 0; i < NELEMS(others); i++) {
			v[i] = recorded(r->scenario, others[i], figure_name(k));
			any = any || !isnan(v[i]);
		}
		if (!any)
			continue;
		fprintf(f, "%-22s %-15s", r->scenario->name, figure_name(k));
		print_cell(f, 10, ours);
		print_cell(f, 10, v[3]);
		print_cell(f, 10, v[0]);
		print_cell(f, 10, v[1]);
		print_cell(f, 10, v[2]);
		print_cell(f, 8, ours / fmin(v[0], v[1]));
		print_cell(f, 8, ours / v[2]);
		fputc('\n', f);
	}
}

void
report_result(FILE *f, enum format format, unsigned number, const struct result *r)
{
	if (format == FORMAT_JSON)
		print_object(f, number, r);
	else if (format == FORMAT_COMPARE)
		print_comparison(f, r);
	else
		print_row(f, r);
	fflush(f);
}

bool
report_claims(FILE *f, const struct result *r)
{
	bool all = true;

	for (unsigned i = 0; i < r->scenario->nclaim; i++) {
		const struct claim *c = &r->scenario->claim[i];
		bool worst = strncmp(c->name, "worst.", 6) == 0;
		double v = (worst ? &r->worst : &r->median)->value[figure_find(c->name + (worst ? 6 : 0))];
		bool held = c->op == '<' ? v <= c->value : c->op == '>' ? v >= c->value : v == c->value;

		if (!held)
			fprintf(f, "%s: %s is %.6g, should be %s %.6g\n", r->scenario->name, c->name, v, c->op == '<' ? "at most" : c->op == '>' ? "at least" : "exactly", c->value);
		all = all && held;
	}
	return all;
}
