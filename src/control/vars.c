/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks variables up and prints them in the forms the tables name. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "control/vars.h"
#include "vars_table.h"

#define SHOWN_MAX	1e12	/* ms or ppm; a clock that is 31 years off is shown truly */
#define STRING_MAX	400		/* of any other string: shorter than a datagram */

static const struct timex kernel_unknown;

static const void *
base_of(enum var_base base, const struct var_subject *s)
{
	switch (base) {
	case IN_VIEW:
		return s->v;
	case IN_SYSVARS:
		return &s->v->system->vars;
	case IN_COUNTERS:
		return s->v->counters;
	case IN_TOTALS:
		return s->v->totals;
	case IN_KERNEL:
		return s->v->kernel != NULL ? s->v->kernel : &kernel_unknown;
	case IN_ASSOC:
		return s->a;
	case IN_CLOCK:
		return control_view_clock(s->v, s->a);
	}
	return NULL;
}

static const void *
field_of(const struct var_row *r, const struct var_subject *s)
{
	return (const char *)base_of(r->base, s) + r->offset;
}

static int64_t
load_integer(const struct var_row *r, const void *p)
{
	switch (r->type) {
	case T_BOOL:
		return *(const bool *)p;
	case T_I8:
		return *(const signed char *)p;
	case T_U8:
		return *(const unsigned char *)p;
	case T_U16:
		return *(const unsigned short *)p;
	case T_INT:
		return *(const int *)p;
	case T_UINT:
		return *(const unsigned *)p;
	case T_LONG:
		return *(const long *)p;
	case T_ULONG:
		return (int64_t)*(const unsigned long *)p;
	case T_LLONG:
		return *(const long long *)p;
	case T_ULLONG:
		return (int64_t)*(const unsigned long long *)p;
	default:
		assert(r->type == T_BOOL);	/* or the row names a field that is no integer */
		return 0;
	}
}

/* What is shown of a number that cannot be: none of ours ever should, but a reader must not meet "nan". */
static double
within(double x, double min, double max)
{
	return isfinite(x) ? fmax(min, fmin(x, max)) : 0;
}

static double
shown(double x)
{
	return within(x, -SHOWN_MAX, SHOWN_MAX);
}

static double
load_real(const struct var_row *r, const void *p)
{
	return r->type == T_REAL ? *(const double *)p : (double)load_integer(r, p);
}

struct ntptime
stamp_of(const struct control_view *v, struct monotime when)
{
	if (when.ns == 0)
		return (struct ntptime){ 0 };
	return walltime_to_ntp((struct walltime){ v->now.wall.ns - (v->now.mono.ns - when.ns) });
}

static struct ntptime
load_stamp(const struct var_row *r, const void *p, const struct control_view *v)
{
	struct ntptime never = { 0 };
	const struct walltime *w = p;

	switch (r->type) {
	case T_NTP:
		return *(const struct ntptime *)p;
	case T_MONO:
		return stamp_of(v, *(const struct monotime *)p);
	case T_WALL:
		if (w->ns == 0)
			return never;
		return walltime_to_ntp(*w);
	default:
		assert(r->type == T_NTP);	/* or the row names a field that is no instant */
		return never;
	}
}

static uint64_t
seconds_since(const struct control_view *v, struct monotime when)
{
	double s = monotime_diff(v->now.mono, when);

	return when.ns == 0 || !(s > 0) ? 0 : (uint64_t)s;
}

void
put_ms(struct text *t, int decimals, double seconds)
{
	text_add(t, "%.*f", decimals, shown(seconds * 1e3));
}

void
put_root_ms(struct text *t, double seconds)
{
	text_add(t, "%.3f", within(seconds * 1e3, -99999.999, 999999.999));
}

void
put_stamp(struct text *t, struct ntptime when)
{
	text_add(t, "0x%08" PRIx32 ".%08" PRIx32, (uint32_t)(when.raw >> 32), (uint32_t)when.raw);
}

static bool
refid_is_text(uint8_t stratum, uint32_t refid)
{
	return (stratum <= 1 || stratum >= STRATUM_UNSYNC) && refid >> 24 != 0;
}

void
put_refid(struct text *t, uint8_t stratum, uint32_t refid)
{
	uint8_t o[4] = { (uint8_t)(refid >> 24), (uint8_t)(refid >> 16), (uint8_t)(refid >> 8), (uint8_t)refid };

	if (!refid_is_text(stratum, refid)) {
		text_add(t, "%u.%u.%u.%u", o[0], o[1], o[2], o[3]);
		return;
	}
	for (size_t i = 0; i < sizeof(o) && o[i] != 0; i++)
		text_add(t, "%c", o[i] <= ' ' || o[i] > '~' || o[i] == ',' || o[i] == '"' ? '.' : o[i]);
}

void
put_names(struct text *t, const struct var_row *rows, size_t n, const struct control_setvar *setvars, size_t nsetvars)
{
	text_add(t, "\"");
	for (size_t i = 0; i < n; i++)
		if (rows[i].form != AS_RARE && rows[i].form != AS_RARE3)
			text_add(t, "%s%s", i > 0 ? "," : "", rows[i].name);
	for (size_t i = 0; i < nsetvars; i++)
		text_add(t, ",%s", setvars[i].name);
	text_add(t, "\"");
}

/* Forms that show a number. */
static void
put_number(struct text *t, const struct var_row *r, const void *p)
{
	switch (r->form) {
	case AS_UINT:
		text_add(t, "%" PRIu64, (uint64_t)load_integer(r, p));
		break;
	case AS_INT:
		text_add(t, "%" PRId64, load_integer(r, p));
		break;
	case AS_HEX:
		text_add(t, "0x%" PRIx64, (uint64_t)load_integer(r, p));
		break;
	case AS_MS3:
		put_ms(t, 3, load_real(r, p));
		break;
	case AS_MS6:
		put_ms(t, 6, load_real(r, p));
		break;
	case AS_PPM3:
		text_add(t, "%.3f", shown(load_real(r, p) * 1e6));
		break;
	case AS_SECONDS:
		text_add(t, "%.0f", trunc(shown(load_real(r, p))));
		break;
	case AS_RARE3:
		text_add(t, "%.3f", shown(load_real(r, p)));
		break;
	case AS_RARE:
		text_add(t, "%" PRIu64, (uint64_t)load_integer(r, p));
		break;
	case AS_NS_S:
		text_add(t, "%.6f", 1e-9 * (double)load_integer(r, p));
		break;
	case AS_KB:
		text_add(t, "%" PRIu64, ((uint64_t)load_integer(r, p) + 512) / 1024);
		break;
	case AS_US_MS:
		text_add(t, "%g", shown(load_real(r, p) * 1e-3));
		break;
	case AS_SCALED_PPM:
		text_add(t, "%g", shown(load_real(r, p) * 0x1p-16));
		break;
	default:
		assert(r->form == AS_UINT);	/* or a form has been forgotten here */
	}
}

static void
put_value(struct text *t, const struct var_row *r, const struct var_subject *s)
{
	switch (r->form) {
	case AS_NOTHING:
		break;
	case AS_ZERO:
		text_add(t, "0");
		break;
	case AS_ZERO3:
		text_add(t, "0.000");
		break;
	case AS_ZERO6:
		text_add(t, "0.000000");
		break;
	case AS_NO_STAMP:
		put_stamp(t, (struct ntptime){ 0 });
		break;
	case AS_FUNCTION:
		r->put(t, s);
		break;
	case AS_STRING:
		text_quote(t, *(const char *const *)field_of(r, s), STRING_MAX);
		break;
	case AS_STAMP:
		put_stamp(t, load_stamp(r, field_of(r, s), s->v));
		break;
	case AS_AGO:
		text_add(t, "%" PRIu64, seconds_since(s->v, *(const struct monotime *)field_of(r, s)));
		break;
	default:
		put_number(t, r, field_of(r, s));
	}
}

static const struct var_row *
rows_of(enum var_table table, size_t *n)
{
	static const struct var_row *const tables[] = { [VARS_SYSTEM] = vars_system, [VARS_PEER] = vars_peer, [VARS_CLOCK] = vars_clock };
	const size_t len[] = { [VARS_SYSTEM] = vars_system_len, [VARS_PEER] = vars_peer_len, [VARS_CLOCK] = vars_clock_len };

	*n = len[table];
	assert(*n <= VARS_MAX);
	return tables[table];
}

size_t
vars_count(enum var_table table)
{
	size_t n;

	(void)rows_of(table, &n);
	return n;
}

struct var_info
vars_info(enum var_table table, size_t i)
{
	size_t n;
	const struct var_row *rows = rows_of(table, &n);

	assert(i < n);
	return (struct var_info){ .name = rows[i].name, .prose = rows[i].prose, .by_default = rows[i].by_default };
}

void
vars_put(struct text *t, enum var_table table, size_t i, const struct control_view *v, const struct assoc *a)
{
	struct var_subject s = { .v = v, .a = a };
	size_t n;
	const struct var_row *rows = rows_of(table, &n);

	assert(i < n);
	text_open(t, rows[i].name);
	put_value(t, &rows[i], &s);
	text_close(t);
}

/* How many of setvar's a table has. */
static size_t
setvars_of(enum var_table table, const struct control_view *v)
{
	if (table != VARS_SYSTEM)
		return 0;
	return v->nsetvars < VARS_SETVARS ? v->nsetvars : VARS_SETVARS;
}

void
vars_want_defaults(struct var_set *s, enum var_table table, const struct control_view *v)
{
	size_t n;
	const struct var_row *rows = rows_of(table, &n);

	for (size_t i = 0; i < n; i++)
		s->row[i] |= rows[i].by_default;
	for (size_t i = 0; i < setvars_of(table, v); i++)
		s->setvar[i] |= v->setvars[i].by_default;
}

static bool
same_name(const char *have, const char *name, size_t len)
{
	return strlen(have) == len && memcmp(have, name, len) == 0;
}

bool
vars_want(struct var_set *s, enum var_table table, const struct control_view *v, const char *name, size_t len)
{
	size_t n;
	const struct var_row *rows = rows_of(table, &n);

	for (size_t i = 0; i < n; i++) {
		if (same_name(rows[i].name, name, len))
			return s->row[i] = true;
	}
	for (size_t i = 0; i < setvars_of(table, v); i++) {
		if (same_name(v->setvars[i].name, name, len))
			return s->setvar[i] = true;
	}
	return false;
}

/* Whether a value must stand between quotes, for readers to find its end. */
static bool
needs_quotes(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s > '~' || strchr(",=\"", *s) != NULL)
			return true;
	}
	return false;
}

/* As given, between quotes where it takes them; quotes around all of a value are taken for those. */
static void
put_setvar(struct text *t, const struct control_setvar *sv)
{
	size_t len = strlen(sv->value);

	text_open(t, sv->name);
	if (len >= 2 && sv->value[0] == '"' && sv->value[len - 1] == '"')
		text_quote(t, sv->value + 1, len - 2 < STRING_MAX ? len - 2 : STRING_MAX);
	else if (needs_quotes(sv->value))
		text_quote(t, sv->value, STRING_MAX);
	else
		text_add(t, "%.*s", STRING_MAX, sv->value);
	text_close(t);
}

void
vars_put_set(struct text *t, const struct var_set *s, enum var_table table, const struct control_view *v, const struct assoc *a)
{
	for (size_t i = 0; i < vars_count(table); i++) {
		if (s->row[i])
			vars_put(t, table, i, v, a);
	}
	for (size_t i = 0; i < setvars_of(table, v); i++) {
		if (s->setvar[i])
			put_setvar(t, &v->setvars[i]);
	}
}
