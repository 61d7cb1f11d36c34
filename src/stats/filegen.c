/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of generation files, and records appended to them.
 *
 * A file is opened for each record and closed after it: there are a few a second at most, and so nothing has to be remembered of what
 * an operator's rotation does to files meanwhile, and no descriptor outlives its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stats/filegen.h"

#define TELL_EVERY	3600.0	/* s between log lines on one set */
#define SAVED_MAX	100000	/* tries for a name to put a file aside under */
#define AGE_PERIOD	86400	/* s */

static const char *const type_names[FILEGEN_TYPES] = {
	[FILEGEN_NONE] = "none", [FILEGEN_PID] = "pid", [FILEGEN_DAY] = "day", [FILEGEN_WEEK] = "week", [FILEGEN_MONTH] = "month",
	[FILEGEN_YEAR] = "year", [FILEGEN_AGE] = "age",
};

bool
filegen_type_of(const char *name, enum filegen_type *out)
{
	for (unsigned i = 0; i < FILEGEN_TYPES; i++) {
		if (strcmp(type_names[i], name) != 0)
			continue;
		*out = (enum filegen_type)i;
		return true;
	}
	return false;
}

bool
filegen_name_ok(const char *name)
{
	size_t len = strlen(name), n;

	if (len == 0 || len >= FILEGEN_FILE_MAX || name[len - 1] == '/')
		return false;
	for (const char *p = name; *p != '\0'; p += n, p += *p == '/') {
		n = strcspn(p, "/");
		if (n == 2 && strncmp(p, "..", 2) == 0)
			return false;
	}
	return true;
}

/* The day that a wall time falls on, in UTC; before 1970 too. */
static void
utc_of(struct walltime t, struct tm *tm)
{
	time_t s = (time_t)(t.ns / NS_PER_S - (t.ns % NS_PER_S < 0));

	if (gmtime_r(&s, tm) == NULL)
		*tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
}

size_t
filegen_suffix(char buf[static FILEGEN_SUFFIX_MAX], enum filegen_type type, const struct filegen_at *at)
{
	long long age = at->uptime > 0 ? (long long)at->uptime / AGE_PERIOD * AGE_PERIOD : 0;
	struct tm tm;

	buf[0] = '\0';
	utc_of(at->wall, &tm);
	switch (type) {
	case FILEGEN_NONE:
	case FILEGEN_TYPES:
		break;
	case FILEGEN_PID:
		snprintf(buf, FILEGEN_SUFFIX_MAX, ".#%ld", (long)at->pid);
		break;
	case FILEGEN_DAY:
		strftime(buf, FILEGEN_SUFFIX_MAX, ".%Y%m%d", &tm);
		break;
	case FILEGEN_WEEK:
		strftime(buf, FILEGEN_SUFFIX_MAX, ".%Gw%V", &tm);
		break;
	case FILEGEN_MONTH:
		strftime(buf, FILEGEN_SUFFIX_MAX, ".%Y%m", &tm);
		break;
	case FILEGEN_YEAR:
		strftime(buf, FILEGEN_SUFFIX_MAX, ".%Y", &tm);
		break;
	case FILEGEN_AGE:
		snprintf(buf, FILEGEN_SUFFIX_MAX, ".a%08lld", age);
		break;
	}
	return strlen(buf);
}

void
filegen_set(struct filegen *g, const struct filegen_opts *o)
{
	g->opts = *o;
}

/* One line an hour for each kind of trouble. */
static void
tell(struct log_gate *gate, const struct filegen_at *at, const char *path, const char *what, const char *why)
{
	unsigned held = 0;

	if (!log_gate_open(gate, at->mono, &held))
		return;
	gate->next = monotime_add(at->mono, TELL_EVERY);
	if (held > 0)
		log_warnx("%s: %s: %s (and %u times more since the last such line)", path, what, why, held);
	else
		log_warnx("%s: %s: %s", path, what, why);
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * A file that is there may be somebody else's, hard-linked to where we write.  It is ours if it has no other name, none but the bare one, or if we have
 * written to it before.
 */
static const char *
not_ours(const struct filegen *g, const struct stat *st, const char *bare)
{
	struct stat link;

	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_nlink <= 1 || (g->ino == st->st_ino && g->dev == st->st_dev))
		return NULL;
	if (st->st_nlink == 2 && lstat(bare, &link) == 0 && is_same_file(st, &link) && g->opts.type != FILEGEN_NONE)
		return NULL;
	return "it is known by another name too and may be somebody else's file";
}

/* The descriptor, or -1 with *why.  Never waits: a pipe without a reader is refused too. */
static int
open_file(const struct filegen *g, const char *path, const char *bare, struct stat *st, const char **why)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);

	if (fd == -1) {
		*why = errno == ELOOP ? "a symbolic link" : strerror(errno);
		return -1;
	}
	*why = fstat(fd, st) == -1 ? strerror(errno) : not_ours(g, st, bare);
	if (*why == NULL)
		return fd;
	close(fd);
	return -1;
}

/* What stands under the bare name and is not known by another would be lost: it gets a name of its own, as ntpd gives it. */
static int
put_aside(struct filegen *g, const char *bare, pid_t pid)
{
	char saved[PATH_MAX];

	for (; g->saved < SAVED_MAX; g->saved++) {
		if (snprintf(saved, sizeof(saved), "%s.%ldC%u", bare, (long)pid, g->saved) >= (int)sizeof(saved)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (link(bare, saved) == 0)
			return unlink(bare);
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* Makes the bare name a link to the file at path.  NULL, or what was in the way. */
static const char *
link_bare(struct filegen *g, const char *path, const char *bare, const struct stat *st, pid_t pid)
{
	struct stat old;
	int ret = 0;

	if (lstat(bare, &old) == 0) {
		if (is_same_file(&old, st))
			return NULL;
		if (!S_ISREG(old.st_mode))
			return "not a regular file";
		ret = old.st_nlink <= 1 ? put_aside(g, bare, pid) : unlink(bare);
	} else if (errno != ENOENT) {
		ret = -1;
	}
	return ret == -1 || link(path, bare) == -1 ? strerror(errno) : NULL;
}

/* All of the record or, on a full disk, nothing of it. */
static const char *
write_whole(int fd, off_t size, const char *record, size_t len)
{
	ssize_t n = write(fd, record, len);

	if (n == (ssize_t)len)
		return NULL;
	if (n == -1)
		return strerror(errno);
	if (ftruncate(fd, size) == -1)
		return "a record was written in part";
	return strerror(ENOSPC);
}

bool
filegen_append(struct filegen *g, const char *dir, const struct filegen_at *at, const char *record, size_t len)
{
	char bare[PATH_MAX], path[PATH_MAX], suffix[FILEGEN_SUFFIX_MAX];
	const char *why = strerror(ENAMETOOLONG), *unlinked = NULL;
	struct stat st;
	int fd;

	if (!g->opts.enabled)
		return false;
	filegen_suffix(suffix, g->opts.type, at);
	if (snprintf(path, sizeof(path), "%s%s%s", dir, g->opts.file, suffix) >= (int)sizeof(path)
	    || snprintf(bare, sizeof(bare), "%s%s", dir, g->opts.file) >= (int)sizeof(bare))
		goto out;
	fd = open_file(g, path, bare, &st, &why);
	if (fd == -1)
		goto out;
	g->dev = st.st_dev;
	g->ino = st.st_ino;
	if (g->opts.link && g->opts.type != FILEGEN_NONE)
		unlinked = link_bare(g, path, bare, &st, at->pid);
	if (unlinked != NULL)
		tell(&g->link_gate, at, bare, "cannot be made a link to the newest statistics file", unlinked);
	why = write_whole(fd, st.st_size, record, len);
	if (close(fd) == -1 && why == NULL)
		why = strerror(errno);
out:
	if (why != NULL)
		tell(&g->gate, at, path, "statistics cannot be written and are dropped", why);
	return why == NULL;
}
