/* SPDX-License-Identifier: BSD-2-Clause */
/* The MRU list: who shares an entry, who is recycled when, order by age, bounds under floods, and a comparison with a plain array. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

#include "chance.h"
#include "server/mru.h"

static const struct mru_key key = { { UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210) } };

static struct monotime
at(double s)
{
	return monotime_add((struct monotime){ 1000000000 }, s);
}

static struct mru_sight
sight(const char *ip)
{
	struct mru_sight s = { .version = 4, .mode = 3 };

	ck_assert_msg(addr_parse(&s.addr, ip, 0), "%s", ip);
	return s;
}

static struct mru_sight
sight_n(uint32_t n)
{
	struct mru_sight s = { .version = 4, .mode = 3, .addr.family = 4 };

	memcpy(s.addr.ip, &n, sizeof(n));
	return s;
}

static struct mru_entry *
note(struct mru *m, const char *ip, double t)
{
	struct mru_sight s = sight(ip);

	return mru_note(m, &s, at(t), 3000, 0);
}

static const struct mru_entry *
known(const struct mru *m, struct mru_sight s)
{
	return mru_find(m, &s.addr);
}

static struct mru *
list(const struct mru_opts *o)
{
	struct mru *m = mru_new(o, &key);

	ck_assert_ptr_nonnull(m);
	return m;
}

START_TEST(an_entry_tells_who_asked_when_and_how_often)
{
	struct mru *m = list(&mru_defaults);
	struct mru_sight s = sight("192.0.2.1");
	struct mru_entry *e;

	e = mru_note(m, &s, at(1), 3000, 0);
	ck_assert_uint_eq(e->count, 1);
	ck_assert_uint_eq(e->rate.seen, 0);
	s.addr.port = 4711;
	s.version = 3;
	s.mode = 1;
	s.flags = 0x123;
	ck_assert_ptr_eq(mru_note(m, &s, at(7), 3000, 0), e);
	ck_assert_uint_eq(e->count, 2);
	ck_assert_int_eq(e->first.ns, at(1).ns);
	ck_assert_int_eq(e->last.ns, at(7).ns);
	ck_assert_uint_eq(e->addr.port, 4711);
	ck_assert_uint_eq(e->version, 3);
	ck_assert_uint_eq(e->mode, 1);
	ck_assert_uint_eq(e->flags, 0x123);
	ck_assert_ptr_eq(mru_find(m, &s.addr), e);
	mru_free(m);
}
END_TEST

START_TEST(an_entry_tells_which_address_of_ours_was_asked)
{
	struct mru *m = list(&mru_defaults);
	struct mru_sight a = sight("192.0.2.1"), b = sight("192.0.2.2"), c = sight("192.0.2.3");
	struct mru_entry *ea, *eb;

	ck_assert(addr_parse(&a.local, "198.51.100.1", 0) && addr_parse(&b.local, "2001:db8::1", 0));
	ea = mru_note(m, &a, at(1), 3000, 0);
	eb = mru_note(m, &b, at(2), 3000, 0);
	ck_assert(addr_equal(mru_local(m, ea), &a.local));
	ck_assert(addr_equal(mru_local(m, eb), &b.local));
	ck_assert_ptr_null(mru_local(m, mru_note(m, &c, at(3), 3000, 0)));
	a.local = b.local;
	ck_assert(addr_equal(mru_local(m, mru_note(m, &a, at(4), 3000, 0)), &b.local));
	/* There is no end of addresses: what is beyond the table is not known, and what is in it stays. */
	for (unsigned i = 0; i < 2 * MRU_LOCALS_MAX; i++) {
		c.local = (struct addr){ .family = 4, .ip = { 10, 0, 0, (uint8_t)i } };
		ea = mru_note(m, &c, at(5 + i), 3000, 0);
		ck_assert_ptr_eq(mru_local(m, ea) == NULL ? NULL : ea, i < MRU_LOCALS_MAX - 2 ? ea : NULL);
	}
	ck_assert(addr_equal(mru_local(m, eb), &b.local));
	mru_free(m);
}
END_TEST

START_TEST(the_score_of_a_steady_client_comes_to_its_rate_and_falls_when_it_rests)
{
	struct mru *m = list(&mru_defaults);
	struct mru_sight s = sight("192.0.2.1"), none = sight("192.0.2.2");
	struct mru_entry *e = NULL;

	s.decay = 20;
	for (int i = 0; i < 1000; i++) {
		e = mru_note(m, &s, at(i * 0.25), 3000, 0);
		if (i == 0)
			ck_assert_double_eq_tol((double)e->score, 1 / 20.0, 1e-6);
	}
	ck_assert_double_eq_tol((double)e->score, 4, 0.1);
	ck_assert_double_eq_tol((double)mru_note(m, &s, at(999 * 0.25 + 20), 3000, 0)->score, 4 / 2.71828 + 0.05, 0.05);
	ck_assert_double_eq_tol((double)mru_note(m, &s, at(1e6), 3000, 0)->score, 0.05, 1e-6);
	ck_assert_double_eq((double)mru_note(m, &none, at(1e6), 3000, 0)->score, 0);
	mru_free(m);
}
END_TEST

/* As a chain that is in use has at least one entry, and one that is not has none, the count can be had by looking. */
START_TEST(slots_in_use_are_counted_as_entries_come_and_are_made_anew)
{
	struct mru_opts o = { .maxdepth = 64, .mindepth = 64, .maxage = 0 };
	struct mru *m = list(&o);
	struct mru_stats st;
	size_t most = 0;

	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.slots, 0);
	for (uint32_t n = 0; n < 2000; n++) {
		struct mru_sight s = sight_n(n);

		ck_assert_ptr_nonnull(mru_note(m, &s, at(n), 3000, 0));
		mru_get_stats(m, &st);
		if (n == 0)
			ck_assert_uint_eq(st.slots, 1);
		ck_assert_uint_le(st.slots, st.depth);
		most = st.slots > most ? st.slots : most;
	}
	/* 64 entries in 64 chains: about 40 of them in use, after any number of changes. */
	ck_assert_uint_gt(st.slots, 25);
	ck_assert_uint_lt(most, 58);
	mru_free(m);
}
END_TEST

START_TEST(ports_do_not_make_new_entries)
{
	struct mru *m = list(&mru_defaults);
	struct mru_sight s = sight("192.0.2.1");
	struct mru_stats st;

	for (uint16_t port = 1; port < 1000; port++) {
		s.addr.port = port;
		mru_note(m, &s, at(port), 3000, 0);
	}
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.depth, 1);
	ck_assert_uint_eq(st.exists, 998);
	ck_assert_uint_eq(mru_newest(m)->count, 999);
	mru_free(m);
}
END_TEST

START_TEST(an_ipv6_64_is_one_source_but_link_local_hosts_are_many)
{
	struct mru *m = list(&mru_defaults);
	struct mru_entry *e = note(m, "2001:db8:1:2::1", 0);

	ck_assert_ptr_eq(note(m, "2001:db8:1:2:ffff::9", 1), e);
	ck_assert_ptr_ne(note(m, "2001:db8:1:3::1", 2), e);
	e = note(m, "fe80::1", 3);
	ck_assert_ptr_ne(note(m, "fe80::2", 4), e);
	ck_assert_ptr_ne(note(m, "0:0:0:1::", 5), note(m, "fe80::1", 6));
	mru_free(m);
}
END_TEST

START_TEST(the_same_octets_in_two_families_are_two_sources)
{
	struct mru *m = list(&mru_defaults);

	ck_assert_ptr_ne(note(m, "32.1.13.184", 0), note(m, "2001:db8::", 0));
	mru_free(m);
}
END_TEST

START_TEST(walking_goes_by_age_both_ways)
{
	struct mru *m = list(&mru_defaults);
	const char *ips[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4" };
	static const int order[] = { 1, 3, 0, 2 };	/* oldest first, after 2, 0, 1, 3 and 0, 2 again */
	const struct mru_entry *e;

	for (int i = 0; i < 4; i++)
		note(m, ips[(int[]){ 2, 0, 1, 3 }[i]], i);
	note(m, ips[0], 4);
	note(m, ips[2], 5);
	e = mru_oldest(m);
	for (int i = 0; i < 4; i++, e = mru_newer(m, e)) {
		struct mru_sight s = sight(ips[order[i]]);

		ck_assert(addr_same_host(&e->addr, &s.addr));
	}
	ck_assert_ptr_null(e);
	e = mru_newest(m);
	for (int i = 3; i >= 0; i--, e = mru_older(m, e)) {
		struct mru_sight s = sight(ips[order[i]]);

		ck_assert(addr_same_host(&e->addr, &s.addr));
	}
	ck_assert_ptr_null(e);
	mru_free(m);
}
END_TEST

START_TEST(below_mindepth_nobody_is_recycled)
{
	struct mru_opts o = { .maxdepth = 10, .mindepth = 5, .maxage = 10 };
	struct mru *m = list(&o);
	struct mru_stats st;

	for (uint32_t n = 0; n < 5; n++) {
		struct mru_sight s = sight_n(n);

		ck_assert_ptr_nonnull(mru_note(m, &s, at(1000 * n), 3000, 0));
	}
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.depth, 5);
	ck_assert_uint_eq(st.recycled_old, 0);
	note(m, "203.0.113.1", 6000);
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.depth, 5);
	ck_assert_uint_eq(st.recycled_old, 1);
	ck_assert_ptr_null(known(m, sight_n(0)));
	ck_assert_ptr_nonnull(known(m, sight_n(1)));
	mru_free(m);
}
END_TEST

START_TEST(a_negative_maxage_never_recycles_by_age)
{
	struct mru_opts o = { .maxdepth = 3, .mindepth = 1, .maxage = -1 };
	struct mru *m = list(&o);
	struct mru_stats st;

	for (uint32_t n = 0; n < 3; n++) {
		struct mru_sight s = sight_n(n);

		ck_assert_ptr_nonnull(mru_note(m, &s, at(1e6 * n), 3000, 0));
	}
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.depth, 3);
	mru_free(m);
}
END_TEST

/* The oldest is 30 s old and monitor is 100 s: a newcomer replaces it if its 32 bits are below 0.3 * 2^32. */
START_TEST(a_full_list_recycles_with_a_probability_of_age_by_monitor)
{
	struct mru_opts o = { .maxdepth = 2, .mindepth = 1, .maxage = 1000 };
	struct mru *m = list(&o);
	struct mru_sight s = sight_n(9);
	struct mru_stats st;

	note(m, "192.0.2.1", 0);
	note(m, "192.0.2.2", 1);
	ck_assert_ptr_null(mru_note(m, &s, at(30), 100, (uint32_t)(0.301 * 0x1p32)));
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.none, 1);
	ck_assert_ptr_nonnull(mru_note(m, &s, at(30), 100, (uint32_t)(0.299 * 0x1p32)));
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.recycled_full, 1);
	ck_assert_ptr_null(known(m, sight("192.0.2.1")));
	ck_assert_ptr_nonnull(known(m, sight("192.0.2.2")));
	mru_free(m);
}
END_TEST

START_TEST(minage_protects_a_full_list)
{
	struct mru_opts o = { .maxdepth = 2, .mindepth = 1, .maxage = 1000, .minage = 50 };
	struct mru *m = list(&o);

	note(m, "192.0.2.1", 0);
	note(m, "192.0.2.2", 1);
	ck_assert_ptr_null(note(m, "192.0.2.3", 49));
	ck_assert_ptr_nonnull(note(m, "192.0.2.3", 51));
	mru_free(m);
}
END_TEST

START_TEST(a_recycled_entry_remembers_nothing)
{
	struct mru_opts o = { .maxdepth = 1, .mindepth = 1, .maxage = 10 };
	struct mru *m = list(&o);
	struct mru_entry *e = note(m, "192.0.2.1", 0);

	e->dropped = 5;
	e->rate.seen = 9;
	e = note(m, "192.0.2.2", 100);
	ck_assert_uint_eq(e->count, 1);
	ck_assert_uint_eq(e->dropped, 0);
	ck_assert_uint_eq(e->rate.seen, 0);
	ck_assert_int_eq(e->first.ns, at(100).ns);
	mru_free(m);
}
END_TEST

START_TEST(maxmem_and_maxdepth_bound_the_list)
{
	struct mru_opts by_mem = { .maxmem = 100 }, by_depth = { .maxdepth = 77, .maxmem = 100 }, uncapped = { .maxdepth = -1 };
	struct mru_stats st;
	struct mru *m = list(&by_mem);

	mru_get_stats(m, &st);
	ck_assert_uint_le(st.maxmem, 100 * 1024);
	ck_assert_uint_ge(st.maxmem, 99 * 1024);
	mru_free(m);
	m = list(&by_depth);
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.maxdepth, 77);
	mru_free(m);
	m = list(&uncapped);
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.maxdepth, MRU_DEPTH_MAX);
	mru_free(m);
	m = list(&mru_defaults);
	mru_get_stats(m, &st);
	ck_assert_uint_gt(st.maxdepth, 10000);
	mru_free(m);
}
END_TEST

/* Memory of the process, octets. */
static long
resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert(f != NULL && fscanf(f, "%*d %ld", &pages) == 1);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

START_TEST(memory_is_there_from_the_start_and_comes_in_steps)
{
	struct mru_opts o = { .maxdepth = 200000, .initalloc = 100000, .initmem = 4, .incmem = 1024, .mindepth = 200000, .maxage = -1 };
	long before = resident(), after;
	struct mru *m = list(&o);
	struct mru_stats st;

	after = resident();
	mru_get_stats(m, &st);
	ck_assert_msg(st.mem >= 100000 * sizeof(struct mru_entry) && st.depth == 0, "%zu", st.mem);
	ck_assert_msg(after - before > (long)(90000 * sizeof(struct mru_entry)), "%ld", after - before);
	for (unsigned i = 0; i < 100000; i++) {
		struct mru_sight s = sight_n(i);

		mru_note(m, &s, at(i * 1e-6), 3000, 0);
	}
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.depth, 100000);
	before = (long)st.mem;
	note(m, "2001:db8::1", 1);
	mru_get_stats(m, &st);
	ck_assert_msg((long)st.mem - before > 1000 * 1024 && (long)st.mem - before <= 1024 * 1024, "%ld", (long)st.mem - before);
	mru_free(m);
	o = (struct mru_opts){ .maxdepth = 10, .initmem = INT64_MAX, .incalloc = INT64_MAX };
	m = list(&o);
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.mem, st.maxmem);
	mru_free(m);
}
END_TEST

/* SRV-04: a million strangers in ten seconds, and one whom we know, who polls once a second. */
START_TEST(a_million_strangers_stay_within_bounds)
{
	uint64_t dice = chance_seed("mru flood");
	struct mru *m = list(&mru_defaults);
	struct mru_stats st;
	uint64_t walked = 0, counted = 0;

	for (int i = 0; i < 1000000; i++) {
		struct mru_sight s = sight_n(1000 + chance(&dice));

		if (i % 2 == 0) {
			s.addr.family = 6;
			s.addr.ip[7] = (uint8_t)chance(&dice);
		}
		mru_note(m, &s, at(i * 1e-5), 3000, chance(&dice));
		if (i % 100000 == 50000)	/* by then the list is full, of others */
			ck_assert_ptr_nonnull(note(m, "192.0.2.1", i * 1e-5));
	}
	ck_assert_uint_eq(known(m, sight("192.0.2.1"))->count, 10);
	mru_get_stats(m, &st);
	ck_assert_uint_eq(st.depth, st.maxdepth);
	ck_assert_uint_le(st.mem, 1024 * 1024);
	ck_assert_uint_eq(st.exists + st.added + st.recycled_old + st.recycled_full + st.none, 1000010);
	for (const struct mru_entry *e = mru_oldest(m); e != NULL; e = mru_newer(m, e)) {
		walked++;
		counted += e->count;
	}
	ck_assert_uint_eq(walked, st.depth);
	ck_assert_uint_le(counted, st.exists + st.added + st.recycled_old + st.recycled_full);
	/* A stranger turns out the oldest, of age t, with p = t / 3000 s: over 10^6 of them in 10 s that makes 1667; sigma is 41. */
	ck_assert_uint_ge(st.recycled_full, 1667 - 6 * 41);
	ck_assert_uint_le(st.recycled_full, 1667 + 6 * 41);
	mru_free(m);
}
END_TEST

/* --- a plain array, as oracle --- */

#define MODEL_MAX	40

struct model_entry { uint32_t ip; double last; uint64_t count; };
struct model { struct model_entry v[MODEL_MAX]; size_t n; };	/* oldest first */

static void
model_append(struct model *md, struct model_entry e)
{
	md->v[md->n++] = e;
}

static struct model_entry
model_take(struct model *md, size_t i)
{
	struct model_entry e = md->v[i];

	md->n--;
	memmove(md->v + i, md->v + i + 1, (md->n - i) * sizeof(e));
	return e;
}

static uint64_t
model_note(struct model *md, const struct mru_opts *o, uint32_t ip, double t, double monitor, uint32_t dice)
{
	struct model_entry e;

	for (size_t i = 0; i < md->n; i++)
		if (md->v[i].ip == ip) {
			e = model_take(md, i);
			e.last = t;
			e.count++;
			model_append(md, e);
			return e.count;
		}
	if (md->n >= (size_t)o->mindepth) {
		double age = t - md->v[0].last;

		if (age > o->maxage || (md->n == (size_t)o->maxdepth && age >= o->minage && age > monitor * dice * 0x1p-32))
			model_take(md, 0);
		else if (md->n == (size_t)o->maxdepth)
			return 0;
	}
	model_append(md, (struct model_entry){ ip, t, 1 });
	return 1;
}

START_TEST(a_million_notes_agree_with_a_plain_array)
{
	uint64_t dice = chance_seed("mru model");
	struct mru_opts o = { .maxdepth = MODEL_MAX, .mindepth = 10, .maxage = 40, .minage = 5 };
	struct mru *m = list(&o);
	struct model md = { .n = 0 };
	double t = 0;

	for (int i = 0; i < 1000000; i++) {
		uint32_t ip = chance(&dice) % 64, roll = chance(&dice);
		struct mru_sight s = sight_n(ip);
		struct mru_entry *e;
		uint64_t want;

		/* Quiet and busy hours, in quarters of a second so that both sides compute alike. */
		t += chance(&dice) % (i / 1000 % 2 == 0 ? 16 : 2) * 0.25;
		want = model_note(&md, &o, ip, t, 30, roll);
		e = mru_note(m, &s, at(t), 30, roll);
		ck_assert_uint_eq(e == NULL ? 0 : e->count, want);
		if (md.n > 0) {
			uint32_t oldest;

			memcpy(&oldest, mru_oldest(m)->addr.ip, sizeof(oldest));
			ck_assert_uint_eq(oldest, md.v[0].ip);
		}
	}
	mru_free(m);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mru");
	TCase *tc = tcase_create("mru");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, an_entry_tells_who_asked_when_and_how_often);
	tcase_add_test(tc, an_entry_tells_which_address_of_ours_was_asked);
	tcase_add_test(tc, the_score_of_a_steady_client_comes_to_its_rate_and_falls_when_it_rests);
	tcase_add_test(tc, slots_in_use_are_counted_as_entries_come_and_are_made_anew);
	tcase_add_test(tc, ports_do_not_make_new_entries);
	tcase_add_test(tc, an_ipv6_64_is_one_source_but_link_local_hosts_are_many);
	tcase_add_test(tc, the_same_octets_in_two_families_are_two_sources);
	tcase_add_test(tc, walking_goes_by_age_both_ways);
	tcase_add_test(tc, below_mindepth_nobody_is_recycled);
	tcase_add_test(tc, a_negative_maxage_never_recycles_by_age);
	tcase_add_test(tc, a_full_list_recycles_with_a_probability_of_age_by_monitor);
	tcase_add_test(tc, minage_protects_a_full_list);
	tcase_add_test(tc, a_recycled_entry_remembers_nothing);
	tcase_add_test(tc, maxmem_and_maxdepth_bound_the_list);
	tcase_add_test(tc, memory_is_there_from_the_start_and_comes_in_steps);
	tcase_add_test(tc, a_million_strangers_stay_within_bounds);
	tcase_add_test(tc, a_million_notes_agree_with_a_plain_array);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
