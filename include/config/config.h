/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: what ntp.conf and the command line ask for, as options of the rooms below.
 *
 * A struct config is constant once loaded, but for lines that come while it is in force (config_remote).  Bad lines are reported and skipped, as ntpd does; how many there were is counted.  A
 * restrict line that cannot be understood is fatal: a typing error must never leave a door open.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/must_use.h"
#include "client/assoc.h"
#include "engine/discipline.h"
#include "engine/select.h"
#include "net/ifaces.h"
#include "nts/opts.h"
#include "refclock/refclock.h"
#include "server/mru.h"
#include "server/ratelimit.h"
#include "server/restrict.h"
#include "stats/stats.h"

/* Bounds on what a hostile or broken file can make us do. */
#define CONFIG_FILE_MAX		(4u << 20)	/* octets of one file */
#define CONFIG_TOTAL_MAX	(16u << 20)	/* octets of all files */
#define CONFIG_FILES_MAX	256		/* files in all */
#define CONFIG_DEPTH_MAX	5		/* includes within each other, as in ntpd */
#define CONFIG_SOURCES_MAX	4096

enum source_kind { SOURCE_SERVER, SOURCE_POOL, SOURCE_CLOCK };

struct config_source {
	enum source_kind	kind;
	char			*host;		/* name or literal address */
	int			 family;	/* 4, 6, or 0 = either */
	struct assoc_opts	 opts;
	struct refclock_opts	 clock;		/* SOURCE_CLOCK */
	unsigned		 line;		/* 0 = command line */
	struct config_source	*next;
};

/* A restrict line; names are resolved by the loader, so addr is always there, and an entry given twice is one with both's flags. */
struct config_restrict {
	bool			 source;	/* template for associations; address and mask do not count */
	struct restrict_rule	 rule;
	unsigned		 line;		/* 0 = safe default */
	struct config_restrict	*next;
};

/* Counters that a reset line names. */
struct config_reset { bool allpeers, auth, ctl, io, mem, sys, timer; };

#define CONFIG_SETVARS_MAX	64

struct config_setvar {
	char			*name, *value;
	bool			 dflt;		/* shown by a plain rv */
	struct config_setvar	*next;
};

/* Key ids from lo to hi may be used. */
struct config_trusted {
	uint16_t		 lo, hi;
	struct config_trusted	*next;
};

/* Limits of the process; -1 = as they are. */
struct config_rlimit {
	int	memlock;	/* MB; -1 = do not lock */
	int	stacksize;	/* pages of 4 kB */
	int	filenum;
};

/* Broadcast, multicast and manycast, besides the lines that are sources. */
#define CONFIG_GROUPS_MAX	8
#define CONFIG_TTLS_MAX		8

struct config_groups {
	struct addr	addr[CONFIG_GROUPS_MAX];
	size_t		n;
};

struct config_modes {
	bool			bclient;	/* broadcastclient */
	bool			novolley;
	double			broadcastdelay;	/* s; > 0: assumed, else its absolute value is the most that is believed */
	int			bcpollbstep;	/* intervals of silence before a step backwards is believed */
	int			beacon;		/* s */
	struct config_groups	multicast;	/* multicastclient */
	struct config_groups	manycast;	/* manycastserver */
	uint8_t			ttl[CONFIG_TTLS_MAX];
	size_t			nttl;
	struct pollskew		pollskew;
};

enum clock_kind { CLOCK_KERNEL, CLOCK_SOFTWARE };

struct config {
	char			*driftfile, *logfile, *pidfile, *keysfile, *leapfile;	/* NULL = none */
	char			*statsdir;		/* prefix of file names, ends in /; NULL = none given */
	struct filegen_opts	 filegen[STATS_KINDS];	/* statistics files */
	bool			 leap_checkhash;
	int			 leap_smear;		/* s, leapsmearinterval; 0 = none */
	enum clock_kind		 clock;
	struct config_source	*sources;		/* in file order, command line first */
	size_t			 nsources;
	struct config_restrict	*restricts;		/* in file order */
	bool			 restrict_default4, restrict_default6;	/* the file has a restrict default line for that family */
	char			 phone[REFCLOCK_PHONES][REFCLOCK_PHONE_MAX];	/* that modems call; the first empty one ends them */
	struct config_setvar	*setvars;
	struct config_trusted	*trusted;
	uint32_t		 controlkey;		/* 0 = none */
	struct config_reset	 reset;			/* asked for; who has done it clears it */
	struct select_opts	 tos;
	struct discipline_opts	 tinker;
	struct config_modes	 modes;
	struct discard_opts	 discard;
	struct mru_opts		 mru;
	struct iface_rule	*iface_rules;
	size_t			 niface_rules;
	struct nts_opts		 nts;
	int			 dscp;			/* 0 … 63 */
	int			 extra_port;		/* 1 … 65535; 0 = none */
	int			 workers;		/* 1 … LISTENER_WORKERS_MAX, or 0: as many as there are processors */
	bool			 enable_ntp, enable_monitor, enable_auth, enable_kernel, enable_stats, enable_calibrate, enable_bclient;
	bool			 enable_mode7;		/* known, never honoured */
	double			 tick;			/* s, precision of the clock; 0 = as measured */
	double			 wander_threshold;	/* s/s, least change of frequency worth a write of the drift file */
	struct config_rlimit	 rlimit;
	char			*signd_dir;		/* ntpsigndsocket; NULL = where Samba has it by default */
	char			*saveconfigdir;		/* where ntpq may have the configuration saved; NULL = nowhere */
	unsigned		 logconfig;		/* LOG_BIT()s */
	bool			 starved;		/* memory has failed while it was read: it is not whole, and not to be used */
	unsigned		 errors, warnings;	/* remarks while loading */
	unsigned		 fatal;			/* errors with which the daemon must not start; they are among errors */
};

/* Severity of a remark. */
enum remark {
	REMARK_ERROR,	/* something was wrong and skipped */
	REMARK_WARNING,	/* understood, but not what the writer may expect: no effect yet, changed, contradictory */
	REMARK_NOTE,	/* the same as a warning given before */
};

/*
 * Called for each remark; file:line:column (column counts octets from 1; line 0 = the file as a whole).  text is one sentence, printable
 * ASCII, without newline; it lives as long as the call.
 */
typedef void config_remark(void *arg, enum remark r, const char *file, unsigned line, unsigned column, const char *text);

/* What has become of a line with a directive on it; the remarks about it have been given before. */
enum line_verdict {
	VERDICT_IN_FORCE,
	VERDICT_IN_PART,	/* a warning says what of it is not */
	VERDICT_IGNORED,	/* understood, and without effect */
	VERDICT_WRONG,		/* skipped */
};

/* Called for each such line; word is its directive, as printable ASCII. */
typedef void config_verdict(void *arg, enum line_verdict v, const char *file, unsigned line, unsigned column, const char *word);

/* Finds the addresses of a name on a restrict line.  Returns how many went into out (at most cap), or -1 with *why set to a reason. */
typedef int config_resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why);

struct config_hooks {
	config_remark	*remark;
	config_verdict	*verdict;	/* NULL: nobody wants to know */
	config_resolve	*resolve;	/* NULL: names are not looked up and their restrict lines have no effect */
	void		*arg;		/* of all */
};

/* getaddrinfo, which blocks: for start-up only. */
int config_resolve_system(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why);

/* The defaults, with no file read.  NULL if memory fails. */
MUST_USE struct config *config_new(void);
void config_free(struct config *c);

/*
 * Reads a file, what it includes and the *.conf files of the directory ntp.d beside it into *c, then settles what does not depend on
 * order (config_finish).  Call it once for one config.  -1 with errno if the file itself cannot be opened, is no text or is not to be
 * trusted (a remark has said so, and *c is settled all the same); bad lines are counted in c->errors and reported.  -1 with ENOMEM, without a
 * remark and with c->starved set, if memory fails: what has been read is not whole, and only to be freed.  The daemon should refuse to start if c->fatal > 0, and refuse a reload if c->errors > 0.
 */
MUST_USE int config_load(struct config *c, const char *path, const struct config_hooks *h);

/* The same from memory: name is what remarks call it, and includes are relative to its directory.  -1 with EILSEQ if it is no text. */
MUST_USE int config_parse_buffer(struct config *c, const char *name, const char *buf, size_t len, const struct config_hooks *h);

/* An association to be removed. */
struct config_unpeer {
	const char	*host;		/* name or address; NULL: by its id */
	int		 family;	/* 4, 6, or 0 = either */
	uint16_t	 id;
};

/* Removes it if it is there, and says whether it was.  A source of the configuration has been taken out of that before. */
typedef bool config_unpeer_cb(void *arg, const struct config_unpeer *u, bool configured);

struct config_remote_hooks {
	struct config_hooks	 hooks;
	config_unpeer_cb	*unpeer;	/* arg is that of hooks */
};

/* What lines from afar have touched, so that no more than that need be carried out; and whether memory has failed in between. */
struct config_change { bool sources, restricts, starved; };

/*
 * Lines of configuration that come while *c is in force: each takes effect in *c as if the file had it too, or is refused with a remark of
 * severity error.  Lines that name files, and those that can only be heeded at start, are refused.  False if any line was.  Where memory fails
 * (change->starved) the lines behind have no effect, and safe restrict entries may be missing.
 */
MUST_USE bool config_remote(struct config *c, const char *text, size_t len, const struct config_remote_hooks *h, struct config_change *change);

/* Takes the source of that name or address out; family 0 = either.  False if there is none. */
bool config_remove_source(struct config *c, const char *host, int family);

/*
 * For a daemon without any file: adds safe restrict entries where no default was given (localhost may do everything, others may ask
 * for the time).  Does nothing the second time.
 */
void config_finish(struct config *c);

/* Adds "server HOST iburst", as an argument on the command line does; false if the host cannot be one or is there already. */
MUST_USE bool config_add_server(struct config *c, const char *host, int family);

/* Can a variable of setvar, --var and --dvar be called so: is it a name that mode 6 can carry? */
MUST_USE bool config_variable_name_ok(const char *name, size_t len);

/* True if the id is on a trustedkey line. */
bool config_key_trusted(const struct config *c, uint32_t id);

/*
 * Writes lines that, read again, make the same configuration: what differs from the defaults, with names on restrict lines resolved.  Comments and
 * includes are not kept, nor is what has no effect.  -1 with errno if out does not take it.
 */
MUST_USE int config_write(const struct config *c, FILE *out);

/* The same into a new file of mode 0600, with the time on top; one that is there already is left alone.  -1 with errno, and no file. */
MUST_USE int config_save(const struct config *c, const char *path, struct walltime now);

/*
 * ntpd --check-config: prints "file:line:column: kind: sentence" for what is wrong or has no effect, after it for every line whether it is in force, in
 * force in part, ignored or wrong, and a summary.  Looks no names up and changes nothing.  Returns the exit status: 0, or 1 if there was an error.
 */
int config_check(const char *path, FILE *out);

#endif
