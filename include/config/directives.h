/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of ntp.conf: every directive and option that ntpd and NTPsec know is one row.
 *
 * The parser, ntpd --check-config, the check of the man page and the tests read the same rows.
 */
#ifndef CONFIG_DIRECTIVES_H
#define CONFIG_DIRECTIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a directive or option does here. */
enum standing {
	IN_FORCE,
	NOT_YET,	/* understood, and one warning says that it has no effect yet */
	RELIC,		/* belongs to something that is gone: one warning, never an effect */
};

enum option_type {
	OPT_SET,	/* the word alone sets a bool */
	OPT_CLEAR,	/* the word alone clears a bool, which another row sets */
	OPT_BOOL,	/* 0 or 1 into a bool */
	OPT_INT, OPT_UINT, OPT_INT8, OPT_UINT8, OPT_UINT32, OPT_INT64,	/* a whole number into that type */
	OPT_DOUBLE,	/* a number times scale into a double */
	OPT_STRING,	/* any word, of at most max octets where it is kept */
	OPT_CHOICE,	/* one word of choices, kept as it is, with its end */
	OPT_DATE,	/* a day, into a struct walltime */
};

/* An option that is checked but kept nowhere. */
#define NOWHERE		SIZE_MAX

enum option_flag {
	OPTION_CLAMP = 0x01,	/* out of range: a warning, and the nearest bound is used; otherwise the line is wrong */
	OPTION_ON_CLOCK = 0x02,	/* on reference clocks only; on a network source the line is wrong */
	OPTION_ON_NET = 0x04,	/* the other way round */
	OPTION_NOT_POOL = 0x08,	/* no effect on a pool line */
};

struct option {
	const char		*name;
	enum option_type	 type;
	enum standing		 standing;
	unsigned		 flags;		/* enum option_flag */
	size_t			 offset;	/* in what the table's directive fills, or NOWHERE */
	double			 min, max;	/* as written in the file, both allowed */
	double			 scale;		/* OPT_DOUBLE: unit of the file in that of the field; 0 counts as 1 */
	size_t			 also;		/* OPT_DOUBLE: a second field that gets the same, 0 = none */
	const char		*choices;	/* OPT_CHOICE: words with blanks between them */
	const char		*prose;		/* what it is, as the manual says it */
};

struct config;
struct reader;
struct directive;

/* Reads the rest of the line into the reader's config, or marks the line as wrong. */
typedef void directive_parse(struct reader *r, const struct directive *d);

/* Writes the lines of a directive that make what c holds, where that is not as dflt has it (config_write). */
typedef void directive_write(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt);

struct directive {
	const char		*name;
	enum standing		 standing;
	directive_parse		*parse;
	const char		*args;		/* synopsis */
	const char		*example;	/* a line that is right */
	const char		*prose;		/* what it is, as the manual says it */
	const struct option	*options;
	size_t			 noptions;
	size_t			 offset;	/* in struct config, or NOWHERE */
	double			 min, max;	/* of its number, or how many words */
	int			 kind;		/* tells rows that share a parse function apart */
	bool			 guards;	/* a line of it that is wrong keeps the daemon from starting */
	/* Writes its lines; NULL: its numbers or options are written by their rows, or another directive writes for it too. */
	directive_write		*write;
};

extern const struct directive directive_table[];
extern const size_t directive_count;

/* NULL if nobody knows it. */
const struct directive *directive_find(const char *name);
const struct option *option_find(const struct option *t, size_t n, const char *name);

#endif
