/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds the statistics files with what the rooms report. */
#include <stdio.h>
#include <sys/resource.h>

#include "control/view.h"
#include "root.h"
#include "stats/stats.h"
#include "wire/control.h"

#define TEXT_LEN	32

#define EVENT_LINES	60	/* a minute, in the log: a flood of them tells no more than their number */

/* The line that ntpd logs of an event, for those who want it. */
static void
log_event(struct root *r, const struct clockread *now, const struct addr *addr, uint16_t status, int event, const char *text)
{
	unsigned bit = LOG_BIT(addr != NULL ? LOG_CLASS_PEER : LOG_CLASS_SYS, LOG_TYPE_EVENTS), held = 0;
	char ip[ADDR_STR_MAX] = "0.0.0.0";

	if (!log_wants(bit) || !log_ration(&r->event_lines, now->mono, EVENT_LINES, &held))
		return;
	if (held > 0)
		log_of(bit, "%u more events in the minute before", held);
	if (addr != NULL)
		addr_str(addr, ip, sizeof(ip));
	log_of(bit, "%s %04x %02x %s%s%s", ip, (status & ~15u) | (unsigned)event, (unsigned)event | (addr != NULL ? 0x80u : 0u),
	    control_event_name(addr != NULL, (unsigned)event), text != NULL ? " " : "", text != NULL ? text : "");
}

static void
system_event_file(struct root *r, const struct clockread *now, int event, const char *text)
{
	struct control_view v = { .system = client_system(r->client) };

	log_event(r, now, NULL, control_system_status(&v), event, text);
	stats_proto(r->stats, now, NULL, control_system_status(&v), (unsigned)event, text);
}

static void
peer_event_file(struct root *r, const struct clockread *now, const struct assoc *a, int event, const char *text)
{
	log_event(r, now, &a->addr, control_peer_status(a), event, text);
	stats_proto(r->stats, now, &a->addr, control_peer_status(a), (unsigned)event, text);
}

static void
mobilized(struct root *r, const struct clockread *now, const struct assoc *a, int event)
{
	char text[TEXT_LEN];

	snprintf(text, sizeof(text), "assoc %u", a->id);
	peer_event_file(r, now, a, event, text);
}

static void
clock_event(struct root *r, const struct clockread *now, int event, double offset)
{
	char text[TEXT_LEN];

	snprintf(text, sizeof(text), "%+.6f s", offset);
	system_event_file(r, now, event, text);
}

void
root_stats_news(struct root *r, const struct client_report *n)
{
	struct clockread now;

	if (r->stats == NULL)
		return;
	sysclock_read(r->clock, &now);
	switch (n->what) {
	case CLIENT_KEYS:
		break;
	case CLIENT_UPDATED:
		stats_loop(r->stats, &now, client_system(r->client));
		break;
	case CLIENT_STEPPED:
		clock_event(r, &now, EVENT_STEP, n->value);
		break;
	case CLIENT_PANIC:
		clock_event(r, &now, EVENT_PANIC, n->value);
		break;
	case CLIENT_SYNCED:
		system_event_file(r, &now, EVENT_CLOCK_SYNC, NULL);
		break;
	case CLIENT_ASSOC_ADDED:
		mobilized(r, &now, n->assoc, PEVENT_MOBILIZE);
		break;
	case CLIENT_ASSOC_REMOVED:
		mobilized(r, &now, n->assoc, PEVENT_DEMOBILIZE);
		break;
	case CLIENT_REPLY:
		stats_raw(r->stats, &now, n->assoc, n->reply);
		break;
	case CLIENT_SAMPLE:
		stats_peer(r->stats, &now, n->assoc, control_peer_status(n->assoc));
		break;
	case CLIENT_EVENT:
		if (n->assoc != NULL)
			peer_event_file(r, &now, n->assoc, n->event, NULL);
		else if (n->event == EVENT_SPIKE)
			clock_event(r, &now, EVENT_SPIKE, n->value);
		else
			system_event_file(r, &now, n->event, NULL);
		break;
	case CLIENT_ALONE:
		system_event_file(r, &now, EVENT_CLOCK_SYNC, NULL);
		break;
	case CLIENT_LOST:
	case CLIENT_SET:
	case CLIENT_NO_SERVERS:
		break;
	}
}

/* The counters of ntpq's sysstats: replies to us are packets too. */
static void
count(const struct root *r, struct server_counters *c)
{
	uint64_t sent, received, barred;

	listener_counters(r->listener, c);
	client_counts(r->client, &sent, &received, &barred);
	c->received += received + barred;
	c->restricted += barred;
	c->processed += received;
}

/* logconfig sysstatistics and peerstatistics. */
static void
log_hour(const struct root *r, const struct clockread *now)
{
	const struct sysvars *v = &client_system(r->client)->vars;
	size_t n;
	const struct assoc *const *a = client_assocs(r->client, &n);
	char ip[ADDR_STR_MAX];

	log_of(LOG_BIT(LOG_CLASS_SYS, LOG_TYPE_STATISTICS) | LOG_BIT(LOG_CLASS_CLOCK, LOG_TYPE_STATISTICS),
	    "offset %.6f sec freq %.3f ppm error %.6f poll %d", v->offset, v->freq * 1e6, v->clk_jitter, v->tc);
	log_of(LOG_BIT(LOG_CLASS_SYNC, LOG_TYPE_STATISTICS), "stratum %u, root distance %.6f s, frequency %.3f ppm", v->stratum,
	    sysvars_rootdist(v, now->mono), v->freq * 1e6);
	for (size_t i = 0; i < n; i++) {
		if (a[i]->addr.family != 0)
			log_of(LOG_BIT(LOG_CLASS_PEER, LOG_TYPE_STATISTICS), "%s reach %o offset %.6f delay %.6f jitter %.6f",
			    addr_str(&a[i]->addr, ip, sizeof(ip)), a[i]->reach, a[i]->stat.offset, a[i]->stat.delay, a[i]->stat.jitter);
	}
}

void
root_stats_hour(struct root *r)
{
	struct server_counters counters = { 0 };
	struct nts_counts nts;
	struct clockread now;
	struct rusage ru;

	if (r->stats == NULL)
		return;
	sysclock_read(r->clock, &now);
	log_hour(r, &now);
	count(r, &counters);
	stats_sys(r->stats, &now, &counters);
	root_nts_counters(r, &nts);
	stats_nts(r->stats, &now, &nts);
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		stats_use(r->stats, &now, &ru);
}

void
root_stats_keys(struct root *r, const struct addr *peer, const char *why, bool began, const struct talk_cost *cost)
{
	struct clockread now;

	if (r->stats == NULL)
		return;
	sysclock_read(r->clock, &now);
	stats_keys(r->stats, &now, peer, why, began, cost);
}

/* The first events: we have started, and know our oscillator's frequency or not. */
static void
tell_start(struct root *r, const struct clockread *now)
{
	char text[TEXT_LEN];

	system_event_file(r, now, EVENT_RESTART, NULL);
	snprintf(text, sizeof(text), "%.3f PPM", r->drift * 1e6);
	system_event_file(r, now, r->have_drift ? EVENT_FREQ_SET : EVENT_FREQ_NOT_SET, r->have_drift ? text : NULL);
}

static struct stats_opts
options(const struct config *c)
{
	return (struct stats_opts){ .dir = c->statsdir, .enabled = c->enable_stats, .set = c->filegen };
}

bool
root_stats_open(struct root *r)
{
	struct stats_opts o = options(r->config);
	struct clockread now;

	sysclock_read(r->clock, &now);
	r->stats = stats_new(&o, &now);
	if (r->stats != NULL)
		tell_start(r, &now);
	return r->stats != NULL;
}

void
root_stats_reload(struct root *r)
{
	struct stats_opts o = options(r->config);

	if (r->stats != NULL && stats_configure(r->stats, &o) == -1)
		log_warn("statistics files stay as they were");
}

void
root_stats_close(struct root *r)
{
	/* What has been counted since the last full hour would be lost otherwise. */
	root_stats_hour(r);
	stats_free(r->stats);
	r->stats = NULL;
}
