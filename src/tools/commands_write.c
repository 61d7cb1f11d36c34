/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that tell a server what to do, and choose the key that such requests are signed with. */
#include <errno.h>
#include <string.h>

#include "command_fns.h"
#include "listings.h"

#define PROMPT_LEN	14	/* "ntpq> :config ": where an interactive line of configuration began */
#define CONFIG_LINE_MAX	1024

/* What the server said, its carriage returns and the end of its last line off. */
static struct vars
answer_text(const struct session *s)
{
	struct vars v = session_answer(s);

	while (v.len > 0 && strchr("\r\n\t ", v.text[v.len - 1]) != NULL)
		v.len--;
	return v;
}

static bool
begins_with(const struct vars *v, const char *words)
{
	return v->len >= strlen(words) && memcmp(v->text, words, strlen(words)) == 0;
}

/* Warnings may follow. */
static bool
has_succeeded(const struct vars *v)
{
	return begins_with(v, "Config Succeeded");
}

/* "column N text": N, or -1 if the answer is none of that kind. */
static long
error_column(const struct vars *v)
{
	static const char word[] = "column ";
	struct varval n = { .s = v->text + strlen(word) };
	unsigned long u;

	if (v->len <= strlen(word) || memcmp(v->text, word, strlen(word)) != 0)
		return -1;
	while (n.s + n.len < v->text + v->len && n.s[n.len] != ' ' && n.s[n.len] != '\r')
		n.len++;
	return varval_uint(&n, &u) && u < CONTROL_DATA_MAX ? (long)u : -1;
}

/* Points at the column of the line that the server complains of; one that was just typed need not be shown again. */
static void
point_at(const struct session *s, const char *line, long column)
{
	if (!s->interactive) {
		put_visible(s->out, line, strlen(line));
		putc('\n', s->out);
	} else {
		fprintf(s->out, "%*s", PROMPT_LEN, "");
	}
	while (column-- > 0)
		putc('_', s->out);
	fputs("^\n", s->out);
}

bool
do_config(struct session *s, const struct command *self, int argc, char **argv)
{
	struct vars v;
	long column;

	(void)self;
	(void)argc;
	if (!session_ask(s, CONTROL_CONFIGURE, 0, argv[0]))
		return false;
	v = answer_text(s);
	column = error_column(&v);
	if (column >= 0)
		point_at(s, argv[0], column);
	put_raw(s->out, &v);
	return has_succeeded(&v);
}

/* Sends one line of a file and tells what came of it.  *go_on: whether the next one has a chance. */
static bool
send_line(struct session *s, const char *line, unsigned number, bool *go_on)
{
	enum query_err e = session_query(s, CONTROL_CONFIGURE, 0, line);
	struct vars v;

	*go_on = e == QUERY_OK || e == QUERY_REQUEST;
	session_complain(s, e, 0);
	if (e != QUERY_OK)
		return false;
	v = answer_text(s);
	fprintf(s->out, "Line No: %u ", number);
	put_visible(s->out, v.text, v.len);
	fputs(": ", s->out);
	put_visible(s->out, line, strlen(line));
	putc('\n', s->out);
	return has_succeeded(&v);
}

bool
do_config_from_file(struct session *s, const struct command *self, int argc, char **argv)
{
	char line[CONFIG_LINE_MAX];
	FILE *f = fopen(argv[0], "re");
	bool ok = true, go_on = true;
	unsigned number = 0;

	(void)self;
	(void)argc;
	if (f == NULL) {
		fprintf(stderr, "***%s: %s\n", argv[0], strerror(errno));
		return false;
	}
	fprintf(s->out, "Sending configuration file, one line at a time.\n");
	while (go_on && fgets(line, sizeof(line), f) != NULL) {
		size_t len = strcspn(line, "\r\n");

		number++;
		while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
			len--;
		line[len] = '\0';
		/* Nothing to obey in it. */
		if (line[strspn(line, " \t")] == '\0' || line[strspn(line, " \t")] == '#')
			continue;
		query_rested(&s->query);
		ok &= send_line(s, line, number, &go_on);
	}
	fclose(f);
	fprintf(s->out, "Done sending file\n");
	return ok;
}

bool
do_saveconfig(struct session *s, const struct command *self, int argc, char **argv)
{
	struct vars v;

	(void)self;
	(void)argc;
	if (!session_ask(s, CONTROL_SAVECONFIG, 0, argv[0]))
		return false;
	v = answer_text(s);
	put_raw(s->out, &v);
	return begins_with(&v, "Configuration saved");
}

/* Sends variables; the answer says nothing but that they were taken. */
static bool
write_vars(struct session *s, uint16_t associd, const char *data)
{
	struct vars v;

	if (!session_ask(s, CONTROL_WRITEVAR, associd, data))
		return false;
	v = answer_text(s);
	if (v.len == 0)
		fprintf(s->out, "done! (no data returned)\n");
	else
		put_raw(s->out, &v);
	return true;
}

bool
do_writevar(struct session *s, const struct command *self, int argc, char **argv)
{
	char buf[CONTROL_DATA_MAX + 2];		/* one more than fits a request, so that too long shows as such */
	struct strb data = strb_init(buf, sizeof(buf));
	uint16_t associd;

	if (argc < 2 || !names_an_association(argv[0]))
		return complain_usage(self);
	if (!session_assoc(s, argv[0], &associd))
		return false;
	join_names(argc - 1, argv + 1, &data);
	return write_vars(s, associd, buf);
}

bool
do_writelist(struct session *s, const struct command *self, int argc, char **argv)
{
	char buf[CONTROL_DATA_MAX + 2];
	struct strb data = strb_init(buf, sizeof(buf));
	uint16_t associd = 0;

	(void)self;
	if (argc == 1 && !session_assoc(s, argv[0], &associd))
		return false;
	varlist_put(&s->list, true, &data);
	if (data.len == 0) {
		fprintf(stderr, "***No variables in the list, see addvars\n");
		return false;
	}
	return write_vars(s, associd, buf);
}

bool
do_keyid(struct session *s, const struct command *self, int argc, char **argv)
{
	unsigned long n;

	(void)self;
	if (argc == 1 && !parse_between(argv[0], 1, KEY_ID_MAX, &n)) {
		fprintf(stderr, "***Invalid key identifier\n");
		return false;
	}
	if (argc == 1)
		authkey_set_id(&s->key, (uint32_t)n);
	else if (s->key.id == 0)
		fprintf(s->out, "no keyid defined\n");
	else
		fprintf(s->out, "keyid is %u\n", s->key.id);
	return true;
}

bool
do_keytype(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	if (argc == 1 && !authkey_set_type(&s->key, argv[0])) {
		fprintf(stderr, "***Keytype %.40s is not supported\n", argv[0]);
		return false;
	}
	if (argc == 0 && s->layout == LAYOUT_NTPSEC)
		fprintf(s->out, "Keytype: %s\n", s->key.type);
	else if (argc == 0)
		fprintf(s->out, "keytype is %s with %zu octet digests\n", s->key.type, authkey_digest_len(&s->key));
	return true;
}

bool
do_passwd(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	if (argc == 1 && s->key.id != 0)
		return authkey_set_secret(&s->key, argv[0]);
	if (argc == 1) {
		fprintf(stderr, "***No keyid defined, use `keyid' first\n");
		return false;
	}
	if (authkey_ask(&s->key))
		return true;
	fprintf(stderr, "***Invalid password\n");
	return false;
}

bool
do_authenticate(struct session *s, const struct command *self, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "yes") != 0 && strcmp(argv[0], "no") != 0)
		return complain_usage(self);
	if (argc == 1)
		s->authenticate = argv[0][0] == 'y';
	else
		fprintf(s->out, "%sauthenticated requests being sent\n", s->authenticate ? "" : "un");
	return true;
}
