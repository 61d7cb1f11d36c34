/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the holder of the control key: looked at once more, then handed up to who can carry them out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/ntp.h"
#include "talk.h"

#define SAVE_NAME_MAX	128	/* octets of a file name, NUL included */

void
talk_refused(const struct talk *k, const char *why)
{
	if (k->rq->hands != NULL)
		k->rq->hands->refused(k->rq->hands->arg, &k->rq->from, k->head.op, why);
}

/* The answer is a sentence, not a list. */
static int
say(struct talk *k, const char *sentence)
{
	text_add(&k->out, "%s\r\n", sentence);
	return NO_ERROR;
}

static int
say_refused(struct talk *k, const char *sentence, const char *why)
{
	talk_refused(k, why);
	return say(k, sentence);
}

/* Has this very request not been carried out yet?  If it has, *sentence says so. */
static bool
is_fresh(struct talk *k, const char **sentence)
{
	uint64_t hash;

	*sentence = "the request cannot be told from a repetition, so it is refused";
	if (!nonce_hash(&k->m->secret, k->rq->buf, k->covered, &hash))
		return false;
	switch (replay_take(&k->m->replay, hash)) {
	case REPLAY_FRESH:
		return true;
	case REPLAY_SEEN:
		*sentence = "this very request has been carried out before and may be played back by somebody, so it is refused; "
		    "with a comment (# again) behind it, it is another";
		return false;
	case REPLAY_FULL:
		*sentence = "too many changes since start to tell new ones from repetitions, so this one is refused";
		return false;
	}
	return false;
}

int
change_configuration(struct talk *k)
{
	const struct mode6_hands *h = k->rq->hands;
	char reply[MODE6_REPLY_MAX] = "";
	const char *sentence;

	if (h == NULL)
		return CERR_PERMISSION;
	if (k->head.associd != 0)
		return CERR_BADVALUE;
	if ((k->rq->flags & RESTRICT_NOMODIFY) != 0)
		return say_refused(k, "runtime configuration prohibited by restrict ... nomodify", "restrict ... nomodify");
	if (!is_fresh(k, &sentence))
		return say_refused(k, sentence, "it has been carried out before");
	h->configure(h->arg, &k->rq->from, k->data, k->head.count, reply);
	return say(k, reply);
}

/* A name that stays in its directory. */
static bool
is_plain_name(const char *s, size_t len)
{
	if (len == 0 || len >= SAVE_NAME_MAX || (!isalnum((unsigned char)s[0]) && s[0] != '_'))
		return false;
	for (size_t i = 1; i < len; i++) {
		/* % begins what strftime fills in. */
		if (!isalnum((unsigned char)s[i]) && (s[i] == '\0' || strchr("-._+%", s[i]) == NULL))
			return false;
	}
	return true;
}

int
change_saved(struct talk *k)
{
	const struct mode6_hands *h = k->rq->hands;
	char name[SAVE_NAME_MAX], reply[MODE6_REPLY_MAX] = "";
	const char *sentence;
	size_t len = strnlen(k->data, k->head.count);

	if (h == NULL)
		return CERR_PERMISSION;
	if (k->head.associd != 0)
		return CERR_BADVALUE;
	if ((k->rq->flags & RESTRICT_NOMODIFY) != 0)
		return say_refused(k, "saveconfig prohibited by restrict ... nomodify", "restrict ... nomodify");
	if (!is_plain_name(k->data, len))
		return say_refused(k, "saveconfig takes a file name of letters, digits and - . _ + only, no path", "not a plain file name");
	if (!is_fresh(k, &sentence))
		return say_refused(k, sentence, "it has been carried out before");
	memcpy(name, k->data, len);
	name[len] = '\0';
	h->save(h->arg, &k->rq->from, name, reply);
	return say(k, reply);
}

static const struct control_setvar *
find_setvar(const struct control_view *v, const struct control_item *item)
{
	for (size_t i = 0; i < v->nsetvars; i++) {
		if (strlen(v->setvars[i].name) == item->name_len && memcmp(v->setvars[i].name, item->name, item->name_len) == 0)
			return &v->setvars[i];
	}
	return NULL;
}

/* ntpd's one variable that counts as writable, and is not written all the same: whatever is wrong with the value is said, or else nothing. */
static int
refuse_leap(const struct control_item *item)
{
	if (item->value == NULL || item->value_len == 0 || item->value_len > 9)
		return CERR_BADFMT;
	for (size_t i = 0; i < item->value_len; i++)
		if (!isdigit((unsigned char)item->value[i]))
			return CERR_BADFMT;
	return strtoul(item->value, NULL, 10) > LEAP_UNSYNC ? CERR_BADVALUE : CERR_UNSPEC;
}

/* NAME=VALUE as the line of configuration that says the same; variables of ours are read-only. */
static int
put_assignment(struct text *t, const struct control_view *v, const struct control_item *item)
{
	const struct control_setvar *sv = find_setvar(v, item);
	struct var_set known = { 0 };

	if (sv == NULL && item->name_len == 4 && memcmp(item->name, "leap", 4) == 0)
		return refuse_leap(item);
	if (sv == NULL)
		return vars_want(&known, VARS_SYSTEM, v, item->name, item->name_len) ? CERR_PERMISSION : CERR_UNKNOWNVAR;
	if (item->value == NULL)
		return CERR_BADFMT;
	if (item->value_len == 0 || memchr(item->value, '"', item->value_len) != NULL)
		return CERR_BADVALUE;
	text_add(t, "setvar %s = \"%.*s\"%s\n", sv->name, (int)item->value_len, item->value, sv->by_default ? " default" : "");
	return t->over ? CERR_BADVALUE : NO_ERROR;
}

int
change_variables(struct talk *k)
{
	const struct mode6_hands *h = k->rq->hands;
	const char *p = k->data, *end = p + k->head.count, *sentence;
	char lines[4 * CONTROL_DATA_MAX], reply[MODE6_REPLY_MAX] = "";
	struct control_item item;
	enum control_list got;
	struct text t;
	int err = NO_ERROR;

	if (h == NULL || k->head.associd != 0 || (k->rq->flags & RESTRICT_NOMODIFY) != 0) {
		talk_refused(k, k->head.associd != 0 ? "variables of associations are read-only" : "restrict ... nomodify");
		return CERR_PERMISSION;
	}
	text_init(&t, lines, sizeof(lines));
	while (err == NO_ERROR && (got = control_next(&p, end, &item)) == LIST_ITEM)
		err = put_assignment(&t, k->v, &item);
	if (err != NO_ERROR)
		return err;
	if (got == LIST_BAD || t.len == 0)
		return CERR_BADVALUE;
	if (!is_fresh(k, &sentence)) {
		talk_refused(k, "it has been carried out before");
		return CERR_PERMISSION;
	}
	return h->configure(h->arg, &k->rq->from, lines, t.len, reply) ? NO_ERROR : CERR_BADVALUE;
}
