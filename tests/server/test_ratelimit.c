/* SPDX-License-Identifier: BSD-2-Clause */
/* The rate limit: traces computed by hand from discard's definition, and what it promises against floods. */
#include <check.h>
#include <stdlib.h>

#include "chance.h"
#include "server/ratelimit.h"

#define NO_MERCY	1u	/* chance bits that are not the one in four */
#define MERCY		4u

static struct monotime
at(double s)
{
	return monotime_add((struct monotime){ 1000000000 }, s);
}

/* Packets at a steady interval, the n-th (from 1) judged without mercy. */
static enum ratelimit_verdict
nth(struct ratelimit *s, const struct discard_opts *o, int n, double interval)
{
	return ratelimit_check(s, o, at(n * interval), NO_MERCY);
}

START_TEST(first_packet_passes_whatever_the_limit)
{
	struct discard_opts o = { .average_log2 = 0, .minimum = 1000 };
	struct ratelimit s = { 0 };

	ck_assert_int_eq(ratelimit_check(&s, &o, at(0), NO_MERCY), RATELIMIT_PASS);
	ck_assert_int_ne(ratelimit_check(&s, &o, at(1), NO_MERCY), RATELIMIT_PASS);
}
END_TEST

/* A head is 8 s, the limit 64 s.  At 1 Hz each packet adds 8 - 2 - 1 = 5 s: the 13th finds 55 s, the 14th 60 s. */
START_TEST(one_hertz_passes_thirteen_times)
{
	struct ratelimit s = { 0 };

	for (int n = 1; n <= 13; n++)
		ck_assert_msg(nth(&s, &discard_defaults, n, 1) == RATELIMIT_PASS, "packet %d", n);
	ck_assert_int_eq(nth(&s, &discard_defaults, 14, 1), RATELIMIT_KOD);	/* now 72 s */
	for (int n = 15; n <= 22; n++)
		ck_assert_msg(nth(&s, &discard_defaults, n, 1) == RATELIMIT_DROP, "packet %d", n);
	ck_assert_int_eq(nth(&s, &discard_defaults, 23, 1), RATELIMIT_KOD);	/* 63 s < 64 s */
	ck_assert_int_eq(nth(&s, &discard_defaults, 24, 1), RATELIMIT_DROP);
}
END_TEST

/* At one packet in 2 s each adds 4 s: the 16th finds 56 s, which with its own 8 s is the limit. */
START_TEST(reaching_the_limit_is_over_it)
{
	struct ratelimit s = { 0 };

	for (int n = 1; n <= 15; n++)
		ck_assert_msg(nth(&s, &discard_defaults, n, 2) == RATELIMIT_PASS, "packet %d", n);
	ck_assert_int_eq(nth(&s, &discard_defaults, 16, 2), RATELIMIT_KOD);
}
END_TEST

START_TEST(a_client_that_falls_silent_is_forgiven)
{
	struct ratelimit s = { 0 };

	for (int n = 1; n <= 14; n++)
		(void)nth(&s, &discard_defaults, n, 1);
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(14 + 7.9), NO_MERCY), RATELIMIT_DROP);	/* 64.1 s */
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(14 + 16.1), NO_MERCY), RATELIMIT_PASS);	/* 55.9 s */
}
END_TEST

START_TEST(polls_at_the_average_never_meet_the_limit)
{
	struct ratelimit s = { 0 };

	for (int n = 1; n <= 10000; n++)
		ck_assert_int_eq(nth(&s, &discard_defaults, n, 8), RATELIMIT_PASS);
}
END_TEST

START_TEST(a_burst_of_eight_at_two_seconds_passes_each_minute)
{
	struct ratelimit s = { 0 };

	for (int minute = 0; minute < 100; minute++)
		for (int i = 0; i < 8; i++)
			ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(minute * 64 + i * 2), NO_MERCY), RATELIMIT_PASS);
}
END_TEST

START_TEST(the_guard_rounds_to_whole_seconds)
{
	struct ratelimit a = { 0 }, b = { 0 };

	ck_assert_int_eq(ratelimit_check(&a, &discard_defaults, at(0), NO_MERCY), RATELIMIT_PASS);
	ck_assert_int_eq(ratelimit_check(&a, &discard_defaults, at(0.51), NO_MERCY), RATELIMIT_PASS);
	ck_assert_int_eq(ratelimit_check(&b, &discard_defaults, at(0), NO_MERCY), RATELIMIT_PASS);
	ck_assert_int_eq(ratelimit_check(&b, &discard_defaults, at(0.49), NO_MERCY), RATELIMIT_KOD);
}
END_TEST

/* SRV-06: ten minutes at 10 Hz. */
START_TEST(a_fast_client_gets_the_mercy_and_few_kods)
{
	uint64_t dice = chance_seed("ratelimit 10 Hz");
	struct ratelimit s = { 0 };
	double last_kod = -100;
	int answered = 0;

	for (int n = 0; n < 6000; n++) {
		enum ratelimit_verdict v = ratelimit_check(&s, &discard_defaults, at(n * 0.1), chance(&dice));

		answered += v == RATELIMIT_PASS || v == RATELIMIT_MERCY;
		if (v == RATELIMIT_KOD) {
			ck_assert_double_ge(n * 0.1 - last_kod, 2);
			last_kod = n * 0.1;
		}
	}
	ck_assert_double_gt(last_kod, 500);
	ck_assert_int_ge(answered, 1500 - 5 * 34);	/* binomial: sigma is 34 */
	ck_assert_int_le(answered, 1500 + 5 * 34);
}
END_TEST

START_TEST(kods_are_two_seconds_apart_even_at_the_shortest_average)
{
	struct discard_opts o = { .average_log2 = 0, .minimum = 2 };
	struct ratelimit s = { 0 };
	double last_kod = -100;

	for (int n = 0; n < 3000; n++)
		if (nth(&s, &o, n, 0.1) == RATELIMIT_KOD) {
			ck_assert_double_ge(n * 0.1 - last_kod, 2);
			last_kod = n * 0.1;
		}
	ck_assert_double_gt(last_kod, 250);
}
END_TEST

/* SRV-06, SRV-07: 1000 Hz.  The first refusal cannot know that a flood begins; later there is none. */
START_TEST(a_flood_gets_no_kods_after_the_first)
{
	struct ratelimit s = { 0 };
	int kods = 0;

	for (int n = 0; n < 100000; n++)
		kods += nth(&s, &discard_defaults, n, 0.001) == RATELIMIT_KOD;
	ck_assert_int_eq(kods, 1);
}
END_TEST

/* SRV-07: in the middle of the flood the victim polls; of 24 polls all fail with a probability of 0.75^24 = 0.1 %. */
START_TEST(nobody_is_shut_out_by_packets_in_his_name)
{
	uint64_t dice = chance_seed("ratelimit victim");
	int out = 0;

	for (int run = 0; run < 2000; run++) {
		struct ratelimit s = { 0 };
		int through = 0;

		for (int n = 0; n < 24 * 50; n++) {
			enum ratelimit_verdict v = ratelimit_check(&s, &discard_defaults, at(n * 0.001), chance(&dice));

			if (n % 50 == 49)
				through += v == RATELIMIT_PASS || v == RATELIMIT_MERCY;
		}
		out += through == 0;
	}
	ck_assert_int_le(out, 12);	/* 2 expected; more than 12 in one of a million tries */
}
END_TEST

START_TEST(mercy_is_shown_to_a_fourth_of_what_is_over_the_limit_only)
{
	struct ratelimit s = { 0 };

	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(0), MERCY), RATELIMIT_PASS);
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(0.1), MERCY), RATELIMIT_MERCY);
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(0.2), NO_MERCY), RATELIMIT_KOD);
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(0.3), NO_MERCY), RATELIMIT_DROP);
}
END_TEST

/* limit average 1 burst 20: twenty packets at once pass; at 1 Hz the score comes to rest just above 1, at half that rate far below. */
START_TEST(by_score_bursts_pass_and_a_steady_rate_below_the_average_does_too)
{
	struct discard_opts o = discard_defaults;
	struct ratelimit s = { 0 };

	o.by_score = true;
	for (int n = 1; n <= 20; n++)
		ck_assert_msg(ratelimit_check(&s, &o, at(0.0001 * n), NO_MERCY) == RATELIMIT_PASS, "packet %d", n);
	ck_assert_int_eq(ratelimit_check(&s, &o, at(0.001), NO_MERCY), RATELIMIT_KOD);
	ck_assert_int_eq(ratelimit_check(&s, &o, at(0.002), NO_MERCY), RATELIMIT_DROP);
	ck_assert_int_eq(ratelimit_check(&s, &o, at(0.003), MERCY), RATELIMIT_MERCY);
	s = (struct ratelimit){ 0 };
	for (int n = 1; n <= 500; n++)
		ck_assert_msg(nth(&s, &o, n, 2) == RATELIMIT_PASS, "packet %d", n);
	/* 10 Hz: over the limit within 2.2 s, and beyond average + kod nobody is told any more. */
	s = (struct ratelimit){ 0 };
	for (int n = 1; n <= 21; n++)
		ck_assert_msg(nth(&s, &o, n, 0.1) == RATELIMIT_PASS, "packet %d", n);
	for (int n = 22; n <= 100; n++)
		nth(&s, &o, n, 0.1);
	for (int n = 101; n <= 200; n++)
		ck_assert_msg(nth(&s, &o, n, 0.1) == RATELIMIT_DROP, "packet %d", n);
	/* Silence is forgiven. */
	ck_assert_int_eq(ratelimit_check(&s, &o, at(20 + 60), NO_MERCY), RATELIMIT_PASS);
}
END_TEST

START_TEST(extreme_averages_stay_finite)
{
	for (int average = -1; average <= 255; average++) {
		struct discard_opts o = { .average_log2 = average, .minimum = 2 };
		struct ratelimit s = { 0 };

		for (int n = 1; n < 20; n++)
			(void)nth(&s, &o, n, 3);
		ck_assert_double_ge(monotime_diff(s.until, at(57)), -60);
		ck_assert_double_lt(monotime_diff(s.until, at(57)), 10 * 131072.0);
		ck_assert_int_ge(ratelimit_poll(&o), 0);
		ck_assert_int_le(ratelimit_poll(&o), 17);
	}
}
END_TEST

START_TEST(a_clock_that_stands_still_does_no_harm)
{
	struct ratelimit s = { 0 };

	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(5), NO_MERCY), RATELIMIT_PASS);
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(5), NO_MERCY), RATELIMIT_KOD);
	ck_assert_int_eq(ratelimit_check(&s, &discard_defaults, at(4), NO_MERCY), RATELIMIT_DROP);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ratelimit");
	TCase *tc = tcase_create("ratelimit");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, first_packet_passes_whatever_the_limit);
	tcase_add_test(tc, one_hertz_passes_thirteen_times);
	tcase_add_test(tc, reaching_the_limit_is_over_it);
	tcase_add_test(tc, a_client_that_falls_silent_is_forgiven);
	tcase_add_test(tc, polls_at_the_average_never_meet_the_limit);
	tcase_add_test(tc, a_burst_of_eight_at_two_seconds_passes_each_minute);
	tcase_add_test(tc, the_guard_rounds_to_whole_seconds);
	tcase_add_test(tc, a_fast_client_gets_the_mercy_and_few_kods);
	tcase_add_test(tc, kods_are_two_seconds_apart_even_at_the_shortest_average);
	tcase_add_test(tc, a_flood_gets_no_kods_after_the_first);
	tcase_add_test(tc, nobody_is_shut_out_by_packets_in_his_name);
	tcase_add_test(tc, mercy_is_shown_to_a_fourth_of_what_is_over_the_limit_only);
	tcase_add_test(tc, by_score_bursts_pass_and_a_steady_rate_below_the_average_does_too);
	tcase_add_test(tc, extreme_averages_stay_finite);
	tcase_add_test(tc, a_clock_that_stands_still_does_no_harm);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
