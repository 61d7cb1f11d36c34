/* SPDX-License-Identifier: BSD-2-Clause */
/* The header octet by octet, and what may trail it (RFC 5905 section 7.3, RFC 7822). */
#include <string.h>

#include "wire/packet.h"
#include "../unit.h"

/* A server's reply as RFC 5905 figure 8 lays it out. */
static const uint8_t reply[PACKET_LEN] = {
	0x64, 0x02, 0x06, 0xec,			/* LI 1, VN 4, mode 4, stratum 2, poll 6, precision -20 */
	0x00, 0x00, 0x80, 0x00,			/* root delay 0.5 s */
	0x00, 0x01, 0x00, 0x00,			/* root dispersion 1 s */
	0xc0, 0x00, 0x02, 0x35,			/* 192.0.2.53 */
	0xee, 0xad, 0xca, 0xdd, 0x1d, 0x38, 0xde, 0x24,
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
	0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
};

static enum wire_err
parse(const uint8_t *buf, size_t len, struct packet_tail *tail)
{
	/* An exact copy on the heap, so that a sanitizer sees any octet read past the end. */
	uint8_t *copy = malloc(len + 1);
	struct packet p;
	enum wire_err err;

	memcpy(copy, buf, len);
	err = packet_parse(&p, tail, copy, len);
	free(copy);
	return err;
}

START_TEST(every_field_is_read_from_its_place)
{
	struct packet p;
	struct packet_tail tail;

	ck_assert_int_eq(packet_parse(&p, &tail, reply, sizeof(reply)), WIRE_OK);
	ck_assert_uint_eq(p.leap, LEAP_INSERT);
	ck_assert_uint_eq(p.version, 4);
	ck_assert_uint_eq(p.mode, MODE_SERVER);
	ck_assert_uint_eq(p.stratum, 2);
	ck_assert_int_eq(p.poll, 6);
	ck_assert_int_eq(p.precision, -20);
	ck_assert_double_eq(short_to_seconds(p.rootdelay), 0.5);
	ck_assert_double_eq(short_to_seconds(p.rootdisp), 1);
	ck_assert_uint_eq(p.refid, REFID(192, 0, 2, 0x35));
	ck_assert_uint_eq(p.reftime.raw, UINT64_C(0xeeadcadd1d38de24));
	ck_assert_uint_eq(p.org.raw, UINT64_C(0x0102030405060708));
	ck_assert_uint_eq(p.rec.raw, UINT64_C(0x1112131415161718));
	ck_assert_uint_eq(p.xmt.raw, UINT64_C(0x2122232425262728));
	ck_assert_int_eq(tail.kind, TRAILER_NONE);
}
END_TEST

START_TEST(what_is_built_is_what_was_parsed)
{
	struct packet p;
	struct packet_tail tail;
	uint8_t in[PACKET_LEN], out[PACKET_LEN];

	for (unsigned seed = 0; seed < 1000; seed++) {
		srand(seed);
		for (size_t i = 0; i < sizeof(in); i++)
			in[i] = (uint8_t)rand();
		ck_assert_int_eq(packet_parse(&p, &tail, in, sizeof(in)), WIRE_OK);
		packet_build(&p, out);
		ck_assert_mem_eq(in, out, sizeof(in));
	}
}
END_TEST

START_TEST(shorter_than_a_header_is_refused_at_every_length)
{
	struct packet_tail tail;

	for (size_t len = 0; len < PACKET_LEN; len++)
		ck_assert_int_eq(parse(reply, len, &tail), WIRE_SHORT);
}
END_TEST

START_TEST(one_rule_tells_macs_naks_and_rubbish_apart)
{
	/* Octets after the header, all zero; what a version 4 packet makes of them. */
	static const struct { size_t extra; enum wire_err err; enum trailer kind; } rows[] = {
		{ 0, WIRE_OK, TRAILER_NONE }, { 1, WIRE_TRAILER, 0 }, { 4, WIRE_OK, TRAILER_NAK }, { 8, WIRE_TRAILER, 0 }, { 12, WIRE_TRAILER, 0 },
		{ 16, WIRE_TRAILER, 0 }, { 18, WIRE_TRAILER, 0 }, { 20, WIRE_OK, TRAILER_MAC }, { 24, WIRE_OK, TRAILER_MAC }, { 28, WIRE_TRAILER, 0 },
	};
	uint8_t buf[PACKET_LEN + 32] = { 0 };
	struct packet_tail tail;

	memcpy(buf, reply, sizeof(reply));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(parse(buf, PACKET_LEN + rows[i].extra, &tail), rows[i].err);
		if (rows[i].err == WIRE_OK)
			ck_assert_int_eq(tail.kind, rows[i].kind);
	}
	buf[PACKET_LEN] = 1;	/* a key id and nothing else is no crypto-NAK */
	ck_assert_int_eq(parse(buf, PACKET_LEN + 4, &tail), WIRE_TRAILER);
}
END_TEST

/* Appends a field and returns the new length. */
static size_t
field(uint8_t *buf, size_t at, unsigned len, size_t room)
{
	memset(buf + at, 0, room);
	buf[at] = 0x01;
	buf[at + 1] = 0x04;
	buf[at + 2] = (uint8_t)(len >> 8);
	buf[at + 3] = (uint8_t)len;
	return at + room;
}

START_TEST(fields_are_walked_to_the_mac_behind_them)
{
	uint8_t buf[PACKET_MAX] = { 0 };
	struct packet_tail tail;
	size_t len;

	memcpy(buf, reply, sizeof(reply));
	len = field(buf, PACKET_LEN, 16, 16);
	len = field(buf, len, 28, 28);
	ck_assert_int_eq(parse(buf, len, &tail), WIRE_OK);
	ck_assert_uint_eq(tail.fields, 2);
	ck_assert_int_eq(tail.kind, TRAILER_NONE);
	memset(buf + len, 0, 20);
	ck_assert_int_eq(parse(buf, len + 20, &tail), WIRE_OK);
	ck_assert_int_eq(tail.kind, TRAILER_MAC);
	ck_assert_uint_eq(tail.mac_at, len);
}
END_TEST

START_TEST(lengths_that_lie_end_the_parse)
{
	static const unsigned bad[] = { 0, 1, 2, 3, 4, 8, 12, 15, 17, 30, 36, 40, 65532, 65535 };
	uint8_t buf[PACKET_MAX] = { 0 };
	struct packet_tail tail;

	memcpy(buf, reply, sizeof(reply));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len = field(buf, PACKET_LEN, bad[i], 32);

		ck_assert_msg(parse(buf, len, &tail) == WIRE_TRAILER, "length %u", bad[i]);
	}
}
END_TEST

START_TEST(fields_exist_in_version_4_only_and_are_counted)
{
	uint8_t buf[PACKET_MAX + 4] = { 0 };
	struct packet_tail tail;
	size_t len = PACKET_LEN;

	memcpy(buf, reply, sizeof(reply));
	for (int i = 0; i < EXTFIELDS_MAX - 1; i++)
		len = field(buf, len, 16, 16);
	len = field(buf, len, 28, 28);
	ck_assert_int_eq(parse(buf, len, &tail), WIRE_OK);
	ck_assert_uint_eq(tail.fields, EXTFIELDS_MAX);
	ck_assert_int_eq(parse(buf, field(buf, len, 28, 28), &tail), WIRE_TRAILER);
	buf[0] = 0x1c;	/* version 3 */
	ck_assert_int_eq(parse(buf, PACKET_LEN + 28, &tail), WIRE_TRAILER);
	ck_assert_int_eq(parse(buf, PACKET_MAX + 4, &tail), WIRE_LONG);
}
END_TEST

UNIT_MAIN("wire/packet", every_field_is_read_from_its_place, what_is_built_is_what_was_parsed, shorter_than_a_header_is_refused_at_every_length,
    one_rule_tells_macs_naks_and_rubbish_apart, fields_are_walked_to_the_mac_behind_them, lengths_that_lie_end_the_parse,
    fields_exist_in_version_4_only_and_are_counted)
