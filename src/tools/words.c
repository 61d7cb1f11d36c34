/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of words and the few formats that are not plain printf. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must_use.h"
#include "strb.h"
#include "words.h"
#include "wire/control.h"

struct bit_word { unsigned long bit; const char *word; };

static const char *const leap_words[] = { "leap_none", "leap_add_sec", "leap_del_sec", "leap_alarm" };

static const char *const source_words[] = {
	"sync_unspec", "sync_pps", "sync_lf_radio", "sync_hf_radio", "sync_uhf_radio", "sync_local", "sync_ntp", "sync_other",
	"sync_wristwatch", "sync_telephone",
};

static const char *const selections[] = {
	"reject", "falsetick", "excess", "outlier", "candidate", "backup", "sys.peer", "pps.peer",
};

/* The associations listing has shorter words for three of them. */
static const char *const last_events[] = {
	"", "mobilize", "demobilize", "unreachable", "reachable", "restart", "no_reply", "rate_exceeded", "access_denied",
	"leap_armed", "sys_peer", "clock_alarm", "bad_auth", "popcorn", "interleave", "xleave_err",
};

static const char *const clock_codes[] = {
	"clk_unspec", "clk_no_reply", "clk_bad_format", "clk_fault", "clk_bad_signal", "clk_bad_date", "clk_bad_time",
};

static const char *const modes[] = {
	"unspec", "sym_active", "sym_passive", "client", "server", "broadcast", "control", "private", "bclient",
};

static const struct bit_word flash_bits[] = {
	{ 0x001, "pkt_dup" }, { 0x002, "pkt_bogus" }, { 0x004, "pkt_unsync" }, { 0x008, "pkt_denied" },
	{ 0x010, "pkt_auth" }, { 0x020, "pkt_stratum" }, { 0x040, "pkt_header" }, { 0x080, "pkt_autokey" },
	{ 0x100, "pkt_crypto" }, { 0x200, "peer_stratum" }, { 0x400, "peer_dist" }, { 0x800, "peer_loop" },
	{ 0x1000, "peer_unreach" },
};

/* STA_ bits of adjtimex(2); they are the same everywhere, and the answer may come from anywhere. */
static const struct bit_word kernel_bits[] = {
	{ 0x0001, "pll" }, { 0x0002, "ppsfreq" }, { 0x0004, "ppstime" }, { 0x0008, "fll" },
	{ 0x0010, "ins" }, { 0x0020, "del" }, { 0x0040, "unsync" }, { 0x0080, "freqhold" },
	{ 0x0100, "ppssignal" }, { 0x0200, "ppsjitter" }, { 0x0400, "ppswander" }, { 0x0800, "ppserror" },
	{ 0x1000, "clockerr" }, { 0x2000, "nano" }, { 0x4000, "mode=fll" }, { 0x8000, "src=B" },
};

static const struct bit_word peer_bits[] = {
	{ PEER_CONFIG, "conf" }, { PEER_AUTHENABLE, "authenb" }, { PEER_AUTHENTIC, "auth" },
	{ PEER_REACH, "reach" }, { PEER_BCAST, "bcast" },
};

static const char *const server_errors[] = {
	[CERR_UNSPEC] = "***Server returned an unspecified error",
	[CERR_PERMISSION] = "***Server disallowed request (authentication?)",
	[CERR_BADFMT] = "***Server reports a bad format request packet",
	[CERR_BADOP] = "***Server reports a bad opcode in request",
	[CERR_UNKNOWNVAR] = "***A request variable unknown to the server",
	[CERR_BADVALUE] = "***Server indicates a request variable was bad",
};

static const char *
word(const char *const *words, size_t n, unsigned long i)
{
	return i < n && words[i] != NULL ? words[i] : "unknown";
}

static const char *
bits(const struct bit_word *w, size_t n, unsigned long set, const char *between, struct strb *t)
{
	for (size_t i = 0; i < n; i++) {
		if (set & w[i].bit)
			strb_add(t, "%s%s", t->len > 0 ? between : "", w[i].word);
	}
	return t->buf;
}

unsigned
status_events(uint16_t status)
{
	return status >> 4 & 15;
}

static void
add_events(struct strb *t, uint16_t status)
{
	unsigned n = status_events(status);

	if (n == 0)
		strb_add(t, "no events");
	else
		strb_add(t, "%u event%s", n, n == 1 ? "" : "s");
}

const char *
words_status(enum status_kind kind, uint16_t status, char *buf, size_t cap)
{
	struct strb t = strb_init(buf, cap);

	switch (kind) {
	case STATUS_SYSTEM:
		strb_add(&t, "%s, %s, ", leap_words[status >> 14], word(source_words, NELEMS(source_words), status >> 8 & 0x3f));
		add_events(&t, status);
		strb_add(&t, ", %s", control_event_name(false, status & 15));
		break;
	case STATUS_PEER:
		bits(peer_bits, NELEMS(peer_bits), status >> 8, ", ", &t);
		strb_add(&t, "%ssel_%s, ", t.len > 0 ? ", " : "", words_selection(status));
		add_events(&t, status);
		if ((status & 15) != 0)
			strb_add(&t, ", %s", control_event_name(true, status & 15));
		break;
	case STATUS_CLOCK:
		add_events(&t, status);
		strb_add(&t, ", %s", word(clock_codes, NELEMS(clock_codes), status & 15));
		break;
	}
	return buf;
}

char
words_tally(uint16_t status)
{
	return " x.-+#*o"[status >> 8 & 7];
}

const char *
words_selection(uint16_t status)
{
	return selections[status >> 8 & 7];
}

const char *
words_reach(uint16_t status)
{
	if (status >> 8 & PEER_BCAST)
		return "none";
	return status >> 8 & PEER_REACH ? "yes" : "no";
}

const char *
words_auth(uint16_t status)
{
	if (!(status >> 8 & PEER_AUTHENABLE))
		return "none";
	return status >> 8 & PEER_AUTHENTIC ? "ok" : "bad";
}

const char *
words_last_event(uint16_t status, char *buf, size_t cap)
{
	if ((status & 15) == 0)
		snprintf(buf, cap, "<?0?>");
	else
		snprintf(buf, cap, "%s", last_events[status & 15]);
	return buf;
}

const char *
words_flash(unsigned long flash, char *buf, size_t cap)
{
	struct strb t = strb_init(buf, cap);

	return flash == 0 ? "ok" : bits(flash_bits, NELEMS(flash_bits), flash, ", ", &t);
}

const char *
words_kernel(unsigned long status, char *buf, size_t cap)
{
	struct strb t = strb_init(buf, cap);

	return bits(kernel_bits, NELEMS(kernel_bits), status, " ", &t);
}

const char *
words_mode(unsigned long mode)
{
	return word(modes, NELEMS(modes), mode);
}

const char *
words_server_error(uint8_t code, uint16_t associd, char *buf, size_t cap)
{
	if (code == CERR_BADASSOC)
		snprintf(buf, cap, "***Association ID %u unknown to server", associd);
	else
		snprintf(buf, cap, "%s", server_errors[code < NELEMS(server_errors) ? code : CERR_UNSPEC]);
	return buf;
}

const char *
words_interval(long seconds, char *buf, size_t cap)
{
	/* Each unit, how many of the one before make it, and how many are shown before the next one takes over. */
	static const struct { char unit; long size, most; } units[] = {
		{ 'm', 60, 300 }, { 'h', 60, 96 }, { 'd', 24, 999 }, { 'y', 365, 999 },
	};
	long n = seconds;

	if (seconds <= 0) {
		snprintf(buf, cap, "-");
		return buf;
	}
	if (seconds <= 2048) {
		snprintf(buf, cap, "%ld", seconds);
		return buf;
	}
	for (size_t i = 0; i < NELEMS(units); i++) {
		/* Rounds, a half down. */
		n = (n + (units[i].size - 1) / 2) / units[i].size;
		snprintf(buf, cap, "%ld%c", n, units[i].unit);
		if (n <= units[i].most)
			break;
	}
	return buf;
}

const char *
words_ms(double ms, int width, bool sign, char *buf, size_t cap)
{
	if (isnan(ms)) {
		snprintf(buf, cap, "?");
		return buf;
	}
	for (int decimals = 3; decimals >= 0; decimals--) {
		int n = snprintf(buf, cap, sign ? "%+.*f" : "%.*f", decimals, ms);

		/* Classic ntpq keeps to seven characters; the eighth is better than a wrong number. */
		if (n <= 7 || (decimals == 0 && n <= width))
			return buf;
	}
	snprintf(buf, cap, sign ? "%+.1e" : "%.1e", ms);
	return buf;
}

const char *
words_time(struct ntptime t, struct walltime now, char *buf, size_t cap)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
	};
	struct walltime w;
	struct tm tm;
	time_t seconds;

	if (t.raw == 0) {
		snprintf(buf, cap, "(no time)");
		return buf;
	}
	w = ntptime_to_wall(t, now);
	/* Towards minus infinity, so that the fraction below is that of the wire also before 1970. */
	seconds = (time_t)(w.ns / NS_PER_S - (w.ns % NS_PER_S < 0));
	if (localtime_r(&seconds, &tm) == NULL) {
		snprintf(buf, cap, "%08x.%08x", (uint32_t)(t.raw >> 32), (uint32_t)t.raw);
		return buf;
	}
	snprintf(buf, cap, "%08x.%08x  %s, %s %2d %4d %2d:%02d:%02d.%03u", (uint32_t)(t.raw >> 32), (uint32_t)t.raw,
	    days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (unsigned)((t.raw & UINT32_MAX) * 1000 >> 32));
	return buf;
}

const char *
words_time_iso(struct ntptime t, struct walltime now, char *buf, size_t cap)
{
	struct walltime w = ntptime_to_wall(t, now);
	time_t seconds = (time_t)(w.ns / NS_PER_S - (w.ns % NS_PER_S < 0));
	struct tm tm;
	int n = snprintf(buf, cap, "%08x.%08x", (uint32_t)(t.raw >> 32), (uint32_t)t.raw);

	if (gmtime_r(&seconds, &tm) != NULL)
		snprintf(buf + n, cap - (size_t)n, " %04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec, (unsigned)((t.raw & UINT32_MAX) * 1000 >> 32));
	return buf;
}

const char *
words_refaddr(const struct addr *a, char *buf, size_t cap)
{
	/* Drivers that are still in use; servers name the others themselves (srchost). */
	static const char *const drivers[] = {
		[1] = "LOCAL", [5] = "TRUETIME", [8] = "GENERIC", [18] = "NIST", [20] = "NMEA", [22] = "PPS", [26] = "HPGPS",
		[28] = "SHM", [29] = "PALISADE", [30] = "ONCORE", [46] = "GPSD",
	};
	unsigned driver = a->ip[2];

	if (!addr_is_refclock(a))
		return addr_str(a, buf, cap);
	if (driver < NELEMS(drivers) && drivers[driver] != NULL)
		snprintf(buf, cap, "%s(%u)", drivers[driver], a->ip[3]);
	else
		snprintf(buf, cap, "REFCLOCK(%u,%u)", driver, a->ip[3]);
	return buf;
}
