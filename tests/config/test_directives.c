/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of the tables: its example, its bounds, and what is wrong with everything else. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/directives.h"
#include "remarks.h"

static struct remarks m;

/* A line that parsed: no error, and one warning by name if it is not in force. */
START_TEST(example_of_a_row_is_right)
{
	const struct directive *d = &directive_table[_i];
	struct config *c = parse_text(d->example, &m);
	char quoted[64];

	ck_assert_msg(m.errors == 0, "%s: %s", d->example, m.n > 0 ? m.v[0].text : "");
	snprintf(quoted, sizeof(quoted), "'%s' %s", d->name, d->standing == RELIC ? "is a relic" : "has no effect yet");
	ck_assert_msg((remarks_find(&m, quoted) != NULL) == (d->standing != IN_FORCE), "%s", d->example);
	ck_assert(strncmp(d->example, d->name, strlen(d->name)) == 0);
	ck_assert(d->prose != NULL && d->prose[0] != '\0' && d->args != NULL);
	config_free(c);
}
END_TEST

START_TEST(row_without_effect_warns_once_and_then_notes)
{
	const struct directive *d = &directive_table[_i];
	char text[512];
	struct config *c;

	snprintf(text, sizeof(text), "%s\n%s\n", d->example, d->example);
	c = parse_text(text, &m);
	if (d->standing != IN_FORCE) {
		ck_assert_uint_eq(m.notes, 1);
		ck_assert_uint_eq(m.v[m.n - 1].line, 2);
	} else {
		ck_assert_uint_eq(m.notes, 0);
	}
	config_free(c);
}
END_TEST

/* Takes the bracketed parts out of a synopsis: what is left must be there. */
static bool
needs_arguments(const struct directive *d)
{
	unsigned depth = 0;

	if (d->options != NULL && d->min > 0)
		return true;
	for (const char *p = d->args; *p != '\0'; p++) {
		depth += *p == '[';
		if (depth == 0 && *p != ' ' && *p != '.')
			return true;
		depth -= *p == ']' && depth > 0;
	}
	return false;
}

static void
one_error_on_line_2(const char *line)
{
	char text[1024];
	struct config *c;

	snprintf(text, sizeof(text), "# first\n%s\n# last\n", line);
	c = parse_text(text, &m);
	ck_assert_msg(m.errors == 1, "%s: %u errors, first %s", line, m.errors, m.n > 0 ? m.v[0].text : "none");
	for (unsigned i = 0; i < m.n; i++)
		if (m.v[i].kind == REMARK_ERROR) {
			ck_assert_uint_eq(m.v[i].line, 2);
			ck_assert_uint_ge(m.v[i].column, 1);
			ck_assert_uint_le(m.v[i].column, strlen(line) + 1);
			ck_assert_str_eq(m.v[i].file, "t.conf");
			ck_assert_uint_gt(strlen(m.v[i].text), 10);
		}
	config_free(c);
}

START_TEST(row_without_its_arguments_is_an_error_with_a_place)
{
	const struct directive *d = &directive_table[_i];
	struct config *c;

	if (needs_arguments(d)) {
		one_error_on_line_2(d->name);
		return;
	}
	c = parse_text(d->name, &m);
	ck_assert_msg(m.errors == 0, "%s: %s", d->name, m.n > 0 ? m.v[0].text : "");
	config_free(c);
}
END_TEST

/* Rows whose arguments are words of any kind and number. */
static bool
takes_anything(const struct directive *d)
{
	const char *dots = strstr(d->args, "...");

	return strcmp(d->args, "...") == 0 || (dots != NULL && d->max > 1 && d->options == NULL && d->max < 255) ||
	    strcmp(d->name, "simulate") == 0 || strcmp(d->name, "broadcastclient") == 0 || strncmp(d->name, "un", 2) == 0;
}

START_TEST(row_with_something_after_it_is_an_error_with_a_place)
{
	const struct directive *d = &directive_table[_i];
	char line[512];

	if (takes_anything(d))
		return;
	snprintf(line, sizeof(line), "%s }", d->example);
	if (strcmp(d->name, "logconfig") != 0)
		one_error_on_line_2(line);
	snprintf(line, sizeof(line), "%s \"open", d->example);
	one_error_on_line_2(line);
}
END_TEST

START_TEST(row_with_a_word_too_long_is_an_error_with_a_place)
{
	static char line[2000];
	const struct directive *d = &directive_table[_i];
	struct config *c;
	int n = snprintf(line, sizeof(line), "%s ", d->name);

	memset(line + n, 'x', 1024);
	line[n + 1024] = '\0';
	c = parse_text(line, &m);
	ck_assert_uint_eq(m.errors, 1);
	ck_assert_msg(strstr(m.v[0].text, "longer than 1023") != NULL, "%s", m.v[0].text);
	ck_assert_uint_eq(m.v[0].column, (unsigned)n + 1);
	config_free(c);
}
END_TEST

/* A beginning that the directive's options may follow. */
static const char *
stem(const struct directive *d, const struct option *o)
{
	static const struct { const char *name, *stem; } stems[] = {
		{ "server", "server 192.0.2.9" }, { "pool", "pool pool.example" }, { "peer", "peer 192.0.2.9" },
		{ "broadcast", "broadcast 192.0.2.255" }, { "manycastclient", "manycastclient 239.1.1.1" }, { "refclock", "refclock local" },
		{ "fudge", "fudge 127.127.28.0" }, { "device", "device 127.127.20.0" }, { "filegen", "filegen peerstats" }, { "trap", "trap 192.0.2.9" },
	};

	if ((o->flags & OPTION_ON_CLOCK) != 0 && (strcmp(d->name, "server") == 0 || strcmp(d->name, "peer") == 0 || strcmp(d->name, "broadcast") == 0 ||
	    strcmp(d->name, "manycastclient") == 0))
		return "server 127.127.28.0";
	for (size_t i = 0; i < NELEMS(stems); i++)
		if (strcmp(stems[i].name, d->name) == 0)
			return stems[i].stem;
	return d->name;
}

static bool
is_numeric(const struct option *o)
{
	return o->type != OPT_SET && o->type != OPT_CLEAR && o->type != OPT_STRING && o->type != OPT_CHOICE && o->type != OPT_DATE;
}

static double
field_value(const struct option *o, const char *field)
{
	switch (o->type) {
	case OPT_SET:
	case OPT_BOOL:
		return *(const bool *)field;
	case OPT_INT:
		return *(const int *)(const void *)field;
	case OPT_UINT:
		return *(const unsigned *)(const void *)field;
	case OPT_INT8:
		return *(const int8_t *)field;
	case OPT_UINT8:
		return *(const uint8_t *)field;
	case OPT_UINT32:
		return *(const uint32_t *)(const void *)field;
	case OPT_INT64:
		return (double)*(const int64_t *)(const void *)field;
	default:
		return *(const double *)(const void *)field / (o->scale != 0 ? o->scale : 1);
	}
}

/* What came to be of the option, NAN if the row keeps it nowhere that the test can see. */
static double
stored(const struct config *c, const struct directive *d, const struct option *o)
{
	const char *base = (const char *)c;

	if (o->offset == NOWHERE)
		return NAN;
	if (strcmp(d->name, "server") == 0 || strcmp(d->name, "peer") == 0 || strcmp(d->name, "pool") == 0 || strcmp(d->name, "broadcast") == 0 ||
	    strcmp(d->name, "manycastclient") == 0 || strcmp(d->name, "refclock") == 0) {
		if (c->sources == NULL || o->offset >= sizeof(*c->sources))
			return NAN;
		base = (const char *)c->sources;
	} else if (strcmp(d->name, "fudge") == 0) {
		return NAN;
	}
	return field_value(o, base + o->offset);
}

static void
value_is(const struct directive *d, const struct option *o, double v, double want)
{
	char line[256];
	struct config *c;
	double got;

	snprintf(line, sizeof(line), "%s %s %.17g", stem(d, o), o->name, v);
	/* Both exponents, so that the one under test is not brought below or above the other. */
	if (strcmp(o->name, "minpoll") == 0)
		strcat(line, " maxpoll 17");
	else if (strcmp(o->name, "maxpoll") == 0)
		strcat(line, " minpoll 0");
	c = parse_text(line, &m);
	ck_assert_msg(m.errors == 0, "%s: %s", line, m.n > 0 ? m.v[0].text : "");
	got = stored(c, d, o);
	if (!isnan(got))
		ck_assert_msg(fabs(got - want) <= 1e-12 * fabs(want), "%s: %.17g is stored", line, got);
	if (v != want)
		ck_assert_msg(remarks_find(&m, "is out of range") != NULL, "%s", line);
	config_free(c);
}

static void
value_is_wrong(const struct directive *d, const struct option *o, const char *value)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %s %s", stem(d, o), o->name, value);
	one_error_on_line_2(line);
}

static void
try_bounds(const struct directive *d, const struct option *o)
{
	bool whole = o->type != OPT_DOUBLE;
	double below = whole ? o->min - 1 : nextafter(o->min, -INFINITY), above = whole ? o->max + 1 : nextafter(o->max, INFINITY);
	char text[64];

	if (o->type == OPT_BOOL) {
		below = -2147483649.0;
		above = 2147483648.0;
	}
	value_is(d, o, o->min, o->min);
	value_is(d, o, o->max, o->max);
	if ((o->flags & OPTION_CLAMP) != 0) {
		value_is(d, o, below, o->min);
		value_is(d, o, above, o->max);
		return;
	}
	snprintf(text, sizeof(text), "%.17g", below);
	value_is_wrong(d, o, text);
	snprintf(text, sizeof(text), "%.17g", above);
	value_is_wrong(d, o, text);
}

static void
try_option(const struct directive *d, const struct option *o)
{
	static const char *const never[] = { "nan", "inf", "-inf", "1e999", "-1e999", "99999999999999999999", "x", "\"1\"", "1x", "=" };
	static const char *const no_days[] = {
		"2026-02-29", "2026-13-01", "2026-1-1", "2026-01-01x", "26-01-01", "1969-12-31", "2201-01-01", "-1", "+46000", "25566", "109573", "nan", "x",
		"99999999999999999999", "=", "\"2026-01-01\"",
	};
	char line[256];
	struct config *c;

	ck_assert(o->prose != NULL && o->prose[0] != '\0');
	if (o->type != OPT_SET && o->type != OPT_CLEAR) {
		snprintf(line, sizeof(line), "%s %s", stem(d, o), o->name);
		one_error_on_line_2(line);
	}
	if (is_numeric(o)) {
		ck_assert(o->min < o->max);
		try_bounds(d, o);
		for (size_t i = 0; i < NELEMS(never); i++)
			value_is_wrong(d, o, never[i]);
		return;
	}
	if (o->type == OPT_CHOICE)
		value_is_wrong(d, o, "purple");
	for (size_t i = 0; o->type == OPT_DATE && i < NELEMS(no_days); i++)
		value_is_wrong(d, o, no_days[i]);
	snprintf(line, sizeof(line), "%s %s %.*s", stem(d, o), o->name, o->type == OPT_CHOICE ? (int)strcspn(o->choices, " ") : o->type == OPT_DATE ? 10 : 1,
	    o->type == OPT_CHOICE ? o->choices : o->type == OPT_STRING ? "x" : o->type == OPT_DATE ? "2026-02-28" : "");
	c = parse_text(line, &m);
	ck_assert_msg(m.errors == 0, "%s: %s", line, m.n > 0 ? m.v[0].text : "");
	if (o->type == OPT_SET && (o->flags & OPTION_NOT_POOL) == 0 && strcmp(d->name, "enable") != 0 && strcmp(d->name, "disable") != 0 &&
	    !isnan(stored(c, d, o)))
		ck_assert_msg(stored(c, d, o) == 1, "%s", line);
	config_free(c);
}

START_TEST(every_option_takes_its_bounds_and_nothing_beyond)
{
	const struct directive *d = &directive_table[_i];

	for (size_t i = 0; i < d->noptions; i++) {
		if (strcmp(d->name, "pool") == 0 && (d->options[i].flags & OPTION_ON_CLOCK) != 0)
			continue;
		try_option(d, &d->options[i]);
	}
}
END_TEST

START_TEST(unknown_option_loses_the_line)
{
	const struct directive *d = &directive_table[_i];
	char line[128];

	if (d->noptions == 0)
		return;
	snprintf(line, sizeof(line), "%s purple", stem(d, &d->options[0]));
	one_error_on_line_2(line);
}
END_TEST

START_TEST(number_of_a_row_has_bounds)
{
	const struct directive *d = &directive_table[_i];
	bool whole = d->max >= 15;
	char line[128];
	double bad[2];

	if (strcmp(d->args, "N") != 0 && strcmp(d->args, "SECONDS") != 0 && strcmp(d->args, "NUMBER") != 0)
		return;
	bad[0] = whole ? d->min - 1 : nextafter(d->min, -INFINITY);
	bad[1] = whole ? d->max + 1 : nextafter(d->max, INFINITY);
	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "%s %.17g", d->name, bad[i]);
		one_error_on_line_2(line);
	}
	snprintf(line, sizeof(line), "%s nan", d->name);
	one_error_on_line_2(line);
	snprintf(line, sizeof(line), "%s 1e999", d->name);
	one_error_on_line_2(line);
}
END_TEST

/* Every word that either ntpd knows and the other does not, and those of old releases. */
static const char *const words[] = {
	"abbrev", "automax", "autokey", "basedate", "bclient", "bcpollbstep", "beacon", "broadcast", "broadcastclient", "broadcastdelay", "cohort",
	"crypto", "cryptostats", "delrestrict", "device", "digest", "discard", "epeer", "host", "ident", "keysdir", "lowpriotrap", "manycastclient",
	"manycastserver", "minimum", "minjitter", "mode7", "multicastclient", "noepeer", "peer_clear_digest_early", "pollskewlist", "ppsdata",
	"preempt", "pw", "randfile", "revoke", "serverresponse fuzz", "simulate", "timedata", "timingstats", "trap", "ttl", "unpeer_crypto_early",
	"unpeer_crypto_nak_early", "unpeer_digest_early", "xleave", "xmtnonce", "aead", "ask", "baud", "bias", "ca", "cert", "clock", "cookie", "expire",
	"extra", "limit", "maxdisp", "maxtls", "mintls", "minage", "noval", "nts", "ntskelog", "ntskestats", "ntsstats", "path", "ppspath", "refclock",
	"require", "subtype", "tlscipherserverpreference", "tlsciphersuites", "tlsecdhcurves", "unit", "unrestrict", "usestats", "dynamic",
	"authenticate", "authdelay", "precision", "maxskew", "clientlimit", "clientperiod", "resolver", "pps", "set_tickadj", "slewalways",
};

START_TEST(every_word_of_both_ntpds_is_in_a_table)
{
	bool found = directive_find(words[_i]) != NULL || restrict_flag_find(words[_i]) != NULL;

	for (size_t i = 0; i < directive_count; i++)
		found = found || option_find(directive_table[i].options, directive_table[i].noptions, words[_i]) != NULL;
	ck_assert_msg(found, "%s", words[_i]);
}
END_TEST

START_TEST(names_of_rows_are_unique)
{
	for (size_t i = 0; i < directive_count; i++) {
		ck_assert_ptr_eq(directive_find(directive_table[i].name), &directive_table[i]);
		for (size_t o = 0; o < directive_table[i].noptions; o++)
			ck_assert_ptr_eq(option_find(directive_table[i].options, directive_table[i].noptions, directive_table[i].options[o].name),
			    &directive_table[i].options[o]);
	}
	ck_assert_ptr_null(directive_find("purple"));
}
END_TEST

/* Any damage to a right line is survived; the sanitizers watch. */
START_TEST(damaged_examples_do_no_harm)
{
	const char *example = directive_table[_i].example;
	size_t len = strlen(example);
	char line[512];
	unsigned seed = 20260102u + (unsigned)_i;

	for (size_t cut = 0; cut <= len; cut++)
		config_free(parse_bytes(example, cut, &m));
	for (int round = 0; round < 300; round++) {
		memcpy(line, example, len + 1);
		for (int k = 0; k < 1 + round % 4; k++) {
			seed = seed * 1664525u + 1013904223u;
			line[(seed >> 8) % len] = (char)(seed >> 24);
		}
		if (strstr(line, "includefile") == NULL)
			config_free(parse_bytes(line, len, &m));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config/directives");
	TCase *t = tcase_create("rows");
	SRunner *r;
	int failed, n = (int)directive_count;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, example_of_a_row_is_right, 0, n);
	tcase_add_loop_test(t, row_without_effect_warns_once_and_then_notes, 0, n);
	tcase_add_loop_test(t, row_without_its_arguments_is_an_error_with_a_place, 0, n);
	tcase_add_loop_test(t, row_with_something_after_it_is_an_error_with_a_place, 0, n);
	tcase_add_loop_test(t, row_with_a_word_too_long_is_an_error_with_a_place, 0, n);
	tcase_add_loop_test(t, every_option_takes_its_bounds_and_nothing_beyond, 0, n);
	tcase_add_loop_test(t, unknown_option_loses_the_line, 0, n);
	tcase_add_loop_test(t, number_of_a_row_has_bounds, 0, n);
	tcase_add_loop_test(t, every_word_of_both_ntpds_is_in_a_table, 0, (int)NELEMS(words));
	tcase_add_test(t, names_of_rows_are_unique);
	tcase_add_loop_test(t, damaged_examples_do_no_harm, 0, n);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
