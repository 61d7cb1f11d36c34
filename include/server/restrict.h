/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The restrict list: what a source address may do.
 *
 * Entries are ordered by descending address, then descending mask, then interface, ntpport, plain, source; the first that
 * contains the address wins alone (nothing is inherited from wider ones).  For ordinary masks that is the longest prefix;
 * masks with holes are allowed.  An ntpport entry counts only for source port 123.  Each family starts with a default entry
 * without flags (0.0.0.0/0, ::/0), which cannot be removed, so that every address finds something.
 * Ports and scopes inside rules do not count.  One owner, one thread; lookup writes hit counters.
 */
#ifndef SERVER_RESTRICT_H
#define SERVER_RESTRICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/must_use.h"

/* Access flags.  The bits are those of ntpd 4.2.8p18, because they show in mode 6 (rs.N of the MRU list). */
#define RESTRICT_IGNORE		0x0001u
#define RESTRICT_NOSERVE	0x0002u
#define RESTRICT_NOTRUST	0x0004u
#define RESTRICT_VERSION	0x0008u
#define RESTRICT_NOPEER		0x0010u
#define RESTRICT_NOEPEER	0x0020u
#define RESTRICT_LIMITED	0x0040u
#define RESTRICT_NOQUERY	0x0080u
#define RESTRICT_NOMODIFY	0x0100u
#define RESTRICT_NOTRAP		0x0200u
#define RESTRICT_LOWPRIOTRAP	0x0400u
#define RESTRICT_KOD		0x0800u
#define RESTRICT_MSSNTP		0x1000u
#define RESTRICT_FLAKE		0x2000u
#define RESTRICT_NOMRULIST	0x4000u
#define RESTRICT_FUZZ		0x8000u

enum restrict_word {
	RESTRICT_SETS,		/* sets bit */
	RESTRICT_CLEARS,	/* clears bit: the opposite of another word */
	RESTRICT_NTPPORT,	/* no bit: sets ntpport of the rule */
};

#define RESTRICT_FLAKE_ONE_IN	10	/* time packets, of which flake drops one */

/* One word of a restrict line.  The parser, the printers and the tests read this table. */
struct restrict_flag {
	const char		*name;		/* as written; "serverresponse fuzz" is two words of the file */
	enum restrict_word	word;
	unsigned		bit;		/* RESTRICT_…, 0 for ntpport */
	bool			effect;		/* false: accepted, does nothing */
	const char		*absent;	/* what reslist says where the flag is not set, or NULL */
	const char		*prose;
};
extern const struct restrict_flag restrict_flags[];
extern const size_t restrict_flags_len;

/* The row of that name, case as in the file; NULL if there is none. */
const struct restrict_flag *restrict_flag_find(const char *name);

#define IPPEERLIMIT_NONE	(-1)	/* no limit, the default */
#define IPPEERLIMIT_MAX		100

struct restrict_rule {
	unsigned	flags;		/* RESTRICT_… */
	int		ippeerlimit;	/* IPPEERLIMIT_NONE … IPPEERLIMIT_MAX: associations that strangers of this range may mobilise */
	bool		ntpport;	/* for source port 123 only */
	bool		interface;	/* built in: one of our own addresses */
	bool		source;		/* built in: made from the template for an association */
	struct addr	addr, mask;	/* of one family; address bits outside the mask are cleared on adding */
};

/* Fills addr and mask for the default entry of a family, or for one host; nothing else is touched. */
void restrict_rule_default(struct restrict_rule *r, int family);
void restrict_rule_host(struct restrict_rule *r, const struct addr *host);

struct restrict_entry {
	uint64_t		hits;
	struct restrict_rule	rule;
};

struct restrict_list;

MUST_USE struct restrict_list *restrict_new(void);
void restrict_free(struct restrict_list *l);

/*
 * For several threads, each gets a copy: what matches what is the same, hits begin at 0, and it is made ready so that the first lookup finds nothing to be
 * done.  NULL with errno.  restrict_collect adds a copy's hits to those of the entries it was made of, as far as they are still there, and zeroes them.
 */
MUST_USE struct restrict_list *restrict_copy(const struct restrict_list *l);
void restrict_collect(struct restrict_list *l, struct restrict_list *copy);

/* l becomes what was made of a copy of it, with the hits of the entries that are still there; copy is freed.  Cannot fail. */
void restrict_replace(struct restrict_list *l, struct restrict_list *copy);

/* A number that changes whenever an entry or the template does, so that whoever has copies knows. */
uint64_t restrict_edition(const struct restrict_list *l);

/*
 * Adds a rule.  If the same address, mask, ntpport, interface and source is there already, its flags are OR-ed into that one and its
 * ippeerlimit is dropped, except that a default entry takes the first one given.  -1 with errno (ENOMEM; EINVAL: families differ).
 */
MUST_USE int restrict_add(struct restrict_list *l, const struct restrict_rule *r);

/* Removes the entry of that address, mask, ntpport, interface and source; a default entry only loses its flags.  False if there is none. */
bool restrict_remove(struct restrict_list *l, const struct restrict_rule *r);

/* Clears the flags that r->flags names in the entry that restrict_remove would remove.  False if there is none. */
bool restrict_clear(struct restrict_list *l, const struct restrict_rule *r);

/* The entry in force for packets from this address and port, its hits counted.  Never NULL; valid until the list changes.  src has family 4 or 6. */
const struct restrict_entry *restrict_lookup(struct restrict_list *l, const struct addr *src);

/*
 * The flag by which a reply to a request of ours is dropped, as ntpd drops it, or NULL.  version is that of the reply; secured: it only counts if it is
 * rightly signed; chance: random bits.  Only ignore, noserve, notrust, version and flake are about replies: what is limited are requests.
 */
const struct restrict_flag *restrict_bars_reply(unsigned flags, uint8_t version, bool secured, uint32_t chance);

/* restrict source: flags and ippeerlimit for associations to come (OR-ed over several lines; addresses are ignored).  false removes the template. */
void restrict_source_template(struct restrict_list *l, bool on, const struct restrict_rule *r);

/* An association with this address appears or goes.  Without a template nothing happens.  Calls for one address count up and down. */
MUST_USE int restrict_source_add(struct restrict_list *l, const struct addr *a);
void restrict_source_remove(struct restrict_list *l, const struct addr *a);

/* Our own addresses: whoever sends from one of them and from port 123 is an impostor and is ignored.  Replaces the previous set.  -1 with errno: unchanged. */
MUST_USE int restrict_interfaces(struct restrict_list *l, const struct addr own[], size_t n);

/* Whether any entry, or the template, has one of these flags. */
bool restrict_uses(const struct restrict_list *l, unsigned flags);

/* Entries of a family in matching order (most specific first, the default last). */
size_t restrict_count(const struct restrict_list *l, int family);
const struct restrict_entry *restrict_at(const struct restrict_list *l, int family, size_t i);

#endif
