/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every directive and option that ntpd 4.2.8 and NTPsec know, and the words of still older releases that inherited files have.
 *
 * What a row says no effect of is still checked as far as its table goes, so that a typing error shows.
 */
#include <string.h>

#include "base/ntp.h"
#include "server/listener.h"
#include "reader.h"

#define SECONDS_MAX	1e9	/* s, about thirty years: beyond it a value is a typing error */
#define KEY_MAX		65535
#define COUNT_MAX	2147483647
#define AUTOKEY		"Autokey, which nobody should use any more"
#define AEADS		"AES_SIV_CMAC_256 AES_SIV_CMAC_384 AES_SIV_CMAC_512"
#define PATH		(NTS_PATH_MAX - 1)
#define FIELD(f)	offsetof(struct config, f)
#define LINE(f)		offsetof(struct source_line, f)
#define OPTS(f)		offsetof(struct source_line, source.opts.f)
#define LINE_CLOCK(f)	LINE(source.clock.f)

static const struct option source_options[] = {
	{ .name = "iburst", .type = OPT_SET, .offset = OPTS(iburst), .prose = "a burst of requests while the server is unreachable" },
	{ .name = "burst", .type = OPT_SET, .offset = OPTS(burst), .prose = "a burst of requests at each poll" },
	{ .name = "minpoll", .type = OPT_INT8, .flags = OPTION_CLAMP, .offset = OPTS(minpoll), .min = POLL_MIN, .max = POLL_MAX,
	    .prose = "shortest poll exponent, log2 s" },
	{ .name = "maxpoll", .type = OPT_INT8, .flags = OPTION_CLAMP, .offset = OPTS(maxpoll), .min = POLL_MIN, .max = POLL_MAX,
	    .prose = "longest poll exponent, log2 s" },
	{ .name = "prefer", .type = OPT_SET, .offset = OPTS(prefer), .prose = "system peer if it is a survivor" },
	{ .name = "noselect", .type = OPT_SET, .offset = OPTS(noselect), .prose = "measured and shown, never selected" },
	{ .name = "true", .type = OPT_SET, .offset = OPTS(always), .prose = "always counted as a truechimer" },
	{ .name = "preempt", .type = OPT_SET, .offset = OPTS(preempt), .prose = "dropped when there are enough others" },
	{ .name = "version", .type = OPT_UINT8, .offset = OPTS(version), .min = NTP_VERSION_MIN, .max = NTP_VERSION,
	    .prose = "version number of requests" },
	{ .name = "bias", .type = OPT_DOUBLE, .offset = OPTS(bias), .min = -SECONDS_MAX, .max = SECONDS_MAX,
	    .prose = "s, added to each offset measured" },
	{ .name = "xmtnonce", .type = OPT_SET, .offset = NOWHERE, .prose = "random transmit timestamps, which all requests have" },
	{ .name = "mode", .type = OPT_UINT32, .flags = OPTION_ON_CLOCK, .offset = LINE_CLOCK(mode), .max = UINT32_MAX,
	    .prose = "mode word of a driver" },
	{ .name = "key", .type = OPT_UINT32, .offset = OPTS(key), .min = 1, .max = KEY_MAX,
	    .prose = "symmetric key that signs requests and must have signed replies" },
	{ .name = "xleave", .type = OPT_SET, .offset = OPTS(xleave), .prose = "interleaved mode, where the other side does it too" },
	{ .name = "ttl", .type = OPT_UINT8, .flags = OPTION_ON_NET, .offset = OPTS(ttl), .max = 7,
	    .prose = "index into the ttl list, for broadcast and manycast" },
	{ .name = "nts", .type = OPT_SET, .flags = OPTION_ON_NET, .offset = OPTS(nts.on), .prose = "Network Time Security" },
	{ .name = "noval", .type = OPT_SET, .flags = OPTION_ON_NET, .offset = OPTS(nts.noval), .prose = "NTS: certificates go unchecked" },
	{ .name = "ca", .type = OPT_STRING, .flags = OPTION_ON_NET, .offset = OPTS(nts.ca), .max = PATH, .prose = "NTS: trusted certificates" },
	{ .name = "aead", .type = OPT_CHOICE, .flags = OPTION_ON_NET, .offset = OPTS(nts.aead), .choices = AEADS, .prose = "NTS: algorithm" },
	{ .name = "ask", .type = OPT_STRING, .standing = RELIC, .flags = OPTION_ON_NET, .offset = NOWHERE, .prose = "NTS: never implemented" },
	{ .name = "require", .type = OPT_STRING, .standing = RELIC, .flags = OPTION_ON_NET, .offset = NOWHERE, .prose = "NTS: never implemented" },
	{ .name = "cert", .type = OPT_STRING, .standing = RELIC, .flags = OPTION_ON_NET, .offset = NOWHERE, .prose = "NTS: never implemented" },
	{ .name = "expire", .type = OPT_STRING, .standing = RELIC, .flags = OPTION_ON_NET, .offset = NOWHERE, .prose = "NTS: never implemented" },
	{ .name = "autokey", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "ident", .type = OPT_STRING, .standing = RELIC, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "dynamic", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "unresolved names are always tried again" },
};

/* fudge of ntpd, and the same words on NTPsec's refclock lines; F(f) is where field f of a struct refclock_opts is. */
#define FUDGE_OPTIONS(F) \
	{ .name = "time1", .type = OPT_DOUBLE, .offset = F(time1), .min = -SECONDS_MAX, .max = SECONDS_MAX, .prose = "s, added to the time" }, \
	{ .name = "time2", .type = OPT_DOUBLE, .offset = F(time2), .min = -SECONDS_MAX, .max = SECONDS_MAX, .prose = "s, as the driver has it" }, \
	{ .name = "stratum", .type = OPT_INT, .offset = F(stratum), .max = STRATUM_UNSYNC, .prose = "stratum of the clock" }, \
	{ .name = "refid", .type = OPT_STRING, .offset = F(refid), .max = 4, .prose = "reference ID, four characters" }, \
	{ .name = "flag1", .type = OPT_BOOL, .offset = F(flag[0]), .max = 1, .prose = "as the driver has it" }, \
	{ .name = "flag2", .type = OPT_BOOL, .offset = F(flag[1]), .max = 1, .prose = "as the driver has it" }, \
	{ .name = "flag3", .type = OPT_BOOL, .offset = F(flag[2]), .max = 1, .prose = "as the driver has it" }, \
	{ .name = "flag4", .type = OPT_BOOL, .offset = F(flag[3]), .max = 1, .prose = "as the driver has it" }, \
	{ .name = "minjitter", .type = OPT_DOUBLE, .offset = F(minjitter), .max = SECONDS_MAX, .prose = "s, floor of the jitter estimate" }, \
	{ .name = "abbrev", .type = OPT_STRING, .offset = F(abbrev), .max = REFCLOCK_NAME_MAX - 1, .prose = "name that ntpq shows" }
#define CLOCK(f)	offsetof(struct refclock_opts, f)

static const struct option fudge_options[] = { FUDGE_OPTIONS(CLOCK) };

const struct option refclock_options[] = {
	FUDGE_OPTIONS(LINE_CLOCK),
	{ .name = "unit", .type = OPT_UINT8, .offset = LINE_CLOCK(unit), .max = 255, .prose = "unit number" },
	{ .name = "path", .type = OPT_STRING, .offset = LINE_CLOCK(path), .max = REFCLOCK_PATH_MAX - 1, .prose = "device" },
	{ .name = "ppspath", .type = OPT_STRING, .offset = LINE_CLOCK(ppspath), .max = REFCLOCK_PATH_MAX - 1, .prose = "PPS device" },
	{ .name = "baud", .type = OPT_INT, .offset = LINE_CLOCK(baud), .max = 4000000, .prose = "speed of the serial line" },
	{ .name = "subtype", .type = OPT_INT, .offset = LINE_CLOCK(subtype), .max = COUNT_MAX, .prose = "kind of receiver" },
	{ .name = "mode", .type = OPT_UINT32, .offset = LINE_CLOCK(mode), .max = UINT32_MAX, .prose = "mode word of the driver" },
	{ .name = "prefer", .type = OPT_SET, .offset = OPTS(prefer), .prose = "system peer if it is a survivor" },
	{ .name = "noselect", .type = OPT_SET, .offset = OPTS(noselect), .prose = "measured and shown, never selected" },
	{ .name = "true", .type = OPT_SET, .offset = OPTS(always), .prose = "always counted as a truechimer" },
	{ .name = "minpoll", .type = OPT_INT8, .flags = OPTION_CLAMP, .offset = OPTS(minpoll), .min = POLL_MIN, .max = POLL_MAX,
	    .prose = "poll exponent, log2 s" },
	{ .name = "maxpoll", .type = OPT_INT8, .flags = OPTION_CLAMP, .offset = OPTS(maxpoll), .min = POLL_MIN, .max = POLL_MAX,
	    .prose = "not more than this" },
	{ .name = "key", .type = OPT_UINT32, .offset = NOWHERE, .min = 1, .max = KEY_MAX, .prose = "of no use on a reference clock" },
	{ .name = "version", .type = OPT_INT, .offset = NOWHERE, .min = NTP_VERSION_MIN, .max = NTP_VERSION, .prose = "of no use on a reference clock" },
	{ .name = "bias", .type = OPT_DOUBLE, .offset = OPTS(bias), .min = -SECONDS_MAX, .max = SECONDS_MAX, .prose = "s, added to each offset" },
	{ .name = "iburst", .type = OPT_SET, .offset = NOWHERE, .prose = "of no use on a reference clock" },
	{ .name = "burst", .type = OPT_SET, .offset = NOWHERE, .prose = "of no use on a reference clock" },
	{ .name = "preempt", .type = OPT_SET, .offset = OPTS(preempt), .prose = "dropped when there are enough others" },
};
const size_t refclock_option_count = NELEMS(refclock_options);

static const struct option device_options[] = {
	{ .name = "timedata", .type = OPT_STRING, .offset = CLOCK(path), .max = REFCLOCK_PATH_MAX - 1, .prose = "device that gives the time" },
	{ .name = "ppsdata", .type = OPT_STRING, .offset = CLOCK(ppspath), .max = REFCLOCK_PATH_MAX - 1, .prose = "device that gives the pulses" },
};

static const struct option tos_options[] = {
	{ .name = "minsane", .type = OPT_UINT, .offset = FIELD(tos.minsane), .max = COUNT_MAX, .prose = "truechimers needed to set the clock" },
	{ .name = "minclock", .type = OPT_UINT, .offset = FIELD(tos.minclock), .min = 1, .max = COUNT_MAX,
	    .prose = "clustering leaves this many survivors" },
	{ .name = "maxclock", .type = OPT_UINT, .offset = FIELD(tos.maxclock), .min = 1, .max = COUNT_MAX,
	    .prose = "pools stop asking for servers at this number" },
	{ .name = "mindist", .type = OPT_DOUBLE, .offset = FIELD(tos.mindist), .max = SECONDS_MAX,
	    .prose = "s, least half-width of a correctness interval" },
	{ .name = "maxdist", .type = OPT_DOUBLE, .offset = FIELD(tos.maxdist), .max = SECONDS_MAX, .prose = "s, largest root distance of a source" },
	{ .name = "floor", .type = OPT_UINT8, .flags = OPTION_CLAMP, .offset = FIELD(tos.floor), .max = 15, .prose = "lowest stratum to be used" },
	{ .name = "ceiling", .type = OPT_UINT8, .flags = OPTION_CLAMP, .offset = FIELD(tos.ceiling), .max = 15,
	    .prose = "strata from here on are not used" },
	{ .name = "cohort", .type = OPT_BOOL, .offset = FIELD(tos.cohort), .max = 1,
	    .prose = "manycast servers answer clients of equal stratum" },
	{ .name = "orphan", .type = OPT_UINT8, .offset = FIELD(tos.orphan), .min = 1, .max = 17, .prose = "stratum of orphan mode" },
	{ .name = "orphanwait", .type = OPT_DOUBLE, .offset = FIELD(tos.orphanwait), .min = 1, .max = SECONDS_MAX,
	    .prose = "s without a system peer before we stop claiming to know the time" },
	{ .name = "maxdisp", .type = OPT_DOUBLE, .offset = FIELD(tos.maxdisp), .max = SECONDS_MAX,
	    .prose = "s, root distance with which a server has no time to give" },
	{ .name = "beacon", .type = OPT_INT, .offset = FIELD(modes.beacon), .min = 1, .max = COUNT_MAX,
	    .prose = "s, longest wait of manycast between its searches" },
	{ .name = "bcpollbstep", .type = OPT_INT, .offset = FIELD(modes.bcpollbstep), .max = 4,
	    .prose = "intervals of silence before a broadcast that is earlier than the last one is believed" },
	{ .name = "basedate", .type = OPT_DATE, .offset = FIELD(tos.basedate), .prose = "a day that is over: no server's time is taken for an earlier one" },
};

static const struct option tinker_options[] = {
	{ .name = "step", .type = OPT_DOUBLE, .offset = FIELD(tinker.step_fwd), .also = FIELD(tinker.step_back), .max = SECONDS_MAX,
	    .prose = "s, offset above which the clock is stepped; 0 = never" },
	{ .name = "stepfwd", .type = OPT_DOUBLE, .offset = FIELD(tinker.step_fwd), .max = SECONDS_MAX, .prose = "s, the same, forward only" },
	{ .name = "stepback", .type = OPT_DOUBLE, .offset = FIELD(tinker.step_back), .max = SECONDS_MAX, .prose = "s, the same, backward only" },
	{ .name = "stepout", .type = OPT_DOUBLE, .flags = OPTION_CLAMP, .offset = FIELD(tinker.stepout), .min = 300, .max = SECONDS_MAX,
	    .prose = "s that an offset must last to be stepped" },
	{ .name = "panic", .type = OPT_DOUBLE, .offset = FIELD(tinker.panic), .max = 1e12, .prose = "s, offset at which the daemon exits; 0 = never" },
	{ .name = "dispersion", .type = OPT_DOUBLE, .offset = FIELD(tinker.dispersion), .max = 1e6, .scale = 1e-6,
	    .prose = "ppm, growth of dispersion" },
	{ .name = "freq", .type = OPT_DOUBLE, .flags = OPTION_CLAMP, .offset = FIELD(tinker.freq), .min = -500, .max = 500, .scale = 1e-6,
	    .prose = "ppm, frequency to start with" },
	{ .name = "allan", .type = OPT_INT, .standing = RELIC, .offset = FIELD(tinker.allan), .max = POLL_MAX,
	    .prose = "the estimator finds its own time constant" },
	{ .name = "huffpuff", .type = OPT_DOUBLE, .standing = RELIC, .offset = FIELD(tinker.huffpuff), .max = SECONDS_MAX,
	    .prose = "the estimator copes with lopsided delays" },
	{ .name = "tick", .type = OPT_DOUBLE, .offset = FIELD(tick), .max = 1, .prose = "s, the clock's precision; 0 = as measured" },
};

/* Row numbers are bits in struct reader; at most 32 rows. */
const struct option flag_options[] = {
	{ .name = "ntp", .type = OPT_SET, .offset = FIELD(enable_ntp), .prose = "the discipline of the clock" },
	{ .name = "monitor", .type = OPT_SET, .offset = FIELD(enable_monitor), .prose = "the MRU list" },
	{ .name = "auth", .type = OPT_SET, .offset = FIELD(enable_auth), .prose = "authentication of those who mobilise" },
	{ .name = "kernel", .type = OPT_SET, .standing = RELIC, .offset = FIELD(enable_kernel), .prose = "the kernel's own loop is never used" },
	{ .name = "stats", .type = OPT_SET, .offset = FIELD(enable_stats), .prose = "statistics files" },
	{ .name = "calibrate", .type = OPT_SET, .offset = FIELD(enable_calibrate), .prose = "time1 of clocks is learnt from a pulse" },
	{ .name = "bclient", .type = OPT_SET, .offset = FIELD(enable_bclient), .prose = "broadcast client" },
	{ .name = "mode7", .type = OPT_SET, .standing = RELIC, .offset = FIELD(enable_mode7), .prose = "ntpdc is never answered" },
	{ .name = "peer_clear_digest_early", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "a bad digest tears nothing down" },
	{ .name = "unpeer_crypto_early", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "a bad digest tears nothing down" },
	{ .name = "unpeer_crypto_nak_early", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "a crypto-NAK tears nothing down" },
	{ .name = "unpeer_digest_early", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "a bad digest tears nothing down" },
};
const size_t flag_option_count = NELEMS(flag_options);

const struct option restrict_relics[] = {
	{ .name = "nolink", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "a word of very old releases" },
	{ .name = "nopassword", .type = OPT_SET, .standing = RELIC, .offset = NOWHERE, .prose = "a word of very old releases" },
};
const size_t restrict_relic_count = NELEMS(restrict_relics);

static const struct option discard_options[] = {
	{ .name = "average", .type = OPT_INT, .offset = FIELD(discard.average_log2), .max = 255, .prose = "log2 s, least average headway" },
	{ .name = "minimum", .type = OPT_DOUBLE, .offset = FIELD(discard.minimum), .max = SECONDS_MAX, .prose = "s, guard time between packets" },
	{ .name = "monitor", .type = OPT_DOUBLE, .offset = FIELD(discard.monitor), .max = SECONDS_MAX,
	    .prose = "s: a full MRU list recycles with probability age / monitor" },
};

static const struct option limit_options[] = {
	{ .name = "average", .type = OPT_DOUBLE, .offset = FIELD(discard.rate), .max = 1e6, .prose = "packets a second" },
	{ .name = "burst", .type = OPT_DOUBLE, .offset = FIELD(discard.burst), .min = 1, .max = SECONDS_MAX,
	    .prose = "s, over which bursts are forgotten" },
	{ .name = "kod", .type = OPT_DOUBLE, .offset = FIELD(discard.kod), .max = 1e6,
	    .prose = "packets a second above the average at which no KoD is sent any more" },
};

static const struct option mru_options[] = {
	{ .name = "maxdepth", .type = OPT_INT64, .offset = FIELD(mru.maxdepth), .min = -COUNT_MAX, .max = COUNT_MAX,
	    .prose = "most entries; negative = no cap" },
	{ .name = "maxmem", .type = OPT_INT64, .offset = FIELD(mru.maxmem), .max = COUNT_MAX, .prose = "kB, the same by memory" },
	{ .name = "mindepth", .type = OPT_INT64, .offset = FIELD(mru.mindepth), .max = COUNT_MAX, .prose = "entries below which nothing is recycled" },
	{ .name = "maxage", .type = OPT_DOUBLE, .offset = FIELD(mru.maxage), .min = -SECONDS_MAX, .max = SECONDS_MAX,
	    .prose = "s, age from which entries are recycled; negative = never" },
	{ .name = "minage", .type = OPT_DOUBLE, .offset = FIELD(mru.minage), .max = SECONDS_MAX, .prose = "s, a full list this young takes no newcomers" },
	{ .name = "initmem", .type = OPT_INT64, .offset = FIELD(mru.initmem), .max = COUNT_MAX, .prose = "kB that are there from the start" },
	{ .name = "initalloc", .type = OPT_INT64, .offset = FIELD(mru.initalloc), .max = COUNT_MAX, .prose = "the same in entries" },
	{ .name = "incmem", .type = OPT_INT64, .offset = FIELD(mru.incmem), .max = COUNT_MAX, .prose = "kB that come whenever these are full" },
	{ .name = "incalloc", .type = OPT_INT64, .offset = FIELD(mru.incalloc), .max = COUNT_MAX, .prose = "the same in entries" },
	{ .name = "mincount", .type = OPT_INT, .standing = RELIC, .offset = NOWHERE, .max = COUNT_MAX, .prose = "an option of ntpq, not of the list" },
};

static const struct option rlimit_options[] = {
	{ .name = "memlock", .type = OPT_INT, .offset = FIELD(rlimit.memlock), .min = -1, .max = 1 << 20, .prose = "MB to lock; -1 = none" },
	{ .name = "stacksize", .type = OPT_INT, .offset = FIELD(rlimit.stacksize), .min = 1, .max = 1 << 20, .prose = "pages of 4 kB" },
	{ .name = "filenum", .type = OPT_INT, .offset = FIELD(rlimit.filenum), .min = 1, .max = 1 << 20, .prose = "open files" },
};

const struct option filegen_names[] = {
	{ .name = "loopstats", .offset = NOWHERE, .prose = "each update of the clock" },
	{ .name = "peerstats", .offset = NOWHERE, .prose = "each sample" },
	{ .name = "clockstats", .offset = NOWHERE, .prose = "each record of a reference clock" },
	{ .name = "rawstats", .offset = NOWHERE, .prose = "the timestamps of packets" },
	{ .name = "sysstats", .offset = NOWHERE, .prose = "packet counters, hourly" },
	{ .name = "protostats", .offset = NOWHERE, .prose = "events" },
	{ .name = "cryptostats", .standing = RELIC, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "timingstats", .standing = RELIC, .offset = NOWHERE, .prose = "for the developers of ntpd" },
	{ .name = "usestats", .offset = NOWHERE, .prose = "resources used" },
	{ .name = "ntsstats", .offset = NOWHERE, .prose = "counters of NTS" },
	{ .name = "ntskestats", .offset = NOWHERE, .prose = "counters of NTS key exchanges" },
	{ .name = "ntskelog", .offset = NOWHERE, .prose = "each NTS key exchange" },
};
const size_t filegen_name_count = NELEMS(filegen_names);

static const struct option filegen_options[] = {
	{ .name = "file", .type = OPT_STRING, .offset = NOWHERE, .prose = "name of the file" },
	{ .name = "type", .type = OPT_CHOICE, .offset = NOWHERE, .choices = "none pid day week month year age", .prose = "when a new one begins" },
	{ .name = "link", .type = OPT_SET, .offset = NOWHERE, .prose = "the bare name is a link to the newest" },
	{ .name = "nolink", .type = OPT_SET, .offset = NOWHERE, .prose = "it is not" },
	{ .name = "enable", .type = OPT_SET, .offset = NOWHERE, .prose = "the file is written" },
	{ .name = "disable", .type = OPT_SET, .offset = NOWHERE, .prose = "it is not" },
};

static const struct option reset_options[] = {
	{ .name = "allpeers", .type = OPT_SET, .offset = FIELD(reset.allpeers), .prose = "counters of associations" },
	{ .name = "auth", .type = OPT_SET, .offset = FIELD(reset.auth), .prose = "counters of authentication" },
	{ .name = "ctl", .type = OPT_SET, .offset = FIELD(reset.ctl), .prose = "counters of the control protocol" },
	{ .name = "io", .type = OPT_SET, .offset = FIELD(reset.io), .prose = "counters of packets" },
	{ .name = "mem", .type = OPT_SET, .offset = FIELD(reset.mem), .prose = "counters of memory" },
	{ .name = "sys", .type = OPT_SET, .offset = FIELD(reset.sys), .prose = "counters of the system" },
	{ .name = "timer", .type = OPT_SET, .offset = FIELD(reset.timer), .prose = "counters of timers" },
};

static const struct option crypto_options[] = {
	{ .name = "host", .type = OPT_STRING, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "ident", .type = OPT_STRING, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "pw", .type = OPT_STRING, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "randfile", .type = OPT_STRING, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "digest", .type = OPT_STRING, .offset = NOWHERE, .prose = AUTOKEY },
	{ .name = "revoke", .type = OPT_INT, .offset = NOWHERE, .max = COUNT_MAX, .prose = AUTOKEY },
};

static const struct option nts_options[] = {
	{ .name = "enable", .type = OPT_SET, .offset = FIELD(nts.enable), .prose = "serve key exchanges" },
	{ .name = "disable", .type = OPT_CLEAR, .offset = FIELD(nts.enable), .prose = "do not" },
	{ .name = "ca", .type = OPT_STRING, .offset = FIELD(nts.ca), .max = PATH, .prose = "trusted certificates" },
	{ .name = "cert", .type = OPT_STRING, .offset = FIELD(nts.cert), .max = PATH, .prose = "our certificate chain" },
	{ .name = "key", .type = OPT_STRING, .offset = FIELD(nts.key), .max = PATH, .prose = "its private key" },
	{ .name = "cookie", .type = OPT_STRING, .offset = FIELD(nts.cookie), .max = PATH, .prose = "file of cookie keys" },
	{ .name = "aead", .type = OPT_CHOICE, .offset = FIELD(nts.aead), .choices = AEADS, .prose = "algorithm" },
	{ .name = "mintls", .type = OPT_CHOICE, .offset = FIELD(nts.mintls), .choices = "TLS1.2 TLS1.3", .prose = "oldest TLS" },
	{ .name = "maxtls", .type = OPT_CHOICE, .offset = FIELD(nts.maxtls), .choices = "TLS1.2 TLS1.3", .prose = "newest TLS" },
	{ .name = "tlsciphersuites", .type = OPT_STRING, .offset = FIELD(nts.suites), .max = NTS_LIST_MAX - 1, .prose = "TLS 1.3 suites" },
	{ .name = "tlsecdhcurves", .type = OPT_STRING, .offset = FIELD(nts.curves), .max = NTS_LIST_MAX - 1, .prose = "curves" },
	{ .name = "tlscipherserverpreference", .type = OPT_SET, .offset = FIELD(nts.own_order), .prose = "the server's order wins" },
	{ .name = "port", .type = OPT_INT, .offset = FIELD(extra_port), .min = 1, .max = 65535, .prose = "a second NTP port" },
};

static const struct option extra_options[] = {
	{ .name = "port", .type = OPT_INT, .offset = FIELD(extra_port), .min = 1, .max = 65535, .prose = "a second NTP port" },
};

static const struct option trap_options[] = {
	{ .name = "port", .type = OPT_INT, .offset = NOWHERE, .min = 1, .max = 65535, .prose = "where traps go" },
	{ .name = "interface", .type = OPT_STRING, .offset = NOWHERE, .prose = "address they leave from" },
};

#define TABLE(t)	.options = (t), .noptions = NELEMS(t)
#define NO_FIELD	.offset = NOWHERE
#define SOURCE_ARGS	"[-4|-6] ADDRESS [option ...]"

const struct directive directive_table[] = {
	/* Sources. */
	{ .name = "server", .parse = parse_source, .write = write_sources, .args = SOURCE_ARGS, .example = "server ntp.example.org iburst minpoll 4 maxpoll 10",
	    .prose = "a server to take the time from", TABLE(source_options), .kind = LINE_SERVER },
	{ .name = "pool", .parse = parse_source, .args = SOURCE_ARGS, .example = "pool -4 pool.ntp.org iburst",
	    .prose = "a name behind which there are many servers", TABLE(source_options), .kind = LINE_POOL },
	{ .name = "peer", .parse = parse_source, .args = SOURCE_ARGS, .example = "peer 192.0.2.7",
	    .prose = "a symmetric association: each side takes the time from the other", TABLE(source_options), .kind = LINE_PEER },
	{ .name = "broadcast", .parse = parse_other_mode, .args = SOURCE_ARGS, .example = "broadcast 192.0.2.255 ttl 3",
	    .prose = "sends time to a network unasked", TABLE(source_options), .kind = LINE_BROADCAST },
	{ .name = "manycastclient", .parse = parse_other_mode, .args = SOURCE_ARGS,
	    .example = "manycastclient 239.1.1.1 maxpoll 12 ttl 7", .prose = "searches for servers by multicast", TABLE(source_options),
	    .kind = LINE_MANYCAST },
	{ .name = "unpeer", .parse = parse_unpeer, .args = "[-4|-6] ADDRESS | ID | clock DRIVER [unit N]", .example = "unpeer 192.0.2.7",
	    .prose = "removes an association" },
	{ .name = "unconfig", .parse = parse_unpeer, .args = "[-4|-6] ADDRESS | ID | clock DRIVER [unit N]",
	    .example = "unconfig clock shm unit 0", .prose = "removes an association" },
	{ .name = "broadcastclient", .parse = parse_bclient, .write = write_bclient, .args = "[novolley]", .example = "broadcastclient",
	    .prose = "listens to broadcast servers" },
	{ .name = "multicastclient", .parse = parse_groups, .write = write_groups, .args = "[ADDRESS ...]", .example = "multicastclient 224.0.1.1",
	    .prose = "listens to multicast servers", .offset = FIELD(modes.multicast) },
	{ .name = "manycastserver", .parse = parse_groups, .write = write_groups, .args = "ADDRESS ...", .example = "manycastserver 239.1.1.1",
	    .prose = "answers those who search by multicast", .offset = FIELD(modes.manycast), .min = 1 },
	{ .name = "broadcastdelay", .parse = parse_number, .args = "SECONDS", .example = "broadcastdelay 0.008",
	    .prose = "delay assumed of broadcasts", .offset = FIELD(modes.broadcastdelay), .min = -1, .max = 1 },
	{ .name = "ttl", .parse = parse_ttl, .write = write_ttl, .args = "NUMBER ...", .example = "ttl 0 32 64 96",
	    .prose = "times to live that broadcasts and manycast searches choose from", .max = 255 },
	{ .name = "pollskewlist", .parse = parse_pollskewlist, .write = write_pollskewlist, .args = "POLL EARLY|LATE ...",
	    .example = "pollskewlist default 2|3 6 8|8", .prose = "how early or late polls may be" },
	{ .name = "nts", .parse = parse_options, .args = "option ...", .example = "nts ca /etc/ssl/certs mintls TLS1.3",
	    .prose = "Network Time Security", TABLE(nts_options), .min = 1 },

	/* Reference clocks. */
	{ .name = "refclock", .parse = parse_refclock, .args = "DRIVER [unit N] [option ...]",
	    .example = "refclock shm unit 1 refid PPS prefer", .prose = "a reference clock", TABLE(refclock_options) },
	{ .name = "fudge", .parse = parse_fudge, .args = "127.127.TYPE.UNIT [option ...]",
	    .example = "fudge 127.127.28.0 time1 +0.154 refid GPS stratum 1 flag1 1", .prose = "tunes a reference clock", TABLE(fudge_options), .kind = LINE_FUDGE },
	{ .name = "device", .parse = parse_fudge, .args = "127.127.TYPE.UNIT [timedata PATH] [ppsdata PATH]",
	    .example = "device 127.127.20.0 timedata /dev/ttyS0", .prose = "devices of a reference clock", TABLE(device_options), .kind = LINE_DEVICE },

	/* Access. */
	{ .name = "restrict", .parse = parse_restrict, .write = write_restrict, .args = "[-4|-6] ADDRESS[/BITS]|NAME|default|source [mask MASK] [ippeerlimit N] [flag ...]",
	    .example = "restrict 192.0.2.0/24 kod limited nomodify", .prose = "what an address may do", .guards = true },
	{ .name = "unrestrict", .parse = parse_unrestrict, .args = "ADDRESS[/BITS]|default|source [mask MASK] [flag ...]",
	    .example = "unrestrict 192.0.2.0/24", .prose = "takes flags or an entry of the lines above back", .kind = LINE_UNRESTRICT },
	{ .name = "delrestrict", .parse = parse_unrestrict, .args = "[source] ADDRESS [mask MASK]",
	    .example = "delrestrict 192.0.2.0 mask 255.255.255.0", .prose = "takes a restriction back", .kind = LINE_DELRESTRICT },
	{ .name = "discard", .parse = parse_rate, .write = write_rate, .args = "[average N] [minimum N] [monitor N]", .example = "discard average 3 minimum 2",
	    .prose = "the rate limit of restrict limited", TABLE(discard_options), .min = 1 },
	{ .name = "limit", .parse = parse_rate, .write = write_rate, .args = "[average N] [burst N] [kod N]", .example = "limit average 1.0 burst 20",
	    .prose = "the same, as NTPsec has it", TABLE(limit_options), .min = 1, .kind = true },
	{ .name = "mru", .parse = parse_mru, .write = write_mru, .args = "option N ...", .example = "mru maxmem 256 mindepth 512 maxage 86400",
	    .prose = "size of the list of recent addresses", TABLE(mru_options) },

	/* Authentication. */
	{ .name = "keys", .parse = parse_path, .write = write_path, .args = "PATH", .example = "keys /etc/ntp.keys", .prose = "file of symmetric keys",
	    .offset = FIELD(keysfile) },
	{ .name = "trustedkey", .parse = parse_trustedkey, .write = write_trustedkey, .args = "N | (N ... M) ...", .example = "trustedkey 1 5 (10 ... 20)",
	    .prose = "keys that may be used" },
	{ .name = "controlkey", .parse = parse_int, .args = "N", .example = "controlkey 14",
	    .prose = "key that may change things by ntpq", .offset = FIELD(controlkey), .max = KEY_MAX },
	{ .name = "requestkey", .standing = RELIC, .parse = parse_int, .args = "N", .example = "requestkey 14",
	    .prose = "key of ntpdc, which is never answered", NO_FIELD, .max = KEY_MAX },
	{ .name = "ntpsigndsocket", .parse = parse_path, .write = write_path, .args = "DIRECTORY", .example = "ntpsigndsocket /var/lib/samba/ntp_signd/",
	    .prose = "where Samba has the socket by which it signs for a domain", .offset = FIELD(signd_dir) },
	{ .name = "crypto", .standing = RELIC, .parse = parse_options, .args = "[option VALUE ...]", .example = "crypto pw secret", .prose = AUTOKEY,
	    TABLE(crypto_options) },
	{ .name = "keysdir", .standing = RELIC, .parse = parse_path, .args = "DIRECTORY", .example = "keysdir /usr/local/etc", .prose = AUTOKEY, NO_FIELD },
	{ .name = "revoke", .standing = RELIC, .parse = parse_int, .args = "N", .example = "revoke 17", .prose = AUTOKEY, NO_FIELD, .min = 3, .max = 31 },
	{ .name = "automax", .standing = RELIC, .parse = parse_int, .args = "N", .example = "automax 12", .prose = AUTOKEY, NO_FIELD, .min = 3, .max = 31 },
	{ .name = "ident", .standing = RELIC, .parse = parse_path, .args = "NAME", .example = "ident group", .prose = AUTOKEY, NO_FIELD },

	/* The clock and its selection. */
	{ .name = "tos", .parse = parse_options, .args = "option VALUE ...", .example = "tos minsane 3 minclock 4 maxclock 11 mindist 0.01",
	    .prose = "selection of sources", TABLE(tos_options), .min = 1 },
	{ .name = "tinker", .parse = parse_options, .args = "option VALUE ...", .example = "tinker panic 0 step 0.5", .prose = "discipline of the clock",
	    TABLE(tinker_options), .min = 1 },
	{ .name = "enable", .parse = parse_flags, .write = write_flags, .args = "flag ...", .example = "enable ntp monitor", .prose = "turns things on", TABLE(flag_options),
	    .kind = true },
	{ .name = "disable", .parse = parse_flags, .args = "flag ...", .example = "disable monitor", .prose = "turns things off; beats enable",
	    TABLE(flag_options), .kind = false },
	{ .name = "clock", .parse = parse_clock, .write = write_clock, .args = "kernel | software", .example = "clock software",
	    .prose = "steer the kernel's clock, or one inside the daemon" },
	{ .name = "driftfile", .parse = parse_driftfile, .write = write_path, .offset = FIELD(driftfile), .args = "[PATH [THRESHOLD]]", .example = "driftfile /var/lib/ntp/drift",
	    .prose = "where the frequency is kept" },
	{ .name = "nonvolatile", .parse = parse_number, .args = "NUMBER", .example = "nonvolatile 1e-7",
	    .prose = "s/s, wander worth a write of the drift file", .offset = FIELD(wander_threshold), .max = 1 },
	{ .name = "leapfile", .parse = parse_leapfile, .write = write_leapfile, .args = "PATH [checkhash|ignorehash]",
	    .example = "leapfile /usr/share/zoneinfo/leap-seconds.list", .prose = "list of leap seconds" },
	{ .name = "leapsmearinterval", .parse = parse_int, .args = "SECONDS", .example = "leapsmearinterval 86400",
	    .prose = "smears inserted leap seconds for clients over so long before them", .offset = FIELD(leap_smear), .max = 604800 },
	{ .name = "tick", .parse = parse_number, .args = "SECONDS", .example = "tick 0.000001",
	    .prose = "s, the clock's precision; 0 = as measured", .offset = FIELD(tick), .max = 1 },

	/* Files and logs. */
	{ .name = "logfile", .parse = parse_path, .write = write_path, .args = "PATH", .example = "logfile /var/log/ntp.log", .prose = "log to a file instead of syslog",
	    .offset = FIELD(logfile) },
	{ .name = "logconfig", .parse = parse_logconfig, .write = write_logconfig, .args = "[+|-|=]CLASSTYPE ...", .example = "logconfig =syncall +clockall",
	    .prose = "what is logged" },
	{ .name = "pidfile", .parse = parse_path, .write = write_path, .args = "PATH", .example = "pidfile /run/ntpd.pid", .prose = "where the process number goes",
	    .offset = FIELD(pidfile) },
	{ .name = "statsdir", .parse = parse_statsdir, .write = write_path, .offset = FIELD(statsdir), .args = "DIRECTORY", .example = "statsdir /var/log/ntpstats/",
	    .prose = "where statistics files go" },
	{ .name = "statistics", .parse = parse_statistics, .args = "NAME ...", .example = "statistics loopstats peerstats",
	    .prose = "statistics files to write", TABLE(filegen_names), .min = 1 },
	{ .name = "filegen", .parse = parse_filegen, .write = write_filegen, .args = "NAME [file F] [type T] [link|nolink] [enable|disable]",
	    .example = "filegen loopstats file loopstats type day enable", .prose = "names of a statistics file", TABLE(filegen_options) },
	{ .name = "saveconfigdir", .parse = parse_path, .write = write_path, .args = "DIRECTORY", .example = "saveconfigdir /var/lib/ntp",
	    .prose = "where ntpq may save the configuration", .offset = FIELD(saveconfigdir) },
	{ .name = "includefile", .parse = parse_include, .args = "PATH", .example = "includefile /dev/null",
	    .prose = "reads another file, or the *.conf of a directory" },
	{ .name = "end", .parse = parse_end, .args = "", .example = "end", .prose = "ends the configuration" },

	/* The process and its network. */
	{ .name = "interface", .parse = parse_interface, .write = write_interface, .args = "listen|ignore|drop all|ipv4|ipv6|wildcard|NAME|ADDRESS[/BITS]",
	    .example = "interface listen eth0", .prose = "which addresses get a socket" },
	{ .name = "nic", .parse = parse_interface, .args = "listen|ignore|drop all|ipv4|ipv6|wildcard|NAME|ADDRESS[/BITS]",
	    .example = "nic drop 192.0.2.0/24", .prose = "which addresses get a socket" },
	{ .name = "dscp", .parse = parse_int, .args = "N", .example = "dscp 46", .prose = "traffic class of packets", .offset = FIELD(dscp), .max = 63 },
	{ .name = "extra", .parse = parse_options, .args = "port N", .example = "extra port 1123", .prose = "a second server port",
	    TABLE(extra_options), .min = 1 },
	{ .name = "workers", .parse = parse_workers, .write = write_workers, .args = "N | auto", .example = "workers auto",
	    .prose = "threads that answer requests; 1: none but the main one", .min = 1, .max = LISTENER_WORKERS_MAX },
	{ .name = "rlimit", .parse = parse_options, .args = "[memlock MB] [stacksize PAGES] [filenum N]", .example = "rlimit memlock -1",
	    .prose = "limits of the process", TABLE(rlimit_options), .min = 1 },
	{ .name = "mdnstries", .standing = RELIC, .parse = parse_int, .args = "N", .example = "mdnstries 5", .prose = "mDNS is left to the system", NO_FIELD,
	    .max = COUNT_MAX },
	{ .name = "setvar", .parse = parse_setvar, .write = write_setvar, .args = "NAME = VALUE [default]", .example = "setvar site = \"main hall\" default",
	    .prose = "a variable for ntpq to show" },
	{ .name = "reset", .parse = parse_options, .write = write_nothing, .args = "allpeers|auth|ctl|io|mem|sys|timer ...", .example = "reset sys io",
	    .prose = "counters to zero", TABLE(reset_options), .min = 1 },
	{ .name = "phone", .parse = parse_phone, .write = write_phone, .args = "STRING ...", .example = "phone ATDT13034944774", .prose = "numbers that a modem calls",
	    .min = 1, .max = REFCLOCK_PHONES },
	{ .name = "trap", .standing = RELIC, .parse = parse_target, .args = "HOST [port N] [interface ADDRESS]",
	    .example = "trap 192.0.2.7 port 18447", .prose = "traps are not sent", TABLE(trap_options) },
	{ .name = "simulate", .standing = RELIC, .parse = parse_simulate, .args = "{ ... }", .example = "simulate { simulation_duration = 86400 }",
	    .prose = "blocks for ntpd's simulator" },

	/* Words that only releases long gone knew. */
	{ .name = "authenticate", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "authenticate no", .prose = "see enable auth" },
	{ .name = "authdelay", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "authdelay 0.001", .prose = "measured where it matters" },
	{ .name = "precision", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "precision -7", .prose = "it is measured" },
	{ .name = "maxskew", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "maxskew 0.01", .prose = "see tos maxdist" },
	{ .name = "clientlimit", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "clientlimit 3", .prose = "see discard" },
	{ .name = "clientperiod", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "clientperiod 3600", .prose = "see discard" },
	{ .name = "resolver", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "resolver /usr/sbin/ntpres",
	    .prose = "names are resolved by the daemon itself" },
	{ .name = "pps", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "pps /dev/cua0 assert", .prose = "see refclock pps" },
	{ .name = "set_tickadj", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "set_tickadj", .prose = "the kernel needs no such help" },
	{ .name = "slewalways", .standing = RELIC, .parse = parse_relic, .args = "...", .example = "slewalways yes", .prose = "see tinker step" },
};
const size_t directive_count = NELEMS(directive_table);

_Static_assert(NELEMS(directive_table) <= 128, "one bit for each row in reader.seen");
_Static_assert(NELEMS(flag_options) <= 32, "one bit for each row in reader.enabled");

const struct directive *
directive_find(const char *name)
{
	for (size_t i = 0; i < directive_count; i++)
		if (strcmp(directive_table[i].name, name) == 0)
			return &directive_table[i];
	return NULL;
}
