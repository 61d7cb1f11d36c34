/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of TSIP, and the time in those that have it. */
#include <string.h>

#include "base/bytes.h"
#include "base/ntp.h"
#include "tsip.h"

#define DLE		0x10
#define ETX		0x03
#define WEEK_S		604800
#define WEEKS_MAX	10000	/* the year 2171 */
#define LEAP_MONTH(m)	((m) == 6 || (m) == 12)	/* receivers announce leap seconds months ahead */

/* Lengths with id and subcode. */
enum { LEN_8F_AD = 23, LEN_8F_AB = 18, LEN_8F_AC = 69, LEN_41 = 11 };

bool
tsip_feed(struct tsip *t, uint8_t octet, struct walltime host)
{
	if (!t->in) {
		/* An ETX after a DLE is an end whose begin we missed. */
		if (t->dle && octet != DLE && octet != ETX) {
			t->in = true;
			t->buf[0] = octet;
			t->len = 1;
			t->stamp = host;
			t->dle = false;
		} else {
			t->dle = octet == DLE && !t->dle;
		}
		return false;
	}
	if (octet == DLE && !t->dle) {
		t->dle = true;
		return false;
	}
	if (t->dle && octet != DLE) {
		/* Anything but an end is the begin of the next. */
		t->dle = false;
		t->in = octet != ETX;
		if (!t->in)
			return true;
		t->buf[0] = octet;
		t->len = 1;
		t->stamp = host;
		return false;
	}
	t->dle = false;
	if (t->len == sizeof(t->buf))
		t->in = false;
	else
		t->buf[t->len++] = octet;
	return false;
}

static double
rd_float(struct rd *r)
{
	uint32_t bits = rd_u32(r);
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static void
rd_date(struct rd *r, struct civil *v)
{
	v->have_date = v->have_time = true;
	v->day = rd_u8(r);
	v->month = rd_u8(r);
	v->year = rd_u16(r);
	/* A month 0 would mean a day of the year. */
	if (v->month == 0)
		v->month = -1;
}

static enum timecode_err
settle(const struct civil *v, struct walltime now, struct timecode *t)
{
	if (!calendar_when(v, now, &t->when))
		return TIMECODE_BAD_TIME;
	t->when = calendar_forward(t->when, now);
	return TIMECODE_OK;
}

/* 8F-AD: subcode, number of the event, fraction, hour, minute, second, day, month, year, state, flags of UTC. */
static enum timecode_err
read_event(struct rd *r, struct walltime now, struct timecode *out)
{
	enum { FIXING = 0, ONE_SATELLITE = 1, OVERDETERMINED = 13, UTC_KNOWN = 0x01, LEAP_COMES = 0x10 };
	struct timecode t = { .leap = LEAP_NONE, .trust = TIMECODE_LOCKED };
	unsigned event = rd_u16(r), state, flags;
	double fraction = rd_double(r);
	struct civil v = { .hour = rd_u8(r) };
	enum timecode_err err;

	v.minute = rd_u8(r);
	v.second = rd_u8(r);
	rd_date(r, &v);
	state = rd_u8(r);
	flags = rd_u8(r);
	/* What is sent without an event belongs to no instant that we know. */
	if (event == 0)
		return TIMECODE_OTHER;
	if (!(fraction >= 0 && fraction < 1))
		return TIMECODE_BAD_TIME;
	v.ns = (int64_t)(fraction * NS_PER_S);
	if ((flags & UTC_KNOWN) == 0 || (state != FIXING && state != ONE_SATELLITE && state != OVERDETERMINED))
		t.trust = TIMECODE_NEVER;
	if ((flags & LEAP_COMES) != 0 && LEAP_MONTH(v.month))
		t.leap = LEAP_INSERT;
	err = settle(&v, now, &t);
	if (err == TIMECODE_OK)
		*out = t;
	return err;
}

/* 8F-AB: subcode, second of the week, week, offset of UTC, flags, second, minute, hour, day, month, year.  Kept until 8F-AC says what it is worth. */
static enum timecode_err
read_primary(struct tsip *p, struct rd *r, struct walltime now)
{
	enum { UTC_TIME = 0x01, UTC_PULSE = 0x02, NOT_SET = 0x04, NO_OFFSET = 0x08, TEST = 0x10 };
	struct timecode t = { .leap = LEAP_NONE, .trust = TIMECODE_LOCKED };
	struct civil v = { .second = 0 };
	unsigned offset, flags;
	enum timecode_err err;

	(void)rd_bytes(r, 6);
	offset = rd_u16(r);
	flags = rd_u8(r);
	v.second = rd_u8(r);
	v.minute = rd_u8(r);
	v.hour = rd_u8(r);
	rd_date(r, &v);
	p->have_time = false;
	/* Set to the time of GPS, as after power is lost: it will be told again which it should be. */
	if ((flags & (UTC_TIME | UTC_PULSE)) != (UTC_TIME | UTC_PULSE) || (flags & TEST) != 0)
		return TIMECODE_OTHER;
	if (offset == 0 || (flags & (NOT_SET | NO_OFFSET)) != 0)
		t.trust = TIMECODE_NEVER;
	err = settle(&v, now, &t);
	if (err != TIMECODE_OK)
		return err;
	p->time = t;
	p->month = v.month;
	p->time_stamp = p->stamp;
	p->have_time = true;
	return TIMECODE_PART;
}

/* 8F-AC: subcode, mode, discipline, survey, seconds of holdover, critical and minor alarms, state. */
static enum timecode_err
read_supplement(struct tsip *p, struct rd *r, double holdover, struct timecode *out, struct walltime *stamp)
{
	enum { AUTO_HOLDOVER = 2, MANUAL_HOLDOVER = 3, LEAP_COMES = 0x0080, POSITION_DOUBTED = 0x0200, FIXING = 0 };
	unsigned discipline, alarms, state;
	uint32_t held;
	bool holds;

	(void)rd_bytes(r, 1);
	discipline = rd_u8(r);
	(void)rd_bytes(r, 1);
	held = rd_u32(r);
	(void)rd_bytes(r, 2);
	alarms = rd_u16(r);
	state = rd_u8(r);
	if (!p->have_time)
		return TIMECODE_OTHER;
	p->have_time = false;
	holds = (discipline == AUTO_HOLDOVER || discipline == MANUAL_HOLDOVER) && holdover > 0 && held <= holdover;
	if ((alarms & POSITION_DOUBTED) != 0 || (state != FIXING && !holds))
		p->time.trust = TIMECODE_NEVER;
	if ((alarms & LEAP_COMES) != 0 && LEAP_MONTH(p->month))
		p->time.leap = LEAP_INSERT;
	*out = p->time;
	*stamp = p->time_stamp;
	return TIMECODE_OK;
}

/* 41: second of the week, negative as long as it is not known, week, offset of UTC, 0 as long as that is not known. */
static enum timecode_err
read_gps(struct tsip *p, struct rd *r, struct walltime now, struct timecode *out, struct walltime *stamp)
{
	struct timecode t = { .leap = LEAP_NONE, .trust = TIMECODE_LOCKED };
	double tow = rd_float(r), offset;
	unsigned week = rd_u16(r);

	offset = rd_float(r);
	if (!(tow < WEEK_S) || !(fabs(offset) < 256) || week > WEEKS_MAX)
		return TIMECODE_BAD_TIME;
	if (tow < 0 || offset == 0)
		t.trust = TIMECODE_NEVER;
	t.when.ns = (CALENDAR_GPS_EPOCH + 7 * (int64_t)week) * DAY_NS;
	t.when = calendar_forward(walltime_add(t.when, (tow < 0 ? 0 : tow) - offset), now);
	*out = t;
	*stamp = p->stamp;
	return TIMECODE_OK;
}

enum timecode_err
tsip_read(struct tsip *t, enum tsip_kind kind, double holdover, struct walltime now, struct timecode *out, struct walltime *stamp)
{
	unsigned id = t->buf[0], sub = t->len > 1 ? t->buf[1] : 0;
	struct rd r = rd_init(t->buf + 1, t->len - 1);

	if (id == 0x41 && kind == TSIP_GPS)
		return t->len == LEN_41 ? read_gps(t, &r, now, out, stamp) : TIMECODE_FORMAT;
	if (id != 0x8f || t->len < 2)
		return TIMECODE_OTHER;
	(void)rd_u8(&r);
	if (sub == 0xad && kind == TSIP_EVENT)
		return t->len == LEN_8F_AD ? read_event(&r, now, out) : TIMECODE_FORMAT;
	if (sub == 0xab && kind == TSIP_TIMING)
		return t->len == LEN_8F_AB ? read_primary(t, &r, now) : TIMECODE_FORMAT;
	if (sub == 0xac && kind == TSIP_TIMING)
		return t->len == LEN_8F_AC ? read_supplement(t, &r, holdover, out, stamp) : TIMECODE_FORMAT;
	return TIMECODE_OTHER;
}
