/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's side of a protected exchange (RFC 8915 section 5.7): keys and cookies of one server, requests protected with them, and the tests of replies.
 *
 * A cookie is sent once.  Each request asks by placeholders for as many cookies as are missing, as far as a packet of 1280 octets has room.
 */
#ifndef NTS_SHIELD_H
#define NTS_SHIELD_H

#include "base/time.h"
#include "nts/fields.h"
#include "nts/records.h"

#define SHIELD_PACKET_MAX	1232	/* octets: with the headers of IPv6 and UDP 1280, which every path carries */

struct shield {
	struct siv		*siv;
	uint16_t		 aead;
	uint8_t			 c2s[SIV_KEY_MAX], s2c[SIV_KEY_MAX];
	struct walltime		 not_before, not_after;	/* validity of the server's certificate; times outside of it are not believed; 0: not known */
	struct nts_cookie	 cookie[NTS_COOKIES];
	size_t			 ncookies;
	bool			 open;			/* a request is out */
	uint8_t			 uid[UID_LEN];		/* its identifier */
	unsigned		 naked;			/* requests since a NAK came without a good reply, that one included; 0: none came */
};

/* From a key exchange; NULL for want of memory. */
MUST_USE struct shield *shield_new(const struct ke_answer *a, const uint8_t *c2s, const uint8_t *s2c);

/* Wipes the keys. */
void shield_free(struct shield *s);

/* Is another key exchange needed: no cookie left, or a NAK and then silence? */
bool shield_spent(const struct shield *s);

/*
 * Makes a request of len octets a protected one; there is room for SHIELD_PACKET_MAX.  Returns its length; 0 with no cookie, or if the library fails.
 */
size_t shield_protect(struct shield *s, uint8_t *pkt, size_t len);

enum shield_verdict {
	SHIELD_GOOD,		/* ours, and authentic: its cookies have been taken */
	SHIELD_NAK,		/* unauthenticated, but by somebody who has seen the request: the server cannot open the cookie */
	SHIELD_BAD,		/* anything else: nothing has changed */
};

/* Judges a packet of mode 4 that answers the request by its origin; kiss is its reference ID if its stratum is 0, else 0.  end is as in fields_parse. */
enum shield_verdict shield_judge(struct shield *s, const uint8_t *buf, size_t end, uint32_t kiss);

#endif
