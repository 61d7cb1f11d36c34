/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes listings as JSON (RFC 8259). */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "json.h"
#include "wire/control.h"

/* JSON is UTF-8, which the octets of strangers need not be: what is not ASCII is written as U+0080 … U+00FF. */
static void
put_string(FILE *out, const char *s, size_t len)
{
	putc('"', out);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

/* Digits, at least one, from *i on. */
static bool
digits(const char *s, size_t len, size_t *i)
{
	size_t begin = *i;

	while (*i < len && isdigit((unsigned char)s[*i]))
		(*i)++;
	return *i > begin;
}

/* Whether the octets are a number in JSON's grammar. */
static bool
is_number(const char *s, size_t len)
{
	size_t i = 0;

	if (i < len && s[i] == '-')
		i++;
	if (i + 1 < len && s[i] == '0' && isdigit((unsigned char)s[i + 1]))
		return false;
	if (!digits(s, len, &i))
		return false;
	if (i < len && s[i] == '.') {
		i++;
		if (!digits(s, len, &i))
			return false;
	}
	if (i < len && (s[i] == 'e' || s[i] == 'E')) {
		i++;
		if (i < len && (s[i] == '+' || s[i] == '-'))
			i++;
		if (!digits(s, len, &i))
			return false;
	}
	return i == len;
}

static void
put_field(FILE *out, const struct json_field *f, const void *row)
{
	const char *at = (const char *)row + f->offset;
	double d;
	long l;
	bool b;

	fprintf(out, "\"%s\":", f->name);
	switch (f->kind) {
	case JSON_TEXT:
		put_string(out, at, strlen(at));
		return;
	case JSON_LONG:
		memcpy(&l, at, sizeof(l));
		if (l != JSON_UNKNOWN) {
			fprintf(out, "%ld", l);
			return;
		}
		break;
	case JSON_REAL:
		memcpy(&d, at, sizeof(d));
		if (isfinite(d)) {
			fprintf(out, "%.9g", d);
			return;
		}
		break;
	case JSON_BOOL:
		memcpy(&b, at, sizeof(b));
		fputs(b ? "true" : "false", out);
		return;
	}
	fputs("null", out);
}

void
json_begin(struct json *j, FILE *out, const char *command, const char *host)
{
	*j = (struct json){ .out = out };
	fputs("{\"command\":", out);
	put_string(out, command, strlen(command));
	fputs(",\"host\":", out);
	put_string(out, host, strlen(host));
	fputs(",\"rows\":[", out);
}

static void
begin_row(struct json *j)
{
	fputs(j->rows++ > 0 ? ",{" : "{", j->out);
}

void
json_row(struct json *j, const struct json_field *fields, size_t n, const void *row)
{
	begin_row(j);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			putc(',', j->out);
		put_field(j->out, &fields[i], row);
	}
	putc('}', j->out);
}

/* A name may come twice only from a server that means harm; a reader of JSON takes one of them. */
void
json_vars_row(struct json *j, unsigned associd, const char *status, const struct vars *v)
{
	const char *p = v->text, *end = v->text + v->len;
	struct control_item item;

	begin_row(j);
	fprintf(j->out, "\"associd\":%u,\"status\":", associd);
	put_string(j->out, status, strlen(status));
	fputs(",\"variables\":{", j->out);
	for (bool first = true; control_next(&p, end, &item) == LIST_ITEM; first = false) {
		bool quoted = item.value != NULL && item.value[-1] == '"';

		if (!first)
			putc(',', j->out);
		put_string(j->out, item.name, item.name_len);
		putc(':', j->out);
		if (item.value == NULL)
			fputs("null", j->out);
		else if (!quoted && is_number(item.value, item.value_len))
			fwrite(item.value, 1, item.value_len, j->out);
		else
			put_string(j->out, item.value, item.value_len);
	}
	fputs("}}", j->out);
}

void
json_end(struct json *j)
{
	fputs("]}\n", j->out);
}
