/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of most recently used addresses: entries in one array, chained by hash and by age through their numbers.
 *
 * The array and the heads of the chains are allocated whole and zero, so that the system gives memory only as entries come.  Entries are
 * never freed, only made anew for another address, always from the oldest.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/mru.h"

#define CHAIN_MAX	64	/* entries looked at in one chain; with a random key longer ones do not happen */
#define KB		1024

const struct mru_opts mru_defaults = {
	.maxmem = 1024,
	.mindepth = 600,
	.maxage = 64,
	.initmem = 4,
	.incmem = 4,
};

/* What addresses have in common that share an entry. */
struct source {
	uint64_t	word;
	uint64_t	kind;
};

enum source_kind { SOURCE_V4, SOURCE_V6, SOURCE_LINK_LOCAL };

struct mru {
	struct mru_entry	*slab;		/* numbered from 1 */
	uint32_t		*heads;		/* number of the first entry of each chain */
	uint64_t		 mask;		/* chains - 1 */
	struct mru_key		 key;
	struct mru_opts		 o;
	uint32_t		 depth, maxdepth, mindepth;
	uint32_t		 newest, oldest;
	struct mru_stats	 stats;
};

static struct source
source_of(const struct addr *a)
{
	struct source s = { .kind = SOURCE_V6 };

	if (a->family == 4) {
		s.kind = SOURCE_V4;
		memcpy(&s.word, a->ip, 4);
	} else if (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80) {
		s.kind = SOURCE_LINK_LOCAL;
		memcpy(&s.word, a->ip + 8, 8);
		s.kind |= (uint64_t)a->scope << 8;
	} else
		memcpy(&s.word, a->ip, 8);
	return s;
}

static bool
source_same(struct source a, struct source b)
{
	return a.word == b.word && a.kind == b.kind;
}

static uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012) of exactly two words. */
static uint64_t
hash(const struct mru_key *key, struct source s)
{
	const uint64_t words[] = { s.word, s.kind, UINT64_C(16) << 56 };
	uint64_t v[4] = {
		key->k[0] ^ UINT64_C(0x736f6d6570736575),
		key->k[1] ^ UINT64_C(0x646f72616e646f6d),
		key->k[0] ^ UINT64_C(0x6c7967656e657261),
		key->k[1] ^ UINT64_C(0x7465646279746573),
	};

	for (size_t i = 0; i < NELEMS(words); i++) {
		v[3] ^= words[i];
		sip_round(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct mru_entry *
entry(const struct mru *m, uint32_t n)
{
	return n == 0 ? NULL : &m->slab[n];
}

static uint32_t
number(const struct mru *m, const struct mru_entry *e)
{
	return (uint32_t)(e - m->slab);
}

static uint32_t *
head_of(const struct mru *m, struct source s)
{
	return &m->heads[hash(&m->key, s) & m->mask];
}

static uint32_t
clamp_depth(int64_t n)
{
	return n < 0 || n > MRU_DEPTH_MAX ? MRU_DEPTH_MAX : n == 0 ? 1 : (uint32_t)n;
}

/* Octets per entry with its share of the chain heads. */
static size_t
entry_cost(void)
{
	return sizeof(struct mru_entry) + sizeof(uint32_t);
}

/* maxmem is what it all takes at most, heads included; their number is the power of two not above the entries'. */
static uint32_t
depth_of(const struct mru_opts *o)
{
	if (o->maxdepth != 0)
		return clamp_depth(o->maxdepth);
	if (o->maxmem < 0 || o->maxmem > INT64_MAX / KB)
		return MRU_DEPTH_MAX;
	return clamp_depth(o->maxmem * KB / (int64_t)entry_cost());
}

static size_t
chains_for(uint32_t depth)
{
	size_t n = 1;

	while (n * 2 <= depth)
		n *= 2;
	return n;
}

struct mru *
mru_new(const struct mru_opts *o, const struct mru_key *key)
{
	struct mru *m = calloc(1, sizeof(*m));
	size_t chains;

	if (m == NULL)
		return NULL;
	m->o = *o;
	m->key = *key;
	m->maxdepth = depth_of(o);
	m->mindepth = clamp_depth(o->mindepth) < m->maxdepth ? clamp_depth(o->mindepth) : m->maxdepth;
	chains = chains_for(m->maxdepth);
	m->mask = chains - 1;
	m->slab = calloc((size_t)m->maxdepth + 1, sizeof(*m->slab));
	m->heads = calloc(chains, sizeof(*m->heads));
	if (m->slab == NULL || m->heads == NULL) {
		mru_free(m);
		errno = ENOMEM;
		return NULL;
	}
	return m;
}

void
mru_free(struct mru *m)
{
	if (m == NULL)
		return;
	free(m->slab);
	free(m->heads);
	free(m);
}

static struct mru_entry *
chain_find(const struct mru *m, struct source s)
{
	uint32_t n = *head_of(m, s);

	for (int i = 0; n != 0 && i < CHAIN_MAX; i++) {
		if (source_same(source_of(&m->slab[n].addr), s))
			return &m->slab[n];
		n = m->slab[n].chain;
	}
	return NULL;
}

const struct mru_entry *
mru_find(const struct mru *m, const struct addr *a)
{
	return chain_find(m, source_of(a));
}

static void
age_unlink(struct mru *m, struct mru_entry *e)
{
	struct mru_entry *older = entry(m, e->older), *newer = entry(m, e->newer);

	if (older != NULL)
		older->newer = e->newer;
	else
		m->oldest = e->newer;
	if (newer != NULL)
		newer->older = e->older;
	else
		m->newest = e->older;
}

static void
age_append(struct mru *m, struct mru_entry *e)
{
	struct mru_entry *last = entry(m, m->newest);

	e->older = m->newest;
	e->newer = 0;
	m->newest = number(m, e);
	if (last != NULL)
		last->newer = m->newest;
	else
		m->oldest = m->newest;
}

static void
chain_unlink(struct mru *m, const struct mru_entry *e)
{
	uint32_t *at = head_of(m, source_of(&e->addr));

	while (*at != number(m, e))
		at = &m->slab[*at].chain;
	*at = e->chain;
}

static struct mru_entry *
take_fresh(struct mru *m)
{
	m->stats.added++;
	return &m->slab[++m->depth];
}

static struct mru_entry *
take_oldest(struct mru *m)
{
	struct mru_entry *e = entry(m, m->oldest);

	age_unlink(m, e);
	chain_unlink(m, e);
	return e;
}

/*
 * An entry for a newcomer, by the rules of ntpd's mru directive: fresh below mindepth; the oldest if it is above maxage; fresh while there is room; else the
 * oldest with a probability that grows with its age, so that a flood of strangers washes out only slowly whom we know.
 */
static struct mru_entry *
take(struct mru *m, struct monotime now, double monitor, uint32_t chance)
{
	double age;

	if (m->depth < m->mindepth)
		return take_fresh(m);
	age = monotime_diff(now, m->slab[m->oldest].last);
	if (m->o.maxage >= 0 && age > m->o.maxage) {
		m->stats.recycled_old++;
		return take_oldest(m);
	}
	if (m->depth < m->maxdepth)
		return take_fresh(m);
	if (age < m->o.minage || age <= monitor * 0x1p-32 * chance) {
		m->stats.none++;
		return NULL;
	}
	m->stats.recycled_full++;
	return take_oldest(m);
}

static struct mru_entry *
enter(struct mru *m, struct source s, struct monotime now, double monitor, uint32_t chance)
{
	struct mru_entry *e = take(m, now, monitor, chance);
	uint32_t *head = head_of(m, s);

	if (e == NULL)
		return NULL;
	*e = (struct mru_entry){ .first = now, .chain = *head };
	*head = number(m, e);
	return e;
}

struct mru_entry *
mru_note(struct mru *m, const struct mru_sight *sight, struct monotime now, double monitor, uint32_t chance)
{
	struct source s = source_of(&sight->addr);
	struct mru_entry *e = chain_find(m, s);

	if (e != NULL) {
		m->stats.exists++;
		age_unlink(m, e);
	} else {
		e = enter(m, s, now, monitor, chance);
		if (e == NULL)
			return NULL;
	}
	age_append(m, e);
	e->addr = sight->addr;
	e->last = now;
	e->count++;
	e->flags = sight->flags;
	e->version = sight->version;
	e->mode = sight->mode;
	return e;
}

const struct mru_entry *
mru_newest(const struct mru *m)
{
	return entry(m, m->newest);
}

const struct mru_entry *
mru_oldest(const struct mru *m)
{
	return entry(m, m->oldest);
}

const struct mru_entry *
mru_older(const struct mru *m, const struct mru_entry *e)
{
	return entry(m, e->older);
}

const struct mru_entry *
mru_newer(const struct mru *m, const struct mru_entry *e)
{
	return entry(m, e->newer);
}

void
mru_get_stats(const struct mru *m, struct mru_stats *out)
{
	*out = m->stats;
	out->depth = out->deepest = m->depth;	/* entries are made anew, never given up */
	out->maxdepth = m->maxdepth;
	out->mindepth = m->mindepth;
	out->mem = m->depth * entry_cost();
	out->maxmem = m->maxdepth * entry_cost();
	out->maxage = m->o.maxage;
	out->minage = m->o.minage;
}
