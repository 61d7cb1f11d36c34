/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds strings piece by piece. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "strb.h"

struct strb
strb_init(char *buf, size_t cap)
{
	buf[0] = '\0';
	return (struct strb){ .buf = buf, .cap = cap };
}

void
strb_add(struct strb *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->cap - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = (size_t)n < t->cap - t->len ? t->len + (size_t)n : t->cap - 1;
}

/* One octet, visible: at most four characters. */
static const char *
visible(unsigned char c, char buf[static 5])
{
	const char *high = c & 0x80 ? "M-" : "";

	c &= 0x7f;
	if (c >= ' ' && c < 0x7f)
		snprintf(buf, 5, "%s%c", high, c);
	else
		snprintf(buf, 5, "%s^%c", high, c ^ 0x40);
	return buf;
}

void
strb_visible(struct strb *t, const char *s, size_t len)
{
	char buf[5];

	for (size_t i = 0; i < len; i++)
		strb_add(t, "%s", visible((unsigned char)s[i], buf));
}

void
put_visible(FILE *out, const char *s, size_t len)
{
	char buf[5];

	for (size_t i = 0; i < len; i++)
		fputs(visible((unsigned char)s[i], buf), out);
}
