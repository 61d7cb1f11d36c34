/* SPDX-License-Identifier: BSD-2-Clause */
/* Network Time Security as a server: who is served, the keys of cookies, what is told of each key exchange. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/sandbox.h"
#include "nts/keclient.h"
#include "nts/keserver.h"
#include "root.h"

struct root_nts {
	struct keserver		*ke;
	struct cookie_ring	 ring;
	bool			 running;	/* the file of keys has been read */
};

static const char *
cookie_file(const struct root *r)
{
	return r->config->nts.cookie[0] != '\0' ? r->config->nts.cookie : NTS_COOKIE_FILE;
}

static bool
may(void *arg, const struct addr *peer)
{
	struct root *r = arg;

	return (restrict_lookup(r->restricts, peer)->rule.flags & (RESTRICT_IGNORE | RESTRICT_NOSERVE)) == 0;
}

static void
report(void *arg, const struct keserver_report *rep)
{
	char ip[ADDR_STR_MAX];
	struct root *r = arg;

	log_debug("NTS key exchange with %s: %s", addr_str(rep->peer, ip, sizeof(ip)), rep->why != NULL ? rep->why : "keys given");
	root_stats_keys(r, rep->peer, rep->why, rep->began, &rep->cost);
}

/* Who speaks TLS needs sockets for it, and the library's parts before there are no others to be had. */
unsigned
root_nts_needs(const struct root *r)
{
	bool wanted = r->config->nts.enable;

	for (const struct config_source *s = r->config->sources; s != NULL; s = s->next)
		wanted |= s->opts.nts.on;
	return wanted && keclient_prepare(r->ke) ? SANDBOX_NTS : 0;
}

bool
root_nts_open(struct root *r)
{
	const struct keserver_hooks h = { .may = may, .report = report, .arg = r };
	char why[TLS_WHY_MAX];

	if (!r->config->nts.enable)
		return true;
	r->nts = calloc(1, sizeof(*r->nts));
	if (r->nts == NULL)
		return false;
	r->nts->ke = keserver_new(r->base, &r->config->nts, true, true, &h, why);
	if (r->nts->ke == NULL)
		log_errx("NTS is not served: %s", why);
	else
		keserver_set_port(r->nts->ke, (uint16_t)r->config->extra_port);
	return true;
}

/* The keys have changed: all who seal and open are told, and the file. */
static void
publish(struct root *r, bool save)
{
	if (save && cookie_save(&r->nts->ring, cookie_file(r)) == -1)
		log_warn("NTS cookie keys cannot be kept in %s: clients will need new keys after a restart", cookie_file(r));
	keserver_set_cookies(r->nts->ke, &r->nts->ring);
	if (listener_set_cookies(r->listener, &r->nts->ring) == -1)
		log_warn("some workers go on with old NTS cookie keys");
}

static void
rotate(struct root *r, bool save)
{
	struct clockread now;
	bool made;

	sysclock_read(r->clock, &now);
	if (!cookie_rotate(&r->nts->ring, now.wall.ns / NS_PER_S, &made))
		log_warnx("no new NTS cookie key: the library gives no randomness");
	else if (made || save)
		publish(r, made);
}

void
root_nts_begin(struct root *r)
{
	if (r->nts == NULL || r->nts->ke == NULL)
		return;
	if (cookie_load(&r->nts->ring, cookie_file(r)) == -1 && errno != ENOENT)
		log_warn("NTS cookie keys of %s are not used, new ones are made", cookie_file(r));
	r->nts->running = true;
	rotate(r, true);
	log_info("NTS key exchanges are served on TCP port %d", KE_PORT);
}

void
root_nts_hour(struct root *r)
{
	if (r->nts != NULL && r->nts->running)
		rotate(r, false);
}

/* Certificates are renewed every few weeks; switching it on and off waits for a start, which has the rights for it. */
void
root_nts_reload(struct root *r)
{
	char why[TLS_WHY_MAX];

	keclient_configure(r->ke, &r->config->nts);
	if (r->config->nts.enable != (r->nts != NULL))
		log_warnx("nts %s: it takes effect at the next start", r->config->nts.enable ? "enable" : "disable");
	if (r->nts == NULL || r->nts->ke == NULL || !r->config->nts.enable)
		return;
	keserver_set_port(r->nts->ke, (uint16_t)r->config->extra_port);
	if (!keserver_reload(r->nts->ke, &r->config->nts, why))
		log_errx("the NTS certificate in force stays: %s", why);
}

void
root_nts_counters(const struct root *r, struct nts_counts *out)
{
	*out = (struct nts_counts){ 0 };
	listener_warden(r->listener, &out->warden);
	client_nts(r->client, &out->client);
	keclient_counters(r->ke, &out->probes);
	if (r->nts == NULL || r->nts->ke == NULL)
		return;
	keserver_counters(r->nts->ke, &out->ke);
	out->warden.cookie_make += out->ke.cookies;
}

void
root_nts_close(struct root *r)
{
	if (r->nts == NULL)
		return;
	keserver_free(r->nts->ke);
	explicit_bzero(r->nts, sizeof(*r->nts));
	free(r->nts);
	r->nts = NULL;
}
