/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the host's clocks, as the kernel's and the software clock both do. */
#ifndef SYSCLOCK_HOST_H
#define SYSCLOCK_HOST_H

#include "sysclock/sysclock.h"

void host_read(const void *driver, struct walltime *host, struct monotime *mono);
void host_watch(const void *driver, struct watchpoint *w);

#endif
