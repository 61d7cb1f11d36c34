/* SPDX-License-Identifier: BSD-2-Clause */
/* The resolver against a name server of the test's own, in a network namespace of its own. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>

#include "base/time.h"
#include "net/resolver.h"

/* What our server knows.  NULL ends a list; a name that is not here does not exist. */
enum quirk { QUIRK_NONE, QUIRK_SILENT, QUIRK_SILENT_AAAA, QUIRK_SERVFAIL, QUIRK_SERVFAIL_AAAA, QUIRK_REFUSED };

static const struct record {
	const char	*name;
	enum quirk	quirk;
	const char	*a[12], *aaaa[12];
	int		many;		/* further IPv4 addresses, 192.0.2.1 … */
} zone[] = {
	{ "both.test", QUIRK_NONE, { "192.0.2.1", "192.0.2.2", NULL }, { "2001:db8::1", "2001:db8::2", "2001:db8::3", NULL }, 0 },
	{ "four.test", QUIRK_NONE, { "192.0.2.4", NULL }, { NULL }, 0 },
	{ "six.test", QUIRK_NONE, { NULL }, { "2001:db8::6", NULL }, 0 },
	{ "empty.test", QUIRK_NONE, { NULL }, { NULL }, 0 },
	{ "near.test", QUIRK_NONE, { "192.0.2.1", "127.0.0.9", NULL }, { "2001:db8::1", "::1", NULL }, 0 },
	{ "liar.test", QUIRK_NONE,
	    { "0.0.0.0", "192.0.2.1", "224.0.1.1", "192.0.2.1", "255.255.255.255", "127.127.1.0", "240.0.0.1", "192.0.2.3", NULL },
	    { "::", "ff02::101", "2001:db8::1", "::ffff:192.0.2.3", "::ffff:192.0.2.5", "2001:db8::1", NULL }, 0 },
	{ "useless.test", QUIRK_NONE, { "224.0.1.1", NULL }, { "::", NULL }, 0 },
	{ "many.test", QUIRK_NONE, { NULL }, { NULL }, 26 },
	{ "toomany.test", QUIRK_NONE, { NULL }, { NULL }, 100 },
	{ "silent.test", QUIRK_SILENT, { NULL }, { NULL }, 0 },
	{ "halfsilent.test", QUIRK_SILENT_AAAA, { "192.0.2.7", NULL }, { NULL }, 0 },
	{ "broken.test", QUIRK_SERVFAIL, { NULL }, { NULL }, 0 },
	{ "halfbroken.test", QUIRK_SERVFAIL_AAAA, { NULL }, { NULL }, 0 },
	{ "refused.test", QUIRK_REFUSED, { NULL }, { NULL }, 0 },
	{ "ntp.corp.test", QUIRK_NONE, { "192.0.2.50", NULL }, { NULL }, 0 },
	{ "time.sub.corp.test", QUIRK_NONE, { "192.0.2.51", NULL }, { NULL }, 0 },
	{ "four.test.corp.test", QUIRK_NONE, { NULL }, { "2001:db8::bad", NULL }, 0 },
};

/* A server, a resolver that asks it, and what the resolver said last. */
struct bench {
	struct event_base		*base;
	struct evdns_server_port	*server;
	int				port;
	struct resolver			*r;
	char				dir[64], hosts[80], resolv[80];
	char				asked[4096];	/* names the server was asked for, each with its type and a space */

	int				calls;
	enum resolve_err		err;
	char				reason[128];
	struct addr			addrs[RESOLVE_ADDRS_MAX];
	size_t				n;

	struct resolver_query		*victim;	/* cancelled by the next callback */
	bool				free_resolver;	/* done by the next callback */
	const char			*ask_next;	/* asked by the next callback */
};

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static const struct record *
record_of(const char *name)
{
	for (size_t i = 0; i < NELEMS(zone); i++)
		if (strcasecmp(zone[i].name, name) == 0)
			return &zone[i];
	return NULL;
}

static void
add_answers(struct evdns_server_request *req, const char *name, int type, const struct record *rec)
{
	const char *const *list = type == EVDNS_TYPE_A ? rec->a : rec->aaaa;
	unsigned char bin[16];
	char literal[32];

	for (; *list != NULL; list++) {
		ck_assert_int_eq(inet_pton(type == EVDNS_TYPE_A ? AF_INET : AF_INET6, *list, bin), 1);
		if (type == EVDNS_TYPE_A)
			ck_assert_int_eq(evdns_server_request_add_a_reply(req, name, 1, bin, 60), 0);
		else
			ck_assert_int_eq(evdns_server_request_add_aaaa_reply(req, name, 1, bin, 60), 0);
	}
	for (int i = 1; type == EVDNS_TYPE_A && i <= rec->many; i++) {
		snprintf(literal, sizeof(literal), "192.0.2.%d", i);
		ck_assert_int_eq(inet_pton(AF_INET, literal, bin), 1);
		ck_assert_int_eq(evdns_server_request_add_a_reply(req, name, 1, bin, 60), 0);
	}
}

static void
serve(struct evdns_server_request *req, void *arg)
{
	const struct evdns_server_question *q = req->questions[0];
	const struct record *rec = record_of(q->name);
	bool v6 = q->type == EVDNS_TYPE_AAAA;
	struct bench *b = arg;
	size_t used = strlen(b->asked);

	snprintf(b->asked + used, sizeof(b->asked) - used, "%s/%s ", q->name, v6 ? "AAAA" : "A");
	if (rec == NULL) {
		evdns_server_request_respond(req, DNS_ERR_NOTEXIST);
		return;
	}
	switch (rec->quirk) {
	case QUIRK_SILENT:
		evdns_server_request_drop(req);
		return;
	case QUIRK_SILENT_AAAA:
		if (v6) {
			evdns_server_request_drop(req);
			return;
		}
		break;
	case QUIRK_SERVFAIL:
		evdns_server_request_respond(req, DNS_ERR_SERVERFAILED);
		return;
	case QUIRK_SERVFAIL_AAAA:
		if (v6) {
			evdns_server_request_respond(req, DNS_ERR_SERVERFAILED);
			return;
		}
		break;
	case QUIRK_REFUSED:
		evdns_server_request_respond(req, DNS_ERR_REFUSED);
		return;
	case QUIRK_NONE:
		break;
	}
	add_answers(req, q->name, q->type, rec);
	evdns_server_request_respond(req, 0);
}

static void
lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

/* A server on loopback; writes a resolv.conf that names it, with more lines of one's own. */
static void
start_server(struct bench *b, const char *more)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(sin);
	char text[512];

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	b->port = ntohs(sin.sin_port);
	b->server = evdns_add_server_port_with_base(b->base, fd, 0, serve, b);
	ck_assert_ptr_nonnull(b->server);
	snprintf(text, sizeof(text), "# made by a test\nnameserver 127.0.0.1:%d\noptions timeout:1 attempts:2\n%s", b->port, more);
	write_file(b->resolv, text);
}

/* Returns false, having said so, where namespaces are not allowed. */
static bool
bench_start(struct bench *b, const char *more)
{
	memset(b, 0, sizeof(*b));
	if (unshare(CLONE_NEWNET | CLONE_NEWUTS) != 0) {
		ck_assert_int_eq(errno, EPERM);
		ck_assert_int_ne(geteuid(), 0);
		fprintf(stderr, "not root: the resolver's tests are left out\n");
		return false;
	}
	ck_assert_int_eq(sethostname("box", 3), 0);
	lo_up();
	strcpy(b->dir, "/tmp/test_resolver.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	snprintf(b->hosts, sizeof(b->hosts), "%s/hosts", b->dir);
	snprintf(b->resolv, sizeof(b->resolv), "%s/resolv.conf", b->dir);
	write_file(b->hosts, "127.0.0.1 localhost\n");
	b->base = event_base_new();
	start_server(b, more);
	b->r = resolver_new_at(b->base, b->hosts, b->resolv);
	ck_assert_ptr_nonnull(b->r);
	return true;
}

static void
bench_stop(struct bench *b)
{
	if (b->base == NULL)
		return;
	resolver_free(b->r);
	evdns_close_server_port(b->server);
	event_base_loop(b->base, EVLOOP_NONBLOCK);
	event_base_free(b->base);
	unlink(b->hosts);
	unlink(b->resolv);
	rmdir(b->dir);
}

static void ask(struct bench *b, const char *name, int family);

static void
note(void *arg, enum resolve_err err, const char *reason, const struct addr addrs[], size_t n)
{
	struct bench *b = arg;
	const char *next = b->ask_next;

	b->calls++;
	b->err = err;
	b->n = n;
	ck_assert_uint_le(n, RESOLVE_ADDRS_MAX);
	ck_assert(err == RESOLVE_OK ? n > 0 : n == 0);
	snprintf(b->reason, sizeof(b->reason), "%s", reason);
	ck_assert_str_ne(b->reason, "");
	if (n > 0)
		memcpy(b->addrs, addrs, n * sizeof(addrs[0]));
	resolver_cancel(b->victim);
	b->victim = NULL;
	b->ask_next = NULL;
	if (next != NULL)
		ask(b, next, 0);
	if (b->free_resolver) {
		resolver_free(b->r);
		b->r = NULL;
	}
}

static void
ask(struct bench *b, const char *name, int family)
{
	ck_assert_ptr_nonnull(resolver_ask(b->r, name, family, note, b));
}

/* Runs the loop until the callback has been called so many times; fails after the given number of seconds.  Returns how long it took. */
static double
wait_calls(struct bench *b, int calls, double limit)
{
	struct monotime start = monotime_now();

	while (b->calls < calls) {
		struct timespec ms = { .tv_nsec = 1000000 };

		ck_assert_msg(monotime_diff(monotime_now(), start) < limit, "%d of %d answers after %g s", b->calls, calls, limit);
		event_base_loop(b->base, EVLOOP_NONBLOCK);
		nanosleep(&ms, NULL);
	}
	return monotime_diff(monotime_now(), start);
}

/* Writes the last answer as "AGAIN", "NONAME" or the addresses in their order. */
static const char *
said(const struct bench *b, char *buf, size_t cap)
{
	char literal[ADDR_STR_MAX];
	size_t used = 0;

	snprintf(buf, cap, "%s", b->err == RESOLVE_AGAIN ? "AGAIN" : b->err == RESOLVE_NONAME ? "NONAME" : "");
	for (size_t i = 0; i < b->n && used < cap; i++) {
		ck_assert_uint_eq(b->addrs[i].port, 0);
		used += (size_t)snprintf(buf + used, cap - used, "%s%s", i > 0 ? " " : "", addr_str(&b->addrs[i], literal, sizeof(literal)));
	}
	return buf;
}

static double
expect(struct bench *b, const char *name, int family, const char *want)
{
	int calls = b->calls + 1;
	char buf[1024];
	double took;

	b->asked[0] = '\0';
	ask(b, name, family);
	ck_assert_int_eq(b->calls, calls - 1);	/* never before resolver_ask has returned */
	took = wait_calls(b, calls, 40);
	ck_assert_msg(strcmp(said(b, buf, sizeof(buf)), want) == 0, "%s (family %d): \"%s\" (%s), expected \"%s\"", name, family, buf,
	    b->reason, want);
	return took;
}

START_TEST(names_become_addresses_with_families_in_turns)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	expect(&b, "both.test", 0, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	expect(&b, "both.test", 4, "192.0.2.1 192.0.2.2");
	expect(&b, "both.test", 6, "2001:db8::1 2001:db8::2 2001:db8::3");
	ck_assert_str_eq(b.asked, "both.test/AAAA ");
	expect(&b, "FOUR.test", 0, "192.0.2.4");
	expect(&b, "six.test", 0, "2001:db8::6");
	bench_stop(&b);
}
END_TEST

START_TEST(addresses_with_a_route_come_first)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	expect(&b, "near.test", 0, "::1 127.0.0.9 2001:db8::1 192.0.2.1");
	bench_stop(&b);
}
END_TEST

START_TEST(unusable_and_repeated_addresses_are_left_out)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	expect(&b, "liar.test", 4, "192.0.2.1 192.0.2.3");
	expect(&b, "liar.test", 6, "2001:db8::1");
	expect(&b, "liar.test", 0, "2001:db8::1 192.0.2.1 192.0.2.3 192.0.2.5");
	expect(&b, "useless.test", 0, "NONAME");
	bench_stop(&b);
}
END_TEST

START_TEST(no_more_addresses_than_promised)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	expect(&b, "many.test", 0, "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.9 192.0.2.10 "
	    "192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 192.0.2.15 192.0.2.16");
	expect(&b, "toomany.test", 4, "AGAIN");		/* a truncated reply */
	bench_stop(&b);
}
END_TEST

START_TEST(names_that_do_not_exist_are_told_from_failures)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	expect(&b, "nowhere.test", 0, "NONAME");
	expect(&b, "empty.test", 0, "NONAME");
	expect(&b, "four.test", 6, "NONAME");
	expect(&b, "broken.test", 0, "AGAIN");
	expect(&b, "halfbroken.test", 0, "AGAIN");
	expect(&b, "refused.test", 4, "AGAIN");
	bench_stop(&b);
}
END_TEST

START_TEST(silence_is_waited_for_within_bounds)
{
	struct bench b;
	double took;

	if (!bench_start(&b, ""))
		return;
	took = expect(&b, "silent.test", 0, "AGAIN");
	ck_assert_double_ge(took, 1.9);
	ck_assert_double_le(took, 3);
	bench_stop(&b);
}
END_TEST

START_TEST(silent_family_does_not_hold_up_the_other)
{
	struct bench b;
	char slow[512];
	double took;

	if (!bench_start(&b, ""))
		return;
	snprintf(slow, sizeof(slow), "nameserver 127.0.0.1:%d\noptions timeout:3 attempts:5\n", b.port);
	write_file(b.resolv, slow);
	took = expect(&b, "halfsilent.test", 0, "192.0.2.7");
	ck_assert_double_ge(took, 3.9);		/* the time for one repetition, and a second */
	ck_assert_double_le(took, 5);
	bench_stop(&b);
}
END_TEST

START_TEST(no_question_takes_longer_than_thirty_seconds)
{
	struct bench b;
	char slow[512];
	double took;

	if (!bench_start(&b, ""))
		return;
	snprintf(slow, sizeof(slow), "nameserver 127.0.0.1:%d\noptions timeout:30 attempts:5\n", b.port);
	write_file(b.resolv, slow);
	took = expect(&b, "silent.test", 0, "AGAIN");
	ck_assert_double_ge(took, 29);
	ck_assert_double_le(took, 31);
	bench_stop(&b);
}
END_TEST

START_TEST(literals_are_answered_from_the_loop_without_asking)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	expect(&b, "192.0.2.99", 0, "192.0.2.99");
	expect(&b, "192.0.2.99", 4, "192.0.2.99");
	expect(&b, "192.0.2.99", 6, "NONAME");
	expect(&b, "2001:db8::99", 0, "2001:db8::99");
	expect(&b, "[2001:db8::99]", 6, "2001:db8::99");
	expect(&b, "2001:db8::99", 4, "NONAME");
	expect(&b, "224.0.1.1", 0, "224.0.1.1");
	ck_assert_str_eq(b.asked, "");
	bench_stop(&b);
}
END_TEST

START_TEST(hosts_file_comes_before_the_servers)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	write_file(b.hosts, "127.0.0.1 localhost\n"
	    "192.0.2.200\tclock.test  Both.Test # here.test\n"
	    "#192.0.2.201 hidden.test\n"
	    "not.an.address bad.test\n"
	    "2001:db8::200 clock.test\n"
	    "0.0.0.0 zero.test");
	expect(&b, "clock.test", 0, "2001:db8::200 192.0.2.200");
	expect(&b, "CLOCK.TEST", 4, "192.0.2.200");
	expect(&b, "clock.test.", 6, "2001:db8::200");
	expect(&b, "both.test", 0, "192.0.2.200");
	ck_assert_str_eq(b.asked, "");
	expect(&b, "both.test", 6, "2001:db8::1 2001:db8::2 2001:db8::3");	/* no line of this family */
	expect(&b, "here.test", 0, "NONAME");
	expect(&b, "hidden.test", 0, "NONAME");
	expect(&b, "bad.test", 0, "NONAME");
	write_file(b.hosts, "192.0.2.202 hidden.test\n");
	expect(&b, "hidden.test", 0, "192.0.2.202");		/* read anew */
	unlink(b.hosts);
	expect(&b, "both.test", 4, "192.0.2.1 192.0.2.2");
	bench_stop(&b);
}
END_TEST

START_TEST(resolv_conf_that_appears_later_is_found)
{
	struct bench b;
	char kept[96];

	if (!bench_start(&b, ""))
		return;
	snprintf(kept, sizeof(kept), "%s/kept", b.dir);
	ck_assert_int_eq(rename(b.resolv, kept), 0);
	ck_assert_double_le(expect(&b, "four.test", 0, "AGAIN"), 4);
	write_file(b.resolv, "# empty\n");
	ck_assert_double_le(expect(&b, "four.test", 0, "AGAIN"), 4);
	write_file(b.resolv, "nameserver\nnameserver nonsense\nsearch\noptions timeout: ndots:x attempts:-1\n\n \t\n");
	ck_assert_double_le(expect(&b, "four.test", 0, "AGAIN"), 4);
	ck_assert_int_eq(rename(kept, b.resolv), 0);
	expect(&b, "four.test", 0, "192.0.2.4");
	bench_stop(&b);
}
END_TEST

START_TEST(second_server_is_asked_when_the_first_is_silent)
{
	struct bench b;
	char two[512];

	if (!bench_start(&b, ""))
		return;
	snprintf(two, sizeof(two), "nameserver 127.0.0.77\nnameserver 127.0.0.1:%d\noptions timeout:1 attempts:2\n", b.port);
	write_file(b.resolv, two);
	expect(&b, "both.test", 0, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	bench_stop(&b);
}
END_TEST

START_TEST(name_server_may_be_ipv6)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(sin6);
	struct bench b;
	char text[128];
	int fd;

	if (!bench_start(&b, ""))
		return;
	evdns_close_server_port(b.server);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin6, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin6, &len), 0);
	b.server = evdns_add_server_port_with_base(b.base, fd, 0, serve, &b);
	snprintf(text, sizeof(text), "nameserver [::1]:%d\n", ntohs(sin6.sin6_port));
	write_file(b.resolv, text);
	expect(&b, "four.test", 0, "192.0.2.4");
	bench_stop(&b);
}
END_TEST

START_TEST(search_list_completes_names)
{
	struct bench b;

	if (!bench_start(&b, "search nothing.test .corp.test.\n"))
		return;
	expect(&b, "ntp", 4, "192.0.2.50");
	ck_assert_str_eq(b.asked, "ntp.nothing.test/A ntp.corp.test/A ");
	expect(&b, "time.sub", 4, "192.0.2.51");
	ck_assert_str_eq(b.asked, "time.sub/A time.sub.nothing.test/A time.sub.corp.test/A ");
	expect(&b, "four.test", 0, "192.0.2.4");	/* and not 2001:db8::bad, which another name has */
	ck_assert_ptr_null(strstr(b.asked, "corp"));
	expect(&b, "four.test.", 0, "192.0.2.4");
	expect(&b, "ntp.", 0, "NONAME");
	ck_assert_ptr_null(strstr(b.asked, "corp"));
	expect(&b, "nothere", 4, "NONAME");
	ck_assert_str_eq(b.asked, "nothere.nothing.test/A nothere.corp.test/A nothere/A ");
	bench_stop(&b);
}
END_TEST

START_TEST(ndots_and_domain_are_honoured)
{
	struct bench b;

	if (!bench_start(&b, "domain corp.test # and words\noptions ndots:2\n"))
		return;
	expect(&b, "time.sub", 4, "192.0.2.51");
	ck_assert_str_eq(b.asked, "time.sub.corp.test/A ");
	bench_stop(&b);
}
END_TEST

START_TEST(own_domain_is_searched_without_a_search_line)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	ck_assert_int_eq(sethostname("box.corp.test", 13), 0);
	expect(&b, "ntp", 4, "192.0.2.50");
	bench_stop(&b);
}
END_TEST

START_TEST(impossible_names_do_not_exist)
{
	char label[70], longest[260];
	struct bench b;

	if (!bench_start(&b, "search corp.test\n"))
		return;
	memset(label, 'a', 64);
	strcpy(label + 64, ".test");
	memset(longest, 'b', sizeof(longest));
	for (size_t i = 50; i < sizeof(longest); i += 50)
		longest[i] = '.';
	longest[sizeof(longest) - 1] = '\0';
	expect(&b, "", 0, "NONAME");
	expect(&b, ".", 0, "NONAME");
	expect(&b, "..", 0, "NONAME");
	expect(&b, "a..test", 0, "NONAME");
	expect(&b, ".test", 0, "NONAME");
	expect(&b, label, 0, "NONAME");
	expect(&b, longest, 0, "NONAME");
	ck_assert_str_eq(b.asked, "");
	longest[253] = '\0';		/* the longest that can be asked for; it does not fit with a domain */
	expect(&b, longest, 4, "NONAME");
	bench_stop(&b);
}
END_TEST

static int
count_events(const struct bench *b)
{
	return event_base_get_num_events(b->base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE);
}

/* The lowest free descriptor: grows if any is left open below it. */
static int
next_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

START_TEST(idle_resolver_leaves_no_event_and_no_descriptor)
{
	struct bench b;
	int events, fd;

	if (!bench_start(&b, ""))
		return;
	fd = next_descriptor();
	events = count_events(&b);
	expect(&b, "both.test", 0, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3");
	expect(&b, "silent.test", 0, "AGAIN");
	expect(&b, "192.0.2.1", 0, "192.0.2.1");
	expect(&b, "refused.test", 0, "AGAIN");
	event_base_loop(b.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(count_events(&b), events);
	ck_assert_int_eq(next_descriptor(), fd);
	bench_stop(&b);
}
END_TEST

START_TEST(hundred_questions_at_once_are_all_answered)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	for (int i = 0; i < 100; i++)
		ask(&b, i % 2 == 0 ? "both.test" : "silent.test", 0);
	ck_assert_double_le(wait_calls(&b, 100, 20), 15);
	bench_stop(&b);
}
END_TEST

START_TEST(cancelled_question_is_never_answered)
{
	static const char *const names[] = { "both.test", "192.0.2.1", "localhost", "silent.test", "." };
	struct bench b;
	int events;

	if (!bench_start(&b, ""))
		return;
	events = count_events(&b);
	resolver_cancel(NULL);
	for (size_t i = 0; i < NELEMS(names); i++) {
		struct resolver_query *q = resolver_ask(b.r, names[i], 0, note, &b);

		for (size_t turns = 0; turns < i; turns++)
			event_base_loop(b.base, EVLOOP_NONBLOCK);
		if (b.calls == 0)
			resolver_cancel(q);
		b.calls = 0;
	}
	for (int i = 0; i < 20; i++)
		event_base_loop(b.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(b.calls, 0);
	ck_assert_int_eq(count_events(&b), events);
	bench_stop(&b);
}
END_TEST

static void
note_victim(void *arg, enum resolve_err err, const char *reason, const struct addr addrs[], size_t n)
{
	struct bench *b = arg;

	(void)err;
	(void)reason;
	(void)addrs;
	(void)n;
	ck_assert_ptr_nonnull(b->victim);	/* else it had been cancelled */
	b->victim = NULL;
}

/*
 * Two questions whose answers come at nearly the same time: whichever callback of the first comes before the second's cancels the second,
 * whose own answer may then be anywhere on its way through the loop.
 */
START_TEST(cancelling_from_a_callback_is_safe_at_any_moment)
{
	static const char *const firsts[] = { "four.test", "192.0.2.1", "both.test", "six.test", "localhost" };
	int events;
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	events = count_events(&b);
	for (int i = 0; i < 300; i++) {
		int before = b.calls;

		ask(&b, firsts[i % 5], 0);
		b.victim = resolver_ask(b.r, i % 3 == 0 ? "four.test" : "both.test", i % 2 == 0 ? 4 : 0, note_victim, &b);
		ck_assert_ptr_nonnull(b.victim);
		if (i % 4 == 0)		/* the other way round: cancelled outside the loop, after some turns of it */
			for (int turns = 0; turns < i % 7 && b.victim != NULL && b.calls == before; turns++)
				event_base_loop(b.base, EVLOOP_NONBLOCK);
		if (i % 4 == 0 && b.victim != NULL) {
			resolver_cancel(b.victim);
			b.victim = NULL;
		}
		wait_calls(&b, before + 1, 10);
		ck_assert_int_eq(b.calls, before + 1);
		ck_assert_ptr_null(b.victim);
	}
	for (int i = 0; i < 20; i++)
		event_base_loop(b.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(count_events(&b), events);
	bench_stop(&b);
}
END_TEST

START_TEST(callback_may_ask_again)
{
	struct bench b;
	char buf[256];

	if (!bench_start(&b, ""))
		return;
	b.ask_next = "six.test";
	ask(&b, "four.test", 0);
	wait_calls(&b, 2, 10);
	ck_assert_str_eq(said(&b, buf, sizeof(buf)), "2001:db8::6");
	bench_stop(&b);
}
END_TEST

START_TEST(callback_may_free_the_resolver)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	for (int i = 0; i < 40; i++)
		ask(&b, i % 3 == 0 ? "four.test" : i % 3 == 1 ? "silent.test" : "both.test", 0);
	b.free_resolver = true;
	wait_calls(&b, 1, 10);
	for (int i = 0; i < 20; i++)
		event_base_loop(b.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(b.calls, 1);
	bench_stop(&b);
}
END_TEST

START_TEST(resolver_is_freed_with_questions_under_way)
{
	struct bench b;

	if (!bench_start(&b, ""))
		return;
	for (int i = 0; i < 40; i++)
		ask(&b, i % 2 == 0 ? "both.test" : "silent.test", 0);
	resolver_free(b.r);
	b.r = NULL;
	for (int i = 0; i < 20; i++)
		event_base_loop(b.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(b.calls, 0);
	resolver_free(NULL);
	bench_stop(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("resolver");
	TCase *t = tcase_create("resolver");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, names_become_addresses_with_families_in_turns);
	tcase_add_test(t, addresses_with_a_route_come_first);
	tcase_add_test(t, unusable_and_repeated_addresses_are_left_out);
	tcase_add_test(t, no_more_addresses_than_promised);
	tcase_add_test(t, names_that_do_not_exist_are_told_from_failures);
	tcase_add_test(t, silence_is_waited_for_within_bounds);
	tcase_add_test(t, silent_family_does_not_hold_up_the_other);
	tcase_add_test(t, no_question_takes_longer_than_thirty_seconds);
	tcase_add_test(t, literals_are_answered_from_the_loop_without_asking);
	tcase_add_test(t, hosts_file_comes_before_the_servers);
	tcase_add_test(t, resolv_conf_that_appears_later_is_found);
	tcase_add_test(t, second_server_is_asked_when_the_first_is_silent);
	tcase_add_test(t, name_server_may_be_ipv6);
	tcase_add_test(t, search_list_completes_names);
	tcase_add_test(t, ndots_and_domain_are_honoured);
	tcase_add_test(t, own_domain_is_searched_without_a_search_line);
	tcase_add_test(t, impossible_names_do_not_exist);
	tcase_add_test(t, idle_resolver_leaves_no_event_and_no_descriptor);
	tcase_add_test(t, hundred_questions_at_once_are_all_answered);
	tcase_add_test(t, cancelled_question_is_never_answered);
	tcase_add_test(t, cancelling_from_a_callback_is_safe_at_any_moment);
	tcase_add_test(t, callback_may_ask_again);
	tcase_add_test(t, callback_may_free_the_resolver);
	tcase_add_test(t, resolver_is_freed_with_questions_under_way);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
