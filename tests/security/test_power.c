/* SPDX-License-Identifier: BSD-2-Clause */
/* The drift file when the power goes, or the disk fails, at any system call of a write (FILE-03, FILE-04). */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/driftfile.h"
#include "../unit.h"

enum fault { FAULT_NONE, FAULT_POWER, FAULT_ERROR };

/* What is to happen at which call; the calls below are in place of the C library's. */
static struct {
	enum fault	what;
	int		error;
	unsigned	at, calls;
	bool		watched;	/* only between arm and disarm */
	bool		synced;		/* what was written is on the disk */
	bool		renamed_unsynced;
} plan;

/* True if the call has failed. */
static bool
strike(void)
{
	if (!plan.watched || plan.calls++ != plan.at || plan.what == FAULT_NONE)
		return false;
	if (plan.what == FAULT_POWER)
		_exit(0);
	errno = plan.error;
	return true;
}

int
open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return strike() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* Half of it gets through: what was cut off by the power is a torn write. */
ssize_t
write(int fd, const void *buf, size_t len)
{
	bool last = plan.watched && plan.what == FAULT_POWER && plan.calls == plan.at;

	if (last)
		syscall(SYS_write, fd, buf, len / 2);
	plan.synced = false;
	return strike() ? -1 : syscall(SYS_write, fd, buf, len);
}

int
fsync(int fd)
{
	plan.synced = true;
	return strike() ? -1 : (int)syscall(SYS_fsync, fd);
}

int
rename(const char *from, const char *to)
{
	plan.renamed_unsynced |= plan.watched && !plan.synced;
	return strike() ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int
unlink(const char *path)
{
	return strike() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static char dir[64], path[80], temp[96];

static void
set_up(void)
{
	snprintf(dir, sizeof(dir), "/tmp/truechimer-power.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/drift", dir);
	snprintf(temp, sizeof(temp), "%s.TEMP", path);
	ck_assert_int_eq(driftfile_write(path, 11e-6), 0);
}

static void
tear_down(void)
{
	unlink(temp);
	unlink(path);
	rmdir(dir);
}

/* Writes 22 ppm over 11 ppm with that fault; what write returned, or 0. */
static int
write_with(enum fault what, unsigned at, int error)
{
	int r;

	plan.what = what;
	plan.at = at;
	plan.error = error;
	plan.calls = 0;
	plan.watched = true;
	r = driftfile_write(path, 22e-6);
	plan.watched = false;
	return r;
}

static unsigned
calls_of_a_write(void)
{
	ck_assert_int_eq(write_with(FAULT_NONE, 0, 0), 0);
	ck_assert_int_eq(driftfile_write(path, 11e-6), 0);
	return plan.calls;
}

static bool
is_whole(bool old_only)
{
	double freq;

	return driftfile_read(path, &freq) == DRIFT_OK && (fabs(freq - 11e-6) < 1e-12 || (!old_only && fabs(freq - 22e-6) < 1e-12));
}

START_TEST(when_the_power_goes_the_file_is_the_old_one_or_the_new)
{
	unsigned calls;

	set_up();
	calls = calls_of_a_write();
	ck_assert_uint_ge(calls, 4);
	for (unsigned at = 0; at < calls; at++) {
		pid_t pid = fork();
		int status;

		ck_assert_int_ne(pid, -1);
		if (pid == 0) {
			(void)write_with(FAULT_POWER, at, 0);
			_exit(1);	/* the power has not gone */
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "call %u", at);
		ck_assert_msg(is_whole(false), "call %u", at);
		/* What the crash has left is no obstacle. */
		ck_assert_int_eq(driftfile_write(path, 11e-6), 0);
	}
	tear_down();
}
END_TEST

START_TEST(nothing_takes_the_place_of_the_file_before_it_is_on_the_disk)
{
	set_up();
	ck_assert_int_eq(write_with(FAULT_NONE, 0, 0), 0);
	ck_assert(!plan.renamed_unsynced);
	tear_down();
}
END_TEST

START_TEST(a_disk_that_fails_at_any_call_leaves_the_old_file_and_no_rubbish)
{
	static const int errors[] = { ENOSPC, EDQUOT, EROFS, EIO };
	unsigned calls;

	set_up();
	calls = calls_of_a_write();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (unsigned at = 1; at < calls; at++) {	/* 0 is the unlink of what a crash may have left */
			errno = 0;
			ck_assert_int_eq(write_with(FAULT_ERROR, at, errors[i]), -1);
			ck_assert_int_eq(errno, errors[i]);
			ck_assert_msg(is_whole(true), "call %u", at);
			ck_assert_int_eq(access(temp, F_OK), -1);
		}
	}
	tear_down();
}
END_TEST

START_TEST(a_directory_that_has_gone_is_an_error_and_comes_back)
{
	set_up();
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(driftfile_write(path, 1e-6), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(driftfile_write(path, 11e-6), 0);
	ck_assert(is_whole(true));
	tear_down();
}
END_TEST

UNIT_MAIN("security/power", when_the_power_goes_the_file_is_the_old_one_or_the_new, nothing_takes_the_place_of_the_file_before_it_is_on_the_disk,
    a_disk_that_fails_at_any_call_leaves_the_old_file_and_no_rubbish, a_directory_that_has_gone_is_an_error_and_comes_back)
