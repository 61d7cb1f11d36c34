/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses text and keeps what was remarked on it.  For the tests of this room. */
#ifndef TESTS_CONFIG_REMARKS_H
#define TESTS_CONFIG_REMARKS_H

#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define REMARKS_MAX	512

struct remarks {
	unsigned	n, errors, warnings, notes;
	struct {
		enum remark	kind;
		char		file[256];
		unsigned	line, column;
		char		text[512];
	} v[REMARKS_MAX];
};

static inline void
remarks_add(void *arg, enum remark kind, const char *file, unsigned line, unsigned column, const char *text)
{
	struct remarks *m = arg;

	m->errors += kind == REMARK_ERROR;
	m->warnings += kind == REMARK_WARNING;
	m->notes += kind == REMARK_NOTE;
	if (m->n >= REMARKS_MAX)
		return;
	m->v[m->n].kind = kind;
	m->v[m->n].line = line;
	m->v[m->n].column = column;
	snprintf(m->v[m->n].file, sizeof(m->v[m->n].file), "%s", file);
	snprintf(m->v[m->n].text, sizeof(m->v[m->n].text), "%s", text);
	m->n++;
}

/* Knows one.example (one address), two.example (one of each family) and nothing else. */
static inline int
remarks_resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	int n = 0;

	(void)arg;
	if (strcmp(name, "one.example") != 0 && strcmp(name, "two.example") != 0) {
		*why = "no such name";
		return -1;
	}
	if (family != 6 && cap > 0 && addr_parse(&out[n], "192.0.2.1", 4))
		n++;
	if (strcmp(name, "two.example") == 0 && family != 4 && (size_t)n < cap && addr_parse(&out[n], "2001:db8::1", 6))
		n++;
	return n;
}

static inline struct config *
parse_bytes(const char *buf, size_t len, struct remarks *m)
{
	const struct config_hooks h = { .remark = remarks_add, .resolve = remarks_resolve, .arg = m };
	struct config *c = config_new();

	memset(m, 0, sizeof(*m));
	if (config_parse_buffer(c, "t.conf", buf, len, &h) != 0 && c->errors == 0)
		fprintf(stderr, "refused without an error\n");
	return c;
}

static inline struct config *
parse_text(const char *text, struct remarks *m)
{
	return parse_bytes(text, strlen(text), m);
}

/* A remark whose text has these words, or NULL. */
static inline const char *
remarks_find(const struct remarks *m, const char *words)
{
	for (unsigned i = 0; i < m->n && i < REMARKS_MAX; i++)
		if (strstr(m->v[i].text, words) != NULL)
			return m->v[i].text;
	return NULL;
}

/* The one entry of the file (not of the safe defaults) for an address and mask length or mask, or NULL. */
static inline const struct config_restrict *
restrict_of(const struct config *c, const char *addr, const char *mask)
{
	struct addr a, k;

	if (!addr_parse(&a, addr, 0) || !addr_parse(&k, mask, 0))
		return NULL;
	for (const struct config_restrict *e = c->restricts; e != NULL; e = e->next)
		if (!e->source && addr_same_host(&e->rule.addr, &a) && memcmp(e->rule.mask.ip, k.ip, sizeof(k.ip)) == 0)
			return e;
	return NULL;
}

#endif
