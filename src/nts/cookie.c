/* SPDX-License-Identifier: BSD-2-Clause */
/* Seals and opens cookies, and keeps the keys they are sealed with. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "nts/cookie.h"

#define ID_LEN		4
#define NONCE_LEN	16
#define HEAD_LEN	(ID_LEN + NONCE_LEN)
#define INNER_HEAD	4	/* algorithm and padding */

/* --- keys ---------------------------------------------------------------------------------- */

/* The algorithm cookies are sealed with is told by the length of the keys. */
static uint16_t
sealing(const struct cookie_ring *r)
{
	return r->key_len == 64 ? AEAD_SIV_512 : r->key_len == 48 ? AEAD_SIV_384 : AEAD_SIV_256;
}

static bool
id_is_used(const struct cookie_ring *r, uint32_t id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->key[i].id == id)
			return true;
	}
	return false;
}

static bool
push(struct cookie_ring *r)
{
	uint8_t key[SIV_KEY_MAX], id[ID_LEN];
	struct rd rd = rd_init(id, ID_LEN);
	uint32_t number;

	if (RAND_bytes(key, (int)r->key_len) != 1 || RAND_bytes(id, sizeof(id)) != 1)
		return false;
	for (number = rd_u32(&rd); id_is_used(r, number); number++)
		;
	memmove(&r->key[1], &r->key[0], (COOKIE_KEYS - 1) * sizeof(r->key[0]));
	memset(&r->key[0], 0, sizeof(r->key[0]));
	memcpy(r->key[0].key, key, r->key_len);
	r->key[0].id = number;
	r->n += r->n < COOKIE_KEYS;
	OPENSSL_cleanse(key, sizeof(key));
	return true;
}

bool
cookie_rotate(struct cookie_ring *r, int64_t now, bool *made)
{
	struct cookie_ring mine = *r;
	int64_t days;

	*made = false;
	if (mine.n == 0) {
		mine.key_len = siv_key_len(AEAD_SIV_256);
		mine.made = now - COOKIE_DAY;
	}
	/* A clock that has gone back makes no key early. */
	days = now < mine.made ? 0 : (now - mine.made) / COOKIE_DAY;
	if (days == 0)
		return true;
	mine.made += days * COOKIE_DAY;
	for (days = days > COOKIE_KEYS ? COOKIE_KEYS : days; days > 0; days--) {
		if (!push(&mine))
			return false;
	}
	*r = mine;
	*made = true;
	return true;
}

/* --- cookies ------------------------------------------------------------------------------- */

size_t
cookie_len(uint16_t aead)
{
	return HEAD_LEN + SIV_TAG_LEN + INNER_HEAD + 2 * siv_key_len(aead);
}

size_t
cookie_seal(struct siv *siv, const struct cookie_ring *r, const struct cookie_keys *k, uint8_t out[static COOKIE_LEN_MAX])
{
	size_t half = siv_key_len(k->aead), len = INNER_HEAD + 2 * half;
	struct wr head = wr_init(out, HEAD_LEN), inner = wr_init(out + HEAD_LEN + SIV_TAG_LEN, len);
	const struct octets ad = { out, HEAD_LEN };

	if (r->n == 0 || half == 0)
		return 0;
	wr_u32(&head, r->key[0].id);
	if (RAND_bytes(head.p, NONCE_LEN) != 1)
		return 0;
	wr_u16(&inner, k->aead);
	wr_u16(&inner, 0);
	wr_bytes(&inner, k->c2s, half);
	wr_bytes(&inner, k->s2c, half);
	if (!siv_seal(siv, sealing(r), r->key[0].key, &ad, 1, out + HEAD_LEN + SIV_TAG_LEN, len, out + HEAD_LEN))
		return 0;
	return HEAD_LEN + SIV_TAG_LEN + len;
}

int
cookie_open(struct siv *siv, const struct cookie_ring *r, struct octets cookie, struct cookie_keys *k)
{
	uint8_t inner[COOKIE_LEN_MAX];
	const struct octets ad = { cookie.p, HEAD_LEN };
	struct rd rd = rd_init(cookie.p, cookie.len);
	uint32_t id = rd_u32(&rd);
	size_t i, half, len;

	if (cookie.len < HEAD_LEN + SIV_TAG_LEN + INNER_HEAD || cookie.len > COOKIE_LEN_MAX)
		return COOKIE_BAD;
	for (i = 0; i < r->n && r->key[i].id != id; i++)
		;
	if (i == r->n)
		return COOKIE_UNKNOWN;
	if (!siv_open(siv, sealing(r), r->key[i].key, &ad, 1, cookie.p + HEAD_LEN, cookie.len - HEAD_LEN, inner))
		return COOKIE_BAD;
	len = cookie.len - HEAD_LEN - SIV_TAG_LEN;
	rd = rd_init(inner, len);
	k->aead = rd_u16(&rd);
	half = siv_key_len(k->aead);
	if (half == 0 || len != INNER_HEAD + 2 * half)
		return COOKIE_BAD;
	memcpy(k->c2s, inner + INNER_HEAD, half);
	memcpy(k->s2c, inner + INNER_HEAD + half, half);
	OPENSSL_cleanse(inner, len);
	return (int)i;
}

/* --- the file ------------------------------------------------------------------------------ */

/* The rest of a line that begins with this letter and a colon; NULL if the text does not go on so.  *text is moved to the next line. */
static const char *
line(const char **text, const char *end, char letter, char *out, size_t cap)
{
	const char *nl = memchr(*text, '\n', (size_t)(end - *text));
	size_t len = nl == NULL ? 0 : (size_t)(nl - *text);

	if (len < 3 || len - 3 >= cap || (*text)[0] != letter || memcmp(*text + 1, ": ", 2) != 0)
		return NULL;
	memcpy(out, *text + 3, len - 3);
	out[len - 3] = '\0';
	*text = nl + 1;
	return out;
}

static bool
number(const char *s, int base, uint64_t max, uint64_t *out)
{
	char *end;

	if (s == NULL || strspn(s, base == 10 ? "0123456789" : "0123456789abcdefABCDEF") != strlen(s) || *s == '\0')
		return false;
	errno = 0;
	*out = strtoull(s, &end, base);
	return errno == 0 && *end == '\0' && *out <= max;
}

static bool
from_hex(const char *s, uint8_t *out, size_t len)
{
	if (s == NULL || strlen(s) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char pair[3] = { s[2 * i], s[2 * i + 1], '\0' };
		uint64_t v;

		if (!number(pair, 16, UINT8_MAX, &v))
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

bool
cookie_parse(struct cookie_ring *r, const char *text, size_t len)
{
	struct cookie_ring mine = { 0 };
	const char *end = text + len;
	char word[2 * SIV_KEY_MAX + 1];
	uint64_t v;

	if (len == 0 || !number(line(&text, end, 'T', word, sizeof(word)), 10, INT64_MAX / 2, &v))
		return false;
	mine.made = (int64_t)v;
	if (!number(line(&text, end, 'L', word, sizeof(word)), 10, SIV_KEY_MAX, &v) || (v != 32 && v != 48 && v != 64))
		return false;
	mine.key_len = (size_t)v;
	while (text < end && mine.n < COOKIE_KEYS) {
		if (!number(line(&text, end, 'I', word, sizeof(word)), 16, UINT32_MAX, &v) || id_is_used(&mine, (uint32_t)v))
			return false;
		mine.key[mine.n].id = (uint32_t)v;
		if (text >= end || !from_hex(line(&text, end, 'K', word, sizeof(word)), mine.key[mine.n].key, mine.key_len))
			return false;
		mine.n++;
	}
	if (mine.n == 0 || text != end)
		return false;
	*r = mine;
	return true;
}

size_t
cookie_format(const struct cookie_ring *r, char out[static COOKIE_FILE_MAX])
{
	int at = snprintf(out, COOKIE_FILE_MAX, "T: %" PRId64 "\nL: %zu\n", r->made, r->key_len);

	for (size_t i = 0; i < r->n; i++) {
		at += snprintf(out + at, COOKIE_FILE_MAX - (size_t)at, "I: %08" PRIx32 "\nK: ", r->key[i].id);
		for (size_t k = 0; k < r->key_len; k++)
			at += snprintf(out + at, COOKIE_FILE_MAX - (size_t)at, "%02x", r->key[i].key[k]);
		at += snprintf(out + at, COOKIE_FILE_MAX - (size_t)at, "\n");
	}
	return (size_t)at;
}

int
cookie_load(struct cookie_ring *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[COOKIE_FILE_MAX];
	int err = EILSEQ;
	struct stat st;
	ssize_t n;

	if (fd == -1)
		return -1;
	n = fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ? 0 : read(fd, text, sizeof(text));
	if (n == -1)
		err = errno;
	else if (n > 0 && (st.st_mode & 077) != 0)
		err = EPERM;
	else if (n > 0 && cookie_parse(r, text, (size_t)n))
		err = 0;
	OPENSSL_cleanse(text, sizeof(text));
	close(fd);
	errno = err;
	return err == 0 ? 0 : -1;
}

int
cookie_save(const struct cookie_ring *r, const char *path)
{
	char text[COOKIE_FILE_MAX], fresh[PATH_MAX];
	size_t len = cookie_format(r, text);
	int fd = -1, err = 0;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, text, len) != (ssize_t)len || fsync(fd) == -1 || rename(fresh, path) == -1)
		err = errno == 0 ? ENOSPC : errno;
	OPENSSL_cleanse(text, sizeof(text));
	if (fd != -1)
		close(fd);
	if (err != 0 && fd != -1)
		(void)unlink(fresh);
	errno = err;
	return err == 0 ? 0 : -1;
}
