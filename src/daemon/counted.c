/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as ntpq shows them.  The rooms count since start and never back; what was counted before a reset is taken off here. */
#include <stdlib.h>
#include <string.h>

#include "control/mode6.h"
#include "net/udp.h"
#include "root.h"

/* All there is to count, at one moment. */
struct counts {
	struct server_counters	server;
	struct control_counts	other;
	struct signd_counts	mssntp;
	struct nts_counts	nts;
};

struct counted {
	struct counts		base;	/* at the last reset of each group */
	struct control_resets	at;
};

enum group { CTL, IO, AUTH, TIMER };

/* Numbers that grow, and the group they are reset with; those not named are no counters. */
static const struct { size_t offset; enum group group; } rows[] = {
#define ROW(member, group)	{ offsetof(struct control_counts, member), group }
	ROW(control, CTL),
	ROW(io_received, IO), ROW(io_sent, IO), ROW(io_sendfailed, IO), ROW(io_dropped, IO), ROW(io_ignored, IO), ROW(io_wakeups, IO),
	ROW(io_goodwakeups, IO), ROW(io_pkt_reads, IO), ROW(io_ref_reads, IO), ROW(rbuf_lowater, IO),
	ROW(timer_overruns, TIMER), ROW(timer_xmts, TIMER),
	ROW(authklookups, AUTH), ROW(authknotfound, AUTH), ROW(authencrypts, AUTH), ROW(authdecrypts, AUTH), ROW(authdigestencrypts, AUTH),
	ROW(authdigestdecrypts, AUTH), ROW(authdigestfails, AUTH), ROW(authcmacencrypts, AUTH), ROW(authcmacdecrypts, AUTH), ROW(authcmacfails, AUTH),
#undef ROW
};

static void
count_auth(const struct keys *k, struct control_counts *c)
{
	struct keys_counts n;

	keys_get_counts(k, &n);
	c->authkeys = keys_count(k);
	c->authklookups = n.lookups;
	c->authknotfound = n.notfound;
	c->authdigestencrypts = n.digest_signed;
	c->authdigestdecrypts = n.digest_checked;
	c->authdigestfails = n.digest_failed;
	c->authcmacencrypts = n.cmac_signed;
	c->authcmacdecrypts = n.cmac_checked;
	c->authcmacfails = n.cmac_failed;
	c->authencrypts = n.digest_signed + n.cmac_signed;
	c->authdecrypts = n.digest_checked + n.cmac_checked;
}

/* Since start. */
static void
count_all(const struct root *r, struct counts *c)
{
	struct client_io io = client_io(r->client);
	uint64_t sent, received, barred;

	*c = (struct counts){ .other = { .rbuf_total = UDP_BATCH, .rbuf_free = UDP_BATCH } };
	listener_counters(r->listener, &c->server);
	client_counts(r->client, &sent, &received, &barred);
	c->server.received += received + barred;
	c->server.restricted += barred;
	c->server.processed += received;
	c->other.control = r->mode6->requests;
	c->other.io_received = c->server.received;
	c->other.io_sent = c->server.sent + r->mode6->sent + sent;
	c->other.io_dropped = c->server.dropped;
	c->other.io_sendfailed = c->server.sendfailed;
	c->other.timer_xmts = sent;
	c->other.io_dropped += listener_drops(r->listener);
	c->other.io_sent += r->signd_counts.serves_good;
	c->mssntp = r->signd_counts;
	c->other.io_ignored = c->server.ignored;
	c->other.io_wakeups = c->server.wakeups + io.wakeups;
	c->other.io_goodwakeups = c->server.goodwakeups + io.goodwakeups;
	c->other.io_pkt_reads = c->server.reads + io.reads;
	c->other.io_ref_reads = root_clocks_reads(r);
	count_auth(r->keys, &c->other);
	root_nts_counters(r, &c->nts);
}

/* The slowest is no sum: it stays that since start. */
static void
count_mssntp(const struct root *r, const struct counts *now, struct control_view *v)
{
	const struct signd_counts *base = &r->counted->base.mssntp;

	v->mssntp = v->mssntp_total = now->mssntp;
#define X(name, prose)	v->mssntp.name -= base->name;
	SIGND_COUNTERS(X)
#undef X
	v->mssntp.good_slowest = now->mssntp.good_slowest;
	v->mssntp.bad_slowest = now->mssntp.bad_slowest;
}

static uint64_t *
field(void *base, size_t offset)
{
	return (uint64_t *)(void *)((char *)base + offset);
}

static uint64_t
value(const void *base, size_t offset)
{
	uint64_t v;

	memcpy(&v, (const char *)base + offset, sizeof(v));
	return v;
}

bool
root_counted_init(struct root *r)
{
	r->counted = calloc(1, sizeof(*r->counted));
	if (r->counted == NULL)
		return false;
	r->counted->at = (struct control_resets){ r->started.mono, r->started.mono, r->started.mono, r->started.mono, r->started.mono };
	return true;
}

void
root_counted_view(const struct root *r, struct control_view *v, struct server_counters *since_reset, struct server_counters *since_start)
{
	const struct counted *c = r->counted;
	struct counts now;

	count_all(r, &now);
	*since_start = *since_reset = now.server;
	for (size_t i = 0; i < server_counter_rows_len; i++)
		*field(since_reset, server_counter_rows[i].offset) -= value(&c->base.server, server_counter_rows[i].offset);
	v->control_total = now.other.control;
	for (size_t i = 0; i < NELEMS(rows); i++)
		*field(&now.other, rows[i].offset) -= value(&c->base.other, rows[i].offset);
	count_mssntp(r, &now, v);
	v->nts_total = now.nts;
	v->nts = nts_counts_since(&now.nts, &c->base.nts);
	v->counters = since_reset;
	v->totals = since_start;
	v->count = now.other;
	v->reset = c->at;
}

static void
reset_group(struct root *r, const struct counts *now, enum group g, struct monotime *at)
{
	struct counted *c = r->counted;

	for (size_t i = 0; i < NELEMS(rows); i++) {
		if (rows[i].group == g)
			*field(&c->base.other, rows[i].offset) = value(&now->other, rows[i].offset);
	}
	*at = monotime_now();
}

void
root_counted_reset(struct root *r, const struct config_reset *which)
{
	struct counted *c = r->counted;
	struct counts now;

	if (which->allpeers)
		client_reset_counts(r->client);
	count_all(r, &now);
	if (which->sys) {
		c->base.server = now.server;
		c->base.mssntp = now.mssntp;
		c->base.nts = now.nts;
		c->at.sys = monotime_now();
	}
	if (which->io)
		reset_group(r, &now, IO, &c->at.io);
	if (which->auth)
		reset_group(r, &now, AUTH, &c->at.auth);
	if (which->ctl)
		reset_group(r, &now, CTL, &c->at.ctl);
	if (which->timer)
		reset_group(r, &now, TIMER, &c->at.timer);
}
