/* SPDX-License-Identifier: BSD-2-Clause */
/* A terminal that sends lines, opened again whenever it is lost, at growing intervals. */
#ifndef REFCLOCK_SERIAL_H
#define REFCLOCK_SERIAL_H

#include "driver.h"

#define SERIAL_LINE_MAX	256	/* octets; a longer line is told as one of this length, and the rest of it left out */

struct serial;

/* A line without its end, and when that was read by the host's clock.  Not terminated by NUL. */
typedef void serial_line(struct refclock *c, const char *text, size_t len, struct walltime host);

/* Some octets, likewise. */
typedef void serial_octets(struct refclock *c, const uint8_t *p, size_t n, struct walltime host);

/* Data bits, parity, stop bits. */
enum serial_bits { SERIAL_8N1, SERIAL_8E1, SERIAL_8O1, SERIAL_7N2, SERIAL_7E2, SERIAL_7O1 };

struct serial_conf {
	int			baud;
	enum serial_bits	bits;
	int			raise, lower;	/* TIOCM_DTR, TIOCM_RTS: lines that feed the receiver, or must not */
	serial_line		*line;		/* one of these two is called */
	serial_octets		*octets;
};

/* Opens c->device in raw mode.  NULL for a speed that there is not (logged), or want of memory. */
MUST_USE struct serial *serial_open(struct refclock *c, const struct serial_conf *conf);

/* Sends n octets, if the device is there and takes them at once. */
bool serial_send(struct serial *s, const void *p, size_t n);

/* Sets one of its lines (TIOCM_RTS …), if the device is there and has it. */
bool serial_set(struct serial *s, int line, bool up);

/* What came made sense: should the device be lost, it is looked for again at once. */
void serial_is_good(struct serial *s);
void serial_close(struct serial *s);

#endif
