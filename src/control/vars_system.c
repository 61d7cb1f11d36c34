/* SPDX-License-Identifier: BSD-2-Clause */
/* The system's variables. */
#include <inttypes.h>
#include <stdio.h>

#include "control/vars.h"
#include "vars_table.h"

static void
put_version(struct text *t, const struct var_subject *s)
{
	text_quote(t, s->v->version, VARS_VERSION_MAX);
}

static void
put_processor(struct text *t, const struct var_subject *s)
{
	if (s->v->uts != NULL)
		text_quote(t, s->v->uts->machine, VARS_PROCESSOR_MAX);
}

static void
put_system(struct text *t, const struct var_subject *s)
{
	char both[sizeof(s->v->uts->sysname) + sizeof(s->v->uts->release) + 1];

	if (s->v->uts == NULL)
		return;
	snprintf(both, sizeof(both), "%s/%s", s->v->uts->sysname, s->v->uts->release);
	text_quote(t, both, VARS_SYSTEM_MAX);
}

static void
put_release(struct text *t, const struct var_subject *s)
{
	if (s->v->uts != NULL)
		text_quote(t, s->v->uts->release, VARS_SYSTEM_MAX);
}

static void
put_rootdelay(struct text *t, const struct var_subject *s)
{
	put_root_ms(t, s->v->system->vars.rootdelay);
}

static void
put_rootdisp(struct text *t, const struct var_subject *s)
{
	put_root_ms(t, sysvars_rootdisp(&s->v->system->vars, s->v->now.mono));
}

static void
put_rootdist(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, sysvars_rootdist(&s->v->system->vars, s->v->now.mono));
}

static void
put_sys_refid(struct text *t, const struct var_subject *s)
{
	const struct sysvars *v = &s->v->system->vars;
	bool free_running = v->stratum == STRATUM_UNSYNC && v->refid == REFID_FREE;

	/* ntpd shows its own address then; on the wire that would be read as a kiss code, which FREE is meant to be. */
	put_refid(t, free_running ? 2 : v->stratum, free_running ? REFID(127, 0, 0, 1) : v->refid);
}

static void
put_clock(struct text *t, const struct var_subject *s)
{
	put_stamp(t, walltime_to_ntp(s->v->now.wall));
}

static void
put_mintc(struct text *t, const struct var_subject *s)
{
	(void)s;
	text_add(t, "%d", POLL_MIN);
}

static void
put_tai(struct text *t, const struct var_subject *s)
{
	if (s->v->system->vars.tai > 0)
		text_add(t, "%d", s->v->system->vars.tai);
}

/* YYYYMMDDHHMM, UTC. */
static void
put_minute(struct text *t, struct walltime when)
{
	time_t seconds = (time_t)(when.ns / NS_PER_S);
	struct tm tm;
	char text[32];

	if (when.ns != 0 && gmtime_r(&seconds, &tm) != NULL && strftime(text, sizeof(text), "%Y%m%d%H%M", &tm) > 0)
		text_add(t, "%s", text);
}

static void
put_leapsec(struct text *t, const struct var_subject *s)
{
	put_minute(t, s->v->leapsec);
}

static void
put_expire(struct text *t, const struct var_subject *s)
{
	put_minute(t, s->v->leap_expire);
}

/* Where leap seconds are smeared for clients at all. */
static void
put_smear_interval(struct text *t, const struct var_subject *s)
{
	if (s->v->system->smear > 0)
		text_add(t, "%.0f", s->v->system->smear);
}

static void
put_smear_offset(struct text *t, const struct var_subject *s)
{
	if (s->v->system->smear > 0)
		put_ms(t, 6, leap_smear_offset(&s->v->system->vars.smear, s->v->now.mono));
}

static void
put_kernel_clock(struct text *t, const struct var_subject *s)
{
	text_quote(t, s->v->steers_host ? "steered" : "left alone", SIZE_MAX);
}

static void
put_settimeofday(struct text *t, const struct var_subject *s)
{
	text_quote(t, s->v->steers_host ? "adjtimex" : "", SIZE_MAX);
}

static void
put_sys_var_list(struct text *t, const struct var_subject *s)
{
	put_names(t, vars_system, vars_system_len, s->v->setvars, s->v->nsetvars);
}

static void
put_peeradr(struct text *t, const struct var_subject *s)
{
	const struct assoc *a = control_view_assoc(s->v, s->v->system->vars.peer);
	const struct addr none = { .family = 4 };
	char buf[ADDR_STR_MAX];

	text_add(t, "%s", addr_port_str(a != NULL ? &a->addr : &none, buf, sizeof(buf)));
}

static void
put_peermode(struct text *t, const struct var_subject *s)
{
	text_add(t, "%d", control_view_assoc(s->v, s->v->system->vars.peer) != NULL ? MODE_CLIENT : MODE_RESERVED);
}

static void
put_mru_enabled(struct text *t, const struct var_subject *s)
{
	bool limited = s->v->restricts != NULL && restrict_uses(s->v->restricts, RESTRICT_LIMITED);

	text_add(t, "0x%x", (s->v->monitor ? 1u : 0u) | (limited ? 2u : 0u));
}

static void
put_mru_oldest_age(struct text *t, const struct var_subject *s)
{
	const struct mru_stats *m = &s->v->mru_stats;

	text_add(t, "%.0f", m->oldest.ns != 0 ? trunc(monotime_diff(s->v->now.mono, m->oldest)) : 0);
}

/* What the kernel counts in ns or µs, as ms. */
static void
put_kernel_fine(struct text *t, const struct var_subject *s, long value)
{
	bool nano = s->v->kernel != NULL && (s->v->kernel->status & STA_NANO) != 0;

	text_add(t, "%g", (double)value * (nano ? 1e-6 : 1e-3));
}

static void
put_koffset(struct text *t, const struct var_subject *s)
{
	put_kernel_fine(t, s, s->v->kernel != NULL ? s->v->kernel->offset : 0);
}

static void
put_kppsjitter(struct text *t, const struct var_subject *s)
{
	put_kernel_fine(t, s, s->v->kernel != NULL ? s->v->kernel->jitter : 0);
}

static void
put_kppscalibdur(struct text *t, const struct var_subject *s)
{
	int shift = s->v->kernel != NULL ? s->v->kernel->shift : 0;

	text_add(t, "%d", shift > 0 && shift < 31 ? 1 << shift : 0);
}

static void
put_kstflags(struct text *t, const struct var_subject *s)
{
	static const struct { int bit; const char *word; } words[] = {
		{ STA_PLL, "pll" }, { STA_PPSFREQ, "ppsfreq" }, { STA_PPSTIME, "ppstime" }, { STA_FLL, "fll" }, { STA_INS, "ins" },
		{ STA_DEL, "del" }, { STA_UNSYNC, "unsync" }, { STA_FREQHOLD, "freqhold" }, { STA_PPSSIGNAL, "ppssignal" },
		{ STA_PPSJITTER, "ppsjitter" }, { STA_PPSWANDER, "ppswander" }, { STA_PPSERROR, "ppserror" },
		{ STA_CLOCKERR, "clockerr" }, { STA_NANO, "nano" }, { STA_MODE, "mode=fll" }, { STA_CLK, "src=B" },
	};
	int status = s->v->kernel != NULL ? s->v->kernel->status : 0;
	bool any = false;

	text_add(t, "\"");
	for (size_t i = 0; i < NELEMS(words); i++) {
		if ((status & words[i].bit) == 0)
			continue;
		text_add(t, "%s%s", any ? " " : "", words[i].word);
		any = true;
	}
	text_add(t, "\"");
}

/* The default set, in ntpd's order; clients look for tc before mintc, and for the first of them in the first datagram. */
#define DEFAULT_ROWS \
	{ "version",	true,	FUNCTION(put_version),		"name and version of the daemon" }, \
	{ "processor",	true,	FUNCTION(put_processor),	"machine, as uname says" }, \
	{ "system",	true,	FUNCTION(put_system),		"kernel and its release" }, \
	{ "leap",	true,	SYSVAR(AS_UINT, leap),		"leap indicator; 3 = not synchronised" }, \
	{ "stratum",	true,	SYSVAR(AS_UINT, stratum),	"1 to 15; 16 = not synchronised" }, \
	{ "precision",	true,	SYSVAR(AS_INT, precision),	"precision of our clock, log2 s" }, \
	{ "rootdelay",	true,	FUNCTION(put_rootdelay),	"round-trip delay to the primary source, ms" }, \
	{ "rootdisp",	true,	FUNCTION(put_rootdisp),		"dispersion to the primary source, ms" }, \
	{ "refid",	true,	FUNCTION(put_sys_refid),	"reference ID: the system peer, or why there is none" }, \
	{ "reftime",	true,	SYSVAR(AS_STAMP, reftime),	"when the clock was last corrected" }, \
	{ "clock",	true,	FUNCTION(put_clock),		"our time now" }, \
	{ "peer",	true,	SYSVAR(AS_UINT, peer),		"association ID of the system peer, 0 = none" }, \
	{ "tc",		true,	SYSVAR(AS_UINT, tc),		"time constant: poll exponent of the system peer, log2 s" }, \
	{ "mintc",	true,	FUNCTION(put_mintc),		"least time constant, log2 s" }, \
	{ "offset",	true,	SYSVAR(AS_MS6, offset),		"combined offset, server minus us, ms" }, \
	{ "frequency",	true,	SYSVAR(AS_PPM3, freq),		"frequency correction in force, ppm" }, \
	{ "sys_jitter",	true,	SYSVAR(AS_MS6, sys_jitter),	"combined system jitter, ms" }, \
	{ "clk_jitter",	true,	SYSVAR(AS_MS3, clk_jitter),	"jitter of our clock, ms" }, \
	{ "clk_wander",	true,	SYSVAR(AS_PPM3, clk_wander),	"frequency wander of our clock, ppm" }, \
	{ "tai",	true,	FUNCTION(put_tai),		"TAI minus UTC, s, if known" }, \
	{ "leapsec",	true,	FUNCTION(put_leapsec),		"next or last leap second, if known" }, \
	{ "expire",	true,	FUNCTION(put_expire),		"when the leap file expires, if there is one" }, \
	{ "leapsmearinterval", true, FUNCTION(put_smear_interval), "over how long inserted seconds are smeared for clients, s" }, \
	{ "leapsmearoffset", true, FUNCTION(put_smear_offset),	"by which clients are told another time than ours just now, ms" }, \
	{ "rootdist",	true,	FUNCTION(put_rootdist),		"root distance: half the root delay and the root dispersion, ms" }, \
	{ "est_error",	true,	SYSVAR(AS_MS6, est_error),	"estimated error of the offset, standard deviation, ms" }, \
	{ "clock_driver", true,	VIEW(AS_STRING, clock_driver),	"the clock that is steered" }, \
	{ "kernel_clock", true,	FUNCTION(put_kernel_clock),	"what is done with the kernel's clock" }

#define OTHER_ROWS \
	{ "release",	false,	FUNCTION(put_release),		"kernel release" }, \
	{ "sys_var_list", false, FUNCTION(put_sys_var_list),	"names of all system variables" }, \
	{ "peeradr",	false,	FUNCTION(put_peeradr),		"address and port of the system peer" }, \
	{ "peermode",	false,	FUNCTION(put_peermode),		"our mode towards the system peer" }, \
	{ "bcastdelay",	false,	VIEW(AS_MS3, bcastdelay),	"delay assumed of broadcasts, ms; below 0: it is measured" }, \
	{ "authdelay",	false,	PLAIN(AS_ZERO3),		"delay of computing a MAC, ms" }, \
	{ "fuzz",	false,	PLAIN(AS_ZERO6),		"what readings of our clock are blurred by, ms: nothing" }, \
	{ "clk_wander_threshold", false, VIEW(AS_PPM3, wander_threshold), "change of frequency above which the drift file is written, ppm" }, \
	{ "daemon_version", false, FUNCTION(put_version),	"name and version of the daemon, once more" }, \
	{ "savedconfig", false,	VIEW(AS_STRING, savedconfig),	"file that the configuration has been saved to last" }, \
	{ "settimeofday", false, FUNCTION(put_settimeofday),	"the call that sets the kernel's clock, if we do" }, \
	{ "lockclock",	false,	PLAIN(AS_ZERO),			"whether another program is trusted to keep the clock" }

#define MRU_ROWS \
	{ "mru_enabled", false,	FUNCTION(put_mru_enabled),	"bit 0: enable monitor; bit 1: a restrict line is limited" }, \
	{ "mru_depth",	false,	VIEW(AS_UINT, mru_stats.depth),	"addresses in the list" }, \
	{ "mru_deepest", false,	VIEW(AS_UINT, mru_stats.deepest), "most addresses there were" }, \
	{ "mru_mindepth", false, VIEW(AS_UINT, mru_stats.mindepth), "addresses below which none is recycled" }, \
	{ "mru_maxdepth", false, VIEW(AS_UINT, mru_stats.maxdepth), "addresses at most" }, \
	{ "mru_maxage",	false,	VIEW(AS_SECONDS, mru_stats.maxage), "age above which an address is recycled, s" }, \
	{ "mru_minage",	false,	VIEW(AS_SECONDS, mru_stats.minage), "age below which none is recycled, s" }, \
	{ "mru_mem",	false,	VIEW(AS_KB, mru_stats.mem),	"memory in use, kB" }, \
	{ "mru_maxmem",	false,	VIEW(AS_KB, mru_stats.maxmem),	"memory at most, kB" }, \
	{ "mru_hashslots", false, VIEW(AS_UINT, mru_stats.slots), "hash slots in use" }, \
	{ "mru_exists",	false,	VIEW(AS_UINT, mru_stats.exists), "packets from addresses in the list" }, \
	{ "mru_new",	false,	VIEW(AS_UINT, mru_stats.added),	"addresses added in fresh memory" }, \
	{ "mru_recycleold", false, VIEW(AS_UINT, mru_stats.recycled_old), "addresses added in place of one above maxage" }, \
	{ "mru_recyclefull", false, VIEW(AS_UINT, mru_stats.recycled_full), "addresses added in place of a younger one" }, \
	{ "mru_none",	false,	VIEW(AS_UINT, mru_stats.none),	"addresses not added" }, \
	{ "mru_oldest_age", false, FUNCTION(put_mru_oldest_age), "age of the oldest entry, s" }

#define COUNTER_ROW(name, prose) \
	{ "ss_" #name,		false,	COUNTER(name),	prose }, \
	{ "ss_" #name "_r",	false,	TOTAL(name),	prose ", since start" },

#define SYSSTATS_ROWS \
	{ "ss_uptime",	false,	VIEW(AS_AGO, start),		"time since start, s" }, \
	{ "ss_reset",	false,	VIEW(AS_AGO, reset.sys),		"time since the counters were reset, s" }, \
	{ "ss_reset_r",	false,	VIEW(AS_AGO, start),		"time since start, s" }, \
	SERVER_COUNTERS(COUNTER_ROW) \
	{ "ss_lamport",	false,	PLAIN(AS_ZERO),			"Lamport violations: not counted" }, \
	{ "ss_tsrounding", false, PLAIN(AS_ZERO),		"timestamp rounding errors: none" }, \
	{ "ss_numctlreq", false, VIEW(AS_UINT, count.control),	"control requests" }, \
	{ "ss_numctlreq_r", false, VIEW(AS_UINT, control_total), "control requests, since start" }

#define MSSNTP(name, form, member, prose) \
	{ "mssntp_" #name,	false,	VIEW(form, mssntp.member),	prose }, \
	{ "mssntp_" #name "_r",	false,	VIEW(form, mssntp_total.member), prose ", since start" }

#define MSSNTP_ROWS \
	MSSNTP(serves,		AS_UINT, serves,	"requests that Samba signs the answers to"), \
	MSSNTP(serves_no,	AS_UINT, serves_no,	"not signed: Samba could not be reached, or too many waited"), \
	MSSNTP(serves_err,	AS_UINT, serves_err,	"not signed: Samba did not answer, or nonsense"), \
	MSSNTP(serves_good,	AS_UINT, serves_good,	"signed"), \
	MSSNTP(serves_good_wall, AS_NS_S, good_wall,	"time that the signed took, s"), \
	MSSNTP(serves_good_slowest, AS_NS_S, good_slowest, "time that the slowest of them took, s"), \
	MSSNTP(serves_bad,	AS_UINT, serves_bad,	"refused by Samba"), \
	MSSNTP(serves_bad_wall,	AS_NS_S, bad_wall,	"time that the refused took, s"), \
	MSSNTP(serves_bad_slowest, AS_NS_S, bad_slowest, "time that the slowest of them took, s")

#define AUTH_ROWS \
	{ "authreset",	false,	VIEW(AS_AGO, reset.auth),		"time since the counters were reset, s" }, \
	{ "authkeys",	false,	VIEW(AS_UINT, count.authkeys),	"keys held" }, \
	{ "authfreek",	false,	VIEW(AS_UINT, count.authfreek),	"room for further keys" }, \
	{ "authklookups", false, VIEW(AS_UINT, count.authklookups), "key lookups" }, \
	{ "authknotfound", false, VIEW(AS_UINT, count.authknotfound), "keys not found" }, \
	{ "authkuncached", false, PLAIN(AS_ZERO),		"lookups outside a cache: there is none" }, \
	{ "authkexpired", false, PLAIN(AS_ZERO),		"keys expired: none do" }, \
	{ "authencrypts", false, VIEW(AS_UINT, count.authencrypts), "MACs made" }, \
	{ "authdigestencrypts", false, VIEW(AS_UINT, count.authdigestencrypts), "MACs made by digest" }, \
	{ "authcmacencrypts", false, VIEW(AS_UINT, count.authcmacencrypts), "MACs made by CMAC" }, \
	{ "authdecrypts", false, VIEW(AS_UINT, count.authdecrypts), "MACs checked" }, \
	{ "authdigestdecrypts", false, VIEW(AS_UINT, count.authdigestdecrypts), "MACs checked by digest" }, \
	{ "authdigestfails", false, VIEW(AS_UINT, count.authdigestfails), "digests that were wrong" }, \
	{ "authcmacdecrypts", false, VIEW(AS_UINT, count.authcmacdecrypts), "MACs checked by CMAC" }, \
	{ "authcmacfails", false, VIEW(AS_UINT, count.authcmacfails), "CMACs that were wrong" }

#define KERNEL_ROWS \
	{ "koffset",	false,	FUNCTION(put_koffset),		"offset the kernel is slewing out, ms" }, \
	{ "kfreq",	false,	KERNEL(AS_SCALED_PPM, freq),	"frequency of the kernel's clock, ppm" }, \
	{ "kmaxerr",	false,	KERNEL(AS_US_MS, maxerror),	"maximum error the kernel states, ms" }, \
	{ "kesterr",	false,	KERNEL(AS_US_MS, esterror),	"estimated error the kernel states, ms" }, \
	{ "kstflags",	false,	FUNCTION(put_kstflags),		"status words of the kernel's clock" }, \
	{ "ktimeconst",	false,	KERNEL(AS_INT, constant),	"time constant of the kernel's loop, log2 s" }, \
	{ "kprecis",	false,	KERNEL(AS_US_MS, precision),	"precision the kernel states, ms" }, \
	{ "kfreqtol",	false,	KERNEL(AS_SCALED_PPM, tolerance), "frequency tolerance of the kernel, ppm" }, \
	{ "kppsfreq",	false,	KERNEL(AS_SCALED_PPM, ppsfreq),	"PPS frequency, ppm" }, \
	{ "kppsstab",	false,	KERNEL(AS_SCALED_PPM, stabil),	"PPS stability, ppm" }, \
	{ "kppsjitter",	false,	FUNCTION(put_kppsjitter),	"PPS jitter, ms" }, \
	{ "kppscalibdur", false, FUNCTION(put_kppscalibdur),	"PPS calibration interval, s" }, \
	{ "kppscalibs",	false,	KERNEL(AS_INT, calcnt),		"PPS calibrations" }, \
	{ "kppscaliberrs", false, KERNEL(AS_INT, errcnt),	"PPS calibrations that failed" }, \
	{ "kppsjitexc",	false,	KERNEL(AS_INT, jitcnt),		"PPS pulses with too much jitter" }, \
	{ "kppsstbexc",	false,	KERNEL(AS_INT, stbcnt),		"PPS calibrations with too much wander" }

#define IO_ROWS \
	{ "iostats_reset", false, VIEW(AS_AGO, reset.io),		"time since the counters were reset, s" }, \
	{ "total_rbuf",	false,	VIEW(AS_UINT, count.rbuf_total), "receive buffers" }, \
	{ "free_rbuf",	false,	VIEW(AS_UINT, count.rbuf_free),	"receive buffers free" }, \
	{ "used_rbuf",	false,	VIEW(AS_UINT, count.rbuf_used),	"receive buffers in use" }, \
	{ "rbuf_lowater", false, VIEW(AS_UINT, count.rbuf_lowater), "times that buffers ran low" }, \
	{ "io_dropped",	false,	VIEW(AS_UINT, count.io_dropped), "packets dropped" }, \
	{ "io_ignored",	false,	VIEW(AS_UINT, count.io_ignored), "packets ignored" }, \
	{ "io_received", false,	VIEW(AS_UINT, count.io_received), "packets received" }, \
	{ "io_sent",	false,	VIEW(AS_UINT, count.io_sent),	"packets sent" }, \
	{ "io_sendfailed", false, VIEW(AS_UINT, count.io_sendfailed), "packets that could not be sent" }, \
	{ "io_wakeups",	false,	VIEW(AS_UINT, count.io_wakeups), "wake-ups by sockets" }, \
	{ "io_goodwakeups", false, VIEW(AS_UINT, count.io_goodwakeups), "wake-ups that brought a packet" }, \
	{ "io_pkt_reads", false, VIEW(AS_UINT, count.io_pkt_reads), "reads of sockets" }, \
	{ "io_ref_reads", false, VIEW(AS_UINT, count.io_ref_reads), "reads of reference clocks" }, \
	{ "timerstats_reset", false, VIEW(AS_AGO, reset.timer),	"time since the counters were reset, s" }, \
	{ "timer_overruns", false, VIEW(AS_UINT, count.timer_overruns), "timers that were missed" }, \
	{ "timer_xmts",	false,	VIEW(AS_UINT, count.timer_xmts), "polls sent by timers" }

/* Network Time Security, since reset and since start. */
#define NTS_COUNT(name, of, prose) \
	{ "nts_" name,		false,	VIEW(AS_RARE, nts.of),		"NTS: " prose }, \
	{ "nts_" name "_r",	false,	VIEW(AS_RARE, nts_total.of),	"NTS: " prose ", since start" }
#define NTS_SUM(name, of, prose) \
	NTS_COUNT(name, of.n, prose), \
	{ "nts_" name "_wall",	false,	VIEW(AS_RARE3, nts.of.wall),	"NTS: time they took, s" }, \
	{ "nts_" name "_wall_r", false,	VIEW(AS_RARE3, nts_total.of.wall), "NTS: time they took since start, s" }, \
	{ "nts_" name "_cpu",	false,	VIEW(AS_RARE3, nts.of.cpu),	"NTS: time of the processor, s" }, \
	{ "nts_" name "_cpu_r",	false,	VIEW(AS_RARE3, nts_total.of.cpu), "NTS: time of the processor since start, s" }

#define NTS_ROWS \
	NTS_COUNT("client_send", client.sent, "protected requests sent"), \
	NTS_COUNT("client_recv_good", client.good, "replies that were rightly protected"), \
	NTS_COUNT("client_recv_bad", client.bad, "replies that were not"), \
	NTS_COUNT("cookie_decode", warden.cookie_decode_current, "cookies opened by the present key"), \
	NTS_SUM("ke_serves_good", ke.good, "key exchanges served"), \
	NTS_SUM("ke_serves_nossl", ke.nossl, "connections that never came to TLS"), \
	NTS_SUM("ke_serves_bad", ke.bad, "key exchanges that failed after TLS was agreed upon"), \
	NTS_COUNT("ke_probes_good", probes.probes_good, "key exchanges of our sources"), \
	NTS_COUNT("ke_probes_bad", probes.probes_bad, "those that failed")

const struct var_row vars_system[] = {
	DEFAULT_ROWS,
	OTHER_ROWS,
	MRU_ROWS,
	SYSSTATS_ROWS,
	MSSNTP_ROWS,
	AUTH_ROWS,
	KERNEL_ROWS,
	IO_ROWS,
	NTS_ROWS,
#define X(name, prose)	NTS_COUNT(#name, warden.name, prose),
	WARDEN_COUNTERS(X)
#undef X
};
const size_t vars_system_len = NELEMS(vars_system);

_Static_assert(NELEMS(vars_system) <= VARS_MAX, "struct var_set has room for every row");
