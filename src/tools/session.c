/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks servers on behalf of ntpq's commands and reports their failures in the words scripts know. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "session.h"
#include "strb.h"
#include "words.h"

#define COLUMNS_DEFAULT	80	/* where there is no terminal to ask */
#define COLUMNS_FREE	2

void
session_init(struct session *s, const struct query_opts *opts)
{
	memset(s, 0, sizeof(*s));
	query_init(&s->query, opts);
	authkey_init(&s->key);
	s->out = stdout;
	s->delay_ms = SESSION_DELAY_MS;
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

void
session_free(struct session *s)
{
	session_close(s);
	authkey_free(&s->key);
}

bool
session_set_layout(struct session *s, const char *name)
{
	static const char *const names[] = { [LAYOUT_CLASSIC] = "classic", [LAYOUT_NTPSEC] = "ntpsec" };

	for (size_t i = 0; i < NELEMS(names); i++) {
		if (strcmp(names[i], name) == 0) {
			s->layout = (enum layout)i;
			return true;
		}
	}
	return false;
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
	s->timed_out = false;
	return true;
}

bool
session_is_silent(const struct session *s)
{
	return s->timed_out && !s->query.heard;
}

/* Errors by the names of the protocol, as NTPsec's ntpq tells them. */
static const char *
error_name(uint8_t code)
{
	static const char *const names[] = {
		[CERR_UNSPEC] = "UNSPEC", [CERR_PERMISSION] = "PERMISSION", [CERR_BADFMT] = "BADFMT", [CERR_BADOP] = "BADOP",
		[CERR_BADASSOC] = "BADASSOC", [CERR_UNKNOWNVAR] = "UNKNOWNVAR", [CERR_BADVALUE] = "BADVALUE", [CERR_RESTRICT] = "RESTRICT",
	};

	return names[code < NELEMS(names) ? code : CERR_UNSPEC];
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
		if (s->layout == LAYOUT_NTPSEC)
			fprintf(stderr, "***Server error code %s\n", error_name(s->query.server_err));
		else
			fprintf(stderr, "%s\n", words_server_error(s->query.server_err, associd, buf, sizeof(buf)));
		break;
	case QUERY_REQUEST:
		fprintf(stderr, "***Request longer than %d octets\n", CONTROL_DATA_MAX);
		break;
	case QUERY_NO_KEY:
		break;
	case QUERY_NO_HOST:
		fprintf(stderr, "***No host open, use `host' command\n");
		break;
	case QUERY_UNSIGNED:
		fprintf(stderr, "%s: the answer is not signed with our key\n***Server does not prove that it knows the key\n", host);
		break;
	case QUERY_INTERRUPTED:
		fprintf(stderr, "***Interrupted\n");
		break;
	}
}

/* The control key of this machine's configuration is for this machine's daemon. */
static bool
is_this_machine(const char *host)
{
	struct addr a;

	return strcmp(host, "localhost") == 0 || (addr_parse(&a, host, 0) && addr_is_loopback(&a));
}

/* Requests that servers obey only if they are signed. */
static bool
wants_key(enum control_op op)
{
	switch (op) {
	case CONTROL_WRITEVAR: case CONTROL_WRITECLOCK: case CONTROL_CONFIGURE: case CONTROL_SAVECONFIG: case CONTROL_READ_ORDLIST:
		return true;
	default:
		return false;
	}
}

enum query_err
session_query(struct session *s, enum control_op op, uint16_t associd, const char *data)
{
	enum query_err e;

	if (s->host == NULL)
		return QUERY_NO_HOST;
	s->query.mac = NULL;
	if (s->authenticate || wants_key(op)) {
		s->query.mac = authkey_get(&s->key, is_this_machine(s->host));
		if (s->query.mac == NULL)
			return QUERY_NO_KEY;
	}
	e = query_ask(&s->query, op, associd, data, data == NULL ? 0 : strlen(data));
	s->timed_out |= e == QUERY_TIMEOUT;
	return e;
}

bool
session_ask(struct session *s, enum control_op op, uint16_t associd, const char *data)
{
	enum query_err e = session_query(s, op, associd, data);

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

size_t
session_columns(const struct session *s)
{
	struct winsize w;

	if (s->columns > 0)
		return s->columns;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col;
	return COLUMNS_DEFAULT;
}

size_t
session_list_width(const struct session *s)
{
	/* NTPsec's keeps two columns free, and counts the separator of the line's end. */
	if (s->layout == LAYOUT_NTPSEC)
		return session_columns(s) > 2 * COLUMNS_FREE ? session_columns(s) - 2 * COLUMNS_FREE : COLUMNS_FREE;
	return s->columns > 0 ? s->columns - COLUMNS_FREE : SESSION_WIDTH;
}

bool
session_has_colour(const struct session *s)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0 && s->out == stdout && isatty(STDOUT_FILENO);
}

struct cook_view
session_view(const struct session *s)
{
	return (struct cook_view){
		.now = walltime_now(), .host_name = s->numeric ? NULL : reverse_name, .layout = s->layout, .units = s->units,
	};
}
