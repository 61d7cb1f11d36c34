/* SPDX-License-Identifier: BSD-2-Clause */
/* Motorola's binary messages: found in the stream, checked, and believed if the receiver is well. */
#include <string.h>

#include "base/ntp.h"
#include "refclock/oncore.h"
#include "../unit.h"

static const struct walltime now = { INT64_C(1795395723) * NS_PER_S };	/* 2026-11-23 01:02:03 */

static const struct kind { char letter; size_t len, status, tracked, utc; uint8_t well; } kinds[] = {
	{ 'B', 68, 64, 39, 0, 0x20 }, { 'E', 76, 72, 39, 0, 0x08 }, { 'H', 154, 129, 56, 141, 0x80 },
};

static void
seal(uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 2; i < len - 3; i++)
		sum ^= p[i];
	p[len - 3] = sum;
	p[len - 2] = '\r';
	p[len - 1] = '\n';
}

/* A sound message of a receiver that is well. */
static void
make(const struct kind *k, uint8_t p[static TIMECODE_MAX])
{
	static const uint8_t head[] = { '@', '@', 0, 'a', 11, 23, 2026 >> 8, 2026 & 0xff, 1, 2, 3, 0x05, 0xf5, 0xe1, 0x00 };

	memset(p, 0, TIMECODE_MAX);
	memcpy(p, head, sizeof(head));
	p[2] = (uint8_t)k->letter;
	p[k->tracked] = 6;
	p[k->status] = k->well;
	if (k->utc != 0)
		p[k->utc] = 0xc0 | 18;
	seal(p, k->len);
}

static enum timecode_err
say(struct oncore *o, const uint8_t *p, size_t len, struct timecode *t)
{
	unsigned whole = 0;

	for (size_t i = 0; i < len; i++)
		whole += oncore_feed(o, p[i], (struct walltime){ (int64_t)i + 1 });
	ck_assert_uint_eq(whole, 1);
	return oncore_read(o, now, t);
}

START_TEST(each_of_the_three_messages_tells_the_time)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct oncore o = { .len = 0 };
		uint8_t p[TIMECODE_MAX];
		struct timecode t;

		make(&kinds[i], p);
		for (int again = 0; again < 2; again++) {
			ck_assert_int_eq(say(&o, p, kinds[i].len, &t), TIMECODE_OK);
			ck_assert(t.when.ns == now.ns && t.trust == TIMECODE_LOCKED && t.leap == LEAP_NONE);
			ck_assert_int_eq(o.stamp.ns, 1);
		}
	}
}
END_TEST

START_TEST(one_octet_that_is_another_spoils_a_message)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t at = 4; at < kinds[i].len; at++) {
			struct oncore o = { .len = 0 };
			uint8_t p[TIMECODE_MAX];
			struct timecode t;

			make(&kinds[i], p);
			p[at] ^= 0x40;
			ck_assert_msg(say(&o, p, kinds[i].len, &t) == TIMECODE_FORMAT, "%c %zu", kinds[i].letter, at);
		}
	}
}
END_TEST

START_TEST(a_receiver_that_is_not_well_is_not_believed)
{
	static const struct { size_t kind; uint8_t status, tracked, utc; enum timecode_trust trust; } rows[] = {
		{ 0, 0x20, 6, 0, TIMECODE_LOCKED }, { 0, 0x10, 6, 0, TIMECODE_LOCKED }, { 0, 0x08, 1, 0, TIMECODE_LOCKED }, { 0, 0x08, 0, 0, TIMECODE_NEVER },
		{ 0, 0x22, 6, 0, TIMECODE_NEVER }, { 0, 0x21, 6, 0, TIMECODE_NEVER }, { 0, 0x80, 6, 0, TIMECODE_NEVER }, { 0, 0x00, 6, 0, TIMECODE_NEVER },
		{ 2, 0xe0, 6, 0xc0, TIMECODE_LOCKED }, { 2, 0xc0, 6, 0xc0, TIMECODE_LOCKED }, { 2, 0xa0, 6, 0xc0, TIMECODE_NEVER },
		{ 2, 0x60, 6, 0xc0, TIMECODE_NEVER }, { 2, 0x40, 6, 0xc0, TIMECODE_NEVER }, { 2, 0xe0, 6, 0x80, TIMECODE_NEVER },
		{ 2, 0xe0, 6, 0x40, TIMECODE_NEVER }, { 2, 0xe0, 0, 0xc0, TIMECODE_NEVER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct kind *k = &kinds[rows[i].kind];
		struct oncore o = { .len = 0 };
		uint8_t p[TIMECODE_MAX];
		struct timecode t;

		make(k, p);
		p[k->status] = rows[i].status;
		p[k->tracked] = rows[i].tracked;
		if (k->utc != 0)
			p[k->utc] = rows[i].utc;
		seal(p, k->len);
		ck_assert_int_eq(say(&o, p, k->len, &t), TIMECODE_OK);
		ck_assert_msg(t.trust == rows[i].trust, "row %zu", i);
	}
}
END_TEST

START_TEST(days_and_times_that_there_are_not_are_refused)
{
	static const struct { size_t at; uint8_t value; } rows[] = {
		{ 4, 0 }, { 4, 13 }, { 5, 0 }, { 5, 31 }, { 6, 0xff }, { 8, 24 }, { 9, 60 }, { 10, 60 }, { 11, 0x40 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oncore o = { .len = 0 };
		uint8_t p[TIMECODE_MAX];
		struct timecode t = { .leap = 9 };

		make(&kinds[1], p);
		p[rows[i].at] = rows[i].value;
		seal(p, kinds[1].len);
		ck_assert_msg(say(&o, p, kinds[1].len, &t) == TIMECODE_BAD_TIME, "row %zu", i);
		ck_assert_int_eq(t.leap, 9);
	}
}
END_TEST

START_TEST(weeks_that_have_come_round_are_brought_forward)
{
	struct oncore o = { .len = 0 };
	uint8_t p[TIMECODE_MAX];
	struct timecode t;

	make(&kinds[2], p);
	p[4] = 4;
	p[5] = 9;
	p[6] = 2007 >> 8;
	p[7] = 2007 & 0xff;
	seal(p, kinds[2].len);
	ck_assert_int_eq(say(&o, p, kinds[2].len, &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns);
}
END_TEST

START_TEST(other_messages_and_noise_are_passed_over)
{
	static const uint8_t noise[] = { '@', 'x', '@', '@', 'C', 'j', '@', 7, '@', '@', '@' };
	struct oncore o = { .len = 0 };
	uint8_t p[TIMECODE_MAX];
	struct timecode t;

	for (size_t i = 0; i < sizeof(noise); i++)
		ck_assert(!oncore_feed(&o, noise[i], now));
	make(&kinds[0], p);
	ck_assert_int_eq(say(&o, p, kinds[0].len, &t), TIMECODE_OK);
}
END_TEST

UNIT_MAIN("oncore", each_of_the_three_messages_tells_the_time, one_octet_that_is_another_spoils_a_message, a_receiver_that_is_not_well_is_not_believed,
    days_and_times_that_there_are_not_are_refused, weeks_that_have_come_round_are_brought_forward, other_messages_and_noise_are_passed_over)
