/* SPDX-License-Identifier: BSD-2-Clause */
/* ntpkeygen: writes a keys file of fresh random keys, for ntpd and those that are to trust it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/must_use.h"
#include "base/random.h"
#include "base/time.h"
#include "vars.h"
#include "version.h"

#define KEY_ID_MAX	65535	/* of symmetric keys; ids above belonged to Autokey */
#define KEYS_EACH	10	/* of each type, as generators before this one made */
#define LINK_NAME	"ntp.keys"
#define HOST_LEN	65
#define NAME_LEN	(HOST_LEN + 40)

static const char help[] =
    "usage: ntpkeygen [-hMV] [-f ID] [-g GROUP] [-n N] [-o FILE]\n\n"
    "  -f, --first=ID      id of the first key (1)\n"
    "  -g, --group=GROUP   let this group read the file (mode 0640 instead of 0600)\n"
    "  -M, --md5key        accepted for the sake of old scripts: symmetric keys are what is made anyway\n"
    "  -n, --number=N      how many keys of each type (10)\n"
    "  -o, --output=FILE   write this file, and make no link\n"
    "  -h, --help          print this and exit (-? too)\n"
    "  -V, --version       print the version and exit\n\n"
    "Writes ntpkey_AES_HOST.TIME with AES-CMAC and SHA1 keys into the current directory, and makes ntp.keys a link to it.\n";

/* AES-CMAC is what RFC 8573 wants; SHA1 is for peers that know no better.  Secrets are as long as the key or digest. */
static const struct { const char *word; size_t len; } types[] = { { "AES128CMAC", 16 }, { "SHA1", 20 } };

struct wish {
	const char	*output;	/* NULL = a name of our making, and the link */
	const char	*group;
	unsigned long	 first, number;
};

static bool
complain(const char *path, const char *what)
{
	fprintf(stderr, "ntpkeygen: %s: %s: %s\n", path, what, strerror(errno));
	return false;
}

/* The machine's name, with nothing in it that a file name should not have. */
static void
host_name(char host[static HOST_LEN])
{
	if (gethostname(host, HOST_LEN) != 0 || host[0] == '\0')
		snprintf(host, HOST_LEN, "localhost");
	host[HOST_LEN - 1] = '\0';
	for (char *c = host; *c != '\0'; c++) {
		if (*c == '/' || *c <= ' ' || *c >= 0x7f)
			*c = '_';
	}
}

static void
put_secret(FILE *f, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t r = random_u64();

		for (size_t k = i; k < len && k < i + sizeof(r); k++, r >>= 8)
			fprintf(f, "%02x", (unsigned)(r & 0xff));
	}
}

static void
put_keys(FILE *f, const char *path, const struct wish *w)
{
	const char *slash = strrchr(path, '/');
	time_t now = time(NULL);
	unsigned long id = w->first;
	char date[40] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(f, "# %s\n# %s\n", slash != NULL ? slash + 1 : path, date);
	for (size_t t = 0; t < NELEMS(types); t++) {
		for (unsigned long i = 0; i < w->number; i++) {
			fprintf(f, "%lu %s ", id++, types[t].word);
			put_secret(f, types[t].len);
			putc('\n', f);
		}
	}
}

/* Who may read it is settled before there is anything to read. */
static bool
set_readers(int fd, const char *path, const char *name)
{
	const struct group *g = name == NULL ? NULL : getgrnam(name);

	if (name != NULL && g == NULL) {
		fprintf(stderr, "ntpkeygen: there is no group %.40s\n", name);
		return false;
	}
	if (g != NULL && fchown(fd, (uid_t)-1, g->gr_gid) == -1)
		return complain(path, "cannot be given to the group");
	return fchmod(fd, g != NULL ? 0640 : 0600) == 0 || complain(path, "mode cannot be set");
}

/* Makes the file, which must not be there yet; a failure leaves none behind. */
static bool
write_file(const char *path, const struct wish *w)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f = NULL;
	bool ok = false;

	if (fd == -1)
		return complain(path, "cannot be made");
	if (!set_readers(fd, path, w->group))
		goto out;
	f = fdopen(fd, "w");
	if (f == NULL) {
		complain(path, "cannot be written");
		goto out;
	}
	put_keys(f, path, w);
	ok = fflush(f) == 0 && !ferror(f) && fsync(fd) == 0;
	if (!ok)
		complain(path, "cannot be written");
out:
	/* Closes fd as well. */
	if (f != NULL ? fclose(f) != 0 : close(fd) != 0) {
		if (ok)
			complain(path, "cannot be written");
		ok = false;
	}
	if (!ok)
		unlink(path);
	return ok;
}

/* Makes ntp.keys a link to the file, in the place of an older link; a file of that name is somebody's keys. */
static bool
make_link(const char *path)
{
	struct stat st;

	if (lstat(LINK_NAME, &st) == 0 && !S_ISLNK(st.st_mode)) {
		fprintf(stderr, "ntpkeygen: " LINK_NAME " is no link and stays as it is; the keys are in %s\n", path);
		return true;
	}
	if (unlink(LINK_NAME) == -1 && errno != ENOENT)
		return complain(LINK_NAME, "cannot be replaced");
	if (symlink(path, LINK_NAME) == -1)
		return complain(LINK_NAME, "cannot be made");
	printf("%s -> %s\n", LINK_NAME, path);
	return true;
}

static bool
generate(const struct wish *w)
{
	char host[HOST_LEN], name[NAME_LEN];

	if (w->first + w->number * NELEMS(types) - 1 > KEY_ID_MAX) {
		fprintf(stderr, "ntpkeygen: the last id would be above %d\n", KEY_ID_MAX);
		return false;
	}
	if (w->output != NULL)
		return write_file(w->output, w);
	host_name(host);
	snprintf(name, sizeof(name), "ntpkey_AES_%s.%u", host, (uint32_t)(walltime_to_ntp(walltime_now()).raw >> 32));
	if (!write_file(name, w))
		return false;
	printf("%s\n", name);
	return make_link(name);
}

static bool
parse_count(const char *arg, unsigned long *n)
{
	struct varval v = { .s = arg, .len = strlen(arg) };
	unsigned long u;

	if (!varval_uint(&v, &u) || u < 1 || u > KEY_ID_MAX) {
		fprintf(stderr, "ntpkeygen: `%.40s': a number from 1 to %d is wanted\n", arg, KEY_ID_MAX);
		return false;
	}
	*n = u;
	return true;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "first", required_argument, NULL, 'f' }, { "group", required_argument, NULL, 'g' }, { "md5key", no_argument, NULL, 'M' },
		{ "number", required_argument, NULL, 'n' }, { "output", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 },
	};
	struct wish w = { .first = 1, .number = KEYS_EACH };
	bool ok = true;
	int key;

	while (ok && (key = getopt_long(argc, argv, "f:g:hMn:o:V?", longs, NULL)) != -1) {
		if (key == '?' && optopt == 0 && strcmp(argv[optind - 1], "-?") == 0)
			key = 'h';
		switch (key) {
		case 'f': ok = parse_count(optarg, &w.first); break;
		case 'g': w.group = optarg; break;
		case 'M': break;
		case 'n': ok = parse_count(optarg, &w.number); break;
		case 'o': w.output = optarg; break;
		case 'h': fputs(help, stdout); return EXIT_SUCCESS;
		case 'V': printf("ntpkeygen truechimer-%s\n", VERSION); return EXIT_SUCCESS;
		default: ok = false; break;
		}
	}
	if (!ok || optind < argc) {
		fputs(help, stderr);
		return EXIT_FAILURE;
	}
	return generate(&w) ? EXIT_SUCCESS : EXIT_FAILURE;
}
