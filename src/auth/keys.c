/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys file, and which key may do what. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"
#include "base/bytes.h"
#include "mac.h"

#define FILE_MAX	(1 << 20)	/* octets: thousands of keys */
#define LINE_MAX_LEN	511		/* as in ntpd */
#define PLAIN_MAX	20		/* characters of a secret that is taken as it is */
#define SECRET_WEAK	10		/* octets: 80 bits; fewer can be guessed */
#define ACCESS_MAX	8		/* addresses a key may be bound to */
#define TEXT_LEN	160

struct access { struct addr addr, mask; };

struct key {
	uint32_t	 id;
	uint8_t		 secret[MAC_SECRET_MAX];	/* until mac has it */
	size_t		 secret_len;
	struct mac	*mac;
	struct access	 access[ACCESS_MAX];
	size_t		 naccess;	/* 0 = any address */
	bool		 trusted;
	struct keys_counts *count;	/* of the keys it is among */
	struct key	*next;
};

struct keys {
	struct key	*list;
	size_t		 n;
	struct keys_counts *count;	/* apart, since the keys are constant for those who use them */
	const struct key *by_id[KEY_ID_MAX + 1];
};

/* A file being read. */
struct parse {
	struct keys	*keys;
	const char	*name;
	unsigned	 line;
	unsigned	 errors;
	bool		 starved;	/* memory has failed: not all keys are there */
	keys_remark	*remark;
	void		*arg;
};

static void PRINTF_LIKE(3, 4)
remark(struct parse *p, bool error, const char *fmt, ...)
{
	char text[TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Words of the file go to logs and terminals as visible ASCII alone. */
	for (char *c = text; *c != '\0'; c++) {
		if (*c < ' ' || *c >= 0x7f)
			*c = '?';
	}
	p->errors += error;
	p->remark(p->arg, error, p->name, p->line, text);
}

/* A secret for AES-CMAC is a key of the cipher: of that length and no other. */
static bool
fit_secret(struct parse *p, struct key *k, const char *type)
{
	size_t want = mac_cmac_secret(type);

	if (want != 0 && k->secret_len > want) {
		remark(p, true, "key %u has %zu octets, %.20s takes %zu", k->id, k->secret_len, type, want);
		return false;
	}
	if (want != 0 && k->secret_len < want) {
		remark(p, false, "key %u has %zu octets and is filled up with zeros to %zu", k->id, k->secret_len, want);
		k->secret_len = want;
	}
	return true;
}

static bool
make_context(struct parse *p, struct key *k, const char *type)
{
	if (!fit_secret(p, k, type))
		return false;
	k->mac = mac_new(type, k->secret, k->secret_len);
	OPENSSL_cleanse(k->secret, sizeof(k->secret));
	if (k->mac == NULL)
		remark(p, true, "key %u: there is no digest \"%.20s\"", k->id, type);
	return k->mac != NULL;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static bool
read_secret(struct parse *p, struct key *k, const char *word)
{
	size_t len = strlen(word);

	if (len <= PLAIN_MAX) {
		memcpy(k->secret, word, len);
		k->secret_len = len;
	} else if (len % 2 != 0 || len / 2 > MAC_SECRET_MAX || strspn(word, "0123456789abcdefABCDEF") != len) {
		remark(p, true, "key %u: a secret of more than %d characters is hexadecimal, two digits an octet, at most %d octets", k->id, PLAIN_MAX,
		    MAC_SECRET_MAX);
		return false;
	} else {
		for (size_t i = 0; i < len; i += 2)
			k->secret[i / 2] = (uint8_t)(hex_digit(word[i]) << 4 | hex_digit(word[i + 1]));	/* NOLINT(clang-analyzer-core.*): all are digits, as has been seen above */
		k->secret_len = len / 2;
	}
	if (k->secret_len < SECRET_WEAK)
		remark(p, false, "key %u has only %zu octets: it can be guessed", k->id, k->secret_len);
	return true;
}

/* One to three digits and nothing else; UINT_MAX for all that is no prefix length. */
static unsigned
prefix(const char *s)
{
	size_t len = strspn(s, "0123456789");

	return len < 1 || len > 3 || s[len] != '\0' ? UINT_MAX : (unsigned)strtoul(s, NULL, 10);
}

static bool
read_access(struct parse *p, struct key *k, char *list)
{
	char *save, *slash;

	for (char *s = strtok_r(list, ",", &save); s != NULL; s = strtok_r(NULL, ",", &save)) {
		struct access *a = &k->access[k->naccess];
		unsigned bits = 128;

		slash = strchr(s, '/');
		if (slash != NULL) {
			*slash = '\0';
			bits = prefix(slash + 1);
		}
		if (k->naccess == ACCESS_MAX || !addr_parse(&a->addr, s, 0) || (slash != NULL && bits > addr_len(&a->addr) * 8)) {
			remark(p, true, "key %u: \"%.40s\" is no address, or one too many", k->id, s);
			return false;
		}
		addr_mask_bits(&a->mask, a->addr.family, bits);
		addr_apply_mask(&a->addr, &a->mask);
		k->naccess++;
	}
	return true;
}

static void
free_key(struct key *k)
{
	if (k == NULL)
		return;
	mac_free(k->mac);
	OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

static void
read_line(struct parse *p, char *line)
{
	char *save, *end, *word[4];
	unsigned errors = p->errors;
	size_t n = 0;
	unsigned long id;
	struct key *k;

	line[strcspn(line, "#\r\n")] = '\0';
	for (char *s = strtok_r(line, " \t", &save); s != NULL && n < NELEMS(word); s = strtok_r(NULL, " \t", &save))
		word[n++] = s;
	if (n == 0)
		return;
	id = strtoul(word[0], &end, 10);
	if (n < 3 || *end != '\0' || word[0][0] < '0' || word[0][0] > '9' || id < 1 || id > KEY_ID_MAX) {
		remark(p, true, "a key is an id from 1 to %d, a type and a secret", KEY_ID_MAX);
		return;
	}
	if (p->keys->by_id[id] != NULL) {
		remark(p, true, "key %lu is there twice", id);
		return;
	}
	k = calloc(1, sizeof(*k));
	if (k != NULL)
		k->id = (uint32_t)id;
	if (k == NULL || !read_secret(p, k, word[2]) || !make_context(p, k, word[1]) || (n > 3 && !read_access(p, k, word[3]))) {
		p->starved |= p->errors == errors;
		free_key(k);
		return;
	}
	k->count = p->keys->count;
	k->next = p->keys->list;
	p->keys->list = k;
	p->keys->by_id[id] = k;
	p->keys->n++;
}

static struct keys *
new_keys(void)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (k != NULL && (k->count = calloc(1, sizeof(*k->count))) == NULL) {
		free(k);
		k = NULL;
	}
	return k;
}

struct keys *
keys_parse(const char *name, const char *text, size_t len, keys_remark *say, void *arg)
{
	struct parse p = { .keys = new_keys(), .name = name, .remark = say, .arg = arg };
	const char *end = text + len;
	char line[LINE_MAX_LEN + 1];

	if (p.keys == NULL)
		return NULL;
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl != NULL ? nl : end) - text);

		p.line++;
		if (n > LINE_MAX_LEN || memchr(text, '\0', n) != NULL) {
			remark(&p, true, "the line is no text, or longer than %d characters", LINE_MAX_LEN);
		} else {
			memcpy(line, text, n);
			line[n] = '\0';
			read_line(&p, line);
		}
		text += nl != NULL ? n + 1 : n;
	}
	OPENSSL_cleanse(line, sizeof(line));
	if (p.errors == 0 && !p.starved)
		return p.keys;
	p.line = 0;
	if (p.errors > 0)
		remark(&p, true, "not used, with errors");
	keys_free(p.keys);
	errno = p.errors > 0 ? EINVAL : ENOMEM;
	return NULL;
}

/* Is this a file to trust?  Told apart before a secret of it is used. */
static bool
is_trustworthy(struct parse *p, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_size > FILE_MAX)
		remark(p, true, "no regular file, or larger than %d octets: not used", FILE_MAX);
	else if (st->st_mode & (S_IWGRP | S_IWOTH))
		remark(p, true, "others may write it: not used");
	else if (st->st_mode & (S_IRGRP | S_IROTH) & ~(st->st_gid == getegid() ? (mode_t)S_IRGRP : 0))
		remark(p, false, "others may read the secrets in it");
	return p->errors == 0;
}

static ssize_t
read_whole(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	while (len < cap && (n = read(fd, buf + len, cap - len)) != 0) {
		if (n == -1)
			return -1;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

struct keys *
keys_load(const char *path, keys_remark *say, void *arg)
{
	struct parse p = { .name = path, .remark = say, .arg = arg };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct keys *keys = NULL;
	struct stat st;
	char *text = NULL;
	ssize_t len;
	int err = EINVAL;

	if (fd == -1 || fstat(fd, &st) == -1) {
		remark(&p, true, "the keys file cannot be opened: %s", strerror(errno));
		goto out;
	}
	if (!is_trustworthy(&p, &st))
		goto out;
	text = malloc(FILE_MAX);
	len = text == NULL ? -1 : read_whole(fd, text, FILE_MAX);
	if (len >= 0)
		keys = keys_parse(path, text, (size_t)len, say, arg);
	else if (errno != ENOMEM)
		remark(&p, true, "cannot be read: %s", strerror(errno));
	err = errno;
out:
	if (text != NULL)
		OPENSSL_cleanse(text, FILE_MAX);
	free(text);
	if (fd != -1)
		close(fd);
	errno = err;
	return keys;
}

/* NULL if the library or memory fails. */
static struct key *
copy_key(const struct key *old, struct keys_counts *count)
{
	struct key *k = malloc(sizeof(*k));

	if (k == NULL)
		return NULL;
	*k = *old;
	k->next = NULL;
	k->count = count;
	k->mac = mac_copy(old->mac);
	if (k->mac != NULL)
		return k;
	free_key(k);
	return NULL;
}

struct keys *
keys_copy(const struct keys *k)
{
	struct keys *copy = new_keys();
	struct key **at;

	if (copy == NULL)
		return NULL;
	at = &copy->list;
	for (const struct key *one = k->list; one != NULL; one = one->next, at = &(*at)->next) {
		*at = copy_key(one, copy->count);
		if (*at == NULL) {
			keys_free(copy);
			return NULL;
		}
		copy->by_id[one->id] = *at;
		copy->n++;
	}
	return copy;
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	while (k->list != NULL) {
		struct key *one = k->list;

		k->list = one->next;
		free_key(one);
	}
	free(k->count);
	free(k);
}

void
keys_get_counts(const struct keys *k, struct keys_counts *out)
{
	*out = k != NULL ? *k->count : (struct keys_counts){ 0 };
}

void
keys_follow(struct keys *k, const struct keys *before)
{
	if (k != NULL && before != NULL)
		*k->count = *before->count;
}

void
keys_collect(const struct keys *k, const struct keys *copy)
{
	struct keys_counts *to, *from;

	if (k == NULL || copy == NULL)
		return;
	to = k->count;
	from = copy->count;
	to->lookups += from->lookups;
	to->notfound += from->notfound;
	to->digest_signed += from->digest_signed;
	to->cmac_signed += from->cmac_signed;
	to->digest_checked += from->digest_checked;
	to->cmac_checked += from->cmac_checked;
	to->digest_failed += from->digest_failed;
	to->cmac_failed += from->cmac_failed;
	*from = (struct keys_counts){ 0 };
}

size_t
keys_count(const struct keys *k)
{
	return k == NULL ? 0 : k->n;
}

void
keys_trust(struct keys *k, uint32_t lo, uint32_t hi)
{
	for (struct key *one = k == NULL ? NULL : k->list; one != NULL; one = one->next)
		one->trusted |= one->id >= lo && one->id <= hi;
}

static void
count(uint64_t *n)
{
	(*n)++;
}

const struct key *
keys_find(const struct keys *k, uint32_t id)
{
	const struct key *one = k == NULL || id > KEY_ID_MAX ? NULL : k->by_id[id];

	if (one != NULL && !one->trusted)
		one = NULL;
	if (k != NULL) {
		count(&k->count->lookups);
		if (one == NULL)
			count(&k->count->notfound);
	}
	return one;
}

uint32_t
key_id(const struct key *k)
{
	return k->id;
}

bool
key_allows(const struct key *k, const struct addr *from)
{
	for (size_t i = 0; i < k->naccess; i++) {
		struct addr a = *from;

		if (a.family != k->access[i].addr.family)
			continue;
		addr_apply_mask(&a, &k->access[i].mask);
		if (addr_same_host(&a, &k->access[i].addr))
			return true;
	}
	return k->naccess == 0;
}

size_t
key_mac_len(const struct key *k)
{
	return KEY_ID_LEN + mac_digest_len(k->mac);
}

static size_t
mac_of(const struct key *k, const uint8_t *msg, size_t len, uint8_t out[static MAC_MAX])
{
	struct wr w = wr_init(out, KEY_ID_LEN);

	if (!mac_make(k->mac, msg, len, out + KEY_ID_LEN))
		return 0;
	wr_u32(&w, k->id);
	return key_mac_len(k);
}

size_t
key_sign(const struct key *k, const uint8_t *msg, size_t len, uint8_t out[static MAC_MAX])
{
	count(mac_is_cmac(k->mac) ? &k->count->cmac_signed : &k->count->digest_signed);
	return mac_of(k, msg, len, out);
}

bool
key_verify(const struct key *k, const uint8_t *msg, size_t len, const uint8_t *mac, size_t mac_len)
{
	uint8_t want[MAC_MAX];
	size_t n = mac_of(k, msg, len, want);
	bool good = n != 0 && n == mac_len && CRYPTO_memcmp(mac, want, n) == 0;

	count(mac_is_cmac(k->mac) ? &k->count->cmac_checked : &k->count->digest_checked);
	if (!good)
		count(mac_is_cmac(k->mac) ? &k->count->cmac_failed : &k->count->digest_failed);
	return good;
}
