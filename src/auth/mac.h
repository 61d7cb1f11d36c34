/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One secret made ready for the crypto library: H(secret, message) or AES-CMAC (RFC 4493).  Private to this room.  Not thread safe.
 */
#ifndef AUTH_MAC_H
#define AUTH_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keys.h"
#include "base/must_use.h"

#define MAC_SECRET_MAX	64	/* octets */

struct mac;

/* Octets of the secret that a type word of AES-CMAC takes; 0: it is none of those. */
size_t mac_cmac_secret(const char *type);

/* type is one of these words or the name of a digest.  NULL if there is no such digest, or one of less than 16 octets, or the library or memory fails. */
MUST_USE struct mac *mac_new(const char *type, const uint8_t *secret, size_t len);

/* For another thread. */
MUST_USE struct mac *mac_copy(const struct mac *m);

/* Wipes the secret; NULL is fine. */
void mac_free(struct mac *m);

bool mac_is_cmac(const struct mac *m);

/* Octets on the wire. */
size_t mac_digest_len(const struct mac *m);

/* False if the library failed. */
MUST_USE bool mac_make(struct mac *m, const uint8_t *msg, size_t len, uint8_t out[static MAC_DIGEST_MAX]);

#endif
