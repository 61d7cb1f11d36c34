/* SPDX-License-Identifier: BSD-2-Clause */
/* The billboard, column for column as classic ntpq prints it. */
#include "suite.h"

#include <math.h>

#include "tools/peers.h"

/* 17 s after eeadcadd.1d38de24, when the first peer was heard. */
static const struct ntptime then = { UINT64_C(0xeeadcaee438848a2) };

static const char first[] =
    "srcadr=10.9.0.1, srcport=123, dstadr=10.9.0.2, dstport=123, leap=0, stratum=6,\r\nprecision=-30, refid=127.127.1.0, "
    "reftime=0xeeadcad7.20b9b4b5, rec=0xeeadcadd.1d38de24, reach=0xff, hmode=3, pmode=4, hpoll=4, ppoll=4,\r\nflash=0x0, "
    "offset=0.011, delay=0.040, dispersion=0.261, jitter=0.005\r\n";
static const char second[] =
    "srcadr=fd00:1234:5678:9abc:def0:1234:5678:1, dstadr=fd00:1234:5678:9abc:def0:1234:5678:2, stratum=6, refid=127.127.1.0, "
    "rec=0xeeadcadd.1d38de24, reach=0xff, hmode=3, hpoll=4, ppoll=10, offset=0.018, delay=0.048, dispersion=0.261, jitter=0.004";
static const char silent[] =
    "srcadr=10.9.0.77, dstadr=0.0.0.0, stratum=16, refid=INIT, reach=0x0, hmode=3, hpoll=6, ppoll=10, offset=0.000, "
    "delay=0.000, jitter=0.000, rec=0x00000000.00000000, reftime=0x00000000.00000000";
static const char pool[] =
    "srcadr=0.0.0.0, srchost=\"0.debian.pool.ntp.org\", stratum=16, refid=POOL, reach=0x0, hmode=3, hpoll=6, ppoll=10, "
    "offset=0.000, delay=0.000, jitter=0.000";

static struct peer_view
view(void)
{
	return (struct peer_view){ .cook.now = ntptime_to_wall(then, (struct walltime){ INT64_C(1795000000) * NS_PER_S }) };
}

static struct peer_row
row_of(const char *text, uint16_t associd, uint16_t status)
{
	struct peer_view pv = view();
	struct vars v = vars_of(text);
	struct peer_row row;

	peer_row_fill(&row, &pv, associd, status, &v);
	return row;
}

static void
put(FILE *out, const struct peers_style *style, const char *text, uint16_t associd, uint16_t status)
{
	struct peer_row row = row_of(text, associd, status);

	peers_put_row(out, style, &row);
}

START_TEST(peers_is_printed_as_ever)
{
	struct peers_style style = { .layout = PEERS_REFID };

	CK_PRINTS(
	    "     remote           refid      st t when poll reach   delay   offset  jitter\n"
	    "==============================================================================\n"
	    "*10.9.0.1        LOCAL(0)         6 u   17   16  377    0.040   +0.011   0.005\n"
	    "+fd00:1234:5678: LOCAL(0)         6 u   17   16  377    0.048   +0.018   0.004\n"
	    " 10.9.0.77       .INIT.          16 u    -   64    0    0.000   +0.000   0.000\n"
	    " 0.debian.pool.n .POOL.          16 p    -   64    0    0.000   +0.000   0.000\n", {
		peers_put_head(out, &style);
		put(out, &style, first, 54485, 0x961a);
		put(out, &style, second, 54486, 0x9414);
		put(out, &style, silent, 54487, 0x8011);
		put(out, &style, pool, 54488, 0x8811);
	});
}
END_TEST

START_TEST(apeers_is_printed_as_ever)
{
	struct peers_style style = { .layout = PEERS_ASSID };
	static const char upstream[] = "srcadr=10.9.0.3, stratum=2, refid=192.0.2.53, rec=0xeeadcadd.1d38de24, reach=0xff, hmode=3, "
	    "hpoll=4, ppoll=4, offset=-0.011, delay=0.040, jitter=0.005";

	CK_PRINTS(
	    "     remote       refid   assid  st t when poll reach   delay   offset  jitter\n"
	    "==============================================================================\n"
	    "*10.9.0.1        LOCAL(0) 54485   6 u   17   16  377    0.040   +0.011   0.005\n"
	    "x10.9.0.3        c0000235 54489   2 u   17   16  377    0.040   -0.011   0.005\n", {
		peers_put_head(out, &style);
		put(out, &style, first, 54485, 0x961a);
		put(out, &style, upstream, 54489, 0x9114);
	});
}
END_TEST

START_TEST(opeers_is_printed_as_ever)
{
	struct peers_style style = { .layout = PEERS_LOCAL };

	CK_PRINTS(
	    "     remote           local      st t when poll reach   delay   offset    disp\n"
	    "==============================================================================\n"
	    "*10.9.0.1        10.9.0.2         6 u   17   16  377    0.040   +0.011   0.261\n"
	    "+fd00:1234:5678: _f0:1234:5678:2  6 u   17   16  377    0.048   +0.018   0.261\n", {
		peers_put_head(out, &style);
		put(out, &style, first, 54485, 0x961a);
		put(out, &style, second, 54486, 0x9414);
	});
}
END_TEST

START_TEST(rpeers_is_printed_as_ntpsec_does)
{
	struct peers_style style = { .layout = PEERS_NAME_LAST };

	CK_PRINTS(
	    " st t when poll reach   delay   offset   jitter refid           T remote\n"
	    "===============================================================================\n"
	    "  6 u   17   16  377    0.040    0.011    0.005 LOCAL(0)        * 10.9.0.1\n", {
		peers_put_head(out, &style);
		put(out, &style, first, 54485, 0x961a);
	});
}
END_TEST

START_TEST(a_long_name_has_a_line_of_its_own_when_wide)
{
	struct peers_style style = { .layout = PEERS_REFID, .wide = true };

	CK_PRINTS(
	    "*10.9.0.1        LOCAL(0)         6 u   17   16  377    0.040   +0.011   0.005\n"
	    "+fd00:1234:5678:9abc:def0:1234:5678:1\n"
	    "                 LOCAL(0)         6 u   17   16  377    0.048   +0.018   0.004\n", {
		put(out, &style, first, 1, 0x961a);
		put(out, &style, second, 2, 0x9414);
	});
}
END_TEST

START_TEST(several_hosts_have_a_column_in_front)
{
	struct peers_style style = { .layout = PEERS_REFID, .server = "127.0.0.1", .server_width = 9 };
	static const char local[] = "srcadr=127.127.1.0, srchost=\"LOCAL(0)\", stratum=5, refid=LOCL, rec=0xeeadcaed.438848a2, reach=0x7, "
	    "hmode=3, hpoll=4, ppoll=99, offset=0.000, delay=0.000, jitter=0.000";

	CK_PRINTS(
	    "server (l      remote           refid      st t when poll reach   delay   offset  jitter\n"
	    "========================================================================================\n"
	    "127.0.0.1 *LOCAL(0)        .LOCL.           5 l    1   16    7    0.000   +0.000   0.000\n", {
		peers_put_head(out, &style);
		put(out, &style, local, 1, 0x961a);
	});
}
END_TEST

START_TEST(values_that_do_not_fit_lose_decimals_but_never_digits)
{
	static const char far[] = "srcadr=10.9.0.1, stratum=2, refid=GPS, reach=0x1, hmode=3, hpoll=6, offset=-15937.5, delay=15937.5, "
	    "jitter=123456789, rec=0xeeadcadd.1d38de24";
	static const char hour[] = "srcadr=10.9.0.1, stratum=2, refid=GPS, reach=0x1, hmode=3, hpoll=6, offset=3600000.25, delay=1.0, "
	    "jitter=0.5, rec=0xeeadcadd.1d38de24";
	struct peers_style style = { .layout = PEERS_REFID };

	CK_PRINTS(
	    " 10.9.0.1        .GPS.            2 u   17   64    1  15937.5   -15938 1.2e+08\n"
	    " 10.9.0.1        .GPS.            2 u   17   64    1    1.000 +3600000   0.500\n", {
		put(out, &style, far, 1, 0x9014);
		put(out, &style, hour, 1, 0x9014);
	});
}
END_TEST

START_TEST(what_a_server_does_not_send_shows_as_a_question_mark)
{
	struct peers_style style = { .layout = PEERS_REFID };

	CK_PRINTS(" 10.9.0.1                         ? ?    -    ?    ?        ?        ?       ?\n", {
		put(out, &style, "srcadr=10.9.0.1, offset=nan, delay=0x10, jitter=, reach=-1, stratum=two", 1, 0x9014);
	});
}
END_TEST

START_TEST(a_loop_hides_the_reference)
{
	ck_assert_str_eq(row_of("srcadr=10.9.0.1, refid=10.9.0.2, flash=0x800", 1, 0x9014).refid, "(loop)");
	ck_assert_str_eq(row_of("srcadr=10.9.0.1, refid=10.9.0.2, flash=0x400", 1, 0x9014).refid, "10.9.0.2");
}
END_TEST

START_TEST(the_type_tells_how_we_are_associated)
{
	static const struct { const char *text; char type; } cases[] = {
		{ "srcadr=10.9.0.1, hmode=3", 'u' }, { "srcadr=127.127.20.0, hmode=3", 'l' }, { "srcadr=::, hmode=3", 'p' },
		{ "srcadr=224.0.1.1, hmode=3", 'a' }, { "srcadr=10.9.0.1, hmode=1", 's' }, { "srcadr=10.9.0.1, hmode=2", 'S' },
		{ "srcadr=10.9.0.1, hmode=6", 'b' }, { "srcadr=10.9.0.255, hmode=5", 'B' }, { "srcadr=224.0.1.1, hmode=5", 'M' },
	};

	for (size_t i = 0; i < NELEMS(cases); i++)
		ck_assert_msg(row_of(cases[i].text, 1, 0).type[0] == cases[i].type, "%s: %s", cases[i].text, row_of(cases[i].text, 1, 0).type);
}
END_TEST

START_TEST(names_cannot_break_a_row_or_act_on_a_terminal)
{
	ck_assert_str_eq(row_of("srcadr=0.0.0.0, srchost=\"a b\xff\x80[2J\"", 1, 0).remote, "a.b..[2J");
}
END_TEST

static const char *
fixed_name(const struct addr *a, char *buf, size_t cap)
{
	(void)a;
	snprintf(buf, cap, "time.example");
	return buf;
}

START_TEST(names_are_shown_unless_addresses_are_wanted)
{
	static const char named[] = "srcadr=10.9.0.1, srchost=\"ntp.example.org\", hmode=3";
	struct vars v = vars_of(named), unnamed = vars_of("srcadr=10.9.0.1, hmode=3");
	struct peer_view pv = view();
	struct peer_row row;

	ck_assert_str_eq(row_of(named, 1, 0).remote, "10.9.0.1");
	pv.cook.host_name = fixed_name;
	peer_row_fill(&row, &pv, 1, 0, &v);
	ck_assert_str_eq(row.remote, "ntp.example.org");
	peer_row_fill(&row, &pv, 1, 0, &unnamed);
	ck_assert_str_eq(row.remote, "time.example");
	ck_assert_str_eq(row.address, "10.9.0.1");
}
END_TEST

START_TEST(json_has_the_same_rows)
{
	struct peer_row row = row_of(first, 54485, 0x961a);
	struct json j;

	row.jitter = (double)NAN;
	row.stratum = JSON_UNKNOWN;
	CK_PRINTS("{\"command\":\"peers\",\"host\":\"a\\\"\\\\\\u000a\",\"rows\":[{\"tally\":\"*\",\"selection\":\"sys.peer\","
	    "\"remote\":\"10.9.0.1\",\"address\":\"10.9.0.1\",\"local\":\"10.9.0.2\",\"refid\":\"LOCAL(0)\",\"associd\":54485,"
	    "\"stratum\":null,\"type\":\"u\",\"when\":17,\"poll\":16,\"reach\":255,\"delay\":0.04,\"offset\":0.011,\"jitter\":null,"
	    "\"dispersion\":0.261}]}\n", {
		json_begin(&j, out, "peers", "a\"\\\n");
		json_row(&j, peer_fields, peer_nfields, &row);
		json_end(&j);
	});
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("peers");

	tcase_add_test(tc, peers_is_printed_as_ever);
	tcase_add_test(tc, apeers_is_printed_as_ever);
	tcase_add_test(tc, opeers_is_printed_as_ever);
	tcase_add_test(tc, rpeers_is_printed_as_ntpsec_does);
	tcase_add_test(tc, a_long_name_has_a_line_of_its_own_when_wide);
	tcase_add_test(tc, several_hosts_have_a_column_in_front);
	tcase_add_test(tc, values_that_do_not_fit_lose_decimals_but_never_digits);
	tcase_add_test(tc, what_a_server_does_not_send_shows_as_a_question_mark);
	tcase_add_test(tc, a_loop_hides_the_reference);
	tcase_add_test(tc, the_type_tells_how_we_are_associated);
	tcase_add_test(tc, names_cannot_break_a_row_or_act_on_a_terminal);
	tcase_add_test(tc, names_are_shown_unless_addresses_are_wanted);
	tcase_add_test(tc, json_has_the_same_rows);
	return run_case("peers", tc);
}
