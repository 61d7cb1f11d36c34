/* SPDX-License-Identifier: BSD-2-Clause */
/* Telegrams cut out of a stream of octets, and which octet each of them was on time with. */
#include <string.h>

#include "refclock/frame.h"
#include "../unit.h"

/* Feeds s, each octet a nanosecond after the last from 1 on; what comes out, telegrams parted by |, is compared, and the last one's stamp. */
static void
check(const struct framing *how, const char *s, size_t len, const char *want, int64_t stamp)
{
	static struct frame f;
	char out[4096] = "";
	size_t n = 0;
	int64_t last = 0;

	memset(&f, 0, sizeof(f));
	for (size_t i = 0; i < len; i++) {
		if (!frame_feed(&f, how, (uint8_t)s[i], (struct walltime){ (int64_t)i + 1 }))
			continue;
		ck_assert_uint_le(f.len, sizeof(f.buf));
		memcpy(out + n, f.buf, f.len);
		n += f.len;
		out[n++] = '|';
		last = f.stamp.ns;
	}
	ck_assert_str_eq(out, want);
	ck_assert_int_eq(last, stamp);
}

#define CHECK(how, s, want, stamp)	check(how, s, sizeof(s) - 1, want, stamp)

START_TEST(lines_end_with_either_of_two_octets)
{
	static const struct framing how = { .end = "\r\n", .stamp = FRAME_LAST };

	CHECK(&how, "abc\r\nde\n\n\rf", "abc|de|", 8);
	CHECK(&how, "\001abc\002\r", "abc|", 6);
	CHECK(&how, "", "", 0);
}
END_TEST

START_TEST(a_line_may_be_on_time_with_the_return_before_it)
{
	static const struct framing how = { .end = "\r\n", .stamp = FRAME_RETURN_BEFORE };

	/* What comes before any return began before we listened. */
	CHECK(&how, "abc\r\n", "", 0);
	CHECK(&how, "abc\r\nde\r\n", "de|", 4);
	CHECK(&how, "\r\n de\r\n\r\n fgh\r\n", " de| fgh|", 8);
}
END_TEST

START_TEST(a_telegram_between_two_octets_is_on_time_with_the_first)
{
	static const struct framing how = { .start = 2, .end = "\3", .stamp = FRAME_FIRST };

	CHECK(&how, "xx\2abc\3yy\2d\3", "abc|d|", 10);
	/* One that lost its end does not spoil the next. */
	CHECK(&how, "\2abc\2def\3", "def|", 5);
	CHECK(&how, "abc\3\2\3", "", 0);
}
END_TEST

START_TEST(binary_telegrams_keep_their_control_characters)
{
	static const struct framing how = { .start = 2, .end = "\3", .stamp = FRAME_LAST, .binary = true };
	static const struct framing any = { .end = "\xfd", .stamp = FRAME_FIRST, .binary = true };

	CHECK(&how, "\2a\n\r\2b\3", "a\n\r\2b|", 7);
	CHECK(&any, "\1\2\xfd\5\xfd", "\1\2|\5|", 4);
}
END_TEST

START_TEST(a_telegram_without_an_end_has_a_length)
{
	static const struct framing how = { .start = '!', .end = "\r\n", .len = 4, .stamp = FRAME_FIRST };
	static const struct framing with_lines = { .start = 'T', .end = "", .len = 6, .stamp = FRAME_FIRST };

	CHECK(&how, "x!abc!def!gh!ijk", "!abc|!def|!ijk|", 13);
	CHECK(&with_lines, "T1\r\n23T4\r\n56", "T1\r\n23|T4\r\n56|", 7);
}
END_TEST

START_TEST(what_is_too_long_is_left_out_to_its_end)
{
	static const struct framing how = { .end = "\n", .stamp = FRAME_FIRST };
	char s[TIMECODE_MAX + 100];

	memset(s, 'x', sizeof(s));
	memcpy(s + TIMECODE_MAX, "\nab\n", 4);
	s[TIMECODE_MAX + 4] = '\n';
	{
		struct frame f = { .len = 0 };
		unsigned n = 0;

		for (size_t i = 0; i < TIMECODE_MAX + 4; i++)
			n += frame_feed(&f, &how, (uint8_t)s[i], (struct walltime){ 1 });
		ck_assert_uint_eq(n, 2);
		f = (struct frame){ .len = 0 };
		n = frame_feed(&f, &how, 'y', (struct walltime){ 1 });
		for (size_t i = 0; i < TIMECODE_MAX + 4; i++)
			n += frame_feed(&f, &how, (uint8_t)s[i], (struct walltime){ 1 });
		ck_assert_uint_eq(n, 1);
	}
}
END_TEST

UNIT_MAIN("frame", lines_end_with_either_of_two_octets, a_line_may_be_on_time_with_the_return_before_it,
    a_telegram_between_two_octets_is_on_time_with_the_first, binary_telegrams_keep_their_control_characters, a_telegram_without_an_end_has_a_length,
    what_is_too_long_is_left_out_to_its_end)
