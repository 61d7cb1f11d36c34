/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters' names, and their sums. */
#include "base/must_use.h"
#include "server/counters.h"

const struct server_counter_row server_counter_rows[] = {
#define X(name, prose)	{ #name, prose, offsetof(struct server_counters, name) },
	SERVER_COUNTERS(X)
	SERVER_IO_COUNTERS(X)
#undef X
};
const size_t server_counter_rows_len = NELEMS(server_counter_rows);

void
server_counters_add(struct server_counters *sum, const struct server_counters *one)
{
#define X(name, prose)	sum->name += one->name;
	SERVER_COUNTERS(X)
	SERVER_IO_COUNTERS(X)
#undef X
}
