/* SPDX-License-Identifier: BSD-2-Clause */
/* Merges the MRU lists of the workers for whoever reads them. */
#include "server/mrus.h"

/* Does entry a of list i come after entry b of list j? */
static bool
newer(const struct mru_entry *a, size_t i, const struct mru_entry *b, size_t j)
{
	return a->last.ns != b->last.ns ? a->last.ns > b->last.ns : i > j;
}

bool
mrus_find(const struct mrus *m, const struct addr *a, struct mrus_place *out)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct mru_entry *e = mru_find(m->list[i], a);

		if (e == NULL)
			continue;
		*out = (struct mrus_place){ .e = e, .list = i };
		return true;
	}
	return false;
}

void
mrus_oldest(struct mrus_walk *w, const struct mrus *m)
{
	w->of = m;
	for (size_t i = 0; i < m->n; i++)
		w->next[i] = mru_oldest(m->list[i]);
}

void
mrus_recent(struct mrus_walk *w, const struct mrus *m, uint64_t n)
{
	const struct mru_entry *back[MRUS_MAX];	/* the newest of each list that is not yet in */

	w->of = m;
	for (size_t i = 0; i < m->n; i++) {
		back[i] = mru_newest(m->list[i]);
		w->next[i] = NULL;
	}
	for (; n > 0; n--) {
		size_t best = m->n;

		for (size_t i = 0; i < m->n; i++) {
			if (back[i] != NULL && (best == m->n || newer(back[i], i, back[best], best)))
				best = i;
		}
		if (best == m->n)
			break;
		w->next[best] = back[best];
		back[best] = mru_older(m->list[best], back[best]);
	}
}

/* The first entry of list i that is newer than p, from the entry from on; looked for from both ends, as it may be near either. */
static const struct mru_entry *
first_newer(const struct mru *m, size_t i, const struct mru_entry *from, const struct mrus_place *p)
{
	const struct mru_entry *lo = from, *hi = mru_newest(m);

	while (lo != NULL && !newer(lo, i, p->e, p->list)) {
		lo = mru_newer(m, lo);
		if (!newer(hi, i, p->e, p->list))
			return mru_newer(m, hi);
		hi = mru_older(m, hi);
	}
	return lo;
}

void
mrus_after(struct mrus_walk *w, const struct mrus *m, const struct mrus_place known[], size_t nknown)
{
	mrus_oldest(w, m);
	for (size_t k = nknown; k-- > 0;)
		w->next[known[k].list] = mru_newer(m->list[known[k].list], known[k].e);
	for (size_t i = 0; i < m->n; i++) {
		if (i != known[0].list)
			w->next[i] = first_newer(m->list[i], i, w->next[i], &known[0]);
	}
}

static size_t
which(const struct mrus_walk *w)
{
	size_t best = w->of->n;

	for (size_t i = 0; i < w->of->n; i++) {
		if (w->next[i] != NULL && (best == w->of->n || newer(w->next[best], best, w->next[i], i)))
			best = i;
	}
	return best;
}

const struct mru_entry *
mrus_peek(const struct mrus_walk *w)
{
	size_t i = which(w);

	return i == w->of->n ? NULL : w->next[i];
}

bool
mrus_peek_place(const struct mrus_walk *w, struct mrus_place *out)
{
	size_t i = which(w);

	if (i == w->of->n)
		return false;
	*out = (struct mrus_place){ .e = w->next[i], .list = i };
	return true;
}

void
mrus_step(struct mrus_walk *w)
{
	size_t i = which(w);

	if (i < w->of->n)
		w->next[i] = mru_newer(w->of->list[i], w->next[i]);
}

void
mrus_get_stats(const struct mrus *m, struct mru_stats *out)
{
	struct mru_stats sum = { 0 }, one;

	for (size_t i = 0; i < m->n; i++) {
		mru_get_stats(m->list[i], &one);
		sum.exists += one.exists;
		sum.added += one.added;
		sum.recycled_old += one.recycled_old;
		sum.recycled_full += one.recycled_full;
		sum.none += one.none;
		sum.depth += one.depth;
		sum.slots += one.slots;
		sum.deepest += one.deepest;
		sum.maxdepth += one.maxdepth;
		sum.mindepth += one.mindepth;
		sum.mem += one.mem;
		sum.maxmem += one.maxmem;
		if (i == 0) {
			sum.maxage = one.maxage;
			sum.minage = one.minage;
		}
		if (one.depth > 0 && (sum.oldest.ns == 0 || monotime_before(one.oldest, sum.oldest)))
			sum.oldest = one.oldest;
	}
	*out = sum;
}
