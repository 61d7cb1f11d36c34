/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: includes, directories, what is not to be trusted, and what --check-config prints. */
#include <sys/stat.h>
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remarks.h"

static struct remarks m;
static char dir[64];

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
make_dir(void)
{
	umask(022);
	strcpy(dir, "/tmp/test_reader.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
remove_dir(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in the test's directory; the last few stay valid. */
static const char *
at(const char *name)
{
	static char ring[4][PATH_MAX];
	static unsigned i;

	snprintf(ring[++i % 4], PATH_MAX, "%s/%s", dir, name);
	return ring[i % 4];
}

static void
write_bytes(const char *name, const char *buf, size_t len)
{
	FILE *f = fopen(at(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(buf, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

static void
write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static struct config *
load(const char *name, int want, int err)
{
	const struct config_hooks h = { .remark = remarks_add, .resolve = remarks_resolve, .arg = &m };
	struct config *c = config_new();
	int ret;

	memset(&m, 0, sizeof(m));
	errno = 0;
	ret = config_load(c, at(name), &h);
	ck_assert_int_eq(ret, want);
	if (want != 0)
		ck_assert_int_eq(errno, err);
	return c;
}

static void
one_error(unsigned line, const char *words)
{
	ck_assert_msg(m.errors == 1, "%u errors, first %s", m.errors, m.n > 0 ? m.v[0].text : "none");
	for (unsigned i = 0; i < m.n; i++)
		if (m.v[i].kind == REMARK_ERROR) {
			ck_assert_uint_eq(m.v[i].line, line);
			ck_assert_msg(strstr(m.v[i].text, words) != NULL, "%s", m.v[i].text);
		}
}

START_TEST(include_is_read_in_its_place_and_named_in_remarks)
{
	struct config *c;

	write_text("ntp.conf", "server a.example\nincludefile sub.conf\nserver c.example\nwrong\n");
	write_text("sub.conf", "server b.example\nbad\n");
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 2);
	ck_assert_str_eq(m.v[0].file, at("sub.conf"));
	ck_assert_uint_eq(m.v[0].line, 2);
	ck_assert_str_eq(m.v[1].file, at("ntp.conf"));
	ck_assert_uint_eq(m.v[1].line, 4);
	ck_assert_str_eq(c->sources->next->host, "b.example");
	ck_assert_str_eq(c->sources->next->next->host, "c.example");
	config_free(c);
}
END_TEST

START_TEST(restrict_error_in_an_include_does_not_stick_to_other_lines)
{
	struct config *c;

	write_text("ntp.conf", "includefile sub.conf\nwrong\n");
	write_text("sub.conf", "restrict default purple");
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(c->fatal, 1);
	ck_assert_uint_eq(m.errors, 2);
	ck_assert_ptr_null(strstr(m.v[1].text, "does not start"));
	config_free(c);
}
END_TEST

START_TEST(end_in_an_include_ends_everything)
{
	struct config *c;

	write_text("ntp.conf", "includefile sub.conf\nserver b.example\n");
	write_text("sub.conf", "server a.example\nend\nserver c.example\n");
	ck_assert_int_eq(mkdir(at("ntp.d"), 0755), 0);
	write_text("ntp.d/x.conf", "server d.example\n");
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->nsources, 1);
	config_free(c);
}
END_TEST

START_TEST(missing_include_is_told_and_the_rest_goes_on)
{
	struct config *c;

	write_text("ntp.conf", "includefile gone.conf\nserver a.example\n");
	c = load("ntp.conf", 0, 0);
	one_error(1, "cannot be opened: No such file or directory");
	ck_assert_uint_eq(m.v[0].column, 13);
	ck_assert_uint_eq(c->fatal, 0);
	ck_assert_uint_eq(c->nsources, 1);
	config_free(c);
}
END_TEST

START_TEST(file_that_includes_itself_is_stopped_with_the_chain_named)
{
	struct config *c;

	write_text("ntp.conf", "server a.example\nincludefile ntp.conf\nserver b.example\n");
	c = load("ntp.conf", 0, 0);
	one_error(2, "more than 5 includes within each other (/");
	ck_assert_ptr_nonnull(remarks_find(&m, "ntp.conf > "));
	ck_assert_uint_eq(c->fatal, 1);
	ck_assert_uint_eq(c->nsources, 2);
	config_free(c);
}
END_TEST

START_TEST(five_includes_within_each_other_are_read_and_the_sixth_is_not)
{
	struct config *c;
	char name[16], text[64];

	write_text("ntp.conf", "includefile 1.conf\n");
	for (int i = 1; i <= 6; i++) {
		snprintf(name, sizeof(name), "%d.conf", i);
		snprintf(text, sizeof(text), "server s%d.example\nincludefile %d.conf\n", i, i + 1);
		write_text(name, i == 5 ? "server s5.example\n" : text);
	}
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->nsources, 5);
	config_free(c);
	write_text("5.conf", "includefile 6.conf\n");
	c = load("ntp.conf", 0, 0);
	one_error(1, "more than 5 includes");
	ck_assert_str_eq(m.v[0].file, at("5.conf"));
	ck_assert_uint_eq(c->nsources, 4);
	config_free(c);
}
END_TEST

START_TEST(directory_is_read_in_order_and_with_those_below_it)
{
	struct config *c;
	const struct config_source *s;

	write_text("ntp.conf", "includefile more\n");
	ck_assert_int_eq(mkdir(at("more"), 0755), 0);
	ck_assert_int_eq(mkdir(at("more/15"), 0755), 0);
	write_text("more/20.conf", "server c.example\n");
	write_text("more/10.conf", "server a.example\n");
	write_text("more/15/x.conf", "server b.example\n");
	write_text("more/12.conf~", "server no.example\n");
	write_text("more/.13.conf", "server no.example\n");
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->nsources, 3);
	s = c->sources;
	ck_assert_str_eq(s->host, "a.example");
	ck_assert_str_eq(s->next->host, "b.example");
	ck_assert_str_eq(s->next->next->host, "c.example");
	config_free(c);
}
END_TEST

START_TEST(ntp_d_beside_the_file_is_read_after_it)
{
	struct config *c;

	write_text("ntp.conf", "server a.example\n");
	ck_assert_int_eq(mkdir(at("ntp.d"), 0755), 0);
	write_text("ntp.d/local.conf", "server b.example\n");
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_str_eq(c->sources->next->host, "b.example");
	config_free(c);
}
END_TEST

START_TEST(fan_out_of_files_is_bounded)
{
	struct config *c;
	char name[32];

	write_text("ntp.conf", "includefile more\n");
	ck_assert_int_eq(mkdir(at("more"), 0755), 0);
	for (int i = 0; i < CONFIG_FILES_MAX + 1; i++) {
		snprintf(name, sizeof(name), "more/%04d.conf", i);
		write_text(name, "tos minsane 1\n");
	}
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.errors, 2);
	ck_assert_ptr_nonnull(remarks_find(&m, "more than 256 files"));
	ck_assert_uint_gt(c->fatal, 0);
	config_free(c);
}
END_TEST

START_TEST(file_that_everybody_can_write_is_refused)
{
	struct config *c;

	write_text("ntp.conf", "server a.example\n");
	ck_assert_int_eq(chmod(at("ntp.conf"), 0646), 0);
	c = load("ntp.conf", -1, EPERM);
	one_error(0, "can be written by everybody");
	ck_assert_ptr_null(c->sources);
	ck_assert_ptr_nonnull(restrict_of(c, "0.0.0.0", "0.0.0.0"));
	config_free(c);
	ck_assert_int_eq(chmod(at("ntp.conf"), 0664), 0);
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 0);
	config_free(c);
}
END_TEST

START_TEST(include_that_everybody_can_write_is_fatal)
{
	struct config *c;

	write_text("ntp.conf", "includefile sub.conf\n");
	write_text("sub.conf", "server a.example\n");
	ck_assert_int_eq(chmod(at("sub.conf"), 0666), 0);
	c = load("ntp.conf", 0, 0);
	one_error(1, "can be written by everybody");
	ck_assert_uint_eq(c->fatal, 1);
	ck_assert_ptr_null(c->sources);
	config_free(c);
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused)
{
	struct config *c;

	c = load("gone.conf", -1, ENOENT);
	one_error(0, "cannot be opened");
	config_free(c);
	c = load("", -1, EISDIR);
	one_error(0, "is a directory");
	config_free(c);
	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	c = load("fifo", -1, EINVAL);
	one_error(0, "not a regular file");
	config_free(c);
	ck_assert_int_eq(symlink("/dev/zero", at("zero")), 0);
	c = load("zero", -1, EINVAL);
	one_error(0, "not a regular file");
	config_free(c);
}
END_TEST

START_TEST(null_device_is_an_empty_configuration)
{
	struct config *c = config_new();

	memset(&m, 0, sizeof(m));
	ck_assert_int_eq(config_load(c, "/dev/null", &(struct config_hooks){ .remark = remarks_add, .resolve = config_resolve_system, .arg = &m }), 0);
	ck_assert_uint_eq(m.n, 0);
	config_free(c);
}
END_TEST

START_TEST(binary_file_is_refused_at_its_first_nul)
{
	struct config *c;

	write_bytes("ntp.conf", "server a.example\n\0\0\xff", 20);
	c = load("ntp.conf", -1, EILSEQ);
	one_error(2, "a NUL octet");
	ck_assert_uint_eq(c->fatal, 1);
	ck_assert_ptr_null(c->sources);
	config_free(c);
}
END_TEST

START_TEST(binary_include_is_fatal_and_the_rest_is_read)
{
	struct config *c;

	write_text("ntp.conf", "includefile bin\nserver a.example\n");
	write_bytes("bin", "\x7f" "ELF\0\0", 6);
	c = load("ntp.conf", 0, 0);
	one_error(1, "a NUL octet");
	ck_assert_str_eq(m.v[0].file, at("bin"));
	ck_assert_uint_eq(c->fatal, 1);
	ck_assert_uint_eq(c->nsources, 1);
	config_free(c);
}
END_TEST

START_TEST(file_above_the_size_limit_is_refused)
{
	size_t len = CONFIG_FILE_MAX;
	char *buf = malloc(len + 1);
	struct config *c;

	memset(buf, '\n', len + 1);
	write_bytes("ntp.conf", buf, len);
	c = load("ntp.conf", 0, 0);
	ck_assert_uint_eq(m.n, 0);
	config_free(c);
	write_bytes("ntp.conf", buf, len + 1);
	c = load("ntp.conf", -1, EFBIG);
	one_error(0, "larger than 4194304 octets");
	config_free(c);
	free(buf);
}
END_TEST

START_TEST(check_prints_places_and_says_what_is_wrong)
{
	static char want[24 * PATH_MAX], got[24 * PATH_MAX];
	char path[PATH_MAX], *p = NULL;
	size_t len = 0;
	FILE *f;

	write_text("ntp.conf", "server a.example ibrust\nkeysdir /k\nrestrict localhost\n# nothing\n\ntos mindist 1 maxdist 2\ntinker step 1 allan 7\nincludefile more\nend\nx\n");
	write_text("more", " driftfile /d\n");
	f = open_memstream(&p, &len);
	ck_assert_int_eq(config_check(at("ntp.conf"), f), 1);
	fclose(f);
	snprintf(got, sizeof(got), "%s", p);
	free(p);
	snprintf(path, sizeof(path), "%s", at("ntp.conf"));
	snprintf(want, sizeof(want),
	    "%1$s:1:18: error: 'server' has no option 'ibrust'; the line is skipped\n"
	    "%1$s:1:1: wrong: server\n"
	    "%1$s:2:1: warning: 'keysdir' is a relic and has no effect (Autokey, which nobody should use any more)\n"
	    "%1$s:2:1: ignored: keysdir\n"
	    "%1$s:3:10: note: 'localhost' is looked up when the daemon starts, not now\n"
	    "%1$s:3:1: in force: restrict\n"
	    "%1$s:6:1: in force: tos\n"
	    "%1$s:7:15: warning: 'allan' of 'tinker' has no effect (the estimator finds its own time constant)\n"
	    "%1$s:7:1: in force in part: tinker\n"
	    "%2$s:1:2: in force: driftfile\n"
	    "%1$s:8:1: in force: includefile\n"
	    "%1$s:9:1: in force: end\n"
	    "%1$s: 1 error, 2 warnings\n", path, at("more"));
	ck_assert_str_eq(got, want);
}
END_TEST

START_TEST(check_says_yes_to_a_right_file_and_no_to_a_missing_one)
{
	FILE *f = fopen("/dev/null", "w");

	write_text("ntp.conf", "server a.example iburst\nkeys /k\n");
	ck_assert_int_eq(config_check(at("ntp.conf"), f), 0);
	ck_assert_int_eq(config_check(at("gone.conf"), f), 1);
	fclose(f);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config/reader");
	TCase *t = tcase_create("files");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_add_test(t, include_is_read_in_its_place_and_named_in_remarks);
	tcase_add_test(t, restrict_error_in_an_include_does_not_stick_to_other_lines);
	tcase_add_test(t, end_in_an_include_ends_everything);
	tcase_add_test(t, missing_include_is_told_and_the_rest_goes_on);
	tcase_add_test(t, file_that_includes_itself_is_stopped_with_the_chain_named);
	tcase_add_test(t, five_includes_within_each_other_are_read_and_the_sixth_is_not);
	tcase_add_test(t, directory_is_read_in_order_and_with_those_below_it);
	tcase_add_test(t, ntp_d_beside_the_file_is_read_after_it);
	tcase_add_test(t, fan_out_of_files_is_bounded);
	tcase_add_test(t, file_that_everybody_can_write_is_refused);
	tcase_add_test(t, include_that_everybody_can_write_is_fatal);
	tcase_add_test(t, what_is_no_regular_file_is_refused);
	tcase_add_test(t, null_device_is_an_empty_configuration);
	tcase_add_test(t, binary_file_is_refused_at_its_first_nul);
	tcase_add_test(t, binary_include_is_fatal_and_the_rest_is_read);
	tcase_add_test(t, file_above_the_size_limit_is_refused);
	tcase_add_test(t, check_prints_places_and_says_what_is_wrong);
	tcase_add_test(t, check_says_yes_to_a_right_file_and_no_to_a_missing_one);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
