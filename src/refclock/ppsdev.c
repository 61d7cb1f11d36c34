/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the kernel for the last edge that it has seen. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pps.h>

#include "ppsdev.h"

#define RETRY_MIN	1.0	/* s, until the device is looked for again; doubles up to … */
#define RETRY_MAX	64.0

struct ppsdev {
	struct refclock	*clock;
	char		path[REFCLOCK_PATH_MAX];
	bool		falling, told;
	int		fd;
	unsigned	seq;		/* of the last edge */
	double		wait;		/* s */
	struct monotime	next;		/* try to open */
};

bool
ppsdev_edge(const struct pps_fdata *d, bool falling, unsigned *seq, struct walltime *out)
{
	const struct pps_ktime *t = falling ? &d->info.clear_tu : &d->info.assert_tu;
	unsigned now = falling ? d->info.clear_sequence : d->info.assert_sequence;

	if (now == *seq || t->sec <= 0 || t->nsec < 0 || t->nsec >= NS_PER_S || (t->flags & PPS_TIME_INVALID) != 0)
		return false;
	*seq = now;
	out->ns = t->sec * NS_PER_S + t->nsec;
	return true;
}

/* Stamps of the edge wanted, with nanoseconds; some devices stamp one edge only. */
static int
configure(int fd, bool falling)
{
	struct pps_kparams params = { .api_version = PPS_API_VERS };
	int cap = 0, want = falling ? PPS_CAPTURECLEAR : PPS_CAPTUREASSERT;

	if (ioctl(fd, PPS_GETCAP, &cap) == -1)
		return -1;
	if ((cap & want) == 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (ioctl(fd, PPS_GETPARAMS, &params) == -1)
		return -1;
	if ((params.mode & want) != 0 && (params.mode & PPS_TSFMT_TSPEC) != 0)
		return 0;
	params.mode |= want | PPS_TSFMT_TSPEC;
	return ioctl(fd, PPS_SETPARAMS, &params);
}

static bool
open_device(struct ppsdev *p)
{
	struct monotime now = monotime_now();

	if (p->fd != -1)
		return true;
	if (monotime_before(now, p->next))
		return false;
	p->fd = open(p->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (p->fd != -1 && configure(p->fd, p->falling) == 0) {
		if (p->told)
			log_info("%s: %s is there", p->clock->info.name, p->path);
		p->told = false;
		p->wait = RETRY_MIN;
		return true;
	}
	if (!p->told)
		log_warn("%s: %s gives no pulses; trying again", p->clock->info.name, p->path);
	p->told = true;
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
	p->next = monotime_add(now, p->wait);
	p->wait = fmin(2 * p->wait, RETRY_MAX);
	return false;
}

struct ppsdev *
ppsdev_open(struct refclock *c, const char *path, bool falling)
{
	struct ppsdev *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	*p = (struct ppsdev){ .clock = c, .falling = falling, .fd = -1, .wait = RETRY_MIN };
	snprintf(p->path, sizeof(p->path), "%s", path);
	open_device(p);
	return p;
}

void
ppsdev_close(struct ppsdev *p)
{
	if (p == NULL)
		return;
	if (p->fd != -1)
		close(p->fd);
	free(p);
}

bool
ppsdev_fetch(struct ppsdev *p, struct walltime *out)
{
	/* A timeout of 0: what there is, without waiting. */
	struct pps_fdata d = { .timeout = { .sec = 0 } };

	if (!open_device(p))
		return false;
	if (ioctl(p->fd, PPS_FETCH, &d) == -1) {
		if (errno == EINTR || errno == EAGAIN || errno == ETIMEDOUT)
			return false;
		close(p->fd);
		p->fd = -1;
		return false;
	}
	return ppsdev_edge(&d, p->falling, &p->seq, out);
}
