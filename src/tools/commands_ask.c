/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that ask servers: each reads its arguments and hands over to a listing. */
#include <string.h>

#include "command_fns.h"
#include "listings.h"

bool
do_peers(struct session *s, const struct command *self, int argc, char **argv)
{
	static const struct { const char *name; enum peers_layout layout; bool all; } kinds[] = {
		{ "peers", PEERS_REFID, false }, { "lpeers", PEERS_REFID, true }, { "apeers", PEERS_ASSID, false },
		{ "opeers", PEERS_LOCAL, false }, { "lopeers", PEERS_LOCAL, true }, { "rpeers", PEERS_NAME_LAST, false },
	};
	int family = 0;

	if (argc == 1) {
		if (strcmp(argv[0], "-4") != 0 && strcmp(argv[0], "-6") != 0)
			return complain_usage(self);
		family = argv[0][1] - '0';
	}
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		if (strcmp(kinds[i].name, self->name) == 0)
			return list_peers(s, kinds[i].layout, kinds[i].all, family);
	}
	return false;
}

bool
do_assocs(struct session *s, const struct command *self, int argc, char **argv)
{
	bool all = self->name[0] == 'l', fresh = strstr(self->name, "passoc") == NULL;

	(void)argc;
	(void)argv;
	return list_assocs(s, all, fresh);
}

void
join_names(int argc, char **argv, struct strb *names)
{
	for (int i = 0; i < argc; i++)
		strb_add(names, "%s%s", i > 0 ? "," : "", argv[i]);
}

bool
names_an_association(const char *arg)
{
	return arg[0] == '&' || (arg[0] >= '0' && arg[0] <= '9');
}

/* What to ask for: names that were given, or else, with the commands for lists, those of addvars. */
static void
add_names(const struct session *s, const struct command *c, int argc, char **argv, struct strb *names)
{
	static const char *const for_lists[] = { "readlist", "rl", "clocklist", "cl", "mreadlist", "mrl" };

	join_names(argc, argv, names);
	for (size_t i = 0; argc == 0 && i < NELEMS(for_lists); i++) {
		if (strcmp(c->name, for_lists[i]) == 0)
			varlist_put(&s->list, false, names);
	}
}

bool
do_readvar(struct session *s, const struct command *self, int argc, char **argv)
{
	char buf[CONTROL_DATA_MAX + 2];		/* one more than fits a request, so that too long shows as such */
	struct strb names = strb_init(buf, sizeof(buf));
	uint16_t associd = 0;

	if (argc > 0 && names_an_association(argv[0])) {
		if (!session_assoc(s, argv[0], &associd))
			return false;
		argc--;
		argv++;
	}
	add_names(s, self, argc, argv, &names);
	return list_vars(s, self->name[0] == 'c' ? CONTROL_READCLOCK : CONTROL_READVAR, associd, buf);
}

bool
do_mreadvar(struct session *s, const struct command *self, int argc, char **argv)
{
	char buf[CONTROL_DATA_MAX + 2];
	struct strb names = strb_init(buf, sizeof(buf));
	size_t first, last;

	if (!session_assoc_index(s, argv[0], &first) || !session_assoc_index(s, argv[1], &last))
		return false;
	add_names(s, self, argc - 2, argv + 2, &names);
	if (first > last) {
		size_t swap = first;

		first = last;
		last = swap;
	}
	for (size_t i = first; i <= last; i++) {
		if (i > first && !s->json)
			putc('\n', s->out);
		if (s->layout == LAYOUT_NTPSEC && names.len > 0 && !s->json)
			fprintf(s->out, "associd=%u ", s->assocs[i].id);
		if (!list_vars(s, CONTROL_READVAR, s->assocs[i].id, buf))
			return false;
	}
	return true;
}

bool
do_table(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return list_table(s, self->name, 0);
}

bool
do_pstats(struct session *s, const struct command *self, int argc, char **argv)
{
	uint16_t associd;

	(void)argc;
	if (!session_assoc(s, argv[0], &associd))
		return false;
	if (associd == 0)
		return complain_usage(self);
	return list_table(s, self->name, associd);
}

bool
do_mrulist(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)self;
	return list_mru(s, argc, argv);
}

bool
do_ordered(struct session *s, const struct command *self, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return list_ordered(s, self->name);
}
