/* SPDX-License-Identifier: BSD-2-Clause */
/* Each wait is bounded, so that a modem that says nothing costs a minute and no more. */
#include <string.h>

#include "call.h"

/* s; as in ntpd. */
#define SETUP_WAIT	3.0	/* for OK */
#define ANSWER_WAIT	60.0	/* for CONNECT */
#define TALK_WAIT	60.0	/* for CALL_CODES timecodes */
#define HANG_WAIT	2.0	/* with DTR down: a modem hangs up */

/* What a modem says when a call has come to nothing. */
static const char *const failures[] = { "NO CARRIER", "NO DIALTONE", "NO DIAL TONE", "NO ANSWER", "BUSY", "ERROR" };

static bool
begins(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static bool
is_failure(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (begins(text, len, failures[i]))
			return true;
	}
	return false;
}

static void
hang_up(struct call *c, struct call_out *out)
{
	c->state = CALL_HANGING;
	*out = (struct call_out){ CALL_HANG_UP, HANG_WAIT };
}

static void
set_up(struct call *c, struct call_out *out)
{
	c->state = CALL_SETUP;
	*out = (struct call_out){ CALL_SEND_SETUP, SETUP_WAIT };
}

void
call_begin(struct call *c, unsigned numbers, struct call_out *out)
{
	*c = (struct call){ .numbers = numbers };
	set_up(c, out);
	if (numbers > 0)
		return;
	c->state = CALL_TALKING;
	*out = (struct call_out){ CALL_NOTHING, TALK_WAIT };
}

void
call_line(struct call *c, const char *text, size_t len, struct call_out *out)
{
	*out = (struct call_out){ CALL_NOTHING, 0 };
	if (c->state == CALL_IDLE || c->state == CALL_HANGING)
		return;
	if (c->state == CALL_SETUP && begins(text, len, "OK")) {
		c->state = CALL_DIALLING;
		*out = (struct call_out){ CALL_SEND_NUMBER, ANSWER_WAIT };
	} else if (c->state == CALL_DIALLING && begins(text, len, "CONNECT")) {
		c->state = CALL_TALKING;
		*out = (struct call_out){ CALL_NOTHING, TALK_WAIT };
	} else if (is_failure(text, len)) {
		hang_up(c, out);
	}
}

void
call_code(struct call *c, struct call_out *out)
{
	*out = (struct call_out){ CALL_NOTHING, 0 };
	if (c->state == CALL_TALKING && ++c->codes >= CALL_CODES)
		hang_up(c, out);
}

void
call_timeout(struct call *c, struct call_out *out)
{
	*out = (struct call_out){ CALL_NOTHING, 0 };
	if (c->state == CALL_IDLE)
		return;
	if (c->state != CALL_HANGING) {
		hang_up(c, out);
		return;
	}
	if (c->codes == 0 && c->number + 1 < c->numbers) {
		c->number++;
		set_up(c, out);
		return;
	}
	c->state = CALL_IDLE;
}
