/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated network and the servers on it: what becomes of a datagram. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario.h"
#include "wire/packet.h"

/* One direction of a path, with its own dice. */
struct direction {
	struct stream	stream;
	double		burst_start, burst_end;	/* s, true time: the next burst of loss */
};

struct server {
	struct direction	dir[2];
	struct stream		stream;
	double			set_at;		/* s, true time from which freq counts */
	uint8_t			frozen[PACKET_LEN];	/* last answer, while frozen */
	bool			have_frozen;
};

void server_init(struct server *s, uint64_t seed, unsigned number);

/* Delay of a packet sent at true time t, s; negative: it is lost. */
double direction_delay(struct direction *d, const struct path_opts *o, double t);

/* Does a second copy of it arrive? */
bool direction_repeats(struct direction *d, const struct path_opts *o);

/*
 * The answer to a request that arrives at true time t (t_s since the start, utc the same instant).  False: none.
 */
bool server_answer(struct server *s, const struct server_opts *o, const uint8_t request[static PACKET_LEN], double t, struct walltime utc,
    uint8_t reply[static PACKET_LEN]);

/* A packet from somebody who has not seen the request. */
void server_forge(struct server *s, struct walltime utc, uint8_t out[static PACKET_LEN]);

#endif
