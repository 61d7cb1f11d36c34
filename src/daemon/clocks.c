/* SPDX-License-Identifier: BSD-2-Clause */
/* Joins the reference clocks with the client, and keeps those that are open. */
#include <stdlib.h>
#include <string.h>

#include "control/view.h"
#include "root.h"
#include "stats/stats.h"

static void
on_record(void *arg, const struct refclock *c, const char *text)
{
	struct root *r = arg;
	struct addr a = refclock_addr(&refclock_info(c)->opts);
	struct clockread now;

	if (r->stats == NULL)
		return;
	sysclock_read(r->clock, &now);
	stats_clock(r->stats, &now, &a, text);
}

/* Nobody tells the time, or nobody but that clock itself. */
static bool
on_alone(void *arg, const struct refclock *c)
{
	const struct root *r = arg;
	const struct sysvars *v = r->client != NULL ? &client_system(r->client)->vars : NULL;

	return v == NULL || v->leap == LEAP_UNSYNC || v->refid == refclock_info(c)->refid;
}

static void
on_ask(void *arg, double freq, struct clock_answer *out)
{
	refclock_ask(arg, freq, out);
}

static struct refclock **
find_clock(struct root *r, uint8_t type, uint8_t unit)
{
	for (size_t i = 0; i < r->nclocks; i++) {
		const struct refclock_opts *o = &refclock_info(r->clocks[i])->opts;

		if (o->type == type && o->unit == unit)
			return &r->clocks[i];
	}
	return NULL;
}

/* A call that the sandbox was not told of would be the end of the daemon. */
static bool
is_allowed(const struct root *r, const struct refclock_opts *o)
{
	if (!r->sandboxed || (refclock_needs(o->type) & ~r->clock_needs) == 0)
		return true;
	log_warnx("reference clock %s(%u): the sandbox was made without it, so it takes effect at the next start", refclock_type_name(o->type), o->unit);
	return false;
}

static struct refclock *
open_clock(struct root *r, const struct refclock_opts *o)
{
	const struct refclock_env env = { .base = r->base, .clock = r->clock, .record = on_record, .alone = on_alone, .arg = r };
	struct refclock *c;

	if (!is_allowed(r, o))
		return NULL;
	c = r->nclocks < NELEMS(r->clocks) ? refclock_open(&env, o) : NULL;
	if (c != NULL)
		r->clocks[r->nclocks++] = c;
	else
		log_warnx("reference clock %s(%u) cannot be used", refclock_type_name(o->type), o->unit);
	return c;
}

void
root_clocks_open(struct root *r)
{
	for (const struct config_source *s = r->config->sources; s != NULL; s = s->next) {
		if (s->kind == SOURCE_CLOCK)
			open_clock(r, &s->clock);
	}
}

bool
root_clock_add(struct root *r, const struct config_source *s)
{
	static const enum assoc_kind kinds[] = { [REFCLOCK_TIME] = ASSOC_CLOCK, [REFCLOCK_OWN] = ASSOC_OWN, [REFCLOCK_PULSE] = ASSOC_PULSE };
	struct refclock **open = find_clock(r, s->clock.type, s->clock.unit), *c = open != NULL ? *open : open_clock(r, &s->clock);
	const struct refclock_info *i;
	struct clock_face f;

	if (c == NULL)
		return false;
	i = refclock_info(c);
	f = (struct clock_face){ .addr = refclock_addr(&i->opts), .kind = kinds[i->kind], .stratum = i->stratum, .source = i->source,
	    .refid = i->refid };
	return client_add_clock(r->client, &f, i->name, &s->opts, on_ask, c);
}

bool
root_clock_same(struct root *r, const struct config_source *s)
{
	struct refclock **open = find_clock(r, s->clock.type, s->clock.unit);

	return open != NULL && refclock_is_of(*open, &s->clock);
}

void
root_clock_gone(struct root *r, const struct assoc *a)
{
	struct refclock **open = a->kind != ASSOC_SERVER ? find_clock(r, a->addr.ip[2], a->addr.ip[3]) : NULL;

	if (open == NULL)
		return;
	r->clock_reads += refclock_info(*open)->reads;
	refclock_close(*open);
	*open = r->clocks[--r->nclocks];
}

/* What the system follows is a pulse, and our clock is where that says; as ntpd does it. */
void
root_clock_sample(struct root *r, const struct assoc *a)
{
	const struct system *s = client_system(r->client);
	struct refclock **open = a->kind == ASSOC_CLOCK && r->config->enable_calibrate ? find_clock(r, a->addr.ip[2], a->addr.ip[3]) : NULL;
	size_t n;
	const struct assoc *const *all = client_assocs(r->client, &n);

	if (open == NULL || fabs(s->vars.offset) >= s->select.mindist)
		return;
	for (size_t i = 0; i < n; i++) {
		if (all[i]->id == s->vars.peer && all[i]->kind == ASSOC_PULSE)
			refclock_calibrate(*open, a->stat.offset);
	}
}

void
root_clocks_close(struct root *r)
{
	while (r->nclocks > 0)
		refclock_close(r->clocks[--r->nclocks]);
}

size_t
root_clocks_list(const struct root *r, const struct refclock_info *out[static ROOT_CLOCKS])
{
	for (size_t i = 0; i < r->nclocks; i++)
		out[i] = refclock_info(r->clocks[i]);
	return r->nclocks;
}

uint64_t
root_clocks_reads(const struct root *r)
{
	uint64_t sum = r->clock_reads;

	for (size_t i = 0; i < r->nclocks; i++)
		sum += refclock_info(r->clocks[i])->reads;
	return sum;
}

unsigned
root_clocks_need(const struct root *r)
{
	unsigned needs = 0;

	for (size_t i = 0; i < r->nclocks; i++)
		needs |= refclock_needs(refclock_info(r->clocks[i])->opts.type);
	return needs;
}
