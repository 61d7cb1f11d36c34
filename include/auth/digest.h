/* SPDX-License-Identifier: BSD-2-Clause */
/* Message digests of the crypto library. */
#ifndef AUTH_DIGEST_H
#define AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"

#define MD5_LEN	16
#define SHA1_LEN	20

/*
 * MD5 of len octets, for names (reference IDs), not for secrets; works where the library's default context forbids MD5.
 * False if there is no such thing at all.
 */
MUST_USE bool digest_md5(const void *data, size_t len, uint8_t out[static MD5_LEN]);

/* The same by SHA-1, for the hash in a file of leap seconds, which guards against damage alone. */
MUST_USE bool digest_sha1(const void *data, size_t len, uint8_t out[static SHA1_LEN]);

#endif
