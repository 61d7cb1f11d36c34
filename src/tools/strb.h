/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings put together in a caller's buffer; what does not fit is cut. */
#ifndef TOOLS_STRB_H
#define TOOLS_STRB_H

#include <stddef.h>
#include <stdio.h>

#include "base/must_use.h"

struct strb { char *buf; size_t cap, len; };

/* An empty string in buf; cap is at least 1. */
struct strb strb_init(char *buf, size_t cap);

void strb_add(struct strb *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Adds octets of strangers so that no terminal acts on them: as they are if visible ASCII or blank, else as cat -v does (^X, M-x). */
void strb_visible(struct strb *t, const char *s, size_t len);

/* The same straight to a stream. */
void put_visible(FILE *out, const char *s, size_t len);

#endif
