/* SPDX-License-Identifier: BSD-2-Clause */
/* Names on restrict lines of a configuration that is about to be read again: looked up first, so that the loop never waits for a name server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "root.h"

#define NAMES_MAX	64	/* different ones in a file */
#define WHY_MAX		80

struct known {
	char			 name[256];
	int			 family;
	struct names		*in;
	struct resolver_query	*query;	/* under way, or NULL */
	char			 why[WHY_MAX];	/* there is no address, or "" */
	struct addr		 addr[RESOLVE_ADDRS_MAX];
	size_t			 n;
};

struct names {
	struct known	 known[NAMES_MAX];
	size_t		 n;
	size_t		 waiting;
	names_ready	*ready;
	void		*arg;
};

static struct known *
find(struct names *s, const char *name, int family)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->known[i].family == family && strcmp(s->known[i].name, name) == 0)
			return &s->known[i];
	}
	return NULL;
}

/* A config_resolve that only takes down what is asked for. */
static int
note(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	struct names *s = arg;
	struct known *k;

	(void)out;
	(void)cap;
	*why = "it is looked up";
	if (find(s, name, family) != NULL || s->n == NAMES_MAX || strlen(name) >= sizeof(k->name))
		return -1;
	k = &s->known[s->n++];
	memcpy(k->name, name, strlen(name) + 1);
	k->family = family;
	k->in = s;
	return -1;
}

static void
say_nothing(void *arg, enum remark kind, const char *file, unsigned line, unsigned column, const char *text)
{
	(void)arg;
	(void)kind;
	(void)file;
	(void)line;
	(void)column;
	(void)text;
}

static void
on_answer(void *arg, enum resolve_err err, const char *reason, const struct addr addrs[], size_t n)
{
	struct known *k = arg;
	struct names *s = k->in;

	k->query = NULL;
	if (err != RESOLVE_OK)
		snprintf(k->why, sizeof(k->why), "%s", reason);
	for (size_t i = 0; i < n; i++)
		k->addr[k->n++] = addrs[i];
	if (--s->waiting == 0)
		s->ready(s->arg);
}

/* The addresses of all that has been taken down. */
static void
ask(struct names *s, struct resolver *r)
{
	for (size_t i = 0; i < s->n; i++) {
		struct known *k = &s->known[i];

		k->query = resolver_ask(r, k->name, k->family, on_answer, k);
		if (k->query == NULL)
			snprintf(k->why, sizeof(k->why), "%s", strerror(errno));
		s->waiting += k->query != NULL;
	}
}

struct names *
names_look_up(struct resolver *r, const char *path, names_ready *ready, void *arg)
{
	struct names *s = calloc(1, sizeof(*s));
	struct config *c = config_new();
	const struct config_hooks h = { .remark = say_nothing, .resolve = note, .arg = s };
	bool starved = s == NULL || c == NULL || (config_load(c, path, &h) == -1 && c->starved);

	config_free(c);
	if (starved) {
		names_free(s);
		errno = ENOMEM;
		return NULL;
	}
	s->ready = ready;
	s->arg = arg;
	ask(s, r);
	return s;
}

bool
names_wait(const struct names *s)
{
	return s->waiting > 0;
}

int
names_resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	struct names *s = arg;
	const struct known *k = find(s, name, family);
	size_t n;

	if (k == NULL || k->why[0] != '\0') {
		*why = k != NULL ? k->why : s->n == NAMES_MAX ? "there are too many names" : "the file has changed meanwhile";
		return -1;
	}
	n = k->n < cap ? k->n : cap;
	memcpy(out, k->addr, n * sizeof(*out));
	return (int)n;
}

void
names_free(struct names *s)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		resolver_cancel(s->known[i].query);
	free(s);
}
