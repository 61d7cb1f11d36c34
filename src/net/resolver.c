/* SPDX-License-Identifier: BSD-2-Clause */
/* Asynchronous name resolution: short-lived evdns bases for each question. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "base/log.h"
#include "base/time.h"
#include "net/resolver.h"
#include "resolv_files.h"
#include "ways.h"

/*
 * Why bases for each question: evdns keeps sockets open, marks servers as down and asks them for a foreign name on a timer until
 * they are back.  A base that lives as long as its question does none of this, has read the files of this minute, and sends from a port
 * that no earlier question has used.
 */

#define DEADLINE	30.0	/* s: from question to answer, waiting included */
#define SKEW		1.0	/* s beyond the time for one repetition: how long one family's answer waits for the other's; some never answer AAAA */
#define RUNNING_MAX	32	/* questions under way at once; each may hold 2 * RESOLV_SERVERS_MAX descriptors */
#define FOUND_MAX	WAYS_MAX	/* addresses kept before sorting; evdns hands over at most 32 per family */

enum family_state { FAMILY_UNASKED, FAMILY_ASKED, FAMILY_FOUND, FAMILY_NONE, FAMILY_FAILED };

/*
 * One of the two requests of a question.  evdns has a pointer to it.  Each has a base of its own: evdns asks its servers in turns, whatever
 * the request, so that in a common one only half of the requests would begin with the first server.
 */
struct half {
	struct resolver_query	*query;
	struct evdns_base	*dns;
	enum family_state	state;
};

struct resolver_query {
	TAILQ_ENTRY(resolver_query) link;
	struct resolver		*resolver;	/* NULL: cancelled, and only waiting for evdns to let go */
	resolver_cb		*cb;
	void			*arg;
	char			name[RESOLV_NAME_MAX];
	int			family;
	bool			absolute;	/* the name ended in a dot: no search list */
	bool			running;	/* counted in resolver->running */

	struct monotime		deadline;
	struct event		*timer;
	struct half		half[2];	/* IPv4, IPv6 */
	unsigned		outstanding;	/* callbacks that evdns still owes us */
	struct resolv_conf	conf;
	bool			no_server;	/* conf had none that can be used: we ask 127.0.0.1, as resolv.conf(5) wants */
	size_t			candidate;	/* which of the names to be tried (candidate_name) */

	bool			answered;	/* err and reason hold, the timer delivers them */
	enum resolve_err	err;
	const char		*reason;
	struct addr		found[FOUND_MAX];
	size_t			n_found;
};

TAILQ_HEAD(queries, resolver_query);

struct resolver {
	struct event_base	*base;
	char			*hosts_path, *resolv_path;
	struct queries		queries;	/* in the order they were asked */
	unsigned		running;
};

static void query_start(struct resolver_query *q);
static void query_next_name(struct resolver_query *q);

static void
evdns_to_log(int is_warning, const char *msg)
{
	(void)is_warning;
	log_debug("resolver: %s", msg);
}

struct resolver *
resolver_new(struct event_base *base)
{
	return resolver_new_at(base, "/etc/hosts", "/etc/resolv.conf");
}

struct resolver *
resolver_new_at(struct event_base *base, const char *hosts_path, const char *resolv_path)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->base = base;
	TAILQ_INIT(&r->queries);
	r->hosts_path = strdup(hosts_path);
	r->resolv_path = strdup(resolv_path);
	if (r->hosts_path == NULL || r->resolv_path == NULL)
		goto fail;
	if (evutil_secure_rng_init() != 0) {
		errno = EIO;
		goto fail;
	}
	evdns_set_log_fn(evdns_to_log);
	return r;
fail:
	resolver_free(r);
	return NULL;
}

static void
timer_in(struct resolver_query *q, double seconds)
{
	struct timeval tv = { 0 };

	if (seconds > 0) {
		tv.tv_sec = (time_t)seconds;
		tv.tv_usec = (suseconds_t)((seconds - (double)tv.tv_sec) * 1e6);
	}
	event_add(q->timer, &tv);
}

static double
time_left(const struct resolver_query *q)
{
	return monotime_diff(q->deadline, monotime_now());
}

/*
 * Lets go of evdns.  Answers that have come but are not delivered yet sit in the loop and will call us with their half, which evdns
 * gives us no means to know or prevent.  If nothing at all is waiting in the loop then no such answer is; otherwise evdns is told to
 * make every one of its calls, and they are counted down.
 */
static void
drop_dns(struct resolver_query *q)
{
	bool quiet = event_base_get_num_events(event_get_base(q->timer), EVENT_BASE_COUNT_ACTIVE) == 0;

	for (size_t i = 0; i < NELEMS(q->half); i++) {
		if (q->half[i].dns == NULL)
			continue;
		if (quiet)
			q->outstanding = 0;
		evdns_base_free(q->half[i].dns, !quiet);
		q->half[i].dns = NULL;
	}
}

/* Out of the list at once; out of memory when evdns has made its last call. */
static void
query_remove(struct resolver_query *q)
{
	if (q->resolver != NULL) {
		TAILQ_REMOVE(&q->resolver->queries, q, link);
		if (q->running)
			q->resolver->running--;
		q->resolver = NULL;
	}
	drop_dns(q);
	event_del(q->timer);
	if (q->outstanding > 0)
		return;
	event_free(q->timer);
	free(q);
}

void
resolver_free(struct resolver *r)
{
	struct resolver_query *q;

	if (r == NULL)
		return;
	while ((q = TAILQ_FIRST(&r->queries)) != NULL)
		query_remove(q);
	free(r->hosts_path);
	free(r->resolv_path);
	free(r);
}

/* Starts what waits for a place. */
static void
start_waiting(struct resolver *r)
{
	struct resolver_query *q;

	TAILQ_FOREACH(q, &r->queries, link) {
		if (r->running >= RUNNING_MAX)
			return;
		/* cppcheck-suppress uninitvar ; the analyser does not see into the list's macro, which sets q */
		if (!q->running && !q->answered)
			query_start(q);
	}
}

void
resolver_cancel(struct resolver_query *q)
{
	struct resolver *r;

	if (q == NULL)
		return;
	r = q->resolver;
	query_remove(q);
	start_waiting(r);
}

/* Fixes the answer; the timer delivers it from the loop. */
static void
query_answer(struct resolver_query *q, enum resolve_err err, const char *reason)
{
	q->answered = true;
	q->err = err;
	q->reason = reason;
	timer_in(q, 0);
}

static void
found_add(struct resolver_query *q, const struct addr *a)
{
	if (addr_is_unusable(a) || addr_is_refclock(a) || (q->family != 0 && a->family != q->family))
		return;
	for (size_t i = 0; i < q->n_found; i++)
		if (addr_same_host(&q->found[i], a))
			return;
	if (q->n_found < FOUND_MAX)
		q->found[q->n_found++] = *a;
}

/* Hands over the answer.  The query is gone before the callback runs, which may thus do as it likes, and free the resolver too. */
static void
query_deliver(struct resolver_query *q)
{
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct resolver *r = q->resolver;
	const char *reason = q->reason;
	enum resolve_err err = q->err;
	resolver_cb *cb = q->cb;
	void *arg = q->arg;
	size_t n = err == RESOLVE_OK ? ways_sort(q->found, q->n_found, addrs, RESOLVE_ADDRS_MAX) : 0;

	query_remove(q);
	start_waiting(r);
	cb(arg, err, reason, addrs, n);
}

/* Will asking again soon bring nothing else? */
static bool
definitive(enum family_state s)
{
	return s == FAMILY_FOUND || s == FAMILY_NONE || s == FAMILY_UNASKED;
}

/* What is in hand decides, without waiting for more. */
static void
query_conclude(struct resolver_query *q)
{
	if (q->n_found > 0)
		query_answer(q, RESOLVE_OK, "found");
	else if (definitive(q->half[0].state) && definitive(q->half[1].state))
		query_answer(q, RESOLVE_NONAME, "the name has no usable address");
	else if (q->no_server)
		query_answer(q, RESOLVE_AGAIN, "no name server is configured, and none answers on this machine");
	else
		query_answer(q, RESOLVE_AGAIN, q->reason != NULL ? q->reason : "no answer from any name server");
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_query *q = arg;

	(void)fd;
	(void)what;
	if (!q->answered) {
		if (q->running)
			query_conclude(q);
		else
			query_answer(q, RESOLVE_AGAIN, "too many names are being resolved");
	}
	query_deliver(q);
}

/* After each reply: wait on, take it, or try the next name. */
static void
query_evaluate(struct resolver_query *q)
{
	unsigned count[FAMILY_FAILED + 1] = { 0 };

	count[q->half[0].state]++;
	count[q->half[1].state]++;
	if (count[FAMILY_ASKED] > 0) {
		if (q->n_found > 0)
			timer_in(q, fmin(q->conf.timeout + SKEW, time_left(q)));
	} else if (count[FAMILY_FOUND] > 0 || count[FAMILY_FAILED] > 0) {
		query_conclude(q);
	} else {
		query_next_name(q);
	}
}

static void
found_add_records(struct resolver_query *q, char type, int count, const void *records)
{
	bool v6 = type == DNS_IPv6_AAAA;
	size_t size = v6 ? 16 : 4;
	const char *p = records;

	for (int i = 0; i < count; i++, p += size) {
		struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
		struct sockaddr_in sin = { .sin_family = AF_INET };
		struct addr a = { 0 };
		bool ok;

		if (v6)		/* by way of a sockaddr, which turns a mapped address into IPv4 */
			memcpy(&sin6.sin6_addr, p, size);
		else
			memcpy(&sin.sin_addr, p, size);
		ok = v6 ? addr_from_sockaddr(&a, (const struct sockaddr *)&sin6) : addr_from_sockaddr(&a, (const struct sockaddr *)&sin);
		if (ok)
			found_add(q, &a);
	}
}

static void
dns_cb(int result, char type, int count, int ttl, void *records, void *arg)
{
	struct half *h = arg;
	struct resolver_query *q = h->query;

	(void)ttl;
	q->outstanding--;
	if (q->resolver == NULL) {
		query_remove(q);
		return;
	}
	if (q->answered)
		return;
	if (result == DNS_ERR_NONE && count > 0) {
		h->state = FAMILY_FOUND;
		found_add_records(q, type, count, records);
	} else if (result == DNS_ERR_NONE || result == DNS_ERR_NODATA || result == DNS_ERR_NOTEXIST) {
		h->state = FAMILY_NONE;
	} else {
		h->state = FAMILY_FAILED;
		q->reason = result == DNS_ERR_TIMEOUT ? "no answer from any name server" : evdns_err_to_string(result);
	}
	query_evaluate(q);
}

/*
 * Writes the i-th full name to ask for: the name itself first if it has dots enough, then with each domain of the search list, or the
 * other way round.  Returns false after the last.
 */
static bool
candidate_name(const struct resolver_query *q, size_t i, char *buf, size_t cap)
{
	size_t n_domains = q->absolute ? 0 : q->conf.n_domains;
	unsigned dots = 0;
	size_t itself;

	for (const char *p = q->name; *p != '\0'; p++)
		dots += *p == '.';
	itself = dots >= q->conf.ndots ? 0 : n_domains;
	if (i > n_domains)
		return false;
	if (i == itself)
		snprintf(buf, cap, "%s", q->name);
	else
		snprintf(buf, cap, "%s.%s", q->name, q->conf.domains[i < itself ? i : i - 1]);
	return true;
}

static void
half_ask(struct resolver_query *q, struct half *h, const char *name, bool v6)
{
	struct evdns_request *req;

	h->state = FAMILY_ASKED;
	req = v6 ? evdns_base_resolve_ipv6(h->dns, name, DNS_QUERY_NO_SEARCH, dns_cb, h) :
	    evdns_base_resolve_ipv4(h->dns, name, DNS_QUERY_NO_SEARCH, dns_cb, h);
	if (req != NULL)
		q->outstanding++;
	else
		h->state = FAMILY_NONE;		/* a label or the whole is too long: no such name can exist */
}

/* Asks for the next name there is to try, in both families or the one wanted. */
static void
query_next_name(struct resolver_query *q)
{
	char name[2 * RESOLV_NAME_MAX];

	while (candidate_name(q, q->candidate, name, sizeof(name))) {
		q->candidate++;
		q->half[0].state = FAMILY_UNASKED;
		q->half[1].state = FAMILY_UNASKED;
		if (q->family != 6)
			half_ask(q, &q->half[0], name, false);
		if (q->family != 4)
			half_ask(q, &q->half[1], name, true);
		if (q->half[0].state == FAMILY_ASKED || q->half[1].state == FAMILY_ASKED)
			return;
	}
	query_answer(q, RESOLVE_NONAME, q->family == 0 ? "the name does not exist" : "the name does not exist in this family");
}

static void
set_dns_option(struct evdns_base *dns, const char *option, unsigned value)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%u", value);
	evdns_base_set_option(dns, option, buf);
}

static void
add_server(struct evdns_base *dns, const char *literal)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len;

	if (addr_parse(&a, literal, 0)) {	/* knows scopes by name, which evdns does not */
		a.port = 53;
		len = addr_to_sockaddr(&a, &ss);
		(void)evdns_base_nameserver_sockaddr_add(dns, (const struct sockaddr *)&ss, len, 0);
	} else {
		(void)evdns_base_nameserver_ip_add(dns, literal);
	}
}

/*
 * A base with the servers of q->conf, or NULL.
 *
 * Letters of random case ("0x20") are left off: they add some bits to the 32 of port and query number, and in return every name times
 * out behind the many small routers that do not copy the question as it is.
 */
static struct evdns_base *
dns_new(struct resolver_query *q)
{
	struct evdns_base *dns = evdns_base_new(q->resolver->base, 0);
	unsigned timeout = q->conf.timeout, attempts = q->conf.attempts * (unsigned)(q->conf.n_servers + (q->conf.n_servers == 0));

	if (dns == NULL)
		return NULL;
	for (size_t i = 0; i < q->conf.n_servers; i++)
		add_server(dns, q->conf.servers[i]);
	q->no_server = evdns_base_count_nameservers(dns) == 0;
	if (q->no_server) {
		add_server(dns, "127.0.0.1");
		timeout = 1;		/* a local server is near, or is not there */
		attempts = 2;
	}
	set_dns_option(dns, "randomize-case", 0);
	set_dns_option(dns, "initial-probe-timeout", 3600);	/* beyond our life: no probes for foreign names */
	set_dns_option(dns, "timeout", timeout);
	set_dns_option(dns, "attempts", attempts);
	if (evdns_base_count_nameservers(dns) > 0)
		return dns;
	evdns_base_free(dns, 0);
	return NULL;
}

static bool
open_dns(struct resolver_query *q)
{
	resolv_conf_read(&q->conf, q->resolver->resolv_path);
	if (q->family != 6 && (q->half[0].dns = dns_new(q)) == NULL)
		return false;
	return q->family == 4 || (q->half[1].dns = dns_new(q)) != NULL;
}

/* Answers what needs no server, or takes a place and asks. */
static void
query_start(struct resolver_query *q)
{
	struct resolver *r = q->resolver;
	struct addr hosts[FOUND_MAX];
	size_t n;

	q->running = true;
	r->running++;
	n = hosts_lookup(r->hosts_path, q->name, q->family, hosts, FOUND_MAX);
	for (size_t i = 0; i < n; i++)
		found_add(q, &hosts[i]);
	if (q->n_found > 0)
		query_answer(q, RESOLVE_OK, "found");
	else if (!open_dns(q))
		query_answer(q, RESOLVE_AGAIN, "no socket for asking a name server");
	else
		query_next_name(q);
}

static struct resolver_query *
query_new(struct resolver *r, int family, resolver_cb *cb, void *arg)
{
	struct resolver_query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->timer = event_new(r->base, -1, 0, timer_cb, q);
	if (q->timer == NULL) {
		free(q);
		errno = ENOMEM;
		return NULL;
	}
	q->resolver = r;
	q->family = family;
	q->cb = cb;
	q->arg = arg;
	q->half[0].query = q->half[1].query = q;
	q->deadline = monotime_add(monotime_now(), DEADLINE);
	TAILQ_INSERT_TAIL(&r->queries, q, link);
	return q;
}

/* Copies the name without its last dot; false if no name can look so. */
static bool
query_set_name(struct resolver_query *q, const char *name)
{
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.') {
		q->absolute = true;
		len--;
	}
	if (len == 0 || len >= sizeof(q->name) || name[0] == '.')
		return false;
	memcpy(q->name, name, len);
	q->name[len] = '\0';
	return strstr(q->name, "..") == NULL;
}

struct resolver_query *
resolver_ask(struct resolver *r, const char *name, int family, resolver_cb *cb, void *arg)
{
	struct resolver_query *q = query_new(r, family, cb, arg);
	struct addr literal;

	if (q == NULL)
		return NULL;
	timer_in(q, DEADLINE);
	if (addr_parse(&literal, name, 0)) {
		q->found[q->n_found++] = literal;
		if (family == 0 || family == literal.family)
			query_answer(q, RESOLVE_OK, "found");
		else
			query_answer(q, RESOLVE_NONAME, "the address is of the other family");
	} else if (!query_set_name(q, name)) {
		query_answer(q, RESOLVE_NONAME, "no name looks like this");
	} else if (r->running < RUNNING_MAX) {
		query_start(q);
	}
	return q;
}
