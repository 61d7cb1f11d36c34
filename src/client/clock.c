/* SPDX-License-Identifier: BSD-2-Clause */
/* Reference clocks on the event loop: asked when their poll is due. */
#include "glue.h"

void
clock_due(struct source *s)
{
	struct client *c = s->client;
	struct monotime best = s->assoc.stat.when;
	struct clock_answer answer;
	struct clockread now;
	struct assoc_out out;

	s->ask(s->ask_arg, c->system.discipline.freq, &answer);
	sysclock_read(c->clock, &now);
	assoc_clock_poll(&s->assoc, now.mono, now.steered, &answer, &out);
	if (s->assoc.have_stat && s->assoc.stat.when.ns != best.ns)
		glue_report(c, CLIENT_SAMPLE, s->assoc.stat.offset, &s->assoc);
	source_act(s, &out);
}

bool
client_add_clock(struct client *c, const struct clock_face *f, const char *name, const struct assoc_opts *o, clock_ask *ask, void *arg)
{
	struct source *s = client_has_addr(c, &f->addr) ? NULL : source_new(c, ROLE_CLOCK, name, o);

	if (s == NULL) {
		log_warnx("reference clock %s is ignored: there is one already, or there are too many sources", name);
		return false;
	}
	s->ask = ask;
	s->ask_arg = arg;
	assoc_set_clock(&s->assoc, f);
	glue_report(c, CLIENT_ASSOC_ADDED, 0, &s->assoc);
	glue_arm(s->due, fmax(0, monotime_diff(s->assoc.next, monotime_now())));
	client_news(c);
	return true;
}
