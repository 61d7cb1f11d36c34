/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: nobody is waited for, files may come and go, and only what is wanted is written. */
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "../unit.h"

struct place {
	char	dir[64], path[96], other[96];
};

static void
begin(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_log.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/log", p->dir);
	snprintf(p->other, sizeof(p->other), "%s/log.1", p->dir);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(log_to_file(p->path), 0);
}

static void
end(struct place *p)
{
	ck_assert_int_eq(log_to_file("stderr"), 0);
	unlink(p->path);
	unlink(p->other);
	ck_assert_int_eq(rmdir(p->dir), 0);
}

static const char *
contents(const char *path)
{
	static char buf[65536];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(buf, 1, sizeof(buf) - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	return buf;
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(a_line_is_stamped_and_says_who)
{
	struct place p;
	char want[64];

	begin(&p);
	log_info("the %s line", "first");
	snprintf(want, sizeof(want), " ntpd[%d]: the first line\n", (int)getpid());
	ck_assert_ptr_nonnull(strstr(contents(p.path), want));
	errno = ENOENT;
	log_warn("no file");
	ck_assert_ptr_nonnull(strstr(contents(p.path), "no file: No such file or directory\n"));
	ck_assert_int_eq(errno, ENOENT);
	end(&p);
}
END_TEST

START_TEST(a_line_stays_one_line_whatever_is_put_into_it)
{
	struct place p;

	begin(&p);
	log_warnx("host %s", "a\nNov 1 00:00:00 ntpd[1]: all is well\x1b[2J\x7f");
	ck_assert_ptr_nonnull(strstr(contents(p.path), "host a?Nov 1 00:00:00 ntpd[1]: all is well?[2J?\n"));
	end(&p);
}
END_TEST

START_TEST(a_file_that_is_renamed_deleted_or_replaced_is_begun_anew)	/* FILE-06 */
{
	struct place p;

	begin(&p);
	log_info("one");
	ck_assert_int_eq(rename(p.path, p.other), 0);
	log_info("two");
	ck_assert_ptr_nonnull(strstr(contents(p.other), "one"));
	ck_assert_ptr_null(strstr(contents(p.other), "two"));
	ck_assert_ptr_nonnull(strstr(contents(p.path), "two"));
	ck_assert_int_eq(unlink(p.path), 0);
	log_info("three");
	ck_assert_ptr_nonnull(strstr(contents(p.path), "three"));
	ck_assert_int_eq(rename(p.other, p.path), 0);
	log_info("four");
	ck_assert_ptr_nonnull(strstr(contents(p.path), "one"));
	ck_assert_ptr_nonnull(strstr(contents(p.path), "four"));
	end(&p);
}
END_TEST

START_TEST(ten_thousand_rotations_leave_no_descriptor_behind)	/* FILE-06 */
{
	struct place p;
	unsigned before;

	begin(&p);
	before = descriptors();
	for (int i = 0; i < 10000; i++) {
		rename(p.path, p.other);
		if (i % 2 == 0)
			log_reopen();
		log_info("%d", i);
	}
	ck_assert_uint_eq(descriptors(), before);
	ck_assert_ptr_nonnull(strstr(contents(p.path), ": 9999\n"));
	end(&p);
}
END_TEST

START_TEST(a_fifo_in_the_place_of_the_file_is_not_waited_for)
{
	struct place p;

	begin(&p);
	log_info("one");
	ck_assert_int_eq(rename(p.path, p.other), 0);
	ck_assert_int_eq(mkfifo(p.path, 0600), 0);
	log_info("two");	/* nobody reads: the old file goes on */
	ck_assert_ptr_nonnull(strstr(contents(p.other), "two"));
	ck_assert_int_eq(log_to_file(p.path), -1);
	ck_assert_int_eq(log_to_file(p.dir), -1);
	end(&p);
}
END_TEST

/* stderr is a pipe: runs f, and reads what has come out of it. */
START_TEST(a_pipe_that_is_full_or_closed_costs_lines_and_no_time)	/* FILE-07 */
{
	char line[300], got[131072];
	int fd[2], saved = dup(STDERR_FILENO);
	unsigned sent = 0;
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	close(fd[1]);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	alarm(20);
	for (; sent < 1000; sent++)
		log_info("%s", line);	/* more than any pipe holds */
	n = read(fd[0], got, sizeof(got) - 1);
	ck_assert_int_gt(n, 4096);
	ck_assert_int_lt(n, 1000 * 300);
	log_info("after");
	n = read(fd[0], got, sizeof(got) - 1);
	got[n] = '\0';
	ck_assert_ptr_nonnull(strstr(got, " lines before this one could not be logged\n"));
	ck_assert_ptr_nonnull(strstr(got, "after\n"));
	close(fd[0]);
	log_info("to nobody");
	alarm(0);
	dup2(saved, STDERR_FILENO);
	close(saved);
}
END_TEST

START_TEST(a_system_log_that_is_not_there_costs_lines_and_no_time)	/* FILE-07 */
{
	struct place p;
	unsigned before = descriptors();

	begin(&p);
	alarm(20);
	log_to_syslog("test_log");
	for (int i = 0; i < 3; i++)
		log_info("a test of the log");
	alarm(0);
	end(&p);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

START_TEST(lines_of_a_class_are_written_where_it_is_wanted)
{
	struct place p;

	begin(&p);
	ck_assert(log_wants(LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_EVENTS)));
	ck_assert(!log_wants(LOG_BIT(LOG_CLASS_SYS, LOG_TYPE_EVENTS)));
	log_of(LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATUS), "sync status");
	log_of(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_STATUS), "peer status");
	log_set_classes(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_EVENTS));
	log_of(LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATUS), "second sync");
	log_of(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_EVENTS) | LOG_BIT(LOG_CLASS_SYS, LOG_TYPE_EVENTS), "either of two");
	log_warnx("a warning");
	ck_assert_ptr_nonnull(strstr(contents(p.path), "sync status"));
	ck_assert_ptr_null(strstr(contents(p.path), "peer status"));
	ck_assert_ptr_null(strstr(contents(p.path), "second sync"));
	ck_assert_ptr_nonnull(strstr(contents(p.path), "either of two"));
	ck_assert_ptr_nonnull(strstr(contents(p.path), "a warning"));
	/* Debugging shows all. */
	log_set_debug(1);
	log_of(LOG_BIT(LOG_CLASS_CLOCK, LOG_TYPE_INFO), "clock info");
	ck_assert_ptr_nonnull(strstr(contents(p.path), "clock info"));
	end(&p);
}
END_TEST

START_TEST(a_ration_lets_so_many_through_a_minute_and_tells_the_rest)
{
	struct log_ration r = { .used = 0 };
	unsigned held, passed = 0;

	for (int i = 0; i < 1000; i++) {
		passed += log_ration(&r, (struct monotime){ 1 + i * INT64_C(50000000) }, 60, &held);
		ck_assert_uint_eq(held, 0);
	}
	ck_assert_uint_eq(passed, 60);
	ck_assert(log_ration(&r, (struct monotime){ INT64_C(61) * NS_PER_S }, 60, &held));
	ck_assert_uint_eq(held, 940);
	ck_assert(log_ration(&r, (struct monotime){ INT64_C(62) * NS_PER_S }, 60, &held));
	ck_assert_uint_eq(held, 0);
}
END_TEST

UNIT_MAIN("log", a_line_is_stamped_and_says_who, a_line_stays_one_line_whatever_is_put_into_it, a_file_that_is_renamed_deleted_or_replaced_is_begun_anew,
    ten_thousand_rotations_leave_no_descriptor_behind, a_fifo_in_the_place_of_the_file_is_not_waited_for,
    a_pipe_that_is_full_or_closed_costs_lines_and_no_time, a_system_log_that_is_not_there_costs_lines_and_no_time,
    lines_of_a_class_are_written_where_it_is_wanted, a_ration_lets_so_many_through_a_minute_and_tells_the_rest)
