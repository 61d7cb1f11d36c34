/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps in the life of an association that assoc.c and bclient.c share. */
#ifndef CLIENT_STEPS_H
#define CLIENT_STEPS_H

#include "client/assoc.h"

/* Seconds until assoc_timer is due, < 0: never. */
double assoc_wait(const struct assoc *a, struct monotime now);

/* A new poll begins: the register shifts, silence is counted (RFC 5905 section 13). */
void assoc_begin_poll(struct assoc *a, struct monotime now, struct assoc_out *out);

/* A measurement: reachability, filter, estimator. */
void assoc_take_sample(struct assoc *a, const struct arrival *in, struct sample *s, struct assoc_out *out);

/* Counts a packet that is not taken, by what was wrong with it. */
void assoc_count_drop(struct assoc *a, unsigned flash);

/* assoc_keys.c: asks for keys where there are none, or they have worn out; and lets a poll go by in silence. */
void assoc_mind_keys(struct assoc *a, struct monotime now, struct assoc_out *out);
void assoc_pass_poll(struct assoc *a, struct monotime now, struct assoc_out *out);

#endif
