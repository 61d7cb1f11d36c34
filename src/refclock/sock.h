/* SPDX-License-Identifier: BSD-2-Clause */
/* The datagrams by which gpsd and others tell chronyd the time, and us: struct sock_sample of chrony's refclock_sock. */
#ifndef REFCLOCK_SOCK_H
#define REFCLOCK_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include "base/must_use.h"
#include "base/time.h"

#define SOCK_MAGIC	0x534f434b	/* "SOCK" */

/* Native C types, as the writer of the same machine has them. */
struct sock_sample {
	struct timeval	tv;		/* when it was measured, by the host's clock */
	double		offset;		/* s, true time minus that */
	int		pulse;		/* offset holds but for whole seconds */
	int		leap;		/* enum leap */
	int		pad;
	int		magic;
};

struct sock_values {
	struct walltime	host, ref;	/* when it was measured, by the host's clock and truly */
	bool		pulse;
	int		leap;
};

/* False, and *out as it was, if this is no sample. */
MUST_USE bool sock_parse(const void *buf, size_t len, struct sock_values *out);

#endif
