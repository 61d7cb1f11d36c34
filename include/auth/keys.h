/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symmetric keys and the message authentication codes made with them (RFC 5905 section 7.3, RFC 8573).
 *
 * A MAC on the wire is the key id (4 octets) and a digest: H(secret, packet), cut to 20 octets, or AES-CMAC of 16.  A key works only if it is
 * trusted too.  Contexts of the crypto library are made when the file is read; a MAC needs no new one.
 * Not thread safe: each thread has a copy of its own (keys_copy).
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"

#define KEY_ID_MAX	65535
#define KEY_ID_LEN	4	/* octets of the key id before a digest */
#define MAC_DIGEST_MAX	20	/* octets of a digest on the wire */
#define MAC_MAX		(KEY_ID_LEN + MAC_DIGEST_MAX)

struct key;
struct keys;

/* Called for each remark on a keys file: line 0 is the file as a whole.  error: the file will not be used. */
typedef void keys_remark(void *arg, bool error, const char *file, unsigned line, const char *text);

/*
 * Reads a keys file: "ID TYPE SECRET [ADDRESS[/BITS],…]" a line, # starts a comment.  A secret of up to 20 characters is taken as it is, a
 * longer one is hexadecimal.  All or nothing: NULL if the file is no regular one, may be written by others, or has an error; remark has said why.
 * NULL with ENOMEM, and no remark of it, if memory fails.
 */
MUST_USE struct keys *keys_load(const char *path, keys_remark *remark, void *arg);

/* The same from memory. */
MUST_USE struct keys *keys_parse(const char *name, const char *text, size_t len, keys_remark *remark, void *arg);

/* The same keys with contexts and counters of their own, for another thread; NULL if the library or memory fails. */
MUST_USE struct keys *keys_copy(const struct keys *k);

/* What has been done with the keys so far. */
struct keys_counts {
	uint64_t	lookups, notfound;		/* of keys_find; not there, or not trusted */
	uint64_t	digest_signed, cmac_signed;	/* MACs made to be sent */
	uint64_t	digest_checked, cmac_checked;	/* MACs looked at … */
	uint64_t	digest_failed, cmac_failed;	/* … and wrong */
};
void keys_get_counts(const struct keys *k, struct keys_counts *out);

/* Goes on counting where the keys that were in force before have got to.  Either may be NULL. */
void keys_follow(struct keys *k, const struct keys *before);

/* Adds what has been done with a copy, and zeroes it there.  No other thread may be using the copy meanwhile.  Either may be NULL. */
void keys_collect(const struct keys *k, const struct keys *copy);

/* Wipes the secrets. */
void keys_free(struct keys *k);

size_t keys_count(const struct keys *k);

/* Ids lo … hi may be used from now on. */
void keys_trust(struct keys *k, uint32_t lo, uint32_t hi);

/* The key of that id if there is one and it is trusted, else NULL.  k may be NULL: there are none. */
const struct key *keys_find(const struct keys *k, uint32_t id);

uint32_t key_id(const struct key *k);

/* May packets of this address be authenticated with it? */
bool key_allows(const struct key *k, const struct addr *from);

/* Octets of a MAC by this key, with its key id. */
size_t key_mac_len(const struct key *k);

/* Writes key id and digest over msg; returns the length, 0 if the library failed. */
size_t key_sign(const struct key *k, const uint8_t *msg, size_t len, uint8_t out[static MAC_MAX]);

/* Is mac (key id and digest, mac_len octets) the MAC of msg by this key?  Takes the same time whatever the digest. */
MUST_USE bool key_verify(const struct key *k, const uint8_t *msg, size_t len, const uint8_t *mac, size_t mac_len);

#endif
