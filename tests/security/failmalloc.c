/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A C library that runs out of memory when told to: preloaded into a program under test (SYS-11).
 *
 * FAILMALLOC names a file of three 32-bit numbers, mapped: how many allocations there have been, the one that is to fail (0: none), and a
 * number that is not 0 while all fail.  Counted are those that the program itself asks for, or libevent for it, in a program called ntpd.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES_MAX	32

struct control {
	uint32_t	count, victim, all;
};

static struct control *control;
static struct { uintptr_t lo, hi; } ranges[RANGES_MAX];	/* of code whose allocations count */
static size_t nranges;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static void
take_line(const char *line, const char *self)
{
	const char *path = strchr(line, '/');
	char *dash;

	if (path == NULL || (strcmp(path, self) != 0 && strstr(path, "/libevent") == NULL) || nranges == RANGES_MAX)
		return;
	ranges[nranges].lo = strtoul(line, &dash, 16);
	ranges[nranges++].hi = strtoul(dash + 1, NULL, 16);
}

static void
find_callers(void)
{
	char line[512], self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	char c;

	self[n > 0 ? n : 0] = '\0';
	if (strstr(self, "/ntpd") == NULL)
		return;		/* a shell, or whatever else starts it */
	while (fd != -1 && read(fd, &c, 1) == 1) {
		if (c != '\n') {
			if (len < sizeof(line) - 1)
				line[len++] = c;
			continue;
		}
		line[len] = '\0';
		take_line(line, self);
		len = 0;
	}
	if (fd != -1)
		close(fd);
}

static __attribute__((constructor)) void
start(void)
{
	const char *path = getenv("FAILMALLOC");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return;
	find_callers();
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (control == MAP_FAILED)
		control = NULL;
}

static int
fails(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	size_t i;

	if (control == NULL)
		return 0;
	for (i = 0; i < nranges && (at < ranges[i].lo || at >= ranges[i].hi); i++)
		;
	if (i == nranges)
		return 0;
	control->count++;
	if (control->count != control->victim && control->all == 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
