/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key that ntpq signs with: typed in, or found in a keys file by its id.
 *
 * Secrets are asked for on the terminal itself, without echo, and wiped when they are no longer needed.
 */
#ifndef TOOLS_AUTHKEY_H
#define TOOLS_AUTHKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/keys.h"
#include "base/must_use.h"
#include "query.h"

#define AUTHKEY_TYPE_MAX	32

struct authkey {
	struct keys	*file;		/* of -k or the configuration; NULL = none read */
	struct keys	*typed;		/* the one key made of what was typed; NULL = none */
	uint32_t	 id;		/* 0 = none */
	char		 type[AUTHKEY_TYPE_MAX];	/* of a key that is typed */
	bool		 conf_read;	/* the daemon's configuration has been looked at */
	struct query_mac mac;
};

void authkey_init(struct authkey *a);
void authkey_free(struct authkey *a);

/* Reads a keys file; says on stderr what is wrong with it. */
MUST_USE bool authkey_load(struct authkey *a, const char *path);

/* Chooses the key of that id (1 … KEY_ID_MAX); one that was typed is forgotten. */
void authkey_set_id(struct authkey *a, uint32_t id);

/* Sets the type of keys that are typed: a digest of the crypto library, or AES.  False if there is no such thing. */
MUST_USE bool authkey_set_type(struct authkey *a, const char *type);

/* Octets of a digest by a key of the current type. */
size_t authkey_digest_len(const struct authkey *a);

/* Takes secret for the key of the current id and type; says on stderr what is wrong with it. */
MUST_USE bool authkey_set_secret(struct authkey *a, const char *secret);

/* Asks for what is missing, id and secret.  False without a terminal, or if the user gives none. */
MUST_USE bool authkey_ask(struct authkey *a);

/*
 * What to sign with.  local: the host asked is this machine, whose daemon's configuration may name keys file and control key.  NULL if
 * there is none; stderr has said so.
 */
const struct query_mac *authkey_get(struct authkey *a, bool local);

#endif
