/* SPDX-License-Identifier: BSD-2-Clause */
/* The sequence lock, and the sign of life beside it. */
#include <string.h>

#include "snapshot.h"

void
snapshot_write(struct snapshot *s, const struct published *p)
{
	uint64_t word[SNAPSHOT_WORDS] = { 0 };
	uint64_t number = atomic_load_explicit(&s->number, memory_order_relaxed);

	memcpy(word, p, sizeof(*p));
	atomic_store_explicit(&s->number, number + 1, memory_order_relaxed);
	for (size_t i = 0; i < SNAPSHOT_WORDS; i++)
		atomic_store_explicit(&s->word[i], word[i], memory_order_release);
	atomic_store_explicit(&s->number, number + 2, memory_order_release);
}

bool
snapshot_read(const struct snapshot *s, uint64_t *seen, struct published *p)
{
	uint64_t word[SNAPSHOT_WORDS];
	uint64_t before, after;

	before = atomic_load_explicit(&s->number, memory_order_acquire);
	if (before == *seen)
		return false;
	for (;; before = atomic_load_explicit(&s->number, memory_order_acquire)) {
		for (size_t i = 0; i < SNAPSHOT_WORDS; i++)
			word[i] = atomic_load_explicit(&s->word[i], memory_order_acquire);
		after = atomic_load_explicit(&s->number, memory_order_relaxed);
		if (before == after && before % 2 == 0)
			break;
	}
	memcpy(p, word, sizeof(*p));
	*seen = before;
	return true;
}

enum beat_state
beat_check(struct beat *b, struct monotime now)
{
	int64_t asked = atomic_load_explicit(&b->asked, memory_order_relaxed);

	if (asked != 0)
		return monotime_diff(now, (struct monotime){ asked }) > BEAT_MAX ? BEAT_STALE : BEAT_ALIVE;
	if (monotime_diff(now, (struct monotime){ atomic_load_explicit(&b->heard, memory_order_relaxed) }) < BEAT_FRESH)
		return BEAT_ALIVE;
	return atomic_compare_exchange_strong(&b->asked, &asked, now.ns) ? BEAT_ASK : BEAT_ALIVE;
}

void
beat_answer(struct beat *b, struct monotime now)
{
	atomic_store_explicit(&b->heard, now.ns, memory_order_relaxed);
	atomic_store_explicit(&b->asked, 0, memory_order_relaxed);
}
