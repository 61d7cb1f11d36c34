/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads command lines, with libedit where there is somebody to edit them. */
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"

#define PROMPT		"ntpq> "
#define HISTORY_LINES	200

struct lines {
	EditLine	*el;		/* NULL: plain */
	History		*history;
	bool		 prompt;
	char		*buf;
	size_t		 cap;
};

static char *
prompt_text(EditLine *el)
{
	static char text[] = PROMPT;	/* libedit wants it writable, and leaves it alone */

	(void)el;
	return text;
}

/* Without an editor or a history ntpq works as well, only less comfortably. */
static void
start_editing(struct lines *l)
{
	HistEvent ev;

	l->el = el_init("ntpq", stdin, stdout, stderr);
	if (l->el == NULL)
		return;
	el_set(l->el, EL_PROMPT, prompt_text);
	el_set(l->el, EL_EDITOR, "emacs");
	el_set(l->el, EL_SIGNAL, 1);	/* puts the terminal right when a signal ends us */
	l->history = history_init();
	if (l->history != NULL) {
		history(l->history, &ev, H_SETSIZE, HISTORY_LINES);
		history(l->history, &ev, H_SETUNIQUE, 1);
		el_set(l->el, EL_HIST, history, l->history);
	}
	el_source(l->el, NULL);
}

struct lines *
lines_new(bool prompt)
{
	struct lines *l = calloc(1, sizeof(*l));
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (l == NULL)
		return NULL;
	l->prompt = prompt || terminal;
	if (terminal)
		start_editing(l);
	return l;
}

/* A copy in l->buf of the line that libedit keeps for itself. */
static char *
edited_line(struct lines *l)
{
	HistEvent ev;
	int n;
	const char *line = el_gets(l->el, &n);
	char *copy;

	if (line == NULL || n <= 0)
		return NULL;
	copy = strdup(line);
	if (copy == NULL)
		return NULL;
	/* Passwords are nobody's history. */
	if (l->history != NULL && copy[strspn(copy, " \t\n")] != '\0' && strncmp(copy + strspn(copy, " \t"), "passwd", 6) != 0)
		history(l->history, &ev, H_ENTER, copy);
	free(l->buf);
	l->buf = copy;
	return copy;
}

static char *
plain_line(struct lines *l)
{
	if (l->prompt) {
		fputs(PROMPT, stdout);
		fflush(stdout);
	}
	return getline(&l->buf, &l->cap, stdin) == -1 ? NULL : l->buf;
}

char *
lines_next(struct lines *l)
{
	char *line = l->el != NULL ? edited_line(l) : plain_line(l);

	if (line != NULL)
		line[strcspn(line, "\n")] = '\0';
	else if (l->prompt)
		putchar('\n');
	return line;
}

bool
lines_prompt(const struct lines *l)
{
	return l->prompt;
}

void
lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	if (l->history != NULL)
		history_end(l->history);
	if (l->el != NULL)
		el_end(l->el);
	free(l->buf);
	free(l);
}
