/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words, intervals, errors, and how command words are completed. */
#include "suite.h"

#include "tools/commands.h"
#include "tools/words.h"

START_TEST(status_words_are_spelt_out)
{
	static const struct { enum status_kind kind; uint16_t status; const char *words; } cases[] = {
		{ STATUS_SYSTEM, 0xc016, "leap_alarm, sync_unspec, 1 event, restart" },
		{ STATUS_SYSTEM, 0x0614, "leap_none, sync_ntp, 1 event, freq_mode" },
		{ STATUS_SYSTEM, 0x0615, "leap_none, sync_ntp, 1 event, clock_sync" },
		{ STATUS_SYSTEM, 0x4608, "leap_add_sec, sync_ntp, no events, no_sys_peer" },
		{ STATUS_SYSTEM, 0x85f0, "leap_del_sec, sync_local, 15 events, unspecified" },
		{ STATUS_SYSTEM, 0x3f10, "leap_none, unknown, 1 event, unspecified" },
		{ STATUS_PEER, 0x961a, "conf, reach, sel_sys.peer, 1 event, sys_peer" },
		{ STATUS_PEER, 0x8811, "conf, bcast, sel_reject, 1 event, mobilize" },
		{ STATUS_PEER, 0xf724, "conf, authenb, auth, reach, sel_pps.peer, 2 events, reachable" },
		{ STATUS_PEER, 0x0000, "sel_reject, no events" },
		{ STATUS_CLOCK, 0x0011, "1 event, clk_no_reply" },
		{ STATUS_CLOCK, 0x000f, "no events, unknown" },
	};
	char buf[200];

	for (size_t i = 0; i < NELEMS(cases); i++)
		ck_assert_str_eq(words_status(cases[i].kind, cases[i].status, buf, sizeof(buf)), cases[i].words);
}
END_TEST

START_TEST(tallies_follow_the_selection)
{
	for (uint16_t i = 0; i < 8; i++)
		ck_assert_int_eq(words_tally((uint16_t)(0x9000 | i << 8)), " x.-+#*o"[i]);
}
END_TEST

START_TEST(intervals_change_units_where_ntpq_does)
{
	static const struct { long seconds; const char *text; } cases[] = {
		{ -5, "-" }, { 0, "-" }, { 1, "1" }, { 2048, "2048" }, { 2049, "34m" }, { 18030, "300m" }, { 18031, "5h" },
		{ 96 * 3600, "96h" }, { 98 * 3600, "4d" }, { 999L * 86400, "999d" }, { 1100L * 86400, "3y" },
		{ INT32_MAX, "68y" },
	};
	char buf[24];

	for (size_t i = 0; i < NELEMS(cases); i++)
		ck_assert_msg(strcmp(words_interval(cases[i].seconds, buf, sizeof(buf)), cases[i].text) == 0, "%ld: %s, not %s",
		    cases[i].seconds, buf, cases[i].text);
}
END_TEST

START_TEST(server_errors_are_told_in_known_words)
{
	char buf[80];

	ck_assert_str_eq(words_server_error(4, 9, buf, sizeof(buf)), "***Association ID 9 unknown to server");
	ck_assert_str_eq(words_server_error(1, 0, buf, sizeof(buf)), "***Server disallowed request (authentication?)");
	ck_assert_str_eq(words_server_error(7, 0, buf, sizeof(buf)), "***Server returned an unspecified error");
	ck_assert_str_eq(words_server_error(255, 0, buf, sizeof(buf)), "***Server returned an unspecified error");
}
END_TEST

START_TEST(commands_may_be_abbreviated)
{
	static const struct { const char *word, *name; } cases[] = {
		{ "pe", "peers" }, { "as", "associations" }, { "rv", "rv" }, { "cl", "cl" }, { "sysi", "sysinfo" }, { "?", "?" },
		{ "hostn", "hostnames" }, { "host", "host" }, { "q", "quit" },
	};
	bool ambiguous;

	for (size_t i = 0; i < NELEMS(cases); i++) {
		const struct command *c = command_find(cases[i].word, &ambiguous);

		ck_assert_ptr_nonnull(c);
		ck_assert_str_eq(c->name, cases[i].name);
	}
	ck_assert_ptr_null(command_find("p", &ambiguous));
	ck_assert(ambiguous);
	ck_assert_ptr_null(command_find("peersx", &ambiguous));
	ck_assert(!ambiguous);
	ck_assert_ptr_null(command_find("", &ambiguous));
	ck_assert(!ambiguous);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, status_words_are_spelt_out);
	tcase_add_test(tc, tallies_follow_the_selection);
	tcase_add_test(tc, intervals_change_units_where_ntpq_does);
	tcase_add_test(tc, server_errors_are_told_in_known_words);
	tcase_add_test(tc, commands_may_be_abbreviated);
	return run_case("words", tc);
}
