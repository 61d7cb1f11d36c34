/* SPDX-License-Identifier: BSD-2-Clause */
/* Which sources there are: added at start and by reading the configuration again, which keeps all that have not changed. */
#include <errno.h>
#include <string.h>

#include "glue.h"

/* What no association can be made with, in the words of the log. */
static const char *
reject_addr(const struct client *c, const struct addr *a)
{
	if (addr_is_unusable(a) || (addr_is_loopback(a) && a->family == 4))
		return "an address that cannot be a time source";
	return client_has_addr(c, a) ? "a source already" : NULL;
}

bool
client_add(struct client *c, const char *host, int family, bool pool, const struct assoc_opts *o)
{
	struct addr a = { 0 };
	bool literal = addr_parse(&a, host, family) && !pool;
	enum source_role role = pool ? ROLE_POOL : o->manycast ? ROLE_MANYCAST : o->mode == MODE_BROADCAST ? ROLE_BROADCAST : ROLE_SERVER;
	const char *why = literal && role == ROLE_SERVER ? reject_addr(c, &a) : NULL;
	struct source *s;

	if (why != NULL) {
		log_warnx("server %s is ignored: it is %s", host, why);
		return false;
	}
	s = source_new(c, role, literal ? "" : host, o);
	if (s == NULL) {
		if (c->n < SYSTEM_ASSOCS_MAX)
			log_warnx("server %s is ignored: %s", host, strerror(ENOMEM));
		else
			log_warnx("server %s is ignored: there are %zu sources already", host, c->n);
		return false;
	}
	s->family = family;
	if (literal)
		source_set_addr(s, &a);
	else
		naming_ask(s);
	client_news(c);
	return true;
}

static bool
same_opts(const struct assoc_opts *a, const struct assoc_opts *b)
{
	return a->version == b->version && a->minpoll == b->minpoll && a->maxpoll == b->maxpoll && a->iburst == b->iburst && a->burst == b->burst
	    && a->prefer == b->prefer && a->noselect == b->noselect && a->always == b->always && a->preempt == b->preempt && a->xleave == b->xleave
	    && a->mode == b->mode && a->manycast == b->manycast && a->ttl == b->ttl
	    && a->key == b->key && a->bias == b->bias && a->nts.on == b->nts.on && a->nts.noval == b->nts.noval
	    && strcmp(a->nts.ca, b->nts.ca) == 0 && strcmp(a->nts.aead, b->nts.aead) == 0;
}

/* Is this the source of that line?  A literal address has no name. */
static bool
is_line(const struct source *s, const char *host, int family, bool pool)
{
	struct addr a;

	if (!s->assoc.configured || (s->role == ROLE_POOL) != pool || s->family != family)
		return false;
	if (s->assoc.name[0] != '\0' && s->role != ROLE_CLOCK)
		return strcmp(s->assoc.name, host) == 0;
	return addr_parse(&a, host, family) && addr_same_host(&a, &s->assoc.addr);
}

void
client_roster_begin(struct client *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->source[i]->kept = false;
}

bool
client_roster_keep(struct client *c, const char *host, int family, bool pool, const struct assoc_opts *o)
{
	for (size_t i = 0; i < c->n; i++) {
		struct source *s = c->source[i];

		if (s->kept || !is_line(s, host, family, pool) || !same_opts(&s->assoc.opts, o))
			continue;
		s->kept = true;
		return true;
	}
	return false;
}

static bool
pool_is_kept(const struct client *c, uint16_t id)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->assoc[i]->id == id)
			return c->source[i]->kept;
	}
	return false;
}

size_t
client_roster_end(struct client *c)
{
	char who[SOURCE_STR_MAX];
	size_t removed = 0;

	/* The members first, while it can still be seen whose they are. */
	for (size_t i = 0; i < c->n; i++) {
		if (c->source[i]->role == ROLE_MEMBER)
			c->source[i]->kept = pool_is_kept(c, c->source[i]->pool);
		else if (!c->assoc[i]->configured)
			c->source[i]->kept = true;
	}
	for (size_t i = c->n; i > 0; i--) {
		if (c->source[i - 1]->kept)
			continue;
		log_of(LOG_PEER_INFO, "%s is not a source any more", source_str(c->source[i - 1], who, sizeof(who)));
		source_remove(c->source[i - 1]);
		removed++;
	}
	return removed;
}

bool
client_unpeer(struct client *c, uint16_t id)
{
	struct source *found = NULL;

	for (size_t i = 0; i < c->n; i++) {
		c->source[i]->kept = c->assoc[i]->id != id;
		if (!c->source[i]->kept)
			found = c->source[i];
	}
	if (found == NULL)
		return false;
	if (client_is_prototype(found))
		client_roster_end(c);
	else
		source_remove(found);
	return true;
}

void
client_events_read(struct client *c, uint16_t id)
{
	if (id == 0)
		c->system.events = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (c->assoc[i]->id == id)
			c->assoc[i]->events = 0;
	}
}

void
client_reset_counts(struct client *c)
{
	struct nts_exchanges nts;

	client_counts(c, &c->sent, &c->received, &c->barred);
	client_nts(c, &nts);
	c->nts = nts;
	for (size_t i = 0; i < c->n; i++)
		c->assoc[i]->count = (struct assoc_counts){ 0 };
}

void
client_set_keys(struct client *c, const struct keys *keys)
{
	c->opts.keys = keys;
	for (size_t i = 0; i < c->n; i++) {
		bool silent = c->assoc[i]->keyless;

		source_set_key(c->source[i]);
		if (silent && !c->assoc[i]->keyless && c->assoc[i]->addr.family != 0)
			glue_arm(c->source[i]->due, 0);
	}
}

void
client_reconfigure(struct client *c, const struct select_opts *so, const struct discipline_opts *d, int dscp)
{
	c->opts.dscp = dscp;
	c->opts.select = *so;
	c->opts.discipline = *d;
	c->system.select = *so;
	c->system.discipline.opts = *d;
	c->system.vars.disp_rate = d->dispersion;
	client_news(c);
}
