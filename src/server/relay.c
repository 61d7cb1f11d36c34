/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues from a worker to the main thread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ntp.h"
#include "base/random.h"
#include "relay.h"

#define SHARE	(RELAY_MAX / 4)		/* places that one name may take where names count */

/*
 * Queries of other machines are limited together, as their addresses may be forged and are too many to be told apart: at some 2 us for each, that is a hundredth
 * of the main thread's time.  One who reads the list of recent clients asks a thousand times a second.  Names of associations are few, and who floods in one
 * is to hide no more than that one; strangers' are as many as somebody likes to make up.
 */
static const struct { bool limited, by_name; double rate, burst; } kinds[RELAY_KINDS] = {
	[RELAY_LOCAL]	= { .limited = false },
	[RELAY_PEER]	= { .limited = true, .by_name = true, .rate = 500, .burst = RELAY_MAX },
	[RELAY_OTHER]	= { .limited = true, .by_name = true, .rate = 16, .burst = SHARE },
	[RELAY_CONTROL]	= { .limited = true, .by_name = false, .rate = 4000, .burst = 256 },
	[RELAY_MSSNTP]	= { .limited = true, .by_name = false, .rate = 4000, .burst = 256 },
};

bool
relay_init(struct relay *r, struct monotime now)
{
	r->key = (struct steer_key){ { (uint32_t)random_u64(), (uint32_t)random_u64() } };
	for (size_t kind = 0; kind < RELAY_KINDS; kind++) {
		for (size_t i = 0; i < NELEMS(r->gate[kind]) * RELAY_NAMES; i++)
			r->gate[kind][i / RELAY_NAMES][i % RELAY_NAMES] = (struct relay_gate){ .open = kinds[kind].burst, .at = now };
		r->queue[kind] = calloc(RELAY_MAX, sizeof(*r->queue[kind]));
		if (r->queue[kind] == NULL)
			return false;
	}
	return true;
}

void
relay_clear(struct relay *r)
{
	for (size_t kind = 0; kind < RELAY_KINDS; kind++)
		free(r->queue[kind]);
}

static enum relay_kind
kind_of(const struct passed *p)
{
	unsigned mode = p->d->len > 0 ? respond_mode(p->d->buf[0]) : MODE_RESERVED;

	if (mode == MODE_CONTROL)
		return addr_is_loopback(&p->d->peer) ? RELAY_LOCAL : RELAY_CONTROL;
	if (mode == MODE_CLIENT)
		return RELAY_MSSNTP;
	return p->known ? RELAY_PEER : RELAY_OTHER;
}

static bool
gate_lets_in(struct relay_gate *g, enum relay_kind kind, struct monotime now)
{
	double since = monotime_diff(now, g->at);

	if (since > 0) {
		g->open = fmin(kinds[kind].burst, g->open + since * kinds[kind].rate);
		g->at = now;
	}
	if (g->open < 1)
		return false;
	g->open--;
	return true;
}

static bool
has_share(const struct relay *r, enum relay_kind kind, unsigned name, bool is_signed)
{
	size_t taken = 0;

	for (size_t i = 0; i < r->n[kind]; i++) {
		const struct relayed *one = &r->queue[kind][(r->first[kind] + i) % RELAY_MAX];

		taken += one->name == name && one->is_signed == is_signed;
	}
	return taken < SHARE;
}

bool
relay_put(struct relay *r, const struct passed *p, struct monotime now)
{
	enum relay_kind kind = kind_of(p);
	unsigned name = kinds[kind].by_name ? steer_pick(&p->d->peer, RELAY_NAMES, &r->key) : 0;
	struct relayed *to;

	if (r->n[kind] == RELAY_MAX || p->d->len > PACKET_MAX || (kinds[kind].by_name && !has_share(r, kind, name, p->is_signed)))
		return false;
	if (kinds[kind].limited && !gate_lets_in(&r->gate[kind][p->is_signed][name], kind, now))
		return false;
	to = &r->queue[kind][(r->first[kind] + r->n[kind]++) % RELAY_MAX];
	to->d = *p->d;
	to->flags = p->flags;
	to->fd = p->fd;
	to->name = name;
	to->is_signed = p->is_signed;
	memcpy(to->buf, p->d->buf, p->d->len);
	return true;
}

bool
relay_take(struct relay *r, enum relay_kind kind, struct relayed *out)
{
	if (r->n[kind] == 0)
		return false;
	*out = r->queue[kind][r->first[kind]];
	out->d.buf = out->buf;
	r->first[kind] = (r->first[kind] + 1) % RELAY_MAX;
	r->n[kind]--;
	return true;
}

bool
relay_waits(const struct relay *r)
{
	for (size_t kind = 0; kind < RELAY_KINDS; kind++)
		if (r->n[kind] > 0)
			return true;
	return false;
}

void
relay_forget(struct relay *r, int fd)
{
	for (size_t kind = 0; kind < RELAY_KINDS; kind++) {
		for (size_t i = 0; i < r->n[kind]; i++) {
			struct relayed *one = &r->queue[kind][(r->first[kind] + i) % RELAY_MAX];

			if (one->fd == fd)
				one->fd = -1;
		}
	}
}
