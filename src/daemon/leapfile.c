/* SPDX-License-Identifier: BSD-2-Clause */
/* The leap file: read at start, looked at again each hour and at SIGHUP, and complained about in time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/digest.h"
#include "root.h"
#include "wire/control.h"

#define DAY		86400.0	/* s */
#define WARN_DAYS	28	/* before the expiry (RFC 8633 section 3.7 asks to watch it) */
#define HOURLY		3500.0	/* s: less than the hour between two looks */

_Static_assert(LEAP_HASH_LEN == SHA1_LEN, "the hash of a leap file is SHA-1");

/* Changes whenever the file does, or another takes its place. */
static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* All of it, at most one octet more than a list may have; -1 with errno. */
static ssize_t
slurp(const char *path, char buf[static LEAP_FILE_MAX + 1], struct stat *st)
{
	/* O_NONBLOCK because opening must not wait for anybody. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t n = 0;
	ssize_t got = 0;
	int saved;

	if (fd == -1)
		return -1;
	if (fstat(fd, st) == -1)
		got = -1;
	else if (!S_ISREG(st->st_mode)) {
		errno = EINVAL;
		got = -1;
	}
	while (got != -1 && n <= LEAP_FILE_MAX && (got = read(fd, buf + n, LEAP_FILE_MAX + 1 - n)) > 0)
		n += (size_t)got;
	saved = errno;
	close(fd);
	errno = saved;
	return got == -1 ? -1 : (ssize_t)n;
}

static const char *
date_str(struct walltime t, char buf[static 32])
{
	time_t s = (time_t)(t.ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL || strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

static void
tell_loaded(const char *path, const struct leap_table *t, bool checked)
{
	char expires[32], last[32];

	log_info("leapsecond file ('%s'): loaded, expire=%s last=%s ofs=%d, %s", path, date_str(t->expires, expires),
	    date_str(t->row[t->n - 1].from, last), t->row[t->n - 1].tai, t->hashed ? "good hash" : checked ? "no hash" : "hash not looked at");
}

/* NULL: it cannot be had or must not be believed, which the log says. */
static struct leap_table *
load(const char *path, bool checked, struct stat *st)
{
	struct leap_table *t = malloc(sizeof(*t));
	char *buf = malloc(LEAP_FILE_MAX + 1), place[16] = "";
	ssize_t len = buf == NULL || t == NULL ? -1 : slurp(path, buf, st);
	enum leap_err e = LEAP_OK;
	unsigned line = 0;

	if (len == -1) {
		log_warn("leapsecond file ('%s'): cannot be read", path);
		goto fail;
	}
	e = leap_parse(t, buf, (size_t)len, checked ? digest_sha1 : NULL, &line);
	if (e != LEAP_OK) {
		if (line > 0)
			snprintf(place, sizeof(place), ":%u", line);
		log_errx("leapsecond file ('%s'%s): not used: %s", path, place, leap_err_str(e));
		goto fail;
	}
	free(buf);
	return t;
fail:
	free(buf);
	free(t);
	return NULL;
}

static void
use(struct root *r, struct leap_table *t)
{
	struct leap_table *old = r->leap.table;

	r->leap.table = t;
	client_set_leaps(r->client, t, r->config->leap_smear);
	if (old != t)
		free(old);
}

static void
tell_stale(struct root *r, const char *path, double left)
{
	int days = (int)(fabs(left) / DAY);

	if (left <= 0) {
		log_errx("leapsecond file ('%s'): expired %d day%s ago: it is history, and leap seconds are left to the sources' word", path, days,
		    days == 1 ? "" : "s");
		client_event(r->client, EVENT_LEAP_STALE);
	} else {
		log_warnx("leapsecond file ('%s'): will expire in less than %d day%s", path, days + 1, days == 0 ? "" : "s");
	}
}

/* Daily below WARN_DAYS, hourly in the last of them, and daily again when it has expired. */
static void
mind_expiry(struct root *r)
{
	struct clockread now;
	double left, pause;

	if (r->leap.table == NULL)
		return;
	sysclock_read(r->clock, &now);
	left = walltime_diff(r->leap.table->expires, now.wall);
	pause = left > 0 && left < DAY ? HOURLY : DAY - HOURLY / 2;
	if (left >= WARN_DAYS * DAY || (r->leap.told.ns != 0 && monotime_diff(now.mono, r->leap.told) < pause))
		return;
	r->leap.told = now.mono;
	tell_stale(r, r->leap.path, left);
}

/* The file has another name, or none, than that which was read. */
static bool
is_renamed(const struct root *r)
{
	const char *path = r->config->leapfile;

	return path == NULL ? r->leap.path[0] != '\0' : strcmp(path, r->leap.path) != 0;
}

static void
look(struct root *r)
{
	const char *path = r->config->leapfile;
	struct leap_table *t;
	struct stat st;

	if (stat(path, &st) == 0 && is_same(&st, &r->leap.seen))
		return;
	if (r->leap.lost && access(path, R_OK) == -1)
		return;		/* it has been said: below another root directory it may never be there */
	t = load(path, r->config->leap_checkhash, &st);
	r->leap.lost = t == NULL;
	if (t == NULL) {
		if (r->leap.table != NULL)
			log_warnx("leapsecond file ('%s'): what has been read before stays in force", path);
		r->leap.seen = stat(path, &st) == 0 ? st : (struct stat){ .st_ino = 0 };
		return;
	}
	r->leap.seen = st;
	r->leap.told.ns = 0;
	tell_loaded(path, t, r->config->leap_checkhash);
	use(r, t);
}

void
root_leap_reload(struct root *r)
{
	const char *path = r->config->leapfile;

	if (is_renamed(r) || r->config->leap_checkhash != r->leap.checked) {
		r->leap.seen = (struct stat){ .st_ino = 0 };
		r->leap.lost = false;
		r->leap.checked = r->config->leap_checkhash;
		snprintf(r->leap.path, sizeof(r->leap.path), "%s", path != NULL ? path : "");
	}
	use(r, path != NULL ? r->leap.table : NULL);
	if (path != NULL)
		look(r);
	mind_expiry(r);
}

void
root_leap_hour(struct root *r)
{
	if (r->config->leapfile != NULL)
		look(r);
	mind_expiry(r);
}

void
root_leap_close(struct root *r)
{
	free(r->leap.table);
	r->leap.table = NULL;
}
