/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions behind the table of commands, and what they share; for the files commands*.c alone. */
#ifndef TOOLS_COMMAND_FNS_H
#define TOOLS_COMMAND_FNS_H

#include "commands.h"
#include "strb.h"

typedef bool command_fn(struct session *s, const struct command *c, int argc, char **argv);

/* commands_ask.c: what servers are asked. */
command_fn do_peers, do_assocs, do_readvar, do_mreadvar, do_table, do_pstats, do_mrulist, do_ordered;

/* commands_write.c: what they are told, and the key for it. */
command_fn do_config, do_config_from_file, do_saveconfig, do_writevar, do_writelist, do_keyid, do_keytype, do_passwd, do_authenticate;

/* commands_set.c: the session itself. */
command_fn do_version, do_ntpversion, do_host, do_hostnames, do_timeout, do_raw, do_debug, do_drefid, do_exit, do_layout, do_units,
    do_direct, do_delay, do_poll, do_logfile, do_flake, do_addvars, do_rmvars, do_clearvars, do_showvars;

/* Tells how the command is used; false, as that is what the command then returns. */
bool complain_usage(const struct command *c);

/* Reads a whole number from min to max. */
MUST_USE bool parse_between(const char *arg, unsigned long min, unsigned long max, unsigned long *n);

/* Arguments joined to a list for the server; blanks separate names as commas do. */
void join_names(int argc, char **argv, struct strb *names);

/* Is this an association (an id, or &N) and no name? */
bool names_an_association(const char *arg);

#endif
