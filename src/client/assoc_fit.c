/* SPDX-License-Identifier: BSD-2-Clause */
/* What an association has to offer to the selection, and what keeps it out. */
#include "base/ntp.h"
#include "client/assoc.h"

#define SIGMAS		3.0	/* standard deviations of the estimate that its root distance makes room for */

double
assoc_rootdist(const struct assoc *a, struct monotime now)
{
	double delay = short_to_seconds(a->last.rootdelay) + a->stat.delay;
	double sigma = a->kind == ASSOC_OWN ? 0 : sqrt(estimator_var_ahead(&a->estimator, now, 0));

	if (!a->have_stat)
		return DISP_MAX;
	return delay / 2 + short_to_seconds(a->last.rootdisp) + filter_stage_disp(&a->filter, 0, now) + fmax(a->stat.jitter, SIGMAS * sigma);
}

static bool
is_own(const struct own_refids *own, uint32_t refid)
{
	for (size_t i = 0; i < own->n; i++) {
		if (own->id[i] == refid)
			return true;
	}
	return false;
}

/* The tests of RFC 5905 section 11.2 that keep a source out of the selection. */
static unsigned
unfit(const struct assoc *a, struct monotime now, const struct select_opts *o, const struct own_refids *own)
{
	unsigned flash = 0;

	if (a->reach == 0 || a->opts.noselect || a->stopped || !a->have_stat)
		flash |= FLASH_PEER_UNREACH;
	if (a->last.leap == LEAP_UNSYNC || (a->last.stratum == STRATUM_KOD && a->kind == ASSOC_SERVER))
		flash |= FLASH_PEER_STRATUM;
	/* Whoever is above the orphan stratum has its time from an orphan, who may be ourselves. */
	if (a->last.stratum < o->floor || a->last.stratum >= o->ceiling || a->last.stratum > o->orphan)
		flash |= FLASH_PEER_STRATUM;
	if (assoc_rootdist(a, now) >= o->maxdist + DISP_RATE * log2_seconds(a->hpoll))
		flash |= FLASH_PEER_DIST;
	if (a->self || (a->last.stratum > 1 && is_own(own, a->last.refid)))
		flash |= FLASH_PEER_LOOP;
	return flash;
}

bool
assoc_candidate(struct assoc *a, struct monotime now, double steered, const struct select_opts *o, const struct own_refids *own,
    struct candidate *c)
{
	a->flash = (a->flash & FLASH_PACKET) | unfit(a, now, o, own);
	a->tally = TALLY_REJECT;
	*c = (struct candidate){ .id = a->id, .stratum = a->last.stratum, .prefer = a->opts.prefer, .always = a->opts.always };
	if (a->kind == ASSOC_OWN)
		c->est = (struct estimate){ .offset = a->stat.offset, .var = a->stat.jitter * a->stat.jitter };
	if ((a->flash & ~(unsigned)FLASH_PACKET) != 0 || (a->kind != ASSOC_OWN && !estimator_get(&a->estimator, now, steered, &c->est))) {
		a->count.seldisp += (a->flash & FLASH_PEER_DIST) != 0;
		return false;
	}
	c->rootdist = fmax(assoc_rootdist(a, now), o->mindist);
	c->jitter = fmax(a->stat.jitter, sqrt(c->est.var));	/* one sample alone shows no jitter, and is not precise for that */
	return true;
}
