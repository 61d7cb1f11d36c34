/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile server against ntpq: its datagrams reach every listing as if by the network.  The tool ends within its own limits of time,
 * prints visible text of bounded size, and says so when it could not do what was asked.
 *
 * Input: command (1), style (1), then datagrams: wish (1), how long it is in coming (2, ms), length and octets.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "tools/listings.h"
#include "tools/ordered.h"

#define OUTPUT_MAX	(1 << 20)
#define PATIENCE	20.0	/* s, a command's: four times first_ms … */
#define MRU_TIME	600.0	/* s, the MRU list has as a whole */
#define FREE		0.51	/* s, … and what each try may take besides, with what poll() rounds up */

enum { WISH_SEQUENCE = 1, WISH_OP = 2, WISH_ASSOC = 4, WISH_ERRNO = 8 };

/* The server and the clock.  Linked in the place of functions that take no argument by which to tell them. */
static struct {
	struct rd	in;
	uint8_t		asked[CONTROL_HEADER_LEN];	/* header of the last request */
	int64_t		ms;
	unsigned	questions;
	const struct assembly *held;			/* of the answer so far */
} world;

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
struct monotime __wrap_monotime_now(void);
struct walltime __wrap_walltime_now(void);

struct monotime
__wrap_monotime_now(void)
{
	return (struct monotime){ world.ms * 1000000 };
}

struct walltime
__wrap_walltime_now(void)
{
	return (struct walltime){ INT64_C(1795378286000000000) + world.ms * 1000000 };
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	(void)fd;
	(void)flags;
	assert(len >= CONTROL_HEADER_LEN && len <= CONTROL_MAX && len % 4 == 0);
	memcpy(world.asked, buf, sizeof(world.asked));
	world.questions++;
	return (ssize_t)len;
}

/* What is held of the last answer lies within the room for it, apart from each other. */
static void
check_assembly(const struct assembly *a)
{
	size_t held = 0;

	assert(a->nfrags <= CONTROL_FRAGMENTS_MAX && (!a->len_known || a->len <= ASSEMBLY_MAX));
	for (size_t i = 0; i < a->nfrags; i++) {
		assert(a->frags[i].begin <= a->frags[i].end && a->frags[i].end <= ASSEMBLY_MAX);
		held += a->frags[i].end - a->frags[i].begin;
		for (size_t j = 0; j < i; j++)
			assert(a->frags[j].end <= a->frags[i].begin || a->frags[i].end <= a->frags[j].begin);
	}
	assert(held == a->held);
}

/* The next datagram comes after its time, or not before the caller's patience ends. */
int
__wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct rd ahead = world.in;
	int after;

	if (n == 1) {
		/* A pause between two requests; nobody interrupts it. */
		world.ms += ms;
		return 0;
	}
	assert(n == 2 && ms > 0);
	check_assembly(world.held);
	fds[0].revents = fds[1].revents = 0;
	rd_u8(&ahead);
	after = rd_u16(&ahead) % 4096;
	if (rd_left(&world.in) == 0 || after > ms) {
		world.ms += ms;
		return 0;
	}
	world.ms += after;
	fds[0].revents = POLLIN;
	return 1;
}

ssize_t
__wrap_recv(int fd, void *buf, size_t cap, int flags)
{
	unsigned wish = rd_u8(&world.in);
	uint8_t *d, *p = buf;
	size_t len;

	(void)fd;
	(void)flags;
	rd_u16(&world.in);
	d = fuzz_datagram(&world.in, cap, &len);
	memcpy(buf, d, len);
	free(d);
	if (len >= CONTROL_HEADER_LEN && (wish & WISH_SEQUENCE) != 0)
		memcpy(p + 2, world.asked + 2, 2);
	if (len >= CONTROL_HEADER_LEN && (wish & WISH_OP) != 0)
		p[1] = (uint8_t)((p[1] & 0x60) | 0x80 | (world.asked[1] & 0x1f));
	if (len >= CONTROL_HEADER_LEN && (wish & WISH_ASSOC) != 0)
		memcpy(p + 6, world.asked + 6, 2);
	if ((wish & WISH_ERRNO) != 0) {
		errno = (wish & 16) != 0 ? ECONNREFUSED : (wish & 32) != 0 ? EAGAIN : EIO;
		return -1;
	}
	return (ssize_t)len;
}

#define KINDS		6
#define KIND_MRU	3

static bool
run(struct session *s, unsigned what, unsigned style)
{
	static const char *const tables[] = { "sysinfo", "sysstats", "kerninfo", "monstats", "iostats", "timerstats", "authinfo", "pstats" };
	struct vars v;

	s->json = style & 1;
	s->wide = style & 2;
	s->raw = style & 4;
	s->refid_hash = style & 8;
	s->old_rv = style & 16;
	s->server_width = (style & 32) != 0 ? 12 : 0;
	s->layout = what & 64 ? LAYOUT_NTPSEC : LAYOUT_CLASSIC;
	s->units = what & 128;
	what &= 63;
	switch (what % KINDS) {
	case 0:
		return list_peers(s, (enum peers_layout)(what / KINDS % 4), style & 64, 0);
	case 1:
		return list_assocs(s, style & 64, true);
	case 2:
		return list_vars(s, (style & 128) != 0 ? CONTROL_READCLOCK : CONTROL_READVAR, (uint16_t)(style & 64), "");
	case KIND_MRU:
		return list_mru(s, 0, NULL);
	case 4:
		/* Only signed answers get this far: what remains of the input is one. */
		v = (struct vars){ .text = (const char *)world.in.p, .len = rd_left(&world.in) };
		ordered_put(s->out, style & 1 ? "ifstats" : "reslist", s->layout, &v);
		return true;
	default:
		return list_table(s, tables[what / KINDS % NELEMS(tables)], what / KINDS % NELEMS(tables) == 7 ? 1 : 0);
	}
}

static void
check_visible(const char *s, size_t len, bool tabs)
{
	assert(len < OUTPUT_MAX);
	for (size_t i = 0; i < len; i++)
		assert((s[i] >= ' ' && s[i] < 0x7f) || s[i] == '\n' || (tabs && s[i] == '\t'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session *s = malloc(sizeof(*s));
	FILE *out, *err, *real = stderr;
	char *text = NULL, *complaint = NULL;
	size_t len, complaint_len;
	unsigned what, style;
	double limit;
	bool ok;

	assert(s != NULL && setenv("TZ", "UTC", 1) == 0);
	world.in = rd_init(data, size);
	world.ms = 1;
	world.questions = 0;
	world.held = &s->query.assembly;
	what = rd_u8(&world.in);
	style = rd_u8(&world.in);
	session_init(s, &query_defaults);
	s->host = "192.0.2.1";
	s->numeric = true;
	out = open_memstream(&text, &len);
	err = open_memstream(&complaint, &complaint_len);
	assert(out != NULL && err != NULL);
	s->out = out;
	stderr = err;
	ok = run(s, what, style);
	stderr = real;
	fclose(out);
	fclose(err);
	assert(ok || complaint_len > 0);
	limit = (what & 63) % KINDS == KIND_MRU ? MRU_TIME + PATIENCE : PATIENCE;
	assert((double)world.ms * 1e-3 < limit + FREE * world.questions + FREE);
	check_visible(text, len, (what & 64) != 0);	/* they are in NTPsec's arrays */
	check_visible(complaint, complaint_len, false);
	session_close(s);
	free(text);
	free(complaint);
	free(s);
	return 0;
}
