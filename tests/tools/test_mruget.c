/* SPDX-License-Identifier: BSD-2-Clause */
/* Copying an MRU list from a server that answers in pieces, honest and otherwise. */
#include "base/must_use.h"
#include "suite.h"
#include "tools/mru.h"

#define REQUEST_LEN	600

static struct mruget m;

static void
setup(void)
{
	ck_assert(mruget_init(&m));
}

static void
teardown(void)
{
	mruget_free(&m);
}

static enum mruget_result
take(const char *text)
{
	struct vars v = vars_of(text);

	return mruget_take(&m, &v);
}

static const char *
request(const char *filters, char buf[static REQUEST_LEN])
{
	struct strb t = strb_init(buf, REQUEST_LEN);

	mruget_request(&m, filters, &t);
	return buf;
}

/* Addresses from the newest row to the oldest, last octets alone. */
static const char *
order(void)
{
	static char buf[400];
	struct strb t = strb_init(buf, sizeof(buf));
	size_t n = 0;

	for (uint32_t i = m.newest; n < m.n; i = m.rows[i].older, n++)
		strb_add(&t, "%s%u", n > 0 ? " " : "", m.rows[i].addr.ip[3]);
	return buf;
}

#define ROW(i, last)	"addr." #i "=192.0.2." #last ":123, last." #i "=0xe0000000.000000" #last ", ct." #i "=" #last ", "

START_TEST(rows_come_in_the_order_of_their_last_packets)
{
	ck_assert_int_eq(take("nonce=aa, " ROW(0, 10) ROW(1, 11) ROW(2, 12)), MRUGET_MORE);
	ck_assert_int_eq(take("nonce=ab, " ROW(0, 13) "now=0xe0000001.00000000, last.newest=0xe0000000.00000013"), MRUGET_DONE);
	ck_assert_str_eq(order(), "13 12 11 10");
	ck_assert_uint_eq(m.now.raw >> 32, 0xe0000001);
	ck_assert_uint_eq(m.rows[m.newest].count, 13);
}
END_TEST

START_TEST(a_row_that_comes_again_moves_to_the_newest_end)
{
	ck_assert_int_eq(take("nonce=aa, " ROW(0, 10) ROW(1, 11) ROW(2, 12)), MRUGET_MORE);
	ck_assert_int_eq(take("nonce=ab, addr.0=192.0.2.10:123, last.0=0xe0000009.00000000, ct.0=99"), MRUGET_MORE);
	ck_assert_str_eq(order(), "10 12 11");
	ck_assert_uint_eq(m.rows[m.newest].count, 99);
	ck_assert_uint_eq(m.updates, 1);
	ck_assert_uint_eq(m.n, 3);
}
END_TEST

START_TEST(another_port_is_another_row)
{
	ck_assert_int_eq(take("nonce=aa, " ROW(0, 10) "addr.1=192.0.2.10:124, last.1=0xe0000000.00000010"), MRUGET_MORE);
	ck_assert_uint_eq(m.n, 2);
}
END_TEST

START_TEST(a_request_names_what_is_known_newest_first)
{
	char buf[REQUEST_LEN];

	ck_assert(mruget_wants_nonce(&m));
	ck_assert_int_eq(take("nonce=aa, " ROW(0, 10) ROW(1, 11)), MRUGET_MORE);
	ck_assert_str_eq(request("mincount=2", buf), "nonce=aa, frags=32, mincount=2, addr.0=192.0.2.11:123, last.0=0xe0000000.00000011, "
	    "addr.1=192.0.2.10:123, last.1=0xe0000000.00000010");
}
END_TEST

START_TEST(a_request_never_outgrows_its_datagram)
{
	char buf[REQUEST_LEN];

	for (unsigned i = 0; i < 40; i++) {
		char text[200];

		snprintf(text, sizeof(text), "nonce=aa, addr.0=[2001:db8:1111:2222:3333:4444:5555:%x]:12345, last.0=0xe0000000.%08x", i + 1, i);
		ck_assert_int_eq(take(text), MRUGET_MORE);
	}
	ck_assert_uint_le(strlen(request("laddr=2001:db8:1111:2222:3333:4444:5555:6666, mincount=1000", buf)), CONTROL_DATA_MAX);
	ck_assert_ptr_nonnull(strstr(buf, "addr.1="));
}
END_TEST

START_TEST(a_nonce_is_used_four_times_at_most)
{
	char buf[REQUEST_LEN];

	ck_assert(mruget_take_nonce(&m, &(struct vars){ "nonce=ee", 8 }));
	for (int i = 0; i < 4; i++) {
		ck_assert(!mruget_wants_nonce(&m));
		request("", buf);
	}
	ck_assert(mruget_wants_nonce(&m));
	ck_assert(!mruget_take_nonce(&m, &(struct vars){ "nonce=\"a,b\"", 11 }));
	ck_assert(!mruget_take_nonce(&m, &(struct vars){ "none=1", 6 }));
}
END_TEST

START_TEST(rows_the_server_forgot_give_way_to_older_ones)
{
	char buf[REQUEST_LEN], text[200];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "nonce=aa, addr.0=192.0.2.%u:123, last.0=0xe0000000.%08x", i, i);
		ck_assert_int_eq(take(text), MRUGET_MORE);
	}
	ck_assert_int_eq(mruget_unknown(&m), MRUGET_MORE);
	ck_assert_ptr_nonnull(strstr(request("", buf), "addr.0=192.0.2.3:123"));
	ck_assert_int_eq(mruget_unknown(&m), MRUGET_MORE);	/* none is left: from the beginning */
	ck_assert_ptr_null(strstr(request("", buf), "addr."));
	for (unsigned i = 2; i <= MRUGET_RESTARTS_MAX; i++)
		ck_assert_int_eq(mruget_unknown(&m), MRUGET_MORE);
	ck_assert_int_eq(mruget_unknown(&m), MRUGET_STUCK);
}
END_TEST

START_TEST(what_gets_lost_is_asked_for_in_smaller_pieces)
{
	char buf[REQUEST_LEN];

	ck_assert_int_eq(take("nonce=aa, " ROW(0, 10)), MRUGET_MORE);
	for (unsigned frags = 16; frags >= 1; frags /= 2) {
		ck_assert_int_eq(mruget_lost(&m), MRUGET_MORE);
		ck_assert(mruget_wants_nonce(&m));
		ck_assert_uint_eq(m.frags, frags);
	}
	ck_assert_int_eq(mruget_lost(&m), MRUGET_STUCK);
	ck_assert_int_eq(take("nonce=ab, " ROW(0, 11)), MRUGET_MORE);
	ck_assert_ptr_nonnull(strstr(request("", buf), "frags=2,"));
}
END_TEST

START_TEST(a_server_that_takes_no_frags_is_asked_for_rows)
{
	char buf[REQUEST_LEN];

	ck_assert_int_eq(mruget_too_much(&m), MRUGET_MORE);
	ck_assert_ptr_nonnull(strstr(request("", buf), "limit=96"));
	for (unsigned limit = 48; limit >= 1; limit /= 2)
		ck_assert_int_eq(mruget_too_much(&m), MRUGET_MORE);
	ck_assert_int_eq(mruget_too_much(&m), MRUGET_STUCK);
}
END_TEST

START_TEST(answers_that_bring_nothing_new_end_it)
{
	enum mruget_result r = MRUGET_MORE;
	unsigned n = 0;

	for (; r == MRUGET_MORE; n++)
		r = take("nonce=aa, " ROW(0, 10) ROW(1, 11));
	ck_assert_int_eq(r, MRUGET_STUCK);
	ck_assert_uint_le(n, 10);
	ck_assert_uint_eq(m.n, 2);
}
END_TEST

START_TEST(what_is_no_row_is_none)
{
	ck_assert_int_eq(take("nonce=aa, addr.0=nowhere:123, last.0=0xe0000000.00000001, addr.1=192.0.2.1:123, last.1=now, addr.2=192.0.2.2:99999, "
	    "last.2=0xe0000000.00000001, last.99999999999999999999=0xe0000000.00000001, addr.=192.0.2.3:1, .=1, addr.3=192.0.2.3:123"), MRUGET_MORE);
	ck_assert_uint_eq(m.n, 0);
}
END_TEST

START_TEST(thousands_of_rows_are_found_again)
{
	char text[200];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5000; i++) {
			snprintf(text, sizeof(text), "nonce=aa, addr.0=10.0.%u.%u:123, last.0=0xe000000%u.%08x", i / 250, i % 250, round, i);
			ck_assert_int_eq(take(text), MRUGET_MORE);
		}
	}
	ck_assert_uint_eq(m.n, 5000);
	ck_assert_uint_eq(m.updates, 5000);
}
END_TEST

START_TEST(a_row_has_the_columns_of_each_layout)
{
	struct mru_view view = { .host = "10.9.0.1", .letter = '.' };
	const struct mru_row *r;

	ck_assert_int_eq(take("nonce=aa, addr.0=10.9.0.1:123, last.0=0xe00000b4.00000000, first.0=0xe0000000.00000000, ct.0=16, mv.0=36, rs.0=0x1d0, "
	    "sc.0=0.750, dr.0=2, now=0xe00000c4.40000000"), MRUGET_DONE);
	r = &m.rows[m.newest];
	view.now = m.now;
	CK_PRINTS("lstint avgint rstr r m v  count rport remote address\n"
	    "==============================================================================\n"
	    "    16     11  1d0 . 4 4     16   123 10.9.0.1\n", {
		mru_put_head(out, LAYOUT_CLASSIC);
		mru_put_row(out, LAYOUT_CLASSIC, r, &view);
	});
	CK_PRINTS(" lstint avgint rstr r m v  count    score   drop rport remote address\n"
	    "=====================================================================\n"
	    "     16     12  1d0 . 4 4     16    0.750      2   123 10.9.0.1\n", {
		mru_put_head(out, LAYOUT_NTPSEC);
		mru_put_row(out, LAYOUT_NTPSEC, r, &view);
	});
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("mruget");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rows_come_in_the_order_of_their_last_packets);
	tcase_add_test(tc, a_row_that_comes_again_moves_to_the_newest_end);
	tcase_add_test(tc, another_port_is_another_row);
	tcase_add_test(tc, a_request_names_what_is_known_newest_first);
	tcase_add_test(tc, a_request_never_outgrows_its_datagram);
	tcase_add_test(tc, a_nonce_is_used_four_times_at_most);
	tcase_add_test(tc, rows_the_server_forgot_give_way_to_older_ones);
	tcase_add_test(tc, what_gets_lost_is_asked_for_in_smaller_pieces);
	tcase_add_test(tc, a_server_that_takes_no_frags_is_asked_for_rows);
	tcase_add_test(tc, answers_that_bring_nothing_new_end_it);
	tcase_add_test(tc, what_is_no_row_is_none);
	tcase_add_test(tc, thousands_of_rows_are_found_again);
	tcase_add_test(tc, a_row_has_the_columns_of_each_layout);
	return run_case("mruget", tc);
}
