/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's clock by way of its keeper, with a kernel made of a struct: what is asked of it, what it refuses, what others do behind our back, and what the keeper does on its own. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/ntp.h"
#include "sysclock/keeper.h"
#include "sysclock/order.h"
#include "sysclock/sysclock.h"
#include "../unit.h"

/* No driver takes a pointer for its system calls, so this is the one state there is: each test runs in a process of its own. */
static struct {
	struct timex	tx;
	int		refuse;		/* errno of the next calls; 0: none */
	unsigned	sets;		/* calls that changed something */
	unsigned	steps;
} kernel;

/* In place of the C library's. */
int
adjtimex(struct timex *tx)
{
	if (kernel.refuse != 0) {
		errno = kernel.refuse;
		return -1;
	}
	if ((tx->modes & ADJ_FREQUENCY) != 0)
		kernel.tx.freq = tx->freq;
	if ((tx->modes & ADJ_TICK) != 0)
		kernel.tx.tick = tx->tick;
	if ((tx->modes & ADJ_STATUS) != 0)
		kernel.tx.status = tx->status;
	kernel.sets += tx->modes != 0;
	kernel.steps += (tx->modes & ADJ_SETOFFSET) != 0;
	tx->freq = kernel.tx.freq;
	tx->tick = kernel.tx.tick;
	tx->status = kernel.tx.status;
	return (kernel.tx.status & STA_UNSYNC) != 0 ? TIME_ERROR : TIME_OK;
}

static const struct clock_bounds usual = { .panic = 1000, .stepout = 300, .slew_max = 500e-6, .slew_start = 0.08 };

static struct { pthread_t thread; int fd; struct keeper *k; } keeper;

static void *
keep(void *arg)
{
	(void)arg;
	keeper_serve(keeper.k, keeper.fd);
	close(keeper.fd);
	return NULL;
}

/* A keeper in a thread; returns our end of the link. */
static int
start_keeper(void)
{
	int fd[2];

	keeper.k = keeper_new();
	ck_assert_ptr_nonnull(keeper.k);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	keeper.fd = fd[1];
	ck_assert_int_eq(pthread_create(&keeper.thread, NULL, keep, NULL), 0);
	return fd[0];
}

static void
end_keeper(void)
{
	pthread_join(keeper.thread, NULL);
	keeper_free(keeper.k);
}

static struct sysclock *
taken_over_within(const struct clock_bounds *b)
{
	struct sysclock *c = sysclock_kept(start_keeper(), b);

	ck_assert_ptr_nonnull(c);
	return c;
}

static struct sysclock *
taken_over(void)
{
	return taken_over_within(&usual);
}

/* The clock's end is the keeper's. */
static void
end(struct sysclock *c)
{
	sysclock_free(c);
	end_keeper();
}

static void
steer(struct sysclock *c, double freq)
{
	double unused;

	ck_assert_int_eq(sysclock_adjust(c, monotime_now(), freq, 0, 0, &unused), 0);
}

START_TEST(what_a_former_owner_left_is_taken_out)
{
	struct sysclock *c;

	kernel.tx = (struct timex){ .freq = 12345, .tick = 9990, .status = STA_PLL };
	c = taken_over();
	ck_assert_int_eq(kernel.tx.freq, 0);
	ck_assert_int_eq(kernel.tx.tick, 10000);
	ck_assert_int_eq(kernel.tx.status, STA_UNSYNC);
	ck_assert(!sysclock_meddled(c));
	end(c);
}
END_TEST

/* SYS-02: each of the three is noticed at the next steering, told once, and answered by what we would have set anyway. */
START_TEST(another_program_that_steers_is_noticed_and_not_fought)
{
	struct sysclock *c = taken_over();
	long ours;

	steer(c, 10e-6);
	ours = kernel.tx.freq;
	steer(c, 10e-6);
	ck_assert(!sysclock_meddled(c));
	for (unsigned i = 0; i < 3; i++) {
		if (i == 0)
			kernel.tx.freq += 50 << 16;
		else if (i == 1)
			kernel.tx.tick += 1;
		else
			kernel.tx.status |= STA_PLL;
		for (unsigned j = 0; j < 10; j++)
			steer(c, 10e-6);
		kernel.tx.status = 0;
		ck_assert_msg(sysclock_meddled(c), "change %u", i);
		ck_assert(!sysclock_meddled(c));
		ck_assert_int_eq(kernel.tx.freq, ours);
		ck_assert_int_eq(kernel.tx.tick, 10000);
	}
	/* The kernel rounds. */
	kernel.tx.freq++;
	steer(c, 10e-6);
	ck_assert(!sysclock_meddled(c));
	end(c);
}
END_TEST

/* SYS-05 */
START_TEST(a_kernel_that_refuses_is_no_clock_at_start_and_changes_nothing_later)
{
	static const int errors[] = { EPERM, EINVAL, ENOSYS };
	struct sysclock_status st = { .leap = LEAP_NONE };
	struct sysclock *c;
	double unused;
	int fd;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		kernel.refuse = errors[i];
		fd = start_keeper();
		ck_assert_ptr_null(sysclock_kept(fd, &usual));
		ck_assert_int_eq(errno, errors[i]);
		close(fd);
		end_keeper();
		kernel.refuse = 0;
		c = taken_over();
		steer(c, 20e-6);
		kernel.refuse = errors[i];
		ck_assert_int_eq(sysclock_adjust(c, monotime_now(), 30e-6, 0.01, 1e-4, &unused), -1);
		ck_assert_int_eq(sysclock_step(c, monotime_now(), 1), -1);
		ck_assert_int_eq(sysclock_set_status(c, &st), -1);
		ck_assert_double_eq(sysclock_freq(c), 20e-6);
		ck_assert_uint_eq(sysclock_generation(c), 0);
		kernel.refuse = 0;
		end(c);
	}
}
END_TEST

/* An error state of the kernel's (TIME_ERROR) is our own doing as long as we are not synchronised, and no reason to stop. */
START_TEST(an_unsynchronised_kernel_is_steered_all_the_same)
{
	struct sysclock *c = taken_over();

	kernel.tx.status = STA_UNSYNC | STA_CLOCKERR;
	steer(c, -40e-6);
	ck_assert_int_eq(kernel.tx.freq, lround(-40e-6 / (1 + 40e-6) * 65536e6));
	end(c);
}
END_TEST

/* --- what the keeper does on its own ------------------------------------------------------- */

/* timex.freq of a frequency. */
static long
freq_of(double freq)
{
	return lround(freq / (1 - freq) * 65536e6);
}

/* The other end is closed without a word, as by kill -9. */
START_TEST(a_slew_ends_with_whoever_ordered_it)
{
	struct sysclock *c = taken_over();
	double duration;

	ck_assert_int_eq(sysclock_adjust(c, monotime_now(), 30e-6, 0.1, 400e-6, &duration), 0);
	ck_assert_int_eq(kernel.tx.freq, freq_of(430e-6));
	shutdown(sysclock_link(c), SHUT_RDWR);
	pthread_join(keeper.thread, NULL);
	ck_assert_int_eq(kernel.tx.freq, freq_of(30e-6));
	ck_assert_int_eq(kernel.tx.tick, 10000);
	keeper_free(keeper.k);
	sysclock_free(c);
}
END_TEST

START_TEST(a_slew_that_nobody_ends_ends_by_itself_and_is_reckoned_so)
{
	struct sysclock *c = taken_over();
	struct clockread before, then;
	double duration;

	sysclock_read(c, &before);
	ck_assert_int_eq(sysclock_adjust(c, before.mono, 0, 0.01, 0.08, &duration), 0);
	ck_assert_double_eq_tol(duration, 0.125, 0.001);
	ck_assert_int_ne(kernel.tx.tick, 10000);
	usleep((useconds_t)((duration + KEEPER_GRACE + 0.5) * 1e6));
	ck_assert_int_eq(kernel.tx.tick, 10000);
	ck_assert_int_eq(kernel.tx.freq, 0);
	sysclock_read(c, &then);
	/* The slew went on for the grace, and not until now. */
	ck_assert_double_eq_tol(then.steered - before.steered, 0.01 + 0.08 * KEEPER_GRACE, 0.001);
	end(c);
}
END_TEST

START_TEST(steps_beyond_the_bounds_are_refused_and_not_made)
{
	struct clock_bounds b = usual;
	struct sysclock *c = taken_over();

	ck_assert_int_eq(sysclock_step(c, monotime_now(), 1001), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_uint_eq(kernel.steps, 0);
	ck_assert_int_eq(sysclock_step(c, monotime_now(), 600), 0);
	ck_assert_int_eq(sysclock_step(c, monotime_now(), 1), -1);	/* too soon */
	ck_assert_uint_eq(kernel.steps, 1);
	end(c);
	b.panic_once = true;
	c = taken_over_within(&b);
	ck_assert_int_eq(sysclock_step(c, monotime_now(), 1e6), 0);
	ck_assert_uint_eq(kernel.steps, 2);
	end(c);
	b.not_before = walltime_now();
	c = taken_over_within(&b);
	ck_assert_int_eq(sysclock_step(c, monotime_now(), -10), -1);
	ck_assert_uint_eq(kernel.steps, 2);
	end(c);
}
END_TEST

/* One order by hand. */
static struct answer
give(int fd, const struct order *o)
{
	uint8_t buf[ANSWER_LEN];
	struct answer a;

	order_write(buf, o);
	ck_assert_int_eq(send(fd, buf, ORDER_LEN, 0), ORDER_LEN);
	ck_assert_int_eq(recv(fd, buf, sizeof(buf), 0), ANSWER_LEN);
	ck_assert(answer_read(buf, sizeof(buf), &a));
	return a;
}

START_TEST(nothing_is_done_before_the_bounds_are_named_and_these_are_for_life)
{
	struct order o = { .what = ORDER_RUN, .steer.freq = 1e-4 };
	int fd = start_keeper();

	for (o.what = ORDER_RUN; o.what <= ORDER_STATE; o.what++)
		ck_assert_int_eq(give(fd, &o).error, EPERM);
	ck_assert_uint_eq(kernel.sets, 0);
	o.what = ORDER_OPEN;
	o.bounds = usual;
	o.bounds.panic = NAN;
	ck_assert_int_eq(give(fd, &o).error, EINVAL);
	o.bounds = usual;
	ck_assert_int_eq(give(fd, &o).error, 0);
	o.bounds.panic = 0;
	ck_assert_int_eq(give(fd, &o).error, EPERM);
	o.what = ORDER_STEP;
	o.offset = 2000;
	ck_assert_int_eq(give(fd, &o).error, EPERM);
	ck_assert_uint_eq(kernel.steps, 0);
	close(fd);
	end_keeper();
}
END_TEST

START_TEST(what_a_daemon_in_bad_hands_orders_is_cut_down)
{
	struct order o = { .what = ORDER_OPEN, .bounds = usual };
	int fd = start_keeper();

	ck_assert_int_eq(give(fd, &o).error, 0);
	o = (struct order){ .what = ORDER_RUN, .steer = { .freq = 0.09, .slew = 0.09, .offset = 1e9 } };
	ck_assert_double_le(give(fd, &o).actual, 1000e-6 + 1e-9);
	o.steer.freq = NAN;
	ck_assert_int_eq(give(fd, &o).error, EINVAL);
	o.steer = (struct steer){ .slew = INFINITY, .offset = 1 };
	ck_assert_int_eq(give(fd, &o).error, EINVAL);
	o = (struct order){ .what = ORDER_STATUS, .status = { .maxerror = -1e300, .esterror = NAN } };
	ck_assert_int_eq(give(fd, &o).error, 0);
	o = (struct order){ .what = ORDER_STEP, .offset = NAN };
	ck_assert_int_eq(give(fd, &o).error, EPERM);
	close(fd);
	end_keeper();
}
END_TEST

START_TEST(nonsense_is_the_end_of_the_link)
{
	static const size_t lengths[] = { 1, ORDER_LEN - 1, ORDER_LEN, ORDER_LEN + 1, 4096 };
	uint8_t buf[4096] = { 0 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int fd = start_keeper();

		if (lengths[i] != ORDER_LEN)
			order_write(buf, &(struct order){ .what = ORDER_STATE });
		else
			memset(buf, 0xff, ORDER_LEN);
		ck_assert_int_eq(send(fd, buf, lengths[i], 0), (ssize_t)lengths[i]);
		ck_assert_int_eq(recv(fd, buf, sizeof(buf), 0), 0);
		close(fd);
		end_keeper();
	}
	ck_assert_uint_eq(kernel.sets, 0);
}
END_TEST

START_TEST(a_keeper_that_is_gone_is_noticed_and_not_waited_for)
{
	struct sysclock *c = taken_over();
	struct pollfd p = { .fd = sysclock_link(c), .events = POLLIN };
	struct timex state;

	ck_assert_int_eq(sysclock_kernel_state(c, &state), TIME_ERROR);
	ck_assert_int_eq(state.tick, 10000);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	shutdown(keeper.fd, SHUT_RDWR);
	pthread_join(keeper.thread, NULL);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(sysclock_step(c, monotime_now(), 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_int_eq(sysclock_kernel_state(c, &state), -1);
	ck_assert_uint_eq(sysclock_generation(c), 0);
	keeper_free(keeper.k);
	sysclock_free(c);
}
END_TEST

UNIT_MAIN("sysclock/kernel", a_slew_ends_with_whoever_ordered_it, a_slew_that_nobody_ends_ends_by_itself_and_is_reckoned_so,
    steps_beyond_the_bounds_are_refused_and_not_made, nothing_is_done_before_the_bounds_are_named_and_these_are_for_life,
    what_a_daemon_in_bad_hands_orders_is_cut_down, nonsense_is_the_end_of_the_link, a_keeper_that_is_gone_is_noticed_and_not_waited_for,
    what_a_former_owner_left_is_taken_out, another_program_that_steers_is_noticed_and_not_fought,
    a_kernel_that_refuses_is_no_clock_at_start_and_changes_nothing_later, an_unsynchronised_kernel_is_steered_all_the_same)
