/* SPDX-License-Identifier: BSD-2-Clause */
/* Options: a word, perhaps a value, checked and stored as the row of its table says. */
#include <string.h>

#include "config/value.h"
#include "reader.h"

const struct option *
option_find(const struct option *t, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(t[i].name, name) == 0)
			return &t[i];
	return NULL;
}

void
option_standing(struct reader *r, const struct option *o, unsigned column)
{
	if (o->standing == NOT_YET)
		reader_warn(r, column, "'%s' of '%s' has no effect yet (%s)", o->name, r->row->name, o->prose);
	else if (o->standing == RELIC)
		reader_warn(r, column, "'%s' of '%s' has no effect (%s)", o->name, r->row->name, o->prose);
}

static void
store_int(const struct option *o, char *field, int64_t v)
{
	switch (o->type) {
	case OPT_BOOL:
		*(bool *)field = v != 0;
		break;
	case OPT_INT:
		*(int *)(void *)field = (int)v;
		break;
	case OPT_UINT:
		*(unsigned *)(void *)field = (unsigned)v;
		break;
	case OPT_INT8:
		*(int8_t *)field = (int8_t)v;
		break;
	case OPT_UINT8:
		*(uint8_t *)field = (uint8_t)v;
		break;
	case OPT_UINT32:
		*(uint32_t *)(void *)field = (uint32_t)v;
		break;
	default:
		*(int64_t *)(void *)field = v;
		break;
	}
}

/* Brings a value that parsed into the option's range, with a warning. */
static double
clamped(struct reader *r, const struct option *o, double v)
{
	double bound = v < o->min ? o->min : v > o->max ? o->max : v;

	if (v < o->min || v > o->max)
		reader_warn(r, r->tok.column, "'%s' %.40s is out of range (%.15g to %.15g): %.15g is used", o->name, r->tok.text, o->min,
		    o->max, bound);
	return bound;
}

static bool
apply_bool(struct reader *r, const struct option *o, char *field)
{
	int64_t v = 0;

	if (strcmp(r->tok.text, "true") == 0) {
		v = 1;
	} else if (!reader_token_int(r, o->name, INT32_MIN, INT32_MAX, &v)) {
		return false;
	} else if (v != 0 && v != 1) {
		reader_warn(r, r->tok.column, "'%s' is 0 or 1: %.40s counts as 1", o->name, r->tok.text);
	}
	if (field != NULL)
		store_int(o, field, v);
	return true;
}

static bool
apply_int(struct reader *r, const struct option *o, char *field)
{
	int64_t v = 0, min = (int64_t)o->min, max = (int64_t)o->max;

	if ((o->flags & OPTION_CLAMP) != 0) {
		if (!reader_token_int(r, o->name, INT32_MIN, INT32_MAX, &v))
			return false;
		v = (int64_t)clamped(r, o, (double)v);
	} else if (!reader_token_int(r, o->name, min, max, &v)) {
		return false;
	}
	if (field != NULL)
		store_int(o, field, v);
	return true;
}

static bool
apply_double(struct reader *r, const struct option *o, char *base)
{
	double v = 0, scale = o->scale != 0 ? o->scale : 1;

	if ((o->flags & OPTION_CLAMP) != 0) {
		if (!reader_token_double(r, o->name, -1e12, 1e12, &v))
			return false;
		v = clamped(r, o, v);
	} else if (!reader_token_double(r, o->name, o->min, o->max, &v)) {
		return false;
	}
	if (base != NULL && o->offset != NOWHERE)
		*(double *)(void *)(base + o->offset) = v * scale;
	if (base != NULL && o->also != 0)
		*(double *)(void *)(base + o->also) = v * scale;
	return true;
}

/* Into an array of max + 1 octets. */
static bool
apply_string(struct reader *r, const struct option *o, char *field)
{
	if (field == NULL)
		return true;
	if (r->tok.len == 0 || r->tok.len > (size_t)o->max) {
		reader_error(r, r->tok.column, "'%s' is a word of 1 to %.0f characters, not '%.40s'", o->name, o->max, r->tok.text);
		return false;
	}
	memcpy(field, r->tok.text, r->tok.len + 1);
	return true;
}

static bool
apply_date(struct reader *r, const struct option *o, char *field)
{
	int64_t t = 0;

	if (r->tok.kind != TOKEN_WORD || value_date(r->tok.text, &t) != VALUE_OK) {
		reader_error(r, r->tok.column, "'%s' is a day such as 2026-01-31, or days since 1900, from 1970 to 2200; not '%.40s'", o->name, r->tok.text);
		return false;
	}
	if (field != NULL)
		((struct walltime *)(void *)field)->ns = t * NS_PER_S;
	return true;
}

static bool
apply_choice(struct reader *r, const struct option *o, char *field)
{
	size_t len = r->tok.len;

	for (const char *p = o->choices; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == len && strncmp(p, r->tok.text, len) == 0) {
			if (field != NULL)
				memcpy(field, r->tok.text, len + 1);
			return true;
		}
	reader_error(r, r->tok.column, "'%s' is one of: %s; not '%.40s'", o->name, o->choices, r->tok.text);
	return false;
}

bool
option_apply(struct reader *r, const struct option *o, void *base)
{
	char *field = base != NULL && o->offset != NOWHERE ? (char *)base + o->offset : NULL;
	unsigned column = r->tok.column;

	if (o->type == OPT_SET || o->type == OPT_CLEAR) {
		if (field != NULL)
			*(bool *)field = o->type == OPT_SET;
		return true;
	}
	if (!reader_next(r, o->type == OPT_STRING ? WANT_STRING : WANT_WORD)) {
		if (!r->bad)
			reader_error(r, column, "'%s' of '%s' needs a value", o->name, r->row->name);
		return false;
	}
	switch (o->type) {
	case OPT_STRING:
		return apply_string(r, o, field);
	case OPT_CHOICE:
		return apply_choice(r, o, field);
	case OPT_BOOL:
		return apply_bool(r, o, field);
	case OPT_DATE:
		return apply_date(r, o, field);
	case OPT_DOUBLE:
		return apply_double(r, o, base);
	default:
		return apply_int(r, o, field);
	}
}

bool
options_read(struct reader *r, const struct option *t, size_t n, void *base)
{
	const struct option *o;
	unsigned column;

	while (reader_next(r, WANT_WORD)) {
		column = r->tok.column;
		o = r->tok.kind == TOKEN_WORD ? option_find(t, n, r->tok.text) : NULL;
		if (o == NULL) {
			reader_error(r, column, "'%s' has no option '%.40s'; the line is skipped", r->row->name, r->tok.text);
			return false;
		}
		if (!option_apply(r, o, base))
			return false;
		option_standing(r, o, column);
	}
	return !r->bad;
}
