/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a line from the terminal, character by character, so that an interrupt leaves no terminal without echo behind. */
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "secret.h"

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, DELETE = 127 };

/* Writing to a terminal that has gone is noticed by the next read. */
static void
put(int fd, const char *s, size_t len)
{
	(void)!write(fd, s, len);
}

/* Takes the next character; true at the end of the line, *ok whether it ended well. */
static bool
take(int fd, char c, bool echo, char *buf, size_t cap, size_t *len, bool *ok)
{
	switch (c) {
	case '\r':
	case '\n':
		*ok = *len < cap;
		return true;
	case CTRL_C:
	case CTRL_D:
		return true;
	case BACKSPACE:
	case DELETE:
		if (*len > 0 && echo)
			put(fd, "\b \b", 3);
		*len -= *len > 0;
		return false;
	case CTRL_U:
		for (; *len > 0; (*len)--) {
			if (echo)
				put(fd, "\b \b", 3);
		}
		return false;
	default:
		if (*len < cap)
			buf[(*len)++] = c;
		if (echo)
			put(fd, &c, 1);
		return false;
	}
}

bool
secret_ask(const char *prompt, bool echo, char *buf, size_t cap)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, now;
	bool ok = false;
	size_t len = 0;
	char c;

	if (fd == -1)
		return false;
	if (tcgetattr(fd, &before) == -1)
		goto out;
	now = before;
	/* Interrupts come as characters. */
	now.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSAFLUSH, &now) == -1)
		goto out;
	put(fd, prompt, strlen(prompt));
	while (read(fd, &c, 1) == 1 && !take(fd, c, echo, buf, cap, &len, &ok))
		;
	put(fd, "\n", 1);
	tcsetattr(fd, TCSAFLUSH, &before);
	if (ok)
		buf[len] = '\0';
out:
	close(fd);
	return ok;
}
