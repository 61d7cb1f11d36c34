/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario files: what is simulated, and what is expected of it.  The format is described in scenarios/FORMAT.md. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"
#include "client/assoc.h"
#include "engine/discipline.h"
#include "engine/select.h"
#include "simclock.h"

#define SCENARIO_SOURCES_MAX	32
#define SCENARIO_CHANGES_MAX	128
#define SCENARIO_CLAIMS_MAX	32
#define SCENARIO_RECORDS_MAX	64
#define SCENARIO_NAME_MAX	64
#define SCENARIO_ERROR_MAX	256

/* One direction of a path. */
struct path_opts {
	double	base;			/* s */
	double	exp, normal, uniform;	/* s: added are exp Exp(1), |normal N(0,1)|, uniform U(0,1) */
	double	spike, spike_max;	/* probability, s: such a packet is delayed by a further 0 … spike_max */
	double	loss;			/* probability */
	double	burst_gap, burst_len;	/* s, means: everything is lost for burst_len every burst_gap; 0 = never */
	double	repeat;			/* probability that a second copy arrives */
};

struct server_opts {
	double		offset;		/* s, ahead of true time */
	double		freq;		/* s/s, gained from when it is set */
	double		rootdelay, rootdisp;	/* s */
	double		hold;		/* s, between receiving and answering */
	int		stratum, leap, precision;
	uint32_t	kiss;		/* 0, or the code of a kiss-o'-death */
	bool		frozen;		/* its timestamps stand still */
	bool		mute;		/* does not answer */
	bool		unreachable;	/* sending to it fails at once, as without a network */
	double		forged;		/* packets a second that somebody else sends in its name: wrong origins, kisses among them */
};

struct source_opts {
	struct path_opts	path[2];	/* to the server, and back */
	struct server_opts	server;
	struct assoc_opts	assoc;
	bool			local;		/* no server, but the LOCAL clock: our own */
};

/* Something that changes at a time. */
enum change_kind { CHANGE_SOURCE, CHANGE_JUMP, CHANGE_FREQ, CHANGE_SUSPEND };

struct change {
	double			at;		/* s of true time since the start */
	enum change_kind	kind;
	unsigned		source;
	struct source_opts	opts;		/* CHANGE_SOURCE: as they are from then on */
	double			amount;		/* s or s/s */
	double			error;		/* s, CHANGE_SUSPEND: wall clock's on waking */
};

/* "name<=value": a bound on a median (or, as worst.name, on the worst seed). */
struct claim {
	char	name[SCENARIO_NAME_MAX];
	char	op;			/* '<', '>' or '=' */
	double	value;			/* in the unit of the figure */
};

/* A figure to show beside ours: who, which, how much. */
struct record {
	char	who[SCENARIO_NAME_MAX], name[SCENARIO_NAME_MAX];
	double	value;			/* in the unit of the figure */
};

struct scenario {
	char			name[SCENARIO_NAME_MAX];	/* of the file, without directory and .sim */
	double			length, settle;	/* s */
	int64_t			epoch_ns;	/* UTC at the start */
	struct oscillator_opts	clock;
	double			precision;	/* s, of reading our clock */
	double			latency;	/* s, by which timers are late at most */
	double			drift;		/* s/s, what the drift file says; NAN = there is none */
	double			leap_at;	/* s: in that day */
	int			leap_step;	/* s put in or left out at its end; 0 = no leap second */
	bool			leap_file;	/* the daemon has a leap file that says so */
	double			watch;		/* s after which somebody else's step or a suspend is noticed */
	struct discipline_opts	discipline;
	struct select_opts	select;
	struct source_opts	source[SCENARIO_SOURCES_MAX];
	unsigned		nsource;
	struct change		change[SCENARIO_CHANGES_MAX];	/* by rising time */
	unsigned		nchange;
	struct claim		claim[SCENARIO_CLAIMS_MAX];
	unsigned		nclaim;
	struct record		record[SCENARIO_RECORDS_MAX];
	unsigned		nrecord;
};

/* Reads a file.  False, with "file:line: reason" in err, if it cannot be read or understood. */
MUST_USE bool scenario_load(struct scenario *s, const char *path, char err[static SCENARIO_ERROR_MAX]);

#endif
