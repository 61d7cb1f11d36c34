/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server counts: one list declares, sums and names the counters, as ntpq's sysstats shows them (ss_<name>). */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

/* X(name, prose).  processed belongs to the associations: whoever sums up adds theirs. */
#define SERVER_COUNTERS(X) \
	X(received,	"packets received") \
	X(processed,	"packets processed for time") \
	X(thisver,	"packets of the current version") \
	X(oldver,	"packets of older versions") \
	X(ver1,		"packets of version 1") \
	X(ver1client,	"client requests of version 1") \
	X(ver1zero,	"packets of version 1, mode 0") \
	X(ver1symm,	"symmetric active packets of version 1") \
	X(badformat,	"bad length or format") \
	X(badauth,	"authentication failed") \
	X(declined,	"declined: no request") \
	X(restricted,	"restricted") \
	X(limited,	"rate limited") \
	X(kodsent,	"KoD responses") \
	X(sent,		"replies sent") \
	X(sendfailed,	"replies lost in sending") \
	X(dropped,	"queries and peers' packets that were too many for the main thread")

/* What ntpq's iostats shows of the server (io_…). */
#define SERVER_IO_COUNTERS(X) \
	X(wakeups,	"times that a socket has woken us") \
	X(goodwakeups,	"… and there was a packet") \
	X(reads,	"reads that brought packets") \
	X(ignored,	"packets to addresses that are not served")

struct server_counters {
#define X(name, prose)	uint64_t name;
	SERVER_COUNTERS(X)
	SERVER_IO_COUNTERS(X)
#undef X
};

struct server_counter_row {
	const char	*name;
	const char	*prose;
	size_t		 offset;	/* in struct server_counters */
};
extern const struct server_counter_row server_counter_rows[];
extern const size_t server_counter_rows_len;

/* sum += one, counter by counter. */
void server_counters_add(struct server_counters *sum, const struct server_counters *one);

#endif
