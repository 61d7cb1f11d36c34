/* SPDX-License-Identifier: BSD-2-Clause */
/* The drift file: good, bad and hostile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/driftfile.h"
#include "../unit.h"

static char dir[] = "/tmp/truechimer-drift.XXXXXX";
static char path[64], temp[72];

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void
set_up(void)
{
	snprintf(dir, sizeof(dir), "/tmp/truechimer-drift.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/drift", dir);
	snprintf(temp, sizeof(temp), "%s.TEMP", path);
}

static void
tear_down(void)
{
	unlink(temp);
	unlink(path);
	rmdir(dir);
}

START_TEST(what_is_written_is_read_back)
{
	static const double ppm[] = { 0, 12.345678, -499.999999, 500 };
	double freq;
	struct stat st;

	set_up();
	for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
		ck_assert_int_eq(driftfile_write(path, ppm[i] * 1e-6), 0);
		ck_assert_int_eq(driftfile_read(path, &freq), DRIFT_OK);
		ck_assert_double_eq_tol(freq, ppm[i] * 1e-6, 1e-15);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 022, 0);
	ck_assert_int_eq(access(temp, F_OK), -1);
	tear_down();
}
END_TEST

START_TEST(only_a_sane_first_number_counts)
{
	static const struct { const char *text; enum drift_err err; } rows[] = {
		{ "-12.5\n", DRIFT_OK }, { "3 0\n", DRIFT_OK }, { "3.5\nsecond line\n", DRIFT_OK }, { " 1e1", DRIFT_OK },
		{ "", DRIFT_GARBAGE }, { "\n", DRIFT_GARBAGE }, { "nan\n", DRIFT_GARBAGE }, { "inf\n", DRIFT_GARBAGE }, { "1e9\n", DRIFT_GARBAGE },
		{ "-500.1\n", DRIFT_GARBAGE }, { "text\n", DRIFT_GARBAGE }, { "12abc\n", DRIFT_GARBAGE }, { "\x01\xff\n", DRIFT_GARBAGE },
	};
	double freq = 42;

	set_up();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(rows[i].text);
		ck_assert_msg(driftfile_read(path, &freq) == rows[i].err, "row %zu", i);
		if (rows[i].err != DRIFT_OK)
			ck_assert_double_eq(freq, 42);
		freq = 42;
	}
	tear_down();
}
END_TEST

START_TEST(absent_and_unreadable_are_told_apart)
{
	double freq;

	set_up();
	ck_assert_int_eq(driftfile_read(path, &freq), DRIFT_ABSENT);
	ck_assert_int_eq(driftfile_read(dir, &freq), DRIFT_UNREADABLE);
	ck_assert_int_eq(errno, EISDIR);
	tear_down();
}
END_TEST

START_TEST(a_planted_temporary_is_not_written_through)
{
	char victim[80], text[16] = "";
	FILE *f;
	double freq;

	set_up();
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	f = fopen(victim, "w");
	ck_assert_ptr_nonnull(f);
	fputs("untouched", f);
	fclose(f);
	ck_assert_int_eq(symlink(victim, temp), 0);
	ck_assert_int_eq(driftfile_write(path, 1e-6), 0);
	ck_assert_int_eq(driftfile_read(path, &freq), DRIFT_OK);
	f = fopen(victim, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	fclose(f);
	ck_assert_str_eq(text, "untouched");
	unlink(victim);
	tear_down();
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file)
{
	double freq;

	set_up();
	ck_assert_int_eq(driftfile_write(path, 5e-6), 0);
	ck_assert_int_eq(mkdir(temp, 0700), 0);		/* cannot be unlinked, so the new file cannot be made */
	ck_assert_int_eq(driftfile_write(path, 6e-6), -1);
	ck_assert_int_eq(driftfile_read(path, &freq), DRIFT_OK);
	ck_assert_double_eq_tol(freq, 5e-6, 1e-15);
	rmdir(temp);
	tear_down();
}
END_TEST

START_TEST(a_change_of_the_threshold_is_due_and_a_smaller_one_once_it_was_halved_enough)
{
	double threshold = 1e-7;

	ck_assert(driftfile_due(5.2e-6, 5e-6, &threshold));
	ck_assert(driftfile_due(4.8e-6, 5e-6, &threshold));
	ck_assert_double_eq(threshold, 1e-7);
	ck_assert(!driftfile_due(5.03e-6, 5e-6, &threshold));
	ck_assert_double_eq(threshold, 5e-8);
	ck_assert(!driftfile_due(5.03e-6, 5e-6, &threshold));
	ck_assert(driftfile_due(5.03e-6, 5e-6, &threshold));
	threshold = 1e-6;	/* as nonvolatile may have it */
	ck_assert(!driftfile_due(5.2e-6, 5e-6, &threshold));
}
END_TEST

UNIT_MAIN("daemon/driftfile", a_change_of_the_threshold_is_due_and_a_smaller_one_once_it_was_halved_enough,
    what_is_written_is_read_back, only_a_sane_first_number_counts, absent_and_unreadable_are_told_apart,
    a_planted_temporary_is_not_written_through, a_failed_write_leaves_the_old_file)
