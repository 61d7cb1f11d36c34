/* SPDX-License-Identifier: BSD-2-Clause */
/* The words ntpq has for status words, bits, modes, errors, times and intervals. */
#ifndef TOOLS_WORDS_H
#define TOOLS_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"
#include "vars.h"

enum status_kind { STATUS_SYSTEM, STATUS_PEER, STATUS_CLOCK };

/* "leap_none, sync_ntp, 1 event, freq_mode": a status word in full.  Returns buf, as all below. */
const char *words_status(enum status_kind kind, uint16_t status, char *buf, size_t cap);

/* Parts of a peer status word, as the associations listing has them. */
char words_tally(uint16_t status);
const char *words_selection(uint16_t status);
const char *words_reach(uint16_t status);
const char *words_auth(uint16_t status);
const char *words_last_event(uint16_t status, char *buf, size_t cap);
unsigned status_events(uint16_t status);

/* "ok", or the names of the flash bits that are set; names of kernel status bits; a mode ("client"). */
const char *words_flash(unsigned long flash, char *buf, size_t cap);
const char *words_kernel(unsigned long status, char *buf, size_t cap);
const char *words_mode(unsigned long mode);

/* What to say when a server answers with an error (enum control_err). */
const char *words_server_error(uint8_t code, uint16_t associd, char *buf, size_t cap);

/* Seconds as in the columns when and poll: "-", "17", "34m", "26h", "40d", "3y". */
const char *words_interval(long seconds, char *buf, size_t cap);

/*
 * A time in ms with three decimals, with fewer where it would be wider than width, never a digit short; sign puts a + before
 * what is not negative.  NaN is "?".  width is at least 8 with a sign, else 7.
 */
const char *words_ms(double ms, int width, bool sign, char *buf, size_t cap);

/* "eeadcadd.1d38de24  Sun, Nov 22 2026 20:11:09.114" in local time, or "(no time)"; the era is the one nearest to now. */
const char *words_time(struct ntptime t, struct walltime now, char *buf, size_t cap);

/* "eeadcadd.1d38de24 2026-11-22T20:11:09.114Z", as NTPsec's ntpq shows a time. */
const char *words_time_iso(struct ntptime t, struct walltime now, char *buf, size_t cap);

/* A reference id as ntpq shows one that is an address: "10.9.0.1", "LOCAL(0)" for 127.127.1.0. */
const char *words_refaddr(const struct addr *a, char *buf, size_t cap);

#endif
