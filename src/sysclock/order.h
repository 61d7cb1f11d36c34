/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orders to the keeper and its answers, as octets: one of each to a packet, always of the same length, numbers big-endian, doubles as their IEEE 754 bits.
 *
 *	order	0 magic  4 what  5 flag  6 leap  7 zero  8 seven numbers of 8 octets
 *	answer	0 magic  4 what  5 meddled  6 zero  8 error  12 zero  16 when  24 actual  32 state: twenty numbers of 8 octets
 */
#ifndef ORDER_H
#define ORDER_H

#include <stddef.h>
#include <sys/timex.h>

#include "sysclock/keeper.h"
#include "sysclock/sysclock.h"

#define ORDER_LEN	64
#define ANSWER_LEN	192

enum order_what { ORDER_OPEN = 1, ORDER_RUN, ORDER_STEP, ORDER_STATUS, ORDER_STATE };

/* Only what belongs to what is sent; the rest is zero. */
struct order {
	uint8_t			what;		/* enum order_what */
	struct clock_bounds	bounds;		/* OPEN */
	struct steer		steer;		/* RUN */
	double			offset;		/* STEP, s */
	struct sysclock_status	status;		/* STATUS */
};

struct answer {
	uint8_t		what;		/* of the order */
	bool		meddled;	/* RUN: somebody else had changed what was set before */
	int		error;		/* errno; 0: done */
	struct monotime	when;		/* RUN: it holds from then on */
	double		actual;		/* RUN: s/s */
	int		clock;		/* STATE: TIME_ */
	struct timex	state;		/* STATE */
};

void order_write(uint8_t buf[static ORDER_LEN], const struct order *o);
void answer_write(uint8_t buf[static ANSWER_LEN], const struct answer *a);

/* False if this is none; *out is then left alone. */
MUST_USE bool order_read(const uint8_t *buf, size_t len, struct order *out);
MUST_USE bool answer_read(const uint8_t *buf, size_t len, struct answer *out);

#endif
