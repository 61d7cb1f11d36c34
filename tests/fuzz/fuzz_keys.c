/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys files: all of a file or nothing, with a remark for the reason; only trusted keys are found, and what one signs is verified by it
 * and by nothing else.
 *
 * Input: the file.
 */
#include "auth/keys.h"
#include "fuzz.h"

#define REMARK_MAX	1024

struct count { unsigned errors, lines; };

static void
remark(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	struct count *n = arg;

	assert(strcmp(file, "fuzz.keys") == 0 && line <= n->lines);
	n->errors += error;
	assert(text[0] != '\0' && strlen(text) < REMARK_MAX);
	for (; *text != '\0'; text++)
		assert(*text >= ' ' && *text < 0x7f);
}

static void
check_key(const struct key *k, uint32_t id, const uint8_t *msg, size_t len)
{
	uint8_t mac[MAC_MAX];
	size_t n = key_sign(k, msg, len, mac);

	assert(key_id(k) == id && n == key_mac_len(k) && n <= MAC_MAX && n >= KEY_ID_LEN + 16);
	assert(key_verify(k, msg, len, mac, n) && !key_verify(k, msg, len, mac, n - 1) && !key_verify(k, msg, len, mac, 0));
	mac[n - 1] ^= 1;
	assert(!key_verify(k, msg, len, mac, n));
	mac[n - 1] ^= 1;
	mac[len % n] ^= 0x80;
	assert(!key_verify(k, msg, len, mac, n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct count n = { .lines = 1 };
	char *text = malloc(size > 0 ? size : 1);
	struct keys *keys;
	size_t found = 0;

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	for (size_t i = 0; i < size; i++)
		n.lines += data[i] == '\n';
	keys = keys_parse("fuzz.keys", text, size, remark, &n);
	assert((keys == NULL) == (n.errors > 0));
	for (uint32_t id = 0; keys != NULL && id <= KEY_ID_MAX; id++)
		assert(keys_find(keys, id) == NULL);
	keys_trust(keys, 1, KEY_ID_MAX);
	for (uint32_t id = 0; keys != NULL && id <= KEY_ID_MAX + 1; id++) {
		const struct key *k = keys_find(keys, id);

		if (k != NULL && found++ < 4)
			check_key(k, id, data, size);
	}
	assert(found == keys_count(keys));
	keys_free(keys);
	free(text);
	return 0;
}
