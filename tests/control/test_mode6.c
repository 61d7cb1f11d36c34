/* SPDX-License-Identifier: BSD-2-Clause */
/* Control messages: what is answered, how, in how many datagrams, and what is met by silence. */
#include <stdio.h>
#include <string.h>

#include "control/mode6.h"
#include "control/vars.h"
#include "fixture.h"

#define DATAGRAMS_MAX	200

/* One asker, and what came back to the last request. */
struct asker {
	struct fixture	f;
	struct mode6	*m;
	struct addr	from;
	unsigned	flags;
	size_t		n;		/* datagrams */
	size_t		octets;		/* in all of them */
	size_t		size[DATAGRAMS_MAX];
	struct control	head[DATAGRAMS_MAX];
	char		data[65536];	/* put together by offset, NUL terminated */
	size_t		len;
	size_t		cut[DATAGRAMS_MAX];	/* where each datagram ends */
};

static struct asker *
asker_new(void)
{
	static const struct nonce_secret secret = { { 7 } };
	struct asker *a = calloc(1, sizeof(*a));

	ck_assert_ptr_nonnull(a);
	fixture_init(&a->f);
	a->from = v4(192, 0, 2, 7, 40000);
	a->m = malloc(sizeof(*a->m));
	ck_assert_ptr_nonnull(a->m);
	mode6_init(a->m, &secret, &a->f.v.now);
	return a;
}

static void
asker_free(struct asker *a)
{
	free(a->m);
	free(a);
}

/* Every datagram must be well formed, whatever was asked. */
static void
take(void *arg, const uint8_t *buf, size_t len)
{
	struct asker *a = arg;
	struct control *h;

	ck_assert_uint_lt(a->n, DATAGRAMS_MAX);
	h = &a->head[a->n];
	ck_assert_int_eq(control_parse(h, buf, len), CONTROL_OK);
	ck_assert(h->response);
	ck_assert_uint_le(h->count, CONTROL_DATA_MAX);
	ck_assert_uint_eq(len, CONTROL_HEADER_LEN + (h->count + 3u) / 4 * 4);
	for (size_t i = CONTROL_HEADER_LEN + h->count; i < len; i++)
		ck_assert_uint_eq(buf[i], 0);
	ck_assert_uint_eq(h->offset, a->len);
	memcpy(a->data + a->len, buf + CONTROL_HEADER_LEN, h->count);
	a->len += h->count;
	a->data[a->len] = '\0';
	a->cut[a->n] = a->len;
	a->octets += len;
	a->size[a->n++] = len;
}

static enum mode6_end
ask_raw(struct asker *a, const uint8_t *buf, size_t len)
{
	/* A copy without an octet to spare, so that the sanitizer sees a read past the end. */
	uint8_t *exact = malloc(len > 0 ? len : 1);
	struct mode6_request rq = { .buf = exact, .len = len, .from = a->from, .flags = a->flags };
	enum mode6_end end;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, buf, len);
	a->n = a->octets = a->len = 0;
	a->data[0] = '\0';
	end = mode6_handle(a->m, &rq, &a->f.v, take, a);
	free(exact);
	for (size_t i = 0; i < a->n; i++)
		ck_assert_int_eq(a->head[i].more, i + 1 < a->n);
	return end;
}

static enum mode6_end
ask_octets(struct asker *a, uint8_t op, uint16_t associd, const void *data, size_t len)
{
	struct control h = { .version = 2, .op = op, .sequence = 0x4711, .associd = associd, .count = (uint16_t)len };
	uint8_t buf[CONTROL_HEADER_LEN + 1024] = { 0 };

	ck_assert_uint_le(len, 1024);
	control_build(&h, buf);
	if (len > 0)
		memcpy(buf + CONTROL_HEADER_LEN, data, len);
	return ask_raw(a, buf, CONTROL_HEADER_LEN + (len + 3) / 4 * 4);
}

static enum mode6_end
ask(struct asker *a, uint8_t op, uint16_t associd, const char *text)
{
	return ask_octets(a, op, associd, text, strlen(text));
}

static void
expect_error(struct asker *a, enum mode6_end end, enum control_err err)
{
	ck_assert_int_eq(end, MODE6_ERROR);
	ck_assert_uint_eq(a->n, 1);
	ck_assert_uint_eq(a->size[0], CONTROL_HEADER_LEN);
	ck_assert(a->head[0].error);
	ck_assert_uint_eq(a->head[0].status, (unsigned)err << 8);
	ck_assert_uint_eq(a->head[0].count, 0);
}

static void
expect_silence(struct asker *a, enum mode6_end end, enum mode6_end why)
{
	ck_assert_int_eq(end, why);
	ck_assert_uint_eq(a->n, 0);
}

START_TEST(the_default_answer_has_what_ntpstat_needs_in_its_first_datagram)
{
	static const char *const needed[] = { "stratum=3,", "rootdelay=1.500,", "rootdisp=10.259,", "refid=10.9.0.1,", ", tc=6," };
	uint8_t debian[12 + 468 + 96] = { 0x16, CONTROL_READVAR, 0x12, 0x34 };
	struct asker *a = asker_new();

	/* A machine with the longest names there are. */
	memset(a->f.uts.sysname, 's', sizeof(a->f.uts.sysname) - 1);
	memset(a->f.uts.release, 'r', sizeof(a->f.uts.release) - 1);
	memset(a->f.uts.machine, 'm', sizeof(a->f.uts.machine) - 1);
	a->f.v.version = "ntpd truechimer-1.2.3-rc4-with-a-long-name-of-the-distribution-and-a-date-and-more-and-more-and-more-of-it";
	ck_assert_int_eq(ask_raw(a, debian, sizeof(debian)), MODE6_ANSWERED);
	ck_assert_uint_eq(a->head[0].version, 2);
	ck_assert_uint_eq(a->head[0].sequence, 0x1234);
	ck_assert_uint_eq(a->head[0].status, 0x0615);
	a->data[a->cut[0]] = '\0';
	for (size_t i = 0; i < NELEMS(needed); i++)
		ck_assert_msg(strstr(a->data, needed[i]) != NULL || (needed[i][0] == ',' && strstr(a->data, "\r\ntc=6,") != NULL), "%s", needed[i]);
	ck_assert_ptr_eq(strstr(strstr(a->data, "tc=") + 1, "mintc="), strstr(a->data, "mintc="));
	asker_free(a);
}
END_TEST

START_TEST(the_default_answer_is_in_order_and_ends_its_line)
{
	struct asker *a = asker_new();

	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, ""), MODE6_ANSWERED);
	ck_assert_uint_eq(a->n, 2);
	ck_assert_str_eq(a->data,
	    "version=\"ntpd truechimer-0.1\", processor=\"x86_64\", system=\"Linux/6.1.0\",\r\n"
	    "leap=0, stratum=3, precision=-25, rootdelay=1.500, rootdisp=10.259,\r\n"
	    "refid=10.9.0.1, reftime=0xeeadcadd.00000000, clock=0xeeadcaee.40000000,\r\n"
	    "peer=54485, tc=6, mintc=0, offset=0.017334, frequency=-3.500,\r\n"
	    "sys_jitter=0.008528, clk_jitter=0.005, clk_wander=0.012, tai=37,\r\n"
	    "leapsec=201701010000, expire=202612270000, rootdist=11.009,\r\n"
	    "est_error=0.004250, clock_driver=\"software\", kernel_clock=\"left alone\",\r\n"
	    "site=\"roof, north\"\r\n");
	asker_free(a);
}
END_TEST

START_TEST(requested_variables_come_in_the_order_of_the_table)
{
	struct asker *a = asker_new();

	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "owner,offset, leap ,stratum=9,leap"), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "leap=0, stratum=3, offset=0.017334, owner=udel\r\n");
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 54485, "reach,srcadr"), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "srcadr=10.9.0.1, reach=0xff\r\n");
	ck_assert_uint_eq(a->head[0].status, 0xd61a);
	ck_assert_uint_eq(a->head[0].associd, 54485);
	asker_free(a);
}
END_TEST

START_TEST(a_variable_without_a_value_is_left_out)
{
	struct asker *a = asker_new();

	a->f.system.vars.tai = 0;
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "tai,leap"), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "leap=0\r\n");
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "tai"), MODE6_ANSWERED);
	ck_assert_uint_eq(a->n, 1);
	ck_assert_uint_eq(a->len, 0);
	asker_free(a);
}
END_TEST

START_TEST(an_unknown_variable_means_no_data_at_all)
{
	struct asker *a = asker_new();

	expect_error(a, ask(a, CONTROL_READVAR, 0, "leap,nonsense"), CERR_UNKNOWNVAR);
	expect_error(a, ask(a, CONTROL_READVAR, 54485, "stratum,sys_jitter"), CERR_UNKNOWNVAR);
	asker_free(a);
}
END_TEST

START_TEST(status_of_the_system_lists_all_associations)
{
	static const uint8_t want[] = { 0xd4, 0xd5, 0xd6, 0x1a, 0xd4, 0xd6, 0x80, 0x11, 0xd4, 0xd7, 0x88, 0x11 };
	struct asker *a = asker_new();

	ck_assert_int_eq(ask(a, CONTROL_READSTAT, 0, ""), MODE6_ANSWERED);
	ck_assert_uint_eq(a->len, sizeof(want));
	ck_assert_mem_eq(a->data, want, sizeof(want));
	ck_assert_uint_eq(a->head[0].status, 0x0615);
	asker_free(a);
}
END_TEST

START_TEST(status_of_an_association_is_its_default_variables)
{
	struct asker *a = asker_new();
	char all[4096];

	ck_assert_int_eq(ask(a, CONTROL_READVAR, 54485, ""), MODE6_ANSWERED);
	ck_assert_uint_lt(a->len, sizeof(all));
	memcpy(all, a->data, a->len + 1);
	ck_assert_ptr_nonnull(strstr(all, "filtdisp= 0.27"));
	ck_assert_int_eq(ask(a, CONTROL_READSTAT, 54485, "ignored"), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, all);
	ck_assert_uint_eq(a->head[0].status, 0xd61a);
	asker_free(a);
}
END_TEST

START_TEST(versions_1_to_4_are_echoed_and_no_others_answered)
{
	struct asker *a = asker_new();

	for (uint8_t v = 0; v < 8; v++) {
		struct control h = { .version = v, .op = CONTROL_READVAR };
		uint8_t buf[CONTROL_HEADER_LEN];
		enum mode6_end end;

		control_build(&h, buf);
		end = ask_raw(a, buf, sizeof(buf));
		if (v < 1 || v > 4) {
			expect_silence(a, end, MODE6_IGNORED);
			continue;
		}
		ck_assert_int_eq(end, MODE6_ANSWERED);
		ck_assert_uint_eq(a->head[0].version, v);
	}
	asker_free(a);
}
END_TEST

START_TEST(responses_errors_fragments_and_stumps_are_no_requests)
{
	struct asker *a = asker_new();
	uint8_t plain[CONTROL_HEADER_LEN] = { 0x16, CONTROL_READVAR };

	for (unsigned bits = 1; bits < 8; bits++) {
		uint8_t buf[CONTROL_HEADER_LEN] = { 0x16, (uint8_t)(bits << 5 | CONTROL_READVAR) };

		expect_silence(a, ask_raw(a, buf, sizeof(buf)), MODE6_IGNORED);
	}
	plain[9] = 4;
	expect_silence(a, ask_raw(a, plain, sizeof(plain)), MODE6_IGNORED);
	plain[9] = 0;
	for (size_t len = 0; len < CONTROL_HEADER_LEN; len++)
		expect_silence(a, ask_raw(a, plain, len), MODE6_IGNORED);
	plain[0] = 0x17;
	expect_silence(a, ask_raw(a, plain, sizeof(plain)), MODE6_IGNORED);
	asker_free(a);
}
END_TEST

START_TEST(our_own_answers_fed_back_are_ignored)
{
	struct asker *a = asker_new();
	uint8_t buf[CONTROL_HEADER_LEN];

	expect_error(a, ask(a, 17, 0, ""), CERR_BADOP);
	control_build(&a->head[0], buf);
	expect_silence(a, ask_raw(a, buf, sizeof(buf)), MODE6_IGNORED);
	asker_free(a);
}
END_TEST

START_TEST(counts_and_lengths_that_do_not_agree_are_a_bad_format)
{
	struct asker *a = asker_new();
	uint8_t buf[CONTROL_HEADER_LEN + 600] = { 0x16, CONTROL_READVAR };

	for (size_t len = 13; len < 16; len++)
		expect_error(a, ask_raw(a, buf, len), CERR_BADFMT);
	buf[11] = 5;
	expect_error(a, ask_raw(a, buf, 16), CERR_BADFMT);
	buf[10] = buf[11] = 0xff;
	expect_error(a, ask_raw(a, buf, 16), CERR_BADFMT);
	expect_error(a, ask_raw(a, buf, sizeof(buf)), CERR_BADFMT);
	buf[10] = 469 >> 8;
	buf[11] = 469 & 0xff;
	expect_error(a, ask_raw(a, buf, sizeof(buf)), CERR_BADFMT);
	buf[11] = 468 & 0xff;
	ck_assert_int_eq(ask_raw(a, buf, sizeof(buf)), MODE6_ANSWERED);	/* 468 NULs: an empty list */
	asker_free(a);
}
END_TEST

START_TEST(an_unknown_association_is_named_as_such)
{
	struct asker *a = asker_new();

	expect_error(a, ask(a, CONTROL_READVAR, 1, ""), CERR_BADASSOC);
	ck_assert_uint_eq(a->head[0].associd, 1);
	expect_error(a, ask(a, CONTROL_READSTAT, 65535, ""), CERR_BADASSOC);
	expect_error(a, ask(a, CONTROL_READCLOCK, 0, ""), CERR_BADASSOC);
	expect_error(a, ask(a, CONTROL_READCLOCK, 54485, ""), CERR_BADASSOC);
	asker_free(a);
}
END_TEST

START_TEST(a_reference_clock_shows_its_variables)
{
	static const struct refclock_info gps = {
		.opts = { .type = 28, .unit = 1, .time1 = 0.125, .time2 = -0.5, .flag = { true, false, false, true }, .minjitter = 0.001, .mode = 17 },
		.name = "SHM(1)", .driver = "SHM", .device = "shared memory", .timecode = "a,b", .refid = REFID('G', 'P', 'S', 0), .stratum = 3,
		.polls = 11, .noreply = 12, .badformat = 13, .baddata = 14, .code = CLOCK_BAD_TIME, .events = 2,
	};
	const struct refclock_info *const clocks[] = { &gps };
	struct asker *a = asker_new();
	struct assoc *assoc = &a->f.a[1];

	a->f.v.clocks = clocks;
	a->f.v.nclocks = 1;
	assoc->kind = ASSOC_CLOCK;
	assoc->source = SOURCE_UHF_RADIO;
	assoc->addr = v4(127, 127, 28, 1, 123);
	assoc->last.refid = gps.refid;
	assoc->last.stratum = 3;
	ck_assert_int_eq(ask(a, CONTROL_READCLOCK, assoc->id, ""), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "name=\"SHM\", device=\"shared memory\", timecode=\"a,b\", poll=11, noreply=12,\r\n"
	    "badformat=13, baddata=14, minjitter=1.000, fudgetime1=125.000,\r\nfudgetime2=-500.000, stratum=3, refid=GPS, flags=9\r\n");
	ck_assert_uint_eq(a->head[0].status, 0x26);
	ck_assert_uint_eq(a->head[0].associd, assoc->id);
	/* Without an association it is the first clock, as the system peer is none. */
	ck_assert_int_eq(ask(a, CONTROL_READCLOCK, 0, "type,refid"), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "refid=GPS, type=28\r\n");
	expect_error(a, ask(a, CONTROL_READCLOCK, assoc->id, "purple"), CERR_UNKNOWNVAR);
	expect_error(a, ask(a, CONTROL_READCLOCK, 54485, ""), CERR_BADASSOC);
	expect_error(a, ask(a, CONTROL_WRITECLOCK, assoc->id, "flags=0"), CERR_PERMISSION);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, assoc->id, "refid,ttl,mode,stratum"), MODE6_ANSWERED);
	ck_assert_str_eq(a->data, "stratum=3, refid=GPS, ttl=17, mode=17\r\n");
	a->f.system.vars.peer = assoc->id;
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, "peer"), MODE6_ANSWERED);
	ck_assert_uint_eq(a->head[0].status >> 8 & 63, SOURCE_UHF_RADIO);
	asker_free(a);
}
END_TEST

START_TEST(malformed_lists_end_in_error_5_or_6)
{
	static const struct { const char *text; size_t len; enum control_err err; } rows[] = {
		{ "leap=\"open", 10, CERR_BADVALUE }, { "\"", 1, CERR_BADVALUE }, { "le\001ap", 5, CERR_BADVALUE }, { "leap\x7f", 5, CERR_BADVALUE },
		{ "=", 1, CERR_UNKNOWNVAR }, { "=5", 2, CERR_UNKNOWNVAR }, { "le\0ap", 5, CERR_UNKNOWNVAR }, { "leap stratum", 12, CERR_UNKNOWNVAR },
		{ "leap=1,=,", 9, CERR_UNKNOWNVAR },
	};
	struct asker *a = asker_new();
	char name[CONTROL_DATA_MAX];

	for (size_t i = 0; i < NELEMS(rows); i++)
		expect_error(a, ask_octets(a, CONTROL_READVAR, 0, rows[i].text, rows[i].len), rows[i].err);
	memset(name, 'x', sizeof(name));
	expect_error(a, ask_octets(a, CONTROL_READVAR, 0, name, sizeof(name)), CERR_UNKNOWNVAR);
	memset(name, ',', sizeof(name));
	ck_assert_int_eq(ask_octets(a, CONTROL_READVAR, 0, name, sizeof(name)), MODE6_ANSWERED);
	asker_free(a);
}
END_TEST

START_TEST(random_octets_are_answered_or_not_but_never_badly)
{
	struct asker *a = asker_new();
	uint64_t seed = 0x9e3779b97f4a7c15u;
	unsigned answered = 0, refused = 0;

	a->from = v4(127, 0, 0, 1, 40000);
	for (int round = 0; round < 20000; round++) {
		uint8_t buf[64] = { 0x16 };
		size_t len = 12 + (size_t)round % 13 * 4;
		enum mode6_end end;

		for (size_t i = 12; i < len; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			buf[i] = (uint8_t)("leap,=\"\0refid\377x"[seed >> 60 & 15]);
		}
		buf[1] = (uint8_t)(seed >> 40 & 31);
		buf[7] = (uint8_t)(seed >> 50 & 1);
		buf[11] = (uint8_t)(len - 12);
		end = ask_raw(a, buf, len);
		answered += end == MODE6_ANSWERED;
		refused += end == MODE6_ERROR;
	}
	ck_assert_uint_gt(answered, 100);
	ck_assert_uint_gt(refused, 10000);
	asker_free(a);
}
END_TEST

START_TEST(five_hundred_associations_are_listed_whole)
{
	struct asker *a = asker_new();
	struct assoc *many = calloc(500, sizeof(*many));
	const struct assoc **list = calloc(500, sizeof(*list));

	ck_assert(many != NULL && list != NULL);
	for (size_t i = 0; i < 500; i++) {
		many[i].id = (uint16_t)(60000 + i);
		list[i] = &many[i];
	}
	a->f.v.assocs = list;
	a->f.v.nassocs = 500;
	ck_assert_int_eq(ask(a, CONTROL_READSTAT, 0, ""), MODE6_ANSWERED);
	ck_assert_uint_eq(a->len, 2000);
	ck_assert_uint_eq(a->n, 5);
	for (size_t i = 0; i < 500; i++)
		ck_assert_uint_eq((unsigned)(uint8_t)a->data[4 * i] << 8 | (uint8_t)a->data[4 * i + 1], 60000 + i);
	for (size_t i = 0; i + 1 < a->n; i++)
		ck_assert_uint_eq(a->cut[i] % 4, 0);
	free(list);
	free(many);
	asker_free(a);
}
END_TEST

/* Is the text from at on the beginning of an item, or inside the one that is longer than a datagram? */
static bool
cut_is_clean(const struct asker *a, size_t at)
{
	return (at >= 2 && memcmp(a->data + at - 2, ", ", 2) == 0) || (at >= 3 && memcmp(a->data + at - 3, ",\r\n", 3) == 0);
}

START_TEST(a_long_answer_is_cut_between_items_and_fits_what_a_client_keeps)
{
	struct asker *a = asker_new();
	struct control_setvar many[VARS_SETVARS];
	char names[VARS_SETVARS][8], value[256];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < VARS_SETVARS; i++) {
		snprintf(names[i], sizeof(names[i]), "s%zu", i);
		many[i] = (struct control_setvar){ .name = names[i], .value = value, .by_default = true };
	}
	a->f.v.setvars = many;
	for (size_t n = 0; n <= VARS_SETVARS; n++) {
		a->f.v.nsetvars = n;
		mode6_init(a->m, &a->m->secret, &a->f.v.now);
		ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, ""), MODE6_ANSWERED);
		ck_assert_uint_le(a->n, CONTROL_FRAGMENTS_MAX);
		for (size_t i = 0; i + 1 < a->n; i++)
			ck_assert_msg(cut_is_clean(a, a->cut[i]), "%zu variables, datagram %zu", n, i);
		/* What is there is there whole. */
		ck_assert_int_eq(a->data[a->len - 1], '\n');
		if (n > 0 && n <= 20)
			ck_assert_ptr_nonnull(strstr(a->data, names[n - 1]));
	}
	asker_free(a);
}
END_TEST

START_TEST(an_answer_with_every_name_and_full_width_fits_what_a_client_keeps)
{
	struct asker *a = asker_new();
	char list[CONTROL_DATA_MAX + 1] = "sys_var_list";
	size_t len = strlen(list);

	memset(&a->f.counters, 0xff, sizeof(a->f.counters));
	memset(&a->f.v.count, 0xff, sizeof(a->f.v.count));
	for (size_t i = 0; i < vars_count(VARS_SYSTEM); i++) {
		const char *name = vars_info(VARS_SYSTEM, i).name;

		if (strncmp(name, "ss_", 3) == 0 && len + 1 + strlen(name) <= CONTROL_DATA_MAX)
			len += (size_t)snprintf(list + len, sizeof(list) - len, ",%s", name);
	}
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, list), MODE6_ANSWERED);
	ck_assert_uint_le(a->n, CONTROL_FRAGMENTS_MAX);
	ck_assert_ptr_nonnull(strstr(a->data, "sys_var_list=\"version,"));
	ck_assert_ptr_nonnull(strstr(a->data, ",owner\""));
	ck_assert_ptr_nonnull(strstr(a->data, "ss_received=18446744073709551615"));
	asker_free(a);
}
END_TEST

START_TEST(names_of_255_octets_go_out_whole)
{
	struct asker *a = asker_new();
	char want[300];

	memset(a->f.a[0].name, 'n', ASSOC_NAME_MAX - 1);
	a->f.a[0].name[ASSOC_NAME_MAX - 1] = '\0';
	snprintf(want, sizeof(want), "srchost=\"%s\"", a->f.a[0].name);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 54485, ""), MODE6_ANSWERED);
	ck_assert_ptr_nonnull(strstr(a->data, want));
	for (size_t i = 0; i + 1 < a->n; i++)
		ck_assert(cut_is_clean(a, a->cut[i]));
	asker_free(a);
}
END_TEST

START_TEST(every_opcode_has_its_answer_and_changes_nothing)
{
	/* -1: an answer with data; those not named, like those named BADOP, are no operations. */
	static const int want[32] = {
		[0] = CERR_BADOP, [CONTROL_READSTAT] = -1, [CONTROL_READVAR] = -1, [CONTROL_WRITEVAR] = CERR_PERMISSION,
		[CONTROL_READCLOCK] = CERR_BADASSOC, [CONTROL_WRITECLOCK] = CERR_PERMISSION, [CONTROL_SETTRAP] = CERR_BADOP,
		[CONTROL_ASYNC] = CERR_BADOP, [CONTROL_CONFIGURE] = CERR_PERMISSION, [CONTROL_SAVECONFIG] = CERR_PERMISSION, [CONTROL_READ_MRU] = 0,
		[CONTROL_READ_ORDLIST] = CERR_PERMISSION, [CONTROL_REQ_NONCE] = -1,
	};
	struct asker *a = asker_new();

	for (uint8_t op = 0; op < 32; op++) {
		struct fixture before = a->f;
		enum mode6_end end = ask(a, op, 0, op == CONTROL_READVAR ? "" : "leap=1");

		ck_assert_mem_eq(&before, &a->f, sizeof(before));
		if (op == CONTROL_READ_MRU)
			expect_silence(a, end, MODE6_IGNORED);
		else if (want[op] == -1)
			ck_assert_msg(end == MODE6_ANSWERED && a->head[0].op == op, "opcode %u", op);
		else
			expect_error(a, end, op > CONTROL_REQ_NONCE ? CERR_BADOP : (enum control_err)want[op]);
	}
	asker_free(a);
}
END_TEST

START_TEST(outstanding_origins_and_ports_are_nowhere)
{
	struct asker *a = asker_new();

	for (size_t i = 0; i < vars_count(VARS_PEER); i++) {
		const char *name = vars_info(VARS_PEER, i).name;

		ck_assert_int_eq(ask(a, CONTROL_READVAR, 54485, name), MODE6_ANSWERED);
		/* That of the request which is out, and of the last one answered. */
		ck_assert_msg(strstr(a->data, "5ec2e7c0") == NULL && strstr(a->data, "ffee1234") == NULL, "%s", name);
		ck_assert_msg(strstr(a->data, "11112222") == NULL && strstr(a->data, "33334444") == NULL, "%s", name);
		ck_assert_msg(strstr(a->data, "54321") == NULL, "%s", name);
	}
	asker_free(a);
}
END_TEST

START_TEST(the_budget_ends_in_silence_for_strangers_and_never_for_localhost)
{
	struct asker *a = asker_new();
	size_t got = 0, rounds = 0;

	while (ask(a, CONTROL_READVAR, 0, "") == MODE6_ANSWERED) {
		got += a->octets;
		ck_assert_uint_lt(rounds++, 10000);
	}
	ck_assert_uint_le(got, BUDGET_BURST);
	ck_assert_uint_gt(got, BUDGET_BURST - 2 * 480);
	expect_silence(a, ask(a, CONTROL_READVAR, 0, ""), MODE6_SILENCED);
	ck_assert_uint_eq(a->m->silences, 2);
	a->from = v4(192, 0, 2, 8, 40000);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, ""), MODE6_ANSWERED);
	a->from = v4(127, 0, 0, 1, 40000);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, ""), MODE6_ANSWERED);
	a->from = v4(192, 0, 2, 7, 40000);
	a->f.v.now.mono = monotime_add(a->f.v.now.mono, 1);
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, ""), MODE6_ANSWERED);
	asker_free(a);
}
END_TEST

/* What the first look says of a request. */
static bool
admits(const struct asker *a, uint8_t op, const char *text)
{
	struct control h = { .version = 2, .op = op, .sequence = 1, .count = (uint16_t)strlen(text) };
	uint8_t buf[CONTROL_HEADER_LEN + 256] = { 0 };
	struct mode6_request rq = { .buf = buf, .len = CONTROL_HEADER_LEN + (strlen(text) + 3) / 4 * 4, .from = a->from };

	control_build(&h, buf);
	memcpy(buf + CONTROL_HEADER_LEN, text, strlen(text));
	return mode6_admits(a->m, &rq, a->f.v.keys, a->f.v.controlkey, a->f.v.now.mono);
}

START_TEST(over_the_budget_a_first_look_admits_only_who_need_not_pay)
{
	struct asker *a = asker_new();
	char nonce[NONCE_DIGITS + 1], text[128];
	uint64_t before;

	ck_assert(nonce_make(&a->m->secret, &a->from, a->f.v.now.mono, nonce));
	snprintf(text, sizeof(text), "nonce=%s, frags=8", nonce);
	ck_assert(admits(a, CONTROL_READVAR, ""));
	while (ask(a, CONTROL_READVAR, 0, "") == MODE6_ANSWERED)
		continue;
	before = a->m->silences;
	ck_assert(!admits(a, CONTROL_READVAR, ""));
	ck_assert(!admits(a, CONTROL_CONFIGURE, "disable monitor"));
	ck_assert(!admits(a, CONTROL_READ_MRU, "nonce=00000000000000000000000000000000, frags=8"));
	ck_assert(!admits(a, CONTROL_READ_MRU, "frags=8"));
	ck_assert_uint_eq(a->m->silences, before + 4);
	ck_assert(admits(a, CONTROL_READ_MRU, text));
	a->from = v4(127, 0, 0, 1, 40000);
	ck_assert(admits(a, CONTROL_READVAR, ""));
	a->from = v4(192, 0, 2, 7, 40000);
	a->f.v.now.mono = monotime_add(a->f.v.now.mono, 1);
	ck_assert(admits(a, CONTROL_READVAR, ""));
	ck_assert_uint_eq(a->m->silences, before + 4);
	asker_free(a);
}
END_TEST

START_TEST(a_whole_ipv6_network_shares_one_budget)
{
	struct asker *a = asker_new();

	a->from = (struct addr){ .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, .family = 6, .port = 40000 };
	while (ask(a, CONTROL_READVAR, 0, "") == MODE6_ANSWERED)
		a->from.ip[15]++;
	a->from.ip[8] = 0xaa;
	expect_silence(a, ask(a, CONTROL_READVAR, 0, ""), MODE6_SILENCED);
	a->from.ip[7] = 1;
	ck_assert_int_eq(ask(a, CONTROL_READVAR, 0, ""), MODE6_ANSWERED);
	asker_free(a);
}
END_TEST

/* --- the MRU list ---------------------------------------------------------------------------- */

static void
get_nonce(struct asker *a, char out[static NONCE_DIGITS + 1])
{
	ck_assert_int_eq(ask(a, CONTROL_REQ_NONCE, 0, ""), MODE6_ANSWERED);
	ck_assert_uint_eq(a->len, 6 + NONCE_DIGITS + 2);
	ck_assert_mem_eq(a->data, "nonce=", 6);
	memcpy(out, a->data + 6, NONCE_DIGITS);
	out[NONCE_DIGITS] = '\0';
}

static enum mode6_end
ask_mru(struct asker *a, const char *params)
{
	char text[600], nonce[NONCE_DIGITS + 1];

	get_nonce(a, nonce);
	snprintf(text, sizeof(text), "nonce=%s, %s", nonce, params);
	return ask(a, CONTROL_READ_MRU, 0, text);
}

static struct mru *
mru_of(size_t n, struct asker *a)
{
	static const struct mru_key key = { { 1, 2 } };
	struct mru_opts o = mru_defaults;
	struct mru *m;

	o.maxdepth = 100000;
	m = mru_new(&o, &key);
	ck_assert_ptr_nonnull(m);
	for (size_t i = 0; i < n; i++) {
		struct mru_sight s = { .addr = v4(10, 1, (uint8_t)(i >> 8), (uint8_t)i, (uint16_t)(1000 + i)), .flags = 0, .version = 4, .mode = 3 };

		ck_assert_ptr_nonnull(mru_note(m, &s, (struct monotime){ S(2000) + (int64_t)i * 1000000 }, 3, 0));
	}
	a->f.v.mrus = (struct mrus){ .list = { m }, .n = 1 };
	mrus_get_stats(&a->f.v.mrus, &a->f.v.mru_stats);
	return m;
}

START_TEST(without_a_good_nonce_the_mru_list_is_silent)
{
	struct asker *a = asker_new();
	struct mru *m = mru_of(3, a);
	char nonce[NONCE_DIGITS + 1], text[200];

	expect_silence(a, ask(a, CONTROL_READ_MRU, 0, "frags=8"), MODE6_IGNORED);
	expect_silence(a, ask(a, CONTROL_READ_MRU, 0, "nonce=00000000000000000000000000000000, frags=8"), MODE6_IGNORED);
	get_nonce(a, nonce);
	snprintf(text, sizeof(text), "nonce=%s, frags=8", nonce);
	ck_assert_int_eq(ask(a, CONTROL_READ_MRU, 0, text), MODE6_ANSWERED);
	a->from.port++;
	expect_silence(a, ask(a, CONTROL_READ_MRU, 0, text), MODE6_IGNORED);
	a->from.port--;
	a->f.v.now.mono = monotime_add(a->f.v.now.mono, 17);
	expect_silence(a, ask(a, CONTROL_READ_MRU, 0, text), MODE6_IGNORED);
	mru_free(m);
	asker_free(a);
}
END_TEST

START_TEST(nomrulist_is_said)
{
	struct asker *a = asker_new();

	a->flags = RESTRICT_NOMRULIST;
	expect_error(a, ask_mru(a, "frags=8"), CERR_PERMISSION);
	asker_free(a);
}
END_TEST

START_TEST(bad_parameters_of_the_mru_list_are_bad_values)
{
	static const char *const rows[] = {
		"", "frags=0", "frags=129", "frags=-1", "frags=4294967296", "frags=1x", "frags=", "frags", "limit=0", "limit=257", "limit=-5",
		"frags=8, mincount=-1", "frags=8, mincount=4294967296", "frags=8, resall=1", "frags=8, resany=0x", "frags=8, resall=0x10000",
		"frags=8, addr.0=10.0.0.1:123", "frags=8, last.0=0x00000001.00000001", "frags=8, addr.1=10.0.0.1:123, last.1=0x00000001.00000001",
		"frags=8, addr.-1=10.0.0.1:123", "frags=8, addr.16=10.0.0.1:123", "frags=8, addr.0=10.0.0.1, last.0=0x00000001.00000001",
		"frags=8, addr.0=10.0.0.1:65536, last.0=0x00000001.00000001", "frags=8, addr.0=::1:5, last.0=0x00000001.00000001",
		"frags=8, addr.0=10.0.0.1:123, last.0=1.5", "frags=8, addr.0=10.0.0.1:123, last.0=0x0000000g.00000001",
		"frags=8, addr.0=10.0.0.1:1, addr.0=10.0.0.1:2, last.0=0x00000001.00000001", "frags=8, laddr=nowhere", "frags=8, minscore=many",
		"frags=8, mincount=\"3", "frags=8, addr.0=[fe80::1%abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz]:1",
	};
	struct asker *a = asker_new();

	for (size_t i = 0; i < NELEMS(rows); i++) {
		enum mode6_end end = ask_mru(a, rows[i]);

		ck_assert_msg(end == MODE6_ERROR, "%s", rows[i]);
		expect_error(a, end, CERR_BADVALUE);
	}
	asker_free(a);
}
END_TEST

START_TEST(an_empty_list_is_complete_at_once)
{
	struct asker *a = asker_new();

	ck_assert_int_eq(ask_mru(a, "frags=8"), MODE6_ANSWERED);
	ck_assert_mem_eq(a->data, "nonce=", 6);
	ck_assert_ptr_nonnull(strstr(a->data, "now=0xeeadcaee.40000000"));
	ck_assert_ptr_null(strstr(a->data, "last.newest"));
	asker_free(a);
}
END_TEST

START_TEST(a_row_shows_all_that_is_known_of_an_address)
{
	struct asker *a = asker_new();
	struct mru *m = mru_of(1, a);

	/* Heard at 2000 s by the monotime, which is 10000.25 now: 8000.25 s ago. */
	ck_assert_int_eq(ask_mru(a, "limit=256"), MODE6_ANSWERED);
	ck_assert_mem_eq(a->data, "nonce=", 6);
	ck_assert_str_eq(a->data + 6 + NONCE_DIGITS,
	    ", addr.0=10.1.0.0:1000,\r\nlast.0=0xeeadabae.00000000, first.0=0xeeadabae.00000000, ct.0=1,\r\n"
	    "mv.0=35, rs.0=0x0, dr.0=0, sc.0=0.000, now=0xeeadcaee.40000000,\r\nlast.newest=0xeeadabae.00000000\r\n");
	mru_free(m);
	asker_free(a);
}
END_TEST

/* The value of an item, up to its separator; false if it is not there. */
static bool
value_of(const struct asker *a, const char *name, char *out, size_t cap)
{
	char key[40];
	const char *p;

	snprintf(key, sizeof(key), "%s=", name);
	for (p = strstr(a->data, key); p != NULL && p > a->data && p[-1] != ' ' && p[-1] != '\n'; p = strstr(p + 1, key))
		;
	if (p == NULL)
		return false;
	snprintf(out, cap, "%.*s", (int)strcspn(p + strlen(key), ",\r"), p + strlen(key));
	return true;
}

/* Copies the list as ntpq does and counts how often each of the n addresses came. */
static void
walk(struct asker *a, const char *how, size_t n, unsigned seen[], unsigned frags)
{
	char params[200], addr[80] = "", last[40] = "", name[32], value[80];

	for (size_t rounds = 0; rounds < 2 * n + 2; rounds++) {
		size_t i;

		if (addr[0] == '\0')
			snprintf(params, sizeof(params), "%s", how);
		else
			snprintf(params, sizeof(params), "%s, addr.0=%s, last.0=%s", how, addr, last);
		ck_assert_int_eq(ask_mru(a, params), MODE6_ANSWERED);
		ck_assert_uint_le(a->n, frags);
		for (i = 0; snprintf(name, sizeof(name), "addr.%zu", i) > 0 && value_of(a, name, addr, sizeof(addr)); i++) {
			unsigned b, c, port;

			ck_assert_int_eq(sscanf(addr, "10.1.%u.%u:%u", &b, &c, &port), 3);
			ck_assert_uint_lt(b << 8 | c, n);
			seen[b << 8 | c]++;
			snprintf(name, sizeof(name), "last.%zu", i);
			ck_assert(value_of(a, name, last, sizeof(last)));
			snprintf(name, sizeof(name), "dr.%zu", i);
			ck_assert(value_of(a, name, value, sizeof(value)));
		}
		if (value_of(a, "now", value, sizeof(value)))
			return;
		ck_assert_msg(i > 0, "no progress with %s", params);
		snprintf(name, sizeof(name), "addr.%zu", i - 1);
		ck_assert(value_of(a, name, addr, sizeof(addr)));
	}
	ck_abort_msg("no end with %s", how);
}

START_TEST(walking_the_list_meets_every_entry_once)
{
	static const struct { const char *how; unsigned frags; } rows[] = {
		{ "frags=1", 1 }, { "frags=2", 2 }, { "frags=32", 32 }, { "frags=128", 128 }, { "limit=256", 128 }, { "limit=2", 128 },
		{ "frags=4, limit=7", 4 },
	};
	struct asker *a = asker_new();
	struct mru *m = mru_of(300, a);

	for (size_t i = 0; i < NELEMS(rows); i++) {
		unsigned seen[300] = { 0 };

		a->from = v4(127, 0, 0, 1, 40000);
		walk(a, rows[i].how, 300, seen, rows[i].frags);
		for (size_t j = 0; j < 300; j++)
			ck_assert_msg(seen[j] == 1, "%s: %zu came %u times", rows[i].how, j, seen[j]);
	}
	mru_free(m);
	asker_free(a);
}
END_TEST

START_TEST(what_was_heard_again_is_no_starting_point)
{
	struct asker *a = asker_new();
	struct mru *m = mru_of(4, a);
	struct mru_sight again = { .addr = v4(10, 1, 0, 1, 1001), .version = 4, .mode = 3 };
	const struct mru_entry *e;
	char params[300], l0[24], l1[24];

	ck_assert_int_eq(ask_mru(a, "frags=8"), MODE6_ANSWERED);
	ck_assert(value_of(a, "last.0", l0, sizeof(l0)));
	ck_assert(value_of(a, "last.1", l1, sizeof(l1)));
	ck_assert_ptr_nonnull(mru_note(m, &again, (struct monotime){ S(3000) }, 3, 0));
	/* The second is not as it was, the first is: go on behind it. */
	snprintf(params, sizeof(params), "frags=8, addr.0=10.1.0.1:1001, last.0=%s, addr.1=10.1.0.0:1000, last.1=%s", l1, l0);
	ck_assert_int_eq(ask_mru(a, params), MODE6_ANSWERED);
	ck_assert_ptr_nonnull(strstr(a->data, "addr.older=10.1.0.0:1000"));
	ck_assert_mem_eq(a->data, "last.older=", 11);
	ck_assert_ptr_nonnull(strstr(a->data, "addr.0=10.1.0.2:1002"));
	ck_assert_ptr_nonnull(strstr(a->data, "addr.2=10.1.0.1:1001"));
	snprintf(params, sizeof(params), "frags=8, addr.0=10.1.0.1:1001, last.0=%s", l1);
	expect_error(a, ask_mru(a, params), CERR_UNKNOWNVAR);
	/* Another port is another entry to a reader. */
	snprintf(params, sizeof(params), "frags=8, addr.0=10.1.0.0:1001, last.0=%s", l0);
	expect_error(a, ask_mru(a, params), CERR_UNKNOWNVAR);
	/* limit=1 asks for the entry itself. */
	snprintf(params, sizeof(params), "limit=1, addr.0=10.1.0.0:1000, last.0=%s", l0);
	ck_assert_int_eq(ask_mru(a, params), MODE6_ANSWERED);
	ck_assert_ptr_nonnull(strstr(a->data, "addr.0=10.1.0.0:1000"));
	e = mru_newest(m);
	ck_assert_uint_eq(e->addr.port, 1001);
	mru_free(m);
	asker_free(a);
}
END_TEST

START_TEST(instants_stay_put_while_the_clock_is_slewed_and_follow_a_step)
{
	struct asker *a = asker_new();
	struct mru *m = mru_of(1, a);
	char before[24], slewed[24], stepped[24];

	ck_assert_int_eq(ask_mru(a, "frags=1"), MODE6_ANSWERED);
	ck_assert(value_of(a, "last.0", before, sizeof(before)));
	a->f.v.now.wall = walltime_add(a->f.v.now.wall, 0.4);
	ck_assert_int_eq(ask_mru(a, "frags=1"), MODE6_ANSWERED);
	ck_assert(value_of(a, "last.0", slewed, sizeof(slewed)));
	ck_assert_str_eq(before, slewed);
	a->f.v.now.wall = walltime_add(a->f.v.now.wall, 3599.6);
	ck_assert_int_eq(ask_mru(a, "frags=1"), MODE6_ANSWERED);
	ck_assert(value_of(a, "last.0", stepped, sizeof(stepped)));
	ck_assert_str_eq(stepped, "0xeeadb9be.00000000");
	mru_free(m);
	asker_free(a);
}
END_TEST

static size_t
rows_for(struct asker *a, const char *params)
{
	char name[20], value[80];
	size_t i = 0;

	ck_assert_int_eq(ask_mru(a, params), MODE6_ANSWERED);
	while (snprintf(name, sizeof(name), "addr.%zu", i) > 0 && value_of(a, name, value, sizeof(value)))
		i++;
	return i;
}

START_TEST(filters_leave_rows_out)
{
	struct asker *a = asker_new();
	struct mru *m = mru_of(10, a);
	struct mru_sight again = { .addr = v4(10, 1, 0, 1, 1001), .flags = RESTRICT_LIMITED | RESTRICT_KOD, .version = 4, .mode = 3 };

	a->from = v4(127, 0, 0, 1, 40000);
	ck_assert_ptr_nonnull(mru_note(m, &again, (struct monotime){ S(9990) }, 3, 0));
	ck_assert_uint_eq(rows_for(a, "frags=32"), 10);
	ck_assert_uint_eq(rows_for(a, "frags=32, mincount=2"), 1);
	ck_assert_uint_eq(rows_for(a, "frags=32, mincount=3"), 0);
	ck_assert_uint_eq(rows_for(a, "frags=32, resany=0x40"), 1);
	ck_assert_uint_eq(rows_for(a, "frags=32, resall=0x840"), 1);
	ck_assert_uint_eq(rows_for(a, "frags=32, resall=0x841"), 0);
	ck_assert_uint_eq(rows_for(a, "frags=32, maxlstint=11"), 1);
	ck_assert_uint_eq(rows_for(a, "frags=32, minlstint=11"), 9);
	ck_assert_uint_eq(rows_for(a, "frags=32, mindrop=1"), 0);
	ck_assert_uint_eq(rows_for(a, "frags=32, recent=4"), 4);
	ck_assert_uint_eq(rows_for(a, "frags=32, recent=4000"), 10);
	mru_free(m);
	asker_free(a);
}
END_TEST

UNIT_MAIN("control/mode6", the_default_answer_has_what_ntpstat_needs_in_its_first_datagram,
    the_default_answer_is_in_order_and_ends_its_line, requested_variables_come_in_the_order_of_the_table,
    a_variable_without_a_value_is_left_out, an_unknown_variable_means_no_data_at_all, status_of_the_system_lists_all_associations,
    status_of_an_association_is_its_default_variables, versions_1_to_4_are_echoed_and_no_others_answered,
    responses_errors_fragments_and_stumps_are_no_requests, our_own_answers_fed_back_are_ignored,
    counts_and_lengths_that_do_not_agree_are_a_bad_format, an_unknown_association_is_named_as_such,
    a_reference_clock_shows_its_variables, malformed_lists_end_in_error_5_or_6,
    random_octets_are_answered_or_not_but_never_badly, five_hundred_associations_are_listed_whole,
    a_long_answer_is_cut_between_items_and_fits_what_a_client_keeps, an_answer_with_every_name_and_full_width_fits_what_a_client_keeps,
    names_of_255_octets_go_out_whole, every_opcode_has_its_answer_and_changes_nothing, outstanding_origins_and_ports_are_nowhere,
    the_budget_ends_in_silence_for_strangers_and_never_for_localhost,
    over_the_budget_a_first_look_admits_only_who_need_not_pay, a_whole_ipv6_network_shares_one_budget,
    without_a_good_nonce_the_mru_list_is_silent, nomrulist_is_said, bad_parameters_of_the_mru_list_are_bad_values,
    an_empty_list_is_complete_at_once, a_row_shows_all_that_is_known_of_an_address, walking_the_list_meets_every_entry_once,
    what_was_heard_again_is_no_starting_point, instants_stay_put_while_the_clock_is_slewed_and_follow_a_step, filters_leave_rows_out)
