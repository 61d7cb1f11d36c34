/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words, and associations by their id. */
#include "control/view.h"

const struct assoc *
control_view_assoc(const struct control_view *v, uint16_t id)
{
	for (size_t i = 0; id != 0 && i < v->nassocs; i++) {
		if (v->assocs[i]->id == id)
			return v->assocs[i];
	}
	return NULL;
}

const struct refclock_info *
control_view_clock(const struct control_view *v, const struct assoc *a)
{
	for (size_t i = 0; a->kind != ASSOC_SERVER && i < v->nclocks; i++) {
		const struct refclock_opts *o = &v->clocks[i]->opts;

		if (o->type == a->addr.ip[2] && o->unit == a->addr.ip[3])
			return v->clocks[i];
	}
	return NULL;
}

bool
control_is_prototype(const struct assoc *a)
{
	return a->addr.family == 0 && a->last.refid == REFID_POOL;
}

uint16_t
control_system_status(const struct control_view *v)
{
	const struct system *s = v->system;
	const struct assoc *peer = control_view_assoc(v, s->vars.peer);
	unsigned source = s->vars.peer == 0 ? SOURCE_UNSPEC : peer != NULL && peer->kind != ASSOC_SERVER ? peer->source : SOURCE_NTP;

	return (uint16_t)((s->vars.leap & 3u) << 14 | source << 8 | (s->events & 15u) << 4 | (s->event & 15u));
}

/* Unused, events, code. */
uint16_t
control_clock_status(const struct refclock_info *c)
{
	return (uint16_t)((c->events & 15u) << 4 | (c->code & 15u));
}

/* Nothing comes from there: where broadcasts go, or a group that is searched. */
static bool
only_sent(const struct assoc *a)
{
	return a->opts.mode == MODE_BROADCAST || a->opts.manycast;
}

uint16_t
control_peer_status(const struct assoc *a)
{
	unsigned flags = (a->configured ? PEER_CONFIG : 0u) | (a->opts.key != 0 || a->opts.nts.on ? PEER_AUTHENABLE : 0u) | (a->authentic ? PEER_AUTHENTIC : 0u)
	    | (a->reach != 0 ? PEER_REACH : 0u) | (control_is_prototype(a) || only_sent(a) ? PEER_BCAST : 0u);

	return (uint16_t)((flags | ((unsigned)a->tally & 7u)) << 8 | (a->events & 15u) << 4 | (a->event & 15u));
}
