/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the workers' tables beside the old ones, and puts them in their place in one turn. */
#include <errno.h>
#include <string.h>

#include "base/random.h"
#include "tables.h"

/* Of one worker. */
struct set {
	struct mru	*mru;
	struct keys	*own_keys;	/* a copy, or NULL */
};

static int64_t
share(int64_t whole, size_t n)
{
	return whole <= 0 ? whole : (whole + (int64_t)n - 1) / (int64_t)n;
}

/* What the configuration says is for all workers together. */
static struct mru *
make_mru(const struct mru_opts *whole, size_t n)
{
	struct mru_key key = { { random_u64(), random_u64() } };
	struct mru_opts o = *whole;

	o.maxdepth = share(o.maxdepth, n);
	o.maxmem = share(o.maxmem, n);
	o.mindepth = share(o.mindepth, n);
	o.initalloc = share(o.initalloc, n);
	o.initmem = share(o.initmem, n);
	o.incalloc = share(o.incalloc, n);
	o.incmem = share(o.incmem, n);
	return mru_new(&o, &key);
}

static void
set_free(struct set *s)
{
	mru_free(s->mru);
	keys_free(s->own_keys);
	*s = (struct set){ .mru = NULL };
}

static bool
make_set(const struct crew *c, struct set *s, const struct listener_opts *o, bool mru)
{
	s->mru = mru ? make_mru(&o->mru, c->n) : NULL;
	s->own_keys = c->threaded && o->keys != NULL ? keys_copy(o->keys) : NULL;
	return (s->mru != NULL || !mru) && (s->own_keys != NULL || !c->threaded || o->keys == NULL);
}

/* The member's old tables are in *s afterwards. */
static void
swap(struct member *m, struct set *s, const struct listener_opts *o, bool keep_mru)
{
	struct worker *w = &m->worker;
	struct set old = { .mru = w->mru, .own_keys = w->own_keys };

	crew_lock(m);
	if (!keep_mru)
		w->mru = s->mru;
	w->own_keys = s->own_keys;
	w->keys = s->own_keys != NULL ? s->own_keys : o->keys;
	w->discard = o->discard;
	keys_collect(o->keys, old.own_keys);
	crew_unlock(m);
	if (keep_mru)
		old.mru = NULL;
	*s = old;
}

static bool
same_mru(const struct mru_opts *a, const struct mru_opts *b)
{
	return a->maxdepth == b->maxdepth && a->maxmem == b->maxmem && a->mindepth == b->mindepth && a->maxage == b->maxage && a->minage == b->minage &&
	    a->initalloc == b->initalloc && a->initmem == b->initmem && a->incalloc == b->incalloc && a->incmem == b->incmem;
}

int
tables_set(struct crew *c, const struct listener_opts *o, const struct listener_opts *before, const struct restrict_list *restricts)
{
	struct set set[LISTENER_WORKERS_MAX] = { { .mru = NULL } };
	bool want = o->monitor || restrict_uses(restricts, RESTRICT_LIMITED), have = c->member[0]->worker.mru != NULL;
	bool keep = want && have && before != NULL && same_mru(&before->mru, &o->mru);
	int saved = 0;

	for (size_t i = 0; i < c->n && saved == 0; i++) {
		if (!make_set(c, &set[i], o, want && !keep))
			saved = errno != 0 ? errno : ENOMEM;
	}
	for (size_t i = 0; i < c->n; i++) {
		if (saved == 0)
			swap(c->member[i], &set[i], o, keep);
		set_free(&set[i]);
	}
	errno = saved;
	return saved == 0 ? 0 : -1;
}

static int
follow(struct member *m, struct restrict_list *restricts)
{
	struct worker *w = &m->worker;
	struct restrict_list *old = w->restricts, *new = old;

	if (old == NULL || restrict_edition(old) != restrict_edition(restricts)) {
		new = restrict_copy(restricts);
		if (new == NULL)
			return -1;
	}
	crew_lock(m);
	w->restricts = new;
	if (new == old)
		restrict_collect(restricts, old);
	crew_unlock(m);
	if (new != old && old != NULL) {
		restrict_collect(restricts, old);
		restrict_free(old);
	}
	return 0;
}

int
tables_restrict(struct crew *c, struct restrict_list *restricts)
{
	int r = 0;

	if (!c->threaded) {
		c->member[0]->worker.restricts = restricts;
		return 0;
	}
	for (size_t i = 0; i < c->n; i++) {
		if (follow(c->member[i], restricts) == -1)
			r = -1;
	}
	return r;
}

int
tables_cookies(struct crew *c, const struct cookie_ring *r)
{
	int ret = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct warden *g = &c->member[i]->worker.warden;
		struct siv *siv = g->siv != NULL ? NULL : siv_new();

		crew_lock(c->member[i]);
		if (g->siv == NULL)
			g->siv = siv;
		if (g->siv != NULL)
			g->ring = *r;
		else
			ret = -1;
		crew_unlock(c->member[i]);
	}
	if (ret == -1)
		errno = ENOMEM;
	return ret;
}

void
tables_warden(const struct crew *c, struct warden_counters *sum)
{
	*sum = (struct warden_counters){ 0 };
	for (size_t i = 0; i < c->n; i++) {
		crew_lock(c->member[i]);
		warden_counters_add(sum, &c->member[i]->worker.warden.count);
		crew_unlock(c->member[i]);
	}
}

void
tables_free(struct crew *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct worker *w = &c->member[i]->worker;

		set_free(&(struct set){ .mru = w->mru, .own_keys = w->own_keys });
		if (c->threaded)
			restrict_free(w->restricts);
	}
}
