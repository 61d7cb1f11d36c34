/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts (Control-C) as a readable descriptor, so that one ends a command and not ntpq. */
#ifndef TOOLS_INTERRUPT_H
#define TOOLS_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt { sigset_t before; bool ours; };

/* From now on SIGINT makes *fd readable; if *fd is open already (not -1), that stays as it is.  Without a descriptor to spare nothing changes. */
void interrupt_catch(struct interrupt *i, int *fd);

/* Has there been one since? */
bool interrupt_seen(int fd);

/* Forgets those that have been. */
void interrupt_forget(int fd);

/* Ends it, and forgets interrupts that came too late. */
void interrupt_let_go(struct interrupt *i, int *fd);

#endif
