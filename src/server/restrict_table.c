/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of one family: a sorted array, and over it a table of the points where the answer changes.
 *
 * Ordinary masks nest, so the entries of a family cut the address space into runs that share one most specific entry; a binary
 * search over the starts of these runs finds it in the same few steps whatever the lengths of the masks.  Where runs are many, an index by
 * the upper bits of the address tells which few to search; the upper halves of their starts lie apart, eight to a line of the cache.  From there, wider
 * links lead outwards, for entries that want another source port.  Entries whose mask has holes are few and are looked through in order.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "restrict_table.h"

#define BLOCK_BITS	16	/* upper bits of an address that the index goes by */
#define BLOCKS		((size_t)1 << BLOCK_BITS)
#define INDEXED		1024	/* entries from which on the index is worth its 256 KiB: its one look saves most steps of the search */

static struct restrict_key
key_of(const struct addr *a)
{
	uint64_t half[2];

	memcpy(half, a->ip, sizeof(half));
	return (struct restrict_key){ be64toh(half[0]), be64toh(half[1]) };
}

static int
key_cmp(struct restrict_key a, struct restrict_key b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

static bool
key_below(struct restrict_key a, struct restrict_key b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

static struct restrict_key
key_next(struct restrict_key k)
{
	k.lo++;
	k.hi += k.lo == 0;
	return k;
}

static bool
mask_has_holes(struct restrict_key mask)
{
	struct restrict_key rest = { ~mask.hi, ~mask.lo };
	struct restrict_key up = key_next(rest);

	return (rest.hi & up.hi) != 0 || (rest.lo & up.lo) != 0;
}

/* The last address of an item whose mask has no holes. */
static struct restrict_key
item_end(const struct restrict_item *it)
{
	return (struct restrict_key){ it->addr.hi | ~it->mask.hi, it->addr.lo | ~it->mask.lo };
}

/* Order at equal address and mask: ours, ntpport, plain, source. */
static int
rule_rank(const struct restrict_rule *r)
{
	return (r->interface ? 0 : r->source ? 4 : 2) + (r->ntpport ? 0 : 1);
}

/* Negative if a comes before b in matching order. */
static int
item_cmp(const struct restrict_item *a, const struct restrict_item *b)
{
	int c = key_cmp(b->addr, a->addr);

	if (c == 0)
		c = key_cmp(b->mask, a->mask);
	return c != 0 ? c : rule_rank(&a->e.rule) - rule_rank(&b->e.rule);
}

struct restrict_item *
restrict_item_new(void)
{
	return aligned_alloc(alignof(struct restrict_item), sizeof(struct restrict_item));
}

/* Fills in the item of a rule.  False if its address and mask do not belong together. */
bool
restrict_item_init(struct restrict_item *it, const struct restrict_rule *r)
{
	if (addr_len(&r->addr) == 0 || r->addr.family != r->mask.family)
		return false;
	*it = (struct restrict_item){ .e.rule = *r, .mask = key_of(&r->mask) };
	addr_apply_mask(&it->e.rule.addr, &r->mask);
	it->e.rule.addr.port = 0;
	it->e.rule.addr.scope = 0;
	it->addr = key_of(&it->e.rule.addr);
	return true;
}

/* Where probe stands, or would stand. */
size_t
restrict_table_place(const struct restrict_table *t, const struct restrict_item *probe, bool *there)
{
	size_t at = 0, left = t->n;

	while (left > 0) {
		size_t half = left / 2;

		if (item_cmp(t->v[at + half], probe) < 0) {
			at += half + 1;
			left -= half + 1;
		} else
			left = half;
	}
	*there = at < t->n && item_cmp(t->v[at], probe) == 0;
	return at;
}

static bool
grow(void *array, size_t n, size_t size)
{
	void **p = array;
	void *bigger = reallocarray(*p, n, size);

	if (bigger != NULL)
		*p = bigger;
	return bigger != NULL;
}

/* Room for so many more; everything lookup may need is allocated here.  -1 with errno. */
int
restrict_table_reserve(struct restrict_table *t, size_t more)
{
	size_t cap = t->cap == 0 ? 16 : t->cap;

	while (cap < t->n + more)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	t->stale = true;
	if (!grow(&t->v, cap, sizeof(*t->v)) || !grow(&t->start, 2 * cap + 1, sizeof(*t->start)) ||
	    !grow(&t->start_lo, 2 * cap + 1, sizeof(*t->start_lo)) || !grow(&t->first, 2 * cap + 1, sizeof(*t->first)) || !grow(&t->holed, cap, sizeof(*t->holed)))
		return -1;
	if (cap >= INDEXED && t->index == NULL && (t->index = malloc((BLOCKS + 1) * sizeof(*t->index))) == NULL)
		return -1;
	t->cap = cap;
	return 0;
}

/* Puts it into place; there must be room. */
void
restrict_table_insert(struct restrict_table *t, size_t at, struct restrict_item *it)
{
	memmove(t->v + at + 1, t->v + at, (t->n - at) * sizeof(*t->v));
	t->v[at] = it;
	t->n++;
	t->stale = true;
}

void
restrict_table_delete(struct restrict_table *t, size_t at)
{
	struct restrict_item *it = t->v[at];

	t->n--;
	memmove(t->v + at, t->v + at + 1, (t->n - at) * sizeof(*t->v));
	t->stale = true;
	free(it);
}

void
restrict_table_free(struct restrict_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i]);
	free(t->v);
	free(t->start);
	free(t->start_lo);
	free(t->first);
	free(t->holed);
	free(t->index);
}

static struct restrict_key
run_start(const struct restrict_table *t, size_t run)
{
	return (struct restrict_key){ t->start[run], t->start_lo[run] };
}

/* A run begins at this address; of several that begin there the last one said counts. */
static void
run_begin(struct restrict_table *t, struct restrict_key at, struct restrict_item *it)
{
	if (t->runs > 0 && key_cmp(run_start(t, t->runs - 1), at) == 0)
		t->runs--;
	t->start[t->runs] = at.hi;
	t->start_lo[t->runs] = at.lo;
	t->first[t->runs] = it;
	t->runs++;
}

/* The runs are complete: notes the one that holds the first address of each block, and the last one behind the last block. */
static void
index_fill(struct restrict_table *t)
{
	size_t at = 0;

	for (size_t block = 0; block < BLOCKS; block++) {
		struct restrict_key first = { (uint64_t)block << (64 - BLOCK_BITS), 0 };

		while (at + 1 < t->runs && !key_below(first, run_start(t, at + 1)))
			at++;
		t->index[block] = (uint32_t)at;
	}
	t->index[BLOCKS] = (uint32_t)(t->runs - 1);
}

/*
 * Goes through the entries outside in and from the lowest address up.  top is the innermost entry open at the point reached, and its wider links are
 * the stack of those around it.  The default is open from first to last.
 */
static void
table_compile(struct restrict_table *t)
{
	struct restrict_item *top = NULL;

	t->runs = 0;
	for (size_t i = t->n; i-- > 0;) {
		struct restrict_item *it = t->v[i];

		if (mask_has_holes(it->mask))
			continue;
		while (top != NULL && key_below(item_end(top), it->addr)) {
			run_begin(t, key_next(item_end(top)), top->wider);
			top = top->wider;
		}
		it->wider = top;
		top = it;
		run_begin(t, it->addr, it);
	}
	for (; top != NULL && top->wider != NULL; top = top->wider) {
		struct restrict_key after = key_next(item_end(top));

		if (after.hi != 0 || after.lo != 0)
			run_begin(t, after, top->wider);
	}
	if (t->index != NULL)
		index_fill(t);
	t->nholed = 0;
	for (size_t i = 0; i < t->n; i++)
		if (mask_has_holes(t->v[i]->mask))
			t->holed[t->nholed++] = t->v[i];
	t->stale = false;
}

static bool
port_fits(const struct restrict_item *it, const struct addr *src)
{
	return !it->e.rule.ntpport || src->port == NTP_PORT;	/* NOLINT(clang-analyzer-core.*): tables hold items */
}

/* The first entry with holes that matches and comes before best; best if there is none. */
static struct restrict_item *
search_holes(const struct restrict_table *t, struct restrict_key k, const struct addr *src, struct restrict_item *best)
{
	for (size_t i = 0; i < t->nholed && item_cmp(t->holed[i], best) < 0; i++) {
		struct restrict_item *it = t->holed[i];

		if ((k.hi & it->mask.hi) == it->addr.hi && (k.lo & it->mask.lo) == it->addr.lo && port_fits(it, src))
			return it;
	}
	return best;
}

/* The last of so many runs that begins not after the address; the first one does. */
static size_t
search_whole(const struct restrict_table *t, size_t at, size_t left, struct restrict_key k)
{
	while (left > 1) {
		size_t half = left / 2;

		at += key_below(k, run_start(t, at + half)) ? 0 : half;
		left -= half;
	}
	return at;
}

/* The same by the upper halves alone, and without a branch that the processor would have to guess. */
static size_t
search_upper(const struct restrict_table *t, size_t at, size_t left, uint64_t hi)
{
	while (left > 1) {
		size_t half = left / 2;

		at += half & -(size_t)(t->start[at + half] <= hi);
		left -= half;
	}
	return at;
}

/* The run that an address lies in. */
static size_t
run_of(const struct restrict_table *t, struct restrict_key k)
{
	size_t block = (size_t)(k.hi >> (64 - BLOCK_BITS));
	size_t from = t->index == NULL ? 0 : t->index[block];
	size_t left = t->index == NULL ? t->runs : t->index[block + 1] - from + 1;
	size_t at = search_upper(t, from, left, k.hi);

	/* Several runs may begin within one /64, and the address lie before the last of them. */
	return key_below(k, run_start(t, at)) ? search_whole(t, from, at - from + 1, k) : at;
}

struct restrict_item *
restrict_table_match(struct restrict_table *t, const struct addr *src)
{
	struct restrict_key k = key_of(src);
	struct restrict_item *it;

	if (t->stale)
		table_compile(t);
	for (it = t->first[run_of(t, k)]; !port_fits(it, src);)
		it = it->wider;
	return search_holes(t, k, src, it);
}

/* False if there is no memory. */
bool
restrict_table_copy(struct restrict_table *to, const struct restrict_table *from)
{
	if (restrict_table_reserve(to, from->n) == -1)
		return false;
	for (; to->n < from->n; to->n++) {
		struct restrict_item *it = restrict_item_new();

		if (it == NULL)
			return false;
		*it = *from->v[to->n];
		it->e.hits = 0;
		to->v[to->n] = it;
	}
	table_compile(to);
	return true;
}

/* Both are in matching order. */
void
restrict_table_collect(struct restrict_table *to, struct restrict_table *from)
{
	size_t at = 0;

	for (size_t i = 0; i < from->n; i++) {
		struct restrict_item *it = from->v[i];

		while (at < to->n && item_cmp(to->v[at], it) < 0)
			at++;
		if (at < to->n && item_cmp(to->v[at], it) == 0)
			to->v[at]->e.hits += it->e.hits;
		it->e.hits = 0;
	}
}

bool
restrict_table_uses(const struct restrict_table *t, unsigned flags)
{
	for (size_t i = 0; i < t->n; i++)
		if ((t->v[i]->e.rule.flags & flags) != 0)
			return true;
	return false;
}
