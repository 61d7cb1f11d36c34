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

bool
control_is_prototype(const struct assoc *a)
{
	return a->addr.family == 0 && a->last.refid == REFID_POOL;
}

uint16_t
control_system_status(const struct control_view *v)
{
	const struct system *s = v->system;
	unsigned source = s->vars.peer != 0 ? SOURCE_NTP : SOURCE_UNSPEC;

	return (uint16_t)((s->vars.leap & 3u) << 14 | source << 8 | (s->events & 15u) << 4 | (s->event & 15u));
}

uint16_t
control_peer_status(const struct assoc *a)
{
	unsigned flags = (a->configured ? PEER_CONFIG : 0u) | (a->opts.key != 0 ? PEER_AUTHENABLE : 0u) | (a->authentic ? PEER_AUTHENTIC : 0u)
	    | (a->reach != 0 ? PEER_REACH : 0u) | (control_is_prototype(a) ? PEER_BCAST : 0u);

	return (uint16_t)((flags | ((unsigned)a->tally & 7u)) << 8 | (a->events & 15u) << 4 | (a->event & 15u));
}
