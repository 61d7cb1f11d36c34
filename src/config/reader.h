/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of reading files, and what the parse functions of the directives have in common.  Private to this room. */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "config/config.h"
#include "config/directives.h"
#include "config/lexer.h"

/* A line that takes a source away again, wherever that stands. */
struct unpeer {
	char		*host;
	int		 family;
	struct unpeer	*next;
};

/* A file being read and the one that included it. */
struct place {
	const char		*file;
	const struct place	*up;
};

struct reader {
	struct config			*c;
	const struct config_hooks	*hooks;
	const struct place		*place;		/* NULL between files */
	struct lexer			 lexer;
	struct token			 tok;		/* the token under the reader's finger */
	const struct directive		*row;		/* of this line, NULL before it is known */
	unsigned			 column;	/* of its first word */
	bool				 bad;		/* the line is wrong and is to have no effect */
	bool				 idle;		/* it is right and has none all the same, as a warning says */
	bool				 ended;		/* the directive end was met */
	unsigned			 depth;		/* includes within each other */
	unsigned			 nfiles;
	size_t				 total;		/* octets read so far */
	unsigned			 enabled, disabled;	/* bits by row of flag_options */
	unsigned			 statistics, filegen_on, filegen_off;	/* bits by enum stats_kind */
	uint64_t			 seen[2];	/* directives whose lack of effect has been told, bits by row */
	struct config_source		**source_tail;
	struct fudge			*fudges;
	struct config_restrict		**restrict_tail;
	struct config_setvar		**setvar_tail;
	struct config_trusted		**trusted_tail;
	bool				 unknown_names;	/* some names on restrict lines have not been looked up */
	struct unpeer			*unpeers;	/* of files; done after all lines */
	const struct config_remote_hooks *remote;	/* the lines come from afar; NULL for files */
	struct config_change		change;
};

/* The line is wrong at that column and will be skipped. */
void reader_error(struct reader *r, unsigned column, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Something on the line is wrong and skipped, the rest of it stands. */
void reader_complain(struct reader *r, unsigned column, const char *fmt, ...) PRINTF_LIKE(3, 4);

void reader_warn(struct reader *r, unsigned column, const char *fmt, ...) PRINTF_LIKE(3, 4);
void reader_note(struct reader *r, unsigned column, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* An error about a whole file, or after all of them; fatal ones keep the daemon from starting. */
void reader_file_error(struct reader *r, bool fatal, const char *file, const char *fmt, ...) PRINTF_LIKE(4, 5);
void reader_not_text(struct reader *r, const char *file, unsigned line, unsigned column);
void reader_settle_warn(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* To the next token of the line.  False at its end, and with the line marked wrong at a token that is too long. */
bool reader_next(struct reader *r, enum token_want want);

/* Like reader_next, but a missing, special or (for a string) empty token is an error; what names the thing wanted. */
bool reader_need(struct reader *r, enum token_want want, const char *what);

/* Nothing more may stand on the line.  False if the line is wrong, now or before. */
bool reader_end(struct reader *r);

/* The next word as a whole number within bounds. */
bool reader_int(struct reader *r, const char *what, int64_t min, int64_t max, int64_t *out);

/* The token under the finger as a number. */
bool reader_token_int(struct reader *r, const char *what, int64_t min, int64_t max, int64_t *out);
bool reader_token_double(struct reader *r, const char *what, double min, double max, double *out);

/* The option under the finger: reads its value and stores it into base, if base is not NULL.  False if the line is wrong. */
bool option_apply(struct reader *r, const struct option *o, void *base);

/* Options up to the end of the line.  False if the line is wrong. */
bool options_read(struct reader *r, const struct option *t, size_t n, void *base);

/* One warning that an option does nothing. */
void option_standing(struct reader *r, const struct option *o, unsigned column);

/* Reads a file, or the *.conf files of a directory, into the reader's config. */
int reader_include(struct reader *r, const char *path, unsigned column);

void reader_buffer(struct reader *r, const char *name, const char *buf, size_t len);

/* malloc and strdup for what the config owns.  NULL marks it as starved: the line has no effect and no other is read. */
void *config_alloc(struct config *c, size_t size);
char *config_strdup(struct config *c, const char *s);

/* Where the next source goes. */
struct config_source **config_source_end(struct config *c);

/* Replaces a string of the config; without memory the old one stays. */
void config_set(struct config *c, char **dst, const char *s);

/* The same host, by address or by name? */
bool source_same_host(const char *a, const char *b);

/* A host that can be a source: NULL, or what is wrong with it.  Literal addresses are recognised without asking anybody. */
const char *source_host_problem(const char *host, int family);

/* Appends a source unless it is there already or memory fails (false). */
bool source_append(struct config *c, struct config_source ***tail, const struct config_source *s);

/* remote.c: may this line come from afar?  Called with its directive found and not yet read; marks the line as wrong if not. */
bool remote_allows(struct reader *r);

/* … and has been read without an error: what does it touch? */
void remote_note(struct reader *r);

/* Safe restrict entries of a family, where no default has been given. */
void config_safe_default(struct config *c, int family);

/* What the options of a source line fill. */
struct source_line {
	struct config_source	source;
};

/* What fudge and device lines say of a clock; theirs may stand before or after its own line. */
struct fudge {
	uint8_t			type, unit;
	struct refclock_opts	opts;
	uint32_t		set[2];		/* rows of the tables of fudge and of device that were given */
	unsigned		line;
	struct fudge		*next;
};

enum { LINE_SERVER, LINE_POOL, LINE_PEER, LINE_BROADCAST, LINE_MANYCAST };	/* kind of a row that parse_source reads */
enum { LINE_FUDGE, LINE_DEVICE };		/* … parse_fudge */
enum { LINE_UNRESTRICT, LINE_DELRESTRICT };	/* … parse_unrestrict */

/* The fudge and device lines go to their clocks, after all files. */
void settle_clocks(struct reader *r);

/* Tells which sources the restrict lines shut out, after all files. */
void settle_shut_out(struct reader *r);

/* The poll exponents of a line made whole: UNSET_POLL is one it says nothing of.  A clock's maxpoll is its minpoll unless given, as in NTPsec. */
#define UNSET_POLL	INT8_MIN
void source_settle_poll(struct reader *r, struct assoc_opts *o, bool clock);

/* A reference clock becomes a source, or it is said why not; column is where it is named. */
void clock_add(struct reader *r, struct source_line *line, unsigned column);

/* Tables that more than one file needs. */
extern const struct option refclock_options[];
extern const size_t refclock_option_count;
extern const struct option flag_options[];
extern const size_t flag_option_count;
extern const struct option restrict_relics[];
extern const size_t restrict_relic_count;
extern const struct option filegen_names[];
extern const size_t filegen_name_count;

/* Parse functions, by the file that owns them. */
/* simple.c */
directive_parse parse_rate, parse_nothing, parse_path, parse_int, parse_number, parse_options, parse_target, parse_relic;
/* sources.c */
directive_parse parse_source, parse_other_mode;
/* clocks.c */
directive_parse parse_refclock, parse_fudge, parse_phone;
/* unpeer.c */
directive_parse parse_unpeer;
void unpeer_settle(struct reader *r);
/* modes.c */
directive_parse parse_bclient, parse_groups, parse_ttl;
/* access.c */
directive_parse parse_restrict, parse_unrestrict;
/* lines.c */
directive_parse parse_flags, parse_interface, parse_setvar, parse_logconfig, parse_include, parse_end, parse_simulate, parse_trustedkey,
    parse_driftfile, parse_leapfile, parse_clock, parse_pollskewlist, parse_mru, parse_workers;
/* filegen.c */
directive_parse parse_statsdir, parse_statistics, parse_filegen;
/* write.c */
directive_write write_bclient, write_clock, write_filegen, write_flags, write_groups, write_interface, write_leapfile, write_logconfig, write_mru,
    write_nothing, write_path, write_phone, write_pollskewlist, write_rate, write_restrict, write_setvar, write_sources, write_trustedkey, write_ttl, write_workers;

#endif
