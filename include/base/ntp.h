/* SPDX-License-Identifier: BSD-2-Clause */
/* The words every room of an NTP daemon shares: modes, leap indicator, strata, protocol limits (RFC 5905 sections 7.2, 7.3). */
#ifndef BASE_NTP_H
#define BASE_NTP_H

#define NTP_PORT	123
#define NTP_VERSION	4
#define NTP_VERSION_MIN	1

enum mode {
	MODE_RESERVED = 0,
	MODE_ACTIVE = 1,
	MODE_PASSIVE = 2,
	MODE_CLIENT = 3,
	MODE_SERVER = 4,
	MODE_BROADCAST = 5,
	MODE_CONTROL = 6,
	MODE_PRIVATE = 7,
};

enum leap {
	LEAP_NONE = 0,
	LEAP_INSERT = 1,	/* last minute of the day has 61 seconds */
	LEAP_DELETE = 2,	/* last minute of the day has 59 seconds */
	LEAP_UNSYNC = 3,	/* alarm: never synchronised, or not any more */
};

#define STRATUM_KOD	0	/* on the wire: unspecified, or a kiss-o'-death */
#define STRATUM_UNSYNC	16	/* inside: not synchronised */

#define POLL_MIN	0	/* poll exponents, log2 s: the least a file may ask for … */
#define POLL_MAX	17	/* … and the most */
#define POLL_MIN_DEFAULT	6
#define POLL_MAX_DEFAULT	10

#define DISP_MAX	16.0	/* MAXDISP, s: dispersion of an unknown sample */
#define DISP_RATE	15e-6	/* PHI, s/s: frequency tolerance of any clock */

/* Four characters as a reference ID, first character in the top octet. */
#define REFID(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

#define REFID_INIT	REFID('I', 'N', 'I', 'T')
#define REFID_STEP	REFID('S', 'T', 'E', 'P')
#define REFID_FREE	REFID('F', 'R', 'E', 'E')	/* running on by itself: its sources have been lost for too long */
#define REFID_POOL	REFID('P', 'O', 'O', 'L')
#define REFID_RATE	REFID('R', 'A', 'T', 'E')
#define REFID_DENY	REFID('D', 'E', 'N', 'Y')
#define REFID_RSTR	REFID('R', 'S', 'T', 'R')
#define REFID_NTSN	REFID('N', 'T', 'S', 'N')	/* RFC 8915 section 5.7 */
#define REFID_NTS	REFID('N', 'T', 'S', 0)
#define REFID_DNS	REFID('D', 'N', 'S', 0)

#endif
