/* SPDX-License-Identifier: BSD-2-Clause */
/* Where interactive commands come from: a terminal with editing and history, or a plain stream. */
#ifndef TOOLS_LINES_H
#define TOOLS_LINES_H

#include <stdbool.h>

#include "base/must_use.h"

struct lines;

/*
 * From stdin.  prompt: print "ntpq> " also if that is no terminal.  Editing and history (libedit) are there if both stdin and
 * stdout are one.  NULL without memory.
 */
MUST_USE struct lines *lines_new(bool prompt);

/* The next line, without its newline, in a buffer that is the caller's to change until the next call; NULL at the end. */
MUST_USE char *lines_next(struct lines *l);

/* Are commands prompted for? */
bool lines_prompt(const struct lines *l);

void lines_free(struct lines *l);

#endif
