/* SPDX-License-Identifier: BSD-2-Clause */
/* Variables as lists (readvar). */
#include <string.h>

#include "listings.h"

/* In front of every answer when several hosts are asked, so that each line block says whose it is. */
void
put_server(const struct session *s)
{
	if (s->server_width > 0)
		fprintf(s->out, "server=%s ", s->host);
}

enum status_kind
status_kind(enum control_op op, uint16_t associd)
{
	if (op == CONTROL_READCLOCK)
		return STATUS_CLOCK;
	return associd == 0 ? STATUS_SYSTEM : STATUS_PEER;
}

void
put_status(struct session *s, enum control_op op, uint16_t associd, uint16_t status)
{
	char words[200];

	if (s->raw)
		fprintf(s->out, "associd=%u status=0x%04x,\n", associd, status);
	else
		fprintf(s->out, "associd=%u status=%04x %s,\n", associd, status,
		    words_status(status_kind(op, associd), status, words, sizeof(words)));
}

/* The answer as it came, but for carriage returns and what would act on a terminal. */
void
put_raw(FILE *out, const struct vars *v)
{
	const char *p = v->text, *end = v->text + v->len;

	while (p < end) {
		const char *line = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((line != NULL ? line : end) - p);

		put_visible(out, p, len > 0 && p[len - 1] == '\r' ? len - 1 : len);
		putc('\n', out);
		p += len + 1;
	}
}

bool
list_vars(struct session *s, enum control_op op, uint16_t associd, const char *names)
{
	struct cook_view view = session_view(s);
	char words[200];
	struct json j;
	struct vars v;
	uint16_t status;

	if (!session_ask(s, op, associd, names))
		return false;
	v = session_answer(s);
	status = s->query.assembly.status;
	if (s->json) {
		json_begin(&j, s->out, op == CONTROL_READCLOCK ? "clockvar" : "readvar", s->host);
		json_vars_row(&j, associd, words_status(status_kind(op, associd), status, words, sizeof(words)), &v);
		json_end(&j);
		return true;
	}
	put_server(s);
	/* Who asks for certain variables wants these alone. */
	if (names[0] == '\0' || s->old_rv)
		put_status(s, op, associd, status);
	if (s->raw)
		put_raw(s->out, &v);
	else
		cook_list(s->out, &view, &v, session_list_width(s));
	return true;
}
