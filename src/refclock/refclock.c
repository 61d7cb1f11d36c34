/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a reference clock, whatever its driver. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "sysclock/sysclock.h"

#define CALIBRATE_SHARE	0.1	/* of an offset that goes into time1, as in ntpd */
#define BUSY_GAP	4.0	/* s until a clock is asked again that is about to tell the time */
#define EVENTS_MAX	15	/* as the status word counts them */

const struct refclock_opts refclock_defaults = { .stratum = -1 };

bool
refclock_opts_equal(const struct refclock_opts *a, const struct refclock_opts *b)
{
	return a->type == b->type && a->unit == b->unit && a->time1 == b->time1 && a->time2 == b->time2 && a->stratum == b->stratum
	    && strcmp(a->refid, b->refid) == 0 && memcmp(a->flag, b->flag, sizeof(a->flag)) == 0 && a->minjitter == b->minjitter
	    && strcmp(a->abbrev, b->abbrev) == 0 && strcmp(a->path, b->path) == 0 && strcmp(a->ppspath, b->ppspath) == 0 && a->mode == b->mode
	    && a->baud == b->baud && a->subtype == b->subtype && memcmp(a->phone, b->phone, sizeof(a->phone)) == 0;
}

struct addr
refclock_addr(const struct refclock_opts *o)
{
	return (struct addr){ .family = 4, .ip = { 127, 127, o->type, o->unit }, .port = NTP_PORT };
}

static uint32_t
refid_of(const char text[5])
{
	uint8_t o[4] = { 0 };

	memcpy(o, text, strnlen(text, sizeof(o)));
	return REFID(o[0], o[1], o[2], o[3]);
}

/* Puts the unit where the name of a device has %u. */
static void
name_device(const char *pattern, unsigned n, char out[static REFCLOCK_PATH_MAX])
{
	const char *unit = strstr(pattern, "%u");

	if (unit != NULL)
		snprintf(out, REFCLOCK_PATH_MAX, "%.*s%u", (int)(unit - pattern), pattern, n);
	else
		snprintf(out, REFCLOCK_PATH_MAX, "%s", pattern);
}

void
refclock_find_device(struct refclock *c, const char *other)
{
	char path[REFCLOCK_PATH_MAX];

	if (c->info.opts.path[0] != '\0' || access(c->device, F_OK) == 0)
		return;
	name_device(other, c->info.opts.unit, path);
	if (access(path, F_OK) == 0)
		snprintf(c->device, sizeof(c->device), "%s", path);
}

static void
describe(struct refclock *c, const struct refclock_opts *o)
{
	const struct refclock_driver *d = c->driver;

	c->info = (struct refclock_info){
		.opts = *o,
		.given = o->time1,
		.driver = d->abbrev,
		.device = c->device,
		.kind = d->kind,
		.stratum = o->stratum >= 0 ? (uint8_t)o->stratum : d->stratum,
		.source = d->source,
		.refid = o->refid[0] != '\0' ? refid_of(o->refid) : d->refid,
	};
	snprintf(c->info.name, sizeof(c->info.name), "%.24s(%u)", o->abbrev[0] != '\0' ? o->abbrev : d->abbrev, o->unit);
	if (o->path[0] != '\0')
		snprintf(c->device, sizeof(c->device), "%s", o->path);
	else
		name_device(d->device, o->unit, c->device);
}

struct refclock *
refclock_open(const struct refclock_env *env, const struct refclock_opts *o)
{
	const struct refclock_driver *d = refclock_driver(o->type);
	struct refclock *c;

	if (d == NULL || d->standing != REFCLOCK_HERE)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->driver = d;
	c->env = *env;
	c->precision = log2_seconds(sysclock_precision(env->clock));
	c->its_precision = sysclock_precision(env->clock);
	c->generation = sysclock_generation(env->clock);
	readings_init(&c->readings);
	describe(c, o);
	if (!d->open(c)) {
		refclock_close(c);
		return NULL;
	}
	return c;
}

void
refclock_close(struct refclock *c)
{
	if (c == NULL)
		return;
	c->driver->close(c);
	free(c);
}

const struct refclock_info *
refclock_info(const struct refclock *c)
{
	return &c->info;
}

void
refclock_calibrate(struct refclock *c, double offset)
{
	c->info.opts.time1 -= CALIBRATE_SHARE * offset;
}

bool
refclock_is_of(const struct refclock *c, const struct refclock_opts *o)
{
	struct refclock_opts given = c->info.opts;

	given.time1 = c->info.given;
	return refclock_opts_equal(&given, o);
}

void
refclock_bad(struct refclock *c, enum refclock_code code)
{
	c->info.noreply += code == CLOCK_NO_REPLY;
	c->info.reads += code != CLOCK_NO_REPLY;
	c->info.badformat += code == CLOCK_BAD_FORMAT;
	c->info.baddata += code > CLOCK_BAD_FORMAT;
	if (c->info.code != code && c->info.events < EVENTS_MAX)
		c->info.events++;
	c->alarm = c->alarm || (c->info.code != code && code != CLOCK_NOMINAL);
	c->info.code = (uint8_t)code;
}

void
refclock_reading(struct refclock *c, struct walltime ref, struct walltime host, double fudge)
{
	struct walltime ours = sysclock_at_host(c->env.clock, host);
	unsigned generation = sysclock_generation(c->env.clock);
	struct clockread now;
	struct monotime when;

	c->info.reads++;
	sysclock_read(c->env.clock, &now);
	when = monotime_add(now.mono, -walltime_diff(now.host, host));
	if (generation != c->generation) {
		readings_drop(&c->readings);
		c->generation = generation;
		/* Stamped before our clock was moved, maybe, as a pulse that the kernel kept or a telegram that took its time; our own clock is read now. */
		if (c->driver->kind != REFCLOCK_OWN)
			return;
	}
	readings_add(&c->readings, when, walltime_diff(ref, ours) + fudge + sysclock_steered(c->env.clock, when));
	c->reftime = ref;
}

void
refclock_pulse(struct refclock *c, struct walltime host, double fudge)
{
	struct walltime ours = walltime_add(sysclock_at_host(c->env.clock, host), -fudge);
	int64_t within = ours.ns % NS_PER_S;
	struct walltime ref = { ours.ns - within + (within >= NS_PER_S / 2 ? NS_PER_S : 0) };

	refclock_reading(c, ref, host, fudge);
}

void
refclock_timecode(struct refclock *c, const char *text, size_t len)
{
	size_t n = len < sizeof(c->info.timecode) ? len : sizeof(c->info.timecode) - 1;

	for (size_t i = 0; i < n; i++)
		c->info.timecode[i] = text[i] >= ' ' && text[i] <= '~' && text[i] != '"' ? text[i] : '.';
	c->info.timecode[n] = '\0';
}

void
refclock_tell(struct refclock *c, const char *fmt, ...)
{
	char text[2 * REFCLOCK_TEXT_MAX];
	va_list ap;

	if (c->env.record == NULL)
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		c->env.record(c->env.arg, c, text);
	va_end(ap);
}

bool
refclock_may_log(struct refclock *c)
{
	unsigned held = 0;

	return log_gate_open(&c->gate, monotime_now(), &held);
}

void
refclock_ask(struct refclock *c, double freq, struct clock_answer *out)
{
	struct readings_sample s;

	c->info.polls++;
	if (c->driver->ask != NULL)
		c->driver->ask(c);
	if (sysclock_generation(c->env.clock) != c->generation)
		readings_drop(&c->readings);
	if (c->busy) {
		*out = (struct clock_answer){ .again = BUSY_GAP };
		return;
	}
	if (!readings_take(&c->readings, freq, &s)) {
		if (c->info.code <= CLOCK_NO_REPLY)
			refclock_bad(c, CLOCK_NO_REPLY);
		*out = (struct clock_answer){ .alarm = c->alarm };
		c->alarm = false;
		return;
	}
	*out = (struct clock_answer){ .alarm = c->alarm, .have = true };
	c->alarm = false;
	c->info.code = CLOCK_NOMINAL;
	out->sample.when = s.when;
	out->sample.steered = sysclock_steered(c->env.clock, s.when);
	out->sample.offset = s.raw - out->sample.steered;
	out->sample.disp = fmax(fmax(s.noise, c->precision), c->info.opts.minjitter);
	out->floor = fmax(c->precision, c->info.opts.minjitter);
	out->leap = c->leap;
	out->precision = c->its_precision;
	out->reftime = c->reftime;
	out->refid = c->info.refid;
}
