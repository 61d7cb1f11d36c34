/* SPDX-License-Identifier: BSD-2-Clause */
/* Fills the view of all rooms and lets the control room answer a mode 6 request from it. */
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include "base/random.h"
#include "control/mode6.h"
#include "control/vars.h"
#include "root.h"

#define SOCKETS_MAX	128	/* that ntpq can be shown */

/* One request's answer goes back on the socket it came by. */
struct reply_way {
	int			 fd;
	const struct datagram	*request;
};

bool
root_control_init(struct root *r)
{
	struct nonce_secret secret;
	struct mode6 *m = malloc(sizeof(*m));

	if (m == NULL)
		return false;
	for (size_t i = 0; i < sizeof(secret.octets); i += sizeof(uint64_t)) {
		uint64_t v = random_u64();

		memcpy(&secret.octets[i], &v, sizeof(v));
	}
	mode6_init(m, &secret, &r->started);
	r->mode6 = m;
	return root_counted_init(r);
}

void
root_control_free(struct root *r)
{
	if (r->mode6 != NULL)
		mode6_close(r->mode6);
	free(r->mode6);
	r->mode6 = NULL;
	free(r->counted);
	r->counted = NULL;
}

static void
send_back(void *arg, const uint8_t *buf, size_t len)
{
	const struct reply_way *way = arg;
	struct datagram d = *way->request;
	uint8_t copy[MODE6_DATAGRAM_MAX];

	if (len > sizeof(copy))
		return;
	memcpy(copy, buf, len);
	d.buf = copy;
	d.len = len;
	/* What cannot be sent is lost, as any datagram may be; the asker asks again. */
	if (udp_send(way->fd, &d) == -1)
		return;
}

static size_t
list_setvars(const struct root *r, struct control_setvar out[static VARS_SETVARS])
{
	size_t n = 0;

	for (const struct config_setvar *s = r->config->setvars; s != NULL && n < VARS_SETVARS; s = s->next)
		out[n++] = (struct control_setvar){ .name = s->name, .value = s->value, .by_default = s->dflt };
	return n;
}

static void
view_leaps(const struct root *r, struct control_view *v)
{
	const struct leap_table *t = r->leap.table;
	struct leap_second s;

	if (t == NULL)
		return;
	s = leap_next(t, v->now.wall);
	v->leapsec = s.step != 0 ? s.at : t->row[t->n - 1].from;
	v->leap_expire = t->expires;
}

static void
hold(void *arg, bool on)
{
	const struct root *r = arg;

	listener_hold(r->listener, on);
}

/* What it takes to answer anything: calls of the system and sums over the workers, more than most requests are worth. */
static void
answer(struct root *r, const struct mode6_request *rq, struct reply_way *way)
{
	struct control_setvar setvars[VARS_SETVARS];
	struct listener_socket sockets[SOCKETS_MAX];
	struct server_counters counters, totals;
	const struct refclock_info *clocks[ROOT_CLOCKS];
	struct timex kernel;
	struct utsname uts;
	struct control_view v = {
		.start = r->started.mono,
		.system = client_system(r->client),
		.hold = hold,
		.hold_arg = r,
		.clocks = clocks,
		.nclocks = root_clocks_list(r, clocks),
		.monitor = r->config->enable_monitor,
		.restricts = r->restricts,
		.sockets = sockets,
		.clock_driver = sysclock_name(r->clock),
		.steers_host = sysclock_steers_host(r->clock),
		.wander_threshold = r->threshold,
		.bcastdelay = settings_modes(r->config).broadcast.delay,
		.savedconfig = r->savedconfig[0] != '\0' ? r->savedconfig : NULL,
		.setvars = setvars,
		.nsetvars = list_setvars(r, setvars),
		.version = "ntpd truechimer-" VERSION,
		.keys = r->keys,
		.controlkey = r->config->controlkey,
	};

	v.nsockets = listener_sockets(r->listener, sockets, SOCKETS_MAX);
	if (v.nsockets > SOCKETS_MAX)
		v.nsockets = SOCKETS_MAX;
	sysclock_read(r->clock, &v.now);
	view_leaps(r, &v);
	v.assocs = client_assocs(r->client, &v.nassocs);
	listener_mrus(r->listener, &v.mrus);
	listener_mru_stats(r->listener, &v.mru_stats);
	root_counted_view(r, &v, &counters, &totals);
	if (sysclock_kernel_state(r->clock, &kernel) != -1)
		v.kernel = &kernel;
	if (uname(&uts) == 0)
		v.uts = &uts;
	mode6_handle(r->mode6, rq, &v, send_back, way);
}

void
root_control(void *arg, const struct datagram *d, unsigned flags, int fd)
{
	struct root *r = arg;
	struct mode6_hands hands;
	struct mode6_request rq = { .buf = d->buf, .len = d->len, .from = d->peer, .flags = flags, .hands = &hands };
	struct reply_way way = { .fd = fd, .request = d };

	if (!mode6_admits(r->mode6, &rq, r->keys, r->config->controlkey, monotime_now()))
		return;
	root_hands(r, &hands);
	answer(r, &rq, &way);
}
