/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-SIV (RFC 5297): the authenticated encryption of Network Time Security, in its three sizes.
 *
 * Made of the library's CMAC and counter mode, as its own SIV (OpenSSL 3.0) takes no empty text, which every request of a client has.
 * Contexts are made once, so that sealing and opening allocate nothing.  Not thread safe: each thread has its own.
 */
#ifndef NTS_SIV_H
#define NTS_SIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/must_use.h"

/* Algorithms by their numbers in IANA's registry of AEAD algorithms (RFC 5116). */
#define AEAD_SIV_256	15	/* AEAD_AES_SIV_CMAC_256, which everybody has to know (RFC 8915 section 5.1) */
#define AEAD_SIV_384	16
#define AEAD_SIV_512	17

#define SIV_TAG_LEN	16
#define SIV_KEY_MAX	64
#define SIV_ADS_MAX	4	/* strings of associated data, the nonce among them */

struct octets { const uint8_t *p; size_t len; };

struct siv;
MUST_USE struct siv *siv_new(void);	/* NULL if the library or memory fails */
void siv_free(struct siv *s);

/* Octets of a key; 0: no such algorithm here. */
size_t siv_key_len(uint16_t aead);

/* "AES_SIV_CMAC_256" and the like, as ntp.conf has them; 0: no such name. */
uint16_t siv_by_name(const char *name);

/*
 * Writes tag and ciphertext, len + SIV_TAG_LEN octets, into out.  The nonce, if there is one, is the last of the strings ad[0 … n - 1].  text may be
 * out + SIV_TAG_LEN, and overlap in no other way.  False if the library fails.
 */
MUST_USE bool siv_seal(struct siv *s, uint16_t aead, const uint8_t *key, const struct octets ad[], size_t n, const uint8_t *text, size_t len, uint8_t *out);

/* The other way; len counts the tag.  False, and out wiped, if it was not sealed with this key and these strings.  out may be in + SIV_TAG_LEN. */
MUST_USE bool siv_open(struct siv *s, uint16_t aead, const uint8_t *key, const struct octets ad[], size_t n, const uint8_t *in, size_t len, uint8_t *out);

#endif
