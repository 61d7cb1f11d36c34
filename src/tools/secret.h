/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to the user at the terminal itself, whatever standard input and output are. */
#ifndef TOOLS_SECRET_H
#define TOOLS_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/must_use.h"

/*
 * Asks for a line; echo: shows what is typed.  False without a terminal, at its end, after an interrupt, or if the line is longer than
 * cap - 1.  The terminal is as before afterwards, however it ended.
 */
MUST_USE bool secret_ask(const char *prompt, bool echo, char *buf, size_t cap);

#endif
