/* SPDX-License-Identifier: BSD-2-Clause */
/* Message authentication codes for requests (RFC 5905 section 7.3, RFC 8573), with the library alone: nothing of the server's is used. */
#ifndef BENCH_SIGN_H
#define BENCH_SIGN_H

#include <stddef.h>
#include <stdint.h>

#define SIGN_MAX	24	/* octets of key number and MAC */

struct signer;

/* spec is TYPE:NUMBER:HEX, TYPE being AES128 (AES-CMAC) or a digest of the library's, of the key and the message.  NULL if it is no such thing. */
struct signer *signer_new(const char *spec);

/* Writes key number and MAC behind the message; returns how many octets these are. */
size_t signer_sign(const struct signer *s, uint8_t *msg, size_t len);

#endif
