/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's clock, with a kernel made of a struct: what we ask of it, what it refuses, and what others do behind our back. */
#include <errno.h>
#include <string.h>
#include <sys/timex.h>

#include "base/ntp.h"
#include "sysclock/sysclock.h"
#include "../unit.h"

/* No driver takes a pointer for its system calls, so this is the one state there is: each test runs in a process of its own. */
static struct {
	struct timex	tx;
	int		refuse;		/* errno of the next calls; 0: none */
	unsigned	sets;		/* calls that changed something */
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
	tx->freq = kernel.tx.freq;
	tx->tick = kernel.tx.tick;
	tx->status = kernel.tx.status;
	return (kernel.tx.status & STA_UNSYNC) != 0 ? TIME_ERROR : TIME_OK;
}

static struct sysclock *
taken_over(void)
{
	struct sysclock *c = sysclock_kernel();

	ck_assert_ptr_nonnull(c);
	return c;
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
	sysclock_free(c);
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
	sysclock_free(c);
}
END_TEST

/* SYS-05 */
START_TEST(a_kernel_that_refuses_is_no_clock_at_start_and_changes_nothing_later)
{
	static const int errors[] = { EPERM, EINVAL, ENOSYS };
	struct sysclock_status st = { .leap = LEAP_NONE };
	struct sysclock *c;
	double unused;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		kernel.refuse = errors[i];
		ck_assert_ptr_null(sysclock_kernel());
		ck_assert_int_eq(errno, errors[i]);
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
		sysclock_free(c);
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
	sysclock_free(c);
}
END_TEST

UNIT_MAIN("sysclock/kernel", what_a_former_owner_left_is_taken_out, another_program_that_steers_is_noticed_and_not_fought,
    a_kernel_that_refuses_is_no_clock_at_start_and_changes_nothing_later, an_unsynchronised_kernel_is_steered_all_the_same)
