/* SPDX-License-Identifier: BSD-2-Clause */
/* Every type of reference clock that ntpd or NTPsec ever had, and those of ours. */
#include <string.h>

#include "driver.h"
#include "wire/control.h"

#define RELIC(t, a)		{ .type = (t), .standing = REFCLOCK_RELIC, .abbrev = (a) }
#define RECEIVER(t, n, a, id, s, d)												\
	{ .type = (t), .name = (n), .abbrev = (a), .refid = (id), .source = (s), .device = (d), .open = receiver_open, .ask = receiver_ask,	\
	    .close = receiver_close, .needs = REFCLOCK_NEEDS_SERIAL | REFCLOCK_NEEDS_PPS }

const struct refclock_driver refclock_table[] = {
	{ .type = REFCLOCK_LOCAL, .name = "local", .abbrev = "LOCAL", .refid = REFID('L', 'O', 'C', 'L'), .stratum = 5, .source = SOURCE_LOCAL,
	    .kind = REFCLOCK_OWN, .device = "the clock of this machine", .open = local_open, .ask = local_ask, .close = local_close },
	{ .type = REFCLOCK_NMEA, .name = "nmea", .abbrev = "GPS_NMEA", .refid = REFID('G', 'P', 'S', 0), .source = SOURCE_UHF_RADIO,
	    .device = "/dev/gps%u", .needs = REFCLOCK_NEEDS_SERIAL | REFCLOCK_NEEDS_PPS, .open = nmea_open, .ask = nmea_ask, .close = nmea_close },
	{ .type = REFCLOCK_PPS, .name = "pps", .abbrev = "PPS", .refid = REFID('P', 'P', 'S', 0), .source = SOURCE_PPS, .kind = REFCLOCK_PULSE,
	    .device = "/dev/pps%u", .needs = REFCLOCK_NEEDS_PPS, .open = pps_open, .close = pps_close },
	{ .type = REFCLOCK_SHM, .name = "shm", .abbrev = "SHM", .refid = REFID('S', 'H', 'M', 0), .source = SOURCE_UHF_RADIO,
	    .device = "shared memory NTP%u", .needs = REFCLOCK_NEEDS_SHM, .open = shm_open_clock, .ask = shm_ask, .close = shm_close },
	{ .type = REFCLOCK_GPSD, .name = "gpsd", .abbrev = "GPSD_JSON", .refid = REFID('G', 'P', 'S', 'D'), .source = SOURCE_UHF_RADIO,
	    .device = "/dev/gps%u", .needs = REFCLOCK_NEEDS_TCP, .open = gpsd_open, .ask = gpsd_ask, .close = gpsd_close },
	{ .type = REFCLOCK_SOCK, .name = "sock", .abbrev = "SOCK", .refid = REFID('S', 'O', 'C', 'K'), .source = SOURCE_UHF_RADIO,
	    .device = "no path given", .open = sock_open, .close = sock_close },

	RECEIVER(REFCLOCK_SPECTRACOM, "spectracom", "WWVB_SPEC", REFID('W', 'W', 'V', 'B'), SOURCE_LF_RADIO, "/dev/wwvb%u"),
	RECEIVER(REFCLOCK_TRUETIME, "truetime", "TRUETIME", REFID('T', 'R', 'U', 'E'), SOURCE_UHF_RADIO, "/dev/true%u"),
	RECEIVER(REFCLOCK_GENERIC, "generic", "GENERIC", REFID('D', 'C', 'F', 0), SOURCE_LF_RADIO, "/dev/refclock-%u"),
	RECEIVER(REFCLOCK_ARBITER, "arbiter", "GPS_ARBITER", REFID('G', 'P', 'S', 0), SOURCE_UHF_RADIO, "/dev/gps%u"),
	RECEIVER(REFCLOCK_HPGPS, "hpgps", "GPS_HP", REFID('G', 'P', 'S', 0), SOURCE_UHF_RADIO, "/dev/hpgps%u"),
	RECEIVER(REFCLOCK_TRIMBLE, "trimble", "GPS_PALISADE", REFID('G', 'P', 'S', 0), SOURCE_UHF_RADIO, "/dev/palisade%u"),
	RECEIVER(REFCLOCK_ONCORE, "oncore", "GPS_ONCORE", REFID('G', 'P', 'S', 0), SOURCE_UHF_RADIO, "/dev/oncore.serial.%u"),
	RECEIVER(REFCLOCK_JJY, "jjy", "JJY", REFID('J', 'J', 'Y', 0), SOURCE_LF_RADIO, "/dev/jjy%u"),
	RECEIVER(REFCLOCK_ZYFER, "zyfer", "GPS_ZYFER", REFID('G', 'P', 'S', 0), SOURCE_UHF_RADIO, "/dev/zyfer%u"),

	{ .type = REFCLOCK_MODEM, .name = "modem", .abbrev = "ACTS_MODEM", .refid = REFID('A', 'C', 'T', 'S'), .source = SOURCE_TELEPHONE,
	    .device = "/dev/acts%u", .needs = REFCLOCK_NEEDS_SERIAL, .open = modem_open, .ask = modem_ask, .close = modem_close },

	RELIC(3, "WWV_PST"), RELIC(6, "IRIG_AUDIO"), RELIC(7, "CHU_AUDIO"), RELIC(9, "GPS_MX4200"), RELIC(10, "GPS_AS2201"), RELIC(12, "IRIG_TPRO"),
	RELIC(16, "GPS_BANC"), RELIC(19, "WWV_HEATH"), RELIC(27, "MSF_ARCRON"), RELIC(31, "GPS_JUPITER"), RELIC(32, "CHRONOLOG"),
	RELIC(33, "DUMBCLOCK"), RELIC(34, "ULINK"), RELIC(35, "PCF"), RELIC(36, "WWV_AUDIO"), RELIC(37, "FG"), RELIC(38, "HOPF_S"),
	RELIC(39, "HOPF_P"), RELIC(43, "GPS_RIPENCC"), RELIC(44, "NEOCLK4X"), RELIC(45, "TSYNCPCI"),
};
const size_t refclock_table_len = NELEMS(refclock_table);

const struct refclock_driver *
refclock_driver(uint8_t type)
{
	for (size_t i = 0; i < NELEMS(refclock_table); i++) {
		if (refclock_table[i].type == type)
			return &refclock_table[i];
	}
	return NULL;
}

enum refclock_standing
refclock_standing(uint8_t type)
{
	const struct refclock_driver *d = refclock_driver(type);

	return d == NULL ? REFCLOCK_UNKNOWN : d->standing;
}

int
refclock_type_of(const char *name)
{
	for (size_t i = 0; i < NELEMS(refclock_table); i++) {
		if (refclock_table[i].name != NULL && strcmp(refclock_table[i].name, name) == 0)
			return refclock_table[i].type;
	}
	return -1;
}

const char *
refclock_driver_name(uint8_t type)
{
	const struct refclock_driver *d = refclock_driver(type);

	return d == NULL ? NULL : d->name;
}

const char *
refclock_type_name(uint8_t type)
{
	const struct refclock_driver *d = refclock_driver(type);

	return d == NULL ? NULL : d->abbrev;
}

unsigned
refclock_needs(uint8_t type)
{
	const struct refclock_driver *d = refclock_driver(type);

	return d == NULL ? 0 : d->needs;
}
