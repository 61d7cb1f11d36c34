/* SPDX-License-Identifier: BSD-2-Clause */
/* Who runs here, when the daemon of this machine answers no question about itself. */
#ifndef TOOLS_FOREIGN_H
#define TOOLS_FOREIGN_H

/*
 * A sentence on a daemon that cannot be asked by mode 6, and what to do instead: chronyd (its command socket listens), or one that gives the
 * time and no answers.  NULL if there is none.  Takes up to half a second for each address of this machine.
 */
const char *foreign_daemon(void);

#endif
