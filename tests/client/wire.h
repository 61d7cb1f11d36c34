/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ends of an exchange, as the tests of the client need them: times, and replies to be spoilt one field at a time. */
#ifndef TESTS_CLIENT_WIRE_H
#define TESTS_CLIENT_WIRE_H

#include <string.h>

#include "client/exchange.h"

#define EPOCH_NS	INT64_C(1800000000000000000)	/* 2027-01-15, wall time when monotime is 0 */
#define PRECISION	1e-6				/* s, of our clock */

static inline struct monotime
mono(double s)
{
	return (struct monotime){ llround(s * 1e9) };
}

/* Our clock, never stepped unless the test says so. */
static inline struct walltime
wall(double s)
{
	return (struct walltime){ EPOCH_NS + llround(s * 1e9) };
}

/* The transmit timestamp of a request. */
static inline uint64_t
request_nonce(const uint8_t buf[static PACKET_LEN])
{
	uint64_t v = 0;

	for (int i = 40; i < 48; i++)
		v = v << 8 | buf[i];
	return v;
}

/*
 * A sound reply: stratum 1, to a request with this nonce that left at t1 by our clock and came back at t1 + delay; the server is offset
 * seconds ahead of us, both ways took the same time, and it answered at once but for 10 us.
 */
static inline struct packet
sound_reply(uint64_t nonce, double t1, double delay, double offset)
{
	double held = 10e-6, there = (delay - held) / 2;

	return (struct packet){
		.version = 4,
		.mode = MODE_SERVER,
		.stratum = 1,
		.poll = 6,
		.precision = -20,
		.rootdelay = short_from_seconds(0.001),
		.rootdisp = short_from_seconds(0.001),
		.refid = REFID('G', 'P', 'S', 0),
		.reftime = walltime_to_ntp(wall(t1 - 16)),
		.org = { nonce },
		.rec = walltime_to_ntp(wall(t1 + there + offset)),
		.xmt = walltime_to_ntp(wall(t1 + there + held + offset)),
	};
}

/* A datagram on the heap, exactly as long as it is, so that a sanitizer sees any octet read past the end. */
struct delivery {
	uint8_t		*buf;
	struct arrival	in;
};

static inline struct delivery
deliver_bytes(const uint8_t *buf, size_t len, double when)
{
	struct delivery d = { .buf = malloc(len + 1) };

	memcpy(d.buf, buf, len);
	d.in = (struct arrival){ .buf = d.buf, .len = len, .t4 = wall(when), .when = mono(when), .precision = PRECISION };
	return d;
}

static inline struct delivery
deliver(const struct packet *p, double when)
{
	uint8_t buf[PACKET_LEN];

	packet_build(p, buf);
	return deliver_bytes(buf, sizeof(buf), when);
}

#endif
