/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tokens of ntp.conf, cut out of memory one line at a time.
 *
 * A line ends at LF or at the end of the buffer; blanks, CR and other control characters separate; # outside quotes ends a word and
 * begins a comment, as ntpd has it.  Nothing is allocated and a token never reaches past its line.
 */
#ifndef CONFIG_LEXER_H
#define CONFIG_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_MAX	1023	/* octets, as in ntpd */

enum token_kind {
	TOKEN_END,	/* of the line; text is empty */
	TOKEN_WORD,
	TOKEN_STRING,	/* "quoted", so never a keyword; a missing closing quote is forgiven */
	TOKEN_SPECIAL,	/* one of { } ( ) , ; | = */
	TOKEN_LONG,	/* longer than TOKEN_MAX; text holds its beginning */
};

/* Whether { } ( ) , ; | = stand for themselves or are part of the string that is wanted (address, path). */
enum token_want { WANT_WORD, WANT_STRING };

struct token {
	enum token_kind	kind;
	unsigned	column;		/* of its first octet, from 1; of the line's end for TOKEN_END */
	size_t		len;
	char		text[TOKEN_MAX + 1];	/* with NUL */
};

struct lexer {
	const char	*bol, *next, *eol, *end;	/* line begins, next octet, line ends, buffer ends */
	unsigned	 line;				/* from 1 once lexer_line has said true */
};

/* True if all of buf may be text; otherwise it has a NUL, whose place is told. */
bool lexer_is_text(const char *buf, size_t len, unsigned *line, unsigned *column);

/* Starts before the first line; a UTF-8 byte-order mark is stepped over.  The buffer must outlive the lexer. */
void lexer_init(struct lexer *l, const char *buf, size_t len);

/* Goes to the beginning of the next line, whatever is left of this one; false at the end of the buffer. */
bool lexer_line(struct lexer *l);

/* The next token of the line. */
void lexer_next(struct lexer *l, enum token_want want, struct token *t);

#endif
