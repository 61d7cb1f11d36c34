/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One question to a mode 6 server and its answer (RFC 9327), over connected UDP.
 *
 * Blocks, as tools may, but never beyond the limits given: each try ends opts.first_ms + opts.more_ms after its request
 * at the latest, whatever arrives, and the waiting of all questions of a command draws on one store of patience.
 */
#ifndef TOOLS_QUERY_H
#define TOOLS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/must_use.h"
#include "assembly.h"
#include "wire/control.h"

#define QUERY_ADDRS_MAX	8

/* How requests are signed; the functions are those of a key (auth/keys.h), so that tools without keys need no crypto library. */
struct query_mac {
	const void	*key;
	size_t		 len;		/* octets of a MAC with its key id */
	size_t		(*sign)(const void *key, const uint8_t *msg, size_t len, uint8_t *out);
	bool		(*verify)(const void *key, const uint8_t *msg, size_t len, const uint8_t *mac, size_t mac_len);
};

#define QUERY_MAC_MAX	24

struct query_opts {
	int		family;		/* AF_UNSPEC, AF_INET, AF_INET6 */
	uint8_t		version;	/* claimed in requests, 1 … 4 */
	int		first_ms;	/* to wait for the first fragment … */
	int		more_ms;	/* … and for each further one */
	unsigned	tries;		/* requests sent before giving up, at least 1 */
	int		interrupt_fd;	/* readable when the user wants no more of it; -1 = none */
	unsigned	debug;		/* 1: a line per datagram … */
	FILE		*debug_out;	/* … to this stream; NULL = stderr */
	double		flake;		/* share of answers that are thrown away, for tests of bad networks */
};

enum query_err {
	QUERY_OK,
	QUERY_TIMEOUT,		/* nothing usable came */
	QUERY_INCOMPLETE,	/* some fragments came, others did not */
	QUERY_TOO_BIG,		/* more fragments than are kept */
	QUERY_REFUSED,		/* nobody listens there (ICMP said so) */
	QUERY_SOCKET,		/* another error of the socket: errnum */
	QUERY_SERVER,		/* the server said no: server_err */
	QUERY_REQUEST,		/* the request itself does not fit a datagram */
	QUERY_INTERRUPTED,
	QUERY_NO_KEY,		/* of a session: there is nothing to sign with, as has been said */
	QUERY_NO_HOST,		/* of a session: none is open */
	QUERY_UNSIGNED,		/* an answer came, but not signed with the key of the request */
};

struct query {
	struct query_opts	 opts;
	int			 fd;		/* -1 = closed */
	struct sockaddr_storage	 addrs[QUERY_ADDRS_MAX];
	socklen_t		 addr_lens[QUERY_ADDRS_MAX];
	size_t			 naddrs, at;	/* at: the address fd is connected to */
	bool			 heard;		/* this address has answered before */
	uint16_t		 sequence;
	int			 patience_ms;
	int			 errnum;	/* of QUERY_SOCKET */
	uint8_t			 server_err;	/* of QUERY_SERVER: enum control_err */
	const struct query_mac	*mac;		/* signs requests, and only answers signed by it are taken; NULL = neither */
	size_t			 mac_align;	/* where this server expects a MAC to begin: a multiple of 8 or of 4 */
	struct assembly		 assembly;	/* the last answer; text is assembly.data, assembly.len */
};

extern const struct query_opts query_defaults;

/* Makes q closed, with these options. */
void query_init(struct query *q, const struct query_opts *opts);

/*
 * Resolves host ("name", "192.0.2.1", "::1", "[::1]") and connects to its first address that can be.  Returns NULL or the
 * reason, a string that lives on; q is then closed.
 */
MUST_USE const char *query_open(struct query *q, const char *host, const char *port);

/* As query_open, of this machine itself: 127.0.0.1, then ::1, without asking a resolver. */
MUST_USE const char *query_open_local(struct query *q, const char *port);

void query_close(struct query *q);

/* A new command begins: patience is full again. */
void query_rested(struct query *q);

/*
 * Asks and waits.  If nobody listens at an address that has never answered, or nothing comes from it soon, the next one of the host is tried.  On
 * QUERY_OK q->assembly holds the answer's text, control octets replaced by '?', and status; of a CONTROL_READSTAT of
 * association 0 the octets as they are.
 */
MUST_USE enum query_err query_ask(struct query *q, enum control_op op, uint16_t associd, const char *data, size_t len);

#endif
