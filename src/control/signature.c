/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds, checks and makes the MAC behind a control message. */
#include <string.h>

#include "base/bytes.h"
#include "signature.h"

static size_t
rounded(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

const struct key *
signature_check(const struct keys *keys, const struct addr *from, const uint8_t *buf, size_t len, size_t used, size_t *covered)
{
	/* Classic clients pad to 8 octets before the MAC, others to 4 as well. */
	static const size_t aligns[] = { SIGNATURE_ALIGN, 4 };

	for (size_t i = 0; i < NELEMS(aligns); i++) {
		size_t at = rounded(used, aligns[i]);
		const struct key *key;
		struct rd r;

		if (at >= len || len - at > MAC_MAX)
			continue;
		r = rd_init(buf + at, len - at);
		key = keys_find(keys, rd_u32(&r));
		if (r.bad || key == NULL || !key_allows(key, from) || !key_verify(key, buf, at, buf + at, len - at))
			continue;
		*covered = at;
		return key;
	}
	return NULL;
}

size_t
signature_add(const struct key *key, uint8_t *buf, size_t len)
{
	size_t at = rounded(len, SIGNATURE_ALIGN), mac;

	memset(buf + len, 0, at - len);
	mac = key_sign(key, buf, at, buf + at);
	return mac == 0 ? 0 : at + mac;
}
