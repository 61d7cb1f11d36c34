/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets the limits of the process and locks its memory. */
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/log.h"
#include "daemon/limits.h"

#define PAGE		4096	/* octets: the directive's unit, whatever the machine's pages are */
#define MEGABYTE	(1 << 20)
#define STACK_LEAST	64	/* pages: what our deepest call needs, the environment, and room */

static struct rlimit
both(rlim_t value)
{
	return (struct rlimit){ .rlim_cur = value, .rlim_max = value };
}

static void
report(const char *what, int result)
{
	if (result == -1)
		log_warn("rlimit %s: the limit cannot be set", what);
}

void
limits_set(const struct config_rlimit *want)
{
	struct rlimit memlock = both(want->memlock == 0 ? RLIM_INFINITY : (rlim_t)want->memlock * MEGABYTE);
	struct rlimit filenum = both((rlim_t)want->filenum), stack;
	int pages = want->stacksize;

	if (pages >= 0 && pages < STACK_LEAST) {
		log_warnx("rlimit stacksize %d: fewer than %d pages would not do, taking these", pages, STACK_LEAST);
		pages = STACK_LEAST;
	}
	stack = both((rlim_t)pages * PAGE);
	if (want->memlock >= 0)
		report("memlock", setrlimit(RLIMIT_MEMLOCK, &memlock));
	if (want->stacksize >= 0)
		report("stacksize", setrlimit(RLIMIT_STACK, &stack));
	if (want->filenum >= 0)
		report("filenum", setrlimit(RLIMIT_NOFILE, &filenum));
}

void
limits_lock(const struct config_rlimit *want)
{
	if (want->memlock >= 0 && mlockall(MCL_CURRENT | MCL_FUTURE) == -1)
		log_warn("rlimit memlock %d: the memory cannot be locked", want->memlock);
}
