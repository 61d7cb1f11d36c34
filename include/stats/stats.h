/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The statistics files of ntpd: one record a line, columns as ntpd has always written them, so that what reads its files reads ours.
 *
 * Each record begins with the Modified Julian Day and the seconds since midnight UTC, by our clock.  The daemon says what has
 * happened; a kind that is not asked for costs a comparison.
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/must_use.h"
#include "client/client.h"
#include "server/counters.h"
#include "stats/filegen.h"
#include "sysclock/sysclock.h"

struct rusage;
struct stats;

/* Kinds of records that are written; the files are called as the enumerators are, in small letters and with "stats" behind, but for the last. */
enum stats_kind { STATS_LOOP, STATS_PEER, STATS_CLOCK, STATS_RAW, STATS_SYS, STATS_PROTO, STATS_USE, STATS_NTS, STATS_NTSKE, STATS_NTSKELOG, STATS_KINDS };

/* "loopstats" and so on. */
extern const char *const stats_names[STATS_KINDS];

/* The kind of that name; false if there is none, or one that is never written. */
MUST_USE bool stats_kind_of(const char *name, enum stats_kind *out);

/* Each kind under its own name, a file a day with a link to it, and disabled. */
void stats_defaults(struct filegen_opts set[static STATS_KINDS]);

#define STATS_DIR	"/var/NTP/"	/* where statsdir says nothing, as in ntpd */

struct stats_opts {
	const char			*dir;		/* statsdir, or NULL; a slash at its end may be missing */
	bool				 enabled;	/* enable stats */
	const struct filegen_opts	*set;		/* STATS_KINDS of them */
};

/* *o is copied.  now is where uptime and the first hour begin.  NULL with errno. */
MUST_USE struct stats *stats_new(const struct stats_opts *o, const struct clockread *now);
void stats_free(struct stats *s);

/* Other options after reading the configuration again.  -1 with errno, and the old ones in force, if dir is too long. */
MUST_USE int stats_configure(struct stats *s, const struct stats_opts *o);

/* loopstats: an update of the clock.  Writes nothing if that update has been written already, so it may be called with any news. */
void stats_loop(struct stats *s, const struct clockread *now, const struct system *sys);

/* peerstats: the filter of an association has a new best sample.  status is the peer status word. */
void stats_peer(struct stats *s, const struct clockread *now, const struct assoc *a, uint16_t status);

/* clockstats: what a reference clock, 127.127.t.u, has said. */
void stats_clock(struct stats *s, const struct clockread *now, const struct addr *clock, const char *text);

/* rawstats: the timestamps and the header of a genuine reply. */
void stats_raw(struct stats *s, const struct clockread *now, const struct assoc *a, const struct client_reply *reply);

/* sysstats, usestats: what has been counted and used since the last record, each hour.  The arguments count since start. */
void stats_sys(struct stats *s, const struct clockread *now, const struct server_counters *c);
void stats_use(struct stats *s, const struct clockread *now, const struct rusage *ru);

/* ntsstats, ntskestats: what has been counted of NTS since the last record, each hour.  Counts since start. */
void stats_nts(struct stats *s, const struct clockread *now, const struct nts_counts *c);

/* ntskelog: a key exchange that we served; why is NULL if it went well, and began says whether it came to TLS. */
void stats_keys(struct stats *s, const struct clockread *now, const struct addr *peer, const char *why, bool began, const struct talk_cost *cost);

/*
 * protostats: an event of an association (enum peer_event), or of the system (enum sys_event) if addr is NULL.  The status word's own
 * event code is replaced by the event, since more may have happened by now.  text may be NULL.
 */
void stats_proto(struct stats *s, const struct clockread *now, const struct addr *addr, uint16_t status, unsigned event, const char *text);

#endif
