/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds the rooms in floor order, joins them, runs the loop, and takes them down in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/background.h"
#include "daemon/build.h"
#include "daemon/daemon.h"
#include "daemon/driftfile.h"
#include "daemon/limits.h"
#include "daemon/notify.h"
#include "daemon/privilege.h"
#include "daemon/sandbox.h"
#include "nts/keclient.h"
#include "root.h"

#define HOUR		3600.0	/* s between writes of the drift file */
#define START_WAIT	30.0	/* s that a starting parent waits for its child */

/* --- log ----------------------------------------------------------------------------------- */

/* syslog unless told otherwise; in the foreground on a terminal, and where there is no syslog, stderr too. */
static bool
open_log(const struct root *r)
{
	const char *path = r->config->logfile;

	if (path == NULL && r->opts->debug > 0)
		path = "stderr";
	log_set_debug(r->opts->debug);
	log_set_classes(r->config->logconfig);
	if (path != NULL) {
		if (log_to_file(path) == 0)
			return true;
		log_err("log file %s cannot be opened", path);
		return false;
	}
	if (r->opts->nofork && access("/dev/log", W_OK) == -1)
		return true;
	log_to_syslog("ntpd");
	log_copy_to_stderr(r->opts->nofork && isatty(STDERR_FILENO));
	return true;
}

/* --- files --------------------------------------------------------------------------------- */

static void
write_pidfile(const char *path)
{
	struct stat st;
	int fd;

	if (path == NULL)
		return;
	/* We may be root here, and the directory may be another's: what is there is written to only if it is a plain file under this name alone. */
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd != -1 && fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		log_warnx("pid file %s is a link or no file and is left alone", path);
	else if (fd == -1 || ftruncate(fd, 0) == -1 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		log_warn("pid file %s cannot be written", path);
	if (fd != -1)
		close(fd);
}

static void
read_drift(struct root *r)
{
	const char *path = r->config->driftfile;

	if (isfinite(r->config->tinker.freq)) {
		r->drift = r->config->tinker.freq;
		r->have_drift = true;
		return;
	}
	switch (path == NULL ? DRIFT_ABSENT : driftfile_read(path, &r->drift)) {
	case DRIFT_OK:
		r->have_drift = true;
		log_of(LOG_CLOCK_INFO, "frequency %.3f ppm from %s", r->drift * 1e6, path);
		break;
	case DRIFT_ABSENT:
		break;
	case DRIFT_UNREADABLE:
		log_warn("drift file %s cannot be read, measuring the frequency anew", path);
		break;
	case DRIFT_GARBAGE:
		log_warnx("drift file %s holds no frequency within 500 ppm and is ignored", path);
		break;
	}
}

/* Writes the frequency if that is worth it; at the end almost any change is. */
static void
write_drift(struct root *r, bool last)
{
	const struct discipline *d = &client_system(r->client)->discipline;
	const char *path = r->config->driftfile;
	double at_end = 1e-9;
	unsigned held = 0;

	if (path == NULL || !r->config->enable_ntp || d->state != DISC_SYNC || d->updated.ns == 0)
		return;
	if (r->have_drift && !driftfile_due(d->freq, r->drift, last ? &at_end : &r->threshold))
		return;
	if (driftfile_write(path, d->freq) == -1) {
		if (log_gate_open(&r->drift_gate, monotime_now(), &held))
			log_warn("drift file %s cannot be written", path);
		return;
	}
	r->drift = d->freq;
	r->have_drift = true;
	r->threshold = r->config->wander_threshold;
}

static void
on_hour(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	write_drift(arg, false);
	root_stats_hour(arg);
	root_leap_hour(arg);
	root_nts_hour(arg);
}

/* --- interfaces ---------------------------------------------------------------------------- */

static void
learn_own_refids(struct root *r)
{
	struct iface *list = NULL;
	int n = ifaces_scan(&list);
	uint32_t *id = n > 0 ? calloc((size_t)n, sizeof(*id)) : NULL;
	size_t m = 0;

	for (int i = 0; i < n && id != NULL; i++) {
		if (!addr_is_loopback(&list[i].addr))
			id[m++] = assoc_refid_of(&list[i].addr);
	}
	if (n >= 0 && r->client != NULL)
		client_set_own(r->client, id, m);
	free(id);
	free(list);
}

static void
on_ifaces(void *arg)
{
	struct root *r = arg;

	listener_rescan(r->listener);
	learn_own_refids(r);
	client_network_changed(r->client);
}

/* --- building ------------------------------------------------------------------------------ */

static bool
open_clock(struct root *r)
{
	double unused;

	if (!root_steering_open(r))
		return false;
	sysclock_read(r->clock, &r->started);
	read_drift(r);
	if (r->have_drift && r->config->enable_ntp && sysclock_adjust(r->clock, r->started.mono, r->drift, 0, 0, &unused) == -1)
		log_warn("the frequency cannot be set");
	return true;
}

static bool
open_listener(struct root *r)
{
	struct listener_opts lo;
	char why[LISTENER_WHY_MAX];

	r->keys = settings_keys(r->config);
	if (r->keys == NULL && errno == ENOMEM)
		return false;
	r->restricts = restrict_new();
	if (r->restricts == NULL || !settings_restrict(r->restricts, r->config) || !settings_listener(r, r->config, &lo))
		return false;
	r->listener = listener_new(r->base, &lo, r->restricts, root_passed, r, why);
	if (r->listener == NULL)
		log_errx("%s, exiting", why);
	return r->listener != NULL;
}

static bool
open_client(struct root *r)
{
	struct client_opts co = {
		.select = r->config->tos,
		.discipline = r->config->tinker,
		.have_freq = r->have_drift,
		.freq = r->drift,
		.tick = r->config->tick,
		.steer = r->config->enable_ntp,
		.once = r->opts->quit,
		.dscp = r->config->dscp,
		.keys = r->keys,
		.modes = settings_modes(r->config),
		.ke = r->ke = keclient_new(r->base, &r->config->nts),
		.send = root_modes_send,
		.bar = root_bars,
		.send_arg = r,
		.not_before = { (int64_t)build_time() * NS_PER_S },
	};

	if (r->ke == NULL)
		return false;
	r->client = client_new(r->base, r->clock, r->resolver, &co, root_news, r);
	if (r->client == NULL)
		return false;
	learn_own_refids(r);
	root_leap_reload(r);
	root_modes_listen(r);
	return true;
}

bool
root_source_add(struct root *r, const struct config_source *s)
{
	return s->kind == SOURCE_CLOCK ? root_clock_add(r, s) : client_add(r->client, s->host, s->family, s->kind == SOURCE_POOL, &s->opts);
}

static void
add_sources(struct root *r)
{
	for (const struct config_source *s = r->config->sources; s != NULL; s = s->next)
		root_source_add(r, s);
	if (r->config->sources == NULL)
		log_warnx("no server or pool is configured: the clock is not disciplined");
}

/* --- signals ------------------------------------------------------------------------------- */

static void
on_stop(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	log_info("ntpd exiting on signal %d (%s)", (int)sig, strsignal((int)sig));
	notify_manager("STOPPING=1");
	root_stop(arg, 0);
}

static void
on_hangup(evutil_socket_t sig, short what, void *arg)
{
	struct root *r = arg;

	(void)sig;
	(void)what;
	log_reopen();
	notify_manager("RELOADING=1");
	settings_reload(r);
}

static void
on_debug(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	(void)arg;
	log_set_debug(log_debug_level() + (sig == SIGUSR1 ? 1 : -1));
	log_info("debug level is %d", log_debug_level());
}

static bool
catch_signals(struct root *r)
{
	static const struct { int sig; event_callback_fn cb; } table[] = {
		{ SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGQUIT, on_stop },
		{ SIGHUP, on_hangup }, { SIGUSR1, on_debug }, { SIGUSR2, on_debug },
	};

	signal(SIGXFSZ, SIG_IGN);	/* a file at its limit is an error of that file */
	for (size_t i = 0; i < NELEMS(table); i++) {
		r->signal[i] = evsignal_new(r->base, table[i].sig, table[i].cb, r);
		if (r->signal[i] == NULL || event_add(r->signal[i], NULL) == -1)
			return false;
	}
	return true;
}

/* --- the process --------------------------------------------------------------------------- */

static void
raise_priority(const struct options *o)
{
	int most = sched_get_priority_max(SCHED_FIFO), least = sched_get_priority_min(SCHED_FIFO);
	struct sched_param p = { .sched_priority = o->nice ? most : o->priority < least ? least : o->priority > most ? most : o->priority };

	if (!o->nice && o->priority == 0)
		return;
	if (sched_setscheduler(0, SCHED_FIFO, &p) == -1 && setpriority(PRIO_PROCESS, 0, -12) == -1)
		log_warn("the scheduling priority cannot be raised");
}

/* The loop lives even if no room has anything to wait for: a timer that is always armed. */
static bool
start_hourly(struct root *r)
{
	struct timeval hour = { .tv_sec = (time_t)HOUR };

	r->threshold = r->config->wander_threshold;
	r->hourly = event_new(r->base, -1, EV_PERSIST, on_hour, r);
	return r->hourly != NULL && event_add(r->hourly, &hour) == 0;
}

static void
on_alive(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_manager("WATCHDOG=1");
}

/* From the loop and nowhere else: a loop that is stuck is what the watchdog is there to find.  Twice as often as asked for, which is sd_notify's advice. */
static bool
start_alive(struct root *r)
{
	double wait = notify_watchdog() / 2;
	struct timeval tv = { .tv_sec = (time_t)wait, .tv_usec = (suseconds_t)((wait - floor(wait)) * 1e6) };

	if (wait == 0)
		return true;
	r->alive = event_new(r->base, -1, EV_PERSIST, on_alive, r);
	return r->alive != NULL && event_add(r->alive, &tv) == 0;
}

static void
on_libevent_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warnx("event loop: %s", text);
	else
		log_debug("event loop: %s", text);
}

/*
 * The loop's usual clock goes by steps of some milliseconds: it sleeps until a timer is due, finds it is not quite due yet by that clock, and wakes
 * a second and a third time.  NULL if there is no memory.
 */
static struct event_base *
new_base(void)
{
	struct event_config *how = event_config_new();
	struct event_base *base = NULL;

	if (how != NULL && event_config_set_flag(how, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(how);
	if (how != NULL)
		event_config_free(how);
	return base;
}

static bool
build(struct root *r)
{
	if (!root_steering_start(r))
		return false;
	event_set_log_callback(on_libevent_log);
	r->base = new_base();
	if (r->base == NULL || !catch_signals(r))
		return false;
	r->resolver = resolver_new(r->base);
	/* The port before the clock: where another ntpd has the one, it has the other too. */
	if (r->resolver == NULL || !open_listener(r) || !open_clock(r) || !root_control_init(r) || !open_client(r) || !root_nts_open(r) || !start_hourly(r) || !start_alive(r))
		return false;
	r->ifaces = ifaces_watch_new(r->base, r->opts->update_interval, on_ifaces, r);
	if (r->ifaces == NULL)
		log_warn("changes of the interfaces will not be noticed");
	root_clocks_open(r);
	write_pidfile(r->config->pidfile);
	raise_priority(r->opts);
	return true;
}

static void
tear_down(struct root *r)
{
	if (r->client != NULL)
		write_drift(r, true);
	root_stats_close(r);
	root_nts_close(r);
	ifaces_watch_free(r->ifaces);
	if (r->hourly != NULL)
		event_free(r->hourly);
	if (r->alive != NULL)
		event_free(r->alive);
	root_mssntp_close(r);
	client_free(r->client);
	keclient_free(r->ke);
	root_clocks_close(r);
	root_leap_close(r);
	listener_free(r->listener);
	root_control_free(r);
	restrict_free(r->restricts);
	keys_free(r->keys);
	names_free(r->names);
	resolver_free(r->resolver);
	root_steering_close(r);
	for (size_t i = 0; i < ROOT_SIGNALS; i++) {
		if (r->signal[i] != NULL)
			event_free(r->signal[i]);
	}
	if (r->base != NULL)
		event_base_free(r->base);
	config_free(r->config);
}

static bool
go_background(struct root *r)
{
	const struct options *o = r->opts;

	r->waiting = -1;
	r->wait_sync = o->wait_sync > 0;
	if (o->nofork || o->quit || o->debug > 0)
		return true;
	r->waiting = background_start(r->wait_sync ? o->wait_sync : START_WAIT, r->wait_sync ? EXIT_WAIT_SYNC : 0);
	if (r->waiting == -1)
		log_err("cannot go to the background");
	return r->waiting != -1;
}

/* Where the process is worth it, or told to; whoever asks for a sandbox gets it, or no daemon. */
static bool
enter_sandbox(struct root *r, bool privileged)
{
	const struct options *o = r->opts;
	enum sandbox_err err = SANDBOX_ABSENT;

	if (o->no_sandbox || (!o->sandbox && !privileged))
		return true;
	r->clock_needs = root_clocks_need(r);
	err = sandbox_enter(r->config->logfile, r->clock_needs | root_nts_needs(r), !sysclock_steers_host(r->clock));
	r->sandboxed = err == SANDBOX_OK;
	if (err == SANDBOX_FAILED)
		log_err("the sandbox cannot be made");
	else if (err == SANDBOX_ABSENT && o->sandbox)
		log_errx("--sandbox: there is none to be had from this kernel or in this container");
	else if (err == SANDBOX_ABSENT)
		log_info("there is no sandbox to be had from this kernel or in this container: going on without");
	return err == SANDBOX_OK || (err == SANDBOX_ABSENT && !o->sandbox);
}

static bool
drop_rights(struct root *r)
{
	bool privileged = privilege_held();
	const struct privilege_plan plan = {
		.user = r->opts->user,
		.jaildir = r->opts->jaildir,
		/* For addresses that appear later; once the clock is set, nobody waits for one. */
		.bind_port = r->ifaces != NULL && !r->opts->quit,
	};

	limits_set(&r->config->rlimit);
	if (!privilege_drop(&plan))
		return false;
	limits_lock(&r->config->rlimit);
	/* Rights belong to threads: those that begin now have no more than we. */
	if (listener_start(r->listener) == -1) {
		log_err("the worker threads cannot be started");
		return false;
	}
	return enter_sandbox(r, privileged);
}

/* --saveconfigquit: 0 or 1, the exit status. */
static struct config *
load(const struct options *o)
{
	struct config *c = settings_load(o, NULL, NULL);

	if (c == NULL && errno == ENOMEM)
		log_err("ntpd cannot be started");
	return c;
}

static int
save_and_quit(const struct options *o)
{
	struct config *c = load(o);
	int status = 1;

	if (c != NULL && config_save(c, o->saveconfig, walltime_now()) == -1)
		log_err("%s: the configuration cannot be saved", o->saveconfig);
	else if (c != NULL)
		status = c->errors > 0;
	config_free(c);
	return status;
}

int
daemon_run(const struct options *o, const char *command)
{
	struct root r = { .opts = o, .waiting = -1, .keeper = -1, .lock = -1, .status = 1 };

	/* Before the first line of the log. */
	signal(SIGPIPE, SIG_IGN);
	if (o->saveconfig != NULL)
		return save_and_quit(o);
	r.config = load(o);
	if (r.config == NULL || !go_background(&r) || !open_log(&r))
		goto out;
	log_info("ntpd truechimer-%s: Starting", VERSION);
	log_info("Command line: %s", command);
	errno = 0;
	if (!build(&r)) {
		if (errno == ENOMEM)	/* any other reason has been told where it was met */
			log_err("ntpd cannot be started");
		goto out;
	}
	if (!drop_rights(&r)) {
		r.status = EXIT_PANIC;
		goto out;
	}
	if (!root_stats_open(&r))
		log_warn("statistics files will not be written");
	root_nts_begin(&r);
	root_publish(&r);
	add_sources(&r);
	if (!r.wait_sync)
		root_parent_may_go(&r, 0);
	notify_manager("READY=1\nSTATUS=Asking the sources");
	r.status = 0;
	event_base_dispatch(r.base);
out:
	tear_down(&r);
	return r.status;
}
