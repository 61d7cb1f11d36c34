/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A time server that tells the truth or lies, as told: each --serve address answers mode 3
 * requests (and mode 1, as a passive peer) with its own offset, stratum, reference ID, leap, delay and faults.  For tests only.
 *
 * Lines on standard input in the form of a --serve argument change the settings of an address
 * while the server runs.  "ready" on standard output says that all addresses are bound; with
 * --log every request follows as one line of "name=value" words.
 */
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_SERVERS = 32,
	MAX_PENDING = 1024,	/* replies held back to imitate a distance; more are dropped */
	MAX_COPIES = 16,
	MAX_BATCH = 64,		/* datagrams read from one socket before the others have their turn */
	HEADER = 48,
	LINE_LENGTH = 1024,
	MODE_ACTIVE = 1,
	MODE_PASSIVE = 2,
	MODE_CLIENT = 3,
	MODE_SERVER = 4,
};

#define NS_PER_S	1000000000
#define UNIX_TO_NTP	INT64_C(2208988800)	/* seconds from 1900 to 1970, RFC 5905 appendix A.4 */

enum origin { ORIGIN_RIGHT, ORIGIN_WRONG, ORIGIN_ZERO };

/* What one address says; all times in seconds. */
struct settings {
	double		offset;		/* our clock minus the machine's */
	double		drift_ppm;	/* growth of the offset since start */
	double		delay;		/* round trip that is imitated, half of it each way */
	double		jitter;		/* largest random addition to delay */
	double		rootdelay, rootdisp;
	double		drop;		/* fraction of requests that get no answer */
	long		stratum, leap, precision, version;
	long		copies;		/* datagrams per answer */
	enum origin	origin;
	uint8_t		refid[4];
	uint8_t		kod[4];		/* kiss code, empty for none */
};

struct server {
	char		name[64];	/* the address as given */
	int		fd;
	struct settings	set;
};

struct pending {
	int64_t		due_ns;		/* CLOCK_MONOTONIC */
	int64_t		half_ns;	/* half of the imitated delay */
	const struct server *server;
	struct sockaddr_storage to;
	socklen_t	tolen;
	uint8_t		pkt[HEADER];
	long		copies;
};

struct context {
	struct server	server[MAX_SERVERS];
	size_t		nserver;
	struct pending	pending[MAX_PENDING];
	size_t		npending;
	int64_t		start_ns;	/* CLOCK_MONOTONIC */
	const char	*port;
	char		line[LINE_LENGTH];
	size_t		linelen;
	uint64_t	random;
	bool		log, input_open;
};

_Noreturn static void __attribute__((format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;

	fputs("timeserver: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) < 0)
		fail("clock_gettime: %s", strerror(errno));
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* xorshift64*: a test server has no secrets, and a fixed seed makes its runs alike. */
static double
uniform(struct context *c)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return 0x1p-53 * (double)((c->random * UINT64_C(2685821657736338717)) >> 11);
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void
put_short(uint8_t *p, double s)
{
	put32(p, (uint32_t)lround(s * 65536));
}

static void
put_time(uint8_t *p, int64_t unix_ns)
{
	int64_t s = unix_ns / NS_PER_S, ns = unix_ns % NS_PER_S;

	put32(p, (uint32_t)(s + UNIX_TO_NTP));
	put32(p + 4, (uint32_t)(((uint64_t)ns << 32) / NS_PER_S));
}

/* ---- settings ---- */

enum kind { KIND_DOUBLE, KIND_LONG, KIND_REFID, KIND_ORIGIN };

static const struct key {
	const char	*name;
	enum kind	kind;
	size_t		at;
	double		min, max;
} keys[] = {
	{ "offset", KIND_DOUBLE, offsetof(struct settings, offset), -1e9, 1e9 },
	{ "drift", KIND_DOUBLE, offsetof(struct settings, drift_ppm), -1e6, 1e6 },
	{ "delay", KIND_DOUBLE, offsetof(struct settings, delay), 0, 10 },
	{ "jitter", KIND_DOUBLE, offsetof(struct settings, jitter), 0, 10 },
	{ "rootdelay", KIND_DOUBLE, offsetof(struct settings, rootdelay), 0, 32767 },
	{ "rootdisp", KIND_DOUBLE, offsetof(struct settings, rootdisp), 0, 32767 },
	{ "drop", KIND_DOUBLE, offsetof(struct settings, drop), 0, 1 },
	{ "stratum", KIND_LONG, offsetof(struct settings, stratum), 0, 255 },
	{ "leap", KIND_LONG, offsetof(struct settings, leap), 0, 3 },
	{ "precision", KIND_LONG, offsetof(struct settings, precision), -128, 127 },
	{ "version", KIND_LONG, offsetof(struct settings, version), 0, 7 },
	{ "copies", KIND_LONG, offsetof(struct settings, copies), 1, MAX_COPIES },
	{ "origin", KIND_ORIGIN, offsetof(struct settings, origin), 0, 0 },
	{ "refid", KIND_REFID, offsetof(struct settings, refid), 0, 0 },
	{ "kod", KIND_REFID, offsetof(struct settings, kod), 0, 0 },
};

static const struct settings defaults = {
	.stratum = 1, .precision = -23, .copies = 1, .refid = { 'G', 'P', 'S' },
	.rootdisp = 0.001,
};

static bool
set_number(struct settings *set, const struct key *key, const char *value)
{
	char *end, *at = (char *)set + key->at;
	double x;

	x = strtod(value, &end);
	if (end == value || *end != '\0' || !(x >= key->min && x <= key->max))
		return false;
	if (key->kind == KIND_DOUBLE)
		memcpy(at, &x, sizeof x);
	else
		memcpy(at, &(long){ (long)x }, sizeof(long));
	return true;
}

static bool
set_origin(struct settings *set, const char *value)
{
	static const char *const names[] = { "right", "wrong", "zero" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(value, names[i]) == 0) {
			set->origin = (enum origin)i;
			return true;
		}
	return false;
}

/* Four characters at most, or an IPv4 address. */
static bool
set_refid(char *at, const char *value)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, value, &addr) == 1) {
		memcpy(at, &addr, 4);
		return true;
	}
	if (strlen(value) > 4)
		return false;
	memset(at, 0, 4);
	memcpy(at, value, strlen(value));
	return true;
}

static bool
set_key(struct settings *set, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		switch (keys[i].kind) {
		case KIND_DOUBLE:
		case KIND_LONG:
			return set_number(set, &keys[i], value);
		case KIND_REFID:
			return set_refid((char *)set + keys[i].at, value);
		case KIND_ORIGIN:
			return set_origin(set, value);
		}
	}
	return false;
}

/* ADDR[,name=value...]; writes into text.  Returns the address, or NULL after saying what is wrong. */
static const char *
parse_settings(char *text, struct settings *set)
{
	char *save = NULL, *word, *value;
	const char *addr = strtok_r(text, ",", &save);

	while (addr != NULL && (word = strtok_r(NULL, ",", &save)) != NULL) {
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (value == NULL || !set_key(set, word, value)) {
			fprintf(stderr, "timeserver: %s: bad setting %s\n", addr, word);
			return NULL;
		}
	}
	return addr;
}

static int
open_socket(const char *addr, const char *port)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM,
	}, *ai = NULL;
	int fd, err, on = 1;

	err = getaddrinfo(addr, port, &hints, &ai);
	if (err != 0)
		fail("%s: %s", addr, gai_strerror(err));
	fd = socket(ai->ai_family, SOCK_DGRAM, 0);
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		fail("%s port %s: %s", addr, port, strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
		fail("SO_TIMESTAMPNS: %s", strerror(errno));
	freeaddrinfo(ai);
	return fd;
}

static void
add_server(struct context *c, char *text)
{
	struct server *s = &c->server[c->nserver];
	const char *addr;

	if (c->nserver == MAX_SERVERS)
		fail("more than %d addresses", MAX_SERVERS);
	s->set = defaults;
	addr = parse_settings(text, &s->set);
	if (addr == NULL || strlen(addr) >= sizeof s->name)
		fail("bad --serve argument");
	memcpy(s->name, addr, strlen(addr) + 1);
	s->fd = open_socket(s->name, c->port);
	c->nserver++;
}

/* ---- standard input ---- */

static void
change_settings(struct context *c, char *line)
{
	size_t len = strcspn(line, ",");

	for (size_t i = 0; i < c->nserver; i++) {
		struct settings set = c->server[i].set;

		if (strlen(c->server[i].name) != len || strncmp(c->server[i].name, line, len) != 0)
			continue;
		if (parse_settings(line, &set) != NULL) {
			c->server[i].set = set;
			puts("changed");
		} else
			puts("refused");
		return;
	}
	puts("refused");
}

static void
read_input(struct context *c)
{
	ssize_t n = read(STDIN_FILENO, c->line + c->linelen, sizeof c->line - 1 - c->linelen);
	char *nl;

	if (n <= 0) {
		c->input_open = n < 0 && (errno == EINTR || errno == EAGAIN);
		return;
	}
	c->linelen += (size_t)n;
	c->line[c->linelen] = '\0';
	while ((nl = strchr(c->line, '\n')) != NULL) {
		*nl = '\0';
		c->linelen -= (size_t)(nl + 1 - c->line);
		change_settings(c, c->line);
		memmove(c->line, nl + 1, c->linelen + 1);
	}
	if (c->linelen == sizeof c->line - 1)
		fail("input line too long");
}

/* ---- packets ---- */

static int64_t
served_time(const struct context *c, const struct settings *set, int64_t real_ns)
{
	double age = 1e-9 * (double)(now_ns(CLOCK_MONOTONIC) - c->start_ns);
	double off = set->offset + 1e-6 * set->drift_ppm * age;

	return real_ns + llround(off * NS_PER_S);
}

static void
log_request(const struct server *s, const uint8_t *req, size_t len, const struct sockaddr_storage *from,
    socklen_t fromlen, int64_t rx_ns)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)from, fromlen, host, sizeof host, port, sizeof port,
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	printf("request time=%.6f to=%s from=%s port=%s len=%zu header=", 1e-9 * (double)rx_ns, s->name,
	    host, port, len);
	for (size_t i = 0; i < HEADER && i < len; i++)
		printf("%02x", req[i]);
	putchar('\n');
}

/* Everything of the reply but its transmit time, which is taken when it leaves. */
static void
build_reply(struct context *c, const struct server *s, const uint8_t *req, int64_t rx_ns, struct pending *p)
{
	const struct settings *set = &s->set;
	long version = set->version != 0 ? set->version : req[0] >> 3 & 7;
	bool kiss = set->kod[0] != 0;
	int64_t rx = served_time(c, set, rx_ns + p->half_ns);

	memset(p->pkt, 0, sizeof p->pkt);
	p->pkt[0] = (uint8_t)((kiss ? 3 : set->leap) << 6 | version << 3 | ((req[0] & 7) == MODE_ACTIVE ? MODE_PASSIVE : MODE_SERVER));
	p->pkt[1] = (uint8_t)(kiss ? 0 : set->stratum);
	p->pkt[2] = req[2];
	p->pkt[3] = (uint8_t)set->precision;
	put_short(p->pkt + 4, set->rootdelay);
	put_short(p->pkt + 8, set->rootdisp);
	memcpy(p->pkt + 12, kiss ? set->kod : set->refid, 4);
	put_time(p->pkt + 16, rx - rx % ((int64_t)16 * NS_PER_S));
	if (set->origin != ORIGIN_ZERO)
		memcpy(p->pkt + 24, req + 40, 8);
	if (set->origin == ORIGIN_WRONG)
		p->pkt[31] ^= 1;
	put_time(p->pkt + 32, rx);
}

static void
send_reply(const struct context *c, struct pending *p)
{
	int64_t real_ns = now_ns(CLOCK_REALTIME) - p->half_ns;

	put_time(p->pkt + 40, served_time(c, &p->server->set, real_ns));
	for (long i = 0; i < p->copies; i++)
		if (sendto(p->server->fd, p->pkt, sizeof p->pkt, 0, (const struct sockaddr *)&p->to, p->tolen) < 0)
			return;		/* a lost reply is a network's right */
}

static int64_t
kernel_time(struct msghdr *msg)
{
	for (struct cmsghdr *m = CMSG_FIRSTHDR(msg); m != NULL; m = CMSG_NXTHDR(msg, m))
		if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(m), sizeof ts);
			return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
		}
	return now_ns(CLOCK_REALTIME);
}

static void
answer(struct context *c, struct server *s, const uint8_t *req, struct pending *p, int64_t rx_ns)
{
	const struct settings *set = &s->set;
	double delay;

	if (uniform(c) < set->drop)
		return;
	delay = set->delay + set->jitter * uniform(c);
	p->half_ns = llround(delay * NS_PER_S / 2);
	p->server = s;
	p->copies = set->copies;
	build_reply(c, s, req, rx_ns, p);
	if (p->half_ns == 0) {
		send_reply(c, p);
		return;
	}
	p->due_ns = now_ns(CLOCK_MONOTONIC) + 2 * p->half_ns;
	if (c->npending < MAX_PENDING)
		c->pending[c->npending++] = *p;
}

static void
read_requests(struct context *c, struct server *s)
{
	for (int i = 0; i < MAX_BATCH; i++) {
		uint8_t req[2048], control[256];
		struct pending p = { .half_ns = 0 };
		struct iovec iov = { req, sizeof req };
		struct msghdr msg = {
			.msg_name = &p.to, .msg_namelen = sizeof p.to, .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof control,
		};
		ssize_t n = recvmsg(s->fd, &msg, 0);
		int64_t rx_ns;

		if (n < 0)
			return;
		rx_ns = kernel_time(&msg);
		p.tolen = msg.msg_namelen;
		if (c->log)
			log_request(s, req, (size_t)n, &p.to, p.tolen, rx_ns);
		if (n >= HEADER && ((req[0] & 7) == MODE_CLIENT || (req[0] & 7) == MODE_ACTIVE))
			answer(c, s, req, &p, rx_ns);
	}
}

/* Sends what is due; returns the time to the next, or -1 when none waits. */
static int64_t
send_due(struct context *c)
{
	int64_t now = now_ns(CLOCK_MONOTONIC), next = -1;

	for (size_t i = 0; i < c->npending; ) {
		struct pending *p = &c->pending[i];

		if (p->due_ns <= now) {
			send_reply(c, p);
			*p = c->pending[--c->npending];
			continue;
		}
		if (next < 0 || p->due_ns - now < next)
			next = p->due_ns - now;
		i++;
	}
	return next;
}

static void
serve(struct context *c, int signals)
{
	struct pollfd fds[MAX_SERVERS + 2];
	struct pollfd *input = &fds[c->nserver], *ended = input + 1;

	for (size_t i = 0; i < c->nserver; i++)
		fds[i] = (struct pollfd){ .fd = c->server[i].fd, .events = POLLIN };
	*ended = (struct pollfd){ .fd = signals, .events = POLLIN };
	do {
		int64_t wait = send_due(c);
		struct timespec ts = { wait / NS_PER_S, wait % NS_PER_S };

		*input = (struct pollfd){ .fd = c->input_open ? STDIN_FILENO : -1, .events = POLLIN };
		if (ppoll(fds, c->nserver + 2, wait < 0 ? NULL : &ts, NULL) < 0)
			fail("ppoll: %s", strerror(errno));
		for (size_t i = 0; i < c->nserver; i++)
			if (fds[i].revents != 0)
				read_requests(c, &c->server[i]);
		if (input->revents != 0)
			read_input(c);
	} while (ended->revents == 0);
}

static int
open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (fd = signalfd(-1, &set, 0)) < 0)
		fail("signalfd: %s", strerror(errno));
	return fd;
}

static void
usage(FILE *to)
{
	fprintf(to, "usage: timeserver [--log] [--port N] --serve ADDR[,name=value...] ...\nnames:");
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		fprintf(to, " %s", keys[i].name);
	fputc('\n', to);
}

static bool
read_arguments(struct context *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--log") == 0)
			c->log = true;
		else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
			c->port = argv[++i];
		else if (strcmp(argv[i], "--serve") == 0 && i + 1 < argc)
			add_server(c, argv[++i]);
		else
			return false;
	}
	return c->nserver > 0;
}

int
main(int argc, char **argv)
{
	struct context c = { .port = "123", .random = UINT64_C(88172645463325252), .input_open = true };
	int signals;

	c.start_ns = now_ns(CLOCK_MONOTONIC);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (!read_arguments(&c, argc, argv)) {
		usage(stderr);
		return 1;
	}
	signals = open_signals();
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	serve(&c, signals);
	return 0;
}
