/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system snapshot: what we say of ourselves to clients, to ntpq and to the kernel (RFC 5905 section 11.1).
 * A plain value, copied whole to whoever reads it.
 */
#ifndef ENGINE_SYSVARS_H
#define ENGINE_SYSVARS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ntp.h"
#include "base/time.h"
#include "engine/leap.h"

struct sysvars {
	uint8_t		leap;		/* enum leap */
	uint8_t		stratum;	/* 1 … 15, or STRATUM_UNSYNC */
	int8_t		precision;	/* log2 s */
	uint8_t		tc;		/* log2 s, time constant: poll exponent of the system peer */
	uint32_t	refid;		/* IPv4 address, hash of IPv6 address, or kiss code while unsynchronised */
	uint16_t	peer;		/* association id of the system peer, 0 = none */
	struct walltime	reftime;	/* last update, 0 = never */
	struct monotime	updated;	/* the same instant, from which rootdisp ages */
	double		rootdelay;	/* s */
	double		rootdisp;	/* s, as of updated */
	double		disp_rate;	/* s/s, by which rootdisp grows */
	double		offset;		/* s, combined, as of updated */
	double		freq;		/* s/s in force */
	double		sys_jitter, clk_jitter;	/* s */
	double		clk_wander;	/* s/s */
	double		est_error;	/* s, standard deviation of offset */
	int		tai;		/* s, TAI - UTC, 0 = unknown */
	struct leap_smear smear;	/* of the second announced, for clients */
};

void sysvars_init(struct sysvars *s, int8_t precision);

/* Root dispersion and root distance now, s. */
double sysvars_rootdisp(const struct sysvars *s, struct monotime now);
double sysvars_rootdist(const struct sysvars *s, struct monotime now);

#endif
