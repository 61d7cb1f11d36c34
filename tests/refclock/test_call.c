/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls by modem: one number after the other, and an end to each wait. */
#include <string.h>

#include "refclock/call.h"
#include "../unit.h"

static struct call_out
say(struct call *c, const char *text)
{
	struct call_out out;

	call_line(c, text, strlen(text), &out);
	return out;
}

static struct call_out
wait_out(struct call *c)
{
	struct call_out out;

	call_timeout(c, &out);
	return out;
}

/* A call of so many numbers whose first has answered. */
static struct call
answered(unsigned n)
{
	struct call c;
	struct call_out out;

	call_begin(&c, n, &out);
	ck_assert(out.what == CALL_SEND_SETUP && out.wait > 0);
	out = say(&c, "OK");
	ck_assert(out.what == CALL_SEND_NUMBER && out.wait > 0);
	out = say(&c, "CONNECT 9600");
	ck_assert(out.what == CALL_NOTHING && out.wait > 0);
	ck_assert_int_eq(c.state, CALL_TALKING);
	return c;
}

START_TEST(a_call_ends_when_enough_has_been_told)
{
	struct call c = answered(2);
	struct call_out out;

	for (int i = 0; i < CALL_CODES - 1; i++) {
		call_code(&c, &out);
		ck_assert_int_eq(out.what, CALL_NOTHING);
	}
	call_code(&c, &out);
	ck_assert(out.what == CALL_HANG_UP && out.wait > 0);
	/* Whatever is still said, the other number is not called. */
	ck_assert_int_eq(say(&c, "NO CARRIER").what, CALL_NOTHING);
	call_code(&c, &out);
	ck_assert_int_eq(out.what, CALL_NOTHING);
	ck_assert_int_eq(wait_out(&c).what, CALL_NOTHING);
	ck_assert_int_eq(c.state, CALL_IDLE);
}
END_TEST

START_TEST(a_number_that_fails_is_followed_by_the_next_until_there_is_none)
{
	static const char *const words[] = { "BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "ERROR" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct call_out out;
		struct call c;

		call_begin(&c, 3, &out);
		for (unsigned n = 0; n < 3; n++) {
			ck_assert(out.what == CALL_SEND_SETUP);
			ck_assert_uint_eq(c.number, n);
			ck_assert_int_eq(say(&c, "OK").what, CALL_SEND_NUMBER);
			ck_assert_int_eq(say(&c, "RING").what, CALL_NOTHING);
			ck_assert_msg(say(&c, words[i]).what == CALL_HANG_UP, "%s", words[i]);
			out = wait_out(&c);
		}
		ck_assert_int_eq(out.what, CALL_NOTHING);
		ck_assert_int_eq(c.state, CALL_IDLE);
	}
}
END_TEST

START_TEST(every_wait_has_an_end)
{
	struct call_out out;
	struct call c;

	/* The modem is dumb. */
	call_begin(&c, 1, &out);
	ck_assert_int_eq(wait_out(&c).what, CALL_HANG_UP);
	ck_assert_int_eq(wait_out(&c).what, CALL_NOTHING);
	ck_assert_int_eq(c.state, CALL_IDLE);
	/* Nobody answers. */
	call_begin(&c, 1, &out);
	ck_assert_int_eq(say(&c, "OK").what, CALL_SEND_NUMBER);
	ck_assert_int_eq(wait_out(&c).what, CALL_HANG_UP);
	/* Who answers tells nothing: the next is called; or something: that was it. */
	c = answered(2);
	ck_assert_int_eq(wait_out(&c).what, CALL_HANG_UP);
	ck_assert_int_eq(wait_out(&c).what, CALL_SEND_SETUP);
	c = answered(2);
	call_code(&c, &out);
	ck_assert_int_eq(wait_out(&c).what, CALL_HANG_UP);
	ck_assert_int_eq(wait_out(&c).what, CALL_NOTHING);
	ck_assert_int_eq(c.state, CALL_IDLE);
	ck_assert_int_eq(wait_out(&c).what, CALL_NOTHING);
}
END_TEST

START_TEST(without_a_number_the_line_leads_there)
{
	struct call_out out;
	struct call c;

	call_begin(&c, 0, &out);
	ck_assert(out.what == CALL_NOTHING && out.wait > 0);
	ck_assert_int_eq(c.state, CALL_TALKING);
	ck_assert_int_eq(wait_out(&c).what, CALL_HANG_UP);
	ck_assert_int_eq(wait_out(&c).what, CALL_NOTHING);
	ck_assert_int_eq(c.state, CALL_IDLE);
}
END_TEST

UNIT_MAIN("call", a_call_ends_when_enough_has_been_told, a_number_that_fails_is_followed_by_the_next_until_there_is_none, every_wait_has_an_end,
    without_a_number_the_line_leads_there)
