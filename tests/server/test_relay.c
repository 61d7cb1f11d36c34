/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes from a worker to the main thread: floods of one kind, or in one name, leave room for the others. */
#include <stdio.h>
#include <string.h>

#include "server/relay.h"
#include "../unit.h"

#define NOW	((struct monotime){ INT64_C(5000000000000) })

enum { CONTROL_OCTET = 0x16, ACTIVE_OCTET = 0x21, CLIENT_OCTET = 0x23 };

struct sent {
	uint8_t		buf[PACKET_MAX];
	struct datagram	d;
	struct passed	p;
};

static struct relay *
relay(void)
{
	struct relay *r = calloc(1, sizeof(*r));

	ck_assert_ptr_nonnull(r);
	ck_assert(relay_init(r, NOW));
	return r;
}

static void
relay_end(struct relay *r)
{
	relay_clear(r);
	free(r);
}

static struct passed *
packet(struct sent *s, const char *from, uint8_t first, bool known, bool is_signed)
{
	memset(s, 0, sizeof(*s));
	s->buf[0] = first;
	s->d = (struct datagram){ .buf = s->buf, .len = 48 };
	ck_assert(addr_parse(&s->d.peer, from, 0));
	s->d.peer.port = 123;
	s->p = (struct passed){ .d = &s->d, .flags = 7, .fd = 9, .known = known, .is_signed = is_signed };
	return &s->p;
}

static struct monotime
after(double s)
{
	return monotime_add(NOW, s);
}

/* How many of n, one each 10 us, get in if they are taken out as soon as they are in. */
static unsigned
pass(struct relay *r, const struct passed *p, enum relay_kind kind, unsigned n, double begin)
{
	struct relayed out;
	unsigned in = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!relay_put(r, p, after(begin + 1e-5 * i)))
			continue;
		ck_assert(relay_take(r, kind, &out));
		in++;
	}
	return in;
}

START_TEST(what_goes_in_comes_out_in_order)
{
	struct relay *r = relay();
	struct relayed out;
	struct sent s;

	ck_assert(!relay_waits(r));
	for (uint8_t turn = 0; turn < 100; turn++) {
		packet(&s, "127.0.0.1", CONTROL_OCTET, false, false);
		for (uint8_t i = 0; i < 3; i++) {
			s.buf[1] = (uint8_t)(turn + i);
			ck_assert(relay_put(r, &s.p, NOW));
		}
		ck_assert(relay_waits(r));
		memset(s.buf, 0xff, sizeof(s.buf));	/* it is a copy that waits */
		for (uint8_t i = 0; i < 3; i++) {
			ck_assert(relay_take(r, RELAY_LOCAL, &out));
			ck_assert_uint_eq(out.d.buf[0], CONTROL_OCTET);
			ck_assert_uint_eq(out.d.buf[1], (uint8_t)(turn + i));
			ck_assert_uint_eq(out.d.len, 48);
			ck_assert_uint_eq(out.flags, 7);
			ck_assert_int_eq(out.fd, 9);
			ck_assert(addr_is_loopback(&out.d.peer));
		}
		ck_assert(!relay_take(r, RELAY_LOCAL, &out));
		ck_assert(!relay_waits(r));
	}
	relay_end(r);
}
END_TEST

START_TEST(a_full_queue_leaves_the_others_theirs)
{
	static const struct { const char *from; uint8_t first; bool known; enum relay_kind kind; } rows[] = {
		{ "192.0.2.7", CONTROL_OCTET, false, RELAY_CONTROL },
		{ "::1", CONTROL_OCTET, true, RELAY_LOCAL },	/* a peer's query is a query */
		{ "192.0.2.8", ACTIVE_OCTET, true, RELAY_PEER },
		{ "192.0.2.9", ACTIVE_OCTET, false, RELAY_OTHER },
		{ "192.0.2.10", CLIENT_OCTET, false, RELAY_MSSNTP },
	};
	struct relayed out;
	struct sent s;

	for (size_t flood = 0; flood < NELEMS(rows); flood++) {
		struct relay *r = relay();
		unsigned in = 0;

		packet(&s, rows[flood].from, rows[flood].first, rows[flood].known, false);
		for (int i = 0; i < 1000; i++)
			in += relay_put(r, &s.p, NOW);
		ck_assert_uint_le(in, RELAY_MAX);
		for (size_t i = 0; i < NELEMS(rows); i++) {
			if (i == flood)
				continue;
			ck_assert_msg(relay_put(r, packet(&s, rows[i].from, rows[i].first, rows[i].known, false), NOW), "flood %zu, row %zu", flood, i);
			ck_assert(relay_take(r, rows[i].kind, &out));
		}
		for (; in > 0; in--)
			ck_assert(relay_take(r, rows[flood].kind, &out));
		ck_assert(!relay_waits(r));
		relay_end(r);
	}
}
END_TEST

/* Who sends in one association's name hides that one at most, and not even that one if it signs. */
START_TEST(a_flood_in_one_peers_name_hides_no_other)
{
	struct relay *r = relay();
	struct sent s;
	unsigned heard = 0, flood = 0;

	packet(&s, "192.0.2.1", ACTIVE_OCTET, true, false);
	for (int i = 0; i < 100000; i++)
		flood += relay_put(r, &s.p, NOW);
	ck_assert_uint_eq(flood, RELAY_MAX / 4);
	ck_assert(relay_put(r, packet(&s, "192.0.2.1", ACTIVE_OCTET, true, true), NOW));
	for (unsigned i = 2; i < 10; i++) {
		char name[32];

		snprintf(name, sizeof(name), "192.0.2.%u", i);
		heard += relay_put(r, packet(&s, name, ACTIVE_OCTET, true, false), NOW);
	}
	/* The number of a name is drawn by lot: that two of the eight have that of the first happens once in 150 runs, three once in 5000, five never. */
	ck_assert_uint_ge(heard, 4);
	relay_end(r);
}
END_TEST

/* The main thread's work is bounded however fast it is taken out. */
START_TEST(each_kind_has_a_rate_but_our_own_queries)
{
	static const struct { const char *from; uint8_t first; bool known; enum relay_kind kind; unsigned least, most; } rows[] = {
		{ "192.0.2.7", CONTROL_OCTET, false, RELAY_CONTROL, 256 + 3999, 256 + 4001 },
		{ "192.0.2.8", ACTIVE_OCTET, true, RELAY_PEER, 16 + 499, 16 + 501 },
		{ "192.0.2.9", ACTIVE_OCTET, false, RELAY_OTHER, 4 + 15, 4 + 17 },
		{ "192.0.2.10", CLIENT_OCTET, false, RELAY_MSSNTP, 256 + 3999, 256 + 4001 },
		{ "127.0.0.1", CONTROL_OCTET, false, RELAY_LOCAL, 100000, 100000 },
	};
	struct sent s;

	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct relay *r = relay();
		unsigned in = pass(r, packet(&s, rows[i].from, rows[i].first, rows[i].known, false), rows[i].kind, 100000, 0);

		ck_assert_msg(in >= rows[i].least && in <= rows[i].most, "row %zu: %u", i, in);
		/* After a rest there is as much as at the start, and no more. */
		in = pass(r, &s.p, rows[i].kind, 1, 1000);
		ck_assert_uint_eq(in, 1);
		relay_end(r);
	}
}
END_TEST

START_TEST(a_closed_socket_is_forgotten)
{
	struct relay *r = relay();
	struct relayed out;
	struct sent s;

	packet(&s, "127.0.0.1", CONTROL_OCTET, false, false);
	for (int i = 0; i < 4; i++) {
		s.p.fd = i % 2;
		ck_assert(relay_put(r, &s.p, NOW));
	}
	relay_forget(r, 1);
	for (int i = 0; i < 4; i++) {
		ck_assert(relay_take(r, RELAY_LOCAL, &out));
		ck_assert_int_eq(out.fd, i % 2 == 1 ? -1 : 0);
	}
	s.d.len = PACKET_MAX + 1;
	ck_assert(!relay_put(r, &s.p, NOW));
	relay_end(r);
}
END_TEST

UNIT_MAIN("server/relay", what_goes_in_comes_out_in_order, a_full_queue_leaves_the_others_theirs, a_flood_in_one_peers_name_hides_no_other,
    each_kind_has_a_rate_but_our_own_queries, a_closed_socket_is_forgotten)
