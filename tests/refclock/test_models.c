/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of receivers: each is whole, and found by its subtype or mode. */
#include <string.h>

#include "refclock/receiver.h"
#include "../unit.h"

static const uint8_t types[] = {
	REFCLOCK_SPECTRACOM, REFCLOCK_TRUETIME, REFCLOCK_GENERIC, REFCLOCK_ARBITER, REFCLOCK_HPGPS, REFCLOCK_TRIMBLE, REFCLOCK_ONCORE, REFCLOCK_JJY,
	REFCLOCK_ZYFER,
};

START_TEST(each_model_has_what_its_protocol_needs)
{
	for (size_t i = 0; i < receiver_models_len; i++) {
		const struct receiver_model *m = &receiver_models[i];
		bool framed = m->protocol == RECEIVER_TEXT || m->protocol == RECEIVER_SCHMID;

		ck_assert_msg(receiver_kind(m->type) != NULL, "row %zu", i);
		ck_assert_msg(m->baud > 0 && framed == (m->framing != NULL) && (m->protocol == RECEIVER_TEXT) == (m->formats != NULL), "row %zu", i);
		ck_assert_msg((m->asking == ASK_NEVER) == (m->every == 0), "row %zu", i);
		ck_assert_msg((m->asking == ASK_EVERY || m->asking == ASK_SILENT) == (m->ask[0].len > 0), "row %zu", i);
		for (size_t k = 0; k < RECEIVER_COMMANDS && m->ask[k].len > 0; k++)
			ck_assert_ptr_nonnull(m->ask[k].octets);
	}
}
END_TEST

START_TEST(a_model_is_found_by_its_subtype_or_its_mode)
{
	for (size_t i = 0; i < receiver_models_len; i++) {
		const struct receiver_model *m = &receiver_models[i];
		struct refclock_opts o = { .type = m->type, .subtype = m->subtype > 0 ? m->subtype : 0 };

		ck_assert_msg(receiver_model(&o) == m, "row %zu", i);
		o = (struct refclock_opts){ .type = m->type, .mode = m->subtype > 0 ? (uint32_t)m->subtype : 0 };
		ck_assert_msg(receiver_model(&o) == m, "row %zu", i);
		/* The bit that wants pulses is none of the model. */
		o.mode |= 0x80;
		ck_assert_msg(receiver_model(&o) == m, "row %zu", i);
	}
}
END_TEST

START_TEST(subtypes_that_nobody_knows_are_not_found)
{
	static const struct { uint8_t type; int subtype; } rows[] = {
		{ REFCLOCK_GENERIC, 25 }, { REFCLOCK_TRIMBLE, 4 }, { REFCLOCK_TRIMBLE, 8 }, { REFCLOCK_JJY, 7 }, { REFCLOCK_JJY, 100 }, { REFCLOCK_HPGPS, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_ptr_null(receiver_model(&(struct refclock_opts){ .type = rows[i].type, .subtype = rows[i].subtype }));
	for (int n = 0; n <= 24; n++)
		ck_assert_ptr_nonnull(receiver_model(&(struct refclock_opts){ .type = REFCLOCK_GENERIC, .subtype = n }));
	for (size_t i = 0; i < sizeof(types); i++)
		ck_assert_ptr_nonnull(receiver_model(&(struct refclock_opts){ .type = types[i] }));
}
END_TEST

UNIT_MAIN("models", each_model_has_what_its_protocol_needs, a_model_is_found_by_its_subtype_or_its_mode, subtypes_that_nobody_knows_are_not_found)
