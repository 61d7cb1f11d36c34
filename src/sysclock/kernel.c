/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's clock, steered by adjtimex alone: its tick and its frequency together make any rate up to 10 %, its own phase-locked
 * loop is left off.
 *
 * The kernel lets the clock gain g seconds per second of the bare oscillator; our frequencies f are per second of the clock itself,
 * so that 1 + g = 1 / (1 - f).
 */
#include <stdlib.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/ntp.h"
#include "kernel.h"

#define FREQ_UNIT	(1e-6 / 65536)	/* s/s per unit of timex.freq: ppm with 16 fraction bits */
#define FREQ_LIMIT	500e-6		/* s/s that timex.freq takes; the tick makes up the rest */
#define TICK_SHARE	0.1		/* of its nominal length by which the kernel lets the tick change */
#define FREQ_ROUNDING	2	/* units by which the kernel may return another freq than it was given */
#define ERROR_MAX	16.0		/* s, NTP_PHASE_LIMIT: more means unsynchronised */

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

int
kernel_run(struct kernel *k, const struct steer *s, struct monotime *when, double *actual)
{
	struct timex tx = { .modes = ADJ_TICK | ADJ_FREQUENCY };
	double freq = s->freq + s->slew, real;
	struct monotime before;

	split_gain(k, freq / (1 - freq), &tx, &real);
	look_for_others(k);
	before = monotime_now();
	if (adjust(&tx) == -1)
		return -1;
	when->ns = before.ns + (monotime_now().ns - before.ns) / 2;
	k->tick = tx.tick;
	k->freq = tx.freq;
	*actual = real / (1 + real);
	return 0;
}

int
kernel_step(double offset)
{
	struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };
	double whole = floor(offset);

	tx.time.tv_sec = (time_t)whole;
	tx.time.tv_usec = (suseconds_t)((offset - whole) * 1e9);	/* ADJ_NANO: nanoseconds, never negative */
	if (tx.time.tv_usec == NS_PER_S) {	/* a hair below zero, which has rounded up to a whole second */
		tx.time.tv_sec++;
		tx.time.tv_usec = 0;
	}
	return adjust(&tx);
}

/* The status word tells timedatectl and every reader of adjtimex whether, and how well, the clock is kept. */
int
kernel_set_status(const struct sysclock_status *st)
{
	static const int leap_flag[] = { [LEAP_INSERT] = STA_INS, [LEAP_DELETE] = STA_DEL, [LEAP_UNSYNC] = STA_UNSYNC };
	struct timex tx = { .modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR };

	tx.status = leap_flag[st->leap & 3];
	tx.maxerror = lround(fmax(0, fmin(st->maxerror, ERROR_MAX)) * 1e6);
	tx.esterror = lround(fmax(0, fmin(st->esterror, ERROR_MAX)) * 1e6);
	if (adjust(&tx) == -1)
		return -1;
	if (st->tai == 0)
		return 0;
	tx = (struct timex){ .modes = ADJ_TAI };
	tx.constant = st->tai;
	return adjust(&tx);
}

int
kernel_take_over(struct kernel *k)
{
	struct timex tx = { .modes = ADJ_STATUS | ADJ_OFFSET | ADJ_NANO | ADJ_TICK | ADJ_FREQUENCY };
	long hz = sysconf(_SC_CLK_TCK);

	*k = (struct kernel){ .nominal = (1000000 + hz / 2) / hz };
	k->step = 1e-6 * (double)hz;
	tx.status = STA_UNSYNC;
	tx.tick = k->nominal;
	if (adjust(&tx) == -1)
		return -1;
	k->tick = tx.tick;
	k->freq = tx.freq;
	return 0;
}
