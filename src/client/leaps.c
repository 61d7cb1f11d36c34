/* SPDX-License-Identifier: BSD-2-Clause */
/* Which leap second is announced, by whose word, and when it is over. */
#include "client/system.h"

#define S_PER_DAY	86400
#define KERNEL_MARGIN	0.1	/* s past midnight until which a kernel may still be about to make it: it looks at its ticks */

/* Leap seconds come at the end of June and December (ITU-R TF.460-6), and the warning is given on that day only. */
static bool
may_leap(struct walltime wall)
{
	time_t t = (time_t)(wall.ns / NS_PER_S);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return false;
	return (tm.tm_mon == 5 && tm.tm_mday == 30) || (tm.tm_mon == 11 && tm.tm_mday == 31);
}

static struct walltime
next_midnight(struct walltime wall)
{
	return (struct walltime){ (wall.ns / (S_PER_DAY * INT64_C(1000000000)) + 1) * (S_PER_DAY * INT64_C(1000000000)) };
}

/* By vote: more than half of the survivors (RFC 8633 section 3.7), on a day that can have one. */
static struct leap_second
voted(struct assoc *const a[], size_t n, struct walltime wall)
{
	unsigned votes[4] = { 0 }, all = 0;
	int step;

	for (size_t i = 0; i < n && may_leap(wall); i++) {
		if (a[i]->tally < TALLY_CANDIDATE)
			continue;
		votes[a[i]->last.leap & 3]++;
		all++;
	}
	step = 2 * votes[LEAP_INSERT] > all ? 1 : 2 * votes[LEAP_DELETE] > all ? -1 : 0;
	return (struct leap_second){ next_midnight(wall), step };
}

/* Until when the one announced is to be waited for.  A clock of ours is set back at the midnight, or ahead a second before it; a kernel has done it by then. */
static struct walltime
due(const struct system *s)
{
	if (!s->leap_by_hand)
		return walltime_add(s->armed.at, KERNEL_MARGIN);
	return s->armed.step < 0 ? walltime_add(s->armed.at, -1) : s->armed.at;
}

static bool
is_due(const struct system *s, struct walltime wall)
{
	return s->armed.step != 0 && wall.ns >= due(s).ns;
}

/* What ought to be announced now. */
static struct leap_second
wanted(const struct system *s, struct assoc *const a[], size_t n, struct walltime wall)
{
	const struct leap_second none = { { 0 }, 0 };
	bool filed = s->leaps != NULL && !leap_expired(s->leaps, wall);
	struct leap_second w;

	if (s->vars.leap == LEAP_UNSYNC)
		return none;
	if (s->armed.step != 0 && wall.ns >= s->armed.at.ns)
		return s->armed;	/* the kernel is about to make it */
	w = filed ? leap_next(s->leaps, wall) : voted(a, n, wall);
	/* In the second put in, and just after, the midnight is still to come by the clock. */
	if (w.step == 0 || w.at.ns == s->leapt.ns || walltime_diff(w.at, wall) > LEAP_DAY)
		return none;
	return w;
}

static void
sooner(struct system_out *out, double wait)
{
	if (out->wait < 0 || wait < out->wait)
		out->wait = fmax(wait, 0);
}

/* When to look again though nothing else happens. */
static void
wait_for_edge(const struct system *s, struct walltime wall, struct system_out *out)
{
	struct leap_second next = s->leaps != NULL ? leap_next(s->leaps, wall) : (struct leap_second){ { 0 }, 0 };
	double until;

	if (s->armed.step != 0) {
		sooner(out, walltime_diff(due(s), wall));
		return;
	}
	until = walltime_diff(next.at, wall) - LEAP_DAY;
	if (next.step != 0 && until > 0 && !leap_expired(s->leaps, wall))
		sooner(out, until);
}

static void
take_tai(struct system *s, struct walltime wall, struct system_out *out)
{
	struct walltime at = wall.ns < s->leapt.ns ? s->leapt : wall;
	int tai = s->leaps == NULL || s->tai_lost ? 0 : leap_tai(s->leaps, at);

	if (tai != s->vars.tai && tai != 0)
		out->what |= SYSTEM_TAI;
	s->vars.tai = tai;
}

static void
finish(struct system *s, struct walltime wall, struct system_out *out)
{
	out->leap = s->leap_by_hand ? s->armed.step : 0;
	out->what |= SYSTEM_LEAPT;
	s->tai_lost |= s->leaps == NULL || leap_expired(s->leaps, wall);
	s->leapt = s->armed.at;
	s->armed.step = 0;
}

static void
announce(struct system *s, const struct leap_second *w, struct system_out *out)
{
	if (w->step == s->armed.step && (w->step == 0 || w->at.ns == s->armed.at.ns))
		return;
	out->what |= w->step != 0 ? SYSTEM_LEAP_ARMED : SYSTEM_LEAP_DISARMED;
	s->armed = *w;
}

/*
 * Where the smear of the next inserted second stands.  In that second itself the clock shows the time before once more: what had been reckoned until then
 * stays.
 */
static struct leap_smear
smear(const struct system *s, struct monotime now, struct walltime wall)
{
	const struct leap_smear none = { .interval = 0 }, *old = &s->vars.smear;
	struct leap_second next = s->armed;

	if (s->smear <= 0 || s->vars.leap == LEAP_UNSYNC)
		return none;
	if (next.step == 0 && s->leaps != NULL && !leap_expired(s->leaps, wall))
		next = leap_next(s->leaps, wall);
	if (next.step <= 0 || next.at.ns == s->leapt.ns)
		return none;
	if (old->interval > 0 && !monotime_before(now, old->end))
		return *old;
	return (struct leap_smear){ monotime_add(now, walltime_diff(next.at, wall)), s->smear };
}

void
system_leap(struct system *s, struct assoc *const a[], size_t n, struct monotime now, struct walltime wall, struct system_out *out)
{
	struct leap_second w;

	if (is_due(s, wall)) {
		finish(s, wall, out);
		/* From here on by the time it will be. */
		wall = walltime_add(wall, -out->leap);
	}
	w = wanted(s, a, n, wall);
	announce(s, &w, out);
	if (s->vars.leap != LEAP_UNSYNC)
		s->vars.leap = s->armed.step > 0 ? LEAP_INSERT : s->armed.step < 0 ? LEAP_DELETE : LEAP_NONE;
	s->vars.smear = smear(s, now, wall);
	take_tai(s, wall, out);
	wait_for_edge(s, wall, out);
}
