/* SPDX-License-Identifier: BSD-2-Clause */
/* The variables of a reference clock. */
#include "control/vars.h"
#include "vars_table.h"

static void
put_clock_refid(struct text *t, const struct var_subject *s)
{
	put_refid(t, s->clock.stratum, s->clock.refid);
}

static void
put_clock_var_list(struct text *t, const struct var_subject *s)
{
	(void)s;
	put_names(t, vars_clock, vars_clock_len, NULL, 0);
}

const struct var_row vars_clock[] = {
	{ "name",	true,	CLOCK(AS_STRING, name),		"driver and unit" },
	{ "device",	true,	CLOCK(AS_STRING, device),	"device, or what the clock is" },
	{ "timecode",	true,	CLOCK(AS_STRING, timecode),	"what it said last" },
	{ "poll",	true,	CLOCK(AS_UINT, polls),		"polls" },
	{ "noreply",	true,	CLOCK(AS_UINT, noreply),	"polls without an answer" },
	{ "badformat",	true,	CLOCK(AS_UINT, badformat),	"answers that could not be read" },
	{ "baddata",	true,	CLOCK(AS_UINT, baddata),	"answers with a time that cannot be" },
	{ "fudgetime1",	true,	CLOCK(AS_MS3, fudgetime1),	"time added, ms" },
	{ "fudgetime2",	true,	CLOCK(AS_MS3, fudgetime2),	"a second time, as the driver has it, ms" },
	{ "stratum",	true,	CLOCK(AS_UINT, stratum),	"its stratum" },
	{ "refid",	true,	FUNCTION(put_clock_refid),	"its reference ID" },
	{ "flags",	true,	CLOCK(AS_UINT, flags),		"flag1 to flag4: 1, 2, 4, 8" },
	{ "minjitter",	true,	CLOCK(AS_MS3, minjitter),	"floor of the jitter estimate, ms" },
	{ "type",	false,	CLOCK(AS_UINT, type),		"number of the driver" },
	{ "clock_var_list", false, FUNCTION(put_clock_var_list), "names of all variables of a clock" },
};
const size_t vars_clock_len = NELEMS(vars_clock);

_Static_assert(NELEMS(vars_clock) <= VARS_MAX, "struct var_set has room for every row");
