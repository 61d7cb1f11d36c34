/* SPDX-License-Identifier: BSD-2-Clause */
/* The MRU list on its own: what a request may say, where an answer starts and ends, and that it fits the datagrams asked for. */
#include "control/mrulist.h"
#include "fixture.h"

#define NONCE	"0123456789abcdef0123456789abcdef"

static bool
parse(struct mrulist_request *rq, const char *text)
{
	return mrulist_parse(rq, text, strlen(text));
}

/* n entries, one each second from 2000 s on; IPv6 ones with the longest addresses there are. */
static struct mru *
list_of(size_t n, int family)
{
	static const struct mru_key key = { { 3, 4 } };
	struct mru_opts o = mru_defaults;
	struct mru *m;

	o.maxdepth = 10000;
	o.maxage = -1;
	m = mru_new(&o, &key);
	ck_assert_ptr_nonnull(m);
	for (size_t i = 0; i < n; i++) {
		struct mru_sight s = { .addr = v4(10, 1, (uint8_t)(i >> 8), (uint8_t)i, (uint16_t)(10000 + i)), .flags = 0xffff, .version = 7, .mode = 7 };
		struct mru_entry *e;

		if (family == 6) {
			memset(s.addr.ip, 0xff, sizeof(s.addr.ip));
			s.addr.ip[0] = 0xfd;
			s.addr.ip[6] = (uint8_t)(0xf0 | i >> 8);
			s.addr.ip[7] = (uint8_t)i;
			s.addr.family = 6;
			s.addr.scope = UINT32_MAX;
		}
		e = mru_note(m, &s, (struct monotime){ S(2000 + i) }, 3, 0);
		ck_assert_ptr_nonnull(e);
		if (family == 6) {
			e->count = UINT64_MAX;
			e->dropped = UINT32_MAX;
		}
	}
	return m;
}

/* The answer to a request without its nonce, NUL terminated; NULL if there is nothing to go on from. */
static const char *
answer(const struct mru *m, const char *request, char *buf, size_t *len)
{
	struct mrus one = { .list = { m }, .n = m != NULL };
	struct mrulist_frame f = { .mrus = &one, .now = { S(9000) }, .ahead_ns = S(1000000), .nonce = NONCE };
	struct mrulist_request rq;
	struct text t;

	ck_assert_msg(parse(&rq, request), "%s", request);
	text_init(&t, buf, MRULIST_TEXT_MAX + 1);
	if (!mrulist_put(&t, &rq, &f))
		return NULL;
	ck_assert(!t.full);
	buf[t.len] = '\0';
	*len = t.len;
	return buf;
}

/* "0x….00000000" of a second of monotime as the list shows it. */
static const char *
stamp(unsigned mono, char out[static 20])
{
	snprintf(out, 20, "0x%08x.00000000", mono + 1000000 + NTP_UNIX_EPOCH);
	return out;
}

START_TEST(a_request_is_read_whole)
{
	struct mrulist_request rq;

	ck_assert(parse(&rq, "nonce=" NONCE ", frags=32, limit=1000, mincount=2, mindrop=3, recent=4, resall=0x40, resany=0xFfFf, maxlstint=5,"
	    " minlstint=6, minscore=0.25, laddr=[2001:db8::7]:123, addr.0=192.0.2.1:123, last.0=0xeeadcadd.1d38de24, last.1=0x00000001.00000002, addr.1=[2001:db8::1]:0"));
	ck_assert_uint_eq(rq.nonce_len, 32);
	ck_assert_mem_eq(rq.nonce, NONCE, 32);
	ck_assert_uint_eq(rq.frags, 32);
	ck_assert_uint_eq(rq.limit, 1000);
	ck_assert_uint_eq(rq.mincount, 2);
	ck_assert_uint_eq(rq.mindrop, 3);
	ck_assert_uint_eq(rq.recent, 4);
	ck_assert_uint_eq(rq.resall, 0x40);
	ck_assert_uint_eq(rq.resany, 0xffff);
	ck_assert_double_eq(rq.maxlstint, 5);
	ck_assert_double_eq(rq.minlstint, 6);
	ck_assert_double_eq(rq.minscore, 0.25);
	ck_assert_uint_eq(rq.local.family, 6);
	ck_assert_uint_eq(rq.local.ip[15], 7);
	ck_assert_uint_eq(rq.local.port, 0);
	ck_assert_uint_eq(rq.nknown, 2);
	ck_assert_uint_eq(rq.known[0].addr.port, 123);
	ck_assert_uint_eq(rq.known[0].addr.family, 4);
	ck_assert_uint_eq(rq.known[0].last.raw, 0xeeadcadd1d38de24u);
	ck_assert_uint_eq(rq.known[1].addr.family, 6);
	ck_assert_uint_eq(rq.known[1].last.raw, 0x0000000100000002u);
}
END_TEST

START_TEST(what_is_not_said_bounds_nothing)
{
	struct mrulist_request rq;

	ck_assert(parse(&rq, "frags=1"));
	ck_assert_ptr_null(rq.nonce);
	ck_assert_double_lt(rq.maxlstint, 0);
	ck_assert_uint_eq(rq.limit | rq.resall | rq.resany | rq.nknown, 0);
	ck_assert_uint_eq(rq.mincount | rq.mindrop | rq.recent, 0);
}
END_TEST

START_TEST(bounds_are_kept_at_both_ends)
{
	static const struct { const char *text; bool good; } rows[] = {
		{ "frags=1", true }, { "frags=128", true }, { "frags=0", false }, { "frags=129", false }, { "limit=1", true }, { "limit=256", true },
		{ "limit=0", false }, { "limit=257", false }, { "frags=1, limit=257", true }, { "frags=1, limit=4294967295", true },
		{ "frags=1, limit=4294967296", false }, { "frags=18446744073709551617", false }, { "frags=1, mincount=4294967295", true },
		{ "frags=1, mincount=4294967296", false }, { "frags=+1", false }, { "frags= 1", true }, { "frags=0x1", false }, { "frags=1e1", false },
		{ "limit=-4294967295", false }, { "frags=1, frags=2", true }, { "frags=1, resany=0xffff", true }, { "frags=1, resany=0x10000", false },
		{ "frags=1, resany=0x", false }, { "frags=1, resany=40", false }, { "FRAGS=1", false }, { "frags=1, laddr=192.0.2.1", true }, { "frags=1, laddr=::1", true },
		{ "frags=1, laddr=localhost", false }, { "frags=1, laddr=", false }, { "frags=1, minscore=1", true }, { "frags=1, minscore=-1", false },
		{ "frags=1, minscore=1.2.3", false }, { "frags=1, minscore=nan", false }, { "frags=1, nonce", false },
	};
	struct mrulist_request rq;

	for (size_t i = 0; i < NELEMS(rows); i++)
		ck_assert_msg(parse(&rq, rows[i].text) == rows[i].good, "%s", rows[i].text);
}
END_TEST

START_TEST(what_is_not_known_is_passed_over)
{
	struct mrulist_request rq;

	ck_assert(parse(&rq, "colour=green, frags=7, maxlstint2=9, shape, a_name_that_is_longer_than_any_that_there_is_here=1, mincount=3"));
	ck_assert_uint_eq(rq.frags, 7);
	ck_assert_uint_eq(rq.mincount, 3);
	ck_assert_double_lt(rq.maxlstint, 0);
}
END_TEST

START_TEST(rows_are_chosen_by_the_address_that_was_asked_and_by_score)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(0, 4);
	size_t len;

	for (unsigned i = 0; i < 4; i++) {
		struct mru_sight s = { .addr = v4(10, 1, 0, (uint8_t)i, 123), .local = v4(192, 0, 2, (uint8_t)(i / 2), 0), .decay = 20, .version = 4, .mode = 3 };

		for (unsigned k = 0; k <= 10 * i; k++)
			ck_assert_ptr_nonnull(mru_note(m, &s, (struct monotime){ S(2000 + i) }, 3, 0));
	}
	ck_assert_ptr_nonnull(answer(m, "frags=9, laddr=192.0.2.1", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.2:123"));
	ck_assert_ptr_nonnull(strstr(buf, "addr.1=10.1.0.3:123"));
	ck_assert_ptr_null(strstr(buf, "addr.2="));
	ck_assert_ptr_nonnull(answer(m, "frags=9, laddr=192.0.2.9", buf, &len));
	ck_assert_ptr_null(strstr(buf, "addr.0="));
	ck_assert_ptr_nonnull(strstr(buf, "now="));
	ck_assert_ptr_nonnull(answer(m, "frags=9, minscore=0.5", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.1:123"));
	ck_assert_ptr_nonnull(strstr(buf, "sc.0=0.550"));
	ck_assert_ptr_nonnull(strstr(buf, "sc.2=1.550"));
	ck_assert_ptr_nonnull(answer(m, "frags=9, minscore=1.1, laddr=192.0.2.1, mincount=22", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.3:123"));
	ck_assert_ptr_null(strstr(buf, "addr.1="));
	mru_free(m);
}
END_TEST

START_TEST(sixteen_pairs_are_read_and_no_seventeenth)
{
	struct mrulist_request rq;
	char text[1600];
	size_t len = (size_t)snprintf(text, sizeof(text), "frags=1");

	for (unsigned i = 0; i < MRULIST_KNOWN_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", addr.%u=10.0.0.%u:123, last.%u=0x00000001.0000000a", i, i, i);
	ck_assert(parse(&rq, text));
	ck_assert_uint_eq(rq.nknown, MRULIST_KNOWN_MAX);
	ck_assert_uint_eq(rq.known[15].addr.ip[3], 15);
	snprintf(text + len, sizeof(text) - len, ", addr.16=10.0.0.1:123, last.16=0x00000001.00000000");
	ck_assert(!parse(&rq, text));
}
END_TEST

START_TEST(a_nonce_is_found_even_in_a_bad_request)
{
	struct mrulist_request rq;

	ck_assert(!parse(&rq, "nonce=" NONCE ", frags=0"));
	ck_assert_ptr_nonnull(rq.nonce);
	ck_assert_uint_eq(rq.nonce_len, 32);
	ck_assert(!parse(&rq, "frags=0, nonce=" NONCE));
	ck_assert_ptr_nonnull(rq.nonce);
	ck_assert(!parse(&rq, ""));
	ck_assert_ptr_null(rq.nonce);
}
END_TEST

START_TEST(without_pairs_the_oldest_comes_first)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(3, 4);
	size_t len;

	ck_assert_ptr_nonnull(answer(m, "frags=8", buf, &len));
	ck_assert_mem_eq(buf, "nonce=" NONCE ", addr.0=10.1.0.0:10000,", 6 + 32 + 24);
	ck_assert_ptr_nonnull(strstr(buf, "addr.2=10.1.0.2:10002"));
	ck_assert_ptr_null(strstr(buf, "older"));
	ck_assert_mem_eq(buf + len - 2, "\r\n", 2);
	mru_free(m);
}
END_TEST

START_TEST(the_first_pair_that_is_unchanged_is_the_starting_point)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(5, 4);
	char request[400], s2[20], s3[20], older[80];
	size_t len;

	stamp(2002, s2);
	stamp(2003, s3);
	/* The newest offered has another time by now, the next one another port; the third is as it was. */
	snprintf(request, sizeof(request), "frags=8, addr.0=10.1.0.4:10004, last.0=%s, addr.1=10.1.0.3:9, last.1=%s, addr.2=10.1.0.2:10002, last.2=%s",
	    s3, s3, s2);
	ck_assert_ptr_nonnull(answer(m, request, buf, &len));
	snprintf(older, sizeof(older), "last.older=%s, addr.older=10.1.0.2:10002", s2);
	ck_assert_mem_eq(buf, older, strlen(older));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.3:10003"));
	ck_assert_ptr_nonnull(strstr(buf, "addr.1=10.1.0.4:10004"));
	ck_assert_ptr_null(strstr(buf, "addr.2="));
	mru_free(m);
}
END_TEST

START_TEST(no_pair_unchanged_is_no_starting_point)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(2, 4);
	size_t len;

	ck_assert_ptr_null(answer(m, "frags=8, addr.0=10.1.0.1:10001, last.0=0x00000001.00000000", buf, &len));
	ck_assert_ptr_null(answer(m, "frags=8, addr.0=10.9.9.9:10001, last.0=0x00000001.00000000", buf, &len));
	ck_assert_ptr_null(answer(NULL, "frags=8, addr.0=10.1.0.1:10001, last.0=0x00000001.00000000", buf, &len));
	mru_free(m);
}
END_TEST

START_TEST(behind_the_newest_there_is_only_the_end)
{
	static char buf[MRULIST_TEXT_MAX + 1], want[300];
	struct mru *m = list_of(2, 4);
	char request[120], s1[20], now[20];
	size_t len;

	stamp(2001, s1);
	stamp(9000, now);
	snprintf(request, sizeof(request), "frags=8, addr.0=10.1.0.1:10001, last.0=%s", s1);
	ck_assert_ptr_nonnull(answer(m, request, buf, &len));
	snprintf(want, sizeof(want), "last.older=%s, addr.older=10.1.0.1:10001,\r\nnonce=" NONCE ", now=%s\r\n", s1, now);
	ck_assert_str_eq(buf, want);
	mru_free(m);
}
END_TEST

START_TEST(only_the_last_answer_names_now_and_the_newest)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(4, 4);
	char newest[40], s3[20];
	size_t len;

	ck_assert_ptr_nonnull(answer(m, "limit=3", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.2="));
	ck_assert_ptr_null(strstr(buf, "addr.3="));
	ck_assert_ptr_null(strstr(buf, "now="));
	ck_assert_ptr_null(strstr(buf, "last.newest="));
	ck_assert_ptr_nonnull(answer(m, "limit=4", buf, &len));
	snprintf(newest, sizeof(newest), "last.newest=%s\r\n", stamp(2003, s3));
	ck_assert_str_eq(buf + len - strlen(newest), newest);
	ck_assert_ptr_nonnull(strstr(buf, "now="));
	mru_free(m);
}
END_TEST

START_TEST(recent_starts_that_many_from_the_newest)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(4, 4);
	size_t len;

	ck_assert_ptr_nonnull(answer(m, "frags=8, recent=1", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.3:10003"));
	ck_assert_ptr_null(strstr(buf, "addr.1="));
	ck_assert_ptr_nonnull(answer(m, "frags=8, recent=3", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.1:10001"));
	ck_assert_ptr_nonnull(answer(m, "frags=8, recent=4294967295", buf, &len));
	ck_assert_ptr_nonnull(strstr(buf, "addr.0=10.1.0.0:10000"));
	mru_free(m);
}
END_TEST

/* Datagrams that text makes when it is cut where items end. */
static unsigned
datagrams(char *buf, size_t len)
{
	struct text t = { .buf = buf, .cap = len + 1, .len = len };
	unsigned n = 0;
	bool quoted = false;

	for (size_t at = 0; at < len; n++)
		at += text_cut(&t, at, CONTROL_DATA_MAX, &quoted);
	return n;
}

START_TEST(answers_of_the_longest_rows_fit_the_datagrams_asked_for_and_get_on)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *m = list_of(1500, 6);
	const struct mru_entry *e = mru_oldest(m);
	char addr[ADDR_STR_MAX], last[20], request[200];
	size_t len;

	stamp(2000, last);
	for (unsigned frags = 1; frags <= MRULIST_FRAGS_MAX; frags++) {
		snprintf(request, sizeof(request), "frags=%u, addr.0=%s, last.0=%s", frags, addr_port_str(&e->addr, addr, sizeof(addr)), last);
		ck_assert_ptr_nonnull(answer(m, request, buf, &len));
		ck_assert_ptr_nonnull(strstr(buf, "addr.0="));
		ck_assert_uint_le(datagrams(buf, len), frags);
		/* Nor are they wasted: rows were given up only for what cutting may cost, a sixth of each. */
		ck_assert_uint_ge(datagrams(buf, len) + 2 + frags / 6, frags);
	}
	ck_assert_ptr_nonnull(answer(m, "limit=256", buf, &len));
	ck_assert_uint_le(datagrams(buf, len), MRULIST_FRAGS_MAX);
	mru_free(m);
}
END_TEST

static uint64_t
power_of_ten(size_t n)
{
	uint64_t p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

static void
set_counts(const struct mru *m, uint64_t oldest, uint64_t newest)
{
	/* The list gives its entries to be read; here they are made to look as after so many packets. */
	((struct mru_entry *)(uintptr_t)mru_oldest(m))->count = oldest;
	((struct mru_entry *)(uintptr_t)mru_newest(m))->count = newest;
}

/* Of every length that two rows can have, some leave room for the rows and none for now= and last.newest=. */
START_TEST(the_end_of_the_list_fits_the_datagram_too)
{
	static char buf[MRULIST_TEXT_MAX + 1];
	struct mru *const lists[] = { list_of(2, 4), list_of(2, 6), list_of(1, 6) };
	struct mru_sight four = { .addr = v4(10, 1, 2, 3, 40000), .version = 4, .mode = 3 };
	size_t len, longest = 0;

	ck_assert_ptr_nonnull(mru_note(lists[2], &four, (struct monotime){ S(3000) }, 3, 0));
	for (size_t i = 0; i < 20 * 20 * NELEMS(lists); i++) {
		struct mru *m = lists[i % NELEMS(lists)];
		size_t digits = i / NELEMS(lists);

		set_counts(m, power_of_ten(digits % 20), power_of_ten(digits / 20));
		ck_assert_ptr_nonnull(answer(m, "frags=1", buf, &len));
		ck_assert_uint_eq(datagrams(buf, len), 1);
		longest = len > longest ? len : longest;
	}
	for (size_t i = 0; i < NELEMS(lists); i++)
		mru_free(lists[i]);
	ck_assert_uint_gt(longest, CONTROL_DATA_MAX - 90);
}
END_TEST

UNIT_MAIN("control/mrulist", a_request_is_read_whole, what_is_not_said_bounds_nothing, bounds_are_kept_at_both_ends,
    what_is_not_known_is_passed_over, rows_are_chosen_by_the_address_that_was_asked_and_by_score,
    sixteen_pairs_are_read_and_no_seventeenth, a_nonce_is_found_even_in_a_bad_request, without_pairs_the_oldest_comes_first,
    the_first_pair_that_is_unchanged_is_the_starting_point, no_pair_unchanged_is_no_starting_point, behind_the_newest_there_is_only_the_end,
    only_the_last_answer_names_now_and_the_newest, recent_starts_that_many_from_the_newest,
    answers_of_the_longest_rows_fit_the_datagrams_asked_for_and_get_on, the_end_of_the_list_fits_the_datagram_too)
