/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests by OpenSSL's EVP. */
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "auth/digest.h"

static bool
digest(const char *name, const void *data, size_t len, uint8_t *out)
{
	/* A context of our own: a system-wide policy such as FIPS mode governs the default one, and no secret is at stake here. */
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *provider = ctx == NULL ? NULL : OSSL_PROVIDER_load(ctx, "default");
	EVP_MD *md = provider == NULL ? NULL : EVP_MD_fetch(ctx, name, NULL);
	bool ok = md != NULL && EVP_Digest(data, len, out, NULL, md, NULL) == 1;

	EVP_MD_free(md);
	if (provider != NULL)
		OSSL_PROVIDER_unload(provider);
	OSSL_LIB_CTX_free(ctx);
	return ok;
}

bool
digest_md5(const void *data, size_t len, uint8_t out[static MD5_LEN])
{
	return digest("MD5", data, len, out);
}

bool
digest_sha1(const void *data, size_t len, uint8_t out[static SHA1_LEN])
{
	return digest("SHA1", data, len, out);
}
