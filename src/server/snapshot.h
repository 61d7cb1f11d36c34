/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the main loop publishes for worker threads to answer by: written by one, read by many, and nobody waits for anybody.
 *
 * A sequence lock.  The writer makes the number odd, stores the words, makes it even again; a reader whose number was even and is the
 * same afterwards has seen one whole value, and tries again otherwise.  The words are atomic, so that a reader who loses has read
 * nonsense but nothing undefined.  The order of memory that this needs:
 *
 *   writer	number := odd (relaxed)		each word (release): not before the odd number
 *		number := even (release): not before the words
 *   reader	number (acquire): what was stored before it is seen
 *		each word (acquire): one that is new shows the odd number, too, to the read that follows
 *		number (relaxed): not before the words
 *
 * So a reader that got one word of a later value finds a later number.  On processors with strong order all of this is plain loads and stores.
 */
#ifndef SERVER_SNAPSHOT_H
#define SERVER_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/sysvars.h"
#include "sysclock/sysclock.h"

struct published {
	struct sysvars	sys;
	struct clockmap	map;
};

#define SNAPSHOT_WORDS	((sizeof(struct published) + 7) / 8)

/* Zero before the first write: number 0. */
struct snapshot {
	_Atomic uint64_t	number;
	_Atomic uint64_t	word[SNAPSHOT_WORDS];
};

/* One thread only. */
void snapshot_write(struct snapshot *s, const struct published *p);

/* Copies the value out if it is another than the one numbered *seen (0 = none yet); *seen then is its number.  Any thread. */
bool snapshot_read(const struct snapshot *s, uint64_t *seen, struct published *p);

/*
 * Is the main loop alive?  There is no tick: a worker that has to answer and has not heard of the main loop for BEAT_FRESH asks it, and
 * goes on; only if BEAT_MAX later there still is no answer, what was published is taken for stale.  Zero at start.
 */
#define BEAT_FRESH	2.0	/* s */
#define BEAT_MAX	10.0	/* s (threat SRV-16) */

struct beat {
	_Atomic int64_t	heard;	/* monotime, ns: the main loop's last sign of life */
	_Atomic int64_t	asked;	/* monotime, ns: the question that waits for it, 0 = none */
};

enum beat_state {
	BEAT_ALIVE,
	BEAT_ASK,	/* alive, but the caller must now wake the main loop, so that it calls beat_answer */
	BEAT_STALE,
};

/* Worker: before answering. */
enum beat_state beat_check(struct beat *b, struct monotime now);

/* Main loop. */
void beat_answer(struct beat *b, struct monotime now);

#endif
