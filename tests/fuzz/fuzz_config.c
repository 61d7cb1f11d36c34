/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration files: every remark is one line of printable ASCII and counted, what comes out is within the bounds that the rooms
 * below rely on, and a newline at the end makes no difference.
 *
 * Input: the file.  Whatever it includes is the input again, as a file: no file of the machine is read.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <unistd.h>

#include "base/ntp.h"
#include "config/config.h"
#include "fuzz.h"

#define REMARK_MAX	1024
#define OPENED_MAX	8	/* enough for a ring to be noticed; hundreds would only take time */

/* Linked in the place of open(), which takes no argument by which to tell it: the input at hand, and how often it has been included. */
static struct { const uint8_t *data; size_t size; unsigned opened; } file;

int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	int fd;

	(void)flags;
	if (file.opened++ >= OPENED_MAX) {
		errno = ENOENT;
		return -1;
	}
	fd = memfd_create("included", MFD_CLOEXEC);
	if (fd == -1 || path[0] == '\0' || fchmod(fd, 0600) == -1 || write(fd, file.data, file.size) != (ssize_t)file.size ||
	    lseek(fd, 0, SEEK_SET) == -1)
		abort();
	return fd;
}

struct count { unsigned kind[3]; };

static void
remark(void *arg, enum remark r, const char *name, unsigned line, unsigned column, const char *text)
{
	struct count *n = arg;

	assert((unsigned)r < NELEMS(n->kind) && name != NULL && (line > 0 || column == 0));
	n->kind[r]++;
	assert(text[0] != '\0' && strlen(text) < REMARK_MAX);
	for (; *text != '\0'; text++)
		assert(*text >= ' ' && *text < 0x7f);
}

static int
resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why)
{
	(void)arg;
	*why = "no such name";
	if (strchr(name, 'x') != NULL)
		return -1;
	return cap > 0 && addr_parse(out, family == 6 ? "2001:db8::1" : "192.0.2.1", family) ? 1 : 0;
}

static void
check_sources(const struct config *c)
{
	size_t n = 0;

	for (const struct config_source *s = c->sources; s != NULL; s = s->next, n++) {
		assert(s->host[0] != '\0' && strlen(s->host) < ASSOC_NAME_MAX && isfinite(s->opts.bias));
		assert(s->opts.version >= NTP_VERSION_MIN && s->opts.version <= NTP_VERSION);
		assert(s->opts.minpoll >= POLL_MIN && s->opts.minpoll <= s->opts.maxpoll && s->opts.maxpoll <= POLL_MAX);
	}
	assert(n == c->nsources && n <= CONFIG_SOURCES_MAX);
}

static void
check_values(const struct config *c)
{
	const struct discipline_opts *t = &c->tinker;

	for (const struct config_restrict *r = c->restricts; r != NULL; r = r->next) {
		struct addr masked = r->rule.addr;

		addr_apply_mask(&masked, &r->rule.mask);
		assert(r->source || (r->rule.addr.family == r->rule.mask.family && memcmp(masked.ip, r->rule.addr.ip, sizeof(masked.ip)) == 0));
		assert(r->rule.ippeerlimit >= IPPEERLIMIT_NONE && r->rule.ippeerlimit <= IPPEERLIMIT_MAX);
	}
	assert(c->restrict_default4 && c->restrict_default6 && c->dscp >= 0 && c->dscp <= 63 && c->fatal <= c->errors);
	assert(isfinite(t->step_fwd) && isfinite(t->step_back) && isfinite(t->stepout) && isfinite(t->panic) && isfinite(t->dispersion));
	assert(!isinf(t->freq) && isfinite(t->slew_max) && isfinite(c->tos.mindist) && isfinite(c->tos.maxdist) && isfinite(c->wander_threshold));
	assert(isfinite(c->discard.minimum) && isfinite(c->discard.monitor) && isfinite(c->mru.maxage) && isfinite(c->mru.minage));
}

static struct config *
load(const char *text, size_t len)
{
	struct count n = { { 0 } };
	const struct config_hooks h = { .remark = remark, .resolve = resolve, .arg = &n };
	struct config *c = config_new();
	int ret;

	file.opened = 0;
	ret = config_parse_buffer(c, "fuzz.conf", text, len, &h);

	assert(ret == 0 || (errno == EILSEQ && c->errors > 0 && memchr(text, '\0', len) != NULL));
	assert(n.kind[REMARK_ERROR] == c->errors && n.kind[REMARK_WARNING] == c->warnings);
	check_sources(c);
	check_values(c);
	return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct config *a, *b;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\n';
	file.data = data;
	file.size = size;
	a = load(text, size);
	b = load(text, size + 1);
	assert(a->errors == b->errors && a->warnings == b->warnings && a->fatal == b->fatal && a->nsources == b->nsources);
	config_free(a);
	config_free(b);
	free(text);
	return 0;
}
