/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listings as JSON, one line per command and host: {"command":…,"host":…,"rows":[{…},…]}.
 *
 * A listing whose rows are structs describes them by a table of fields; a listing of variables hands over the answer.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <limits.h>
#include <stddef.h>
#include <stdio.h>

#include "vars.h"

#define JSON_UNKNOWN	LONG_MIN	/* a long that is null; a double is null when it is NaN */

enum json_kind {
	JSON_TEXT,	/* char[] */
	JSON_LONG,
	JSON_REAL,	/* double */
	JSON_BOOL,
};

struct json_field { const char *name; enum json_kind kind; size_t offset; };

struct json { FILE *out; size_t rows; };

void json_begin(struct json *j, FILE *out, const char *command, const char *host);
void json_row(struct json *j, const struct json_field *fields, size_t n, const void *row);

/* A row of status (in words), association id and all variables; what is a number stays one. */
void json_vars_row(struct json *j, unsigned associd, const char *status, const struct vars *v);
void json_end(struct json *j);

#endif
