/* SPDX-License-Identifier: BSD-2-Clause */
/* The restrict list: the words, the rules of merging, and the entries the daemon makes itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ntp.h"
#include "restrict_table.h"

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
	{ "mssntp",		RESTRICT_SETS,	RESTRICT_MSSNTP,	true,	NULL,		"have Samba sign the replies to machines of a domain" },
	{ "flake",		RESTRICT_SETS,	RESTRICT_FLAKE,		true,	NULL,		"for tests: drop one time packet in ten" },
	{ "nomrulist",		RESTRICT_SETS,	RESTRICT_NOMRULIST,	true,	NULL,		"refuse requests for the MRU list" },
	{ "serverresponse fuzz", RESTRICT_SETS,	RESTRICT_FUZZ,		true,	NULL,		"blur the reference time in replies" },
	{ "ntpport",		RESTRICT_NTPPORT, 0,			true,	NULL,		"the entry is for source port 123 only" },
};
const size_t restrict_flags_len = NELEMS(restrict_flags);

struct restrict_list {
	struct restrict_table	ip4, ip6;
	struct restrict_rule	source;
	bool			has_source;
	uint64_t		edition;
};

static struct restrict_table *
table_of(struct restrict_list *l, int family)
{
	return family == 4 ? &l->ip4 : &l->ip6;
}

static const struct restrict_table *
table_view(const struct restrict_list *l, int family)
{
	return family == 4 ? &l->ip4 : &l->ip6;
}

const struct restrict_entry *
restrict_lookup(struct restrict_list *l, const struct addr *src)
{
	struct restrict_item *it = restrict_table_match(table_of(l, src->family), src);

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
	struct restrict_table *t = table_of(l, family);

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
	restrict_table_free(&l->ip4);
	restrict_table_free(&l->ip6);
	free(l);
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
	if (restrict_table_copy(&copy->ip4, &l->ip4) && restrict_table_copy(&copy->ip6, &l->ip6))
		return copy;
	restrict_free(copy);
	return NULL;
}

void
restrict_collect(struct restrict_list *l, struct restrict_list *copy)
{
	restrict_table_collect(&l->ip4, &copy->ip4);
	restrict_table_collect(&l->ip6, &copy->ip6);
}

void
restrict_replace(struct restrict_list *l, struct restrict_list *copy)
{
	struct restrict_list old = *l;

	restrict_collect(copy, l);
	*l = *copy;
	*copy = old;
	restrict_free(copy);
}

uint64_t
restrict_edition(const struct restrict_list *l)
{
	return l->edition;
}

/* ntpd: equal entries are OR-ed and the first ippeerlimit stays; our own defaults have not been given one by anybody. */
static void
item_merge(struct restrict_item *it, const struct restrict_rule *r)
{
	it->e.rule.flags |= r->flags;
	if (it->builtin && it->e.rule.ippeerlimit == IPPEERLIMIT_NONE)
		it->e.rule.ippeerlimit = r->ippeerlimit;
}

/* Adds or merges; returns the item, or NULL with errno. */
static struct restrict_item *
put(struct restrict_list *l, const struct restrict_rule *r)
{
	struct restrict_item probe, *it;
	struct restrict_table *t;
	bool there;
	size_t at;

	if (!restrict_item_init(&probe, r)) {
		errno = EINVAL;
		return NULL;
	}
	t = table_of(l, r->addr.family);
	at = restrict_table_place(t, &probe, &there);
	l->edition++;
	if (there) {
		item_merge(t->v[at], r);	/* NOLINT(clang-analyzer-core.*): tables hold items */
		return t->v[at];
	}
	if (restrict_table_reserve(t, 1) == -1 || (it = restrict_item_new()) == NULL)
		return NULL;
	*it = probe;
	restrict_table_insert(t, at, it);
	return it;
}

int
restrict_add(struct restrict_list *l, const struct restrict_rule *r)
{
	return put(l, r) == NULL ? -1 : 0;
}

static struct restrict_item *
find(struct restrict_list *l, const struct restrict_rule *r, size_t *at)
{
	struct restrict_item probe;
	struct restrict_table *t;
	bool there;

	if (!restrict_item_init(&probe, r))
		return NULL;
	t = table_of(l, r->addr.family);
	*at = restrict_table_place(t, &probe, &there);
	return there ? t->v[*at] : NULL;
}

bool
restrict_remove(struct restrict_list *l, const struct restrict_rule *r)
{
	size_t at;
	struct restrict_item *it = find(l, r, &at);

	if (it == NULL)
		return false;
	l->edition++;
	if (it->builtin) {
		it->e.rule.flags = 0;
		it->e.rule.ippeerlimit = IPPEERLIMIT_NONE;
	} else
		restrict_table_delete(table_of(l, r->addr.family), at);
	return true;
}

bool
restrict_clear(struct restrict_list *l, const struct restrict_rule *r)
{
	size_t at;
	struct restrict_item *it = find(l, r, &at);

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
	struct restrict_item *it;

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
		struct restrict_item *it;

		r.ntpport = i == 1;
		it = find(l, &r, &at);
		if (it == NULL)
			continue;
		if (it->refs > 1)
			it->refs--;
		else {
			restrict_table_delete(table_of(l, a->family), at);
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
mark_interface(struct restrict_list *l, const struct restrict_rule *r, struct restrict_item **spare)
{
	struct restrict_table *t = table_of(l, r->addr.family);
	size_t at = 0;
	struct restrict_item *it = find(l, r, &at);

	if (it == NULL && restrict_item_init(*spare, r)) {
		it = *spare;
		*spare = NULL;
		restrict_table_insert(t, at, it);
		l->edition++;
	}
	if (it != NULL)
		it->marked = true;
}

static void
delete_unmarked(struct restrict_list *l, struct restrict_table *t)
{
	for (size_t i = t->n; i-- > 0;) {
		if (t->v[i]->e.rule.interface && !t->v[i]->marked) {
			restrict_table_delete(t, i);
			l->edition++;
		} else
			t->v[i]->marked = false;
	}
}

int
restrict_interfaces(struct restrict_list *l, const struct addr own[], size_t n)
{
	struct restrict_item **spare = calloc(n + 1, sizeof(*spare));
	bool ok = spare != NULL && restrict_table_reserve(&l->ip4, n) == 0 && restrict_table_reserve(&l->ip6, n) == 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = (spare[i] = restrict_item_new()) != NULL;
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

bool
restrict_uses(const struct restrict_list *l, unsigned flags)
{
	return (l->has_source && (l->source.flags & flags) != 0) || restrict_table_uses(&l->ip4, flags) || restrict_table_uses(&l->ip6, flags);
}

/* In the order of ntpd's checks. */
const struct restrict_flag *
restrict_bars_reply(unsigned flags, uint8_t version, bool secured, uint32_t chance)
{
	const struct { unsigned flag; bool holds; } rows[] = {
		{ RESTRICT_IGNORE, true },
		{ RESTRICT_NOSERVE, true },
		{ RESTRICT_FLAKE, chance % RESTRICT_FLAKE_ONE_IN == 0 },
		{ RESTRICT_VERSION, version != NTP_VERSION },
		{ RESTRICT_NOTRUST, !secured },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		for (size_t k = 0; k < restrict_flags_len && (flags & rows[i].flag) != 0 && rows[i].holds; k++) {
			if (restrict_flags[k].bit == rows[i].flag)
				return &restrict_flags[k];
		}
	}
	return NULL;
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
