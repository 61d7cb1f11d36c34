/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends a request, waits for the fragments of its answer, tries again. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/random.h"
#include "base/time.h"
#include "query.h"

/*
 * Waiting up to this long per question is free, as distant servers need it.  Only what goes beyond draws on the patience
 * of the command, or a server that answers everything at the last moment could hold a listing for hours.
 */
#define FREE_MS		500
#define PATIENCE_TIMES	4	/* patience of a command, in first_ms */

/* How long an address that has never answered is waited for where the host has others that might. */
#define NEXT_MS		2000
#define NEXT_LOCAL_MS	500	/* on this machine */

/* A MAC follows the data at the next multiple of this.  Classic servers and ours take 8, NTPsec's of 1.2.3 and later want 4. */
#define MAC_ALIGN_CLASSIC	8
#define MAC_ALIGN_NTPSEC	4

/* RFC 9327 leaves the version open; servers echo it.  2 is what ntpq has always claimed. */
const struct query_opts query_defaults = {
	.family = AF_UNSPEC, .version = 2, .first_ms = 5000, .more_ms = 3000, .tries = 2, .interrupt_fd = -1,
};

/* A request as the caller put it. */
struct question {
	enum control_op	 op;
	uint16_t	 associd;
	const char	*data;
	size_t		 len;
};

void
query_init(struct query *q, const struct query_opts *opts)
{
	memset(q, 0, sizeof(*q));
	q->opts = *opts;
	q->fd = -1;
	q->mac_align = MAC_ALIGN_CLASSIC;
	q->sequence = (uint16_t)random_u64();
	query_rested(q);
}

void
query_close(struct query *q)
{
	if (q->fd != -1)
		close(q->fd);
	q->fd = -1;
	q->heard = false;
	q->mac_align = MAC_ALIGN_CLASSIC;
}

void
query_rested(struct query *q)
{
	q->patience_ms = PATIENCE_TIMES * q->opts.first_ms;
}

/* Connects to the first address from `from` on that takes it; -1 with errno. */
static int
connect_from(struct query *q, size_t from)
{
	query_close(q);
	for (size_t i = from; i < q->naddrs; i++) {
		q->fd = socket(q->addrs[i].ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (q->fd == -1)
			continue;
		if (connect(q->fd, (const struct sockaddr *)&q->addrs[i], q->addr_lens[i]) == 0) {
			q->at = i;
			return 0;
		}
		int e = errno;
		query_close(q);
		errno = e;
	}
	return -1;
}

static void
add_addrs(struct query *q, const struct addrinfo *ai)
{
	for (; ai != NULL && q->naddrs < QUERY_ADDRS_MAX; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof(q->addrs[0]))
			continue;
		memcpy(&q->addrs[q->naddrs], ai->ai_addr, ai->ai_addrlen);
		q->addr_lens[q->naddrs++] = ai->ai_addrlen;
	}
}

/* Adds the addresses of host; 0 or an error of getaddrinfo. */
static int
resolve(struct query *q, const char *host, const char *port, int flags)
{
	struct addrinfo hints = { .ai_family = q->opts.family, .ai_socktype = SOCK_DGRAM, .ai_flags = flags }, *ai;
	int e = getaddrinfo(host, port, &hints, &ai);

	if (e == 0) {
		add_addrs(q, ai);
		freeaddrinfo(ai);
	}
	return e;
}

const char *
query_open(struct query *q, const char *host, const char *port)
{
	char bare[NI_MAXHOST];
	size_t len = strlen(host);
	int e;

	query_close(q);
	q->naddrs = 0;
	if (len >= sizeof(bare))
		return "Name too long";
	memcpy(bare, host, len + 1);
	if (len >= 2 && bare[0] == '[' && bare[len - 1] == ']') {
		memmove(bare, bare + 1, len - 2);
		bare[len - 2] = '\0';
	}
	e = resolve(q, bare, port, 0);
	if (e != 0)
		return e == EAI_SYSTEM ? strerror(errno) : gai_strerror(e);
	return connect_from(q, 0) == 0 ? NULL : strerror(errno);
}

const char *
query_open_local(struct query *q, const char *port)
{
	static const char *const local[] = { "127.0.0.1", "::1" };

	query_close(q);
	q->naddrs = 0;
	for (size_t i = 0; i < NELEMS(local); i++) {
		/* Without a numeric address of this family there is none. */
		if (resolve(q, local[i], port, AI_NUMERICHOST) != 0)
			continue;
	}
	return connect_from(q, 0) == 0 ? NULL : strerror(errno);
}

static enum query_err
socket_error(struct query *q)
{
	q->errnum = errno;
	return errno == ECONNREFUSED ? QUERY_REFUSED : QUERY_SOCKET;
}

static size_t
round_up(size_t n, size_t multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

static void PRINTF_LIKE(2, 3)
debug(const struct query *q, const char *fmt, ...)
{
	FILE *out = q->opts.debug_out != NULL ? q->opts.debug_out : stderr;
	va_list ap;

	if (q->opts.debug == 0)
		return;
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fflush(out);
}

static enum query_err
send_request(struct query *q, const struct question *ask)
{
	uint8_t buf[CONTROL_MAX + MAC_ALIGN_CLASSIC + QUERY_MAC_MAX];
	struct control c = {
		.version = q->opts.version, .op = (uint8_t)ask->op, .sequence = ++q->sequence, .associd = ask->associd,
		.count = (uint16_t)ask->len,
	};
	size_t len = round_up(CONTROL_HEADER_LEN + ask->len, MAC_ALIGN_NTPSEC);

	memset(buf, 0, sizeof(buf));
	control_build(&c, buf);
	if (ask->len > 0)
		memcpy(buf + CONTROL_HEADER_LEN, ask->data, ask->len);
	if (q->mac != NULL) {
		size_t n;

		len = round_up(len, q->mac_align);
		n = q->mac->sign(q->mac->key, buf, len, buf + len);
		if (n == 0) {
			errno = EIO;
			return socket_error(q);
		}
		len += n;
	}
	debug(q, "sent: op %d associd %u sequence %u octets %zu\n", (int)ask->op, ask->associd, c.sequence, len);
	return send(q->fd, buf, len, MSG_NOSIGNAL) == -1 ? socket_error(q) : QUERY_OK;
}

/* Waits until a datagram is there. */
static enum query_err
wait_readable(const struct query *q, struct monotime until)
{
	struct pollfd fds[] = { { .fd = q->fd, .events = POLLIN }, { .fd = q->opts.interrupt_fd, .events = POLLIN } };

	for (;;) {
		double left = monotime_diff(until, monotime_now());
		int n;

		if (left <= 0)
			return QUERY_TIMEOUT;
		n = poll(fds, NELEMS(fds), (int)(left * 1e3) + 1);
		if (n > 0 && fds[1].revents != 0)
			return QUERY_INTERRUPTED;
		if (n > 0)
			return QUERY_OK;
		/* poll fails for want of memory, or is interrupted: the time limit holds in any case. */
	}
}

/* Is the datagram signed by the key of the request?  Servers put the MAC at a multiple of 8 or of 4. */
static bool
is_signed(const struct query_mac *mac, const uint8_t *buf, size_t len, size_t count)
{
	static const size_t aligns[] = { MAC_ALIGN_CLASSIC, MAC_ALIGN_NTPSEC };

	for (size_t i = 0; i < NELEMS(aligns); i++) {
		size_t at = round_up(CONTROL_HEADER_LEN + count, aligns[i]);

		if (len == at + mac->len && mac->verify(mac->key, buf, at, buf + at, mac->len))
			return true;
	}
	return false;
}

enum received { TAKEN_COMPLETE, TAKEN_ERROR, TAKEN_PART, TAKEN_TOO_MANY, TAKEN_UNSIGNED, TAKEN_NOT };

/*
 * What a datagram means for the question that is open.  A refusal needs no signature: a server that does not know the key has none
 * to sign it with.
 */
static enum received
take_datagram(struct query *q, const struct question *ask, const uint8_t *buf, size_t len)
{
	struct control c;

	if (control_parse(&c, buf, len) != CONTROL_OK || !c.response || c.op != ask->op || c.sequence != q->sequence ||
	    c.associd != ask->associd || c.count > CONTROL_DATA_MAX)
		return TAKEN_NOT;
	if (c.error) {
		q->server_err = (uint8_t)(c.status >> 8);
		return TAKEN_ERROR;
	}
	if (q->mac != NULL && !is_signed(q->mac, buf, len, c.count))
		return TAKEN_UNSIGNED;
	switch (assembly_add(&q->assembly, &c, buf + CONTROL_HEADER_LEN)) {
	case ASSEMBLY_COMPLETE: return TAKEN_COMPLETE;
	case ASSEMBLY_TAKEN: return TAKEN_PART;
	case ASSEMBLY_FULL: return TAKEN_TOO_MANY;
	case ASSEMBLY_IGNORED: break;
	}
	return TAKEN_NOT;
}

static bool
is_thrown_away(const struct query *q)
{
	return q->opts.flake > 0 && dice_throw().uniform < q->opts.flake;
}

/* Takes fragments until the answer is whole or time is up. */
static enum query_err
receive(struct query *q, const struct question *ask, int first_ms, struct monotime end)
{
	struct monotime until = monotime_add(monotime_now(), first_ms * 1e-3);
	bool unsigned_seen = false;
	uint8_t buf[2048];

	assembly_init(&q->assembly);
	for (;;) {
		enum query_err e = wait_readable(q, monotime_before(end, until) ? end : until);
		enum received r;
		ssize_t n;

		if (e == QUERY_TIMEOUT && unsigned_seen)
			return QUERY_UNSIGNED;
		if (e == QUERY_TIMEOUT)
			return q->assembly.nfrags > 0 ? QUERY_INCOMPLETE : QUERY_TIMEOUT;
		if (e != QUERY_OK)
			return e;
		n = recv(q->fd, buf, sizeof(buf), 0);
		if (n == -1) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return socket_error(q);
		}
		if (is_thrown_away(q))
			continue;
		r = take_datagram(q, ask, buf, (size_t)n);
		debug(q, "received: octets %zd %s\n", n, r == TAKEN_NOT ? "ignored" : r == TAKEN_UNSIGNED ? "unsigned" : "taken");
		q->heard = q->heard || r < TAKEN_UNSIGNED;
		switch (r) {
		case TAKEN_COMPLETE:
			return QUERY_OK;
		case TAKEN_ERROR:
			return QUERY_SERVER;
		case TAKEN_TOO_MANY:
			return QUERY_TOO_BIG;
		case TAKEN_PART:
			until = monotime_add(monotime_now(), q->opts.more_ms * 1e-3);
			break;
		case TAKEN_UNSIGNED:
			unsigned_seen = true;
			break;
		case TAKEN_NOT:
			break;
		}
	}
}

/* One request and the wait for its answer, paid for out of the command's patience. */
static enum query_err
attempt(struct query *q, const struct question *ask, int first_ms)
{
	int limit = q->opts.first_ms + q->opts.more_ms, spent;
	struct monotime begin = monotime_now();
	enum query_err e;

	if (limit > q->patience_ms + FREE_MS)
		limit = q->patience_ms + FREE_MS;
	e = send_request(q, ask);
	if (e == QUERY_OK)
		e = receive(q, ask, first_ms, monotime_add(begin, limit * 1e-3));
	spent = (int)(monotime_diff(monotime_now(), begin) * 1e3) - FREE_MS;
	if (spent > 0)
		q->patience_ms = spent < q->patience_ms ? q->patience_ms - spent : 0;
	return e;
}

/* A refusal may only mean that the server looked for the MAC elsewhere: goes over to the other place, if that is another one. */
static bool
try_other_place(struct query *q, size_t len)
{
	if (q->mac == NULL || round_up(CONTROL_HEADER_LEN + len, MAC_ALIGN_NTPSEC) == round_up(CONTROL_HEADER_LEN + len, MAC_ALIGN_CLASSIC))
		return false;
	q->mac_align = q->mac_align == MAC_ALIGN_CLASSIC ? MAC_ALIGN_NTPSEC : MAC_ALIGN_CLASSIC;
	return true;
}

/*
 * Octets that no text has become '?': broken daemons send them (ntpsec 1.2.2 in filter arrays), and one such value should not
 * hide all that come after it.
 */
static void
mend_text(struct assembly *a)
{
	for (size_t i = 0; i < a->len; i++) {
		uint8_t c = a->data[i];

		if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
			a->data[i] = '?';
	}
}

/* A host with several addresses may be heard at some of them only: ::1 of a daemon that is asked for the time alone there, IPv6 on a network without. */
static int
next_ms(const struct query *q)
{
	struct addr a;
	int ms = addr_from_sockaddr(&a, (const struct sockaddr *)&q->addrs[q->at]) && addr_is_loopback(&a) ? NEXT_LOCAL_MS : NEXT_MS;

	return ms < q->opts.first_ms ? ms : q->opts.first_ms;
}

/*
 * The first attempt, at each address of a host that has never answered until one does.  If none has, the first one that was silent rather than refused us
 * is the one that is asked again.
 */
static enum query_err
find_ear(struct query *q, const struct question *ask)
{
	size_t silent = q->naddrs;
	enum query_err e;

	for (;;) {
		e = attempt(q, ask, next_ms(q));
		if (e != QUERY_TIMEOUT && e != QUERY_REFUSED && e != QUERY_SOCKET)
			return e;
		if (e == QUERY_TIMEOUT && silent == q->naddrs)
			silent = q->at;
		if (q->at + 1 == q->naddrs || connect_from(q, q->at + 1) != 0)
			break;
	}
	if (silent == q->naddrs || connect_from(q, silent) != 0)
		return e;
	return QUERY_TIMEOUT;
}

enum query_err
query_ask(struct query *q, enum control_op op, uint16_t associd, const char *data, size_t len)
{
	const struct question ask = { .op = op, .associd = associd, .data = data, .len = len };
	enum query_err e = QUERY_TIMEOUT;
	bool moved = false, first = true;

	if (len > CONTROL_DATA_MAX)
		return QUERY_REQUEST;
	for (unsigned tried = 0; tried < q->opts.tries;) {
		if (first && !q->heard && q->at + 1 < q->naddrs) {
			first = false;
			e = find_ear(q, &ask);
			if (e == QUERY_TIMEOUT)
				continue;
		} else
			e = attempt(q, &ask, q->opts.first_ms);
		if (e == QUERY_SERVER && q->server_err == CERR_PERMISSION && !moved && (moved = try_other_place(q, len)))
			continue;
		if (e != QUERY_TIMEOUT && e != QUERY_INCOMPLETE)
			break;
		tried++;
	}
	/* The list of associations alone is binary. */
	if (e == QUERY_OK && !(op == CONTROL_READSTAT && associd == 0))
		mend_text(&q->assembly);
	return e;
}
