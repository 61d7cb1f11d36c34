/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that would change something: who may make them, what reaches the one who carries them out, and what comes back. */
#include <stdlib.h>

#include "base/bytes.h"
#include "control/mode6.h"
#include "fixture.h"

#define MASTER	7
#define OTHER	8
#define AES	9

struct asker {
	struct fixture	f;
	struct mode6	m;
	struct keys	*keys;
	struct addr	from;
	unsigned	flags;
	/* What has been handed up. */
	unsigned	configured, saved, events, refused;
	uint16_t	associd;
	char		text[2048];
	bool		works;		/* the daemon's answer to configure */
	/* What came back. */
	size_t		n, size;
	struct control	head;
	char		data[CONTROL_DATA_MAX + 1];
	uint8_t		raw[MODE6_DATAGRAM_MAX];
};

static void
on_remark(void *arg, bool error, const char *file, unsigned line, const char *text)
{
	(void)arg;
	ck_assert_msg(!error, "%s:%u: %s", file, line, text);
}

static bool
on_configure(void *arg, const struct addr *from, const char *text, size_t len, char reply[static MODE6_REPLY_MAX])
{
	struct asker *a = arg;

	ck_assert(addr_same_host(from, &a->from));
	a->configured++;
	snprintf(a->text, sizeof(a->text), "%.*s", (int)len, text);
	snprintf(reply, MODE6_REPLY_MAX, "%s", a->works ? "Config Succeeded" : "column 3 syntax error");
	return a->works;
}

static bool
on_save(void *arg, const struct addr *from, const char *name, char reply[static MODE6_REPLY_MAX])
{
	struct asker *a = arg;

	(void)from;
	a->saved++;
	snprintf(a->text, sizeof(a->text), "%s", name);
	memset(reply, 'x', MODE6_REPLY_MAX - 1);
	reply[MODE6_REPLY_MAX - 1] = '\0';
	return true;
}

static void
on_events(void *arg, uint16_t associd)
{
	struct asker *a = arg;

	a->events++;
	a->associd = associd;
}

static void
on_refused(void *arg, const struct addr *from, uint8_t op, const char *why)
{
	struct asker *a = arg;

	(void)from;
	(void)op;
	ck_assert_str_ne(why, "");
	a->refused++;
}

static struct asker *
asker_new(void)
{
	static const char text[] = "7 SHA1 aSecretOfTwelve\n8 SHA1 anotherOfThem\n9 AES 000102030405060708090a0b0c0d0e0f\n10 SHA1 notTrustedAtAll\n";
	static const struct nonce_secret secret = { { 7 } };
	struct asker *a = calloc(1, sizeof(*a));

	ck_assert_ptr_nonnull(a);
	fixture_init(&a->f);
	a->keys = keys_parse("keys", text, sizeof(text) - 1, on_remark, NULL);
	ck_assert_ptr_nonnull(a->keys);
	keys_trust(a->keys, 7, 9);
	a->f.v.keys = a->keys;
	a->f.v.controlkey = MASTER;
	a->from = v4(192, 0, 2, 7, 40000);
	a->works = true;
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

	ck_assert_uint_le(len, MODE6_DATAGRAM_MAX);
	ck_assert_int_eq(control_parse(&a->head, buf, len), CONTROL_OK);
	memcpy(a->raw, buf, len);
	memcpy(a->data, buf + CONTROL_HEADER_LEN, a->head.count);
	a->data[a->head.count] = '\0';
	a->size = len;
	a->n++;
}

static enum mode6_end
ask_raw(struct asker *a, const uint8_t *buf, size_t len)
{
	const struct mode6_hands hands = { .arg = a, .configure = on_configure, .save = on_save, .events_read = on_events, .refused = on_refused };
	/* Without an octet to spare, so that the sanitizer sees a read past the end. */
	uint8_t *exact = malloc(len);
	struct mode6_request rq = { .buf = exact, .len = len, .from = a->from, .flags = a->flags, .hands = &hands };
	enum mode6_end end;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, buf, len);
	a->n = 0;
	end = mode6_handle(&a->m, &rq, &a->f.v, take, a);
	free(exact);
	return end;
}

static uint16_t sequence_of(struct asker *a);

/* A request signed with a key, 0 = not at all, padded to the boundary before the MAC. */
static size_t
build(struct asker *a, uint8_t buf[static 1024], uint8_t op, uint16_t associd, const char *text, uint32_t key, size_t align)
{
	struct control h = { .version = 2, .op = op, .sequence = sequence_of(a), .associd = associd, .count = (uint16_t)strlen(text) };
	const struct key *k = keys_find(a->keys, key);
	size_t len = CONTROL_HEADER_LEN + strlen(text);

	memset(buf, 0, 1024);
	control_build(&h, buf);
	memcpy(buf + CONTROL_HEADER_LEN, text, strlen(text));
	len = (len + align - 1) / align * align;
	return k == NULL ? len : len + key_sign(k, buf, len, buf + len);
}

static uint16_t
sequence_of(struct asker *a)
{
	return (uint16_t)(a->m.requests + 1);
}

static enum mode6_end
ask(struct asker *a, uint8_t op, uint16_t associd, const char *text, uint32_t key)
{
	uint8_t buf[1024];

	return ask_raw(a, buf, build(a, buf, op, associd, text, key, 8));
}

static void
expect_error(const struct asker *a, enum mode6_end end, enum control_err err)
{
	ck_assert_int_eq(end, MODE6_ERROR);
	ck_assert_uint_eq(a->n, 1);
	ck_assert(a->head.error);
	ck_assert_uint_eq(a->head.status, (unsigned)err << 8);
}

START_TEST(lines_signed_with_the_control_key_are_handed_up)
{
	struct asker *a = asker_new();
	uint8_t buf[1024];

	for (size_t len = 1; len <= 16; len++) {
		for (size_t align = 4; align <= 8; align += 4) {
			char line[17] = "abcdefghijklmnop";

			line[len] = '\0';
			ck_assert_int_eq(ask_raw(a, buf, build(a, buf, CONTROL_CONFIGURE, 0, line, MASTER, align)), MODE6_ANSWERED);
			ck_assert_str_eq(a->text, line);
			ck_assert_str_eq(a->data, "Config Succeeded\r\n");
		}
	}
	ck_assert_uint_eq(a->configured, 32);
	a->works = false;
	ck_assert_int_eq(ask(a, CONTROL_CONFIGURE, 0, "fooo", MASTER), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "column 3 syntax error\r\n");
	asker_free(a);
}
END_TEST

/* The MAC of an answer stands on a boundary of 8 octets and covers all before it. */
static void
expect_signed(const struct asker *a, uint32_t key)
{
	const struct key *k = keys_find(a->keys, key);
	size_t at = (CONTROL_HEADER_LEN + a->head.count + 7u) / 8 * 8;

	ck_assert_uint_eq(a->size, at + key_mac_len(k));
	ck_assert(key_verify(k, a->raw, at, a->raw + at, a->size - at));
}

START_TEST(answers_are_signed_as_the_question_was)
{
	struct asker *a = asker_new();

	for (uint32_t key = MASTER; key <= AES; key++) {
		ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "leap", key), MODE6_ANSWERED);
		expect_signed(a, key);
		expect_error(a, ask(a, CONTROL_READVAR, 0, "fooo", key), CERR_UNKNOWNVAR);
		expect_signed(a, key);
	}
	ck_assert_int_eq(ask(a, CONTROL_CONFIGURE, 0, "x", MASTER), MODE6_ANSWERED);
	expect_signed(a, MASTER);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "leap", 0), MODE6_ANSWERED);
	ck_assert_uint_eq(a->size, CONTROL_HEADER_LEN + (a->head.count + 3u) / 4 * 4);
	asker_free(a);
}
END_TEST

START_TEST(nobody_else_changes_anything)
{
	static const uint8_t ops[] = { CONTROL_WRITEVAR, CONTROL_CONFIGURE, CONTROL_SAVECONFIG, CONTROL_READ_ORDLIST };
	struct asker *a = asker_new();
	uint8_t buf[1024];
	size_t len;

	for (size_t i = 0; i < NELEMS(ops); i++) {
		expect_error(a, ask(a, ops[i], 0, "owner=me", 0), CERR_PERMISSION);
		expect_error(a, ask(a, ops[i], 0, "owner=me", OTHER), CERR_PERMISSION);
		/* Any octet that is not as it was signed. */
		len = build(a, buf, ops[i], 0, "owner=me", MASTER, 8);
		for (size_t at = 2; at < len; at++) {
			if (at >= 8 && at < CONTROL_HEADER_LEN)
				continue;	/* offset and count, which make it another kind of request */
			buf[at] ^= 1;
			expect_error(a, ask_raw(a, buf, len), CERR_PERMISSION);
			buf[at] ^= 1;
		}
	}
	a->f.v.controlkey = 0;
	expect_error(a, ask(a, CONTROL_CONFIGURE, 0, "x", MASTER), CERR_PERMISSION);
	a->f.v.controlkey = MASTER;
	a->f.v.keys = NULL;
	expect_error(a, ask(a, CONTROL_CONFIGURE, 0, "x", MASTER), CERR_PERMISSION);
	ck_assert_uint_eq(a->configured + a->saved, 0);
	ck_assert_uint_gt(a->refused, 0);
	asker_free(a);
}
END_TEST

START_TEST(a_key_bound_to_addresses_is_good_from_there_only)
{
	static const char text[] = "7 SHA1 aSecretOfTwelve 192.0.2.8\n";
	struct asker *a = asker_new();

	keys_free(a->keys);
	a->keys = keys_parse("keys", text, sizeof(text) - 1, on_remark, NULL);
	ck_assert_ptr_nonnull(a->keys);
	keys_trust(a->keys, 7, 7);
	a->f.v.keys = a->keys;
	expect_error(a, ask(a, CONTROL_CONFIGURE, 0, "x", MASTER), CERR_PERMISSION);
	a->from = v4(192, 0, 2, 8, 40000);
	ck_assert_int_eq(ask(a, CONTROL_CONFIGURE, 0, "x", MASTER), MODE6_ANSWERED);
	asker_free(a);
}
END_TEST

START_TEST(nomodify_holds_for_the_right_key_too)
{
	struct asker *a = asker_new();

	a->flags = RESTRICT_NOMODIFY;
	ck_assert_int_eq(ask(a, CONTROL_CONFIGURE, 0, "x", MASTER), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "runtime configuration prohibited by restrict ... nomodify\r\n");
	ck_assert_int_eq(ask(a, CONTROL_SAVECONFIG, 0, "x", MASTER), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "saveconfig prohibited by restrict ... nomodify\r\n");
	expect_error(a, ask(a, CONTROL_WRITEVAR, 0, "owner=me", MASTER), CERR_PERMISSION);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "leap", MASTER), MODE6_ANSWERED);
	ck_assert_uint_eq(a->configured + a->saved + a->events, 0);
	asker_free(a);
}
END_TEST

START_TEST(the_same_request_is_carried_out_once)
{
	struct asker *a = asker_new();
	uint8_t buf[1024], again[1024];
	size_t len = build(a, buf, CONTROL_CONFIGURE, 0, "unpeer 192.0.2.1", MASTER, 8);

	ck_assert_int_eq(ask_raw(a, buf, len), MODE6_ANSWERED);
	ck_assert_uint_eq(a->configured, 1);
	a->from = v4(198, 51, 100, 1, 50000);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ask_raw(a, buf, len), MODE6_ANSWERED);
		ck_assert_ptr_nonnull(strstr(a->data, "carried out before"));
	}
	ck_assert_uint_eq(a->configured, 1);
	/* By another sequence number it is another request, and so it is for saving and writing. */
	ck_assert_int_eq(ask(a, CONTROL_CONFIGURE, 0, "unpeer 192.0.2.1", MASTER), MODE6_ANSWERED);
	ck_assert_uint_eq(a->configured, 2);
	len = build(a, again, CONTROL_WRITEVAR, 0, "owner=me", MASTER, 8);
	ck_assert_int_eq(ask_raw(a, again, len), MODE6_ANSWERED);
	expect_error(a, ask_raw(a, again, len), CERR_PERMISSION);
	len = build(a, again, CONTROL_SAVECONFIG, 0, "file", MASTER, 8);
	ck_assert_int_eq(ask_raw(a, again, len), MODE6_ANSWERED);
	ck_assert_int_eq(ask_raw(a, again, len), MODE6_ANSWERED);
	ck_assert_uint_eq(a->saved, 1);
	asker_free(a);
}
END_TEST

START_TEST(variables_of_setvar_are_written_as_lines)
{
	static const struct { const char *text; int err; const char *lines; } rows[] = {
		{ "owner=me", -1, "setvar owner = \"me\"\n" },
		{ "site=\"cellar, south\", owner=me", -1, "setvar site = \"cellar, south\" default\nsetvar owner = \"me\"\n" },
		{ "stratum=3", CERR_PERMISSION, "" }, { "owner=me,stratum=3", CERR_PERMISSION, "" }, { "fooo=3", CERR_UNKNOWNVAR, "" },
		{ "leap=3", CERR_UNSPEC, "" }, { "owner=me,leap=0", CERR_UNSPEC, "" }, { "leap=4", CERR_BADVALUE, "" }, { "leap=one", CERR_BADFMT, "" },
		{ "leap=", CERR_BADFMT, "" }, { "leap", CERR_BADFMT, "" }, { "leap=9999999999", CERR_BADFMT, "" }, { "leapsec=3", CERR_PERMISSION, "" },
		{ "owner", CERR_BADFMT, "" }, { "owner=", CERR_BADVALUE, "" }, { "owner=a\"b\"", CERR_BADVALUE, "" }, { "owner=\"x", CERR_BADVALUE, "" },
		{ "", CERR_BADVALUE, "" },
	};
	struct asker *a = asker_new();

	for (size_t i = 0; i < NELEMS(rows); i++) {
		enum mode6_end end = ask(a, CONTROL_WRITEVAR, 0, rows[i].text, MASTER);

		if (rows[i].err == -1) {
			ck_assert_int_eq(end, MODE6_ANSWERED);
			ck_assert_str_eq(a->text, rows[i].lines);
			ck_assert_str_eq(a->data, "");
		} else {
			expect_error(a, end, (enum control_err)rows[i].err);
		}
	}
	ck_assert_uint_eq(a->configured, 2);
	expect_error(a, ask(a, CONTROL_WRITEVAR, 54485, "owner=me", MASTER), CERR_PERMISSION);
	a->works = false;
	expect_error(a, ask(a, CONTROL_WRITEVAR, 0, "owner=me", MASTER), CERR_BADVALUE);
	asker_free(a);
}
END_TEST

START_TEST(saved_names_stay_in_their_directory)
{
	static const char *const bad[] = { "", "/etc/passwd", "..", "../x", ".hidden", "-x", "a/b", "a b", "a\nb", "%Y", "a;b", "\xc3\xa4" };
	static const char *const good[] = { "a", "ntp.conf-%Y%m%d", "_x+1" };
	struct asker *a = asker_new();

	for (size_t i = 0; i < NELEMS(bad); i++) {
		ck_assert_int_eq(ask(a, CONTROL_SAVECONFIG, 0, bad[i], MASTER), MODE6_ANSWERED);
		ck_assert_msg(strstr(a->data, "no path") != NULL && a->saved == 0, "%s", bad[i]);
	}
	for (size_t i = 0; i < NELEMS(good); i++) {
		ck_assert_int_eq(ask(a, CONTROL_SAVECONFIG, 0, good[i], MASTER), MODE6_ANSWERED);
		ck_assert_str_eq(a->text, good[i]);
		ck_assert_uint_eq(a->n, 1);	/* the longest reply fits one datagram */
		ck_assert_uint_eq(a->head.count, CONTROL_DATA_MAX);
	}
	expect_error(a, ask(a, CONTROL_SAVECONFIG, 1, "a", MASTER), CERR_BADVALUE);
	expect_error(a, ask(a, CONTROL_CONFIGURE, 1, "a", MASTER), CERR_BADVALUE);
	asker_free(a);
}
END_TEST

START_TEST(events_are_read_by_the_control_key_alone)
{
	struct asker *a = asker_new();

	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "leap", OTHER), MODE6_ANSWERED);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "leap", 0), MODE6_ANSWERED);
	ck_assert_uint_eq(a->events, 0);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 54485, "reach", MASTER), MODE6_ANSWERED);
	ck_assert_uint_eq(a->events, 1);
	ck_assert_uint_eq(a->associd, 54485);
	ck_assert_int_eq(ask(a, CONTROL_READSTAT, 54486, "", MASTER), MODE6_ANSWERED);
	ck_assert_uint_eq(a->events, 2);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "", MASTER), MODE6_ANSWERED);
	ck_assert_uint_eq(a->associd, 0);
	expect_error(a, ask(a, CONTROL_READVAR, 0, "fooo", MASTER), CERR_UNKNOWNVAR);
	ck_assert_uint_eq(a->events, 3);
	asker_free(a);
}
END_TEST

/* A change is made though its answer may be one too many, as long as the key is the right one. */
START_TEST(a_change_is_let_through_though_the_budget_is_spent)
{
	struct asker *a = asker_new();
	uint8_t buf[1024];
	static const struct { uint32_t key; bool admitted; } rows[] = { { MASTER, true }, { 0, false } };

	a->from = (struct addr){ .family = 4, .ip = { 192, 0, 2, 7 }, .port = 40000 };
	while (ask(a, CONTROL_READVAR, 0, "", 0) == MODE6_ANSWERED)
		continue;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct mode6_request rq = { .buf = buf, .from = a->from };

		rq.len = build(a, buf, CONTROL_CONFIGURE, 0, "abc", rows[i].key, 8);
		ck_assert_int_eq(mode6_admits(&a->m, &rq, a->f.v.keys, a->f.v.controlkey, a->f.v.now.mono), rows[i].admitted);
	}
	asker_free(a);
}
END_TEST

UNIT_MAIN("control/changes", lines_signed_with_the_control_key_are_handed_up, answers_are_signed_as_the_question_was, nobody_else_changes_anything,
    a_key_bound_to_addresses_is_good_from_there_only, nomodify_holds_for_the_right_key_too, the_same_request_is_carried_out_once,
    variables_of_setvar_are_written_as_lines, saved_names_stay_in_their_directory, events_are_read_by_the_control_key_alone,
    a_change_is_let_through_though_the_budget_is_spent)
