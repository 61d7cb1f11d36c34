/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference clocks: receivers and other sources of time that are attached to this machine, and the machine's own clock.
 *
 * A driver collects readings - "at this instant of our clock it was that time" - whenever its device has one, and refclock_ask makes
 * one sample of those since it was last asked: the readings farthest from the median are left out, the rest averaged (as ntpd does,
 * RFC 5905 has no word on it).  Who asks, and what becomes of the sample, is no business of this room.
 *
 * Each clock goes by an address 127.127.type.unit, as in ntpd.
 */
#ifndef REFCLOCK_REFCLOCK_H
#define REFCLOCK_REFCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "engine/sample.h"

#define REFCLOCK_PATH_MAX	108	/* octets of a device's path with its NUL: that of a Unix socket's address */
#define REFCLOCK_NAME_MAX	32
#define REFCLOCK_TEXT_MAX	128	/* of a timecode, with its NUL */
#define REFCLOCK_PHONES		10	/* numbers that a modem may call … */
#define REFCLOCK_PHONE_MAX	64	/* … with their command and NUL */

/* Types, as ntpd numbers them. */
enum refclock_type {
	REFCLOCK_LOCAL = 1,
	REFCLOCK_SPECTRACOM = 4,
	REFCLOCK_TRUETIME = 5,
	REFCLOCK_GENERIC = 8,
	REFCLOCK_ARBITER = 11,
	REFCLOCK_MODEM = 18,
	REFCLOCK_NMEA = 20,
	REFCLOCK_PPS = 22,
	REFCLOCK_HPGPS = 26,
	REFCLOCK_SHM = 28,
	REFCLOCK_TRIMBLE = 29,
	REFCLOCK_ONCORE = 30,
	REFCLOCK_JJY = 40,
	REFCLOCK_ZYFER = 42,
	REFCLOCK_GPSD = 46,
	REFCLOCK_SOCK = 200,	/* ntpd has none of that number */
};

/* What can be had of a type. */
enum refclock_standing {
	REFCLOCK_HERE,		/* there is a driver */
	REFCLOCK_RELIC,		/* for receivers that nobody can have any more */
	REFCLOCK_UNKNOWN,	/* nobody has ever heard of it */
};

/* What a reference clock is to the selection. */
enum refclock_kind {
	REFCLOCK_TIME,		/* tells the time */
	REFCLOCK_OWN,		/* it is our own clock: used when there is nothing else */
	REFCLOCK_PULSE,		/* tells where seconds begin, not which ones */
};

/* Options of a line, and of the fudge and device lines that go with it; constant after loading. */
struct refclock_opts {
	uint8_t		type, unit;
	double		time1, time2;		/* s */
	int		stratum;		/* -1 = the driver's */
	char		refid[5];		/* "" = the driver's */
	bool		flag[4];		/* flag1 … flag4 */
	double		minjitter;		/* s */
	char		abbrev[REFCLOCK_NAME_MAX];	/* "" = the driver's */
	char		path[REFCLOCK_PATH_MAX], ppspath[REFCLOCK_PATH_MAX];	/* "" = the driver's */
	uint32_t	mode;
	int		baud;			/* 0 = as mode or the driver says */
	int		subtype;
	char		phone[REFCLOCK_PHONES][REFCLOCK_PHONE_MAX];	/* of modems; the first empty one ends them */
};

extern const struct refclock_opts refclock_defaults;

bool refclock_opts_equal(const struct refclock_opts *a, const struct refclock_opts *b);

/* The standing of a type; the type of one of NTPsec's driver names, or -1; the name of a type, NULL = it has none. */
enum refclock_standing refclock_standing(uint8_t type);
int refclock_type_of(const char *name);
const char *refclock_driver_name(uint8_t type);

/* "GPS_NMEA", or NULL for a type nobody knows. */
const char *refclock_type_name(uint8_t type);

/* 127.127.type.unit */
struct addr refclock_addr(const struct refclock_opts *o);

struct refclock;
struct event_base;
struct sysclock;

/* Codes of the clock status word (RFC 9327 section 3.4). */
enum refclock_code {
	CLOCK_NOMINAL, CLOCK_NO_REPLY, CLOCK_BAD_FORMAT, CLOCK_FAULT, CLOCK_BAD_SIGNAL, CLOCK_BAD_DATE, CLOCK_BAD_TIME,
};

/* What ntpq shows of a clock, and what its association is made of. */
struct refclock_info {
	struct refclock_opts	opts;		/* time1 as it has been learnt */
	double			given;		/* s, time1 as it was given */
	char			name[REFCLOCK_NAME_MAX];	/* "SHM(1)" */
	const char		*driver;	/* "SHM" */
	const char		*device;	/* path or description */
	char			timecode[REFCLOCK_TEXT_MAX];	/* last one that came, printable */
	enum refclock_kind	kind;
	uint8_t			stratum;
	uint8_t			source;		/* enum of wire/control.h: what kind of source, as in the system status word */
	uint32_t		refid;
	uint32_t		polls, noreply, badformat, baddata;	/* since start */
	uint64_t		reads;		/* readings, good and bad */
	uint8_t			code, events;	/* enum refclock_code, and how many events */
};

/* A record for clockstats; text lives as long as the call. */
typedef void refclock_record(void *arg, const struct refclock *c, const char *text);

struct refclock_env {
	struct event_base	*base;
	const struct sysclock	*clock;		/* borrowed: ours, against which is measured */
	refclock_record		*record;
	bool			(*alone)(void *arg, const struct refclock *c);	/* does nobody but c tell the time now?  NULL: nobody does */
	void			*arg;
};

/*
 * Opens the clock: the device may be missing, and is then looked for again and again, at growing intervals.  NULL with a line in the log if
 * this can never work: no such driver, options that contradict each other, or (LOCAL excepted) want of memory.
 */
MUST_USE struct refclock *refclock_open(const struct refclock_env *env, const struct refclock_opts *o);
void refclock_close(struct refclock *c);

/* Asked at each poll.  freq is what our oscillator's frequency is corrected by, s/s: raw readings drift by as much. */
void refclock_ask(struct refclock *c, double freq, struct clock_answer *out);

/*
 * enable calibrate: our clock follows a pulse, and by it this one was off by so many seconds (as its association says).  A part of that goes into its time1, so
 * that in time it agrees with the pulse.
 */
void refclock_calibrate(struct refclock *c, double offset);

/* Opened with these options, whatever has been learnt since? */
bool refclock_is_of(const struct refclock *c, const struct refclock_opts *o);

const struct refclock_info *refclock_info(const struct refclock *c);

/* The system calls that an open clock goes on making, for the sandbox: bits. */
enum refclock_need { REFCLOCK_NEEDS_TCP = 0x01, REFCLOCK_NEEDS_SERIAL = 0x02, REFCLOCK_NEEDS_PPS = 0x04, REFCLOCK_NEEDS_SHM = 0x08 };
unsigned refclock_needs(uint8_t type);

#endif
