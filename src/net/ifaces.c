/* SPDX-License-Identifier: BSD-2-Clause */
/* Scanning interfaces, matching them against rules, and watching them by rtnetlink. */
#include <errno.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <event2/event.h>

#include "base/log.h"
#include "net/ifaces.h"

/* Notices come in flurries (an interface with its addresses, or one that flaps): scan once for each. */
static const struct timeval debounce = { .tv_usec = 100000 };

/* Reads per wakeup; a longer queue wakes us again. */
#define NOTICE_READS_MAX	64

struct ifaces_watch {
	int		fd;		/* rtnetlink; -1 = not to be had */
	struct event	*readable;
	struct event	*timer;		/* the debounce, or the interval where there is no netlink */
	struct timeval	interval;	/* 0 = no such timer */
	ifaces_watch_cb	*cb;
	void		*arg;
};

/* Writes *out for an address that can have a socket; false for any other. */
static bool
iface_of(struct iface *out, const struct ifaddrs *ifa)
{
	struct iface i = { .flags = ifa->ifa_flags };

	if (ifa->ifa_addr == NULL || (ifa->ifa_flags & IFF_UP) == 0)
		return false;
	if (!addr_from_sockaddr(&i.addr, ifa->ifa_addr) || strlen(ifa->ifa_name) >= sizeof(i.name))
		return false;
	memcpy(i.name, ifa->ifa_name, strlen(ifa->ifa_name));
	if (i.addr.family == 4 && (ifa->ifa_flags & IFF_BROADCAST) != 0 && ifa->ifa_broadaddr != NULL) {
		/* Where no broadcast address is set, the C library gives the address itself. */
		if (!addr_from_sockaddr(&i.bcast, ifa->ifa_broadaddr) || addr_same_host(&i.bcast, &i.addr))
			i.bcast = (struct addr){ 0 };
	}
	*out = i;
	return true;
}

int
ifaces_scan(struct iface **out)
{
	struct ifaddrs *list, *ifa;
	struct iface *all;
	size_t n = 0;

	if (getifaddrs(&list) != 0)
		return -1;
	for (ifa = list; ifa != NULL; ifa = ifa->ifa_next)
		n++;
	all = calloc(n + 1, sizeof(*all));
	if (all == NULL) {
		freeifaddrs(list);
		errno = ENOMEM;
		return -1;
	}
	n = 0;
	for (ifa = list; ifa != NULL; ifa = ifa->ifa_next)
		if (iface_of(&all[n], ifa))
			n++;
	freeifaddrs(list);
	*out = all;
	return (int)n;
}

static bool
matches_addr(const struct addr *a, const struct iface_rule *r)
{
	struct addr mask, have = *a, want = r->addr;

	addr_mask_bits(&mask, want.family, r->prefix);
	addr_apply_mask(&have, &mask);
	addr_apply_mask(&want, &mask);
	return addr_same_host(&have, &want);
}

static bool
rule_matches(const struct iface_rule *r, const struct iface *i)
{
	bool special = addr_is_loopback(&i->addr) || addr_is_any(&i->addr);

	switch (r->match) {
	case IFACE_ALL:
		return !special;
	case IFACE_IPV4:
		return i->addr.family == 4;
	case IFACE_IPV6:
		return i->addr.family == 6;
	case IFACE_WILDCARD:
		return addr_is_any(&i->addr);
	case IFACE_NAME:
		return fnmatch(r->name, i->name, FNM_CASEFOLD) == 0;
	case IFACE_ADDR:
		return matches_addr(&i->addr, r);
	case IFACE_ALIAS:
		return !special && strchr(i->name, ':') != NULL;
	}
	return false;
}

enum iface_action
ifaces_decide(const struct iface *i, const struct iface_rule rules[], size_t n)
{
	for (size_t k = n; k-- > 0;)
		if (rule_matches(&rules[k], i))
			return rules[k].action;
	if (addr_is_loopback(&i->addr))
		return IFACE_LISTEN;
	if (addr_is_any(&i->addr))
		return IFACE_DROP;
	return n == 0 ? IFACE_LISTEN : IFACE_IGNORE;
}

/* Starts the timer that stands in for netlink. */
static void
fall_back(struct ifaces_watch *w)
{
	if (w->readable != NULL)
		event_free(w->readable);
	w->readable = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	if (evutil_timerisset(&w->interval))
		event_add(w->timer, &w->interval);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct ifaces_watch *w = arg;

	(void)fd;
	(void)what;
	if (w->fd < 0)
		fall_back(w);		/* the next round */
	w->cb(w->arg);			/* last: it may free w */
}

static bool
is_news(const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return true;
	}
	return false;
}

/* Does this datagram hold a notice that matters? */
static bool
holds_news(const void *buf, size_t len)
{
	struct nlmsghdr h;

	for (const char *p = buf; len >= sizeof(h); ) {
		size_t step;

		memcpy(&h, p, sizeof(h));
		step = NLMSG_ALIGN((size_t)h.nlmsg_len);
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			return false;
		if (is_news(&h))
			return true;
		if (step >= len)
			return false;
		p += step;
		len -= step;
	}
	return false;
}

/* Reads one datagram.  Returns 1 for news, 0 for none, -1 with errno. */
static int
read_notice(int fd)
{
	char buf[16384];
	struct sockaddr_nl from = { 0 };
	socklen_t fromlen = sizeof(from);
	ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &fromlen);

	if (n < 0)
		return errno == ENOBUFS ? 1 : -1;	/* overrun: something was lost, so anything may have changed */
	if (from.nl_pid != 0)
		return 0;		/* not from the kernel */
	return holds_news(buf, (size_t)n) ? 1 : 0;
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct ifaces_watch *w = arg;
	bool news = false;
	int r = 0;

	(void)what;
	for (int i = 0; i < NOTICE_READS_MAX && r >= 0; i++) {
		r = read_notice(fd);
		news |= r > 0;
	}
	if (r < 0 && errno != EAGAIN && errno != EINTR) {
		log_warn("the kernel's notices of interface changes have ended, scanning every %lld s instead (0: never)",
		    (long long)w->interval.tv_sec);
		fall_back(w);
		event_add(w->timer, &debounce);
	}
	if (news && !event_pending(w->timer, EV_TIMEOUT, NULL))
		event_add(w->timer, &debounce);
}

/* A socket that hears of links and addresses, or -1 with errno. */
static int
open_netlink(void)
{
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&nl, sizeof(nl)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct ifaces_watch *
ifaces_watch_new(struct event_base *base, double interval, ifaces_watch_cb *cb, void *arg)
{
	struct ifaces_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fd = open_netlink();
	w->interval.tv_sec = (time_t)interval;
	w->interval.tv_usec = (suseconds_t)((interval - (double)w->interval.tv_sec) * 1e6);
	w->cb = cb;
	w->arg = arg;
	w->timer = event_new(base, -1, 0, timer_cb, w);
	if (w->timer == NULL)
		goto fail;
	if (w->fd < 0) {
		fall_back(w);
		return w;
	}
	w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, readable_cb, w);
	if (w->readable != NULL && event_add(w->readable, NULL) == 0)
		return w;
fail:
	ifaces_watch_free(w);
	errno = ENOMEM;
	return NULL;
}

void
ifaces_watch_free(struct ifaces_watch *w)
{
	if (w == NULL)
		return;
	if (w->readable != NULL)
		event_free(w->readable);
	if (w->timer != NULL)
		event_free(w->timer);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}
