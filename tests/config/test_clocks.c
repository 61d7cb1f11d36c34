/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines about reference clocks: both ways to write them make the same clock, and what cannot be had is said. */
#include "base/ntp.h"
#include "../unit.h"
#include "remarks.h"

static struct remarks m;

static struct config *
parse_line(const char *text)
{
	return parse_bytes(text, strlen(text), &m);
}

static bool
remarked(enum remark kind, const char *words)
{
	for (unsigned i = 0; i < m.n; i++) {
		if (m.v[i].kind == kind && strstr(m.v[i].text, words) != NULL)
			return true;
	}
	return false;
}

static const struct refclock_opts full = {
	.type = REFCLOCK_LOCAL, .unit = 2, .time1 = 0.5, .time2 = -0.25, .stratum = 7, .refid = "ABCD", .flag = { true, false, true, true },
	.minjitter = 0.001, .abbrev = "MINE", .path = "/dev/a", .ppspath = "/dev/b",
};

START_TEST(fudge_and_device_lines_reach_their_clock_wherever_they_stand)
{
	struct config *c = parse_line("fudge 127.127.1.2 time1 0.5 time2 -0.25 stratum 7 refid ABCD flag1 1\n"
	    "server 192.0.2.1\nserver 127.127.1.2 prefer\nserver 127.127.1.3\n"
	    "fudge 127.127.1.2 flag3 1 flag4 1 minjitter 0.001 abbrev MINE\ndevice 127.127.1.2 timedata /dev/a ppsdata /dev/b\n");
	const struct config_source *s = c->sources->next;

	ck_assert_uint_eq(m.n, 0);
	ck_assert_uint_eq(c->nsources, 3);
	ck_assert_int_eq(s->kind, SOURCE_CLOCK);
	ck_assert_str_eq(s->host, "127.127.1.2");
	ck_assert(s->opts.prefer);
	ck_assert(refclock_opts_equal(&s->clock, &full));
	ck_assert_double_eq(s->next->clock.time1, 0);
	ck_assert_int_eq(s->next->clock.stratum, -1);
	config_free(c);
}
END_TEST

START_TEST(the_way_of_ntpsec_says_the_same)
{
	struct config *c = parse_line("refclock local unit 2 prefer time1 0.5 time2 -0.25 stratum 7 refid ABCD flag1 1 flag3 1 flag4 1 minjitter 0.001 "
	    "abbrev MINE path /dev/a ppspath /dev/b\n");

	ck_assert_uint_eq(m.n, 0);
	ck_assert_str_eq(c->sources->host, "127.127.1.2");
	ck_assert(c->sources->opts.prefer);
	ck_assert(refclock_opts_equal(&c->sources->clock, &full));
	config_free(c);
}
END_TEST

START_TEST(its_words_stand_on_classic_lines_too)
{
	struct config *c = parse_line("server 127.127.1.0 time1 0.25 refid XYZ mode 7\nserver 192.0.2.1 time1 0.25\n");

	ck_assert_uint_eq(m.errors, 1);
	ck_assert_uint_eq(m.v[0].line, 2);
	ck_assert_double_eq(c->sources->clock.time1, 0.25);
	ck_assert_str_eq(c->sources->clock.refid, "XYZ");
	ck_assert_uint_eq(c->sources->clock.mode, 7);
	config_free(c);
}
END_TEST

START_TEST(a_fudge_line_that_is_wrong_changes_nothing)
{
	struct config *c = parse_line("server 127.127.1.0\nfudge 127.127.1.0 stratum 3 refid TOOLONG\nfudge 127.127.1.0 stratum 17\n"
	    "fudge 127.127.1.0 time1 0.5 purple\n");

	ck_assert_uint_eq(m.errors, 3);
	ck_assert(refclock_opts_equal(&c->sources->clock, &(struct refclock_opts){ .type = REFCLOCK_LOCAL, .stratum = -1 }));
	config_free(c);
}
END_TEST

START_TEST(a_fudge_line_without_its_clock_is_named)
{
	struct config *c = parse_line("server 127.127.1.0\nfudge 127.127.1.1 stratum 3\n");

	ck_assert_uint_eq(m.errors, 0);
	ck_assert_uint_eq(m.warnings, 1);
	ck_assert(remarked(REMARK_WARNING, "line 2: unrecognized fudge reference clock address 127.127.1.1"));
	ck_assert_int_eq(c->sources->clock.stratum, -1);
	config_free(c);
}
END_TEST

START_TEST(a_clock_without_a_driver_is_no_source_and_says_so)
{
	static const struct { const char *line; enum remark kind; const char *words; } rows[] = {
		{ "server 127.127.36.0", REMARK_WARNING, "WWV_AUDIO are relics" },
		{ "server 127.127.99.0", REMARK_ERROR, "clock type 99 invalid" },
		{ "refclock sundial", REMARK_ERROR, "no reference clock driver is called 'sundial'" },
		{ "pool 127.127.1.0", REMARK_ERROR, "not a pool" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = parse_line(rows[i].line);

		ck_assert_msg(m.n == 1 && remarked(rows[i].kind, rows[i].words), "%s: %s", rows[i].line, m.n > 0 ? m.v[0].text : "");
		ck_assert_ptr_null(c->sources);
		config_free(c);
	}
}
END_TEST

START_TEST(poll_of_a_clock_stays_at_minpoll_unless_told)
{
	struct config *c = parse_line("refclock local minpoll 4\nrefclock local unit 1 minpoll 4 maxpoll 6\nrefclock local unit 2\n");
	const struct config_source *s = c->sources;

	ck_assert_int_eq(s->opts.minpoll, 4);
	ck_assert_int_eq(s->opts.maxpoll, 4);
	ck_assert_int_eq(s->next->opts.maxpoll, 6);
	ck_assert_int_eq(s->next->next->opts.minpoll, POLL_MIN_DEFAULT);
	ck_assert_int_eq(s->next->next->opts.maxpoll, POLL_MIN_DEFAULT);
	config_free(c);
}
END_TEST

START_TEST(lockclock_leaves_the_clock_to_others)
{
	struct config *c = parse_line("server 127.127.1.0\nfudge 127.127.1.0 flag1 1\nenable ntp\n");

	ck_assert(!c->enable_ntp);
	ck_assert(c->sources->opts.prefer);
	config_free(c);
	c = parse_line("server 127.127.1.0\nserver 127.127.28.0\nfudge 127.127.28.0 flag1 1\n");
	ck_assert(c->enable_ntp);
	ck_assert(!c->sources->opts.prefer);
	config_free(c);
}
END_TEST

START_TEST(the_speed_of_a_receiver_is_that_of_its_daemon)
{
	struct config *c = parse_line("refclock nmea\nrefclock nmea unit 1 baud 19200\nrefclock nmea unit 2 mode 17\nserver 127.127.20.3\n");
	int want[] = { 9600, 19200, 0, 0 }, i = 0;

	for (const struct config_source *s = c->sources; s != NULL; s = s->next)
		ck_assert_int_eq(s->clock.baud, want[i++]);
	ck_assert_int_eq(i, 4);
	config_free(c);
}
END_TEST

UNIT_MAIN("config/clocks", fudge_and_device_lines_reach_their_clock_wherever_they_stand, the_way_of_ntpsec_says_the_same,
    its_words_stand_on_classic_lines_too, a_fudge_line_that_is_wrong_changes_nothing, a_fudge_line_without_its_clock_is_named,
    lockclock_leaves_the_clock_to_others, the_speed_of_a_receiver_is_that_of_its_daemon,
    a_clock_without_a_driver_is_no_source_and_says_so, poll_of_a_clock_stays_at_minpoll_unless_told)
