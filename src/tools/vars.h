/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds variables in the text of an answer and reads their values strictly: what is no number is no number. */
#ifndef TOOLS_VARS_H
#define TOOLS_VARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"

/* A view of an answer's text. */
struct vars { const char *text; size_t len; };

/* A view of one value; quotes are off, and remembered. */
struct varval { const char *s; size_t len; bool quoted; };

/* The first variable of that name that has a value. */
MUST_USE bool vars_get(const struct vars *v, const char *name, struct varval *value);

/* Reads decimal or 0x…; a real is finite, in decimal notation, and may carry an exponent. */
MUST_USE bool varval_uint(const struct varval *v, unsigned long *u);
MUST_USE bool varval_int(const struct varval *v, long *i);
MUST_USE bool varval_real(const struct varval *v, double *d);

/* Timestamps: hexadecimal seconds and fraction, "0xeeadcadd.1d38de24" or without the 0x. */
MUST_USE bool varval_time(const struct varval *v, struct ntptime *t);

/* An address, alone or with a port ("192.0.2.1:123", "[::1]:123"). */
MUST_USE bool varval_addr(const struct varval *v, struct addr *a);

/* Copies a value for a column of a listing: cut to fit, blanks and what is no visible ASCII as '.'.  Returns buf. */
char *varval_word(const struct varval *v, char *buf, size_t cap);

/* Reads "tag.N", as lists name what belongs to their row N: the length of the tag, and N. */
MUST_USE bool vars_indexed(const char *name, size_t len, size_t *tag_len, unsigned long *index);

/* Values by name; false leaves the output alone. */
MUST_USE bool vars_uint(const struct vars *v, const char *name, unsigned long *u);
MUST_USE bool vars_real(const struct vars *v, const char *name, double *d);
MUST_USE bool vars_time(const struct vars *v, const char *name, struct ntptime *t);
MUST_USE bool vars_addr(const struct vars *v, const char *name, struct addr *a);
MUST_USE bool vars_word(const struct vars *v, const char *name, char *buf, size_t cap);

#endif
