/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads two clocks as if at one instant: the reading of the second between two of the first, the closest of a few tries. */
#include <sys/timerfd.h>
#include <unistd.h>

#include "host.h"

#define READ_TRIES	4
#define FAR_AWAY	INT64_C(9000000000)	/* s, year 2255 */

static int64_t
clock_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Time on clock id when monotime is *mono. */
static int64_t
read_beside(clockid_t id, int64_t *mono)
{
	int64_t other = 0, closest = INT64_MAX;

	for (int i = 0; i < READ_TRIES; i++) {
		int64_t before = clock_ns(CLOCK_MONOTONIC), there = clock_ns(id), after = clock_ns(CLOCK_MONOTONIC);

		if (after - before < closest) {
			closest = after - before;
			other = there;
			*mono = before + (after - before) / 2;
		}
	}
	return other;
}

void
host_read(const void *driver, struct walltime *host, struct monotime *mono)
{
	(void)driver;
	host->ns = read_beside(CLOCK_REALTIME, &mono->ns);
}

void
host_watch(const void *driver, struct watchpoint *w)
{
	int64_t mono;

	(void)driver;
	w->ahead_ns = read_beside(CLOCK_REALTIME, &mono) - mono;
	w->asleep_ns = read_beside(CLOCK_BOOTTIME, &mono) - mono;
}

/* A timer that never comes due, but is cancelled by the kernel when the clock is set. */
static int
arm_change(int fd)
{
	struct itimerspec never = { .it_value.tv_sec = FAR_AWAY };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int
sysclock_change_fd(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd != -1 && arm_change(fd) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void
sysclock_change_seen(int fd)
{
	uint64_t expirations;

	/* The read fails with ECANCELED: that is the news. */
	if (read(fd, &expirations, sizeof(expirations)) == -1)
		arm_change(fd);
}
