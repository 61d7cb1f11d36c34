/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the tools share: running a suite, catching what is printed, views of strings. */
#ifndef TESTS_TOOLS_SUITE_H
#define TESTS_TOOLS_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vars.h"

static inline struct vars
vars_of(const char *text)
{
	return (struct vars){ .text = text, .len = strlen(text) };
}

static inline int
run_case(const char *name, TCase *tc)
{
	Suite *s = suite_create(name);
	SRunner *sr;
	int failed;

	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Prints through body, which uses `out`, and compares the whole with want. */
#define CK_PRINTS(want, body) do {						\
	char *printed = NULL;							\
	size_t printed_len;							\
	FILE *out = open_memstream(&printed, &printed_len);			\
	ck_assert_ptr_nonnull(out);						\
	body;									\
	fclose(out);								\
	ck_assert_str_eq(printed, (want));					\
	free(printed);								\
} while (0)

#endif
