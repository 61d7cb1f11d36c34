/* SPDX-License-Identifier: BSD-2-Clause */
/* NMEA (type 20): a GPS receiver on a serial line, with or without its pulse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nmea_parse.h"
#include "ppsdev.h"
#include "serial.h"

#define BAUD_SHIFT	4	/* bits 4 to 6 of mode are the speed */
#define MODE_COUNTERS	0x10000	/* bit of mode: counters in clockstats */
#define PULSE_AGE_MAX	0.95	/* s: a sentence belongs to the pulse before it, and comes before the next */

struct nmea {
	struct serial	*serial;
	struct ppsdev	*pps;		/* NULL: no pulse is used */
	unsigned	kinds;		/* enum nmea_kind, that are used */
	struct walltime	last;		/* last time used: of the sentences of one second the first counts */
	bool		fresh;		/* a timecode has come since the last poll */
	unsigned	received, accepted, no_fix, bad, filtered, pulses;	/* since the last poll */
};

static const int bauds[] = { 4800, 9600, 19200, 38400, 57600, 115200 };

/* Without its position, if that is to stay secret. */
static void
keep_timecode(struct refclock *c, const char *text, size_t len, const struct nmea_time *t)
{
	char copy[NMEA_LEN_MAX];

	if (len > sizeof(copy))
		return;
	memcpy(copy, text, len);
	for (size_t i = 0; c->info.opts.flag[3] && i < t->place_len; i++) {
		if (copy[t->place + i] != ',' && copy[t->place + i] != '.')
			copy[t->place + i] = '_';
	}
	refclock_timecode(c, copy, len);
	((struct nmea *)c->state)->fresh = true;
}

/* The time told by a sentence that was read at host; its second began with the pulse, if there was one. */
static void
take_time(struct refclock *c, struct walltime ref, struct walltime host)
{
	struct nmea *n = c->state;
	struct walltime pulse;
	double age;

	if (n->pps != NULL && ref.ns % NS_PER_S == 0 && ppsdev_fetch(n->pps, &pulse)) {
		age = walltime_diff(host, pulse);
		if (age >= 0 && age < PULSE_AGE_MAX) {
			n->pulses++;
			refclock_reading(c, ref, pulse, c->info.opts.time1);
			return;
		}
	}
	refclock_reading(c, ref, host, c->info.opts.time2);
}

static void
on_line(struct refclock *c, const char *text, size_t len, struct walltime host)
{
	static const enum refclock_code codes[] = { [NMEA_FORMAT] = CLOCK_BAD_FORMAT, [NMEA_NO_FIX] = CLOCK_BAD_SIGNAL, [NMEA_BAD_TIME] = CLOCK_BAD_DATE };
	struct nmea *n = c->state;
	struct nmea_time t = { .place_len = 0 };
	enum nmea_err err = nmea_parse(text, len, &t);
	struct walltime ref;

	n->received++;
	if (err == NMEA_OTHER || ((err == NMEA_OK || err == NMEA_NO_FIX) && (t.kind & n->kinds) == 0))
		return;
	if (err == NMEA_OK || err == NMEA_NO_FIX)
		keep_timecode(c, text, len, &t);
	if (err != NMEA_OK) {
		n->no_fix += err == NMEA_NO_FIX;
		n->bad += err != NMEA_NO_FIX;
		refclock_bad(c, codes[err]);
		return;
	}
	ref = nmea_when(&t, host);
	if (ref.ns == n->last.ns) {
		n->filtered++;
		return;
	}
	n->last = ref;
	n->accepted++;
	serial_is_good(n->serial);
	take_time(c, ref, host);
}

bool
nmea_open(struct refclock *c)
{
	const struct refclock_opts *o = &c->info.opts;
	unsigned speed = o->mode >> BAUD_SHIFT & 7;
	struct nmea *n = c->state = calloc(1, sizeof(*n));
	char path[REFCLOCK_PATH_MAX];

	if (n == NULL)
		return false;
	if (o->baud == 0 && speed >= NELEMS(bauds)) {
		log_warnx("%s: mode %u asks for a speed that there is not", c->info.name, o->mode);
		return false;
	}
	n->kinds = o->mode & NMEA_KINDS;
	if (n->kinds == 0)
		n->kinds = NMEA_KINDS;
	if (o->flag[0]) {
		snprintf(path, sizeof(path), "/dev/gpspps%u", o->unit);
		n->pps = ppsdev_open(c, o->ppspath[0] != '\0' ? o->ppspath : path, o->flag[1]);
	}
	n->serial = serial_open(c, &(struct serial_conf){ .baud = o->baud != 0 ? o->baud : bauds[speed], .line = on_line });
	return n->serial != NULL;
}

void
nmea_ask(struct refclock *c)
{
	struct nmea *n = c->state;

	if (n->fresh && (c->info.opts.mode & MODE_COUNTERS) != 0)
		refclock_tell(c, "%s %u %u %u %u %u %u", c->info.timecode, n->received, n->accepted, n->no_fix, n->bad, n->filtered, n->pulses);
	else if (n->fresh)
		refclock_tell(c, "%s", c->info.timecode);
	n->fresh = false;
	n->received = n->accepted = n->no_fix = n->bad = n->filtered = n->pulses = 0;
}

void
nmea_close(struct refclock *c)
{
	struct nmea *n = c->state;

	if (n == NULL)
		return;
	serial_close(n->serial);
	ppsdev_close(n->pps);
	free(n);
}
