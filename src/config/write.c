/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a configuration as the text that makes it: what differs from the defaults, by the rows of the tables. */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reader.h"

#define NUMBER_LEN	32

/* The shortest text that reads as this number again. */
static const char *
number_str(double v, char buf[static NUMBER_LEN])
{
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(buf, NUMBER_LEN, "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	return buf;
}

/* Words go as they are, anything else in quotes; there is no way to write a quote, and none that could have been read. */
static void
put_string(FILE *out, const char *s)
{
	bool plain = s[0] != '\0' && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:+-@%")] == '\0';

	fprintf(out, plain ? "%s" : "\"%s\"", s);
}

/* --- options out of a table ---------------------------------------------------------------- */

/* A day as days since 1900, which needs no calendar. */
static double
days_since_1900(const void *p)
{
	return (double)(((const struct walltime *)p)->ns / NS_PER_S + NTP_UNIX_EPOCH) / 86400;
}

static double
value_of(const struct option *o, const void *base)
{
	const void *p = (const char *)base + o->offset;

	switch (o->type) {
	case OPT_SET:
	case OPT_BOOL:
		return *(const bool *)p;
	case OPT_INT:
		return *(const int *)p;
	case OPT_UINT:
		return *(const unsigned *)p;
	case OPT_INT8:
		return *(const int8_t *)p;
	case OPT_UINT8:
		return *(const uint8_t *)p;
	case OPT_UINT32:
		return *(const uint32_t *)p;
	case OPT_DATE:
		return days_since_1900(p);
	case OPT_INT64:
		return (double)*(const int64_t *)p;
	default:
		return *(const double *)p / (o->scale != 0 ? o->scale : 1);
	}
}

/* Rows that stand for two fields at once, or for none, are left to the others. */
static bool
is_written(const struct option *o)
{
	return o->offset != NOWHERE && o->also == 0 && o->type != OPT_STRING && o->type != OPT_CHOICE && o->type != OPT_CLEAR;
}

/* " name value" for each that is not as by default.  Returns how many. */
static unsigned
put_options(FILE *out, const char *first, const struct option *t, size_t n, const void *base, const void *dflt)
{
	char text[NUMBER_LEN];
	unsigned written = 0;

	for (size_t i = 0; i < n; i++) {
		bool string = (t[i].type == OPT_STRING || t[i].type == OPT_CHOICE) && t[i].offset != NOWHERE && ((const char *)base)[t[i].offset] != '\0';
		double v = is_written(&t[i]) ? value_of(&t[i], base) : 0, d = is_written(&t[i]) ? value_of(&t[i], dflt) : 0;

		if (string) {
			fprintf(out, "%s %s ", written++ == 0 ? first : "", t[i].name);
			put_string(out, (const char *)base + t[i].offset);
		}
		if (!is_written(&t[i]) || v == d || (isnan(v) && isnan(d)))
			continue;
		fprintf(out, "%s %s", written++ == 0 ? first : "", t[i].name);
		if (t[i].type != OPT_SET)
			fprintf(out, " %s", number_str(v, text));
	}
	return written;
}

static void
put_table(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	if (put_options(out, d->name, d->options, d->noptions, c, dflt) > 0)
		fputc('\n', out);
}

/* --- lines of plain shape ------------------------------------------------------------------ */

static void
put_plain(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	const char *field = (const char *)c + d->offset, *other = (const char *)dflt + d->offset;
	char text[NUMBER_LEN];

	if (d->parse == parse_int && *(const int *)(const void *)field != *(const int *)(const void *)other) {
		fprintf(out, "%s %d\n", d->name, *(const int *)(const void *)field);
	} else if (d->parse == parse_number && *(const double *)(const void *)field != *(const double *)(const void *)other) {
		fprintf(out, "%s %s\n", d->name, number_str(*(const double *)(const void *)field, text));
	}
}

/* Of maxdepth and maxmem the last one said counts: only one of them is written. */
void
write_mru(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	struct config copy = *c;

	if (copy.mru.maxdepth != 0)
		copy.mru.maxmem = dflt->mru.maxmem;
	put_table(out, d, &copy, dflt);
}

/* A limit line that says nothing but the defaults still puts limit in the place of discard. */
void
write_rate(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	char text[NUMBER_LEN];
	bool written;

	if ((d->kind != 0) != c->discard.by_score)
		return;
	written = put_options(out, d->name, d->options, d->noptions, c, dflt) > 0;
	if (!written && c->discard.by_score)
		fprintf(out, "%s average %s", d->name, number_str(c->discard.rate, text));
	if (written || c->discard.by_score)
		fputc('\n', out);
}

/* What is done and then over is not written. */
void
write_nothing(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)out;
	(void)d;
	(void)c;
	(void)dflt;
}

/* --- lines with a shape of their own ------------------------------------------------------- */

void
write_path(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	const char *path = *(const char *const *)(const void *)((const char *)c + d->offset);

	(void)dflt;
	if (path == NULL)
		return;
	fprintf(out, "%s ", d->name);
	put_string(out, path);
	fputc('\n', out);
}

void
write_leapfile(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)dflt;
	if (c->leapfile == NULL)
		return;
	fprintf(out, "%s ", d->name);
	put_string(out, c->leapfile);
	fprintf(out, "%s\n", c->leap_checkhash ? "" : " ignorehash");
}

void
write_clock(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	if (c->clock != dflt->clock)
		fprintf(out, "%s %s\n", d->name, c->clock == CLOCK_SOFTWARE ? "software" : "kernel");
}

void
write_workers(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	if (c->workers == 0)
		fprintf(out, "%s auto\n", d->name);
	else if (c->workers != dflt->workers)
		fprintf(out, "%s %d\n", d->name, c->workers);
}

void
write_filegen(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	static const char *const types[FILEGEN_TYPES] = {
		[FILEGEN_NONE] = "none", [FILEGEN_PID] = "pid", [FILEGEN_DAY] = "day", [FILEGEN_WEEK] = "week", [FILEGEN_MONTH] = "month",
		[FILEGEN_YEAR] = "year", [FILEGEN_AGE] = "age",
	};

	for (unsigned i = 0; i < STATS_KINDS; i++) {
		const struct filegen_opts *f = &c->filegen[i], *g = &dflt->filegen[i];

		if (f->enabled == g->enabled && f->link == g->link && f->type == g->type && strcmp(f->file, g->file) == 0)
			continue;
		fprintf(out, "%s %s file ", d->name, stats_names[i]);
		put_string(out, f->file);
		fprintf(out, " type %s %s %s\n", types[f->type], f->link ? "link" : "nolink", f->enabled ? "enable" : "disable");
	}
}

void
write_flags(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)d;
	for (size_t i = 0; i < flag_option_count; i++) {
		const struct option *o = &flag_options[i];

		if (o->offset != NOWHERE && o->standing == IN_FORCE && value_of(o, c) != value_of(o, dflt))
			fprintf(out, "%s %s\n", value_of(o, c) != 0 ? "enable" : "disable", o->name);
	}
}

/* "=" sets the first word, "+" adds the others; of no word at all one is taken away again. */
void
write_logconfig(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	static const char *const classes[] = { "clock", "peer", "sync", "sys" }, *const types[] = { "info", "events", "statistics", "status" };
	unsigned bits = c->logconfig;
	char sign = '=';

	if (bits == dflt->logconfig)
		return;
	fprintf(out, "%s", d->name);
	for (unsigned i = 0; i < LOG_CLASSES * LOG_TYPES; i++) {
		if ((bits & 1u << i) == 0)
			continue;
		fprintf(out, " %c%s%s", sign, classes[i / LOG_TYPES], types[i % LOG_TYPES]);
		sign = '+';
	}
	fprintf(out, "%s\n", bits == 0 ? " =sysinfo -sysinfo" : "");
}

void
write_interface(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	static const char *const actions[] = { [IFACE_LISTEN] = "listen", [IFACE_IGNORE] = "ignore", [IFACE_DROP] = "drop" };
	static const char *const words[] = { [IFACE_ALL] = "all", [IFACE_IPV4] = "ipv4", [IFACE_IPV6] = "ipv6", [IFACE_WILDCARD] = "wildcard" };
	char ip[ADDR_STR_MAX];

	(void)dflt;
	for (size_t i = 0; i < c->niface_rules; i++) {
		const struct iface_rule *rule = &c->iface_rules[i];

		fprintf(out, "%s %s ", d->name, actions[rule->action]);
		if (rule->match == IFACE_NAME)
			put_string(out, rule->name);
		else if (rule->match == IFACE_ADDR)
			fprintf(out, "%s/%u", addr_str(&rule->addr, ip, sizeof(ip)), rule->prefix);
		else if (rule->match < NELEMS(words))
			fprintf(out, "%s", words[rule->match]);
		fputc('\n', out);
	}
}

void
write_trustedkey(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)dflt;
	for (const struct config_trusted *t = c->trusted; t != NULL; t = t->next) {
		if (t->lo == t->hi)
			fprintf(out, "%s %u\n", d->name, t->lo);
		else
			fprintf(out, "%s (%u ... %u)\n", d->name, t->lo, t->hi);
	}
}

void
write_setvar(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)dflt;
	for (const struct config_setvar *v = c->setvars; v != NULL; v = v->next)
		fprintf(out, "%s %s = \"%s\"%s\n", d->name, v->name, v->value, v->dflt ? " default" : "");
}

/* --- sources and access -------------------------------------------------------------------- */

/* As NTPsec writes it, since that has room for every option on the line. */
static void
put_clock(FILE *out, const struct config_source *s)
{
	const struct source_line dflt = { .source.opts = assoc_defaults, .source.clock = refclock_defaults }, line = { .source = *s };
	const struct directive *d = directive_find("refclock");
	const char *name = refclock_driver_name(s->clock.type);

	if (name == NULL)
		return;
	fprintf(out, "refclock %s", name);
	put_options(out, "", d->options, d->noptions, &line, &dflt);
	fputc('\n', out);
}

void
write_phone(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)dflt;
	if (c->phone[0][0] == '\0')
		return;
	fprintf(out, "%s", d->name);
	for (size_t i = 0; i < REFCLOCK_PHONES && c->phone[i][0] != '\0'; i++) {
		fputc(' ', out);
		put_string(out, c->phone[i]);
	}
	fputc('\n', out);
}

static const struct directive *
row_of_source(const struct config_source *s)
{
	const struct assoc_opts *o = &s->opts;

	return directive_find(s->kind == SOURCE_POOL ? "pool" : o->manycast ? "manycastclient" : o->mode == MODE_ACTIVE ? "peer" :
	    o->mode == MODE_BROADCAST ? "broadcast" : "server");
}

/* All sources in their order, by whatever directive each: written for the first row of the kind. */
void
write_sources(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	const struct source_line none = { .source.opts = assoc_defaults };

	(void)d;
	(void)dflt;
	for (const struct config_source *s = c->sources; s != NULL; s = s->next) {
		const struct directive *row = row_of_source(s);
		const struct source_line line = { .source = *s };

		if (s->kind == SOURCE_CLOCK) {
			put_clock(out, s);
			continue;
		}
		fprintf(out, "%s %s", row->name, s->family == 4 ? "-4 " : s->family == 6 ? "-6 " : "");
		put_string(out, s->host);
		put_options(out, "", row->options, row->noptions, &line, &none);
		fputc('\n', out);
	}
}

void
write_groups(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	const struct config_groups *g = (const void *)((const char *)c + d->offset);
	char ip[ADDR_STR_MAX];

	(void)dflt;
	if (g->n == 0)
		return;
	fprintf(out, "%s", d->name);
	for (size_t i = 0; i < g->n; i++)
		fprintf(out, " %s", addr_str(&g->addr[i], ip, sizeof(ip)));
	fputc('\n', out);
}

void
write_bclient(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	(void)dflt;
	if (c->modes.bclient)
		fprintf(out, "%s%s\n", d->name, c->modes.novolley ? " novolley" : "");
}

void
write_ttl(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	const struct config_modes *m = &c->modes;

	if (m->nttl == dflt->modes.nttl && memcmp(m->ttl, dflt->modes.ttl, m->nttl) == 0)
		return;
	fprintf(out, "%s", d->name);
	for (size_t i = 0; i < m->nttl; i++)
		fprintf(out, " %u", m->ttl[i]);
	fputc('\n', out);
}

void
write_pollskewlist(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	const struct pollskew *p = &c->modes.pollskew;

	(void)dflt;
	for (unsigned i = 0; i <= POLL_MAX; i++)
		if (p->given[i])
			fprintf(out, "%s %u %u|%u\n", d->name, i, p->early[i], p->late[i]);
}

static void
put_access_flags(FILE *out, const struct restrict_rule *rule)
{
	if (rule->ippeerlimit != IPPEERLIMIT_NONE)
		fprintf(out, " ippeerlimit %d", rule->ippeerlimit);
	for (size_t i = 0; i < restrict_flags_len; i++) {
		const struct restrict_flag *f = &restrict_flags[i];

		if ((f->word == RESTRICT_SETS && (rule->flags & f->bit) != 0) || (f->word == RESTRICT_NTPPORT && rule->ntpport))
			fprintf(out, " %s", f->name);
	}
	fputc('\n', out);
}

void
write_restrict(FILE *out, const struct directive *d, const struct config *c, const struct config *dflt)
{
	char ip[ADDR_STR_MAX], mask[ADDR_STR_MAX];

	(void)dflt;
	for (const struct config_restrict *e = c->restricts; e != NULL; e = e->next) {
		if (e->source)
			fprintf(out, "%s source", d->name);
		else if (addr_is_any(&e->rule.mask))
			fprintf(out, "%s -%u default", d->name, e->rule.mask.family);
		else
			fprintf(out, "%s %s mask %s", d->name, addr_str(&e->rule.addr, ip, sizeof(ip)), addr_str(&e->rule.mask, mask, sizeof(mask)));
		put_access_flags(out, &e->rule);
	}
}

/* --- all of it ----------------------------------------------------------------------------- */

int
config_write(const struct config *c, FILE *out)
{
	struct config *dflt = config_new();

	if (dflt == NULL)
		return -1;
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *d = &directive_table[i];

		if (d->write != NULL)
			d->write(out, d, c, dflt);
		else if (d->standing != IN_FORCE)
			continue;
		else if (d->parse == parse_options)
			put_table(out, d, c, dflt);
		else if (d->offset != NOWHERE && (d->parse == parse_int || d->parse == parse_number))
			put_plain(out, d, c, dflt);
	}
	config_free(dflt);
	if (fflush(out) == 0 && !ferror(out))
		return 0;
	errno = errno != 0 ? errno : EIO;
	return -1;
}

int
config_save(const struct config *c, const char *path, struct walltime now)
{
	/* Of ours alone: nobody else's file is written over or through, and keys' numbers are nobody's business. */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), saved;
	FILE *f = fd == -1 ? NULL : fdopen(fd, "w");
	time_t t = (time_t)(now.ns / NS_PER_S);
	char stamp[32] = "";
	struct tm tm;
	int ret;

	if (f == NULL) {
		saved = errno;
		if (fd != -1)
			close(fd);
		errno = saved;
		return -1;
	}
	if (localtime_r(&t, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(f, "# %s\n", stamp);
	ret = config_write(c, f);
	saved = errno;
	if (fclose(f) != 0 && ret == 0) {
		saved = errno;
		ret = -1;
	}
	if (ret == -1)
		unlink(path);
	errno = saved;
	return ret;
}
