/* SPDX-License-Identifier: BSD-2-Clause */
/* The variables of a reference clock. */
#include "base/ntp.h"
#include "control/vars.h"
#include "vars_table.h"

static const struct refclock_info *
clock_of(const struct var_subject *s)
{
	return control_view_clock(s->v, s->a);
}

static void
put_type(struct text *t, const struct var_subject *s)
{
	text_add(t, "%u", clock_of(s)->opts.type);
}

static void
put_timecode(struct text *t, const struct var_subject *s)
{
	text_quote(t, clock_of(s)->timecode, REFCLOCK_TEXT_MAX);
}

static void
put_fudgetime1(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, clock_of(s)->opts.time1);
}

static void
put_fudgetime2(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, clock_of(s)->opts.time2);
}

static void
put_minjitter(struct text *t, const struct var_subject *s)
{
	put_ms(t, 3, clock_of(s)->opts.minjitter);
}

/* A clock is named by characters whatever stratum it was given. */
static void
put_clock_refid(struct text *t, const struct var_subject *s)
{
	put_refid(t, 0, clock_of(s)->refid);
}

static void
put_flags(struct text *t, const struct var_subject *s)
{
	const bool *flag = clock_of(s)->opts.flag;

	text_add(t, "%u", flag[0] | flag[1] << 1 | flag[2] << 2 | flag[3] << 3);
}

static void
put_clock_var_list(struct text *t, const struct var_subject *s)
{
	(void)s;
	put_names(t, vars_clock, vars_clock_len, NULL, 0);
}

const struct var_row vars_clock[] = {
	{ "name",	true,	CLOCK(AS_STRING, driver),	"driver" },
	{ "device",	true,	CLOCK(AS_STRING, device),	"device, or what it is" },
	{ "timecode",	true,	FUNCTION(put_timecode),		"last timecode" },
	{ "poll",	true,	CLOCK(AS_UINT, polls),		"polls" },
	{ "noreply",	true,	CLOCK(AS_UINT, noreply),	"polls at which there was nothing" },
	{ "badformat",	true,	CLOCK(AS_UINT, badformat),	"timecodes that could not be read" },
	{ "baddata",	true,	CLOCK(AS_UINT, baddata),	"timecodes that were of no use" },
	{ "minjitter",	true,	FUNCTION(put_minjitter),	"least jitter assumed, ms" },
	{ "fudgetime1",	true,	FUNCTION(put_fudgetime1),	"time1, ms" },
	{ "fudgetime2",	true,	FUNCTION(put_fudgetime2),	"time2, ms" },
	{ "stratum",	true,	CLOCK(AS_UINT, stratum),	"its stratum" },
	{ "refid",	true,	FUNCTION(put_clock_refid),	"its reference ID" },
	{ "flags",	true,	FUNCTION(put_flags),		"flag1 to flag4, as bits from 1 to 8" },
	{ "type",	false,	FUNCTION(put_type),		"number of the driver" },
	{ "clock_var_list", false, FUNCTION(put_clock_var_list), "names of all variables of a clock" },
};
const size_t vars_clock_len = NELEMS(vars_clock);
