/* SPDX-License-Identifier: BSD-2-Clause */
/* The listener on loopback: who is answered from where, with what time, and what is counted. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/listener.h"
#include "wire/packet.h"

#define XMT		UINT64_C(0x0123456789abcdef)
#define WAIT_MS		2000	/* for an answer that has to come */
#define SILENCE_MS	50	/* of the loop and the socket, that show that none comes */

/* Loopback addresses only: interfaces and the wildcard are ruled out. */
static const struct iface_rule loopback_only[] = { { .action = IFACE_IGNORE, .match = IFACE_ALL } };

struct house {
	struct event_base	*base;
	struct restrict_list	*restricts;
	struct listener_opts	 o;
	struct listener		*l;
	int			 controls;	/* mode 6 requests passed up */
	unsigned		 control_flags;
	size_t			 control_len;
};

static void
on_control(void *arg, const struct datagram *d, unsigned flags, int fd)
{
	struct house *h = arg;

	h->controls++;
	h->control_flags = flags;
	h->control_len = d->len;
	ck_assert_int_eq(udp_send(fd, d), 0);	/* an echo shows that the way back is there */
}

static uint16_t
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static struct sysvars
synchronised(void)
{
	struct sysvars s;

	sysvars_init(&s, -20);
	s.leap = LEAP_NONE;
	s.stratum = 3;
	s.refid = 0xc0000201;
	s.reftime = walltime_now();
	s.updated = monotime_now();
	return s;
}

/* Every test is made with one worker and with three. */
#define HOUSES	2

static void
house_init(struct house *h, int which)
{
	*h = (struct house){ .o = listener_defaults };
	h->o.workers = which == 0 ? 1 : 3;
	h->base = event_base_new();
	h->restricts = restrict_new();
	ck_assert_ptr_nonnull(h->base);
	ck_assert_ptr_nonnull(h->restricts);
	h->o.port = free_port();
	h->o.ipv6 = false;
	h->o.rules = loopback_only;
	h->o.nrules = NELEMS(loopback_only);
}

static void
house_open(struct house *h)
{
	struct clockmap map = { .rate = 0 };
	struct sysvars sys = synchronised();
	char why[LISTENER_WHY_MAX] = "";

	h->l = listener_new(h->base, &h->o, h->restricts, on_control, h, why);
	ck_assert_msg(h->l != NULL, "%s", why);
	ck_assert_uint_eq(listener_workers(h->l), h->o.workers);
	listener_publish(h->l, &sys, &map);
	ck_assert_int_eq(listener_start(h->l), 0);
}

static void
house_close(struct house *h)
{
	listener_free(h->l);
	restrict_free(h->restricts);
	event_base_free(h->base);
}

static void
restrict_host(struct house *h, const char *ip, unsigned flags)
{
	struct restrict_rule r = { .flags = flags, .ippeerlimit = IPPEERLIMIT_NONE };
	struct addr a;

	ck_assert(addr_parse(&a, ip, 0));
	restrict_rule_host(&r, &a);
	ck_assert_int_eq(restrict_add(h->restricts, &r), 0);
}

/* A client socket on a loopback address of its own. */
static int
client(const char *from)
{
	struct udp_opts o = { .dscp = -1 };
	int fd;

	ck_assert(addr_parse(&o.bind, from, 0));
	fd = udp_open(&o);
	ck_assert_int_ne(fd, -1);
	return fd;
}

static void
ask_octets(const struct house *h, int fd, const char *to, uint8_t *buf, size_t len)
{
	struct datagram d = { .buf = buf, .len = len };

	ck_assert(addr_parse(&d.peer, to, 0));
	d.peer.port = h->o.port;
	ck_assert_int_eq(udp_send(fd, &d), 0);
}

static void
ask(const struct house *h, int fd, const char *to)
{
	struct packet p = { .version = 4, .mode = MODE_CLIENT, .poll = 6, .xmt = { XMT } };
	uint8_t buf[PACKET_LEN];

	packet_build(&p, buf);
	ask_octets(h, fd, to, buf, sizeof(buf));
}

/* Runs the loop until a datagram is there for fd; false if there is none in that time. */
static bool
answered(struct house *h, int fd, int ms, struct datagram *d, uint8_t buf[static PACKET_MAX])
{
	struct monotime end = monotime_add(monotime_now(), 1e-3 * ms);

	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		ck_assert_int_ge(event_base_loop(h->base, EVLOOP_NONBLOCK), 0);
		if (poll(&p, 1, 1) == 1 && udp_receive(fd, d, buf, PACKET_MAX) == 0)
			return true;
	} while (monotime_before(monotime_now(), end));
	return false;
}

static struct packet
reply(struct house *h, int fd, struct addr *from)
{
	uint8_t buf[PACKET_MAX];
	struct packet_tail tail;
	struct datagram d;
	struct packet p;

	ck_assert_msg(answered(h, fd, WAIT_MS, &d, buf), "no answer");
	ck_assert_uint_eq(d.len, PACKET_LEN);
	ck_assert_int_eq(packet_parse(&p, &tail, buf, d.len), WIRE_OK);
	if (from != NULL)
		*from = d.peer;
	return p;
}

static bool
silent(struct house *h, int fd)
{
	uint8_t buf[PACKET_MAX];
	struct datagram d;

	return !answered(h, fd, SILENCE_MS, &d, buf);
}

/* A copy of the newest entry of the MRU list. */
static struct mru_entry
newest(const struct house *h)
{
	struct mru_entry copy;
	struct mrus_walk w;
	struct mrus all;

	listener_hold(h->l, true);
	listener_mrus(h->l, &all);
	mrus_recent(&w, &all, 1);
	ck_assert_ptr_nonnull(mrus_peek(&w));
	copy = *mrus_peek(&w);
	listener_hold(h->l, false);
	return copy;
}

static size_t
lists(const struct house *h)
{
	struct mrus all;

	listener_mrus(h->l, &all);
	return all.n;
}

static struct server_counters
counters(const struct house *h)
{
	struct server_counters c;

	listener_counters(h->l, &c);
	return c;
}

START_TEST(a_request_is_answered_with_the_published_values)
{
	struct house h;
	struct packet p;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	fd = client("127.0.0.2");
	ask(&h, fd, "127.0.0.1");
	p = reply(&h, fd, NULL);
	ck_assert_uint_eq(p.mode, MODE_SERVER);
	ck_assert_uint_eq(p.stratum, 3);
	ck_assert_uint_eq(p.org.raw, XMT);
	ck_assert_double_ge(ntptime_diff(p.xmt, p.rec), 0);
	ck_assert_double_lt(fabs(ntptime_diff(p.xmt, walltime_to_ntp(walltime_now()))), 1);
	ck_assert_uint_eq(counters(&h).received, 1);
	ck_assert_uint_eq(counters(&h).thisver, 1);
	ck_assert_uint_eq(counters(&h).sent, 1);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(the_clock_map_moves_both_times_of_a_reply)
{
	struct clockmap map = { .base_ns = INT64_C(100) * NS_PER_S };
	struct sysvars sys = synchronised();
	struct walltime before, after;
	struct house h;
	struct packet p;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	listener_publish(h.l, &sys, &map);
	fd = client("127.0.0.2");
	before = walltime_now();
	ask(&h, fd, "127.0.0.1");
	p = reply(&h, fd, NULL);
	after = walltime_now();
	ck_assert_double_ge(ntptime_diff(p.rec, walltime_to_ntp(before)), 100 - 1e-3);
	ck_assert_double_ge(ntptime_diff(p.xmt, p.rec), 0);
	ck_assert_double_le(ntptime_diff(p.xmt, walltime_to_ntp(after)), 100 + 1e-6);
	close(fd);
	house_close(&h);
}
END_TEST

/* Half a second of the smear is done: a client is told so, a peer is not. */
START_TEST(clients_are_told_smeared_time_and_peers_are_not)
{
	struct packet q = { .version = 4, .mode = MODE_ACTIVE, .poll = 6, .xmt = { XMT } }, p;
	struct clockmap map = { .rate = 0 };
	struct sysvars sys = synchronised();
	uint8_t buf[PACKET_LEN];
	struct house h;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	sys.leap = LEAP_INSERT;
	sys.smear = (struct leap_smear){ monotime_add(monotime_now(), 50000), 100000 };
	listener_publish(h.l, &sys, &map);
	fd = client("127.0.0.2");
	ask(&h, fd, "127.0.0.1");
	p = reply(&h, fd, NULL);
	ck_assert_double_eq_tol(ntptime_diff(p.xmt, walltime_to_ntp(walltime_now())), -0.5, 0.1);
	ck_assert_double_eq_tol(ntptime_diff(p.rec, p.xmt), 0, 0.1);
	ck_assert_double_eq_tol(ntptime_diff(p.reftime, walltime_to_ntp(sys.reftime)), -0.5, 0.01);
	ck_assert_uint_eq(p.leap, LEAP_NONE);
	ck_assert_uint_eq(p.refid >> 24, 254);
	ck_assert_double_eq_tol((double)((int32_t)(p.refid << 8) >> 8) / (1 << 22), -0.5, 0.01);
	packet_build(&q, buf);
	ask_octets(&h, fd, "127.0.0.1", buf, sizeof(buf));
	p = reply(&h, fd, NULL);
	ck_assert_uint_eq(p.mode, MODE_PASSIVE);
	ck_assert_double_eq_tol(ntptime_diff(p.xmt, walltime_to_ntp(walltime_now())), 0, 0.1);
	ck_assert_uint_eq(p.leap, LEAP_INSERT);
	ck_assert_uint_eq(p.refid, sys.refid);
	/* Announced, but the interval is yet to begin: nobody is to take the second by himself. */
	sys.smear.interval = 100;
	listener_publish(h.l, &sys, &map);
	ask(&h, fd, "127.0.0.1");
	p = reply(&h, fd, NULL);
	ck_assert_uint_eq(p.leap, LEAP_NONE);
	ck_assert_uint_eq(p.refid, sys.refid);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(before_anything_is_published_the_reply_claims_no_time)
{
	char why[LISTENER_WHY_MAX];
	struct house h;
	struct packet p;
	int fd;

	house_init(&h, _i);
	h.l = listener_new(h.base, &h.o, h.restricts, on_control, &h, why);
	ck_assert_ptr_nonnull(h.l);
	ck_assert_int_eq(listener_start(h.l), 0);
	fd = client("127.0.0.2");
	ask(&h, fd, "127.0.0.1");
	p = reply(&h, fd, NULL);
	ck_assert_uint_eq(p.leap, LEAP_UNSYNC);
	ck_assert_uint_eq(p.stratum, 0);
	ck_assert_uint_eq(p.refid, REFID_INIT);
	close(fd);
	house_close(&h);
}
END_TEST

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The octets of an interleaved request that names the last reply. */
static void
ask_interleaved(struct house *h, int fd, const struct packet *last)
{
	struct packet p = { .version = 4, .mode = MODE_CLIENT, .poll = 6, .org = last->rec, .rec = { 77 }, .xmt = { XMT } };
	uint8_t buf[PACKET_LEN];

	packet_build(&p, buf);
	ask_octets(h, fd, "127.0.0.1", buf, sizeof(buf));
}

/*
 * RFC 9769: the kernel knows better than we when a reply left.  On a loopback the receive stamp of the reply is taken at nearly the same instant, so it
 * shows how far off each of the two was.
 */
START_TEST(interleaved_replies_tell_the_time_of_the_kernel)
{
	enum { ROUNDS = 61 };
	double by_us[ROUNDS], by_kernel[ROUNDS];
	struct packet last, p;
	struct packet_tail tail;
	uint8_t buf[PACKET_MAX];
	struct datagram d, before = { .len = 0 };
	struct house h;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	fd = client("127.0.0.2");
	ask(&h, fd, "127.0.0.1");
	last = reply(&h, fd, NULL);
	for (int i = -2; i < ROUNDS; i++) {
		ask_interleaved(&h, fd, &last);
		ck_assert(answered(&h, fd, WAIT_MS, &d, buf));
		ck_assert_int_eq(packet_parse(&p, &tail, buf, d.len), WIRE_OK);
		ck_assert_uint_eq(p.org.raw, i == -2 ? XMT : 77);
		if (i == -1)
			ck_assert_uint_eq(p.xmt.raw, last.xmt.raw);	/* nobody has asked the kernel yet */
		if (i >= 0)
			by_kernel[i] = ntptime_diff(walltime_to_ntp(before.host), p.xmt);
		before = d;
		last = p;
	}
	for (int i = 0; i < ROUNDS; i++) {
		ask(&h, fd, "127.0.0.1");
		ck_assert(answered(&h, fd, WAIT_MS, &d, buf));
		ck_assert_int_eq(packet_parse(&p, &tail, buf, d.len), WIRE_OK);
		ck_assert_uint_eq(p.org.raw, XMT);
		by_us[i] = ntptime_diff(walltime_to_ntp(d.host), p.xmt);
	}
	qsort(by_us, ROUNDS, sizeof(double), by_size);
	qsort(by_kernel, ROUNDS, sizeof(double), by_size);
	ck_assert_double_ge(by_kernel[0], 0);
	ck_assert_msg(by_kernel[ROUNDS / 2] < by_us[ROUNDS / 2], "kernel %.2g s, daemon %.2g s", by_kernel[ROUNDS / 2], by_us[ROUNDS / 2]);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(a_wildcard_socket_answers_from_the_address_asked)
{
	static const char *asked[] = { "127.0.0.1", "127.0.0.9", "127.1.2.3" };
	struct house h;
	int fd;

	house_init(&h, _i);
	h.o.rules = NULL;
	h.o.nrules = 0;
	house_open(&h);
	fd = client("127.0.0.2");
	for (size_t i = 0; i < NELEMS(asked); i++) {
		struct addr from, want;

		ck_assert(addr_parse(&want, asked[i], 0));
		ask(&h, fd, asked[i]);
		reply(&h, fd, &from);
		ck_assert(addr_same_host(&from, &want));
		ck_assert_uint_eq(from.port, h.o.port);
	}
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(ipv6_is_answered_where_there_is_some)
{
	struct udp_opts o = { .dscp = -1 };
	struct addr from, want;
	struct house h;
	int fd;

	ck_assert(addr_parse(&o.bind, "::1", 0));
	want = o.bind;
	fd = udp_open(&o);
	if (fd == -1 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		puts("ipv6_is_answered_where_there_is_some: no IPv6 here");
		return;
	}
	house_init(&h, _i);
	h.o.ipv6 = true;
	house_open(&h);
	ask(&h, fd, "::1");
	reply(&h, fd, &from);
	ck_assert(addr_same_host(&from, &want));
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(a_port_in_use_is_named)
{
	struct house h, second;
	char why[LISTENER_WHY_MAX], want[64];

	for (int wild = 0; wild < 2; wild++) {
		house_init(&h, _i);
		house_init(&second, _i);
		if (wild) {
			h.o.rules = second.o.rules = NULL;
			h.o.nrules = second.o.nrules = 0;
		}
		second.o.port = h.o.port;
		house_open(&h);
		ck_assert_ptr_null(listener_new(second.base, &second.o, second.restricts, on_control, &second, why));
		snprintf(want, sizeof(want), "%s:%u: Address already in use", wild ? "0.0.0.0" : "127.0.0.1", h.o.port);
		ck_assert_msg(strstr(why, want) != NULL, "%s", why);
		second.l = NULL;
		house_close(&second);
		house_close(&h);
	}
}
END_TEST

START_TEST(a_control_request_goes_up_with_its_flags)
{
	uint8_t query[12] = { 0x16, 2 }, buf[PACKET_MAX];
	struct datagram d;
	struct house h;
	int fd;

	house_init(&h, _i);
	restrict_host(&h, "127.0.0.2", RESTRICT_NOMODIFY);
	restrict_host(&h, "127.0.0.3", RESTRICT_NOQUERY);
	house_open(&h);
	fd = client("127.0.0.2");
	ask_octets(&h, fd, "127.0.0.1", query, sizeof(query));
	ck_assert(answered(&h, fd, WAIT_MS, &d, buf));
	ck_assert_uint_eq(d.len, sizeof(query));
	ck_assert_int_eq(h.controls, 1);
	ck_assert_uint_eq(h.control_flags, RESTRICT_NOMODIFY);
	ck_assert_uint_eq(h.control_len, sizeof(query));
	close(fd);
	fd = client("127.0.0.3");
	ask_octets(&h, fd, "127.0.0.1", query, sizeof(query));
	ck_assert(silent(&h, fd));
	ck_assert_int_eq(h.controls, 1);
	ck_assert_uint_eq(counters(&h).restricted, 1);
	close(fd);
	house_close(&h);
}
END_TEST

/* WIRE-01: an empty datagram looks like the end of file to a careless reader. */
START_TEST(empty_datagrams_do_not_end_the_loop)
{
	struct house h;
	uint8_t none[1];
	int fd;

	house_init(&h, _i);
	house_open(&h);
	fd = client("127.0.0.2");
	for (int i = 0; i < 5; i++)
		ask_octets(&h, fd, "127.0.0.1", none, 0);
	ask(&h, fd, "127.0.0.1");
	reply(&h, fd, NULL);
	ck_assert_uint_eq(counters(&h).received, 6);
	ck_assert_uint_eq(counters(&h).badformat, 5);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(an_oversize_datagram_is_dropped)
{
	static uint8_t big[9000] = { 0x23 };
	struct house h;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	fd = client("127.0.0.2");
	ask_octets(&h, fd, "127.0.0.1", big, sizeof(big));
	ck_assert(silent(&h, fd));
	ck_assert_uint_eq(counters(&h).badformat, 1);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(several_batches_at_once_are_all_answered)
{
	struct house h;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	fd = client("127.0.0.2");
	for (int i = 0; i < 150; i++)
		ask(&h, fd, "127.0.0.1");
	for (int i = 0; i < 150; i++)
		reply(&h, fd, NULL);
	ck_assert(silent(&h, fd));
	ck_assert_uint_eq(counters(&h).sent, 150);
	close(fd);
	house_close(&h);
}
END_TEST

/* The kernel does not send from a broadcast address, and loopback's is in no list of ours. */
START_TEST(a_reply_the_kernel_refuses_is_lost_alone)
{
	struct house h;
	int fd, on = 1;

	house_init(&h, _i);
	h.o.rules = NULL;
	h.o.nrules = 0;
	house_open(&h);
	fd = client("127.0.0.2");
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
	ask(&h, fd, "127.0.0.1");
	ask(&h, fd, "127.255.255.255");
	ask(&h, fd, "127.0.0.1");
	reply(&h, fd, NULL);
	reply(&h, fd, NULL);
	ck_assert(silent(&h, fd));
	ck_assert_uint_eq(counters(&h).sent, 2);
	ck_assert_uint_eq(counters(&h).sendfailed, 1);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(limited_sources_are_limited_and_told_so_once)
{
	struct mru_entry e;
	struct server_counters c;
	int plain = 0, kisses = 0, fd;
	uint8_t buf[PACKET_MAX];
	struct datagram d;
	struct house h;

	house_init(&h, _i);
	restrict_host(&h, "127.0.0.2", RESTRICT_LIMITED | RESTRICT_KOD);
	house_open(&h);
	fd = client("127.0.0.2");
	for (int i = 0; i < 60; i++)
		ask(&h, fd, "127.0.0.1");
	while (answered(&h, fd, SILENCE_MS, &d, buf)) {
		ck_assert_uint_eq(d.len, PACKET_LEN);
		if (memcmp(buf + 12, "RATE", 4) == 0) {
			kisses++;
			ck_assert_uint_eq(buf[1], 0);
			ck_assert_int_eq(memcmp(buf + 32, buf + 24, 8), 0);
			ck_assert_int_eq(memcmp(buf + 40, buf + 24, 8), 0);
		} else
			plain++;
	}
	c = counters(&h);
	ck_assert_int_eq(kisses, 1);	/* not even one with a probability of 0.25^59 */
	ck_assert_int_ge(plain, 1);
	ck_assert_int_lt(plain, 45);
	ck_assert_uint_eq(c.received, 60);
	ck_assert_uint_eq(c.kodsent, 1);
	ck_assert_uint_eq(c.limited, (uint64_t)(60 - plain));
	ck_assert_uint_eq(c.sent, (uint64_t)(plain + 1));
	e = newest(&h);
	ck_assert_uint_eq(e.count, 60);
	ck_assert_uint_eq(e.dropped, (uint32_t)(60 - plain));
	ck_assert_uint_eq(e.mode, MODE_CLIENT);
	ck_assert_uint_ne(e.flags & RESTRICT_LIMITED, 0);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(sources_without_the_flag_are_noted_but_not_limited)
{
	struct house h;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	fd = client("127.0.0.2");
	for (int i = 0; i < 30; i++) {
		ask(&h, fd, "127.0.0.1");
		reply(&h, fd, NULL);
	}
	ck_assert_uint_eq(newest(&h).count, 30);
	ck_assert_uint_eq(counters(&h).limited, 0);
	close(fd);
	house_close(&h);
}
END_TEST

/* The sum over all clients is what one worker would say, and each of them meets one limit. */
START_TEST(many_clients_are_each_limited_as_one_is)
{
	enum { CLIENTS = 16, PACKETS = 12 };	/* all fit the buffer of one socket */
	int fd[CLIENTS], got[CLIENTS] = { 0 };
	uint8_t buf[PACKET_MAX];
	struct mru_stats stats;
	struct mrus_walk w;
	struct datagram d;
	struct mrus all;
	struct house h;
	char from[32];

	house_init(&h, _i);
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(from, sizeof(from), "127.9.%d.%d", i * 37 % 256, i + 1);
		restrict_host(&h, from, RESTRICT_LIMITED);
		fd[i] = client(from);
	}
	house_open(&h);
	for (int k = 0; k < PACKETS; k++) {
		for (int i = 0; i < CLIENTS; i++)
			ask(&h, fd[i], "127.0.0.1");
	}
	for (int i = 0; i < CLIENTS; i++) {
		while (answered(&h, fd[i], SILENCE_MS, &d, buf))
			got[i]++;
		close(fd[i]);
	}
	listener_mru_stats(h.l, &stats);
	ck_assert_uint_eq(stats.depth, CLIENTS);
	ck_assert_uint_eq(stats.exists, CLIENTS * (PACKETS - 1));
	ck_assert_uint_eq(counters(&h).received, CLIENTS * PACKETS);
	listener_hold(h.l, true);
	listener_mrus(h.l, &all);
	ck_assert_uint_eq(all.n, h.o.workers);
	mrus_oldest(&w, &all);
	for (int n = 0; n < CLIENTS; n++, mrus_step(&w)) {
		const struct mru_entry *e = mrus_peek(&w);

		ck_assert_ptr_nonnull(e);
		ck_assert_uint_eq(e->count, PACKETS);
		ck_assert_uint_eq(e->dropped + (unsigned)got[e->addr.ip[3] - 1], PACKETS);
		ck_assert_uint_gt(e->dropped, 0);
	}
	listener_hold(h.l, false);
	house_close(&h);
}
END_TEST

/* Changes reach every worker. */
START_TEST(a_new_rule_holds_for_all_once_followed)
{
	struct restrict_rule any = { .flags = RESTRICT_NOSERVE, .ippeerlimit = IPPEERLIMIT_NONE };
	struct house h;
	char from[32];
	uint64_t hits;

	house_init(&h, _i);
	house_open(&h);
	restrict_rule_default(&any, 4);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 1; i <= 12; i++) {
			int fd;

			snprintf(from, sizeof(from), "127.3.%d.%d", i, 2 * i);
			fd = client(from);
			ask(&h, fd, "127.0.0.1");
			if (turn == 0)
				reply(&h, fd, NULL);
			else
				ck_assert(silent(&h, fd));
			close(fd);
		}
		ck_assert_int_eq(restrict_add(h.restricts, &any), 0);
		listener_follow(h.l);
	}
	hits = restrict_at(h.restricts, 4, restrict_count(h.restricts, 4) - 1)->hits;
	ck_assert_uint_eq(hits, 24);
	ck_assert_uint_eq(counters(&h).restricted, 12);
	house_close(&h);
}
END_TEST

/* Nothing is lost while what the workers go by, and the sockets of other addresses, change. */
START_TEST(changes_under_load_lose_nothing)
{
	struct listener_opts o;
	struct house h;
	int fd[6];
	char from[32];

	house_init(&h, _i);
	house_open(&h);
	for (size_t i = 0; i < NELEMS(fd); i++) {
		snprintf(from, sizeof(from), "127.4.0.%zu", i + 1);
		fd[i] = client(from);
	}
	o = h.o;
	for (int turn = 0; turn < 40; turn++) {
		for (size_t i = 0; i < NELEMS(fd); i++)
			ask(&h, fd[i], "127.0.0.1");
		o.dscp = turn % 3 == 0 ? 46 : 0;
		o.mru.maxage = turn % 5 == 0 ? 64 : 3600;
		o.discard.monitor = turn;
		ck_assert_int_eq(listener_reconfigure(h.l, &o), 0);
		for (size_t i = 0; i < NELEMS(fd); i++)
			reply(&h, fd[i], NULL);
	}
	ck_assert_uint_eq(counters(&h).sent, 40 * NELEMS(fd));
	for (size_t i = 0; i < NELEMS(fd); i++)
		close(fd[i]);
	house_close(&h);
}
END_TEST

START_TEST(disable_monitor_leaves_no_list_unless_somebody_is_limited)
{
	struct house h;
	int fd;

	house_init(&h, _i);
	h.o.monitor = false;
	house_open(&h);
	ck_assert_uint_eq(lists(&h), 0);
	fd = client("127.0.0.2");
	ask(&h, fd, "127.0.0.1");
	reply(&h, fd, NULL);
	restrict_host(&h, "127.0.0.2", RESTRICT_LIMITED);
	ck_assert_int_eq(listener_reconfigure(h.l, &h.o), 0);
	ck_assert_uint_eq(lists(&h), h.o.workers);
	ask(&h, fd, "127.0.0.1");
	reply(&h, fd, NULL);
	ck_assert_uint_eq(newest(&h).count, 1);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(other_rules_open_and_close_sockets)
{
	static const struct iface_rule drop[] = {
		{ .action = IFACE_IGNORE, .match = IFACE_ALL },
		{ .action = IFACE_DROP, .match = IFACE_NAME, .name = "lo" },
	};
	struct listener_socket socks[4];
	struct listener_opts o;
	unsigned first_id;
	struct house h;
	int fd;

	house_init(&h, _i);
	house_open(&h);
	ck_assert_uint_eq(listener_sockets(h.l, socks, NELEMS(socks)), 1);
	ck_assert(!socks[0].drop);
	ck_assert_str_eq(socks[0].name, "lo");
	first_id = socks[0].id;
	listener_rescan(h.l);
	ck_assert_uint_eq(listener_sockets(h.l, socks, NELEMS(socks)), 1);
	ck_assert_uint_eq(socks[0].id, first_id);

	o = h.o;
	o.rules = drop;
	o.nrules = NELEMS(drop);
	ck_assert_int_eq(listener_reconfigure(h.l, &o), 0);
	ck_assert_uint_eq(listener_sockets(h.l, socks, NELEMS(socks)), 1);
	ck_assert(socks[0].drop);
	fd = client("127.0.0.2");
	for (int i = 0; i < 100; i++)
		ask(&h, fd, "127.0.0.1");
	ck_assert(silent(&h, fd));

	o.rules = NULL;
	o.nrules = 0;
	ck_assert_int_eq(listener_reconfigure(h.l, &o), 0);
	ck_assert_uint_eq(listener_sockets(h.l, socks, NELEMS(socks)), 1);
	ck_assert_str_eq(socks[0].name, "v4wildcard");
	ask(&h, fd, "127.0.0.1");
	reply(&h, fd, NULL);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(an_address_that_is_dropped_is_deaf_behind_a_wildcard_too)
{
	static const struct iface_rule rules[] = {
		{ .action = IFACE_LISTEN, .match = IFACE_WILDCARD },
		{ .action = IFACE_DROP, .match = IFACE_NAME, .name = "lo" },
	};
	struct house h;
	int fd;

	house_init(&h, _i);
	h.o.rules = rules;
	h.o.nrules = NELEMS(rules);
	house_open(&h);
	fd = client("127.0.0.2");
	ask(&h, fd, "127.0.0.1");
	ck_assert(silent(&h, fd));
	ask(&h, fd, "127.0.0.7");	/* no address of an interface, so no rule drops it */
	reply(&h, fd, NULL);
	close(fd);
	house_close(&h);
}
END_TEST

START_TEST(our_own_addresses_are_told_to_restrict)
{
	struct addr own;
	struct house h;

	house_init(&h, _i);
	house_open(&h);
	ck_assert(addr_parse(&own, "127.0.0.1", 0));
	own.port = 123;
	ck_assert_uint_eq(restrict_lookup(h.restricts, &own)->rule.flags, RESTRICT_IGNORE);
	own.port = 124;
	ck_assert_uint_eq(restrict_lookup(h.restricts, &own)->rule.flags, 0);
	house_close(&h);
}
END_TEST

START_TEST(the_options_start_as_their_rooms_say)
{
	ck_assert_int_eq(listener_defaults.discard.average_log2, discard_defaults.average_log2);
	ck_assert_double_eq(listener_defaults.discard.minimum, discard_defaults.minimum);
	ck_assert_double_eq(listener_defaults.discard.monitor, discard_defaults.monitor);
	ck_assert_int_eq(memcmp(&listener_defaults.mru, &mru_defaults, sizeof(mru_defaults)), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("listener");
	TCase *tc = tcase_create("listener");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, a_request_is_answered_with_the_published_values, 0, HOUSES);
	tcase_add_loop_test(tc, the_clock_map_moves_both_times_of_a_reply, 0, HOUSES);
	tcase_add_loop_test(tc, clients_are_told_smeared_time_and_peers_are_not, 0, HOUSES);
	tcase_add_loop_test(tc, before_anything_is_published_the_reply_claims_no_time, 0, HOUSES);
	tcase_add_loop_test(tc, interleaved_replies_tell_the_time_of_the_kernel, 0, HOUSES);
	tcase_add_loop_test(tc, a_wildcard_socket_answers_from_the_address_asked, 0, HOUSES);
	tcase_add_loop_test(tc, ipv6_is_answered_where_there_is_some, 0, HOUSES);
	tcase_add_loop_test(tc, a_port_in_use_is_named, 0, HOUSES);
	tcase_add_loop_test(tc, a_control_request_goes_up_with_its_flags, 0, HOUSES);
	tcase_add_loop_test(tc, empty_datagrams_do_not_end_the_loop, 0, HOUSES);
	tcase_add_loop_test(tc, an_oversize_datagram_is_dropped, 0, HOUSES);
	tcase_add_loop_test(tc, several_batches_at_once_are_all_answered, 0, HOUSES);
	tcase_add_loop_test(tc, a_reply_the_kernel_refuses_is_lost_alone, 0, HOUSES);
	tcase_add_loop_test(tc, limited_sources_are_limited_and_told_so_once, 0, HOUSES);
	tcase_add_loop_test(tc, sources_without_the_flag_are_noted_but_not_limited, 0, HOUSES);
	tcase_add_loop_test(tc, many_clients_are_each_limited_as_one_is, 0, HOUSES);
	tcase_add_loop_test(tc, a_new_rule_holds_for_all_once_followed, 0, HOUSES);
	tcase_add_loop_test(tc, changes_under_load_lose_nothing, 0, HOUSES);
	tcase_add_loop_test(tc, disable_monitor_leaves_no_list_unless_somebody_is_limited, 0, HOUSES);
	tcase_add_loop_test(tc, other_rules_open_and_close_sockets, 0, HOUSES);
	tcase_add_loop_test(tc, an_address_that_is_dropped_is_deaf_behind_a_wildcard_too, 0, HOUSES);
	tcase_add_loop_test(tc, our_own_addresses_are_told_to_restrict, 0, HOUSES);
	tcase_add_loop_test(tc, the_options_start_as_their_rooms_say, 0, HOUSES);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
