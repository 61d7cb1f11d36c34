/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files of real machines (tests/corpus/ntp.conf): what is wrong in them is found, and nothing else is. */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "remarks.h"

#define CORPUS		"tests/corpus/ntp.conf/"
#define CORPUS_FILES	45

static struct remarks m;

/* Lines that ntpd does not take either: there must be a remark on each, of the kind given. */
static const struct { const char *file; unsigned line; enum remark kind; } bad[] = {
	{ "bsd211-1989", 11, REMARK_WARNING }, { "fermilab-xntp", 17, REMARK_WARNING }, { "gentoo-server", 17, REMARK_ERROR },
	{ "rpi-stray-text", 15, REMARK_ERROR }, { "russian-dc-typo", 2, REMARK_ERROR }, { "samba-dc-mssntp", 3, REMARK_ERROR },
	{ "stratum1-logconfig-keys", 17, REMARK_ERROR }, { "stratum1-logconfig-keys", 18, REMARK_ERROR },
	{ "stratum1-logconfig-keys", 19, REMARK_ERROR },
	/* "server 127.0.0.1", which ntpd takes for what it is when the file is applied. */
	{ "gentoo-server", 16, REMARK_ERROR }, { "samba-dc-mssntp", 2, REMARK_ERROR },
};

/* What the files ask for, counted by hand with grep: associations to be (clocks without a driver, 127.0.0.1, repeated and wrong lines left out). */
static const struct { const char *file; size_t sources; } counts[] = {
	{ "debian-11", 4 }, { "cerowrt-autokey", 8 }, { "russian-dc-typo", 5 }, { "rpi-ntpsec-nmea", 2 }, { "samba-dc-mssntp", 7 },
	{ "udel-grundoon", 5 }, { "bsd211-1989", 2 }, { "netbsd-2003", 3 }, { "two-configs-in-one", 4 }, { "esxi", 2 },
};

/* Every name of these files resolves; they are not looked up for real. */
static int
resolve_all(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	(void)arg;
	(void)name;
	(void)why;
	return cap > 0 && addr_parse(&out[0], family == 6 ? "2001:db8::7" : "192.0.2.7", 0) ? 1 : 0;
}

static struct config *
load(const char *path)
{
	const struct config_hooks h = { .remark = remarks_add, .resolve = resolve_all, .arg = &m };
	struct config *c = config_new();

	memset(&m, 0, sizeof(m));
	ck_assert_msg(config_load(c, path, &h) == 0, "%s", path);
	return c;
}

static struct config *
load_name(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), CORPUS "%s.conf", name);
	return load(path);
}

static bool
is_known_bad(const char *path, unsigned line)
{
	char full[256];

	for (size_t i = 0; i < NELEMS(bad); i++) {
		snprintf(full, sizeof(full), CORPUS "%s.conf", bad[i].file);
		if (strcmp(full, path) == 0 && bad[i].line == line)
			return true;
	}
	return false;
}

START_TEST(every_file_parses_but_for_the_lines_known_to_be_wrong)
{
	glob_t g;

	ck_assert_int_eq(glob(CORPUS "*.conf", 0, NULL, &g), 0);
	ck_assert_uint_eq(g.gl_pathc, CORPUS_FILES);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct config *c = load(g.gl_pathv[i]);

		ck_assert_uint_eq(c->fatal, 0);
		for (unsigned k = 0; k < m.n; k++)
			ck_assert_msg(m.v[k].kind != REMARK_ERROR || is_known_bad(m.v[k].file, m.v[k].line) ||
			    strstr(m.v[k].text, "/etc/ntp/crypto/pw: cannot be opened") != NULL, "%s:%u:%u: %s", m.v[k].file, m.v[k].line,
			    m.v[k].column, m.v[k].text);
		config_free(c);
	}
	globfree(&g);
}
END_TEST

START_TEST(line_known_to_be_wrong_is_reported)
{
	struct config *c = load_name(bad[_i].file);
	bool found = false;

	for (unsigned k = 0; k < m.n; k++)
		found = found || (m.v[k].line == bad[_i].line && m.v[k].kind == bad[_i].kind && m.v[k].column > 0);
	ck_assert_msg(found, "%s:%u", bad[_i].file, bad[_i].line);
	config_free(c);
}
END_TEST

START_TEST(sources_of_a_file_are_all_there)
{
	struct config *c = load_name(counts[_i].file);

	ck_assert_msg(c->nsources == counts[_i].sources, "%s: %zu sources", counts[_i].file, c->nsources);
	config_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config/corpus");
	TCase *t = tcase_create("corpus");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_file_parses_but_for_the_lines_known_to_be_wrong);
	tcase_add_loop_test(t, line_known_to_be_wrong_is_reported, 0, (int)NELEMS(bad));
	tcase_add_loop_test(t, sources_of_a_file_are_all_there, 0, (int)NELEMS(counts));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
