/* SPDX-License-Identifier: BSD-2-Clause */
/* What leaves the server: every octet of it is meant (SRV-15), and how long a MAC takes to judge says nothing about it (KEY-03, KEY-05). */
#include <malloc.h>
#include <string.h>

#include <openssl/crypto.h>

#include "auth/keys.h"
#include "control/mode6.h"
#include "server/respond.h"
#include "server/restrict.h"
#include "wire/control.h"
#include "../control/fixture.h"

/* --- octets ---------------------------------------------------------------------------------- */

#define ANSWERS_MAX	(64 * 1024)

/* All that was sent in answer to one request. */
struct sent {
	uint8_t	buf[ANSWERS_MAX];
	size_t	len;
};

static void
keep(void *arg, const uint8_t *buf, size_t len)
{
	struct sent *s = arg;

	ck_assert_uint_le(s->len + len, sizeof(s->buf));
	memcpy(s->buf + s->len, buf, len);
	s->len += len;
}

/* Leaves these octets on the stack that the next call will use. */
static __attribute__((noinline)) void
smear(int octet)
{
	volatile uint8_t stack[64 * 1024];

	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = (uint8_t)octet;
}

/* One reply of each kind into a buffer full of octet; the length. */
static size_t
reply(unsigned kind, uint8_t octet, uint8_t out[static RESPOND_MAX])
{
	struct request rq = { .len = PACKET_LEN, .peer = v4(192, 0, 2, 7, 4000), .local = v4(192, 0, 2, 1, 123), .chance = 1 };
	uint8_t buf[PACKET_LEN] = { 0x23, [47] = 1 };
	struct request_head head;
	struct packet face;
	struct sysvars sys;

	memset(out, octet, RESPOND_MAX);
	rq.buf = buf;
	sysvars_init(&sys, -20);
	if (kind == 0) {
		sys.leap = LEAP_NONE;
		sys.stratum = 2;
	}
	smear(octet);
	respond_face(&face, &sys, (struct monotime){ 5 });
	smear(octet);
	ck_assert_int_eq(respond_check(&rq, &head), RESPOND_TIME);
	smear(octet);
	switch (kind) {
	case 2:
		return respond_kod(out, &head, 6);
	case 3:
		return respond_nak(out, &rq, &head, &face);
	default:
		return respond_reply(out, &rq, &head, &face);
	}
}

/* KoD, NAK and a reply without time too.  A reply to a NAK'd request would carry a MAC; its transmit time is stamped by the caller. */
START_TEST(every_octet_of_a_reply_is_meant)
{
	uint8_t a[RESPOND_MAX], b[RESPOND_MAX];

	for (unsigned kind = 0; kind < 4; kind++) {
		size_t n = reply(kind, 0x00, a), m = reply(kind, 0xa5, b);

		ck_assert_uint_eq(n, m);
		ck_assert_uint_ge(n, PACKET_LEN);
		respond_stamp(a, (struct walltime){ 1 });
		respond_stamp(b, (struct walltime){ 1 });
		ck_assert_msg(memcmp(a, b, n) == 0, "kind %u", kind);
	}
}
END_TEST

static void
ask(struct fixture *f, struct mode6 *m, const char *names, uint8_t op, uint8_t octet, struct sent *s)
{
	uint8_t buf[CONTROL_HEADER_LEN + 64] = { 0x16, op, 0, 9 };
	struct mode6_request rq = { .buf = buf, .len = (CONTROL_HEADER_LEN + strlen(names) + 3) & ~(size_t)3, .from = v4(127, 0, 0, 1, 4000) };
	static const struct nonce_secret secret;

	buf[11] = (uint8_t)strlen(names);
	memcpy(buf + CONTROL_HEADER_LEN, names, strlen(names));
	memset(m, octet, sizeof(*m));
	mode6_init(m, &secret, &f->v.now);
	s->len = 0;
	smear(octet);
	(void)mode6_handle(m, &rq, &f->v, keep, s);
}

/* Answers of one, two and three octets more than a multiple of four, of many fragments, and errors. */
START_TEST(every_octet_of_a_control_answer_is_meant)
{
	static const struct { const char *names; uint8_t op; } rows[] = {
		{ "", 2 }, { "", 1 }, { "leap", 2 }, { "stratum", 2 }, { "precision", 2 }, { "rootdelay", 2 }, { "version", 2 }, { "nonsense", 2 },
		{ "", 12 }, { "", 31 }, { "leap,stratum,tc,peer", 2 },
	};
	struct mode6 *m = malloc(sizeof(*m));
	static struct sent a, b;
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		ask(&f, m, rows[i].names, rows[i].op, 0x00, &a);
		ask(&f, m, rows[i].names, rows[i].op, 0xa5, &b);
		ck_assert_uint_eq(a.len, b.len);
		ck_assert_uint_gt(a.len, 0);
		ck_assert_uint_eq(a.len % 4, 0);
		ck_assert_msg(memcmp(a.buf, b.buf, a.len) == 0, "row %zu", i);
	}
	free(m);
}
END_TEST

/* --- MACs ------------------------------------------------------------------------------------ */

static size_t compared;		/* octets of the last comparison in constant time */

/* In place of the library's; it counts. */
int
CRYPTO_memcmp(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *p = a, *q = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (uint8_t)(p[i] ^ q[i]);
	compared = len;
	return differ;
}

static void
quiet(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	(void)file;
	(void)line;
	ck_assert_msg(!error, "%s", text);
}

static struct keys *
some_keys(void)
{
	static const char text[] = "1 MD5 aSecretOfTwelve\n2 SHA1 aSecretOfTwelve\n3 SHA256 aSecretOfTwelve\n"
	    "4 AES128CMAC 0123456789abcdef0123456789abcdef\n";
	struct keys *k = keys_parse("keys", text, sizeof(text) - 1, quiet, NULL);

	ck_assert_ptr_nonnull(k);
	keys_trust(k, 1, KEY_ID_MAX);
	return k;
}

START_TEST(a_wrong_digest_is_looked_at_to_its_end_wherever_it_is_wrong)
{
	struct keys *k = some_keys();
	uint8_t msg[PACKET_LEN] = { 0x23 }, mac[MAC_MAX];

	for (uint32_t id = 1; id <= 4; id++) {
		const struct key *key = keys_find(k, id);
		size_t n = key_sign(key, msg, sizeof(msg), mac);

		for (size_t at = KEY_ID_LEN; at < n; at++) {
			mac[at] ^= 1;
			compared = 0;
			ck_assert(!key_verify(key, msg, sizeof(msg), mac, n));
			ck_assert_uint_ge(compared, n - KEY_ID_LEN);
			mac[at] ^= 1;
		}
		ck_assert(key_verify(key, msg, sizeof(msg), mac, n));
	}
	keys_free(k);
}
END_TEST

START_TEST(a_wrong_nonce_of_the_control_protocol_is_looked_at_to_its_end)
{
	static const struct nonce_secret secret = { .octets = { 1, 2, 3 } };
	struct addr who = v4(192, 0, 2, 9, 4000);
	struct monotime now = { S(100) };
	char nonce[NONCE_DIGITS + 1];

	ck_assert(nonce_make(&secret, &who, now, nonce));
	for (size_t at = NONCE_DIGITS / 2; at < NONCE_DIGITS; at++) {
		char right = nonce[at];

		nonce[at] = right == '0' ? '1' : '0';
		compared = 0;
		ck_assert(!nonce_check(&secret, &who, now, nonce, NONCE_DIGITS));
		ck_assert_uint_eq(compared, NONCE_DIGITS);
		nonce[at] = right;
	}
	ck_assert(nonce_check(&secret, &who, now, nonce, NONCE_DIGITS));
}
END_TEST

/* Of 50 000 of each kind, good and bad, after as many that may warm caches. */
START_TEST(verifying_takes_no_memory_that_stays)
{
	struct keys *k = some_keys();
	uint8_t msg[PACKET_LEN] = { 0x23 }, mac[MAC_MAX];
	size_t before = 0, after;

	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t id = 1; id <= 4; id++) {
			const struct key *key = keys_find(k, id);
			size_t n = key_sign(key, msg, sizeof(msg), mac);

			for (unsigned i = 0; i < 50000; i++) {
				mac[KEY_ID_LEN] ^= (uint8_t)(i & 1);
				ck_assert(key_verify(key, msg, sizeof(msg), mac, n) == ((i / 2 + i % 2) % 2 == 0));
			}
		}
		after = mallinfo2().uordblks;
		before = round == 0 ? after : before;
	}
	ck_assert_uint_le(after, before + 1024);
	keys_free(k);
}
END_TEST

START_TEST(key_ids_at_the_edges_name_no_key)
{
	static const uint32_t edges[] = { 0, 65535, 65536, 65537, UINT32_MAX };
	struct keys *k = some_keys();

	for (size_t i = 0; i < NELEMS(edges); i++)
		ck_assert_ptr_null(keys_find(k, edges[i]));
	ck_assert_ptr_nonnull(keys_find(k, 1));
	keys_free(k);
}
END_TEST

UNIT_MAIN("security/octets", every_octet_of_a_reply_is_meant, every_octet_of_a_control_answer_is_meant,
    a_wrong_digest_is_looked_at_to_its_end_wherever_it_is_wrong, a_wrong_nonce_of_the_control_protocol_is_looked_at_to_its_end,
    verifying_takes_no_memory_that_stays, key_ids_at_the_edges_name_no_key)
