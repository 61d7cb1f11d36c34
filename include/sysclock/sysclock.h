/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock we steer, behind one table of functions: the kernel's, one inside this process, or a simulated one.
 *
 * Steering is a frequency, and a slew: a second frequency added for a computed time.  Both are in seconds of correction per
 * second of monotime, positive = faster.  steered is the sum of all corrections since the clock was opened - frequency, slews
 * and steps, also such as somebody else made - so raw time = clock - steered runs as the bare oscillator does (engine/sample.h).
 *
 * Not thread safe; one owner.  Threads that only read the clock do so by a struct clockmap.
 */
#ifndef SYSCLOCK_SYSCLOCK_H
#define SYSCLOCK_SYSCLOCK_H

#include <stdbool.h>

#include "base/must_use.h"
#include "base/time.h"

struct sysclock;
struct clock_bounds;
struct timex;

/* What the kernel's status word should say, and what a reader may be told. */
struct sysclock_status {
	uint8_t	leap;		/* enum leap; LEAP_UNSYNC: not synchronised */
	double	maxerror;	/* s, root distance */
	double	esterror;	/* s, jitter */
	int	tai;		/* s, 0 = unknown */
};

/*
 * From host wall time to our clock's: clock = host + base + rate * (host - since).  The kernel's map is the identity.
 * A value: copy it to a thread and it stays right until the next change of frequency.
 */
struct clockmap {
	struct walltime	since;
	int64_t		base_ns;
	double		rate;
};

static inline struct walltime
clockmap_apply(const struct clockmap *m, struct walltime host)
{
	int64_t gained = m->rate == 0 ? 0 : llround(m->rate * (double)(host.ns - m->since.ns));

	return (struct walltime){ host.ns + m->base_ns + gained };
}

/* Two differences that stay put unless somebody sets the clock or the machine sleeps. */
struct watchpoint {
	int64_t	ahead_ns;	/* host wall time minus monotime */
	int64_t	asleep_ns;	/* time since boot minus monotime */
};

/* How the clock is to run. */
struct steer {
	double	freq;		/* s/s, for good */
	double	slew;		/* s/s on top of it, signed; 0 = none */
	double	offset;		/* s, what the slew is for, of the same sign; 0 = there is none */
};

/* A driver.  The int functions return 0, or -1 with errno. */
struct sysclock_ops {
	const char	*name;		/* as the clock directive and ntpq name it */
	bool		 steers_host;	/* setting it changes the time of the whole machine */
	void		(*read)(const void *driver, struct walltime *host, struct monotime *mono);
	/*
	 * *when is now, and is set to the moment from which on it holds, for drivers that need time for it; *actual, s/s, is what it comes to.
	 */
	int		(*run)(void *driver, const struct steer *s, struct monotime *when, double *actual);
	int		(*step)(void *driver, struct monotime now, double offset);
	int		(*set_status)(void *driver, const struct sysclock_status *st);
	void		(*map)(const void *driver, struct clockmap *map);
	void		(*watch)(const void *driver, struct watchpoint *w);
	/* Host wall time jumped by this much against monotime, not by us: a driver whose clock must not follow takes it out and returns true. */
	bool		(*absorb)(void *driver, double jump);
	/* Since the last call: has another program changed what we had set?  NULL: that cannot be. */
	bool		(*meddled)(void *driver);
	double		 slew_grace;	/* s after its end at which a slew ends by itself if nobody has ended it; 0 = it runs on */
	/* As sysclock_kernel_state; NULL: whoever asks may ask the kernel. */
	int		(*kernel_state)(void *driver, struct timex *out);
	/* As sysclock_link; NULL: there is none. */
	int		(*link)(const void *driver);
	void		(*close)(void *driver);
};

/* Constructors; NULL with errno on failure. */
MUST_USE struct sysclock *sysclock_kept(int fd, const struct clock_bounds *bounds);	/* the kernel's, by a keeper; fd is then its own (sysclock/keeper.h) */
MUST_USE struct sysclock *sysclock_software(void);
MUST_USE struct sysclock *sysclock_new(const struct sysclock_ops *ops, void *driver);
void sysclock_free(struct sysclock *c);

const char *sysclock_name(const struct sysclock *c);
bool sysclock_steers_host(const struct sysclock *c);

/* One reading of everything, as close together as can be. */
struct clockread {
	struct walltime	wall;		/* our clock */
	struct walltime	host;		/* CLOCK_REALTIME; the same as wall for the kernel's clock */
	struct monotime	mono;
	double		steered;	/* s */
};
void sysclock_read(const struct sysclock *c, struct clockread *out);

/* Our clock, and the monotime, at a host time such as the kernel puts on packets (a little while before or after now). */
struct walltime sysclock_at_host(const struct sysclock *c, struct walltime host);
double sysclock_steered(const struct sysclock *c, struct monotime at);
void sysclock_map(const struct sysclock *c, struct clockmap *map);

/* Smallest step seen between readings, as log2 s (RFC 5905 section 7.3: precision). */
int8_t sysclock_precision(const struct sysclock *c);

/*
 * Runs at freq from now on and slews by offset no faster than slew_max, replacing a slew under way (what is left of it is
 * dropped: offset is measured with it half done).  0, or -1 with errno and nothing changed.
 * *duration is how long the slew will take: call sysclock_slew_end then.
 */
MUST_USE int sysclock_adjust(struct sysclock *c, struct monotime now, double freq, double offset, double slew_max, double *duration);
void sysclock_slew_end(struct sysclock *c, struct monotime now);

/* What is left of a slew, s. */
double sysclock_slew_left(const struct sysclock *c, struct monotime now);

MUST_USE int sysclock_step(struct sysclock *c, struct monotime now, double offset);
MUST_USE int sysclock_set_status(struct sysclock *c, const struct sysclock_status *st);

/*
 * The leap second begins now, and our clock is one that does not make it by itself: it is set back by a second (1: one is put in) or ahead by one (-1).
 * No correction, so steered stays as it is: the servers' clocks do the same.  On a clock that makes them by itself nothing is done.
 */
MUST_USE int sysclock_leap(struct sysclock *c, struct monotime now, int second);

/* Has another program steered the clock since the last call?  Noticed whenever we steer; what it did is overwritten, as we say how fast the clock runs
 * and not how much faster. */
bool sysclock_meddled(struct sysclock *c);

/* What the kernel says of its clock, be it the one that we steer or not: adjtimex(2) with modes 0.  The clock's state (TIME_), or -1 with errno. */
int sysclock_kernel_state(const struct sysclock *c, struct timex *out);

/* A descriptor that becomes readable when whoever steers for us is gone, and at no other time; -1 = nobody does. */
int sysclock_link(const struct sysclock *c);

/* Frequency in force without the slew, s/s. */
double sysclock_freq(const struct sysclock *c);

/*
 * Compares wall and monotime with the last look.  Returns by how much somebody else has moved our clock since then, s (0 below 1 ms);
 * steered then includes it, but for a leap second that set_status has announced.  *slept is set to the seconds the machine was suspended, or 0.
 */
double sysclock_watch(struct sysclock *c, double *slept);

/* A descriptor that becomes readable when the host's clock is set, so that nobody has to look often; -1 where there is no such thing. */
int sysclock_change_fd(void);

/* Makes it wait for the next time. */
void sysclock_change_seen(int fd);

/* Counts our steps and others': a measurement across a change is void. */
unsigned sysclock_generation(const struct sysclock *c);

#endif
