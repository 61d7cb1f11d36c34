/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of each kind, column for column as ntpd writes them. */
#include <sys/resource.h>

#include "base/ntp.h"
#include "place.h"
#include "stats/stats.h"
#include "wire/control.h"

#define S(n)		((int64_t)(n) * NS_PER_S)
#define DAY		"20261122"	/* MJD 61366 */
#define MIDNIGHT	1795305600	/* its beginning, Unix time */

static struct place place;
static struct filegen_opts set[STATS_KINDS];

/* So many seconds (and ms) of that day, and as long after start. */
static struct clockread
when(int s, int ms)
{
	int64_t ns = S(s) + ms * INT64_C(1000000);

	return (struct clockread){ .wall = { S(MIDNIGHT) + ns }, .host = { S(MIDNIGHT) + ns }, .mono = { S(50) + ns } };
}

static struct addr
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct addr){ .ip = { a, b, c, d }, .family = 4, .port = 123 };
}

/* All kinds on. */
static struct stats *
begin(void)
{
	struct clockread start = when(0, 0);
	struct stats_opts o = { .dir = place.dir, .enabled = true, .set = set };
	struct stats *s;

	place_make(&place);
	stats_defaults(set);
	for (unsigned i = 0; i < STATS_KINDS; i++)
		set[i].enabled = true;
	s = stats_new(&o, &start);
	ck_assert_ptr_nonnull(s);
	return s;
}

static void
end(struct stats *s)
{
	stats_free(s);
	place_count(&place, true);
}

/* The last line of a file of the day. */
static const char *
last(const char *kind)
{
	char name[64];
	char *text, *nl;

	snprintf(name, sizeof(name), "%s." DAY, kind);
	text = (char *)(uintptr_t)place_read(&place, name);
	ck_assert_msg(text != NULL, "%s is not there", name);
	ck_assert_msg(text[0] != '\0' && text[strlen(text) - 1] == '\n', "%s ends within a line", name);
	text[strlen(text) - 1] = '\0';
	nl = strrchr(text, '\n');
	return nl != NULL ? nl + 1 : text;
}

/* The samples of NTPsec's and ntpd's files, with their values in our structs. */

START_TEST(loopstats_has_the_columns_of_ntpd)
{
	struct stats *s = begin();
	struct system sys = { .vars = { .updated = { S(60) }, .offset = 17.334e-6, .freq = 0, .clk_jitter = 6.129e-6, .clk_wander = 0, .tc = 4 } };
	struct clockread now = when(72543, 114);

	stats_loop(s, &now, &sys);
	ck_assert_str_eq(last("loopstats"), "61366 72543.114 0.000017334 0.000 0.000006129 0.000000 4");
	sys.vars = (struct sysvars){ .updated = { S(61) }, .offset = -0.1, .freq = -12.3456e-6, .clk_jitter = 1, .clk_wander = 0.0125e-6, .tc = 10 };
	stats_loop(s, &now, &sys);
	ck_assert_str_eq(last("loopstats"), "61366 72543.114 -0.100000000 -12.346 1.000000000 0.012500 10");
	end(s);
}
END_TEST

START_TEST(one_update_of_the_clock_is_one_record)
{
	struct stats *s = begin();
	struct system sys = { .vars = { .updated = { 0 } } };
	struct clockread now = when(1, 0);

	stats_loop(s, &now, &sys);
	ck_assert_uint_eq(place_count(&place, false), 0);
	sys.vars.updated.ns = 7;
	stats_loop(s, &now, &sys);
	now = when(2, 0);
	stats_loop(s, &now, &sys);
	ck_assert_int_eq(strncmp(place_read(&place, "loopstats"), "61366 1.000 ", 12), 0);
	ck_assert_ptr_null(strstr(place.text, "61366 2.000 "));
	end(s);
}
END_TEST

START_TEST(peerstats_has_the_columns_of_ntpd)
{
	struct stats *s = begin();
	struct assoc a = { .addr = v4(10, 9, 0, 1), .stat = { .offset = 0, .delay = 0, .disp = 3.93756, .jitter = 0 } };
	struct clockread now = when(72276, 173);

	stats_peer(s, &now, &a, 0x9014);
	ck_assert_str_eq(last("peerstats"), "61366 72276.173 10.9.0.1 9014 0.000000000 0.000000000 3.937560000 0.000000000");
	a.stat = (struct filter_stat){ .offset = -1.6e-9, .delay = 0.123456789, .disp = 16, .jitter = 2e-7 };
	ck_assert(addr_parse(&a.addr, "2001:db8::7", 6));
	stats_peer(s, &now, &a, 0x14);
	ck_assert_str_eq(last("peerstats"), "61366 72276.173 2001:db8::7 14 -0.000000002 0.123456789 16.000000000 0.000000200");
	end(s);
}
END_TEST

static struct ntptime
stamp(uint32_t s, double ns)
{
	return (struct ntptime){ (uint64_t)s << 32 | (uint64_t)llround(ns * 1e-9 * 0x1p32) };
}

static struct walltime
wall(uint32_t s, int64_t ns)
{
	return (struct walltime){ ((int64_t)s - NTP_UNIX_EPOCH) * NS_PER_S + ns };
}

START_TEST(rawstats_has_the_columns_of_ntpd)
{
	struct stats *s = begin();
	struct assoc a = { .addr = v4(10, 9, 0, 1), .local = v4(10, 9, 0, 2) };
	struct client_reply r = {
		.pkt = { .leap = 0, .version = 4, .mode = 4, .stratum = 6, .poll = 4, .precision = -30, .rootdelay = 0, .rootdisp = 0x3f296,
		    .refid = REFID(127, 127, 1, 0), .rec = stamp(4004366907u, 114077971), .xmt = stamp(4004366907u, 114277939) },
		.t1 = wall(4004366907u, 114015107), .t4 = wall(4004366907u, 114283965),
	};
	struct clockread now = when(72507, 114);

	stats_raw(s, &now, &a, &r);
	ck_assert_str_eq(last("rawstats"), "61366 72507.114 10.9.0.1 10.9.0.2 4004366907.114015107 4004366907.114077971 4004366907.114277939 "
	    "4004366907.114283965 0 4 4 6 4 -30 0.000000 3.947601 127.127.1.0");
	end(s);
}
END_TEST

static const struct { uint8_t stratum; uint32_t refid; const char *text; } refids[] = {
	{ 1, REFID('G', 'P', 'S', 0), " .GPS." }, { 1, REFID('N', 'I', 'S', 'T'), " .NIST." }, { 0, REFID_RATE, " .RATE." }, { 0, 0, " .." },
	{ 1, REFID('a', ' ', '\n', 200), " .a...." }, { 2, REFID(192, 0, 2, 255), " 192.0.2.255" }, { 16, 0, " 0.0.0.0" },
};

START_TEST(refid_of_rawstats_is_one_column_whatever_it_holds)
{
	struct stats *s = begin();
	struct assoc a = { .addr = v4(10, 9, 0, 1) };
	struct client_reply r = { .pkt = { .stratum = refids[_i].stratum, .refid = refids[_i].refid } };
	struct clockread now = when(1, 0);
	const char *line;

	stats_raw(s, &now, &a, &r);
	line = last("rawstats");
	ck_assert_str_eq(line + strlen(line) - strlen(refids[_i].text), refids[_i].text);
	ck_assert_ptr_nonnull(strstr(line, " 10.9.0.1 - "));
	end(s);
}
END_TEST

START_TEST(timestamps_of_rawstats_are_rounded_and_pass_the_end_of_the_era)
{
	struct stats *s = begin();
	struct assoc a = { .addr = v4(10, 9, 0, 1) };
	struct client_reply r = { .pkt = { .rec = { 0xffffffffffffffffu }, .xmt = { 0x00000001ffffffffu } }, .t1 = wall(UINT32_MAX, 999999999) };
	struct clockread now = when(1, 0);

	r.t4.ns = r.t1.ns + 1;
	stats_raw(s, &now, &a, &r);
	ck_assert_ptr_nonnull(strstr(last("rawstats"), " 4294967295.999999999 0.000000000 2.000000000 0.000000000 "));
	end(s);
}
END_TEST

START_TEST(sysstats_counts_from_record_to_record)
{
	struct stats *s = begin();
	struct server_counters c = {
		.received = 100, .processed = 20, .thisver = 70, .oldver = 10, .badformat = 1, .badauth = 2, .declined = 3, .restricted = 4,
		.limited = 5, .kodsent = 6, .sent = 77, .sendfailed = 88,
	};
	struct clockread now = when(3600, 0);

	stats_sys(s, &now, &c);
	ck_assert_str_eq(last("sysstats"), "61366 3600.000 3600 100 20 70 10 4 1 2 3 5 6");
	now = when(7200, 4);
	c.received += 7;
	c.kodsent++;
	c.thisver = 12;		/* somebody reset it */
	stats_sys(s, &now, &c);
	ck_assert_str_eq(last("sysstats"), "61366 7200.004 3600 7 0 12 0 0 0 0 0 0 1");
	end(s);
}
END_TEST

START_TEST(usestats_has_the_columns_of_ntpsec)
{
	struct stats *s = begin();
	struct rusage ru = {
		.ru_utime = { 1, 900000 }, .ru_stime = { 2, 100000 }, .ru_minflt = 164, .ru_majflt = 2, .ru_nswap = 3, .ru_inblock = 4, .ru_oublock = 328,
		.ru_nvcsw = 64226, .ru_nivcsw = 5, .ru_nsignals = 6, .ru_maxrss = 4328,
	};
	struct clockread now = when(3600, 0);

	stats_use(s, &now, &ru);
	ck_assert_str_eq(last("usestats"), "61366 3600.000 3600 1.900 2.100 164 2 3 4 328 64226 5 6 4328");
	now = when(7200, 0);
	ru.ru_utime = (struct timeval){ 2, 100000 };
	ru.ru_nvcsw += 10;
	ru.ru_maxrss = 4400;
	stats_use(s, &now, &ru);
	ck_assert_str_eq(last("usestats"), "61366 7200.000 3600 0.200 0.000 0 0 0 0 0 10 0 0 4400");
	end(s);
}
END_TEST

START_TEST(protostats_has_the_columns_of_ntpd)
{
	struct stats *s = begin();
	struct addr a = v4(127, 127, 1, 0);
	struct clockread now = when(72259, 156);

	stats_proto(s, &now, &a, 0x8011, PEVENT_MOBILIZE, "assoc 9040");
	ck_assert_str_eq(last("protostats"), "61366 72259.156 127.127.1.0 8011 81 mobilize assoc 9040");
	stats_proto(s, &now, NULL, 0xc016, EVENT_RESTART, NULL);
	ck_assert_str_eq(last("protostats"), "61366 72259.156 0.0.0.0 c016 06 restart");
	/* More has happened since: the record tells of its own event. */
	stats_proto(s, &now, NULL, 0x0615, EVENT_STEP, "-1.234567 s");
	ck_assert_str_eq(last("protostats"), "61366 72259.156 0.0.0.0 061c 0c clock_step -1.234567 s");
	end(s);
}
END_TEST

START_TEST(every_event_has_a_name_of_one_word)
{
	struct stats *s = begin();
	struct addr a = v4(192, 0, 2, 1);
	struct clockread now = when(1, 0);
	char word[64], rest[8];

	for (unsigned peer = 0; peer < 2; peer++) {
		for (unsigned event = 0; event < 16; event++) {
			stats_proto(s, &now, peer ? &a : NULL, 0, event, NULL);
			ck_assert_int_eq(sscanf(last("protostats"), "%*s %*s %*s %*s %*s %63s %7s", word, rest), 1);
		}
	}
	end(s);
}
END_TEST

START_TEST(clockstats_is_an_address_and_the_text_on_one_line)
{
	struct stats *s = begin();
	struct addr a = v4(127, 127, 20, 1);
	struct clockread now = when(5, 1);
	char text[2000];

	stats_clock(s, &now, &a, "$GPRMC,120000,A*00");
	ck_assert_str_eq(last("clockstats"), "61366 5.001 127.127.20.1 $GPRMC,120000,A*00");
	stats_clock(s, &now, &a, "two\nlines\t\x1b[31m");
	ck_assert_str_eq(last("clockstats"), "61366 5.001 127.127.20.1 two?lines??[31m");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	stats_clock(s, &now, &a, text);
	ck_assert_uint_lt(strlen(last("clockstats")), 1000);
	end(s);
}
END_TEST

/* A record of some kind at that wall time, as far as the first two columns go. */
static void
time_is(int64_t ns, const char *columns)
{
	struct stats *s = begin();
	struct clockread now = { .wall = { ns } };
	struct addr a = v4(127, 127, 20, 1);

	set[STATS_CLOCK].type = FILEGEN_NONE;
	ck_assert_int_eq(stats_configure(s, &(struct stats_opts){ .dir = place.dir, .enabled = true, .set = set }), 0);
	stats_clock(s, &now, &a, "x");
	ck_assert_ptr_nonnull(place_read(&place, "clockstats"));
	ck_assert_int_eq(strncmp(place.text, columns, strlen(columns)), 0);
	end(s);
}

START_TEST(day_and_second_are_right_at_midnight_and_at_the_epochs)
{
	time_is(S(MIDNIGHT), "61366 0.000 ");
	time_is(S(MIDNIGHT) - 1, "61365 86399.999 ");
	time_is(S(MIDNIGHT) + 86399 * INT64_C(1000000000) + 999999999, "61366 86399.999 ");
	time_is(0, "40587 0.000 ");
	time_is(-1, "40586 86399.999 ");
	time_is(-S(86400), "40586 0.000 ");
	time_is(-S(86400) - 1000000, "40585 86399.999 ");
	time_is(S(2085978496), "64730 23296.000 ");	/* the NTP era rolls over: 2036-02-07 06:28:16 */
}
END_TEST

static void
all_kinds(struct stats *s)
{
	struct clockread now = when(3600, 0);
	struct addr a = v4(127, 127, 20, 1);
	struct system sys = { .vars = { .updated = { 1 } } };
	struct client_reply r = { .t1 = { 0 } };
	struct server_counters c = { 0 };
	struct assoc assoc = { .addr = a };
	struct rusage ru = { .ru_maxrss = 1 };
	struct nts_counts nts = { .client.sent = 1 };
	struct talk_cost cost = { .wall = 1 };

	stats_loop(s, &now, &sys);
	stats_peer(s, &now, &assoc, 0);
	stats_clock(s, &now, &a, "x");
	stats_raw(s, &now, &assoc, &r);
	stats_sys(s, &now, &c);
	stats_use(s, &now, &ru);
	stats_nts(s, &now, &nts);
	stats_keys(s, &now, &a, NULL, true, &cost);
	stats_proto(s, &now, NULL, 0, EVENT_RESTART, NULL);
}

START_TEST(nts_records_are_gains_and_key_exchanges_are_told_one_by_one)
{
	struct stats *s = begin();
	struct clockread now = when(3600, 0);
	struct nts_counts c = { .client = { 1, 2, 3 }, .warden = { 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
		.ke = { .good = { 16, 1.5, 0.25 }, .nossl = { 17, 2.5, 0 }, .bad = { 18, 3.5, 0.125 } }, .probes = { 19, 20 } };
	const struct talk_cost cost = { .wall = 0.0125, .user = 0.002, .system = 0.0005 };
	struct addr peer = v4(192, 0, 2, 7);

	stats_nts(s, &now, &c);
	stats_nts(s, &now, &c);
	ck_assert_ptr_nonnull(strstr(place_read(&place, "ntsstats." DAY), " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"));
	ck_assert_ptr_nonnull(strstr(place_read(&place, "ntsstats." DAY), " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"));
	ck_assert_ptr_nonnull(strstr(place_read(&place, "ntskestats." DAY), " 16 1.500 0.250 17 2.500 0.000 18 3.500 0.125 19 20\n"));
	stats_keys(s, &now, &peer, NULL, true, &cost);
	stats_keys(s, &now, &peer, "certificate unknown", true, &cost);
	stats_keys(s, &now, &peer, "no TLS", false, &cost);
	ck_assert_ptr_nonnull(strstr(place_read(&place, "ntskelog." DAY), " OK  0.013 2.000 0.500 from 192.0.2.7 keys given\n"));
	ck_assert_ptr_nonnull(strstr(place_read(&place, "ntskelog." DAY), " KE  0.013 2.000 0.500 from 192.0.2.7 certificate unknown\n"));
	ck_assert_ptr_nonnull(strstr(place_read(&place, "ntskelog." DAY), " TLS 0.013 2.000 0.500 from 192.0.2.7 no TLS\n"));
	stats_free(s);
}
END_TEST

START_TEST(only_kinds_asked_for_are_written_and_none_with_stats_disabled)
{
	for (unsigned one = 0; one < STATS_KINDS; one++) {
		struct stats *s = begin();
		struct stats_opts o = { .dir = place.dir, .enabled = true, .set = set };
		char name[64];

		for (unsigned i = 0; i < STATS_KINDS; i++)
			set[i].enabled = i == one;
		ck_assert_int_eq(stats_configure(s, &o), 0);
		all_kinds(s);
		ck_assert_uint_eq(place_count(&place, false), 2);
		snprintf(name, sizeof(name), "%s." DAY, stats_names[one]);
		ck_assert_ptr_nonnull(place_read(&place, name));
		o.enabled = false;
		ck_assert_int_eq(stats_configure(s, &o), 0);
		unlink(place_path(&place, name));
		all_kinds(s);
		ck_assert_ptr_null(place_read(&place, name));
		end(s);
	}
}
END_TEST

START_TEST(directory_needs_no_slash_and_has_a_default)
{
	struct stats *s = begin();
	struct clockread now = when(1, 0);
	struct addr a = v4(127, 127, 20, 1);
	char dir[64], endless[5000];

	snprintf(dir, sizeof(dir), "%.*s", (int)strlen(place.dir) - 1, place.dir);
	ck_assert_int_eq(stats_configure(s, &(struct stats_opts){ .dir = dir, .enabled = true, .set = set }), 0);
	stats_clock(s, &now, &a, "x");
	ck_assert_ptr_nonnull(place_read(&place, "clockstats"));
	memset(endless, 'x', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	ck_assert_int_eq(stats_configure(s, &(struct stats_opts){ .dir = endless, .enabled = true, .set = set }), -1);
	/* The old directory is still in force. */
	stats_clock(s, &now, &a, "again");
	ck_assert_ptr_nonnull(strstr(last("clockstats"), "again"));
	end(s);
}
END_TEST

START_TEST(kinds_are_found_by_the_names_of_their_files)
{
	enum stats_kind kind;

	for (unsigned i = 0; i < STATS_KINDS; i++) {
		ck_assert(stats_kind_of(stats_names[i], &kind));
		ck_assert_uint_eq(kind, i);
	}
	ck_assert(!stats_kind_of("cryptostats", &kind) && !stats_kind_of("timingstats", &kind) && !stats_kind_of("", &kind));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		loopstats_has_the_columns_of_ntpd, one_update_of_the_clock_is_one_record, peerstats_has_the_columns_of_ntpd,
		rawstats_has_the_columns_of_ntpd, timestamps_of_rawstats_are_rounded_and_pass_the_end_of_the_era, sysstats_counts_from_record_to_record,
		usestats_has_the_columns_of_ntpsec, protostats_has_the_columns_of_ntpd, every_event_has_a_name_of_one_word,
		clockstats_is_an_address_and_the_text_on_one_line, day_and_second_are_right_at_midnight_and_at_the_epochs,
		nts_records_are_gains_and_key_exchanges_are_told_one_by_one, only_kinds_asked_for_are_written_and_none_with_stats_disabled, directory_needs_no_slash_and_has_a_default,
		kinds_are_found_by_the_names_of_their_files,
	};
	Suite *s = suite_create("stats/stats");
	TCase *t = tcase_create("stats");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, refid_of_rawstats_is_one_column_whatever_it_holds, 0, (int)NELEMS(refids));
	for (size_t i = 0; i < NELEMS(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
