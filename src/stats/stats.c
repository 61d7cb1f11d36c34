/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of each kind of statistics file. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/ntp.h"
#include "stats/stats.h"
#include "wire/control.h"

#define RECORD_MAX	1024	/* octets of a line */
#define TEXT_MAX	700	/* … of the free text in it */
#define MJD_1970	40587
#define S_PER_DAY	86400
#define PEER_EVENT	0x80	/* added to the codes of peer events */
#define EVENT_CODES	16

struct stats {
	char			dir[PATH_MAX];
	bool			enabled;
	struct filegen		file[STATS_KINDS];
	struct monotime		start;
	struct monotime		looped;		/* the update written last */
	struct monotime		counted, used;	/* ends of the last intervals of sysstats and usestats */
	struct server_counters	counters;	/* at counted */
	struct rusage		usage;		/* at used */
	struct nts_counts	nts;		/* at the end of the last interval, */
	struct monotime		nts_told;	/* which was then */
};

const char *const stats_names[STATS_KINDS] = {
	[STATS_LOOP] = "loopstats", [STATS_PEER] = "peerstats", [STATS_CLOCK] = "clockstats", [STATS_RAW] = "rawstats",
	[STATS_SYS] = "sysstats", [STATS_PROTO] = "protostats", [STATS_USE] = "usestats",
	[STATS_NTS] = "ntsstats", [STATS_NTSKE] = "ntskestats", [STATS_NTSKELOG] = "ntskelog",
};

bool
stats_kind_of(const char *name, enum stats_kind *out)
{
	for (unsigned i = 0; i < STATS_KINDS; i++) {
		if (strcmp(stats_names[i], name) != 0)
			continue;
		*out = (enum stats_kind)i;
		return true;
	}
	return false;
}

void
stats_defaults(struct filegen_opts set[static STATS_KINDS])
{
	for (unsigned i = 0; i < STATS_KINDS; i++) {
		set[i] = (struct filegen_opts){ .type = FILEGEN_DAY, .link = true };
		snprintf(set[i].file, sizeof(set[i].file), "%s", stats_names[i]);
	}
}

/* --- life ---------------------------------------------------------------------------------- */

int
stats_configure(struct stats *s, const struct stats_opts *o)
{
	const char *dir = o->dir != NULL ? o->dir : STATS_DIR;
	size_t len = strlen(dir);
	bool slash = len > 0 && dir[len - 1] != '/';

	if (len + slash >= sizeof(s->dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(s->dir, sizeof(s->dir), "%s%s", dir, slash ? "/" : "");
	s->enabled = o->enabled;
	for (unsigned i = 0; i < STATS_KINDS; i++)
		filegen_set(&s->file[i], &o->set[i]);
	return 0;
}

struct stats *
stats_new(const struct stats_opts *o, const struct clockread *now)
{
	struct stats *s = calloc(1, sizeof(*s));
	int saved;

	if (s == NULL)
		return NULL;
	s->start = s->counted = s->used = s->nts_told = now->mono;
	if (stats_configure(s, o) == 0)
		return s;
	saved = errno;
	free(s);
	errno = saved;
	return NULL;
}

void
stats_free(struct stats *s)
{
	free(s);
}

/* --- what records have in common ----------------------------------------------------------- */

static bool
is_wanted(const struct stats *s, enum stats_kind kind)
{
	return s->enabled && s->file[kind].opts.enabled;
}

/* Modified Julian Day and seconds since midnight, cut to milliseconds so that a day never has 86400.000 of them. */
static int
print_time(char *buf, size_t cap, struct walltime t)
{
	int64_t ms = t.ns / 1000000 - (t.ns % 1000000 < 0), day = ms / (S_PER_DAY * INT64_C(1000)), rest = ms % (S_PER_DAY * INT64_C(1000));

	if (rest < 0) {
		rest += S_PER_DAY * INT64_C(1000);
		day--;
	}
	return snprintf(buf, cap, "%lld %lld.%03lld ", (long long)day + MJD_1970, (long long)rest / 1000, (long long)rest % 1000);
}

static void PRINTF_LIKE(4, 5)
record(struct stats *s, enum stats_kind kind, const struct clockread *now, const char *fmt, ...)
{
	struct filegen_at at = { .wall = now->wall, .mono = now->mono, .uptime = monotime_diff(now->mono, s->start), .pid = getpid() };
	char line[RECORD_MAX + 1];
	size_t len = (size_t)print_time(line, RECORD_MAX, now->wall);
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(line + len, RECORD_MAX - len, fmt, ap) < 0)
		line[len] = '\0';
	va_end(ap);
	/* A record is one line, whatever a receiver may have put into its text. */
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	len = strlen(line);
	line[len++] = '\n';
	filegen_append(&s->file[kind], s->dir, &at, line, len);
}

/* --- the kinds ----------------------------------------------------------------------------- */

void
stats_loop(struct stats *s, const struct clockread *now, const struct system *sys)
{
	const struct sysvars *v = &sys->vars;

	if (!is_wanted(s, STATS_LOOP) || v->updated.ns == s->looped.ns)
		return;
	s->looped = v->updated;
	record(s, STATS_LOOP, now, "%.9f %.3f %.9f %.6f %d", v->offset, v->freq * 1e6, v->clk_jitter, v->clk_wander * 1e6, v->tc);
}

void
stats_peer(struct stats *s, const struct clockread *now, const struct assoc *a, uint16_t status)
{
	char ip[ADDR_STR_MAX];

	if (!is_wanted(s, STATS_PEER))
		return;
	record(s, STATS_PEER, now, "%s %x %.9f %.9f %.9f %.9f", addr_str(&a->addr, ip, sizeof(ip)), status, a->stat.offset, a->stat.delay,
	    a->stat.disp, a->stat.jitter);
}

void
stats_clock(struct stats *s, const struct clockread *now, const struct addr *clock, const char *text)
{
	char ip[ADDR_STR_MAX];

	if (!is_wanted(s, STATS_CLOCK))
		return;
	record(s, STATS_CLOCK, now, "%s %.*s", addr_str(clock, ip, sizeof(ip)), TEXT_MAX, text);
}

#define STAMP_STR_MAX	24

/* Seconds of the era and nine digits, rounded; the last half of a nanosecond of an era belongs to the next. */
static const char *
stamp_str(struct ntptime t, char buf[static STAMP_STR_MAX])
{
	uint64_t s = t.raw >> 32, ns = ((t.raw & UINT32_MAX) * NS_PER_S + 0x80000000u) >> 32;

	s = (s + ns / NS_PER_S) & UINT32_MAX;
	snprintf(buf, STAMP_STR_MAX, "%llu.%09llu", (unsigned long long)s, (unsigned long long)(ns % NS_PER_S));
	return buf;
}

/* ".GPS." of a primary server or a kiss, an address of any other; what is no character is shown as a dot, so that columns stay columns. */
static const char *
refid_str(uint32_t refid, unsigned stratum, char buf[static STAMP_STR_MAX])
{
	char text[5] = { 0 };

	if (stratum > 1) {
		snprintf(buf, STAMP_STR_MAX, "%u.%u.%u.%u", refid >> 24, refid >> 16 & 255, refid >> 8 & 255, refid & 255);
		return buf;
	}
	for (int i = 0; i < 4; i++) {
		text[i] = (char)(refid >> (24 - 8 * i) & 255);
		if (text[i] == '\0')
			break;
		if (text[i] <= ' ' || text[i] > '~')
			text[i] = '.';
	}
	snprintf(buf, STAMP_STR_MAX, ".%s.", text);
	return buf;
}

void
stats_raw(struct stats *s, const struct clockread *now, const struct assoc *a, const struct client_reply *reply)
{
	char from[ADDR_STR_MAX], to[ADDR_STR_MAX] = "-", org[STAMP_STR_MAX], rec[STAMP_STR_MAX], xmt[STAMP_STR_MAX], dst[STAMP_STR_MAX];
	char refid[STAMP_STR_MAX];
	const struct packet *p = &reply->pkt;

	if (!is_wanted(s, STATS_RAW))
		return;
	if (a->local.family != 0)
		addr_str(&a->local, to, sizeof(to));
	record(s, STATS_RAW, now, "%s %s %s %s %s %s %d %d %d %d %d %d %.6f %.6f %s", addr_str(&a->addr, from, sizeof(from)), to,
	    stamp_str(walltime_to_ntp(reply->t1), org), stamp_str(p->rec, rec), stamp_str(p->xmt, xmt), stamp_str(walltime_to_ntp(reply->t4), dst),
	    p->leap, p->version, p->mode, p->stratum, p->poll, p->precision, short_to_seconds(p->rootdelay), short_to_seconds(p->rootdisp),
	    refid_str(p->refid, p->stratum, refid));
}

/* What a counter has gained; one that was set back has begun again from 0. */
static unsigned long long
gain(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static unsigned
whole_seconds(struct monotime now, struct monotime since)
{
	return (unsigned)lround(fmax(0, monotime_diff(now, since)));
}

void
stats_sys(struct stats *s, const struct clockread *now, const struct server_counters *c)
{
	const struct server_counters *b = &s->counters;

	if (is_wanted(s, STATS_SYS))
		record(s, STATS_SYS, now, "%u %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", whole_seconds(now->mono, s->counted),
		    gain(c->received, b->received), gain(c->processed, b->processed), gain(c->thisver, b->thisver), gain(c->oldver, b->oldver),
		    gain(c->restricted, b->restricted), gain(c->badformat, b->badformat), gain(c->badauth, b->badauth),
		    gain(c->declined, b->declined), gain(c->limited, b->limited), gain(c->kodsent, b->kodsent));
	s->counters = *c;
	s->counted = now->mono;
}

static double
cpu_gain(struct timeval now, struct timeval before)
{
	return (double)(now.tv_sec - before.tv_sec) + 1e-6 * (double)(now.tv_usec - before.tv_usec);
}

void
stats_use(struct stats *s, const struct clockread *now, const struct rusage *ru)
{
	const struct rusage *b = &s->usage;

	if (is_wanted(s, STATS_USE))
		record(s, STATS_USE, now, "%u %.3f %.3f %ld %ld %ld %ld %ld %ld %ld %ld %ld", whole_seconds(now->mono, s->used),
		    cpu_gain(ru->ru_utime, b->ru_utime), cpu_gain(ru->ru_stime, b->ru_stime), ru->ru_minflt - b->ru_minflt,
		    ru->ru_majflt - b->ru_majflt, ru->ru_nswap - b->ru_nswap, ru->ru_inblock - b->ru_inblock, ru->ru_oublock - b->ru_oublock,
		    ru->ru_nvcsw - b->ru_nvcsw, ru->ru_nivcsw - b->ru_nivcsw, ru->ru_nsignals - b->ru_nsignals, ru->ru_maxrss);
	s->usage = *ru;
	s->used = now->mono;
}

static void
nts_packets(struct stats *s, const struct clockread *now, const struct nts_counts *c)
{
	const struct warden_counters *g = &c->warden, *b = &s->nts.warden;

	record(s, STATS_NTS, now, "%u %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", whole_seconds(now->mono, s->nts_told),
	    gain(c->client.sent, s->nts.client.sent), gain(c->client.good, s->nts.client.good), gain(c->client.bad, s->nts.client.bad),
	    gain(g->server_send, b->server_send), gain(g->server_recv_good, b->server_recv_good), gain(g->server_recv_bad, b->server_recv_bad),
	    gain(g->cookie_make, b->cookie_make), gain(g->cookie_not_server, b->cookie_not_server), gain(g->cookie_decode_total, b->cookie_decode_total),
	    gain(g->cookie_decode_current, b->cookie_decode_current), gain(g->cookie_decode_old, b->cookie_decode_old),
	    gain(g->cookie_decode_old2, b->cookie_decode_old2), gain(g->cookie_decode_older, b->cookie_decode_older),
	    gain(g->cookie_decode_too_old, b->cookie_decode_too_old), gain(g->cookie_decode_error, b->cookie_decode_error));
}

static void
nts_exchanges(struct stats *s, const struct clockread *now, const struct nts_counts *c)
{
	const struct keserver_counters *k = &c->ke, *b = &s->nts.ke;

	record(s, STATS_NTSKE, now, "%llu %.3f %.3f %llu %.3f %.3f %llu %.3f %.3f %llu %llu", gain(k->good.n, b->good.n), k->good.wall - b->good.wall,
	    k->good.cpu - b->good.cpu, gain(k->nossl.n, b->nossl.n), k->nossl.wall - b->nossl.wall, k->nossl.cpu - b->nossl.cpu,
	    gain(k->bad.n, b->bad.n), k->bad.wall - b->bad.wall, k->bad.cpu - b->bad.cpu, gain(c->probes.probes_good, s->nts.probes.probes_good),
	    gain(c->probes.probes_bad, s->nts.probes.probes_bad));
}

void
stats_nts(struct stats *s, const struct clockread *now, const struct nts_counts *c)
{
	if (is_wanted(s, STATS_NTS))
		nts_packets(s, now, c);
	if (is_wanted(s, STATS_NTSKE))
		nts_exchanges(s, now, c);
	s->nts = *c;
	s->nts_told = now->mono;
}

void
stats_keys(struct stats *s, const struct clockread *now, const struct addr *peer, const char *why, bool began, const struct talk_cost *cost)
{
	char ip[ADDR_STR_MAX];

	if (is_wanted(s, STATS_NTSKELOG))
		record(s, STATS_NTSKELOG, now, "%-3s %.3f %.3f %.3f from %s %.*s", why == NULL ? "OK" : began ? "KE" : "TLS", cost->wall, cost->user * 1e3,
		    cost->system * 1e3, addr_str(peer, ip, sizeof(ip)), TEXT_MAX, why != NULL ? why : "keys given");
}

void
stats_proto(struct stats *s, const struct clockread *now, const struct addr *addr, uint16_t status, unsigned event, const char *text)
{
	unsigned code = event & (EVENT_CODES - 1);
	char ip[ADDR_STR_MAX] = "0.0.0.0";

	if (!is_wanted(s, STATS_PROTO))
		return;
	if (addr != NULL)
		addr_str(addr, ip, sizeof(ip));
	record(s, STATS_PROTO, now, "%s %04x %02x %s%s%.*s", ip, (status & ~(EVENT_CODES - 1u)) | code, code | (addr != NULL ? PEER_EVENT : 0u),
	    control_event_name(addr != NULL, code), text != NULL ? " " : "", TEXT_MAX, text != NULL ? text : "");
}
