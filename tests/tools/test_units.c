/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in NTPsec's columns. */
#include "base/must_use.h"
#include "suite.h"
#include "tools/units.h"

static char buf[UNITS_MAX];

static const char *
ms(const char *text, size_t width)
{
	struct varval v = { .s = text, .len = strlen(text) };

	return units_put(&v, UNIT_MS, width, buf);
}

START_TEST(a_unit_leaves_one_to_three_digits_in_front_of_the_point)
{
	static const struct { const char *sent, *all, *eight; } rows[] = {
		{ "0.040", "40us", "40us" }, { "0.000060", "60ns", "60ns" }, { "10.000", "10.000ms", "10.000ms" },
		{ "7947.530", "7.947530s", "7.94753s" }, { "7937.500000", "7.937500000s", "7.93750s" }, { "-0.011", "-11us", "-11us" },
		{ "-123.456789", "-123.456789ms", "-123.5ms" }, { "0.017334", "17.334us", "17.334us" }, { "16000.00", "16.00000s", "16.0000s" },
		{ "9.999999", "9.999999ms", "10.000ms" }, { "123456789.0", "123456.7890s", "123457.s" }, { "+1.5", "1.5ms", "1.5ms" },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		ck_assert_str_eq(ms(rows[i].sent, 0), rows[i].all);
		ck_assert_str_eq(ms(rows[i].sent, 8), rows[i].eight);
	}
}
END_TEST

START_TEST(zero_has_the_unit_of_its_last_digit)
{
	ck_assert_str_eq(ms("0", 8), "0ms");
	ck_assert_str_eq(ms("0.000", 8), "0us");
	ck_assert_str_eq(ms("0.000000", 8), "0ns");
	ck_assert_str_eq(ms("-0.000000000000", 8), "0ns");
}
END_TEST

START_TEST(what_is_no_number_stays_as_it_is)
{
	ck_assert_str_eq(ms("", 8), "");
	ck_assert_str_eq(ms("-", 8), "-");
	ck_assert_str_eq(ms("1e99", 8), "1e99");
	ck_assert_str_eq(ms("1.2.3", 8), "1.2.3");
	ck_assert_str_eq(ms("1\033[2J\xd4", 8), "1^[[2JM-T");
	ck_assert_uint_lt(strlen(ms("99999999999999999999999999999999999999999999999999999999999999999999999999", 8)), UNITS_MAX);
}
END_TEST

START_TEST(eight_columns_hold_every_number)
{
	static const struct { double d; int decimals; const char *want; } rows[] = {
		{ 0, 4, "0.0000" }, { 999.5, 4, "999.5000" }, { 1000, 4, "1000.000" }, { -99.5, 4, "-99.5000" }, { -100, 4, "-100.000" },
		{ 9999.5, 3, "9999.500" }, { 10000, 3, "10000.00" }, { 123456, 3, "123456.0" }, { 1234567, 3, "1234567" }, { -123456, 3, "-123456" },
	};

	for (size_t i = 0; i < NELEMS(rows); i++)
		ck_assert_str_eq(units_f8(rows[i].d, rows[i].decimals, buf), rows[i].want);
}
END_TEST

START_TEST(the_shortest_digits_read_back)
{
	static const struct { double d; const char *want; } rows[] = {
		{ 0, "0.0" }, { 7947.53, "7947.53" }, { 6e-05, "6e-05" }, { 0.0001, "0.0001" }, { 7937.5, "7937.5" }, { -3, "-3.0" },
		{ 0.1, "0.1" }, { 1.0 / 3, "0.3333333333333333" }, { 1e16, "1e+16" }, { 123456789012345.0, "123456789012345.0" },
	};

	for (size_t i = 0; i < NELEMS(rows); i++)
		ck_assert_str_eq(units_shortest(rows[i].d, buf), rows[i].want);
}
END_TEST

START_TEST(periods_have_days_only_when_there_are_some)
{
	ck_assert_str_eq(units_period(46, buf), "00:00:46");
	ck_assert_str_eq(units_period(86399, buf), "23:59:59");
	ck_assert_str_eq(units_period(2 * 86400 + 3661, buf), "2D 01:01:01");
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("units");

	tcase_add_test(tc, a_unit_leaves_one_to_three_digits_in_front_of_the_point);
	tcase_add_test(tc, zero_has_the_unit_of_its_last_digit);
	tcase_add_test(tc, what_is_no_number_stays_as_it_is);
	tcase_add_test(tc, eight_columns_hold_every_number);
	tcase_add_test(tc, the_shortest_digits_read_back);
	tcase_add_test(tc, periods_have_days_only_when_there_are_some);
	return run_case("units", tc);
}
