/* SPDX-License-Identifier: BSD-2-Clause */
/* Pulses that the kernel stamps: a device of Linux's PPS interface, which is that of RFC 2783 without its library. */
#ifndef REFCLOCK_PPSDEV_H
#define REFCLOCK_PPSDEV_H

#include "driver.h"

struct pps_fdata;
struct ppsdev;

/* Opens /dev/pps… now and, where it is not there, later.  falling: the other edge counts.  NULL for want of memory. */
MUST_USE struct ppsdev *ppsdev_open(struct refclock *c, const char *path, bool falling);
void ppsdev_close(struct ppsdev *p);

/* The last pulse, by the host's clock, if there has been one since the last call. */
MUST_USE bool ppsdev_fetch(struct ppsdev *p, struct walltime *out);

/* The rule behind it: the edge asked for out of what the kernel says; *seq is the number of the last one seen. */
MUST_USE bool ppsdev_edge(const struct pps_fdata *d, bool falling, unsigned *seq, struct walltime *out);

#endif
