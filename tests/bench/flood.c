/* SPDX-License-Identifier: BSD-2-Clause */
/* Forges datagrams whole, from the IP header on, so that addresses, ports and fragments are free. */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flood.h"

enum {
	BATCH = 64,
	HEADERS = 28,		/* IP and UDP */
	PAYLOAD_MAX = 300,
	SINK_PORT = 40000,	/* takes the answers and throws them away */
	SINK_BUFFER = 4096,
	REQUEST = 48,
	QUERY = 12,
	FRAGMENT = 24,		/* octets of payload in a first fragment: with the UDP header a multiple of 8 */
	MORE_FRAGMENTS = 0x2000,
};

#define SENDERS		UINT32_C(0x20000000)	/* 32.0.0.0 */

struct kind {
	const char	*name;
	size_t		(*fill)(struct flood *f, uint8_t *payload, uint16_t *port);	/* returns the payload's length */
	uint32_t	(*sender)(const struct flood *f);
	bool		 fragment;
};

struct flood {
	const struct kind *kind;
	struct sockaddr_in server;
	int		 fd, sink;
	uint32_t	 turn;
	uint64_t	 dice;
	struct mmsghdr	 mm[BATCH];
	struct iovec	 iov[BATCH];
	uint8_t		 buf[BATCH][HEADERS + PAYLOAD_MAX];
};

/* xorshift64 (Marsaglia, 2003). */
static uint64_t
roll(struct flood *f)
{
	f->dice ^= f->dice << 13;
	f->dice ^= f->dice >> 7;
	return f->dice ^= f->dice << 17;
}

static uint32_t
near_ones(const struct flood *f)
{
	return SENDERS + (f->turn * UINT32_C(2654435761) >> 16);
}

/* The lower half is the same for all. */
static uint32_t
upper_ones(const struct flood *f)
{
	return SENDERS + ((f->turn & 0x1fff) << 16);
}

static uint32_t
the_peer(const struct flood *f)
{
	(void)f;
	return SENDERS + 1;
}

static size_t
fill_request(struct flood *f, uint8_t *payload, uint16_t *port)
{
	uint64_t xmt = roll(f);

	*port = SINK_PORT;
	memset(payload, 0, REQUEST);
	payload[0] = 4 << 3 | 3;	/* version 4, mode 3 */
	memcpy(payload + 40, &xmt, sizeof(xmt));
	return REQUEST;
}

static size_t
fill_garbage(struct flood *f, uint8_t *payload, uint16_t *port)
{
	size_t len = roll(f) % (PAYLOAD_MAX + 1);

	*port = SINK_PORT;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t v = roll(f);

		memcpy(payload + i, &v, len - i < 8 ? len - i : 8);
	}
	return len;
}

static size_t
fill_query(struct flood *f, uint8_t *payload, uint16_t *port)
{
	*port = SINK_PORT;
	memset(payload, 0, QUERY);
	payload[0] = 2 << 3 | 6;	/* version 2, mode 6 */
	payload[1] = 2;			/* read variables: the whole system's */
	payload[3] = (uint8_t)f->turn;
	return QUERY;
}

static size_t
fill_ports(struct flood *f, uint8_t *payload, uint16_t *port)
{
	static const uint16_t ports[] = { 0, 7, 19, 123 };
	size_t len = fill_request(f, payload, port);

	*port = ports[f->turn % 4];
	return len;
}

/* Modes 1 (symmetric active), 2 (passive) and 4 (server's reply) in turn. */
static size_t
fill_peer(struct flood *f, uint8_t *payload, uint16_t *port)
{
	static const uint8_t modes[] = { 1, 2, 4 };
	size_t len = fill_request(f, payload, port);

	*port = 123;
	payload[0] = (uint8_t)(4 << 3 | modes[f->turn % 3]);
	return len;
}

static size_t
fill_fragment(struct flood *f, uint8_t *payload, uint16_t *port)
{
	fill_request(f, payload, port);
	return FRAGMENT;
}

static const struct kind kinds[] = {
	{ "requests",	fill_request,	near_ones,	false },
	{ "garbage",	fill_garbage,	near_ones,	false },
	{ "control",	fill_query,	near_ones,	false },
	{ "ports",	fill_ports,	near_ones,	false },
	{ "fragments",	fill_fragment,	near_ones,	true },
	{ "peer",	fill_peer,	the_peer,	false },
	{ "bucket",	fill_request,	upper_ones,	false },
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
open_sockets(struct flood *f)
{
	struct sockaddr_in sink = { .sin_family = AF_INET, .sin_port = htons(SINK_PORT) };
	int size = SINK_BUFFER;

	f->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	f->sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0 || f->sink < 0 || setsockopt(f->sink, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0 ||
	    bind(f->sink, (struct sockaddr *)&sink, sizeof(sink)) != 0)
		die("flood");
}

struct flood *
flood_new(const char *kind, const struct sockaddr_in *server)
{
	struct flood *f = calloc(1, sizeof(*f));

	if (f == NULL)
		die("calloc");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			f->kind = &kinds[i];
	if (f->kind == NULL)
		return NULL;
	f->server = *server;
	f->dice = UINT64_C(0x9e3779b97f4a7c15);
	open_sockets(f);
	for (size_t i = 0; i < BATCH; i++) {
		f->iov[i].iov_base = f->buf[i];
		f->mm[i].msg_hdr = (struct msghdr){
			.msg_name = &f->server,
			.msg_namelen = sizeof(f->server),
			.msg_iov = &f->iov[i],
			.msg_iovlen = 1,
		};
	}
	return f;
}

/* The kernel fills in length, checksum and number of the IP header; UDP goes without a checksum (RFC 768). */
static void
forge(struct flood *f, size_t i)
{
	uint16_t port;
	size_t len = f->kind->fill(f, f->buf[i] + HEADERS, &port);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.frag_off = htons(f->kind->fragment ? MORE_FRAGMENTS : 0),
		.saddr = htonl(f->kind->sender(f)),
		.daddr = f->server.sin_addr.s_addr,
	};
	struct udphdr udp = { .source = htons(port), .dest = f->server.sin_port, .len = htons((uint16_t)(8 + (f->kind->fragment ? REQUEST : len))) };

	ip.id = f->kind->fragment ? htons((uint16_t)(f->turn | 1)) : 0;
	memcpy(f->buf[i], &ip, sizeof(ip));
	memcpy(f->buf[i] + sizeof(ip), &udp, sizeof(udp));
	f->iov[i].iov_len = HEADERS + len;
	f->turn++;
}

size_t
flood_send(struct flood *f, size_t n)
{
	size_t taken = 0;

	for (size_t left = n; left > 0;) {
		size_t batch = left < BATCH ? left : BATCH;
		int r;

		for (size_t i = 0; i < batch; i++)
			forge(f, i);
		r = sendmmsg(f->fd, f->mm, (unsigned)batch, MSG_DONTWAIT);
		taken += r > 0 ? (size_t)r : 0;
		left -= batch;
	}
	return taken;
}
