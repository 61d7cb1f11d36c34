/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses: reading, printing, masking, and what can be a peer. */
#include <string.h>

#include "base/addr.h"
#include "../unit.h"

static struct addr
parsed(const char *s)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, s, 0), "%s", s);
	return a;
}

START_TEST(what_is_printed_can_be_read_back)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "2001:DB8::1", "2001:db8::1" }, { "[::1]", "::1" }, { "::", "::" },
		{ "::ffff:192.0.2.9", "192.0.2.9" }, { "fe80::1%7", "fe80::1%7" },
	};
	char buf[ADDR_STR_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = parsed(rows[i].in), b;

		ck_assert_str_eq(addr_str(&a, buf, sizeof(buf)), rows[i].out);
		b = parsed(buf);
		ck_assert(addr_equal(&a, &b));
	}
}
END_TEST

START_TEST(what_is_no_address_is_refused_and_nothing_is_written)
{
	static const char *const bad[] = { "", "name", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::1::", "[::1", "fe80::1%", "fe80::1%nosuchif0", "1.2.3.4 ",
		"1.2.3.4/24" };
	struct addr a = { .family = 9 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!addr_parse(&a, bad[i], 0), "%s", bad[i]);
		ck_assert_uint_eq(a.family, 9);
	}
	ck_assert(!addr_parse(&a, "::1", 4));
	ck_assert(!addr_parse(&a, "127.0.0.1", 6));
}
END_TEST

START_TEST(ports_are_printed_with_brackets_where_needed)
{
	struct addr a = parsed("192.0.2.1"), b = parsed("2001:db8::1");
	char buf[ADDR_STR_MAX];

	a.port = b.port = 123;
	ck_assert_str_eq(addr_port_str(&a, buf, sizeof(buf)), "192.0.2.1:123");
	ck_assert_str_eq(addr_port_str(&b, buf, sizeof(buf)), "[2001:db8::1]:123");
}
END_TEST

START_TEST(sockaddrs_go_both_ways)
{
	static const char *const text[] = { "192.0.2.1", "2001:db8::1", "fe80::1%3" };
	struct sockaddr_storage ss;

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct addr a = parsed(text[i]), b;

		a.port = 4711;
		ck_assert_uint_gt(addr_to_sockaddr(&a, &ss), 0);
		ck_assert(addr_from_sockaddr(&b, (struct sockaddr *)&ss));
		ck_assert(addr_equal(&a, &b));
		ck_assert_uint_eq(b.scope, a.scope);
	}
}
END_TEST

START_TEST(masks_clear_the_bits_outside)
{
	struct addr a = parsed("192.0.2.129"), m, b = parsed("2001:db8:ffff::1"), want = parsed("2001:db8:8000::");

	addr_mask_bits(&m, 4, 25);
	addr_apply_mask(&a, &m);
	ck_assert(addr_same_host(&a, &(struct addr){ .family = 4, .ip = { 192, 0, 2, 128 } }));
	addr_mask_bits(&m, 6, 33);
	addr_apply_mask(&b, &m);
	ck_assert(addr_same_host(&b, &want));
	addr_mask_bits(&m, 4, 0);
	ck_assert(addr_is_any(&m));
}
END_TEST

START_TEST(some_addresses_cannot_be_a_peer)
{
	static const char *const no[] = { "0.0.0.0", "::", "224.0.1.1", "ff02::101", "255.255.255.255", "240.0.0.1", "0.1.2.3" };
	static const char *const yes[] = { "192.0.2.1", "10.0.0.255", "2001:db8::1", "fe80::1", "127.0.0.1" };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ck_assert_msg(addr_is_unusable(&(struct addr[]){ parsed(no[i]) }[0]), "%s", no[i]);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ck_assert_msg(!addr_is_unusable(&(struct addr[]){ parsed(yes[i]) }[0]), "%s", yes[i]);
	ck_assert(addr_is_unusable(&(struct addr){ 0 }));
	ck_assert(addr_is_refclock(&(struct addr){ .family = 4, .ip = { 127, 127, 28, 0 } }));
}
END_TEST

UNIT_MAIN("base/addr", what_is_printed_can_be_read_back, what_is_no_address_is_refused_and_nothing_is_written,
    ports_are_printed_with_brackets_where_needed, sockaddrs_go_both_ways, masks_clear_the_bits_outside, some_addresses_cannot_be_a_peer)
