/* SPDX-License-Identifier: BSD-2-Clause */
/* The telegrams of each maker, drawn as they come. */
#include <stdio.h>
#include <string.h>

#include "timecode.h"

#define LIST(...)	{ __VA_ARGS__, NULL }

static bool
is_hex(const uint8_t *p, unsigned value)
{
	char text[3];

	snprintf(text, sizeof(text), "%02X", value & 0xff);
	return (p[0] & ~0x20) == (text[0] & ~0x20) && (p[1] & ~0x20) == (text[1] & ~0x20);
}

/* TAIP (Trimble): all characters from > to *, added without carry. */
static bool
taip_sum(const uint8_t *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len - 2; i++)
		sum ^= p[i];
	return is_hex(p + len - 2, sum);
}

/* HP's T2: the characters before it, added. */
static bool
hp_sum(const uint8_t *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len - 2; i++)
		sum += p[i];
	return is_hex(p + len - 2, sum);
}

/* --- Meinberg, between STX and ETX --- */

static const struct timecode_format meinberg_standard = {
	.match = "D:##.##.##;T:#;U:##.##.##;$$$$",
	.field = "  DD MM YY       hh mm ss uvxy",
	.zone = ZONE_CET,
	.marks = { { 'u', MARK_IN, "#", 0, MEANS_NEVER }, { 'v', MARK_IN, "*", 0, MEANS_COASTING }, { 'x', MARK_IN, "S", 0, MEANS_SUMMER },
	    { 'x', MARK_IN, "U", 0, MEANS_UTC }, { 'y', MARK_IN, "A", 0, MEANS_LEAP } },
};

/* What the university of Erlangen asked for: PZF receivers … */
static const struct timecode_format meinberg_pzf = {
	.match = "##.##.##; #; ##:##:##; $$$$$$$",
	.field = "DD MM YY     hh mm ss  tuvxyza",
	.zone = ZONE_CET,
	.marks = { { 't', MARK_IN, "U", 0, MEANS_UTC }, { 'u', MARK_IN, "#", 0, MEANS_NEVER }, { 'v', MARK_IN, "*", 0, MEANS_COASTING },
	    { 'x', MARK_IN, "S", 0, MEANS_SUMMER }, { 'z', MARK_IN, "A", 0, MEANS_LEAP } },
};

/* … and GPS receivers, whose position follows. */
static const struct timecode_format meinberg_gps = {
	.match = "##.##.##; #; ##:##:##; $##:##; $$$$$$$; ",
	.field = "DD MM YY     hh mm ss  oHH NN  uvxyzab  ",
	.prefix = true,
	.marks = { { 'u', MARK_IN, "#", 0, MEANS_COASTING }, { 'z', MARK_IN, "A", 0, MEANS_LEAP } },
};

const struct timecode_format *const timecode_meinberg[] = LIST(&meinberg_standard, &meinberg_pzf, &meinberg_gps);

/* --- others of the generic driver --- */

static const struct timecode_format dcf7000 = {
	.match = "##-##-##-##-##-##-##-##",
	.field = "YY MM DD    hh mm ss kk",
	.zone = ZONE_CET,
	.marks = { { 'k', MARK_HEX, NULL, 0x1, MEANS_SUMMER }, { 'k', MARK_HEX, NULL, 0x4, MEANS_COASTING } },
};
const struct timecode_format *const timecode_dcf7000[] = LIST(&dcf7000);

static const struct timecode_format taip = {
	.match = ">RTM#################????????????*??",
	.field = "    hhmmssfffDDMMYYYY  d  v         ",
	.sum = taip_sum,
	.marks = { { 'v', MARK_NOT_IN, "1", 0, MEANS_NEVER }, { 'd', MARK_IN, "9", 0, MEANS_NEVER } },
};
const struct timecode_format *const timecode_taip[] = LIST(&taip);

static const struct timecode_format rcc8000 = {
	.match = "##:##:##.### ##/##/## ### # ?",
	.field = "hh mm ss fff DD MM YY       x",
	.marks = { { 'x', MARK_HEX_CLEAR, NULL, 0x8, MEANS_NEVER } },
};
const struct timecode_format *const timecode_rcc8000[] = LIST(&rcc8000);

static const struct timecode_format hopf = {
	.match = "??############\n\r",
	.field = "abhhmmssDDMMYY  ",
	.zone = ZONE_CET,
	.marks = { { 'a', MARK_HEX, NULL, 0x2, MEANS_SUMMER }, { 'a', MARK_HEX_CLEAR, NULL, 0x8, MEANS_COASTING },
	    { 'a', MARK_HEX_CLEAR, NULL, 0xc, MEANS_NEVER }, { 'b', MARK_HEX, NULL, 0x8, MEANS_UTC } },
};
const struct timecode_format *const timecode_hopf[] = LIST(&hopf);

static const struct timecode_format computime = {
	.match = "T:##:##:##:##:##:##:##",
	.field = "  YY MM DD    hh mm ss",
};
const struct timecode_format *const timecode_computime[] = LIST(&computime);

/* Set to Western European or Central European time, as its source is MSF or DCF77. */
static const struct timecode_format wharton = {
	.match = "############?",
	.field = "ssmmhhDDMMYYb",
	.reversed = true,
	.marks = { { 'b', MARK_BITS, NULL, 0x1, MEANS_CET }, { 'b', MARK_BITS, NULL, 0x2, MEANS_SUMMER },
	    { 'b', MARK_BITS_CLEAR, NULL, 0x4, MEANS_COASTING } },
};
const struct timecode_format *const timecode_wharton[] = LIST(&wharton);

static const struct timecode_format varitext = {
	.match = "T:##:##:##:##:##:##:##\r\n????",
	.field = "  YY MM DD    hh mm ss  b   ",
	.marks = { { 'b', MARK_BITS_CLEAR, NULL, 0x1, MEANS_NEVER }, { 'b', MARK_BITS_CLEAR, NULL, 0x2, MEANS_COASTING },
	    { 'b', MARK_BITS, NULL, 0x8, MEANS_SUMMER } },
};
const struct timecode_format *const timecode_varitext[] = LIST(&varitext);

static const struct timecode_format sel = {
	.match = "####:###:##:##:##?",
	.field = "YYYY JJJ hh mm ssq",
	.marks = { { 'q', MARK_NOT_IN, " .*#", 0, MEANS_NEVER } },
};
const struct timecode_format *const timecode_sel[] = LIST(&sel);

/* --- drivers of their own --- */

static const struct timecode_format spectracom_0 = {
	.match = "?  ### ##:##:## ?TZ=00",
	.field = "i  JJJ hh mm ss       ",
	.marks = { { 'i', MARK_NOT_IN, " ", 0, MEANS_NEVER } },
};
/* Off by less than 10 ms at q = A, by up to 500 ms and more with B, C and D. */
static const struct timecode_format spectracom_2 = {
	.match = "??## ### ##:##:##.### ??",
	.field = "iqYY JJJ hh mm ss fff ld",
	.marks = { { 'i', MARK_NOT_IN, " ", 0, MEANS_NEVER }, { 'q', MARK_NOT_IN, " A", 0, MEANS_NEVER }, { 'q', MARK_IN, "A", 0, MEANS_COASTING },
	    { 'l', MARK_IN, "L", 0, MEANS_LEAP } },
};
const struct timecode_format *const timecode_spectracom[] = LIST(&spectracom_0, &spectracom_2);

/* What # and * mean differs from model to model, ? is the worst of all. */
static const struct timecode_format truetime = {
	.match = "###:##:##:##?",
	.field = "JJJ hh mm ssq",
	.marks = { { 'q', MARK_NOT_IN, " .*#", 0, MEANS_NEVER }, { 'q', MARK_IN, "#", 0, MEANS_COASTING } },
};
const struct timecode_format *const timecode_truetime[] = LIST(&truetime);

static const struct timecode_format arbiter = {
	.match = "? ## ### ##:##:##.000",
	.field = "i YY JJJ hh mm ss    ",
	.prefix = true,
	.marks = { { 'i', MARK_NOT_IN, " ", 0, MEANS_NEVER } },
};
const struct timecode_format *const timecode_arbiter[] = LIST(&arbiter);

/* T2: figures of merit of time and frequency, a leap second to come, a request for service, and whether the time is invalid. */
static const struct timecode_format hp = {
	.match = "T2##############???????",
	.field = "  YYYYMMDDhhmmssqelrv  ",
	.sum = hp_sum,
	.marks = { { 'v', MARK_NOT_IN, "0", 0, MEANS_NEVER }, { 'l', MARK_IN, "+", 0, MEANS_LEAP }, { 'l', MARK_IN, "-", 0, MEANS_LEAP_DELETE } },
};
const struct timecode_format *const timecode_hp[] = LIST(&hp);

/* Time mode 2 is UTC; figure of merit 9 is worse than 10 ms; operation 1 is locked, 2 coasting, 3 recovering. */
static const struct timecode_format zyfer = {
	.match = "!TIME,####,###,##,##,##,#,#,#",
	.field = "      YYYY JJJ hh mm ss t q p",
	.marks = { { 't', MARK_NOT_IN, "2", 0, MEANS_NEVER }, { 'q', MARK_IN, "9", 0, MEANS_NEVER }, { 'p', MARK_NOT_IN, "123", 0, MEANS_NEVER },
	    { 'p', MARK_IN, "23", 0, MEANS_COASTING } },
};
const struct timecode_format *const timecode_zyfer[] = LIST(&zyfer);

/* --- by telephone --- */

/* NIST; a leap second at the end of the month is 1, one left out 2. */
static const struct timecode_format acts = {
	.match = "##### ##-##-## ##:##:## ## # $.# ###.# UTC(NIST) $",
	.field = "      YY MM DD hh mm ss    l                      ",
	.marks = { { 'l', MARK_IN, "1", 0, MEANS_LEAP }, { 'l', MARK_IN, "2", 0, MEANS_LEAP_DELETE } },
};
/* USNO, whose mark comes by itself. */
static const struct timecode_format usno = { .match = "##### ### ###### UTC", .field = "      JJJ hhmmss    ", .held = true };
static const struct timecode_format usno_now = { .match = "*", .field = " " };
/* European institutes (ITU-R TF.583): local time, and UTC up to the minute.  Their leap seconds are told for some month to come, so not read. */
static const struct timecode_format european = {
	.match = "####-##-## ##:##:## ?????????????????#################????????????????????????",
	.field = "                 ss                  YYYYMMDDhhmm                             ",
};
const struct timecode_format *const timecode_phone[] = LIST(&acts, &usno, &usno_now, &european, &spectracom_0, &spectracom_2);

/* --- clocks of Japan, which tell its time --- */

static const struct timecode_format tristate_date = { .match = "####/##/##", .field = "YYYY MM DD", .prefix = true, .zone = ZONE_JST };
static const struct timecode_format tristate_time = { .match = "##:##:##", .field = "hh mm ss", .zone = ZONE_JST };
const struct timecode_format *const timecode_tristate[] = LIST(&tristate_date, &tristate_time);

static const struct timecode_format cdex = { .match = "J##############", .field = " YYMMDD hhmmssf", .zone = ZONE_JST };
const struct timecode_format *const timecode_cdex[] = LIST(&cdex);

/* At its request, or of itself half a second before. */
static const struct timecode_format lt2000_asked = { .match = "#############??", .field = "YYMMDD hhmmss  ", .zone = ZONE_JST };
static const struct timecode_format lt2000_told = { .match = "#############????", .field = "YYMMDD hhmmss    ", .zone = ZONE_JST, .early_ms = 500 };
const struct timecode_format *const timecode_lt2000[] = LIST(&lt2000_asked, &lt2000_told);

static const struct timecode_format citizen = {
	.match = "'?? ##/##/## # ##:##:##",
	.field = " aa YY MM DD   hh mm ss",
	.zone = ZONE_JST,
	.marks = { { 'a', MARK_NOT_IN, "K", 0, MEANS_NEVER } },	/* OK, NG, ER */
};
const struct timecode_format *const timecode_citizen[] = LIST(&citizen);

/* The time to come, and 0xe5 when it has. */
static const struct timecode_format seiko_time = { .match = "#############", .field = "YYMMDD hhmmss", .zone = ZONE_JST, .held = true };
static const struct timecode_format seiko_now = { .match = "\xe5", .field = " ", .zone = ZONE_JST };
const struct timecode_format *const timecode_seiko[] = LIST(&seiko_time, &seiko_now);
