/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cookies: what a server would have to remember of a client, sealed by a key of its own and given to the client to keep (RFC 8915 section 6).
 *
 *   0 number of the key (4)   4 nonce (16)   20 sealed: algorithm (2) zero (2) key to the server, key to the client
 *
 * A new key is made every day, and the nine before it still open what they sealed.  The keys are kept in a file of NTPsec's form, so that a restart
 * makes no client begin anew.  Randomness comes from the crypto library.
 */
#ifndef NTS_COOKIE_H
#define NTS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/must_use.h"
#include "nts/siv.h"

#define COOKIE_KEYS	10	/* the present one and nine before it */
#define COOKIE_DAY	86400	/* s between new keys */
#define COOKIE_LEN_MAX	(4 + 16 + SIV_TAG_LEN + 4 + 2 * SIV_KEY_MAX)
#define COOKIE_FILE_MAX	4096	/* octets of a key file */

/* The keys, newest first. */
struct cookie_ring {
	size_t	n;			/* 0: there are none yet */
	size_t	key_len;		/* 32, 48 or 64 */
	int64_t	made;			/* s since 1970, when the newest was */
	struct {
		uint32_t	id;
		uint8_t		key[SIV_KEY_MAX];
	} key[COOKIE_KEYS];
};

/* Makes as many keys as days have gone by, one if there is none; now is in s since 1970.  False, and nothing changed, if there is no randomness.  *made: was any? */
MUST_USE bool cookie_rotate(struct cookie_ring *r, int64_t now, bool *made);

/* What is in a cookie. */
struct cookie_keys {
	uint16_t	aead;
	uint8_t		c2s[SIV_KEY_MAX], s2c[SIV_KEY_MAX];
};

/* Octets of a cookie for keys of that algorithm. */
size_t cookie_len(uint16_t aead);

/* Writes a cookie, and returns its length; 0 if the library fails. */
size_t cookie_seal(struct siv *siv, const struct cookie_ring *r, const struct cookie_keys *k, uint8_t out[static COOKIE_LEN_MAX]);

#define COOKIE_UNKNOWN	-1	/* sealed by a key that we do not have: too old, or another server's */
#define COOKIE_BAD	-2	/* no cookie, or forged */

/* Opens one: how many keys ago it was sealed, or one of the above with *k untouched. */
MUST_USE int cookie_open(struct siv *siv, const struct cookie_ring *r, struct octets cookie, struct cookie_keys *k);

/* The text of a key file, and back.  False, and *r untouched, for what is none. */
MUST_USE bool cookie_parse(struct cookie_ring *r, const char *text, size_t len);
size_t cookie_format(const struct cookie_ring *r, char out[static COOKIE_FILE_MAX]);

/* The file: -1 with errno; EILSEQ for what is no key file, EPERM where others may read or write it.  It is written whole or not at all, with mode 0600. */
MUST_USE int cookie_load(struct cookie_ring *r, const char *path);
MUST_USE int cookie_save(const struct cookie_ring *r, const char *path);

#endif
