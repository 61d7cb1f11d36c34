/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows variables in ntpq's way: one table says how each name is to be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cook.h"
#include "strb.h"
#include "words.h"
#include "wire/control.h"

#define STAGES		8	/* of a clock filter */
#define ARRAY_BEGIN	11	/* columns that name and padding take together */

static const struct { const char *name; enum cook how; } cooks[] = {
	{ "leap", COOK_LEAP }, { "reach", COOK_OCTAL }, { "flash", COOK_FLASH }, { "refid", COOK_REFID },
	{ "srcadr", COOK_HOST }, { "dstadr", COOK_ADDR },
	{ "reftime", COOK_TIME }, { "clock", COOK_TIME }, { "org", COOK_TIME }, { "rec", COOK_TIME }, { "xmt", COOK_TIME },
	{ "offset", COOK_SIGNED }, { "frequency", COOK_SIGNED },
	{ "filtdelay", COOK_ARRAY }, { "filtdisp", COOK_ARRAY }, { "filtoffset", COOK_SIGNED_ARRAY },
	{ "kstflags", COOK_KERNEL },
	{ "stratum", COOK_UINT }, { "peer", COOK_UINT }, { "tc", COOK_UINT }, { "mintc", COOK_UINT }, { "tai", COOK_UINT },
	{ "srcport", COOK_UINT }, { "dstport", COOK_UINT }, { "hmode", COOK_UINT }, { "pmode", COOK_UINT },
	{ "hpoll", COOK_UINT }, { "ppoll", COOK_UINT }, { "unreach", COOK_UINT }, { "headway", COOK_UINT },
	{ "keyid", COOK_UINT }, { "ttl", COOK_UINT }, { "precision", COOK_INT },
	{ "rootdelay", COOK_REAL }, { "rootdisp", COOK_REAL }, { "rootdist", COOK_REAL }, { "sys_jitter", COOK_REAL },
	{ "clk_jitter", COOK_REAL }, { "clk_wander", COOK_REAL }, { "delay", COOK_REAL }, { "dispersion", COOK_REAL },
	{ "jitter", COOK_REAL }, { "xleave", COOK_REAL }, { "bias", COOK_REAL },
};

enum cook
cook_of(const char *name, size_t len)
{
	for (size_t i = 0; i < NELEMS(cooks); i++) {
		if (strlen(cooks[i].name) == len && memcmp(cooks[i].name, name, len) == 0)
			return cooks[i].how;
	}
	return COOK_AS_SENT;
}

static bool
cook_array(const struct varval *v, bool sign, struct strb *t)
{
	const char *p = v->s, *end = v->s + v->len;
	int n = 0;

	/* Whatever comes behind the eighth, as from ntpsec 1.2.2, belongs to no stage. */
	while (p < end && n < STAGES) {
		struct varval item = { .s = p };
		char number[32];
		double d;

		while (p < end && *p != ' ')
			p++;
		item.len = (size_t)(p - item.s);
		while (p < end && *p == ' ')
			p++;
		if (!varval_real(&item, &d))
			return false;
		if (d > -0.005 && d < 0)
			d = 0;	/* no sign of what is not shown */
		/* Not wider than its column: dispersions of empty stages have five digits, a wild offset more. */
		if (snprintf(number, sizeof(number), sign ? "%+.2f" : "%.2f", d) > 7)
			words_ms(d, 7, sign, number, sizeof(number));
		strb_add(t, "%s%7s", n++ > 0 ? " " : "", number);
	}
	return n > 0;
}

static bool
cook_number(enum cook how, const struct varval *v, struct strb *t)
{
	unsigned long u;
	double d;
	long i;

	switch (how) {
	case COOK_UINT:
		if (!varval_uint(v, &u))
			return false;
		break;
	case COOK_INT:
		if (!varval_int(v, &i))
			return false;
		break;
	default:
		if (!varval_real(v, &d))
			return false;
		if (how == COOK_SIGNED && v->s[0] != '-' && v->s[0] != '+')
			strb_add(t, "+");
		break;
	}
	/* The server's own digits: it knows how many of them mean something. */
	strb_add(t, "%.*s", (int)v->len, v->s);
	return true;
}

static bool
cook_bits(enum cook how, const struct varval *v, struct strb *t)
{
	char words[300];
	unsigned long u;

	if (!varval_uint(v, &u))
		return false;
	switch (how) {
	case COOK_LEAP:
		if (u > 3)
			return false;
		strb_add(t, "%lu%lu", u >> 1, u & 1);
		return true;
	case COOK_OCTAL:
		strb_add(t, "%03lo", u);
		return true;
	case COOK_FLASH:
		strb_add(t, "%02lx %s", u, words_flash(u, words, sizeof(words)));
		return true;
	case COOK_KERNEL:
		strb_add(t, "%s", words_kernel(u, words, sizeof(words)));
		return true;
	default:
		strb_add(t, "%s", words_mode(u));
		return true;
	}
}

static bool
cook_address(const struct cook_view *view, enum cook how, const struct varval *v, struct strb *t)
{
	struct addr a;
	char buf[COOKED_MAX];

	if (!varval_addr(v, &a))
		return false;
	if (how == COOK_REFID)
		strb_add(t, "%s", words_refaddr(&a, buf, sizeof(buf)));
	else if (how == COOK_HOST && view->host_name != NULL)
		strb_add(t, "%s", view->host_name(&a, buf, sizeof(buf)));
	else
		strb_add(t, "%s", addr_str(&a, buf, sizeof(buf)));
	return true;
}

static bool
cook_well(const struct cook_view *view, enum cook how, const struct varval *v, struct strb *t)
{
	struct ntptime time;
	char buf[80];

	switch (how) {
	case COOK_AS_SENT:
		break;
	case COOK_UINT: case COOK_INT: case COOK_REAL: case COOK_SIGNED:
		return cook_number(how, v, t);
	case COOK_KERNEL:
		/* The classic daemon sends the words itself. */
		if (cook_bits(how, v, t))
			return true;
		break;
	case COOK_LEAP: case COOK_OCTAL: case COOK_FLASH: case COOK_MODE:
		return cook_bits(how, v, t);
	case COOK_TIME:
		if (!varval_time(v, &time))
			return false;
		strb_add(t, "%s", words_time(time, view->now, buf, sizeof(buf)));
		return true;
	case COOK_REFID:
		/* What is no address is text, of up to four characters. */
		if (cook_address(view, how, v, t))
			return true;
		break;
	case COOK_HOST: case COOK_ADDR:
		return cook_address(view, how, v, t);
	case COOK_ARRAY: case COOK_SIGNED_ARRAY:
		return cook_array(v, how == COOK_SIGNED_ARRAY, t);
	}
	strb_visible(t, v->s, v->len);
	return true;
}

const char *
cook(const struct cook_view *view, enum cook how, const struct varval *v, char buf[static COOKED_MAX])
{
	struct strb t = strb_init(buf, COOKED_MAX);

	if (!cook_well(view, how, v, &t)) {
		/* Room for the mark, whatever the value. */
		t = strb_init(buf, COOKED_MAX - 1);
		strb_visible(&t, v->s, v->len);
		t.cap = COOKED_MAX;
		strb_add(&t, "?");
	}
	return buf;
}

/* Octets that stand for a value as it is sent, with its quotes. */
static struct varval
with_quotes(const struct varval *v)
{
	return v->quoted ? (struct varval){ .s = v->s - 1, .len = v->len + 2 } : *v;
}

/* Writes one "name=value". */
static void
put_item(FILE *out, const struct cook_view *view, const struct control_item *item)
{
	struct varval v = { .s = item->value, .len = item->value_len, .quoted = item->value != NULL && item->value[-1] == '"' };
	enum cook how = v.quoted ? COOK_AS_SENT : cook_of(item->name, item->name_len);
	char cooked[COOKED_MAX];
	int pad = 0;

	put_visible(out, item->name, item->name_len);
	if (item->value == NULL)
		return;
	if (how == COOK_AS_SENT) {
		/* Straight through, as there is no limit to how long it may be. */
		v = with_quotes(&v);
		putc('=', out);
		put_visible(out, v.s, v.len);
		return;
	}
	if ((how == COOK_ARRAY || how == COOK_SIGNED_ARRAY) && item->name_len < ARRAY_BEGIN)
		pad = (int)(ARRAY_BEGIN - item->name_len);
	fprintf(out, "=%*s%s", pad, "", cook(view, how, &v, cooked));
}

/* The same as an allocated string of *len octets; NULL without memory. */
static char *
item_string(const struct cook_view *view, const struct control_item *item, size_t *len)
{
	char *s = NULL;
	FILE *f = open_memstream(&s, len);

	if (f == NULL)
		return NULL;
	if (view->layout == LAYOUT_NTPSEC && (item->value == NULL || item->value[-1] != '"'))
		cook_item_ntpsec(f, view, item);
	else
		put_item(f, view, item);
	if (fclose(f) != 0) {
		free(s);
		return NULL;
	}
	return s;
}

void
cook_list(FILE *out, const struct cook_view *view, const struct vars *v, size_t width)
{
	const char *p = v->text, *end = v->text + v->len;
	struct control_item item;
	size_t column = 0, len = 0;
	bool first = true;

	while (control_next(&p, end, &item) == LIST_ITEM) {
		char *s = item_string(view, &item, &len);

		if (s == NULL)
			break;
		if (!first && column + len + 2 > width) {
			fputs(",\n", out);
			column = 0;
		} else if (!first) {
			fputs(", ", out);
			column += 2;
		}
		fputs(s, out);
		free(s);
		column += len;
		first = false;
	}
	putc('\n', out);
}
