/* SPDX-License-Identifier: BSD-2-Clause */
/* Labels and variables of the tables. */
#include <string.h>

#include "base/must_use.h"
#include "tables.h"

static const struct table_row sysinfo_rows[] = {
	{ "system peer:", "peeradr", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "system peer mode:", "peermode", COOK_MODE, NULL, KIND_VALUE },
	{ "leap indicator:", "leap", COOK_LEAP, NULL, KIND_VALUE },
	{ "stratum:", "stratum", COOK_UINT, NULL, KIND_VALUE },
	{ "log2 precision:", "precision", COOK_INT, NULL, KIND_VALUE },
	{ "root delay:", "rootdelay", COOK_REAL, NULL, KIND_VALUE },
	{ "root dispersion:", "rootdisp", COOK_REAL, NULL, KIND_VALUE },
	{ "reference ID:", "refid", COOK_REFID, NULL, KIND_VALUE },
	{ "reference time:", "reftime", COOK_TIME, NULL, KIND_VALUE },
	{ "system jitter:", "sys_jitter", COOK_REAL, NULL, KIND_VALUE },
	{ "clock jitter:", "clk_jitter", COOK_REAL, NULL, KIND_VALUE },
	{ "clock wander:", "clk_wander", COOK_REAL, NULL, KIND_VALUE },
	{ "broadcast delay:", "bcastdelay", COOK_REAL, NULL, KIND_VALUE },
	{ "symm. auth. delay:", "authdelay", COOK_REAL, NULL, KIND_VALUE },
};

static const struct table_row sysstats_rows[] = {
	{ "uptime:", "ss_uptime", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "sysstats reset:", "ss_reset", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packets received:", "ss_received", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "current version:", "ss_thisver", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "older version:", "ss_oldver", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad length or format:", "ss_badformat", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "authentication failed:", "ss_badauth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "declined:", "ss_declined", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "restricted:", "ss_restricted", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "rate limited:", "ss_limited", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "KoD responses:", "ss_kodsent", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "processed for time:", "ss_processed", COOK_AS_SENT, NULL, KIND_VALUE },
};

/* Both daemons send the same; NTPsec's ntpq shows the status word as it came. */
#define KERNINFO_ROWS(status_as) \
	{ "pll offset:", "koffset", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "pll frequency:", "kfreq", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "maximum error:", "kmaxerr", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "estimated error:", "kesterr", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "kernel status:", "kstflags", status_as, NULL, KIND_VALUE }, \
	{ "pll time constant:", "ktimeconst", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "precision:", "kprecis", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "frequency tolerance:", "kfreqtol", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "pps frequency:", "kppsfreq", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "pps stability:", "kppsstab", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "pps jitter:", "kppsjitter", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "calibration interval", "kppscalibdur", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "calibration cycles:", "kppscalibs", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "jitter exceeded:", "kppsjitexc", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "stability exceeded:", "kppsstbexc", COOK_AS_SENT, NULL, KIND_VALUE }, \
	{ "calibration errors:", "kppscaliberrs", COOK_AS_SENT, NULL, KIND_VALUE },

static const struct table_row kerninfo_rows[] = {
	KERNINFO_ROWS(COOK_KERNEL)
};

static const struct table_row monstats_rows[] = {
	{ "enabled:", "mru_enabled", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "addresses:", "mru_depth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "peak addresses:", "mru_deepest", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "maximum addresses:", "mru_maxdepth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reclaim above count:", "mru_mindepth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reclaim older than:", "mru_maxage", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "kilobytes:", "mru_mem", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "maximum kilobytes:", "mru_maxmem", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row iostats_rows[] = {
	{ "time since reset:", "iostats_reset", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "receive buffers:", "total_rbuf", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "free receive buffers:", "free_rbuf", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "used receive buffers:", "used_rbuf", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "low water refills:", "rbuf_lowater", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "dropped packets:", "io_dropped", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "ignored packets:", "io_ignored", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "received packets:", "io_received", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packets sent:", "io_sent", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packet send failures:", "io_sendfailed", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "input wakeups:", "io_wakeups", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "useful input wakeups:", "io_goodwakeups", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row timerstats_rows[] = {
	{ "time since reset:", "timerstats_reset", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "timer overruns:", "timer_overruns", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "calls to transmit:", "timer_xmts", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row authinfo_rows[] = {
	{ "time since reset:", "authreset", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "stored keys:", "authkeys", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "free keys:", "authfreek", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "key lookups:", "authklookups", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "keys not found:", "authknotfound", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "uncached keys:", "authkuncached", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "expired keys:", "authkexpired", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "encryptions:", "authencrypts", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "decryptions:", "authdecrypts", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row pstats_rows[] = {
	{ "remote host:", "srcadr", COOK_HOST, "srcport", KIND_VALUE },
	{ "local address:", "dstadr", COOK_ADDR, "dstport", KIND_VALUE },
	{ "time last received:", "timerec", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "time until next send:", "timer", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reachability change:", "timereach", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packets sent:", "sent", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packets received:", "received", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad authentication:", "badauth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bogus origin:", "bogusorg", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "duplicate:", "oldpkt", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad dispersion:", "seldisp", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad reference time:", "selbroken", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "candidate order:", "candidate", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_sysinfo_rows[] = {
	{ "system peer:", "peeradr", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "system peer mode:", "peermode", COOK_MODE, NULL, KIND_VALUE },
	{ "leap indicator:", "leap", COOK_LEAP, NULL, KIND_VALUE },
	{ "stratum:", "stratum", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "log2 precision:", "precision", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "root delay:", "rootdelay", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "root dispersion:", "rootdisp", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "root distance", "rootdist", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reference ID:", "refid", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reference time:", "reftime", COOK_TIME, NULL, KIND_VALUE },
	{ "system jitter:", "sys_jitter", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "clock jitter:", "clk_jitter", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "clock wander:", "clk_wander", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "symm. auth. delay:", "authdelay", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_sysstats_rows[] = {
	{ "uptime:", "ss_uptime", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "control requests:", "ss_numctlreq", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "sysstats reset:", "ss_reset", COOK_AS_SENT, NULL, KIND_UPTIME_2 },
	{ "packets received:", "ss_received", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "current version:", "ss_thisver", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "older version:", "ss_oldver", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "NTPv1 total:", "ss_ver1", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "NTPv1 clients:", "ss_ver1client", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "NTPv1 mode0:", "ss_ver1zero", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "NTPv1 symm act:", "ss_ver1symm", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "bad length or format:", "ss_badformat", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "authentication failed:", "ss_badauth", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "declined:", "ss_declined", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "restricted:", "ss_restricted", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "rate limited:", "ss_limited", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "KoD responses:", "ss_kodsent", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
	{ "processed for time:", "ss_processed", COOK_AS_SENT, NULL, KIND_PACKETS_2 },
};

static const struct table_row ntpsec_kerninfo_rows[] = {
	KERNINFO_ROWS(COOK_AS_SENT)
};

static const struct table_row ntpsec_monstats_rows[] = {
	{ "enabled:", "mru_enabled", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "hash slots in use:", "mru_hashslots", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "addresses in use:", "mru_depth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "peak addresses:", "mru_deepest", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "maximum addresses:", "mru_maxdepth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reclaim above count:", "mru_mindepth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "reclaim maxage:", "mru_maxage", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "reclaim minage:", "mru_minage", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "kilobytes:", "mru_mem", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "maximum kilobytes:", "mru_maxmem", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "alloc: exists:", "mru_exists", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "alloc: new:", "mru_new", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "alloc: recycle old:", "mru_recycleold", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "alloc: recycle full:", "mru_recyclefull", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "alloc: none:", "mru_none", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "age of oldest slot:", "mru_oldest_age", COOK_AS_SENT, NULL, KIND_UPTIME },
};

static const struct table_row ntpsec_iostats_rows[] = {
	{ "time since reset:", "iostats_reset", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "receive buffers:", "total_rbuf", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "free receive buffers:", "free_rbuf", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "used receive buffers:", "used_rbuf", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "low water refills:", "rbuf_lowater", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "dropped packets:", "io_dropped", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "ignored packets:", "io_ignored", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "received packets:", "io_received", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "packets sent:", "io_sent", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "packet send failures:", "io_sendfailed", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "input wakeups:", "io_wakeups", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "useful input wakeups:", "io_goodwakeups", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_timerstats_rows[] = {
	{ "time since reset:", "timerstats_reset", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "timer overruns:", "timer_overruns", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "calls to transmit:", "timer_xmts", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_authinfo_rows[] = {
	{ "time since reset:", "authreset", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "stored keys:", "authkeys", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "free keys:", "authfreek", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "key lookups:", "authklookups", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "keys not found:", "authknotfound", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "encryptions:", "authencrypts", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "digest encryptions:", "authdigestencrypts", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "CMAC encryptions:", "authcmacencrypts", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "decryptions:", "authdecrypts", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "digest decryptions:", "authdigestdecrypts", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "digest failures:", "authdigestfails", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "CMAC decryptions:", "authcmacdecrypts", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "CMAC failures:", "authcmacfails", COOK_AS_SENT, NULL, KIND_PACKETS },
	{ "uncached keys:", "authkuncached", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "expired keys:", "authkexpired", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_pstats_rows[] = {
	{ "remote host:", "srcadr", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "local address:", "dstadr", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "time last received:", "timerec", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "time until next send:", "timer", COOK_AS_SENT, NULL, KIND_UPTIME },
	{ "reachability change:", "timereach", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packets sent:", "sent", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "packets received:", "received", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad authentication:", "badauth", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bogus origin:", "bogusorg", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "duplicate:", "oldpkt", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad dispersion:", "seldisp", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "bad reference time:", "selbroken", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "candidate order:", "candidate", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "count of nts cookies:", "ntscookies", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_ntsinfo_rows[] = {
	{ "NTS client sends:", "nts_client_send", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS client recvs good:", "nts_client_recv_good", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS client recvs w error:", "nts_client_recv_bad", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS server recvs good:", "nts_server_recv_good", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS server recvs w error:", "nts_server_recv_bad", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS server sends:", "nts_server_send", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS make cookies:", "nts_cookie_make", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS decode cookies:", "nts_cookie_decode", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS decode cookies old:", "nts_cookie_decode_old", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS decode cookies old2:", "nts_cookie_decode_old2", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS decode cookies older:", "nts_cookie_decode_older", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS decode cookies too old:", "nts_cookie_decode_too_old", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS decode cookies error:", "nts_cookie_decode_error", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS KE client probes good:", "nts_ke_probes_good", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS KE client probes bad:", "nts_ke_probes_bad", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS KE serves good:", "nts_ke_serves_good", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "NTS KE serves bad:", "nts_ke_serves_bad", COOK_AS_SENT, NULL, KIND_VALUE },
};

static const struct table_row ntpsec_mssntpinfo_rows[] = {
	{ "requests:", "mssntp_serves", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "not served:", "mssntp_serves_no", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "errors:", "mssntp_serves_err", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "served:", "mssntp_serves_good", COOK_AS_SENT, NULL, KIND_VALUE },
	{ "refused:", "mssntp_serves_bad", COOK_AS_SENT, NULL, KIND_VALUE },
};

#define TABLE(name, width, status)	{ #name, name ## _rows, NELEMS(name ## _rows), width, status }
#define NTPSEC(name, width, status)	{ #name, ntpsec_ ## name ## _rows, NELEMS(ntpsec_ ## name ## _rows), width, status }

static const struct table classic[] = {
	TABLE(sysinfo, 20, true),
	TABLE(sysstats, 24, false),
	TABLE(kerninfo, 23, true),
	TABLE(monstats, 22, false),
	TABLE(iostats, 24, false),
	TABLE(timerstats, 21, false),
	TABLE(authinfo, 19, false),
	TABLE(pstats, 23, true),
};

static const struct table ntpsec[] = {
	NTPSEC(sysinfo, 18, true),
	NTPSEC(sysstats, 22, false),
	NTPSEC(kerninfo, 21, true),
	NTPSEC(monstats, 22, false),
	NTPSEC(iostats, 22, false),
	NTPSEC(timerstats, 19, false),
	NTPSEC(authinfo, 21, false),
	NTPSEC(pstats, 22, true),
	NTPSEC(ntsinfo, 27, false),
	NTPSEC(mssntpinfo, 18, false),
};

static const struct table *
find(const struct table *tables, size_t n, const char *command)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(tables[i].command, command) == 0)
			return &tables[i];
	}
	return NULL;
}

const struct table *
table_find(const char *command, enum layout layout)
{
	const struct table *t = layout == LAYOUT_CLASSIC ? find(classic, NELEMS(classic), command) : NULL;

	return t != NULL ? t : find(ntpsec, NELEMS(ntpsec), command);
}

bool
table_is_ntpsec(const struct table *t)
{
	return t >= ntpsec && t < ntpsec + NELEMS(ntpsec);
}
