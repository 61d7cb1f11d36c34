/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of configuration from afar, one request after the other: no file is opened, no path in force changes, a request that is refused
 * leaves a remark, and what is in force stays within the bounds that the rooms below rely on.
 *
 * Input: requests, separated by NUL.
 */
#include <fcntl.h>

#include "base/ntp.h"
#include "config/config.h"
#include "fuzz.h"

#define REMARK_MAX	1024
#define START		"server 192.0.2.1\npool pool.example\nrestrict 192.0.2.0/24 limited kod\nrestrict source nomodify\nrestrict default noquery\n" \
			"keys /k\ndriftfile /d\nlogfile /l\npidfile /p\nstatsdir /s\nleapfile /e\n"

/* Linked in the place of open(). */
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	abort();
}

static void
remark(void *arg, enum remark r, const char *name, unsigned line, unsigned column, const char *text)
{
	unsigned *errors = arg;

	assert(name != NULL && (line > 0 || column == 0) && text[0] != '\0' && strlen(text) < REMARK_MAX);
	for (; *text != '\0'; text++)
		assert(*text >= ' ' && *text < 0x7f);
	*errors += r == REMARK_ERROR;
}

static int
resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	(void)arg;
	(void)name;
	(void)family;
	(void)out;
	(void)cap;
	*why = "not now";
	return -1;
}

/* Half of the associations are there. */
static bool
unpeer(void *arg, const struct config_unpeer *u, bool configured)
{
	(void)arg;
	assert(u->host != NULL ? u->host[0] != '\0' : u->id > 0);
	return !configured && u->id % 2 == 1;
}

static void
check(const struct config *c)
{
	size_t sources = 0, vars = 0;

	for (const struct config_source *s = c->sources; s != NULL; s = s->next, sources++)
		assert(s->host[0] != '\0' && s->opts.minpoll >= POLL_MIN && s->opts.minpoll <= s->opts.maxpoll && s->opts.maxpoll <= POLL_MAX);
	for (const struct config_setvar *v = c->setvars; v != NULL; v = v->next, vars++)
		assert(v->name[0] != '\0' && v->value != NULL);
	for (const struct config_restrict *r = c->restricts; r != NULL; r = r->next)
		assert(r->source || r->rule.addr.family == r->rule.mask.family);
	assert(sources == c->nsources && sources <= CONFIG_SOURCES_MAX && vars <= CONFIG_SETVARS_MAX);
	assert(c->errors == 0 && c->fatal == 0 && c->controlkey <= 65535 && c->dscp >= 0 && c->dscp <= 63);
	assert(strcmp(c->keysfile, "/k") == 0 && strcmp(c->driftfile, "/d") == 0 && strcmp(c->logfile, "/l") == 0);
	assert(strcmp(c->pidfile, "/p") == 0 && strcmp(c->statsdir, "/s/") == 0 && strcmp(c->leapfile, "/e") == 0);
	assert(c->enable_ntp && c->enable_stats && !c->enable_mode7 && c->clock == CLOCK_KERNEL);
	for (unsigned i = 0; i < STATS_KINDS; i++)
		assert(strchr(c->filegen[i].file, '/') == NULL && c->filegen[i].link);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned errors = 0;
	const struct config_remote_hooks h = { .hooks = { .remark = remark, .resolve = resolve, .arg = &errors }, .unpeer = unpeer };
	struct config *c = config_new();
	const uint8_t *end = data + size;

	if (config_parse_buffer(c, "start", START, sizeof(START) - 1, &h.hooks) != 0 || c->errors != 0)
		abort();
	while (data < end) {
		const uint8_t *nul = memchr(data, '\0', (size_t)(end - data));
		size_t n = (size_t)((nul != NULL ? nul : end) - data);
		char *line = malloc(n > 0 ? n : 1);
		struct config_change change;
		bool ok;

		assert(line != NULL);
		memcpy(line, data, n);
		errors = 0;
		ok = config_remote(c, line, n, &h, &change);
		assert(ok == (errors == 0));
		check(c);
		free(line);
		data += nul != NULL ? n + 1 : n;
	}
	config_free(c);
	return 0;
}
