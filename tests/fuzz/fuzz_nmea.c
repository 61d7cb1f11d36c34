/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMEA sentences: what is taken for one has a sound checksum, tells a time within its day and a date within GPS's, and is refused once one
 * of its characters is another.
 *
 * Input: one line without its end.
 */
#include "fuzz.h"
#include "refclock/calendar.h"
#include "refclock/nmea_parse.h"

static void
check(const struct nmea_time *t, size_t size)
{
	struct walltime now = { INT64_C(1795395723) * NS_PER_S }, when = nmea_when(t, now);

	assert((t->kind & NMEA_KINDS) != 0 && (t->kind & (t->kind - 1)) == 0);
	assert(t->day_ns >= 0 && t->day_ns < DAY_NS);
	assert(t->place_len == 0 || (t->place > 0 && t->place + t->place_len < size));
	assert(when.ns % DAY_NS == t->day_ns);
	assert(t->have_date ? t->days >= 3652 && t->days < 85000 : llabs(when.ns - now.ns) <= DAY_NS / 2);
}

/* One bit of one character is another: the sum must not fit any more. */
static void
check_sum(const char *s, size_t size)
{
	static char copy[NMEA_LEN_MAX];
	struct nmea_time t;

	for (size_t i = 1; i < size - 3; i++) {
		memcpy(copy, s, size);
		copy[i] ^= 1;
		assert(nmea_parse(copy, size, &t) == NMEA_FORMAT);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nmea_time t = { .day_ns = -7 };
	enum nmea_err err = nmea_parse((const char *)data, size, &t);

	assert(err <= NMEA_BAD_TIME);
	assert(err == NMEA_OK || err == NMEA_NO_FIX || t.day_ns == -7);
	if (err != NMEA_OK)
		return 0;
	assert(size <= NMEA_LEN_MAX);
	check(&t, size);
	check_sum((const char *)data, size);
	return 0;
}
