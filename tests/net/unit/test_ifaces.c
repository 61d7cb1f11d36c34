/* SPDX-License-Identifier: BSD-2-Clause */
/* Interface rules as a table, the scan, and the watch in a network namespace of its own. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/time.h"
#include "net/ifaces.h"

#define LISTEN	IFACE_LISTEN
#define IGNORE	IFACE_IGNORE
#define DROP	IFACE_DROP

/* One rule: a literal stands for an IFACE_ADDR rule's address. */
struct spec {
	enum iface_action	action;
	enum iface_match	match;
	const char		*what;
	unsigned		prefix;
};

/* Addresses that every row is asked about, in this order. */
static const struct { const char *name, *addr; } places[] = {
	{ "lo", "127.0.0.1" },
	{ "lo", "::1" },
	{ "eth0", "192.0.2.10" },
	{ "eth0", "2001:db8::10" },
	{ "eth0:1", "192.0.2.11" },
	{ "wlan0", "198.51.100.5" },
	{ "", "0.0.0.0" },
	{ "", "::" },
};

static const struct {
	const char		*title;
	struct spec		rules[4];
	size_t			n;
	enum iface_action	want[NELEMS(places)];
} rows[] = {
	{ "no rules", { { 0 } }, 0,
	    { LISTEN, LISTEN, LISTEN, LISTEN, LISTEN, LISTEN, DROP, DROP } },
	{ "listen eth0", { { LISTEN, IFACE_NAME, "eth0", 0 } }, 1,
	    { LISTEN, LISTEN, LISTEN, LISTEN, IGNORE, IGNORE, DROP, DROP } },
	{ "listen ETH*", { { LISTEN, IFACE_NAME, "ETH*", 0 } }, 1,
	    { LISTEN, LISTEN, LISTEN, LISTEN, LISTEN, IGNORE, DROP, DROP } },
	{ "ignore all", { { IGNORE, IFACE_ALL, "", 0 } }, 1,
	    { LISTEN, LISTEN, IGNORE, IGNORE, IGNORE, IGNORE, DROP, DROP } },
	{ "ignore all, listen 192.0.2.10", { { IGNORE, IFACE_ALL, "", 0 }, { LISTEN, IFACE_ADDR, "192.0.2.10", 32 } }, 2,
	    { LISTEN, LISTEN, LISTEN, IGNORE, IGNORE, IGNORE, DROP, DROP } },
	{ "listen 192.0.2.10, ignore all: the last wins", { { LISTEN, IFACE_ADDR, "192.0.2.10", 32 }, { IGNORE, IFACE_ALL, "", 0 } }, 2,
	    { LISTEN, LISTEN, IGNORE, IGNORE, IGNORE, IGNORE, DROP, DROP } },
	{ "drop all, listen 192.0.2.0/24", { { DROP, IFACE_ALL, "", 0 }, { LISTEN, IFACE_ADDR, "192.0.2.99", 24 } }, 2,
	    { LISTEN, LISTEN, LISTEN, DROP, LISTEN, DROP, DROP, DROP } },
	{ "listen 2001:db8::/32", { { LISTEN, IFACE_ADDR, "2001:db8::", 32 } }, 1,
	    { LISTEN, LISTEN, IGNORE, LISTEN, IGNORE, IGNORE, DROP, DROP } },
	{ "ignore ipv6", { { IGNORE, IFACE_IPV6, "", 0 } }, 1,
	    { LISTEN, IGNORE, IGNORE, IGNORE, IGNORE, IGNORE, DROP, IGNORE } },
	{ "listen all, ignore ipv6", { { LISTEN, IFACE_ALL, "", 0 }, { IGNORE, IFACE_IPV6, "", 0 } }, 2,
	    { LISTEN, IGNORE, LISTEN, IGNORE, LISTEN, LISTEN, DROP, IGNORE } },
	{ "listen ipv4", { { LISTEN, IFACE_IPV4, "", 0 } }, 1,
	    { LISTEN, LISTEN, LISTEN, IGNORE, LISTEN, LISTEN, LISTEN, DROP } },
	{ "listen wildcard", { { LISTEN, IFACE_WILDCARD, "", 0 } }, 1,
	    { LISTEN, LISTEN, IGNORE, IGNORE, IGNORE, IGNORE, LISTEN, LISTEN } },
	{ "listen all, ignore wildcard, drop wlan0",
	    { { LISTEN, IFACE_ALL, "", 0 }, { IGNORE, IFACE_WILDCARD, "", 0 }, { DROP, IFACE_NAME, "wlan0", 0 } }, 3,
	    { LISTEN, LISTEN, LISTEN, LISTEN, LISTEN, DROP, IGNORE, IGNORE } },
	{ "ignore ::1", { { IGNORE, IFACE_ADDR, "::1", 128 } }, 1,
	    { LISTEN, IGNORE, IGNORE, IGNORE, IGNORE, IGNORE, DROP, DROP } },
	{ "ignore lo", { { LISTEN, IFACE_ALL, "", 0 }, { IGNORE, IFACE_NAME, "lo", 0 } }, 2,
	    { IGNORE, IGNORE, LISTEN, LISTEN, LISTEN, LISTEN, DROP, DROP } },
	{ "-L", { { LISTEN, IFACE_ALL, "", 0 }, { IGNORE, IFACE_ALIAS, "", 0 } }, 2,
	    { LISTEN, LISTEN, LISTEN, LISTEN, IGNORE, LISTEN, DROP, DROP } },
	{ "-L -I eth0:1", { { IGNORE, IFACE_ALIAS, "", 0 }, { LISTEN, IFACE_NAME, "eth0:1", 0 } }, 2,
	    { LISTEN, LISTEN, IGNORE, IGNORE, LISTEN, IGNORE, DROP, DROP } },
};

static struct iface_rule
rule_of(const struct spec *s)
{
	struct iface_rule r = { .action = s->action, .match = s->match, .prefix = s->prefix };

	if (s->match == IFACE_ADDR)
		ck_assert(addr_parse(&r.addr, s->what, 0));
	else
		snprintf(r.name, sizeof(r.name), "%s", s->what);
	return r;
}

START_TEST(last_matching_rule_decides)
{
	struct iface_rule rules[4];

	for (size_t k = 0; k < rows[_i].n; k++)
		rules[k] = rule_of(&rows[_i].rules[k]);
	for (size_t p = 0; p < NELEMS(places); p++) {
		struct iface i = { .flags = IFF_UP };
		enum iface_action got;

		snprintf(i.name, sizeof(i.name), "%s", places[p].name);
		ck_assert(addr_parse(&i.addr, places[p].addr, 0));
		got = ifaces_decide(&i, rules, rows[_i].n);
		ck_assert_msg(got == rows[_i].want[p], "%s: %s %s: %d, expected %d", rows[_i].title, places[p].name, places[p].addr,
		    (int)got, (int)rows[_i].want[p]);
	}
}
END_TEST

START_TEST(link_local_rule_with_scope_is_for_that_interface)
{
	struct iface_rule r = { .action = IFACE_IGNORE, .match = IFACE_ADDR, .prefix = 128 };
	struct iface i = { .name = "eth0" };

	ck_assert(addr_parse(&r.addr, "fe80::1", 0));
	i.addr = r.addr;
	r.addr.scope = 2;
	i.addr.scope = 2;
	ck_assert_int_eq(ifaces_decide(&i, &r, 1), IFACE_IGNORE);
	r.action = IFACE_LISTEN;
	i.addr.scope = 3;
	ck_assert_int_eq(ifaces_decide(&i, &r, 1), IFACE_IGNORE);
}
END_TEST

/* A private network for what follows; false (and said so) where that is not allowed. */
static bool
isolate(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return true;
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_ne(geteuid(), 0);
	fprintf(stderr, "not root: the tests that change interfaces are left out\n");
	return false;
}

static void
set_lo_flags(short flags)
{
	struct ifreq ifr = { .ifr_flags = flags };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, "lo");
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static void
set_alias(const char *literal)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, "lo:1");
	ck_assert_int_eq(inet_pton(AF_INET, literal, &sin.sin_addr), 1);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &ifr), 0);
	close(fd);
}

START_TEST(scan_finds_the_addresses_of_what_is_up)
{
	struct iface *all = NULL;
	struct addr lo4, lo6, alias;
	unsigned seen = 0;
	int n;

	if (!isolate())
		return;
	n = ifaces_scan(&all);
	ck_assert_int_eq(n, 0);
	free(all);
	set_lo_flags(IFF_UP);
	set_alias("192.0.2.1");
	ck_assert(addr_parse(&lo4, "127.0.0.1", 0));
	ck_assert(addr_parse(&lo6, "::1", 0));
	ck_assert(addr_parse(&alias, "192.0.2.1", 0));
	n = ifaces_scan(&all);
	ck_assert_int_eq(n, 3);
	for (int i = 0; i < n; i++) {
		bool is_alias = addr_equal(&all[i].addr, &alias);

		ck_assert_str_eq(all[i].name, is_alias ? "lo:1" : "lo");
		ck_assert((all[i].flags & IFF_LOOPBACK) != 0);
		seen |= addr_equal(&all[i].addr, &lo4) ? 1 : addr_equal(&all[i].addr, &lo6) ? 2 : is_alias ? 4 : 0;
	}
	ck_assert_uint_eq(seen, 7);
	free(all);
}
END_TEST

struct calls {
	unsigned		n;
	struct monotime		last;
	struct ifaces_watch	*free_me;
};

static void
count_call(void *arg)
{
	struct calls *c = arg;

	c->n++;
	c->last = monotime_now();
	ifaces_watch_free(c->free_me);
	c->free_me = NULL;
}

static void
run_for(struct event_base *base, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	ck_assert_int_eq(event_base_loopexit(base, &tv), 0);
	ck_assert_int_ge(event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY), 0);
}

START_TEST(flurry_of_changes_is_told_once)
{
	struct event_base *base;
	struct ifaces_watch *w;
	struct calls c = { 0 };
	struct monotime start;
	char literal[32];

	if (!isolate())
		return;
	base = event_base_new();
	w = ifaces_watch_new(base, 0.05, count_call, &c);
	ck_assert_ptr_nonnull(w);
	run_for(base, 300);
	ck_assert_uint_eq(c.n, 0);	/* with netlink the interval is not used */
	ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);	/* the socket: no timer */
	start = monotime_now();
	set_lo_flags(IFF_UP);
	for (int i = 1; i <= 50; i++) {
		snprintf(literal, sizeof(literal), "192.0.2.%d", i);
		set_alias(literal);
	}
	run_for(base, 400);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_double_ge(monotime_diff(c.last, start), 0.1);
	set_lo_flags(0);
	run_for(base, 400);
	ck_assert_uint_eq(c.n, 2);
	ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	ifaces_watch_free(w);
	event_base_free(base);
}
END_TEST

START_TEST(overrun_is_told_and_survived)
{
	struct event_base *base;
	struct ifaces_watch *w;
	struct calls c = { 0 };
	char literal[32];

	if (!isolate())
		return;
	base = event_base_new();
	w = ifaces_watch_new(base, 0, count_call, &c);
	set_lo_flags(IFF_UP);
	for (int i = 0; i < 5000; i++) {	/* more than the socket's buffer holds */
		snprintf(literal, sizeof(literal), "192.0.%d.%d", 2 + i / 250, 1 + i % 250);
		set_alias(literal);
	}
	run_for(base, 400);
	ck_assert_uint_ge(c.n, 1);
	c.n = 0;
	set_alias("192.0.2.1");
	run_for(base, 400);
	ck_assert_uint_eq(c.n, 1);
	ifaces_watch_free(w);
	event_base_free(base);
}
END_TEST

START_TEST(without_netlink_the_interval_is_used)
{
	struct event_base *base = event_base_new();
	struct rlimit old, none = { 0 };
	struct ifaces_watch *w, *silent;
	struct calls c = { 0 }, never = { 0 };

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none.rlim_max = old.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);	/* no descriptor for a socket */
	w = ifaces_watch_new(base, 0.05, count_call, &c);
	silent = ifaces_watch_new(base, 0, count_call, &never);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_ptr_nonnull(w);
	ck_assert_ptr_nonnull(silent);
	run_for(base, 530);
	ck_assert_uint_ge(c.n, 5);
	ck_assert_uint_le(c.n, 11);
	ck_assert_uint_eq(never.n, 0);
	ifaces_watch_free(w);
	ifaces_watch_free(silent);
	event_base_free(base);
}
END_TEST

START_TEST(callback_may_free_the_watch)
{
	struct event_base *base;
	struct calls c = { 0 };

	if (!isolate())
		return;
	base = event_base_new();
	c.free_me = ifaces_watch_new(base, 0, count_call, &c);
	set_lo_flags(IFF_UP);
	run_for(base, 300);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ifaces");
	TCase *t = tcase_create("ifaces");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 20);
	tcase_add_loop_test(t, last_matching_rule_decides, 0, (int)NELEMS(rows));
	tcase_add_test(t, link_local_rule_with_scope_is_for_that_interface);
	tcase_add_test(t, scan_finds_the_addresses_of_what_is_up);
	tcase_add_test(t, flurry_of_changes_is_told_once);
	tcase_add_test(t, overrun_is_told_and_survived);
	tcase_add_test(t, without_netlink_the_interval_is_used);
	tcase_add_test(t, callback_may_free_the_watch);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
