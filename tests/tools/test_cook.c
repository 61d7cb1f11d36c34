/* SPDX-License-Identifier: BSD-2-Clause */
/* Cooked variables, the tables of sysinfo's kind and the associations, against what classic ntpq prints. */
#include "suite.h"

#include "tools/cook.h"
#include "tools/json.h"
#include "tools/listings.h"
#include "tools/session.h"

static const struct cook_view view = { .now = { INT64_C(1795000000) * NS_PER_S } };

static void
setup(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
}

START_TEST(system_variables_are_printed_as_ever)
{
	struct vars v = vars_of(
	    "version=\"ntpd 4.2.8p18@1.4062-o Thu May 26 12:00:00 UTC 2026 (1)\",\r\nprocessor=\"x86_64\", system=\"Linux/6.1.0\", leap=0, "
	    "stratum=7,\r\nprecision=-25, rootdelay=0.040, rootdisp=10.829, refid=10.9.0.1,\r\nreftime=0xeeadcadd.1d38de24, "
	    "clock=0xeeadcaee.438848a2, peer=54485, tc=4,\r\nmintc=3, offset=0.017334, frequency=0.000, sys_jitter=0.008528,\r\n"
	    "clk_jitter=0.005, clk_wander=0.000\r\n");

	CK_PRINTS(
	    "version=\"ntpd 4.2.8p18@1.4062-o Thu May 26 12:00:00 UTC 2026 (1)\",\n"
	    "processor=\"x86_64\", system=\"Linux/6.1.0\", leap=00, stratum=7,\n"
	    "precision=-25, rootdelay=0.040, rootdisp=10.829, refid=10.9.0.1,\n"
	    "reftime=eeadcadd.1d38de24  Sun, Nov 22 2026 20:11:09.114,\n"
	    "clock=eeadcaee.438848a2  Sun, Nov 22 2026 20:11:26.263, peer=54485, tc=4,\n"
	    "mintc=3, offset=+0.017334, frequency=+0.000, sys_jitter=0.008528,\n"
	    "clk_jitter=0.005, clk_wander=0.000\n", cook_list(out, &view, &v, SESSION_WIDTH));
}
END_TEST

START_TEST(peer_variables_are_printed_as_ever)
{
	struct vars v = vars_of(
	    "srcadr=10.9.0.1, srcport=123, dstadr=10.9.0.2, dstport=123, leap=0, stratum=6, precision=-30, rootdelay=0.000, "
	    "rootdisp=10.300, refid=127.127.1.0, reftime=0xeeadcad7.20b9b4b5, rec=0xeeadcadd.1d38de24, reach=0xff, unreach=0, hmode=3, "
	    "pmode=4, hpoll=4, ppoll=4, headway=31, flash=0x0, keyid=0, offset=0.011, delay=0.040, dispersion=0.261, jitter=0.005, "
	    "xleave=0.097, filtdelay= 0.04 0.04 0.04 0.05 0.04 0.04 0.04 0.05, filtoffset= 0.01 0.02 0.02 0.02 0.01 0.02 0.01 0.02, "
	    "filtdisp= 0.00 0.27 0.54 0.81 1.08 1.35 1.62 1.89");

	CK_PRINTS(
	    "srcadr=10.9.0.1, srcport=123, dstadr=10.9.0.2, dstport=123, leap=00,\n"
	    "stratum=6, precision=-30, rootdelay=0.000, rootdisp=10.300,\n"
	    "refid=LOCAL(0), reftime=eeadcad7.20b9b4b5  Sun, Nov 22 2026 20:11:03.127,\n"
	    "rec=eeadcadd.1d38de24  Sun, Nov 22 2026 20:11:09.114, reach=377,\n"
	    "unreach=0, hmode=3, pmode=4, hpoll=4, ppoll=4, headway=31, flash=00 ok,\n"
	    "keyid=0, offset=+0.011, delay=0.040, dispersion=0.261, jitter=0.005,\n"
	    "xleave=0.097,\n"
	    "filtdelay=     0.04    0.04    0.04    0.05    0.04    0.04    0.04    0.05,\n"
	    "filtoffset=   +0.01   +0.02   +0.02   +0.02   +0.01   +0.02   +0.01   +0.02,\n"
	    "filtdisp=      0.00    0.27    0.54    0.81    1.08    1.35    1.62    1.89\n", cook_list(out, &view, &v, SESSION_WIDTH));
}
END_TEST

static const char *
cooked(enum cook how, const char *s)
{
	static char buf[COOKED_MAX];
	struct varval v = { .s = s, .len = strlen(s) };

	return cook(&view, how, &v, buf);
}

START_TEST(each_kind_is_cooked)
{
	ck_assert_str_eq(cooked(COOK_LEAP, "3"), "11");
	ck_assert_str_eq(cooked(COOK_OCTAL, "0x7"), "007");
	ck_assert_str_eq(cooked(COOK_SIGNED_ARRAY, "-0.004 -0.006 0.00"), "  +0.00   -0.01   +0.00");
	ck_assert_str_eq(cooked(COOK_SIGNED, "-0.5"), "-0.5");
	ck_assert_str_eq(cooked(COOK_FLASH, "0x1600"), "1600 peer_stratum, peer_dist, peer_unreach");
	ck_assert_str_eq(cooked(COOK_KERNEL, "65"), "pll unsync");
	ck_assert_str_eq(cooked(COOK_KERNEL, "pll nano"), "pll nano");
	ck_assert_str_eq(cooked(COOK_MODE, "3"), "client");
	ck_assert_str_eq(cooked(COOK_TIME, "0x00000000.00000000"), "(no time)");
	ck_assert_str_eq(cooked(COOK_REFID, "GPS"), "GPS");
	ck_assert_str_eq(cooked(COOK_ARRAY, "1 2 3 4 5 6 7 8 9"),
	    "   1.00    2.00    3.00    4.00    5.00    6.00    7.00    8.00");
}
END_TEST

START_TEST(a_time_after_2036_is_in_the_era_that_is_near)
{
	ck_assert_str_eq(cooked(COOK_TIME, "0x00000000.80000000"), "00000000.80000000  Thu, Feb  7 2036  6:28:16.500");
}
END_TEST

START_TEST(what_is_malformed_is_shown_as_sent_with_a_question_mark)
{
	ck_assert_str_eq(cooked(COOK_LEAP, "4"), "4?");
	ck_assert_str_eq(cooked(COOK_OCTAL, "-1"), "-1?");
	ck_assert_str_eq(cooked(COOK_REAL, "nan"), "nan?");
	ck_assert_str_eq(cooked(COOK_REAL, "1e999"), "1e999?");
	ck_assert_str_eq(cooked(COOK_UINT, "99999999999999999999999"), "99999999999999999999999?");
	ck_assert_str_eq(cooked(COOK_TIME, "0xeeadcadd.1d38de2"), "0xeeadcadd.1d38de2?");
	ck_assert_str_eq(cooked(COOK_TIME, "0xeeadcadd.1d38de244"), "0xeeadcadd.1d38de244?");
	ck_assert_str_eq(cooked(COOK_HOST, "10.9.0"), "10.9.0?");
	ck_assert_str_eq(cooked(COOK_ARRAY, "1 x 3"), "1 x 3?");
	ck_assert_str_eq(cooked(COOK_AS_SENT, "\x1b[2J\xff"), "^[[2JM-^?");
}
END_TEST

START_TEST(a_malformed_value_of_any_length_keeps_its_mark)
{
	char buf[5000];

	memset(buf, 'z', sizeof(buf) - 1);
	buf[sizeof(buf) - 1] = '\0';
	ck_assert_uint_eq(strlen(cooked(COOK_UINT, buf)), COOKED_MAX - 1);
	ck_assert_int_eq(cooked(COOK_UINT, buf)[COOKED_MAX - 2], '?');
}
END_TEST

START_TEST(sysinfo_is_printed_as_ever)
{
	struct vars v = vars_of(
	    "peeradr=10.9.0.1:123, peermode=3, leap=0, stratum=7, precision=-25, rootdelay=0.040, rootdisp=10.829, refid=10.9.0.1, "
	    "reftime=0xeeadcadd.1d38de24, sys_jitter=0.008528, clk_jitter=0.005, clk_wander=0.000, authdelay=0.000");

	CK_PRINTS(
	    "system peer:        10.9.0.1:123\n"
	    "system peer mode:   client\n"
	    "leap indicator:     00\n"
	    "stratum:            7\n"
	    "log2 precision:     -25\n"
	    "root delay:         0.040\n"
	    "root dispersion:    10.829\n"
	    "reference ID:       10.9.0.1\n"
	    "reference time:     eeadcadd.1d38de24  Sun, Nov 22 2026 20:11:09.114\n"
	    "system jitter:      0.008528\n"
	    "clock jitter:       0.005\n"
	    "clock wander:       0.000\n"
	    "broadcast delay:    ?\n"
	    "symm. auth. delay:  0.000\n", table_put(out, "sysinfo", &view, &v));
}
END_TEST

START_TEST(pstats_joins_addresses_and_ports)
{
	struct vars v = vars_of("srcadr=10.9.0.1, srcport=123, dstadr=10.9.0.2, dstport=123, timerec=17, timer=1, timereach=179, sent=15, "
	    "received=15, badauth=0, bogusorg=0, oldpkt=0, seldisp=0, selbroken=0, candidate=6");

	CK_PRINTS(
	    "remote host:           10.9.0.1:123\n"
	    "local address:         10.9.0.2:123\n"
	    "time last received:    17\n"
	    "time until next send:  1\n"
	    "reachability change:   179\n"
	    "packets sent:          15\n"
	    "packets received:      15\n"
	    "bad authentication:    0\n"
	    "bogus origin:          0\n"
	    "duplicate:             0\n"
	    "bad dispersion:        0\n"
	    "bad reference time:    0\n"
	    "candidate order:       6\n", table_put(out, "pstats", &view, &v));
}
END_TEST

START_TEST(associations_are_printed_as_ever)
{
	static const struct assoc_entry assocs[] = { { 54485, 0x961a }, { 54486, 0x9414 }, { 54487, 0x0011 }, { 54488, 0x8811 } };

	CK_PRINTS(
	    "ind assid status  conf reach auth condition  last_event cnt\n"
	    "===========================================================\n"
	    "  1 54485  961a   yes   yes  none  sys.peer    sys_peer  1\n"
	    "  2 54486  9414   yes   yes  none candidate   reachable  1\n"
	    "  4 54488  8811   yes  none  none    reject    mobilize  1\n", assocs_put(out, assocs, NELEMS(assocs), false));
	CK_PRINTS(
	    "ind assid status  conf reach auth condition  last_event cnt\n"
	    "===========================================================\n"
	    "  1 54487  0011    no    no  none    reject    mobilize  1\n", assocs_put(out, assocs + 2, 1, true));
}
END_TEST

START_TEST(json_numbers_stay_numbers_and_strangers_octets_stay_strings)
{
	struct vars v = vars_of("a=1, b=-0.5e-3, c=007, d=+1, e=1., f=nan, g=\"5\", h, i=\xff");
	struct json j;

	CK_PRINTS("{\"command\":\"readvar\",\"host\":\"h\",\"rows\":[{\"associd\":0,\"status\":\"s\",\"variables\":{\"a\":1,\"b\":-0.5e-3,"
	    "\"c\":\"007\",\"d\":\"+1\",\"e\":\"1.\",\"f\":\"nan\",\"g\":\"5\",\"h\":null,\"i\":\"\\u00ff\"}}]}\n", {
		json_begin(&j, out, "readvar", "h");
		json_vars_row(&j, 0, "s", &v);
		json_end(&j);
	});
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("cook");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, system_variables_are_printed_as_ever);
	tcase_add_test(tc, peer_variables_are_printed_as_ever);
	tcase_add_test(tc, each_kind_is_cooked);
	tcase_add_test(tc, a_time_after_2036_is_in_the_era_that_is_near);
	tcase_add_test(tc, what_is_malformed_is_shown_as_sent_with_a_question_mark);
	tcase_add_test(tc, a_malformed_value_of_any_length_keeps_its_mark);
	tcase_add_test(tc, sysinfo_is_printed_as_ever);
	tcase_add_test(tc, pstats_joins_addresses_and_ports);
	tcase_add_test(tc, associations_are_printed_as_ever);
	tcase_add_test(tc, json_numbers_stay_numbers_and_strangers_octets_stay_strings);
	return run_case("cook", tc);
}
