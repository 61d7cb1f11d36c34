/* SPDX-License-Identifier: BSD-2-Clause */
/* From the configuration and the command line to the options of the rooms: at start, and again while running. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "root.h"

#define SLEW_STEP	600.0	/* s: step threshold under -x */

static void
on_remark(void *arg, enum remark kind, const char *file, unsigned line, unsigned column, const char *text)
{
	char place[64] = "";

	(void)arg;
	if (line > 0)
		snprintf(place, sizeof(place), ":%u:%u", line, column);
	if (kind == REMARK_ERROR)
		log_errx("%s%s: %s", file, place, text);
	else if (kind == REMARK_WARNING)
		log_warnx("%s%s: %s", file, place, text);
	else
		log_debug("%s%s: %s", file, place, text);
}

/* False, here and below, for want of memory. */
static bool
override(char **setting, const char *value)
{
	char *copy = value == NULL ? NULL : strdup(value);

	if (copy == NULL)
		return value == NULL;
	free(*setting);
	*setting = copy;
	return true;
}

/* --var and --dvar, before those of the file. */
static bool
add_vars(struct config *c, const struct options *o)
{
	for (size_t i = o->nvar; i > 0; i--) {
		const char *eq = strchr(o->var[i - 1], '=');
		struct config_setvar *v = calloc(1, sizeof(*v));

		if (v == NULL || eq == NULL) {
			free(v);
			return false;
		}
		v->name = strndup(o->var[i - 1], (size_t)(eq - o->var[i - 1]));
		v->value = strdup(eq + 1);
		if (v->name == NULL || v->value == NULL) {
			free(v->name);
			free(v->value);
			free(v);
			return false;
		}
		v->dflt = o->var_default[i - 1];
		v->next = c->setvars;
		c->setvars = v;
	}
	return true;
}

/* Keys of the command line are trusted beside those of the file. */
static bool
add_trusted(struct config *c, const struct options *o)
{
	for (size_t i = 0; i < o->ntrusted; i++) {
		struct config_trusted *t = calloc(1, sizeof(*t));

		if (t == NULL)
			return false;
		*t = (struct config_trusted){ .lo = o->trusted[i], .hi = o->trusted[i], .next = c->trusted };
		c->trusted = t;
	}
	return true;
}

/* What the command line says beats what the file says. */
static bool
apply_options(struct config *c, const struct options *o)
{
	const struct { char **setting; const char *value; } paths[] = {
		{ &c->driftfile, o->driftfile }, { &c->logfile, o->logfile }, { &c->pidfile, o->pidfile }, { &c->statsdir, o->statsdir },
		{ &c->keysfile, o->keyfile },
	};

	for (size_t i = 0; i < NELEMS(paths); i++) {
		if (!override(paths[i].setting, paths[i].value))
			return false;
	}
	if (o->software_clock)
		c->clock = CLOCK_SOFTWARE;
	c->tinker.panic_once = o->panicgate > 0;
	c->tinker.step_once = o->force_step > 0;
	if (o->authreq + o->authnoreq > 0)
		c->enable_auth = o->authreq > 0;
	c->enable_bclient |= o->bcastsync > 0;
	if (o->propagation_delay > 0)
		c->modes.broadcastdelay = o->propagation_delay;
	if (o->slew) {
		c->tinker.step_fwd = c->tinker.step_back = SLEW_STEP;
		c->tinker.slew_start = c->tinker.slew_max;
	}
	for (struct config_source *s = c->sources; s != NULL && o->quit; s = s->next)
		s->opts.iburst = true;
	return add_vars(c, o) && add_trusted(c, o);
}

/* The servers of the command line stand before those of the file. */
static void
add_arguments(struct config *c, const struct options *o)
{
	int family = o->ipv4 ? 4 : o->ipv6 ? 6 : 0;

	for (size_t i = 0; i < o->nserver; i++) {
		if (!config_add_server(c, o->server[i], family) && !c->starved)
			log_warnx("server %s on the command line is ignored: not usable, or there already", o->server[i]);
	}
}

const char *
settings_path(const struct options *o)
{
	return o->configfile != NULL ? o->configfile : SYSCONFDIR "/ntp.conf";
}

struct config *
settings_load(const struct options *o, struct names *known, unsigned *errors)
{
	const struct config_hooks h = { .remark = on_remark, .resolve = known != NULL ? names_resolve : config_resolve_system, .arg = known };
	const char *path = settings_path(o);
	int err;
	struct config *c = config_new();

	if (c == NULL)
		return NULL;
	add_arguments(c, o);
	if (config_load(c, path, &h) == -1) {
		if (c->starved)
			goto bad;
		log_err("configuration %s cannot be used", path);
		if (errno != ENOENT || errors != NULL) {
			errno = 0;
			goto bad;
		}
		log_warnx("going on without: %s", o->nserver > 0 ? "only the servers of the command line are asked" : "there is no time source");
		config_finish(c);
	}
	if (c->fatal > 0) {
		log_errx("%s: not used, with errors that could leave a door open", path);
		errno = 0;
		goto bad;
	}
	if (errors != NULL)
		*errors = c->errors;
	errno = ENOMEM;
	if (apply_options(c, o))
		return c;
bad:
	err = errno;
	config_free(c);
	errno = err;
	return NULL;
}

/* -I and -L as rules; they exclude interface lines in the file. */
static bool
interface_rules(struct root *r, const struct config *c, struct listener_opts *lo)
{
	const struct options *o = r->opts;
	size_t n = 0;

	lo->rules = c->iface_rules;
	lo->nrules = c->niface_rules;
	if (o->ninterface == 0 && !o->novirtual)
		return true;
	if (lo->nrules > 0) {
		log_errx("interface/nic rules are not allowed with --interface (-I) or --novirtualips (-L), exiting");
		return false;
	}
	if (o->novirtual) {
		if (o->ninterface == 0)
			r->rules[n++] = (struct iface_rule){ .action = IFACE_LISTEN, .match = IFACE_ALL };
		r->rules[n++] = (struct iface_rule){ .action = IFACE_IGNORE, .match = IFACE_ALIAS };
	}
	for (size_t i = 0; i < o->ninterface; i++) {
		struct iface_rule *rule = &r->rules[n++];

		*rule = (struct iface_rule){ .action = IFACE_LISTEN, .match = IFACE_NAME };
		snprintf(rule->name, sizeof(rule->name), "%s", o->interface[i]);
		if (!addr_parse(&rule->addr, o->interface[i], 0))
			continue;
		rule->match = IFACE_ADDR;
		rule->prefix = 8 * addr_len(&rule->addr);
	}
	lo->rules = r->rules;
	lo->nrules = n;
	return true;
}

static void
on_key_remark(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	char place[16] = "";

	(void)arg;
	if (line > 0)
		snprintf(place, sizeof(place), ":%u", line);
	if (error)
		log_errx("%s%s: %s", file, place, text);
	else
		log_warnx("%s%s: %s", file, place, text);
}

struct keys *
settings_keys(const struct config *c)
{
	struct keys *k = c->keysfile == NULL ? NULL : keys_load(c->keysfile, on_key_remark, NULL);

	if (k == NULL && c->keysfile != NULL && errno == ENOMEM)
		return NULL;
	for (const struct config_trusted *t = c->trusted; t != NULL; t = t->next)
		keys_trust(k, t->lo, t->hi);
	if (c->controlkey != 0 && keys_find(k, c->controlkey) == NULL)
		log_warnx("controlkey %u is not in the keys file, or not trusted: nothing can be changed by ntpq", c->controlkey);
	errno = 0;
	return k;
}

/* The number is that of the start: threads cannot be made later.  Who only sets the clock serves nobody for long. */
static unsigned
settings_workers(const struct root *r, const struct config *c)
{
	cpu_set_t cpus;

	if (r->listener != NULL)
		return listener_workers(r->listener);
	if (r->opts->quit)
		return 1;
	if (c->workers > 0)
		return (unsigned)c->workers;
	return sched_getaffinity(0, sizeof(cpus), &cpus) == -1 ? 1 : (unsigned)CPU_COUNT(&cpus);
}

bool
settings_listener(struct root *r, const struct config *c, struct listener_opts *lo)
{
	*lo = listener_defaults;
	lo->dscp = c->dscp;
	lo->extra_port = (uint16_t)c->extra_port;
	lo->workers = settings_workers(r, c);
	lo->monitor = c->enable_monitor;
	lo->discard = c->discard;
	lo->mru = c->mru;
	lo->keys = r->keys;
	return interface_rules(r, c, lo);
}

bool
settings_restrict(struct restrict_list *l, const struct config *c)
{
	for (const struct config_restrict *p = c->restricts; p != NULL; p = p->next) {
		if (p->source)
			restrict_source_template(l, true, &p->rule);
		else if (restrict_add(l, &p->rule) == -1)
			return false;
	}
	return true;
}
