/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of answers: separators, wrapping, what does not fit, and where it is cut. */
#include <string.h>

#include "control/text.h"
#include "../unit.h"

START_TEST(an_item_may_be_a_name_alone)
{
	char buf[32];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_bare(&t, "a");
	text_item(&t, "b", "%d", 1);
	text_bare(&t, "c");
	text_bare(&t, "much_too_long_for_what_is_left_of_it");
	ck_assert(t.full);
	text_end(&t);
	buf[t.len] = '\0';
	ck_assert_str_eq(buf, "a, b=1, c\r\n");
}
END_TEST

START_TEST(items_are_separated_and_the_end_is_marked)
{
	char buf[100];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_end(&t);
	ck_assert_uint_eq(t.len, 0);
	text_item(&t, "a", "%d", 1);
	text_item(&t, "b", "x y");
	text_end(&t);
	ck_assert_uint_eq(t.len, 12);
	ck_assert_mem_eq(buf, "a=1, b=x y\r\n", 12);
}
END_TEST

START_TEST(an_item_without_a_value_leaves_no_trace)
{
	char buf[100];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_item(&t, "none", "%s", "");
	text_item(&t, "a", "1");
	text_open(&t, "quoted");
	text_quote(&t, "", 10);
	text_quote(&t, NULL, 10);
	text_close(&t);
	text_item(&t, "b", "2");
	ck_assert_uint_eq(t.len, 8);
	ck_assert_mem_eq(buf, "a=1, b=2", 8);
	ck_assert(!t.full);
}
END_TEST

START_TEST(no_line_passes_72_columns_and_none_breaks_early)
{
	char buf[4000];
	struct text t;
	size_t col = 0, longest = 0;

	text_init(&t, buf, sizeof(buf));
	for (int i = 0; i < 150; i++)
		text_item(&t, "n", "%.*s", i % 20 + 1, "abcdefghijklmnopqrstuvwxyz");
	text_end(&t);
	for (size_t i = 0; i < t.len; i++) {
		col = buf[i] == '\n' ? 0 : col + (buf[i] != '\r');
		longest = col > longest ? col : longest;
		/* The first item of the line after would not have fitted, with its blank and its comma. */
		if (buf[i] == '\r' && i + 2 < t.len)
			ck_assert_uint_gt(col + 1 + strcspn(buf + i + 2, ",\r") + 1, TEXT_WIDTH);
	}
	ck_assert_uint_eq(longest, TEXT_WIDTH);
}
END_TEST

START_TEST(an_item_longer_than_a_line_has_one_to_itself)
{
	char buf[400], value[120];
	struct text t;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	text_init(&t, buf, sizeof(buf));
	text_item(&t, "a", "1");
	text_item(&t, "long", "%s", value);
	text_item(&t, "b", "2");
	ck_assert_mem_eq(buf, "a=1,\r\nlong=v", 12);
	ck_assert_mem_eq(buf + t.len - 7, "v,\r\nb=2", 7);
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_whole_at_every_size)
{
	for (size_t cap = 1; cap < 40; cap++) {
		char buf[48];
		struct text t;

		memset(buf, '#', sizeof(buf));
		text_init(&t, buf, cap);
		text_item(&t, "first", "1234567890");
		text_item(&t, "second", "%s", "1234567890");
		text_end(&t);
		ck_assert_uint_lt(t.len, cap + (cap == 0));
		for (size_t i = cap; i < sizeof(buf); i++)
			ck_assert_int_eq(buf[i], '#');
		ck_assert(t.len == 0 || memcmp(buf, "first=1234567890", 16) == 0);
		ck_assert_int_eq(t.full, cap < 36);
		if (cap >= 17 && cap < 36)
			ck_assert_uint_eq(t.len, cap >= 19 ? 18 : 16);
	}
}
END_TEST

START_TEST(a_mark_forgets_what_came_after)
{
	char buf[100];
	struct text t, mark;

	text_init(&t, buf, sizeof(buf));
	text_item(&t, "a", "1");
	mark = t;
	text_item(&t, "b", "2");
	t = mark;
	text_item(&t, "c", "3");
	ck_assert_uint_eq(t.len, 8);
	ck_assert_mem_eq(buf, "a=1, c=3", 8);
}
END_TEST

START_TEST(quotes_and_controls_inside_a_string_become_dots)
{
	char buf[100];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_open(&t, "s");
	text_quote(&t, "a\"b\nc\x80" "d", 6);
	text_close(&t);
	ck_assert_uint_eq(t.len, 10);
	ck_assert_mem_eq(buf, "s=\"a.b.c.\"", 10);
}
END_TEST

START_TEST(cuts_fall_behind_separators)
{
	struct text t = { .buf = (char []){ "aaa=1, bbb=\"x, y\",\r\nccc=3\r\n" } };
	bool quoted = false;
	size_t at = 0, n;

	t.len = strlen(t.buf);
	n = text_cut(&t, at, 16, &quoted);	/* ends inside the quotes, behind a comma that is none of ours */
	ck_assert_uint_eq(n, 7);
	ck_assert(!quoted);
	at += n;
	n = text_cut(&t, at, 16, &quoted);
	ck_assert_uint_eq(n, 13);
	at += n;
	ck_assert_uint_eq(text_cut(&t, at, 16, &quoted), t.len - at);
}
END_TEST

START_TEST(an_item_longer_than_a_datagram_is_cut_at_its_commas_or_anywhere)
{
	struct text t = { .buf = (char []){ "l=\"aa,bb,cc\", d=1" } }, u = { .buf = (char []){ "l=abcdefghijk" } };
	bool quoted = false;

	t.len = strlen(t.buf);
	u.len = strlen(u.buf);
	ck_assert_uint_eq(text_cut(&t, 0, 8, &quoted), 6);
	ck_assert(quoted);
	ck_assert_uint_eq(text_cut(&t, 6, 8, &quoted), 8);
	ck_assert(!quoted);
	ck_assert_uint_eq(text_cut(&u, 0, 8, &quoted), 8);
}
END_TEST

UNIT_MAIN("control/text", items_are_separated_and_the_end_is_marked, an_item_without_a_value_leaves_no_trace,
    no_line_passes_72_columns_and_none_breaks_early, an_item_longer_than_a_line_has_one_to_itself,
    what_does_not_fit_is_left_out_whole_at_every_size, a_mark_forgets_what_came_after, quotes_and_controls_inside_a_string_become_dots,
    cuts_fall_behind_separators, an_item_longer_than_a_datagram_is_cut_at_its_commas_or_anywhere,
    an_item_may_be_a_name_alone)
