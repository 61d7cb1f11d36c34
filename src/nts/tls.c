/* SPDX-License-Identifier: BSD-2-Clause */
/* The contexts of TLS: what is trusted, what is shown, what is offered. */
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

#include "nts/tls.h"

#define CHAIN_MAX	8		/* certificates between the server's and a trusted one */
#define CERTS_MAX	32768		/* octets of all certificates that a server may send */

static const uint8_t alpn[] = { sizeof(KE_ALPN) - 1, 'n', 't', 's', 'k', 'e', '/', '1' };

static bool
complain(char why[static TLS_WHY_MAX], const char *what, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, TLS_WHY_MAX, "%s%s%.150s: %.60s", what, path[0] != '\0' ? " " : "", path, reason != NULL ? reason : "not accepted");
	ERR_clear_error();
	return false;
}

/* Lists that the library refuses are the operator's error. */
static bool
set_common(SSL_CTX *ctx, const struct nts_opts *o, char why[static TLS_WHY_MAX])
{
	if (strcmp(o->maxtls, "TLS1.2") == 0) {
		snprintf(why, TLS_WHY_MAX, "maxtls TLS1.2: NTS needs TLS 1.3 (RFC 8915 section 3)");
		return false;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);	/* mintls can ask for no less */
	if (o->maxtls[0] != '\0')
		SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(ctx, CERTS_MAX);
	if (o->suites[0] != '\0' && SSL_CTX_set_ciphersuites(ctx, o->suites) != 1)
		return complain(why, "tlsciphersuites", o->suites);
	if (o->curves[0] != '\0' && SSL_CTX_set1_groups_list(ctx, o->curves) != 1)
		return complain(why, "tlsecdhcurves", o->curves);
	return true;
}

static bool
trust(SSL_CTX *ctx, const char *ca, char why[static TLS_WHY_MAX])
{
	struct stat st;
	int ok;

	if (ca[0] == '\0')
		ok = SSL_CTX_set_default_verify_paths(ctx);
	else if (stat(ca, &st) == 0 && S_ISDIR(st.st_mode))
		ok = SSL_CTX_load_verify_dir(ctx, ca);
	else
		ok = SSL_CTX_load_verify_file(ctx, ca);
	return ok == 1 || complain(why, "trusted certificates", ca);
}

SSL_CTX *
tls_client(const struct nts_opts *o, const char *ca, char why[static TLS_WHY_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool ok = ctx != NULL || complain(why, "TLS", "");

	ok = ok && set_common(ctx, o, why) && trust(ctx, ca, why);
	/* 0 is success here. */
	if (ok && SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn)) != 0)
		ok = complain(why, "ALPN", "");
	if (!ok) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify_depth(ctx, CHAIN_MAX);
	return ctx;
}

/* Whoever does not speak our protocol is told so by an alert (RFC 8915 section 4, RFC 7301 section 3.2). */
static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in, unsigned inlen, void *arg)
{
	(void)ssl;
	(void)arg;
	for (unsigned at = 0; at < inlen; at += 1u + in[at]) {
		if (inlen - at >= sizeof(alpn) && memcmp(in + at, alpn, sizeof(alpn)) == 0) {
			*out = in + at + 1;
			*outlen = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

SSL_CTX *
tls_server(const struct nts_opts *o, char why[static TLS_WHY_MAX])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool ok = ctx != NULL || complain(why, "TLS", "");

	ok = ok && set_common(ctx, o, why);
	if (ok && SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1)
		ok = complain(why, "certificate", o->cert);
	if (ok && SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1)
		ok = complain(why, "private key", o->key);
	if (ok && SSL_CTX_check_private_key(ctx) != 1)
		ok = complain(why, "private key and certificate", o->key);
	if (!ok) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	if (o->own_order)
		SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	return ctx;
}
