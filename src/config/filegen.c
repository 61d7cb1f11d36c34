/* SPDX-License-Identifier: BSD-2-Clause */
/* Directives about statistics files: where they go, which there are, and what they are called. */
#include <string.h>

#include "reader.h"

/* The prefix of statistics files; the first line that gives one wins. */
void
parse_statsdir(struct reader *r, const struct directive *d)
{
	char path[TOKEN_MAX + 2];
	size_t len;

	(void)d;
	if (!reader_need(r, WANT_STRING, "a path"))
		return;
	len = r->tok.len;
	memcpy(path, r->tok.text, len + 1);
	if (path[len - 1] != '/')
		memcpy(path + len, "/", 2);
	if (reader_end(r) && r->c->statsdir == NULL)
		config_set(r->c, &r->c->statsdir, path);
}

/* statistics NAME ...: which files there are. */
void
parse_statistics(struct reader *r, const struct directive *d)
{
	unsigned bits = 0, n = 0;
	const struct option *o;
	enum stats_kind kind;

	for (; reader_next(r, WANT_WORD); n++) {
		o = r->tok.kind == TOKEN_WORD ? option_find(d->options, d->noptions, r->tok.text) : NULL;
		if (o == NULL) {
			reader_error(r, r->tok.column, "no statistics file is called '%.40s'; the line is skipped", r->tok.text);
			return;
		}
		if (stats_kind_of(o->name, &kind))
			bits |= 1u << kind;
		option_standing(r, o, r->tok.column);
	}
	if (!r->bad && n == 0)
		reader_error(r, r->tok.column, "'%s' needs %s", d->name, d->args);
	else if (!r->bad)
		r->statistics |= bits;
}

/* One option of a filegen line, its value being under the finger. */
static void
filegen_take(struct reader *r, const struct option *o, struct filegen_opts *f)
{
	static const struct { const char *name; size_t field; bool value; } flags[] = {
		{ "link", offsetof(struct filegen_opts, link), true }, { "nolink", offsetof(struct filegen_opts, link), false },
		{ "enable", offsetof(struct filegen_opts, enabled), true }, { "disable", offsetof(struct filegen_opts, enabled), false },
	};

	for (size_t i = 0; i < NELEMS(flags); i++)
		if (strcmp(o->name, flags[i].name) == 0)
			*(bool *)((char *)f + flags[i].field) = flags[i].value;
	if (o->type == OPT_STRING && !filegen_name_ok(r->tok.text))
		reader_error(r, r->tok.column, "'%.60s' cannot be a file's name: it must not be empty, end in /, climb by .. or be longer than %d octets",
		    r->tok.text, FILEGEN_FILE_MAX - 1);
	else if (o->type == OPT_STRING)
		memcpy(f->file, r->tok.text, r->tok.len + 1);	/* filegen_name_ok has looked at the length */
	else if (o->type == OPT_CHOICE && !filegen_type_of(r->tok.text, &f->type))
		reader_error(r, r->tok.column, "no type of file is called '%.40s'", r->tok.text);
}

static void
filegen_keep(struct reader *r, enum stats_kind kind, const struct filegen_opts *f)
{
	unsigned bit = 1u << kind;

	r->c->filegen[kind] = *f;
	r->filegen_on = f->enabled ? r->filegen_on | bit : r->filegen_on & ~bit;
	r->filegen_off = f->enabled ? r->filegen_off & ~bit : r->filegen_off | bit;
}

/* A line of it alone enables the file; what it does not say stays as an earlier one had it. */
void
parse_filegen(struct reader *r, const struct directive *d)
{
	struct filegen_opts f = { .file = "" };
	enum stats_kind kind = STATS_KINDS;
	const struct option *name, *o;
	unsigned column;

	if (!reader_need(r, WANT_WORD, "the name of a statistics file"))
		return;
	column = r->tok.column;
	name = option_find(filegen_names, filegen_name_count, r->tok.text);
	if (name == NULL)
		reader_error(r, column, "no statistics file is called '%.40s'; the line is skipped", r->tok.text);
	else if (stats_kind_of(name->name, &kind))
		f = r->c->filegen[kind];
	f.enabled = true;
	while (!r->bad && reader_next(r, WANT_WORD)) {
		o = r->tok.kind == TOKEN_WORD ? option_find(d->options, d->noptions, r->tok.text) : NULL;
		if (o == NULL)
			reader_error(r, r->tok.column, "'filegen' has no option '%.40s'; the line is skipped", r->tok.text);
		else if (option_apply(r, o, NULL))
			filegen_take(r, o, &f);
	}
	if (r->bad)
		return;
	option_standing(r, name, column);
	if (kind != STATS_KINDS)
		filegen_keep(r, kind, &f);
}
