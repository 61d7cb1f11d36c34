/* SPDX-License-Identifier: BSD-2-Clause */
/* The variables of an association. */
#include <inttypes.h>

#include "control/vars.h"
#include "vars_table.h"

static void
put_addr(struct text *t, const struct addr *a, const struct addr *like)
{
	const struct addr any = { .family = like->family };
	char buf[ADDR_STR_MAX];

	text_add(t, "%s", addr_str(a->family != 0 ? a : &any, buf, sizeof(buf)));
}

static void
put_srcadr(struct text *t, const struct var_subject *s)
{
	put_addr(t, &s->a->addr, &s->a->addr);
}

static void
put_srcport(struct text *t, const struct var_subject *s)
{
	text_add(t, "%u", s->a->addr.port != 0 ? s->a->addr.port : NTP_PORT);
}

/* Names of the file only: that of a pool says nothing of a server found in it. */
static void
put_srchost(struct text *t, const struct var_subject *s)
{
	if (s->a->configured)
		text_quote(t, s->a->name, ASSOC_NAME_MAX);
}

static void
put_dstadr(struct text *t, const struct var_subject *s)
{
	put_addr(t, &s->a->local, &s->a->addr);
}

static uint8_t
stratum_of(const struct assoc *a)
{
	if (a->kind != ASSOC_SERVER)
		return a->last.stratum;
	return a->last.stratum == STRATUM_KOD || a->last.stratum > STRATUM_UNSYNC ? STRATUM_UNSYNC : a->last.stratum;
}

static void
put_stratum(struct text *t, const struct var_subject *s)
{
	text_add(t, "%u", stratum_of(s->a));
}

static void
put_rootdelay(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, short_to_seconds(s->a->last.rootdelay));
}

static void
put_rootdisp(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, short_to_seconds(s->a->last.rootdisp));
}

/* A kiss code stays in sight until a reply comes. */
static void
put_peer_refid(struct text *t, const struct var_subject *s)
{
	bool kissed = s->a->kiss != 0;

	/* A clock is named by characters whatever stratum it was given. */
	if (s->a->kind != ASSOC_SERVER)
		put_refid(t, 0, s->a->last.refid);
	else
		put_refid(t, kissed ? STRATUM_UNSYNC : stratum_of(s->a), kissed ? s->a->kiss : s->a->last.refid);
}

/* The mode of its last reply. */
static void
put_pmode(struct text *t, const struct var_subject *s)
{
	text_add(t, "%u", s->a->heard.ns != 0 ? s->a->last.mode : MODE_RESERVED);
}

/* What ntpd calls a listener's mode, which no packet has. */
#define MODE_BCLIENT	6

static void
put_hmode(struct text *t, const struct var_subject *s)
{
	const struct assoc *a = s->a;
	uint8_t mode = assoc_is_peer(a) ? a->exchange.mode : a->opts.mode;

	text_add(t, "%d", a->listening ? MODE_BCLIENT : mode != MODE_RESERVED ? mode : MODE_CLIENT);
}

/* 0 is what our requests say and some servers repeat: no exponent of theirs.  Whatever else one writes, readers expect an exponent. */
static void
put_ppoll(struct text *t, const struct var_subject *s)
{
	int8_t p = s->a->last.poll;

	text_add(t, "%d", p <= 0 ? s->a->hpoll : p > POLL_MAX ? POLL_MAX : p);
}

static void
put_dispersion(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, s->a->have_stat ? s->a->stat.disp : DISP_MAX);
}

static void
put_bias(struct text *t, const struct var_subject *s)
{
	if (s->a->opts.bias > 0 || s->a->opts.bias < 0)
		put_ms(t, 3, s->a->opts.bias);
}

static void
put_xleave(struct text *t, const struct var_subject *s)
{
	if (s->a->xleave > 0)
		put_ms(t, 3, s->a->xleave);
}

static void
put_filtdelay(struct text *t, const struct var_subject *s)
{
	for (unsigned i = 0; i < FILTER_STAGES; i++) {
		text_add(t, " ");
		put_ms(t, 2, i < s->a->filter.n ? s->a->filter.stage[i].delay : 0);
	}
}

static void
put_filtoffset(struct text *t, const struct var_subject *s)
{
	for (unsigned i = 0; i < FILTER_STAGES; i++) {
		text_add(t, " ");
		put_ms(t, 2, i < s->a->filter.n ? s->a->filter.stage[i].offset : 0);
	}
}

static void
put_filtdisp(struct text *t, const struct var_subject *s)
{
	for (unsigned i = 0; i < FILTER_STAGES; i++) {
		text_add(t, " ");
		put_ms(t, 2, filter_stage_disp(&s->a->filter, i, s->v->now.mono));
	}
}

static void
put_timer(struct text *t, const struct var_subject *s)
{
	double left = monotime_diff(s->a->next, s->v->now.mono);

	text_add(t, "%.0f", left > 0 && !s->a->stopped && s->a->addr.family != 0 ? trunc(left) : 0);
}

static void
put_mode(struct text *t, const struct var_subject *s)
{
	const struct refclock_info *c = control_view_clock(s->v, s->a);

	text_add(t, "%u", c != NULL ? c->opts.mode : 0);
}

static void
put_ttl(struct text *t, const struct var_subject *s)
{
	if (s->a->opts.mode == MODE_BROADCAST || s->a->opts.manycast)
		text_add(t, "%u", s->a->opts.ttl);
	else
		put_mode(t, s);
}

static void
put_candidate(struct text *t, const struct var_subject *s)
{
	text_add(t, "%d", (int)s->a->tally);
}

static void
put_authenable(struct text *t, const struct var_subject *s)
{
	text_add(t, "%d", s->a->opts.key != 0 || s->a->opts.nts.on);
}

static void
put_ntscookies(struct text *t, const struct var_subject *s)
{
	text_add(t, "%d", assoc_cookies(s->a));
}

static void
put_rootdist(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, assoc_rootdist(s->a, s->v->now.mono));
}

static void
put_peer_var_list(struct text *t, const struct var_subject *s)
{
	(void)s;
	put_names(t, vars_peer, vars_peer_len, NULL, 0);
}

/*
 * Our requests leave from a new port each time (RFC 9109), which is nobody's business: dstport is 0.  Their origin is random and
 * secret until the reply has come, and says nothing afterwards: org is 0 too.
 */
const struct var_row vars_peer[] = {
	{ "srcadr",	true,	FUNCTION(put_srcadr),		"address of the server" },
	{ "srcport",	true,	FUNCTION(put_srcport),		"port of the server" },
	{ "srchost",	true,	FUNCTION(put_srchost),		"name of the server, if the configuration names it" },
	{ "dstadr",	true,	FUNCTION(put_dstadr),		"address our requests leave from" },
	{ "dstport",	true,	PLAIN(AS_ZERO),			"port our requests leave from: another each time, not told" },
	{ "out",	true,	PLAIN(AS_NOTHING),		"interleaved measurement: none" },
	{ "in",		true,	PLAIN(AS_NOTHING),		"interleaved measurement: none" },
	{ "leap",	true,	ASSOC(AS_UINT, last.leap),	"its leap indicator" },
	{ "stratum",	true,	FUNCTION(put_stratum),		"its stratum; 16 = not synchronised" },
	{ "precision",	true,	ASSOC(AS_INT, last.precision),	"its precision, log2 s" },
	{ "rootdelay",	true,	FUNCTION(put_rootdelay),	"its round-trip delay to the primary source, ms" },
	{ "rootdisp",	true,	FUNCTION(put_rootdisp),		"its dispersion to the primary source, ms" },
	{ "refid",	true,	FUNCTION(put_peer_refid),	"its reference ID, or a kiss code" },
	{ "reftime",	true,	ASSOC(AS_STAMP, last.reftime),	"when its clock was last corrected" },
	{ "rec",	true,	ASSOC(AS_STAMP, heard),		"when its last reply came" },
	{ "reach",	true,	ASSOC(AS_HEX, reach),		"answers to the last eight polls, newest in bit 0" },
	{ "unreach",	true,	ASSOC(AS_UINT, unreach),	"polls without an answer since the last one" },
	{ "hmode",	true,	FUNCTION(put_hmode),		"our mode" },
	{ "pmode",	true,	FUNCTION(put_pmode),		"its mode" },
	{ "hpoll",	true,	ASSOC(AS_INT, hpoll),		"our poll exponent, log2 s" },
	{ "ppoll",	true,	FUNCTION(put_ppoll),		"its poll exponent, log2 s; ours where it names none" },
	{ "headway",	true,	PLAIN(AS_ZERO),			"time to wait for a rate limit, s: polls keep clear of it" },
	{ "flash",	true,	ASSOC(AS_HEX, flash),		"tests that failed" },
	{ "keyid",	true,	ASSOC(AS_UINT, opts.key),	"key in use, 0 = none" },
	{ "ttl",	true,	FUNCTION(put_ttl),		"row of the ttl list, or time to live, of broadcasts and searches; mode of a reference clock, as ntpd has it" },
	{ "offset",	true,	ASSOC(AS_MS3, stat.offset),	"offset, server minus us, ms" },
	{ "delay",	true,	ASSOC(AS_MS3, stat.delay),	"round-trip delay, ms" },
	{ "dispersion",	true,	FUNCTION(put_dispersion),	"dispersion, ms" },
	{ "jitter",	true,	ASSOC(AS_MS3, stat.jitter),	"jitter, ms" },
	{ "xleave",	true,	FUNCTION(put_xleave),		"by how much a broadcast left later than it said, ms, if it is interleaved" },
	{ "bias",	true,	FUNCTION(put_bias),		"correction added to each offset, ms, if any" },
	{ "filtdelay",	true,	FUNCTION(put_filtdelay),	"delay of the last eight samples, newest first, ms" },
	{ "filtoffset",	true,	FUNCTION(put_filtoffset),	"offset of the last eight samples, newest first, ms" },
	{ "filtdisp",	true,	FUNCTION(put_filtdisp),		"dispersion of the last eight samples, newest first, ms" },
	{ "ntscookies",	true,	FUNCTION(put_ntscookies),	"NTS cookies held, -1 = NTS not in use" },
	{ "config",	false,	ASSOC(AS_UINT, configured),	"whether the configuration names it" },
	{ "authenable",	false,	FUNCTION(put_authenable),	"whether it must be authenticated" },
	{ "authentic",	false,	ASSOC(AS_UINT, authentic),	"whether its last reply was authenticated" },
	{ "org",	false,	PLAIN(AS_NO_STAMP),		"origin of the last reply: not told" },
	{ "xmt",	false,	ASSOC(AS_STAMP, last.xmt),	"when its last reply left, by its clock" },
	{ "timer",	false,	FUNCTION(put_timer),		"time until the next poll, s" },
	{ "sent",	false,	ASSOC(AS_UINT, count.sent),	"requests sent" },
	{ "received",	false,	ASSOC(AS_UINT, count.received),	"replies received" },
	{ "mode",	false,	FUNCTION(put_mode),		"mode of a reference clock" },
	{ "timerec",	false,	ASSOC(AS_AGO, heard),		"time since its last reply, s" },
	{ "timereach",	false,	ASSOC(AS_AGO, changed),		"time since it became reachable or unreachable, s" },
	{ "badauth",	false,	ASSOC(AS_UINT, count.badauth),	"replies with a bad MAC" },
	{ "bogusorg",	false,	ASSOC(AS_UINT, count.bogus),	"packets that answered none of our requests" },
	{ "oldpkt",	false,	ASSOC(AS_UINT, count.dup),	"duplicates" },
	{ "seldisp",	false,	ASSOC(AS_UINT, count.seldisp),	"selections missed for too great a distance" },
	{ "selbroken",	false,	ASSOC(AS_UINT, count.selbroken), "replies of no use" },
	{ "candidate",	false,	FUNCTION(put_candidate),	"verdict of the selection, 0 to 7" },
	{ "rootdist",	false,	FUNCTION(put_rootdist),		"root distance, ms" },
	{ "peer_var_list", false, FUNCTION(put_peer_var_list),	"names of all variables of an association" },
};
const size_t vars_peer_len = NELEMS(vars_peer);

_Static_assert(NELEMS(vars_peer) <= VARS_MAX, "struct var_set has room for every row");
