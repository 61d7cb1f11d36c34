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
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/privilege.h"

#define NAME_LEN	128

#define KEPT_MAX	3

struct kept {
	cap_value_t	cap[KEPT_MAX];
	int		n;
};

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

static bool
has_cap(cap_value_t cap)
{
	cap_t have = cap_get_proc();
	cap_flag_value_t on = CAP_CLEAR;

	if (have != NULL) {
		if (cap_get_flag(have, cap, CAP_PERMITTED, &on) == -1)
			on = CAP_CLEAR;
		cap_free(have);
	}
	return on == CAP_SET;
}

/* Nobody below us may ever have more than we keep.  Who may not change the set has been given one by somebody who may. */
static bool
shrink_bounding_set(const struct kept *k)
{
	if (!has_cap(CAP_SETPCAP))
		return true;
	/* The kernel's last capability may be a later one than our headers'. */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++) {
		bool keep = false;

		for (int i = 0; i < k->n; i++)
			keep |= k->cap[i] == cap;
		if (!keep && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1) {
			log_err("capability %d cannot be taken from the bounding set", cap);
			return false;
		}
	}
	return true;
}

/* Is there nothing in this set but what is kept? */
static bool
has_only(cap_flag_t set, const struct kept *k)
{
	cap_t have = cap_get_proc();
	cap_flag_value_t on = CAP_SET;
	bool only = have != NULL;

	for (int cap = 0; only && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++) {
		bool kept = false;

		for (int i = 0; i < k->n; i++)
			kept |= k->cap[i] == cap;
		only = kept || (cap_get_flag(have, cap, set, &on) == 0 && on == CAP_CLEAR);
	}
	if (have != NULL)
		cap_free(have);
	return only;
}

/*
 * A service manager that has given us exactly what we keep may have forbidden the call that changes it (systemd counts that call as exposure).  What is
 * inheritable then stays so: with no_new_privs nothing that is started gets any of it.
 */
static bool
is_kept_already(const struct kept *k)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != -1 && has_only(CAP_PERMITTED, k) && has_only(CAP_EFFECTIVE, k) &&
	    has_only(CAP_INHERITABLE, k);
}

/* What is inheritable or ambient is for programs that we start: none. */
static bool
keep_caps(const struct kept *k)
{
	cap_t caps = cap_init();
	bool ok = caps != NULL;

	/* libcap has no word for a list of none. */
	if (ok && k->n > 0)
		ok = cap_set_flag(caps, CAP_PERMITTED, k->n, k->cap, CAP_SET) == 0 && cap_set_flag(caps, CAP_EFFECTIVE, k->n, k->cap, CAP_SET) == 0;
	ok = ok && (cap_set_proc(caps) == 0 || is_kept_already(k));
	if (!ok)
		log_err("capabilities cannot be reduced");
	if (caps != NULL)
		cap_free(caps);
	return ok;
}

/* Those of the wanted that we have: a container may have withheld some, and the socket is bound already. */
static struct kept
wanted_caps(const struct privilege_plan *p, bool root)
{
	const struct { cap_value_t cap; bool want; } rows[] = {
		{ CAP_NET_BIND_SERVICE, p->bind_port },
		{ CAP_SYS_TIME, p->set_time },
		{ CAP_DAC_OVERRIDE, root && !p->set_time },	/* root without it could not write the files of others that it is told to */
	};
	struct kept k = { .n = 0 };

	for (size_t i = 0; i < NELEMS(rows); i++) {
		if (rows[i].want && has_cap(rows[i].cap))
			k.cap[k.n++] = rows[i].cap;
	}
	return k;
}

/* No group but the one: what ntp may read besides is a matter of that group. */
static bool
become(const struct identity *id)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 || setgroups(0, NULL) == -1 || setgid(id->gid) == -1 || setuid(id->uid) == -1) {
		log_err("cannot become user %s", id->name);
		return false;
	}
	return true;
}

/* The proof: neither root nor a capability comes back. */
static bool
is_final(uid_t uid)
{
	if (uid != 0 && (setuid(0) != -1 || seteuid(0) != -1)) {
		log_errx("root could be regained after becoming user %u", (unsigned)uid);
		return false;
	}
	return true;
}

/* No program started from here gains a right; nobody of the same user traces us; keys do not end up in a core file. */
static bool
harden(void)
{
	const struct rlimit none = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 || setrlimit(RLIMIT_CORE, &none) == -1) {
		log_err("the process cannot be hardened");
		return false;
	}
	return true;
}

bool
privilege_held(void)
{
	if (geteuid() == 0)
		return true;
	for (cap_value_t cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++) {
		if (has_cap(cap))
			return true;
	}
	return false;
}

bool
privilege_drop(const struct privilege_plan *p)
{
	struct identity id = { .uid = geteuid() };
	struct kept k;

	if (p->user != NULL && !find_user(p->user, &id))
		return false;
	if (p->jaildir != NULL && !enter_jail(p->jaildir))
		return false;
	if (p->emptydir != NULL && has_cap(CAP_SYS_CHROOT) && !enter_jail(p->emptydir))
		return false;
	k = wanted_caps(p, id.uid == 0);
	if (privilege_held() && !shrink_bounding_set(&k))
		return false;
	if (p->user != NULL && geteuid() != id.uid && !become(&id))
		return false;
	return (!privilege_held() || (keep_caps(&k) && is_final(id.uid))) && harden();
}
