/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The extension fields of Network Time Security (RFC 8915 section 5), in the clear and sealed.
 *
 *   0 type (2)   2 length of the field (2)   4 body
 *
 * The body of the authenticator: 0 length of the nonce (2)   2 of the ciphertext (2)   4 nonce, ciphertext, each padded to a multiple of 4, padding.
 */
#ifndef NTS_FIELDS_H
#define NTS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/must_use.h"
#include "nts/siv.h"

#define FIELD_UID		0x0104
#define FIELD_COOKIE		0x0204
#define FIELD_PLACEHOLDER	0x0304
#define FIELD_AUTH		0x0404
#define FIELD_HEAD		4
#define UID_LEN			32	/* octets of a unique identifier: the least there may be, and ours */
#define NONCE_LEN		16	/* of our authenticators; with less than that in a request there has to be padding */
#define AUTH_LEN		(FIELD_HEAD + 4 + NONCE_LEN + SIV_TAG_LEN)	/* of an authenticator that seals nothing else */

/* The fields of a packet; octets lead into it. */
struct fields {
	struct octets	uid;		/* p NULL: there is none; so with the others */
	struct octets	cookie;
	size_t		placeholders;	/* each as long as the cookie */
	struct octets	ad;		/* what the authenticator covers: all before it */
	struct octets	nonce, cipher;
	bool		padded;		/* it has the padding that requests must have */
};

enum fields_err {
	FIELDS_OK,
	FIELDS_NONE,		/* none of these fields is there */
	FIELDS_MALFORMED,	/* some are, and not as they may be */
};

/*
 * Reads those between the header and the octet at end, which packet_parse has walked over.  Fields of other kinds are passed over, those behind the authenticator
 * too.  Malformed: two identifiers, cookies or authenticators, one of ours behind the authenticator, lengths that lie, a placeholder that is not as long as the
 * cookie.  *f is written on FIELDS_OK only.
 */
MUST_USE enum fields_err fields_parse(struct fields *f, const uint8_t *buf, size_t end);

/* The next field of a text that was sealed.  False at its end; *bad for what is no field. */
bool fields_next(struct rd *r, uint16_t *type, struct octets *body, bool *bad);

/* Writes a field; a body whose length is no multiple of 4 is padded.  body.p NULL: zeros. */
void fields_put(struct wr *w, uint16_t type, struct octets body);

/* Opens the authenticator with this key: writes what it seals, f->cipher.len - SIV_TAG_LEN octets, into out. */
MUST_USE bool fields_open(struct siv *siv, uint16_t aead, const uint8_t *key, const struct fields *f, uint8_t *out);

/*
 * Appends an authenticator to the packet of len octets.  What it seals, text octets, stands AUTH_LEN behind len already.  Returns the length of the packet; 0 if
 * the library fails.
 */
size_t fields_seal(struct siv *siv, uint16_t aead, const uint8_t *key, uint8_t *buf, size_t len, size_t text);

#endif
