/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call by a modem that knows Hayes's commands: set up, dial one number after the other until one answers and tells the time, hang up.
 * Knows no modem: it is told what the modem said and when its wait is over, and says what is to be done.
 */
#ifndef REFCLOCK_CALL_H
#define REFCLOCK_CALL_H

#include <stdbool.h>
#include <stddef.h>

#define CALL_CODES	20	/* timecodes, after which we know enough (ntpd's bound) */

enum call_state {
	CALL_IDLE,
	CALL_SETUP,		/* the modem has been told how to behave */
	CALL_DIALLING,
	CALL_TALKING,		/* the service has answered */
	CALL_HANGING,		/* the line is down for a moment */
};

enum call_do { CALL_NOTHING, CALL_SEND_SETUP, CALL_SEND_NUMBER, CALL_HANG_UP };

/* Begins as zeros. */
struct call {
	enum call_state	state;
	unsigned	number, numbers;	/* which one is called; how many there are, 0 = the line leads there without a modem */
	unsigned	codes;			/* timecodes of this call */
};

struct call_out {
	enum call_do	what;
	double		wait;		/* s until call_timeout is due; 0 = as before, and not at all once it is idle */
};

/* Begins a call; only where none is under way. */
void call_begin(struct call *c, unsigned numbers, struct call_out *out);

/* The modem said this line, len octets without its end. */
void call_line(struct call *c, const char *text, size_t len, struct call_out *out);

/* A line was a timecode. */
void call_code(struct call *c, struct call_out *out);

void call_timeout(struct call *c, struct call_out *out);

#endif
