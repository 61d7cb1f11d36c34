/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory for one test, and looks into its files. */
#ifndef TESTS_STATS_PLACE_H
#define TESTS_STATS_PLACE_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"

struct place {
	char	dir[64];	/* with a slash at its end */
	char	path[400];
	char	text[8192];
};

static inline void
place_make(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/truechimer-stats.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	strcat(p->dir, "/");
}

static inline const char *
place_path(struct place *p, const char *name)
{
	snprintf(p->path, sizeof(p->path), "%s%s", p->dir, name);
	return p->path;
}

/* How many files there are; removes them and the directory if told to. */
static inline unsigned
place_count(struct place *p, bool clear)
{
	DIR *d = opendir(p->dir);
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (clear && unlink(place_path(p, e->d_name)) == -1)
			rmdir(p->path);
	}
	closedir(d);
	if (clear)
		rmdir(p->dir);
	return n;
}

/* What is in a file; NULL if there is none. */
static inline const char *
place_read(struct place *p, const char *name)
{
	FILE *f = fopen(place_path(p, name), "r");
	size_t n;

	if (f == NULL)
		return NULL;
	n = fread(p->text, 1, sizeof(p->text) - 1, f);
	p->text[n] = '\0';
	fclose(f);
	return p->text;
}

static inline void
place_write(struct place *p, const char *name, const char *text)
{
	FILE *f = fopen(place_path(p, name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

#endif
