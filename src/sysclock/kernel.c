/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's clock, steered by adjtimex alone: its tick and its frequency together make any rate up to 10 %, its own phase-locked
 * loop is left off.
 *
 * The kernel lets the clock gain g seconds per second of the bare oscillator; our frequencies f are per second of the clock itself,
 * so that 1 + g = 1 / (1 - f).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/ntp.h"
#include "host.h"

#define FREQ_UNIT	(1e-6 / 65536)	/* s/s per unit of timex.freq: ppm with 16 fraction bits */
#define FREQ_LIMIT	500e-6		/* s/s that timex.freq takes; the tick makes up the rest */
#define TICK_SHARE	0.1		/* of its nominal length by which the kernel lets the tick change */
#define FREQ_ROUNDING	2	/* units by which the kernel may return another freq than it was given */
#define ERROR_MAX	16.0		/* s, NTP_PHASE_LIMIT: more means unsynchronised */

struct kernel {
	long	nominal;	/* us per tick */
	double	step;		/* s/s that one us of tick makes */
	long	tick, freq;	/* as last set by us */
	bool	meddled;	/* another program had set them otherwise, or put the kernel's own loop to work */
};

static int
adjust(struct timex *tx)
{
	return adjtimex(tx) == -1 ? -1 : 0;
}

/* Splits a gain into tick and freq, so that freq stays small; *real is what they make together. */
static void
split_gain(const struct kernel *k, double gain, struct timex *tx, double *real)
{
	long ticks = fabs(gain) <= FREQ_LIMIT ? 0 : lround(gain / k->step);
	double rest;

	if (labs(ticks) > (long)(TICK_SHARE * (double)k->nominal))
		ticks = (long)copysign(TICK_SHARE * (double)k->nominal, gain);
	rest = gain - (double)ticks * k->step;
	rest = fmax(-FREQ_LIMIT, fmin(FREQ_LIMIT, rest));
	tx->tick = k->nominal + ticks;
	tx->freq = lround(rest / FREQ_UNIT);
	*real = (double)ticks * k->step + (double)tx->freq * FREQ_UNIT;
}

/* Two programs that steer one clock undo each other's work, and neither can know; the kernel's registers are the only trace. */
static void
look_for_others(struct kernel *k)
{
	struct timex tx = { 0 };

	if (adjust(&tx) == 0 && (tx.tick != k->tick || labs(tx.freq - k->freq) > FREQ_ROUNDING || (tx.status & (STA_PLL | STA_FLL)) != 0))
		k->meddled = true;
}

static bool
meddled(void *driver)
{
	struct kernel *k = driver;
	bool was = k->meddled;

	k->meddled = false;
	return was;
}

static int
set_freq(void *driver, struct monotime now, double freq, double *actual)
{
	struct kernel *k = driver;
	struct timex tx = { .modes = ADJ_TICK | ADJ_FREQUENCY };
	double real;

	(void)now;
	split_gain(k, freq / (1 - freq), &tx, &real);
	look_for_others(k);
	if (adjust(&tx) == -1)
		return -1;
	k->tick = tx.tick;
	k->freq = tx.freq;
	*actual = real / (1 + real);
	return 0;
}

static int
step(void *driver, struct monotime now, double offset)
{
	struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };
	double whole = floor(offset);

	(void)driver;
	(void)now;
	tx.time.tv_sec = (time_t)whole;
	tx.time.tv_usec = (suseconds_t)((offset - whole) * 1e9);	/* ADJ_NANO: nanoseconds, never negative */
	return adjust(&tx);
}

/* The status word tells timedatectl and every reader of adjtimex whether, and how well, the clock is kept. */
static int
set_status(void *driver, const struct sysclock_status *st)
{
	static const int leap_flag[] = { [LEAP_INSERT] = STA_INS, [LEAP_DELETE] = STA_DEL, [LEAP_UNSYNC] = STA_UNSYNC };
	struct timex tx = { .modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR };

	(void)driver;
	tx.status = leap_flag[st->leap & 3];
	tx.maxerror = lround(fmin(st->maxerror, ERROR_MAX) * 1e6);
	tx.esterror = lround(fmin(st->esterror, ERROR_MAX) * 1e6);
	if (adjust(&tx) == -1)
		return -1;
	if (st->tai == 0)
		return 0;
	tx = (struct timex){ .modes = ADJ_TAI };
	tx.constant = st->tai;
	return adjust(&tx);
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

static void
close_kernel(void *driver)
{
	free(driver);
}

static const struct sysclock_ops kernel_ops = {
	.name = "kernel",
	.steers_host = true,
	.read = host_read,
	.set_freq = set_freq,
	.step = step,
	.set_status = set_status,
	.map = get_map,
	.watch = host_watch,
	.absorb = absorb,
	.meddled = meddled,
	.close = close_kernel,
};

/* Takes the clock over: no phase-locked loop, no frequency of a former owner, and not synchronised until we say so. */
static int
take_over(struct kernel *k)
{
	struct timex tx = { .modes = ADJ_STATUS | ADJ_OFFSET | ADJ_NANO | ADJ_TICK | ADJ_FREQUENCY };
	long hz = sysconf(_SC_CLK_TCK);

	k->nominal = (1000000 + hz / 2) / hz;
	k->step = 1e-6 * (double)hz;
	tx.status = STA_UNSYNC;
	tx.tick = k->nominal;
	if (adjust(&tx) == -1)
		return -1;
	k->tick = tx.tick;
	k->freq = tx.freq;
	return 0;
}

struct sysclock *
sysclock_kernel(void)
{
	struct kernel *k = calloc(1, sizeof(*k));
	struct sysclock *c = NULL;
	int saved;

	if (k == NULL)
		return NULL;
	if (take_over(k) == 0)
		c = sysclock_new(&kernel_ops, k);
	if (c == NULL) {
		saved = errno;
		free(k);
		errno = saved;
	}
	return c;
}
