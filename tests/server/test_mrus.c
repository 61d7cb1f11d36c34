/* SPDX-License-Identifier: BSD-2-Clause */
/* Several MRU lists read as one: in order, whole, and from any entry on. */
#include <string.h>

#include "chance.h"
#include "server/mrus.h"
#include "../unit.h"

#define LISTS	3
#define ADDRS	500
#define NOTES	4000

/* The lists, and the same addresses in the order of their last packets. */
struct crowd {
	struct mrus	 all;
	struct mru	*own[LISTS];
	uint32_t	 order[ADDRS];	/* oldest first */
	size_t		 n;
	uint64_t	 dice;
};

static struct addr
addr_of(uint32_t n)
{
	return (struct addr){ .family = 4, .ip = { 10, 0, (uint8_t)(n >> 8), (uint8_t)n }, .port = 123 };
}

static uint32_t
number_of(const struct mru_entry *e)
{
	return (uint32_t)e->addr.ip[2] << 8 | e->addr.ip[3];
}

static void
crowd_note(struct crowd *c, uint32_t n, struct monotime now)
{
	struct mru_sight s = { .addr = addr_of(n), .version = 4, .mode = 3 };
	size_t at = 0;

	ck_assert_ptr_nonnull(mru_note(c->own[n % LISTS], &s, now, 3, 0));
	while (at < c->n && c->order[at] != n)
		at++;
	if (at < c->n)
		memmove(c->order + at, c->order + at + 1, (--c->n - at) * sizeof(c->order[0]));
	c->order[c->n++] = n;
}

static void
crowd_init(struct crowd *c, const char *name)
{
	struct mru_opts o = mru_defaults;
	struct mru_key key = { { 1, 2 } };

	*c = (struct crowd){ .all.n = LISTS, .dice = chance_seed(name) };
	o.maxdepth = 1000;
	o.maxage = -1;
	for (size_t i = 0; i < LISTS; i++) {
		c->own[i] = mru_new(&o, &key);
		ck_assert_ptr_nonnull(c->own[i]);
		c->all.list[i] = c->own[i];
	}
	for (int i = 0; i < NOTES; i++)
		crowd_note(c, chance(&c->dice) % ADDRS, (struct monotime){ (int64_t)1000 + i });
}

static void
crowd_free(struct crowd *c)
{
	for (size_t i = 0; i < LISTS; i++)
		mru_free(c->own[i]);
}

/* The walk must give order[from …] and nothing else. */
static void
expect_walk(const struct crowd *c, struct mrus_walk *w, size_t from)
{
	for (size_t i = from; i < c->n; i++) {
		ck_assert_ptr_nonnull(mrus_peek(w));
		ck_assert_uint_eq(number_of(mrus_peek(w)), c->order[i]);
		mrus_step(w);
	}
	ck_assert_ptr_null(mrus_peek(w));
	mrus_step(w);
	ck_assert_ptr_null(mrus_peek(w));
}

START_TEST(a_walk_meets_every_entry_from_the_oldest_to_the_newest)
{
	static struct crowd c;
	struct mrus_walk w;

	crowd_init(&c, "mrus walk");
	mrus_oldest(&w, &c.all);
	expect_walk(&c, &w, 0);
	crowd_free(&c);
}
END_TEST

START_TEST(a_recent_walk_begins_so_many_before_the_end)
{
	static struct crowd c;
	struct mrus_walk w;

	crowd_init(&c, "mrus recent");
	for (size_t n = 1; n <= c.n + 2; n++) {
		mrus_recent(&w, &c.all, n);
		expect_walk(&c, &w, n > c.n ? 0 : c.n - n);
	}
	crowd_free(&c);
}
END_TEST

/* With none, one and up to 15 older places known beside the newest. */
START_TEST(a_walk_goes_on_after_what_is_known)
{
	static struct crowd c;
	struct mrus_place known[16];
	struct mrus_walk w;

	crowd_init(&c, "mrus after");
	for (size_t at = 0; at < c.n; at++) {
		size_t n = 0, most = 1 + chance(&c.dice) % 16;

		for (size_t k = at + 1; k-- > 0 && n < most;) {
			struct addr a = addr_of(c.order[k]);

			ck_assert(mrus_find(&c.all, &a, &known[n++]));
		}
		mrus_after(&w, &c.all, known, n);
		expect_walk(&c, &w, at + 1);
	}
	crowd_free(&c);
}
END_TEST

/* Packets of one batch have one time. */
START_TEST(equal_times_lose_and_double_nothing)
{
	static struct crowd c;
	struct mrus_walk w;
	bool met[ADDRS];

	crowd_init(&c, "mrus equal");
	for (uint32_t n = 0; n < ADDRS; n++)
		crowd_note(&c, n, (struct monotime){ 1000000 });
	for (uint32_t n = 0; n < ADDRS; n++) {
		struct addr a = addr_of(n);
		struct mrus_place from;
		size_t before = 0, after = 0;

		ck_assert(mrus_find(&c.all, &a, &from));
		memset(met, 0, sizeof(met));
		for (mrus_oldest(&w, &c.all); mrus_peek(&w) != from.e; mrus_step(&w), before++)
			met[number_of(mrus_peek(&w))] = true;
		met[n] = true;
		for (mrus_after(&w, &c.all, &from, 1); mrus_peek(&w) != NULL; mrus_step(&w), after++) {
			ck_assert(!met[number_of(mrus_peek(&w))]);
			met[number_of(mrus_peek(&w))] = true;
		}
		ck_assert_uint_eq(before + 1 + after, ADDRS);
	}
	crowd_free(&c);
}
END_TEST

START_TEST(figures_are_those_of_all_lists)
{
	static struct crowd c;
	struct mru_stats sum, one;
	struct mrus none = { .n = 0 };
	struct mrus_walk w;

	crowd_init(&c, "mrus figures");
	mrus_get_stats(&c.all, &sum);
	mru_get_stats(c.own[0], &one);
	mrus_oldest(&w, &c.all);
	ck_assert_uint_eq(sum.depth, c.n);
	ck_assert_uint_eq(sum.added, c.n);
	ck_assert_uint_eq(sum.exists, NOTES - c.n);
	ck_assert_uint_eq(sum.maxdepth, 3 * one.maxdepth);
	ck_assert_uint_eq(sum.maxmem, 3 * one.maxmem);
	ck_assert_int_eq(sum.oldest.ns, mrus_peek(&w)->last.ns);
	mrus_get_stats(&none, &sum);
	ck_assert_uint_eq(sum.depth + sum.maxdepth, 0);
	ck_assert_int_eq(sum.oldest.ns, 0);
	mrus_oldest(&w, &none);
	ck_assert_ptr_null(mrus_peek(&w));
	crowd_free(&c);
}
END_TEST

UNIT_MAIN("server/mrus", a_walk_meets_every_entry_from_the_oldest_to_the_newest, a_recent_walk_begins_so_many_before_the_end,
    a_walk_goes_on_after_what_is_known, equal_times_lose_and_double_nothing, figures_are_those_of_all_lists)
