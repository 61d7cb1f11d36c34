/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of a key exchange, as a server and as a client read them: what is refused leaves nothing behind, what is taken is within bounds, and whatever
 * we would answer is understood by our client.
 *
 * Input: the message.
 */
#include "nts/records.h"
#include "fuzz.h"

static void
as_server(const uint8_t *msg, size_t len)
{
	struct ke_request rq = { .aead = 4711 };
	struct ke_answer a = { .ncookies = 1, .cookie[0] = { .len = 104 } }, back;
	uint8_t buf[KE_REQUEST_MAX];
	enum ke_error error;
	size_t n;

	if (!ke_request_parse(&rq, msg, len, &error)) {
		assert(rq.aead == 4711 && (error == KE_BAD_REQUEST || error == KE_UNRECOGNIZED));
		return;
	}
	assert(ke_scan(msg, len) == KE_WHOLE);
	assert(rq.aead == 0 || siv_key_len(rq.aead) > 0);
	n = ke_answer_build(&rq, &a, buf, sizeof(buf));
	assert(n > 0 && ke_scan(buf, n) == KE_WHOLE);
	if (rq.ntp && rq.aead != 0)
		assert(ke_answer_parse(&back, rq.aead, buf, n) == KE_FAULT_NONE && back.ncookies == 1 && back.cookie[0].len == 104);
	else
		assert(ke_answer_parse(&back, AEAD_SIV_256, buf, n) != KE_FAULT_NONE);
}

static void
as_client(const uint8_t *msg, size_t len)
{
	static struct ke_answer a;

	a = (struct ke_answer){ .port = 4711 };
	if (ke_answer_parse(&a, AEAD_SIV_256, msg, len) != KE_FAULT_NONE) {
		assert(a.port == 4711 && a.ncookies == 0);
		return;
	}
	assert(a.aead == AEAD_SIV_256 && a.ncookies >= 1 && a.ncookies <= NTS_COOKIES && memchr(a.server, '\0', sizeof(a.server)) != NULL);
	for (size_t i = 0; i < a.ncookies; i++)
		assert(a.cookie[i].len >= NTS_COOKIE_MIN && a.cookie[i].len <= NTS_COOKIE_MAX && a.cookie[i].len % 4 == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *msg = malloc(size > 0 ? size : 1);

	assert(msg != NULL);
	memcpy(msg, data, size);
	/* However it is split, the whole is seen with its last octet and not before. */
	if (ke_scan(msg, size) == KE_WHOLE)
		assert(ke_scan(msg, size - 1) == KE_MORE);
	as_server(msg, size);
	as_client(msg, size);
	free(msg);
	return 0;
}
