/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of a clock that is kept by another process: the kernel's, read here and steered there. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "host.h"
#include "order.h"

#define ANSWER_WAIT	5	/* s: an answer takes microseconds; whoever needs longer is as good as gone */

struct kept {
	int	fd;
	bool	lost;		/* it does not answer any more */
	bool	meddled;
};

/* Half an answer is none: whatever happens to the link, the loop hears that it is closed. */
static int
lose(struct kept *k)
{
	k->lost = true;
	shutdown(k->fd, SHUT_RDWR);
	errno = EPIPE;
	return -1;
}

static ssize_t
receive(int fd, uint8_t *buf, size_t cap)
{
	ssize_t n;

	do {
		n = recv(fd, buf, cap, 0);
	} while (n == -1 && errno == EINTR);
	return n;
}

/* An order and its answer.  -1 with errno if it has not been carried out. */
static int
ask(struct kept *k, const struct order *o, struct answer *a)
{
	uint8_t out[ORDER_LEN], in[ANSWER_LEN + 1];
	ssize_t n;

	if (k->lost) {
		errno = EPIPE;
		return -1;
	}
	order_write(out, o);
	if (send(k->fd, out, sizeof(out), MSG_NOSIGNAL) != ORDER_LEN)
		return lose(k);
	n = receive(k->fd, in, sizeof(in));
	if (n <= 0 || !answer_read(in, (size_t)n, a) || a->what != o->what)
		return lose(k);
	errno = a->error;
	return a->error == 0 ? 0 : -1;
}

static int
run(void *driver, const struct steer *s, struct monotime *when, double *actual)
{
	struct order o = { .what = ORDER_RUN, .steer = *s };
	struct kept *k = driver;
	struct answer a;

	if (ask(k, &o, &a) == -1)
		return -1;
	k->meddled = k->meddled || a.meddled;
	*when = a.when;
	*actual = a.actual;
	return 0;
}

static int
step(void *driver, struct monotime now, double offset)
{
	struct order o = { .what = ORDER_STEP, .offset = offset };

	(void)now;
	return ask(driver, &o, &(struct answer){ 0 });
}

/* The status word tells timedatectl and every reader of adjtimex whether, and how well, the clock is kept. */
static int
set_status(void *driver, const struct sysclock_status *st)
{
	struct order o = { .what = ORDER_STATUS, .status = *st };

	return ask(driver, &o, &(struct answer){ 0 });
}

static int
kernel_state(void *driver, struct timex *out)
{
	struct answer a;

	if (ask(driver, &(struct order){ .what = ORDER_STATE }, &a) == -1)
		return -1;
	*out = a.state;
	return a.clock;
}

static void
get_map(const void *driver, struct clockmap *map)
{
	(void)driver;
	*map = (struct clockmap){ 0 };
}

/* The kernel's clock is the host's: where somebody sets it, it goes. */
static bool
absorb(void *driver, double jump)
{
	(void)driver;
	(void)jump;
	return false;
}

static bool
meddled(void *driver)
{
	struct kept *k = driver;
	bool was = k->meddled;

	k->meddled = false;
	return was;
}

static int
get_link(const void *driver)
{
	return ((const struct kept *)driver)->fd;
}

/* Until the keeper has let go, so that whoever waits for us to end finds the clock in order. */
static void
close_kept(void *driver)
{
	struct kept *k = driver;
	uint8_t end[ANSWER_LEN];

	shutdown(k->fd, SHUT_WR);
	while (receive(k->fd, end, sizeof(end)) > 0)
		;
	close(k->fd);
	free(k);
}

static const struct sysclock_ops kept_ops = {
	.name = "kernel",
	.steers_host = true,
	.read = host_read,
	.run = run,
	.step = step,
	.set_status = set_status,
	.map = get_map,
	.watch = host_watch,
	.absorb = absorb,
	.meddled = meddled,
	.slew_grace = KEEPER_GRACE,
	.kernel_state = kernel_state,
	.link = get_link,
	.close = close_kept,
};

struct sysclock *
sysclock_kept(int fd, const struct clock_bounds *bounds)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT };
	struct order o = { .what = ORDER_OPEN, .bounds = *bounds };
	struct kept *k = calloc(1, sizeof(*k));
	struct sysclock *c = NULL;
	int saved;

	if (k == NULL)
		return NULL;
	k->fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    ask(k, &o, &(struct answer){ 0 }) == 0)
		c = sysclock_new(&kept_ops, k);
	if (c == NULL) {
		saved = errno;
		free(k);
		errno = saved;
	}
	return c;
}
