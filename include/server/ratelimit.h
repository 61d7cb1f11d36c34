/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rate limit of one source (directive discard; flags limited and kod), as ntpd does it, with three differences: time counts exactly
 * instead of by rounded packet intervals, so that a fast client is forgiven too when it slows down; one over-limit packet in
 * four, by chance, is answered all the same, so that nobody can be shut out by packets forged in his name; and floods get no KoD.
 */
#ifndef SERVER_RATELIMIT_H
#define SERVER_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

/* The discard directive, or limit in its place. */
struct discard_opts {
	int	average_log2;	/* log2 s: least average headway per source, 0 … 255 (beyond 17 counts as 17) */
	double	minimum;	/* s: guard time between two packets */
	double	monitor;	/* s: a full MRU list recycles its oldest entry with probability age / monitor */

	/* The limit directive, NTPsec's: packets a second, decaying over burst seconds. */
	bool	by_score;	/* it counts, and average and minimum do not */
	double	rate;		/* 1/s, at which packets are over the limit */
	double	burst;		/* s */
	double	kod;		/* 1/s above rate at which no KoD is sent any more */
};
extern const struct discard_opts discard_defaults;

#define RATELIMIT_FLOOD	256	/* packets between two KoD chances above which there is none: 32 a second at the default average */

/* Zero before the first packet, which always passes. */
struct ratelimit {
	struct monotime	last;	/* previous time packet, accepted or not */
	struct monotime	until;	/* by then the headway used up will have been given back: ntpd's leak is until - now, or 0 */
	uint32_t	seen;	/* packets since the last KoD chance; 0: none yet */
	float		score;	/* 1/s, by_score: recent rate of packets as of last */
};

enum ratelimit_verdict {
	RATELIMIT_PASS,
	RATELIMIT_MERCY,	/* over the limit, but the one in four: answer */
	RATELIMIT_KOD,		/* over the limit: a KoD may be sent, where the entry has kod */
	RATELIMIT_DROP,		/* over the limit: silence */
};

/* Judges the next packet of the source.  chance: 32 random bits. */
enum ratelimit_verdict ratelimit_check(struct ratelimit *s, const struct discard_opts *o, struct monotime now, uint32_t chance);

/* The poll exponent a KoD asks for at least, log2 s. */
int8_t ratelimit_poll(const struct discard_opts *o);

#endif
