/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of NTS, taken from each other. */
#include "nts/counts.h"

static void
take_off(struct keserver_sum *s, const struct keserver_sum *before)
{
	s->n -= before->n;
	s->wall -= before->wall;
	s->cpu -= before->cpu;
}

struct nts_counts
nts_counts_since(const struct nts_counts *now, const struct nts_counts *before)
{
	struct nts_counts c = *now;

	c.client.sent -= before->client.sent;
	c.client.good -= before->client.good;
	c.client.bad -= before->client.bad;
#define X(name, prose)	c.warden.name -= before->warden.name;
	WARDEN_COUNTERS(X)
#undef X
	take_off(&c.ke.good, &before->ke.good);
	take_off(&c.ke.bad, &before->ke.bad);
	take_off(&c.ke.nossl, &before->ke.nossl);
	c.probes.probes_good -= before->probes.probes_good;
	c.probes.probes_bad -= before->probes.probes_bad;
	return c;
}
