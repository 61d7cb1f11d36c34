/* SPDX-License-Identifier: BSD-2-Clause */
/* What lines mean: sources, restrict entries, options of rooms, and what does not depend on order. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "remarks.h"

static struct remarks m;

/* Exactly one remark of that kind, at that place of line 1, with those words. */
static void
one_remark(enum remark kind, unsigned column, const char *words)
{
	ck_assert_msg(m.n == 1, "%u remarks, first %s", m.n, m.n > 0 ? m.v[0].text : "none");
	ck_assert_int_eq(m.v[0].kind, kind);
	ck_assert_uint_eq(m.v[0].line, 1);
	ck_assert_uint_eq(m.v[0].column, column);
	ck_assert_msg(strstr(m.v[0].text, words) != NULL, "%s", m.v[0].text);
}

START_TEST(guide_server_file_is_understood_without_a_remark_but_one)
{
	static const char guide[] =
	    "# Drift file.\n"
	    "driftfile /var/lib/ntp/drift\n"
	    "# Permit\n"
	    "restrict default limited kod nomodify notrap nopeer\n"
	    "restrict -6 default limited kod nomodify notrap nopeer\n"
	    "# Servers\n"
	    "server ntp.your.org iburst\n"
	    "server time-b.timefreq.bldrdoc.gov iburst\n"
	    "server rackety.udel.edu iburst\n"
	    "server clock.fmt.he.net iburst\n"
	    "server gpstime.la-archdiocese.net iburst\n"
	    "server nist1.columbiacountyga.gov iburst\n"
	    "server gclock02.dupa01.burst.net iburst\n"
	    "disable monitor\n";
	struct config *c = parse_text(guide, &m);
	size_t n = 0;

	ck_assert_uint_eq(m.n, 1);
	ck_assert_int_eq(m.v[0].kind, REMARK_WARNING);
	ck_assert_ptr_nonnull(remarks_find(&m, "'disable monitor' has no effect"));
	ck_assert(c->enable_monitor);
	ck_assert_str_eq(c->driftfile, "/var/lib/ntp/drift");
	for (const struct config_source *s = c->sources; s != NULL; s = s->next, n++) {
		ck_assert_int_eq(s->kind, SOURCE_SERVER);
		ck_assert(s->opts.iburst && !s->opts.burst);
		ck_assert_int_eq(s->opts.minpoll, POLL_MIN_DEFAULT);
		ck_assert_int_eq(s->opts.maxpoll, POLL_MAX_DEFAULT);
		ck_assert_uint_eq(s->line, 7 + n);
	}
	ck_assert_uint_eq(n, 7);
	ck_assert_uint_eq(c->nsources, 7);
	ck_assert_str_eq(c->sources->host, "ntp.your.org");
	ck_assert_uint_eq(restrict_of(c, "0.0.0.0", "0.0.0.0")->rule.flags,
	    RESTRICT_LIMITED | RESTRICT_KOD | RESTRICT_NOMODIFY | RESTRICT_NOTRAP | RESTRICT_NOPEER);
	ck_assert_ptr_nonnull(restrict_of(c, "::", "::"));
	ck_assert_ptr_null(restrict_of(c, "127.0.0.1", "255.255.255.255"));
	config_free(c);
}
END_TEST

START_TEST(server_options_go_where_they_belong)
{
	struct config *c = parse_text("server -6 time.example iburst burst minpoll 4 maxpoll 7 prefer noselect true version 3 bias -0.5\n", &m);
	const struct assoc_opts *o = &c->sources->opts;

	ck_assert_uint_eq(m.n, 0);
	ck_assert_int_eq(c->sources->family, 6);
	ck_assert(o->iburst && o->burst && o->prefer && o->noselect && o->always && !o->xleave);
	ck_assert_int_eq(o->minpoll, 4);
	ck_assert_int_eq(o->maxpoll, 7);
	ck_assert_uint_eq(o->version, 3);
	ck_assert_double_eq(o->bias, -0.5);
	config_free(c);
}
END_TEST

static const struct { const char *line; int minpoll, maxpoll; const char *words; } polls[] = {
	{ "server a.example", 6, 10, NULL },
	{ "server a.example minpoll 3", 3, 10, NULL },
	{ "server a.example maxpoll 4", 4, 4, NULL },
	{ "server a.example minpoll 17 maxpoll 17", 17, 17, NULL },
	{ "server a.example minpoll 0 maxpoll 0", 0, 0, NULL },
	{ "server a.example minpoll -1", 0, 10, "'minpoll' -1 is out of range (0 to 17): 0 is used" },
	{ "server a.example maxpoll 18", 6, 17, "'maxpoll' 18 is out of range (0 to 17): 17 is used" },
	{ "server a.example maxpoll 255", 6, 17, "'maxpoll' 255 is out of range" },
	{ "server a.example minpoll 12", 10, 10, "minpoll 12 is more than maxpoll 10, the default" },
	{ "server a.example minpoll 8 maxpoll 6", 6, 6, "minpoll 8 is more than maxpoll 6: minpoll 6 is used" },
};

START_TEST(poll_exponents_are_clamped_with_a_sentence)
{
	struct config *c = parse_text(polls[_i].line, &m);

	ck_assert_uint_eq(m.errors, 0);
	ck_assert_uint_eq(m.warnings, polls[_i].words != NULL);
	if (polls[_i].words != NULL)
		ck_assert_msg(remarks_find(&m, polls[_i].words) != NULL, "%s", m.v[0].text);
	ck_assert_int_eq(c->sources->opts.minpoll, polls[_i].minpoll);
	ck_assert_int_eq(c->sources->opts.maxpoll, polls[_i].maxpoll);
	config_free(c);
}
END_TEST

/* Lines that make no source, and where they are wrong. */
static const struct { const char *line; unsigned column; const char *words; } no_source[] = {
	{ "server", 7, "needs an address" },
	{ "server -4", 10, "needs an address" },
	{ "server \"\"", 8, "empty" },
	{ "pool a.example ibrust", 16, "'pool' has no option 'ibrust'" },
	{ "server a.example \"iburst\"", 18, "no option 'iburst'" },
	{ "server a.example key 0", 22, "0 is not in 1 to 65535" },
	{ "server a.example key 65536", 22, "65536 is not in 1 to 65535" },
	{ "server a.example key 4294967296", 22, "not in 1 to 65535" },
	{ "server a.example version 0", 26, "1 to 4" },
	{ "server a.example version 5", 26, "1 to 4" },
	{ "server a.example minpoll 99999999999999999999", 26, "out of range" },
	{ "server a.example minpoll six", 26, "whole number" },
	{ "server a.example bias nan", 23, "'nan'" },
	{ "server a.example mode 5", 18, "reference clocks only" },
	{ "server 127.127.28.0 ttl 3", 21, "not for reference clocks" },
	{ "server 1.2.3.400", 8, "neither an address nor a host name" },
	{ "server 2001:db8::g", 8, "neither an address nor a host name" },
	{ "server 127.0.0.1", 8, "no address that a server can have" },
	{ "server 0.0.0.0", 8, "no address that a server can have" },
	{ "server 224.0.1.1", 8, "no address that a server can have" },
	{ "pool 240.0.0.1", 6, "no address that a server can have" },
	{ "server ff02::101", 8, "no address that a server can have" },
	{ "server -6 192.0.2.1", 11, "other family" },
	{ "server -4 2001:db8::1", 11, "other family" },
	{ "server \"two words\"", 8, "no host name" },
	{ "server caf\xc3\xa9.example", 8, "caf\\xc3\\xa9.example' is no host name" },
	{ "pool 127.127.28.0", 6, "not a pool" },
	{ "server 127.127.99.0", 8, "no reference clock that ntpd knows" },
	{ "refclock sundial", 10, "no reference clock driver is called 'sundial'" },
	{ "fudge 127.0.0.1 stratum 10", 7, "not the address of a reference clock" },
	{ "broadcast time.example", 11, "needs an address" },
};

START_TEST(wrong_source_lines_are_skipped_with_their_place)
{
	struct config *c = parse_text(no_source[_i].line, &m);

	one_remark(REMARK_ERROR, no_source[_i].column, no_source[_i].words);
	ck_assert_ptr_null(c->sources);
	ck_assert_uint_eq(c->errors, 1);
	ck_assert_uint_eq(c->fatal, 0);
	config_free(c);
}
END_TEST

START_TEST(host_of_256_octets_is_too_long)
{
	char line[300] = "server ";
	struct config *c;

	memset(line + 7, 'a', 255);
	c = parse_text(line, &m);
	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(strlen(c->sources->host), 255);
	config_free(c);
	line[7 + 255] = 'a';
	c = parse_text(line, &m);
	one_remark(REMARK_ERROR, 8, "longer than a host name can be");
	config_free(c);
}
END_TEST

START_TEST(same_server_twice_is_one_server)
{
	struct config *c = parse_text("server A.example\nserver a.EXAMPLE. prefer\nserver 2001:db8::1\nserver [2001:DB8:0::1]\npool a.example\n", &m);

	ck_assert_uint_eq(c->nsources, 3);
	ck_assert_uint_eq(m.warnings, 2);
	ck_assert_uint_eq(m.v[0].line, 2);
	ck_assert_uint_eq(m.v[1].line, 4);
	ck_assert(!c->sources->opts.prefer);
	ck_assert_ptr_nonnull(remarks_find(&m, "is there already"));
	config_free(c);
}
END_TEST

START_TEST(peer_is_a_source_of_symmetric_mode)
{
	struct config *c = parse_text("peer 192.0.2.7 minpoll 5 xleave", &m);

	ck_assert_uint_eq(c->warnings + c->errors, 0);
	ck_assert_int_eq(c->sources->opts.mode, MODE_ACTIVE);
	ck_assert(c->sources->opts.xleave);
	ck_assert_int_eq(c->sources->kind, SOURCE_SERVER);
	ck_assert_int_eq(c->sources->opts.minpoll, 5);
	config_free(c);
}
END_TEST

START_TEST(broadcast_and_manycast_lines_are_sources_of_their_own_kind)
{
	struct config *c = parse_text("broadcast 192.0.2.255 key 3 minpoll 4 ttl 2\nbroadcast ff05::101\nmanycastclient 239.1.1.1 ttl 7", &m);
	const struct config_source *s = c->sources;

	ck_assert_uint_eq(c->warnings + c->errors, 0);
	ck_assert_int_eq(s->opts.mode, MODE_BROADCAST);
	ck_assert_uint_eq(s->opts.key, 3);
	ck_assert_uint_eq(s->opts.ttl, 2);
	ck_assert_int_eq(s->opts.minpoll, 4);
	s = s->next;
	ck_assert_int_eq(s->opts.mode, MODE_BROADCAST);
	ck_assert_uint_eq(s->opts.ttl, ASSOC_TTL_FAR);
	s = s->next;
	ck_assert(s->opts.manycast);
	ck_assert_int_eq(s->opts.mode, MODE_CLIENT);
	config_free(c);
}
END_TEST

/* Lines, and the column of what is wrong. */
static const struct { const char *line; unsigned column; } misplaced[] = {
	{ "broadcast time.example", 11 }, { "broadcast 2001:db8::1", 11 }, { "broadcast 127.0.0.1", 11 }, { "broadcast 240.0.0.1", 11 },
	{ "broadcast 192.0.2.255 ttl 8", 27 }, { "manycastclient 192.0.2.1", 16 }, { "manycastserver 192.0.2.1", 16 }, { "manycastserver", 1 },
	{ "multicastclient 192.0.2.1", 17 }, { "multicastclient x", 17 }, { "broadcastclient volley", 17 }, { "ttl 1 2 3 4 5 6 7 8 9", 21 },
	{ "ttl 256", 5 }, { "tos bcpollbstep 5", 17 }, { "tos beacon 0", 12 },
};

START_TEST(modes_ask_for_addresses_that_fit)
{
	struct config *c = parse_text(misplaced[_i].line, &m);

	ck_assert_uint_eq(c->errors, 1);
	ck_assert_ptr_null(c->sources);
	ck_assert_uint_eq(c->modes.multicast.n + c->modes.manycast.n, 0);
	ck_assert(!c->modes.bclient);
	ck_assert_uint_eq(c->modes.nttl, 8);
	config_free(c);
}
END_TEST

START_TEST(pollskewlist_gives_what_it_names_and_default_the_rest)
{
	struct config *c = parse_text("pollskewlist default 2|3 6 8|16", &m);
	const struct pollskew *p = &c->modes.pollskew;

	ck_assert_uint_eq(c->warnings + c->errors, 0);
	ck_assert(p->given[3] && p->given[6] && p->given[17] && !p->given[2]);
	ck_assert_uint_eq(p->early[3], 2);
	ck_assert_uint_eq(p->late[17], 3);
	ck_assert_uint_eq(p->early[6], 8);
	ck_assert_uint_eq(p->late[6], 16);
	config_free(c);
	c = parse_text("pollskewlist 6 8|33", &m);
	ck_assert_uint_eq(c->errors, 1);
	ck_assert(!c->modes.pollskew.given[6]);
	config_free(c);
}
END_TEST

START_TEST(modes_are_kept)
{
	struct config *c = parse_text("multicastclient\nmulticastclient 239.1.1.1 224.0.1.1\nmanycastserver 239.2.2.2\nbroadcastclient novolley\n"
	    "broadcastdelay 0.008\ntos bcpollbstep 3 beacon 600 cohort 1\nttl 1 31", &m);

	ck_assert_uint_eq(c->warnings + c->errors, 0);
	ck_assert_uint_eq(c->modes.multicast.n, 3);
	ck_assert_uint_eq(c->modes.manycast.n, 1);
	ck_assert(c->modes.bclient && c->modes.novolley && c->tos.cohort);
	ck_assert_double_eq(c->modes.broadcastdelay, 0.008);
	ck_assert_int_eq(c->modes.bcpollbstep, 3);
	ck_assert_int_eq(c->modes.beacon, 600);
	ck_assert_uint_eq(c->modes.nttl, 2);
	ck_assert_uint_eq(c->modes.ttl[1], 31);
	config_free(c);
}
END_TEST

START_TEST(nts_is_for_servers_and_pools_and_never_left_out)
{
	static const struct { const char *line, *remark; } refused[] = {
		{ "peer time.example nts", "'nts' is for servers and pools only" }, { "manycastclient 239.1.1.1 nts", "'nts' is for servers and pools only" },
		{ "server time.example nts version 3", "'nts' needs version 4" }, { "server time.example nts key 7", "exclude each other" },
		{ "server time.example nts aead AES_SIV_CMAC_1024", "'aead' is one of" },
	};
	struct config *c = parse_text("nts ca /a/b aead AES_SIV_CMAC_384 enable cert /c key /k disable\n"
	    "server time.example nts ca /x/y.pem aead AES_SIV_CMAC_512\npool pool.example nts noval\nserver plain.example noval\n", &m);

	ck_assert_uint_eq(m.errors, 0);
	ck_assert(c->sources->opts.nts.on && !c->sources->opts.nts.noval);
	ck_assert_str_eq(c->sources->opts.nts.ca, "/x/y.pem");
	ck_assert_str_eq(c->sources->opts.nts.aead, "AES_SIV_CMAC_512");
	ck_assert(c->sources->next->opts.nts.on && c->sources->next->opts.nts.noval);
	ck_assert(!c->sources->next->next->opts.nts.on);
	ck_assert_ptr_nonnull(remarks_find(&m, "have no effect without 'nts'"));
	ck_assert_str_eq(c->nts.ca, "/a/b");
	ck_assert_str_eq(c->nts.aead, "AES_SIV_CMAC_384");
	ck_assert(!c->nts.enable);
	config_free(c);
	for (size_t i = 0; i < NELEMS(refused); i++) {
		c = parse_text(refused[i].line, &m);
		ck_assert_ptr_null(c->sources);
		ck_assert_msg(remarks_find(&m, refused[i].remark) != NULL, "%s", refused[i].line);
		config_free(c);
	}
}
END_TEST

START_TEST(options_of_a_pool_are_those_of_its_servers)
{
	struct config *c = parse_text("pool a.example burst prefer iburst true preempt minpoll 5", &m);

	ck_assert_uint_eq(m.warnings, 0);
	ck_assert(c->sources->opts.iburst && c->sources->opts.burst && c->sources->opts.prefer && c->sources->opts.always && c->sources->opts.preempt);
	ck_assert_int_eq(c->sources->opts.minpoll, 5);
	config_free(c);
}
END_TEST

START_TEST(command_line_servers_come_first)
{
	struct config *c = config_new();
	const struct config_hooks h = { .remark = remarks_add, .arg = &m };

	memset(&m, 0, sizeof(m));
	ck_assert(config_add_server(c, "x.example", 4));
	ck_assert(!config_add_server(c, "x.example", 4));
	ck_assert(!config_add_server(c, "224.0.0.1", 0));
	ck_assert(!config_add_server(c, "127.127.1.0", 0));
	ck_assert_int_eq(config_parse_buffer(c, "t.conf", "server y.example", 16, &h), 0);
	ck_assert_str_eq(c->sources->host, "x.example");
	ck_assert(c->sources->opts.iburst);
	ck_assert_int_eq(c->sources->family, 4);
	ck_assert_str_eq(c->sources->next->host, "y.example");
	config_free(c);
}
END_TEST

static const struct { const char *line, *addr, *mask; unsigned flags; } rules[] = {
	{ "restrict 192.0.2.7", "192.0.2.7", "255.255.255.255", 0 },
	{ "restrict 192.0.2.7 mask 255.255.255.0 nomodify", "192.0.2.0", "255.255.255.0", RESTRICT_NOMODIFY },
	{ "restrict 192.0.2.7 nomodify mask 255.0.255.0", "192.0.2.0", "255.0.255.0", RESTRICT_NOMODIFY },
	{ "restrict 192.0.2.7/24 ignore", "192.0.2.0", "255.255.255.0", RESTRICT_IGNORE },
	{ "restrict 0.0.0.0/0 ignore", "0.0.0.0", "0.0.0.0", RESTRICT_IGNORE },
	{ "restrict 192.0.2.7/32 ignore", "192.0.2.7", "255.255.255.255", RESTRICT_IGNORE },
	{ "restrict -4 192.0.2.7 noserve", "192.0.2.7", "255.255.255.255", RESTRICT_NOSERVE },
	{ "restrict -6 ::1 noserve", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", RESTRICT_NOSERVE },
	{ "restrict [::1]", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0 },
	{ "restrict 2001:db8::5/33 version", "2001:db8::", "ffff:ffff:8000::", RESTRICT_VERSION },
	{ "restrict 2001:db8::5 mask ffff:: flake", "2001::", "ffff::", RESTRICT_FLAKE },
	{ "restrict default noquery", "0.0.0.0", "0.0.0.0", RESTRICT_NOQUERY },
	{ "restrict default noquery", "::", "::", RESTRICT_NOQUERY },
	{ "restrict -4 default noquery", "0.0.0.0", "0.0.0.0", RESTRICT_NOQUERY },
	{ "restrict 192.0.2.7 serverresponse fuzz nomrulist", "192.0.2.7", "255.255.255.255", RESTRICT_FUZZ | RESTRICT_NOMRULIST },
	{ "restrict 192.0.2.7 noepeer epeer notrap", "192.0.2.7", "255.255.255.255", RESTRICT_NOTRAP },
	{ "restrict 192.0.2.7 limited kod notrust nopeer", "192.0.2.7", "255.255.255.255",
	    RESTRICT_LIMITED | RESTRICT_KOD | RESTRICT_NOTRUST | RESTRICT_NOPEER },
	{ "restrict one.example noquery", "192.0.2.1", "255.255.255.255", RESTRICT_NOQUERY },
	{ "restrict two.example noquery", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", RESTRICT_NOQUERY },
	{ "restrict -6 two.example noquery", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", RESTRICT_NOQUERY },
};

START_TEST(restrict_lines_become_entries)
{
	struct config *c = parse_text(rules[_i].line, &m);
	const struct config_restrict *e = restrict_of(c, rules[_i].addr, rules[_i].mask);

	ck_assert_uint_eq(m.n, 0);
	ck_assert_msg(e != NULL, "%s", rules[_i].line);
	ck_assert_uint_eq(e->rule.flags, rules[_i].flags);
	ck_assert_int_eq(e->rule.ippeerlimit, IPPEERLIMIT_NONE);
	ck_assert(!e->rule.ntpport && !e->rule.interface && !e->rule.source);
	ck_assert_uint_eq(e->line, 1);
	config_free(c);
}
END_TEST

/* Not understood: the daemon must not start. */
static const struct { const char *line; unsigned column; const char *words; } doors[] = {
	{ "restrict", 9, "needs an address" },
	{ "restrict -4", 12, "needs an address" },
	{ "restrict default nomodfiy", 18, "no flag 'nomodfiy'" },
	{ "restrict default \"kod\"", 18, "needs a flag" },
	{ "restrict default = kod", 18, "needs a flag" },
	{ "restrict default serverresponse", 18, "no flag 'serverresponse'" },
	{ "restrict default mask 255.0.0.0", 23, "takes no mask" },
	{ "restrict 10.0.0.0 mask", 23, "needs a mask" },
	{ "restrict 10.0.0.0 mask 255.0.0", 24, "mask '255.0.0' is no IPv4 address" },
	{ "restrict 10.0.0.0 mask ffff::", 24, "no IPv4 address" },
	{ "restrict 2001:db8:: mask 255.0.0.0", 26, "no IPv6 address" },
	{ "restrict 10.0.0.0/8 mask 255.0.0.0", 26, "takes no mask" },
	{ "restrict 10.0.0.0/33", 10, "from 0 to 32" },
	{ "restrict 10.0.0.0/-1", 10, "from 0 to 32" },
	{ "restrict 10.0.0.0/", 10, "from 0 to 32" },
	{ "restrict 10.0.0.0/8/8", 10, "from 0 to 32" },
	{ "restrict ::/129", 10, "from 0 to 128" },
	{ "restrict 10.0.0.300 ignore", 10, "neither an address nor a host name" },
	{ "restrict 10.0.0 ignore", 10, "neither an address nor a host name" },
	{ "restrict one.example/24 ignore", 10, "neither an address nor a host name" },
	{ "restrict ::g", 10, "neither an address nor a host name" },
	{ "restrict -6 127.0.0.1", 13, "not an IPv6 address" },
	{ "restrict -4 ::1", 13, "not an IPv4 address" },
	{ "restrict default ippeerlimit", 29, "needs the value" },
	{ "restrict default ippeerlimit x", 30, "whole number" },
};

START_TEST(restrict_line_that_is_not_understood_is_fatal)
{
	struct config *c = parse_text(doors[_i].line, &m);

	one_remark(REMARK_ERROR, doors[_i].column, doors[_i].words);
	ck_assert_ptr_nonnull(remarks_find(&m, "the daemon does not start"));
	ck_assert_uint_eq(c->fatal, 1);
	config_free(c);
}
END_TEST

START_TEST(restrict_of_an_unknown_name_is_skipped)
{
	struct config *c = parse_text("restrict no.example ignore\nrestrict one.example ignore\n", &m);

	one_remark(REMARK_ERROR, 10, "cannot be resolved (no such name)");
	ck_assert_uint_eq(c->fatal, 0);
	ck_assert_ptr_nonnull(restrict_of(c, "192.0.2.1", "255.255.255.255"));
	config_free(c);
}
END_TEST

START_TEST(mask_on_a_name_has_no_effect)
{
	struct config *c = parse_text("restrict one.example mask 255.0.0.0 ignore", &m);

	one_remark(REMARK_NOTE, 27, "the mask has no effect");
	ck_assert_ptr_nonnull(restrict_of(c, "192.0.2.1", "255.255.255.255"));
	config_free(c);
}
END_TEST

START_TEST(source_template_is_kept_apart)
{
	struct config *c = parse_text("restrict source notrap ntpport ippeerlimit 7", &m);
	const struct config_restrict *e = c->restricts;

	ck_assert_uint_eq(m.n, 0);
	ck_assert(e->source && e->rule.ntpport);
	ck_assert_uint_eq(e->rule.flags, RESTRICT_NOTRAP);
	ck_assert_int_eq(e->rule.ippeerlimit, 7);
	config_free(c);
}
END_TEST

START_TEST(ippeerlimit_beyond_its_range_is_0)
{
	static const struct { const char *line; int want; unsigned warnings; } rows[] = {
		{ "restrict default ippeerlimit -1", -1, 0 }, { "restrict default ippeerlimit -2", 0, 1 }, { "restrict default ippeerlimit 100", 100, 0 },
		{ "restrict default ippeerlimit 101", 0, 1 },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct config *c = parse_text(rows[i].line, &m);

		ck_assert_uint_eq(m.n, rows[i].warnings);
		ck_assert_int_eq(c->restricts->rule.ippeerlimit, rows[i].want);
		config_free(c);
	}
}
END_TEST

START_TEST(kod_without_limited_is_warned_of)
{
	struct config *c = parse_text("restrict default kod nomodify", &m);

	one_remark(REMARK_WARNING, 18, "'kod' does nothing without 'limited'");
	ck_assert_uint_eq(restrict_of(c, "::", "::")->rule.flags, RESTRICT_KOD | RESTRICT_NOMODIFY);
	config_free(c);
}
END_TEST

START_TEST(words_of_old_releases_leave_the_other_flags_alone)
{
	struct config *c = parse_text("restrict 192.0.2.7 nolink noquery nopassword", &m);

	ck_assert_uint_eq(m.errors, 0);
	ck_assert_uint_eq(m.warnings, 2);
	ck_assert_uint_eq(restrict_of(c, "192.0.2.7", "255.255.255.255")->rule.flags, RESTRICT_NOQUERY);
	config_free(c);
}
END_TEST

#define SAFE	(RESTRICT_KOD | RESTRICT_LIMITED | RESTRICT_NOMODIFY | RESTRICT_NOTRAP | RESTRICT_NOPEER | RESTRICT_NOQUERY)

START_TEST(file_without_a_default_gets_a_safe_one)
{
	struct config *c = parse_text("server a.example", &m);

	ck_assert_uint_eq(restrict_of(c, "0.0.0.0", "0.0.0.0")->rule.flags, SAFE);
	ck_assert_uint_eq(restrict_of(c, "::", "::")->rule.flags, SAFE);
	ck_assert_uint_eq(restrict_of(c, "127.0.0.1", "255.255.255.255")->rule.flags, 0);
	ck_assert_uint_eq(restrict_of(c, "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")->rule.flags, 0);
	config_finish(c);
	ck_assert_ptr_null(c->restricts->next->next->next->next);
	config_free(c);
}
END_TEST

START_TEST(default_of_one_family_leaves_the_other_safe)
{
	struct config *c = parse_text("restrict -4 default nomodify\n", &m);

	ck_assert_uint_eq(restrict_of(c, "0.0.0.0", "0.0.0.0")->rule.flags, RESTRICT_NOMODIFY);
	ck_assert_ptr_null(restrict_of(c, "127.0.0.1", "255.255.255.255"));
	ck_assert_uint_eq(restrict_of(c, "::", "::")->rule.flags, SAFE);
	config_free(c);
}
END_TEST

START_TEST(safe_default_does_not_open_what_the_file_closes)
{
	struct config *c = parse_text("restrict 127.0.0.0/8 ignore\n", &m);

	ck_assert_ptr_null(restrict_of(c, "127.0.0.1", "255.255.255.255"));
	ck_assert_uint_eq(restrict_of(c, "127.0.0.0", "255.0.0.0")->rule.flags, RESTRICT_IGNORE);
	config_free(c);
}
END_TEST

START_TEST(disable_beats_enable_wherever_it_stands)
{
	struct config *c = parse_text("restrict default\ndisable ntp monitor\nenable ntp calibrate\n", &m);

	ck_assert(!c->enable_ntp && !c->enable_monitor && c->enable_calibrate && c->enable_auth);
	config_free(c);
	c = parse_text("restrict default\nenable ntp\n", &m);
	ck_assert(c->enable_ntp && c->enable_monitor && !c->enable_calibrate && !c->enable_bclient && !c->enable_mode7);
	config_free(c);
}
END_TEST

START_TEST(tos_tinker_discard_and_mru_fill_the_rooms_options)
{
	struct config *c = parse_text("tos minsane 2 minclock 4\ntos maxclock 11 mindist 0.01 maxdist 2 floor 1 ceiling 10\n"
	    "tinker step 0.5 stepback 0.25 panic 0 dispersion 10 freq -12.5 stepout 900\n"
	    "discard average 4 minimum 1 monitor 100\nmru maxmem 256 maxage 86400 mindepth 512\ndscp 0\nworkers 4\nnonvolatile 1e-8\n", &m);

	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->tos.minsane, 2);
	ck_assert_uint_eq(c->tos.minclock, 4);
	ck_assert_uint_eq(c->tos.maxclock, 11);
	ck_assert_double_eq(c->tos.mindist, 0.01);
	ck_assert_double_eq(c->tos.maxdist, 2);
	ck_assert_uint_eq(c->tos.floor, 1);
	ck_assert_uint_eq(c->tos.ceiling, 10);
	ck_assert_double_eq(c->tinker.step_fwd, 0.5);
	ck_assert_double_eq(c->tinker.step_back, 0.25);
	ck_assert_double_eq(c->tinker.panic, 0);
	ck_assert_double_eq_tol(c->tinker.dispersion, 10e-6, 1e-18);
	ck_assert_double_eq_tol(c->tinker.freq, -12.5e-6, 1e-18);
	ck_assert_double_eq(c->tinker.stepout, 900);
	ck_assert_int_eq(c->discard.average_log2, 4);
	ck_assert_double_eq(c->discard.minimum, 1);
	ck_assert_double_eq(c->discard.monitor, 100);
	ck_assert_int_eq(c->mru.maxmem, 256);
	ck_assert_int_eq(c->mru.maxdepth, 0);
	ck_assert_double_eq(c->mru.maxage, 86400);
	ck_assert_int_eq(c->mru.mindepth, 512);
	ck_assert_int_eq(c->dscp, 0);
	ck_assert_int_eq(c->workers, 4);
	ck_assert_double_eq(c->wander_threshold, 1e-8);
	config_free(c);
}
END_TEST

START_TEST(workers_are_one_unless_told_otherwise)
{
	static const struct { const char *text; int workers; unsigned errors; } rows[] = {
		{ "", 1, 0 }, { "workers 1\n", 1, 0 }, { "workers 64\n", 64, 0 }, { "workers auto\n", 0, 0 },
		{ "workers 0\n", 1, 1 }, { "workers 65\n", 1, 1 }, { "workers many\n", 1, 1 }, { "workers\n", 1, 1 }, { "workers 2 3\n", 1, 1 },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct config *c = parse_text(rows[i].text, &m);

		ck_assert_msg(c->workers == rows[i].workers && m.errors == rows[i].errors, "%s: %d, %u errors", rows[i].text, c->workers, m.errors);
		config_free(c);
	}
}
END_TEST

START_TEST(of_maxdepth_and_maxmem_the_last_wins)
{
	struct config *c = parse_text("mru maxmem 256\nmru maxdepth 1024\n", &m);

	ck_assert_int_eq(c->mru.maxdepth, 1024);
	ck_assert_int_eq(c->mru.maxmem, 0);
	config_free(c);
	c = parse_text("mru maxdepth -1 maxmem 64\n", &m);
	ck_assert_int_eq(c->mru.maxdepth, 0);
	ck_assert_int_eq(c->mru.maxmem, 64);
	config_free(c);
}
END_TEST

START_TEST(wrong_line_changes_nothing_at_all)
{
	struct config *c = parse_text("tos minsane 5 minclock x\ntinker panic 5 step nan\nmru maxdepth 5 maxage inf\ndisable ntp nonsense\n"
	    "driftfile /a b\nlogfile /a /b\nlogconfig\ndscp 7 8\nsetvar a = b c\nclock sundial\ninterface listen\nstatsdir /a /b\n"
	    "statistics peerstats x\nfilegen rawstats x\n", &m);
	struct config *d = config_new();

	ck_assert_uint_eq(m.errors, 14);
	ck_assert_mem_eq(&c->tos, &d->tos, sizeof(c->tos));
	ck_assert_double_eq(c->tinker.panic, d->tinker.panic);
	ck_assert_double_eq(c->tinker.step_fwd, d->tinker.step_fwd);
	ck_assert_int_eq(c->mru.maxdepth, d->mru.maxdepth);
	ck_assert(c->enable_ntp && c->driftfile == NULL && c->logfile == NULL && c->setvars == NULL && c->statsdir == NULL);
	ck_assert_int_eq(c->dscp, d->dscp);
	ck_assert_uint_eq(c->logconfig, d->logconfig);
	ck_assert_int_eq(c->clock, CLOCK_KERNEL);
	ck_assert_uint_eq(c->niface_rules, 0);
	ck_assert_mem_eq(c->filegen, d->filegen, sizeof(c->filegen));
	for (unsigned i = 0; i < m.n; i++)
		ck_assert_uint_eq(m.v[i].line, i + 1);
	config_free(c);
	config_free(d);
}
END_TEST

START_TEST(contradictions_of_tos_are_told)
{
	struct config *c = parse_text("restrict default\ntos minsane 3\ntos floor 12 ceiling 11\n", &m);

	ck_assert_uint_eq(m.n, 2);
	ck_assert_ptr_nonnull(remarks_find(&m, "minsane (3) < minclock (3) <= maxclock (10)"));
	ck_assert_ptr_nonnull(remarks_find(&m, "floor (12) <= ceiling (11)"));
	ck_assert_uint_eq(c->errors, 0);
	config_free(c);
}
END_TEST

START_TEST(sources_that_restrict_lines_shut_out_are_told)
{
	static const struct { const char *text, *words; } rows[] = {
		{ "restrict default ignore\nserver 192.0.2.1\n", "source 192.0.2.1 is shut out: restrict says 'ignore'" },
		{ "restrict default ignore\nserver 192.0.2.1\nrestrict 192.0.2.0/24\n", NULL },
		{ "restrict default ignore\nserver 192.0.2.1\nrestrict source\n", NULL },
		{ "restrict default\nserver 192.0.2.1\nrestrict source noserve\n", "'noserve'" },
		{ "restrict default\npeer 2001:db8::1\nrestrict 2001:db8::/32 notrust\n", "'notrust'" },
		{ "restrict default\nserver 192.0.2.1 key 3\nrestrict 192.0.2.1 notrust\n", NULL },
		{ "restrict default version\nserver 192.0.2.1 version 3\n", "'version'" },
		{ "restrict default flake\nserver 192.0.2.1\n", NULL },
		{ "restrict default ignore\nrestrict 127.0.0.1\nrestrict ::1\npool pool.example\n", "source pool.example is shut out" },
		{ "restrict default ignore\nrestrict one.example\nserver one.example\n", NULL },
		{ "restrict -4 default ignore\nserver -6 six.example\nrestrict -6 default\n", NULL },
		{ "restrict default ignore\nserver 127.127.1.0\n", NULL },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct config *c = parse_text(rows[i].text, &m);

		ck_assert_msg((remarks_find(&m, "shut out") != NULL) == (rows[i].words != NULL), "%s", rows[i].text);
		ck_assert_msg(rows[i].words == NULL || remarks_find(&m, rows[i].words) != NULL, "%s", rows[i].text);
		ck_assert_uint_eq(c->errors, 0);
		config_free(c);
	}
}
END_TEST

START_TEST(paths_are_kept_and_statsdir_ends_in_a_slash)
{
	struct config *c = parse_text("driftfile \"/a b\" 1e-7\nlogfile /l\npidfile /p\nkeys /k\nleapfile \"/x\" ignorehash\nstatsdir /s\nstatsdir /t/\n", &m);

	ck_assert_uint_eq(m.errors, 0);
	ck_assert_str_eq(c->driftfile, "/a b");
	ck_assert_str_eq(c->logfile, "/l");
	ck_assert_str_eq(c->pidfile, "/p");
	ck_assert_str_eq(c->keysfile, "/k");
	ck_assert_str_eq(c->leapfile, "/x");
	ck_assert(!c->leap_checkhash);
	ck_assert_str_eq(c->statsdir, "/s/");
	config_free(c);
	c = parse_text("driftfile /a\ndriftfile \"\"\nclock software\n", &m);
	ck_assert_ptr_null(c->driftfile);
	ck_assert_int_eq(c->clock, CLOCK_SOFTWARE);
	config_free(c);
}
END_TEST

START_TEST(statistics_and_filegen_lines_make_the_files)
{
	struct config *c = parse_text("statistics peerstats protostats\nfilegen loopstats\nfilegen rawstats file raw/data type week nolink\n"
	    "filegen rawstats type age\n", &m);

	ck_assert_uint_eq(m.n, 0);
	ck_assert(c->enable_stats);
	ck_assert(c->filegen[STATS_PEER].enabled && c->filegen[STATS_PROTO].enabled && c->filegen[STATS_LOOP].enabled && c->filegen[STATS_RAW].enabled);
	ck_assert(!c->filegen[STATS_CLOCK].enabled && !c->filegen[STATS_SYS].enabled && !c->filegen[STATS_USE].enabled);
	ck_assert_str_eq(c->filegen[STATS_LOOP].file, "loopstats");
	ck_assert(c->filegen[STATS_LOOP].link && c->filegen[STATS_LOOP].type == FILEGEN_DAY);
	ck_assert_str_eq(c->filegen[STATS_RAW].file, "raw/data");
	ck_assert(!c->filegen[STATS_RAW].link && c->filegen[STATS_RAW].type == FILEGEN_AGE);
	config_free(c);
	c = parse_text("disable stats\n", &m);
	ck_assert(!c->enable_stats);
	config_free(c);
}
END_TEST

/* ntpd reads all statistics lines before the filegen lines. */
static const struct { const char *text; bool enabled; } orders[] = {
	{ "statistics loopstats\n", true }, { "filegen loopstats disable\n", false }, { "filegen loopstats disable enable\n", true },
	{ "statistics loopstats\nfilegen loopstats disable\n", false }, { "filegen loopstats disable\nstatistics loopstats\n", false },
	{ "filegen loopstats disable\nfilegen loopstats\n", true }, { "filegen loopstats\nfilegen loopstats disable\n", false },
	{ "statistics loopstats x\n", false }, { "filegen loopstats type x\n", false }, { "filegen loopstats enable x\n", false },
};

START_TEST(filegen_has_the_last_word_on_its_file)
{
	struct config *c = parse_text(orders[_i].text, &m);

	ck_assert_msg(c->filegen[STATS_LOOP].enabled == orders[_i].enabled, "%s", orders[_i].text);
	config_free(c);
}
END_TEST

START_TEST(wrong_filegen_line_leaves_the_file_as_it_was)
{
	struct config *c = parse_text("filegen loopstats file a type week nolink purple\nfilegen loopstats type week file ..\n", &m);

	ck_assert_uint_eq(m.errors, 2);
	ck_assert_str_eq(c->filegen[STATS_LOOP].file, "loopstats");
	ck_assert(c->filegen[STATS_LOOP].type == FILEGEN_DAY && c->filegen[STATS_LOOP].link && !c->filegen[STATS_LOOP].enabled);
	config_free(c);
}
END_TEST

START_TEST(statistics_that_nobody_writes_are_taken_with_a_warning)
{
	struct config *c = parse_text("statistics loopstats cryptostats timingstats\nfilegen ntsstats type week\n", &m);

	ck_assert_uint_eq(m.n, 2);
	ck_assert_ptr_nonnull(remarks_find(&m, "'cryptostats' of 'statistics' has no effect"));
	ck_assert_ptr_nonnull(remarks_find(&m, "'timingstats' of 'statistics' has no effect"));
	ck_assert_int_eq(c->filegen[STATS_NTS].type, FILEGEN_WEEK);
	ck_assert(c->filegen[STATS_LOOP].enabled);
	config_free(c);
}
END_TEST

static const struct { const char *line; enum iface_action action; enum iface_match match; const char *name; unsigned prefix; } ifaces[] = {
	{ "interface ignore all", IFACE_IGNORE, IFACE_ALL, "", 0 }, { "nic listen ipv4", IFACE_LISTEN, IFACE_IPV4, "", 0 },
	{ "nic drop ipv6", IFACE_DROP, IFACE_IPV6, "", 0 }, { "interface ignore wildcard", IFACE_IGNORE, IFACE_WILDCARD, "", 0 },
	{ "interface listen eth0", IFACE_LISTEN, IFACE_NAME, "eth0", 0 }, { "interface listen \"all\"", IFACE_LISTEN, IFACE_NAME, "all", 0 },
	{ "interface listen 192.0.2.1", IFACE_LISTEN, IFACE_ADDR, "", 32 }, { "interface listen 192.0.2.0/24", IFACE_LISTEN, IFACE_ADDR, "", 24 },
	{ "interface drop 2001:db8::/32", IFACE_DROP, IFACE_ADDR, "", 32 }, { "interface listen x.x.x.x", IFACE_LISTEN, IFACE_NAME, "x.x.x.x", 0 },
};

START_TEST(interface_lines_become_rules)
{
	struct config *c = parse_text(ifaces[_i].line, &m);

	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->niface_rules, 1);
	ck_assert_int_eq(c->iface_rules->action, ifaces[_i].action);
	ck_assert_int_eq(c->iface_rules->match, ifaces[_i].match);
	ck_assert_str_eq(c->iface_rules->name, ifaces[_i].name);
	ck_assert_uint_eq(c->iface_rules->prefix, ifaces[_i].prefix);
	config_free(c);
}
END_TEST

static const struct { const char *line, *words; unsigned column; } wrong[] = {
	{ "interface hear eth0", "listen, ignore or drop", 11 }, { "interface listen 192.0.2.0/33", "0 to 32", 18 },
	{ "interface listen sixteen_letters_", "longer than the name of an interface", 18 },
	{ "setvar", "needs a name", 7 }, { "setvar a", "needs '='", 9 }, { "setvar a =", "needs a value", 11 }, { "setvar a,b = c", "no name", 8 },
	{ "trustedkey 1 x", "whole number", 14 }, { "trustedkey (1 10)", "(1 ... 10)", 15 }, { "trustedkey (1 ... 10", "ends in )", 21 },
	{ "trustedkey 0", "1 to 65535", 12 }, { "trustedkey 65536", "1 to 65535", 12 }, { "trustedkey (9 ... 3)", "upwards", 12 },
	{ "logconfig =nonsense", "'=nonsense'", 11 }, { "filegen heartstats", "no statistics file", 9 },
	{ "statistics loopstats heartstats", "no statistics file is called 'heartstats'", 22 }, { "statistics", "needs NAME", 11 },
	{ "filegen loopstats file ../x", "climb by ..", 24 }, { "filegen loopstats file \"\"", "must not be empty", 24 },
	{ "filegen loopstats type hour", "not 'hour'", 24 }, { "filegen loopstats file", "needs a value", 19 },
	{ "filegen \"loopstats\" link type", "needs a value", 26 }, { "clock sundial", "'sundial'", 7 },
	{ "leapfile /x y", "checkhash or ignorehash", 13 }, { "pollskewlist 3 5|1", "half the interval", 16 }, { "pollskewlist 18 1|1", "3 to 17", 14 },
	{ "pollskewlist 6 1 1", "'|' is missing", 18 }, { "driftfile /x 2", "out of range", 14 }, { "simulate {", "not closed", 1 },
	{ "simulate", "needs a block", 1 }, { "Server a.example", "small letters", 1 }, { "= x", "unknown directive '='", 1 },
	{ "\"server\" a", "unknown directive 'server'", 1 }, { "s\xffrver a", "'s\\xffrver'", 1 }, { "\x1b[31m x", "'[31m'", 2 },
};

START_TEST(wrong_lines_say_where_and_why)
{
	struct config *c = parse_text(wrong[_i].line, &m);
	unsigned errors = 0;

	for (unsigned i = 0; i < m.n; i++) {
		if (m.v[i].kind != REMARK_ERROR)
			continue;
		errors++;
		ck_assert_uint_eq(m.v[i].line, 1);
		ck_assert_msg(m.v[i].column == wrong[_i].column, "column %u: %s", m.v[i].column, m.v[i].text);
		ck_assert_msg(strstr(m.v[i].text, wrong[_i].words) != NULL, "%s", m.v[i].text);
		for (const char *p = m.v[i].text; *p != '\0'; p++)
			ck_assert(*p >= ' ' && *p < 0x7f);
	}
	ck_assert_uint_eq(errors, 1);
	ck_assert_uint_eq(c->fatal, 0);
	config_free(c);
}
END_TEST

START_TEST(trusted_keys_add_up)
{
	struct config *c = parse_text("trustedkey 1 (10 ... 12) 99999 65535\ntrustedkey 3\ncontrolkey 14\n", &m);

	ck_assert_uint_eq(m.errors, 1);
	ck_assert(config_key_trusted(c, 1) && config_key_trusted(c, 10) && config_key_trusted(c, 12) && config_key_trusted(c, 65535));
	ck_assert(config_key_trusted(c, 3));
	ck_assert(!config_key_trusted(c, 0) && !config_key_trusted(c, 2) && !config_key_trusted(c, 13) && !config_key_trusted(c, 99999));
	ck_assert_uint_eq(c->controlkey, 14);
	config_free(c);
}
END_TEST

static const struct { const char *line, *value; bool dflt; } setvars[] = {
	{ "setvar site = hall", "hall", false }, { "setvar site = \"main hall\" default", "main hall", true }, { "setvar site=hall", "hall", false },
	{ "setvar site= hall", "hall", false }, { "setvar site =hall default", "hall", true }, { "setvar site = \"\"", "", false },
};

START_TEST(setvar_takes_blanks_or_none)
{
	struct config *c = parse_text(setvars[_i].line, &m);

	ck_assert_uint_eq(m.n, 0);
	ck_assert_str_eq(c->setvars->name, "site");
	ck_assert_str_eq(c->setvars->value, setvars[_i].value);
	ck_assert(c->setvars->dflt == setvars[_i].dflt);
	config_free(c);
}
END_TEST

#define ALL_OF(class)	(0xfu << ((class) * LOG_TYPES))

static const struct { const char *line; unsigned mask; } logs[] = {
	{ "logconfig =syncstatus", LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATUS) },
	{ "logconfig sysevents", LOG_BIT(LOG_CLASS_SYS, LOG_TYPE_EVENTS) },
	{ "logconfig =syncall +clockall", ALL_OF(LOG_CLASS_SYNC) | ALL_OF(LOG_CLASS_CLOCK) },
	{ "logconfig +peerinfo", ALL_OF(LOG_CLASS_SYNC) | LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_INFO) },
	{ "logconfig -syncstatus", ALL_OF(LOG_CLASS_SYNC) & ~LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATUS) },
	{ "logconfig =all", 0xffff }, { "logconfig =allall", 0xffff }, { "logconfig =allsys", ALL_OF(LOG_CLASS_SYS) },
	{ "logconfig =allevents", 0x2222 },
};

START_TEST(logconfig_words_become_bits)
{
	struct config *c = parse_text(logs[_i].line, &m);

	ck_assert_uint_eq(m.errors, 0);
	ck_assert_uint_eq(c->logconfig, logs[_i].mask);
	config_free(c);
}
END_TEST

START_TEST(simulate_block_is_stepped_over)
{
	struct config *c = parse_text("simulate {\n beep_delay = 3600\n server = a { duration = 1 }\n}\nserver a.example\n", &m);

	ck_assert_uint_eq(m.errors, 0);
	ck_assert_uint_eq(m.warnings, 1);
	ck_assert_uint_eq(c->nsources, 1);
	ck_assert_uint_eq(c->sources->line, 5);
	config_free(c);
}
END_TEST

START_TEST(end_ends_it)
{
	struct config *c = parse_text("server a.example\nend\nserver b.example\nnonsense\n", &m);

	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->nsources, 1);
	config_free(c);
}
END_TEST

START_TEST(bad_lines_after_each_other_are_each_told)
{
	struct config *c = parse_text("nonsense\r\nmore nonsense\r\n\r\nserver a.example iburst\r\n  worse", &m);

	ck_assert_uint_eq(m.errors, 3);
	ck_assert_uint_eq(m.v[0].line, 1);
	ck_assert_uint_eq(m.v[1].line, 2);
	ck_assert_uint_eq(m.v[2].line, 5);
	ck_assert_uint_eq(m.v[2].column, 3);
	ck_assert(c->sources->opts.iburst);
	config_free(c);
}
END_TEST

START_TEST(nul_refuses_the_whole_buffer)
{
	struct config *c = parse_bytes("restrict default ignore\nserver \0a\n", 34, &m);

	ck_assert_uint_eq(m.errors, 1);
	ck_assert_uint_eq(m.v[0].line, 2);
	ck_assert_uint_eq(m.v[0].column, 8);
	ck_assert_uint_eq(c->fatal, 1);
	ck_assert_ptr_null(c->sources);
	ck_assert_uint_eq(restrict_of(c, "0.0.0.0", "0.0.0.0")->rule.flags, SAFE);
	config_free(c);
}
END_TEST

START_TEST(megabyte_line_is_one_error)
{
	size_t len = 1u << 20;
	char *buf = malloc(len + 32);
	struct config *c;

	memset(buf, 'x', len);
	memcpy(buf + len, "\nserver a.example", 17);
	c = parse_bytes(buf, len + 17, &m);
	ck_assert_uint_eq(m.n, 1);
	ck_assert_uint_eq(m.v[0].column, 1);
	ck_assert_uint_lt(strlen(m.v[0].text), 200);
	ck_assert_uint_eq(c->nsources, 1);
	config_free(c);
	free(buf);
}
END_TEST

START_TEST(number_of_sources_is_bounded)
{
	size_t cap = (CONFIG_SOURCES_MAX + 3) * 32, n = 0;
	char *buf = malloc(cap);
	struct config *c;

	for (int i = 0; i < CONFIG_SOURCES_MAX + 2; i++)
		n += (size_t)snprintf(buf + n, cap - n, "server h%d.example\n", i);
	c = parse_bytes(buf, n, &m);
	ck_assert_uint_eq(c->nsources, CONFIG_SOURCES_MAX);
	ck_assert_uint_eq(m.errors, 2);
	config_free(c);
	free(buf);
}
END_TEST

START_TEST(literals_are_never_looked_up)
{
	const struct config_hooks h = { .remark = remarks_add, .arg = &m };
	static const char text[] = "restrict 192.0.2.1 noquery\nrestrict ::1\nrestrict default\nrestrict source nomodify\nrestrict name.example ignore\n";
	struct config *c = config_new();

	memset(&m, 0, sizeof(m));
	ck_assert_int_eq(config_parse_buffer(c, "t.conf", text, sizeof(text) - 1, &h), 0);
	ck_assert_uint_eq(m.n, 1);
	ck_assert_int_eq(m.v[0].kind, REMARK_NOTE);
	ck_assert_uint_eq(m.v[0].line, 5);
	config_free(c);
}
END_TEST

/* --- unrestrict, limit, reset -------------------------------------------------------------- */

static const struct { const char *text; const char *addr, *mask; bool there; unsigned flags; } taken[] = {
	{ "restrict 192.0.2.0/24 noquery limited\nunrestrict 192.0.2.0/24 limited\n", "192.0.2.0", "255.255.255.0", true, RESTRICT_NOQUERY },
	{ "restrict 192.0.2.0/24 noquery\nunrestrict 192.0.2.0/24\n", "192.0.2.0", "255.255.255.0", false, 0 },
	{ "restrict 192.0.2.0/24 noquery\nunrestrict 192.0.2.0 mask 255.255.255.0\n", "192.0.2.0", "255.255.255.0", false, 0 },
	{ "restrict 192.0.2.0/24 noquery\ndelrestrict 192.0.2.0 mask 255.255.255.0\n", "192.0.2.0", "255.255.255.0", false, 0 },
	{ "restrict 192.0.2.0/24 noquery\nunrestrict 192.0.2.0/25\n", "192.0.2.0", "255.255.255.0", true, RESTRICT_NOQUERY },
	{ "restrict 192.0.2.0/24 noquery\nunrestrict 192.0.2.0/24\nrestrict 192.0.2.0/24 noserve\n", "192.0.2.0", "255.255.255.0", true,
	    RESTRICT_NOSERVE },
	{ "restrict one.example noquery\nunrestrict one.example\n", "192.0.2.1", "255.255.255.255", false, 0 },
	{ "restrict default noquery limited\nunrestrict default\n", "0.0.0.0", "0.0.0.0", true, 0 },
	{ "restrict default noquery limited\nunrestrict -6 default noquery\n", "::", "::", true, RESTRICT_LIMITED },
	/* What stands where no line has spoken is the safe default. */
	{ "unrestrict default noquery limited kod\n", "0.0.0.0", "0.0.0.0", true, RESTRICT_NOMODIFY | RESTRICT_NOTRAP | RESTRICT_NOPEER },
	{ "unrestrict default\n", "::", "::", true, 0 },
	{ "unrestrict -4 default\n", "::", "::", true, RESTRICT_KOD | RESTRICT_LIMITED | RESTRICT_NOMODIFY | RESTRICT_NOTRAP | RESTRICT_NOPEER |
	    RESTRICT_NOQUERY },
};

START_TEST(unrestrict_takes_back_what_lines_above_have_said)
{
	struct config *c = parse_text(taken[_i].text, &m);
	const struct config_restrict *e = restrict_of(c, taken[_i].addr, taken[_i].mask);

	ck_assert_msg(m.errors == 0, "%s: %s", taken[_i].text, m.n > 0 ? m.v[0].text : "");
	ck_assert_msg((e != NULL) == taken[_i].there, "%s", taken[_i].text);
	if (e != NULL)
		ck_assert_msg(e->rule.flags == taken[_i].flags, "%s: 0x%x", taken[_i].text, e->rule.flags);
	config_free(c);
}
END_TEST

START_TEST(unrestrict_of_nothing_is_told_and_source_loses_its_template)
{
	struct config *c = parse_text("unrestrict 192.0.2.9\nrestrict source noquery\nunrestrict source\n", &m);

	ck_assert_uint_eq(m.warnings, 1);
	ck_assert_ptr_nonnull(remarks_find(&m, "no restrict line above"));
	for (const struct config_restrict *e = c->restricts; e != NULL; e = e->next)
		ck_assert(!e->source);
	config_free(c);
}
END_TEST

START_TEST(of_discard_and_limit_the_last_line_wins)
{
	struct config *c = parse_text("discard average 4\nlimit average 2.5 burst 40 kod 1\n", &m);

	ck_assert(c->discard.by_score);
	ck_assert_double_eq(c->discard.rate, 2.5);
	ck_assert_double_eq(c->discard.burst, 40);
	ck_assert_double_eq(c->discard.kod, 1);
	config_free(c);
	c = parse_text("limit average 2.5\ndiscard average 4\n", &m);
	ck_assert(!c->discard.by_score);
	ck_assert_int_eq(c->discard.average_log2, 4);
	config_free(c);
	c = parse_text("limit average\n", &m);
	ck_assert(!c->discard.by_score);
	config_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("meaning");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, guide_server_file_is_understood_without_a_remark_but_one);
	tcase_add_test(t, server_options_go_where_they_belong);
	tcase_add_loop_test(t, poll_exponents_are_clamped_with_a_sentence, 0, (int)NELEMS(polls));
	tcase_add_loop_test(t, wrong_source_lines_are_skipped_with_their_place, 0, (int)NELEMS(no_source));
	tcase_add_test(t, host_of_256_octets_is_too_long);
	tcase_add_test(t, same_server_twice_is_one_server);
	tcase_add_test(t, peer_is_a_source_of_symmetric_mode);
	tcase_add_test(t, broadcast_and_manycast_lines_are_sources_of_their_own_kind);
	tcase_add_loop_test(t, modes_ask_for_addresses_that_fit, 0, (int)NELEMS(misplaced));
	tcase_add_test(t, modes_are_kept);
	tcase_add_test(t, pollskewlist_gives_what_it_names_and_default_the_rest);
	tcase_add_test(t, nts_is_for_servers_and_pools_and_never_left_out);
	tcase_add_test(t, options_of_a_pool_are_those_of_its_servers);
	tcase_add_test(t, command_line_servers_come_first);
	tcase_add_loop_test(t, restrict_lines_become_entries, 0, (int)NELEMS(rules));
	tcase_add_loop_test(t, restrict_line_that_is_not_understood_is_fatal, 0, (int)NELEMS(doors));
	tcase_add_test(t, restrict_of_an_unknown_name_is_skipped);
	tcase_add_test(t, mask_on_a_name_has_no_effect);
	tcase_add_test(t, source_template_is_kept_apart);
	tcase_add_loop_test(t, unrestrict_takes_back_what_lines_above_have_said, 0, (int)NELEMS(taken));
	tcase_add_test(t, unrestrict_of_nothing_is_told_and_source_loses_its_template);
	tcase_add_test(t, of_discard_and_limit_the_last_line_wins);
	tcase_add_test(t, ippeerlimit_beyond_its_range_is_0);
	tcase_add_test(t, kod_without_limited_is_warned_of);
	tcase_add_test(t, words_of_old_releases_leave_the_other_flags_alone);
	tcase_add_test(t, file_without_a_default_gets_a_safe_one);
	tcase_add_test(t, default_of_one_family_leaves_the_other_safe);
	tcase_add_test(t, safe_default_does_not_open_what_the_file_closes);
	tcase_add_test(t, disable_beats_enable_wherever_it_stands);
	tcase_add_test(t, tos_tinker_discard_and_mru_fill_the_rooms_options);
	tcase_add_test(t, workers_are_one_unless_told_otherwise);
	tcase_add_test(t, of_maxdepth_and_maxmem_the_last_wins);
	tcase_add_test(t, wrong_line_changes_nothing_at_all);
	tcase_add_test(t, contradictions_of_tos_are_told);
	tcase_add_test(t, paths_are_kept_and_statsdir_ends_in_a_slash);
	tcase_add_test(t, statistics_and_filegen_lines_make_the_files);
	tcase_add_loop_test(t, filegen_has_the_last_word_on_its_file, 0, (int)NELEMS(orders));
	tcase_add_test(t, wrong_filegen_line_leaves_the_file_as_it_was);
	tcase_add_test(t, statistics_that_nobody_writes_are_taken_with_a_warning);
	tcase_add_loop_test(t, interface_lines_become_rules, 0, (int)NELEMS(ifaces));
	tcase_add_loop_test(t, wrong_lines_say_where_and_why, 0, (int)NELEMS(wrong));
	tcase_add_test(t, trusted_keys_add_up);
	tcase_add_loop_test(t, setvar_takes_blanks_or_none, 0, (int)NELEMS(setvars));
	tcase_add_loop_test(t, logconfig_words_become_bits, 0, (int)NELEMS(logs));
	tcase_add_test(t, simulate_block_is_stepped_over);
	tcase_add_test(t, end_ends_it);
	tcase_add_test(t, bad_lines_after_each_other_are_each_told);
	tcase_add_test(t, nul_refuses_the_whole_buffer);
	tcase_add_test(t, megabyte_line_is_one_error);
	tcase_add_test(t, number_of_sources_is_bounded);
	tcase_add_test(t, sources_that_restrict_lines_shut_out_are_told);
	tcase_add_test(t, literals_are_never_looked_up);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
