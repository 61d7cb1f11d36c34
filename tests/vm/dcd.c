/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded before the emulator: the serial lines that it opens carry, on their DCD, a pulse that begins with each second of this machine's clock.  The
 * emulator asks for the lines of its port a hundred times a second, so the pulse comes up to 10 ms late; a pseudo terminal by itself has no such lines.
 */
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PULSE_NS	200000000

int
ioctl(int fd, unsigned long request, ...)
{
	struct timespec now;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == TIOCMGET && isatty(fd)) {
		clock_gettime(CLOCK_REALTIME, &now);
		*(int *)arg = TIOCM_CTS | TIOCM_DSR | (now.tv_nsec < PULSE_NS ? TIOCM_CAR : 0);
		return 0;
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}
