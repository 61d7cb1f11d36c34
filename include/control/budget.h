/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much we may say to addresses that may be forged: octets of answers a second, to each and to all together, so that
 * opened queries are of little use for reflection.  Each address (IPv6: its /64) draws on one bucket of a fixed number, found by a keyed
 * hash; those that meet in one share it.
 */
#ifndef CONTROL_BUDGET_H
#define CONTROL_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"

#define BUDGET_BUCKETS	256

/* Octets.  "ntpq -p" of ten sources takes about 10,000 once and again each time; all together stay below half a megabit a second. */
#define BUDGET_RATE	8192	/* a second, one address */
#define BUDGET_BURST	65536
#define BUDGET_RATE_ALL	32768	/* a second, all addresses */
#define BUDGET_BURST_ALL 262144

struct budget_bucket {
	double		tokens;		/* octets, as of at */
	double		refused;	/* octets that were refused last, 0 once there have been so many again */
	struct monotime	at;
};

struct budget {
	struct budget_bucket	all, one[BUDGET_BUCKETS];
};

/* All buckets full. */
void budget_init(struct budget *b, struct monotime now);

/* Takes the octets out of the address's bucket (any number names one) and the common one, or out of neither: false, say nothing. */
MUST_USE bool budget_take(struct budget *b, uint64_t bucket, size_t octets, struct monotime now);

/*
 * Whether what was refused last, in the address's bucket or the common one, would be refused still.  For whom it is worth knowing before an answer is made:
 * under a flood then as many answers are made in vain as are given.
 */
MUST_USE bool budget_spent(struct budget *b, uint64_t bucket, struct monotime now);

#endif
