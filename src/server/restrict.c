/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The restrict list: a sorted array, and over it a table of the points where the answer changes.
 *
 * Ordinary masks nest, so the entries of a family cut the address space into runs that share one most specific entry; a binary
 * search over the starts of these runs finds it in the same few steps whatever the lengths of the masks.  From there, wider links lead
 * outwards, for entries that want another source port.  Entries whose mask has holes are few and are looked through in order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ntp.h"
#include "server/restrict.h"

const struct restrict_flag restrict_flags[] = {
	{ "ignore",		RESTRICT_SETS,	RESTRICT_IGNORE,	true,	NULL,		"drop every packet" },
	{ "noserve",		RESTRICT_SETS,	RESTRICT_NOSERVE,	true,	"serve",	"drop every time packet, allow queries" },
	{ "notrust",		RESTRICT_SETS,	RESTRICT_NOTRUST,	true,	"trust",	"drop time packets without valid authentication" },
	{ "version",		RESTRICT_SETS,	RESTRICT_VERSION,	true,	NULL,		"drop time packets of a version other than 4" },
	{ "nopeer",		RESTRICT_SETS,	RESTRICT_NOPEER,	true,	"peer",		"mobilise no association from an unauthenticated packet" },
	{ "noepeer",		RESTRICT_SETS,	RESTRICT_NOEPEER,	true,	"epeer",	"mobilise no ephemeral symmetric association at all" },
	{ "epeer",		RESTRICT_CLEARS, RESTRICT_NOEPEER,	true,	NULL,		"the opposite of noepeer" },
	{ "limited",		RESTRICT_SETS,	RESTRICT_LIMITED,	true,	NULL,		"drop what comes faster than discard allows" },
	{ "noquery",		RESTRICT_SETS,	RESTRICT_NOQUERY,	true,	"query",	"drop mode 6 and 7, silently" },
	{ "nomodify",		RESTRICT_SETS,	RESTRICT_NOMODIFY,	true,	NULL,		"refuse mode 6 requests that change something" },
	{ "notrap",		RESTRICT_SETS,	RESTRICT_NOTRAP,	true,	"trap",		"refuse to set traps" },
	{ "lowpriotrap",	RESTRICT_SETS,	RESTRICT_LOWPRIOTRAP,	false,	NULL,		"traps of this host may be taken over by others" },
	{ "kod",		RESTRICT_SETS,	RESTRICT_KOD,		true,	NULL,		"with limited: answer a RATE kiss-o'-death now and then" },
	{ "mssntp",		RESTRICT_SETS,	RESTRICT_MSSNTP,	false,	NULL,		"allow replies signed for MS-SNTP" },
	{ "flake",		RESTRICT_SETS,	RESTRICT_FLAKE,		true,	NULL,		"for tests: drop one time packet in ten" },
	{ "nomrulist",		RESTRICT_SETS,	RESTRICT_NOMRULIST,	true,	NULL,		"refuse requests for the MRU list" },
	{ "serverresponse fuzz", RESTRICT_SETS,	RESTRICT_FUZZ,		true,	NULL,		"blur the reference time in replies" },
	{ "ntpport",		RESTRICT_NTPPORT, 0,			true,	NULL,		"the entry is for source port 123 only" },
};
const size_t restrict_flags_len = NELEMS(restrict_flags);

/* An address or mask as one big number; IPv4 in the topmost 32 bits, so that both families order and invert alike. */
struct key { uint64_t hi, lo; };

struct item {
	struct restrict_entry	e;	/* first: what callers are given */
	struct key		addr, mask;
	struct item		*wider;	/* the next to ask where this one's port does not fit; only among masks without holes */
	unsigned		refs;	/* associations that a source entry is for */
	bool			builtin, marked;
};

struct table {
	struct item	**v;		/* in matching order */
	size_t		 n, cap;
	struct key	*start;		/* 2 * cap + 1 starts of runs, ascending … */
	struct item	**first;	/* … and the entry of each */
	size_t		 runs;
	struct item	**holed;	/* entries whose mask has holes, in matching order */
	size_t		 nholed;
	bool		 stale;		/* runs and holed are to be made anew */
};

struct restrict_list {
	struct table		ip4, ip6;
	struct restrict_rule	source;
	bool			has_source;
	uint64_t		edition;
};

static struct key
key_of(const struct addr *a)
{
	struct key k = { 0, 0 };

	for (int i = 0; i < 8; i++) {
		k.hi = k.hi << 8 | a->ip[i];
		k.lo = k.lo << 8 | a->ip[8 + i];
	}
	return k;
}

static int
key_cmp(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

static bool
key_below(struct key a, struct key b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

static struct key
key_next(struct key k)
{
	k.lo++;
	k.hi += k.lo == 0;
	return k;
}

static bool
mask_has_holes(struct key mask)
{
	struct key rest = { ~mask.hi, ~mask.lo };
	struct key up = key_next(rest);

	return (rest.hi & up.hi) != 0 || (rest.lo & up.lo) != 0;
}

/* The last address of an item whose mask has no holes. */
static struct key
item_end(const struct item *it)
{
	return (struct key){ it->addr.hi | ~it->mask.hi, it->addr.lo | ~it->mask.lo };
}

/* Order at equal address and mask: ours, ntpport, plain, source. */
static int
rule_rank(const struct restrict_rule *r)
{
	return (r->interface ? 0 : r->source ? 4 : 2) + (r->ntpport ? 0 : 1);
}

/* Negative if a comes before b in matching order. */
static int
item_cmp(const struct item *a, const struct item *b)
{
	int c = key_cmp(b->addr, a->addr);

	if (c == 0)
		c = key_cmp(b->mask, a->mask);
	return c != 0 ? c : rule_rank(&a->e.rule) - rule_rank(&b->e.rule);
}

static struct table *
table_of(struct restrict_list *l, int family)
{
	return family == 4 ? &l->ip4 : &l->ip6;
}

static const struct table *
table_view(const struct restrict_list *l, int family)
{
	return family == 4 ? &l->ip4 : &l->ip6;
}

/* Fills in the item of a rule.  False if its address and mask do not belong together. */
static bool
item_init(struct item *it, const struct restrict_rule *r)
{
	if (addr_len(&r->addr) == 0 || r->addr.family != r->mask.family)
		return false;
	*it = (struct item){ .e.rule = *r, .mask = key_of(&r->mask) };
	addr_apply_mask(&it->e.rule.addr, &r->mask);
	it->e.rule.addr.port = 0;
	it->e.rule.addr.scope = 0;
	it->addr = key_of(&it->e.rule.addr);
	return true;
}

/* Where probe stands, or would stand. */
static size_t
table_place(const struct table *t, const struct item *probe, bool *there)
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
static int
table_reserve(struct table *t, size_t more)
{
	size_t cap = t->cap == 0 ? 16 : t->cap;

	while (cap < t->n + more)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	t->stale = true;
	if (!grow(&t->v, cap, sizeof(*t->v)) || !grow(&t->start, 2 * cap + 1, sizeof(*t->start)) ||
	    !grow(&t->first, 2 * cap + 1, sizeof(*t->first)) || !grow(&t->holed, cap, sizeof(*t->holed)))
		return -1;
	t->cap = cap;
	return 0;
}

/* Puts it into place; there must be room. */
static void
table_insert(struct table *t, size_t at, struct item *it)
{
	memmove(t->v + at + 1, t->v + at, (t->n - at) * sizeof(*t->v));
	t->v[at] = it;
	t->n++;
	t->stale = true;
}

static void
table_delete(struct table *t, size_t at)
{
	struct item *it = t->v[at];

	t->n--;
	memmove(t->v + at, t->v + at + 1, (t->n - at) * sizeof(*t->v));
	t->stale = true;
	free(it);
}

static void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i]);
	free(t->v);
	free(t->start);
	free(t->first);
	free(t->holed);
}

/* A run begins at this address; of several that begin there the last one said counts. */
static void
run_begin(struct table *t, struct key at, struct item *it)
{
	if (t->runs > 0 && key_cmp(t->start[t->runs - 1], at) == 0)
		t->runs--;
	t->start[t->runs] = at;
	t->first[t->runs] = it;
	t->runs++;
}

/*
 * Goes through the entries outside in and from the lowest address up.  top is the innermost entry open at the point reached, and its wider links are
 * the stack of those around it.  The default is open from first to last.
 */
static void
table_compile(struct table *t)
{
	struct item *top = NULL;

	t->runs = 0;
	for (size_t i = t->n; i-- > 0;) {
		struct item *it = t->v[i];

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
		struct key after = key_next(item_end(top));

		if (after.hi != 0 || after.lo != 0)
			run_begin(t, after, top->wider);
	}
	t->nholed = 0;
	for (size_t i = 0; i < t->n; i++)
		if (mask_has_holes(t->v[i]->mask))
			t->holed[t->nholed++] = t->v[i];
	t->stale = false;
}

static bool
port_fits(const struct item *it, const struct addr *src)
{
	return !it->e.rule.ntpport || src->port == NTP_PORT;	/* NOLINT(clang-analyzer-core.*): tables hold items */
}

/* The first entry with holes that matches and comes before best; best if there is none. */
static struct item *
search_holes(const struct table *t, struct key k, const struct addr *src, struct item *best)
{
	for (size_t i = 0; i < t->nholed && item_cmp(t->holed[i], best) < 0; i++) {
		struct item *it = t->holed[i];

		if ((k.hi & it->mask.hi) == it->addr.hi && (k.lo & it->mask.lo) == it->addr.lo && port_fits(it, src))
			return it;
	}
	return best;
}

const struct restrict_entry *
restrict_lookup(struct restrict_list *l, const struct addr *src)
{
	struct table *t = table_of(l, src->family);
	struct key k = key_of(src);
	struct item *it;
	size_t at = 0;

	if (t->stale)
		table_compile(t);
	for (size_t left = t->runs; left > 1;) {
		size_t half = left / 2;

		at += key_below(k, t->start[at + half]) ? 0 : half;
		left -= half;
	}
	for (it = t->first[at]; !port_fits(it, src);)
		it = it->wider;
	it = search_holes(t, k, src, it);
	it->e.hits++;
	return &it->e;
}

void
restrict_rule_default(struct restrict_rule *r, int family)
{
	r->addr = (struct addr){ .family = (uint8_t)family };
	r->mask = r->addr;
}

void
restrict_rule_host(struct restrict_rule *r, const struct addr *host)
{
	r->addr = *host;
	r->addr.port = 0;
	r->addr.scope = 0;
	addr_mask_bits(&r->mask, host->family, 8 * addr_len(host));
}

static int
add_default(struct restrict_list *l, int family)
{
	struct restrict_rule r = { .ippeerlimit = IPPEERLIMIT_NONE };
	struct table *t = table_of(l, family);

	restrict_rule_default(&r, family);
	if (restrict_add(l, &r) == -1)
		return -1;
	t->v[0]->builtin = true;
	return 0;
}

struct restrict_list *
restrict_new(void)
{
	struct restrict_list *l = calloc(1, sizeof(*l));

	if (l != NULL && (add_default(l, 4) == -1 || add_default(l, 6) == -1)) {
		restrict_free(l);
		l = NULL;
	}
	return l;
}

void
restrict_free(struct restrict_list *l)
{
	if (l == NULL)
		return;
	table_free(&l->ip4);
	table_free(&l->ip6);
	free(l);
}

/* False if there is no memory. */
static bool
copy_table(struct table *to, const struct table *from)
{
	if (table_reserve(to, from->n) == -1)
		return false;
	for (; to->n < from->n; to->n++) {
		struct item *it = malloc(sizeof(*it));

		if (it == NULL)
			return false;
		*it = *from->v[to->n];
		it->e.hits = 0;
		to->v[to->n] = it;
	}
	table_compile(to);
	return true;
}

struct restrict_list *
restrict_copy(const struct restrict_list *l)
{
	struct restrict_list *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->source = l->source;
	copy->has_source = l->has_source;
	copy->edition = l->edition;
	if (copy_table(&copy->ip4, &l->ip4) && copy_table(&copy->ip6, &l->ip6))
		return copy;
	restrict_free(copy);
	return NULL;
}

/* Both are in matching order. */
static void
collect_table(struct table *to, struct table *from)
{
	size_t at = 0;

	for (size_t i = 0; i < from->n; i++) {
		struct item *it = from->v[i];

		while (at < to->n && item_cmp(to->v[at], it) < 0)
			at++;
		if (at < to->n && item_cmp(to->v[at], it) == 0)
			to->v[at]->e.hits += it->e.hits;
		it->e.hits = 0;
	}
}

void
restrict_collect(struct restrict_list *l, struct restrict_list *copy)
{
	collect_table(&l->ip4, &copy->ip4);
	collect_table(&l->ip6, &copy->ip6);
}

uint64_t
restrict_edition(const struct restrict_list *l)
{
	return l->edition;
}

/* ntpd: equal entries are OR-ed and the first ippeerlimit stays; our own defaults have not been given one by anybody. */
static void
item_merge(struct item *it, const struct restrict_rule *r)
{
	it->e.rule.flags |= r->flags;
	if (it->builtin && it->e.rule.ippeerlimit == IPPEERLIMIT_NONE)
		it->e.rule.ippeerlimit = r->ippeerlimit;
}

/* Adds or merges; returns the item, or NULL with errno. */
static struct item *
put(struct restrict_list *l, const struct restrict_rule *r)
{
	struct item probe, *it;
	struct table *t;
	bool there;
	size_t at;

	if (!item_init(&probe, r)) {
		errno = EINVAL;
		return NULL;
	}
	t = table_of(l, r->addr.family);
	at = table_place(t, &probe, &there);
	l->edition++;
	if (there) {
		item_merge(t->v[at], r);	/* NOLINT(clang-analyzer-core.*): tables hold items */
		return t->v[at];
	}
	if (table_reserve(t, 1) == -1 || (it = malloc(sizeof(*it))) == NULL)
		return NULL;
	*it = probe;
	table_insert(t, at, it);
	return it;
}

int
restrict_add(struct restrict_list *l, const struct restrict_rule *r)
{
	return put(l, r) == NULL ? -1 : 0;
}

static struct item *
find(struct restrict_list *l, const struct restrict_rule *r, size_t *at)
{
	struct item probe;
	struct table *t;
	bool there;

	if (!item_init(&probe, r))
		return NULL;
	t = table_of(l, r->addr.family);
	*at = table_place(t, &probe, &there);
	return there ? t->v[*at] : NULL;
}

bool
restrict_remove(struct restrict_list *l, const struct restrict_rule *r)
{
	size_t at;
	struct item *it = find(l, r, &at);

	if (it == NULL)
		return false;
	l->edition++;
	if (it->builtin) {
		it->e.rule.flags = 0;
		it->e.rule.ippeerlimit = IPPEERLIMIT_NONE;
	} else
		table_delete(table_of(l, r->addr.family), at);
	return true;
}

bool
restrict_clear(struct restrict_list *l, const struct restrict_rule *r)
{
	size_t at;
	struct item *it = find(l, r, &at);

	if (it == NULL)
		return false;
	it->e.rule.flags &= ~r->flags;
	l->edition++;
	return true;
}

void
restrict_source_template(struct restrict_list *l, bool on, const struct restrict_rule *r)
{
	l->edition++;
	if (!on) {
		l->has_source = false;
		return;
	}
	if (!l->has_source)
		l->source = *r;
	else
		l->source.flags |= r->flags;
	l->has_source = true;
}

int
restrict_source_add(struct restrict_list *l, const struct addr *a)
{
	struct restrict_rule r = l->source;
	struct item *it;

	if (!l->has_source)
		return 0;
	restrict_rule_host(&r, a);
	r.interface = false;
	r.source = true;
	it = put(l, &r);
	if (it == NULL)
		return -1;
	it->refs++;
	return 0;
}

void
restrict_source_remove(struct restrict_list *l, const struct addr *a)
{
	struct restrict_rule r = { .source = true };
	size_t at;

	restrict_rule_host(&r, a);
	for (int i = 0; i < 2; i++) {	/* the template may have been with or without ntpport */
		struct item *it;

		r.ntpport = i == 1;
		it = find(l, &r, &at);
		if (it == NULL)
			continue;
		if (it->refs > 1)
			it->refs--;
		else {
			table_delete(table_of(l, a->family), at);
			l->edition++;
		}
		return;
	}
}

static void
interface_rule(struct restrict_rule *r, const struct addr *own)
{
	*r = (struct restrict_rule){ .flags = RESTRICT_IGNORE, .ippeerlimit = IPPEERLIMIT_NONE, .ntpport = true, .interface = true };
	restrict_rule_host(r, own);
}

/* Marks the entry for one of our own addresses, made from *spare if there is none yet. */
static void
mark_interface(struct restrict_list *l, const struct restrict_rule *r, struct item **spare)
{
	struct table *t = table_of(l, r->addr.family);
	size_t at;
	struct item *it = find(l, r, &at);

	if (it == NULL && item_init(*spare, r)) {
		it = *spare;
		*spare = NULL;
		table_insert(t, at, it);
		l->edition++;
	}
	if (it != NULL)
		it->marked = true;
}

static void
delete_unmarked(struct restrict_list *l, struct table *t)
{
	for (size_t i = t->n; i-- > 0;) {
		if (t->v[i]->e.rule.interface && !t->v[i]->marked) {
			table_delete(t, i);
			l->edition++;
		} else
			t->v[i]->marked = false;
	}
}

int
restrict_interfaces(struct restrict_list *l, const struct addr own[], size_t n)
{
	struct item **spare = calloc(n + 1, sizeof(*spare));
	bool ok = spare != NULL && table_reserve(&l->ip4, n) == 0 && table_reserve(&l->ip6, n) == 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = (spare[i] = malloc(sizeof(**spare))) != NULL;
	if (ok) {
		for (size_t i = 0; i < n; i++) {
			struct restrict_rule r;

			interface_rule(&r, &own[i]);
			mark_interface(l, &r, &spare[i]);
		}
		delete_unmarked(l, &l->ip4);
		delete_unmarked(l, &l->ip6);
	}
	for (size_t i = 0; spare != NULL && i < n; i++)
		free(spare[i]);
	free(spare);
	return ok ? 0 : -1;
}

static bool
table_uses(const struct table *t, unsigned flags)
{
	for (size_t i = 0; i < t->n; i++)
		if ((t->v[i]->e.rule.flags & flags) != 0)
			return true;
	return false;
}

bool
restrict_uses(const struct restrict_list *l, unsigned flags)
{
	return (l->has_source && (l->source.flags & flags) != 0) || table_uses(&l->ip4, flags) || table_uses(&l->ip6, flags);
}

size_t
restrict_count(const struct restrict_list *l, int family)
{
	return table_view(l, family)->n;
}

const struct restrict_entry *
restrict_at(const struct restrict_list *l, int family, size_t i)
{
	return &table_view(l, family)->v[i]->e;
}

const struct restrict_flag *
restrict_flag_find(const char *name)
{
	for (size_t i = 0; i < restrict_flags_len; i++)
		if (strcasecmp(restrict_flags[i].name, name) == 0)
			return &restrict_flags[i];
	return NULL;
}
