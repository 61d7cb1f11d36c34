/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP sockets with kernel timestamps and packet information, singly and in batches. */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>

#include "base/log.h"
#include "net/udp.h"

/* Room for the control messages we ask for: three timespecs (SCM_TIMESTAMPING), one (SCM_TIMESTAMPNS), and an in6_pktinfo. */
#define CONTROL_MAX	160
#define FRAME_MAX	512	/* octets: a datagram of ours with all headers before it */

/* Error queue items fetched at once: a bound on one call, far above what a socket that sends and asks in turn gathers. */
#define ERRQUEUE_MAX	256

/* What a socket call points at while it runs. */
struct slot {
	struct sockaddr_storage	ss;
	struct iovec		iov;
	union {
		struct cmsghdr	align;
		char		buf[CONTROL_MAX];
	} control;
};

static bool
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* Kernel stamps as good as this kernel has them; none is no error.  The two kinds tell the same instant, the plain one in a third of the octets. */
static void
set_stamps(int fd, bool tx, bool lean)
{
	int rx_flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	int tx_flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_OPT_TSONLY;

	if (tx && set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, rx_flags | tx_flags))
		return;
	if (!lean && set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, rx_flags))
		return;
	(void)set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

/*
 * Forged "fragmentation needed" messages must not cut our datagrams into forgeable fragments: take the interface's MTU and nobody's word.
 * Older kernels know only some of the values.  Lean sockets set DF on top of that; Linux then leaves their ID 0, where it would
 * otherwise draw one from a table shared by all sockets: a few per cent of what a reply costs, and something for others to read.
 */
static void
set_mtu_discovery(int fd, int family, bool lean)
{
	static const int v4[] = { IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT, IP_PMTUDISC_DONT };
	static const int v6[] = { IPV6_PMTUDISC_INTERFACE, IPV6_PMTUDISC_OMIT, IPV6_PMTUDISC_DONT };

	if (lean && family == 4 && set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE))
		return;
	for (size_t i = 0; i < NELEMS(v4); i++)
		if (family == 6 ? set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, v6[i]) : set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, v4[i]))
			return;
}

int
udp_set_dscp(int fd, int family, int dscp)
{
	int level = family == 6 ? IPPROTO_IPV6 : IPPROTO_IP, name = family == 6 ? IPV6_TCLASS : IP_TOS;

	errno = EINVAL;		/* IP_TOS would silently use the low octet */
	return dscp >= 0 && dscp <= 63 && set_int(fd, level, name, dscp << 2) ? 0 : -1;
}

static void
set_dscp(int fd, const struct udp_opts *o)
{
	char name[ADDR_STR_MAX];

	if (o->dscp >= 0 && udp_set_dscp(fd, o->bind.family, o->dscp) == -1)
		log_warn("cannot set DSCP %d on the socket of %s, its packets go out unmarked", o->dscp, addr_port_str(&o->bind, name, sizeof(name)));
}

/* What the caller relies on; false with errno. */
static bool
set_required(int fd, const struct udp_opts *o)
{
	if (o->bind.family == 6 && !set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return false;
	if (o->reuse_port && !set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return false;
	return !o->freebind || set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);	/* IP_FREEBIND serves both families */
}

static void
set_optional(int fd, const struct udp_opts *o)
{
	if (o->bind.family == 6)
		(void)set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		(void)set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	set_mtu_discovery(fd, o->bind.family, o->lean);
	set_dscp(fd, o);
	set_stamps(fd, o->tx_stamps, o->lean);
}

int
udp_open(const struct udp_opts *o)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&o->bind, &ss);
	int fd, saved;

	if (o->bind.family != 4 && o->bind.family != 6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return -1;
	if (!set_required(fd, o))
		goto fail;
	set_optional(fd, o);
	if (bind(fd, (const struct sockaddr *)&ss, len) != 0)
		goto fail;
	return fd;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
udp_connect(int fd, const struct addr *peer)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(peer, &ss);

	return connect(fd, (const struct sockaddr *)&ss, len);
}

uint64_t
udp_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

int
udp_route(const struct addr *peer, struct addr *local)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = socket(peer->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP), saved;
	bool ok;

	if (fd == -1)
		return -1;
	ok = udp_connect(fd, peer) == 0 && getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && addr_from_sockaddr(local, (struct sockaddr *)&ss);
	saved = errno;
	close(fd);
	errno = saved;
	local->port = 0;
	return ok ? 0 : -1;
}

static bool
join_on(int fd, const struct addr *group, unsigned index)
{
	struct sockaddr_storage ss;
	struct group_req req = { .gr_interface = index };
	socklen_t len = addr_to_sockaddr(group, &ss);

	memcpy(&req.gr_group, &ss, len);
	return setsockopt(fd, group->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_GROUP, &req, sizeof(req)) == 0 || errno == EADDRINUSE;
}

int
udp_join(int fd, const struct addr *group)
{
	struct if_nameindex *all = if_nameindex();
	bool any = false;
	int why = ENODEV;

	for (const struct if_nameindex *i = all; i != NULL && i->if_index != 0; i++) {
		if (join_on(fd, group, i->if_index))
			any = true;
		else
			why = errno;
	}
	if (all != NULL)
		if_freenameindex(all);
	errno = why;
	return any ? 0 : -1;
}

int
udp_set_ttl(int fd, int family, int ttl)
{
	if (family == 6)
		return set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) ? 0 : -1;
	return set_int(fd, SOL_SOCKET, SO_BROADCAST, 1) && set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl) ? 0 : -1;
}

/* fe80::/10 and multicast below global scope mean nothing without their interface. */
static bool
needs_interface(const struct addr *a)
{
	if (a->family != 6)
		return false;
	return (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80) || (a->ip[0] == 0xff && (a->ip[1] & 0x0f) <= 3);
}

static bool
control_is(const struct cmsghdr *c, int level, int type, size_t len)
{
	return c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= CMSG_LEN(len);
}

/* The software stamp of an SCM_TIMESTAMPING or SCM_TIMESTAMPNS message; zero is the kernel's word for none. */
static bool
control_stamp(struct cmsghdr *c, struct walltime *host)
{
	struct scm_timestamping t;
	struct timespec ts;

	if (control_is(c, SOL_SOCKET, SCM_TIMESTAMPING, sizeof(t))) {
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		ts = t.ts[0];
	} else if (control_is(c, SOL_SOCKET, SCM_TIMESTAMPNS, sizeof(ts))) {
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	} else {
		return false;
	}
	if (ts.tv_sec == 0 && ts.tv_nsec == 0)
		return false;
	*host = walltime_of(&ts);
	return true;
}

static void
control_local(struct cmsghdr *c, struct addr *local)
{
	struct in_pktinfo p4;
	struct in6_pktinfo p6;

	if (control_is(c, IPPROTO_IP, IP_PKTINFO, sizeof(p4))) {
		memcpy(&p4, CMSG_DATA(c), sizeof(p4));
		local->family = 4;
		memcpy(local->ip, &p4.ipi_addr, 4);
	} else if (control_is(c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(p6))) {
		memcpy(&p6, CMSG_DATA(c), sizeof(p6));
		local->family = 6;
		memcpy(local->ip, &p6.ipi6_addr, 16);
		if (needs_interface(local))
			local->scope = p6.ipi6_ifindex;
	}
}

static void
slot_for_receiving(struct slot *s, struct msghdr *mh, uint8_t *buf, size_t cap)
{
	s->ss.ss_family = AF_UNSPEC;
	s->iov = (struct iovec){ .iov_base = buf, .iov_len = cap };
	*mh = (struct msghdr){
		.msg_name = &s->ss,
		.msg_namelen = sizeof(s->ss),
		.msg_iov = &s->iov,
		.msg_iovlen = 1,
		.msg_control = s->control.buf,
		.msg_controllen = sizeof(s->control.buf),
	};
}

/* Fills in all of *d but buf.  len is what the kernel counted; now stands in for a stamp it did not give. */
static void
datagram_from(struct datagram *d, struct msghdr *mh, size_t len, struct walltime now)
{
	size_t cap = mh->msg_iov->iov_len;

	d->local = (struct addr){ 0 };
	d->host = now;
	d->quality = STAMP_DAEMON;
	d->len = (mh->msg_flags & MSG_TRUNC) != 0 && len <= cap ? cap + 1 : len;
	if (!addr_from_sockaddr(&d->peer, mh->msg_name))
		d->peer = (struct addr){ 0 };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (control_stamp(c, &d->host))
			d->quality = STAMP_KERNEL;
		else
			control_local(c, &d->local);
	}
}

int
udp_receive(int fd, struct datagram *d, uint8_t *buf, size_t cap)
{
	struct msghdr mh;
	struct slot s;
	ssize_t n;

	slot_for_receiving(&s, &mh, buf, cap);
	n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return -1;
	datagram_from(d, &mh, (size_t)n, walltime_now());
	d->buf = buf;
	return 0;
}

/* The batch of a system without recvmmsg. */
static int
receive_each(int fd, struct datagram d[], size_t n, size_t cap)
{
	size_t i = 0;

	while (i < n && udp_receive(fd, &d[i], d[i].buf, cap) == 0)
		i++;
	return i > 0 || n == 0 ? (int)i : -1;
}

int
udp_receive_batch(int fd, struct datagram d[], size_t n, size_t cap)
{
	struct mmsghdr mm[UDP_BATCH];
	struct slot s[UDP_BATCH];
	struct walltime now;
	int got;

	n = n < UDP_BATCH ? n : UDP_BATCH;
	for (size_t i = 0; i < n; i++)
		slot_for_receiving(&s[i], &mm[i].msg_hdr, d[i].buf, cap);
	got = recvmmsg(fd, mm, (unsigned)n, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (got < 0)
		return errno == ENOSYS ? receive_each(fd, d, n, cap) : -1;
	now = walltime_now();
	for (int i = 0; i < got; i++)
		datagram_from(&d[i], &mm[i].msg_hdr, mm[i].msg_len, now);
	return got;
}

/* Asks the kernel to send from a given address. */
static void
control_source(struct msghdr *mh, struct slot *s, const struct addr *local)
{
	struct in6_pktinfo p6 = { 0 };
	struct in_pktinfo p4 = { 0 };
	bool v6 = local->family == 6;
	size_t len = v6 ? sizeof(p6) : sizeof(p4);
	struct cmsghdr *c;

	memcpy(&p4.ipi_spec_dst, local->ip, 4);
	memcpy(&p6.ipi6_addr, local->ip, 16);
	p6.ipi6_ifindex = needs_interface(local) ? local->scope : 0;
	mh->msg_control = s->control.buf;
	mh->msg_controllen = CMSG_SPACE(len);
	memset(s->control.buf, 0, CMSG_SPACE(len));
	c = CMSG_FIRSTHDR(mh);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(len);
	if (v6)
		memcpy(CMSG_DATA(c), &p6, sizeof(p6));
	else
		memcpy(CMSG_DATA(c), &p4, sizeof(p4));
}

static void
slot_for_sending(struct slot *s, struct msghdr *mh, const struct datagram *d)
{
	s->iov = (struct iovec){ .iov_base = d->buf, .iov_len = d->len };
	*mh = (struct msghdr){ .msg_iov = &s->iov, .msg_iovlen = 1 };
	if (d->peer.family != 0) {
		mh->msg_namelen = addr_to_sockaddr(&d->peer, &s->ss);
		mh->msg_name = &s->ss;
	}
	if (d->local.family != 0 && !addr_is_any(&d->local) && !addr_is_multicast(&d->local))
		control_source(mh, s, &d->local);
}

int
udp_send(int fd, const struct datagram *d)
{
	struct msghdr mh;
	struct slot s;

	slot_for_sending(&s, &mh, d);
	return sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

struct udp_outbox {
	struct mmsghdr	mm[UDP_BATCH];
	struct slot	slot[UDP_BATCH];
};

struct udp_outbox *
udp_outbox_new(void)
{
	return calloc(1, sizeof(struct udp_outbox));
}

void
udp_outbox_free(struct udp_outbox *o)
{
	free(o);
}

void
udp_outbox_put(struct udp_outbox *o, size_t i, const struct datagram *d)
{
	slot_for_sending(&o->slot[i], &o->mm[i].msg_hdr, d);
}

/* An extra control message.  The room is there: that of a source address is the only other one. */
void
udp_outbox_ask(struct udp_outbox *o, size_t i)
{
	struct msghdr *mh = &o->mm[i].msg_hdr;
	uint32_t flags = SOF_TIMESTAMPING_TX_SOFTWARE;
	struct cmsghdr c = { .cmsg_level = SOL_SOCKET, .cmsg_type = SO_TIMESTAMPING, .cmsg_len = CMSG_LEN(sizeof(flags)) };
	char *at = o->slot[i].control.buf + mh->msg_controllen;

	memset(at, 0, CMSG_SPACE(sizeof(flags)));
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), &flags, sizeof(flags));
	mh->msg_control = o->slot[i].control.buf;
	mh->msg_controllen += CMSG_SPACE(sizeof(flags));
}

void
udp_outbox_cut(struct udp_outbox *o, size_t i, size_t len)
{
	o->slot[i].iov.iov_len = len;
}

int
udp_outbox_send(int fd, struct udp_outbox *o, size_t from, size_t n)
{
	int sent = sendmmsg(fd, o->mm + from, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	size_t i = 0;

	if (sent >= 0 || errno != ENOSYS)
		return sent;
	/* A system without sendmmsg. */
	while (i < n && sendmsg(fd, &o->mm[from + i].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		i++;
	return i > 0 || n == 0 ? (int)i : -1;
}

/* Does this item of the error queue tell of a datagram that left (and not of an ICMP message, or of one queued or acknowledged)? */
static bool
tells_of_sending(struct msghdr *mh)
{
	struct sock_extended_err e;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		if (!control_is(c, IPPROTO_IP, IP_RECVERR, sizeof(e)) && !control_is(c, IPPROTO_IPV6, IPV6_RECVERR, sizeof(e)))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return e.ee_errno == ENOMSG && e.ee_origin == SO_EE_ORIGIN_TIMESTAMPING && e.ee_info == SCM_TSTAMP_SND;
	}
	return false;
}

bool
udp_tx_stamp(int fd, struct walltime *host)
{
	union { struct cmsghdr align; char buf[4 * CONTROL_MAX]; } control;
	char payload[64];
	bool found = false;

	for (int i = 0; i < ERRQUEUE_MAX; i++) {
		struct iovec iov = { .iov_base = payload, .iov_len = sizeof(payload) };
		struct msghdr mh = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.buf,
			.msg_controllen = sizeof(control.buf),
		};

		if (recvmsg(fd, &mh, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		if (!tells_of_sending(&mh))
			continue;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c != NULL; c = CMSG_NXTHDR(&mh, c))
			found |= control_stamp(c, host);
	}
	return found;
}

void
udp_stamps(int fd, bool on)
{
	(void)set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, on ? SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG : 0);
}

/* One item of the error queue, whatever it is; how many octets of the frame there are, or -1. */
static ssize_t
take_error(int fd, struct walltime *host, bool *stamped, uint8_t frame[static FRAME_MAX])
{
	union { struct cmsghdr align; char buf[4 * CONTROL_MAX]; } control;
	struct iovec iov = { .iov_base = frame, .iov_len = FRAME_MAX };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };
	ssize_t n = recvmsg(fd, &mh, MSG_ERRQUEUE | MSG_DONTWAIT);

	*stamped = false;
	if (n < 0 || (mh.msg_flags & MSG_TRUNC) != 0 || !tells_of_sending(&mh))
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c != NULL; c = CMSG_NXTHDR(&mh, c))
		*stamped |= control_stamp(c, host);
	return n;
}

bool
udp_next_stamp(int fd, struct walltime *host, uint8_t *tail, size_t cap, size_t *len)
{
	uint8_t frame[FRAME_MAX];
	bool stamped = false;
	ssize_t n = 0;

	for (int i = 0; i < ERRQUEUE_MAX && n >= 0 && !stamped; i++)
		n = take_error(fd, host, &stamped, frame);
	if (!stamped)
		return false;
	*len = (size_t)n < cap ? (size_t)n : cap;
	memcpy(tail, frame + (size_t)n - *len, *len);
	return true;
}
