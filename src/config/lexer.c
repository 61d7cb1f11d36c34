/* SPDX-License-Identifier: BSD-2-Clause */
/* Cuts lines into tokens. */
#include <string.h>

#include "config/lexer.h"

static bool
is_blank(char ch)
{
	unsigned char c = (unsigned char)ch;

	return c <= ' ' || c == 0x7f;
}

static bool
is_special(char ch)
{
	return ch != '\0' && strchr("{}(),;|=", ch) != NULL;
}

bool
lexer_is_text(const char *buf, size_t len, unsigned *line, unsigned *column)
{
	const char *nul = len == 0 ? NULL : memchr(buf, '\0', len);
	const char *bol = buf;
	unsigned n = 1;

	if (nul == NULL)
		return true;
	for (const char *p = buf; p < nul; p++)
		if (*p == '\n') {
			n++;
			bol = p + 1;
		}
	*line = n;
	*column = (unsigned)(nul - bol) + 1;
	return false;
}

void
lexer_init(struct lexer *l, const char *buf, size_t len)
{
	static const char bom[3] = { '\xef', '\xbb', '\xbf' };
	size_t skip = len >= sizeof(bom) && memcmp(buf, bom, sizeof(bom)) == 0 ? sizeof(bom) : 0;

	*l = (struct lexer){ .bol = buf + skip, .next = buf + skip, .eol = buf + skip, .end = buf + len };
}

bool
lexer_line(struct lexer *l)
{
	const char *start = l->eol, *lf;

	if (l->line > 0 && start < l->end)
		start++;	/* over the LF of the line before */
	if (start >= l->end)
		return false;
	lf = memchr(start, '\n', (size_t)(l->end - start));
	l->bol = start;
	l->next = start;
	l->eol = lf != NULL ? lf : l->end;
	l->line++;
	return true;
}

static void
add(struct token *t, char ch)
{
	if (t->len < TOKEN_MAX)
		t->text[t->len++] = ch;
	else
		t->kind = TOKEN_LONG;
}

/* From an opening quote to the closing one or the end of the line; there are no escapes. */
static void
add_quoted(struct lexer *l, struct token *t)
{
	if (t->kind != TOKEN_LONG)
		t->kind = TOKEN_STRING;
	for (l->next++; l->next < l->eol && *l->next != '"'; l->next++)
		add(t, *l->next);
	if (l->next < l->eol)
		l->next++;
	else if (t->kind == TOKEN_STRING && t->len > 0 && t->text[t->len - 1] == '\r')
		t->len--;	/* unclosed on a line that ends in CR LF */
}

void
lexer_next(struct lexer *l, enum token_want want, struct token *t)
{
	while (l->next < l->eol && is_blank(*l->next))
		l->next++;
	if (l->next < l->eol && *l->next == '#')
		l->next = l->eol;
	t->kind = TOKEN_WORD;
	t->column = (unsigned)(l->next - l->bol) + 1;
	t->len = 0;
	if (l->next >= l->eol) {
		t->kind = TOKEN_END;
	} else if (want == WANT_WORD && is_special(*l->next)) {
		t->kind = TOKEN_SPECIAL;
		add(t, *l->next++);
	} else {
		for (; l->next < l->eol && !is_blank(*l->next) && *l->next != '#' && *l->next != '"'; l->next++) {
			if (want == WANT_WORD && is_special(*l->next))
				break;
			add(t, *l->next);
		}
		if (l->next < l->eol && *l->next == '"')
			add_quoted(l, t);
	}
	t->text[t->len] = '\0';
}
