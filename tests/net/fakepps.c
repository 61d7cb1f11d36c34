/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded, it makes of a file whose name ends in "fakepps" a device of Linux's PPS interface (linux/pps.h): one pulse a second, FAKEPPS_LATE seconds
 * after the host's clock has begun a second.  For tests on machines without such a device.
 */
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/pps.h>

static int pps_fd = -1, mode = PPS_CAPTUREASSERT;

int
open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	size_t len = strlen(path);
	va_list ap;
	int perm, fd;

	va_start(ap, flags);
	perm = va_arg(ap, int);
	va_end(ap);
	fd = next(path, flags, perm);
	if (fd != -1 && len >= 7 && strcmp(path + len - 7, "fakepps") == 0)
		pps_fd = fd;
	return fd;
}

static void
fetch(struct pps_fdata *d)
{
	double late = atof(getenv("FAKEPPS_LATE"));
	struct timespec now;
	double since;

	clock_gettime(CLOCK_REALTIME, &now);
	since = (double)now.tv_nsec * 1e-9 - late;
	d->info = (struct pps_kinfo){ .assert_sequence = (unsigned)(now.tv_sec - (since < 0)), .current_mode = mode };
	d->info.assert_tu.sec = now.tv_sec - (since < 0);
	d->info.assert_tu.nsec = (int)lround(late * 1e9);
}

int
ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd != pps_fd)
		return next(fd, request, arg);
	switch (request) {
	case PPS_GETCAP:
		*(int *)arg = PPS_CAPTUREASSERT | PPS_TSFMT_TSPEC;
		return 0;
	case PPS_GETPARAMS:
		*(struct pps_kparams *)arg = (struct pps_kparams){ .api_version = PPS_API_VERS, .mode = mode };
		return 0;
	case PPS_SETPARAMS:
		mode = ((struct pps_kparams *)arg)->mode;
		return 0;
	case PPS_FETCH:
		if ((mode & PPS_TSFMT_TSPEC) == 0)
			break;
		fetch(arg);
		return 0;
	default:
		break;
	}
	errno = ENOTTY;
	return -1;
}
