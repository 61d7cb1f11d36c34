/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads an association's variables into a row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "peers.h"
#include "strb.h"
#include "words.h"

#define FINE_LEN	7	/* a point and six decimals */
#define FLASH_LOOP	0x800	/* peer_loop: the peer gets its time from us */
#define MODE_BCLIENT	6	/* association mode of a broadcast client; mode 6 on the wire is something else */

const struct json_field peer_fields[] = {
	{ "tally", JSON_TEXT, offsetof(struct peer_row, tally) },
	{ "selection", JSON_TEXT, offsetof(struct peer_row, selection) },
	{ "remote", JSON_TEXT, offsetof(struct peer_row, remote) },
	{ "address", JSON_TEXT, offsetof(struct peer_row, address) },
	{ "local", JSON_TEXT, offsetof(struct peer_row, local) },
	{ "refid", JSON_TEXT, offsetof(struct peer_row, refid) },
	{ "associd", JSON_LONG, offsetof(struct peer_row, associd) },
	{ "stratum", JSON_LONG, offsetof(struct peer_row, stratum) },
	{ "type", JSON_TEXT, offsetof(struct peer_row, type) },
	{ "when", JSON_LONG, offsetof(struct peer_row, when) },
	{ "poll", JSON_LONG, offsetof(struct peer_row, poll) },
	{ "reach", JSON_LONG, offsetof(struct peer_row, reach) },
	{ "delay", JSON_REAL, offsetof(struct peer_row, delay) },
	{ "offset", JSON_REAL, offsetof(struct peer_row, offset) },
	{ "jitter", JSON_REAL, offsetof(struct peer_row, jitter) },
	{ "dispersion", JSON_REAL, offsetof(struct peer_row, dispersion) },
};
const size_t peer_nfields = NELEMS(peer_fields);

static long
number(const struct vars *v, const char *name)
{
	unsigned long u;

	return vars_uint(v, name, &u) && u <= INT32_MAX ? (long)u : JSON_UNKNOWN;
}

static double
real(const struct vars *v, const char *name)
{
	double d;

	return vars_real(v, name, &d) ? d : (double)NAN;
}

/* Seconds since the peer was last heard, or else since its clock was last set; 0 = never. */
static long
seconds_since(const struct vars *v, struct walltime now)
{
	struct ntptime t = { 0 };
	double d;

	if ((!vars_time(v, "rec", &t) || t.raw == 0) && (!vars_time(v, "reftime", &t) || t.raw == 0))
		return 0;
	d = ntptime_diff(walltime_to_ntp(now), t);
	return d > 0 ? (long)d : 0;
}

/* The interval in force is the shorter of ours and the peer's.  A peer that was never heard has none, and shows 0. */
static long
poll_seconds(const struct vars *v)
{
	long ours = number(v, "hpoll"), theirs = number(v, "ppoll"), n;

	if (ours == JSON_UNKNOWN && theirs == JSON_UNKNOWN)
		return JSON_UNKNOWN;
	if (ours == JSON_UNKNOWN)
		n = theirs;
	else
		n = theirs > 0 && theirs < ours ? theirs : ours;
	return 1L << (n > POLL_MAX ? POLL_MAX : n);
}

static char
type_letter(long hmode, const struct addr *src, const struct addr *dst)
{
	switch (hmode) {
	case MODE_ACTIVE:
		return 's';
	case MODE_PASSIVE:
		return 'S';
	case MODE_CLIENT:
		if (addr_is_refclock(src))
			return 'l';
		if (src->family == 0 || addr_is_any(src))
			return 'p';
		return addr_is_multicast(src) ? 'a' : 'u';
	case MODE_BROADCAST:
		return addr_is_multicast(src) || addr_is_multicast(dst) ? 'M' : 'B';
	case MODE_BCLIENT:
		return 'b';
	default:
		return '?';
	}
}

/*
 * The name a peer goes by.  Clocks and pool prototypes have no address that means something, so their names are shown also
 * where addresses are wanted.
 */
static void
fill_remote(struct peer_row *row, const struct peer_view *view, const struct vars *v, const struct addr *src)
{
	bool nowhere = src->family == 0 || addr_is_any(src);
	char name[sizeof(row->remote)];
	struct varval value = { .s = name };

	if ((nowhere || addr_is_refclock(src) || view->cook.host_name != NULL) &&
	    vars_word(v, "srchost", row->remote, sizeof(row->remote)) && row->remote[0] != '\0')
		return;
	if (addr_is_refclock(src))
		words_refaddr(src, name, sizeof(name));
	else if (nowhere || view->cook.host_name == NULL)
		addr_str(src, name, sizeof(name));
	else
		view->cook.host_name(src, name, sizeof(name));
	value.len = strlen(name);
	varval_word(&value, row->remote, sizeof(row->remote));
}

static void
fill_refid(struct peer_row *row, const struct peer_view *view, const struct vars *v)
{
	struct strb shown = strb_init(row->refid, sizeof(row->refid)), brief = strb_init(row->short_refid, sizeof(row->short_refid));
	char word[16], buf[ADDR_STR_MAX];
	unsigned long flash;
	struct addr a;

	if (vars_addr(v, "refid", &a)) {
		words_refaddr(&a, buf, sizeof(buf));
		if (a.family != 4 || addr_is_refclock(&a))
			strb_add(&brief, "%.8s", buf);
		else
			strb_add(&brief, "%02x%02x%02x%02x", a.ip[0], a.ip[1], a.ip[2], a.ip[3]);
		strb_add(&shown, "%s", view->refid_hash ? row->short_refid : buf);
	} else if (vars_word(v, "refid", word, sizeof(word)) && word[0] != '\0') {
		strb_add(&shown, ".%s.", word);
		strb_add(&brief, ".%.6s.", word);
	}
	if (vars_uint(v, "flash", &flash) && flash & FLASH_LOOP) {
		shown = strb_init(row->refid, sizeof(row->refid));
		strb_add(&shown, "(loop)");
	}
}

/* What NTPsec's columns depend on besides the numbers. */
static void
fill_texts(struct peer_row *row, const struct vars *v)
{
	static const char *const names[] = {
		[PEER_DELAY] = "delay", [PEER_OFFSET] = "offset", [PEER_JITTER] = "jitter", [PEER_DISPERSION] = "dispersion",
	};
	struct varval value;

	for (size_t i = 0; i < NELEMS(names); i++) {
		if (!vars_word(v, names[i], row->text[i], sizeof(row->text[i])))
			row->text[i][0] = '\0';
	}
	/* Six decimals in the delay tell a server that measures finer than microseconds. */
	row->fine = vars_get(v, "delay", &value) && value.len > FINE_LEN && value.s[value.len - FINE_LEN] == '.';
	row->cookies = number(v, "ntscookies");
	if (!vars_word(v, "refid", row->sent_refid, sizeof(row->sent_refid)))
		row->sent_refid[0] = '\0';
}

void
peer_row_fill(struct peer_row *row, const struct peer_view *view, uint16_t associd, uint16_t status, const struct vars *v)
{
	struct addr src = { .family = 0 }, dst = { .family = 0 };

	memset(row, 0, sizeof(*row));
	if (vars_addr(v, "srcadr", &src))
		addr_str(&src, row->address, sizeof(row->address));
	if (vars_addr(v, "dstadr", &dst))
		addr_str(&dst, row->local, sizeof(row->local));
	row->family = src.family;
	row->tally[0] = words_tally(status);
	snprintf(row->selection, sizeof(row->selection), "%s", words_selection(status));
	fill_remote(row, view, v, &src);
	fill_refid(row, view, v);
	row->associd = associd;
	row->stratum = number(v, "stratum");
	row->type[0] = type_letter(number(v, "hmode"), &src, &dst);
	row->when = seconds_since(v, view->cook.now);
	row->poll = poll_seconds(v);
	row->reach = number(v, "reach");
	row->delay = real(v, "delay");
	row->offset = real(v, "offset");
	row->jitter = real(v, "jitter");
	row->dispersion = real(v, "dispersion");
	fill_texts(row, v);
}
