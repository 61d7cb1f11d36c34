/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading hosts(5) and resolv.conf(5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/must_use.h"
#include "resolv_files.h"

#define BLANKS	" \t\r\n\v\f"

/*
 * The defaults of resolv.conf(5) are 5 s and two attempts.  Three seconds four times over bring an answer sooner where a packet was
 * lost or the network is just coming up, and still give up within half of the 30 s a query may take.
 */
#define TIMEOUT_DEFAULT		3
#define ATTEMPTS_DEFAULT	4

/* Copies a name without the dots at its ends; false if it does not fit. */
static bool
copy_name(char *to, size_t cap, const char *from)
{
	size_t len;

	from += strspn(from, ".");
	len = strlen(from);
	while (len > 0 && from[len - 1] == '.')
		len--;
	if (len >= cap)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static void
add_domain(struct resolv_conf *rc, const char *word)
{
	char *to = rc->domains[rc->n_domains];

	if (rc->n_domains + 1 >= RESOLV_DOMAINS_MAX)	/* the last place stays free, so that "to" is always in range */
		return;
	if (copy_name(to, RESOLV_NAME_MAX, word) && to[0] != '\0')
		rc->n_domains++;
}

static void
add_server(struct resolv_conf *rc, const char *word)
{
	size_t len = strlen(word);

	if (rc->n_servers >= RESOLV_SERVERS_MAX || len >= RESOLV_SERVER_MAX)
		return;
	memcpy(rc->servers[rc->n_servers++], word, len + 1);
}

/* "name:number", clamped; anything else leaves *to alone. */
static void
set_option(struct resolv_conf *rc, const char *word)
{
	const struct { const char *name; unsigned *to, min, max; } options[] = {
		{ "ndots:", &rc->ndots, 0, 15 },
		{ "timeout:", &rc->timeout, 1, 30 },
		{ "attempts:", &rc->attempts, 1, 5 },
	};

	for (size_t i = 0; i < NELEMS(options); i++) {
		size_t len = strlen(options[i].name);
		char *end;
		unsigned long v;

		if (strncmp(word, options[i].name, len) != 0 || word[len] < '0' || word[len] > '9')
			continue;
		v = strtoul(word + len, &end, 10);
		if (*end == '\0')
			*options[i].to = v < options[i].min ? options[i].min : v > options[i].max ? options[i].max : (unsigned)v;
	}
}

static void
resolv_line(struct resolv_conf *rc, char *line)
{
	char *state, *word, *key = strtok_r(line, BLANKS, &state);
	bool search, domain;

	if (key == NULL)
		return;
	search = strcmp(key, "search") == 0;
	domain = strcmp(key, "domain") == 0;
	if (search || domain)
		rc->n_domains = 0;	/* the last such line counts */
	while ((word = strtok_r(NULL, BLANKS, &state)) != NULL) {
		if (search || domain)
			add_domain(rc, word);
		else if (strcmp(key, "options") == 0)
			set_option(rc, word);
		else if (strcmp(key, "nameserver") == 0)
			add_server(rc, word);
		if (domain || strcmp(key, "nameserver") == 0)
			return;		/* one word; the rest is comment */
	}
}

/* Without a search line the machine's own domain is searched. */
static void
own_domain(struct resolv_conf *rc)
{
	char host[RESOLV_NAME_MAX];
	const char *dot;

	if (gethostname(host, sizeof(host)) != 0)
		return;
	host[sizeof(host) - 1] = '\0';
	dot = strchr(host, '.');
	if (dot != NULL)
		add_domain(rc, dot);
}

void
resolv_conf_read(struct resolv_conf *rc, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;

	memset(rc, 0, sizeof(*rc));
	rc->ndots = 1;
	rc->timeout = TIMEOUT_DEFAULT;
	rc->attempts = ATTEMPTS_DEFAULT;
	own_domain(rc);
	if (f == NULL)
		return;
	while (getline(&line, &cap, f) >= 0)
		resolv_line(rc, line);
	free(line);
	fclose(f);
}

/* Does a line of the hosts file name name?  Writes its address if so. */
static bool
hosts_line(char *line, const char *name, int family, struct addr *a)
{
	char *state, *literal, *word;

	line[strcspn(line, "#")] = '\0';
	literal = strtok_r(line, BLANKS, &state);
	if (literal == NULL)
		return false;
	while ((word = strtok_r(NULL, BLANKS, &state)) != NULL)
		if (strcasecmp(word, name) == 0)
			return addr_parse(a, literal, family);
	return false;
}

size_t
hosts_lookup(const char *path, const char *name, int family, struct addr addrs[], size_t max)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, n = 0;

	if (f == NULL)
		return 0;
	while (n < max && getline(&line, &cap, f) >= 0)
		if (hosts_line(line, name, family, &addrs[n]))
			n++;
	free(line);
	fclose(f);
	return n;
}
