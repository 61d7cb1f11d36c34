/* SPDX-License-Identifier: BSD-2-Clause */
/* The root struct: everything a running daemon owns.  Rooms are in the order in which they are built, and are freed in reverse. */
#ifndef DAEMON_ROOT_H
#define DAEMON_ROOT_H

#include <event2/event.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/log.h"
#include "client/client.h"
#include "config/config.h"
#include "daemon/options.h"
#include "net/ifaces.h"
#include "net/resolver.h"
#include "server/listener.h"
#include "server/signd.h"
#include "sysclock/keeper.h"
#include "sysclock/sysclock.h"

struct counted;
struct keclient;
struct nts_counts;
struct root_nts;
struct talk_cost;
struct mode6;
struct stats;

#define ROOT_SIGNALS	8
#define ROOT_CLOCKS	32	/* reference clocks */

/* The leap file as it was read. */
struct root_leap {
	struct leap_table	*table;		/* NULL = none */
	char			 path[PATH_MAX];
	struct stat		 seen;		/* st_ino 0 = not yet */
	bool			 checked;	/* its hash */
	bool			 lost;		/* it could not be read last time, and this has been said */
	struct monotime		 told;		/* of its expiry; 0 = not yet */
};

struct root {
	const struct options	*opts;
	struct config		*config;
	struct iface_rule	 rules[OPTIONS_LIST_MAX + 2];	/* of -I and -L */
	struct event_base	*base;
	struct event		*signal[ROOT_SIGNALS];
	struct clock_bounds	 bounds;	/* what the clock process permits, while clock is the kernel's */
	int			 keeper;	/* link to the clock process until the clock owns it; -1 = none */
	struct sysclock		*clock;
	bool			 watch_only;	/* it has been opened to be looked at, so it cannot be steered before the next start */
	struct event		*keeper_lost;
	struct resolver		*resolver;
	struct names		*names;		/* looked up before the configuration is read again; NULL: it is not about to be */
	struct keys		*keys;		/* NULL: there are none */
	struct restrict_list	*restricts;
	struct mode6		*mode6;
	struct counted		*counted;	/* counters as they were when they were reset */
	struct listener		*listener;
	struct signd		*signd;		/* NULL until somebody of a domain asks */
	struct signd_counts	 signd_counts;
	struct refclock		*clocks[ROOT_CLOCKS];	/* open ones */
	size_t			 nclocks;
	uint64_t		 clock_reads;	/* readings of clocks that are closed */
	bool			 sandboxed;
	unsigned		 clock_needs;	/* enum refclock_need, that the sandbox allows */
	struct keclient		*ke;		/* key exchanges of our sources */
	struct root_nts		*nts;		/* key exchanges that we serve; NULL: none */
	struct client		*client;
	struct stats		*stats;		/* NULL before privileges are dropped */
	struct ifaces_watch	*ifaces;
	struct event		*hourly;
	struct root_leap	 leap;
	struct event		*alive;		/* tells the service manager so; NULL: it does not ask */
	struct clockread	 started;
	bool			 have_drift;
	double			 drift;		/* s/s, as in the file */
	double			 threshold;	/* s/s, least change worth a write */
	int			 waiting;	/* descriptor to the parent, or -1 */
	bool			 wait_sync;	/* it wants to hear when we are synchronised */
	int			 lock;		/* on the machine's clock, or -1 */
	int			 status;	/* exit status */
	char			 savedconfig[NAME_MAX];	/* file that ntpq has had the configuration saved to last, or "" */
	struct log_gate		 drift_gate, refused_gate, signd_gate;
	struct log_ration	 event_lines;
};

/*
 * settings.c: what the file and the command line make together.  settings_load returns NULL with lines in the log if it must not be used, and with ENOMEM and
 * no line if memory fails; a file that is not there is forgiven unless errors is given, which then is set to the number of bad lines.  Names on restrict
 * lines are those of known, or are waited for if it is NULL.  settings_restrict returns false with errno.
 */
const char *settings_path(const struct options *o);
struct config *settings_load(const struct options *o, struct names *known, unsigned *errors);
bool settings_listener(struct root *r, const struct config *c, struct listener_opts *lo);
struct keys *settings_keys(const struct config *c);	/* NULL: none, or refused (logged), or for want of memory (ENOMEM, not logged) */
struct client_modes settings_modes(const struct config *c);	/* modes.c */
MUST_USE bool settings_restrict(struct restrict_list *l, const struct config *c);

/*
 * news.c: what the client reports, arg being the root.  root_publish gives the listener the system's state as it is now; root_stop ends the loop;
 * root_parent_may_go lets the parent that waits, if one does, exit with this status.
 */
void root_news(void *arg, const struct client_report *n);
void root_publish(struct root *r);
void root_stop(struct root *r, int status);
void root_parent_may_go(struct root *r, int status);

/*
 * names.c: what a file names on its restrict lines.  names_look_up reads it for that alone, in silence, and has the resolver find them; ready is called
 * from the loop when all are answered, which takes 30 s at most, unless names_wait says at once that there is nothing to wait for.  NULL with errno.
 * names_resolve is the config_resolve of what has been found, arg being the names.
 */
typedef void names_ready(void *arg);
MUST_USE struct names *names_look_up(struct resolver *r, const char *path, names_ready *ready, void *arg);
bool names_wait(const struct names *s);
int names_resolve(void *arg, const char *name, int family, struct addr *out, size_t cap, const char **why);
void names_free(struct names *s);	/* NULL is fine */

/*
 * reload.c: SIGHUP.  The file is read when the names in it have been looked up; a second signal meanwhile begins anew.  settings_carry_out brings the running rooms to what the configuration says now, whatever has changed, after a reload and after lines
 * of ntpq alike; the others do so for sources and rules, which cost more, in place of the old ones.  Rules are exchanged as a whole: where memory fails
 * (false, with errno) the old ones stay.
 */
void settings_reload(struct root *r);
void settings_carry_out(struct root *r);
MUST_USE bool settings_swap_restricts(struct root *r, const struct config_restrict *old, const struct config *new);
void settings_swap_sources(struct root *r, const struct config *new, const char *why);

/* remote.c: what the holder of the control key may do, arg being the root. */
struct mode6_hands;
void root_hands(struct root *r, struct mode6_hands *out);

/*
 * clocks.c: the reference clocks.  Opened while there are rights to open devices; added to the client's sources later.  same: it is open, with these
 * options.  gone: the client has given it up.
 */
void root_clocks_open(struct root *r);
bool root_clock_add(struct root *r, const struct config_source *s);
bool root_clock_same(struct root *r, const struct config_source *s);
void root_clock_gone(struct root *r, const struct assoc *a);
void root_clock_sample(struct root *r, const struct assoc *a);	/* it has told the time: enable calibrate */
void root_clocks_close(struct root *r);
size_t root_clocks_list(const struct root *r, const struct refclock_info *out[static ROOT_CLOCKS]);
uint64_t root_clocks_reads(const struct root *r);	/* readings of all since start */
unsigned root_clocks_need(const struct root *r);	/* enum refclock_need */

/* Adds a source of any kind; false: it cannot be one (logged). */
bool root_source_add(struct root *r, const struct config_source *s);

/*
 * steering.c: the clock that is steered.  Started while there is nothing yet that its process should not have; opened when the port is ours; closed
 * last.  false: told in the log.
 */
bool root_steering_start(struct root *r);
bool root_steering_open(struct root *r);
void root_steering_close(struct root *r);

/* modes.c: the associations' use of port 123.  root_passed takes what the listener passes up; root_modes_listen tells it again who is heard. */
void root_passed(void *arg, const struct datagram *d, unsigned flags, int fd);
int root_modes_send(void *arg, const struct datagram *d, int ttl);
struct client_bar root_bars(void *arg, const struct datagram *d, bool secured);	/* what restrict says of replies to us */
void root_modes_listen(struct root *r);

/* mssntp.c: requests that Samba signs the answers to.  follow: the configuration is another than old. */
bool root_mssntp_is(const struct datagram *d, unsigned flags);
void root_mssntp(struct root *r, const struct datagram *d, unsigned flags, int fd);
void root_mssntp_follow(struct root *r, const struct config *old);
void root_mssntp_close(struct root *r);

/* view.c: answers a mode 6 request. */
void root_control(void *arg, const struct datagram *d, unsigned flags, int fd);
bool root_control_init(struct root *r);
void root_control_free(struct root *r);

/* counted.c: what ntpq shows of counters, all since start or since they were reset.  A view borrows; the struct is written by the first call. */
struct control_view;
bool root_counted_init(struct root *r);
void root_counted_view(const struct root *r, struct control_view *v, struct server_counters *since_reset, struct server_counters *since_start);
void root_counted_reset(struct root *r, const struct config_reset *which);

/* statfiles.c: the statistics files.  Opened by the user we end up as; before that the others do nothing. */
bool root_stats_open(struct root *r);
void root_stats_reload(struct root *r);
void root_stats_news(struct root *r, const struct client_report *n);
void root_stats_hour(struct root *r);
void root_stats_close(struct root *r);

void root_stats_keys(struct root *r, const struct addr *peer, const char *why, bool began, const struct talk_cost *cost);	/* a key exchange that we served */

/*
 * nts.c: the server of Network Time Security.  Opened while there are rights to read its key; begun by the user we end up as, whose its cookie keys are; asked
 * every hour whether these are to be renewed.
 */
bool root_nts_open(struct root *r);
unsigned root_nts_needs(const struct root *r);	/* SANDBOX_NTS, or 0 */
void root_nts_begin(struct root *r);
void root_nts_hour(struct root *r);
void root_nts_reload(struct root *r);
void root_nts_counters(const struct root *r, struct nts_counts *out);
void root_nts_close(struct root *r);

/* leapfile.c: reads the leap file if it has changed, or if its name or options have. */
void root_leap_reload(struct root *r);
void root_leap_hour(struct root *r);
void root_leap_close(struct root *r);

#endif
