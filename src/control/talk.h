/* SPDX-License-Identifier: BSD-2-Clause */
/* One control request under way, as those who answer it see it.  Private to this room. */
#ifndef CONTROL_TALK_H
#define CONTROL_TALK_H

#include "control/mode6.h"
#include "control/vars.h"
#include "signature.h"
#include "wire/control.h"

#define NO_ERROR	(-1)

struct talk {
	struct mode6			*m;
	const struct mode6_request	*rq;
	const struct control_view	*v;
	struct control			 head;		/* of the request */
	const char			*data;		/* head.count octets */
	struct text			 out;
	uint16_t			 status;	/* of the answer */
	const struct key		*key;		/* the request is signed with it, and so will the answer be; NULL = neither */
	size_t				 covered;	/* octets of the request that its MAC stands for */
	bool				 master;	/* the key is the control key */
	bool				 proven;	/* the asker has shown that he is where he says */
	bool				 silent;	/* no answer, not even an error */
};

/* Tells whoever runs the daemon that a request was refused. */
void talk_refused(const struct talk *k, const char *why);

/* changes.c: handlers of what changes something.  The request is signed with the control key. */
int change_variables(struct talk *k);
int change_configuration(struct talk *k);
int change_saved(struct talk *k);

/* ordered.c: ifstats and reslist. */
int read_ordered(struct talk *k);

#endif
