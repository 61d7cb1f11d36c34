/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes control headers and takes variable lists apart. */
#include <string.h>

#include "base/bytes.h"
#include "wire/control.h"

#define BIT_RESPONSE	0x80
#define BIT_ERROR	0x40
#define BIT_MORE	0x20
#define OP_MASK		0x1f

enum control_parse
control_parse(struct control *c, const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	struct control h;
	uint8_t first = rd_u8(&r), second = rd_u8(&r);

	h.leap = first >> 6;
	h.version = first >> 3 & 7;
	h.response = second & BIT_RESPONSE;
	h.error = second & BIT_ERROR;
	h.more = second & BIT_MORE;
	h.op = second & OP_MASK;
	h.sequence = rd_u16(&r);
	h.status = rd_u16(&r);
	h.associd = rd_u16(&r);
	h.offset = rd_u16(&r);
	h.count = rd_u16(&r);
	if (r.bad)
		return CONTROL_SHORT;
	if ((first & 7) != MODE_CONTROL)
		return CONTROL_NOT_MODE6;
	*c = h;
	if (len % 4 != 0 || h.count > rd_left(&r))
		return CONTROL_COUNT;
	return CONTROL_OK;
}

void
control_build(const struct control *c, uint8_t buf[static CONTROL_HEADER_LEN])
{
	struct wr w = wr_init(buf, CONTROL_HEADER_LEN);

	wr_u8(&w, (uint8_t)((c->leap & 3) << 6 | (c->version & 7) << 3 | MODE_CONTROL));
	wr_u8(&w, (uint8_t)((c->response ? BIT_RESPONSE : 0) | (c->error ? BIT_ERROR : 0) | (c->more ? BIT_MORE : 0) | (c->op & OP_MASK)));
	wr_u16(&w, c->sequence);
	wr_u16(&w, c->status);
	wr_u16(&w, c->associd);
	wr_u16(&w, c->offset);
	wr_u16(&w, c->count);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static void
trim(const char **s, size_t *len)
{
	while (*len > 0 && is_blank(**s)) {
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*s)[*len - 1]))
		(*len)--;
}

/* The end of an item: the next comma outside quotes; NULL if a quote stays open or an octet is no text. */
static const char *
item_end(const char *p, const char *end)
{
	bool quoted = false;

	for (; p < end && (quoted || *p != ','); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!is_blank(*p) && ((unsigned char)*p < ' ' || (unsigned char)*p == 0x7f))
			return NULL;
	}
	return quoted ? NULL : p;
}

static void
split(struct control_item *item, const char *s, size_t len)
{
	const char *eq = memchr(s, '=', len);

	*item = (struct control_item){ .name = s, .name_len = len };
	if (eq != NULL) {
		item->name_len = (size_t)(eq - s);
		item->value = eq + 1;
		item->value_len = len - item->name_len - 1;
		trim(&item->value, &item->value_len);
		if (item->value_len >= 2 && item->value[0] == '"' && item->value[item->value_len - 1] == '"') {
			item->value++;
			item->value_len -= 2;
		}
	}
	trim(&item->name, &item->name_len);
}

enum control_list
control_next(const char **p, const char *end, struct control_item *item)
{
	const char *s, *e;

	do {
		s = *p;
		if (s >= end)
			return LIST_END;
		e = item_end(s, end);
		if (e == NULL)
			return LIST_BAD;
		*p = e < end ? e + 1 : end;
		split(item, s, (size_t)(e - s));
	} while (item->name_len == 0 && item->value == NULL);
	return LIST_ITEM;
}

const char *
control_event_name(bool peer, unsigned event)
{
	static const char *const names[2][16] = {
		{
			[EVENT_UNSPEC] = "unspecified", [EVENT_FREQ_NOT_SET] = "freq_not_set", [EVENT_FREQ_SET] = "freq_set",
			[EVENT_SPIKE] = "spike_detect", [EVENT_FREQ_MODE] = "freq_mode", [EVENT_CLOCK_SYNC] = "clock_sync",
			[EVENT_RESTART] = "restart", [EVENT_PANIC] = "panic_stop", [EVENT_NO_SYSPEER] = "no_sys_peer",
			[EVENT_LEAP_ARMED] = "leap_armed", [EVENT_LEAP_DISARMED] = "leap_disarmed", [EVENT_LEAP] = "leap_event",
			[EVENT_STEP] = "clock_step", [EVENT_KERN] = "kern", [EVENT_TAI] = "TAI", [EVENT_LEAP_STALE] = "stale_leapsecond_values",
		},
		{
			[PEVENT_NONE] = "unspecified", [PEVENT_MOBILIZE] = "mobilize", [PEVENT_DEMOBILIZE] = "demobilize",
			[PEVENT_UNREACHABLE] = "unreachable", [PEVENT_REACHABLE] = "reachable", [PEVENT_RESTART] = "restart",
			[PEVENT_NO_REPLY] = "no_reply", [PEVENT_RATE] = "rate_exceeded", [PEVENT_DENIED] = "access_denied",
			[PEVENT_LEAP_ARMED] = "leap_armed", [PEVENT_SYSPEER] = "sys_peer", [PEVENT_CLOCK] = "clock_event",
			[PEVENT_BADAUTH] = "bad_auth", [PEVENT_POPCORN] = "popcorn", [PEVENT_INTERLEAVE] = "interleave_mode",
			[PEVENT_INTERLEAVE_ERROR] = "interleave_error",
		},
	};

	return names[peer][event & 15];
}
