/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything a reader of our state may look at, in one place and read-only.  The daemon fills a view for each request and may let
 * it point into live state: it is used up before the call that took it returns, and nothing is ever written through it.
 */
#ifndef CONTROL_VIEW_H
#define CONTROL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include "auth/keys.h"
#include "client/assoc.h"
#include "client/system.h"
#include "nts/counts.h"
#include "refclock/refclock.h"
#include "server/counters.h"
#include "server/listener.h"
#include "server/mrus.h"
#include "server/restrict.h"
#include "server/signd.h"
#include "sysclock/sysclock.h"

/* A variable made by the setvar directive, or by the daemon itself; value is sent as it is. */
struct control_setvar {
	const char	*name, *value;
	bool		 by_default;	/* part of the answer to an empty request */
};

/* Groups of counters that are set to zero together, and when that was done last. */
struct control_resets { struct monotime sys, io, auth, ctl, timer; };

/* What the daemon's loop counts.  0 where there is nothing to count. */
struct control_counts {
	uint64_t	control;	/* control requests */
	uint64_t	io_received, io_sent, io_sendfailed, io_dropped, io_ignored;	/* packets */
	uint64_t	io_wakeups, io_goodwakeups;	/* of the loop by sockets; those that brought a packet */
	uint64_t	io_pkt_reads, io_ref_reads;	/* reads of sockets and of reference clocks */
	uint64_t	rbuf_total, rbuf_free, rbuf_used, rbuf_lowater;	/* receive buffers */
	uint64_t	timer_overruns, timer_xmts;
	uint64_t	authkeys, authfreek, authklookups, authknotfound, authencrypts, authdecrypts;
	uint64_t	authdigestencrypts, authdigestdecrypts, authdigestfails;
	uint64_t	authcmacencrypts, authcmacdecrypts, authcmacfails;
};

struct control_view {
	struct clockread		 now;
	struct monotime			 start;		/* of the daemon */

	const struct system		*system;
	const struct assoc *const	*assocs;	/* pool prototypes among them: addr.family 0, last.refid REFID_POOL */
	size_t				 nassocs;

	const struct refclock_info *const *clocks;	/* those that are open; an association is with one if its address is 127.127.type.unit */
	size_t				 nclocks;

	const struct server_counters	*counters;	/* since reset.sys, with processed, which the associations count, added */
	const struct server_counters	*totals;	/* the same since start */
	struct control_resets		 reset;
	struct mrus			 mrus;		/* the workers' lists; entries may be looked at only while hold keeps them still */
	void				(*hold)(void *arg, bool on);	/* NULL: they are still */
	void				*hold_arg;
	struct mru_stats		 mru_stats;	/* zero where there is no list */
	bool				 monitor;	/* enable monitor */
	const struct restrict_list	*restricts;
	const struct listener_socket	*sockets;
	size_t				 nsockets;

	const char			*clock_driver;	/* sysclock_name() */
	double				 wander_threshold;	/* s/s, least change of frequency worth a write of the drift file, as of now */
	double				 bcastdelay;	/* s, broadcastdelay */
	bool				 steers_host;	/* false: the kernel's clock is left alone */
	const struct timex		*kernel;	/* what adjtimex said, NULL: not asked */

	const struct control_setvar	*setvars;
	size_t				 nsetvars;
	const char			*savedconfig;	/* name of the file, NULL: nobody has asked for one */
	const char			*version;	/* "ntpd truechimer-…", without quotes */
	const struct utsname		*uts;		/* NULL: not known */
	struct walltime			 leapsec, leap_expire;	/* next or last leap second known, and how long the file is good; 0 = unknown */
	struct signd_counts		 mssntp, mssntp_total;	/* since reset.sys, and since start */
	struct control_counts		 count;		/* since reset, by group */
	struct nts_counts		 nts, nts_total;	/* since reset.sys, and since start */
	uint64_t			 control_total;	/* control requests since start */

	const struct keys		*keys;		/* NULL: there are none */
	uint32_t			 controlkey;	/* who has it may change things; 0 = nobody may */
};

/* The association of that id, or NULL. */
const struct assoc *control_view_assoc(const struct control_view *v, uint16_t id);

/* The reference clock that an association is with, or NULL. */
const struct refclock_info *control_view_clock(const struct control_view *v, const struct assoc *a);

/* A line that stands for servers yet to be found, not for one: pool. */
bool control_is_prototype(const struct assoc *a);

/* Status words of RFC 9327 section 3: leap, source, events, event; and flags, selection, events, event. */
uint16_t control_system_status(const struct control_view *v);
uint16_t control_peer_status(const struct assoc *a);
uint16_t control_clock_status(const struct refclock_info *c);

#endif
