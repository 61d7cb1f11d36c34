/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpstat: tells in three lines, and by its exit status, whether this machine's clock is synchronised. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "foreign.h"
#include "query.h"
#include "vars.h"
#include "version.h"

#define EXIT_SYNCHRONISED	0
#define EXIT_UNSYNCHRONISED	1
#define EXIT_NO_DAEMON		2
#define EXIT_USAGE		3

#define ANSWER_MS	1000	/* what ntpstat has always waited */
#define EVENT_RESTARTING	1	/* system event code under which the time server is said to be starting */

static const char help[] =
    "usage: ntpstat [-h] [-m MAXERROR]\n\n"
    "  -m, --max-error=MAXERROR  a time that may be wrong by more ms than this counts as unsynchronised\n"
    "  -h, --help                print this and exit\n"
    "  -V, --version             print the version and exit\n\n"
    "Exits with 0 if the clock is synchronised, 1 if it is not, 2 if ntpd does not answer, 3 after a wrong option.\n";

static const char *const sources[] = {
	"unspecified", "atomic clock", "VLF radio", "HF radio", "UHF radio", "local net", "NTP server", "UDP/TIME", "wristwatch",
	"modem",
};

/* What the daemon says; missing numbers are NaN, missing text empty. */
struct report {
	uint16_t	status;
	char		refid[ADDR_STR_MAX], peer_addr[ADDR_STR_MAX];
	double		stratum, rootdelay, rootdisp;	/* ms */
	double		tc;				/* log2 s */
};

static double
number(const struct vars *v, const char *name)
{
	double d;

	return vars_real(v, name, &d) ? d : (double)NAN;
}

static struct vars
answer(const struct query *q)
{
	return (struct vars){ .text = (const char *)q->assembly.data, .len = q->assembly.len };
}

/*
 * Reads the system variables and the address of the system peer: its reference ID would be a hash, were the peer an IPv6 one.
 */
static enum query_err
read_report(struct query *q, struct report *r)
{
	enum query_err e = query_ask(q, CONTROL_READVAR, 0, NULL, 0);
	struct vars v = answer(q);
	unsigned long peer;

	if (e != QUERY_OK)
		return e;
	*r = (struct report){
		.status = q->assembly.status, .stratum = number(&v, "stratum"), .rootdelay = number(&v, "rootdelay"),
		.rootdisp = number(&v, "rootdisp"), .tc = number(&v, "tc"),
	};
	if (!vars_word(&v, "refid", r->refid, sizeof(r->refid)))
		r->refid[0] = '\0';
	if (!vars_uint(&v, "peer", &peer) || peer == 0 || peer > UINT16_MAX)
		return QUERY_OK;
	if (query_ask(q, CONTROL_READVAR, (uint16_t)peer, "srcadr", strlen("srcadr")) == QUERY_OK) {
		v = answer(q);
		if (!vars_word(&v, "srcadr", r->peer_addr, sizeof(r->peer_addr)))
			r->peer_addr[0] = '\0';
	}
	return QUERY_OK;
}

/* Asks each address of this machine in turn until one answers. */
static enum query_err
ask(struct report *r)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	struct query_opts opts = query_defaults;
	enum query_err worst = QUERY_REFUSED, e;
	struct query q;

	opts.first_ms = opts.more_ms = ANSWER_MS;
	opts.tries = 1;
	for (size_t i = 0; i < NELEMS(hosts); i++) {
		query_init(&q, &opts);
		e = query_open(&q, hosts[i], "123") == NULL ? read_report(&q, r) : QUERY_REFUSED;
		query_close(&q);
		if (e == QUERY_OK)
			return e;
		if (e != QUERY_REFUSED && e != QUERY_SOCKET)
			worst = e;
	}
	return worst;
}

/* "synchronised to NTP server (10.9.0.1) at stratum 7 "; false if a part of it is unknown. */
static bool
print_source(const struct report *r)
{
	unsigned source = r->status >> 8 & 0x3f;
	const char *addr = r->peer_addr[0] != '\0' ? r->peer_addr : r->refid;
	bool known = true;

	printf("synchronised to %s", source < NELEMS(sources) ? sources[source] : "unknown source");
	if (source == SOURCE_NTP) {
		known = addr[0] != '\0';
		if (known)
			printf(" (%s)", addr);
		else
			printf(" <IP unknown>");
	}
	if (isnan(r->stratum)) {
		printf(", stratum unknown\n");
		return false;
	}
	printf(" at stratum %.0f \n", r->stratum);
	return known;
}

/* max: ms, or infinite.  False if the error is above it, or unknown. */
static bool
print_error(const struct report *r, double max)
{
	double error = r->rootdisp + r->rootdelay / 2;

	if (isnan(error)) {
		printf("accuracy unknown\n");
		return false;
	}
	printf("   time correct to within %.0f ms", error);
	if (error > max)
		printf(" (exceeded maximum of %g ms)", max);
	putchar('\n');
	return error <= max;
}

static bool
print_poll(const struct report *r)
{
	if (!(r->tc >= POLL_MIN && r->tc <= POLL_MAX)) {
		printf("poll interval unknown\n");
		return false;
	}
	printf("   polling server every %.0f s\n", exp2(r->tc));
	return true;
}

static int
print_report(const struct report *r, double max)
{
	bool good;

	if (r->status >> 14 == LEAP_UNSYNC) {
		printf("unsynchronised\n");
		if ((r->status & 15) == EVENT_RESTARTING)
			printf("  time server re-starting\n");
		print_poll(r);
		return EXIT_UNSYNCHRONISED;
	}
	good = print_source(r);
	good &= print_error(r, max);
	good &= print_poll(r);
	return good ? EXIT_SYNCHRONISED : EXIT_UNSYNCHRONISED;
}

static int
no_daemon(enum query_err e)
{
	const char *foreign = e == QUERY_SERVER || e == QUERY_TOO_BIG ? NULL : foreign_daemon();

	if (e == QUERY_TIMEOUT || e == QUERY_INCOMPLETE)
		fprintf(stderr, "timeout\n");
	else if (e == QUERY_SERVER || e == QUERY_TOO_BIG)
		fprintf(stderr, "NTP daemon does not answer the question\n");
	else
		fprintf(stderr, foreign != NULL ? "Unable to talk to NTP daemon.\n" : "Unable to talk to NTP daemon. Is it running?\n");
	if (foreign != NULL)
		fprintf(stderr, "%s\n", foreign);
	return EXIT_NO_DAEMON;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "max-error", required_argument, NULL, 'm' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 },
	};
	double max = (double)INFINITY;
	struct report r;
	struct varval v;
	enum query_err e;
	int key;

	while ((key = getopt_long(argc, argv, "hm:V", longs, NULL)) != -1) {
		switch (key) {
		case 'm':
			v = (struct varval){ .s = optarg, .len = strlen(optarg) };
			if (varval_real(&v, &max) && max >= 0)
				break;
			fprintf(stderr, "ntpstat: `%.40s': milliseconds are wanted\n", optarg);
			return EXIT_USAGE;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("ntpstat truechimer-%s\n", VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(help, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	e = ask(&r);
	return e == QUERY_OK ? print_report(&r, max) : no_daemon(e);
}
