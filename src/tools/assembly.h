/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts the fragments of one mode 6 answer together by their offsets (RFC 9327 section 2), in any order.
 *
 * A hostile server gains nothing: at most CONTROL_FRAGMENTS_MAX fragments are kept, what overlaps octets already held is
 * dropped (the first word counts), and so is whatever lies outside the space they can fill.
 */
#ifndef TOOLS_ASSEMBLY_H
#define TOOLS_ASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "wire/control.h"

#define ASSEMBLY_MAX	(CONTROL_FRAGMENTS_MAX * CONTROL_DATA_MAX)

struct assembly {
	struct {
		size_t	begin, end;
	} frags[CONTROL_FRAGMENTS_MAX];
	size_t		nfrags;
	size_t		held;		/* octets in all fragments */
	size_t		len;		/* of the whole answer; counts once len_known */
	bool		len_known;
	uint16_t	status;		/* of the fragment at offset 0 */
	uint8_t		data[ASSEMBLY_MAX];
};

enum assembly_result {
	ASSEMBLY_COMPLETE,	/* data[0 … len) is the answer */
	ASSEMBLY_TAKEN,		/* new, and more is to come */
	ASSEMBLY_IGNORED,	/* repeated, overlapping, empty or out of bounds */
	ASSEMBLY_FULL,		/* as many fragments as are kept, and still not complete */
};

/* Empties a, without touching its data. */
void assembly_init(struct assembly *a);

/* Takes one fragment: its header, already checked to belong here, and its c->count octets. */
MUST_USE enum assembly_result assembly_add(struct assembly *a, const struct control *c, const uint8_t *data);

#endif
