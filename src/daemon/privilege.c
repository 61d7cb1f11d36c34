/* SPDX-License-Identifier: BSD-2-Clause */
/* Drops privileges, in the order in which each step can still be taken. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/privilege.h"

#define NAME_LEN	128

struct identity {
	char	name[NAME_LEN];
	uid_t	uid;
	gid_t	gid;
};

static bool
parse_number(const char *s, unsigned *v)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end != '\0' || n > INT32_MAX)
		return false;
	*v = (unsigned)n;
	return true;
}

static bool
find_group(const char *name, gid_t *gid)
{
	const struct group *gr = getgrnam(name);

	if (gr != NULL)
		*gid = gr->gr_gid;
	else if (!parse_number(name, gid)) {
		log_errx("group %s is unknown: not running without dropping privileges", name);
		return false;
	}
	return true;
}

static bool
find_user(const char *spec, struct identity *id)
{
	const char *colon = strchr(spec, ':');
	size_t len = colon == NULL ? strlen(spec) : (size_t)(colon - spec);
	const struct passwd *pw;
	unsigned number = 0;

	if (len >= sizeof(id->name))
		len = sizeof(id->name) - 1;
	memcpy(id->name, spec, len);
	id->name[len] = '\0';
	pw = getpwnam(id->name);
	if (pw == NULL && parse_number(id->name, &number))
		pw = getpwuid(number);
	if (pw == NULL && (number == 0 || colon == NULL)) {
		log_errx("user %s is unknown: not running without dropping privileges", id->name);
		return false;
	}
	id->uid = pw != NULL ? pw->pw_uid : number;
	id->gid = pw != NULL ? pw->pw_gid : number;
	return colon == NULL || find_group(colon + 1, &id->gid);
}

static bool
enter_jail(const char *dir)
{
	if (chroot(dir) == -1 || chdir("/") == -1) {
		log_err("root cannot be changed to %s", dir);
		return false;
	}
	return true;
}

/* Nobody below us may ever have more than we keep. */
static void
shrink_bounding_set(const cap_value_t *keep, int n)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool kept = false;

		for (int i = 0; i < n; i++)
			kept |= keep[i] == cap;
		if (!kept && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1 && errno != EINVAL && errno != EPERM)
			log_warn("capability %d stays in the bounding set", cap);
	}
}

static bool
keep_caps(const cap_value_t *keep, int n)
{
	cap_t caps = cap_init();
	bool ok = caps != NULL && cap_set_flag(caps, CAP_PERMITTED, n, keep, CAP_SET) == 0
	    && cap_set_flag(caps, CAP_EFFECTIVE, n, keep, CAP_SET) == 0 && cap_set_proc(caps) == 0;

	if (!ok)
		log_err("capabilities cannot be reduced");
	if (caps != NULL)
		cap_free(caps);
	return ok;
}

/* Those of the wanted that we have: a container may have withheld some, and the socket is bound already. */
static int
wanted_caps(cap_value_t keep[static 2], bool set_time)
{
	static const cap_value_t want[] = { CAP_NET_BIND_SERVICE, CAP_SYS_TIME };
	cap_t have = cap_get_proc();
	cap_flag_value_t on;
	int n = 0;

	for (int i = 0; i < (set_time ? 2 : 1) && have != NULL; i++) {
		if (cap_get_flag(have, want[i], CAP_PERMITTED, &on) == 0 && on == CAP_SET)
			keep[n++] = want[i];
	}
	if (have != NULL)
		cap_free(have);
	return n;
}

static bool
become(const struct identity *id)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 || initgroups(id->name, id->gid) == -1 || setgid(id->gid) == -1 || setuid(id->uid) == -1) {
		log_err("cannot become user %s", id->name);
		return false;
	}
	if (id->uid != 0 && setuid(0) != -1) {
		log_errx("root could be regained after becoming user %s", id->name);
		return false;
	}
	return true;
}

bool
privilege_drop(const char *user, const char *jaildir, bool set_time)
{
	struct identity id;
	cap_value_t keep[2];
	int n = wanted_caps(keep, set_time);

	if (user != NULL && !find_user(user, &id))
		return false;
	if (jaildir != NULL && !enter_jail(jaildir))
		return false;
	if (user != NULL && geteuid() != id.uid) {
		shrink_bounding_set(keep, n);
		if (!become(&id) || !keep_caps(keep, n))
			return false;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		log_warn("no_new_privs cannot be set");
	return true;
}
