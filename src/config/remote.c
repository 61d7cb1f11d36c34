/* SPDX-License-Identifier: BSD-2-Clause */
/* Which lines may come from afar: none that names a file, and none that can only be heeded at start.  What is refused is told of the line as a whole. */
#include <stdio.h>
#include <string.h>

#include "reader.h"

/* Directives that are refused whole. */
static const char *const directives[] = {
	"clock", "crypto", "device", "driftfile", "includefile", "keys", "keysdir", "leapfile", "logfile", "nts", "ntpsigndsocket", "phone", "pidfile",
	"rlimit", "saveconfigdir", "simulate", "statsdir", "tick", "workers",
};

/* Words that are refused on lines of one directive. */
static const struct { const char *directive, *words; } words[] = {
	{ "filegen", " file type link nolink " },
	{ "enable", " stats mode7 peer_clear_digest_early unpeer_crypto_early unpeer_crypto_nak_early unpeer_digest_early " },
	{ "disable", " stats mode7 peer_clear_digest_early unpeer_crypto_early unpeer_crypto_nak_early unpeer_digest_early " },
	{ "tinker", " freq tick " },
	{ "refclock", " path ppspath " },
	{ "server", " ca cert path ppspath " },
	{ "pool", " ca cert " },
};

/* What a good line of each touches; the others are settings. */
static const struct { const char *directive; bool sources, restricts; } touches[] = {
	{ "server", .sources = true }, { "pool", .sources = true }, { "peer", .sources = true }, { "broadcast", .sources = true },
	{ "manycastclient", .sources = true }, { "refclock", .sources = true }, { "fudge", .sources = true }, { "unpeer", .sources = true },
	{ "unconfig", .sources = true },
	{ "restrict", .restricts = true }, { "unrestrict", .restricts = true }, { "delrestrict", .restricts = true },
};

static bool
is_word_of(const char *word, const char *list)
{
	char spaced[64];

	return snprintf(spaced, sizeof(spaced), " %s ", word) < (int)sizeof(spaced) && strstr(list, spaced) != NULL;
}

/* The rest of the line is looked at and put back. */
static void
refuse_words(struct reader *r, const char *list)
{
	struct lexer start = r->lexer;
	struct token t;

	for (lexer_next(&r->lexer, WANT_WORD, &t); t.kind != TOKEN_END && !r->bad; lexer_next(&r->lexer, WANT_WORD, &t)) {
		if (t.kind == TOKEN_WORD && is_word_of(t.text, list))
			reader_error(r, 0, "%s %s remote configuration ignored", r->row->name, t.text);
	}
	r->lexer = start;
}

bool
remote_allows(struct reader *r)
{
	for (size_t i = 0; i < NELEMS(directives); i++) {
		if (strcmp(r->row->name, directives[i]) == 0)
			reader_error(r, 0, "%s remote config ignored: it is for the file only", r->row->name);
	}
	for (size_t i = 0; i < NELEMS(words) && !r->bad; i++) {
		if (strcmp(r->row->name, words[i].directive) == 0)
			refuse_words(r, words[i].words);
	}
	return !r->bad;
}

void
remote_note(struct reader *r)
{
	for (size_t i = 0; i < NELEMS(touches); i++) {
		if (strcmp(r->row->name, touches[i].directive) != 0)
			continue;
		r->change.sources |= touches[i].sources;
		r->change.restricts |= touches[i].restricts;
	}
}
