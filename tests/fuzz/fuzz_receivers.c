/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receivers on serial lines: whatever they send, a telegram is no longer than its buffer, the time that is read is one that there is, and what is refused
 * leaves nothing behind.
 *
 * Input: an octet for the model, then what the line brings; time passes between octets as the octets themselves say.
 */
#include "fuzz.h"
#include "refclock/calendar.h"
#include "refclock/dcf77.h"
#include "refclock/frame.h"
#include "refclock/oncore.h"
#include "refclock/receiver.h"
#include "refclock/tsip.h"

#define FIRST_DAY	3652	/* 1980-01-01 */
#define LAST_DAY	84371	/* 2200-12-31 and the rest of the zone */
#define BEGIN		(INT64_C(1795395723) * NS_PER_S)
#define UNTOUCHED	(-7)

static const struct timecode untouched = { .when = { UNTOUCHED }, .leap = 77 };

static void
check(enum timecode_err err, const struct timecode *t)
{
	assert(err <= TIMECODE_BAD_TIME);
	if (err != TIMECODE_OK) {
		assert(t->when.ns == UNTOUCHED && t->leap == 77);
		return;
	}
	assert(t->trust <= TIMECODE_NEVER && t->leap <= 2);
	assert(t->when.ns > (FIRST_DAY - 1) * DAY_NS && t->when.ns < (LAST_DAY + 1) * DAY_NS);
}

static void
text(const struct framing *framing, const struct timecode_format *const formats[], const uint8_t *p, size_t n)
{
	struct timecode_memory memory = { .v.have_time = false };
	struct frame f = { .len = 0 };

	for (size_t i = 0; i < n; i++) {
		struct walltime host = { BEGIN + (int64_t)i };
		struct timecode t = untouched;
		uint8_t *exact;
		enum timecode_err err;

		if (!frame_feed(&f, framing, p[i], host))
			continue;
		assert(f.len > 0 && f.len <= sizeof(f.buf));
		assert(framing->len == 0 || f.len <= framing->len);
		assert(f.stamp.ns >= BEGIN && f.stamp.ns <= host.ns);
		/* Of its size to the octet, so that a read beyond it is seen. */
		exact = malloc(f.len);
		assert(exact != NULL);
		memcpy(exact, f.buf, f.len);
		if (formats == NULL)
			err = timecode_schmid(exact, f.len, host, &t);
		else
			err = timecode_read(formats, &memory, exact, f.len, host, &t);
		free(exact);
		check(err, &t);
	}
}

static void
tsip(enum tsip_kind kind, const uint8_t *p, size_t n)
{
	struct tsip s = { .len = 0 };

	for (size_t i = 0; i < n; i++) {
		struct walltime host = { BEGIN + (int64_t)i }, stamp = { UNTOUCHED };
		struct timecode t = untouched;
		enum timecode_err err;

		if (!tsip_feed(&s, p[i], host))
			continue;
		assert(s.len > 0 && s.len <= sizeof(s.buf));
		err = tsip_read(&s, kind, i % 2 * 60.0, host, &t, &stamp);
		check(err, &t);
		assert((stamp.ns == UNTOUCHED) == (err != TIMECODE_OK || kind == TSIP_EVENT));
		assert(stamp.ns == UNTOUCHED || (stamp.ns >= BEGIN && stamp.ns <= host.ns));
	}
}

static void
oncore(const uint8_t *p, size_t n)
{
	struct oncore o = { .len = 0 };

	for (size_t i = 0; i < n; i++) {
		struct walltime host = { BEGIN + (int64_t)i };
		struct timecode t = untouched;
		enum timecode_err err;

		if (!oncore_feed(&o, p[i], host))
			continue;
		assert(o.len == o.want && o.len <= sizeof(o.buf) && o.stamp.ns <= host.ns);
		err = oncore_read(&o, host, &t);
		check(err, &t);
		/* No octet after the letters may be another. */
		if (err == TIMECODE_OK) {
			o.buf[4 + i % (o.len - 4)] ^= 1;
			t = untouched;
			assert(oncore_read(&o, host, &t) == TIMECODE_FORMAT);
			o.buf[4 + i % (o.len - 4)] ^= 1;
		}
	}
}

/* A pulse is an octet: the upper bits say when it comes, the lowest what it is, as hardly an octet at random is a pulse. */
static void
pulses(int baud, const uint8_t *p, size_t n)
{
	struct dcf77 d = { .n = 0 };
	int64_t host = BEGIN;

	for (size_t i = 0; i < n; i++) {
		struct timecode t = untouched;
		enum timecode_err err;
		int bit = (p[i] & 0x80) != 0 ? dcf77_bit(p[i], baud) : p[i] & 1;

		host += ((p[i] & 0x60) == 0x60 ? 2 : (p[i] & 0x60) == 0x40 ? 0 : 1) * (int64_t)NS_PER_S;
		err = dcf77_pulse(&d, bit, (struct walltime){ host }, &t);
		check(err, &t);
		assert(d.n <= DCF77_BITS + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct framing line = { .end = "\r\n", .stamp = FRAME_LAST };
	const struct receiver_model *m;

	if (size < 1)
		return 0;
	/* One more than there are is a service by telephone. */
	if (data[0] % (receiver_models_len + 1) == receiver_models_len) {
		text(&line, timecode_phone, data + 1, size - 1);
		return 0;
	}
	m = &receiver_models[data[0] % (receiver_models_len + 1)];
	switch (m->protocol) {
	case RECEIVER_TEXT:
	case RECEIVER_SCHMID:
		text(m->framing, m->formats, data + 1, size - 1);
		break;
	case RECEIVER_DCF77:
		pulses(m->baud < 100 ? m->baud : 50, data + 1, size - 1);
		break;
	case RECEIVER_TSIP_EVENT:
		tsip(TSIP_EVENT, data + 1, size - 1);
		break;
	case RECEIVER_TSIP_TIMING:
		tsip(TSIP_TIMING, data + 1, size - 1);
		break;
	case RECEIVER_TSIP_GPS:
		tsip(TSIP_GPS, data + 1, size - 1);
		break;
	case RECEIVER_ONCORE:
		oncore(data + 1, size - 1);
		break;
	}
	return 0;
}
