/* SPDX-License-Identifier: BSD-2-Clause */
/* NTPsec's layouts: the billboard, lists of variables, tables, interfaces and restrictions. */
#include "suite.h"

#include "tools/listings.h"
#include "tools/ordered.h"

/* 17 s after eeadcadd.1d38de24, when the peer was heard. */
static const struct ntptime then = { UINT64_C(0xeeadcaee438848a2) };

static const char peer[] =
    "srcadr=10.9.0.1, srcport=123, dstadr=10.9.0.2, dstport=123, leap=0, stratum=6, precision=-30, refid=127.127.1.0, "
    "rec=0xeeadcadd.1d38de24, reach=0xff, hmode=3, pmode=4, hpoll=4, ppoll=4, flash=0x0, offset=0.011, delay=0.040, dispersion=0.261, "
    "jitter=0.005, ntscookies=-1";
static const char nts[] =
    "srcadr=fd00:1234:5678:9abc:def0:1234:5678:1, dstadr=fd00:1234:5678:9abc:def0:1234:5678:2, stratum=1, refid=GPS, rec=0xeeadcadd.1d38de24, "
    "reach=0x7, hmode=3, hpoll=6, ppoll=6, offset=-1234.567890, delay=0.040000, dispersion=0.261000, jitter=12345.678901, ntscookies=8";

static struct cook_view
view(bool units)
{
	return (struct cook_view){
		.now = ntptime_to_wall(then, (struct walltime){ INT64_C(1795000000) * NS_PER_S }), .layout = LAYOUT_NTPSEC, .units = units,
	};
}

static void
put_peer(FILE *out, const struct peers_style *style, const char *text, uint16_t associd)
{
	struct peer_view pv = { .cook = view(style->units) };
	struct vars v = vars_of(text);
	struct peer_row row;

	peer_row_fill(&row, &pv, associd, 0x961a, &v);
	peers_put_row(out, style, &row);
}

static void
put_both(FILE *out, const struct peers_style *style)
{
	peers_put_head(out, style);
	put_peer(out, style, peer, 54485);
	put_peer(out, style, nts, 54486);
}

#define RULE	"==============================================================================="

START_TEST(peers_have_eight_columns_for_each_value)
{
	struct peers_style style = { .layout = PEERS_REFID, .whose = LAYOUT_NTPSEC, .columns = 80 };

	CK_PRINTS(
	    "     remote           refid      st t when poll reach   delay   offset   jitter\n" RULE "\n"
	    "*10.9.0.1        127.127.1.0      6 u   17   16  377    0.040    0.011    0.005\n"
	    "*fd00:1234:5678: .GPS.            1 8   17   64    7   0.0400 -1234.57 12345.68\n", put_both(out, &style));
	style.units = true;
	CK_PRINTS(
	    "     remote           refid      st t when poll reach   delay   offset   jitter\n" RULE "\n"
	    "*10.9.0.1        127.127.1.0      6 u   17   16  377     40us     11us      5us\n"
	    "*fd00:1234:5678: .GPS.            1 8   17   64    7 40.000us -1.2346s 12.3457s\n", put_both(out, &style));
}
END_TEST

START_TEST(other_listings_have_other_second_columns)
{
	struct peers_style style = { .layout = PEERS_ASSID, .whose = LAYOUT_NTPSEC, .columns = 80 };

	CK_PRINTS(
	    "     remote       refid   assid  st t when poll reach   delay   offset   jitter\n" RULE "\n"
	    "*10.9.0.1        ...      54485   6 u   17   16  377    0.040    0.011    0.005\n"
	    "*fd00:1234:5678: .GPS.    54486   1 8   17   64    7   0.0400 -1234.57 12345.68\n", put_both(out, &style));
	style.layout = PEERS_LOCAL;
	CK_PRINTS(
	    "     remote           local      st t when poll reach   delay   offset     disp\n" RULE "\n"
	    "*10.9.0.1        10.9.0.2         6 u   17   16  377    0.040    0.011    0.261\n"
	    "*fd00:1234:5678: -f0:1234:5678:2  1 8   17   64    7   0.0400 -1234.57   0.2610\n", put_both(out, &style));
	style.layout = PEERS_NAME_LAST;
	CK_PRINTS(
	    " st t when poll reach   delay   offset   jitter refid           T remote\n" RULE "\n"
	    "  6 u   17   16  377    0.040    0.011    0.005 127.127.1.0     * 10.9.0.1\n"
	    "  1 8   17   64    7   0.0400 -1234.57 12345.68 .GPS.           * fd00:1234:5678:9abc:def0:1234:5678:1\n", put_both(out, &style));
}
END_TEST

START_TEST(names_get_the_room_of_a_wide_terminal)
{
	struct peers_style style = { .layout = PEERS_REFID, .whose = LAYOUT_NTPSEC, .columns = 84 };

	CK_PRINTS(
	    "     remote               refid      st t when poll reach   delay   offset   jitter\n" RULE "====\n"
	    "*10.9.0.1            127.127.1.0      6 u   17   16  377    0.040    0.011    0.005\n"
	    "*fd00:1234:5678:9abc .GPS.            1 8   17   64    7   0.0400 -1234.57 12345.68\n", put_both(out, &style));
	style.columns = 80;
	style.wide = true;
	CK_PRINTS(
	    "*fd00:1234:5678:9abc:def0:1234:5678:1\n"
	    "                 .GPS.            1 8   17   64    7   0.0400 -1234.57 12345.68\n", put_peer(out, &style, nts, 1));
	style.columns = 500;
	CK_PRINTS(
	    "*fd00:1234:5678:9abc:def0:1234:5678:1    .GPS.            1 8   17   64    7   0.0400 -1234.57 12345.68\n",
	    put_peer(out, &style, nts, 1));
}
END_TEST

static const char variables[] =
    "leap=3, reach=0x7, rootdisp=7947.530, frequency=0.000000, clk_jitter=0.000060, refid=127.127.1.0, reftime=0xeeadcadd.1d38de24, "
    "processor=\"x86_64\", stratum=6, precision=-24, flash=0x880, filtdelay= 0.04 0.05 16000.00, filtoffset=0.01 -0.02, rec=junk";

START_TEST(variables_lose_the_zeros_they_do_not_need)
{
	struct cook_view v = view(false);
	struct vars answer = vars_of(variables);

	CK_PRINTS(
	    "leap=11, reach=007, rootdisp=7947.53, frequency=0.0, clk_jitter=6e-05,\n"
	    "refid=127.127.1.0, reftime=eeadcadd.1d38de24 2026-11-22T20:11:09.114Z,\n"
	    "processor=\"x86_64\", stratum=6, precision=-24,\n"
	    "flash=880 pkt_autokey peer_loop,  filtdelay =0.04\t0.05\t16000.00,\n"
	    "filtoffset =0.01\t-0.02, rec=junk?\n", cook_list(out, &v, &answer, 76));
}
END_TEST

START_TEST(variables_have_units_when_the_user_wants_them)
{
	struct cook_view v = view(true);
	struct vars answer = vars_of(variables);

	CK_PRINTS(
	    "leap=11, reach=007, rootdisp=7.947530s, frequency=0ppt, clk_jitter=60ns,\n"
	    "refid=127.127.1.0, reftime=eeadcadd.1d38de24 2026-11-22T20:11:09.114Z,\n"
	    "processor=\"x86_64\", stratum=6, precision=-24,\n"
	    "flash=880 pkt_autokey peer_loop,  filtdelay = 0.00004 0.00005 16.0000 s,\n"
	    "filtoffset =    0.01   -0.02 ms, rec=junk?\n", cook_list(out, &v, &answer, 76));
}
END_TEST

START_TEST(counters_have_rates_beside_them)
{
	struct cook_view v = view(false);
	struct vars answer = vars_of("ss_uptime=90061, ss_numctlreq=17, ss_reset=46, ss_reset_r=90061, ss_received=18, ss_received_r=180122, ss_thisver=0, ss_thisver_r=0");

	CK_PRINTS(
	    "uptime:                  1D 01:01:01\n"
	    "control requests:                 17\n"
	    "sysstats reset:             00:00:46   1D 01:01:01\n"
	    "packets received:                 18        180122        3.0s/p        2.0p/s\n"
	    "current version:                   0             0                            \n"
	    "older version:                     ?             ?                            \n"
	    "NTPv1 total:                       ?             ?                            \n"
	    "NTPv1 clients:                     ?             ?                            \n"
	    "NTPv1 mode0:                       ?             ?                            \n"
	    "NTPv1 symm act:                    ?             ?                            \n"
	    "bad length or format:              ?             ?                            \n"
	    "authentication failed:             ?             ?                            \n"
	    "declined:                          ?             ?                            \n"
	    "restricted:                        ?             ?                            \n"
	    "rate limited:                      ?             ?                            \n"
	    "KoD responses:                     ?             ?                            \n"
	    "processed for time:                ?             ?                            \n", table_put(out, "sysstats", &v, &answer));
}
END_TEST

static const char interfaces[] =
    "addr.0=\"[::]:123\", en.0=0, name.0=\"v6wildcard\", flags.0=0x81, tl.0=0, mc.0=0, rx.0=0, tx.0=0, txerr.0=0, pc.0=0, up.0=180, Xyz.0=1, "
    "up.1=180, name.1=\"vb\", addr.1=\"10.9.0.2:123\", bcast.1=\"10.9.0.255:123\", en.1=1, flags.1=0x419, rx.1=15, tx.1=20, txerr.1=0, pc.1=3";

START_TEST(interfaces_are_listed_in_both_layouts)
{
	struct vars v = vars_of(interfaces);

	CK_PRINTS(
	    "    interface name                                        send\n"
	    " #  address/broadcast     drop flag ttl mc received sent failed peers   uptime\n"
	    "==============================================================================\n"
	    "  0 v6wildcard               D   81   0  0      0      0      0     0      180\n"
	    "    [::]:123\n"
	    "  1 vb                       .  419   ?  ?     15     20      0     3      180\n"
	    "    10.9.0.2:123\n"
	    "    10.9.0.255:123\n", ordered_put(out, "ifstats", LAYOUT_CLASSIC, &v));
	CK_PRINTS(
	    "    interface name                                  send\n"
	    " #  address/broadcast     drop flag received sent failed peers   uptime\n"
	    " ==========================================================================\n"
	    "  0 v6wildcard               D   81      0      0      0     0      180\n"
	    "    [::]:123\n"
	    "  1 vb                       .  419     15     20      0     3      180\n"
	    "    10.9.0.2:123\n"
	    "    10.9.0.255:123\n", ordered_put(out, "ifstats", LAYOUT_NTPSEC, &v));
}
END_TEST

START_TEST(restrictions_have_prefixes_unless_their_masks_have_holes)
{
	struct vars v = vars_of(
	    "addr.0=0.0.0.0, mask.0=0.0.0.0, hits.0=1234567890123, flags.0=\"noquery limited\", hits.1=0, mask.1=ffff:ffff::, addr.1=2001:db8::, flags.1=\"\", "
	    "addr.2=10.0.7.0, mask.2=255.0.255.0, hits.2=-1, flags.2=\"\x9b" "2J\"");

	CK_PRINTS(
	    "   hits    addr/prefix or addr mask\n"
	    "           restrictions\n"
	    "==============================================================================\n"
	    "1234567890123 0.0.0.0/0\n"
	    "           noquery limited\n"
	    "         0 2001:db8::/32\n"
	    "           \n"
	    "         ? 10.0.7.0 255.0.255.0\n"
	    "           M-^[2J\n", ordered_put(out, "reslist", LAYOUT_CLASSIC, &v));
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("ntpsec");

	tcase_add_test(tc, peers_have_eight_columns_for_each_value);
	tcase_add_test(tc, other_listings_have_other_second_columns);
	tcase_add_test(tc, names_get_the_room_of_a_wide_terminal);
	tcase_add_test(tc, variables_lose_the_zeros_they_do_not_need);
	tcase_add_test(tc, variables_have_units_when_the_user_wants_them);
	tcase_add_test(tc, counters_have_rates_beside_them);
	tcase_add_test(tc, interfaces_are_listed_in_both_layouts);
	tcase_add_test(tc, restrictions_have_prefixes_unless_their_masks_have_holes);
	return run_case("ntpsec", tc);
}
