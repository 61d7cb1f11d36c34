/* SPDX-License-Identifier: BSD-2-Clause */
/* What the nts directive says. */
#ifndef NTS_OPTS_H
#define NTS_OPTS_H

#include <stdbool.h>

#define NTS_PATH_MAX	256
#define NTS_LIST_MAX	256
#define NTS_WORD_MAX	24

struct nts_opts {
	bool		enable;			/* serve key exchanges */
	char		ca[NTS_PATH_MAX];	/* trusted certificates, a file or a directory; empty: the system's */
	char		cert[NTS_PATH_MAX];	/* our certificate and those that lead to it … */
	char		key[NTS_PATH_MAX];	/* … and its private key */
	char		cookie[NTS_PATH_MAX];	/* file of cookie keys; empty: NTS_COOKIE_FILE */
	char		aead[NTS_WORD_MAX];	/* that sources ask for, by its name; empty: AES_SIV_CMAC_256 */
	char		mintls[NTS_WORD_MAX], maxtls[NTS_WORD_MAX];	/* "TLS1.3" is all there is to be had */
	bool		own_order;		/* tlscipherserverpreference */
	char		suites[NTS_LIST_MAX];	/* TLS 1.3 suites; empty: the library's */
	char		curves[NTS_LIST_MAX];	/* likewise */
};

#define NTS_COOKIE_FILE	"/var/lib/ntp/nts-keys"

#endif
