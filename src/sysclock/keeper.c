/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of the clock process: an order, the guard's opinion of it, the kernel, an answer. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "guard.h"
#include "kernel.h"
#include "order.h"

struct keeper {
	struct kernel	kernel;
	struct guard	guard;
	bool		open;		/* the clock is ours */
	double		freq;		/* s/s, without the slew */
	bool		slewing;
	struct monotime	end;		/* of a slew that nobody has ended before */
};

struct keeper *
keeper_new(void)
{
	return calloc(1, sizeof(struct keeper));
}

void
keeper_free(struct keeper *k)
{
	free(k);
}

/* --- orders: 0 or an errno ----------------------------------------------------------------- */

static int
open_clock(struct keeper *k, const struct order *o)
{
	if (k->open)
		return EPERM;	/* bounds are for life */
	if (!guard_init(&k->guard, &o->bounds))
		return EINVAL;
	if (kernel_take_over(&k->kernel) == -1)
		return errno;
	k->open = true;
	return 0;
}

static int
run(struct keeper *k, struct steer s, struct answer *a)
{
	double added;

	if (!guard_cut(&k->guard, monotime_now(), &s))
		return EINVAL;
	k->kernel.meddled = false;
	if (kernel_run(&k->kernel, &s, &a->when, &a->actual) == -1)
		return errno;
	a->meddled = k->kernel.meddled;
	added = a->actual - s.freq;
	guard_ran(&k->guard, a->when, &s, added);
	k->freq = s.freq;
	/* As the daemon reckons it (sysclock_adjust), and then some. */
	k->slewing = s.slew != 0;
	k->end = monotime_add(a->when, added * s.offset > 0 ? fmin(s.offset / added, 1e9) + KEEPER_GRACE : 0);
	return 0;
}

static int
step(struct keeper *k, double offset)
{
	struct monotime now = monotime_now();

	if (!guard_permits_step(&k->guard, now, walltime_now(), offset))
		return EPERM;
	if (kernel_step(offset) == -1)
		return errno;
	guard_stepped(&k->guard, now, offset);
	return 0;
}

static int
carry_out(struct keeper *k, const struct order *o, struct answer *a)
{
	if (o->what != ORDER_OPEN && !k->open)
		return EPERM;
	switch (o->what) {
	case ORDER_OPEN:
		return open_clock(k, o);
	case ORDER_RUN:
		return run(k, o->steer, a);
	case ORDER_STEP:
		return step(k, o->offset);
	case ORDER_STATUS:
		return kernel_set_status(&o->status) == -1 ? errno : 0;
	case ORDER_STATE:
		a->clock = adjtimex(&a->state);
		return a->clock == -1 ? errno : 0;
	}
	return EINVAL;
}

/* --- the loop ------------------------------------------------------------------------------ */

static void
end_slew(struct keeper *k)
{
	struct answer unheard;

	if (k->slewing && run(k, (struct steer){ .freq = k->freq }, &unheard) != 0)
		k->slewing = false;	/* a kernel that has taken a frequency takes it back; if it does not, there is nobody to tell */
}

/* Milliseconds for poll, rounded up. */
static int
patience(const struct keeper *k)
{
	double left = k->slewing ? 1e3 * monotime_diff(k->end, monotime_now()) : -1;

	return !k->slewing ? -1 : left <= 0 ? 0 : left >= INT_MAX ? INT_MAX : (int)ceil(left);
}

/* False: it is over. */
static bool
serve_one(struct keeper *k, int fd)
{
	uint8_t in[ORDER_LEN + 1], out[ANSWER_LEN];
	struct answer a = { .error = 0 };
	struct order o;
	ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || !order_read(in, (size_t)n, &o))
		return false;
	a.what = o.what;
	a.error = carry_out(k, &o, &a);
	answer_write(out, &a);
	return send(fd, out, sizeof(out), MSG_NOSIGNAL | MSG_DONTWAIT) == ANSWER_LEN;
}

void
keeper_serve(struct keeper *k, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, patience(k));
		if (k->slewing && !monotime_before(monotime_now(), k->end))
			end_slew(k);
	} while ((n == -1 && errno == EINTR) || n == 0 || (n == 1 && serve_one(k, fd)));
	end_slew(k);
}
