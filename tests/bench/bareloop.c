/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit that the socket path sets: recvmmsg, two clock reads, sendmmsg, and nothing else.
 *
 * bareloop [-c CPU] [-p PORT] [-s] ADDRESS
 *
 * It answers whatever comes with the same octets, turned into a reply of mode 4 with two times.  With -s it asks for what a
 * server needs that answers from a wildcard socket with kernel stamps: a receive stamp and the local address of every datagram, and sends from
 * that address.  What lies between the two is the price of these two features, which no server can avoid that has them.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/net_tstamp.h>

enum {
	BATCH = 32,		/* as the daemon's */
	BUFFER = 1024,
	CONTROL = 128,
	HEADER = 48,
};

#define UNIX_TO_NTP	UINT64_C(2208988800)	/* seconds from 1900 to 1970, RFC 5905 appendix A.4 */

struct batch {
	struct mmsghdr		mm[BATCH];
	struct iovec		iov[BATCH];
	struct sockaddr_storage	ss[BATCH];
	uint8_t			buf[BATCH][BUFFER];
	uint8_t			control[BATCH][CONTROL] __attribute__((aligned(16)));
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		die("sched_setaffinity");
}

static void
set_int(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) != 0)
		die("setsockopt");
}

static int
open_socket(const char *addr, uint16_t port, bool features)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool v6 = strchr(addr, ':') != NULL;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket");
	if (features) {
		if (v6)
			set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		else
			set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
		set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	}
	if (inet_pton(v6 ? AF_INET6 : AF_INET, addr, v6 ? (void *)&sin6.sin6_addr : (void *)&sin.sin_addr) != 1) {
		fprintf(stderr, "bareloop: no address: %s\n", addr);
		exit(2);
	}
	if (bind(fd, v6 ? (struct sockaddr *)&sin6 : (struct sockaddr *)&sin, v6 ? sizeof(sin6) : sizeof(sin)) != 0)
		die("bind");
	return fd;
}

static uint64_t
ntp_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((uint64_t)ts.tv_sec + UNIX_TO_NTP) << 32 | ((uint64_t)ts.tv_nsec << 32) / 1000000000u;
}

static void
put64(uint8_t *at, uint64_t v)
{
	v = htobe64(v);
	memcpy(at, &v, sizeof(v));
}

static void
ready_for_receiving(struct batch *b, bool features)
{
	for (size_t i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->buf[i], BUFFER };
		b->mm[i].msg_hdr = (struct msghdr){
			.msg_name = &b->ss[i],
			.msg_namelen = sizeof(b->ss[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = features ? b->control[i] : NULL,
			.msg_controllen = features ? CONTROL : 0,
		};
	}
}

/* The pktinfo that came is the one to send with, at the front of the control buffer; IPv4's destination becomes the source. */
static void
keep_pktinfo(struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		struct in_pktinfo p4;
		size_t len = CMSG_ALIGN(c->cmsg_len);

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&p4, CMSG_DATA(c), sizeof(p4));
			p4.ipi_spec_dst = p4.ipi_addr;
			p4.ipi_ifindex = 0;
			memcpy(CMSG_DATA(c), &p4, sizeof(p4));
		} else if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		memmove(mh->msg_control, c, len);
		mh->msg_controllen = len;
		return;
	}
	mh->msg_controllen = 0;
}

static void
make_replies(struct batch *b, size_t n, bool features)
{
	uint64_t rec = ntp_now(), xmt;

	for (size_t i = 0; i < n; i++) {
		uint8_t *p = b->buf[i];

		p[0] = (uint8_t)((p[0] & 0x38) | 4);
		p[1] = 1;
		memcpy(p + 24, p + 40, 8);
		put64(p + 32, rec);
		b->iov[i].iov_len = HEADER;
		if (features)
			keep_pktinfo(&b->mm[i].msg_hdr);
	}
	xmt = ntp_now();
	for (size_t i = 0; i < n; i++)
		put64(b->buf[i] + 40, xmt);
}

static void
serve(int fd, bool features)
{
	static struct batch b;

	for (;;) {
		int n;

		ready_for_receiving(&b, features);
		n = recvmmsg(fd, b.mm, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			die("recvmmsg");
		make_replies(&b, (size_t)n, features);
		for (int at = 0; at < n;) {
			int sent = sendmmsg(fd, b.mm + at, (unsigned)(n - at), MSG_DONTWAIT);

			at += sent > 0 ? sent : 1;
		}
	}
}

int
main(int argc, char **argv)
{
	bool features = false;
	long port = 123;
	int c;

	while ((c = getopt(argc, argv, "c:p:s")) != -1) {
		if (c == 'c')
			pin(atoi(optarg));
		else if (c == 'p')
			port = strtol(optarg, NULL, 10);
		else if (c == 's')
			features = true;
		else
			return 2;
	}
	if (optind != argc - 1 || port < 1 || port > UINT16_MAX) {
		fprintf(stderr, "usage: bareloop [-c CPU] [-p PORT] [-s] ADDRESS\n");
		return 2;
	}
	serve(open_socket(argv[optind], (uint16_t)port, features), features);
}
