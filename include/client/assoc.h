/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An association: one source, its polling, its measurements and what they say (RFC 5905 sections 9 and 13).
 *
 * Pure: it is given time, dice and datagrams, and hands back what to do.  client_io, the simulator and the tests are its callers.
 */
#ifndef CLIENT_ASSOC_H
#define CLIENT_ASSOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/ntp.h"
#include "base/random.h"
#include "client/exchange.h"
#include "engine/estimator.h"
#include "engine/filter.h"
#include "engine/select.h"
#include "nts/opts.h"
#include "wire/control.h"

#define ASSOC_NAME_MAX	256

/* Network Time Security, as a line asks for it. */
struct assoc_nts {
	bool	on, noval;		/* noval: the server's certificate is not looked at */
	char	ca[NTS_PATH_MAX];	/* trusted certificates; empty: those of the nts directive, or the system's */
	char	aead[NTS_WORD_MAX];	/* algorithm; empty: that of the nts directive */
};

/* Options of a server or pool line; constant after loading. */
struct assoc_opts {
	uint8_t		version;		/* 1 … 4 */
	int8_t		minpoll, maxpoll;	/* log2 s, minpoll <= maxpoll */
	bool		iburst, burst, prefer, noselect, always, preempt, xleave;
	uint8_t		mode;			/* MODE_ACTIVE: a peer; MODE_BROADCAST: sent to, and never asked; anything else: a server or pool */
	bool		manycast;		/* servers are searched for at the address, which is a group's */
	uint8_t		ttl;			/* row of the ttl list, 0 … 7, or ASSOC_TTL_FAR */
	uint32_t	key;			/* 0 = none */
	double		bias;			/* s, added to each offset */
	struct assoc_nts	nts;
};

/* The pollskewlist: by how much polls may come early or late, drawn anew for each. */
struct pollskew {
	bool		given[POLL_MAX + 1];	/* by poll exponent; where it is not, polls are spread as we see fit */
	uint32_t	early[POLL_MAX + 1], late[POLL_MAX + 1];	/* s */
};

#define ASSOC_TTL_FAR	127	/* a time to live itself: of broadcasts that name none */

extern const struct assoc_opts assoc_defaults;

/* What a call asks its caller to do; bits of assoc_out.what. */
enum assoc_action {
	ASSOC_SEND = 0x01,		/* send pkt from a fresh port, then tell assoc_sent; a peer's is to be written by assoc_speak and leaves from port 123 */
	ASSOC_CLOSE = 0x02,		/* the exchange is over: its socket may go */
	ASSOC_UPDATE = 0x04,		/* there is news for the selection */
	ASSOC_RESOLVE = 0x08,		/* has been silent for long: ask the name again */
	ASSOC_DEMOBILIZE = 0x10,	/* an ephemeral one that is of no use */
	ASSOC_KEYS = 0x20,		/* make a key exchange, and tell assoc_keyed or assoc_not_keyed how it went */
};

struct assoc_out {
	unsigned	what;
	uint8_t		pkt[REQUEST_MAX];
	size_t		len;		/* of pkt */
	double		wait;		/* s until assoc_timer is due, from now; < 0: not due before something else happens */
	unsigned	events;		/* 1 << enum peer_event (RFC 9327) of each that has just happened */
	uint32_t	kiss;		/* kiss code that came, or 0 */
};

/* What an association is with. */
enum assoc_kind {
	ASSOC_SERVER,			/* somebody on the network; pool prototypes too */
	ASSOC_CLOCK,			/* a reference clock */
	ASSOC_OWN,			/* our own clock (LOCAL): used when there is nothing else, or if preferred */
	ASSOC_PULSE,			/* a reference clock that tells where seconds begin, not which ones (PPS) */
};

/* Counters that ntpq shows. */
struct assoc_counts {
	uint32_t	sent, received, badauth, bogus, dup, seldisp, selbroken;
	uint32_t	nts_sent, nts_good, nts_bad;	/* protected requests; replies that were rightly protected, and that were not */
};

/* What the next broadcast is compared with. */
struct broadcast_mark {
	struct ntptime	xmt;		/* transmit timestamp */
	struct monotime	came;		/* 0 = there was none */
	struct walltime	t4;		/* the same instant by our clock … */
	double		steered;	/* … which had been steered by this, s … */
	unsigned	generation;	/* … and not stepped since, if it still has that number */
};

struct assoc {
	uint16_t		id;		/* association id, not 0 */
	enum assoc_kind		kind;
	uint8_t			source;		/* enum sys_source of a reference clock */
	struct assoc_opts	opts;
	char			name[ASSOC_NAME_MAX];	/* as configured; empty if by address */
	struct addr		addr;		/* port 123; family 0: not resolved yet */
	struct addr		local;		/* address our requests leave from; family 0: unknown */
	bool			configured;	/* from the file, not from a pool */

	const struct pollskew	*pollskew;	/* NULL: none is given */

	struct exchange		exchange;
	struct packet		last;		/* header of the last genuine reply */
	struct filter		filter;
	struct filter_stat	stat;
	struct estimator	estimator;
	bool			have_stat;

	uint8_t			reach;		/* shift register, newest in bit 0 */
	uint8_t			unreach;	/* polls without answer */
	int8_t			hpoll;		/* log2 s, of interval, rounded up */
	double			interval;	/* s between polls that are answered; those that are not wait as long */
	double			skew;		/* 0 … 1, by which the poll under way is spread */
	int8_t			minpoll;	/* log2 s in force: opts.minpoll, or more after RATE */
	unsigned		burst;		/* requests left of a burst */
	bool			opening;	/* it is an initial one */
	unsigned		probes;		/* requests of this burst so far without an answer */
	unsigned		tries;		/* polls since init or set_addr, saturating */
	unsigned		failures;	/* sends in a row that failed */
	unsigned		good;		/* replies since the last RATE or the last relief from one */
	bool			stopped;	/* DENY or RSTR: sends nothing more */
	bool			keyless;	/* the key asked for cannot be had: sends nothing */
	bool			keying;		/* a key exchange is under way */
	unsigned		ke_tries;	/* key exchanges since the last protected reply */
	struct monotime		ke_next;	/* no other one before */
	bool			self;		/* it has answered with our own words: it is us, by some way round */
	bool			authentic;	/* the last reply was signed as it should be */
	bool			interleaved;	/* the last sample was one of interleaved mode, or the last broadcast */
	bool			called;		/* a peer that is asked as a server has spoken as a peer */
	bool			listening;	/* to broadcasts: it asks no more */
	double			oneway;		/* s, delay of its broadcasts */
	struct broadcast_mark	mark;		/* its last good broadcast */
	double			xleave;		/* s, by which its last broadcast but one, or ours, left later than it said; 0 = not known */
	uint32_t		kiss;		/* refid of the last kiss-o'-death, shown until a reply comes */
	struct monotime		next;		/* when assoc_timer is due */
	struct monotime		sent, heard;	/* last request, last genuine reply; 0 = never */
	struct monotime		changed;	/* reach went to or from 0 */
	unsigned		flash;		/* last packet's and selection's */
	enum tally		tally;		/* last verdict */
	struct assoc_counts	count;
	uint8_t			event, events;	/* last event and how many, as in the peer status word */
};

/*
 * A new association, due at now + start seconds.  freq and freq_var are what is known of our oscillator, s/s.
 */
void assoc_init(struct assoc *a, uint16_t id, const struct assoc_opts *o, struct monotime now, double start, double freq, double freq_var);

/*
 * The key its packets are signed with, or NULL: none is asked for (opts.key 0), or the one asked for cannot be had.  In the latter case it sends nothing: an
 * association that was to be authenticated never goes without.
 */
void assoc_set_key(struct assoc *a, const struct key *key);

/*
 * NTS (opts.nts): the key exchange went well, and these are the keys, borrowed until the association has others or another address; or it failed.  Without
 * keys it sends nothing, and asks for another exchange in ever longer intervals (RFC 8915 section 4.2).
 */
void assoc_keyed(struct assoc *a, struct shield *s, struct monotime now, struct assoc_out *out);
void assoc_not_keyed(struct assoc *a, struct monotime now, struct assoc_out *out);

/* Cookies it holds, -1 without NTS. */
int assoc_cookies(const struct assoc *a);

/* Gives it an address (again): what was learnt from another address is forgotten. */
void assoc_set_addr(struct assoc *a, const struct addr *addr, struct monotime now, struct assoc_out *out);

/* What a reference clock is by itself. */
struct clock_face {
	struct addr	addr;		/* 127.127.type.unit */
	enum assoc_kind	kind;		/* not ASSOC_SERVER */
	uint8_t		stratum;	/* 0 … 15 */
	uint8_t		source;		/* enum sys_source */
	uint32_t	refid;
};

/* Makes it one with a reference clock, just after assoc_init: assoc_clock_poll then takes the place of all functions about datagrams. */
void assoc_set_clock(struct assoc *a, const struct clock_face *f);

/* The time set by the last wait has come, and the clock has been asked.  steered is that of our clock at now. */
void assoc_clock_poll(struct assoc *a, struct monotime now, double steered, const struct clock_answer *c, struct assoc_out *out);

/* The time set by the last wait has come (or the caller was late, or early: it says so again). */
void assoc_timer(struct assoc *a, struct monotime now, struct dice dice, struct assoc_out *out);

/* Symmetric, rather than client and server? */
bool assoc_is_peer(const struct assoc *a);

/* … and at present?  An active peer that does not answer as one is asked as a server is, now and again or for good: NTPsec knows no peers. */
bool assoc_speaks(const struct assoc *a);

/* The packet of a peer that is to leave now: face is our side of it, all but version, mode, poll and the times but for the reference time. */
void assoc_speak(struct assoc *a, const struct packet *face, const struct departure *now, struct assoc_out *out);

/* The request left at t1 by our clock; may be called again with a better stamp before the reply is given. */
void assoc_sent(struct assoc *a, struct walltime t1, unsigned generation);

/* It could not be sent, or an ICMP error came back: nothing will come of this request.  out->wait says when the next one is due. */
void assoc_failed(struct assoc *a, struct monotime now, struct assoc_out *out);

/* Has it had its chance to say something since it was made: a sample, or requests enough without an answer? */
bool assoc_heard_out(const struct assoc *a);

/* A datagram came in on the association's socket, or to port 123 from a peer's address. */
void assoc_receive(struct assoc *a, const struct arrival *in, struct assoc_out *out);

/* How broadcasts are taken (bclient.c). */
#define BCPOLLBSTEP_DEFAULT	4
struct bclient_opts {
	double	delay;		/* s, one way: > 0 it is assumed, else it is measured by asking, and its absolute value is the most that is believed */
	int	back;		/* intervals without any that counts after which one is believed that is earlier than the last (tos bcpollbstep) */
};

/*
 * A broadcast (mode 5) of this association's server has come.  It counts only if it is signed as it should be, later than the last (or earlier, after
 * o->back intervals of silence), no sooner than an interval after it, and, unless its delay is assumed, once the server has answered and its delay is known.
 *
 * Interleaved broadcasts, as ntpd has them, name as origin when the one before left in truth: they measure that one, if it has been heard.
 */
void assoc_broadcast(struct assoc *a, const struct arrival *in, const struct bclient_opts *o, struct assoc_out *out);

/* The reference IDs by which others would name us, to recognise a loop (RFC 5905 section 9.2). */
struct own_refids {
	const uint32_t	*id;
	size_t		n;
};

/* Has it time to offer?  Fills *c and says so; sets the selection's flash bits. */
bool assoc_candidate(struct assoc *a, struct monotime now, double steered, const struct select_opts *o, const struct own_refids *own,
    struct candidate *c);

/* Somebody moved our clock by an unknown amount, or the machine slept: start measuring again, keep the frequency. */
void assoc_disturbed(struct assoc *a, struct monotime now, struct assoc_out *out);

/*
 * We have stepped our clock by this much, s: the offsets shown are told by the clock as it is now.  A pulse, whose seconds our clock numbers, is measured
 * anew.
 */
void assoc_stepped(struct assoc *a, double by);

/* Root distance, s: what the selection calls the width of its correctness interval (RFC 5905 section 11.2.1). */
double assoc_rootdist(const struct assoc *a, struct monotime now);

/* Reference ID under which a server is known to others: IPv4 address, or MD5 of an IPv6 address (RFC 5905 section 7.3). */
uint32_t assoc_refid_of(const struct addr *a);

/* Counts an event for the peer status word. */
void assoc_event(struct assoc *a, int event);

#endif
