/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists that a server shows only to holders of its control key: its interfaces and its access list. */
#include <string.h>

#include "listings.h"
#include "ordered.h"
#include "strb.h"

#define RULE_CLASSIC	78
#define RULE_RESLIST	72	/* NTPsec's rules are shorter, and that of ifstats stands one column in */
#define RULE_IFSTATS	74

const struct json_field ifstat_fields[] = {
	{ "index", JSON_LONG, offsetof(struct ifstat_row, index) }, { "name", JSON_TEXT, offsetof(struct ifstat_row, name) },
	{ "address", JSON_TEXT, offsetof(struct ifstat_row, addr) }, { "broadcast", JSON_TEXT, offsetof(struct ifstat_row, bcast) },
	{ "enabled", JSON_LONG, offsetof(struct ifstat_row, enabled) }, { "flags", JSON_LONG, offsetof(struct ifstat_row, flags) },
	{ "ttl", JSON_LONG, offsetof(struct ifstat_row, ttl) }, { "multicast", JSON_LONG, offsetof(struct ifstat_row, mcast) },
	{ "received", JSON_LONG, offsetof(struct ifstat_row, received) }, { "sent", JSON_LONG, offsetof(struct ifstat_row, sent) },
	{ "send_failed", JSON_LONG, offsetof(struct ifstat_row, failed) }, { "peers", JSON_LONG, offsetof(struct ifstat_row, peers) },
	{ "uptime", JSON_LONG, offsetof(struct ifstat_row, uptime) },
};

const struct json_field reslist_fields[] = {
	{ "index", JSON_LONG, offsetof(struct reslist_row, index) }, { "address", JSON_TEXT, offsetof(struct reslist_row, addr) },
	{ "mask", JSON_TEXT, offsetof(struct reslist_row, mask) }, { "prefix", JSON_LONG, offsetof(struct reslist_row, prefix) },
	{ "hits", JSON_LONG, offsetof(struct reslist_row, hits) }, { "flags", JSON_TEXT, offsetof(struct reslist_row, flags) },
};

/* Where a tag of an answer goes: fields of a row by the names of JSON's table. */
struct tag { const char *tag, *field; };

static const struct tag ifstat_tags[] = {
	{ "addr", "address" }, { "bcast", "broadcast" }, { "en", "enabled" }, { "name", "name" }, { "flags", "flags" },
	{ "tl", "ttl" }, { "mc", "multicast" }, { "rx", "received" }, { "tx", "sent" }, { "txerr", "send_failed" },
	{ "pc", "peers" }, { "up", "uptime" },
};

static const struct tag reslist_tags[] = {
	{ "addr", "address" }, { "mask", "mask" }, { "hits", "hits" }, { "flags", "flags" },
};

/* A list: how its rows are asked for, read and shown. */
struct ordered {
	const char		*command, *request;
	const struct tag	*tags;
	size_t			 ntags;
	const struct json_field	*fields;
	size_t			 nfields;
	void			(*empty)(union ordered_row *row, long index);
	void			(*put_head)(FILE *out, enum layout layout);
	void			(*put)(FILE *out, enum layout layout, const union ordered_row *row);
};

/* Sets a field from a value; texts are cut to the room there is and made visible. */
static void
set_field(const struct json_field *f, union ordered_row *row, const struct varval *v)
{
	char *at = (char *)row + f->offset;
	struct strb text;
	unsigned long u;
	long l;

	if (f->kind == JSON_TEXT) {
		text = strb_init(at, ORDERED_TEXT_MAX);
		strb_visible(&text, v->s, v->len);
	} else if (varval_uint(v, &u) && u <= LONG_MAX) {
		l = (long)u;
		memcpy(at, &l, sizeof(l));
	}
}

static void
take_tag(const struct ordered *o, union ordered_row *row, const char *tag, size_t len, const struct varval *v)
{
	for (size_t i = 0; i < o->ntags; i++) {
		if (strlen(o->tags[i].tag) != len || memcmp(o->tags[i].tag, tag, len) != 0)
			continue;
		for (size_t k = 0; k < o->nfields; k++) {
			if (strcmp(o->fields[k].name, o->tags[i].field) == 0)
				set_field(&o->fields[k], row, v);
		}
	}
}

static void
ifstat_empty(union ordered_row *row, long index)
{
	row->ifstat = (struct ifstat_row){
		.index = index, .enabled = JSON_UNKNOWN, .flags = JSON_UNKNOWN, .ttl = JSON_UNKNOWN, .mcast = JSON_UNKNOWN,
		.received = JSON_UNKNOWN, .sent = JSON_UNKNOWN, .failed = JSON_UNKNOWN, .peers = JSON_UNKNOWN, .uptime = JSON_UNKNOWN,
	};
}

static void
reslist_empty(union ordered_row *row, long index)
{
	row->reslist = (struct reslist_row){ .index = index, .prefix = JSON_UNKNOWN, .hits = JSON_UNKNOWN };
}

static void
put_rule(FILE *out, int width)
{
	while (width-- > 0)
		putc('=', out);
	putc('\n', out);
}

static void
ifstat_head(FILE *out, enum layout layout)
{
	if (layout == LAYOUT_CLASSIC) {
		fputs("    interface name                                        send\n"
		    " #  address/broadcast     drop flag ttl mc received sent failed peers   uptime\n", out);
		put_rule(out, RULE_CLASSIC);
		return;
	}
	fputs("    interface name                                  send\n"
	    " #  address/broadcast     drop flag received sent failed peers   uptime\n ", out);
	put_rule(out, RULE_IFSTATS);
}

/* A number in its column; "?" if it did not come. */
static void
put_number(FILE *out, int width, const char *hex, long n)
{
	if (n == JSON_UNKNOWN)
		fprintf(out, " %*s", width, "?");
	else if (hex != NULL)
		fprintf(out, " %*lx", width, (unsigned long)n);
	else
		fprintf(out, " %*ld", width, n);
}

static void
ifstat_put(FILE *out, enum layout layout, const union ordered_row *row)
{
	const struct ifstat_row *r = &row->ifstat;

	fprintf(out, "%3ld %-24.24s %c", r->index, r->name, r->enabled == JSON_UNKNOWN ? '?' : r->enabled ? '.' : 'D');
	put_number(out, 4, "x", r->flags);
	if (layout == LAYOUT_CLASSIC) {
		put_number(out, 3, NULL, r->ttl);
		put_number(out, 2, NULL, r->mcast);
	}
	put_number(out, 6, NULL, r->received);
	put_number(out, 6, NULL, r->sent);
	put_number(out, 6, NULL, r->failed);
	put_number(out, 5, NULL, r->peers);
	put_number(out, 8, NULL, r->uptime);
	fprintf(out, "\n    %s\n", r->addr);
	if (r->bcast[0] != '\0')
		fprintf(out, "    %s\n", r->bcast);
}

static void
reslist_head(FILE *out, enum layout layout)
{
	fputs("   hits    addr/prefix or addr mask\n           restrictions\n", out);
	put_rule(out, layout == LAYOUT_CLASSIC ? RULE_CLASSIC : RULE_RESLIST);
}

/* Leading ones of a mask; JSON_UNKNOWN if there are others behind. */
static long
prefix_of(const char *text)
{
	struct varval v = { .s = text, .len = strlen(text) };
	struct addr mask, same;
	unsigned bits = 0;

	if (!varval_addr(&v, &mask))
		return JSON_UNKNOWN;
	while (bits < 8 * addr_len(&mask) && (mask.ip[bits / 8] & 0x80 >> bits % 8) != 0)
		bits++;
	addr_mask_bits(&same, mask.family, bits);
	return addr_same_host(&same, &mask) ? (long)bits : JSON_UNKNOWN;
}

static void
reslist_put(FILE *out, enum layout layout, const union ordered_row *row)
{
	const struct reslist_row *r = &row->reslist;

	(void)layout;
	if (r->hits == JSON_UNKNOWN)
		fprintf(out, "%10s", "?");
	else
		fprintf(out, "%10ld", r->hits);
	if (r->prefix != JSON_UNKNOWN)
		fprintf(out, " %s/%ld\n", r->addr, r->prefix);
	else
		fprintf(out, " %s %s\n", r->addr, r->mask);
	fprintf(out, "%11s%s\n", "", r->flags);
}

static const struct ordered lists[] = {
	{ "ifstats", "ifstats", ifstat_tags, NELEMS(ifstat_tags), ifstat_fields, NELEMS(ifstat_fields), ifstat_empty, ifstat_head, ifstat_put },
	{ "reslist", "addr_restrictions", reslist_tags, NELEMS(reslist_tags), reslist_fields, NELEMS(reslist_fields), reslist_empty,
	    reslist_head, reslist_put },
};

static const struct ordered *
find_list(const char *command)
{
	for (size_t i = 0; i < NELEMS(lists); i++) {
		if (strcmp(lists[i].command, command) == 0)
			return &lists[i];
	}
	return NULL;
}

static void
put_row(FILE *out, const struct ordered *o, enum layout layout, struct json *j, union ordered_row *row)
{
	if (o->tags == reslist_tags)
		row->reslist.prefix = prefix_of(row->reslist.mask);
	if (j != NULL)
		json_row(j, o->fields, o->nfields, row);
	else
		o->put(out, layout, row);
}

/* Each change of index begins a row. */
static void
put_rows(FILE *out, const struct ordered *o, enum layout layout, struct json *j, const struct vars *v)
{
	const char *p = v->text, *end = v->text + v->len;
	struct control_item item;
	union ordered_row row;
	bool begun = false;
	long at = 0;

	while (control_next(&p, end, &item) == LIST_ITEM) {
		struct varval value = { .s = item.value, .len = item.value_len };
		unsigned long index;
		size_t len;

		if (item.value == NULL || !vars_indexed(item.name, item.name_len, &len, &index))
			continue;
		if (begun && (long)index != at)
			put_row(out, o, layout, j, &row);
		if (!begun || (long)index != at)
			o->empty(&row, (long)index);
		begun = true;
		at = (long)index;
		take_tag(o, &row, item.name, len, &value);
	}
	if (begun)
		put_row(out, o, layout, j, &row);
}

void
ordered_put(FILE *out, const char *command, enum layout layout, const struct vars *v)
{
	const struct ordered *o = find_list(command);

	if (o == NULL)
		return;
	o->put_head(out, layout);
	put_rows(out, o, layout, NULL, v);
}

bool
list_ordered(struct session *s, const char *command)
{
	const struct ordered *o = find_list(command);
	struct json j;
	struct vars v;

	if (o == NULL || !session_ask(s, CONTROL_READ_ORDLIST, 0, o->request))
		return false;
	v = session_answer(s);
	if (s->json) {
		json_begin(&j, s->out, command, s->host);
		put_rows(s->out, o, s->layout, &j, &v);
		json_end(&j);
	} else if (s->raw) {
		put_raw(s->out, &v);
	} else {
		ordered_put(s->out, command, s->layout, &v);
	}
	return true;
}
