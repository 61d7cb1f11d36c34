/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's choice among sockets on one port is ours, and goes by the source alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/steer.h"
#include "net/udp.h"
#include "../../unit.h"

#define SOCKETS	5
#define SOURCES	200
#define WAIT_MS	2000

static const struct steer_key key = { { 0x12345678, 0x9abcdef0 } };

static struct addr
addr(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, text, 0), "%s", text);
	return a;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	ck_assert(addr_from_sockaddr(&a, (const struct sockaddr *)&ss));
	return a.port;
}

/* SOCKETS sockets on one port of this address, steered. */
static uint16_t
open_group(const char *at, int fd[static SOCKETS])
{
	struct udp_opts o = { .bind = addr(at), .dscp = -1, .reuse_port = true };

	for (int i = 0; i < SOCKETS; i++) {
		fd[i] = udp_open(&o);
		ck_assert_int_ne(fd[i], -1);
		o.bind.port = port_of(fd[i]);
		if (i == 0)
			ck_assert_int_eq(steer_attach(fd[0], o.bind.family, SOCKETS, &key), 0);
	}
	return o.bind.port;
}

static void
close_group(const int fd[static SOCKETS])
{
	for (int i = 0; i < SOCKETS; i++)
		close(fd[i]);
}

/* Sends from a fresh socket of that source; which of the group's sockets got it. */
static unsigned
arrival(const int fd[static SOCKETS], const char *from, const char *to, uint16_t port)
{
	struct udp_opts o = { .bind = addr(from), .dscp = -1 };
	uint8_t octet = 1, buf[8];
	struct datagram d = { .peer = addr(to), .buf = &octet, .len = 1 }, got;
	struct pollfd p[SOCKETS];
	int sock = udp_open(&o);
	unsigned at = SOCKETS;

	ck_assert_int_ne(sock, -1);
	d.peer.port = port;
	ck_assert_int_eq(udp_send(sock, &d), 0);
	for (int i = 0; i < SOCKETS; i++)
		p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	ck_assert_int_eq(poll(p, SOCKETS, WAIT_MS), 1);
	for (unsigned i = 0; i < SOCKETS; i++) {
		if (p[i].revents == 0)
			continue;
		at = i;
		ck_assert_int_eq(udp_receive(fd[i], &got, buf, sizeof(buf)), 0);
	}
	close(sock);
	return at;
}

START_TEST(the_kernel_chooses_as_we_do)
{
	unsigned met[SOCKETS] = { 0 };
	int fd[SOCKETS];
	uint16_t port = open_group("127.0.0.1", fd);

	for (unsigned i = 0; i < SOURCES; i++) {
		char from[32];
		struct addr a;
		unsigned at;

		snprintf(from, sizeof(from), "127.%u.%u.%u", i * 7 % 256, i * i % 256, 1 + i % 254);
		a = addr(from);
		at = arrival(fd, from, "127.0.0.1", port);
		ck_assert_msg(at == steer_pick(&a, SOCKETS, &key), "%s", from);
		met[at]++;
	}
	/* 40 are expected at each; fewer than 12 or more than 80 once in a million runs. */
	for (int i = 0; i < SOCKETS; i++)
		ck_assert_msg(met[i] >= 12 && met[i] <= 80, "%u sources at one of five", met[i]);
	close_group(fd);
}
END_TEST

START_TEST(the_port_of_the_source_does_not_matter)
{
	int fd[SOCKETS];
	uint16_t port = open_group("127.0.0.1", fd);
	unsigned first = arrival(fd, "127.0.0.77", "127.0.0.1", port);

	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(arrival(fd, "127.0.0.77", "127.0.0.1", port), first);
	close_group(fd);
}
END_TEST

START_TEST(ipv6_is_steered_too)
{
	struct udp_opts o = { .bind = addr("::1"), .dscp = -1 };
	struct addr one = addr("::1");
	int fd[SOCKETS], probe = udp_open(&o);
	uint16_t port;

	if (probe == -1 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		puts("ipv6_is_steered_too: no IPv6 here");
		return;
	}
	close(probe);
	port = open_group("::1", fd);
	ck_assert_uint_eq(arrival(fd, "::1", "::1", port), steer_pick(&one, SOCKETS, &key));
	close_group(fd);
}
END_TEST

/* What the MRU list counts as one source is one source here. */
START_TEST(all_of_a_64_and_the_lower_half_of_link_local_are_one_source)
{
	static const struct { const char *a, *b; bool one; } rows[] = {
		{ "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true }, { "fe80::1:2:3:4", "fe80:1::1:2:3:4", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false }, { "fe80::1", "fe80::2", false }, { "fec0::1", "fec0::2", true },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct addr a = addr(rows[i].a), b = addr(rows[i].b);

		ck_assert_msg((steer_pick(&a, 1u << 30, &key) == steer_pick(&b, 1u << 30, &key)) == rows[i].one, "%s %s", rows[i].a, rows[i].b);
	}
}
END_TEST

START_TEST(another_key_is_another_choice)
{
	struct steer_key other = { { key.k[0] + 1, key.k[1] } };
	unsigned differ = 0;

	for (uint8_t i = 1; i < 101; i++) {
		struct addr a = { .family = 4, .ip = { 192, 0, 2, i } };

		differ += steer_pick(&a, SOCKETS, &key) != steer_pick(&a, SOCKETS, &other);
	}
	ck_assert_uint_ge(differ, 50);	/* 80 are expected */
}
END_TEST

UNIT_MAIN("net/steer", the_kernel_chooses_as_we_do, the_port_of_the_source_does_not_matter, ipv6_is_steered_too,
    all_of_a_64_and_the_lower_half_of_link_local_are_one_source, another_key_is_another_choice)
