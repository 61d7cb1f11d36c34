/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rate limit of one source.
 *
 * head = 2^average seconds is what one packet is worth, limit = 8 * head what may be used up.  Time gives leak back, a packet that is let
 * through takes head - 2 of it: ntpd's numbers, so that polls at the average rate never add up.
 */
#include <math.h>

#include "server/ratelimit.h"

#define AVERAGE_MAX	17	/* log2 s: as long as any poll interval */
#define BURST		8	/* heads */
#define HEAD_FREE	2	/* s of a head that are not charged */
#define KOD_GAP		2	/* s: at most one KoD in this time */
#define MERCY_MASK	3u	/* one in four */

const struct discard_opts discard_defaults = { .average_log2 = 3, .minimum = 2, .monitor = 3000, .rate = 1, .burst = 20, .kod = 0.5 };

static double
headway(const struct discard_opts *o)
{
	return (double)(1 << ratelimit_poll(o));
}

int8_t
ratelimit_poll(const struct discard_opts *o)
{
	return (int8_t)(o->average_log2 < 0 ? 0 : o->average_log2 > AVERAGE_MAX ? AVERAGE_MAX : o->average_log2);
}

/* Over the limit: every now and then there is a chance for a KoD, which then has to be waited for again. */
static enum ratelimit_verdict
refuse(struct ratelimit *s, const struct discard_opts *o, struct monotime now, uint32_t chance)
{
	double head = headway(o);
	bool flood = s->seen > RATELIMIT_FLOOD;

	if ((chance & MERCY_MASK) == 0)
		return RATELIMIT_MERCY;
	if (monotime_diff(s->until, now) >= BURST * head)
		return RATELIMIT_DROP;
	s->until = monotime_add(now, BURST * head + fmax(head, KOD_GAP));
	s->seen = 1;
	return flood ? RATELIMIT_DROP : RATELIMIT_KOD;
}

/* NTPsec's way: each packet adds 1 / burst to a score that decays over burst seconds, so that a steady client's score is its rate. */
static enum ratelimit_verdict
check_score(struct ratelimit *s, const struct discard_opts *o, struct monotime now, uint32_t chance)
{
	double since = s->seen == 0 ? 0 : fmax(0, monotime_diff(now, s->last));

	s->score = (float)((s->seen == 0 ? 0 : s->score * exp(-since / o->burst)) + 1 / o->burst);
	s->last = now;
	if (s->seen == 0)
		s->until = now;
	s->seen = 1;
	if ((double)s->score < o->rate)
		return RATELIMIT_PASS;
	if ((chance & MERCY_MASK) == 0)
		return RATELIMIT_MERCY;
	if ((double)s->score > o->rate + o->kod || monotime_before(now, s->until))
		return RATELIMIT_DROP;
	s->until = monotime_add(now, KOD_GAP);
	return RATELIMIT_KOD;
}

enum ratelimit_verdict
ratelimit_check(struct ratelimit *s, const struct discard_opts *o, struct monotime now, uint32_t chance)
{
	double head = headway(o);
	double since = fmax(0, monotime_diff(now, s->last));
	double leak = fmax(0, monotime_diff(s->until, now));

	if (o->by_score)
		return check_score(s, o, now, chance);
	s->last = now;
	if (s->seen == 0) {
		s->until = now;
		s->seen = 1;
		return RATELIMIT_PASS;
	}
	s->seen += s->seen < UINT32_MAX;
	/* The guard looks at whole seconds, as ntpd's does: clients that send a burst at its minimum are not to trip over microseconds. */
	if (round(since) + 1 < o->minimum || leak + head >= BURST * head)
		return refuse(s, o, now, chance);
	s->until = monotime_add(now, fmax(0, leak + head - HEAD_FREE));
	return RATELIMIT_PASS;
}
