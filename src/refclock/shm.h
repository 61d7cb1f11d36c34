/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared memory by which gpsd and others tell the time (type 28): its layout, and reading it while somebody writes.
 *
 * The layout is that of ntpd's refclock_shm, made of native C types; writers of the same machine agree on them.
 */
#ifndef REFCLOCK_SHM_H
#define REFCLOCK_SHM_H

#include <stdint.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

#include "base/must_use.h"
#include "base/time.h"

#define SHM_KEY		0x4e545030	/* "NTP0", and the unit is added */

struct shm_segment {
	int		mode;		/* 0: valid says all; 1: count changes while it is written */
	volatile int	count;
	time_t		clock_sec;
	int		clock_usec;
	time_t		receive_sec;
	int		receive_usec;
	int		leap;
	int		precision;	/* log2 s */
	int		nsamples;
	volatile int	valid;
	unsigned	clock_nsec, receive_nsec;	/* to be believed if they agree with the microseconds */
	int		dummy[8];
};

enum shm_result { SHM_OK, SHM_NOT_READY, SHM_CLASH, SHM_BAD };

struct shm_values {
	struct walltime	clock, receive;	/* what the clock said, and when, by the host's clock */
	int		leap, precision;
};

/* Takes what is there, and marks it as taken unless SHM_NOT_READY.  *out is written on SHM_OK only. */
MUST_USE enum shm_result shm_take(struct shm_segment *s, struct shm_values *out);

/*
 * LOC-02: may a segment like this be trusted?  NULL, or what is wrong with it.  Its owner must be root or the user uid; private ones (units 0 and 1, or
 * mode bit 0) must be open to nobody else.
 */
const char *shm_distrust(const struct shmid_ds *ds, uid_t uid, bool private);

#endif
