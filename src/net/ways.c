/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses sorted by the way that the routing table has to them. */
#include <sys/socket.h>
#include <unistd.h>

#include "ways.h"

/*
 * How good a way to an address is, without sending anything: 0 = routed, 1 = routed, but from a private address to a public one, which
 * seldom works, 2 = no route.
 */
static int
way_to(const struct addr *a)
{
	struct addr to = *a, from = { 0 };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, way = 2;

	to.port = 123;		/* any will do */
	len = addr_to_sockaddr(&to, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return way;
	if (connect(fd, (const struct sockaddr *)&ss, len) == 0) {
		way = 0;
		len = sizeof(ss);
		if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 || !addr_from_sockaddr(&from, (const struct sockaddr *)&ss))
			way = 1;
		else if (a->family == 6 && (from.ip[0] & 0xfe) == 0xfc && (a->ip[0] & 0xe0) == 0x20)
			way = 1;	/* unique local to global unicast */
	}
	close(fd);
	return way;
}

/* Takes the first address of a family with this way out of the pool. */
static bool
take(struct addr pool[], const int ways[], size_t n, int family, int way, struct addr *out)
{
	for (size_t i = 0; i < n; i++) {
		if (pool[i].family != family || ways[i] != way)
			continue;
		*out = pool[i];
		pool[i].family = 0;
		return true;
	}
	return false;
}

size_t
ways_sort(struct addr pool[], size_t n, struct addr out[], size_t cap)
{
	int ways[WAYS_MAX];
	size_t sorted = 0;
	bool more;

	for (size_t i = 0; i < n; i++)
		ways[i] = way_to(&pool[i]);
	for (int way = 0; way <= 2; way++) {
		do {
			more = false;
			for (int family = 6; family >= 4 && sorted < cap; family -= 2) {
				if (!take(pool, ways, n, family, way, &out[sorted]))
					continue;
				sorted++;
				more = true;
			}
		} while (more);
	}
	return sorted;
}
