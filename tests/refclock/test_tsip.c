/* SPDX-License-Identifier: BSD-2-Clause */
/* TSIP: packets out of a stream, and the time in them. */
#include <string.h>

#include "base/bytes.h"
#include "base/ntp.h"
#include "refclock/tsip.h"
#include "../unit.h"

#define S	((int64_t)NS_PER_S)

static const struct walltime now = { INT64_C(1795395723) * NS_PER_S };	/* 2026-11-23 01:02:03 */

/* Feeds a packet with the framing it needs, from the first nanosecond on: true if it comes out whole at its end. */
static bool
feed(struct tsip *t, const uint8_t *p, size_t len)
{
	int64_t at = 1;
	bool whole = tsip_feed(t, 0x10, (struct walltime){ at++ });

	for (size_t i = 0; i < len; i++) {
		whole = tsip_feed(t, p[i], (struct walltime){ at++ }) || whole;
		if (p[i] == 0x10 && i > 0)
			whole = tsip_feed(t, 0x10, (struct walltime){ at++ }) || whole;
	}
	whole = tsip_feed(t, 0x10, (struct walltime){ at++ }) || whole;
	ck_assert(!whole);
	return tsip_feed(t, 0x03, (struct walltime){ at });
}

static void
wr_real(struct wr *w, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wr_u64(w, bits);
}

static void
wr_single(struct wr *w, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wr_u32(w, bits);
}

struct event { unsigned number; double fraction; int h, m, s, day, month, year; unsigned state, flags; };

static enum timecode_err
event(const struct event *e, struct timecode *out)
{
	struct tsip t = { .len = 0 };
	struct walltime stamp = { -1 };
	uint8_t p[23] = { 0x8f, 0xad };
	struct wr w = wr_init(p + 2, sizeof(p) - 2);

	wr_u16(&w, (uint16_t)e->number);
	wr_real(&w, e->fraction);
	wr_u8(&w, (uint8_t)e->h);
	wr_u8(&w, (uint8_t)e->m);
	wr_u8(&w, (uint8_t)e->s);
	wr_u8(&w, (uint8_t)e->day);
	wr_u8(&w, (uint8_t)e->month);
	wr_u16(&w, (uint16_t)e->year);
	wr_u8(&w, (uint8_t)e->state);
	wr_u8(&w, (uint8_t)e->flags);
	ck_assert(feed(&t, p, sizeof(p)));
	ck_assert_int_eq(tsip_read(&t, TSIP_GPS, 0, now, out, &stamp), TIMECODE_OTHER);
	enum timecode_err err = tsip_read(&t, TSIP_EVENT, 0, now, out, &stamp);

	ck_assert(stamp.ns == -1);
	return err;
}

START_TEST(an_event_is_told_with_its_fraction)
{
	static const struct { struct event e; enum timecode_err err; enum timecode_trust trust; int leap; double at; } rows[] = {
		{ { 16, 0.25, 1, 2, 3, 23, 11, 2026, 0, 0x01 }, TIMECODE_OK, TIMECODE_LOCKED, LEAP_NONE, 0.25 },
		{ { 16, 0.25, 1, 2, 3, 23, 11, 2026, 1, 0x11 }, TIMECODE_OK, TIMECODE_LOCKED, LEAP_NONE, 0.25 },
		{ { 16, 0.25, 1, 2, 3, 23, 11, 2026, 8, 0x01 }, TIMECODE_OK, TIMECODE_NEVER, LEAP_NONE, 0.25 },
		{ { 16, 0.25, 1, 2, 3, 23, 11, 2026, 0, 0x00 }, TIMECODE_OK, TIMECODE_NEVER, LEAP_NONE, 0.25 },
		{ { 16, 0, 1, 2, 3, 23, 12, 2026, 13, 0x11 }, TIMECODE_OK, TIMECODE_LOCKED, LEAP_INSERT, 30 * 86400.0 },
		{ { 0, 0.25, 1, 2, 3, 23, 11, 2026, 0, 0x01 }, TIMECODE_OTHER, 0, 0, 0 },
		{ { 1, 1.0, 1, 2, 3, 23, 11, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, -0.1, 1, 2, 3, 23, 11, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, NAN, 1, 2, 3, 23, 11, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, 0, 24, 2, 3, 23, 11, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, 0, 1, 2, 60, 23, 11, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, 0, 1, 2, 3, 31, 11, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, 0, 1, 2, 3, 1, 0, 2026, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
		{ { 1, 0, 1, 2, 3, 1, 11, 65535, 0, 0x01 }, TIMECODE_BAD_TIME, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timecode t = { .leap = 9 };

		ck_assert_msg(event(&rows[i].e, &t) == rows[i].err, "row %zu", i);
		if (rows[i].err != TIMECODE_OK)
			ck_assert_int_eq(t.leap, 9);
		else
			ck_assert_msg(t.trust == rows[i].trust && t.leap == rows[i].leap && t.when.ns == walltime_add(now, rows[i].at).ns, "row %zu", i);
	}
}
END_TEST

START_TEST(weeks_that_have_come_round_are_brought_forward)
{
	/* 1024 weeks before 2026-11-23. */
	struct event e = { 1, 0, 1, 2, 3, 9, 4, 2007, 0, 0x01 };
	struct timecode t;

	ck_assert_int_eq(event(&e, &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns);
	/* 2048 weeks. */
	e = (struct event){ 1, 0, 1, 2, 3, 24, 8, 1987, 0, 0x01 };
	ck_assert_int_eq(event(&e, &t), TIMECODE_OK);
	ck_assert(t.when.ns == now.ns);
}
END_TEST

static enum timecode_err
primary(struct tsip *t, unsigned offset, unsigned flags, int month)
{
	uint8_t p[18] = { 0x8f, 0xab, 0, 0, 0, 0, 0, 0, 0, (uint8_t)offset, (uint8_t)flags, 3, 2, 1, 23, (uint8_t)month, 2026 >> 8, 2026 & 0xff };
	struct walltime stamp;
	struct timecode out;

	ck_assert(feed(t, p, sizeof(p)));
	return tsip_read(t, TSIP_TIMING, 0, now, &out, &stamp);
}

static enum timecode_err
supplement(struct tsip *t, unsigned discipline, unsigned held, unsigned alarms, unsigned state, double holdover, struct timecode *out, struct walltime *stamp)
{
	uint8_t p[69] = { 0x8f, 0xac };
	struct wr w = wr_init(p + 2, sizeof(p) - 2);

	wr_u8(&w, 0);
	wr_u8(&w, (uint8_t)discipline);
	wr_u8(&w, 0);
	wr_u32(&w, held);
	wr_u16(&w, 0);
	wr_u16(&w, (uint16_t)alarms);
	wr_u8(&w, (uint8_t)state);
	ck_assert(feed(t, p, sizeof(p)));
	return tsip_read(t, TSIP_TIMING, holdover, now, out, stamp);
}

START_TEST(timing_packets_tell_the_time_together)
{
	static const struct { unsigned discipline, held, alarms, state; double holdover; int month; enum timecode_trust trust; int leap; } rows[] = {
		{ 0, 0, 0, 0, 0, 11, TIMECODE_LOCKED, LEAP_NONE }, { 0, 0, 0x80, 0, 0, 11, TIMECODE_LOCKED, LEAP_NONE },
		{ 0, 0, 0x80, 0, 0, 12, TIMECODE_LOCKED, LEAP_INSERT }, { 0, 0, 0x200, 0, 0, 11, TIMECODE_NEVER, LEAP_NONE },
		{ 0, 0, 0, 8, 0, 11, TIMECODE_NEVER, LEAP_NONE }, { 2, 60, 0, 8, 0, 11, TIMECODE_NEVER, LEAP_NONE },
		{ 2, 60, 0, 8, 60, 11, TIMECODE_LOCKED, LEAP_NONE }, { 2, 61, 0, 8, 60, 11, TIMECODE_NEVER, LEAP_NONE },
		{ 4, 10, 0, 8, 60, 11, TIMECODE_NEVER, LEAP_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tsip t = { .len = 0 };
		struct walltime stamp = { 0 };
		struct timecode out;

		ck_assert_int_eq(primary(&t, 18, 0x03, rows[i].month), TIMECODE_PART);
		t.time_stamp.ns = 77;
		ck_assert_int_eq(supplement(&t, rows[i].discipline, rows[i].held, rows[i].alarms, rows[i].state, rows[i].holdover, &out, &stamp), TIMECODE_OK);
		ck_assert_msg(out.trust == rows[i].trust && out.leap == rows[i].leap, "row %zu", i);
		ck_assert(out.when.ns == now.ns + (rows[i].month == 12 ? 30 * 86400 * S : 0) && stamp.ns == 77);
		/* The time has been used up. */
		ck_assert_int_eq(supplement(&t, 0, 0, 0, 0, 0, &out, &stamp), TIMECODE_OTHER);
	}
}
END_TEST

START_TEST(a_receiver_that_is_not_set_to_utc_tells_nothing)
{
	static const struct { unsigned offset, flags; enum timecode_err err; enum timecode_trust trust; } rows[] = {
		{ 18, 0x03, TIMECODE_PART, TIMECODE_LOCKED }, { 18, 0x01, TIMECODE_OTHER, 0 }, { 18, 0x02, TIMECODE_OTHER, 0 }, { 18, 0x13, TIMECODE_OTHER, 0 },
		{ 0, 0x03, TIMECODE_PART, TIMECODE_NEVER }, { 18, 0x07, TIMECODE_PART, TIMECODE_NEVER }, { 18, 0x0b, TIMECODE_PART, TIMECODE_NEVER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tsip t = { .len = 0 };
		struct walltime stamp;
		struct timecode out;

		ck_assert_msg(primary(&t, rows[i].offset, rows[i].flags, 11) == rows[i].err, "row %zu", i);
		ck_assert(supplement(&t, 0, 0, 0, 0, 0, &out, &stamp) == (rows[i].err == TIMECODE_PART ? TIMECODE_OK : TIMECODE_OTHER));
		if (rows[i].err == TIMECODE_PART)
			ck_assert_msg(out.trust == rows[i].trust, "row %zu", i);
	}
	struct tsip t = { .len = 0 };

	ck_assert_int_eq(primary(&t, 18, 0x03, 13), TIMECODE_BAD_TIME);
}
END_TEST

START_TEST(a_week_and_a_second_of_gps_are_an_instant)
{
	static const struct { float tow, offset; unsigned week; enum timecode_err err; enum timecode_trust trust; double at; } rows[] = {
		/* 2026-11-22 was a Sunday, week 2446. */
		{ 90141, 18, 2446, TIMECODE_OK, TIMECODE_LOCKED, 0 }, { 90141, 18, 2446 - 1024, TIMECODE_OK, TIMECODE_LOCKED, 0 },
		{ 90141.5F, 18, 2446 % 1024, TIMECODE_OK, TIMECODE_LOCKED, 0.5 }, { -1, 18, 2446, TIMECODE_OK, TIMECODE_NEVER, -90141 },
		{ 90141, 0, 2446, TIMECODE_OK, TIMECODE_NEVER, 18 }, { 604800, 18, 2446, TIMECODE_BAD_TIME, 0, 0 }, { NAN, 18, 2446, TIMECODE_BAD_TIME, 0, 0 },
		{ 90141, NAN, 2446, TIMECODE_BAD_TIME, 0, 0 }, { 90141, 1e30F, 2446, TIMECODE_BAD_TIME, 0, 0 }, { 90141, 18, 65535, TIMECODE_BAD_TIME, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tsip t = { .len = 0 };
		struct walltime stamp = { 0 };
		struct timecode out;
		uint8_t p[11] = { 0x41 };
		struct wr w = wr_init(p + 1, sizeof(p) - 1);

		wr_single(&w, rows[i].tow);
		wr_u16(&w, (uint16_t)rows[i].week);
		wr_single(&w, rows[i].offset);
		ck_assert(feed(&t, p, sizeof(p)));
		ck_assert_int_eq(tsip_read(&t, TSIP_EVENT, 0, now, &out, &stamp), TIMECODE_OTHER);
		ck_assert_msg(tsip_read(&t, TSIP_GPS, 0, now, &out, &stamp) == rows[i].err, "row %zu", i);
		/* On time with the octet after the first DLE. */
		if (rows[i].err == TIMECODE_OK)
			ck_assert_msg(out.when.ns == walltime_add(now, rows[i].at).ns && out.trust == rows[i].trust && stamp.ns == 2, "row %zu", i);
	}
}
END_TEST

START_TEST(packets_of_another_length_are_none)
{
	static const struct { uint8_t id, sub; enum tsip_kind kind; size_t len; } rows[] = {
		{ 0x8f, 0xad, TSIP_EVENT, 23 }, { 0x8f, 0xab, TSIP_TIMING, 18 }, { 0x8f, 0xac, TSIP_TIMING, 69 }, { 0x41, 0, TSIP_GPS, 11 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t len = 1; len < 100; len++) {
			uint8_t p[100] = { rows[i].id, rows[i].sub };
			struct tsip t = { .len = 0 };
			struct walltime stamp;
			struct timecode out;
			enum timecode_err err;

			ck_assert(feed(&t, p, len));
			err = tsip_read(&t, rows[i].kind, 0, now, &out, &stamp);
			ck_assert_msg(len == rows[i].len || err == TIMECODE_FORMAT || (len == 1 && err == TIMECODE_OTHER), "row %zu length %zu", i, len);
			ck_assert(len != rows[i].len || err != TIMECODE_FORMAT);
		}
	}
}
END_TEST

START_TEST(a_stream_that_begins_in_the_middle_or_breaks_off_finds_the_next_packet)
{
	static const uint8_t middle[] = { 1, 0x10, 0x10, 2, 0x10, 0x03 }, broken[] = { 0x10, 0x41, 7, 7 }, packet[] = { 0x41, 0x10, 1 };
	uint8_t endless[400] = { 0x10, 0x8f };
	struct tsip t = { .len = 0 };

	for (size_t i = 0; i < sizeof(middle); i++)
		ck_assert(!tsip_feed(&t, middle[i], now));
	ck_assert(feed(&t, packet, sizeof(packet)));
	ck_assert_uint_eq(t.len, sizeof(packet));
	ck_assert_mem_eq(t.buf, packet, sizeof(packet));
	for (size_t i = 0; i < sizeof(broken); i++)
		ck_assert(!tsip_feed(&t, broken[i], now));
	ck_assert(feed(&t, packet, sizeof(packet)));
	ck_assert_mem_eq(t.buf, packet, sizeof(packet));
	for (size_t i = 0; i < sizeof(endless); i++)
		ck_assert(!tsip_feed(&t, endless[i], now));
	ck_assert(feed(&t, packet, sizeof(packet)));
	ck_assert_mem_eq(t.buf, packet, sizeof(packet));
}
END_TEST

UNIT_MAIN("tsip", an_event_is_told_with_its_fraction, weeks_that_have_come_round_are_brought_forward, timing_packets_tell_the_time_together,
    a_receiver_that_is_not_set_to_utc_tells_nothing, a_week_and_a_second_of_gps_are_an_instant, packets_of_another_length_are_none,
    a_stream_that_begins_in_the_middle_or_breaks_off_finds_the_next_packet)
