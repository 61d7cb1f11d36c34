/* SPDX-License-Identifier: BSD-2-Clause */
/* All that is counted of Network Time Security since start, for ntpq and the statistics files. */
#ifndef NTS_COUNTS_H
#define NTS_COUNTS_H

#include "nts/keclient.h"
#include "nts/keserver.h"

/* Protected packets of our associations: requests, replies that were rightly protected, and those that were not. */
struct nts_exchanges { uint64_t sent, good, bad; };

struct nts_counts {
	struct nts_exchanges		client;
	struct warden_counters		warden;
	struct keserver_counters	ke;
	struct keclient_counters	probes;
};

/* What has come since before. */
struct nts_counts nts_counts_since(const struct nts_counts *now, const struct nts_counts *before);

#endif
