/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments of answers: any order, repeated, overlapping, too many, out of bounds. */
#include "suite.h"

#include "tools/assembly.h"

static struct assembly a;

static enum assembly_result
add(const char *data, unsigned offset, bool more)
{
	struct control c = {
		.response = true, .more = more, .offset = (uint16_t)offset, .count = (uint16_t)strlen(data),
		.status = (uint16_t)(0x600 + offset),
	};

	return assembly_add(&a, &c, (const uint8_t *)data);
}

static void
setup(void)
{
	assembly_init(&a);
}

#define CK_WHOLE(want) do { \
	ck_assert_uint_eq(a.len, strlen(want)); \
	ck_assert_mem_eq(a.data, want, a.len); \
} while (0)

START_TEST(one_fragment_is_an_answer)
{
	ck_assert_int_eq(add("leap=0", 0, false), ASSEMBLY_COMPLETE);
	CK_WHOLE("leap=0");
	ck_assert_uint_eq(a.status, 0x600);
}
END_TEST

START_TEST(an_answer_may_be_empty)
{
	ck_assert_int_eq(add("", 0, false), ASSEMBLY_COMPLETE);
	ck_assert_uint_eq(a.len, 0);
}
END_TEST

START_TEST(fragments_come_in_any_order)
{
	static const struct { const char *data; unsigned offset; bool more; } frags[] = {
		{ "abc", 0, true }, { "defg", 3, true }, { "h", 7, false },
	};
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (size_t i = 0; i < NELEMS(orders); i++) {
		assembly_init(&a);
		for (int k = 0; k < 3; k++) {
			int f = orders[i][k];

			ck_assert_int_eq(add(frags[f].data, frags[f].offset, frags[f].more), k < 2 ? ASSEMBLY_TAKEN : ASSEMBLY_COMPLETE);
		}
		CK_WHOLE("abcdefgh");
		ck_assert_uint_eq(a.status, 0x600);
	}
}
END_TEST

START_TEST(a_repeated_fragment_is_ignored)
{
	ck_assert_int_eq(add("abc", 0, true), ASSEMBLY_TAKEN);
	ck_assert_int_eq(add("XYZ", 0, true), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("d", 3, false), ASSEMBLY_COMPLETE);
	CK_WHOLE("abcd");
}
END_TEST

START_TEST(an_overlapping_fragment_is_ignored)
{
	ck_assert_int_eq(add("abcd", 0, true), ASSEMBLY_TAKEN);
	ck_assert_int_eq(add("XY", 3, false), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("Xefg", 2, true), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("ef", 4, false), ASSEMBLY_COMPLETE);
	CK_WHOLE("abcdef");
}
END_TEST

START_TEST(an_empty_fragment_that_promises_more_is_ignored)
{
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(add("", 0, true), ASSEMBLY_IGNORED);
	ck_assert_uint_eq(a.nfrags, 0);
}
END_TEST

START_TEST(nothing_lies_behind_the_end)
{
	ck_assert_int_eq(add("cd", 2, false), ASSEMBLY_TAKEN);
	ck_assert_int_eq(add("ef", 4, true), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("ef", 4, false), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("ab", 0, true), ASSEMBLY_COMPLETE);
	CK_WHOLE("abcd");
}
END_TEST

START_TEST(an_end_before_what_is_held_is_ignored)
{
	ck_assert_int_eq(add("cd", 8, true), ASSEMBLY_TAKEN);
	ck_assert_int_eq(add("ab", 0, false), ASSEMBLY_IGNORED);
}
END_TEST

START_TEST(what_lies_outside_the_space_is_ignored)
{
	ck_assert_int_eq(add("abc", ASSEMBLY_MAX - 2, false), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("abc", 65535, false), ASSEMBLY_IGNORED);
	ck_assert_int_eq(add("ab", ASSEMBLY_MAX - 2, false), ASSEMBLY_TAKEN);
}
END_TEST

START_TEST(thirty_two_fragments_are_an_answer_and_one_more_is_too_many)
{
	for (unsigned i = 0; i < CONTROL_FRAGMENTS_MAX - 1; i++)
		ck_assert_int_eq(add("x", i, true), ASSEMBLY_TAKEN);
	ck_assert_int_eq(add("x", CONTROL_FRAGMENTS_MAX - 1, false), ASSEMBLY_COMPLETE);
	assembly_init(&a);
	for (unsigned i = 0; i < CONTROL_FRAGMENTS_MAX - 1; i++)
		ck_assert_int_eq(add("x", i, true), ASSEMBLY_TAKEN);
	ck_assert_int_eq(add("x", CONTROL_FRAGMENTS_MAX - 1, true), ASSEMBLY_FULL);
	ck_assert_int_eq(add("x", CONTROL_FRAGMENTS_MAX, false), ASSEMBLY_FULL);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("assembly");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, one_fragment_is_an_answer);
	tcase_add_test(tc, an_answer_may_be_empty);
	tcase_add_test(tc, fragments_come_in_any_order);
	tcase_add_test(tc, a_repeated_fragment_is_ignored);
	tcase_add_test(tc, an_overlapping_fragment_is_ignored);
	tcase_add_test(tc, an_empty_fragment_that_promises_more_is_ignored);
	tcase_add_test(tc, nothing_lies_behind_the_end);
	tcase_add_test(tc, an_end_before_what_is_held_is_ignored);
	tcase_add_test(tc, what_lies_outside_the_space_is_ignored);
	tcase_add_test(tc, thirty_two_fragments_are_an_answer_and_one_more_is_too_many);
	return run_case("assembly", tc);
}
