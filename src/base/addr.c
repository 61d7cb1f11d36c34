/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing, printing, comparing and masking addresses. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void
unmap(struct addr *a)
{
	if (a->family != 6 || memcmp(a->ip, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return;
	memmove(a->ip, a->ip + 12, 4);
	memset(a->ip + 4, 0, 12);
	a->family = 4;
	a->scope = 0;
}

static bool
parse_scope(const char *s, uint32_t *scope)
{
	char *end;
	unsigned long n = if_nametoindex(s);

	if (n == 0) {
		n = strtoul(s, &end, 10);
		if (*s < '0' || *s > '9' || *end != '\0' || n > UINT32_MAX)
			return false;
	}
	*scope = (uint32_t)n;
	return true;
}

static bool
parse_v6(struct addr *a, const char *s)
{
	struct addr r = { .family = 6 };
	char buf[ADDR_STR_MAX], *percent;
	size_t len = strlen(s);

	if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
		s++;
		len -= 2;
	}
	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	percent = strchr(buf, '%');
	if (percent != NULL)
		*percent = '\0';
	if (inet_pton(AF_INET6, buf, r.ip) != 1)
		return false;
	if (percent != NULL && !parse_scope(percent + 1, &r.scope))
		return false;
	unmap(&r);
	*a = r;
	return true;
}

bool
addr_parse(struct addr *a, const char *s, int family)
{
	struct addr r = { .family = 4 };

	if (inet_pton(AF_INET, s, r.ip) != 1 && !parse_v6(&r, s))
		return false;
	if (family != 0 && family != r.family)
		return false;
	*a = r;
	return true;
}

const char *
addr_str(const struct addr *a, char *buf, size_t cap)
{
	size_t len;

	buf[0] = '\0';
	if (inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, buf, (socklen_t)cap) == NULL)
		return buf;
	len = strlen(buf);
	if (a->scope != 0)
		snprintf(buf + len, cap - len, "%%%u", a->scope);
	return buf;
}

const char *
addr_port_str(const struct addr *a, char *buf, size_t cap)
{
	char host[ADDR_STR_MAX];

	addr_str(a, host, sizeof(host));
	snprintf(buf, cap, a->family == 6 ? "[%s]:%u" : "%s:%u", host, a->port);
	return buf;
}

bool
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	struct addr r = { 0 };
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	if (sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		r.family = 4;
		memcpy(r.ip, &sin.sin_addr, 4);
		r.port = ntohs(sin.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		r.family = 6;
		memcpy(r.ip, &sin6.sin6_addr, 16);
		r.port = ntohs(sin6.sin6_port);
		r.scope = sin6.sin6_scope_id;
		unmap(&r);
	} else {
		return false;
	}
	*a = r;
	return true;
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope };

	memset(ss, 0, sizeof(*ss));
	if (a->family == 6) {
		memcpy(&sin6.sin6_addr, a->ip, 16);
		memcpy(ss, &sin6, sizeof(sin6));
		return sizeof(sin6);
	}
	memcpy(&sin.sin_addr, a->ip, 4);
	memcpy(ss, &sin, sizeof(sin));
	return sizeof(sin);
}

bool
addr_same_host(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family || memcmp(a->ip, b->ip, sizeof(a->ip)) != 0)
		return false;
	return a->scope == 0 || b->scope == 0 || a->scope == b->scope;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_same_host(a, b);
}

void
addr_mask_bits(struct addr *mask, int family, unsigned bits)
{
	*mask = (struct addr){ .family = (uint8_t)family };
	for (unsigned i = 0; i < addr_len(mask) && bits > 0; i++) {
		unsigned n = bits < 8 ? bits : 8;

		mask->ip[i] = (uint8_t)(0xff00 >> n);
		bits -= n;
	}
}

void
addr_apply_mask(struct addr *a, const struct addr *mask)
{
	for (size_t i = 0; i < sizeof(a->ip); i++)
		a->ip[i] &= mask->ip[i];
}

bool
addr_is_multicast(const struct addr *a)
{
	return a->family == 6 ? a->ip[0] == 0xff : (a->ip[0] & 0xf0) == 0xe0;
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 6 ? memcmp(a->ip, one, sizeof(one)) == 0 : a->ip[0] == 127;
}

bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

bool
addr_is_refclock(const struct addr *a)
{
	return a->family == 4 && a->ip[0] == 127 && a->ip[1] == 127;
}

bool
addr_is_unusable(const struct addr *a)
{
	return a->family == 0 || addr_is_any(a) || addr_is_multicast(a) || (a->family == 4 && (a->ip[0] == 0 || a->ip[0] >= 240));
}
