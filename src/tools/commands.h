/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpq's commands: one table that dispatch and help read. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"
#include "session.h"

#define COMMAND_ARGS_MAX	32
#define COMMAND_LINE		(-1)	/* as max_args: the rest of the line is one argument, whatever is in it */

struct command {
	const char	*name;
	int		 min_args, max_args;
	bool		(*run)(struct session *s, const struct command *c, int argc, char **argv);
	const char	*usage;		/* arguments */
	const char	*help;		/* what it does */
};

/* The command of that name or of an unambiguous beginning; NULL and *ambiguous otherwise. */
MUST_USE const struct command *command_find(const char *word, bool *ambiguous);

/*
 * Runs one line: a command, its arguments, and perhaps "> file".  Complaints go to stderr.  Returns whether it did all it
 * should.  The line is taken apart in place.
 */
bool command_run(struct session *s, char *line);

#endif
