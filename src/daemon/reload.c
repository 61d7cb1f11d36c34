/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration read again while running: as a whole or not at all.
 *
 * Sources whose lines have not changed keep all they have learnt.  What can only be done at start is named, and waits for the next one.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "daemon/notify.h"
#include "root.h"

/* The old rules out, the new ones in; entries made for associations follow the template in force. */
static bool
swap_rules(struct root *r, struct restrict_list *l, const struct config_restrict *old, const struct config *new)
{
	size_t n;
	const struct assoc *const *a = client_assocs(r->client, &n);

	for (size_t i = 0; i < n; i++)
		restrict_source_remove(l, &a[i]->addr);
	for (const struct config_restrict *p = old; p != NULL; p = p->next) {
		if (p->source)
			restrict_source_template(l, false, NULL);
		else
			restrict_remove(l, &p->rule);
	}
	if (!settings_restrict(l, new))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (a[i]->addr.family != 0 && a[i]->kind == ASSOC_SERVER && restrict_source_add(l, &a[i]->addr) == -1)
			return false;
	}
	return true;
}

bool
settings_swap_restricts(struct root *r, const struct config_restrict *old, const struct config *new)
{
	struct restrict_list *trial = restrict_copy(r->restricts);

	if (trial == NULL)
		return false;
	if (!swap_rules(r, trial, old, new)) {
		restrict_free(trial);
		return false;
	}
	restrict_replace(r->restricts, trial);
	return true;
}

void
settings_swap_sources(struct root *r, const struct config *new, const char *why)
{
	size_t kept = 0, added = 0, removed;
	bool keep[CONFIG_SOURCES_MAX] = { false };
	size_t i = 0;

	client_roster_begin(r->client);
	for (const struct config_source *s = new->sources; s != NULL && i < CONFIG_SOURCES_MAX; s = s->next, i++) {
		keep[i] = (s->kind != SOURCE_CLOCK || root_clock_same(r, s)) && client_roster_keep(r->client, s->host, s->family, s->kind == SOURCE_POOL, &s->opts);
		kept += keep[i];
	}
	removed = client_roster_end(r->client);
	i = 0;
	for (const struct config_source *s = new->sources; s != NULL && i < CONFIG_SOURCES_MAX; s = s->next, i++) {
		if (!keep[i])
			added += root_source_add(r, s);
	}
	log_info("%s: %zu sources kept, %zu added, %zu removed", why, kept, added, removed);
}

static bool
differ_numbers(double a, double b)
{
	return a < b || a > b || isnan(a) != isnan(b);
}

static bool
differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

/* What was done once, as root or before anything ran. */
static void
name_what_waits(const struct root *r, const struct config *old, const struct config *new)
{
	const struct { const char *what; bool changed; } rows[] = {
		{ "clock", old->clock != new->clock },
		{ "disable ntp", r->watch_only && new->enable_ntp },
		{ "rlimit", memcmp(&old->rlimit, &new->rlimit, sizeof(old->rlimit)) != 0 },
		{ "pidfile", differ(old->pidfile, new->pidfile) },
		{ "tick", differ_numbers(old->tick, new->tick) },
		{ "tinker freq", differ_numbers(old->tinker.freq, new->tinker.freq) },
		{ "workers", old->workers != new->workers },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		if (rows[i].changed)
			log_warnx("%s has changed: it takes effect at the next start", rows[i].what);
	}
}

static void
swap_log(const struct config *old, const struct config *new)
{
	if (!differ(old->logfile, new->logfile))
		return;
	if (new->logfile == NULL)
		log_to_syslog("ntpd");
	else if (log_to_file(new->logfile) == -1)
		log_warn("log file %s cannot be opened, going on with the old one", new->logfile);
}

/* All or nothing: a keys file that is not accepted leaves the old keys in force. */
static void
swap_keys(struct root *r, struct keys *k, const struct config *new)
{
	keys_follow(k, r->keys);
	if (k != NULL || new->keysfile == NULL)
		r->keys = k;
	else
		log_warnx("keys file %s has not been accepted: the keys in force stay", new->keysfile);
}

/* The clock process permits what was said at start: less may be asked of it, more would be refused. */
static void
keep_within_bounds(const struct root *r, struct discipline_opts *t)
{
	if (sysclock_link(r->clock) == -1)
		return;
	if (r->bounds.panic > 0 && (t->panic == 0 || t->panic > r->bounds.panic)) {
		log_warnx("tinker panic has been raised beyond the %g s of the start: that takes effect at the next one", r->bounds.panic);
		t->panic = r->bounds.panic;
	}
	if (t->stepout < r->bounds.stepout) {
		log_warnx("tinker stepout has been lowered below the %g s of the start: that takes effect at the next one", r->bounds.stepout);
		t->stepout = r->bounds.stepout;
	}
}

void
settings_carry_out(struct root *r)
{
	struct config *new = r->config;
	struct client_modes modes = settings_modes(new);

	keep_within_bounds(r, &r->config->tinker);
	log_set_classes(new->logconfig);
	listener_follow(r->listener);
	root_stats_reload(r);
	root_leap_reload(r);
	client_set_steer(r->client, new->enable_ntp);
	root_nts_reload(r);
	client_reconfigure(r->client, &new->tos, &new->tinker, new->dscp);
	client_set_modes(r->client, &modes);
	root_modes_listen(r);
	client_set_keys(r->client, r->keys);
	root_counted_reset(r, &r->config->reset);
	r->config->reset = (struct config_reset){ 0 };
}

static void
read_again(struct root *r)
{
	struct listener_opts lo;
	struct config *new, *old = r->config;
	struct keys *old_keys, *new_keys;
	bool reconfigured;
	unsigned errors = 0;

	new = settings_load(r->opts, r->names, &errors);
	if (new == NULL && errno == ENOMEM) {
		log_err("the configuration in force stays as it is: the file cannot be read");
		return;
	}
	if (new == NULL || errors > 0 || !settings_listener(r, new, &lo)) {
		log_errx("the configuration in force stays as it is: the file has %s", new == NULL ? "not been accepted" : "errors");
		config_free(new);
		return;
	}
	new_keys = settings_keys(new);
	if ((new_keys == NULL && errno == ENOMEM) || !settings_swap_restricts(r, old->restricts, new)) {
		log_err("the configuration in force stays as it is: its keys and rules cannot be made");
		keys_free(new_keys);
		config_free(new);
		return;
	}
	name_what_waits(r, old, new);
	new->clock = old->clock;
	new->enable_ntp = new->enable_ntp && !r->watch_only;
	swap_log(old, new);
	old_keys = r->keys;
	swap_keys(r, new_keys, new);
	lo.keys = r->keys;
	reconfigured = listener_reconfigure(r->listener, &lo) == 0;
	if (!reconfigured)
		log_warn("the server goes on with its old options");
	r->config = new;
	if (differ_numbers(old->wander_threshold, new->wander_threshold))
		r->threshold = new->wander_threshold;
	root_mssntp_follow(r, old);
	settings_carry_out(r);
	settings_swap_sources(r, new, "configuration read again");
	if (old_keys != r->keys && reconfigured)
		keys_free(old_keys);
	config_free(old);
}

/* What a signal asks for besides, even if the configuration has been refused. */
static void
end_reload(struct root *r)
{
	names_free(r->names);
	r->names = NULL;
	root_leap_hour(r);
	client_network_changed(r->client);
	root_publish(r);
	notify_manager("READY=1");
}

static void
on_names(void *arg)
{
	struct root *r = arg;

	read_again(r);
	end_reload(r);
}

void
settings_reload(struct root *r)
{
	names_free(r->names);
	r->names = names_look_up(r->resolver, settings_path(r->opts), on_names, r);
	if (r->names != NULL && names_wait(r->names))
		return;
	if (r->names != NULL)
		read_again(r);
	else
		log_err("the configuration in force stays as it is: the file cannot be read");
	end_reload(r);
}
