/* SPDX-License-Identifier: BSD-2-Clause */
/* Directives of plain shape: nothing, a path, a number, words, options out of a table. */
#include <string.h>

#include "reader.h"

void
parse_nothing(struct reader *r, const struct directive *d)
{
	(void)d;
	(void)reader_end(r);
}

/* A path into a char * of the config. */
void
parse_path(struct reader *r, const struct directive *d)
{
	char path[TOKEN_MAX + 1];

	if (!reader_need(r, WANT_STRING, "a path"))
		return;
	memcpy(path, r->tok.text, r->tok.len + 1);
	if (reader_end(r) && d->offset != NOWHERE)
		config_set(r->c, (char **)(void *)((char *)r->c + d->offset), path);
}

/* A whole number into an int (the only width that such rows have). */
void
parse_int(struct reader *r, const struct directive *d)
{
	int64_t v;

	if (!reader_int(r, "a whole number", (int64_t)d->min, (int64_t)d->max, &v) || !reader_end(r) || d->offset == NOWHERE)
		return;
	*(int *)(void *)((char *)r->c + d->offset) = (int)v;
}

/* How many threads answer requests: a number, or as many as there are processors. */
void
parse_workers(struct reader *r, const struct directive *d)
{
	int64_t n = 0;

	if (!reader_need(r, WANT_WORD, "a number or 'auto'"))
		return;
	if (strcmp(r->tok.text, "auto") != 0 && !reader_token_int(r, d->name, (int64_t)d->min, (int64_t)d->max, &n))
		return;
	if (reader_end(r))
		r->c->workers = (int)n;
}

void
parse_number(struct reader *r, const struct directive *d)
{
	double v = 0;

	if (!reader_need(r, WANT_WORD, "a number") || !reader_token_double(r, d->name, d->min, d->max, &v) || !reader_end(r))
		return;
	if (d->offset != NOWHERE)
		*(double *)(void *)((char *)r->c + d->offset) = v;
}

/* The line is tried on a copy, so that a wrong one has no effect at all; options only hold numbers, so the copy may be a shallow one. */
void
parse_options(struct reader *r, const struct directive *d)
{
	struct config copy = *r->c;
	struct lexer ahead = r->lexer;

	if (d->min > 0 && !reader_need(r, WANT_WORD, d->args))
		return;
	r->lexer = ahead;
	if (!options_read(r, d->options, d->noptions, &copy))
		return;
	copy.errors = r->c->errors;
	copy.warnings = r->c->warnings;
	copy.fatal = r->c->fatal;
	*r->c = copy;
}

/* discard and limit: two ways to say one thing, of which the last line wins. */
void
parse_rate(struct reader *r, const struct directive *d)
{
	parse_options(r, d);
	if (!r->bad)
		r->c->discard.by_score = d->kind != 0;
}

/* An address or name that is only looked at, then options. */
void
parse_target(struct reader *r, const struct directive *d)
{
	if (reader_need(r, WANT_STRING, "an address"))
		(void)options_read(r, d->options, d->noptions, NULL);
}

/* Whatever a release long ago may have taken. */
void
parse_relic(struct reader *r, const struct directive *d)
{
	(void)d;
	while (reader_next(r, WANT_STRING))
		continue;
}
