/* SPDX-License-Identifier: BSD-2-Clause */
/* A terminal that sends lines, opened again whenever it is lost, at growing intervals. */
#ifndef REFCLOCK_SERIAL_H
#define REFCLOCK_SERIAL_H

#include "driver.h"

#define SERIAL_LINE_MAX	256	/* octets; a longer line is told as one of this length, and the rest of it left out */

struct serial;

/* A line without its end, and when that was read by the host's clock.  Not terminated by NUL. */
typedef void serial_line(struct refclock *c, const char *text, size_t len, struct walltime host);

/* Opens c->device at this speed (bits per second) in raw mode, 8N1.  NULL for a speed that there is not (logged), or want of memory. */
MUST_USE struct serial *serial_open(struct refclock *c, int baud, serial_line *line);

/* What came made sense: should the device be lost, it is looked for again at once. */
void serial_is_good(struct serial *s);
void serial_close(struct serial *s);

#endif
