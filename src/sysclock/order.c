/* SPDX-License-Identifier: BSD-2-Clause */
/* Octets of orders and answers. */
#include "base/bytes.h"
#include "order.h"

#define MAGIC	UINT32_C(0x54434b31)	/* "TCK1": the 1 is the version; both ends must be of one make */

/* What a kernel says of its clock, each a long in the C library's struct but the last three. */
#define TIMEX_LONGS(X) \
	X(offset) X(freq) X(maxerror) X(esterror) X(constant) X(precision) X(tolerance) X(tick) X(ppsfreq) X(jitter) X(stabil) X(jitcnt) X(calcnt) \
	X(errcnt) X(stbcnt)
#define TIMEX_INTS(X)	X(status) X(shift) X(tai)

/* The seven numbers of an order, each kind having its own. */
static void
write_numbers(struct wr *w, const struct order *o)
{
	const struct clock_bounds *b = &o->bounds;

	switch (o->what) {
	case ORDER_OPEN:
		wr_double(w, b->panic);
		wr_double(w, b->stepout);
		wr_double(w, b->slew_max);
		wr_double(w, b->slew_start);
		wr_u64(w, (uint64_t)b->not_before.ns);
		break;
	case ORDER_RUN:
		wr_double(w, o->steer.freq);
		wr_double(w, o->steer.slew);
		wr_double(w, o->steer.offset);
		break;
	case ORDER_STEP:
		wr_double(w, o->offset);
		break;
	case ORDER_STATUS:
		wr_double(w, o->status.maxerror);
		wr_double(w, o->status.esterror);
		wr_u64(w, (uint64_t)o->status.tai);
		break;
	default:
		break;
	}
}

void
order_write(uint8_t buf[static ORDER_LEN], const struct order *o)
{
	struct wr w = wr_init(buf, ORDER_LEN);

	memset(buf, 0, ORDER_LEN);
	wr_u32(&w, MAGIC);
	wr_u8(&w, o->what);
	wr_u8(&w, o->bounds.panic_once);
	wr_u8(&w, o->status.leap);
	wr_u8(&w, 0);
	write_numbers(&w, o);
}

static bool
read_numbers(struct rd *r, struct order *o)
{
	struct clock_bounds *b = &o->bounds;

	switch (o->what) {
	case ORDER_OPEN:
		b->panic = rd_double(r);
		b->stepout = rd_double(r);
		b->slew_max = rd_double(r);
		b->slew_start = rd_double(r);
		b->not_before.ns = (int64_t)rd_u64(r);
		return true;
	case ORDER_RUN:
		o->steer.freq = rd_double(r);
		o->steer.slew = rd_double(r);
		o->steer.offset = rd_double(r);
		return true;
	case ORDER_STEP:
		o->offset = rd_double(r);
		return true;
	case ORDER_STATUS:
		o->status.maxerror = rd_double(r);
		o->status.esterror = rd_double(r);
		o->status.tai = (int)(int64_t)rd_u64(r);
		return true;
	case ORDER_STATE:
		return true;
	default:
		return false;
	}
}

bool
order_read(const uint8_t *buf, size_t len, struct order *out)
{
	struct rd r = rd_init(buf, len);
	struct order o = { 0 };
	bool known = rd_u32(&r) == MAGIC;

	o.what = rd_u8(&r);
	o.bounds.panic_once = rd_u8(&r) != 0;
	o.status.leap = rd_u8(&r);
	rd_u8(&r);
	if (len != ORDER_LEN || !known || !read_numbers(&r, &o) || r.bad || o.status.leap > 3)
		return false;
	*out = o;
	return true;
}

void
answer_write(uint8_t buf[static ANSWER_LEN], const struct answer *a)
{
	struct wr w = wr_init(buf, ANSWER_LEN);

	memset(buf, 0, ANSWER_LEN);
	wr_u32(&w, MAGIC);
	wr_u8(&w, a->what);
	wr_u8(&w, a->meddled);
	wr_u16(&w, 0);
	wr_u32(&w, (uint32_t)a->error);
	wr_u32(&w, 0);
	wr_u64(&w, (uint64_t)a->when.ns);
	wr_double(&w, a->actual);
	wr_u64(&w, (uint64_t)a->clock);
#define PUT(field)	wr_u64(&w, (uint64_t)a->state.field);
	TIMEX_LONGS(PUT)
	TIMEX_INTS(PUT)
#undef PUT
}

bool
answer_read(const uint8_t *buf, size_t len, struct answer *out)
{
	struct rd r = rd_init(buf, len);
	struct answer a = { 0 };
	bool known = rd_u32(&r) == MAGIC;

	a.what = rd_u8(&r);
	a.meddled = rd_u8(&r) != 0;
	rd_u16(&r);
	a.error = (int)rd_u32(&r);
	rd_u32(&r);
	a.when.ns = (int64_t)rd_u64(&r);
	a.actual = rd_double(&r);
	a.clock = (int)(int64_t)rd_u64(&r);
#define GET_LONG(field)	a.state.field = (long)(int64_t)rd_u64(&r);
#define GET_INT(field)	a.state.field = (int)(int64_t)rd_u64(&r);
	TIMEX_LONGS(GET_LONG)
	TIMEX_INTS(GET_INT)
#undef GET_LONG
#undef GET_INT
	if (len != ANSWER_LEN || !known || r.bad)
		return false;
	*out = a;
	return true;
}
