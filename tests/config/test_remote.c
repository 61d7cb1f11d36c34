/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that come while the configuration is in force: they add to it, take from it, or are refused and change nothing. */
#include <stdlib.h>

#include "config/directives.h"
#include "config/reader.h"
#include "remarks.h"
#include "../unit.h"

static struct remarks m;
static struct config *c;
static struct config_change change;
static struct config_unpeer unpeered;
static char unpeered_host[256];
static bool unpeered_configured, live;
static unsigned unpeers;

static bool
on_unpeer(void *arg, const struct config_unpeer *u, bool configured)
{
	(void)arg;
	unpeers++;
	unpeered = *u;
	snprintf(unpeered_host, sizeof(unpeered_host), "%s", u->host != NULL ? u->host : "");
	unpeered_configured = configured;
	return live;
}

static bool
say(const char *text)
{
	const struct config_remote_hooks h = { .hooks = { .remark = remarks_add, .resolve = remarks_resolve, .arg = &m }, .unpeer = on_unpeer };

	memset(&m, 0, sizeof(m));
	unpeers = 0;
	return config_remote(c, text, strlen(text), &h, &change);
}

static size_t
sources(void)
{
	size_t n = 0;

	for (const struct config_source *s = c->sources; s != NULL; s = s->next)
		n++;
	ck_assert_uint_eq(n, c->nsources);
	return n;
}

static void
start(const char *text)
{
	c = parse_text(text, &m);
	ck_assert_uint_eq(m.errors, 0);
	live = false;
}

START_TEST(lines_add_to_what_is_there)
{
	start("server a.example\nrestrict default nomodify\nsetvar x = 1\ntrustedkey 1\ntos minclock 5\nfilegen loopstats enable\n");
	ck_assert(say("server b.example iburst"));
	ck_assert(change.sources && !change.restricts);
	ck_assert_uint_eq(sources(), 2);
	ck_assert_str_eq(c->sources->next->host, "b.example");
	ck_assert(say("restrict 192.0.2.1 ignore\nrestrict 192.0.2.2"));
	ck_assert(change.restricts && !change.sources);
	ck_assert_ptr_nonnull(restrict_of(c, "192.0.2.1", "255.255.255.255"));
	ck_assert(say("setvar y = 2\nsetvar x = 3 default\ntrustedkey 9\ncontrolkey 9\ntos maxclock 20\nstatistics peerstats"));
	ck_assert(!change.restricts && !change.sources);
	ck_assert_str_eq(c->setvars->value, "3");
	ck_assert(c->setvars->dflt);
	ck_assert_str_eq(c->setvars->next->name, "y");
	ck_assert_ptr_null(c->setvars->next->next);
	ck_assert(config_key_trusted(c, 1) && config_key_trusted(c, 9) && !config_key_trusted(c, 2));
	ck_assert_uint_eq(c->controlkey, 9);
	ck_assert_uint_eq(c->tos.minclock, 5);
	ck_assert_uint_eq(c->tos.maxclock, 20);
	ck_assert(c->filegen[STATS_LOOP].enabled && c->filegen[STATS_PEER].enabled && !c->filegen[STATS_RAW].enabled);
	ck_assert(say("filegen loopstats disable\ndisable monitor\nreset sys io"));
	ck_assert(!c->filegen[STATS_LOOP].enabled && c->filegen[STATS_PEER].enabled && !c->enable_monitor);
	ck_assert(c->reset.sys && c->reset.io && !c->reset.auth && !c->reset.allpeers);
	ck_assert(say("enable monitor"));
	ck_assert(c->enable_monitor);
	config_free(c);
}
END_TEST

START_TEST(a_wrong_line_changes_nothing_and_is_no_reason_to_stop)
{
	start("restrict default nomodify\n");
	ck_assert(!say("restrict 192.0.2.1 fooo"));
	ck_assert_ptr_null(remarks_find(&m, "does not start"));
	ck_assert(!change.restricts);
	ck_assert_uint_eq(c->errors + c->fatal, 0);
	ck_assert(!say("server a.example\nserver b.example fooo\nserver c.example"));
	ck_assert_uint_eq(sources(), 2);
	ck_assert_uint_eq(m.v[0].line, 2);
	ck_assert_uint_eq(m.v[0].column, 18);
	ck_assert(!say("fooo"));
	ck_assert(!say("server\001x\ntos minclock none"));
	config_free(c);
}
END_TEST

static const char *const for_the_file[] = {
	"driftfile /x", "logfile /x", "pidfile /x", "keys /x", "statsdir /x", "includefile /etc/passwd", "saveconfigdir /x", "leapfile /x", "keysdir /x",
	"crypto pw x", "ntpsigndsocket /x", "clock software", "rlimit memlock 1", "phone 1", "simulate { }", "device 127.127.20.0 timedata /x",
	"nts key /x", "refclock nmea path /x", "refclock nmea unit 1 ppspath /x", "filegen loopstats file x", "filegen loopstats type pid",
	"filegen loopstats link", "filegen loopstats enable nolink", "enable stats", "disable monitor stats", "disable mode7", "workers 2",
	"server a.example nts ca /x", "tick 0.001", "tinker tick 0.001", "tinker step 0.5 freq 3",
};

START_TEST(what_names_files_or_belongs_to_the_start_is_refused)
{
	struct config before;

	start("restrict default nomodify\nkeys /the/keys\ndriftfile /the/drift\n");
	before = *c;
	ck_assert(!say(for_the_file[_i]));
	ck_assert_msg(remarks_find(&m, "ignored") != NULL, "%s", for_the_file[_i]);
	ck_assert_mem_eq(&before, c, sizeof(before));
	config_free(c);
}
END_TEST

START_TEST(names_of_files_elsewhere_are_taken_for_what_they_are)
{
	start("restrict default nomodify\n");
	ck_assert(say("setvar path = /x\nserver file.example\nfilegen peerstats enable"));
	ck_assert_uint_eq(sources(), 1);
	config_free(c);
}
END_TEST

START_TEST(unpeer_takes_a_source_out_at_once)
{
	start("server a.example\npool b.example\nserver 192.0.2.1\n");
	ck_assert(say("unpeer b.example\nserver d.example"));
	ck_assert(change.sources && unpeered_configured);
	ck_assert_uint_eq(sources(), 3);
	ck_assert(say("unpeer 192.0.2.1\nunpeer d.example\nserver 192.0.2.1 prefer"));
	ck_assert_uint_eq(sources(), 2);
	ck_assert(c->sources->next->opts.prefer);
	ck_assert(!say("unpeer 192.0.2.9"));
	ck_assert_ptr_nonnull(remarks_find(&m, "192.0.2.9"));
	live = true;
	ck_assert(say("unpeer 192.0.2.9"));
	ck_assert(!unpeered_configured);
	ck_assert_str_eq(unpeered_host, "192.0.2.9");
	ck_assert(say("unconfig 4711"));
	ck_assert_uint_eq(unpeered.id, 4711);
	ck_assert_ptr_null(unpeered.host);
	ck_assert(say("unpeer clock shm unit 2"));
	ck_assert_str_eq(unpeered_host, "127.127.28.2");
	ck_assert(say("unpeer -6 a.example\nunpeer a.example # and a comment"));
	ck_assert_uint_eq(sources(), 1);
	for (size_t i = 0; i < 8; i++) {
		static const char *const bad[] = { "unpeer", "unpeer 0", "unpeer 65536", "unpeer -4", "unpeer clock", "unpeer clock shm unit 256",
			"unpeer clock shm 2", "unpeer a b" };

		ck_assert_msg(!say(bad[i]) && unpeers == 0, "%s", bad[i]);
	}
	config_free(c);
}
END_TEST

START_TEST(unpeer_in_a_file_removes_what_any_line_names)
{
	start("unpeer 192.0.2.1\nserver a.example\nserver 192.0.2.1\npool b.example\nunpeer b.example.\nunpeer c.example\nunpeer 12\n");
	ck_assert_uint_eq(sources(), 1);
	ck_assert_str_eq(c->sources->host, "a.example");
	ck_assert_ptr_nonnull(remarks_find(&m, "'c.example': there is no such source"));
	ck_assert_ptr_nonnull(remarks_find(&m, "association ids"));
	config_free(c);
}
END_TEST

START_TEST(unrestrict_takes_back_flags_or_the_entry)
{
	const struct config_restrict *e;

	start("restrict 192.0.2.0/24 ignore kod limited\nrestrict 192.0.2.1 noserve\nrestrict source nomodify\nrestrict default nomodify noquery\n"
	    "unrestrict 192.0.2.0/24 ignore\nunrestrict 198.51.100.1\n");
	ck_assert_uint_eq(m.warnings, 1);
	e = restrict_of(c, "192.0.2.0", "255.255.255.0");
	ck_assert_uint_eq(e->rule.flags, RESTRICT_KOD | RESTRICT_LIMITED);
	ck_assert(say("unrestrict 192.0.2.1\nrestrict 192.0.2.9 ignore"));
	ck_assert(change.restricts);
	ck_assert_ptr_null(restrict_of(c, "192.0.2.1", "255.255.255.255"));
	ck_assert_ptr_nonnull(restrict_of(c, "192.0.2.9", "255.255.255.255"));
	/* The last one of the list, and one more behind it. */
	ck_assert(say("delrestrict 192.0.2.9\nrestrict 192.0.2.10 ignore"));
	ck_assert_ptr_null(restrict_of(c, "192.0.2.9", "255.255.255.255"));
	ck_assert_ptr_nonnull(restrict_of(c, "192.0.2.10", "255.255.255.255"));
	ck_assert(say("unrestrict default noquery\nunrestrict source"));
	ck_assert_uint_eq(restrict_of(c, "0.0.0.0", "0.0.0.0")->rule.flags, RESTRICT_NOMODIFY);
	ck_assert_uint_eq(restrict_of(c, "::", "::")->rule.flags, RESTRICT_NOMODIFY);
	for (e = c->restricts; e != NULL; e = e->next)
		ck_assert(!e->source);
	ck_assert(say("unrestrict -4 default"));
	ck_assert_uint_eq(restrict_of(c, "0.0.0.0", "0.0.0.0")->rule.flags, 0);	/* a default there always is */
	ck_assert_ptr_nonnull(restrict_of(c, "::", "::"));
	ck_assert(!say("unrestrict 198.51.100.1"));
	ck_assert(!say("unrestrict one.example"));
	ck_assert(!say("unrestrict 192.0.2.0/33"));
	ck_assert(!change.restricts);
	config_free(c);
}
END_TEST

START_TEST(variables_are_not_made_without_end)
{
	char line[64];

	start("restrict default nomodify\n");
	for (int i = 0; i < CONFIG_SETVARS_MAX; i++) {
		snprintf(line, sizeof(line), "setvar v%d = %d", i, i);
		ck_assert(say(line));
	}
	ck_assert(!say("setvar another = 1"));
	ck_assert(say("setvar v3 = 4"));
	config_free(c);
}
END_TEST

START_TEST(a_source_that_is_shut_out_is_told_of_when_it_or_the_rules_change)
{
	start("restrict default nomodify\nrestrict 192.0.2.7 ignore\nserver 192.0.2.7\n");
	ck_assert(say("setvar x = 1") && m.n == 0);
	ck_assert(say("server 192.0.2.8") && remarks_find(&m, "shut out") != NULL);
	ck_assert(say("restrict 192.0.2.9 nopeer") && remarks_find(&m, "shut out") != NULL);
	config_free(c);
}
END_TEST

/* Every directive there is, by its example.  Those that are refused; all others are carried out, or a warning says that they are without effect. */
static const char *const refused[] = {
	"clock", "crypto", "device", "driftfile", "includefile", "keys", "keysdir", "leapfile", "logfile", "nts", "ntpsigndsocket", "phone", "pidfile",
	"rlimit", "saveconfigdir", "simulate", "statsdir", "tick", "workers",
};

static bool
is_refused(const struct directive *d)
{
	for (size_t i = 0; i < NELEMS(refused); i++)
		if (strcmp(refused[i], d->name) == 0)
			return true;
	return false;
}

/* The example without what of it names a file, which is refused on a line that is not. */
static const char *
example_of(const struct directive *d)
{
	return strcmp(d->name, "filegen") == 0 ? "filegen loopstats enable" : strcmp(d->name, "peer") == 0 ? "peer 192.0.2.8" : d->example;
}

static char *
written(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(config_write(c, f), 0);
	fclose(f);
	return text;
}

START_TEST(every_directive_is_carried_out_refused_in_one_sentence_or_said_to_be_without_effect)
{
	const struct directive *d = &directive_table[_i];
	static const struct config_reset none;
	char *before, *after;
	bool ok, reset;

	/* Where an example says what holds anyway, something else holds. */
	start("restrict default nomodify\nrestrict 192.0.2.0/24 nopeer\nserver 192.0.2.7\nserver 127.127.28.0\ndisable ntp\ndiscard average 4\n"
	    "nonvolatile 0.5\ndscp 1\n");
	before = written();
	ok = say(example_of(d));
	after = written();
	reset = memcmp(&c->reset, &none, sizeof(none)) != 0;
	if (is_refused(d)) {
		ck_assert_msg(!ok && m.n == 1 && m.errors == 1, "%s: %u remarks", d->name, m.n);
		ck_assert_msg(strchr(m.v[0].text, '\n') == NULL && strncmp(m.v[0].text, d->name, strlen(d->name)) == 0, "%s", m.v[0].text);
		ck_assert_str_eq(before, after);
	} else if (d->standing != IN_FORCE) {
		ck_assert_msg(ok && m.warnings == 1, "%s: %u remarks", d->name, m.n);
		ck_assert_str_eq(before, after);
	} else {
		ck_assert_msg(ok && m.errors == 0, "%s: %s", d->name, m.n > 0 ? m.v[0].text : "");
		ck_assert_msg(strcmp(before, after) != 0 || reset || strcmp(d->name, "end") == 0, "%s: nothing has changed", d->name);
	}
	free(before);
	free(after);
	config_free(c);
}
END_TEST

START_TEST(every_flag_of_enable_and_disable_is_heeded_refused_or_said_to_be_without_effect)
{
	const struct option *o = &flag_options[_i];
	bool local = strcmp(o->name, "stats") == 0 || strcmp(o->name, "mode7") == 0 || strstr(o->name, "_early") != NULL;
	char line[64];
	bool ok;

	for (int on = 0; on < 2; on++) {
		start("restrict default nomodify\n");
		if (o->offset != NOWHERE)
			*(bool *)(void *)((char *)c + o->offset) = on == 0;
		snprintf(line, sizeof(line), "%s %s", on != 0 ? "enable" : "disable", o->name);
		ok = say(line);
		if (local)
			ck_assert_msg(!ok && m.n == 1 && strstr(m.v[0].text, "ignored") != NULL, "%s", line);
		else if (o->standing != IN_FORCE)
			ck_assert_msg(ok && m.warnings == 1, "%s", line);
		else
			ck_assert_msg(ok && m.n == 0 && *(bool *)(void *)((char *)c + o->offset) == (on != 0), "%s", line);
		config_free(c);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config/remote");
	TCase *t = tcase_create("lines");
	SRunner *r;
	int failed;

	tcase_add_test(t, lines_add_to_what_is_there);
	tcase_add_test(t, a_wrong_line_changes_nothing_and_is_no_reason_to_stop);
	tcase_add_loop_test(t, what_names_files_or_belongs_to_the_start_is_refused, 0, (int)NELEMS(for_the_file));
	tcase_add_test(t, names_of_files_elsewhere_are_taken_for_what_they_are);
	tcase_add_test(t, unpeer_takes_a_source_out_at_once);
	tcase_add_test(t, unpeer_in_a_file_removes_what_any_line_names);
	tcase_add_test(t, unrestrict_takes_back_flags_or_the_entry);
	tcase_add_test(t, variables_are_not_made_without_end);
	tcase_add_test(t, a_source_that_is_shut_out_is_told_of_when_it_or_the_rules_change);
	tcase_add_loop_test(t, every_directive_is_carried_out_refused_in_one_sentence_or_said_to_be_without_effect, 0, (int)directive_count);
	tcase_add_loop_test(t, every_flag_of_enable_and_disable_is_heeded_refused_or_said_to_be_without_effect, 0, (int)flag_option_count);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
