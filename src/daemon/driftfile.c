/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and atomically replaces the drift file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/driftfile.h"

#define LINE_LEN	64	/* octets looked at: far more than a number needs */
#define PPM_MAX		500.0

static enum drift_err
parse(const char *line, double *freq)
{
	char *end;
	double ppm = strtod(line, &end);

	if (end == line || !isfinite(ppm) || fabs(ppm) > PPM_MAX || (*end != '\0' && strchr(" \t\r\n", *end) == NULL))
		return DRIFT_GARBAGE;
	*freq = ppm * 1e-6;
	return DRIFT_OK;
}

enum drift_err
driftfile_read(const char *path, double *freq)
{
	char line[LINE_LEN + 1];
	ssize_t n;
	int saved, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return errno == ENOENT ? DRIFT_ABSENT : DRIFT_UNREADABLE;
	n = read(fd, line, LINE_LEN);
	saved = errno;
	close(fd);
	errno = saved;
	if (n == -1)
		return DRIFT_UNREADABLE;
	line[n] = '\0';
	return parse(line, freq);
}

static int
write_all(int fd, const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, s, len);

		if (n == -1)
			return -1;
		s += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

int
driftfile_write(const char *path, double freq)
{
	char temp[PATH_MAX], line[LINE_LEN];
	int fd = -1, saved, result = -1;

	if (snprintf(temp, sizeof(temp), "%s.TEMP", path) >= (int)sizeof(temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* Left over from a crash, or put there by somebody: either way not ours to write through. */
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd == -1)
		return -1;
	snprintf(line, sizeof(line), "%.6f\n", freq * 1e6);
	if (write_all(fd, line, strlen(line)) == 0)
		result = rename(temp, path);
	saved = errno;
	close(fd);
	if (result == -1)
		unlink(temp);
	errno = saved;
	return result;
}

bool
driftfile_due(double freq, double on_file, double *threshold)
{
	if (fabs(freq - on_file) >= *threshold)
		return true;
	*threshold /= 2;
	return false;
}
