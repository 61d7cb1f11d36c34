/* SPDX-License-Identifier: BSD-2-Clause */
/* A made-up daemon for the tests of the control room: synchronised, with one server, one silent server and one pool. */
#ifndef TESTS_CONTROL_FIXTURE_H
#define TESTS_CONTROL_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "control/view.h"
#include "../unit.h"

#define S(n)	((int64_t)(n) * NS_PER_S)
#define NOW_WALL	1795378286	/* 2026-11-22 20:11:26 UTC = eeadcaee in NTP seconds */
#define NOW_MONO	10000
#define SECRET_NONCE	0x5ec2e7c0ffee1234u

struct fixture {
	struct control_view	v;
	struct system		system;
	struct assoc		a[3];
	const struct assoc	*list[3];
	struct server_counters	counters, totals;
	struct timex		kernel;
	struct utsname		uts;
	struct control_setvar	setvars[2];
};

static inline struct addr
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (struct addr){ .ip = { a, b, c, d }, .family = 4, .port = port };
}

/* Both must have been synchronised with 10.9.0.1, 192.0.2.53 behind it. */
static inline void
fixture_system(struct fixture *f)
{
	f->system.start.ns = S(1000);
	f->system.event = 5;
	f->system.events = 1;
	f->system.vars = (struct sysvars){
		.leap = LEAP_NONE, .stratum = 3, .precision = -25, .tc = 6, .refid = 0x0a090001, .peer = 54485,
		.reftime = { S(NOW_WALL - 17) }, .updated = { S(NOW_MONO - 17) },
		.rootdelay = 0.0015, .rootdisp = 0.010, .disp_rate = 15e-6, .offset = 17.334e-6, .freq = -3.5e-6,
		.sys_jitter = 8.528e-6, .clk_jitter = 5e-6, .clk_wander = 0.012e-6, .est_error = 4.25e-6, .tai = 37,
	};
}

static inline void
fixture_server(struct assoc *a)
{
	*a = (struct assoc){
		.id = 54485, .opts = assoc_defaults, .name = "time-b.example", .addr = v4(10, 9, 0, 1, 123), .local = v4(10, 9, 0, 2, 54321),
		.configured = true, .have_stat = true, .reach = 0xff, .unreach = 0, .hpoll = 6, .minpoll = 6,
		.exchange = { .open = true, .nonce = SECRET_NONCE, .last = 0x1111222233334444u, .t1 = { S(NOW_WALL - 1) } },
		.next = { S(NOW_MONO + 47) }, .sent = { S(NOW_MONO - 17) }, .heard = { S(NOW_MONO - 17) }, .changed = { S(NOW_MONO - 179) },
		.flash = 0, .tally = TALLY_SYSPEER, .event = PEVENT_SYSPEER, .events = 1,
		.count = { .sent = 15, .received = 14, .badauth = 1, .bogus = 2, .dup = 3, .seldisp = 4, .selbroken = 5 },
	};
	a->opts.bias = 0.0025;
	a->opts.key = 42;
	a->last = (struct packet){
		.leap = LEAP_NONE, .version = 4, .mode = MODE_SERVER, .stratum = 2, .poll = 7, .precision = -23, .rootdelay = 0x00000100,
		.rootdisp = 0x00000200, .refid = 0xc0000235, .reftime = { 0xeeadcad720b9b4b5u }, .org = { 0x1111222233334444u },
		.rec = { 0xeeadcadd1d38de20u }, .xmt = { 0xeeadcadd1d38de24u },
	};
	a->stat = (struct filter_stat){ .when = { S(NOW_MONO - 17) }, .offset = -0.000611, .delay = 0.00004, .disp = 0.000261, .jitter = 0.000005 };
	/* An estimate without doubt (the calmest model, and it alone), so that the root distance is the sum of what stands here. */
	a->estimator = (struct estimator){ .n = 1, .state.when = { S(NOW_MONO) } };
	for (unsigned i = 1; i < ESTIMATOR_MODELS; i++)
		a->estimator.state.model[i].loglik = -1e6;
	a->filter.n = 2;
	a->filter.stage[0] = (struct sample){ .when = { S(NOW_MONO - 17) }, .offset = -0.000611, .delay = 0.00004, .disp = 0.00001 };
	a->filter.stage[1] = (struct sample){ .when = { S(NOW_MONO - 81) }, .offset = 0.00102, .delay = 0.0525, .disp = 0.00001 };
}

static inline void
fixture_init(struct fixture *f)
{
	static const struct assoc empty;

	memset(f, 0, sizeof(*f));
	fixture_system(f);
	fixture_server(&f->a[0]);
	f->a[1] = empty;
	f->a[1].id = 54486;
	f->a[1].opts = assoc_defaults;
	f->a[1].addr = (struct addr){ .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, .family = 6, .port = 123 };
	f->a[1].configured = true;
	f->a[1].hpoll = 6;
	f->a[1].last = (struct packet){ .leap = LEAP_UNSYNC, .stratum = STRATUM_UNSYNC, .refid = REFID_INIT, .poll = 6 };
	f->a[1].event = PEVENT_MOBILIZE;
	f->a[1].events = 1;
	f->a[2] = f->a[1];
	f->a[2].id = 54487;
	f->a[2].addr = (struct addr){ 0 };
	f->a[2].last.refid = REFID_POOL;
	snprintf(f->a[2].name, sizeof(f->a[2].name), "2.debian.pool.ntp.org");
	for (size_t i = 0; i < 3; i++)
		f->list[i] = &f->a[i];
	f->counters = (struct server_counters){ .received = 101, .processed = 102, .thisver = 103, .oldver = 104, .badformat = 105, .badauth = 106,
		.declined = 107, .restricted = 108, .limited = 109, .kodsent = 110, .sent = 111, .sendfailed = 112,
		.ver1 = 113, .ver1client = 114, .ver1zero = 115, .ver1symm = 116, .dropped = 117 };
	f->totals = (struct server_counters){ .received = 1101, .processed = 1102, .thisver = 1103, .oldver = 1104, .badformat = 1105, .badauth = 1106,
		.declined = 1107, .restricted = 1108, .limited = 1109, .kodsent = 1110, .sent = 1111, .sendfailed = 1112,
		.ver1 = 1113, .ver1client = 1114, .ver1zero = 1115, .ver1symm = 1116, .dropped = 1117 };
	f->kernel = (struct timex){ .offset = 1500, .freq = -229376, .maxerror = 16000000, .esterror = 25, .status = STA_PLL | STA_UNSYNC | STA_NANO,
		.constant = 4, .precision = 1, .tolerance = 32768000, .ppsfreq = 65536, .jitter = 2500, .shift = 4, .stabil = 32768, .jitcnt = 8,
		.calcnt = 5, .errcnt = 6, .stbcnt = 7 };
	snprintf(f->uts.sysname, sizeof(f->uts.sysname), "Linux");
	snprintf(f->uts.release, sizeof(f->uts.release), "6.1.0");
	snprintf(f->uts.machine, sizeof(f->uts.machine), "x86_64");
	f->setvars[0] = (struct control_setvar){ .name = "site", .value = "\"roof, north\"", .by_default = true };
	f->setvars[1] = (struct control_setvar){ .name = "owner", .value = "udel" };
	f->v = (struct control_view){
		.now = { .wall = { S(NOW_WALL) + 250000000 }, .host = { S(NOW_WALL) }, .mono = { S(NOW_MONO) + 250000000 } },
		.start = { S(1000) }, .system = &f->system, .assocs = f->list, .nassocs = 3, .counters = &f->counters, .totals = &f->totals,
		.reset = { .sys = { S(9001) }, .io = { S(9002) }, .auth = { S(9003) }, .ctl = { S(9004) }, .timer = { S(9005) } }, .control_total = 1301, .monitor = true,
		.mru_stats = { .exists = 201, .added = 202, .recycled_old = 203, .recycled_full = 204, .none = 205, .depth = 206, .deepest = 207,
			.maxdepth = 208, .mindepth = 209, .slots = 210, .mem = 2560, .maxmem = 1048576, .maxage = 3600, .minage = 64.9 },
		.wander_threshold = 2.5e-7, .bcastdelay = -0.05, .clock_driver = "software", .kernel = &f->kernel, .savedconfig = "conf-1", .setvars = f->setvars, .nsetvars = 2, .version = "ntpd truechimer-0.1",
		.uts = &f->uts, .leapsec = { S(1483228800) }, .leap_expire = { S(1798329600) },
		.mssntp = { .serves = 11, .serves_no = 12, .serves_err = 13, .serves_good = 14, .serves_bad = 15, .good_wall = 1500000000,
		    .good_slowest = 250000, .bad_wall = 16000, .bad_slowest = 17000 },
		.mssntp_total = { .serves = 21, .serves_no = 22, .serves_err = 23, .serves_good = 24, .serves_bad = 25, .good_wall = 2500000000,
		    .good_slowest = 350000, .bad_wall = 26000, .bad_slowest = 27000 },
		.count = { .control = 301, .io_received = 302, .io_sent = 303, .io_sendfailed = 304, .io_dropped = 305, .io_ignored = 306,
			.io_wakeups = 307, .io_goodwakeups = 308, .io_pkt_reads = 309, .io_ref_reads = 310, .rbuf_total = 311, .rbuf_free = 312,
			.rbuf_used = 313, .rbuf_lowater = 314, .timer_overruns = 315, .timer_xmts = 316, .authkeys = 317, .authfreek = 318,
			.authklookups = 319, .authknotfound = 320, .authencrypts = 321, .authdecrypts = 322, .authdigestencrypts = 323,
			.authdigestdecrypts = 324, .authdigestfails = 325, .authcmacencrypts = 326, .authcmacdecrypts = 327, .authcmacfails = 328 },
		.nts = { .client = { 401, 402, 403 }, .warden = { 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415 },
			.ke = { .good = { 416, 1.5, 0.25 }, .bad = { 417, 2.5, 0.125 }, .nossl = { 418, 3.5, 0.0625 } }, .probes = { 419, 420 } },
		.nts_total = { .client = { 1401, 1402, 1403 }, .warden = { 1404, 1405, 1406, 1407, 1408, 1409, 1410, 1411, 1412, 1413, 1414, 1415 },
			.ke = { .good = { 1416, 11.5, 10.25 }, .bad = { 1417, 12.5, 10.125 }, .nossl = { 1418, 13.5, 10.0625 } }, .probes = { 1419, 1420 } },
	};
}

#endif
