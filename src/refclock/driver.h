/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract of a driver, and what drivers share.  Private to this room. */
#ifndef REFCLOCK_DRIVER_H
#define REFCLOCK_DRIVER_H

#include "base/log.h"
#include "base/ntp.h"
#include "readings.h"
#include "refclock/refclock.h"

/* A row of the table.  Only rows that are REFCLOCK_HERE have functions. */
struct refclock_driver {
	uint8_t			type;
	enum refclock_standing	standing;
	const char		*name;		/* NTPsec's, or NULL */
	const char		*abbrev;	/* ntpq's */
	uint32_t		refid;
	uint8_t			stratum, source;
	enum refclock_kind	kind;
	const char		*device;	/* path with %u for the unit, or a description */
	unsigned		needs;		/* enum refclock_need */
	/* True if there is any hope: a device that is not there yet is looked for later.  Otherwise it has said why. */
	bool			(*open)(struct refclock *c);
	/* Just before the readings are taken; NULL = nothing to do. */
	void			(*ask)(struct refclock *c);
	/* Also after an open that failed. */
	void			(*close)(struct refclock *c);
};

struct refclock {
	const struct refclock_driver	*driver;
	struct refclock_env		env;
	struct refclock_info		info;
	char				device[REFCLOCK_PATH_MAX];
	struct readings			readings;
	unsigned			generation;	/* of our clock, at the readings */
	double				precision;	/* s, of our clock */
	int8_t				its_precision;	/* log2 s */
	uint8_t				leap;		/* enum leap, as it last said */
	struct walltime			reftime;	/* last time it told */
	bool				busy;		/* it is about to tell the time: to be asked again soon */
	bool				alarm;		/* its status has become worse since it was last asked */
	struct log_gate			gate;		/* for lines about its device */
	void				*state;		/* the driver's own */
};

extern const struct refclock_driver refclock_table[];
extern const size_t refclock_table_len;

/* NULL if nobody knows it. */
const struct refclock_driver *refclock_driver(uint8_t type);

/* It was the time ref when the host's clock said so; fudge, s, is added to ref. */
void refclock_reading(struct refclock *c, struct walltime ref, struct walltime host, double fudge);

/* A second began when the host's clock said so: taken for the one that is nearest by ours. */
void refclock_pulse(struct refclock *c, struct walltime host, double fudge);

/* Counts a reading that was none. */
void refclock_bad(struct refclock *c, enum refclock_code code);

/* The last timecode, len octets; what cannot be printed becomes a dot. */
void refclock_timecode(struct refclock *c, const char *text, size_t len);

/* A record for clockstats. */
void refclock_tell(struct refclock *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* May a line about the device be logged?  The first may, and one a minute from then on. */
bool refclock_may_log(struct refclock *c);

/* Takes the device of this name, with %u for the unit, if the one that was named is the driver's own and is not there. */
void refclock_find_device(struct refclock *c, const char *other);

/* Drivers, by the file that owns them. */
bool local_open(struct refclock *c);
void local_ask(struct refclock *c);
void local_close(struct refclock *c);
uint8_t local_leap(int state, int status);	/* enum leap, of what adjtimex returned and its status word */
bool gpsd_open(struct refclock *c);
void gpsd_ask(struct refclock *c);
void gpsd_close(struct refclock *c);
bool modem_open(struct refclock *c);
void modem_ask(struct refclock *c);
void modem_close(struct refclock *c);
bool nmea_open(struct refclock *c);
void nmea_ask(struct refclock *c);
void nmea_close(struct refclock *c);
bool pps_open(struct refclock *c);
void pps_close(struct refclock *c);
bool receiver_open(struct refclock *c);
void receiver_ask(struct refclock *c);
void receiver_close(struct refclock *c);
bool sock_open(struct refclock *c);
void sock_close(struct refclock *c);
bool shm_open_clock(struct refclock *c);
void shm_ask(struct refclock *c);
void shm_close(struct refclock *c);

#endif
