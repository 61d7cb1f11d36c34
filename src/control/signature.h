/* SPDX-License-Identifier: BSD-2-Clause */
/* The MAC behind a control message (RFC 9327 section 2; RFC 5905 section 7.3).  Private to this room. */
#ifndef CONTROL_SIGNATURE_H
#define CONTROL_SIGNATURE_H

#include "auth/keys.h"
#include "base/addr.h"

/* Where a MAC begins in what we sign: classic clients look for it there and nowhere else. */
#define SIGNATURE_ALIGN	8

/*
 * The trusted key by which a request of len octets, of which the first used are header and data, is signed, or NULL.  *covered is how many
 * octets the MAC stands for.
 */
const struct key *signature_check(const struct keys *keys, const struct addr *from, const uint8_t *buf, size_t len, size_t used, size_t *covered);

/* Pads buf[0 … len) with zeros to the boundary and appends the MAC; buf has room for both.  Returns the new length, 0 if the library failed. */
size_t signature_add(const struct key *key, uint8_t *buf, size_t len);

#endif
