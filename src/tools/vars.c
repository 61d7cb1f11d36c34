/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks variables up and converts their values. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vars.h"
#include "wire/control.h"

#define NUMBER_MAX	40	/* longest number that is looked at */

bool
vars_get(const struct vars *v, const char *name, struct varval *value)
{
	const char *p = v->text, *end = v->text + v->len;
	size_t len = strlen(name);
	struct control_item item;

	while (control_next(&p, end, &item) == LIST_ITEM) {
		if (item.value != NULL && item.name_len == len && memcmp(item.name, name, len) == 0) {
			/* A value always has its '=' in front, so looking there is safe. */
			*value = (struct varval){ .s = item.value, .len = item.value_len, .quoted = item.value[-1] == '"' };
			return true;
		}
	}
	return false;
}

/* The value as a string, if it may be a number: not too long, and no blank in front that strtoul would skip. */
static bool
number_text(const struct varval *v, char buf[static NUMBER_MAX])
{
	if (v->len == 0 || v->len >= NUMBER_MAX || isspace((unsigned char)v->s[0]) || memchr(v->s, '\0', v->len) != NULL)
		return false;
	memcpy(buf, v->s, v->len);
	buf[v->len] = '\0';
	return true;
}

bool
varval_uint(const struct varval *v, unsigned long *u)
{
	char buf[NUMBER_MAX], *end;
	unsigned long n;

	if (!number_text(v, buf) || !isdigit((unsigned char)buf[0]))
		return false;
	errno = 0;
	n = strtoul(buf, &end, buf[0] == '0' && (buf[1] == 'x' || buf[1] == 'X') ? 16 : 10);
	if (*end != '\0' || errno != 0)
		return false;
	*u = n;
	return true;
}

bool
varval_int(const struct varval *v, long *i)
{
	char buf[NUMBER_MAX], *end;
	long n;

	if (!number_text(v, buf))
		return false;
	errno = 0;
	n = strtol(buf, &end, 10);
	if (end == buf || *end != '\0' || errno != 0)
		return false;
	*i = n;
	return true;
}

bool
varval_real(const struct varval *v, double *d)
{
	char buf[NUMBER_MAX], *end;
	double n;

	/* strtod would take "inf", "nan" and hexadecimal too. */
	if (!number_text(v, buf) || buf[strspn(buf, "0123456789+-.eE")] != '\0')
		return false;
	n = strtod(buf, &end);
	if (end == buf || *end != '\0' || !isfinite(n))
		return false;
	*d = n;
	return true;
}

/* Exactly n hexadecimal digits at *s. */
static bool
hex(const char **s, int n, uint32_t *out)
{
	uint32_t v = 0;

	for (; n > 0; n--, (*s)++) {
		unsigned char c = (unsigned char)**s;

		if (!isxdigit(c))
			return false;
		v = v << 4 | (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	*out = v;
	return true;
}

bool
varval_time(const struct varval *v, struct ntptime *t)
{
	char buf[NUMBER_MAX];
	const char *s = buf;
	uint32_t seconds, fraction;

	if (!number_text(v, buf))
		return false;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	if (!hex(&s, 8, &seconds) || *s++ != '.' || !hex(&s, 8, &fraction) || *s != '\0')
		return false;
	t->raw = (uint64_t)seconds << 32 | fraction;
	return true;
}

bool
varval_addr(const struct varval *v, struct addr *a)
{
	char buf[ADDR_STR_MAX], *colon;
	struct varval port = { 0 };
	unsigned long n = 0;

	if (v->len == 0 || v->len >= sizeof(buf) || memchr(v->s, '\0', v->len) != NULL)
		return false;
	memcpy(buf, v->s, v->len);
	buf[v->len] = '\0';
	if (addr_parse(a, buf, 0))
		return true;
	colon = strrchr(buf, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	port.s = colon + 1;
	port.len = strlen(colon + 1);
	if (!varval_uint(&port, &n) || n > UINT16_MAX || !addr_parse(a, buf, 0))
		return false;
	a->port = (uint16_t)n;
	return true;
}

char *
varval_word(const struct varval *v, char *buf, size_t cap)
{
	size_t n = v->len < cap ? v->len : cap - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = v->s[i] > ' ' && v->s[i] < 0x7f ? v->s[i] : '.';
	buf[n] = '\0';
	return buf;
}

bool
vars_uint(const struct vars *v, const char *name, unsigned long *u)
{
	struct varval value;

	return vars_get(v, name, &value) && varval_uint(&value, u);
}

bool
vars_real(const struct vars *v, const char *name, double *d)
{
	struct varval value;

	return vars_get(v, name, &value) && varval_real(&value, d);
}

bool
vars_time(const struct vars *v, const char *name, struct ntptime *t)
{
	struct varval value;

	return vars_get(v, name, &value) && varval_time(&value, t);
}

bool
vars_addr(const struct vars *v, const char *name, struct addr *a)
{
	struct varval value;

	return vars_get(v, name, &value) && varval_addr(&value, a);
}

bool
vars_word(const struct vars *v, const char *name, char *buf, size_t cap)
{
	struct varval value;

	if (!vars_get(v, name, &value))
		return false;
	varval_word(&value, buf, cap);
	return true;
}

bool
vars_indexed(const char *name, size_t len, size_t *tag_len, unsigned long *index)
{
	const char *dot = memchr(name, '.', len);
	struct varval v;

	if (dot == NULL)
		return false;
	v = (struct varval){ .s = dot + 1, .len = len - (size_t)(dot - name) - 1 };
	if (!varval_uint(&v, index) || *index > INT32_MAX)
		return false;
	*tag_len = (size_t)(dot - name);
	return true;
}
