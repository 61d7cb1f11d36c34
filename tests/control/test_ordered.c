/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordered lists, as they come over the wire. */
#include "base/bytes.h"
#include "control/mode6.h"
#include "fixture.h"

#define KEY	7

struct asker {
	struct fixture	f;
	struct mode6	m;
	struct keys	*keys;
	struct listener_socket sockets[600];
	size_t		n;
	struct control	head;
	char		data[65536];
	size_t		len;
};

static void
on_remark(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	ck_assert_msg(!error, "%s:%u: %s", file, line, text);
}

static struct asker *
asker_new(void)
{
	static const char text[] = "7 SHA1 aSecretOfTwelve\n";
	static const struct nonce_secret secret = { { 7 } };
	struct asker *a = calloc(1, sizeof(*a));

	ck_assert_ptr_nonnull(a);
	fixture_init(&a->f);
	a->keys = keys_parse("keys", text, sizeof(text) - 1, on_remark, NULL);
	ck_assert_ptr_nonnull(a->keys);
	keys_trust(a->keys, KEY, KEY);
	a->f.v.keys = a->keys;
	a->f.v.controlkey = KEY;
	a->f.v.sockets = a->sockets;
	mode6_init(&a->m, &secret, &a->f.v.now);
	return a;
}

static void
asker_free(struct asker *a)
{
	mode6_close(&a->m);
	keys_free(a->keys);
	free(a);
}

static void
take(void *arg, const uint8_t *buf, size_t len)
{
	struct asker *a = arg;

	ck_assert_int_eq(control_parse(&a->head, buf, len), CONTROL_OK);
	ck_assert_uint_eq(a->head.offset, a->len);
	memcpy(a->data + a->len, buf + CONTROL_HEADER_LEN, a->head.count);
	a->len += a->head.count;
	a->data[a->len] = '\0';
	a->n++;
}

static enum mode6_end
ask(struct asker *a, uint8_t op, uint16_t associd, const char *text)
{
	struct control h = { .version = 2, .op = op, .sequence = 1, .associd = associd, .count = (uint16_t)strlen(text) };
	uint8_t buf[1024] = { 0 };
	size_t len = (CONTROL_HEADER_LEN + strlen(text) + 7) / 8 * 8;
	struct mode6_request rq = { .buf = buf, .from = v4(127, 0, 0, 1, 40000) };

	control_build(&h, buf);
	memcpy(buf + CONTROL_HEADER_LEN, text, strlen(text));
	rq.len = len + key_sign(keys_find(a->keys, KEY), buf, len, buf + len);
	a->n = a->len = 0;
	return mode6_handle(&a->m, &rq, &a->f.v, take, a);
}

/* The answer, with its lines joined. */
static void
expect_items(struct asker *a, const char *want)
{
	char *nl;

	while ((nl = strstr(a->data, ",\r\n")) != NULL) {
		nl[1] = ' ';
		memmove(nl + 2, nl + 3, strlen(nl + 3) + 1);
	}
	ck_assert_str_eq(a->data, want);
}

static struct listener_socket
socket_of(const char *name, const char *addr, bool drop)
{
	struct listener_socket s = { .drop = drop, .received = 11, .sent = 12, .sendfailed = 13, .since = { S(NOW_MONO - 180) } };

	snprintf(s.name, sizeof(s.name), "%s", name);
	ck_assert(addr_parse(&s.addr, addr, 0));
	s.addr.port = 123;
	return s;
}

START_TEST(interfaces_have_a_row_each)
{
	struct asker *a = asker_new();

	a->sockets[0] = socket_of("v6wildcard", "::", false);
	a->sockets[1] = socket_of("eth0", "10.9.0.2", true);
	a->sockets[2] = socket_of("lo", "127.0.0.1", false);
	a->f.v.nsockets = 3;
	ck_assert_int_eq(ask(a, CONTROL_READ_ORDLIST, 0, "ifstats"), MODE6_ANSWERED);
	expect_items(a,
	    "addr.0=[::]:123, bcast.0, en.0=1, name.0=\"v6wildcard\", flags.0=0x81, tl.0=0, "
	    "mc.0=0, rx.0=11, tx.0=12, txerr.0=13, pc.0=0, up.0=180, "
	    "addr.1=10.9.0.2:123, bcast.1, en.1=0, name.1=\"eth0\", flags.1=0x1, tl.1=0, "
	    "mc.1=0, rx.1=11, tx.1=12, txerr.1=13, pc.1=1, up.1=180, "
	    "addr.2=127.0.0.1:123, bcast.2, en.2=1, name.2=\"lo\", flags.2=0x5, tl.2=0, mc.2=0, "
	    "rx.2=11, tx.2=12, txerr.2=13, pc.2=0, up.2=180\r\n");
	asker_free(a);
}
END_TEST

START_TEST(restrictions_have_a_row_each_the_default_first)
{
	struct asker *a = asker_new();
	struct restrict_list *l = restrict_new();
	struct restrict_rule r = { .flags = RESTRICT_NOQUERY | RESTRICT_LIMITED | RESTRICT_KOD, .ippeerlimit = IPPEERLIMIT_NONE, .ntpport = true };
	struct addr host = v4(192, 0, 2, 1, 0);

	restrict_rule_host(&r, &host);
	ck_assert_int_eq(restrict_add(l, &r), 0);
	host.port = 123;
	(void)restrict_lookup(l, &host);
	(void)restrict_lookup(l, &host);
	a->f.v.restricts = l;
	ck_assert_int_eq(ask(a, CONTROL_READ_ORDLIST, 0, "addr_restrictions"), MODE6_ANSWERED);
	expect_items(a,
	    "addr.0=0.0.0.0, mask.0=0.0.0.0, hits.0=0, "
	    "flags.0=serve trust peer epeer query trap, addr.1=192.0.2.1, "
	    "mask.1=255.255.255.255, hits.1=2, "
	    "flags.1=ntpport serve trust peer epeer limited noquery trap kod, addr.2=::, "
	    "mask.2=::, hits.2=0, flags.2=serve trust peer epeer query trap\r\n");
	restrict_free(l);
	a->f.v.restricts = NULL;
	asker_free(a);
}
END_TEST

/* What a client keeps of an answer is 32 datagrams: whole rows, and no more. */
START_TEST(a_long_list_ends_with_a_whole_row_and_fits)
{
	struct asker *a = asker_new();
	char want[32];
	size_t rows = 0;

	for (size_t i = 0; i < NELEMS(a->sockets); i++) {
		a->sockets[i] = socket_of("interface-15chr", "2001:db8:1111:2222:3333:4444:5555:6666", false);
		a->sockets[i].received = a->sockets[i].sent = a->sockets[i].sendfailed = UINT64_MAX;
	}
	a->f.v.nsockets = NELEMS(a->sockets);
	ck_assert_int_eq(ask(a, CONTROL_READ_ORDLIST, 0, ""), MODE6_ANSWERED);
	ck_assert_uint_le(a->n, CONTROL_FRAGMENTS_MAX);
	for (size_t i = 0; i < NELEMS(a->sockets); i++) {
		snprintf(want, sizeof(want), " up.%zu=180", i);
		rows += strstr(a->data, want) != NULL || strstr(a->data, want + 1) != NULL;
	}
	snprintf(want, sizeof(want), "up.%zu=180\r\n", rows - 1);
	ck_assert_uint_gt(rows, 20);
	ck_assert_str_eq(a->data + a->len - strlen(want), want);
	asker_free(a);
}
END_TEST

static void
expect_error(const struct asker *a, enum mode6_end end, enum control_err err)
{
	ck_assert_int_eq(end, MODE6_ERROR);
	ck_assert_uint_eq(a->head.status, (unsigned)err << 8);
}

START_TEST(other_lists_are_unknown)
{
	struct asker *a = asker_new();

	expect_error(a, ask(a, CONTROL_READ_ORDLIST, 0, "ifstat"), CERR_UNKNOWNVAR);
	expect_error(a, ask(a, CONTROL_READ_ORDLIST, 0, "ifstatsx"), CERR_UNKNOWNVAR);
	expect_error(a, ask(a, CONTROL_READ_ORDLIST, 0, "addr"), CERR_UNKNOWNVAR);
	asker_free(a);
}
END_TEST

UNIT_MAIN("control/ordered", interfaces_have_a_row_each, restrictions_have_a_row_each_the_default_first, a_long_list_ends_with_a_whole_row_and_fits,
    other_lists_are_unknown)
