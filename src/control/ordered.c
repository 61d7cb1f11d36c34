/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordered lists: our sockets (ifstats) and the restrict list (reslist), one row of "name.index=value" items each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "talk.h"

#define TAG_MAX		32	/* octets of "name.index" */

/* What a client keeps of one answer, with every datagram cut short by the longest item there is. */
#define ITEM_MAX	200
#define LIST_MAX	(CONTROL_FRAGMENTS_MAX * (CONTROL_DATA_MAX - ITEM_MAX))

/* Interface flags as ntpd shows them. */
#define FLAG_UP		0x001u
#define FLAG_LOOPBACK	0x004u
#define FLAG_WILDCARD	0x080u

/* Adds one row; index counts from 0 in each answer. */
typedef void put_row(struct text *t, size_t index, const struct control_view *v, const void *what);

static const char *
tag(char buf[static TAG_MAX], const char *name, size_t index)
{
	snprintf(buf, TAG_MAX, "%s.%zu", name, index);
	return buf;
}

static void
put_number(struct text *t, const char *name, size_t index, uint64_t value)
{
	char buf[TAG_MAX];

	text_item(t, tag(buf, name, index), "%" PRIu64, value);
}

static void
put_string(struct text *t, const char *name, size_t index, const char *s)
{
	char buf[TAG_MAX];

	text_open(t, tag(buf, name, index));
	text_quote(t, s, ITEM_MAX);
	text_close(t);
}

/* Associations whose requests leave from that address; they have sockets of their own, which show nowhere. */
static size_t
associations_at(const struct control_view *v, const struct addr *a)
{
	size_t n = 0;

	for (size_t i = 0; i < v->nassocs; i++)
		n += v->assocs[i]->local.family == a->family && addr_same_host(&v->assocs[i]->local, a);
	return n;
}

static void
put_socket(struct text *t, size_t i, const struct control_view *v, const void *what)
{
	const struct listener_socket *s = what;
	unsigned flags = FLAG_UP | (addr_is_any(&s->addr) ? FLAG_WILDCARD : 0) | (addr_is_loopback(&s->addr) ? FLAG_LOOPBACK : 0);
	char buf[TAG_MAX], addr[ADDR_STR_MAX];
	double up = monotime_diff(v->now.mono, s->since);

	/* Without quotes, and with every one of these, as the ntpq of 4.2.8 wants it, which leaves out rows that lack any. */
	text_item(t, tag(buf, "addr", i), "%s", addr_port_str(&s->addr, addr, sizeof(addr)));
	text_bare(t, tag(buf, "bcast", i));
	put_number(t, "en", i, !s->drop);
	put_string(t, "name", i, s->name);
	text_item(t, tag(buf, "flags", i), "0x%x", flags);
	put_number(t, "tl", i, 0);
	put_number(t, "mc", i, 0);
	put_number(t, "rx", i, s->received);
	put_number(t, "tx", i, s->sent);
	put_number(t, "txerr", i, s->sendfailed);
	put_number(t, "pc", i, associations_at(v, &s->addr));
	put_number(t, "up", i, up > 0 ? (uint64_t)up : 0);
}

/* First what packets an entry is for, then what is forbidden, and what is not. */
static void
put_flags(struct text *t, size_t i, const struct restrict_rule *r)
{
	const char *sep = "";
	char buf[TAG_MAX];

	text_open(t, tag(buf, "flags", i));
	for (unsigned k = 0; k < 3; k++) {
		static const char *const words[] = { "ntpport", "interface", "source" };
		const bool on[] = { r->ntpport, r->interface, r->source };

		if (on[k])
			text_add(t, "%s%s", sep, words[k]);
		if (on[k])
			sep = " ";
	}
	for (size_t k = 0; k < restrict_flags_len; k++) {
		const struct restrict_flag *f = &restrict_flags[k];
		const char *word = f->word != RESTRICT_SETS ? NULL : (r->flags & f->bit) != 0 ? f->name : f->absent;

		if (word != NULL)
			text_add(t, "%s%s", sep, word);
		if (word != NULL)
			sep = " ";
	}
	text_close(t);
}

static void
put_entry(struct text *t, size_t i, const struct control_view *v, const void *what)
{
	const struct restrict_entry *e = what;
	char buf[TAG_MAX], addr[ADDR_STR_MAX];

	(void)v;
	text_item(t, tag(buf, "addr", i), "%s", addr_str(&e->rule.addr, addr, sizeof(addr)));
	text_item(t, tag(buf, "mask", i), "%s", addr_str(&e->rule.mask, addr, sizeof(addr)));
	put_number(t, "hits", i, e->hits);
	put_flags(t, i, &e->rule);
}

/* A row is there whole or not at all; false once one does not fit. */
static bool
row_fits(struct talk *k, size_t index, const void *what, put_row *put)
{
	struct text mark = k->out;

	put(&k->out, index, k->v, what);
	if (!k->out.full)
		return true;
	k->out = mark;
	return false;
}

static void
put_sockets(struct talk *k)
{
	for (size_t i = 0; i < k->v->nsockets; i++) {
		if (!row_fits(k, i, &k->v->sockets[i], put_socket))
			return;
	}
}

/* The defaults first, as ntpd has it; the most specific entries of each family last. */
static void
put_restricts(struct talk *k)
{
	size_t row = 0;

	for (int family = 4; family <= 6 && k->v->restricts != NULL; family += 2) {
		for (size_t i = restrict_count(k->v->restricts, family); i > 0; i--) {
			if (!row_fits(k, row++, restrict_at(k->v->restricts, family, i - 1), put_entry))
				return;
		}
	}
}

int
read_ordered(struct talk *k)
{
	static const char interfaces[] = "ifstats", restricts[] = "addr_restrictions";
	size_t len = strnlen(k->data, k->head.count);

	k->out.cap = LIST_MAX + 1;
	if (len == 0 || (len == sizeof(interfaces) - 1 && memcmp(k->data, interfaces, len) == 0))
		put_sockets(k);
	else if (len == sizeof(restricts) - 1 && memcmp(k->data, restricts, len) == 0)
		put_restricts(k);
	else
		return CERR_UNKNOWNVAR;
	text_end(&k->out);
	return NO_ERROR;
}
