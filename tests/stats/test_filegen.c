/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of generation files over the ends of periods, and records in the face of rotations, links, strangers' files and full disks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "place.h"
#include "stats/filegen.h"

#define NEWYEAR_2026	1767225600	/* 2026-01-01 00:00:00 UTC, a Thursday */

static struct place place;

static struct filegen_at
at(int64_t s)
{
	return (struct filegen_at){ .wall = { s * NS_PER_S }, .mono = { 1000 * INT64_C(1000000000) }, .uptime = 100, .pid = 1234 };
}

static struct filegen
set_of(enum filegen_type type, bool link)
{
	struct filegen g = { .opts = { .file = "peerstats", .type = type, .link = link, .enabled = true } };

	return g;
}

static bool
append(struct filegen *g, int64_t s, const char *text)
{
	struct filegen_at now = at(s);

	return filegen_append(g, place.dir, &now, text, strlen(text));
}

static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return lstat(place_path(&place, a), &x) == 0 && lstat(place_path(&place, b), &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* --- names --------------------------------------------------------------------------------- */

static const struct { enum filegen_type type; int64_t s; const char *suffix; } names[] = {
	{ FILEGEN_NONE, NEWYEAR_2026, "" },
	{ FILEGEN_PID, NEWYEAR_2026, ".#1234" },
	{ FILEGEN_DAY, NEWYEAR_2026 + 86400, ".20260102" },
	{ FILEGEN_DAY, NEWYEAR_2026 - 1, ".20251231" },
	{ FILEGEN_DAY, NEWYEAR_2026, ".20260101" },
	{ FILEGEN_DAY, 1709164800, ".20240229" },
	{ FILEGEN_DAY, 951782400, ".20000229" },
	{ FILEGEN_DAY, 4107542400, ".21000301" },	/* no leap year */
	{ FILEGEN_DAY, 2085978496, ".20360207" },	/* the era begins */
	{ FILEGEN_DAY, -1, ".19691231" },
	/* ISO 8601: the week of the year's first Thursday is the first; Monday begins it. */
	{ FILEGEN_WEEK, NEWYEAR_2026, ".2026w01" },
	{ FILEGEN_WEEK, NEWYEAR_2026 - 3 * 86400, ".2026w01" },		/* Monday, 2025-12-29 */
	{ FILEGEN_WEEK, NEWYEAR_2026 - 3 * 86400 - 1, ".2025w52" },	/* Sunday before it */
	{ FILEGEN_WEEK, NEWYEAR_2026 + 4 * 86400 - 1, ".2026w01" },	/* Sunday, 2026-01-04 */
	{ FILEGEN_WEEK, NEWYEAR_2026 + 4 * 86400, ".2026w02" },
	{ FILEGEN_WEEK, 1798761600, ".2026w53" },	/* Friday, 2027-01-01 */
	{ FILEGEN_WEEK, 1230768000, ".2009w01" },	/* Thursday, 2009-01-01 */
	{ FILEGEN_WEEK, 1262304000, ".2009w53" },	/* Friday, 2010-01-01 */
	{ FILEGEN_MONTH, NEWYEAR_2026 - 1, ".202512" },
	{ FILEGEN_MONTH, NEWYEAR_2026, ".202601" },
	{ FILEGEN_YEAR, NEWYEAR_2026 - 1, ".2025" },
	{ FILEGEN_YEAR, NEWYEAR_2026, ".2026" },
	{ FILEGEN_AGE, NEWYEAR_2026, ".a00000000" },
};

START_TEST(suffix_is_that_of_the_period)
{
	struct filegen_at now = at(names[_i].s);
	char buf[FILEGEN_SUFFIX_MAX];

	ck_assert_uint_eq(filegen_suffix(buf, names[_i].type, &now), strlen(names[_i].suffix));
	ck_assert_str_eq(buf, names[_i].suffix);
}
END_TEST

START_TEST(age_counts_whole_days_of_uptime)
{
	static const struct { double uptime; const char *suffix; } rows[] = {
		{ -1, ".a00000000" }, { 0, ".a00000000" }, { 86399.999, ".a00000000" }, { 86400, ".a00086400" }, { 172799, ".a00086400" },
		{ 365.25 * 86400, ".a31536000" }, { 40 * 365 * 86400.0, ".a1261440000" },
	};
	struct filegen_at now = at(NEWYEAR_2026);
	char buf[FILEGEN_SUFFIX_MAX];

	for (size_t i = 0; i < NELEMS(rows); i++) {
		now.uptime = rows[i].uptime;
		filegen_suffix(buf, FILEGEN_AGE, &now);
		ck_assert_str_eq(buf, rows[i].suffix);
	}
}
END_TEST

START_TEST(each_type_has_the_name_that_ntp_conf_gives_it)
{
	static const char *const words[] = { "none", "pid", "day", "week", "month", "year", "age" };
	enum filegen_type type;

	for (size_t i = 0; i < NELEMS(words); i++) {
		ck_assert(filegen_type_of(words[i], &type));
		ck_assert_uint_eq(type, i);
	}
	ck_assert(!filegen_type_of("hour", &type) && !filegen_type_of("", &type));
}
END_TEST

START_TEST(names_that_climb_or_name_nothing_are_refused)
{
	static const char *const good[] = { "peerstats", "a/b", "a..b", "..a", "a..", "...", "/abs", "a//b", "." };
	static const char *const bad[] = { "", "..", "../x", "a/../b", "a/..", "/..", "a/", "/", "a//../b" };
	char longest[FILEGEN_FILE_MAX + 1];

	for (size_t i = 0; i < NELEMS(good); i++)
		ck_assert_msg(filegen_name_ok(good[i]), "%s", good[i]);
	for (size_t i = 0; i < NELEMS(bad); i++)
		ck_assert_msg(!filegen_name_ok(bad[i]), "%s", bad[i]);
	memset(longest, 'x', sizeof(longest));
	longest[FILEGEN_FILE_MAX] = '\0';
	ck_assert(!filegen_name_ok(longest));
	longest[FILEGEN_FILE_MAX - 1] = '\0';
	ck_assert(filegen_name_ok(longest));
}
END_TEST

/* --- records ------------------------------------------------------------------------------- */

START_TEST(first_record_of_a_period_begins_its_file_and_moves_the_link)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	struct stat st;

	place_make(&place);
	ck_assert(append(&g, NEWYEAR_2026 - 1, "old\n"));
	ck_assert(same_file("peerstats", "peerstats.20251231"));
	ck_assert(append(&g, NEWYEAR_2026, "new\n") && append(&g, NEWYEAR_2026 + 1, "newer\n"));
	ck_assert(same_file("peerstats", "peerstats.20260101"));
	ck_assert_str_eq(place_read(&place, "peerstats.20251231"), "old\n");
	ck_assert_str_eq(place_read(&place, "peerstats"), "new\nnewer\n");
	ck_assert_int_eq(stat(place_path(&place, "peerstats"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0644);
	ck_assert_uint_eq(place_count(&place, true), 3);
}
END_TEST

START_TEST(restarted_daemon_goes_on_in_the_file_of_the_day)
{
	struct filegen g = set_of(FILEGEN_DAY, true), again = g;

	place_make(&place);
	ck_assert(append(&g, NEWYEAR_2026, "one\n"));
	ck_assert(append(&again, NEWYEAR_2026, "two\n"));
	ck_assert_str_eq(place_read(&place, "peerstats"), "one\ntwo\n");
	ck_assert_uint_eq(place_count(&place, true), 2);
}
END_TEST

START_TEST(nothing_is_written_for_a_set_that_is_not_enabled)
{
	struct filegen g = set_of(FILEGEN_DAY, true);

	place_make(&place);
	g.opts.enabled = false;
	ck_assert(!append(&g, NEWYEAR_2026, "x\n"));
	ck_assert_uint_eq(place_count(&place, true), 0);
}
END_TEST

START_TEST(nolink_and_none_leave_one_file)
{
	struct filegen nolink = set_of(FILEGEN_DAY, false), none = set_of(FILEGEN_NONE, true);

	place_make(&place);
	ck_assert(append(&nolink, NEWYEAR_2026, "x\n"));
	ck_assert_ptr_nonnull(place_read(&place, "peerstats.20260101"));
	ck_assert_uint_eq(place_count(&place, true), 1);
	place_make(&place);
	ck_assert(append(&none, NEWYEAR_2026, "x\n") && append(&none, NEWYEAR_2026 + 86400, "y\n"));
	ck_assert_str_eq(place_read(&place, "peerstats"), "x\ny\n");
	ck_assert_uint_eq(place_count(&place, true), 1);
}
END_TEST

START_TEST(file_that_stands_where_the_link_goes_is_put_aside)
{
	struct filegen g = set_of(FILEGEN_DAY, true);

	place_make(&place);
	place_write(&place, "peerstats", "by hand\n");
	place_write(&place, "peerstats.1234C0", "of an earlier life\n");
	ck_assert(append(&g, NEWYEAR_2026, "x\n"));
	ck_assert(same_file("peerstats", "peerstats.20260101"));
	ck_assert_str_eq(place_read(&place, "peerstats.1234C0"), "of an earlier life\n");
	ck_assert_str_eq(place_read(&place, "peerstats.1234C1"), "by hand\n");
	ck_assert_uint_eq(place_count(&place, true), 4);
}
END_TEST

START_TEST(link_that_cannot_be_made_costs_no_record)
{
	struct filegen g = set_of(FILEGEN_DAY, true);

	place_make(&place);
	ck_assert_int_eq(mkdir(place_path(&place, "peerstats"), 0755), 0);
	ck_assert(append(&g, NEWYEAR_2026, "x\n"));
	ck_assert_str_eq(place_read(&place, "peerstats.20260101"), "x\n");
	ck_assert_uint_eq(place_count(&place, true), 2);
}
END_TEST

START_TEST(rotated_files_are_made_again_with_the_next_record)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	char moved[400];

	place_make(&place);
	ck_assert(append(&g, NEWYEAR_2026, "1\n"));
	ck_assert_int_eq(unlink(place_path(&place, "peerstats.20260101")), 0);
	ck_assert(append(&g, NEWYEAR_2026, "2\n"));
	ck_assert_str_eq(place_read(&place, "peerstats.20260101"), "2\n");
	/* The old file lives on under the bare name only, so it is put aside. */
	ck_assert_str_eq(place_read(&place, "peerstats.1234C0"), "1\n");
	snprintf(moved, sizeof(moved), "%speerstats.0", place.dir);
	ck_assert_int_eq(rename(place_path(&place, "peerstats"), moved), 0);
	ck_assert(append(&g, NEWYEAR_2026, "3\n"));
	ck_assert_str_eq(place_read(&place, "peerstats"), "2\n3\n");
	place_count(&place, true);
}
END_TEST

START_TEST(ten_thousand_rotations_leak_no_descriptor)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	int before, after;

	place_make(&place);
	before = dup(0);
	close(before);
	for (int i = 0; i < 10000; i++) {
		ck_assert(append(&g, NEWYEAR_2026, "x\n"));
		unlink(place_path(&place, i % 2 == 0 ? "peerstats.20260101" : "peerstats"));
		if (i % 100 == 0)
			g.saved = 0;
	}
	after = dup(0);
	close(after);
	ck_assert_int_eq(after, before);
	place_count(&place, true);
}
END_TEST

/* --- what must not be written to ----------------------------------------------------------- */

START_TEST(other_peoples_files_are_untouched)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	char target[400];

	place_make(&place);
	place_write(&place, "precious", "precious\n");
	snprintf(target, sizeof(target), "%sprecious", place.dir);
	ck_assert_int_eq(symlink(target, place_path(&place, "peerstats.20260101")), 0);
	ck_assert(!append(&g, NEWYEAR_2026, "x\n"));
	ck_assert_int_eq(unlink(place_path(&place, "peerstats.20260101")), 0);
	ck_assert_int_eq(link(target, place_path(&place, "peerstats.20260101")), 0);
	ck_assert(!append(&g, NEWYEAR_2026, "x\n"));
	ck_assert_str_eq(place_read(&place, "precious"), "precious\n");
	/* Recovers as soon as it is gone. */
	ck_assert_int_eq(unlink(place_path(&place, "peerstats.20260101")), 0);
	ck_assert(append(&g, NEWYEAR_2026, "x\n"));
	ck_assert_str_eq(place_read(&place, "precious"), "precious\n");
	place_count(&place, true);
}
END_TEST

START_TEST(symbolic_link_under_the_bare_name_is_left_alone)
{
	struct filegen g = set_of(FILEGEN_DAY, true), none = set_of(FILEGEN_NONE, true);
	struct stat st;

	place_make(&place);
	place_write(&place, "precious", "precious\n");
	ck_assert_int_eq(symlink("precious", place_path(&place, "peerstats")), 0);
	ck_assert(append(&g, NEWYEAR_2026, "x\n"));
	ck_assert_int_eq(lstat(place_path(&place, "peerstats"), &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert(!append(&none, NEWYEAR_2026, "x\n"));
	ck_assert_str_eq(place_read(&place, "precious"), "precious\n");
	place_count(&place, true);
}
END_TEST

START_TEST(pipes_and_directories_are_refused_at_once)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	int reader;

	place_make(&place);
	ck_assert_int_eq(mkfifo(place_path(&place, "peerstats.20260101"), 0600), 0);
	ck_assert(!append(&g, NEWYEAR_2026, "x\n"));
	reader = open(place.path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ne(reader, -1);
	ck_assert(!append(&g, NEWYEAR_2026, "x\n"));
	close(reader);
	ck_assert_int_eq(mkdir(place_path(&place, "peerstats.20260102"), 0755), 0);
	ck_assert(!append(&g, NEWYEAR_2026 + 86400, "x\n"));
	place_count(&place, true);
}
END_TEST

START_TEST(directory_that_is_not_there_is_not_made)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	struct filegen_at now = at(NEWYEAR_2026);
	char dir[80];

	place_make(&place);
	snprintf(dir, sizeof(dir), "%ssub/", place.dir);
	ck_assert(!filegen_append(&g, dir, &now, "x\n", 2));
	ck_assert_uint_eq(place_count(&place, true), 0);
}
END_TEST

/* A limit of the process stands in for a full disk: the write comes back short in both cases. */
START_TEST(record_that_does_not_fit_is_not_there_at_all)
{
	struct filegen g = set_of(FILEGEN_DAY, false);
	struct rlimit old, few = { .rlim_cur = 10 };

	place_make(&place);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	ck_assert(append(&g, NEWYEAR_2026, "1234567\n"));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
	ck_assert(!append(&g, NEWYEAR_2026, "abcdefg\n"));
	ck_assert(append(&g, NEWYEAR_2026, "8\n"));
	ck_assert(!append(&g, NEWYEAR_2026, "9\n"));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	ck_assert(append(&g, NEWYEAR_2026, "10\n"));
	ck_assert_str_eq(place_read(&place, "peerstats.20260101"), "1234567\n8\n10\n");
	place_count(&place, true);
}
END_TEST

START_TEST(trouble_is_told_once_an_hour)
{
	struct filegen g = set_of(FILEGEN_DAY, true);
	struct filegen_at now = at(NEWYEAR_2026);
	const char *line;
	unsigned lines = 0;

	place_make(&place);
	ck_assert_int_eq(log_to_file(place_path(&place, "log")), 0);
	for (int i = 0; i < 3 * 3600; i++, now.mono.ns += NS_PER_S)
		ck_assert(!filegen_append(&g, "/nonexistent/", &now, "x\n", 2));
	ck_assert_int_eq(log_to_file("stderr"), 0);
	line = place_read(&place, "log");
	ck_assert_ptr_nonnull(strstr(line, "/nonexistent/peerstats.20260101: statistics cannot be written and are dropped: No such file or directory"));
	ck_assert_ptr_nonnull(strstr(line, "and 3599 times more"));
	for (const char *p = line; *p != '\0'; p++)
		lines += *p == '\n';
	ck_assert_uint_eq(lines, 3);
	place_count(&place, true);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		age_counts_whole_days_of_uptime, each_type_has_the_name_that_ntp_conf_gives_it, names_that_climb_or_name_nothing_are_refused,
		first_record_of_a_period_begins_its_file_and_moves_the_link, restarted_daemon_goes_on_in_the_file_of_the_day,
		nothing_is_written_for_a_set_that_is_not_enabled, nolink_and_none_leave_one_file, file_that_stands_where_the_link_goes_is_put_aside,
		link_that_cannot_be_made_costs_no_record, rotated_files_are_made_again_with_the_next_record, ten_thousand_rotations_leak_no_descriptor,
		other_peoples_files_are_untouched, symbolic_link_under_the_bare_name_is_left_alone, pipes_and_directories_are_refused_at_once,
		directory_that_is_not_there_is_not_made, record_that_does_not_fit_is_not_there_at_all, trouble_is_told_once_an_hour,
	};
	Suite *s = suite_create("stats/filegen");
	TCase *t = tcase_create("filegen");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, suffix_is_that_of_the_period, 0, (int)NELEMS(names));
	for (size_t i = 0; i < NELEMS(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
