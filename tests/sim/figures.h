/* SPDX-License-Identifier: BSD-2-Clause */
/* What is measured in a run, and how the runs of a scenario are summed up. */
#ifndef SIM_FIGURES_H
#define SIM_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "base/time.h"

/* The error is true time minus the system clock; all but the convergence and the bound look only at the time after settling. */
enum figure {
	FIGURE_RMS,		/* us, of the error */
	FIGURE_P99,		/* us, 99th percentile of its size */
	FIGURE_MAX,		/* us */
	FIGURE_FREQ,		/* ppm, RMS frequency error of the clock, slews apart */
	FIGURE_INTERVAL,	/* s, mean time between packets to one source, from the start on */
	FIGURE_STEPS,		/* of the clock, by us */
	FIGURE_GAVE_UP,		/* 1: the daemon has ended (panic) */
	FIGURE_IN_BOUND,	/* share of the seconds in which we claim to be synchronised with the error within root distance */
	FIGURE_BOUND,		/* us, RMS of the root distance in those seconds */
	FIGURE_SYNCED,		/* share of all seconds in which we claim to be synchronised */
	FIGURE_FIRST,		/* s, until we first do */
	FIGURE_5MS,		/* s, last second at which the error was above 5 ms */
	FIGURE_1MS,
	FIGURE_100US,
	FIGURES
};

struct figures {
	double	value[FIGURES];	/* INFINITY: never */
};

/* "rms_us" and so on, and back; FIGURES if there is none of that name. */
const char *figure_name(enum figure f);
enum figure figure_find(const char *name);

/* Takes one value a second, and packets and steps as they come. */
struct meter {
	double	settle;		/* s */
	float	*size;		/* us, errors after settling */
	size_t	n, cap;
	double	squares, freq_squares;
	double	bound_squares;
	size_t	seconds, synced, in_bound;
	double	above[3];	/* s, last second above each threshold */
	double	first;
};

struct second {
	double	t;		/* s since the start */
	double	offset;		/* s */
	double	freq;		/* s/s */
	double	rootdist;	/* s */
	bool	synced;
};

MUST_USE bool meter_init(struct meter *m, double length, double settle);
void meter_take(struct meter *m, const struct second *s);
void meter_free(struct meter *m);

/* Sums up; sorts what the meter holds. */
void meter_read(struct meter *m, double length, double packets_per_source, unsigned steps, bool gave_up, struct figures *out);

/* Median and worst over n runs; for the share within bounds, the time synchronised and the interval the least is the worst. */
void figures_median(const struct figures f[], size_t n, struct figures *median, struct figures *worst);

#endif
