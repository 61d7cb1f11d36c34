/* SPDX-License-Identifier: BSD-2-Clause */
/* The MRU listing: fetches the list, sorts it and prints it in either layout. */
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "interrupt.h"
#include "listings.h"
#include "mru.h"
#include "mruget.h"
#include "strb.h"

#define PAUSE_MS	5	/* between two requests, as ntpd's own clients make it */
#define LIMIT_TIMES	120	/* a listing ends after this many first_ms: ten minutes by default */
#define RULE_WIDTH	78
#define MJD_UNIX	40587	/* modified Julian day of 1970-01-01 */
#define DAY_S		86400

/* Bits of restriction that the listing has a letter for; daemons number them differently. */
struct mru_bits { unsigned limited, kod; };
static const struct mru_bits bits_classic = { 0x40, 0x800 }, bits_ntpsec = { 0x20, 0x400 };

/* What filters a request may carry, and how their values look. */
enum filter_kind { FILTER_UINT, FILTER_REAL, FILTER_HEX, FILTER_ADDR };
static const struct { const char *name; enum filter_kind kind; } filters[] = {
	{ "mincount", FILTER_UINT }, { "mindrop", FILTER_UINT }, { "minscore", FILTER_REAL }, { "maxlstint", FILTER_UINT },
	{ "minlstint", FILTER_UINT }, { "recent", FILTER_UINT }, { "resall", FILTER_HEX }, { "resany", FILTER_HEX },
	{ "laddr", FILTER_ADDR },
};

typedef int row_order(const void *, const void *);

static const struct mru_row *
row_of(const void *p)
{
	return *(const struct mru_row *const *)p;
}

static double
mean_interval(const struct mru_row *r, bool between)
{
	unsigned long n = between ? r->count - 1 : r->count;

	return r->count < 2 ? 0 : ntptime_diff(r->last, r->first) / (double)n;
}

static int
by_avgint(const void *a, const void *b)
{
	double x = mean_interval(row_of(a), true), y = mean_interval(row_of(b), true);

	return (x > y) - (x < y);
}

static int
by_count(const void *a, const void *b)
{
	unsigned long x = row_of(a)->count, y = row_of(b)->count;

	return (x > y) - (x < y);
}

static int
by_drop(const void *a, const void *b)
{
	unsigned long x = row_of(a)->dropped, y = row_of(b)->dropped;

	return (x > y) - (x < y);
}

static int
by_score(const void *a, const void *b)
{
	double x = row_of(a)->score, y = row_of(b)->score;

	return (x > y) - (x < y);
}

/* IPv4 first, each family in the order of its octets, then ports. */
static int
by_addr(const void *a, const void *b)
{
	const struct addr *x = &row_of(a)->addr, *y = &row_of(b)->addr;
	int d = (x->family > y->family) - (x->family < y->family);

	if (d == 0)
		d = memcmp(x->ip, y->ip, sizeof(x->ip));
	return d != 0 ? d : (x->port > y->port) - (x->port < y->port);
}

/* lstint is the order that the list comes in. */
static const struct { const char *name; row_order *order; } orders[] = {
	{ "lstint", NULL }, { "avgint", by_avgint }, { "addr", by_addr }, { "count", by_count }, { "score", by_score },
	{ "drop", by_drop },
};

struct mru_options {
	char		 filters[200];
	row_order	*order;
	bool		 reverse;
	unsigned	 frags, limit;
};

static bool
take_order(struct mru_options *o, const char *key)
{
	o->reverse = key[0] == '-';
	for (size_t i = 0; i < NELEMS(orders); i++) {
		if (strcmp(orders[i].name, key + o->reverse) == 0) {
			o->order = orders[i].order;
			return true;
		}
	}
	return false;
}

/* Adds a filter in the form that servers want. */
static bool
add_filter(struct strb *t, const char *name, enum filter_kind kind, const char *text)
{
	struct varval v = { .s = text, .len = strlen(text) };
	char buf[ADDR_STR_MAX];
	unsigned long u;
	struct addr a;
	double d;

	strb_add(t, "%s%s=", t->len > 0 ? ", " : "", name);
	switch (kind) {
	case FILTER_UINT:
		if (!varval_uint(&v, &u))
			return false;
		strb_add(t, "%lu", u);
		return true;
	case FILTER_REAL:
		if (!varval_real(&v, &d))
			return false;
		strb_add(t, "%g", d);
		return true;
	case FILTER_HEX:
		if (!varval_uint(&v, &u) || u > UINT16_MAX)
			return false;
		strb_add(t, "0x%lx", u);
		return true;
	case FILTER_ADDR:
		if (!varval_addr(&v, &a))
			return false;
		strb_add(t, "%s", addr_str(&a, buf, sizeof(buf)));
		return true;
	}
	return false;
}

static bool
take_amount(const char *text, unsigned long max, unsigned *n)
{
	struct varval v = { .s = text, .len = strlen(text) };
	unsigned long u;

	if (!varval_uint(&v, &u) || u < 1 || u > max)
		return false;
	*n = (unsigned)u;
	return true;
}

static bool
take_parameter(struct mru_options *o, struct strb *t, char *arg, const struct mru_bits *bits)
{
	char *value = strchr(arg, '=');

	if (value == NULL && strcmp(arg, "kod") == 0)
		strb_add(t, "%sresany=0x%x", t->len > 0 ? ", " : "", bits->kod);
	else if (value == NULL && strcmp(arg, "limited") == 0)
		strb_add(t, "%sresany=0x%x", t->len > 0 ? ", " : "", bits->limited | bits->kod);
	else if (value == NULL)
		return false;
	else {
		*value++ = '\0';
		if (strcmp(arg, "sort") == 0)
			return take_order(o, value);
		if (strcmp(arg, "frags") == 0)
			return take_amount(value, MRUGET_FRAGS_MAX, &o->frags);
		if (strcmp(arg, "limit") == 0)
			return take_amount(value, UINT16_MAX, &o->limit);
		for (size_t i = 0; i < NELEMS(filters); i++) {
			if (strcmp(filters[i].name, arg) == 0)
				return add_filter(t, arg, filters[i].kind, value);
		}
		return false;
	}
	return true;
}

static bool
take_parameters(struct mru_options *o, int argc, char **argv, const struct mru_bits *bits)
{
	struct strb t = strb_init(o->filters, sizeof(o->filters));

	for (int i = 0; i < argc; i++) {
		if (!take_parameter(o, &t, argv[i], bits)) {
			fprintf(stderr, "***Bad parameter `%.40s'\n", argv[i]);
			return false;
		}
	}
	return true;
}

/* Which daemon answers; one that does not say is taken for a classic one. */
static const struct mru_bits *
ask_bits(struct session *s)
{
	char version[64];
	struct vars v;

	if (session_query(s, CONTROL_READVAR, 0, "version") != QUERY_OK)
		return &bits_classic;
	v = session_answer(s);
	return vars_word(&v, "version", version, sizeof(version)) && strstr(version, "ntpsec") != NULL ? &bits_ntpsec : &bits_classic;
}

static enum query_err
get_nonce(struct session *s, struct mruget *m)
{
	enum query_err e = session_query(s, CONTROL_REQ_NONCE, 0, NULL);
	struct vars v;

	if (e != QUERY_OK) {
		session_complain(s, e, 0);
		return e;
	}
	v = session_answer(s);
	if (mruget_take_nonce(m, &v))
		return QUERY_OK;
	fprintf(stderr, "***Server sent no nonce\n");
	return QUERY_SERVER;
}

/* Asks for one piece. */
static enum query_err
get_piece(struct session *s, struct mruget *m, const char *wanted, enum mruget_result *r)
{
	char buf[CONTROL_DATA_MAX + 1];
	struct strb request = strb_init(buf, sizeof(buf));
	enum query_err e = mruget_wants_nonce(m) ? get_nonce(s, m) : QUERY_OK;
	struct vars v;

	if (e != QUERY_OK)
		return e;
	mruget_request(m, wanted, &request);
	e = session_query(s, CONTROL_READ_MRU, 0, buf);
	v = session_answer(s);
	*r = MRUGET_STUCK;
	if (e == QUERY_OK) {
		*r = mruget_take(m, &v);
		return e;
	}
	/* That rows named as known are gone is part of the game. */
	if (e == QUERY_SERVER && s->query.server_err == CERR_UNKNOWNVAR) {
		*r = mruget_unknown(m);
		return QUERY_OK;
	}
	if (e == QUERY_SERVER && s->query.server_err == CERR_BADVALUE)
		*r = mruget_too_much(m);
	else if (e == QUERY_TIMEOUT || e == QUERY_INCOMPLETE || e == QUERY_TOO_BIG)
		*r = mruget_lost(m);
	if (*r == MRUGET_MORE)
		return QUERY_OK;
	session_complain(s, e, 0);
	return e;
}

/* Why a list that is not whole ended; NULL if that has been said already. */
static const char *
why_ended(enum mruget_result r, const struct mruget *m)
{
	switch (r) {
	case MRUGET_TOO_MANY: return "***The list is longer than ntpq keeps";
	case MRUGET_NO_MEMORY: return "***Out of memory";
	default: break;
	}
	return m->restarts > MRUGET_RESTARTS_MAX ? "***Giving up after 8 restarts from the beginning.\n"
	    "With a busy server this happens if its list holds less than some seconds; see mru in ntp.conf(5)." : NULL;
}

/* Fetches the list; true if it is whole, or as much of it as the user wanted.  *interrupted: the user ended it. */
static bool
fetch(struct session *s, struct mruget *m, const struct mru_options *o, bool *interrupted)
{
	struct monotime end = monotime_add(monotime_now(), s->query.opts.first_ms * 1e-3 * LIMIT_TIMES);
	struct pollfd stop = { .fd = s->query.opts.interrupt_fd, .events = POLLIN };
	enum mruget_result r = MRUGET_MORE;
	enum query_err e = QUERY_OK;
	const char *why;

	*interrupted = false;
	while (r == MRUGET_MORE) {
		e = get_piece(s, m, o->filters, &r);
		*interrupted = e == QUERY_INTERRUPTED || (r == MRUGET_MORE && poll(&stop, 1, PAUSE_MS) > 0);
		if (e != QUERY_OK || *interrupted)
			break;
		if (r == MRUGET_MORE && monotime_before(end, monotime_now())) {
			fprintf(stderr, "***The list did not end in time\n");
			return false;
		}
		/* Each piece that came on is worth the wait for the next; what bounds the whole is the time above. */
		query_rested(&s->query);
	}
	why = e == QUERY_OK ? why_ended(r, m) : NULL;
	if (why != NULL)
		fprintf(stderr, "%s\n", why);
	else if (e == QUERY_OK && r == MRUGET_STUCK)
		fprintf(stderr, "***The server's answers bring the list no further\n");
	return r == MRUGET_DONE || *interrupted;
}

/* The rows in the order asked for, by default the most recent first; NULL without memory. */
static const struct mru_row **
sorted_rows(const struct mruget *m, const struct mru_options *o)
{
	const struct mru_row **rows = malloc((m->n + 1) * sizeof(rows[0]));
	size_t n = 0;

	if (rows == NULL)
		return NULL;
	for (uint32_t i = m->newest; n < m->n; i = m->rows[i].older)
		rows[n++] = &m->rows[i];
	if (o->order != NULL)
		qsort(rows, n, sizeof(rows[0]), o->order);
	for (size_t i = 0; o->reverse && i < n / 2; i++) {
		const struct mru_row *swap = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = swap;
	}
	return rows;
}

static char
letter(const struct mru_row *r, const struct mru_bits *bits)
{
	return r->flags & bits->kod ? 'K' : r->flags & bits->limited ? 'L' : '.';
}

static const char *
host_text(host_name_fn *name, const struct mru_row *r, char *buf, size_t cap)
{
	struct varval v = { .s = buf };

	if (name == NULL)
		return addr_str(&r->addr, buf, cap);
	name(&r->addr, buf, cap);
	v.len = strlen(buf);
	return varval_word(&v, buf, cap);
}

static long
whole(double seconds)
{
	return seconds > 0 ? (long)(seconds + 0.5) : 0;
}

static void
put_classic(FILE *out, const struct mru_row *r, const struct mru_view *view)
{
	fprintf(out, "%6ld %6ld %4hx %c %d %d %6lu %5u %s\n", whole(ntptime_diff(view->now, r->last)), whole(mean_interval(r, false)),
	    r->flags, view->letter, r->mode_version & 7, r->mode_version >> 3 & 7, r->count, r->addr.port, view->host);
}

/* Decimals where whole seconds would say too little. */
static void
put_mean(FILE *out, const struct mru_row *r)
{
	double mean = mean_interval(r, true);

	if (r->count < 2 || mean > 5)
		fprintf(out, " %6ld", whole(mean));
	else
		fprintf(out, " %6.*f", mean >= 1 ? 2 : 3, mean);
}

static void
put_ntpsec(FILE *out, const struct mru_row *r, const struct mru_view *view)
{
	if (view->direct) {
		struct walltime w = ntptime_to_wall(r->last, walltime_now());
		long seconds = (long)(w.ns / NS_PER_S);

		fprintf(out, "%5ld %5ld %6ld", seconds / DAY_S + MJD_UNIX, seconds % DAY_S, (long)ntptime_diff(r->last, r->first));
	} else {
		fprintf(out, "%7ld", whole(ntptime_diff(view->now, r->last)));
		put_mean(out, r);
	}
	fprintf(out, " %4hx %c %d %d %6lu ", r->flags, view->letter, r->mode_version & 7, r->mode_version >> 3 & 7, r->count);
	if (isnan(r->score))
		fprintf(out, "%8s", "-");
	else
		fprintf(out, "%8.*f", r->score > 1e5 ? 1 : r->score > 1e4 ? 2 : 3, r->score);
	if (r->has & MRU_HAS_DROPPED)
		fprintf(out, " %6lu", r->dropped);
	else
		fprintf(out, " %6s", "-");
	fprintf(out, " %5u %s\n", r->addr.port, view->host);
}

void
mru_put_head(FILE *out, enum layout layout)
{
	static const char *const heads[] = {
		[LAYOUT_CLASSIC] = "lstint avgint rstr r m v  count rport remote address",
		[LAYOUT_NTPSEC] = " lstint avgint rstr r m v  count    score   drop rport remote address",
	};
	size_t rule = layout == LAYOUT_CLASSIC ? RULE_WIDTH : strlen(heads[layout]);

	fprintf(out, "%s\n", heads[layout]);
	while (rule-- > 0)
		putc('=', out);
	putc('\n', out);
}

void
mru_put_row(FILE *out, enum layout layout, const struct mru_row *r, const struct mru_view *view)
{
	(layout == LAYOUT_CLASSIC ? put_classic : put_ntpsec)(out, r, view);
}

/* A row as JSON has it. */
struct mru_json {
	char	address[ADDR_STR_MAX], name[256], last[24], first[24], limit[2];
	long	port, mode, version, count, drop;
	double	lstint, avgint, score;
	long	restrictions;
};

static const struct json_field fields[] = {
	{ "address", JSON_TEXT, offsetof(struct mru_json, address) }, { "name", JSON_TEXT, offsetof(struct mru_json, name) },
	{ "port", JSON_LONG, offsetof(struct mru_json, port) }, { "lstint", JSON_REAL, offsetof(struct mru_json, lstint) },
	{ "avgint", JSON_REAL, offsetof(struct mru_json, avgint) }, { "restrict", JSON_LONG, offsetof(struct mru_json, restrictions) },
	{ "limit", JSON_TEXT, offsetof(struct mru_json, limit) }, { "mode", JSON_LONG, offsetof(struct mru_json, mode) },
	{ "version", JSON_LONG, offsetof(struct mru_json, version) }, { "count", JSON_LONG, offsetof(struct mru_json, count) },
	{ "score", JSON_REAL, offsetof(struct mru_json, score) }, { "drop", JSON_LONG, offsetof(struct mru_json, drop) },
	{ "last", JSON_TEXT, offsetof(struct mru_json, last) }, { "first", JSON_TEXT, offsetof(struct mru_json, first) },
};

static void
stamp(struct ntptime t, char buf[static 24])
{
	snprintf(buf, 24, "%08x.%08x", (uint32_t)(t.raw >> 32), (uint32_t)t.raw);
}

static void
put_json(struct json *j, const struct mru_row *r, const struct mru_view *view)
{
	struct mru_json row = {
		.limit = { view->letter }, .port = r->addr.port, .mode = r->mode_version & 7, .version = r->mode_version >> 3 & 7,
		.count = (long)r->count, .drop = r->has & MRU_HAS_DROPPED ? (long)r->dropped : JSON_UNKNOWN, .score = r->score,
		.lstint = ntptime_diff(view->now, r->last), .avgint = mean_interval(r, true), .restrictions = r->flags,
	};

	addr_str(&r->addr, row.address, sizeof(row.address));
	snprintf(row.name, sizeof(row.name), "%s", view->host);
	stamp(r->last, row.last);
	stamp(r->first, row.first);
	json_row(j, fields, NELEMS(fields), &row);
}

static void
put_rows(struct session *s, const struct mruget *m, const struct mru_row *const *rows, const struct mru_bits *bits)
{
	struct mru_view view = { .now = m->now, .direct = s->direct };
	host_name_fn *name = session_view(s).host_name;
	char host[256];
	struct json j;

	if (s->json)
		json_begin(&j, s->out, "mrulist", s->host);
	else if (!s->direct)
		mru_put_head(s->out, s->layout);
	for (size_t i = 0; i < m->n; i++) {
		/* Thousands of names may take for ever: who interrupts that gets the rest by address. */
		if (name != NULL && interrupt_seen(s->query.opts.interrupt_fd))
			name = NULL;
		view.letter = letter(rows[i], bits);
		view.host = host_text(name, rows[i], host, sizeof(host));
		if (s->json)
			put_json(&j, rows[i], &view);
		else
			mru_put_row(s->out, s->direct ? LAYOUT_NTPSEC : s->layout, rows[i], &view);
	}
	if (s->json)
		json_end(&j);
}

/* NTPsec's listing ends with what it cost. */
static void
put_cost(const struct session *s, const struct mruget *m, double collected, double processed)
{
	struct rusage usage;

	if (s->json || s->layout != LAYOUT_NTPSEC)
		return;
	if (!s->direct)
		fprintf(s->out, "# Collected %zu slots in %.3f seconds\n", m->n, collected);
	fprintf(s->out, "# Processed %zu slots in %.3f seconds\n", m->n, processed);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		fprintf(s->out, "# Used %ld megabytes of memory\n", usage.ru_maxrss / 1024);
}

static void
tell_retrieved(const struct session *s, const struct mruget *m, bool interrupted)
{
	if (s->layout == LAYOUT_CLASSIC)
		fprintf(stderr, "Retrieved %zu unique MRU entries and %zu updates.\n", m->n, m->updates);
	if (interrupted)
		fprintf(stderr, "mrulist retrieval interrupted by operator.\nDisplaying partial client list.\n");
}

bool
list_mru(struct session *s, int argc, char **argv)
{
	struct mru_options o = { .order = NULL };
	const struct mru_bits *bits = ask_bits(s);
	struct monotime begin = monotime_now();
	struct interrupt interrupt;
	const struct mru_row **rows = NULL;
	struct mruget m;
	bool ok, interrupted;
	double collected;

	if (!take_parameters(&o, argc, argv, bits))
		return false;
	if (!mruget_init(&m)) {
		fprintf(stderr, "***Out of memory\n");
		return false;
	}
	m.frags = o.frags > 0 ? o.frags : m.frags;
	m.limit = o.limit;
	if (!s->direct && !s->json)
		fprintf(stderr, "Ctrl-C will stop MRU retrieval and display partial results.\n");
	interrupt_catch(&interrupt, &s->query.opts.interrupt_fd);
	ok = fetch(s, &m, &o, &interrupted);
	interrupt_forget(s->query.opts.interrupt_fd);
	collected = monotime_diff(monotime_now(), begin);
	if (m.now.raw == 0)
		m.now = walltime_to_ntp(walltime_now());
	/* Nothing at all to show is no listing. */
	if (ok || m.n > 0) {
		if (!s->direct && !s->json)
			tell_retrieved(s, &m, interrupted);
		rows = sorted_rows(&m, &o);
	}
	if (rows != NULL) {
		put_rows(s, &m, rows, bits);
		put_cost(s, &m, collected, monotime_diff(monotime_now(), begin));
	}
	interrupt_let_go(&interrupt, &s->query.opts.interrupt_fd);
	free(rows);
	mruget_free(&m);
	return ok;
}
