/* SPDX-License-Identifier: BSD-2-Clause */
/* Variables as lists (readvar) and as labelled tables (sysinfo and its kin). */
#include <string.h>

#include "listings.h"
#include "strb.h"

#define NAMES_MAX	CONTROL_DATA_MAX
#define PORT_TEXT_MAX	16

struct table_row {
	const char	*label, *var;
	enum cook	 how;
	const char	*port;		/* variable shown behind a colon, or NULL */
};

struct table {
	const char		*command;
	const struct table_row	*rows;
	size_t			 nrows;
	int			 value_column;
	bool			 status_line;
};

static const struct table_row sysinfo_rows[] = {
	{ "system peer:", "peeradr", COOK_AS_SENT, NULL },
	{ "system peer mode:", "peermode", COOK_MODE, NULL },
	{ "leap indicator:", "leap", COOK_LEAP, NULL },
	{ "stratum:", "stratum", COOK_UINT, NULL },
	{ "log2 precision:", "precision", COOK_INT, NULL },
	{ "root delay:", "rootdelay", COOK_REAL, NULL },
	{ "root dispersion:", "rootdisp", COOK_REAL, NULL },
	{ "reference ID:", "refid", COOK_REFID, NULL },
	{ "reference time:", "reftime", COOK_TIME, NULL },
	{ "system jitter:", "sys_jitter", COOK_REAL, NULL },
	{ "clock jitter:", "clk_jitter", COOK_REAL, NULL },
	{ "clock wander:", "clk_wander", COOK_REAL, NULL },
	{ "broadcast delay:", "bcastdelay", COOK_REAL, NULL },
	{ "symm. auth. delay:", "authdelay", COOK_REAL, NULL },
};

static const struct table_row sysstats_rows[] = {
	{ "uptime:", "ss_uptime", COOK_AS_SENT, NULL },
	{ "sysstats reset:", "ss_reset", COOK_AS_SENT, NULL },
	{ "packets received:", "ss_received", COOK_AS_SENT, NULL },
	{ "current version:", "ss_thisver", COOK_AS_SENT, NULL },
	{ "older version:", "ss_oldver", COOK_AS_SENT, NULL },
	{ "bad length or format:", "ss_badformat", COOK_AS_SENT, NULL },
	{ "authentication failed:", "ss_badauth", COOK_AS_SENT, NULL },
	{ "declined:", "ss_declined", COOK_AS_SENT, NULL },
	{ "restricted:", "ss_restricted", COOK_AS_SENT, NULL },
	{ "rate limited:", "ss_limited", COOK_AS_SENT, NULL },
	{ "KoD responses:", "ss_kodsent", COOK_AS_SENT, NULL },
	{ "processed for time:", "ss_processed", COOK_AS_SENT, NULL },
};

static const struct table_row kerninfo_rows[] = {
	{ "pll offset:", "koffset", COOK_AS_SENT, NULL },
	{ "pll frequency:", "kfreq", COOK_AS_SENT, NULL },
	{ "maximum error:", "kmaxerr", COOK_AS_SENT, NULL },
	{ "estimated error:", "kesterr", COOK_AS_SENT, NULL },
	{ "kernel status:", "kstflags", COOK_KERNEL, NULL },
	{ "pll time constant:", "ktimeconst", COOK_AS_SENT, NULL },
	{ "precision:", "kprecis", COOK_AS_SENT, NULL },
	{ "frequency tolerance:", "kfreqtol", COOK_AS_SENT, NULL },
	{ "pps frequency:", "kppsfreq", COOK_AS_SENT, NULL },
	{ "pps stability:", "kppsstab", COOK_AS_SENT, NULL },
	{ "pps jitter:", "kppsjitter", COOK_AS_SENT, NULL },
	{ "calibration interval", "kppscalibdur", COOK_AS_SENT, NULL },
	{ "calibration cycles:", "kppscalibs", COOK_AS_SENT, NULL },
	{ "jitter exceeded:", "kppsjitexc", COOK_AS_SENT, NULL },
	{ "stability exceeded:", "kppsstbexc", COOK_AS_SENT, NULL },
	{ "calibration errors:", "kppscaliberrs", COOK_AS_SENT, NULL },
};

static const struct table_row monstats_rows[] = {
	{ "enabled:", "mru_enabled", COOK_AS_SENT, NULL },
	{ "addresses:", "mru_depth", COOK_AS_SENT, NULL },
	{ "peak addresses:", "mru_deepest", COOK_AS_SENT, NULL },
	{ "maximum addresses:", "mru_maxdepth", COOK_AS_SENT, NULL },
	{ "reclaim above count:", "mru_mindepth", COOK_AS_SENT, NULL },
	{ "reclaim older than:", "mru_maxage", COOK_AS_SENT, NULL },
	{ "kilobytes:", "mru_mem", COOK_AS_SENT, NULL },
	{ "maximum kilobytes:", "mru_maxmem", COOK_AS_SENT, NULL },
};

static const struct table_row iostats_rows[] = {
	{ "time since reset:", "iostats_reset", COOK_AS_SENT, NULL },
	{ "receive buffers:", "total_rbuf", COOK_AS_SENT, NULL },
	{ "free receive buffers:", "free_rbuf", COOK_AS_SENT, NULL },
	{ "used receive buffers:", "used_rbuf", COOK_AS_SENT, NULL },
	{ "low water refills:", "rbuf_lowater", COOK_AS_SENT, NULL },
	{ "dropped packets:", "io_dropped", COOK_AS_SENT, NULL },
	{ "ignored packets:", "io_ignored", COOK_AS_SENT, NULL },
	{ "received packets:", "io_received", COOK_AS_SENT, NULL },
	{ "packets sent:", "io_sent", COOK_AS_SENT, NULL },
	{ "packet send failures:", "io_sendfailed", COOK_AS_SENT, NULL },
	{ "input wakeups:", "io_wakeups", COOK_AS_SENT, NULL },
	{ "useful input wakeups:", "io_goodwakeups", COOK_AS_SENT, NULL },
};

static const struct table_row timerstats_rows[] = {
	{ "time since reset:", "timerstats_reset", COOK_AS_SENT, NULL },
	{ "timer overruns:", "timer_overruns", COOK_AS_SENT, NULL },
	{ "calls to transmit:", "timer_xmts", COOK_AS_SENT, NULL },
};

static const struct table_row authinfo_rows[] = {
	{ "time since reset:", "authreset", COOK_AS_SENT, NULL },
	{ "stored keys:", "authkeys", COOK_AS_SENT, NULL },
	{ "free keys:", "authfreek", COOK_AS_SENT, NULL },
	{ "key lookups:", "authklookups", COOK_AS_SENT, NULL },
	{ "keys not found:", "authknotfound", COOK_AS_SENT, NULL },
	{ "uncached keys:", "authkuncached", COOK_AS_SENT, NULL },
	{ "expired keys:", "authkexpired", COOK_AS_SENT, NULL },
	{ "encryptions:", "authencrypts", COOK_AS_SENT, NULL },
	{ "decryptions:", "authdecrypts", COOK_AS_SENT, NULL },
};

static const struct table_row pstats_rows[] = {
	{ "remote host:", "srcadr", COOK_HOST, "srcport" },
	{ "local address:", "dstadr", COOK_ADDR, "dstport" },
	{ "time last received:", "timerec", COOK_AS_SENT, NULL },
	{ "time until next send:", "timer", COOK_AS_SENT, NULL },
	{ "reachability change:", "timereach", COOK_AS_SENT, NULL },
	{ "packets sent:", "sent", COOK_AS_SENT, NULL },
	{ "packets received:", "received", COOK_AS_SENT, NULL },
	{ "bad authentication:", "badauth", COOK_AS_SENT, NULL },
	{ "bogus origin:", "bogusorg", COOK_AS_SENT, NULL },
	{ "duplicate:", "oldpkt", COOK_AS_SENT, NULL },
	{ "bad dispersion:", "seldisp", COOK_AS_SENT, NULL },
	{ "bad reference time:", "selbroken", COOK_AS_SENT, NULL },
	{ "candidate order:", "candidate", COOK_AS_SENT, NULL },
};

#define TABLE(name, column, status)	{ #name, name ## _rows, NELEMS(name ## _rows), column, status }

static const struct table tables[] = {
	TABLE(sysinfo, 20, true),
	TABLE(sysstats, 24, false),
	TABLE(kerninfo, 23, true),
	TABLE(monstats, 22, false),
	TABLE(iostats, 24, false),
	TABLE(timerstats, 21, false),
	TABLE(authinfo, 19, false),
	TABLE(pstats, 23, true),
};

static const struct table *
table_find(const char *command)
{
	for (size_t i = 0; i < NELEMS(tables); i++) {
		if (strcmp(tables[i].command, command) == 0)
			return &tables[i];
	}
	return NULL;
}

/* In front of every answer when several hosts are asked, so that each line block says whose it is. */
static void
put_server(const struct session *s)
{
	if (s->server_width > 0)
		fprintf(s->out, "server=%s ", s->host);
}

static enum status_kind
status_kind(enum control_op op, uint16_t associd)
{
	if (op == CONTROL_READCLOCK)
		return STATUS_CLOCK;
	return associd == 0 ? STATUS_SYSTEM : STATUS_PEER;
}

static void
put_status(struct session *s, enum control_op op, uint16_t associd, uint16_t status)
{
	char words[200];

	if (s->raw)
		fprintf(s->out, "associd=%u status=0x%04x,\n", associd, status);
	else
		fprintf(s->out, "associd=%u status=%04x %s,\n", associd, status,
		    words_status(status_kind(op, associd), status, words, sizeof(words)));
}

/* The answer as it came, but for carriage returns and what would act on a terminal. */
void
put_raw(FILE *out, const struct vars *v)
{
	const char *p = v->text, *end = v->text + v->len;

	while (p < end) {
		const char *line = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((line != NULL ? line : end) - p);

		put_visible(out, p, len > 0 && p[len - 1] == '\r' ? len - 1 : len);
		putc('\n', out);
		p += len + 1;
	}
}

bool
list_vars(struct session *s, enum control_op op, uint16_t associd, const char *names)
{
	struct cook_view view = session_view(s);
	char words[200];
	struct json j;
	struct vars v;
	uint16_t status;

	if (!session_ask(s, op, associd, names))
		return false;
	v = session_answer(s);
	status = s->query.assembly.status;
	if (s->json) {
		json_begin(&j, s->out, op == CONTROL_READCLOCK ? "clockvar" : "readvar", s->host);
		json_vars_row(&j, associd, words_status(status_kind(op, associd), status, words, sizeof(words)), &v);
		json_end(&j);
		return true;
	}
	put_server(s);
	/* Who asks for certain variables wants these alone. */
	if (names[0] == '\0' || s->old_rv)
		put_status(s, op, associd, status);
	if (s->raw)
		put_raw(s->out, &v);
	else
		cook_list(s->out, &view, &v, s->width);
	return true;
}

/* Asks for a table's variables one by one; those that the server lacks stay away. */
static bool
ask_one_by_one(struct session *s, const struct table *t, uint16_t associd, struct strb *answer, uint16_t *status)
{
	for (size_t i = 0; i < 2 * t->nrows; i++) {
		const char *name = i % 2 == 0 ? t->rows[i / 2].var : t->rows[i / 2].port;
		struct varval value;
		enum query_err e;
		struct vars v;

		if (name == NULL)
			continue;
		e = session_query(s, CONTROL_READVAR, associd, name);
		v = session_answer(s);
		if (e == QUERY_OK)
			*status = s->query.assembly.status;
		if (e == QUERY_OK && vars_get(&v, name, &value))
			strb_add(answer, "%s%s=%s%.*s%s", answer->len > 0 ? "," : "", name, value.quoted ? "\"" : "", (int)value.len,
			    value.s, value.quoted ? "\"" : "");
		else if (e != QUERY_OK && !(e == QUERY_SERVER && s->query.server_err == CERR_UNKNOWNVAR)) {
			session_complain(s, e, associd);
			return false;
		}
	}
	return true;
}

/*
 * What a table is made of, added to answer, and the status word.  All variables at once; if the server lacks one, which its error
 * does not name, one by one.
 */
static bool
ask_table(struct session *s, const struct table *t, uint16_t associd, struct strb *answer, uint16_t *status)
{
	char names[NAMES_MAX + 1];
	struct strb list = strb_init(names, sizeof(names));
	enum query_err e;
	struct vars v;

	for (size_t i = 0; i < t->nrows; i++) {
		strb_add(&list, "%s%s", i > 0 ? "," : "", t->rows[i].var);
		if (t->rows[i].port != NULL)
			strb_add(&list, ",%s", t->rows[i].port);
	}
	e = session_query(s, CONTROL_READVAR, associd, names);
	if (e == QUERY_SERVER && s->query.server_err == CERR_UNKNOWNVAR)
		return ask_one_by_one(s, t, associd, answer, status);
	session_complain(s, e, associd);
	if (e != QUERY_OK)
		return false;
	v = session_answer(s);
	*status = s->query.assembly.status;
	strb_add(answer, "%.*s", (int)v.len, v.text);
	return true;
}

static void
put_table(FILE *out, const struct table *t, const struct cook_view *view, const struct vars *v)
{
	for (size_t i = 0; i < t->nrows; i++) {
		const struct table_row *row = &t->rows[i];
		char cooked[COOKED_MAX] = "?", port[PORT_TEXT_MAX] = "?";
		struct varval value;

		if (vars_get(v, row->var, &value))
			cook(view, row->how, &value, cooked);
		fprintf(out, "%-*s%s", t->value_column, row->label, cooked);
		if (row->port != NULL && vars_word(v, row->port, port, sizeof(port)))
			fprintf(out, ":%s", port);
		putc('\n', out);
	}
}

void
table_put(FILE *out, const char *command, const struct cook_view *view, const struct vars *v)
{
	const struct table *t = table_find(command);

	if (t != NULL)
		put_table(out, t, view, v);
}

bool
list_table(struct session *s, const char *command, uint16_t associd)
{
	const struct table *t = table_find(command);
	char buf[ASSEMBLY_MAX], words[200];
	struct strb answer = strb_init(buf, sizeof(buf));
	struct cook_view view = session_view(s);
	uint16_t status = 0;
	struct json j;
	struct vars v;

	if (t == NULL || !ask_table(s, t, associd, &answer, &status))
		return false;
	v = (struct vars){ .text = buf, .len = answer.len };
	if (s->json) {
		json_begin(&j, s->out, command, s->host);
		json_vars_row(&j, associd, words_status(status_kind(CONTROL_READVAR, associd), status, words, sizeof(words)), &v);
		json_end(&j);
		return true;
	}
	put_server(s);
	if (t->status_line)
		put_status(s, CONTROL_READVAR, associd, status);
	put_table(s->out, t, &view, &v);
	return true;
}
