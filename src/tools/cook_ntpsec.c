/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows variables in the way of NTPsec's ntpq. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cook.h"
#include "strb.h"
#include "units.h"
#include "words.h"
#include "wire/control.h"

#define ARRAY_NAME	10	/* columns of the name of an array */
#define STAGES		8	/* of a clock filter */
#define STAGE_WIDTH	7

static bool
put_flash(const struct varval *v, struct strb *t)
{
	char words[300];
	unsigned long u;

	if (!varval_uint(v, &u))
		return false;
	strb_add(t, "%02lx ", u);
	/* Names stand apart by blanks alone. */
	for (const char *p = words_flash(u, words, sizeof(words)); *p != '\0'; p++) {
		if (*p != ',')
			strb_add(t, "%c", *p);
	}
	return true;
}

/* Stages of an array, apart by tabs; with units in columns, all in the same unit. */
static void
put_array(const struct cook_view *view, const struct varval *v, struct strb *t)
{
	const char *p = v->s, *end = v->s + v->len;
	double stages[STAGES], largest = 0;
	size_t n = 0;
	int moved;

	while (p < end && n < STAGES) {
		struct varval item = { .s = p };

		while (p < end && *p != ' ')
			p++;
		item.len = (size_t)(p - item.s);
		while (p < end && *p == ' ')
			p++;
		if (item.len == 0)
			continue;
		if (!view->units || !varval_real(&item, &stages[n]))
			stages[n] = (double)NAN;
		if (!view->units) {
			strb_add(t, "%s", n > 0 ? "\t" : "");
			strb_visible(t, item.s, item.len);
		}
		largest = fmax(largest, fabs(stages[n]));
		n++;
	}
	if (!view->units)
		return;
	moved = largest >= 1000;
	for (size_t i = 0; i < n; i++) {
		char number[UNITS_MAX];

		snprintf(number, sizeof(number), "%.*f", moved ? 5 : 2, moved ? stages[i] * 1e-3 : stages[i]);
		strb_add(t, " %*.*s", STAGE_WIDTH, STAGE_WIDTH, number);
	}
	strb_add(t, " %s", moved ? "s" : "ms");
}

/* Numbers lose the zeros they do not need, or get a unit. */
static void
put_number(const struct cook_view *view, const char *name, size_t len, const struct varval *v, struct strb *t)
{
	char buf[UNITS_MAX];
	unsigned long u;
	double d;

	if (view->units && units_of(name, len) != UNIT_NONE)
		strb_add(t, "%s", units_put(v, units_of(name, len), view->width, buf));
	else if (varval_uint(v, &u))
		strb_add(t, "%lu", u);
	else if (varval_real(v, &d) && memchr(v->s, '.', v->len) != NULL)
		strb_add(t, "%s", units_shortest(d, buf));
	else
		strb_visible(t, v->s, v->len);
}

const char *
cook_ntpsec(const struct cook_view *view, const char *name, size_t len, const struct varval *v, char buf[static COOKED_MAX])
{
	struct strb t = strb_init(buf, COOKED_MAX);
	enum cook how = cook_of(name, len);
	struct ntptime time;
	char text[UNITS_MAX];

	switch (how) {
	case COOK_LEAP: case COOK_OCTAL:
		return cook(view, how, v, buf);
	case COOK_TIME:
		if (varval_time(v, &time))
			strb_add(&t, "%s", words_time_iso(time, view->now, text, sizeof(text)));
		else
			return cook(view, how, v, buf);
		break;
	case COOK_FLASH:
		if (!put_flash(v, &t))
			return cook(view, how, v, buf);
		break;
	case COOK_ARRAY: case COOK_SIGNED_ARRAY:
		put_array(view, v, &t);
		break;
	case COOK_REFID: case COOK_HOST: case COOK_ADDR:
		strb_visible(&t, v->s, v->len);
		break;
	default:
		put_number(view, name, len, v, &t);
		break;
	}
	return buf;
}

void
cook_item_ntpsec(FILE *out, const struct cook_view *view, const struct control_item *item)
{
	struct varval v = { .s = item->value, .len = item->value_len };
	enum cook how = cook_of(item->name, item->name_len);
	char cooked[COOKED_MAX];

	if (how == COOK_ARRAY || how == COOK_SIGNED_ARRAY) {
		fprintf(out, "%*s", item->name_len < ARRAY_NAME ? (int)(ARRAY_NAME - item->name_len) : 0, "");
		put_visible(out, item->name, item->name_len);
		fputs(" =", out);
	} else {
		put_visible(out, item->name, item->name_len);
		fputs(item->value != NULL ? "=" : "", out);
	}
	if (item->value != NULL)
		fputs(cook_ntpsec(view, item->name, item->name_len, &v, cooked), out);
}
