/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cursors over octets, big-endian as everything on the wire is.
 *
 * A cursor remembers failure: read or write every field, then look at bad once.  A bad read yields zero and moves
 * nothing; a bad write leaves the buffer alone.  No cast into a buffer anywhere, so alignment, aliasing and byte order
 * never matter.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd { const uint8_t *p, *end; bool bad; };
struct wr { uint8_t *p, *end; bool bad; };

static inline struct rd
rd_init(const uint8_t *buf, size_t len)
{
	return (struct rd){ .p = buf, .end = buf + len };
}

static inline size_t
rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* The next n octets, or NULL if there are not that many. */
static inline const uint8_t *
rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (rd_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static inline uint8_t
rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t
rd_u16(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);

	if (p == NULL)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
rd_u32(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
rd_u64(struct rd *r)
{
	uint64_t hi = rd_u32(r);

	return hi << 32 | rd_u32(r);
}

/* An IEEE 754 number of 64 bits, most significant octet first. */
static inline double
rd_double(struct rd *r)
{
	uint64_t bits = rd_u64(r);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline struct wr
wr_init(uint8_t *buf, size_t cap)
{
	return (struct wr){ .p = buf, .end = buf + cap };
}

static inline void
wr_bytes(struct wr *w, const void *src, size_t n)
{
	if ((size_t)(w->end - w->p) < n) {
		w->bad = true;
		return;
	}
	memcpy(w->p, src, n);
	w->p += n;
}

static inline void
wr_u8(struct wr *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void
wr_u16(struct wr *w, uint16_t v)
{
	wr_bytes(w, (const uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static inline void
wr_u32(struct wr *w, uint32_t v)
{
	wr_bytes(w, (const uint8_t[]){ (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v }, 4);
}

static inline void
wr_u64(struct wr *w, uint64_t v)
{
	wr_u32(w, (uint32_t)(v >> 32));
	wr_u32(w, (uint32_t)v);
}

static inline void
wr_double(struct wr *w, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wr_u64(w, bits);
}

#endif
