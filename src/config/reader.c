/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads files line by line, hands each line to its directive, and turns what is wrong with it into remarks. */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/value.h"
#include "reader.h"

#define REMARK_TEXT_MAX	1024

/* What a file may hold reaches the log and the terminal only as printable ASCII. */
static void
sanitise(const char *in, char *out, size_t cap)
{
	size_t n = 0;

	for (; *in != '\0' && n + 5 < cap; in++) {
		unsigned char c = (unsigned char)*in;

		if (c >= ' ' && c < 0x7f)
			out[n++] = *in;
		else
			n += (size_t)snprintf(out + n, cap - n, "\\x%02x", c);
	}
	out[n] = '\0';
}

static __attribute__((format(printf, 6, 0))) void
remark_at(struct reader *r, enum remark kind, const char *file, unsigned line, unsigned column, const char *fmt, va_list ap)
{
	char raw[REMARK_TEXT_MAX], text[REMARK_TEXT_MAX], name[PATH_MAX];

	if (r->c->starved && r->remote == NULL)
		return;		/* what is only half there is not judged */
	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	if (kind == REMARK_ERROR && r->bad && r->row != NULL && r->row->guards && r->remote == NULL)
		snprintf(raw + strlen(raw), sizeof(raw) - strlen(raw), "; the daemon does not start with a line of this kind that it cannot understand");
	sanitise(raw, text, sizeof(text));
	sanitise(file, name, sizeof(name));
	if (kind == REMARK_ERROR)
		r->c->errors++;
	else if (kind == REMARK_WARNING)
		r->c->warnings++;
	if (r->hooks->remark != NULL)
		r->hooks->remark(r->hooks->arg, kind, name, line, column, text);
}

static const char *
here(const struct reader *r)
{
	return r->place != NULL ? r->place->file : "configuration";
}

void
reader_error(struct reader *r, unsigned column, const char *fmt, ...)
{
	va_list ap;

	r->bad = true;
	va_start(ap, fmt);
	remark_at(r, REMARK_ERROR, here(r), r->lexer.line, column, fmt, ap);
	va_end(ap);
}

void
reader_complain(struct reader *r, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_at(r, REMARK_ERROR, here(r), r->lexer.line, column, fmt, ap);
	va_end(ap);
}

void
reader_warn(struct reader *r, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_at(r, REMARK_WARNING, here(r), r->lexer.line, column, fmt, ap);
	va_end(ap);
}

void
reader_note(struct reader *r, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_at(r, REMARK_NOTE, here(r), r->lexer.line, column, fmt, ap);
	va_end(ap);
}

void
reader_file_error(struct reader *r, bool fatal, const char *file, const char *fmt, ...)
{
	va_list ap;

	if (fatal)
		r->c->fatal++;
	va_start(ap, fmt);
	remark_at(r, REMARK_ERROR, file, 0, 0, fmt, ap);
	va_end(ap);
}

static PRINTF_LIKE(5, 6) void
remark_in(struct reader *r, const char *file, unsigned line, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_at(r, REMARK_ERROR, file, line, column, fmt, ap);
	va_end(ap);
}

/* A file with a NUL octet is refused as a whole; nobody knows what was in it, so the daemon must not start. */
void
reader_not_text(struct reader *r, const char *file, unsigned line, unsigned column)
{
	r->c->fatal++;
	remark_in(r, file, line, column, "a NUL octet: this is no text, and none of the file is read");
}

void
reader_settle_warn(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_at(r, REMARK_WARNING, here(r), 0, 0, fmt, ap);
	va_end(ap);
}

bool
reader_next(struct reader *r, enum token_want want)
{
	lexer_next(&r->lexer, want, &r->tok);
	if (r->tok.kind == TOKEN_LONG)
		reader_error(r, r->tok.column, "a word longer than %d octets, which begins with '%.30s'", TOKEN_MAX, r->tok.text);
	return r->tok.kind != TOKEN_END && r->tok.kind != TOKEN_LONG;
}

bool
reader_need(struct reader *r, enum token_want want, const char *what)
{
	if (!reader_next(r, want)) {
		if (!r->bad)
			reader_error(r, r->tok.column, "'%s' needs %s", r->row->name, what);
		return false;
	}
	if (r->tok.kind == TOKEN_SPECIAL) {
		reader_error(r, r->tok.column, "'%s' needs %s here, not '%s'", r->row->name, what, r->tok.text);
		return false;
	}
	if (want == WANT_STRING && r->tok.len == 0) {
		reader_error(r, r->tok.column, "'%s' needs %s, not an empty string", r->row->name, what);
		return false;
	}
	return true;
}

bool
reader_end(struct reader *r)
{
	if (!r->bad && reader_next(r, WANT_WORD))
		reader_error(r, r->tok.column, "unexpected '%.40s' after all that '%s' takes (%s)", r->tok.text, r->row->name,
		    r->row->args[0] != '\0' ? r->row->args : "nothing");
	return !r->bad;
}

bool
reader_token_int(struct reader *r, const char *what, int64_t min, int64_t max, int64_t *out)
{
	enum value_err err;
	int64_t v = 0;

	err = r->tok.kind == TOKEN_WORD ? value_int(r->tok.text, &v) : VALUE_SYNTAX;
	if (err == VALUE_SYNTAX)
		reader_error(r, r->tok.column, "%s is a whole number from %" PRId64 " to %" PRId64 ", not '%.40s'", what, min, max,
		    r->tok.text);
	else if (err == VALUE_OVERFLOW || v < min || v > max)
		reader_error(r, r->tok.column, "%s is out of range: %.40s is not in %" PRId64 " to %" PRId64, what, r->tok.text, min, max);
	else
		*out = v;
	return !r->bad;
}

bool
reader_token_double(struct reader *r, const char *what, double min, double max, double *out)
{
	enum value_err err;
	double v = 0;

	err = r->tok.kind == TOKEN_WORD ? value_double(r->tok.text, &v) : VALUE_SYNTAX;
	if (err == VALUE_SYNTAX)
		reader_error(r, r->tok.column, "%s is a number from %.15g to %.15g, not '%.40s'", what, min, max, r->tok.text);
	else if (err == VALUE_OVERFLOW || v < min || v > max)
		reader_error(r, r->tok.column, "%s is out of range: %.40s is not in %.15g to %.15g", what, r->tok.text, min, max);
	else
		*out = v;
	return !r->bad;
}

bool
reader_int(struct reader *r, const char *what, int64_t min, int64_t max, int64_t *out)
{
	return reader_need(r, WANT_WORD, what) && reader_token_int(r, what, min, max, out);
}

/* Says once as a warning, then as notes, that a directive does nothing. */
static void
tell_standing(struct reader *r, const struct directive *d)
{
	size_t i = (size_t)(d - directive_table);
	uint64_t bit = UINT64_C(1) << (i % 64);
	bool again = (r->seen[i / 64] & bit) != 0;

	r->seen[i / 64] |= bit;
	if (d->standing == NOT_YET && again)
		reader_note(r, r->column, "'%s' has no effect yet (%s)", d->name, d->prose);
	else if (d->standing == NOT_YET)
		reader_warn(r, r->column, "'%s' has no effect yet (%s)", d->name, d->prose);
	else if (d->standing == RELIC && again)
		reader_note(r, r->column, "'%s' is a relic and has no effect (%s)", d->name, d->prose);
	else if (d->standing == RELIC)
		reader_warn(r, r->column, "'%s' is a relic and has no effect (%s)", d->name, d->prose);
}

static void
unknown_directive(struct reader *r)
{
	const char *word = r->tok.text;

	for (size_t i = 0; i < directive_count; i++)
		if (r->tok.kind == TOKEN_WORD && strcasecmp(word, directive_table[i].name) == 0) {
			reader_error(r, r->column, "unknown directive '%.40s': directives are written in small letters; the line is skipped", word);
			return;
		}
	reader_error(r, r->column, "unknown directive '%.40s'; the line is skipped", word);
}

static void
take_line(struct reader *r)
{
	if (r->tok.kind == TOKEN_WORD)
		r->row = directive_find(r->tok.text);
	if (r->row == NULL) {
		unknown_directive(r);
		return;
	}
	if (r->remote == NULL || remote_allows(r))
		r->row->parse(r, r->row);
	if (r->c->starved && r->remote != NULL)
		reader_error(r, r->column, "out of memory; the line is skipped");
	if (!r->bad && r->remote != NULL)
		remote_note(r);
	if (!r->bad)
		tell_standing(r, r->row);
	else if (r->row->guards)
		r->c->fatal++;
}

/* remarks is how many errors and warnings there were before the line. */
static enum line_verdict
judge_line(const struct reader *r, unsigned remarks)
{
	if (r->bad || r->row == NULL)
		return VERDICT_WRONG;
	if (r->idle || r->row->standing != IN_FORCE)
		return VERDICT_IGNORED;
	return r->c->errors + r->c->warnings > remarks ? VERDICT_IN_PART : VERDICT_IN_FORCE;
}

static void
read_line(struct reader *r)
{
	unsigned remarks = r->c->errors + r->c->warnings, line = r->lexer.line;
	char word[64], name[PATH_MAX];

	r->bad = r->idle = false;
	r->row = NULL;
	if (!reader_next(r, WANT_WORD))
		return;
	r->column = r->tok.column;
	sanitise(r->tok.text, word, sizeof(word));
	take_line(r);
	if (r->hooks->verdict == NULL)
		return;
	sanitise(here(r), name, sizeof(name));
	r->hooks->verdict(r->hooks->arg, judge_line(r, remarks), name, line, r->column, word);
}

void
reader_buffer(struct reader *r, const char *name, const char *buf, size_t len)
{
	struct place place = { .file = name, .up = r->place };
	struct lexer lexer = r->lexer;
	const struct directive *row = r->row;
	unsigned column = r->column;

	r->place = &place;
	lexer_init(&r->lexer, buf, len);
	while (!r->ended && !r->c->starved && lexer_line(&r->lexer))
		read_line(r);
	r->place = place.up;
	r->lexer = lexer;
	r->bad = r->idle = false;
	r->row = row;
	r->column = column;
}

/* The files in which we are, outermost first, for the sentence about a ring. */
static size_t
chain(const struct place *p, char *buf, size_t cap)
{
	size_t n = 0;

	if (p == NULL)
		return 0;
	n = chain(p->up, buf, cap);
	if (n < cap)
		n += (size_t)snprintf(buf + n, cap - n, "%s%s", p->up != NULL ? " > " : "", p->file);
	return n;
}

/* Says what is wrong with a file: on the line that includes it, or about the file itself if it is the first one. */
static PRINTF_LIKE(5, 6) int
refuse(struct reader *r, const char *path, unsigned column, bool fatal, const char *fmt, ...)
{
	char text[REMARK_TEXT_MAX];
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err == ENOMEM) {
		r->c->starved = true;	/* no fault of the file's; whoever asked for it is told */
	} else if (r->place == NULL) {
		reader_file_error(r, fatal, path, "%s", text);
	} else {
		reader_complain(r, column, "%.300s: %s", path, text);
		r->c->fatal += fatal;
	}
	errno = err;
	return -1;
}

/* All of an open file, NULL with errno. */
static char *
slurp(int fd, size_t cap, size_t *len)
{
	size_t size = 8192, n = 0;
	char *buf = malloc(size), *bigger;
	ssize_t got;

	while (buf != NULL && (got = read(fd, buf + n, size - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			goto fail;
		n += (size_t)got;
		if (n > cap) {
			errno = EFBIG;
			goto fail;
		}
		if (n == size) {
			bigger = realloc(buf, size *= 2);
			if (bigger == NULL)
				goto fail;
			buf = bigger;
		}
	}
	*len = n;
	return buf;
fail:
	free(buf);
	return NULL;
}

/* Asking for no configuration is done by naming this device. */
static bool
is_null_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* Opens a file that may be trusted: whoever can write it is root in a moment.  O_NONBLOCK because opening must not wait for anybody. */
static int
open_trusted(struct reader *r, const char *path, unsigned column, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return refuse(r, path, column, false, "cannot be opened: %s", strerror(errno));
	if (fstat(fd, st) != 0) {
		refuse(r, path, column, false, "cannot be examined: %s", strerror(errno));
	} else if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !is_null_device(st)) {
		errno = EINVAL;
		refuse(r, path, column, true, "is not a regular file");
	} else if ((st->st_mode & S_IWOTH) != 0 && !is_null_device(st)) {
		errno = EPERM;
		refuse(r, path, column, true, "can be written by everybody, so it is not to be trusted; chmod o-w makes it so");
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static int
read_file(struct reader *r, int fd, const char *path, unsigned column)
{
	size_t cap = CONFIG_FILE_MAX, len;
	unsigned line, col;
	char *buf;

	if (r->nfiles >= CONFIG_FILES_MAX || r->total >= CONFIG_TOTAL_MAX) {
		errno = EFBIG;
		return refuse(r, path, column, true, "is not read: more than %u files or %u octets of configuration", CONFIG_FILES_MAX,
		    CONFIG_TOTAL_MAX);
	}
	r->nfiles++;
	buf = slurp(fd, cap, &len);
	if (buf == NULL && errno == EFBIG)
		return refuse(r, path, column, true, "is not read: it is larger than %zu octets", cap);
	if (buf == NULL)
		return refuse(r, path, column, false, "cannot be read: %s", strerror(errno));
	r->total += len;
	if (!lexer_is_text(buf, len, &line, &col)) {
		free(buf);
		reader_not_text(r, path, line, col);
		errno = EILSEQ;
		return -1;
	}
	reader_buffer(r, path, buf, len);
	free(buf);
	return 0;
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
wanted_name(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool
ends_in_conf(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Every *.conf of a directory and of those below it, in the order of their octets (NTPsec). */
static int
read_directory(struct reader *r, const char *path, unsigned column)
{
	struct dirent **names = NULL;
	char full[PATH_MAX];
	int n = scandir(path, &names, wanted_name, compare_names);

	if (n < 0)
		return refuse(r, path, column, false, "cannot be listed: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		int len = snprintf(full, sizeof(full), "%s/%s", path, names[i]->d_name);

		if (len > 0 && (size_t)len < sizeof(full) && !r->ended && (ends_in_conf(full) || is_directory(full)))
			(void)reader_include(r, full, column);	/* it has said what was wrong */
		free(names[i]);
	}
	free(names);
	return 0;
}

int
reader_include(struct reader *r, const char *path, unsigned column)
{
	char where[512];
	struct stat st;
	int fd, ret;

	if (r->depth > CONFIG_DEPTH_MAX) {
		chain(r->place, where, sizeof(where));
		errno = ELOOP;
		return refuse(r, path, column, true, "is not read: more than %d includes within each other (%.300s)", CONFIG_DEPTH_MAX, where);
	}
	fd = open_trusted(r, path, column, &st);
	if (fd < 0)
		return -1;
	if (S_ISDIR(st.st_mode) && r->nfiles == 0) {	/* NOLINT(clang-analyzer-core.*): st is filled where fd is one */
		close(fd);
		errno = EISDIR;
		return refuse(r, path, column, false, "is a directory");
	}
	r->depth++;
	ret = S_ISDIR(st.st_mode) ? read_directory(r, path, column) : read_file(r, fd, path, column);
	r->depth--;
	close(fd);
	return ret;
}
