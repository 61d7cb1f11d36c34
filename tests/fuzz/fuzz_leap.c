/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of leap seconds: a table in order of time whose rows are a second apart, or a reason with a line that is there.
 *
 * Input: the file.
 */
#include "auth/digest.h"
#include "engine/leap.h"
#include "fuzz.h"

#define DAY_NS	(INT64_C(86400) * NS_PER_S)

static void
check_table(const struct leap_table *t)
{
	assert(t->n > 0 && t->n <= LEAP_SECONDS_MAX);
	for (unsigned i = 0; i < t->n; i++) {
		struct leap_second s = leap_next(t, (struct walltime){ t->row[i].from.ns - 1 });

		assert(t->row[i].from.ns % DAY_NS == 0 && leap_tai(t, t->row[i].from) == t->row[i].tai);
		assert(i == 0 || (s.at.ns == t->row[i].from.ns && (s.step == 1 || s.step == -1)));
		assert(i == 0 || t->row[i].from.ns > t->row[i - 1].from.ns);
	}
	assert(leap_next(t, t->row[t->n - 1].from).step == 0);
	assert(leap_expired(t, t->expires));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct leap_table t;
	char *text = malloc(size > 0 ? size : 1);
	unsigned line = 0, lines = 1;
	enum leap_err e, ignored;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	e = leap_parse(&t, text, size, digest_sha1, &line);
	assert(line <= lines && leap_err_str(e)[0] != '\0');
	if (e == LEAP_OK)
		check_table(&t);
	/* Unlooked at, the hash is the only thing that can make a difference. */
	ignored = leap_parse(&t, text, size, NULL, &line);
	assert(ignored == e || e == LEAP_HASH || (e == LEAP_OK && ignored == LEAP_TRUNCATED));
	if (ignored == LEAP_OK)
		check_table(&t);
	free(text);
	return 0;
}
