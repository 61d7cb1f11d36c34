/* SPDX-License-Identifier: BSD-2-Clause */
/* LOC-03: telegrams that never end, begin in the middle, or are full of noise. */
#include <string.h>

#include "frame.h"

static bool
begins(const struct framing *how, uint8_t octet)
{
	if (how->start != 0)
		return octet == how->start;
	return how->binary || octet >= ' ';
}

static void
add(struct frame *f, uint8_t octet)
{
	if (f->len < sizeof(f->buf))
		f->buf[f->len++] = octet;
	else
		f->too_long = true;
}

static void
open_frame(struct frame *f, const struct framing *how, uint8_t octet, struct walltime host)
{
	f->len = 0;
	f->open = true;
	f->too_long = false;
	f->stamp = how->stamp == FRAME_RETURN_BEFORE ? f->last_return : host;
	if (how->start == 0 || octet >= ' ')
		add(f, octet);
}

/* One whose carriage return has not been seen began before we listened. */
static bool
close_frame(struct frame *f, const struct framing *how, struct walltime host)
{
	bool good = f->len > 0 && !f->too_long && (how->stamp != FRAME_RETURN_BEFORE || f->returned);

	f->open = false;
	f->returned = false;
	if (how->stamp == FRAME_LAST)
		f->stamp = host;
	return good;
}

bool
frame_feed(struct frame *f, const struct framing *how, uint8_t octet, struct walltime host)
{
	bool ends = octet != '\0' && strchr(how->end, octet) != NULL, whole = false;

	if (f->open && ends) {
		whole = close_frame(f, how, host);
	} else if (how->start != 0 && octet == how->start && !how->binary) {
		/* Whatever was open has lost its end. */
		open_frame(f, how, octet, host);
	} else if (f->open) {
		if (how->binary || octet >= ' ' || how->len > 0)
			add(f, octet);
	} else if (!ends && begins(how, octet)) {
		open_frame(f, how, octet, host);
	}
	if (f->open && how->len > 0 && f->len == how->len)
		whole = close_frame(f, how, host);
	if (octet == '\r') {
		f->returned = true;
		f->last_return = host;
	}
	return whole;
}
