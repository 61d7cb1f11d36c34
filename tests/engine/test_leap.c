/* SPDX-License-Identifier: BSD-2-Clause */
/* leap-seconds.list: what is understood, what is refused and why, and what the table and the smear say of an instant. */
#include <stdio.h>
#include <string.h>

#include "auth/digest.h"
#include "engine/leap.h"
#include "../unit.h"

#define Y2009	INT64_C(3439756800)	/* NTP seconds: 1 January 2009 … */
#define Y2012	INT64_C(3550089600)	/* … 1 July 2012 … */
#define Y2017	INT64_C(3692217600)	/* … 1 January 2017 */
#define EXPIRY	INT64_C(4007577600)	/* 31 December 2026 */

#define GOOD \
	"# a list\n#$\t3676924800\n#\n#@ 4007577600\n" \
	"3439756800\t34\t# 1 Jan 2009\n3550089600 35\n3644697600\t36 # 1 Jul 2015\n3692217600 37#\n"
#define GOOD_DIGITS "3676924800" "4007577600" "3439756800" "34" "3550089600" "35" "3644697600" "36" "3692217600" "37"

static struct walltime
ntp(int64_t s)
{
	return (struct walltime){ (s - NTP_UNIX_EPOCH) * NS_PER_S };
}

static enum leap_err
parse(struct leap_table *t, const char *text, unsigned *line)
{
	/* On the heap and exactly as long as it is, so that a sanitizer sees any octet read past the end. */
	size_t len = strlen(text);
	char *copy = malloc(len + 1);
	enum leap_err e;

	memcpy(copy, text, len);
	e = leap_parse(t, copy, len, digest_sha1, line);
	free(copy);
	return e;
}

/* The hash line of these digits; damage is added to its last word. */
static const char *
hash_line(const char *digits, uint32_t damage, char buf[static 80])
{
	uint8_t h[SHA1_LEN];
	uint32_t w[5];

	ck_assert(digest_sha1(digits, strlen(digits), h));
	for (int i = 0; i < 5; i++)
		w[i] = (uint32_t)h[4 * i] << 24 | (uint32_t)h[4 * i + 1] << 16 | (uint32_t)h[4 * i + 2] << 8 | h[4 * i + 3];
	snprintf(buf, 80, "#h\t%x %x %x %x %x\n", w[0], w[1], w[2], w[3], w[4] ^ damage);
	return buf;
}

START_TEST(a_list_is_read)
{
	struct leap_table t;
	unsigned line = 7;

	ck_assert_int_eq(parse(&t, GOOD, &line), LEAP_OK);
	ck_assert_uint_eq(t.n, 4);
	ck_assert_int_eq(t.row[3].tai, 37);
	ck_assert_int_eq(t.row[3].from.ns, ntp(Y2017).ns);
	ck_assert_int_eq(t.expires.ns, ntp(EXPIRY).ns);
	ck_assert_int_eq(t.updated.ns, ntp(3676924800).ns);
	ck_assert(!t.hashed);
	ck_assert_uint_eq(line, 0);
}
END_TEST

START_TEST(a_hash_must_match_where_there_is_one)
{
	struct leap_table t;
	char line[80], text[1024];
	unsigned n;

	snprintf(text, sizeof(text), "%s%s", GOOD, hash_line(GOOD_DIGITS, 0, line));
	ck_assert_int_eq(parse(&t, text, &n), LEAP_OK);
	ck_assert(t.hashed);
	snprintf(text, sizeof(text), "%s%s", GOOD, hash_line(GOOD_DIGITS, 1, line));
	ck_assert_int_eq(parse(&t, text, &n), LEAP_HASH);
	ck_assert_int_eq(leap_parse(&t, text, strlen(text), NULL, &n), LEAP_OK);	/* ignorehash */
	ck_assert(!t.hashed);
}
END_TEST

START_TEST(the_list_of_the_machine_is_good)
{
	static char buf[LEAP_FILE_MAX];
	FILE *f = fopen("/usr/share/zoneinfo/leap-seconds.list", "r");
	struct leap_table t;
	unsigned line;
	size_t n;

	ck_assert_msg(f != NULL, "tzdata is not installed");
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	ck_assert_int_eq(leap_parse(&t, buf, n, digest_sha1, &line), LEAP_OK);
	ck_assert(t.hashed);
	ck_assert_uint_ge(t.n, 28);
	ck_assert_int_eq(leap_tai(&t, ntp(Y2012)), 35);
	/* Any change of the first digit of a row shows. */
	for (size_t i = 1; i < n; i++) {
		char was = buf[i];

		if (buf[i - 1] != '\n' || was < '0' || was > '8')
			continue;
		buf[i]++;
		ck_assert_int_ne(leap_parse(&t, buf, n, digest_sha1, &line), LEAP_OK);
		buf[i] = was;
	}
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_its_line_and_leaves_the_table_alone)	/* FILE-05 */
{
	static const struct { const char *text; enum leap_err err; unsigned line; } rows[] = {
		{ "", LEAP_EMPTY, 0 }, { "\n\n# nothing\n#@ 4007577600\n", LEAP_EMPTY, 0 }, { "3439756800 34\n", LEAP_NO_EXPIRY, 0 },
		{ "#@ 4007577600\n3439756800 34\n3550089600 3", LEAP_JUMP, 3 }, { "#@ 4007577600\n3439756800 34\n3550089600 35", LEAP_TRUNCATED, 0 },
		{ "#@ 4007577600\n3439756800 34\n3439756800 35\n", LEAP_ORDER, 3 }, { "#@ 4007577600\n3550089600 34\n3439756800 35\n", LEAP_ORDER, 3 },
		{ "#@ 4007577600\n3439756800 34\n3550089600 36\n", LEAP_JUMP, 3 }, { "#@ 4007577600\n3439756800 34\n3550089600 34\n", LEAP_JUMP, 3 },
		{ "#@ 4007577600\n3439756801 34\n", LEAP_DATE, 2 }, { "#@ 4007577600\n3439843200 34\n", LEAP_DATE, 2 },	/* 2 January */
		{ "#@ 4007577600\n3439756800\n", LEAP_LINE, 2 }, { "#@ 4007577600\n3439756800 34 35\n", LEAP_LINE, 2 },
		{ "#@ 4007577600\n-3439756800 34\n", LEAP_LINE, 2 }, { "#@ 4007577600\n3439756800 34x\n", LEAP_LINE, 2 },
		{ "#@ 4007577600\n3439756800 nan\n", LEAP_LINE, 2 }, { "#@ 4007577600\n99999999999 34\n", LEAP_LINE, 2 },
		{ "#@ 4007577600\n111111111111111111111 34\n", LEAP_LINE, 2 }, { "#@ soon\n", LEAP_LINE, 1 }, { "#@\n", LEAP_LINE, 1 },
		{ "#@ 4007577600\n3439756800 1001\n", LEAP_LINE, 2 }, { "\x7f" "ELF", LEAP_LINE, 1 },
		{ "#h 1 2 3 4\n", LEAP_HASH_FORM, 1 }, { "#h 1 2 3 4 5 6\n", LEAP_HASH_FORM, 1 }, { "#h 1 2 3 4 123456789\n", LEAP_HASH_FORM, 1 },
		{ "#h 1 2 3 4 x\n", LEAP_HASH_FORM, 1 }, { "#h 1 2 3 4 5\n#@ 4007577600\n3439756800 34\n", LEAP_HASH, 0 },
	};
	struct leap_table t;
	unsigned line;

	for (size_t i = 0; i < NELEMS(rows); i++) {
		t.n = 4711;
		line = 99;
		ck_assert_msg(parse(&t, rows[i].text, &line) == rows[i].err, "%s", rows[i].text);
		ck_assert_msg(line == rows[i].line, "%s: line %u", rows[i].text, line);
		ck_assert_uint_eq(t.n, 4711);
		ck_assert_uint_gt(strlen(leap_err_str(rows[i].err)), 5);
	}
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused_or_ends_at_a_line)
{
	struct leap_table t;
	char text[1024];
	unsigned line;

	for (size_t cut = 0; cut < strlen(GOOD); cut++) {
		snprintf(text, sizeof(text), "%.*s", (int)cut, GOOD);
		if (parse(&t, text, &line) == LEAP_OK)
			ck_assert_int_eq(text[cut - 1], '\n');
	}
}
END_TEST

START_TEST(a_huge_file_is_refused_by_its_size_alone_and_a_binary_one_too)	/* FILE-05 */
{
	static char huge[LEAP_FILE_MAX + 1];
	struct leap_table t;
	unsigned line;

	memset(huge, '#', sizeof(huge));
	ck_assert_int_eq(leap_parse(&t, huge, sizeof(huge), digest_sha1, &line), LEAP_SIZE);
	ck_assert_int_eq(leap_parse(&t, "#@ 1\0\n", 6, digest_sha1, &line), LEAP_BINARY);
}
END_TEST

START_TEST(more_rows_than_there_is_room_for_are_refused)
{
	static char text[64 * (LEAP_SECONDS_MAX + 2)];
	struct leap_table t;
	unsigned line;
	int n = snprintf(text, sizeof(text), "#@ 9000000000\n");
	int64_t day = Y2009 / 86400;

	/* Each January and July. */
	for (int year = 2009, i = 0; i <= LEAP_SECONDS_MAX; i++) {
		bool january = i % 2 == 0, leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		n += snprintf(text + n, sizeof(text) - (size_t)n, "%lld %d\n", (long long)day * 86400, 34 + i % 2);
		day += january ? 181 + leap_year : 184;
		year += !january;
	}
	ck_assert_int_eq(parse(&t, text, &line), LEAP_MANY);
	ck_assert_uint_eq(line, LEAP_SECONDS_MAX + 2);
}
END_TEST

START_TEST(the_table_answers_for_before_between_and_after)
{
	struct leap_table t;
	unsigned line;

	ck_assert_int_eq(parse(&t, GOOD, &line), LEAP_OK);
	ck_assert_int_eq(leap_tai(&t, ntp(Y2009 - 1)), 0);
	ck_assert_int_eq(leap_tai(&t, ntp(Y2009)), 34);
	ck_assert_int_eq(leap_tai(&t, ntp(Y2017 - 1)), 36);
	ck_assert_int_eq(leap_tai(&t, ntp(Y2017)), 37);
	ck_assert_int_eq(leap_next(&t, ntp(Y2009 - 5)).at.ns, ntp(Y2012).ns);	/* where the list begins is no leap second */
	ck_assert_int_eq(leap_next(&t, ntp(Y2017 - 1)).at.ns, ntp(Y2017).ns);
	ck_assert_int_eq(leap_next(&t, ntp(Y2017 - 1)).step, 1);
	ck_assert_int_eq(leap_next(&t, ntp(Y2017)).step, 0);
	ck_assert_int_eq(leap_last(&t).at.ns, ntp(Y2017).ns);
	ck_assert(!leap_expired(&t, ntp(EXPIRY - 1)));
	ck_assert(leap_expired(&t, ntp(EXPIRY)));
}
END_TEST

START_TEST(a_second_left_out_is_a_step_of_minus_one)
{
	struct leap_table t;
	unsigned line;

	ck_assert_int_eq(parse(&t, "#@ 4007577600\n3439756800 34\n3550089600 33\n", &line), LEAP_OK);
	ck_assert_int_eq(leap_next(&t, ntp(Y2009)).step, -1);
}
END_TEST

START_TEST(the_smear_is_half_a_cosine_that_ends_in_the_second)
{
	const struct leap_smear s = { { INT64_C(100000) * NS_PER_S }, 86400 }, none = { .interval = 0 };
	struct monotime end = s.end;

	ck_assert_double_eq(leap_smear_offset(&s, monotime_add(end, -86400)), 0);
	ck_assert_double_eq(leap_smear_offset(&s, monotime_add(end, -90000)), 0);
	ck_assert_double_eq_tol(leap_smear_offset(&s, monotime_add(end, -64800)), -(1 - M_SQRT1_2) / 2, 1e-12);
	ck_assert_double_eq_tol(leap_smear_offset(&s, monotime_add(end, -43200)), -0.5, 1e-12);
	ck_assert_double_eq_tol(leap_smear_offset(&s, monotime_add(end, -1)), -1, 1e-9);
	ck_assert_double_eq(leap_smear_offset(&s, end), 0);
	ck_assert_double_eq(leap_smear_offset(&s, monotime_add(end, 1)), 0);
	ck_assert_double_eq(leap_smear_offset(&none, monotime_add(end, -43200)), 0);
}
END_TEST

START_TEST(the_refid_of_a_smear_holds_the_offset)
{
	ck_assert_uint_eq(leap_smear_refid(0), 254u << 24);
	ck_assert_uint_eq(leap_smear_refid(-0.5), 254u << 24 | 0xe00000);	/* -0.5 * 2^22 in 24 bits */
	ck_assert_uint_eq(leap_smear_refid(-1), 254u << 24 | 0xc00000);
}
END_TEST

UNIT_MAIN("leap", a_list_is_read, a_hash_must_match_where_there_is_one, the_list_of_the_machine_is_good,
    what_is_wrong_is_refused_with_its_line_and_leaves_the_table_alone, a_file_cut_anywhere_is_refused_or_ends_at_a_line,
    a_huge_file_is_refused_by_its_size_alone_and_a_binary_one_too, more_rows_than_there_is_room_for_are_refused,
    the_table_answers_for_before_between_and_after, a_second_left_out_is_a_step_of_minus_one, the_smear_is_half_a_cosine_that_ends_in_the_second,
    the_refid_of_a_smear_holds_the_offset)
