/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the rows of an MRU list in the order of their last packets, and found by address. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mruget.h"
#include "wire/control.h"

#define NONE		UINT32_MAX
#define NONCE_USES_MAX	4	/* as in ntpd's own clients; a nonce lives 16 s */
#define KNOWN_MAX	16	/* rows a request names */
#define REQUEST_MAX	CONTROL_DATA_MAX
#define KNOWN_LEN	(2 * ADDR_STR_MAX)	/* a pair "addr.15=…, last.15=0x…" in a request */
#define LIMIT_FIRST	96	/* rows per answer with a server that takes no frags= */
#define ROWS_FIRST	256

#define IS_ROW	(MRU_HAS_ADDR | MRU_HAS_LAST)

bool
mruget_init(struct mruget *m)
{
	*m = (struct mruget){ .oldest = NONE, .newest = NONE, .offer = NONE, .frags = MRUGET_FRAGS_MAX, .nbuckets = ROWS_FIRST };
	m->buckets = malloc(m->nbuckets * sizeof(m->buckets[0]));
	if (m->buckets == NULL)
		return false;
	memset(m->buckets, 0xff, m->nbuckets * sizeof(m->buckets[0]));
	return true;
}

void
mruget_free(struct mruget *m)
{
	free(m->rows);
	free(m->buckets);
	*m = (struct mruget){ .oldest = NONE, .newest = NONE, .offer = NONE };
}

static uint32_t *
bucket(const struct mruget *m, const struct addr *a)
{
	uint64_t h = a->port;

	for (size_t i = 0; i < sizeof(a->ip); i++)
		h = (h ^ a->ip[i]) * UINT64_C(0x100000001b3);
	return &m->buckets[(h ^ h >> 32) % m->nbuckets];
}

/* More room for rows and, in step, more buckets. */
static bool
grow(struct mruget *m)
{
	size_t cap = m->cap == 0 ? ROWS_FIRST : 2 * m->cap;
	struct mru_row *rows = realloc(m->rows, cap * sizeof(rows[0]));
	uint32_t *buckets;

	if (rows == NULL)
		return false;
	m->rows = rows;
	buckets = realloc(m->buckets, cap * sizeof(buckets[0]));
	if (buckets == NULL)
		return false;
	m->cap = m->nbuckets = cap;
	m->buckets = buckets;
	memset(buckets, 0xff, cap * sizeof(buckets[0]));
	for (size_t i = 0; i < m->n; i++) {
		uint32_t *b = bucket(m, &m->rows[i].addr);

		m->rows[i].next = *b;
		*b = (uint32_t)i;
	}
	return true;
}

static void
unchain(struct mruget *m, uint32_t i)
{
	struct mru_row *r = &m->rows[i];

	*(r->older == NONE ? &m->oldest : &m->rows[r->older].newer) = r->newer;
	*(r->newer == NONE ? &m->newest : &m->rows[r->newer].older) = r->older;
}

static void
chain_newest(struct mruget *m, uint32_t i)
{
	m->rows[i].older = m->newest;
	m->rows[i].newer = NONE;
	*(m->newest == NONE ? &m->oldest : &m->rows[m->newest].newer) = i;
	m->newest = i;
}

static uint32_t
find(const struct mruget *m, const struct addr *a)
{
	uint32_t i = *bucket(m, a);

	while (i != NONE && !addr_equal(&m->rows[i].addr, a))
		i = m->rows[i].next;
	return i;
}

/* Puts a row at the newest end, as a new one or in the place of what was known of its address.  *news: it says something new. */
static enum mruget_result
put_row(struct mruget *m, const struct mru_row *row, bool *news)
{
	uint32_t i = find(m, &row->addr), next;

	if (i != NONE) {
		if (m->rows[i].last.raw == row->last.raw)
			return MRUGET_MORE;
		unchain(m, i);
		next = m->rows[i].next;
		m->rows[i] = *row;
		m->rows[i].next = next;
		m->updates++;
	} else {
		uint32_t *b;

		if (m->n == MRUGET_ROWS_MAX)
			return MRUGET_TOO_MANY;
		if (m->n == m->cap && !grow(m))
			return MRUGET_NO_MEMORY;
		i = (uint32_t)m->n++;
		b = bucket(m, &row->addr);
		m->rows[i] = *row;
		m->rows[i].next = *b;
		*b = i;
	}
	chain_newest(m, i);
	*news = true;
	return MRUGET_MORE;
}

bool
mruget_take_nonce(struct mruget *m, const struct vars *v)
{
	char nonce[sizeof(m->nonce)];

	if (!vars_word(v, "nonce", nonce, sizeof(nonce)) || nonce[0] == '\0' || nonce[strcspn(nonce, ",\"=")] != '\0')
		return false;
	memcpy(m->nonce, nonce, sizeof(m->nonce));
	m->nonce_uses = 0;
	return true;
}

bool
mruget_wants_nonce(const struct mruget *m)
{
	return m->nonce[0] == '\0' || m->nonce_uses >= NONCE_USES_MAX;
}

void
mruget_request(struct mruget *m, const char *filters, struct strb *out)
{
	char addr[ADDR_STR_MAX];
	unsigned n = 0;

	m->nonce_uses++;
	strb_add(out, "nonce=%s, ", m->nonce);
	if (m->limit > 0)
		strb_add(out, "limit=%u", m->limit);
	else
		strb_add(out, "frags=%u", m->frags);
	if (filters[0] != '\0')
		strb_add(out, ", %s", filters);
	for (uint32_t i = m->offer; i != NONE && n < KNOWN_MAX && out->len + KNOWN_LEN < REQUEST_MAX; i = m->rows[i].older, n++)
		strb_add(out, ", addr.%u=%s, last.%u=0x%08x.%08x", n, addr_port_str(&m->rows[i].addr, addr, sizeof(addr)), n,
		    (uint32_t)(m->rows[i].last.raw >> 32), (uint32_t)m->rows[i].last.raw);
}

/* Takes one tag of a row; tags that are not known are for guessers, or from the future. */
static void
take_tag(struct mru_row *row, const char *tag, size_t len, const struct varval *v)
{
	char name[8] = "";
	unsigned long u = 0;

	if (len >= sizeof(name))
		return;
	memcpy(name, tag, len);
	if (strcmp(name, "addr") == 0 && varval_addr(v, &row->addr))
		row->has |= MRU_HAS_ADDR;
	else if (strcmp(name, "last") == 0 && varval_time(v, &row->last))
		row->has |= MRU_HAS_LAST;
	else if (strcmp(name, "first") == 0)
		(void)!varval_time(v, &row->first);
	else if (strcmp(name, "sc") == 0)
		(void)!varval_real(v, &row->score);
	else if (strcmp(name, "ct") == 0)
		(void)!varval_uint(v, &row->count);
	else if (strcmp(name, "dr") == 0 && varval_uint(v, &row->dropped))
		row->has |= MRU_HAS_DROPPED;
	else if (strcmp(name, "mv") == 0 && varval_uint(v, &u))
		row->mode_version = (uint8_t)u;
	else if (strcmp(name, "rs") == 0 && varval_uint(v, &u))
		row->flags = (uint16_t)u;
}

static const struct mru_row empty_row = { .score = (double)NAN };

enum mruget_result
mruget_take(struct mruget *m, const struct vars *v)
{
	const char *p = v->text, *end = v->text + v->len;
	struct mru_row row = empty_row;
	enum mruget_result r = MRUGET_MORE;
	unsigned long index = 0, at = 0;
	struct control_item item;
	bool news = false;

	while (r == MRUGET_MORE && control_next(&p, end, &item) == LIST_ITEM) {
		struct varval value = { .s = item.value, .len = item.value_len };
		size_t len;

		if (item.value == NULL || !vars_indexed(item.name, item.name_len, &len, &index))
			continue;
		if (index != at && (row.has & IS_ROW) == IS_ROW)
			r = put_row(m, &row, &news);
		if (index != at)
			row = empty_row;
		at = index;
		take_tag(&row, item.name, len, &value);
	}
	if (r == MRUGET_MORE && (row.has & IS_ROW) == IS_ROW)
		r = put_row(m, &row, &news);
	if (!mruget_take_nonce(m, v))
		m->nonce[0] = '\0';
	m->offer = m->newest;
	if (r != MRUGET_MORE)
		return r;
	if (vars_time(v, "now", &m->now))
		return MRUGET_DONE;
	if (!news)
		return mruget_lost(m);
	if (m->limit == 0 && m->frags < MRUGET_FRAGS_MAX)
		m->frags++;
	return MRUGET_MORE;
}

enum mruget_result
mruget_unknown(struct mruget *m)
{
	for (unsigned n = 0; m->offer != NONE && n < KNOWN_MAX; n++)
		m->offer = m->rows[m->offer].older;
	if (m->offer == NONE && ++m->restarts > MRUGET_RESTARTS_MAX)
		return MRUGET_STUCK;
	return MRUGET_MORE;
}

enum mruget_result
mruget_too_much(struct mruget *m)
{
	if (m->limit == 0) {
		m->limit = LIMIT_FIRST;
		return MRUGET_MORE;
	}
	m->limit /= 2;
	return m->limit == 0 ? MRUGET_STUCK : MRUGET_MORE;
}

enum mruget_result
mruget_lost(struct mruget *m)
{
	unsigned *size = m->limit > 0 ? &m->limit : &m->frags;

	m->nonce[0] = '\0';
	if (*size == 1)
		return MRUGET_STUCK;
	*size /= 2;
	return MRUGET_MORE;
}
