/* SPDX-License-Identifier: BSD-2-Clause */
/* Learns when replies leave. */
#include "depart.h"

#define LEAD_MAX	100000	/* ns: more is a turn of somebody else's on the processor, or a step of the clock */
#define EACH_MAX	20000	/* ns that one reply may take to be sent: some 2000 are usual */
#define AVERAGE_OVER	16	/* groups */
#define FIRST_SEEN	8	/* samples before anything is believed: then it is the least of them */
#define RISE		16	/* a larger sample counts for so little … */
#define FALL		8	/* … and a smaller one for so much */
#define BUSY_EVERY	256	/* groups: at two calls and two stamps of the kernel, less than a hundredth of what a reply costs */
#define SLOW_EVERY	8

static const int64_t pace_ns[DEPART_PACES - 1] = { 100000, 1000000, 10000000 };

void
depart_batch(struct depart *d, struct monotime now)
{
	int64_t gap = now.ns - d->last.ns;

	d->last = now;
	d->pace = 0;
	while (d->pace < DEPART_PACES - 1 && gap >= pace_ns[d->pace])
		d->pace++;
}

bool
depart_due(struct depart *d)
{
	struct depart_lead *l = &d->lead[d->pace];

	if (l->until > 0) {
		l->until--;
		return false;
	}
	l->until = d->pace == 0 && l->seen >= FIRST_SEEN ? BUSY_EVERY : SLOW_EVERY;
	return true;
}

int64_t
depart_lead(const struct depart *d)
{
	const struct depart_lead *l = &d->lead[d->pace];

	return l->seen >= FIRST_SEEN ? l->ns : 0;
}

void
depart_ask(struct depart *d, struct walltime ready, uint64_t xmt)
{
	d->ready = ready;
	d->xmt = xmt;
	d->left = (struct walltime){ 0 };
}

bool
depart_left(struct depart *d, uint64_t xmt, struct walltime host)
{
	if (xmt == 0 || xmt != d->xmt)
		return false;
	d->left = host;
	d->xmt = 0;
	return true;
}

static void
learn_lead(struct depart_lead *l, int64_t sample)
{
	if (l->seen < FIRST_SEEN) {
		l->ns = l->seen == 0 || sample < l->ns ? sample : l->ns;
		l->seen++;
	} else
		l->ns += (sample - l->ns) / (sample > l->ns ? RISE : FALL);
}

/* A step of the clock, or a turn of somebody else's on the processor, is no example. */
static bool
is_example(size_t n, int64_t took_ns)
{
	return n > 0 && n <= DEPART_GROUP && took_ns > 0 && took_ns <= LEAD_MAX + (int64_t)n * EACH_MAX;
}

/* What each further reply adds: a call that sends one has the same begin and end. */
static void
learn_spacing(struct depart *d, size_t n, int64_t took_ns)
{
	const struct depart_lead *l = &d->lead[d->pace];
	int64_t each = l->took_ns[0] > 0 ? (took_ns - l->took_ns[0]) / ((int64_t)n - 1) : (took_ns - depart_lead(d)) / (int64_t)n;

	if (each >= 0 && each <= EACH_MAX)
		d->spacing_ns += (each - d->spacing_ns) / AVERAGE_OVER;
}

void
depart_sent(struct depart *d, size_t n, int64_t took_ns)
{
	int64_t *took;

	if (!is_example(n, took_ns))
		return;
	took = &d->lead[d->pace].took_ns[n - 1];
	*took += *took == 0 ? took_ns : (took_ns - *took) / AVERAGE_OVER;
	if (n > 1)
		learn_spacing(d, n, took_ns);
}

void
depart_learn(struct depart *d, size_t n, int64_t took_ns)
{
	struct depart_lead *l = &d->lead[d->pace];
	int64_t lead = d->left.ns - d->ready.ns, longer;

	d->xmt = 0;
	if (d->left.ns == 0 || !is_example(n, took_ns) || l->took_ns[n - 1] == 0 || lead < 0 || lead > LEAD_MAX)
		return;
	longer = took_ns - l->took_ns[n - 1];
	lead -= longer > 0 ? longer : 0;
	learn_lead(l, lead > 0 ? lead : 0);
}
