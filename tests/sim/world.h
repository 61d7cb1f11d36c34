/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run: a simulated machine on which the daemon's own associations, system process, discipline and clock steering live, in a simulated
 * network, in virtual time.  The same scenario and seed give the same run, to the bit.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdint.h>
#include <stdio.h>

#include "base/must_use.h"
#include "figures.h"
#include "scenario.h"

/* Runs it; trace, if not NULL, gets one line a second.  False if there is no memory. */
MUST_USE bool world_run(const struct scenario *s, uint64_t seed, FILE *trace, struct figures *out);

#endif
