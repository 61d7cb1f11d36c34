/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receivers that the driver for serial lines knows.  Numbers of subtypes, speeds, delays and times of trust are those of NTPsec and ntp.org (pages of
 * the drivers generic, trimble, jjy, spectracom, truetime, arbiter, hpgps, oncore, zyfer), so that a line written for these means the same.
 */
#include <math.h>
#include <sys/ioctl.h>

#include "base/ntp.h"
#include "receiver.h"

#define MODE_BITS	0x7f	/* of mode and subtype: the model; generic has a flag above them */
#define COMMAND(s)	{ (s), sizeof(s) - 1 }
#define ID_DCF		REFID('D', 'C', 'F', 0)
#define ID_DCF_AM	REFID('D', 'C', 'F', 'a')
#define ID_DCF_FM	REFID('D', 'C', 'F', 'p')
#define ID_GPS		REFID('G', 'P', 'S', 0)
#define ID_MSF		REFID('M', 'S', 'F', 0)
#define HOURS		3600.0

static const struct framing line = { .end = "\r\n", .stamp = FRAME_LAST };
static const struct framing line_after_return = { .end = "\r\n", .stamp = FRAME_RETURN_BEFORE };
static const struct framing stx_etx = { .start = 0x02, .end = "\x03", .stamp = FRAME_FIRST };
static const struct framing stx_to_etx = { .start = 0x02, .end = "\x03", .stamp = FRAME_LAST, .binary = true };
static const struct framing from_t = { .start = 'T', .end = "\r\n", .stamp = FRAME_FIRST };
static const struct framing t_to_end = { .start = 'T', .end = "\r\n", .stamp = FRAME_LAST };
static const struct framing varitext = { .start = 'T', .end = "", .len = 28, .stamp = FRAME_FIRST };
static const struct framing taip = { .start = '>', .end = "<", .stamp = FRAME_FIRST };
static const struct framing sel = { .start = 0x01, .end = "\r\n", .stamp = FRAME_FIRST };
static const struct framing zyfer = { .start = '!', .end = "\r\n", .len = 29, .stamp = FRAME_FIRST };
static const struct framing schmid = { .end = "\xfc\xfd", .stamp = FRAME_FIRST, .binary = true };

static const struct receiver_kind receiver_kinds[] = {
	{ .type = REFCLOCK_SPECTRACOM, .other_device = "/dev/spectracom%u", .pulse_device = "/dev/pps%u", .pulse_flag = 1, .falling_flag = 2,
	    .serial_time = 2, .pulse_time = 1 },
	{ .type = REFCLOCK_TRUETIME, .serial_time = 1, .quiet_flag = 1 },
	{ .type = REFCLOCK_GENERIC, .pulse_device = "/dev/refclockpps-%u", .pulse_bit = 0x80, .falling_flag = 2, .serial_time = 1, .pulse_time = 2,
	    .trust_flag = 1, .delete_flag = 4 },
	{ .type = REFCLOCK_ARBITER, .serial_time = 1 },
	{ .type = REFCLOCK_HPGPS, .serial_time = 1, .quiet_flag = 2 },
	{ .type = REFCLOCK_TRIMBLE, .other_device = "/dev/trimble%u", .serial_time = 1, .write_flag = 3 },
	{ .type = REFCLOCK_ONCORE, .pulse_device = "/dev/oncore.pps.%u", .pulse_always = true, .pulse_time = 1 },
	{ .type = REFCLOCK_JJY, .serial_time = 1 },
	{ .type = REFCLOCK_ZYFER, .serial_time = 1 },
};

#define MEINBERG(n, id, b, bb, d, t, start)									\
	{ .type = REFCLOCK_GENERIC, .subtype = (n), .refid = (id), .baud = (b), .bits = (bb), .framing = &stx_etx,	\
	    .formats = timecode_meinberg, .delay = (d), .trust = (t), .trusts_start = (start) }
#define RAWDCF(n, b, bb, d, up, down, pulse)									\
	{ .type = REFCLOCK_GENERIC, .subtype = (n), .refid = ID_DCF_AM, .baud = (b), .bits = (bb), .raise = (up), .lower = (down),	\
	    .protocol = RECEIVER_DCF77, .delay = (d), .pulse_baud = (pulse) }
#define JJY(n, b, f, formats_)											\
	.type = REFCLOCK_JJY, .subtype = (n), .baud = (b), .framing = &(f), .formats = (formats_), .trust = INFINITY
#define TRIMBLE(n, b, bb, p)											\
	.type = REFCLOCK_TRIMBLE, .subtype = (n), .baud = (b), .bits = (bb), .protocol = (p), .trust = INFINITY

/* TSIP: the time in UTC (8E-A2), and packets 8F-AB and 8F-AC (8E-A5). */
#define TSIP_UTC	"\x10\x8e\xa2\x03\x10\x03"
#define TSIP_REPORTS	"\x10\x8e\xa5\x00\x05\x10\x03"
#define TSIP_NO_LONELY_PULSES "\x10\x8e\x4e\x03\x10\x03"	/* without a satellite */
#define TSIP_WHAT_TIME	"\x10\x21\x10\x03"

const struct receiver_model receiver_models[] = {
	MEINBERG(0, ID_DCF_FM, 9600, SERIAL_7E2, 0.001968, 12 * HOURS, false),
	MEINBERG(1, ID_DCF_FM, 9600, SERIAL_7E2, 0.001968, 96 * HOURS, false),
	MEINBERG(2, ID_DCF_AM, 9600, SERIAL_7E2, 0.010, 0.5 * HOURS, false),
	{ .type = REFCLOCK_GENERIC, .subtype = 3, .refid = ID_DCF_AM, .baud = 9600, .bits = SERIAL_8O1, .framing = &line, .formats = timecode_dcf7000,
	    .delay = 0.405, .trust = 300 },
	{ .type = REFCLOCK_GENERIC, .subtype = 4, .refid = ID_DCF_AM, .baud = 1200, .protocol = RECEIVER_SCHMID, .framing = &schmid, .asking = ASK_EVERY,
	    .every = 1, .ask = { COMMAND("s") }, .delay = 0.010, .trust = HOURS },	/* 0x73: time, date, states */
	RAWDCF(5, 50, SERIAL_8E1, 0.292, 0, 0, 0),
	RAWDCF(6, 50, SERIAL_8E1, 0.210, 0, 0, 0),
	MEINBERG(7, ID_GPS, 19200, SERIAL_8N1, 0.001968, 96 * HOURS, false),
	RAWDCF(8, 1200, SERIAL_8N1, 0.258, 0, 0, 50),
	{ .type = REFCLOCK_GENERIC, .subtype = 9, .refid = ID_GPS, .baud = 4800, .framing = &taip, .formats = timecode_taip, .asking = ASK_EVERY,
	    .every = 4, .ask = { COMMAND(">SRM;FR_FLAG=F;EC_FLAG=F<>QTM<") }, .rolls = true },
	{ .type = REFCLOCK_GENERIC, .subtype = 10, .refid = ID_GPS, .baud = 9600, .bits = SERIAL_8O1, .protocol = RECEIVER_TSIP_GPS, .asking = ASK_EVERY,
	    .every = 4, .ask = { COMMAND(TSIP_WHAT_TIME) }, .delay = 0.020 },
	{ .type = REFCLOCK_GENERIC, .subtype = 11, .refid = ID_MSF, .baud = 2400, .framing = &line, .formats = timecode_rcc8000, .asking = ASK_EVERY,
	    .every = 4, .ask = { COMMAND("\r") }, .trust = HOURS },
	{ .type = REFCLOCK_GENERIC, .subtype = 12, .refid = ID_DCF, .baud = 9600, .framing = &stx_to_etx, .formats = timecode_hopf, .trust = HOURS },
	{ .type = REFCLOCK_GENERIC, .subtype = 13, .refid = ID_DCF, .baud = 9600, .bits = SERIAL_7N2, .framing = &from_t, .formats = timecode_computime,
	    .trust = HOURS },
	RAWDCF(14, 50, SERIAL_8E1, 0.258, TIOCM_DTR, TIOCM_RTS, 0),
	{ .type = REFCLOCK_GENERIC, .subtype = 15, .refid = ID_DCF, .baud = 9600, .bits = SERIAL_8E1, .framing = &stx_etx, .formats = timecode_wharton,
	    .trust = HOURS },
	RAWDCF(16, 50, SERIAL_8E1, 0.258, TIOCM_RTS, TIOCM_DTR, 0),
	{ .type = REFCLOCK_GENERIC, .subtype = 17, .refid = ID_MSF, .baud = 9600, .bits = SERIAL_7O1, .framing = &varitext, .formats = timecode_varitext,
	    .trust = HOURS },
	MEINBERG(18, ID_GPS, 19200, SERIAL_8N1, 0.001968, 96 * HOURS, false),
	RAWDCF(19, 4800, SERIAL_8E1, 0.425, 0, 0, 50),
	RAWDCF(20, 75, SERIAL_8E1, 0.258, TIOCM_DTR, TIOCM_RTS, 0),
	RAWDCF(21, 75, SERIAL_8E1, 0.258, TIOCM_RTS, TIOCM_DTR, 0),
	MEINBERG(22, ID_DCF_AM, 9600, SERIAL_7E2, 0.010, 0.5 * HOURS, true),
	MEINBERG(23, ID_GPS, 19200, SERIAL_8N1, 0.001968, 96 * HOURS, true),
	{ .type = REFCLOCK_GENERIC, .subtype = 24, .refid = ID_GPS, .baud = 9600, .framing = &sel, .formats = timecode_sel, .asking = ASK_SILENT, .every = 4,
	    .ask = { COMMAND("BUB8") }, .trust = 12 * HOURS },

	{ .type = REFCLOCK_SPECTRACOM, .subtype = -1, .baud = 9600, .framing = &line_after_return, .formats = timecode_spectracom, .asking = ASK_EVERY,
	    .every = 4, .ask = { COMMAND("T") }, .trust = INFINITY },
	/* The words of several models: continuous output; UTC of its own accord; output of the TL-3; a single time. */
	{ .type = REFCLOCK_TRUETIME, .subtype = -1, .baud = 9600, .framing = &line, .formats = timecode_truetime, .asking = ASK_SILENT, .every = 4,
	    .ask = { COMMAND("F08\r"), COMMAND("MD3\rTSU\rAU\r"), COMMAND("ST1"), COMMAND("P\r") }, .trust = HOURS },
	{ .type = REFCLOCK_ARBITER, .subtype = -1, .baud = 9600, .framing = &line_after_return, .formats = timecode_arbiter, .asking = ASK_SILENT, .every = 4,
	    .ask = { COMMAND("B5") }, .trust = INFINITY },
	/* 58503A and its like, and Z3801A: the time of the next pulse, told 980 ms before, in 24 characters. */
	{ .type = REFCLOCK_HPGPS, .subtype = 0, .baud = 9600, .framing = &t_to_end, .formats = timecode_hp, .asking = ASK_EVERY, .every = 4,
	    .ask = { COMMAND(":PTIME:TCODE?\r") }, .delay = -0.955, .trust = INFINITY, .rolls = true },
	{ .type = REFCLOCK_HPGPS, .subtype = 1, .baud = 19200, .bits = SERIAL_7O1, .framing = &t_to_end, .formats = timecode_hp, .asking = ASK_EVERY,
	    .every = 4, .ask = { COMMAND(":PTIME:TCODE?\r") }, .delay = -0.967, .trust = INFINITY, .rolls = true },

	/* Palisade, Praecis, Thunderbolt, Acutime, Resolution SMT, ACE III, Copernicus II. */
	{ TRIMBLE(0, 9600, SERIAL_8O1, RECEIVER_TSIP_EVENT), .asking = ASK_EVENT, .every = 1 },
	{ TRIMBLE(1, 9600, SERIAL_8O1, RECEIVER_TSIP_EVENT), .asking = ASK_EVENT, .every = 1 },
	{ TRIMBLE(2, 9600, SERIAL_8N1, RECEIVER_TSIP_TIMING), .asking = ASK_SILENT, .every = 4, .ask = { COMMAND(TSIP_UTC TSIP_REPORTS) }, .delay = 0.020 },
	{ TRIMBLE(3, 9600, SERIAL_8O1, RECEIVER_TSIP_EVENT), .asking = ASK_EVENT, .every = 1 },
	{ TRIMBLE(5, 9600, SERIAL_8O1, RECEIVER_TSIP_TIMING), .asking = ASK_SILENT, .every = 4,
	    .ask = { COMMAND(TSIP_UTC TSIP_NO_LONELY_PULSES TSIP_REPORTS) }, .delay = 0.020 },
	{ TRIMBLE(6, 9600, SERIAL_8O1, RECEIVER_TSIP_GPS), .asking = ASK_EVERY, .every = 1, .ask = { COMMAND(TSIP_WHAT_TIME) } },
	{ TRIMBLE(7, 38400, SERIAL_8N1, RECEIVER_TSIP_GPS) },

	/* Time in UTC, and the message of 6, 8 or 12 channels each second; the last but two octets are checksums. */
	{ .type = REFCLOCK_ONCORE, .subtype = -1, .baud = 9600, .protocol = RECEIVER_ONCORE, .asking = ASK_SILENT, .every = 4,
	    .ask = { COMMAND("@@Aw\x01\x37\r\n@@Ha\x01\x28\r\n@@Ea\x01\x25\r\n@@Ba\x01\x22\r\n") } },

	/* Tristate TS-JJY01, C-DEX JST2000, Echo LT-2000, Citizen JJY-200, Tristate TS-GPSclock-01, Seiko TDC-300; 0 is the first. */
	{ JJY(0, 9600, line, timecode_tristate), .asking = ASK_EVERY, .every = 4, .ask = { COMMAND("time\r\n"), COMMAND("date\r\n"), COMMAND("stim\r\n") } },
	{ JJY(1, 9600, line, timecode_tristate), .asking = ASK_EVERY, .every = 4, .ask = { COMMAND("time\r\n"), COMMAND("date\r\n"), COMMAND("stim\r\n") } },
	{ JJY(2, 9600, stx_to_etx, timecode_cdex), .asking = ASK_EVERY, .every = 4, .ask = { COMMAND("\x05" "1J\x03") } },
	{ JJY(3, 9600, line, timecode_lt2000), .asking = ASK_SILENT, .every = 4, .ask = { COMMAND("C") } },
	{ JJY(4, 4800, line, timecode_citizen) },
	{ JJY(5, 9600, line, timecode_tristate), .asking = ASK_EVERY, .every = 4, .ask = { COMMAND("time\r\n"), COMMAND("date\r\n"), COMMAND("time\r\n") } },
	{ JJY(6, 2400, stx_to_etx, timecode_seiko) },

	{ .type = REFCLOCK_ZYFER, .subtype = -1, .baud = 9600, .framing = &zyfer, .formats = timecode_zyfer, .trust = 24 * HOURS },
};
const size_t receiver_models_len = sizeof(receiver_models) / sizeof(receiver_models[0]);

const struct receiver_model *
receiver_model(const struct refclock_opts *o)
{
	int subtype = (int)((o->subtype != 0 ? (uint32_t)o->subtype : o->mode) & MODE_BITS);

	for (size_t i = 0; i < receiver_models_len; i++) {
		if (receiver_models[i].type == o->type && (receiver_models[i].subtype == -1 || receiver_models[i].subtype == subtype))
			return &receiver_models[i];
	}
	return NULL;
}

const struct receiver_kind *
receiver_kind(uint8_t type)
{
	for (size_t i = 0; i < sizeof(receiver_kinds) / sizeof(receiver_kinds[0]); i++) {
		if (receiver_kinds[i].type == type)
			return &receiver_kinds[i];
	}
	return NULL;
}
