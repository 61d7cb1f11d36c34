/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP sockets over loopback: addresses, stamps, batches, errors. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "net/udp.h"

static struct addr
at(const char *literal, uint16_t port)
{
	struct addr a = { 0 };

	ck_assert(addr_parse(&a, literal, 0));
	a.port = port;
	return a;
}

static int
open_at(const char *literal, uint16_t port)
{
	struct udp_opts o = { .bind = at(literal, port), .dscp = -1 };
	int fd = udp_open(&o);

	ck_assert_msg(fd >= 0, "udp_open: %s", strerror(errno));
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct addr a = { 0 };

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert(addr_from_sockaddr(&a, (struct sockaddr *)&ss));
	return a.port;
}

static int
int_option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	ck_assert_int_eq(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static int
send_batch(int fd, const struct datagram d[], size_t n)
{
	struct udp_outbox *o = udp_outbox_new();
	int sent, saved;

	ck_assert_ptr_nonnull(o);
	for (size_t i = 0; i < n; i++)
		udp_outbox_put(o, i, &d[i]);
	sent = udp_outbox_send(fd, o, 0, n);
	saved = errno;
	udp_outbox_free(o);
	errno = saved;
	return sent;
}

static void
wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 2000), 1);
}

static void
sleep_ms(long ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000 };

	nanosleep(&ts, NULL);
}

static void
send_text(int fd, struct addr to, const char *text)
{
	uint8_t buf[256];
	struct datagram d = { .peer = to, .buf = buf, .len = strlen(text) };

	memcpy(buf, text, d.len);
	ck_assert_msg(udp_send(fd, &d) == 0, "udp_send: %s", strerror(errno));
}

static struct datagram
receive(int fd, uint8_t *buf, size_t cap)
{
	struct datagram d = { 0 };

	wait_readable(fd);
	ck_assert_msg(udp_receive(fd, &d, buf, cap) == 0, "udp_receive: %s", strerror(errno));
	ck_assert_ptr_eq(d.buf, buf);
	return d;
}

/* A wildcard server is asked at "asked" and must answer from there. */
static void
answer_comes_from(const char *any, const char *client_addr, const char *asked)
{
	int server = open_at(any, 0), client = open_at(client_addr, 0);
	struct addr want = at(asked, 0), me = at(client_addr, 0);
	uint8_t buf[64];
	struct datagram d;

	send_text(client, at(asked, port_of(server)), "what time is it");
	d = receive(server, buf, sizeof(buf));
	ck_assert_uint_eq(d.len, 15);
	ck_assert_mem_eq(buf, "what time is it", 15);
	ck_assert(addr_same_host(&d.peer, &me));
	ck_assert_uint_eq(d.peer.port, port_of(client));
	ck_assert(addr_equal(&d.local, &want));
	d.len = 4;
	ck_assert_int_eq(udp_send(server, &d), 0);
	d = receive(client, buf, sizeof(buf));
	ck_assert_uint_eq(d.len, 4);
	ck_assert(addr_same_host(&d.peer, &want));
	ck_assert_uint_eq(d.peer.port, port_of(server));
	close(server);
	close(client);
}

START_TEST(ipv4_answer_comes_from_the_address_asked)
{
	answer_comes_from("0.0.0.0", "127.0.0.1", "127.0.0.2");
	answer_comes_from("0.0.0.0", "127.0.0.3", "127.0.0.1");
}
END_TEST

START_TEST(ipv6_answer_comes_from_the_address_asked)
{
	answer_comes_from("::", "::1", "::1");
}
END_TEST

START_TEST(socket_is_non_blocking_and_closed_on_exec)
{
	int fd = open_at("127.0.0.1", 0);
	uint8_t buf[16];
	struct datagram d;

	ck_assert((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	ck_assert_int_eq(udp_receive(fd, &d, buf, sizeof(buf)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
}
END_TEST

START_TEST(both_wildcards_share_a_port)
{
	int v4 = open_at("0.0.0.0", 0), v6 = open_at("::", port_of(v4));

	close(v4);
	close(v6);
}
END_TEST

START_TEST(second_socket_on_a_port_is_refused_unless_shared)
{
	struct udp_opts o = { .bind = at("127.0.0.1", 0), .dscp = -1 };
	int a, b;

	a = udp_open(&o);
	ck_assert_int_ge(a, 0);
	o.bind.port = port_of(a);
	ck_assert_int_eq(udp_open(&o), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	close(a);
	o.bind.port = 0;
	o.reuse_port = true;
	a = udp_open(&o);
	ck_assert_int_ge(a, 0);
	o.bind.port = port_of(a);
	b = udp_open(&o);
	ck_assert_int_ge(b, 0);
	close(a);
	close(b);
}
END_TEST

START_TEST(absent_address_is_bound_only_if_asked)
{
	struct udp_opts o = { .dscp = -1 };
	int fd;

	o.bind = at("192.0.2.77", 0);
	ck_assert_int_eq(udp_open(&o), -1);
	ck_assert_int_eq(errno, EADDRNOTAVAIL);
	o.freebind = true;
	fd = udp_open(&o);
	ck_assert_int_ge(fd, 0);
	close(fd);
	o.bind = at("2001:db8::77", 0);
	fd = udp_open(&o);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(unset_family_is_refused)
{
	struct udp_opts o = { .dscp = -1 };

	ck_assert_int_eq(udp_open(&o), -1);
	ck_assert_int_eq(errno, EAFNOSUPPORT);
}
END_TEST

START_TEST(dscp_is_set_and_a_bad_one_leaves_the_socket_alone)
{
	struct udp_opts o = { .bind = at("127.0.0.1", 0), .dscp = 46 };
	int fd = udp_open(&o);

	ck_assert_int_eq(int_option(fd, IPPROTO_IP, IP_TOS), 0xb8);
	close(fd);
	o.bind = at("::1", 0);
	fd = udp_open(&o);
	ck_assert_int_eq(int_option(fd, IPPROTO_IPV6, IPV6_TCLASS), 0xb8);
	close(fd);
	o.bind = at("127.0.0.1", 0);
	o.dscp = 64;
	ck_assert_int_eq(log_to_file("/dev/null"), 0);
	fd = udp_open(&o);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(int_option(fd, IPPROTO_IP, IP_TOS), 0);
	close(fd);
}
END_TEST

START_TEST(path_mtu_news_are_ignored)
{
	int v4 = open_at("127.0.0.1", 0), v6 = open_at("::1", 0);

	ck_assert_int_eq(int_option(v4, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_INTERFACE);
	ck_assert_int_eq(int_option(v6, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_INTERFACE);
	close(v4);
	close(v6);
}
END_TEST

START_TEST(long_datagram_is_cut_and_flagged)
{
	int server = open_at("127.0.0.1", 0), client = open_at("127.0.0.1", 0);
	struct addr to = at("127.0.0.1", port_of(server));
	uint8_t buf[11] = { 0 }, storage[2][8] = { { 0 } };
	struct datagram d, batch[2] = { { .buf = storage[0] }, { .buf = storage[1] } };

	send_text(client, to, "0123456789");
	d = receive(server, buf, 8);
	ck_assert_uint_gt(d.len, 8);
	ck_assert_mem_eq(buf, "01234567\0\0\0", 11);
	send_text(client, to, "01234567");
	d = receive(server, buf, 8);
	ck_assert_uint_eq(d.len, 8);
	send_text(client, to, "0123456789");
	send_text(client, to, "");
	wait_readable(server);
	ck_assert_int_eq(udp_receive_batch(server, batch, 2, 8), 2);
	ck_assert_uint_gt(batch[0].len, 8);
	ck_assert_uint_eq(batch[1].len, 0);
	close(server);
	close(client);
}
END_TEST

START_TEST(batch_is_received_and_answered_in_order)
{
	enum { N = 5 };
	int server = open_at("0.0.0.0", 0), client = open_at("127.0.0.1", 0);
	uint8_t storage[UDP_BATCH][16], buf[16];
	struct datagram d[UDP_BATCH];
	char text[24], host[24];

	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "question %d", i);
		snprintf(host, sizeof(host), "127.0.0.%d", i + 1);
		send_text(client, at(host, port_of(server)), text);
	}
	for (int i = 0; i < UDP_BATCH; i++)
		d[i].buf = storage[i];
	wait_readable(server);
	ck_assert_int_eq(udp_receive_batch(server, d, 3, sizeof(storage[0])), 3);
	ck_assert_int_eq(udp_receive_batch(server, d + 3, UDP_BATCH - 5, sizeof(storage[0])), 2);
	ck_assert_int_eq(udp_receive_batch(server, d + 5, 1, sizeof(storage[0])), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(send_batch(server, d, N), N);
	for (int i = 0; i < N; i++) {
		struct datagram r = receive(client, buf, sizeof(buf));

		snprintf(text, sizeof(text), "question %d", i);
		ck_assert_uint_eq(r.len, strlen(text));
		ck_assert_mem_eq(buf, text, r.len);
		ck_assert_int_eq(r.peer.ip[3], i + 1);
	}
	close(server);
	close(client);
}
END_TEST

START_TEST(batch_stops_at_the_datagram_that_cannot_be_sent)
{
	int server = open_at("127.0.0.1", 0), client = open_at("127.0.0.1", 0);
	uint8_t byte = 'x', buf[4];
	struct addr good = at("127.0.0.1", port_of(server)), bad = at("127.0.0.1", 0);
	struct datagram d[3] = {
		{ .peer = good, .buf = &byte, .len = 1 },
		{ .peer = bad, .buf = &byte, .len = 1 },
		{ .peer = good, .buf = &byte, .len = 1 },
	};

	ck_assert_int_eq(send_batch(client, d, 3), 1);
	ck_assert_int_eq(send_batch(client, d + 1, 2), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(send_batch(client, d + 2, 1), 1);
	receive(server, buf, sizeof(buf));
	receive(server, buf, sizeof(buf));
	ck_assert_int_eq(udp_receive(server, &d[0], buf, sizeof(buf)), -1);
	close(server);
	close(client);
}
END_TEST

/*
 * The datagram lies in the queue for 50 ms: the kernel's stamp tells when it came, ours would tell when we looked.  The kernel may take
 * some packets to start stamping after the first socket asks for it.
 */
static void
stamp_is_of_arrival(const char *literal)
{
	int server = open_at(literal, 0), client = open_at(literal, 0);
	struct walltime before, after, now;
	uint8_t buf[8];
	struct datagram d;

	for (int i = 0; i < 20; i++) {
		before = walltime_now();
		send_text(client, at(literal, port_of(server)), "x");
		after = walltime_now();
		sleep_ms(50);
		d = receive(server, buf, sizeof(buf));
		now = walltime_now();
		if (d.quality == STAMP_KERNEL)
			break;
		ck_assert_int_eq(d.quality, STAMP_DAEMON);
	}
	ck_assert_int_eq(d.quality, STAMP_KERNEL);
	ck_assert_double_ge(walltime_diff(d.host, before), 0);
	ck_assert_double_le(walltime_diff(d.host, after), 0.02);
	ck_assert_double_ge(walltime_diff(now, d.host), 0.03);
	close(server);
	close(client);
}

START_TEST(kernel_stamp_tells_when_a_datagram_came)
{
	stamp_is_of_arrival("127.0.0.1");
	stamp_is_of_arrival("::1");
}
END_TEST

START_TEST(without_kernel_stamps_the_daemons_clock_serves)
{
	int server = open_at("127.0.0.1", 0), client = open_at("127.0.0.1", 0), off = 0;
	struct walltime before, after;
	uint8_t buf[8];
	struct datagram d;

	ck_assert_int_eq(setsockopt(server, SOL_SOCKET, SO_TIMESTAMPING, &off, sizeof(off)), 0);
	send_text(client, at("127.0.0.1", port_of(server)), "x");
	wait_readable(server);
	before = walltime_now();
	d = receive(server, buf, sizeof(buf));
	after = walltime_now();
	ck_assert_int_eq(d.quality, STAMP_DAEMON);
	ck_assert_double_ge(walltime_diff(d.host, before), 0);
	ck_assert_double_ge(walltime_diff(after, d.host), 0);
	close(server);
	close(client);
}
END_TEST

static int
open_stamping(const char *literal)
{
	struct udp_opts o = { .bind = at(literal, 0), .dscp = -1, .tx_stamps = true };
	int fd = udp_open(&o);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* What poll says of a socket now, without waiting. */
static short
state_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_ge(poll(&p, 1, 0), 0);
	return p.revents;
}

static void
stamp_is_of_departure(const char *literal)
{
	int server = open_at(literal, 0), client = open_stamping(literal);
	struct walltime before, sent, left = { 0 };

	ck_assert(!udp_tx_stamp(client, &left));
	send_text(client, at(literal, port_of(server)), "first");
	sleep_ms(20);
	before = walltime_now();
	send_text(client, at(literal, port_of(server)), "second");
	sent = walltime_now();
	sleep_ms(20);
	ck_assert(udp_tx_stamp(client, &left));
	ck_assert_double_ge(walltime_diff(left, before), 0);
	ck_assert_double_le(walltime_diff(left, sent), 0.02);
	ck_assert(!udp_tx_stamp(client, &left));
	ck_assert_int_eq(state_of(client), 0);
	close(server);
	close(client);
}

START_TEST(newest_transmit_stamp_is_told_once_and_the_queue_drained)
{
	stamp_is_of_departure("127.0.0.1");
	stamp_is_of_departure("::1");
}
END_TEST

/* A connected socket whose peer's port has just been closed. */
static int
open_to_nobody(bool stamps)
{
	int nobody = open_at("127.0.0.1", 0), fd = stamps ? open_stamping("127.0.0.1") : open_at("127.0.0.1", 0);
	struct addr peer = at("127.0.0.1", port_of(nobody));

	close(nobody);
	ck_assert_int_eq(udp_connect(fd, &peer), 0);
	return fd;
}

/* Of five datagrams two ask, one of each length; the answers name them by their last octets. */
static void
askers_are_told(const char *literal)
{
	static const char *text[] = { "one", "two", "three", "four", "five" };
	int server = open_at(literal, 0), client = open_at(literal, 0);
	struct walltime before, left[2];
	struct udp_outbox *o = udp_outbox_new();
	uint8_t tail[2][4], buf[8];
	size_t len;

	ck_assert_ptr_nonnull(o);
	udp_stamps(client, true);
	for (size_t i = 0; i < NELEMS(text); i++) {
		struct datagram d = { .peer = at(literal, port_of(server)), .local = at(literal, 0), .buf = (uint8_t *)(uintptr_t)text[i], .len = strlen(text[i]) };

		udp_outbox_put(o, i, &d);
		if (i == 1 || i == 4)
			udp_outbox_ask(o, i);
	}
	udp_outbox_cut(o, 4, 3);
	before = walltime_now();
	ck_assert_int_eq(udp_outbox_send(client, o, 1, 4), 4);
	ck_assert_int_eq(udp_outbox_send(client, o, 0, 1), 1);
	wait_readable(client);
	for (int i = 0; i < 2; i++) {
		ck_assert(udp_next_stamp(client, &left[i], tail[i], sizeof(tail[i]), &len));
		ck_assert_uint_eq(len, 4);
		ck_assert_double_ge(walltime_diff(left[i], before), 0);
		ck_assert_double_lt(walltime_diff(walltime_now(), left[i]), 5);
	}
	ck_assert(!udp_next_stamp(client, &left[0], tail[0], sizeof(tail[0]), &len));
	ck_assert_mem_eq(tail[0] + 1, "two", 3);
	ck_assert_mem_eq(tail[1] + 1, "fiv", 3);
	for (int i = 0; i < 5; i++) {
		struct datagram d = receive(server, buf, sizeof(buf));

		ck_assert_uint_eq(d.len, i == 2 ? 4 : i == 1 ? 5 : 3);
	}
	/* Stamps of what comes are told as before. */
	for (int i = 0; i < 3; i++) {
		send_text(server, at(literal, port_of(client)), "back");
		ck_assert_int_eq(receive(client, buf, sizeof(buf)).quality, STAMP_KERNEL);
	}
	udp_outbox_free(o);
	close(server);
	close(client);
}

START_TEST(single_datagrams_are_told_of_if_they_ask)
{
	askers_are_told("127.0.0.1");
	askers_are_told("::1");
}
END_TEST

START_TEST(dscp_can_be_changed_later)
{
	int fd = open_at("127.0.0.1", 0);

	ck_assert_int_eq(udp_set_dscp(fd, 4, 46), 0);
	ck_assert_int_eq(int_option(fd, IPPROTO_IP, IP_TOS), 46 << 2);
	ck_assert_int_eq(udp_set_dscp(fd, 4, 0), 0);
	ck_assert_int_eq(int_option(fd, IPPROTO_IP, IP_TOS), 0);
	ck_assert_int_eq(udp_set_dscp(fd, 4, 64), -1);
	ck_assert_int_eq(udp_set_dscp(fd, 4, -1), -1);
	close(fd);
}
END_TEST

START_TEST(refusal_is_reported_once)
{
	int fd = open_to_nobody(false);
	uint8_t buf[8];
	struct datagram d;

	send_text(fd, (struct addr){ 0 }, "anybody there");
	wait_readable(fd);
	ck_assert_int_eq(udp_receive(fd, &d, buf, sizeof(buf)), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_assert_int_eq(udp_receive(fd, &d, buf, sizeof(buf)), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(state_of(fd), 0);
	close(fd);
}
END_TEST

START_TEST(icmp_errors_in_the_queue_do_not_pass_for_stamps)
{
	int fd = open_to_nobody(true), on = 1;
	struct walltime before = walltime_now(), left = { 0 };
	uint8_t buf[8];
	struct datagram d;

	ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	send_text(fd, (struct addr){ 0 }, "anybody there");
	sleep_ms(20);
	ck_assert(udp_tx_stamp(fd, &left));
	ck_assert_double_ge(walltime_diff(left, before), 0);
	ck_assert(udp_receive(fd, &d, buf, sizeof(buf)) == -1);
	ck_assert(!udp_tx_stamp(fd, &left));
	ck_assert_int_eq(state_of(fd), 0);
	close(fd);

	fd = open_to_nobody(false);	/* an ICMP error and no stamp at all */
	ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	send_text(fd, (struct addr){ 0 }, "anybody there");
	sleep_ms(20);
	ck_assert(!udp_tx_stamp(fd, &left));
	close(fd);
}
END_TEST

START_TEST(connected_socket_hears_only_its_peer)
{
	int peer_fd = open_at("127.0.0.1", 0), stranger = open_at("127.0.0.1", 0), fd = open_at("127.0.0.1", 0);
	struct addr peer = at("127.0.0.1", port_of(peer_fd)), me = at("127.0.0.1", port_of(fd));
	uint8_t buf[16];
	struct datagram d;

	ck_assert_int_eq(udp_connect(fd, &peer), 0);
	send_text(stranger, me, "psst");
	send_text(peer_fd, me, "hello");
	d = receive(fd, buf, sizeof(buf));
	ck_assert_uint_eq(d.len, 5);
	ck_assert(addr_equal(&d.peer, &peer));
	ck_assert_int_eq(udp_receive(fd, &d, buf, sizeof(buf)), -1);
	close(peer_fd);
	close(stranger);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("udp");
	TCase *t = tcase_create("udp");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 20);
	tcase_add_test(t, ipv4_answer_comes_from_the_address_asked);
	tcase_add_test(t, ipv6_answer_comes_from_the_address_asked);
	tcase_add_test(t, socket_is_non_blocking_and_closed_on_exec);
	tcase_add_test(t, both_wildcards_share_a_port);
	tcase_add_test(t, second_socket_on_a_port_is_refused_unless_shared);
	tcase_add_test(t, absent_address_is_bound_only_if_asked);
	tcase_add_test(t, unset_family_is_refused);
	tcase_add_test(t, dscp_is_set_and_a_bad_one_leaves_the_socket_alone);
	tcase_add_test(t, path_mtu_news_are_ignored);
	tcase_add_test(t, long_datagram_is_cut_and_flagged);
	tcase_add_test(t, batch_is_received_and_answered_in_order);
	tcase_add_test(t, batch_stops_at_the_datagram_that_cannot_be_sent);
	tcase_add_test(t, kernel_stamp_tells_when_a_datagram_came);
	tcase_add_test(t, without_kernel_stamps_the_daemons_clock_serves);
	tcase_add_test(t, newest_transmit_stamp_is_told_once_and_the_queue_drained);
	tcase_add_test(t, single_datagrams_are_told_of_if_they_ask);
	tcase_add_test(t, dscp_can_be_changed_later);
	tcase_add_test(t, refusal_is_reported_once);
	tcase_add_test(t, icmp_errors_in_the_queue_do_not_pass_for_stamps);
	tcase_add_test(t, connected_socket_hears_only_its_peer);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
