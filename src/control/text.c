/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds the text of answers and finds where to cut it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/text.h"

void
text_init(struct text *t, char *buf, size_t cap)
{
	*t = (struct text){ .buf = buf, .cap = cap };
}

static void PRINTF_LIKE(2, 0)
add_va(struct text *t, const char *fmt, va_list ap)
{
	size_t left = t->cap - t->len;
	int n;

	if (t->over)
		return;
	n = vsnprintf(t->buf + t->len, left, fmt, ap);
	if (n < 0 || (size_t)n >= left)
		t->over = true;
	else
		t->len += (size_t)n;
}

void
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_va(t, fmt, ap);
	va_end(ap);
}

void
text_open(struct text *t, const char *name)
{
	t->over = false;
	t->item = t->len;
	text_add(t, "%s%s=", t->len > 0 ? ", " : "", name);
	t->value = t->len;
}

void
text_bare(struct text *t, const char *name)
{
	t->over = false;
	t->item = t->value = t->len;
	text_add(t, "%s%s", t->len > 0 ? ", " : "", name);
	text_close(t);
}

/* Turns the ", " before the item into ",\r\n". */
static void
wrap(struct text *t)
{
	size_t at = t->item + 1;	/* of the blank */

	if (t->len + 1 >= t->cap) {
		t->over = true;
		return;
	}
	memmove(t->buf + at + 2, t->buf + at + 1, t->len - at - 1);
	memcpy(t->buf + at, "\r\n", 2);
	t->len++;
	t->line = at + 2;
}

void
text_close(struct text *t)
{
	if (!t->over && t->len > t->value && t->item > 0 && t->len - t->line + 1 > TEXT_WIDTH)
		wrap(t);
	if (t->over || t->len == t->value)
		t->len = t->item;
	t->full |= t->over;
	t->over = false;
}

void
text_quote(struct text *t, const char *s, size_t max)
{
	if (s == NULL || *s == '\0' || max == 0)
		return;
	text_add(t, "\"");
	for (size_t i = 0; i < max && s[i] != '\0'; i++)
		text_add(t, "%c", s[i] < ' ' || s[i] > '~' || s[i] == '"' ? '.' : s[i]);
	text_add(t, "\"");
}

void
text_item(struct text *t, const char *name, const char *fmt, ...)
{
	va_list ap;

	text_open(t, name);
	va_start(ap, fmt);
	add_va(t, fmt, ap);
	va_end(ap);
	text_close(t);
}

void
text_end(struct text *t)
{
	if (t->len == 0 || t->cap - t->len < 3)
		return;
	memcpy(t->buf + t->len, "\r\n", 2);
	t->len += 2;
}

/* Does the octet at i end a separator, ", " or ",\r\n"? */
static bool
ends_separator(const char *buf, size_t i)
{
	return (buf[i] == ' ' && i > 0 && buf[i - 1] == ',') || buf[i] == '\n';
}

/* Is buf[end] between quotes, if buf[from] is as quoted says? */
static bool
quoted_at(const struct text *t, size_t from, size_t end, bool quoted)
{
	for (size_t i = from; i < end; i++)
		quoted ^= t->buf[i] == '"';
	return quoted;
}

size_t
text_cut(const struct text *t, size_t from, size_t max, bool *quoted)
{
	size_t end = t->len - from > max ? from + max : t->len, item = from, comma = from;
	bool q = *quoted;

	for (size_t i = from; i < end; i++) {
		q ^= t->buf[i] == '"';
		if (t->buf[i] == ',')
			comma = i + 1;
		if (!q && ends_separator(t->buf, i))
			item = i + 1;
	}
	if (end < t->len)
		end = item > from ? item : comma > from ? comma : end;
	*quoted = quoted_at(t, from, end, *quoted);
	return end - from;
}
