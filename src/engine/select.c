/* SPDX-License-Identifier: BSD-2-Clause */
/* The intersection algorithm (RFC 5905 section 11.2.1) and the order in which all three are applied. */
#include <stdlib.h>

#include "base/ntp.h"
#include "engine/select.h"

const struct select_opts select_defaults = {
	.minsane = 1,
	.minclock = 3,
	.maxclock = 10,
	.mindist = 0.001,
	.maxdist = 1.5,
	.maxdisp = DISP_MAX,
	.floor = 0,
	.ceiling = 15,
	.orphan = STRATUM_UNSYNC + 1,
	.orphanwait = 300,
};

#define HOP_FACTOR	2.0	/* how much farther than the best the system peer so far may be … */
#define HOP_MARGIN	0.05	/* s … beyond this: a distance ages by that much between polls of an hour */
#define CANDIDATES_MAX	1024	/* more than maxclock and any sane file; what is above is rejected */

/* One end, or the middle, of a correctness interval. */
struct edge {
	double	at;
	int	type;		/* -1 lower end, 0 middle, +1 upper end */
};

static int
edge_cmp(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->type > y->type) - (x->type < y->type);
}

static size_t
list_edges(struct edge edge[], const struct candidate c[], size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		edge[m++] = (struct edge){ c[i].est.offset - c[i].rootdist, -1 };
		edge[m++] = (struct edge){ c[i].est.offset, 0 };
		edge[m++] = (struct edge){ c[i].est.offset + c[i].rootdist, 1 };
	}
	qsort(edge, m, sizeof(edge[0]), edge_cmp);
	return m;
}

/*
 * Walks from one side until want intervals overlap; counts the middles passed.  Returns false if they never do.
 * dir is +1 to walk up from below, -1 to walk down from above.
 */
static bool
walk(const struct edge edge[], size_t m, int dir, int want, double *at, size_t *middles)
{
	int chime = 0;

	for (size_t i = 0; i < m; i++) {
		const struct edge *e = &edge[dir > 0 ? i : m - 1 - i];

		chime -= dir * e->type;
		if (chime >= want) {
			*at = e->at;
			return true;
		}
		if (e->type == 0)
			(*middles)++;
	}
	return false;
}

/* The smallest number of falsetickers that leaves an intersection, and that intersection. */
static bool
find_interval(const struct edge edge[], size_t m, size_t n, double *low, double *high)
{
	for (size_t allow = 0; 2 * allow < n; allow++) {
		size_t outside = 0;
		int want = (int)(n - allow);

		if (!walk(edge, m, 1, want, low, &outside) || !walk(edge, m, -1, want, high, &outside))
			continue;
		if (outside <= allow && *low <= *high)
			return true;
	}
	return false;
}

unsigned
select_intersect(struct candidate c[], size_t n, const struct select_opts *o)
{
	struct edge edge[3 * CANDIDATES_MAX];
	double low = 0, high = 0;
	unsigned true_ones = 0;
	bool majority;

	(void)o;
	if (n > CANDIDATES_MAX)
		n = CANDIDATES_MAX;
	majority = find_interval(edge, list_edges(edge, c, n), n, &low, &high);
	for (size_t i = 0; i < n; i++) {
		bool in = majority && c[i].est.offset + c[i].rootdist >= low && c[i].est.offset - c[i].rootdist <= high;

		c[i].tally = in || c[i].always ? TALLY_CANDIDATE : TALLY_FALSETICK;
		true_ones += c[i].tally == TALLY_CANDIDATE;
	}
	return true_ones;
}

/* RFC 5905 section 11.2.2: sources are ranked by stratum first, by root distance within one. */
static double
rank(const struct candidate *c, const struct select_opts *o)
{
	return c->stratum * o->maxdist + c->rootdist;
}

/* Keeps the maxclock best-ranked truechimers; the rest are excess. */
static void
cut_excess(struct candidate c[], size_t n, const struct select_opts *o)
{
	for (size_t i = 0; i < n; i++) {
		unsigned better = 0;

		if (c[i].tally != TALLY_CANDIDATE || c[i].prefer || c[i].always)
			continue;
		for (size_t j = 0; j < n; j++) {
			if (c[j].tally == TALLY_CANDIDATE && (rank(&c[j], o) < rank(&c[i], o) || (j < i && rank(&c[j], o) == rank(&c[i], o))))
				better++;
		}
		/* Marked only after all have been counted: BACKUP is never set before this point. */
		if (better >= o->maxclock)
			c[i].tally = TALLY_BACKUP;
	}
	for (size_t i = 0; i < n; i++) {
		if (c[i].tally == TALLY_BACKUP)
			c[i].tally = TALLY_EXCESS;
	}
}

/* The system peer so far stays unless another is of a lower stratum or much nearer. */
static bool
is_kept(const struct candidate *old, const struct candidate *best)
{
	return old->stratum <= best->stratum && old->rootdist <= HOP_FACTOR * best->rootdist + HOP_MARGIN;
}

/* The preferred survivor, else the system peer so far if it is kept, else the best-ranked. */
static int
pick_syspeer(const struct candidate c[], size_t n, const struct select_opts *o, uint16_t before)
{
	int best = -1, old = -1;

	for (size_t i = 0; i < n; i++) {
		if (c[i].tally != TALLY_CANDIDATE)
			continue;
		if (c[i].prefer)
			return (int)i;
		if (c[i].id == before && before != 0)
			old = (int)i;
		if (best == -1 || rank(&c[i], o) < rank(&c[best], o))
			best = (int)i;
	}
	return old != -1 && is_kept(&c[old], &c[best]) ? old : best;
}

void
select_run(struct candidate c[], size_t n, const struct select_opts *o, uint16_t before, struct selection *out)
{
	*out = (struct selection){ .syspeer = -1 };
	out->truechimers = select_intersect(c, n, o);
	cut_excess(c, n, o);
	if (out->truechimers == 0 || out->truechimers < o->minsane)
		return;
	out->survivors = select_cluster(c, n, o);
	if (out->survivors == 0)
		return;
	select_combine(c, n, out);
	out->syspeer = pick_syspeer(c, n, o, before);
	c[out->syspeer].tally = TALLY_SYSPEER;
	out->jitter = hypot(out->jitter, c[out->syspeer].jitter);
}
