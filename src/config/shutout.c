/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources whose replies the file's own restrict lines would drop: told when the file is read, or a silent server is all that can be seen. */
#include <stdlib.h>

#include "base/ntp.h"
#include "reader.h"

/* The flag that keeps out a source that is where these flags hold. */
static const struct restrict_flag *
barred_by(unsigned flags, const struct config_source *s)
{
	return restrict_bars_reply(flags & ~RESTRICT_FLAKE, s->opts.version, s->opts.key != 0, 0);
}

/* The list as the daemon will have it. */
static struct restrict_list *
make_list(const struct config *c)
{
	struct restrict_list *l = restrict_new();

	for (const struct config_restrict *e = c->restricts; e != NULL && l != NULL; e = e->next) {
		if (e->source)
			restrict_source_template(l, true, &e->rule);
		else if (restrict_add(l, &e->rule) == -1) {
			restrict_free(l);
			l = NULL;
		}
	}
	return l;
}

static const struct restrict_flag *
address_barred(struct restrict_list *l, const struct config_source *s, struct addr a)
{
	const struct restrict_flag *f = NULL;

	a.port = NTP_PORT;
	if (restrict_source_add(l, &a) == 0)
		f = barred_by(restrict_lookup(l, &a)->rule.flags, s);
	restrict_source_remove(l, &a);
	return f;
}

/* A name is shut out if every entry that may be for its address says so, but those of this machine, where no server is. */
static const struct restrict_flag *
name_barred(const struct reader *r, const struct config_source *s)
{
	const struct restrict_flag *f = NULL;
	bool template = false;

	for (const struct config_restrict *e = r->c->restricts; e != NULL; e = e->next)
		template = template || e->source;
	for (const struct config_restrict *e = r->c->restricts; e != NULL; e = e->next) {
		bool dflt = !e->source && addr_is_any(&e->rule.mask);

		if (e->source ? false : addr_is_loopback(&e->rule.addr) || (s->family != 0 && s->family != e->rule.addr.family) || (template && dflt))
			continue;
		f = barred_by(e->rule.flags, s);
		if (f == NULL)
			return NULL;
	}
	return f;
}

/* Names on restrict lines that have not been looked up may be those of the sources. */
void
settle_shut_out(struct reader *r)
{
	struct restrict_list *l = make_list(r->c);

	for (const struct config_source *s = r->c->sources; s != NULL && l != NULL; s = s->next) {
		const struct restrict_flag *f = NULL;
		struct addr a;

		if (s->kind == SOURCE_CLOCK || s->opts.mode == MODE_BROADCAST || s->opts.manycast)
			continue;
		if (addr_parse(&a, s->host, s->family))
			f = address_barred(l, s, a);
		else if (!r->unknown_names)
			f = name_barred(r, s);
		if (f != NULL)
			reader_settle_warn(r, "source %.200s is shut out: restrict says '%s' of its address, so its replies will be dropped", s->host, f->name);
	}
	restrict_free(l);
}
