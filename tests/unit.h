/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test shares: one suite per file, run with the failures printed, in this process where CK_FORK=no asks for it. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <math.h>
#include <stdlib.h>

/* Runs the tests of one table and returns main's exit status. */
static inline int
unit_main(const char *name, const TTest *const tests[], size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* main of a file whose tests are listed. */
#define UNIT_MAIN(name, ...)								\
int											\
main(void)										\
{											\
	const TTest *const tests[] = { __VA_ARGS__ };					\
											\
	return unit_main(name, tests, sizeof(tests) / sizeof(tests[0]));		\
}

#endif
