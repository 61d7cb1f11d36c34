/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock process under a daemon in bad hands: whatever it is ordered, within a day the clock is not moved by more than the bounds say, and when the
 * daemon is gone the kernel is left at a frequency within 500 ppm.
 *
 * Input: orders, one after the other: an octet what (its top bit: 64 octets as they are follow), the seconds that pass before it, and three numbers,
 * each an octet (odd: the bits of a double follow, even: fuzz_seconds).  The kernel's clock and all time are the target's.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "sysclock/keeper.h"
#include "sysclock/order.h"

#define DAY	86400.0
#define PANIC	1000.0
#define FIRST	INT64_C(1700000000)	/* s since 1970 at which it begins */
#define SLACK	1.0			/* s: a slew that is ended late */

static struct {
	struct rd	in;
	struct monotime	now;
	double		moved;		/* s, what the clock has been made to gain */
	double		gain;		/* s/s */
	long		tick, freq;
	uint8_t		next[ORDER_LEN];
	bool		raw, opened, waiting;
} world;

int __wrap_adjtimex(struct timex *tx);
int __wrap_poll(struct pollfd *p, nfds_t n, int timeout);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
struct monotime __wrap_monotime_now(void);
struct walltime __wrap_walltime_now(void);

static void
pass(double seconds)
{
	world.now = monotime_add(world.now, seconds);
	world.moved += world.gain * seconds;
	assert(fabs(world.moved) <= 2 * PANIC + 1002e-6 * monotime_diff(world.now, (struct monotime){ 1 }) + SLACK);
}

struct monotime
__wrap_monotime_now(void)
{
	return world.now;
}

struct walltime
__wrap_walltime_now(void)
{
	return walltime_add((struct walltime){ FIRST * NS_PER_S }, monotime_diff(world.now, (struct monotime){ 1 }) + world.moved);
}

int
__wrap_adjtimex(struct timex *tx)
{
	assert((tx->modes & ~(unsigned)(ADJ_OFFSET | ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS | ADJ_TAI | ADJ_SETOFFSET | ADJ_NANO | ADJ_TICK)) == 0);
	if ((tx->modes & ADJ_TICK) != 0)
		world.tick = tx->tick;
	if ((tx->modes & ADJ_FREQUENCY) != 0)
		world.freq = tx->freq;
	if ((tx->modes & ADJ_SETOFFSET) != 0) {
		assert(tx->time.tv_usec >= 0 && tx->time.tv_usec < NS_PER_S);
		world.moved += (double)tx->time.tv_sec + 1e-9 * (double)tx->time.tv_usec;
	}
	assert(labs(world.freq) <= 500L << 16 && world.tick >= 9000 && world.tick <= 11000);
	world.gain = 1e-4 * (double)(world.tick - 10000) + 1e-6 / 65536 * (double)world.freq;
	tx->tick = world.tick;
	tx->freq = world.freq;
	return TIME_OK;
}

static double
number(void)
{
	uint64_t bits;
	double v;

	if (rd_u8(&world.in) % 2 == 0)
		return fuzz_seconds(&world.in, 1e9);
	bits = rd_u64(&world.in);
	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* The next order; returns the seconds until it comes. */
static double
prepare(void)
{
	struct order o = { .what = rd_u8(&world.in) };
	double wait = fabs(fuzz_seconds(&world.in, DAY)), v[3];

	world.raw = (o.what & 0x80) != 0;
	if (world.raw) {
		size_t n = rd_left(&world.in) < ORDER_LEN ? rd_left(&world.in) : ORDER_LEN;

		memset(world.next, 0, sizeof(world.next));
		memcpy(world.next, rd_bytes(&world.in, n), n);
		return wait;
	}
	for (size_t i = 0; i < 3; i++)
		v[i] = number();
	o.what = (uint8_t)(o.what % (ORDER_STATE + 1));
	o.bounds = (struct clock_bounds){ .panic = v[0], .stepout = v[1], .slew_max = v[2], .panic_once = true };
	o.steer = (struct steer){ .freq = v[0], .slew = v[1], .offset = v[2] };
	o.offset = v[0];
	o.status = (struct sysclock_status){ .leap = (uint8_t)(o.what & 3), .maxerror = v[0], .esterror = v[1], .tai = 37 };
	order_write(world.next, &o);
	return wait;
}

/* Time passes here and nowhere else. */
int
__wrap_poll(struct pollfd *p, nfds_t n, int timeout)
{
	static double left;

	assert(n == 1 && p->events == POLLIN);
	if (!world.opened)
		return 1;
	if (!world.waiting) {
		if (rd_left(&world.in) == 0)
			return 1;
		left = prepare();
		world.waiting = true;
	}
	if (monotime_diff(world.now, (struct monotime){ 1 }) + left > DAY)
		left = 0;
	if (timeout >= 0 && left > 1e-3 * timeout) {
		pass(1e-3 * timeout);
		left -= 1e-3 * timeout;
		return 0;
	}
	pass(left);
	left = 0;
	return 1;
}

ssize_t
__wrap_recv(int fd, void *buf, size_t len, int flags)
{
	const struct clock_bounds usual = { .panic = PANIC, .stepout = 300, .slew_max = 500e-6, .slew_start = 0.08, .not_before.ns = FIRST * NS_PER_S / 2 };

	(void)fd;
	(void)flags;
	assert(len > ORDER_LEN);
	if (world.opened && !world.waiting)
		return 0;
	if (!world.opened)
		order_write(world.next, &(struct order){ .what = ORDER_OPEN, .bounds = usual });
	world.opened = true;
	world.waiting = false;
	memcpy(buf, world.next, ORDER_LEN);
	return ORDER_LEN;
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	struct answer a;

	(void)fd;
	(void)flags;
	assert(answer_read(buf, len, &a) && a.error >= 0);
	return (ssize_t)len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper *k = keeper_new();

	assert(k != NULL);
	memset(&world, 0, sizeof(world));
	world.in = rd_init(data, size);
	world.now.ns = 1;
	world.tick = 10000;
	keeper_serve(k, 0);
	assert(fabs(world.gain) <= 501e-6);
	keeper_free(k);
	return 0;
}
