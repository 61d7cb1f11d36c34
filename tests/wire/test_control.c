/* SPDX-License-Identifier: BSD-2-Clause */
/* Control headers and variable lists (RFC 9327). */
#include <stdio.h>
#include <string.h>

#include "wire/control.h"
#include "../unit.h"

START_TEST(headers_go_both_ways)
{
	static const uint8_t octets[CONTROL_HEADER_LEN + 4] = { 0xd6, 0xe2, 0x12, 0x34, 0xc0, 0x16, 0xd4, 0xd5, 0x01, 0xd4, 0x00, 0x04, 'a', '=', '1', 0 };
	struct control c;
	uint8_t out[CONTROL_HEADER_LEN];

	ck_assert_int_eq(control_parse(&c, octets, sizeof(octets)), CONTROL_OK);
	ck_assert_uint_eq(c.leap, 3);
	ck_assert_uint_eq(c.version, 2);
	ck_assert(c.response && c.error && c.more);
	ck_assert_uint_eq(c.op, CONTROL_READVAR);
	ck_assert_uint_eq(c.sequence, 0x1234);
	ck_assert_uint_eq(c.status, 0xc016);
	ck_assert_uint_eq(c.associd, 54485);
	ck_assert_uint_eq(c.offset, 468);
	ck_assert_uint_eq(c.count, 4);
	control_build(&c, out);
	ck_assert_mem_eq(out, octets, sizeof(out));
}
END_TEST

START_TEST(counts_beyond_the_datagram_and_odd_lengths_are_told)
{
	uint8_t buf[CONTROL_HEADER_LEN + 4] = { 0x16, 0x02 };
	struct control c;

	for (size_t len = 0; len < CONTROL_HEADER_LEN; len++)
		ck_assert_int_eq(control_parse(&c, buf, len), CONTROL_SHORT);
	ck_assert_int_eq(control_parse(&c, buf, sizeof(buf)), CONTROL_OK);
	for (size_t len = CONTROL_HEADER_LEN + 1; len < sizeof(buf); len++)
		ck_assert_int_eq(control_parse(&c, buf, len), CONTROL_COUNT);
	buf[11] = 5;
	ck_assert_int_eq(control_parse(&c, buf, sizeof(buf)), CONTROL_COUNT);
	buf[10] = buf[11] = 0xff;
	ck_assert_int_eq(control_parse(&c, buf, sizeof(buf)), CONTROL_COUNT);
	buf[0] = 0x1b;
	ck_assert_int_eq(control_parse(&c, buf, sizeof(buf)), CONTROL_NOT_MODE6);
}
END_TEST

/* The items of a list as "name|value;". */
static enum control_list
walk(const char *text, char *out, size_t cap)
{
	const char *p = text, *end = text + strlen(text);
	struct control_item item;
	enum control_list r;
	size_t len = 0;

	out[0] = '\0';
	while ((r = control_next(&p, end, &item)) == LIST_ITEM)
		len += (size_t)snprintf(out + len, cap - len, "%.*s%s%.*s;", (int)item.name_len, item.name, item.value == NULL ? "" : "|",
		    item.value == NULL ? 0 : (int)item.value_len, item.value == NULL ? "" : item.value);
	return r;
}

START_TEST(lists_are_taken_apart)
{
	static const struct { const char *text, *items; } rows[] = {
		{ "", "" }, { "leap", "leap;" }, { "leap,stratum", "leap;stratum;" }, { " leap = 3 , refid=INIT,\r\n", "leap|3;refid|INIT;" },
		{ "version=\"a, b\", x=", "version|a, b;x|;" }, { ",,,a,,", "a;" }, { "filtdelay= 0.1 0.2,", "filtdelay|0.1 0.2;" }, { "a=b=c", "a|b=c;" },
	};
	char out[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(walk(rows[i].text, out, sizeof(out)), LIST_END);
		ck_assert_str_eq(out, rows[i].items);
	}
}
END_TEST

START_TEST(open_quotes_and_unprintable_octets_are_bad)
{
	char out[256];

	ck_assert_int_eq(walk("a=\"b", out, sizeof(out)), LIST_BAD);
	ck_assert_int_eq(walk("a\x01", out, sizeof(out)), LIST_BAD);
	ck_assert_int_eq(walk("ok,b\x7f", out, sizeof(out)), LIST_BAD);
}
END_TEST

UNIT_MAIN("wire/control", headers_go_both_ways, counts_beyond_the_datagram_and_odd_lengths_are_told, lists_are_taken_apart,
    open_quotes_and_unprintable_octets_are_bad)
