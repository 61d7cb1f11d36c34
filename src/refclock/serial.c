/* SPDX-License-Identifier: BSD-2-Clause */
/* LOC-03: what is plugged in may be unplugged, be no terminal at all, or send anything. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "serial.h"

#define RETRY_MIN	1	/* s, until the device is looked for again; doubles up to … */
#define RETRY_MAX	64

struct serial {
	struct refclock	*clock;
	struct serial_conf conf;
	speed_t		 speed;
	int		 fd;
	struct event	*readable, *again;
	unsigned	 wait;		/* s, RETRY_MIN … RETRY_MAX */
	char		 buf[SERIAL_LINE_MAX];
	size_t		 len;
	bool		 told;		/* that it is not there */
	bool		 told_lines;	/* that it has no such lines */
};

static const struct { int baud; speed_t speed; } speeds[] = {
	{ 50, B50 }, { 75, B75 }, { 300, B300 }, { 600, B600 },
	{ 1200, B1200 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
	{ 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
};

static const tcflag_t bits[] = {
	[SERIAL_8N1] = CS8, [SERIAL_8E1] = CS8 | PARENB, [SERIAL_8O1] = CS8 | PARENB | PARODD,
	[SERIAL_7N2] = CS7 | CSTOPB, [SERIAL_7E2] = CS7 | PARENB | CSTOPB, [SERIAL_7O1] = CS7 | PARENB | PARODD,
};

static bool
speed_of(int baud, speed_t *out)
{
	for (size_t i = 0; i < NELEMS(speeds); i++) {
		if (speeds[i].baud == baud) {
			*out = speeds[i].speed;
			return true;
		}
	}
	return false;
}

/* A terminal it must be: reading a file that somebody put in its place would be reading whatever he likes. */
static int
set_up(int fd, speed_t speed, enum serial_bits frame)
{
	struct termios t;
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if (!S_ISCHR(st.st_mode)) {
		errno = ENOTTY;
		return -1;
	}
	if (tcgetattr(fd, &t) == -1)
		return -1;
	cfmakeraw(&t);
	t.c_cflag &= ~(tcflag_t)(CRTSCTS | CSTOPB | CSIZE | PARENB | PARODD);
	t.c_cflag |= CLOCAL | CREAD | bits[frame];
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (cfsetspeed(&t, speed) == -1 || tcsetattr(fd, TCSANOW, &t) == -1)
		return -1;
	return tcflush(fd, TCIFLUSH);
}

static void
try_again(struct serial *s)
{
	struct timeval tv = { .tv_sec = s->wait };

	s->wait = 2 * s->wait < RETRY_MAX ? 2 * s->wait : RETRY_MAX;
	event_add(s->again, &tv);
}

static void
lose(struct serial *s, const char *why)
{
	if (s->readable != NULL)
		event_free(s->readable);
	s->readable = NULL;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	if (!s->told)
		log_warnx("%s: %s: %s; trying again", s->clock->info.name, s->clock->device, why);
	s->told = true;
	try_again(s);
}

static void
end_line(struct serial *s, struct walltime host)
{
	size_t len = s->len;

	s->len = 0;
	if (len > 0)
		s->conf.line(s->clock, s->buf, len, host);
}

static void
take(struct serial *s, const char *p, size_t n, struct walltime host)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\r')
			end_line(s, host);
		else if (s->len < sizeof(s->buf))
			s->buf[s->len++] = p[i];
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct serial *s = arg;
	char buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));
	struct walltime host = walltime_now();

	(void)what;
	if (n > 0 && s->conf.octets != NULL)
		s->conf.octets(s->clock, (const uint8_t *)buf, (size_t)n, host);
	else if (n > 0)
		take(s, buf, (size_t)n, host);
	else if (n == 0)
		lose(s, "it has been closed");
	else if (errno != EAGAIN && errno != EINTR)
		lose(s, strerror(errno));
}

/* Where the lines cannot be set, the receiver may still have its power from elsewhere. */
static void
feed(struct serial *s)
{
	if ((s->conf.raise != 0 && !serial_set(s, s->conf.raise, true)) || (s->conf.lower != 0 && !serial_set(s, s->conf.lower, false))) {
		if (!s->told_lines)
			log_warn("%s: %s: DTR and RTS cannot be set", s->clock->info.name, s->clock->device);
		s->told_lines = true;
	}
}

static void
open_device(struct serial *s)
{
	s->len = 0;
	s->fd = open(s->clock->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (s->fd == -1 || set_up(s->fd, s->speed, s->conf.bits) == -1) {
		lose(s, strerror(errno));
		return;
	}
	feed(s);
	s->readable = event_new(s->clock->env.base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	if (s->readable == NULL || event_add(s->readable, NULL) == -1) {
		lose(s, "it cannot be waited for");
		return;
	}
	if (s->told)
		log_info("%s: %s is there", s->clock->info.name, s->clock->device);
	s->told = false;
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	open_device(arg);
}

void
serial_is_good(struct serial *s)
{
	s->wait = RETRY_MIN;
}

bool
serial_send(struct serial *s, const void *p, size_t n)
{
	return s->fd != -1 && write(s->fd, p, n) == (ssize_t)n;
}

bool
serial_set(struct serial *s, int line, bool up)
{
	return s->fd != -1 && ioctl(s->fd, up ? TIOCMBIS : TIOCMBIC, &line) == 0;
}

struct serial *
serial_open(struct refclock *c, const struct serial_conf *conf)
{
	struct serial *s;
	speed_t speed;

	if (!speed_of(conf->baud, &speed)) {
		log_warnx("%s: there is no speed of %d bits per second", c->info.name, conf->baud);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	*s = (struct serial){ .clock = c, .conf = *conf, .speed = speed, .fd = -1, .wait = RETRY_MIN };
	s->again = evtimer_new(c->env.base, on_again, s);
	if (s->again == NULL) {
		free(s);
		return NULL;
	}
	open_device(s);
	return s;
}

void
serial_close(struct serial *s)
{
	if (s == NULL)
		return;
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->fd != -1)
		close(s->fd);
	event_free(s->again);
	free(s);
}
