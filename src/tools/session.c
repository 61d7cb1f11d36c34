/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks servers on behalf of ntpq's commands and reports their failures in the words scripts know. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "session.h"
#include "strb.h"
#include "words.h"

void
session_init(struct session *s, const struct query_opts *opts)
{
	memset(s, 0, sizeof(*s));
	query_init(&s->query, opts);
	s->out = stdout;
	s->width = SESSION_WIDTH;
}

void
session_close(struct session *s)
{
	query_close(&s->query);
	free(s->host_owned);
	s->host_owned = NULL;
	s->host = NULL;
	s->nassocs = 0;
	s->have_assocs = false;
}

bool
session_open(struct session *s, const char *host)
{
	const char *why;

	session_close(s);
	why = query_open(&s->query, host, "123");
	if (why != NULL) {
		fprintf(stderr, "ntpq: %.*s: %s\n", SESSION_HOST_SHOWN, host, why);
		return false;
	}
	s->host = host;
	return true;
}

void
session_complain(const struct session *s, enum query_err e, uint16_t associd)
{
	const char *host = s->host != NULL ? s->host : "";
	char buf[80];

	switch (e) {
	case QUERY_OK:
		break;
	case QUERY_TIMEOUT:
		fprintf(stderr, "%s: timed out, nothing received\n***Request timed out\n", host);
		break;
	case QUERY_INCOMPLETE:
		fprintf(stderr, "%s: timed out with incomplete data\n***Response from server was incomplete\n", host);
		break;
	case QUERY_TOO_BIG:
		fprintf(stderr, "***Response from server came in more than %d fragments\n", CONTROL_FRAGMENTS_MAX);
		break;
	case QUERY_REFUSED:
		fprintf(stderr, "ntpq: read: Connection refused\n");
		break;
	case QUERY_SOCKET:
		fprintf(stderr, "ntpq: %s: %s\n", host, strerror(s->query.errnum));
		break;
	case QUERY_SERVER:
		fprintf(stderr, "%s\n", words_server_error(s->query.server_err, associd, buf, sizeof(buf)));
		break;
	case QUERY_REQUEST:
		fprintf(stderr, "***Request longer than %d octets\n", CONTROL_DATA_MAX);
		break;
	case QUERY_INTERRUPTED:
		fprintf(stderr, "***Interrupted\n");
		break;
	}
}

bool
session_ask(struct session *s, enum control_op op, uint16_t associd, const char *data)
{
	enum query_err e;

	if (s->host == NULL) {
		fprintf(stderr, "***No host open, use `host' command\n");
		return false;
	}
	e = query_ask(&s->query, op, associd, data, data == NULL ? 0 : strlen(data));
	session_complain(s, e, associd);
	return e == QUERY_OK;
}

struct vars
session_answer(const struct session *s)
{
	return (struct vars){ .text = (const char *)s->query.assembly.data, .len = s->query.assembly.len };
}

static int
by_id(const void *a, const void *b)
{
	const struct assoc_entry *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

bool
session_fetch_assocs(struct session *s)
{
	struct rd r;

	s->nassocs = 0;
	s->have_assocs = false;
	if (!session_ask(s, CONTROL_READSTAT, 0, NULL))
		return false;
	r = rd_init(s->query.assembly.data, s->query.assembly.len);
	while (rd_left(&r) >= 4 && s->nassocs < SESSION_ASSOCS_MAX) {
		uint16_t id = rd_u16(&r), status = rd_u16(&r);

		/* 0 is the system itself, so no association can be called that. */
		if (id != 0)
			s->assocs[s->nassocs++] = (struct assoc_entry){ .id = id, .status = status };
	}
	qsort(s->assocs, s->nassocs, sizeof(s->assocs[0]), by_id);
	s->have_assocs = true;
	return true;
}

static bool
parse_number(const char *arg, unsigned long *n)
{
	struct varval v = { .s = arg, .len = strlen(arg) };

	return varval_uint(&v, n);
}

bool
session_assoc_index(struct session *s, const char *arg, size_t *index)
{
	unsigned long n;

	if (!parse_number(arg + (arg[0] == '&'), &n) || n > UINT16_MAX) {
		fprintf(stderr, "***Invalid association `%s': an id or &N is wanted\n", arg);
		return false;
	}
	if (!s->have_assocs && !session_fetch_assocs(s))
		return false;
	if (s->nassocs == 0) {
		fprintf(stderr, "***No associations found, `%s' unknown\n", arg);
		return false;
	}
	for (size_t i = 0; i < s->nassocs; i++) {
		if (arg[0] == '&' ? i + 1 == n : s->assocs[i].id == n) {
			*index = i;
			return true;
		}
	}
	fprintf(stderr, "***Association `%s' unknown\n", arg);
	return false;
}

bool
session_assoc(struct session *s, const char *arg, uint16_t *associd)
{
	unsigned long n;
	size_t i;

	/* An id is for the server to judge; only &N needs the list. */
	if (arg[0] != '&' && parse_number(arg, &n) && n <= UINT16_MAX) {
		*associd = (uint16_t)n;
		return true;
	}
	if (!session_assoc_index(s, arg, &i))
		return false;
	*associd = s->assocs[i].id;
	return true;
}

/* The name of an address by reverse lookup, else the address. */
static const char *
reverse_name(const struct addr *a, char *buf, size_t cap)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, &ss);

	if (len == 0 || getnameinfo((const struct sockaddr *)&ss, len, buf, (socklen_t)cap, NULL, 0, NI_NAMEREQD) != 0)
		addr_str(a, buf, cap);
	return buf;
}

struct cook_view
session_view(const struct session *s)
{
	return (struct cook_view){ .now = walltime_now(), .host_name = s->numeric ? NULL : reverse_name };
}
