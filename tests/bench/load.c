/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load generator for time servers: asks from many addresses, counts and times the answers, says so in one line of JSON.  Its options are in options.h.
 *
 * Without -r it is a closed loop: WINDOW requests are under way, and each answer (or the end of the wait for it) makes room for the
 * next.  With -r it sends at that rate whatever comes back, and response time counts from the instant at which a request was due.
 *
 * Client i has the address 127.1.0.0 + i, or fd74:7263:<i>::2 (a /64 each), and the server is asked at ADDRESS; so it needs the loopback of a network
 * namespace (for IPv6 with "ip -6 route add local fd74:7263::/32 dev lo").  Clients take turns in an order that looks random and visits all.
 *
 * With -a requests carry a MAC (sign.h), and an answer counts that is as long.  They are signed before the start, some for each slot, and asked again and
 * again, so that signing does not slow the generator down.  With -i a client asks in interleaved mode (RFC 9769) from its second request on.  With -x
 * each request is followed by a datagram of that kind of flood (flood.h).
 *
 * "stamp error" is the kernel's receive stamp of an answer, minus the transmit time in it.  On the loopback the kernel
 * takes this stamp within the server's own call of send, on the server's processor, right after the point at which it takes the
 * transmit stamp of a datagram; so it tells how late the datagram left against what it claims, but for a fraction of a microsecond.
 *
 * Bounded in time by -t and in requests by -n, whichever comes first.  The first -u seconds are not measured.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/net_tstamp.h>

#include "flood.h"
#include "options.h"
#include "samples.h"
#include "sign.h"

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND	78	/* linux/in6.h, which does not go together with netinet/in.h */
#endif

enum {
	BATCH = 64,
	SEND_AT_LEAST = 16,	/* slots that have to be free before a closed loop asks for more; a server under load is met by batches */
	PATIENCE = 200,		/* empty looks after which it asks for less */
	HEADER = 48,
	CONTROL = 128,
	SIGNED_PER_SLOT = 4,
	RECEIVE_BUFFER = 8 << 20,
	SEED_BITS = 32,
};

#define ASKED_BY_REC	UINT64_C(0x80000000)	/* in a cookie: it has come back as the answer to an interleaved request */

#define NS		INT64_C(1000000000)
#define LOST_NS		(200 * NS / 1000)	/* an answer that has not come by then is lost */
#define SWEEP_NS	(10 * NS / 1000)	/* how often the closed loop looks for lost ones */
#define UNIX_TO_NTP	INT64_C(2208988800)	/* seconds from 1900 to 1970, RFC 5905 appendix A.4 */

/* A request under way. */
struct slot {
	int64_t		due;		/* ns of CLOCK_MONOTONIC at which it was sent, or should have been */
	uint64_t	cookie;		/* its transmit time field; 0 = slot free */
	uint32_t	client;
	uint32_t	used;		/* times; decides which of the signed requests is next */
	bool		measured;
};

struct out_batch {
	struct mmsghdr	mm[BATCH];
	struct iovec	iov[BATCH];
	uint8_t		buf[BATCH][HEADER + SIGN_MAX];
	uint8_t		control[BATCH][CONTROL] __attribute__((aligned(16)));
};

struct in_batch {
	struct mmsghdr	mm[BATCH];
	struct iovec	iov[BATCH];
	uint8_t		buf[BATCH][128];
	uint8_t		control[BATCH][CONTROL] __attribute__((aligned(16)));
};

struct load {
	struct options	 o;
	int		 fd;
	struct slot	*slots;
	uint32_t	*freed;		/* stack of free slots */
	uint32_t	 nfree;
	uint32_t	 turn;		/* requests made: decides whose turn it is */
	uint64_t	 seed;		/* upper half of cookies; no old answer looks like one of ours */
	bool		 measuring;
	int64_t		 began, ended;	/* ns: the interval measured */
	uint64_t	 total;		/* requests ever sent */
	uint64_t	 sent, answered, kods, lost, strange, send_errors;	/* in the interval */
	uint64_t	 interleaved, flooded;	/* answers of that kind; datagrams beside the requests */
	uint64_t	 looks, empty_looks;
	uint64_t	*last_rec;	/* of each client: the receive time field of its last answer */
	uint8_t		(*prepared)[HEADER + SIGN_MAX];	/* signed requests: SIGNED_PER_SLOT of each slot; NULL = none */
	size_t		 request_len;
	struct flood	*flood;
	struct samples	 response, stamp;
	struct out_batch out;
	struct in_batch	 in;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

static void
set_int(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) != 0)
		die("setsockopt");
}

/* CPU time that a process has used in all its threads, as the scheduler counts it, ns. */
static int64_t
cpu_of(long pid)
{
	struct timespec ts;
	clockid_t clock;

	if (pid == 0)
		return 0;
	if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &ts) != 0) {
		fprintf(stderr, "load: no process %ld to read the CPU time of\n", pid);
		exit(1);
	}
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* --- who asks --- */

/* Visits every number below n once before any comes again: an odd step through the power of two above, skipping what is out of range. */
static uint32_t
next_client(struct load *l)
{
	uint32_t size = 1, i;

	while (size < l->o.clients)
		size *= 2;
	do
		i = l->turn++ * UINT32_C(2654435761) & (size - 1);
	while (i >= l->o.clients);
	return l->o.first + i;
}

static void
put_client4(uint8_t *control, uint32_t client)
{
	struct cmsghdr *c = (struct cmsghdr *)control;
	struct in_pktinfo p = { .ipi_spec_dst.s_addr = htonl(UINT32_C(0x7f010000) + client) };

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(p));
	memcpy(CMSG_DATA(c), &p, sizeof(p));
}

static void
put_client6(uint8_t *control, uint32_t client)
{
	struct cmsghdr *c = (struct cmsghdr *)control;
	struct in6_pktinfo p = { .ipi6_addr.s6_addr = { 0xfd, 0x74, 0x72, 0x63, [15] = 2 } };
	uint32_t n = htonl(client);

	memcpy(p.ipi6_addr.s6_addr + 4, &n, 4);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(p));
	memcpy(CMSG_DATA(c), &p, sizeof(p));
}

/* --- asking --- */

static void
out_init(struct load *l)
{
	struct out_batch *b = &l->out;
	size_t len = CMSG_SPACE(l->o.v6 ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo));

	for (size_t i = 0; i < BATCH; i++) {
		b->buf[i][0] = 4 << 3 | 3;	/* version 4, mode 3 */
		b->buf[i][2] = 6;		/* poll */
		b->iov[i] = (struct iovec){ b->buf[i], HEADER };
		b->mm[i].msg_hdr = (struct msghdr){
			.msg_name = &l->o.server,
			.msg_namelen = l->o.server_len,
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = len,
		};
	}
}

static uint64_t
get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return be64toh(v);
}

static void
put64(uint8_t *at, uint64_t v)
{
	v = htobe64(v);
	memcpy(at, &v, sizeof(v));
}

static uint64_t
next_cookie(struct load *l, uint32_t slot)
{
	uint64_t cookie = l->seed | slot;

	l->seed += UINT64_C(1) << SEED_BITS;
	return cookie;
}

/* Requests that carry a MAC, for all slots. */
static void
prepare(struct load *l, const struct signer *signer)
{
	for (uint32_t i = 0; i < l->o.window * SIGNED_PER_SLOT; i++) {
		memcpy(l->prepared[i], l->out.buf[0], HEADER);
		put64(l->prepared[i] + 40, next_cookie(l, i / SIGNED_PER_SLOT));
		l->request_len = HEADER + signer_sign(signer, l->prepared[i], HEADER);
	}
	for (size_t i = 0; i < BATCH; i++)
		l->out.iov[i].iov_len = l->request_len;
}

static void
make_request(struct load *l, size_t i, int64_t due)
{
	uint32_t client = next_client(l), n = l->freed[--l->nfree];
	struct slot *s = &l->slots[n];

	s->due = due;
	s->measured = l->measuring;
	s->client = client;
	if (l->prepared != NULL) {
		memcpy(l->out.buf[i], l->prepared[n * SIGNED_PER_SLOT + s->used++ % SIGNED_PER_SLOT], l->request_len);
		s->cookie = get64(l->out.buf[i] + 40);
	} else {
		s->cookie = next_cookie(l, n);
		put64(l->out.buf[i] + 40, s->cookie);
	}
	if (l->o.interleaved) {
		put64(l->out.buf[i] + 24, l->last_rec[client - l->o.first]);
		put64(l->out.buf[i] + 32, s->cookie | ASKED_BY_REC);
	}
	if (l->o.v6)
		put_client6(l->out.control[i], client);
	else
		put_client4(l->out.control[i], client);
}

static void
send_requests(struct load *l, size_t n)
{
	for (size_t at = 0; at < n;) {
		int r = sendmmsg(l->fd, l->out.mm + at, (unsigned)(n - at), MSG_DONTWAIT);

		if (r < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			die("sendmmsg");
		l->send_errors += r <= 0 && l->measuring;
		at += r > 0 ? (size_t)r : 1;
	}
	l->total += n;
	l->sent += l->measuring ? n : 0;
	if (l->flood != NULL) {
		size_t taken = flood_send(l->flood, n);

		l->flooded += l->measuring ? taken : 0;
	}
}

/* --- answers --- */

static void
in_init(struct load *l)
{
	for (size_t i = 0; i < BATCH; i++)
		l->in.iov[i] = (struct iovec){ l->in.buf[i], sizeof(l->in.buf[i]) };
}

static void
in_ready(struct load *l)
{
	for (size_t i = 0; i < BATCH; i++)
		l->in.mm[i].msg_hdr = (struct msghdr){
			.msg_iov = &l->in.iov[i],
			.msg_iovlen = 1,
			.msg_control = l->in.control[i],
			.msg_controllen = CONTROL,
		};
}

/* ns since 1970 of a 32.32 time since 1900; right until 2036. */
static int64_t
wall_of(uint64_t ntp)
{
	return ((int64_t)(ntp >> 32) - UNIX_TO_NTP) * NS + (int64_t)(((ntp & UINT32_MAX) * (uint64_t)NS) >> 32);
}

static void
add_stamp_error(struct load *l, struct msghdr *mh, const uint8_t *reply)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		samples_add(&l->stamp, ts.tv_sec * NS + ts.tv_nsec - wall_of(get64(reply + 40)));
	}
}

static void
take_reply(struct load *l, size_t i, int64_t now)
{
	const uint8_t *p = l->in.buf[i];
	uint64_t cookie = get64(p + 24);
	bool interleaved = l->o.interleaved && (cookie & ASKED_BY_REC) != 0;
	uint32_t n;
	struct slot *s;

	cookie &= l->o.interleaved ? ~ASKED_BY_REC : UINT64_MAX;
	n = (uint32_t)cookie;
	if (l->in.mm[i].msg_len < l->request_len || (p[0] & 7) != 4 || n >= l->o.window || l->slots[n].cookie != cookie) {
		l->strange += l->measuring;	/* late, doubled, or not an answer to us */
		return;
	}
	s = &l->slots[n];
	if (l->measuring) {
		l->answered++;
		l->interleaved += interleaved;
		l->kods += p[1] == 0 && memcmp(p + 12, "RATE", 4) == 0;
	}
	if (l->measuring && s->measured) {
		samples_add(&l->response, now - s->due);
		if (!interleaved)
			add_stamp_error(l, &l->in.mm[i].msg_hdr, p);
	}
	if (l->o.interleaved)
		l->last_rec[s->client - l->o.first] = get64(p + 32);
	s->cookie = 0;
	l->freed[l->nfree++] = n;
}

/* Takes what is there; returns how many. */
static size_t
take_replies(struct load *l)
{
	int64_t now;
	int n;

	in_ready(l);
	n = recvmmsg(l->fd, l->in.mm, BATCH, MSG_DONTWAIT, NULL);
	l->looks++;
	if (n <= 0) {
		l->empty_looks++;
		return 0;
	}
	now = monotonic();
	for (int i = 0; i < n; i++)
		take_reply(l, (size_t)i, now);
	return (size_t)n;
}

/* Gives up on what has been under way for too long. */
static void
sweep(struct load *l, int64_t now, int64_t older_than)
{
	for (uint32_t n = 0; n < l->o.window; n++) {
		struct slot *s = &l->slots[n];

		if (s->cookie == 0 || now - s->due < older_than)
			continue;
		l->lost += s->measured;
		s->cookie = 0;
		l->freed[l->nfree++] = n;
	}
}

/* --- the two ways of asking --- */

/* How many requests a closed loop may make now. */
static size_t
room(const struct load *l, unsigned idle)
{
	uint32_t least = l->o.window / 4 < SEND_AT_LEAST ? l->o.window / 4 + 1 : SEND_AT_LEAST;

	if (l->nfree == 0 || (l->nfree < least && idle < PATIENCE))
		return 0;
	return l->nfree < BATCH ? l->nfree : BATCH;
}

static void
step_closed(struct load *l, int64_t now, unsigned *idle)
{
	size_t n;

	*idle = take_replies(l) > 0 ? 0 : *idle + 1;
	n = room(l, *idle);
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		make_request(l, i, now);
	send_requests(l, n);
	*idle = 0;
}

/* due is the instant of the next request, ns and a fraction. */
static void
step_paced(struct load *l, int64_t now, double *due)
{
	size_t n = 0;

	for (; n < BATCH && *due <= (double)now && l->nfree > 0; n++) {
		make_request(l, n, (int64_t)*due);
		*due += (double)NS / l->o.rate;
	}
	if (n > 0)
		send_requests(l, n);
	take_replies(l);
}

static void
run(struct load *l, int64_t *cpu)
{
	int64_t start = monotonic(), now = start, swept = start;
	int64_t measure_at = start + (int64_t)(l->o.warm_up * 1e9), end = measure_at + (int64_t)(l->o.seconds * 1e9);
	double due = (double)start;
	unsigned idle = 0;

	l->began = start;
	for (; now < end && l->total < l->o.count; now = monotonic()) {
		if (!l->measuring && now >= measure_at) {
			l->measuring = true;
			l->looks = l->empty_looks = 0;
			*cpu = -cpu_of(l->o.pid);
			l->began = monotonic();
		}
		if (l->o.rate > 0)
			step_paced(l, now, &due);
		else
			step_closed(l, now, &idle);
		if (now - swept > SWEEP_NS) {
			sweep(l, now, LOST_NS);
			swept = now;
		}
	}
	l->ended = monotonic();
	*cpu += cpu_of(l->o.pid);
}

/* What is still under way comes, or is lost; counts as answered only what came in the interval. */
static void
drain(struct load *l)
{
	int64_t end = monotonic() + LOST_NS;
	uint64_t answered = l->answered, interleaved = l->interleaved;

	while (l->nfree < l->o.window && monotonic() < end)
		take_replies(l);
	sweep(l, INT64_MAX, 0);
	l->answered = answered;
	l->interleaved = interleaved;
}

/* --- the report --- */

static void
report(struct load *l, int64_t cpu)
{
	double seconds = (double)(l->ended - l->began) / 1e9;

	printf("{\"seconds\": %.6f, \"sent\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"answers_per_s\": %.0f, \"requests_per_s\": %.0f", seconds,
	    l->sent, l->answered, (double)l->answered / seconds, (double)l->sent / seconds);
	printf(", \"lost\": %" PRIu64 ", \"kods\": %" PRIu64 ", \"strange\": %" PRIu64 ", \"send_errors\": %" PRIu64, l->lost, l->kods,
	    l->strange, l->send_errors);
	printf(", \"interleaved\": %" PRIu64 ", \"flooded\": %" PRIu64, l->interleaved, l->flooded);
	printf(", \"idle_looks\": %.4f", l->looks == 0 ? 0 : (double)l->empty_looks / (double)l->looks);
	if (l->o.pid != 0)
		printf(", \"server_cpu_s\": %.6f", (double)cpu / 1e9);
	samples_print("response", &l->response);
	samples_print("stamp_error", &l->stamp);
	printf("}\n");
}

/* --- start --- */

static void
open_socket(struct load *l)
{
	l->fd = socket(l->o.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		die("socket");
	if (l->o.v6)
		set_int(l->fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	set_int(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
	set_int(l->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

static void *
need(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		die("calloc");
	return p;
}

static void
load_init(struct load *l)
{
	l->slots = need(l->o.window, sizeof(*l->slots));
	l->freed = need(l->o.window, sizeof(*l->freed));
	for (uint32_t n = 0; n < l->o.window; n++)
		l->freed[l->nfree++] = n;
	l->response.v = need(SAMPLES_MAX, sizeof(*l->response.v));
	l->stamp.v = need(SAMPLES_MAX, sizeof(*l->stamp.v));
	l->turn = (uint32_t)(monotonic() / 1000);	/* each run starts with somebody else */
	l->seed = (uint64_t)(monotonic() & INT32_MAX) << SEED_BITS | UINT64_C(1) << SEED_BITS;
	open_socket(l);
	l->request_len = HEADER;
	out_init(l);
	in_init(l);
	l->last_rec = need(l->o.clients, sizeof(*l->last_rec));
}

/* False if the words behind -a or -x are not known. */
static bool
load_extras(struct load *l)
{
	struct signer *signer = l->o.sign == NULL ? NULL : signer_new(l->o.sign);

	if (l->o.flood != NULL && (l->o.v6 || (l->flood = flood_new(l->o.flood, (struct sockaddr_in *)&l->o.server)) == NULL))
		return false;
	if (l->o.sign == NULL)
		return true;
	if (signer == NULL || l->o.interleaved)
		return false;
	l->prepared = need((size_t)l->o.window * SIGNED_PER_SLOT, sizeof(*l->prepared));
	prepare(l, signer);
	return true;
}

int
main(int argc, char **argv)
{
	static struct load l;
	int64_t cpu = 0;
	bool ok = options_parse(&l.o, argc, argv);

	if (ok) {
		load_init(&l);
		ok = load_extras(&l);
	}
	if (!ok) {
		options_usage();
		return 2;
	}
	run(&l, &cpu);
	drain(&l);
	report(&l, cpu);
	return 0;
}
