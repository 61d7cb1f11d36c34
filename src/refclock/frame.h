/* SPDX-License-Identifier: BSD-2-Clause */
/* Cuts what comes over a serial line into telegrams, octet by octet, and says when each of them was on time. */
#ifndef REFCLOCK_FRAME_H
#define REFCLOCK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "base/time.h"
#include "timecode.h"

/* Which octet's arrival the time of a telegram belongs to. */
enum frame_stamp { FRAME_FIRST, FRAME_LAST, FRAME_RETURN_BEFORE };

struct framing {
	int			start;	/* the octet that begins one, left out of it if it is a control character; 0 = any that is none */
	const char		*end;	/* those that end one, left out; "" = none does */
	size_t			len;	/* octets of one; 0 = until its end */
	enum frame_stamp	stamp;	/* FRAME_RETURN_BEFORE: the carriage return before it */
	bool			binary;	/* control characters belong to it */
};

/* Begins as zeros. */
struct frame {
	uint8_t		buf[TIMECODE_MAX];
	size_t		len;
	bool		open, too_long, returned;
	struct walltime	stamp, last_return;
};

/* One octet more, read at host: true if a telegram is whole now, f->buf of f->len octets with its f->stamp, until the next call. */
MUST_USE bool frame_feed(struct frame *f, const struct framing *how, uint8_t octet, struct walltime host);

#endif
