/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports of gpsd: strings end, times are times, and blanks around a report make no difference.
 *
 * Input: one line without its end.
 */
#include "fuzz.h"
#include "refclock/gpsd_json.h"

static bool
is_time(struct walltime t)
{
	return t.ns >= 0;
}

static void
check(const struct gpsd_report *r)
{
	assert(r->class <= GPSD_PPS && r->mode >= 0 && r->mode <= 3 && r->precision <= 0 && r->precision >= -64);
	assert(memchr(r->device, '\0', sizeof(r->device)) != NULL);
	assert(!r->have_time || is_time(r->time));
	assert(!r->have_pair || (is_time(r->real) && is_time(r->clock)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gpsd_report r = { .mode = 77 }, again;
	bool ok = gpsd_parse((const char *)data, size, &r);
	char *wide;

	assert(ok || r.mode == 77);
	if (!ok)
		return 0;
	check(&r);
	wide = malloc(size + 2);
	if (wide == NULL)
		return 0;
	wide[0] = ' ';
	memcpy(wide + 1, data, size);
	wide[size + 1] = '\r';
	assert(gpsd_parse(wide, size + 2, &again) && memcmp(&r.real, &again.real, sizeof(r.real)) == 0 && r.class == again.class &&
	    strcmp(r.device, again.device) == 0 && r.have_pair == again.have_pair && r.have_time == again.have_time);
	free(wide);
	return 0;
}
