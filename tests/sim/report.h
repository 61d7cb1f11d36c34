/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints results: as a table, as JSON, beside recorded figures; and checks what a scenario claims. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/must_use.h"
#include "figures.h"
#include "scenario.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_COMPARE };

struct result {
	const struct scenario	*scenario;
	unsigned		 seeds;
	struct figures		 median, worst;
};

MUST_USE bool report_format(const char *name, enum format *out);

void report_begin(FILE *f, enum format format);
void report_result(FILE *f, enum format format, unsigned number, const struct result *r);
void report_end(FILE *f, enum format format);

/* Says of each bound that is not kept by how much; true if all are. */
bool report_claims(FILE *f, const struct result *r);

#endif
