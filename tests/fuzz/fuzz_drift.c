/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drift files: a frequency within what any oscillator can be off by, or none; and what was read comes back when it has been written.
 *
 * Input: the file.
 */
#include <sys/mman.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/driftfile.h"
#include "engine/discipline.h"
#include "fuzz.h"

#define ROUNDING	0.51e-12	/* s/s: six decimals of a ppm are written */

/* Linked in the place of fsync(): nothing here has to outlive a crash of the machine. */
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

/* A file of one's own to be replaced, for the process as a whole; its directory goes with the process. */
static char dir[] = "/tmp/fuzz_drift.XXXXXX";

static void
clean(void)
{
	(void)rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (mkdtemp(dir) == NULL || atexit(clean) != 0)
		abort();
	return 0;
}

static void
check_written(double freq)
{
	char path[sizeof(dir) + sizeof("/drift")];
	double again;

	snprintf(path, sizeof(path), "%s/drift", dir);
	assert(driftfile_write(path, freq) == 0 && driftfile_read(path, &again) == DRIFT_OK && fabs(again - freq) <= ROUNDING);
	assert(unlink(path) == 0 && driftfile_read(path, &again) == DRIFT_ABSENT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("drift", MFD_CLOEXEC);
	char path[40];
	double freq = 1;
	enum drift_err e;

	assert(fd != -1 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	e = driftfile_read(path, &freq);
	close(fd);
	assert(e == DRIFT_OK ? isfinite(freq) && fabs(freq) <= FREQ_MAX + ROUNDING : e == DRIFT_GARBAGE && freq == 1);
	if (e == DRIFT_OK)
		check_written(freq);
	return 0;
}
