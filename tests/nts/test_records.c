/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of a key exchange, as both sides read them. */
#include <string.h>

#include "base/bytes.h"
#include "nts/records.h"
#include "../unit.h"

#define END	"\x80\x00\x00\x00"
#define NTP	"\x80\x01\x00\x02\x00\x00"
#define SIV256	"\x80\x04\x00\x02\x00\x0f"
#define SIV512	"\x80\x04\x00\x02\x00\x11"
#define COOKIE	"\x00\x05\x00\x0c" "abcdefghijkl"

#define TEXT(s)	(const uint8_t *)(s), sizeof(s) - 1

static bool
asks(const uint8_t *msg, size_t len, struct ke_request *rq, int *error)
{
	enum ke_error e;
	bool ok = ke_request_parse(rq, msg, len, &e);

	*error = ok ? -1 : (int)e;
	return ok;
}

START_TEST(a_message_is_whole_at_its_end_and_not_before)
{
	static const char msg[] = NTP SIV256 END;

	for (size_t len = 0; len < sizeof(msg) - 1; len++)
		ck_assert_int_eq(ke_scan((const uint8_t *)msg, len), KE_MORE);
	ck_assert_int_eq(ke_scan(TEXT(NTP SIV256 END)), KE_WHOLE);
	ck_assert_int_eq(ke_scan(TEXT(NTP SIV256 END NTP)), KE_BROKEN);
	ck_assert_int_eq(ke_scan(TEXT(NTP SIV256 END "\0")), KE_BROKEN);
	ck_assert_int_eq(ke_scan(TEXT(NTP SIV256 "\x80\x00\x00\x01x")), KE_BROKEN);
	ck_assert_int_eq(ke_scan(TEXT(NTP SIV256 "\x40\x00\xff\xff" END)), KE_MORE);
}
END_TEST

START_TEST(requests_are_understood)
{
	struct ke_request rq;
	uint8_t buf[64];
	size_t len = ke_request_build(AEAD_SIV_384, buf, sizeof(buf));
	int error;

	ck_assert(asks(buf, len, &rq, &error));
	ck_assert(rq.ntp);
	ck_assert_uint_eq(rq.aead, AEAD_SIV_384);
	/* The first one that we know, whatever stands before it; and what nobody has to know. */
	ck_assert(asks(TEXT(NTP "\x80\x04\x00\x06\x00\x1e\x00\x11\x00\x0f" "\x40\x00\x00\x03xyz" END), &rq, &error));
	ck_assert_uint_eq(rq.aead, AEAD_SIV_512);
	ck_assert(asks(TEXT(NTP SIV256 "\x00\x06\x00\x01x\x00\x07\x00\x02\x00\x7b" END), &rq, &error));
	ck_assert_uint_eq(ke_request_build(AEAD_SIV_384, buf, 15), 0);
}
END_TEST

START_TEST(requests_with_nothing_in_common_are_no_errors)
{
	struct ke_request rq;
	int error;

	ck_assert(asks(TEXT("\x80\x01\x00\x02\x80\x00" SIV256 END), &rq, &error));
	ck_assert(!rq.ntp);
	ck_assert(asks(TEXT(NTP "\x80\x04\x00\x02\x00\x01" END), &rq, &error));
	ck_assert_uint_eq(rq.aead, 0);
}
END_TEST

START_TEST(malformed_requests_get_the_error_that_is_theirs)
{
	static const struct { const uint8_t *msg; size_t len; int error; } rows[] = {
		{ TEXT(END), KE_BAD_REQUEST },
		{ TEXT(NTP END), KE_BAD_REQUEST },
		{ TEXT(SIV256 END), KE_BAD_REQUEST },
		{ TEXT(NTP NTP SIV256 END), KE_BAD_REQUEST },
		{ TEXT(NTP SIV256 SIV256 END), KE_BAD_REQUEST },
		{ TEXT("\x80\x01\x00\x03\x00\x00\x00" SIV256 END), KE_BAD_REQUEST },
		{ TEXT("\x80\x01\x00\x00" SIV256 END), KE_BAD_REQUEST },
		{ TEXT(NTP "\x80\x04\x00\x03\x00\x0f\x00" END), KE_BAD_REQUEST },
		{ TEXT(NTP SIV256 COOKIE END), KE_BAD_REQUEST },
		{ TEXT(NTP SIV256 "\x80\x02\x00\x02\x00\x00" END), KE_BAD_REQUEST },
		{ TEXT(NTP SIV256 "\xc0\x00\x00\x00" END), KE_UNRECOGNIZED },
		{ TEXT(NTP SIV256), KE_BAD_REQUEST },
		{ TEXT(NTP SIV256 END END), KE_BAD_REQUEST },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct ke_request rq = { .aead = 77 };
		int error;

		ck_assert_msg(!asks(rows[i].msg, rows[i].len, &rq, &error), "row %zu", i);
		ck_assert_int_eq(error, rows[i].error);
		ck_assert_uint_eq(rq.aead, 77);
	}
}
END_TEST

START_TEST(what_a_server_writes_a_client_reads)
{
	const struct ke_request rq = { .ntp = true, .aead = AEAD_SIV_512 };
	struct ke_answer a = { .port = 4123, .ncookies = NTS_COOKIES }, got;
	uint8_t buf[4096];
	size_t len;

	for (size_t i = 0; i < NTS_COOKIES; i++) {
		a.cookie[i].len = 168;
		memset(a.cookie[i].octets, (int)i + 1, 168);
	}
	len = ke_answer_build(&rq, &a, buf, sizeof(buf));
	ck_assert_uint_gt(len, 8 * 172);
	ck_assert_int_eq(ke_answer_parse(&got, AEAD_SIV_512, buf, len), KE_FAULT_NONE);
	ck_assert_uint_eq(got.aead, AEAD_SIV_512);
	ck_assert_uint_eq(got.port, 4123);
	ck_assert_uint_eq(got.ncookies, NTS_COOKIES);
	ck_assert_mem_eq(got.cookie[7].octets, a.cookie[7].octets, 168);
	ck_assert_uint_eq(ke_answer_build(&rq, &a, buf, 100), 0);
}
END_TEST

START_TEST(answers_that_are_of_no_use_say_why)
{
	static const struct { const uint8_t *msg; size_t len; enum ke_fault fault; } rows[] = {
		{ TEXT("\x80\x01\x00\x00" END), KE_FAULT_PROTOCOL },
		{ TEXT("\x80\x01\x00\x02\x80\x00" SIV256 COOKIE END), KE_FAULT_PROTOCOL },
		{ TEXT(SIV256 COOKIE END), KE_FAULT_PROTOCOL },
		{ TEXT(NTP "\x80\x04\x00\x00" END), KE_FAULT_AEAD },
		{ TEXT(NTP SIV512 COOKIE END), KE_FAULT_AEAD },
		{ TEXT(NTP COOKIE END), KE_FAULT_AEAD },
		{ TEXT("\x80\x02\x00\x02\x00\x01" END), KE_FAULT_ERROR },
		{ TEXT(NTP SIV256 COOKIE "\x80\x02\x00\x02\x00\x02" END), KE_FAULT_ERROR },
		{ TEXT(NTP SIV256 COOKIE "\x80\x03\x00\x02\x00\x00" END), KE_FAULT_WARNING },
		{ TEXT(NTP SIV256 COOKIE "\xc0\x00\x00\x00" END), KE_FAULT_CRITICAL },
		{ TEXT(NTP SIV256 END), KE_FAULT_COOKIES },
		{ TEXT(NTP SIV256 "\x00\x05\x00\x00" END), KE_FAULT_COOKIES },
		{ TEXT(NTP SIV256 "\x00\x05\x00\x01x" END), KE_FAULT_COOKIES },
		{ TEXT(NTP SIV256 COOKIE "\x80\x07\x00\x01\x01" END), KE_FAULT_MALFORMED },
		{ TEXT(NTP SIV256 COOKIE "\x80\x07\x00\x02\x00\x00" END), KE_FAULT_MALFORMED },
		{ TEXT(NTP SIV256 COOKIE "\x80\x06\x00\x00" END), KE_FAULT_MALFORMED },
		{ TEXT(NTP SIV256 COOKIE "\x80\x06\x00\x02" "a\n" END), KE_FAULT_MALFORMED },
		{ TEXT(NTP NTP SIV256 COOKIE END), KE_FAULT_MALFORMED },
		{ TEXT(NTP SIV256 COOKIE), KE_FAULT_MALFORMED },
		{ TEXT(""), KE_FAULT_MALFORMED },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct ke_answer a = { .port = 99 };

		ck_assert_msg(ke_answer_parse(&a, AEAD_SIV_256, rows[i].msg, rows[i].len) == rows[i].fault, "row %zu", i);
		ck_assert_uint_eq(a.port, 99);
		ck_assert_ptr_nonnull(ke_fault_str(rows[i].fault));
	}
}
END_TEST

static void
put_cookie(struct wr *w, size_t len)
{
	wr_u16(w, 5);
	wr_u16(w, (uint16_t)len);
	for (size_t i = 0; i < len; i++)
		wr_u8(w, 0xc0);
}

START_TEST(cookies_of_no_use_are_left_out_and_extra_ones_ignored)
{
	static const size_t odd[] = { 0, 1, 11, 13, 2000, 65535, NTS_COOKIE_MAX + 4 };
	static uint8_t buf[200000];
	struct wr w = wr_init(buf, sizeof(buf));
	struct ke_answer a;

	wr_bytes(&w, NTP SIV256, 12);
	for (size_t i = 0; i < NELEMS(odd); i++)
		put_cookie(&w, odd[i]);
	put_cookie(&w, NTS_COOKIE_MAX);
	for (size_t i = 0; i < 1000; i++)
		put_cookie(&w, 100);
	wr_bytes(&w, END, 4);
	ck_assert(!w.bad);
	ck_assert_int_eq(ke_answer_parse(&a, AEAD_SIV_256, buf, (size_t)(w.p - buf)), KE_FAULT_NONE);
	ck_assert_uint_eq(a.ncookies, NTS_COOKIES);
	ck_assert_uint_eq(a.cookie[0].len, NTS_COOKIE_MAX);
	ck_assert_uint_eq(a.cookie[7].len, 100);
}
END_TEST

START_TEST(answers_without_agreement_and_errors_hold_no_cookie)
{
	const struct ke_answer a = { .ncookies = 1, .cookie[0] = { .len = 12 } };
	struct ke_answer got;
	uint8_t buf[256];
	size_t len;

	len = ke_answer_build(&(struct ke_request){ .aead = AEAD_SIV_256 }, &a, buf, sizeof(buf));
	ck_assert_uint_eq(len, 8);
	ck_assert_int_eq(ke_answer_parse(&got, AEAD_SIV_256, buf, len), KE_FAULT_PROTOCOL);
	len = ke_answer_build(&(struct ke_request){ .ntp = true }, &a, buf, sizeof(buf));
	ck_assert_uint_eq(len, 14);
	ck_assert_int_eq(ke_answer_parse(&got, AEAD_SIV_256, buf, len), KE_FAULT_AEAD);
	len = ke_error_build(KE_INTERNAL, buf, sizeof(buf));
	ck_assert_int_eq(ke_answer_parse(&got, AEAD_SIV_256, buf, len), KE_FAULT_ERROR);
}
END_TEST

START_TEST(the_exporters_context_names_protocol_algorithm_and_direction)
{
	uint8_t c[KE_CONTEXT_LEN];

	ke_context(c, AEAD_SIV_256, false);
	ck_assert_mem_eq(c, "\x00\x00\x00\x0f\x00", KE_CONTEXT_LEN);
	ke_context(c, AEAD_SIV_512, true);
	ck_assert_mem_eq(c, "\x00\x00\x00\x11\x01", KE_CONTEXT_LEN);
}
END_TEST

UNIT_MAIN("nts/records", a_message_is_whole_at_its_end_and_not_before, requests_are_understood, requests_with_nothing_in_common_are_no_errors,
    malformed_requests_get_the_error_that_is_theirs, what_a_server_writes_a_client_reads, answers_that_are_of_no_use_say_why,
    cookies_of_no_use_are_left_out_and_extra_ones_ignored, answers_without_agreement_and_errors_hold_no_cookie,
    the_exporters_context_names_protocol_algorithm_and_direction)
