/* SPDX-License-Identifier: BSD-2-Clause */
/* One table of options; getopt_long's arrays, the help text and the dump are made from it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "daemon/options.h"

#define UPDATE_INTERVAL	300	/* s */
#define UPDATE_LEAST	60	/* s */

enum kind {
	KIND_FLAG,	/* int, one more each time */
	KIND_STRING,	/* const char * */
	KIND_INT, KIND_SECONDS,
	KIND_INTERFACE, KIND_VAR, KIND_DVAR, KIND_KEY,
	KIND_INERT,	/* taken, and a word said that it does nothing */
	KIND_VERDICT,
};

struct row {
	const char	*name;
	char		 letter;	/* 0 = long form only */
	enum kind	 kind;
	size_t		 at;		/* offset in struct options, or the verdict */
	const char	*arg;		/* what help calls the argument */
	const char	*prose;
};

#define AT(field)	offsetof(struct options, field)

static const struct row rows[] = {
	{ "ipv4", '4', KIND_FLAG, AT(ipv4), NULL, "resolve servers on the command line to IPv4 only" },
	{ "ipv6", '6', KIND_FLAG, AT(ipv6), NULL, "resolve servers on the command line to IPv6 only" },
	{ "authreq", 'a', KIND_FLAG, AT(authreq), NULL, "who makes associations has to sign, as enable auth has it" },
	{ "authnoreq", 'A', KIND_FLAG, AT(authnoreq), NULL, "he need not, as disable auth has it" },
	{ "bcastsync", 'b', KIND_FLAG, AT(bcastsync), NULL, "listen to broadcasts, as broadcastclient does" },
	{ "configfile", 'c', KIND_STRING, AT(configfile), "FILE", "configuration file" },
	{ "debug", 'd', KIND_FLAG, AT(debug), NULL, "more debugging, stay in the foreground and log to stderr" },
	{ "debug-level", 0, KIND_FLAG, AT(debug), NULL, "the same" },
	{ "set-debug-level", 'D', KIND_INT, AT(debug), "N", "debugging level" },
	{ "driftfile", 'f', KIND_STRING, AT(driftfile), "FILE", "frequency file" },
	{ "panicgate", 'g', KIND_FLAG, AT(panicgate), NULL, "let the first correction exceed the panic threshold" },
	{ "force-step-once", 'G', KIND_FLAG, AT(force_step), NULL, "make the first correction a step, whatever its size" },
	{ "help", 'h', KIND_VERDICT, OPTIONS_HELP, NULL, "print this and exit" },
	{ "jaildir", 'i', KIND_STRING, AT(jaildir), "DIR", "change root to DIR after start" },
	{ "interface", 'I', KIND_INTERFACE, 0, "NAME|ADDR", "listen there (and on loopback) only; may be repeated" },
	{ "keyfile", 'k', KIND_STRING, AT(keyfile), "FILE", "symmetric keys" },
	{ "logfile", 'l', KIND_STRING, AT(logfile), "FILE", "log there instead of to syslog; stdout and stderr are understood" },
	{ "novirtualips", 'L', KIND_FLAG, AT(novirtual), NULL, "do not listen on alias interfaces" },
	{ "mdns", 'm', KIND_INERT, 0, NULL, "no effect: not announced by mDNS" },
	{ "nofork", 'n', KIND_FLAG, AT(nofork), NULL, "stay in the foreground" },
	{ "nice", 'N', KIND_FLAG, AT(nice), NULL, "run at the highest scheduling priority" },
	{ "pidfile", 'p', KIND_STRING, AT(pidfile), "FILE", "write the process id there" },
	{ "priority", 'P', KIND_INT, AT(priority), "N", "run at real-time priority N" },
	{ "quit", 'q', KIND_FLAG, AT(quit), NULL, "set the clock once and exit" },
	{ "no-sandbox", 0, KIND_FLAG, AT(no_sandbox), NULL, "allow itself all system calls" },
	{ "propagationdelay", 'r', KIND_SECONDS, AT(propagation_delay), "S", "assume this of broadcasts, as broadcastdelay does" },
	{ "dumpopts", 'R', KIND_VERDICT, OPTIONS_DUMP, NULL, "print the options as understood and exit" },
	{ "sandbox", 0, KIND_FLAG, AT(sandbox), NULL, "confine itself to the system calls it needs, or do not run; without this only if it is privileged" },
	{ "saveconfigquit", 0, KIND_STRING, AT(saveconfig), "FILE", "write the configuration as understood into a new file and exit" },
	{ "statsdir", 's', KIND_STRING, AT(statsdir), "DIR", "directory of the statistics files" },
	{ "trustedkey", 't', KIND_KEY, 0, "ID", "trust this symmetric key, as trustedkey does; may be repeated" },
	{ "user", 'u', KIND_STRING, AT(user), "USER[:GROUP]", "run as that user after start" },
	{ "updateinterval", 'U', KIND_SECONDS, AT(update_interval), "S", "seconds between looks at the interfaces where the kernel does not tell; 0 = never" },
	{ "version", 'V', KIND_VERDICT, OPTIONS_VERSION, NULL, "print the version and exit" },
	{ "wait-sync", 'w', KIND_SECONDS, AT(wait_sync), "S", "go to the background only when synchronised, or after S seconds" },
	{ "slew", 'x', KIND_FLAG, AT(slew), NULL, "slew up to 600 s instead of stepping" },
	{ "var", 'z', KIND_VAR, 0, "NAME=VALUE", "a variable for ntpq to read" },
	{ "dvar", 'Z', KIND_DVAR, 0, "NAME=VALUE", "the same, shown without being asked for" },
	{ "clock", 0, KIND_STRING, AT(clock), "SOCKET", "have the clock set by the clock process that listens there, instead of starting one" },
	{ "serve-clock", 0, KIND_STRING, AT(serve_clock), "SOCKET", "be the clock process of the one ntpd that is started with --clock=SOCKET" },
	{ "check-config", 0, KIND_VERDICT, OPTIONS_CHECK, NULL, "check the configuration file, report and exit" },
	{ "software-clock", 0, KIND_FLAG, AT(software_clock), NULL, "steer a clock inside the process, never the kernel's" },
};

#define NROWS	(sizeof(rows) / sizeof(rows[0]))
#define LONG_BASE	256	/* getopt values of rows: all above any letter */

static bool
takes_arg(const struct row *r)
{
	return r->arg != NULL;
}

static void
make_getopt(char letters[static 3 * NROWS + 1], struct option longs[static NROWS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < NROWS; i++) {
		longs[i] = (struct option){ .name = rows[i].name, .has_arg = takes_arg(&rows[i]), .val = LONG_BASE + (int)i };
		if (rows[i].letter == 0)
			continue;
		letters[n++] = rows[i].letter;
		if (takes_arg(&rows[i]))
			letters[n++] = ':';
	}
	letters[n++] = '?';
	letters[n] = '\0';
	longs[NROWS] = (struct option){ 0 };
}

static const struct row *
find_row(int got)
{
	if (got >= LONG_BASE)
		return &rows[got - LONG_BASE];
	for (size_t i = 0; i < NROWS; i++) {
		if (rows[i].letter == got)
			return &rows[i];
	}
	return NULL;
}

static bool
bad_value(const struct row *r, const char *arg)
{
	fprintf(stderr, "ntpd: --%s: \"%s\" is not a %s in range\n", r->name, arg, r->kind == KIND_INT ? "whole number" : "number");
	return false;
}

static bool
take_number(struct options *o, const struct row *r, const char *arg)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end != '\0' || !(v >= 0 && v <= 1e6) || (r->kind == KIND_INT && v != (int)v))
		return bad_value(r, arg);
	if (r->kind == KIND_INT)
		*(int *)(void *)((char *)o + r->at) = (int)v;
	else
		*(double *)(void *)((char *)o + r->at) = v;
	return true;
}

static bool
take_listed(struct options *o, const struct row *r, const char *arg)
{
	bool is_var = r->kind != KIND_INTERFACE;

	if ((is_var ? o->nvar : o->ninterface) == OPTIONS_LIST_MAX) {
		fprintf(stderr, "ntpd: --%s is given too often\n", r->name);
		return false;
	}
	if (!is_var) {
		o->interface[o->ninterface++] = arg;
		return true;
	}
	if (strchr(arg, '=') == NULL || !config_variable_name_ok(arg, strcspn(arg, "="))) {
		fprintf(stderr, "ntpd: --%s: \"%s\" is not NAME=VALUE with a name that ntpq can ask for\n", r->name, arg);
		return false;
	}
	o->var_default[o->nvar] = r->kind == KIND_DVAR;
	o->var[o->nvar++] = arg;
	return true;
}

static bool
take_key(struct options *o, const struct row *r, const char *arg)
{
	char *end;
	long id = strtol(arg, &end, 10);

	if (end == arg || *end != '\0' || id < 1 || id > UINT16_MAX) {
		fprintf(stderr, "ntpd: --%s: \"%s\" is not a key number from 1 to %u\n", r->name, arg, (unsigned)UINT16_MAX);
		return false;
	}
	if (o->ntrusted == OPTIONS_LIST_MAX) {
		fprintf(stderr, "ntpd: --%s is given too often\n", r->name);
		return false;
	}
	o->trusted[o->ntrusted++] = (uint16_t)id;
	return true;
}

static bool
take(struct options *o, const struct row *r, const char *arg, enum options_verdict *verdict)
{
	switch (r->kind) {
	case KIND_FLAG:
		++*(int *)(void *)((char *)o + r->at);
		return true;
	case KIND_STRING:
		*(const char **)(void *)((char *)o + r->at) = arg;
		return true;
	case KIND_INT:
	case KIND_SECONDS:
		return take_number(o, r, arg);
	case KIND_INTERFACE:
	case KIND_VAR:
	case KIND_DVAR:
		return take_listed(o, r, arg);
	case KIND_KEY:
		return take_key(o, r, arg);
	case KIND_INERT:
		fprintf(stderr, "ntpd: --%s has %s\n", r->name, r->prose);
		return true;
	case KIND_VERDICT:
		if (*verdict == OPTIONS_RUN)
			*verdict = (enum options_verdict)r->at;
		return true;
	}
	return false;
}

static bool
consistent(struct options *o)
{
	const char *why = NULL;

	if (o->ipv4 && o->ipv6)
		why = "-4 and -6 exclude each other";
	else if (o->wait_sync > 0 && (o->nofork || o->quit))
		why = "-w goes with neither -n nor -q";
	else if (o->sandbox && o->no_sandbox)
		why = "--sandbox and --no-sandbox exclude each other";
	else if (o->update_interval > 0 && o->update_interval < UPDATE_LEAST)
		o->update_interval = UPDATE_LEAST;
	if (why != NULL)
		fprintf(stderr, "ntpd: %s\n", why);
	return why == NULL;
}

enum options_verdict
options_parse(struct options *o, int argc, char *argv[])
{
	char letters[3 * NROWS + 1];
	struct option longs[NROWS + 1];
	enum options_verdict verdict = OPTIONS_RUN;
	int got;

	*o = (struct options){ .update_interval = UPDATE_INTERVAL };
	make_getopt(letters, longs);
	optopt = 0;
	while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct row *r = got == '?' ? NULL : find_row(got);

		/* getopt answers '?' for what it does not know, and for -? itself, which alone leaves no complaint behind. */
		if (got == '?' && optopt == 0 && strcmp(argv[optind - 1], "-?") == 0)
			r = find_row('h');

		if (r == NULL || !take(o, r, optarg, &verdict)) {
			fprintf(stderr, "usage: ntpd [option ...] [server ...]; ntpd --help lists the options\n");
			return OPTIONS_BAD;
		}
	}
	o->server = argv + optind;
	o->nserver = (size_t)(argc - optind);
	if (verdict == OPTIONS_CHECK && o->nserver > 0 && o->configfile == NULL) {
		o->configfile = o->server[0];
		o->nserver = 0;
	}
	return consistent(o) ? verdict : OPTIONS_BAD;
}

void
options_usage(void)
{
	char left[64];

	printf("usage: ntpd [option ...] [server ...]\n\n");
	for (size_t i = 0; i < NROWS; i++) {
		const struct row *r = &rows[i];
		char letter[] = { '-', r->letter, ',', '\0' };

		snprintf(left, sizeof(left), "%-3s --%s%s%s", r->letter ? letter : "", r->name, r->arg ? "=" : "", r->arg ? r->arg : "");
		printf("  %-32s %s\n", left, r->prose);
	}
}

void
options_dump(const struct options *o)
{
	for (size_t i = 0; i < NROWS; i++) {
		const char *field = (const char *)o + rows[i].at;
		const char *s;

		if (rows[i].kind == KIND_FLAG || rows[i].kind == KIND_INT) {
			printf("%s=%d\n", rows[i].name, *(const int *)(const void *)field);
		} else if (rows[i].kind == KIND_SECONDS) {
			printf("%s=%g\n", rows[i].name, *(const double *)(const void *)field);
		} else if (rows[i].kind == KIND_STRING) {
			s = *(const char *const *)(const void *)field;
			printf("%s=%s\n", rows[i].name, s == NULL ? "" : s);
		}
	}
	for (size_t i = 0; i < o->ninterface; i++)
		printf("interface=%s\n", o->interface[i]);
	for (size_t i = 0; i < o->ntrusted; i++)
		printf("trustedkey=%u\n", o->trusted[i]);
	for (size_t i = 0; i < o->nserver; i++)
		printf("server=%s\n", o->server[i]);
}
