/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks for the variables of a labelled table and prints it (sysinfo and its kin). */
#include <math.h>
#include <string.h>

#include "listings.h"
#include "strb.h"
#include "tables.h"
#include "units.h"

#define NAMES_MAX	(2 * CONTROL_DATA_MAX)
#define NAME_MAX_LEN	64
#define PORT_TEXT_MAX	16
#define VALUE_WIDTH	13	/* of NTPsec's columns */

static bool
shows_twice(enum table_kind kind)
{
	return kind == KIND_UPTIME_2 || kind == KIND_PACKETS_2;
}

/* The names a row asks for, one after the other; NULL behind the last. */
static const char *
row_name(const struct table_row *row, unsigned i, char buf[static NAME_MAX_LEN])
{
	if (i == 0)
		return row->var;
	if (i == 1 && row->port != NULL)
		return row->port;
	if (i == 1 && shows_twice(row->kind)) {
		snprintf(buf, NAME_MAX_LEN, "%s_r", row->var);
		return buf;
	}
	return NULL;
}

/* Asks for one variable; one that the server lacks stays away. */
static bool
ask_one(struct session *s, const char *name, uint16_t associd, struct strb *answer, uint16_t *status)
{
	enum query_err e = session_query(s, CONTROL_READVAR, associd, name);
	struct vars v = session_answer(s);
	struct varval value;

	if (e == QUERY_OK)
		*status = s->query.assembly.status;
	if (e == QUERY_OK && vars_get(&v, name, &value))
		strb_add(answer, "%s%s=%s%.*s%s", answer->len > 0 ? "," : "", name, value.quoted ? "\"" : "", (int)value.len, value.s,
		    value.quoted ? "\"" : "");
	if (e == QUERY_OK || (e == QUERY_SERVER && s->query.server_err == CERR_UNKNOWNVAR))
		return true;
	session_complain(s, e, associd);
	return false;
}

static bool
ask_one_by_one(struct session *s, const struct table *t, uint16_t associd, struct strb *answer, uint16_t *status)
{
	char buf[NAME_MAX_LEN];
	const char *name;

	if (s->layout == LAYOUT_NTPSEC)
		fprintf(stderr, "Unknown variable.  Trying one at a time.\n");
	for (size_t i = 0; i < t->nrows; i++) {
		for (unsigned k = 0; (name = row_name(&t->rows[i], k, buf)) != NULL; k++) {
			if (!ask_one(s, name, associd, answer, status))
				return false;
		}
	}
	return true;
}

/*
 * What a table is made of, added to answer, and the status word.  All variables at once; if the server lacks one, which its error
 * does not name, one by one.
 */
static bool
ask_table(struct session *s, const struct table *t, uint16_t associd, struct strb *answer, uint16_t *status)
{
	char names[NAMES_MAX + 1], buf[NAME_MAX_LEN];
	struct strb list = strb_init(names, sizeof(names));
	const char *name;
	enum query_err e;
	struct vars v;

	for (size_t i = 0; i < t->nrows; i++) {
		for (unsigned k = 0; (name = row_name(&t->rows[i], k, buf)) != NULL; k++)
			strb_add(&list, "%s%s", list.len > 0 ? "," : "", name);
	}
	e = session_query(s, CONTROL_READVAR, associd, names);
	if (e == QUERY_REQUEST || (e == QUERY_SERVER && s->query.server_err == CERR_UNKNOWNVAR))
		return ask_one_by_one(s, t, associd, answer, status);
	session_complain(s, e, associd);
	if (e != QUERY_OK)
		return false;
	v = session_answer(s);
	*status = s->query.assembly.status;
	strb_add(answer, "%.*s", (int)v.len, v.text);
	return true;
}

static void
put_classic(FILE *out, const struct table *t, const struct cook_view *view, const struct vars *v)
{
	for (size_t i = 0; i < t->nrows; i++) {
		const struct table_row *row = &t->rows[i];
		char cooked[COOKED_MAX] = "?", port[PORT_TEXT_MAX] = "?";
		struct varval value;

		if (vars_get(v, row->var, &value))
			cook(view, row->how, &value, cooked);
		fprintf(out, "%-*s%s", t->label_width, row->label, cooked);
		if (row->port != NULL && vars_word(v, row->port, port, sizeof(port)))
			fprintf(out, ":%s", port);
		putc('\n', out);
	}
}

/* A count and, unless it is zero, how many that makes a second or how many seconds each. */
static void
put_packets(FILE *out, bool value, unsigned long n, bool known, unsigned long period)
{
	double per_second = n > period && period > 0 ? (double)n / (double)period : 0;

	if (value && known)
		fprintf(out, " %*lu", VALUE_WIDTH, n);
	else if (value)
		fprintf(out, " %*s", VALUE_WIDTH, "?");
	else if (!known || n == 0)
		fprintf(out, " %*s", VALUE_WIDTH, "");
	else if (per_second > 0)
		fprintf(out, " %10.1fp/s", rint(per_second));
	else
		fprintf(out, " %10.1fs/p", rint((double)period / (double)n));
}

/* What NTPsec shows of one row and, with …_2, of the same since the start.  periods: of the last uptimes above. */
static void
put_counts(FILE *out, const struct table_row *row, const struct vars *v, unsigned long periods[2])
{
	bool uptime = row->kind == KIND_UPTIME || row->kind == KIND_UPTIME_2, known[2] = { false, false };
	unsigned long n[2] = { 0, 0 };
	char name[NAME_MAX_LEN], text[UNITS_MAX];
	unsigned both = shows_twice(row->kind) ? 2 : 1;

	snprintf(name, sizeof(name), "%s_r", row->var);
	for (unsigned i = 0; i < both; i++) {
		known[i] = vars_uint(v, i == 0 ? row->var : name, &n[i]);
		if (uptime && known[i])
			periods[i] = n[i];
		if (uptime)
			fprintf(out, " %*s", VALUE_WIDTH, known[i] ? units_period(n[i], text) : "?");
		else
			put_packets(out, true, n[i], known[i], periods[i]);
	}
	for (unsigned i = 0; i < both && !uptime; i++)
		put_packets(out, false, n[i], known[i], periods[i]);
}

static void
put_ntpsec(FILE *out, const struct table *t, const struct cook_view *view, const struct vars *v)
{
	struct cook_view narrow = *view;
	unsigned long periods[2] = { 1, 1 };

	narrow.width = 8;
	for (size_t i = 0; i < t->nrows; i++) {
		const struct table_row *row = &t->rows[i];
		char cooked[COOKED_MAX] = "?";
		struct varval value;

		if (row->kind != KIND_VALUE) {
			fprintf(out, "%-*s", t->label_width, row->label);
			put_counts(out, row, v, periods);
			putc('\n', out);
			continue;
		}
		if (vars_get(v, row->var, &value) && row->how == COOK_MODE)
			cook(&narrow, row->how, &value, cooked);
		else if (vars_get(v, row->var, &value))
			cook_ntpsec(&narrow, row->var, strlen(row->var), &value, cooked);
		fprintf(out, row->how == COOK_MODE ? "%-*s  %s\n" : "%-*s %13s\n", t->label_width, row->label, cooked);
	}
}

void
table_put(FILE *out, const char *command, const struct cook_view *view, const struct vars *v)
{
	const struct table *t = table_find(command, view->layout);

	if (t != NULL)
		(table_is_ntpsec(t) ? put_ntpsec : put_classic)(out, t, view, v);
}

bool
list_table(struct session *s, const char *command, uint16_t associd)
{
	const struct table *t = table_find(command, s->layout);
	char buf[ASSEMBLY_MAX], words[200];
	struct strb answer = strb_init(buf, sizeof(buf));
	struct cook_view view = session_view(s);
	uint16_t status = 0;
	struct json j;
	struct vars v;

	if (t == NULL || !ask_table(s, t, associd, &answer, &status))
		return false;
	v = (struct vars){ .text = buf, .len = answer.len };
	if (s->json) {
		json_begin(&j, s->out, command, s->host);
		json_vars_row(&j, associd, words_status(status_kind(CONTROL_READVAR, associd), status, words, sizeof(words)), &v);
		json_end(&j);
		return true;
	}
	put_server(s);
	if (t->status_line)
		put_status(s, CONTROL_READVAR, associd, status);
	table_put(s->out, command, &view, &v);
	return true;
}
