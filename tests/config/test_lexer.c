/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens, and the numbers in them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "config/lexer.h"
#include "config/value.h"

static void
start(struct lexer *l, const char *text)
{
	lexer_init(l, text, strlen(text));
	ck_assert(lexer_line(l));
}

static void
expect(struct lexer *l, enum token_want want, enum token_kind kind, unsigned column, const char *text)
{
	struct token t;

	lexer_next(l, want, &t);
	ck_assert_int_eq(t.kind, kind);
	ck_assert_uint_eq(t.column, column);
	ck_assert_str_eq(t.text, text);
	ck_assert_uint_eq(t.len, strlen(text));
}

START_TEST(words_are_separated_by_any_blanks)
{
	struct lexer l;

	start(&l, "\tserver  a\v\r b");
	expect(&l, WANT_WORD, TOKEN_WORD, 2, "server");
	expect(&l, WANT_WORD, TOKEN_WORD, 10, "a");
	expect(&l, WANT_WORD, TOKEN_WORD, 14, "b");
	expect(&l, WANT_WORD, TOKEN_END, 15, "");
	expect(&l, WANT_WORD, TOKEN_END, 15, "");
	ck_assert(!lexer_line(&l));
}
END_TEST

START_TEST(comment_ends_a_line_and_a_word)
{
	struct lexer l;

	start(&l, "kod# x\n# y\nlimited #z");
	expect(&l, WANT_WORD, TOKEN_WORD, 1, "kod");
	expect(&l, WANT_WORD, TOKEN_END, 7, "");
	ck_assert(lexer_line(&l));
	expect(&l, WANT_WORD, TOKEN_END, 4, "");
	ck_assert(lexer_line(&l));
	expect(&l, WANT_STRING, TOKEN_WORD, 1, "limited");
	expect(&l, WANT_STRING, TOKEN_END, 11, "");
	ck_assert_uint_eq(l.line, 3);
}
END_TEST

START_TEST(quotes_hold_blanks_and_hashes)
{
	struct lexer l;

	start(&l, "\"a # b\" \"\" /x\"y z\"w");
	expect(&l, WANT_WORD, TOKEN_STRING, 1, "a # b");
	expect(&l, WANT_WORD, TOKEN_STRING, 9, "");
	expect(&l, WANT_STRING, TOKEN_STRING, 12, "/xy z");
	expect(&l, WANT_STRING, TOKEN_WORD, 19, "w");
}
END_TEST

START_TEST(missing_closing_quote_is_forgiven)
{
	struct lexer l;

	start(&l, "\"a b\r\nnext");
	expect(&l, WANT_STRING, TOKEN_STRING, 1, "a b");
	expect(&l, WANT_STRING, TOKEN_END, 6, "");
	ck_assert(lexer_line(&l));
	expect(&l, WANT_WORD, TOKEN_WORD, 1, "next");
}
END_TEST

START_TEST(special_characters_stand_alone_except_in_strings)
{
	struct lexer l;

	start(&l, "a=b(1");
	expect(&l, WANT_WORD, TOKEN_WORD, 1, "a");
	expect(&l, WANT_WORD, TOKEN_SPECIAL, 2, "=");
	expect(&l, WANT_STRING, TOKEN_WORD, 3, "b(1");
}
END_TEST

START_TEST(byte_order_mark_is_stepped_over)
{
	struct lexer l;

	start(&l, "\xef\xbb\xbfserver");
	expect(&l, WANT_WORD, TOKEN_WORD, 1, "server");
}
END_TEST

START_TEST(empty_lines_and_a_missing_newline_count)
{
	struct lexer l;

	start(&l, "\n\r\nlast");
	ck_assert_uint_eq(l.line, 1);
	ck_assert(lexer_line(&l));
	expect(&l, WANT_WORD, TOKEN_END, 2, "");
	ck_assert(lexer_line(&l));
	ck_assert_uint_eq(l.line, 3);
	expect(&l, WANT_WORD, TOKEN_WORD, 1, "last");
	ck_assert(!lexer_line(&l));
	lexer_init(&l, "", 0);
	ck_assert(!lexer_line(&l));
}
END_TEST

START_TEST(token_of_1023_octets_fits_and_one_more_does_not)
{
	char text[TOKEN_MAX + 3];
	struct token t;
	struct lexer l;

	memset(text, 'x', sizeof(text));
	lexer_init(&l, text, TOKEN_MAX);
	ck_assert(lexer_line(&l));
	lexer_next(&l, WANT_WORD, &t);
	ck_assert_int_eq(t.kind, TOKEN_WORD);
	ck_assert_uint_eq(t.len, TOKEN_MAX);
	lexer_init(&l, text, TOKEN_MAX + 1);
	ck_assert(lexer_line(&l));
	lexer_next(&l, WANT_WORD, &t);
	ck_assert_int_eq(t.kind, TOKEN_LONG);
	text[0] = '"';
	lexer_init(&l, text, sizeof(text));
	ck_assert(lexer_line(&l));
	lexer_next(&l, WANT_STRING, &t);
	ck_assert_int_eq(t.kind, TOKEN_LONG);
	lexer_next(&l, WANT_STRING, &t);
	ck_assert_int_eq(t.kind, TOKEN_END);
}
END_TEST

START_TEST(nul_is_no_text_and_its_place_is_told)
{
	unsigned line = 0, column = 0;

	ck_assert(lexer_is_text("abc\n", 4, &line, &column));
	ck_assert(lexer_is_text("", 0, &line, &column));
	ck_assert(!lexer_is_text("ab\ncd\0e", 7, &line, &column));
	ck_assert_uint_eq(line, 2);
	ck_assert_uint_eq(column, 3);
}
END_TEST

static const struct { const char *s; enum value_err err; int64_t v; } ints[] = {
	{ "0", VALUE_OK, 0 }, { "-7", VALUE_OK, -7 }, { "+7", VALUE_OK, 7 }, { "0x1F", VALUE_OK, 31 }, { "010", VALUE_OK, 10 },
	{ "9223372036854775807", VALUE_OK, INT64_MAX }, { "9223372036854775808", VALUE_OVERFLOW, 0 },
	{ "-99999999999999999999", VALUE_OVERFLOW, 0 }, { "", VALUE_SYNTAX, 0 }, { "-", VALUE_SYNTAX, 0 }, { "0x", VALUE_SYNTAX, 0 },
	{ "1.0", VALUE_SYNTAX, 0 }, { "1e3", VALUE_SYNTAX, 0 }, { "12a", VALUE_SYNTAX, 0 }, { "--1", VALUE_SYNTAX, 0 }, { " 1", VALUE_SYNTAX, 0 },
};

START_TEST(whole_numbers)
{
	int64_t v = 42;

	ck_assert_int_eq(value_int(ints[_i].s, &v), ints[_i].err);
	ck_assert_int_eq(v, ints[_i].err == VALUE_OK ? ints[_i].v : 42);
}
END_TEST

static const struct { const char *s; enum value_err err; double v; } numbers[] = {
	{ "0", VALUE_OK, 0 }, { "+0.130", VALUE_OK, 0.130 }, { ".00487", VALUE_OK, 0.00487 }, { "5.", VALUE_OK, 5 }, { "-1e-3", VALUE_OK, -1e-3 },
	{ "1E6", VALUE_OK, 1e6 }, { "1g", VALUE_OK, 1 + 1024 * 604800.0 }, { "0gG", VALUE_OK, (1024 + 8192) * 604800.0 },
	{ "nan", VALUE_SYNTAX, 0 }, { "inf", VALUE_SYNTAX, 0 }, { "-inf", VALUE_SYNTAX, 0 }, { "infinity", VALUE_SYNTAX, 0 },
	{ "0x10", VALUE_SYNTAX, 0 }, { "1e999", VALUE_OVERFLOW, 0 }, { "-1e999", VALUE_OVERFLOW, 0 }, { "", VALUE_SYNTAX, 0 },
	{ ".", VALUE_SYNTAX, 0 }, { "e5", VALUE_SYNTAX, 0 }, { "1e", VALUE_SYNTAX, 0 }, { "1s", VALUE_SYNTAX, 0 }, { "1,5", VALUE_SYNTAX, 0 },
	{ "1 ", VALUE_SYNTAX, 0 }, { "--1", VALUE_SYNTAX, 0 },
};

START_TEST(numbers_are_finite)
{
	double v = 42;

	ck_assert_int_eq(value_double(numbers[_i].s, &v), numbers[_i].err);
	ck_assert_double_eq(v, numbers[_i].err == VALUE_OK ? numbers[_i].v : 42);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config/lexer");
	TCase *t = tcase_create("lexer");
	SRunner *r;
	int failed;

	tcase_add_test(t, words_are_separated_by_any_blanks);
	tcase_add_test(t, comment_ends_a_line_and_a_word);
	tcase_add_test(t, quotes_hold_blanks_and_hashes);
	tcase_add_test(t, missing_closing_quote_is_forgiven);
	tcase_add_test(t, special_characters_stand_alone_except_in_strings);
	tcase_add_test(t, byte_order_mark_is_stepped_over);
	tcase_add_test(t, empty_lines_and_a_missing_newline_count);
	tcase_add_test(t, token_of_1023_octets_fits_and_one_more_does_not);
	tcase_add_test(t, nul_is_no_text_and_its_place_is_told);
	tcase_add_loop_test(t, whole_numbers, 0, (int)(sizeof(ints) / sizeof(ints[0])));
	tcase_add_loop_test(t, numbers_are_finite, 0, (int)(sizeof(numbers) / sizeof(numbers[0])));
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
