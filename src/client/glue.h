/* SPDX-License-Identifier: BSD-2-Clause */
/* What client.c, source.c and naming.c share: an association with its socket, timers and name, and the client that owns them all. */
#ifndef CLIENT_GLUE_H
#define CLIENT_GLUE_H

#include <event2/event.h>

#include "base/log.h"
#include "client/client.h"
#include "net/resolver.h"

#define SOURCE_STR_MAX	(ASSOC_NAME_MAX + ADDR_STR_MAX + 8)

/* Of a source that wants NTS. */
struct keying {
	struct addr		 addr;		/* that the source's line leads to: whom to ask for keys */
	char			 host[ASSOC_NAME_MAX];	/* whose certificate is to be shown, if that is not the association's name */
	struct ke_query		*query;
	struct resolver_query	*lookup;	/* of the time server that goes with the keys */
	struct shield		*shield;	/* in use, or NULL */
	struct shield		*fresh;		/* to be used, once it is known where */
	uint16_t		 port;
	char			 told[64];	/* last failure that was logged */
	struct log_gate		 gate;
};

enum source_role {
	ROLE_SERVER,
	ROLE_POOL,		/* a name that brings forth members; never asked for time itself */
	ROLE_MEMBER,
	ROLE_CLOCK,		/* a reference clock */
	ROLE_PASSIVE,		/* brought about by a packet of a symmetric active peer */
	ROLE_BROADCAST,		/* where our broadcasts go; never asked for time */
	ROLE_BCLIENT,		/* brought about by a broadcast */
	ROLE_MANYCAST,		/* a group that is searched; brings forth members */
};

struct source {
	struct client		*client;
	enum source_role	 role;
	struct assoc		 assoc;
	uint16_t		 pool;		/* of a member: the id of its pool */
	bool			 kept;		/* while the configuration is read again: it is still there */
	struct event		*due;		/* assoc_timer */
	int			 fd;		/* of the exchange under way, or -1 */
	struct event		*readable;
	int			 family;	/* asked of the resolver */
	struct event		*ask_due;	/* next question to the resolver */
	struct resolver_query	*query;
	unsigned		 ask_failed;	/* in a row */
	unsigned		 row;		/* of the ttl list: next search */
	struct monotime		 searched;	/* begin of the last search */
	unsigned		 idle;		/* polls in a row without a part in the combined offset */
	int			 told_errno;	/* last failure to send that was logged */
	struct log_gate		 gate;		/* for that log line */
	bool			 barred;	/* a rule keeps its replies out, and this has been said */
	struct ntptime		departed;	/* when our last broadcast left, interleaved mode; 0 = not known */
	unsigned		departed_generation;	/* of our clock then */
	struct keying		 keying;
	clock_ask		*ask;		/* of a reference clock */
	void			*ask_arg;
	struct source		*next_dead;
};

struct client {
	struct event_base	*base;
	struct sysclock		*clock;
	struct resolver		*resolver;
	struct client_opts	 opts;
	client_cb		*cb;
	void			*arg;
	struct system		 system;
	struct source		**source;	/* in order of configuration; */
	struct assoc		**assoc;	/* the same, for the pure rooms and the views */
	size_t			 n;
	struct source		*dead;		/* to be freed once nothing of theirs is on the stack */
	struct event		*reap;
	struct event		*select_due;	/* system_update */
	struct event		*slew_due;	/* end of a slew */
	int			 change_fd;	/* sysclock_change_fd */
	struct event		*changed;
	struct log_gate		 vote_gate, clock_gate, meddle_gate;
	struct log_ration	 guest_lines;
	uint32_t		*own;		/* our reference IDs */
	size_t			 nown;
	uint16_t		 last_id;
	uint64_t		 sent, received;	/* of associations that are gone */
	uint64_t		 barred;	/* replies that a rule kept out */
	struct client_io	 io;
	struct nts_exchanges	 nts;			/* likewise */
	bool			 committed;	/* once mode: the correction is under way … */
	bool			 reported;	/* … and said how it went */
};

/* May a line about sources that packets have brought about be written?  Whoever replays signed packets in other names makes many: so many a minute. */
bool glue_guest_line(struct client *c);

/* Arms a timer; a negative time disarms it. */
void glue_arm(struct event *ev, double seconds);
void glue_report(struct client *c, enum client_news what, double value, const struct assoc *a);
void glue_event(struct client *c, int event, const struct assoc *a);

/* source.c.  source_new returns NULL for want of memory or of room. */
struct source *source_new(struct client *c, enum source_role role, const char *name, const struct assoc_opts *o);
void source_free(struct source *s);		/* at once: only from client_free and the reaper */
void source_remove(struct source *s);		/* from the list now, freed later */
void source_set_key(struct source *s);		/* finds the key its line asks for */
void source_set_addr(struct source *s, const struct addr *a);
void source_act(struct source *s, const struct assoc_out *out);
void source_close(struct source *s);		/* its socket */
void source_hear(struct source *s, const struct datagram *d);	/* by port 123 */
void source_arrival(const struct source *s, const struct datagram *d, struct arrival *in);
bool source_is_barred(struct source *s, const struct datagram *d);	/* a rule keeps this reply out */
void source_failed(struct source *s, int err);	/* something could not be sent */
const char *source_str(const struct source *s, char *buf, size_t cap);

/* clock.c */
void clock_due(struct source *s);		/* a reference clock is to be asked */

/* naming.c */
void naming_ask(struct source *s);		/* asks the resolver for the name, now and again until it has an answer */
void naming_pool_wanted(struct client *c);	/* a member is gone: its pool may look for another */

/* keying.c */
void keying_ask(struct source *s);		/* a key exchange */
void keying_forget(struct source *s);		/* keys, and questions for them */

/* broadcast.c */
int broadcast_ttl(const struct source *s, unsigned row);
void broadcast_due(struct source *s);		/* time to send one */
void broadcast_hear(struct client *c, const struct client_unasked *u, const struct packet *p);

/* manycast.c */
void manycast_due(struct source *s);		/* time to search, or to see whether to */

/* peers.c */
void peers_face(const struct client *c, struct monotime now, struct packet *face);	/* our side of a packet */
bool peers_may_mobilize(const struct client *c, const struct client_unasked *u);
int peers_speak(struct source *s, struct assoc_out *out);	/* -1 with errno */

/* client.c */
bool client_is_prototype(const struct source *s);	/* never asked for time itself */
bool client_has_addr(const struct client *c, const struct addr *a);
size_t client_sources(const struct client *c);	/* those that are asked for time */
void client_news(struct client *c);		/* an association has something for the selection */

#endif
