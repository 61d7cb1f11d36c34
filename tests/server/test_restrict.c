/* SPDX-License-Identifier: BSD-2-Clause */
/* Restrict: matching order, merging, templates, and a comparison with the definition taken literally. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "server/restrict.h"

static struct addr
addr(const char *s)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, s, 0), "%s", s);
	a.port = 40000;
	return a;
}

static struct addr
addr_from_port(const char *s, uint16_t port)
{
	struct addr a = addr(s);

	a.port = port;
	return a;
}

static struct restrict_rule
rule(const char *ip, const char *mask, unsigned flags)
{
	return (struct restrict_rule){ .addr = addr(ip), .mask = addr(mask), .flags = flags, .ippeerlimit = IPPEERLIMIT_NONE };
}

static struct restrict_rule
prefix(const char *ip, unsigned bits, unsigned flags)
{
	struct restrict_rule r = { .addr = addr(ip), .flags = flags, .ippeerlimit = IPPEERLIMIT_NONE };

	addr_mask_bits(&r.mask, r.addr.family, bits);
	return r;
}

static void
add(struct restrict_list *l, struct restrict_rule r)
{
	ck_assert_int_eq(restrict_add(l, &r), 0);
}

static unsigned
flags_of(struct restrict_list *l, const char *ip)
{
	struct addr a = addr(ip);

	return restrict_lookup(l, &a)->rule.flags;
}

static unsigned
flags_from_ntp(struct restrict_list *l, const char *ip)
{
	struct addr a = addr_from_port(ip, 123);

	return restrict_lookup(l, &a)->rule.flags;
}

START_TEST(an_empty_list_lets_everybody_do_everything)
{
	struct restrict_list *l = restrict_new();

	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), 0);
	ck_assert_uint_eq(flags_of(l, "255.255.255.255"), 0);
	ck_assert_uint_eq(flags_of(l, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
	ck_assert_uint_eq(restrict_count(l, 4), 1);
	ck_assert_uint_eq(restrict_count(l, 6), 1);
	restrict_free(l);
}
END_TEST

START_TEST(the_longest_prefix_wins_in_any_order_and_alone)
{
	for (int order = 0; order < 2; order++) {
		struct restrict_list *l = restrict_new();

		for (int i = 0; i < 3; i++)
			switch (order == 0 ? i : 2 - i) {
			case 0: add(l, prefix("0.0.0.0", 0, RESTRICT_NOQUERY)); break;
			case 1: add(l, prefix("192.0.2.0", 24, RESTRICT_NOSERVE)); break;
			case 2: add(l, prefix("192.0.2.7", 32, 0)); break;
			}
		ck_assert_uint_eq(flags_of(l, "192.0.1.255"), RESTRICT_NOQUERY);
		ck_assert_uint_eq(flags_of(l, "192.0.2.0"), RESTRICT_NOSERVE);
		ck_assert_uint_eq(flags_of(l, "192.0.2.6"), RESTRICT_NOSERVE);
		ck_assert_uint_eq(flags_of(l, "192.0.2.7"), 0);
		ck_assert_uint_eq(flags_of(l, "192.0.2.8"), RESTRICT_NOSERVE);
		ck_assert_uint_eq(flags_of(l, "192.0.2.255"), RESTRICT_NOSERVE);
		ck_assert_uint_eq(flags_of(l, "192.0.3.0"), RESTRICT_NOQUERY);
		restrict_free(l);
	}
}
END_TEST

START_TEST(odd_prefix_lengths_meet_exactly_their_ranges)
{
	struct restrict_list *l = restrict_new();

	add(l, prefix("128.0.0.0", 1, RESTRICT_IGNORE));
	add(l, prefix("192.0.2.2", 31, RESTRICT_NOTRUST));
	add(l, prefix("2001:db8::2", 127, RESTRICT_NOSERVE));
	add(l, prefix("8000::", 1, RESTRICT_IGNORE));
	add(l, prefix("2001:db8:0:0:8000::", 65, RESTRICT_LIMITED));
	add(l, prefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128, RESTRICT_KOD));
	ck_assert_uint_eq(flags_of(l, "127.255.255.255"), 0);
	ck_assert_uint_eq(flags_of(l, "128.0.0.0"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "192.0.2.2"), RESTRICT_NOTRUST);
	ck_assert_uint_eq(flags_of(l, "192.0.2.3"), RESTRICT_NOTRUST);
	ck_assert_uint_eq(flags_of(l, "192.0.2.4"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "255.255.255.255"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "2001:db8::1"), 0);
	ck_assert_uint_eq(flags_of(l, "2001:db8::2"), RESTRICT_NOSERVE);
	ck_assert_uint_eq(flags_of(l, "2001:db8::3"), RESTRICT_NOSERVE);
	ck_assert_uint_eq(flags_of(l, "2001:db8::4"), 0);
	ck_assert_uint_eq(flags_of(l, "2001:db8::7fff:ffff:ffff:ffff"), 0);
	ck_assert_uint_eq(flags_of(l, "2001:db8::8000:0:0:0"), RESTRICT_LIMITED);
	ck_assert_uint_eq(flags_of(l, "2001:db8:0:0:ffff:ffff:ffff:ffff"), RESTRICT_LIMITED);
	ck_assert_uint_eq(flags_of(l, "2001:db8:0:1::"), 0);
	ck_assert_uint_eq(flags_of(l, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), RESTRICT_KOD);
	restrict_free(l);
}
END_TEST

START_TEST(a_mapped_address_is_an_ipv4_address)
{
	struct restrict_list *l = restrict_new();

	add(l, prefix("192.0.2.0", 24, RESTRICT_IGNORE));
	add(l, prefix("::", 0, RESTRICT_NOSERVE));
	ck_assert_uint_eq(flags_of(l, "::ffff:192.0.2.9"), RESTRICT_IGNORE);
	restrict_free(l);
}
END_TEST

START_TEST(address_bits_outside_the_mask_do_not_count)
{
	struct restrict_list *l = restrict_new();

	add(l, prefix("192.0.2.77", 24, RESTRICT_NOSERVE));
	add(l, prefix("192.0.2.99", 24, RESTRICT_NOQUERY));
	ck_assert_uint_eq(restrict_count(l, 4), 2);
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), RESTRICT_NOSERVE | RESTRICT_NOQUERY);
	restrict_free(l);
}
END_TEST

START_TEST(equal_entries_are_ored_and_the_first_peer_limit_stays)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("192.0.2.1", 32, RESTRICT_NOSERVE);
	struct addr a = addr("192.0.2.1");

	r.ippeerlimit = 3;
	add(l, r);
	r.ippeerlimit = 5;
	r.flags = RESTRICT_NOMODIFY;
	add(l, r);
	ck_assert_int_eq(restrict_lookup(l, &a)->rule.ippeerlimit, 3);
	ck_assert_uint_eq(restrict_lookup(l, &a)->rule.flags, RESTRICT_NOSERVE | RESTRICT_NOMODIFY);
	restrict_free(l);
}
END_TEST

START_TEST(a_default_line_adds_to_the_builtin_default)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("0.0.0.0", 0, RESTRICT_KOD);
	struct addr a = addr("192.0.2.1");

	r.ippeerlimit = 7;
	add(l, r);
	ck_assert_uint_eq(restrict_count(l, 4), 1);
	ck_assert_uint_eq(restrict_lookup(l, &a)->rule.flags, RESTRICT_KOD);
	ck_assert_int_eq(restrict_lookup(l, &a)->rule.ippeerlimit, 7);
	ck_assert_uint_eq(flags_of(l, "2001:db8::1"), 0);
	restrict_free(l);
}
END_TEST

START_TEST(an_ntpport_entry_comes_first_but_for_port_123_only)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("192.0.2.0", 24, RESTRICT_NOSERVE);

	add(l, prefix("192.0.2.0", 24, RESTRICT_NOQUERY));
	r.ntpport = true;
	add(l, r);
	ck_assert_uint_eq(restrict_count(l, 4), 3);
	ck_assert_uint_eq(flags_of(l, "192.0.2.5"), RESTRICT_NOQUERY);
	ck_assert_uint_eq(flags_from_ntp(l, "192.0.2.5"), RESTRICT_NOSERVE);
	restrict_free(l);
}
END_TEST

START_TEST(an_ntpport_entry_alone_leaves_other_ports_to_the_wider_entries)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("192.0.2.1", 32, RESTRICT_IGNORE);

	r.ntpport = true;
	add(l, r);
	add(l, prefix("192.0.0.0", 16, RESTRICT_LIMITED));
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), RESTRICT_LIMITED);
	ck_assert_uint_eq(flags_from_ntp(l, "192.0.2.1"), RESTRICT_IGNORE);
	restrict_free(l);
}
END_TEST

START_TEST(a_mask_with_holes_matches_what_its_bits_say)
{
	struct restrict_list *l = restrict_new();

	add(l, rule("10.0.7.0", "255.0.255.0", RESTRICT_IGNORE));
	ck_assert_uint_eq(flags_of(l, "10.99.7.200"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "10.99.8.200"), 0);
	/* Higher address: first, though its mask has fewer bits. */
	add(l, prefix("10.64.0.0", 10, RESTRICT_NOSERVE));
	ck_assert_uint_eq(flags_of(l, "10.99.7.200"), RESTRICT_NOSERVE);
	ck_assert_uint_eq(flags_of(l, "10.1.7.200"), RESTRICT_IGNORE);
	restrict_free(l);
}
END_TEST

START_TEST(removing_leaves_the_default_without_flags)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("192.0.2.0", 24, RESTRICT_IGNORE), d = prefix("0.0.0.0", 0, RESTRICT_NOQUERY);

	add(l, r);
	add(l, d);
	ck_assert(restrict_remove(l, &r));
	ck_assert(!restrict_remove(l, &r));
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), RESTRICT_NOQUERY);
	ck_assert(restrict_remove(l, &d));
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), 0);
	ck_assert_uint_eq(restrict_count(l, 4), 1);
	restrict_free(l);
}
END_TEST

START_TEST(clearing_takes_only_the_flags_named)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("192.0.2.0", 24, RESTRICT_NOQUERY | RESTRICT_KOD);

	add(l, r);
	r.flags = RESTRICT_KOD | RESTRICT_IGNORE;
	ck_assert(restrict_clear(l, &r));
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), RESTRICT_NOQUERY);
	restrict_free(l);
}
END_TEST

START_TEST(families_that_differ_are_refused)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = { .addr = addr("2001:db8::1"), .mask = addr("255.255.255.0") };

	ck_assert_int_eq(restrict_add(l, &r), -1);
	ck_assert_uint_eq(restrict_count(l, 6), 1);
	restrict_free(l);
}
END_TEST

START_TEST(a_source_template_makes_an_entry_while_the_association_lives)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule t = { .flags = RESTRICT_NOMODIFY, .ippeerlimit = IPPEERLIMIT_NONE };
	struct addr a = addr("192.0.2.50");

	add(l, prefix("0.0.0.0", 0, RESTRICT_IGNORE));
	ck_assert_int_eq(restrict_source_add(l, &a), 0);
	ck_assert_uint_eq(flags_of(l, "192.0.2.50"), RESTRICT_IGNORE);
	restrict_source_template(l, true, &t);
	ck_assert_int_eq(restrict_source_add(l, &a), 0);
	ck_assert_int_eq(restrict_source_add(l, &a), 0);
	ck_assert_uint_eq(flags_of(l, "192.0.2.50"), RESTRICT_NOMODIFY);
	restrict_source_remove(l, &a);
	ck_assert_uint_eq(flags_of(l, "192.0.2.50"), RESTRICT_NOMODIFY);
	restrict_source_remove(l, &a);
	ck_assert_uint_eq(flags_of(l, "192.0.2.50"), RESTRICT_IGNORE);
	restrict_source_remove(l, &a);
	restrict_free(l);
}
END_TEST

START_TEST(a_host_entry_of_the_file_beats_the_source_template)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule t = { .flags = RESTRICT_NOMODIFY, .ippeerlimit = IPPEERLIMIT_NONE };
	struct addr a = addr("192.0.2.50");

	restrict_source_template(l, true, &t);
	ck_assert_int_eq(restrict_source_add(l, &a), 0);
	add(l, prefix("192.0.2.50", 32, RESTRICT_NOSERVE));
	ck_assert_uint_eq(flags_of(l, "192.0.2.50"), RESTRICT_NOSERVE);
	ck_assert_uint_eq(restrict_count(l, 4), 3);
	restrict_free(l);
}
END_TEST

START_TEST(whoever_claims_our_address_and_port_is_ignored)
{
	struct restrict_list *l = restrict_new();
	struct addr own[] = { addr("192.0.2.1"), addr("2001:db8::1"), addr("192.0.2.1") };
	const struct restrict_entry *e;
	struct addr a = addr_from_port("192.0.2.1", 123);

	add(l, prefix("192.0.2.1", 32, RESTRICT_NOQUERY));
	ck_assert_int_eq(restrict_interfaces(l, own, 3), 0);
	ck_assert_uint_eq(restrict_count(l, 4), 3);
	ck_assert_uint_eq(flags_from_ntp(l, "192.0.2.1"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(l, "192.0.2.1"), RESTRICT_NOQUERY);
	ck_assert_uint_eq(flags_from_ntp(l, "2001:db8::1"), RESTRICT_IGNORE);
	/* The set is replaced, and what stays keeps its hits. */
	ck_assert_int_eq(restrict_interfaces(l, own, 1), 0);
	ck_assert_uint_eq(flags_from_ntp(l, "2001:db8::1"), 0);
	e = restrict_lookup(l, &a);
	ck_assert(e->rule.interface);
	ck_assert_uint_eq(e->hits, 2);
	restrict_free(l);
}
END_TEST

START_TEST(hits_are_counted_where_they_fell)
{
	struct restrict_list *l = restrict_new();

	add(l, prefix("192.0.2.0", 24, RESTRICT_IGNORE));
	for (int i = 0; i < 5; i++)
		flags_of(l, "192.0.2.1");
	flags_of(l, "198.51.100.1");
	ck_assert_uint_eq(restrict_at(l, 4, 0)->hits, 5);
	ck_assert_uint_eq(restrict_at(l, 4, 1)->hits, 1);
	ck_assert_uint_eq(restrict_at(l, 6, 0)->hits, 0);
	restrict_free(l);
}
END_TEST

START_TEST(flags_in_use_are_found)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule t = { .flags = RESTRICT_LIMITED };

	ck_assert(!restrict_uses(l, RESTRICT_LIMITED | RESTRICT_KOD));
	restrict_source_template(l, true, &t);
	ck_assert(restrict_uses(l, RESTRICT_LIMITED));
	restrict_source_template(l, false, NULL);
	ck_assert(!restrict_uses(l, RESTRICT_LIMITED));
	add(l, prefix("2001:db8::", 32, RESTRICT_KOD));
	ck_assert(restrict_uses(l, RESTRICT_KOD));
	restrict_free(l);
}
END_TEST

START_TEST(every_word_has_one_bit_of_its_own)
{
	unsigned seen = 0;

	for (size_t i = 0; i < restrict_flags_len; i++) {
		const struct restrict_flag *f = &restrict_flags[i];

		ck_assert_ptr_eq(restrict_flag_find(f->name), f);
		ck_assert_ptr_nonnull(f->prose);
		ck_assert_int_eq(__builtin_popcount(f->bit), f->word == RESTRICT_NTPPORT ? 0 : 1);
		if (f->word == RESTRICT_SETS) {
			ck_assert_uint_eq(seen & f->bit, 0);
			seen |= f->bit;
		} else if (f->word == RESTRICT_CLEARS)
			ck_assert_uint_eq(seen & f->bit, f->bit);
	}
	ck_assert_uint_eq(seen, 0xffff);
	ck_assert_uint_eq(restrict_flag_find("KOD")->bit, 0x0800);
	ck_assert_ptr_null(restrict_flag_find("kodd"));
}
END_TEST

START_TEST(a_reply_is_dropped_by_the_flags_that_are_about_replies)
{
	static const struct { unsigned flags; uint8_t version; bool secured; uint32_t chance; const char *by; } rows[] = {
		{ 0, 4, false, 0, NULL }, { RESTRICT_IGNORE, 4, true, 1, "ignore" }, { RESTRICT_NOSERVE, 4, true, 1, "noserve" },
		{ RESTRICT_NOTRUST, 4, false, 1, "notrust" }, { RESTRICT_NOTRUST, 4, true, 1, NULL },
		{ RESTRICT_VERSION, 3, true, 1, "version" }, { RESTRICT_VERSION, 4, false, 1, NULL },
		{ RESTRICT_FLAKE, 4, false, 0, "flake" }, { RESTRICT_FLAKE, 4, false, 20, "flake" }, { RESTRICT_FLAKE, 4, false, 21, NULL },
		{ 0xffff & ~(RESTRICT_IGNORE | RESTRICT_NOSERVE | RESTRICT_NOTRUST | RESTRICT_VERSION | RESTRICT_FLAKE), 3, false, 0, NULL },
	};

	for (size_t i = 0; i < NELEMS(rows); i++) {
		const struct restrict_flag *f = restrict_bars_reply(rows[i].flags, rows[i].version, rows[i].secured, rows[i].chance);

		ck_assert_msg(rows[i].by == NULL ? f == NULL : f != NULL && strcmp(f->name, rows[i].by) == 0, "row %zu: %s", i, f == NULL ? "none" : f->name);
	}
}
END_TEST

/* --- the definition, taken literally --- */

#define ORACLE_MAX	2500

struct oracle {
	struct restrict_rule	r[ORACLE_MAX];
	size_t			n;
};

static bool
oracle_matches(const struct restrict_rule *r, const struct addr *a)
{
	if (r->addr.family != a->family || (r->ntpport && a->port != 123))
		return false;
	for (int i = 0; i < 16; i++)
		if ((a->ip[i] & r->mask.ip[i]) != r->addr.ip[i])
			return false;
	return true;
}

static int
oracle_rank(const struct restrict_rule *r)
{
	static const int ranks[3][2] = { { 3, 2 }, { 5, 4 }, { 1, 0 } };	/* plain, source, interface; without and with ntpport */

	return ranks[r->interface ? 2 : r->source ? 1 : 0][r->ntpport];
}

/* Does a come before b? */
static bool
oracle_before(const struct restrict_rule *a, const struct restrict_rule *b)
{
	int c = memcmp(a->addr.ip, b->addr.ip, 16);

	if (c == 0)
		c = memcmp(a->mask.ip, b->mask.ip, 16);
	return c != 0 ? c > 0 : oracle_rank(a) < oracle_rank(b);
}

static bool
oracle_same(const struct restrict_rule *a, const struct restrict_rule *b)
{
	return a->addr.family == b->addr.family && memcmp(a->addr.ip, b->addr.ip, 16) == 0 && memcmp(a->mask.ip, b->mask.ip, 16) == 0 &&
	    a->ntpport == b->ntpport && a->interface == b->interface && a->source == b->source;
}

static void
oracle_add(struct oracle *o, struct restrict_rule r)
{
	for (int i = 0; i < 16; i++)
		r.addr.ip[i] &= r.mask.ip[i];
	for (size_t i = 0; i < o->n; i++)
		if (oracle_same(&o->r[i], &r)) {
			o->r[i].flags |= r.flags;
			return;
		}
	ck_assert_uint_lt(o->n, ORACLE_MAX);
	o->r[o->n++] = r;
}

static const struct restrict_rule *
oracle_lookup(const struct oracle *o, const struct addr *a)
{
	const struct restrict_rule *best = NULL;

	for (size_t i = 0; i < o->n; i++)
		if (oracle_matches(&o->r[i], a) && (best == NULL || oracle_before(&o->r[i], best)))
			best = &o->r[i];
	return best;
}

/* Addresses from a small world, so that they meet; now and then from the whole one. */
static struct addr
random_addr(uint64_t *s)
{
	struct addr a = { .family = chance(s) % 2 == 0 ? 4 : 6, .port = chance(s) % 3 == 0 ? 123 : 40000 };
	static const uint8_t octets[] = { 0, 0, 1, 127, 128, 254, 255, 255 };

	for (unsigned i = 0; i < addr_len(&a); i++)
		a.ip[i] = chance(s) % 16 == 0 ? (uint8_t)chance(s) : octets[chance(s) % (i % 4 == 0 ? 2 : NELEMS(octets))];
	return a;
}

static struct restrict_rule
random_rule(uint64_t *s)
{
	struct restrict_rule r = { .addr = random_addr(s), .flags = chance(s) & 0xffff, .ippeerlimit = IPPEERLIMIT_NONE };

	r.addr.port = 0;
	if (chance(s) % 10 == 0) {
		r.mask = random_addr(s);
		r.mask.family = r.addr.family;
		if (r.mask.family == 4)
			memset(r.mask.ip + 4, 0, 12);
	} else
		addr_mask_bits(&r.mask, r.addr.family, chance(s) % (8 * addr_len(&r.addr) + 1));
	r.ntpport = chance(s) % 4 == 0;
	r.source = chance(s) % 8 == 0;
	r.interface = !r.source && chance(s) % 16 == 0;
	return r;
}

/* Half of the addresses lie in, or right beside, the range of some rule. */
static struct addr
random_probe(const struct oracle *o, uint64_t *s)
{
	const struct restrict_rule *r = &o->r[chance(s) % o->n];
	struct addr a = random_addr(s);

	if (chance(s) % 2 == 0)
		return a;
	if (a.family != r->addr.family) {
		a.family = r->addr.family;
		memset(a.ip + addr_len(&a), 0, 16 - addr_len(&a));
	}
	for (int i = 0; i < 16; i++)
		a.ip[i] = (uint8_t)((a.ip[i] & ~r->mask.ip[i]) | r->addr.ip[i]);
	if (chance(s) % 4 == 0)
		a.ip[addr_len(&a) - 1] ^= (uint8_t)(1 << chance(s) % 8);
	if (a.family == 4)
		memset(a.ip + 4, 0, 12);
	return a;
}

static void
oracle_compare(const struct oracle *o, struct restrict_list *l, int times, uint64_t *s)
{
	for (int k = 0; k < times; k++) {
		struct addr a = random_probe(o, s);
		const struct restrict_rule *want = oracle_lookup(o, &a), *got = &restrict_lookup(l, &a)->rule;
		char buf[ADDR_STR_MAX];

		ck_assert_msg(oracle_same(want, got) && want->flags == got->flags, "%s", addr_port_str(&a, buf, sizeof(buf)));
	}
}

static void
oracle_defaults(struct oracle *o)
{
	for (int family = 4; family <= 6; family += 2) {
		struct restrict_rule d = { .ippeerlimit = IPPEERLIMIT_NONE };

		restrict_rule_default(&d, family);
		oracle_add(o, d);
	}
}

static void
oracle_round(uint64_t *s)
{
	struct restrict_list *l = restrict_new();
	struct oracle o = { 0 };

	oracle_defaults(&o);
	for (int i = 0; i < 1000; i++) {
		if (i % 10 == 0 && o.n < ORACLE_MAX) {
			struct restrict_rule r = random_rule(s);

			add(l, r);
			oracle_add(&o, r);
		}
		if (i % 50 == 49) {
			size_t at = 2 + chance(s) % (o.n - 2);	/* not a default */

			ck_assert(restrict_remove(l, &o.r[at]));
			o.r[at] = o.r[--o.n];
		}
		oracle_compare(&o, l, 10, s);
	}
	restrict_free(l);
}

START_TEST(a_million_lookups_agree_with_the_definition)
{
	uint64_t s = chance_seed("restrict");

	for (int i = 0; i < 100; i++)
		oracle_round(&s);
}
END_TEST

/* An address from anywhere in 64.0.0.0/2 or 4000::/2. */
static struct addr
wide_addr(uint64_t *s)
{
	struct addr a = random_addr(s);

	for (unsigned i = 0; i < addr_len(&a); i++)
		a.ip[i] = (uint8_t)chance(s);
	a.ip[0] = 0x40 | (a.ip[0] & 0x3f);
	return a;
}

START_TEST(thousands_of_entries_are_searched_alike_with_their_index)
{
	uint64_t s = chance_seed("restrict index");
	struct restrict_list *l = restrict_new();
	struct oracle o = { 0 };
	size_t at;

	oracle_defaults(&o);
	for (int i = 0; i < 2400; i++) {
		struct restrict_rule r = random_rule(&s);

		if (i % 8 != 0) {
			r.addr = wide_addr(&s);
			r.addr.port = 0;
			addr_mask_bits(&r.mask, r.addr.family, 8 + chance(&s) % (8 * addr_len(&r.addr) - 7));
		}
		add(l, r);
		oracle_add(&o, r);
		if (i % 100 == 0)
			oracle_compare(&o, l, 200, &s);
	}
	ck_assert_uint_gt(restrict_count(l, 4), 1024);
	oracle_compare(&o, l, 10000, &s);
	for (int i = 0; i < 1500; i++) {	/* and with few of them left */
		at = 2 + chance(&s) % (o.n - 2);
		ck_assert(restrict_remove(l, &o.r[at]));
		o.r[at] = o.r[--o.n];
	}
	oracle_compare(&o, l, 10000, &s);
	restrict_free(l);
}
END_TEST

START_TEST(entries_come_in_matching_order)
{
	uint64_t s = chance_seed("restrict order");
	struct restrict_list *l = restrict_new();

	for (int i = 0; i < 300; i++)
		add(l, random_rule(&s));
	for (int family = 4; family <= 6; family += 2)
		for (size_t i = 1; i < restrict_count(l, family); i++)
			ck_assert(oracle_before(&restrict_at(l, family, i - 1)->rule, &restrict_at(l, family, i)->rule));
	restrict_free(l);
}
END_TEST

START_TEST(a_copy_matches_alike_and_gives_its_hits_back)
{
	struct restrict_list *l = restrict_new(), *copy;
	struct restrict_rule gone = prefix("203.0.113.0", 24, RESTRICT_IGNORE);
	struct addr a = addr("192.0.2.7");

	add(l, prefix("192.0.2.0", 24, RESTRICT_LIMITED));
	add(l, prefix("2001:db8::", 32, RESTRICT_NOQUERY));
	add(l, rule("10.0.0.5", "255.0.0.255", RESTRICT_KOD));
	add(l, gone);
	flags_of(l, "192.0.2.7");
	copy = restrict_copy(l);
	ck_assert_ptr_nonnull(copy);
	ck_assert_uint_eq(restrict_edition(copy), restrict_edition(l));
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(flags_of(copy, "192.0.2.9"), RESTRICT_LIMITED);
	ck_assert_uint_eq(flags_of(copy, "10.1.2.5"), RESTRICT_KOD);
	ck_assert_uint_eq(flags_of(copy, "2001:db8::1"), RESTRICT_NOQUERY);
	ck_assert_uint_eq(flags_of(copy, "203.0.113.1"), RESTRICT_IGNORE);
	ck_assert_uint_eq(flags_of(copy, "198.51.100.1"), 0);
	ck_assert(restrict_remove(l, &gone));
	add(l, prefix("192.0.2.128", 25, RESTRICT_KOD));
	restrict_collect(l, copy);
	restrict_collect(l, copy);
	ck_assert_uint_eq(restrict_lookup(l, &a)->hits, 1 + 5 + 1);
	ck_assert_uint_eq(restrict_at(l, 6, 0)->hits, 1);
	restrict_free(copy);
	restrict_free(l);
}
END_TEST

START_TEST(the_edition_tells_of_every_change_and_of_nothing_else)
{
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = prefix("192.0.2.0", 24, RESTRICT_LIMITED), template = { .flags = RESTRICT_NOQUERY, .ippeerlimit = IPPEERLIMIT_NONE };
	struct addr own = addr("192.0.2.1"), peer = addr("198.51.100.1");
	uint64_t last = restrict_edition(l);

#define CHANGES(yes)	do { ck_assert((restrict_edition(l) != last) == (yes)); last = restrict_edition(l); } while (0)
	add(l, r);
	CHANGES(true);
	flags_of(l, "192.0.2.1");
	CHANGES(false);
	ck_assert(restrict_clear(l, &r));
	CHANGES(true);
	ck_assert_int_eq(restrict_source_add(l, &peer), 0);
	CHANGES(false);
	restrict_source_template(l, true, &template);
	CHANGES(true);
	ck_assert_int_eq(restrict_source_add(l, &peer), 0);
	CHANGES(true);
	restrict_source_remove(l, &peer);
	CHANGES(true);
	ck_assert_int_eq(restrict_interfaces(l, &own, 1), 0);
	CHANGES(true);
	ck_assert_int_eq(restrict_interfaces(l, &own, 1), 0);
	CHANGES(false);
	ck_assert_int_eq(restrict_interfaces(l, &own, 0), 0);
	CHANGES(true);
	ck_assert(restrict_remove(l, &r));
	CHANGES(true);
	ck_assert(!restrict_remove(l, &r));
	CHANGES(false);
#undef CHANGES
	restrict_free(l);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("restrict");
	TCase *tc = tcase_create("restrict");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, an_empty_list_lets_everybody_do_everything);
	tcase_add_test(tc, the_longest_prefix_wins_in_any_order_and_alone);
	tcase_add_test(tc, odd_prefix_lengths_meet_exactly_their_ranges);
	tcase_add_test(tc, a_mapped_address_is_an_ipv4_address);
	tcase_add_test(tc, address_bits_outside_the_mask_do_not_count);
	tcase_add_test(tc, equal_entries_are_ored_and_the_first_peer_limit_stays);
	tcase_add_test(tc, a_default_line_adds_to_the_builtin_default);
	tcase_add_test(tc, an_ntpport_entry_comes_first_but_for_port_123_only);
	tcase_add_test(tc, an_ntpport_entry_alone_leaves_other_ports_to_the_wider_entries);
	tcase_add_test(tc, a_mask_with_holes_matches_what_its_bits_say);
	tcase_add_test(tc, removing_leaves_the_default_without_flags);
	tcase_add_test(tc, clearing_takes_only_the_flags_named);
	tcase_add_test(tc, families_that_differ_are_refused);
	tcase_add_test(tc, a_source_template_makes_an_entry_while_the_association_lives);
	tcase_add_test(tc, a_host_entry_of_the_file_beats_the_source_template);
	tcase_add_test(tc, whoever_claims_our_address_and_port_is_ignored);
	tcase_add_test(tc, hits_are_counted_where_they_fell);
	tcase_add_test(tc, a_copy_matches_alike_and_gives_its_hits_back);
	tcase_add_test(tc, the_edition_tells_of_every_change_and_of_nothing_else);
	tcase_add_test(tc, flags_in_use_are_found);
	tcase_add_test(tc, every_word_has_one_bit_of_its_own);
	tcase_add_test(tc, a_reply_is_dropped_by_the_flags_that_are_about_replies);
	tcase_add_test(tc, a_million_lookups_agree_with_the_definition);
	tcase_add_test(tc, thousands_of_entries_are_searched_alike_with_their_index);
	tcase_add_test(tc, entries_come_in_matching_order);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
