/* SPDX-License-Identifier: BSD-2-Clause */
/* Receivers on serial lines: what each type and model needs, as rows for the one driver that runs them all (receiver.c). */
#ifndef REFCLOCK_RECEIVER_H
#define REFCLOCK_RECEIVER_H

#include "frame.h"
#include "refclock/refclock.h"
#include "serial.h"
#include "timecode.h"

#define RECEIVER_COMMANDS	4

enum receiver_protocol {
	RECEIVER_TEXT,
	RECEIVER_SCHMID,	/* binary, framed like text */
	RECEIVER_DCF77,		/* each octet is a pulse */
	RECEIVER_TSIP_EVENT, RECEIVER_TSIP_TIMING, RECEIVER_TSIP_GPS,
	RECEIVER_ONCORE,
};

/* When something is sent to it. */
enum receiver_asking {
	ASK_NEVER,
	ASK_EVERY,		/* every so many seconds, one command after the other, each as the answer to the last has come */
	ASK_SILENT,		/* if it has told no time for so many seconds: the next of the commands, round and round */
	ASK_EVENT,		/* an edge on its event input, every so many seconds */
};

struct receiver_command {
	const char	*octets;
	size_t		len;
};

struct receiver_model {
	uint8_t				type;
	int				subtype;	/* -1 = any */
	uint32_t			refid;		/* 0 = the type's */
	int				baud;
	enum serial_bits		bits;
	int				raise, lower;	/* serial.h */
	enum receiver_protocol		protocol;
	const struct framing		*framing;
	const struct timecode_format	*const *formats;
	int				pulse_baud;	/* of RECEIVER_DCF77: what its octets are made for, if that is not the line's speed */
	enum receiver_asking		asking;
	unsigned			every;		/* s */
	struct receiver_command		ask[RECEIVER_COMMANDS];
	double				delay;		/* s, added to its time where the configuration says nothing */
	double				trust;		/* s, believed for so long when it goes by its own oscillator; INFINITY = it knows how long */
	bool				trusts_start;	/* also when it has not heard its signal since its power came on */
	bool				rolls;		/* counts weeks of GPS in ten bits */
};

/* What holds for all models of a type. */
struct receiver_kind {
	uint8_t		type;
	const char	*other_device;	/* NTPsec's, used if the first is not there and this is; with %u */
	const char	*pulse_device;	/* with %u; NULL = only where ppspath names one */
	int		pulse_bit;	/* bit of the subtype that wants pulses; 0 = none */
	int		pulse_flag;	/* flag that does, from 1; 0 = none */
	bool		pulse_always;
	int		falling_flag;	/* takes their falling edge */
	int		serial_time, pulse_time;	/* 1 or 2: time1 or time2 is added to which; 0 = neither */
	int		trust_flag;	/* makes time2 the trust instead */
	int		quiet_flag;	/* nothing is ever sent */
	int		delete_flag;	/* a leap second that is announced will be left out */
	int		write_flag;	/* the event's edge is that of an octet sent, not of RTS */
};

/* The model of these options; NULL if the type has no such subtype. */
const struct receiver_model *receiver_model(const struct refclock_opts *o);
const struct receiver_kind *receiver_kind(uint8_t type);

/* All of them, for tests. */
extern const struct receiver_model receiver_models[];
extern const size_t receiver_models_len;

#endif
