/* SPDX-License-Identifier: BSD-2-Clause */
/* Token buckets, filled when looked at. */
#include "control/budget.h"

void
budget_init(struct budget *b, struct monotime now)
{
	b->all = (struct budget_bucket){ .tokens = BUDGET_BURST_ALL, .at = now };
	for (size_t i = 0; i < BUDGET_BUCKETS; i++)
		b->one[i] = (struct budget_bucket){ .tokens = BUDGET_BURST, .at = now };
}

static void
fill(struct budget_bucket *b, double rate, double burst, struct monotime now)
{
	b->tokens = fmin(burst, b->tokens + rate * fmax(0, monotime_diff(now, b->at)));
	b->at = now;
}

static struct budget_bucket *
fill_both(struct budget *b, uint64_t bucket, struct monotime now)
{
	struct budget_bucket *one = &b->one[bucket % BUDGET_BUCKETS];

	fill(one, BUDGET_RATE, BUDGET_BURST, now);
	fill(&b->all, BUDGET_RATE_ALL, BUDGET_BURST_ALL, now);
	return one;
}

/* False, and remembered, if it is too much. */
static bool
has(struct budget_bucket *b, size_t octets)
{
	if (b->tokens >= (double)octets)
		return true;
	b->refused = (double)octets;
	return false;
}

/* What could never be had is no reason to refuse the rest. */
static bool
waits(struct budget_bucket *b, double burst)
{
	if (b->tokens >= fmin(b->refused, burst))
		b->refused = 0;
	return b->refused > 0;
}

bool
budget_take(struct budget *b, uint64_t bucket, size_t octets, struct monotime now)
{
	struct budget_bucket *one = fill_both(b, bucket, now);

	if (!has(one, octets) || !has(&b->all, octets))
		return false;
	one->tokens -= (double)octets;
	b->all.tokens -= (double)octets;
	return true;
}

bool
budget_spent(struct budget *b, uint64_t bucket, struct monotime now)
{
	struct budget_bucket *one = fill_both(b, bucket, now);

	return waits(one, BUDGET_BURST) || waits(&b->all, BUDGET_BURST_ALL);
}
