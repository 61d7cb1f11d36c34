/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of the tables of variables prints what it should; none is without an expectation here. */
#include <stdio.h>
#include <string.h>

#include "control/vars.h"
#include "fixture.h"

struct expected { const char *name, *value; };

/* Values a row derives from the tables themselves. */
#define NAMES	"(names)"

#define MSSNTP(name, value, total)	{ "mssntp_" name, value }, { "mssntp_" name "_r", total }

static const struct expected system_expected[] = {
	MSSNTP("serves", "11", "21"), MSSNTP("serves_no", "12", "22"), MSSNTP("serves_err", "13", "23"), MSSNTP("serves_good", "14", "24"),
	MSSNTP("serves_good_wall", "1.500000", "2.500000"), MSSNTP("serves_good_slowest", "0.000250", "0.000350"),
	MSSNTP("serves_bad", "15", "25"), MSSNTP("serves_bad_wall", "0.000016", "0.000026"), MSSNTP("serves_bad_slowest", "0.000017", "0.000027"),
	{ "version", "\"ntpd truechimer-0.1\"" }, { "processor", "\"x86_64\"" }, { "system", "\"Linux/6.1.0\"" }, { "leap", "0" },
	{ "stratum", "3" }, { "precision", "-25" }, { "rootdelay", "1.500" }, { "rootdisp", "10.259" }, { "refid", "10.9.0.1" },
	{ "reftime", "0xeeadcadd.00000000" }, { "clock", "0xeeadcaee.40000000" }, { "peer", "54485" }, { "tc", "6" }, { "mintc", "0" },
	{ "offset", "0.017334" }, { "frequency", "-3.500" }, { "sys_jitter", "0.008528" }, { "clk_jitter", "0.005" }, { "clk_wander", "0.012" },
	{ "tai", "37" }, { "leapsec", "201701010000" }, { "expire", "202612270000" }, { "leapsmearinterval", NULL }, { "leapsmearoffset", NULL }, { "rootdist", "11.009" }, { "est_error", "0.004250" },
	{ "clock_driver", "\"software\"" }, { "kernel_clock", "\"left alone\"" }, { "release", "\"6.1.0\"" }, { "sys_var_list", NAMES },
	{ "peeradr", "10.9.0.1:123" }, { "peermode", "3" }, { "bcastdelay", "-50.000" }, { "authdelay", "0.000" }, { "fuzz", "0.000000" },
	{ "daemon_version", "\"ntpd truechimer-0.1\"" },
	{ "clk_wander_threshold", "0.250" }, { "savedconfig", "\"conf-1\"" }, { "settimeofday", NULL }, { "lockclock", "0" },
	{ "mru_enabled", "0x1" }, { "mru_depth", "206" }, { "mru_deepest", "207" }, { "mru_mindepth", "209" }, { "mru_maxdepth", "208" },
	{ "mru_maxage", "3600" }, { "mru_minage", "64" }, { "mru_mem", "3" }, { "mru_maxmem", "1024" }, { "mru_hashslots", "210" },
	{ "mru_exists", "201" }, { "mru_new", "202" }, { "mru_recycleold", "203" }, { "mru_recyclefull", "204" }, { "mru_none", "205" },
	{ "mru_oldest_age", "0" },
	{ "ss_uptime", "9000" }, { "ss_reset", "999" }, { "ss_reset_r", "9000" }, { "ss_received", "101" }, { "ss_processed", "102" }, { "ss_thisver", "103" },
	{ "ss_oldver", "104" }, { "ss_badformat", "105" }, { "ss_badauth", "106" }, { "ss_declined", "107" }, { "ss_restricted", "108" },
	{ "ss_limited", "109" }, { "ss_kodsent", "110" }, { "ss_sent", "111" }, { "ss_sendfailed", "112" },
	{ "ss_received_r", "1101" }, { "ss_processed_r", "1102" }, { "ss_thisver_r", "1103" }, { "ss_oldver_r", "1104" }, { "ss_badformat_r", "1105" },
	{ "ss_badauth_r", "1106" }, { "ss_declined_r", "1107" }, { "ss_restricted_r", "1108" }, { "ss_limited_r", "1109" }, { "ss_kodsent_r", "1110" },
	{ "ss_sent_r", "1111" }, { "ss_sendfailed_r", "1112" }, { "ss_lamport", "0" }, { "ss_tsrounding", "0" }, { "ss_ver1", "113" },
	{ "ss_ver1_r", "1113" }, { "ss_ver1client", "114" }, { "ss_ver1client_r", "1114" }, { "ss_ver1zero", "115" }, { "ss_ver1zero_r", "1115" },
	{ "ss_ver1symm", "116" }, { "ss_ver1symm_r", "1116" }, { "ss_dropped", "117" }, { "ss_dropped_r", "1117" },
	{ "ss_numctlreq", "301" }, { "ss_numctlreq_r", "1301" },
	{ "authreset", "997" }, { "authkeys", "317" }, { "authfreek", "318" }, { "authklookups", "319" }, { "authknotfound", "320" },
	{ "authkuncached", "0" }, { "authkexpired", "0" }, { "authencrypts", "321" }, { "authdigestencrypts", "323" }, { "authcmacencrypts", "326" },
	{ "authdecrypts", "322" }, { "authdigestdecrypts", "324" }, { "authdigestfails", "325" }, { "authcmacdecrypts", "327" },
	{ "authcmacfails", "328" },
	{ "koffset", "0.0015" }, { "kfreq", "-3.5" }, { "kmaxerr", "16000" }, { "kesterr", "0.025" }, { "kstflags", "\"pll unsync nano\"" },
	{ "ktimeconst", "4" }, { "kprecis", "0.001" }, { "kfreqtol", "500" }, { "kppsfreq", "1" }, { "kppsstab", "0.5" },
	{ "kppsjitter", "0.0025" }, { "kppscalibdur", "16" }, { "kppscalibs", "5" }, { "kppscaliberrs", "6" }, { "kppsjitexc", "8" },
	{ "kppsstbexc", "7" },
	{ "iostats_reset", "998" }, { "total_rbuf", "311" }, { "free_rbuf", "312" }, { "used_rbuf", "313" }, { "rbuf_lowater", "314" },
	{ "io_dropped", "305" }, { "io_ignored", "306" }, { "io_received", "302" }, { "io_sent", "303" }, { "io_sendfailed", "304" },
	{ "io_wakeups", "307" }, { "io_goodwakeups", "308" }, { "io_pkt_reads", "309" }, { "io_ref_reads", "310" },
	{ "timerstats_reset", "995" }, { "timer_overruns", "315" }, { "timer_xmts", "316" },
	{ "nts_client_send", "401" }, { "nts_client_send_r", "1401" },
	{ "nts_client_recv_good", "402" }, { "nts_client_recv_good_r", "1402" },
	{ "nts_client_recv_bad", "403" }, { "nts_client_recv_bad_r", "1403" },
	{ "nts_server_recv_good", "405" }, { "nts_server_recv_good_r", "1405" },
	{ "nts_server_recv_bad", "406" }, { "nts_server_recv_bad_r", "1406" },
	{ "nts_server_send", "404" }, { "nts_server_send_r", "1404" },
	{ "nts_cookie_make", "407" }, { "nts_cookie_make_r", "1407" },
	{ "nts_cookie_not_server", "408" }, { "nts_cookie_not_server_r", "1408" },
	{ "nts_cookie_decode", "410" }, { "nts_cookie_decode_r", "1410" },
	{ "nts_cookie_decode_total", "409" }, { "nts_cookie_decode_total_r", "1409" },
	{ "nts_cookie_decode_current", "410" }, { "nts_cookie_decode_current_r", "1410" },
	{ "nts_cookie_decode_old", "411" }, { "nts_cookie_decode_old_r", "1411" },
	{ "nts_cookie_decode_old2", "412" }, { "nts_cookie_decode_old2_r", "1412" },
	{ "nts_cookie_decode_older", "413" }, { "nts_cookie_decode_older_r", "1413" },
	{ "nts_cookie_decode_too_old", "414" }, { "nts_cookie_decode_too_old_r", "1414" },
	{ "nts_cookie_decode_error", "415" }, { "nts_cookie_decode_error_r", "1415" },
	{ "nts_ke_serves_good", "416" }, { "nts_ke_serves_good_r", "1416" },
	{ "nts_ke_serves_good_wall", "1.500" }, { "nts_ke_serves_good_wall_r", "11.500" },
	{ "nts_ke_serves_good_cpu", "0.250" }, { "nts_ke_serves_good_cpu_r", "10.250" },
	{ "nts_ke_serves_nossl", "418" }, { "nts_ke_serves_nossl_r", "1418" },
	{ "nts_ke_serves_nossl_wall", "3.500" }, { "nts_ke_serves_nossl_wall_r", "13.500" },
	{ "nts_ke_serves_nossl_cpu", "0.062" }, { "nts_ke_serves_nossl_cpu_r", "10.062" },
	{ "nts_ke_serves_bad", "417" }, { "nts_ke_serves_bad_r", "1417" },
	{ "nts_ke_serves_bad_wall", "2.500" }, { "nts_ke_serves_bad_wall_r", "12.500" },
	{ "nts_ke_serves_bad_cpu", "0.125" }, { "nts_ke_serves_bad_cpu_r", "10.125" },
	{ "nts_ke_probes_good", "419" }, { "nts_ke_probes_good_r", "1419" },
	{ "nts_ke_probes_bad", "420" }, { "nts_ke_probes_bad_r", "1420" },
};

static const struct expected peer_expected[] = {
	{ "srcadr", "10.9.0.1" }, { "srcport", "123" }, { "srchost", "\"time-b.example\"" }, { "dstadr", "10.9.0.2" }, { "dstport", "0" },
	{ "out", NULL }, { "in", NULL }, { "leap", "0" }, { "stratum", "2" }, { "precision", "-23" }, { "rootdelay", "3.906" },
	{ "rootdisp", "7.812" }, { "refid", "192.0.2.53" }, { "reftime", "0xeeadcad7.20b9b4b5" }, { "rec", "0xeeadcadd.00000000" },
	{ "reach", "0xff" }, { "unreach", "0" }, { "hmode", "3" }, { "pmode", "4" }, { "hpoll", "6" }, { "ppoll", "7" }, { "headway", "0" },
	{ "flash", "0x0" }, { "keyid", "42" }, { "ttl", "0" }, { "offset", "-0.611" }, { "delay", "0.040" }, { "dispersion", "0.261" },
	{ "jitter", "0.005" }, { "xleave", NULL }, { "bias", "2.500" },
	{ "filtdelay", " 0.04 52.50 0.00 0.00 0.00 0.00 0.00 0.00" },
	{ "filtoffset", " -0.61 1.02 0.00 0.00 0.00 0.00 0.00 0.00" },
	{ "filtdisp", " 0.27 1.23 16000.00 16000.00 16000.00 16000.00 16000.00 16000.00" },
	{ "config", "1" }, { "authenable", "1" }, { "authentic", "0" }, { "org", "0x00000000.00000000" }, { "xmt", "0xeeadcadd.1d38de24" },
	{ "timer", "46" }, { "sent", "15" }, { "received", "14" }, { "mode", "0" }, { "timerec", "17" }, { "timereach", "179" },
	{ "badauth", "1" }, { "bogusorg", "2" }, { "oldpkt", "3" }, { "seldisp", "4" }, { "selbroken", "5" }, { "candidate", "6" },
	{ "ntscookies", "-1" }, { "rootdist", "10.059" }, { "peer_var_list", NAMES },
};

/* "name=value" of one variable, "" where it has none. */
static const char *
shown(const struct control_view *v, enum var_table table, const struct assoc *a, const char *name, char *buf, size_t cap)
{
	struct text t;

	text_init(&t, buf, cap);
	for (size_t i = 0; i < vars_count(table); i++) {
		if (strcmp(vars_info(table, i).name, name) == 0)
			vars_put(&t, table, i, v, a);
	}
	ck_assert(!t.full);
	buf[t.len] = '\0';
	return buf;
}

static void
expect(const struct control_view *v, enum var_table table, const struct assoc *a, const char *name, const char *value)
{
	char buf[8192], want[8192] = "";

	if (value != NULL)
		snprintf(want, sizeof(want), "%s=%s", name, value);
	ck_assert_str_eq(shown(v, table, a, name, buf, sizeof(buf)), want);
}

/* What a list of all names must be. */
static const char *
all_names(const struct control_view *v, enum var_table table, char *buf, size_t cap)
{
	size_t len = (size_t)snprintf(buf, cap, "\"");

	for (size_t i = 0; i < vars_count(table); i++)
		if (strncmp(vars_info(table, i).name, "nts_", 4) != 0)	/* what does not exist here is not listed */
			len += (size_t)snprintf(buf + len, cap - len, "%s%s", i > 0 ? "," : "", vars_info(table, i).name);
	for (size_t i = 0; table == VARS_SYSTEM && i < v->nsetvars; i++)
		len += (size_t)snprintf(buf + len, cap - len, ",%s", v->setvars[i].name);
	snprintf(buf + len, cap - len, "\"");
	return buf;
}

static void
expect_table(enum var_table table, const struct expected *rows, size_t n)
{
	struct fixture f;
	char names[8192];

	fixture_init(&f);
	for (size_t i = 0; i < vars_count(table); i++) {
		struct var_info info = vars_info(table, i);
		const struct expected *e = NULL;

		for (size_t j = 0; j < n; j++) {
			if (strcmp(rows[j].name, info.name) == 0) {
				ck_assert_msg(e == NULL, "%s is expected twice", info.name);
				e = &rows[j];
			}
		}
		ck_assert_msg(e != NULL, "no expectation for %s", info.name);
		ck_assert_msg(info.prose != NULL && strlen(info.prose) > 5, "%s says nothing of itself", info.name);
		if (e->value != NULL && strcmp(e->value, NAMES) == 0)
			expect(&f.v, table, &f.a[0], e->name, all_names(&f.v, table, names, sizeof(names)));
		else
			expect(&f.v, table, &f.a[0], e->name, e->value);
	}
	ck_assert_uint_eq(vars_count(table), n);
}

START_TEST(every_system_variable_prints_what_is_expected_of_it)
{
	expect_table(VARS_SYSTEM, system_expected, NELEMS(system_expected));
}
END_TEST

START_TEST(every_peer_variable_prints_what_is_expected_of_it)
{
	expect_table(VARS_PEER, peer_expected, NELEMS(peer_expected));
}
END_TEST

START_TEST(no_name_stands_twice_and_defaults_come_first)
{
	for (enum var_table t = VARS_SYSTEM; t <= VARS_PEER; t++) {
		bool rest = false;

		for (size_t i = 0; i < vars_count(t); i++) {
			rest |= !vars_info(t, i).by_default;
			ck_assert_msg(!rest || !vars_info(t, i).by_default, "%s", vars_info(t, i).name);
			for (size_t j = 0; j < i; j++)
				ck_assert_str_ne(vars_info(t, i).name, vars_info(t, j).name);
		}
	}
}
END_TEST

/* Names that the tables of ntpq 4.2.8 and of NTPsec's ntpq ask for: one missing, and ntpq prints nothing at all. */
START_TEST(every_table_of_ntpq_finds_all_its_variables)
{
	static const char *const sys[] = {
		"peeradr", "peermode", "leap", "stratum", "precision", "rootdelay", "rootdisp", "rootdist", "refid", "reftime", "sys_jitter", "clk_jitter",
		"clk_wander", "bcastdelay", "authdelay", "ss_uptime", "ss_numctlreq", "ss_numctlreq_r", "ss_reset", "ss_reset_r", "ss_received",
		"ss_received_r", "ss_thisver", "ss_oldver", "ss_ver1",
		"ss_ver1client", "ss_ver1zero", "ss_ver1symm", "ss_badformat", "ss_badauth", "ss_declined", "ss_restricted", "ss_limited", "ss_kodsent",
		"ss_processed", "koffset", "kfreq", "kmaxerr", "kesterr", "kstflags", "ktimeconst", "kprecis", "kfreqtol", "kppsfreq", "kppsstab",
		"kppsjitter", "kppscalibdur", "kppscalibs", "kppsjitexc", "kppsstbexc", "kppscaliberrs", "mru_enabled", "mru_hashslots", "mru_depth",
		"mru_deepest", "mru_maxdepth", "mru_mindepth", "mru_maxage", "mru_minage", "mru_mem", "mru_maxmem", "mru_exists", "mru_new",
		"mru_recycleold", "mru_recyclefull", "mru_none", "mru_oldest_age", "iostats_reset", "total_rbuf", "free_rbuf", "used_rbuf",
		"rbuf_lowater", "io_dropped", "io_ignored", "io_received", "io_sent", "io_sendfailed", "io_wakeups", "io_goodwakeups", "io_pkt_reads",
		"io_ref_reads", "timerstats_reset", "timer_overruns", "timer_xmts", "authreset", "authkeys", "authfreek", "authklookups",
		"authknotfound", "authkuncached", "authkexpired", "authencrypts", "authdigestencrypts", "authcmacencrypts", "authdecrypts",
		"authdigestdecrypts", "authdigestfails", "authcmacdecrypts", "authcmacfails", "nts_client_send", "nts_client_recv_good",
		"nts_client_recv_bad", "nts_server_recv_good", "nts_server_recv_bad", "nts_server_send", "nts_cookie_make", "nts_cookie_decode",
		"nts_cookie_decode_old", "nts_cookie_decode_old2", "nts_cookie_decode_older", "nts_cookie_decode_too_old", "nts_cookie_decode_error",
		"nts_ke_probes_good", "nts_ke_probes_bad", "nts_ke_serves_good", "nts_ke_serves_bad",
	};
	static const char *const peer[] = {
		"srcadr", "srcport", "dstadr", "dstport", "timerec", "timer", "timereach", "sent", "received", "badauth", "bogusorg", "oldpkt", "seldisp",
		"selbroken", "candidate", "ntscookies",
	};
	struct var_set set = { 0 };
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < NELEMS(sys); i++)
		ck_assert_msg(vars_want(&set, VARS_SYSTEM, &f.v, sys[i], strlen(sys[i])), "%s", sys[i]);
	for (size_t i = 0; i < NELEMS(peer); i++)
		ck_assert_msg(vars_want(&set, VARS_PEER, &f.v, peer[i], strlen(peer[i])), "%s", peer[i]);
}
END_TEST

START_TEST(a_name_is_found_whole_or_not_at_all)
{
	struct var_set set = { 0 };
	struct fixture f;

	fixture_init(&f);
	ck_assert(!vars_want(&set, VARS_SYSTEM, &f.v, "stratu", 6));
	ck_assert(!vars_want(&set, VARS_SYSTEM, &f.v, "stratumx", 8));
	ck_assert(!vars_want(&set, VARS_SYSTEM, &f.v, "", 0));
	ck_assert(!vars_want(&set, VARS_SYSTEM, &f.v, "reach", 5));
	ck_assert(!vars_want(&set, VARS_PEER, &f.v, "owner", 5));
	ck_assert(vars_want(&set, VARS_SYSTEM, &f.v, "owner", 5));
	ck_assert(vars_want(&set, VARS_SYSTEM, &f.v, "stratumx", 7));
}
END_TEST

START_TEST(refids_are_text_for_strata_0_1_and_16_only)
{
	static const struct { uint8_t stratum; uint32_t refid; const char *want; } rows[] = {
		{ 1, REFID('G', 'P', 'S', 0), "GPS" }, { 1, REFID('P', ' ', ',', 'S'), "P..S" }, { 16, REFID_INIT, "INIT" }, { 16, REFID_FREE, "127.0.0.1" }, { 16, 0, "0.0.0.0" },
		{ 1, REFID('"', 0x01, 0xff, 'a'), "...a" }, { 2, REFID('G', 'P', 'S', 0), "71.80.83.0" }, { 15, 0xffffffff, "255.255.255.255" },
	};
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		f.system.vars.stratum = rows[i].stratum;
		f.system.vars.refid = rows[i].refid;
		expect(&f.v, VARS_SYSTEM, NULL, "refid", rows[i].want);
	}
}
END_TEST

START_TEST(a_daemon_that_knows_nothing_yet_says_so)
{
	struct fixture f;

	fixture_init(&f);
	sysvars_init(&f.system.vars, -20);
	f.v.kernel = NULL;
	f.v.uts = NULL;
	f.v.leapsec = f.v.leap_expire = (struct walltime){ 0 };
	f.v.monitor = false;
	f.v.steers_host = true;
	expect(&f.v, VARS_SYSTEM, NULL, "leap", "3");
	expect(&f.v, VARS_SYSTEM, NULL, "stratum", "16");
	expect(&f.v, VARS_SYSTEM, NULL, "refid", "INIT");
	expect(&f.v, VARS_SYSTEM, NULL, "reftime", "0x00000000.00000000");
	expect(&f.v, VARS_SYSTEM, NULL, "peer", "0");
	expect(&f.v, VARS_SYSTEM, NULL, "peeradr", "0.0.0.0:0");
	expect(&f.v, VARS_SYSTEM, NULL, "peermode", "0");
	expect(&f.v, VARS_SYSTEM, NULL, "tai", NULL);
	expect(&f.v, VARS_SYSTEM, NULL, "leapsec", NULL);
	expect(&f.v, VARS_SYSTEM, NULL, "expire", NULL);
	f.system.smear = 86400;
	expect(&f.v, VARS_SYSTEM, NULL, "leapsmearinterval", "86400");
	expect(&f.v, VARS_SYSTEM, NULL, "leapsmearoffset", "0.000000");
	f.system.vars.smear = (struct leap_smear){ monotime_add(f.v.now.mono, 43200), 86400 };
	expect(&f.v, VARS_SYSTEM, NULL, "leapsmearoffset", "-500.000000");
	expect(&f.v, VARS_SYSTEM, NULL, "processor", NULL);
	expect(&f.v, VARS_SYSTEM, NULL, "system", NULL);
	expect(&f.v, VARS_SYSTEM, NULL, "release", NULL);
	expect(&f.v, VARS_SYSTEM, NULL, "koffset", "0");
	expect(&f.v, VARS_SYSTEM, NULL, "kstflags", "\"\"");
	expect(&f.v, VARS_SYSTEM, NULL, "kppscalibdur", "0");
	expect(&f.v, VARS_SYSTEM, NULL, "mru_enabled", "0x0");
	expect(&f.v, VARS_SYSTEM, NULL, "kernel_clock", "\"steered\"");
}
END_TEST

START_TEST(restrict_limited_shows_in_mru_enabled)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = { .flags = RESTRICT_LIMITED, .ippeerlimit = IPPEERLIMIT_NONE };
	struct fixture f;

	fixture_init(&f);
	ck_assert_ptr_nonnull(l);
	f.v.restricts = l;
	expect(&f.v, VARS_SYSTEM, NULL, "mru_enabled", "0x1");
	restrict_rule_default(&r, 4);
	ck_assert_int_eq(restrict_add(l, &r), 0);
	expect(&f.v, VARS_SYSTEM, NULL, "mru_enabled", "0x3");
	f.v.monitor = false;
	expect(&f.v, VARS_SYSTEM, NULL, "mru_enabled", "0x2");
	restrict_free(l);
}
END_TEST

START_TEST(a_silent_server_shows_as_one)
{
	struct fixture f;

	fixture_init(&f);
	expect(&f.v, VARS_PEER, &f.a[1], "srcadr", "2001:db8::1");
	expect(&f.v, VARS_PEER, &f.a[1], "dstadr", "::");
	expect(&f.v, VARS_PEER, &f.a[1], "srchost", NULL);
	expect(&f.v, VARS_PEER, &f.a[1], "stratum", "16");
	expect(&f.v, VARS_PEER, &f.a[1], "refid", "INIT");
	expect(&f.v, VARS_PEER, &f.a[1], "rec", "0x00000000.00000000");
	expect(&f.v, VARS_PEER, &f.a[1], "timerec", "0");
	expect(&f.v, VARS_PEER, &f.a[1], "pmode", "0");
	expect(&f.v, VARS_PEER, &f.a[1], "dispersion", "16000.000");
	expect(&f.v, VARS_PEER, &f.a[1], "rootdist", "16000.000");
	expect(&f.v, VARS_PEER, &f.a[1], "bias", NULL);
}
END_TEST

START_TEST(a_pool_shows_as_a_prototype)
{
	struct fixture f;

	fixture_init(&f);
	expect(&f.v, VARS_PEER, &f.a[2], "srcadr", "0.0.0.0");
	expect(&f.v, VARS_PEER, &f.a[2], "srcport", "123");
	expect(&f.v, VARS_PEER, &f.a[2], "srchost", "\"2.debian.pool.ntp.org\"");
	expect(&f.v, VARS_PEER, &f.a[2], "refid", "POOL");
	expect(&f.v, VARS_PEER, &f.a[2], "hmode", "3");
	expect(&f.v, VARS_PEER, &f.a[2], "timer", "0");
	ck_assert_uint_eq(control_peer_status(&f.a[2]), 0x8811);
	f.a[2].configured = false;
	expect(&f.v, VARS_PEER, &f.a[2], "srchost", NULL);
}
END_TEST

START_TEST(a_kiss_code_stays_in_sight_and_its_stratum_is_16)
{
	struct fixture f;

	fixture_init(&f);
	f.a[0].kiss = REFID_RATE;
	f.a[0].last.stratum = STRATUM_KOD;
	expect(&f.v, VARS_PEER, &f.a[0], "refid", "RATE");
	expect(&f.v, VARS_PEER, &f.a[0], "stratum", "16");
}
END_TEST

START_TEST(what_a_server_sends_cannot_spoil_the_form)
{
	struct fixture f;
	char buf[8192];

	fixture_init(&f);
	f.a[0].last.poll = -128;
	expect(&f.v, VARS_PEER, &f.a[0], "ppoll", "6");
	f.a[0].last.poll = 0;
	expect(&f.v, VARS_PEER, &f.a[0], "ppoll", "6");
	f.a[0].last.poll = 127;
	expect(&f.v, VARS_PEER, &f.a[0], "ppoll", "17");
	f.a[0].last.stratum = 255;
	expect(&f.v, VARS_PEER, &f.a[0], "stratum", "16");
	f.a[0].last.stratum = 1;
	f.a[0].last.refid = REFID('a', '\n', '=', '"');
	expect(&f.v, VARS_PEER, &f.a[0], "refid", "a.=.");
	f.a[0].stat.offset = NAN;
	f.a[0].stat.delay = INFINITY;
	expect(&f.v, VARS_PEER, &f.a[0], "offset", "0.000");
	expect(&f.v, VARS_PEER, &f.a[0], "delay", "0.000");
	f.system.vars.rootdelay = 65535.9;
	ck_assert_str_eq(shown(&f.v, VARS_SYSTEM, NULL, "rootdelay", buf, sizeof(buf)), "rootdelay=999999.999");
}
END_TEST

START_TEST(large_offsets_are_shown_truly)
{
	static const struct { double seconds; const char *ms; } rows[] = {
		{ 5000.0005, "5000000.500" }, { -86400, "-86400000.000" }, { 946684800.001, "946684800001.000" }, { 1e300, "1000000000000.000" },
		{ -1e300, "-1000000000000.000" },
	};
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		f.a[0].stat.offset = rows[i].seconds;
		expect(&f.v, VARS_PEER, &f.a[0], "offset", rows[i].ms);
	}
	f.system.vars.offset = -5000.0005;
	expect(&f.v, VARS_SYSTEM, NULL, "offset", "-5000000.500000");
}
END_TEST

/* ntpstat looks at ten characters. */
START_TEST(root_delay_and_dispersion_stay_within_ten_characters)
{
	static const double rows[] = { 0, 1e-9, 15.9999, 999.9999999, 65535.9, -1, -1e9, 1e300, NAN, INFINITY };
	struct fixture f;
	char buf[100];

	fixture_init(&f);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		f.system.vars.rootdelay = f.system.vars.rootdisp = rows[i];
		ck_assert_uint_le(strlen(shown(&f.v, VARS_SYSTEM, NULL, "rootdelay", buf, sizeof(buf))), strlen("rootdelay=") + 10);
		ck_assert_uint_le(strlen(shown(&f.v, VARS_SYSTEM, NULL, "rootdisp", buf, sizeof(buf))), strlen("rootdisp=") + 10);
	}
}
END_TEST

START_TEST(values_of_setvar_are_quoted_where_a_reader_would_lose_them)
{
	static const struct { const char *value, *sent; } rows[] = {
		{ "udel", "x=udel" }, { "-3.5", "x=-3.5" }, { "a/b:c'd", "x=a/b:c'd" }, { "main hall", "x=\"main hall\"" }, { "a,b", "x=\"a,b\"" },
		{ "a=b", "x=\"a=b\"" }, { "\"roof, north\"", "x=\"roof, north\"" }, { "say \"hi\", all", "x=\"say .hi., all\"" },
		{ "open\"", "x=\"open.\"" }, { "\"", "x=\".\"" }, { "\"a\" and \"b\"", "x=\"a. and .b\"" }, { "tab\tend\x80", "x=\"tab.end.\"" },
		{ "", "" }, { "\"\"", "" },
	};
	struct fixture f;
	char buf[200];

	fixture_init(&f);
	f.v.nsetvars = 1;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct var_set set = { .setvar = { true } };
		struct text t;

		f.setvars[0] = (struct control_setvar){ .name = "x", .value = rows[i].value };
		text_init(&t, buf, sizeof(buf));
		vars_put_set(&t, &set, VARS_SYSTEM, &f.v, NULL);
		buf[t.len] = '\0';
		ck_assert_str_eq(buf, rows[i].sent);
	}
}
END_TEST

START_TEST(values_of_setvar_that_are_long_are_cut_and_closed)
{
	struct var_set set = { .setvar = { true, true } };
	char plain[1001], quoted[1001], buf[3000];
	struct fixture f;
	struct text t;

	fixture_init(&f);
	memset(plain, 'p', 1000);
	memset(quoted, ' ', 1000);
	plain[1000] = quoted[1000] = '\0';
	f.setvars[0] = (struct control_setvar){ .name = "a", .value = plain };
	f.setvars[1] = (struct control_setvar){ .name = "b", .value = quoted };
	text_init(&t, buf, sizeof(buf));
	vars_put_set(&t, &set, VARS_SYSTEM, &f.v, NULL);
	ck_assert_uint_eq(t.len, 2 + 400 + 3 + 2 + 402);
	ck_assert_mem_eq(buf + 402, ",\r\nb=\" ", 7);
	ck_assert_mem_eq(buf + t.len - 2, " \"", 2);
}
END_TEST

START_TEST(status_words_are_those_of_ntpd)
{
	struct fixture f;

	fixture_init(&f);
	ck_assert_uint_eq(control_system_status(&f.v), 0x0615);
	f.system.vars.leap = LEAP_UNSYNC;
	f.system.vars.peer = 0;
	f.system.event = 6;
	ck_assert_uint_eq(control_system_status(&f.v), 0xc016);
	f.a[0].opts.key = 0;
	ck_assert_uint_eq(control_peer_status(&f.a[0]), 0x961a);
	ck_assert_uint_eq(control_peer_status(&f.a[1]), 0x8011);
	f.a[0].opts.key = 42;
	ck_assert_uint_eq(control_peer_status(&f.a[0]), 0xd61a);
}
END_TEST

UNIT_MAIN("control/vars", every_system_variable_prints_what_is_expected_of_it, every_peer_variable_prints_what_is_expected_of_it,
    no_name_stands_twice_and_defaults_come_first, every_table_of_ntpq_finds_all_its_variables, a_name_is_found_whole_or_not_at_all,
    refids_are_text_for_strata_0_1_and_16_only, a_daemon_that_knows_nothing_yet_says_so, restrict_limited_shows_in_mru_enabled,
    a_silent_server_shows_as_one, a_pool_shows_as_a_prototype, a_kiss_code_stays_in_sight_and_its_stratum_is_16,
    what_a_server_sends_cannot_spoil_the_form, large_offsets_are_shown_truly, root_delay_and_dispersion_stay_within_ten_characters,
    values_of_setvar_are_quoted_where_a_reader_would_lose_them, values_of_setvar_that_are_long_are_cut_and_closed,
    status_words_are_those_of_ntpd)
