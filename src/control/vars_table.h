/* SPDX-License-Identifier: BSD-2-Clause */
/* How a row of a table of variables is written: a field of some struct and the form it is shown in, or a function. */
#ifndef CONTROL_VARS_TABLE_H
#define CONTROL_VARS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/text.h"
#include "control/view.h"

struct var_subject {
	const struct control_view	*v;
	const struct assoc		*a;	/* NULL for the system */
};

enum var_form {
	AS_NOTHING,		/* known, but never with a value here */
	AS_ZERO, AS_ZERO3, AS_ZERO6,	/* known, and nothing here to count: 0, 0.000, 0.000000 */
	AS_RARE, AS_RARE3,	/* a count, and seconds with three decimals, shown when asked for by name: the lists of names leave them out, which strangers can ask for */
	AS_NO_STAMP,		/* an instant there is none of */
	AS_UINT, AS_INT, AS_HEX,
	AS_MS3, AS_MS6,		/* s, shown as ms */
	AS_PPM3,		/* s/s, shown as ppm */
	AS_SECONDS,		/* s, without its fraction */
	AS_AGO,			/* instant, shown as whole seconds since then */
	AS_STAMP,		/* instant, shown as an NTP timestamp */
	AS_NS_S,		/* ns, shown as s with six digits behind the point */
	AS_KB,			/* octets, shown as kB, rounded */
	AS_US_MS,		/* µs of the kernel, shown as ms */
	AS_SCALED_PPM,		/* 16.16 ppm of the kernel */
	AS_STRING,		/* const char *, quoted */
	AS_FUNCTION,
};

enum var_base { IN_VIEW, IN_SYSVARS, IN_COUNTERS, IN_TOTALS, IN_KERNEL, IN_ASSOC, IN_CLOCK };

enum var_type {
	T_NONE, T_BOOL, T_I8, T_U8, T_U16, T_INT, T_UINT, T_LONG, T_ULONG, T_LLONG, T_ULLONG, T_REAL, T_STRING, T_WALL, T_MONO, T_NTP,
};

#define VAR_TYPE(x) _Generic((x), bool: T_BOOL, signed char: T_I8, unsigned char: T_U8, unsigned short: T_U16, int: T_INT, \
	unsigned: T_UINT, long: T_LONG, unsigned long: T_ULONG, long long: T_LLONG, unsigned long long: T_ULLONG, double: T_REAL, \
	const char *: T_STRING, struct walltime: T_WALL, struct monotime: T_MONO, struct ntptime: T_NTP)

struct var_row {
	const char	*name;
	bool		 by_default;
	enum var_form	 form;
	enum var_base	 base;
	enum var_type	 type;		/* of the field, found by the compiler */
	size_t		 offset;	/* of the field in the struct that base names */
	void		(*put)(struct text *t, const struct var_subject *s);
	const char	*prose;
};

#define VAR_FIELD(form, base, strct, member)	form, base, VAR_TYPE(((strct *)0)->member), offsetof(strct, member), NULL
#define VIEW(form, member)	VAR_FIELD(form, IN_VIEW, struct control_view, member)
#define SYSVAR(form, member)	VAR_FIELD(form, IN_SYSVARS, struct sysvars, member)
#define COUNTER(member)		VAR_FIELD(AS_UINT, IN_COUNTERS, struct server_counters, member)
#define TOTAL(member)		VAR_FIELD(AS_UINT, IN_TOTALS, struct server_counters, member)
#define KERNEL(form, member)	VAR_FIELD(form, IN_KERNEL, struct timex, member)
#define ASSOC(form, member)	VAR_FIELD(form, IN_ASSOC, struct assoc, member)
#define CLOCK(form, member)	VAR_FIELD(form, IN_CLOCK, struct refclock_info, member)
#define PLAIN(form)		form, IN_VIEW, T_NONE, 0, NULL
#define FUNCTION(f)		AS_FUNCTION, IN_VIEW, T_NONE, 0, f

extern const struct var_row vars_system[];
extern const size_t vars_system_len;
extern const struct var_row vars_peer[];
extern const size_t vars_peer_len;
extern const struct var_row vars_clock[];
extern const size_t vars_clock_len;

/* Forms that functions need too. */
void put_ms(struct text *t, int decimals, double seconds);

/* Root delay and dispersion of the system, as ms: in ten characters, which is what ntpstat has room for. */
void put_root_ms(struct text *t, double seconds);
void put_stamp(struct text *t, struct ntptime when);

/* Text for strata 0, 1 and 16 (what is no address then), dotted quad otherwise. */
void put_refid(struct text *t, uint8_t stratum, uint32_t refid);

/* An instant by our clock as it runs now; never (0) stays 0. */
struct ntptime stamp_of(const struct control_view *v, struct monotime when);

/* "a,b,c" of all names of a table. */
void put_names(struct text *t, const struct var_row *rows, size_t n, const struct control_setvar *setvars, size_t nsetvars);

#endif
