/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof that a reader gets what is sent to his address: a time and a keyed hash over it, the address and the port (RFC 9327 section 6).
 * Nothing is remembered but a secret made at start.
 */
#ifndef CONTROL_NONCE_H
#define CONTROL_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"
#include "base/time.h"

#define NONCE_DIGITS	32	/* hexadecimal: monotime, hash, 64 bits each */
#define NONCE_LIFE	16.0	/* s */

struct nonce_secret { uint8_t octets[32]; };

/* HMAC-SHA-256, its first 64 bits.  False if the library has no such thing. */
MUST_USE bool nonce_hash(const struct nonce_secret *secret, const void *data, size_t len, uint64_t *hash);

/* Writes the digits and a NUL.  False as above. */
MUST_USE bool nonce_make(const struct nonce_secret *secret, const struct addr *who, struct monotime now, char out[static NONCE_DIGITS + 1]);

/* Did we give these digits to this address and port, less than NONCE_LIFE ago? */
MUST_USE bool nonce_check(const struct nonce_secret *secret, const struct addr *who, struct monotime now, const char *digits, size_t len);

#endif
