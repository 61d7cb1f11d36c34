/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of most recently used addresses: entries in one array, chained by hash and by age through their numbers.
 *
 * The array and the heads of the chains are allocated whole and zero, so that the system gives memory only as it is touched: at the start, and then ahead
 * of the entries, as much as the mru directive says, so that an entry does not wait for it.  Entries are never freed, only made anew for another address, always from the oldest.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "server/mru.h"

#define CHAIN_MAX	64	/* entries looked at in one chain; with a random key longer ones do not happen */
#define KB		1024
#define SCORE_GONE	20	/* spans of decay after which nothing of a score is left that anybody could see */

/* Figures of processors, which cost nothing but speed where they are wrong. */
#define LINE		64		/* octets of a cache line */
#define PAGE		4096		/* octets; the least there is */
#define LARGE_PAGE	(2 << 20)	/* octets; smaller tables are left on ordinary pages */
#define CACHED_DEPTH	4096		/* entries that stay in the caches nearby, so that fetching them ahead would only cost */

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
	void			*memory;	/* of slab */
	struct mru_entry	*slab;		/* numbered from 1; begins with a cache line, so that an entry lies on two */
	uint32_t		*heads;		/* number of the first entry of each chain */
	uint64_t		 mask;		/* chains - 1 */
	struct mru_key		 key;
	struct mru_opts		 o;
	uint32_t		 depth, maxdepth, mindepth;
	uint32_t		 ready, step;	/* entries whose memory is there, and how many more it is then */
	uint32_t		 newest, oldest;
	struct addr		 local[MRU_LOCALS_MAX];	/* addresses of ours, numbered from 1 */
	uint8_t			 nlocal, lately;	/* how many, and the number of the one met last */
	size_t			 slots;
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

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

struct sip { uint64_t a, b, c, d; };

static inline void
sip_round(struct sip *v)
{
	v->a += v->b;
	v->b = rotl(v->b, 13) ^ v->a;
	v->a = rotl(v->a, 32);
	v->c += v->d;
	v->d = rotl(v->d, 16) ^ v->c;
	v->a += v->d;
	v->d = rotl(v->d, 21) ^ v->a;
	v->c += v->b;
	v->b = rotl(v->b, 17) ^ v->c;
	v->c = rotl(v->c, 32);
}

static inline void
sip_word(struct sip *v, uint64_t word)
{
	v->d ^= word;
	sip_round(v);
	v->a ^= word;
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012) of exactly two words. */
static uint64_t
hash(const struct mru_key *key, struct source s)
{
	struct sip v = {
		key->k[0] ^ UINT64_C(0x736f6d6570736575),
		key->k[1] ^ UINT64_C(0x646f72616e646f6d),
		key->k[0] ^ UINT64_C(0x6c7967656e657261),
		key->k[1] ^ UINT64_C(0x7465646279746573),
	};

	sip_word(&v, s.word);
	sip_word(&v, s.kind);
	sip_word(&v, UINT64_C(16) << 56);
	v.c ^= 0xff;
	sip_round(&v);
	sip_round(&v);
	sip_round(&v);
	return v.a ^ v.b ^ v.c ^ v.d;
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

/* A big table is read at random: with large pages the address translation misses less.  A wish; that it may be refused is no matter. */
static void
wish_large_pages(void *p, size_t size)
{
	uintptr_t from = ((uintptr_t)p + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE, to = ((uintptr_t)p + size) / LARGE_PAGE * LARGE_PAGE;

	if (from < to)
		(void)madvise((uint8_t *)p + (from - (uintptr_t)p), to - from, MADV_HUGEPAGE);
}

/* False if there is no memory. */
static bool
allocate(struct mru *m, size_t chains)
{
	size_t size = ((size_t)m->maxdepth + 1) * sizeof(*m->slab);

	m->memory = calloc(1, size + LINE);
	m->heads = calloc(chains, sizeof(*m->heads));
	if (m->memory == NULL || m->heads == NULL)
		return false;
	m->slab = (void *)((uint8_t *)m->memory + (LINE - (uintptr_t)m->memory % LINE) % LINE);
	wish_large_pages(m->slab, size);
	wish_large_pages(m->heads, chains * sizeof(*m->heads));
	return true;
}

static uint32_t
entries_of(int64_t entries, int64_t kb)
{
	int64_t n = entries > 0 ? entries : kb > INT64_MAX / KB ? MRU_DEPTH_MAX : kb * KB / (int64_t)entry_cost();

	return n > 0 ? clamp_depth(n) : 0;
}

/* Has the system give memory for so many more entries, which are still zero. */
static void
make_ready(struct mru *m, uint32_t more)
{
	uint32_t upto = more < m->maxdepth - m->ready ? m->ready + more : m->maxdepth;
	uint8_t *p = (uint8_t *)&m->slab[m->ready + 1], *end = (uint8_t *)&m->slab[upto + 1];

	for (; p < end; p += PAGE)
		*(volatile uint8_t *)p = 0;
	if (upto > m->ready)
		*(volatile uint8_t *)(end - 1) = 0;
	m->ready = upto;
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
	if (!allocate(m, chains)) {
		mru_free(m);
		errno = ENOMEM;
		return NULL;
	}
	m->step = entries_of(o->incalloc, o->incmem);
	make_ready(m, entries_of(o->initalloc, o->initmem));
	return m;
}

void
mru_free(struct mru *m)
{
	if (m == NULL)
		return;
	free(m->memory);
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
	m->slots -= *head_of(m, source_of(&e->addr)) == 0;
}

static struct mru_entry *
take_fresh(struct mru *m)
{
	m->stats.added++;
	if (m->depth == m->ready)
		make_ready(m, m->step > 0 ? m->step : 1);
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
	m->slots += *head == 0;
	*e = (struct mru_entry){ .first = now, .chain = *head };
	*head = number(m, e);
	return e;
}

/* The number of an address of ours; most packets come to the same one as the last. */
static uint8_t
local_number(struct mru *m, const struct addr *a)
{
	if (a->family == 0)
		return 0;
	if (m->lately != 0 && addr_same_host(&m->local[m->lately - 1], a))
		return m->lately;
	for (uint8_t i = 0; i < m->nlocal; i++) {
		if (addr_same_host(&m->local[i], a))
			return m->lately = (uint8_t)(i + 1);
	}
	if (m->nlocal == MRU_LOCALS_MAX)
		return 0;
	m->local[m->nlocal] = *a;
	return m->lately = ++m->nlocal;
}

const struct addr *
mru_local(const struct mru *m, const struct mru_entry *e)
{
	return e->local == 0 ? NULL : &m->local[e->local - 1];
}

/* NTPsec's score: each packet adds 1 / decay, so that a steady client's score comes to its rate. */
static float
score_with(const struct mru_entry *e, struct monotime now, double decay)
{
	double spans;

	if (decay <= 0)
		return 0;
	spans = fmax(0, monotime_diff(now, e->last)) / decay;
	return (e->count == 0 || spans > SCORE_GONE ? 0 : e->score * expf((float)-spans)) + (float)(1 / decay);
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
	e->score = score_with(e, now, sight->decay);
	e->local = local_number(m, &sight->local);
	e->last = now;
	e->count++;
	e->flags = sight->flags;
	e->version = sight->version & 0xfu;
	e->mode = sight->mode & 0xfu;
	return e;
}

static void
fetch_entry(const struct mru *m, uint32_t n)
{
	__builtin_prefetch(&m->slab[n], 1);
	__builtin_prefetch((const uint8_t *)(&m->slab[n] + 1) - 1, 1);
}

/* The links of its neighbours by age, which change when it becomes the newest. */
static void
fetch_neighbours(const struct mru *m, const struct mru_entry *e)
{
	__builtin_prefetch(&m->slab[e->older].newer, 1);
	__builtin_prefetch(&m->slab[e->newer].older, 1);
}

/* Each stage asks for what the next one reads.  An entry further down its chain is left to be waited for: most come first or second. */
void
mru_ahead(const struct mru *m, const struct addr *const a[], size_t n)
{
	const uint32_t *head[MRU_AHEAD];
	struct source s[MRU_AHEAD];
	uint32_t at[MRU_AHEAD];

	if (m->depth < CACHED_DEPTH)
		return;
	n = n < MRU_AHEAD ? n : MRU_AHEAD;
	for (size_t i = 0; i < n; i++) {
		s[i] = source_of(a[i]);
		head[i] = head_of(m, s[i]);
		__builtin_prefetch(head[i]);
	}
	for (size_t i = 0; i < n; i++)
		fetch_entry(m, at[i] = *head[i]);
	for (size_t i = 0; i < n; i++) {
		if (!source_same(source_of(&m->slab[at[i]].addr), s[i]))
			fetch_entry(m, at[i] = m->slab[at[i]].chain);
	}
	for (size_t i = 0; i < n; i++)
		fetch_neighbours(m, &m->slab[at[i]]);
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
	out->slots = m->slots;
	out->maxdepth = m->maxdepth;
	out->mindepth = m->mindepth;
	out->mem = m->ready * entry_cost();
	out->maxmem = m->maxdepth * entry_cost();
	out->maxage = m->o.maxage;
	out->minage = m->o.minage;
	if (m->oldest != 0)
		out->oldest = m->slab[m->oldest].last;
}
