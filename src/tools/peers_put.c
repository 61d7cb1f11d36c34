/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the peers billboard column by column, as classic ntpq does or as NTPsec's. */
#include <math.h>
#include <string.h>

#include "peers.h"
#include "strb.h"
#include "units.h"
#include "words.h"

#define REMOTE_WIDTH	15
#define SECOND_WIDTH	15
#define REFID_WIDTH	8	/* NTPsec's apeers shows no longer ones */
#define RULE_WIDTH	78
#define RULE_NTPSEC	79
#define COLUMNS_PLAIN	80	/* terminals wider than this widen NTPsec's names … */
#define SLACK_MAX	24	/* … by this at most */
#define REACH_ALL	0xff

#define PLAIN	"\033[0m"
#define RED	"\033[31m"
#define GREEN	"\033[32m"
#define YELLOW	"\033[33m"
#define BRIGHT	"\033[1;32m"

static const struct { const char *head; int extra; } heads[] = {
	[PEERS_REFID] = { "     remote           refid      st t when poll reach   delay   offset  jitter", 0 },
	[PEERS_ASSID] = { "     remote       refid   assid  st t when poll reach   delay   offset  jitter", 0 },
	[PEERS_LOCAL] = { "     remote           local      st t when poll reach   delay   offset    disp", 0 },
	[PEERS_NAME_LAST] = { " st t when poll reach   delay   offset   jitter refid           T remote", 1 },
};

/* What stands behind the name. */
static const char *const ntpsec_heads[] = {
	[PEERS_REFID] = "       refid      st t when poll reach   delay   offset   jitter",
	[PEERS_ASSID] = "   refid   assid  st t when poll reach   delay   offset   jitter",
	[PEERS_LOCAL] = "       local      st t when poll reach   delay   offset     disp",
};

/* Columns beyond the usual that names may take. */
static int
slack(const struct peers_style *style)
{
	if (style->whose != LAYOUT_NTPSEC || style->columns <= COLUMNS_PLAIN)
		return 0;
	return style->columns - COLUMNS_PLAIN < SLACK_MAX ? (int)(style->columns - COLUMNS_PLAIN) : SLACK_MAX;
}

void
peers_put_head(FILE *out, const struct peers_style *style)
{
	bool ntpsec = style->whose == LAYOUT_NTPSEC;
	int rule = ntpsec ? RULE_NTPSEC + slack(style) : RULE_WIDTH + heads[style->layout].extra;

	if (style->server_width > 0) {
		fprintf(out, "%-*.*s ", style->server_width, style->server_width, ntpsec ? "server" : "server (local)");
		rule += style->server_width + 1;
	}
	if (ntpsec && style->layout != PEERS_NAME_LAST)
		fprintf(out, "%-*s%s\n", REMOTE_WIDTH + slack(style), "     remote", ntpsec_heads[style->layout]);
	else
		fprintf(out, "%s\n", heads[style->layout].head);
	while (rule-- > 0)
		putc('=', out);
	putc('\n', out);
}

/* Text in a colour, if there are to be any. */
static void
put_coloured(FILE *out, const struct peers_style *style, const char *colour, const char *text)
{
	if (style->colour && colour != NULL)
		fprintf(out, "%s%s" PLAIN, colour, text);
	else
		fputs(text, out);
}

static void
put_tally(FILE *out, const struct peers_style *style, const struct peer_row *row)
{
	static const struct { char tally; const char *colour; } colours[] = {
		{ '*', BRIGHT }, { 'o', BRIGHT }, { '+', GREEN }, { '-', YELLOW }, { '#', YELLOW }, { '.', YELLOW }, { 'x', RED },
	};
	const char *colour = NULL;

	for (size_t i = 0; i < NELEMS(colours); i++) {
		if (colours[i].tally == row->tally[0])
			colour = colours[i].colour;
	}
	put_coloured(out, style, colour, row->tally);
}

static void
put_reach(FILE *out, const struct peers_style *style, long reach)
{
	char text[24] = "  ?";

	if (reach != JSON_UNKNOWN)
		snprintf(text, sizeof(text), "%3lo", (unsigned long)reach);
	put_coloured(out, style, reach == REACH_ALL ? GREEN : reach == 0 ? RED : YELLOW, text);
}

/* NTPsec shows how many cookies network time security has left. */
static char
type_of(const struct peers_style *style, const struct peer_row *row)
{
	if (style->whose == LAYOUT_NTPSEC && row->type[0] == 'u' && row->cookies != JSON_UNKNOWN && row->cookies < 10)
		return (char)('0' + row->cookies);
	return row->type[0];
}

/* Columns st to reach, the same in all layouts. */
static void
put_middle(FILE *out, const struct peers_style *style, const struct peer_row *row)
{
	char st[24] = "?", when[16], poll[16] = "?";

	if (row->stratum != JSON_UNKNOWN)
		snprintf(st, sizeof(st), "%ld", row->stratum);
	if (row->poll != JSON_UNKNOWN)
		words_interval(row->poll, poll, sizeof(poll));
	words_interval(row->when, when, sizeof(when));
	fprintf(out, "%2s %c %4.4s %4.4s  ", st, type_of(style, row), when, poll);
	put_reach(out, style, row->reach);
}

/* One of NTPsec's last three columns. */
static const char *
ntpsec_value(const struct peers_style *style, const struct peer_row *row, enum peer_text which, char buf[static UNITS_MAX])
{
	const double values[] = {
		[PEER_DELAY] = row->delay, [PEER_OFFSET] = row->offset, [PEER_JITTER] = row->jitter, [PEER_DISPERSION] = row->dispersion,
	};
	struct varval v = { .s = row->text[which], .len = strlen(row->text[which]) };

	if (style->units)
		return units_put(&v, UNIT_MS, 8, buf);
	return units_f8(values[which], row->fine ? 4 : 3, buf);
}

static void
put_ntpsec_values(FILE *out, const struct peers_style *style, const struct peer_row *row)
{
	enum peer_text last = style->layout == PEERS_LOCAL ? PEER_DISPERSION : PEER_JITTER;
	char delay[UNITS_MAX], offset[UNITS_MAX], third[UNITS_MAX];

	fprintf(out, " %8s %8s %8s", ntpsec_value(style, row, PEER_DELAY, delay), ntpsec_value(style, row, PEER_OFFSET, offset),
	    ntpsec_value(style, row, last, third));
}

/* NTPsec shows references as they were sent, what is no address between dots. */
static const char *
ntpsec_refid(const struct peer_row *row, char buf[static ADDR_STR_MAX + 2])
{
	bool address = row->sent_refid[strcspn(row->sent_refid, ".:")] != '\0';

	snprintf(buf, ADDR_STR_MAX + 2, address ? "%s" : ".%s.", row->sent_refid);
	return buf;
}

static void
put_name_last(FILE *out, const struct peers_style *style, const struct peer_row *row)
{
	char delay[32], offset[32], jitter[32], refid[ADDR_STR_MAX + 2];

	putc(' ', out);
	put_middle(out, style, row);
	if (style->whose == LAYOUT_NTPSEC)
		put_ntpsec_values(out, style, row);
	else
		fprintf(out, " %8s %8s %8s", words_ms(row->delay, 8, false, delay, sizeof(delay)),
		    words_ms(row->offset, 8, false, offset, sizeof(offset)), words_ms(row->jitter, 8, false, jitter, sizeof(jitter)));
	fprintf(out, " %-15.15s ", style->whose == LAYOUT_NTPSEC ? ntpsec_refid(row, refid) : row->refid);
	put_tally(out, style, row);
	fprintf(out, " %s\n", row->remote);
}

/* The second column: where the peer gets its time from, or where we speak to it from. */
static void
put_second(FILE *out, const struct peers_style *style, const struct peer_row *row)
{
	const char *local = row->local[0] != '\0' ? row->local : "0.0.0.0";
	size_t len = strlen(local);
	bool ntpsec = style->whose == LAYOUT_NTPSEC;
	char refid[ADDR_STR_MAX + 2];

	if (style->layout == PEERS_ASSID && ntpsec)
		fprintf(out, "%-9s%-6ld ", strlen(ntpsec_refid(row, refid)) < REFID_WIDTH ? refid : "...", row->associd);
	else if (style->layout == PEERS_ASSID)
		fprintf(out, "%-9.9s%-6ld ", row->short_refid, row->associd);
	else if (style->layout == PEERS_LOCAL && len > SECOND_WIDTH)
		fprintf(out, "%c%s ", ntpsec ? '-' : '_', local + len - (SECOND_WIDTH - 1));
	else if (style->layout == PEERS_LOCAL)
		fprintf(out, "%-15s ", local);
	else
		fprintf(out, "%-15.15s ", ntpsec ? ntpsec_refid(row, refid) : row->refid);
}

void
peers_put_row(FILE *out, const struct peers_style *style, const struct peer_row *row)
{
	double last = style->layout == PEERS_LOCAL ? row->dispersion : row->jitter;
	int width = REMOTE_WIDTH + slack(style);
	char delay[32], offset[32], jitter[32];

	if (style->server_width > 0)
		fprintf(out, "%-*.*s ", style->server_width, style->server_width, style->server);
	if (style->layout == PEERS_NAME_LAST) {
		put_name_last(out, style, row);
		return;
	}
	put_tally(out, style, row);
	if (style->wide && strlen(row->remote) > (size_t)width)
		fprintf(out, "%s\n%*s", row->remote, 1 + width + 1 + (style->server_width > 0 ? style->server_width + 1 : 0), "");
	else
		fprintf(out, "%-*.*s ", width, width, row->remote);
	put_second(out, style, row);
	put_middle(out, style, row);
	if (style->whose == LAYOUT_NTPSEC)
		put_ntpsec_values(out, style, row);
	else
		fprintf(out, "  %7s %8s %7s", words_ms(row->delay, 7, false, delay, sizeof(delay)),
		    words_ms(row->offset, 8, true, offset, sizeof(offset)), words_ms(last, 7, false, jitter, sizeof(jitter)));
	putc('\n', out);
}
