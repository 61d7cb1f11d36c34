/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tests' own view of an emulated machine's clock: ask a server for the time, show the kernel's clock
 * state, and disturb the clock on purpose.  It shares no code with the daemon it judges.
 *
 * It runs only where the kernel command line says "truechimer.vm": never on the machine that hosts the test.
 * Offsets are server minus us, in seconds: positive means our clock is slow.
 */
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timex.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/tty.h>

#define NTP_PORT	123
#define HEADER		48		/* RFC 5905 section 7.3: octets before extension fields */
#define UNIX_EPOCH	2208988800UL	/* 1970 in seconds since 1900 */
#define QUERIES		8		/* the one with the least delay counts */
#define FREQ_PPM	65536.0		/* timex.freq: 16 fraction bits of a ppm */

struct answer {
	double	offset;		/* seconds, server minus us */
	double	delay;		/* seconds, round trip */
	int	stratum;
	int	leap;
};

struct command {
	const char	*name;
	const char	*argument;	/* NULL: takes none */
	int		(*run)(const char *);
};

/* The system clock as 32.32 fixed point since 1900, era 0: enough until 2036, and its low bits wrap after. */
static uint64_t
ntp_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		err(2, "clock_gettime");
	return ((uint64_t)ts.tv_sec + UNIX_EPOCH) << 32 | ((uint64_t)ts.tv_nsec << 32) / 1000000000;
}

static uint64_t
get64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static double
diff(uint64_t a, uint64_t b)
{
	return 0x1p-32 * (double)(int64_t)(a - b);
}

/* Reads until the answer to the request with this random origin comes, or the socket's time runs out. */
static bool
receive(int fd, const uint8_t *nonce, uint64_t sent, struct answer *out)
{
	uint8_t buf[512];
	uint64_t now, rec, xmt;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, 0)) >= 0) {
		now = ntp_now();
		if (n < HEADER || (buf[0] & 7) != 4 || memcmp(buf + 24, nonce, 8) != 0)
			continue;
		rec = get64(buf + 32);
		xmt = get64(buf + 40);
		out->offset = (diff(rec, sent) + diff(xmt, now)) / 2;
		out->delay = diff(now, sent) - diff(xmt, rec);
		out->stratum = buf[1];
		out->leap = buf[0] >> 6;
		return true;
	}
	return false;
}

static bool
query(const struct sockaddr_in *to, struct answer *out)
{
	const struct timeval limit = { .tv_sec = 1 };
	uint8_t pkt[HEADER] = { 4 << 3 | 3 };	/* version 4, client */
	uint64_t sent;
	bool ok = false;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(2, "socket");
	if (getrandom(pkt + 40, 8, 0) != 8)
		err(2, "getrandom");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1)
		err(2, "SO_RCVTIMEO");
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0) {
		sent = ntp_now();
		if (send(fd, pkt, sizeof pkt, 0) == (ssize_t)sizeof pkt)
			ok = receive(fd, pkt + 40, sent, out);
	}
	close(fd);
	return ok;
}

static int
run_offset(const char *address)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(NTP_PORT) };
	struct answer best = { 0 }, a;
	int answers = 0;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", address);
	for (int i = 0; i < QUERIES; i++) {
		if (query(&to, &a) && (answers++ == 0 || a.delay < best.delay))
			best = a;
		if (i == 1 && answers == 0)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (answers == 0)
		errx(1, "%s: no answer", address);
	printf("{\"offset\": %.9f, \"delay\": %.9f, \"stratum\": %d, \"leap\": %d, \"answers\": %d}\n",
	    best.offset, best.delay, best.stratum, best.leap, answers);
	return 0;
}

/*
 * CLOCK_REALTIME less CLOCK_MONOTONIC: both follow every change of frequency, only the first follows a step.  So it
 * moves by exactly what was stepped.  Of some readings the least hurried on the way counts.
 */
static double
stepped(void)
{
	double least = HUGE_VAL, value = 0;

	for (int i = 0; i < QUERIES; i++) {
		struct timespec a, r, b;
		double took;

		if (clock_gettime(CLOCK_MONOTONIC, &a) == -1 || clock_gettime(CLOCK_REALTIME, &r) == -1
		    || clock_gettime(CLOCK_MONOTONIC, &b) == -1)
			err(2, "clock_gettime");
		took = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
		if (took < least) {
			least = took;
			value = (double)(r.tv_sec - a.tv_sec) + 1e-9 * (double)(r.tv_nsec - a.tv_nsec) - took / 2;
		}
	}
	return value;
}

static int
run_timex(const char *unused)
{
	struct timex tx = { 0 };
	int state = adjtimex(&tx);

	(void)unused;
	if (state == -1)
		err(2, "adjtimex");
	printf("{\"state\": %d, \"status\": %d, \"unsync\": %s, \"offset\": %.9f, \"freq_ppm\": %.6f, "
	    "\"maxerror\": %.6f, \"esterror\": %.6f, \"constant\": %ld, \"tick\": %ld, \"tai\": %d, \"stepped\": %.9f, "
	    "\"now\": %.6f}\n",
	    state, tx.status, tx.status & STA_UNSYNC ? "true" : "false",
	    (double)tx.offset * (tx.status & STA_NANO ? 1e-9 : 1e-6), (double)tx.freq / FREQ_PPM,
	    (double)tx.maxerror * 1e-6, (double)tx.esterror * 1e-6, tx.constant, tx.tick, tx.tai, stepped(),
	    (double)tx.time.tv_sec + (double)tx.time.tv_usec * (tx.status & STA_NANO ? 1e-9 : 1e-6));
	return 0;
}

static double
number(const char *s)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end != '\0' || !isfinite(v))
		errx(2, "%s: not a number", s);
	return v;
}

static int
run_shift(const char *seconds)
{
	double v = number(seconds), whole = floor(v);
	struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };

	tx.time.tv_sec = (time_t)whole;
	tx.time.tv_usec = (suseconds_t)((v - whole) * 1e9);	/* ns, because of ADJ_NANO */
	if (adjtimex(&tx) == -1)
		err(2, "ADJ_SETOFFSET");
	return 0;
}

static int
run_freq(const char *ppm)
{
	struct timex tx = { .modes = ADJ_FREQUENCY };

	tx.freq = lrint(number(ppm) * FREQ_PPM);
	if (adjtimex(&tx) == -1)
		err(2, "ADJ_FREQUENCY");
	return 0;
}

/* Has the kernel stamp the pulses on DCD of a serial line, for as long as this runs. */
static int
run_pulse(const char *device)
{
	int discipline = N_PPS, fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK);

	if (fd == -1 || ioctl(fd, TIOCSETD, &discipline) == -1)
		err(2, "%s", device);
	for (;;)
		pause();
}

static bool
in_test_machine(void)
{
	char line[1024] = "";
	FILE *f = fopen("/proc/cmdline", "re");
	bool yes;

	if (f == NULL)
		return false;
	yes = fgets(line, sizeof line, f) != NULL && strstr(line, "truechimer.vm") != NULL;
	(void)fclose(f);
	return yes;
}

int
main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "offset",	"ADDRESS",	run_offset },
		{ "timex",	NULL,		run_timex },
		{ "shift",	"SECONDS",	run_shift },
		{ "freq",	"PPM",		run_freq },
		{ "pulse",	"DEVICE",	run_pulse },
	};

	if (!in_test_machine())
		errx(2, "this is not one of the test's emulated machines");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		const struct command *c = &commands[i];

		if (argc >= 2 && strcmp(argv[1], c->name) == 0 && argc == (c->argument != NULL ? 3 : 2))
			return c->run(argv[2]);
	}
	errx(2, "usage: vmclock offset ADDRESS | timex | shift SECONDS | freq PPM | pulse DEVICE");
}
