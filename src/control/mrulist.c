/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads requests for the MRU list and writes its rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "control/mrulist.h"

#define VALUE_MAX	80	/* of a parameter; the longest is an address with scope and port */
#define LONGEST_ITEM	78	/* octets with its separator: what cutting between items can cost a datagram */
#define END_ROOM	90	/* octets for now= and last.newest= */

/* Digits of base 10 or 16 and nothing else. */
static bool
parse_digits(const char *s, int base, uint64_t max, uint64_t *out)
{
	uint64_t v;
	char *end;

	if (*s == '\0' || strspn(s, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") != strlen(s) || strlen(s) > 16)
		return false;
	v = strtoull(s, &end, base);
	if (*end != '\0' || v > max)
		return false;
	*out = v;
	return true;
}

static bool
parse_hex_flags(const char *s, unsigned *out)
{
	uint64_t v;

	if (s[0] != '0' || (s[1] != 'x' && s[1] != 'X') || !parse_digits(s + 2, 16, 0xffff, &v))
		return false;
	*out = (unsigned)v;
	return true;
}

/* 0xSSSSSSSS.FFFFFFFF */
static bool
parse_stamp(const char *s, struct ntptime *out)
{
	char seconds[9], fraction[9];
	uint64_t hi, lo;

	if (strlen(s) != 19 || s[0] != '0' || s[1] != 'x' || s[10] != '.')
		return false;
	snprintf(seconds, sizeof(seconds), "%.8s", s + 2);
	snprintf(fraction, sizeof(fraction), "%.8s", s + 11);
	if (!parse_digits(seconds, 16, UINT32_MAX, &hi) || !parse_digits(fraction, 16, UINT32_MAX, &lo))
		return false;
	out->raw = hi << 32 | lo;
	return true;
}

/* ADDR:PORT, IPv6 in brackets. */
static bool
parse_addr_port(const char *s, struct addr *out)
{
	char host[VALUE_MAX];
	const char *colon = strrchr(s, ':');
	struct addr a;
	uint64_t port;

	if (colon == NULL || (size_t)(colon - s) >= sizeof(host))
		return false;
	memcpy(host, s, (size_t)(colon - s));
	host[colon - s] = '\0';
	if (!parse_digits(colon + 1, 10, UINT16_MAX, &port) || !addr_parse(&a, host, 0) || (a.family == 6) != (host[0] == '['))
		return false;
	a.port = (uint16_t)port;
	*out = a;
	return true;
}

/* The slot of addr.I or last.I; slots come in order, so that there are no gaps to be filled by guesses. */
static struct mrulist_known *
known_slot(struct mrulist_request *rq, const char *index)
{
	uint64_t i;

	if (!parse_digits(index, 10, MRULIST_KNOWN_MAX - 1, &i) || i > rq->nknown)
		return NULL;
	if (i == rq->nknown)
		rq->nknown++;
	return &rq->known[i];
}

static bool
take_known(struct mrulist_request *rq, const char *name, const char *value)
{
	bool is_addr = strncmp(name, "addr.", 5) == 0;
	struct mrulist_known *k = known_slot(rq, name + 5);

	if (k == NULL)
		return false;
	if (is_addr)
		return !k->have_addr && (k->have_addr = parse_addr_port(value, &k->addr));
	return !k->have_last && (k->have_last = parse_stamp(value, &k->last));
}

/* 1/s, as decimal digits and a point. */
static bool
parse_rate(const char *s, double *out)
{
	char *end;
	double d;

	if (*s == '\0' || strspn(s, "0123456789.") != strlen(s))
		return false;
	d = strtod(s, &end);
	if (*end != '\0')
		return false;
	*out = d;
	return true;
}

/* An address of ours; whatever port it is given with is the one we serve. */
static bool
parse_local(const char *s, struct addr *out)
{
	if (!addr_parse(out, s, 0) && !parse_addr_port(s, out))
		return false;
	out->port = 0;
	return true;
}

static bool
take_number(const char *value, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (!parse_digits(value, 10, max, &v) || v < min)
		return false;
	*out = v;
	return true;
}

/* One row per number a request may give. */
static const struct {
	const char	*name;
	uint64_t	 min, max;
} numbers[] = {
	{ "frags", 1, MRULIST_FRAGS_MAX },
	{ "limit", 1, UINT32_MAX },
	{ "mincount", 0, UINT32_MAX },
	{ "mindrop", 0, UINT32_MAX },
	{ "recent", 0, UINT32_MAX },
	{ "maxlstint", 0, UINT32_MAX },
	{ "minlstint", 0, UINT32_MAX },
};
enum number { N_FRAGS, N_LIMIT, N_MINCOUNT, N_MINDROP, N_RECENT, N_MAXLSTINT, N_MINLSTINT };

static void
set_number(struct mrulist_request *rq, enum number which, uint64_t v)
{
	switch (which) {
	case N_FRAGS:
		rq->frags = (unsigned)v;
		break;
	case N_LIMIT:
		rq->limit = (unsigned)v;
		break;
	case N_MINCOUNT:
		rq->mincount = v;
		break;
	case N_MINDROP:
		rq->mindrop = v;
		break;
	case N_RECENT:
		rq->recent = v;
		break;
	case N_MAXLSTINT:
		rq->maxlstint = (double)v;
		break;
	case N_MINLSTINT:
		rq->minlstint = (double)v;
		break;
	}
}

static bool
take_item(struct mrulist_request *rq, const char *name, const char *value)
{
	uint64_t v;

	if (strncmp(name, "addr.", 5) == 0 || strncmp(name, "last.", 5) == 0)
		return take_known(rq, name, value);
	if (strcmp(name, "resall") == 0)
		return parse_hex_flags(value, &rq->resall);
	if (strcmp(name, "resany") == 0)
		return parse_hex_flags(value, &rq->resany);
	if (strcmp(name, "minscore") == 0)
		return parse_rate(value, &rq->minscore);
	if (strcmp(name, "laddr") == 0)
		return parse_local(value, &rq->local);
	for (size_t i = 0; i < NELEMS(numbers); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		if (!take_number(value, numbers[i].min, numbers[i].max, &v))
			return false;
		set_number(rq, (enum number)i, v);
		return true;
	}
	return true;
}

static bool
pairs_complete(const struct mrulist_request *rq)
{
	for (unsigned i = 0; i < rq->nknown; i++) {
		if (!rq->known[i].have_addr || !rq->known[i].have_last)
			return false;
	}
	return true;
}

/* A NUL-terminated copy; false if it does not fit. */
static bool
copy(char *out, size_t cap, const char *s, size_t len)
{
	if (len >= cap || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

bool
mrulist_parse(struct mrulist_request *rq, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	char name[32], value[VALUE_MAX];
	struct control_item item;
	enum control_list got;
	bool ok = true;

	*rq = (struct mrulist_request){ .maxlstint = -1 };
	while ((got = control_next(&p, end, &item)) == LIST_ITEM) {
		if (!copy(name, sizeof(name), item.name, item.name_len)) {
			continue;	/* longer than any we know */
		} else if (item.value == NULL) {
			ok = ok && strcmp(name, "nonce") != 0 && take_item(rq, name, "");
		} else if (strcmp(name, "nonce") == 0) {
			rq->nonce = item.value;
			rq->nonce_len = item.value_len;
		} else {
			ok = ok && copy(value, sizeof(value), item.value, item.value_len) && take_item(rq, name, value);
		}
	}
	if (rq->frags == 0 && (rq->limit == 0 || rq->limit > MRULIST_LIMIT_MAX))
		return false;
	return ok && got == LIST_END && pairs_complete(rq);
}

static struct ntptime
shown_at(const struct mrulist_frame *f, struct monotime when)
{
	return walltime_to_ntp((struct walltime){ when.ns + f->ahead_ns });
}

static void
put_stamp(struct text *t, const char *name, struct ntptime when)
{
	text_item(t, name, "0x%08" PRIx32 ".%08" PRIx32, (uint32_t)(when.raw >> 32), (uint32_t)when.raw);
}

/* The entries that the reader has as they still are, in the order of the request; how many. */
static size_t
find_known(const struct mrulist_request *rq, const struct mrulist_frame *f, struct mrus_place out[static MRULIST_KNOWN_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < rq->nknown; i++) {
		const struct mrulist_known *k = &rq->known[i];

		if (mrus_find(f->mrus, &k->addr, &out[n]) && addr_equal(&out[n].e->addr, &k->addr) && shown_at(f, out[n].e->last).raw == k->last.raw)
			n++;
	}
	return n;
}

/* Claims in another order than "newest first" only cost the reader entries, or us a search. */
static void
begin(struct mrus_walk *w, const struct mrulist_request *rq, const struct mrulist_frame *f, const struct mrus_place known[], size_t nknown)
{
	if (nknown > 0)
		mrus_after(w, f->mrus, known, nknown);
	else if (rq->recent > 0)
		mrus_recent(w, f->mrus, rq->recent);
	else
		mrus_oldest(w, f->mrus);
}

static bool
passes(const struct mrulist_request *rq, const struct mrulist_frame *f, const struct mrus_place *p)
{
	const struct mru_entry *e = p->e;
	const struct addr *local = mru_local(f->mrus->list[p->list], e);
	double age = monotime_diff(f->now, e->last);

	return e->count >= rq->mincount && e->dropped >= rq->mindrop && (e->flags & rq->resall) == rq->resall
	    && (rq->resany == 0 || (e->flags & rq->resany) != 0) && (rq->maxlstint < 0 || age <= rq->maxlstint) && age >= rq->minlstint
	    && (double)e->score >= rq->minscore && (rq->local.family == 0 || (local != NULL && addr_same_host(local, &rq->local)));
}

static void
put_row(struct text *t, unsigned i, const struct mru_entry *e, const struct mrulist_frame *f)
{
	char name[24], addr[ADDR_STR_MAX];

	snprintf(name, sizeof(name), "addr.%u", i);
	text_item(t, name, "%s", addr_port_str(&e->addr, addr, sizeof(addr)));
	snprintf(name, sizeof(name), "last.%u", i);
	put_stamp(t, name, shown_at(f, e->last));
	snprintf(name, sizeof(name), "first.%u", i);
	put_stamp(t, name, shown_at(f, e->first));
	snprintf(name, sizeof(name), "ct.%u", i);
	text_item(t, name, "%" PRIu64, e->count);
	snprintf(name, sizeof(name), "mv.%u", i);
	text_item(t, name, "%u", (unsigned)e->version << 3 | e->mode);
	snprintf(name, sizeof(name), "rs.%u", i);
	text_item(t, name, "0x%x", e->flags);
	snprintf(name, sizeof(name), "dr.%u", i);
	text_item(t, name, "%" PRIu32, e->dropped);
	snprintf(name, sizeof(name), "sc.%u", i);
	text_item(t, name, "%.3f", (double)e->score);
}

/* Octets that fit in so many datagrams even if every one of them is cut short by an item. */
static size_t
capacity(unsigned frags)
{
	unsigned n = frags > 0 ? frags : MRULIST_FRAGS_MAX;

	return CONTROL_DATA_MAX + (n - 1) * (size_t)(CONTROL_DATA_MAX - LONGEST_ITEM);
}

/* One row if the entry passes; false if there is no room for it. */
static bool
put_entry(struct text *t, const struct mrulist_request *rq, const struct mrulist_frame *f, const struct mrus_place *p, unsigned *rows)
{
	size_t cap = capacity(rq->frags) - END_ROOM;
	struct text mark = *t;

	if (!passes(rq, f, p))
		return true;
	put_row(t, *rows, p->e, f);
	if (t->len > cap || t->full) {
		*t = mark;
		return false;
	}
	++*rows;
	return true;
}

/* Rows of the walk, before them that one if it is not NULL; returns the last one shown, and whether all there is has been looked at. */
static const struct mru_entry *
put_rows(struct text *t, const struct mrulist_request *rq, const struct mrulist_frame *f, struct mrus_walk *w, const struct mrus_place *first, bool *done)
{
	const struct mru_entry *last = NULL;
	unsigned limit = rq->limit > 0 ? rq->limit : UINT32_MAX, rows = 0, before;
	struct mrus_place at = first != NULL ? *first : (struct mrus_place){ 0 };

	*done = false;
	for (bool walked = first == NULL; rows < limit; walked = true) {
		if (walked && !mrus_peek_place(w, &at))
			break;
		before = rows;
		if (!put_entry(t, rq, f, &at, &rows))
			return last;
		if (walked)
			mrus_step(w);
		if (rows > before)
			last = at.e;
	}
	*done = mrus_peek(w) == NULL;
	return last;
}

bool
mrulist_put(struct text *t, const struct mrulist_request *rq, const struct mrulist_frame *f)
{
	struct mrus_place known[MRULIST_KNOWN_MAX];
	size_t nknown = find_known(rq, f, known);
	const struct mrus_place *first = NULL;
	const struct mru_entry *last;
	struct mrus_walk w;
	char addr[ADDR_STR_MAX];
	bool done;

	if (rq->nknown > 0 && nknown == 0)
		return false;
	begin(&w, rq, f, known, nknown);
	if (nknown > 0) {
		put_stamp(t, "last.older", shown_at(f, known[0].e->last));
		text_item(t, "addr.older", "%s", addr_port_str(&known[0].e->addr, addr, sizeof(addr)));
		if (rq->limit == 1)
			first = &known[0];
	}
	text_item(t, "nonce", "%s", f->nonce);
	last = put_rows(t, rq, f, &w, first, &done);
	if (done) {
		put_stamp(t, "now", shown_at(f, f->now));
		if (last != NULL)
			put_stamp(t, "last.newest", shown_at(f, last->last));
	}
	text_end(t);
	return true;
}
