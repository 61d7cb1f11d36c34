/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration written and read again is the same one. */
#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <math.h>

#include "config/directives.h"
#include "remarks.h"

static struct remarks m;

static char *
written(const struct config *c)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	ck_assert_int_eq(config_write(c, f), 0);
	fclose(f);
	return text;
}

static const char *const lines[] = {
	"driftfile /var/lib/ntp/drift\n", "driftfile \"/var/lib/n t p/drift\"\n", "leapfile /l ignorehash\n", "leapfile /l\n", "leapsmearinterval 3600\n",
	"statsdir /s\n", "statistics loopstats peerstats\n", "filegen rawstats file raw/x type week nolink enable\n",
	"logfile /var/log/ntp.log\n", "pidfile /p\n", "keys /k\n", "trustedkey 5 (7 ... 9)\n", "clock software\n", "nonvolatile 3e-8\n",
	"tos basedate 2025-03-01\n", "tos minsane 2 mindist 0.1 floor 2\n", "tinker panic 0 stepfwd 0.25 freq -12.5 dispersion 20\n", "tinker step 3\n",
	"discard average 5 minimum 0\n", "limit average 3 burst 7\n", "mru maxdepth 1000 mindepth 3\n", "mru maxmem 77\n", "dscp 8\n", "rlimit filenum 200 memlock 0\n",
	"enable stats\ndisable monitor stats ntp\n", "logconfig =sysevents +peerstatus\n", "logconfig -syncall\n", "setvar a = \"b c\" default\nsetvar d = e\n",
	"interface listen eth0\nnic ignore 192.0.2.0/24\ninterface drop wildcard\ninterface listen eth*\ninterface listen ipv6\n",
	"server -6 a.example iburst minpoll 4 maxpoll 6 prefer key 3 version 3 bias 0.001\npool b.example noselect\nserver 192.0.2.9 true burst\n",
	"restrict default kod limited\nrestrict -6 default ignore\nrestrict 192.0.2.0 mask 255.0.255.0 nomodify ntpport\nrestrict 2001:db8::/32 ippeerlimit 3\n",
	"peer 192.0.2.7 key 3 xleave\nbroadcast 192.0.2.255 ttl 3 minpoll 4\nmanycastclient 239.1.1.1 maxpoll 12\n",
	"broadcastclient novolley\nmulticastclient\nmanycastserver 239.1.1.1 ff05::101\nbroadcastdelay 0.008\nttl 0 32 64\npollskewlist 6 8|7 10 100|3\n",
	"refclock generic subtype 2 unit 1 path /dev/x time1 0.1\nserver 127.127.29.0 mode 2\nfudge 127.127.29.0 flag3 1 refid ABCD\nserver 127.127.40.1\n",
	"refclock modem mode 1 minpoll 12\nphone ATDT13034944774 \"ATDT 0, 1\"\nphone atdt3\n",
	"restrict source noquery serverresponse fuzz\nrestrict two.example noserve\n", "saveconfigdir /tmp\n", "",
};

static void
comes_back(const char *text)
{
	struct config *c = parse_text(text, &m), *again;
	char *one = written(c), *two;

	ck_assert_msg(m.errors == 0, "%s: %s", text, m.n > 0 ? m.v[0].text : "");
	again = parse_text(one, &m);
	ck_assert_msg(m.errors == 0 && remarks_find(&m, "effect yet") == NULL, "%s became %s: %s", text, one, m.n > 0 ? m.v[0].text : "");
	two = written(again);
	ck_assert_str_eq(one, two);
	ck_assert_uint_eq(c->nsources, again->nsources);
	ck_assert_uint_eq(c->logconfig, again->logconfig);
	ck_assert_int_eq(memcmp(&c->tos, &again->tos, sizeof(c->tos)), 0);
	ck_assert_int_eq(memcmp(&c->discard, &again->discard, sizeof(c->discard)), 0);
	ck_assert_int_eq(memcmp(&c->filegen, &again->filegen, sizeof(c->filegen)), 0);
	ck_assert_int_eq(memcmp(&c->rlimit, &again->rlimit, sizeof(c->rlimit)), 0);
	free(one);
	free(two);
	config_free(c);
	config_free(again);
}

START_TEST(what_is_written_is_read_as_the_same)
{
	comes_back(lines[_i]);
}
END_TEST

/* A line that has an effect leaves a trace in what is written: a writer that forgot it would write what an empty file gives. */
START_TEST(no_line_is_forgotten)
{
	struct config *none = parse_text("", &m), *c = parse_text(lines[_i], &m);
	char *empty = written(none), *text = written(c);

	if (lines[_i][0] != '\0')
		ck_assert_msg(strcmp(empty, text) != 0, "%s", lines[_i]);
	free(empty);
	free(text);
	config_free(none);
	config_free(c);
}
END_TEST

/* So that a directive that comes to be in force is not forgotten here. */
START_TEST(every_directive_in_force_is_written)
{
	/* Those that change what others have said, or read elsewhere; and those whose example is the default. */
	static const char *const but[] = {
		"unrestrict", "delrestrict", "unpeer", "unconfig", "includefile", "end", "reset", "dscp", "nonvolatile", "rlimit", "discard", "enable", "disable", "fudge", "device",
	};
	const struct directive *d = &directive_table[_i];
	struct config *none, *c;
	char *empty, *text;

	for (size_t i = 0; i < NELEMS(but); i++)
		if (strcmp(but[i], d->name) == 0)
			return;
	if (d->standing != IN_FORCE)
		return;
	none = parse_text("", &m);
	c = parse_text(d->example, &m);
	empty = written(none);
	text = written(c);
	ck_assert_msg(strcmp(empty, text) != 0, "%s", d->example);
	free(empty);
	free(text);
	config_free(none);
	config_free(c);
	comes_back(d->example);
}
END_TEST

START_TEST(every_option_of_a_table_in_force_is_written)
{
	const struct directive *d = &directive_table[_i];
	char line[128];

	if (d->standing != IN_FORCE || (strcmp(d->name, "tos") != 0 && strcmp(d->name, "tinker") != 0 && strcmp(d->name, "mru") != 0 &&
	    strcmp(d->name, "discard") != 0 && strcmp(d->name, "limit") != 0 && strcmp(d->name, "rlimit") != 0))
		return;
	for (size_t i = 0; i < d->noptions; i++) {
		const struct option *o = &d->options[i];
		struct config *none, *c;
		char *empty, *text;
		double value;

		if (o->standing != IN_FORCE || o->offset == NOWHERE || o->type == OPT_STRING || o->type == OPT_DATE)
			continue;
		value = o->max > 7 ? fmax(o->min + 1, 7) + (o->max > 300 ? 400 : 0) : o->max;
		if (strcmp(o->name, "bcpollbstep") == 0)
			value = o->min;		/* its default is its maximum */
		snprintf(line, sizeof(line), "%s %s %.17g\n", d->name, o->name, value);
		none = parse_text("", &m);
		c = parse_text(line, &m);
		ck_assert_msg(m.errors == 0, "%s: %s", line, m.n > 0 ? m.v[0].text : "");
		empty = written(none);
		text = written(c);
		ck_assert_msg(strcmp(empty, text) != 0, "%s", line);
		free(empty);
		free(text);
		config_free(none);
		config_free(c);
		comes_back(line);
	}
}
END_TEST

START_TEST(files_of_real_machines_come_back)
{
	glob_t g;

	ck_assert_int_eq(glob("tests/corpus/ntp.conf/*.conf", 0, NULL, &g), 0);
	ck_assert_uint_ge(g.gl_pathc, 40);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const struct config_hooks h = { .remark = remarks_add, .resolve = remarks_resolve, .arg = &m };
		struct config *c = config_new(), *again;
		char *one, *two;

		memset(&m, 0, sizeof(m));
		ck_assert_int_eq(config_load(c, g.gl_pathv[i], &h), 0);
		one = written(c);
		again = parse_text(one, &m);
		ck_assert_msg(m.errors == 0, "%s: %s in %s", g.gl_pathv[i], m.n > 0 ? m.v[0].text : "", one);
		two = written(again);
		ck_assert_str_eq(one, two);
		free(one);
		free(two);
		config_free(c);
		config_free(again);
	}
	globfree(&g);
}
END_TEST

START_TEST(a_file_is_made_anew_and_for_us_alone)
{
	char path[] = "/tmp/test_write.XXXXXX", file[64], first[64];
	struct config *c = parse_text("server a.example\n", &m);
	struct stat st;
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/ntp.conf", path);
	ck_assert_int_eq(config_save(c, file, (struct walltime){ INT64_C(1800000000) * NS_PER_S }), 0);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	f = fopen(file, "r");
	ck_assert_ptr_nonnull(fgets(first, sizeof(first), f));
	fclose(f);
	ck_assert_msg(strncmp(first, "# 2027-01-1", 11) == 0, "%s", first);
	ck_assert_int_eq(config_save(c, file, (struct walltime){ 0 }), -1);
	ck_assert_int_eq(errno, EEXIST);
	unlink(file);
	ck_assert_int_eq(symlink("/tmp/elsewhere", file), 0);
	ck_assert_int_eq(config_save(c, file, (struct walltime){ 0 }), -1);
	unlink(file);
	rmdir(path);
	config_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config/write");
	TCase *t = tcase_create("write");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, what_is_written_is_read_as_the_same, 0, (int)NELEMS(lines));
	tcase_add_loop_test(t, no_line_is_forgotten, 0, (int)NELEMS(lines));
	tcase_add_loop_test(t, every_directive_in_force_is_written, 0, (int)directive_count);
	tcase_add_loop_test(t, every_option_of_a_table_in_force_is_written, 0, (int)directive_count);
	tcase_add_test(t, files_of_real_machines_come_back);
	tcase_add_test(t, a_file_is_made_anew_and_for_us_alone);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
