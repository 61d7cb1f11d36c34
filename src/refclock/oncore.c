/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the three messages in the stream, and the time and the health of the receiver in them. */
#include "base/bytes.h"
#include "base/ntp.h"
#include "oncore.h"

/*
 *	 0 @ @ x a			 4 month day year(2) hour minute second ns(4)
 *	15 latitude(4) longitude(4) height(4) height above sea(4), in Ha twice
 */
#define HEADER	4
#define TIME_AT	4

static const struct message {
	char	letter;
	size_t	len;
	size_t	status;		/* where the receiver's state is; Ha has two octets of it … */
	size_t	tracked;	/* satellites */
	size_t	utc;		/* … and one about UTC; 0 = none */
} messages[] = {
	{ 'B', 68, 64, 39, 0 },
	{ 'E', 76, 72, 39, 0 },
	{ 'H', 154, 129, 56, 141 },
};

static const struct message *
message_of(const uint8_t *buf)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (buf[2] == (uint8_t)messages[i].letter && buf[3] == 'a')
			return &messages[i];
	}
	return NULL;
}

bool
oncore_feed(struct oncore *o, uint8_t octet, struct walltime host)
{
	const struct message *m;

	if (o->len >= HEADER && o->len == o->want)
		o->len = 0;
	if (o->len == 0)
		o->stamp = host;
	/* Three of them in a row: the message may begin with the second. */
	if (o->len < 2 ? octet != '@' : o->len == 2 && octet == '@') {
		o->len = octet == '@' ? 2 : 0;
		return false;
	}
	o->buf[o->len++] = octet;
	if (o->len < HEADER)
		return false;
	if (o->len == HEADER) {
		m = message_of(o->buf);
		o->want = m != NULL ? m->len : 0;
		if (m == NULL)
			o->len = 0;
		return false;
	}
	return o->len == o->want;
}

static bool
sum_is_right(const struct oncore *o)
{
	size_t at = o->want - 3;
	uint8_t sum = 0;

	for (size_t i = 2; i < at; i++)
		sum ^= o->buf[i];
	return sum == o->buf[at] && o->buf[at + 1] == '\r' && o->buf[at + 2] == '\n';
}

/* Does it know the time from satellites, and UTC, now? */
static bool
is_healthy(const struct message *m, const uint8_t *buf)
{
	enum { FIX_3D = 0x20, FIX_2D = 0x10, HOLD = 0x08, FEW = 0x02, NO_ALMANAC = 0x01, UTC_SET = 0x80, UTC_KNOWN = 0x40 };
	unsigned s = buf[m->status];

	if (buf[m->tracked] == 0)
		return false;
	if (m->utc == 0)
		return (s & (FEW | NO_ALMANAC)) == 0 && (s & (FIX_3D | FIX_2D | HOLD)) != 0;
	/* Three bits: 4 a held position, 6 and 7 fixes. */
	s >>= 5;
	return (s == 4 || s == 6 || s == 7) && (buf[m->utc] & (UTC_SET | UTC_KNOWN)) == (UTC_SET | UTC_KNOWN);
}

enum timecode_err
oncore_read(const struct oncore *o, struct walltime now, struct timecode *out)
{
	struct timecode t = { .leap = LEAP_NONE, .trust = TIMECODE_LOCKED };
	struct civil v = { .have_date = true, .have_time = true };
	struct rd r = rd_init(o->buf + TIME_AT, o->len - TIME_AT);
	const struct message *m = message_of(o->buf);
	uint32_t ns;

	if (m == NULL || o->len != m->len || !sum_is_right(o))
		return TIMECODE_FORMAT;
	v.month = rd_u8(&r);
	v.day = rd_u8(&r);
	v.year = rd_u16(&r);
	v.hour = rd_u8(&r);
	v.minute = rd_u8(&r);
	v.second = rd_u8(&r);
	ns = rd_u32(&r);
	if (v.month == 0 || ns >= NS_PER_S)
		return TIMECODE_BAD_TIME;
	/* What the fraction tells is the receiver's clock at its measurement; the second is what belongs to the pulse. */
	if (!is_healthy(m, o->buf))
		t.trust = TIMECODE_NEVER;
	if (!calendar_when(&v, now, &t.when))
		return TIMECODE_BAD_TIME;
	t.when = calendar_forward(t.when, now);
	*out = t;
	return TIMECODE_OK;
}
