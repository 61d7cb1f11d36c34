/* SPDX-License-Identifier: BSD-2-Clause */
/* Associations that want Network Time Security: when keys are asked for, and what happens without. */
#include "base/ntp.h"
#include "client/assoc.h"
#include "steps.h"

#define KE_RETRY	10.0	/* s between a key exchange and the next one, growing … */
#define KE_GROWTH	1.5	/* … by this factor … */
#define KE_RETRY_MAX	432000.0	/* … up to this (RFC 8915 section 4.2) */

int
assoc_cookies(const struct assoc *a)
{
	return !a->opts.nts.on ? -1 : a->exchange.shield == NULL ? 0 : (int)a->exchange.shield->ncookies;
}

/* Keys are asked for where there are none, or they have worn out: not too often, whoever wishes us to. */
void
assoc_mind_keys(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	if (a->exchange.shield != NULL && !shield_spent(a->exchange.shield))
		return;
	if (a->keying || monotime_before(now, a->ke_next))
		return;
	a->ke_next = monotime_add(now, fmin(KE_RETRY_MAX, KE_RETRY * pow(KE_GROWTH, a->ke_tries)));
	if (a->ke_tries < UINT8_MAX)
		a->ke_tries++;
	a->keying = true;
	out->what |= ASSOC_KEYS;
}

/* Without keys the polls go by in silence. */
void
assoc_pass_poll(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	a->burst = 0;
	a->exchange.open = false;
	a->next = monotime_add(now, log2_seconds(a->hpoll));
	if (!a->keying && monotime_before(a->ke_next, a->next))
		a->next = a->ke_next;
	out->wait = assoc_wait(a, now);
}

void
assoc_keyed(struct assoc *a, struct shield *s, struct monotime now, struct assoc_out *out)
{
	*out = (struct assoc_out){ .what = ASSOC_CLOSE };
	a->keying = false;
	a->exchange.open = false;
	a->exchange.shield = s;
	a->burst = 0;
	if (a->last.refid == REFID_NTS)
		a->last.refid = REFID_INIT;
	a->next = now;
	out->wait = assoc_wait(a, now);
}

void
assoc_not_keyed(struct assoc *a, struct monotime now, struct assoc_out *out)
{
	*out = (struct assoc_out){ 0 };
	a->keying = false;
	if (assoc_cookies(a) == 0 && monotime_before(a->ke_next, a->next))
		a->next = a->ke_next;
	out->wait = assoc_wait(a, now);
}
