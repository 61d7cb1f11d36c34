/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds, makes or asks for the key that requests are signed with. */
#include <openssl/crypto.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authkey.h"
#include "secret.h"
#include "vars.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR	"/etc"
#endif

#define TYPE_DEFAULT	"MD5"	/* what every ntpq has assumed of a key that is typed */
#define PATH_LEN	512
#define LINE_LEN	1024
#define SECRET_TEXT_MAX	160	/* 64 octets in hexadecimal and more */

/* Stands for any secret of a type: long enough for none to be weak, short enough for every cipher. */
#define SOME_SECRET	"0123456789abcdef"

static size_t
sign(const void *key, const uint8_t *msg, size_t len, uint8_t *out)
{
	return key_sign(key, msg, len, out);
}

static bool
verify(const void *key, const uint8_t *msg, size_t len, const uint8_t *mac, size_t mac_len)
{
	return key_verify(key, msg, len, mac, mac_len);
}

void
authkey_init(struct authkey *a)
{
	*a = (struct authkey){ .type = TYPE_DEFAULT };
}

void
authkey_free(struct authkey *a)
{
	keys_free(a->file);
	keys_free(a->typed);
	authkey_init(a);
}

/* Only what keeps a file from being used is for the user of ntpq; the rest is the daemon's to say. */
static void
complain(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	if (error && line > 0)
		fprintf(stderr, "***%s:%u: %s\n", file, line, text);
	else if (error)
		fprintf(stderr, "***%s: %s\n", file, text);
}

static void
keep_quiet(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	(void)error;
	(void)file;
	(void)line;
	(void)text;
}

bool
authkey_load(struct authkey *a, const char *path)
{
	struct keys *keys = keys_load(path, complain, NULL);

	if (keys == NULL && errno == ENOMEM)
		complain(NULL, true, path, 0, strerror(ENOMEM));
	if (keys == NULL)
		return false;
	keys_trust(keys, 1, KEY_ID_MAX);
	keys_free(a->file);
	a->file = keys;
	return true;
}

void
authkey_set_id(struct authkey *a, uint32_t id)
{
	keys_free(a->typed);
	a->typed = NULL;
	a->id = id;
}

/* A set of one key, trusted; NULL if it cannot be. */
static struct keys *
make_key(uint32_t id, const char *type, const char *secret, keys_remark *remark)
{
	char line[SECRET_TEXT_MAX + AUTHKEY_TYPE_MAX + 16];
	struct keys *keys;
	int n = snprintf(line, sizeof(line), "%u %s %s", id, type, secret);

	keys = n < 0 || (size_t)n >= sizeof(line) ? NULL : keys_parse("password", line, (size_t)n, remark, NULL);
	OPENSSL_cleanse(line, sizeof(line));
	if (keys != NULL)
		keys_trust(keys, id, id);
	return keys;
}

static size_t
digest_len(const char *type)
{
	struct keys *keys = make_key(1, type, SOME_SECRET, keep_quiet);
	size_t len = keys != NULL ? key_mac_len(keys_find(keys, 1)) - KEY_ID_LEN : 0;

	keys_free(keys);
	return len;
}

bool
authkey_set_type(struct authkey *a, const char *type)
{
	if (strlen(type) >= sizeof(a->type) || type[strcspn(type, " \t#")] != '\0' || digest_len(type) == 0)
		return false;
	snprintf(a->type, sizeof(a->type), "%s", type);
	return true;
}

size_t
authkey_digest_len(const struct authkey *a)
{
	return digest_len(a->type);
}

bool
authkey_set_secret(struct authkey *a, const char *secret)
{
	struct keys *keys;

	if (a->id == 0 || secret[0] == '\0' || secret[strcspn(secret, " \t#")] != '\0') {
		fprintf(stderr, "***Invalid password\n");
		return false;
	}
	keys = make_key(a->id, a->type, secret, complain);
	if (keys == NULL)
		return false;
	keys_free(a->typed);
	a->typed = keys;
	return true;
}

static bool
parse_id(const char *s, uint32_t *id)
{
	struct varval v = { .s = s, .len = strlen(s) };
	unsigned long n;

	if (!varval_uint(&v, &n) || n < 1 || n > KEY_ID_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

bool
authkey_ask(struct authkey *a)
{
	char text[SECRET_TEXT_MAX], prompt[AUTHKEY_TYPE_MAX + 16];
	uint32_t id;
	bool ok;

	if (a->id == 0) {
		if (!secret_ask("Keyid: ", true, text, sizeof(text)))
			return false;
		if (!parse_id(text, &id)) {
			fprintf(stderr, "***Invalid key identifier\n");
			return false;
		}
		authkey_set_id(a, id);
	}
	snprintf(prompt, sizeof(prompt), "%s Password: ", a->type);
	ok = secret_ask(prompt, false, text, sizeof(text)) && authkey_set_secret(a, text);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

/* The second word of the last line that begins with this one, as the daemon would take it; false if there is none. */
static bool
conf_word(const char *conf, const char *directive, char *word, size_t cap)
{
	FILE *f = fopen(conf, "re");
	char line[LINE_LEN];
	bool found = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *save = NULL, *first, *second;

		line[strcspn(line, "#\n")] = '\0';
		first = strtok_r(line, " \t=", &save);
		second = first != NULL ? strtok_r(NULL, " \t\"", &save) : NULL;
		if (second != NULL && strcmp(first, directive) == 0 && strlen(second) < cap) {
			snprintf(word, cap, "%s", second);
			found = true;
		}
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Keys file and control key of the daemon of this machine, where the user has named none. */
static void
read_conf(struct authkey *a)
{
	static const char *const confs[] = { SYSCONFDIR "/ntp.conf", "/etc/ntpsec/ntp.conf" };
	char word[PATH_LEN];

	for (size_t i = 0; i < NELEMS(confs) && !a->conf_read; i++) {
		if (a->file == NULL && conf_word(confs[i], "keys", word, sizeof(word)))
			a->conf_read = authkey_load(a, word);
		if (a->id == 0 && conf_word(confs[i], "controlkey", word, sizeof(word)) && !parse_id(word, &a->id))
			a->id = 0;
	}
	a->conf_read = true;
}

static const struct key *
find_key(const struct authkey *a)
{
	const struct key *k = a->id == 0 ? NULL : keys_find(a->typed, a->id);

	if (k == NULL && a->id != 0)
		k = keys_find(a->file, a->id);
	/* The only key of a file needs no name. */
	for (uint32_t id = 1; a->id == 0 && keys_count(a->file) == 1 && k == NULL && id <= KEY_ID_MAX; id++)
		k = keys_find(a->file, id);
	return k;
}

const struct query_mac *
authkey_get(struct authkey *a, bool local)
{
	const struct key *k = find_key(a);

	if (k == NULL && local && !a->conf_read) {
		read_conf(a);
		k = find_key(a);
	}
	if (k == NULL && a->file != NULL && a->id != 0) {
		fprintf(stderr, "***There is no key %u in the keys file\n", a->id);
		return NULL;
	}
	if (k == NULL && authkey_ask(a))
		k = find_key(a);
	if (k == NULL) {
		fprintf(stderr, "***No key to sign with: name a keys file with -k and a key with -a, or use keyid and passwd\n");
		return NULL;
	}
	a->mac = (struct query_mac){ .key = k, .len = key_mac_len(k), .sign = sign, .verify = verify };
	return &a->mac;
}
