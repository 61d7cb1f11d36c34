/* SPDX-License-Identifier: BSD-2-Clause */
/* Delays, losses and the answers of servers good and bad. */
#include <string.h>

#include "network.h"

void
server_init(struct server *s, uint64_t seed, unsigned number)
{
	*s = (struct server){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		s->dir[i].stream = stream_open(seed, 100 + 4 * number + i);
		s->dir[i].burst_end = -1;
	}
	s->stream = stream_open(seed, 100 + 4 * number + 2);
}

/* Bursts come at exponential gaps and last exponentially long. */
static bool
in_burst(struct direction *d, const struct path_opts *o, double t)
{
	if (o->burst_gap <= 0)
		return false;
	if (d->burst_end < 0)
		d->burst_end = t;
	while (d->burst_end <= t) {
		d->burst_start = d->burst_end + o->burst_gap * stream_exp(&d->stream);
		d->burst_end = d->burst_start + o->burst_len * stream_exp(&d->stream);
	}
	return t >= d->burst_start;
}

double
direction_delay(struct direction *d, const struct path_opts *o, double t)
{
	/* Everything is drawn for every packet, so that turning one knob leaves the others' randomness alone. */
	double lost = stream_uniform(&d->stream), e = stream_exp(&d->stream), n = fabs(stream_normal(&d->stream));
	double u = stream_uniform(&d->stream), spike = stream_uniform(&d->stream), height = stream_uniform(&d->stream);

	if (in_burst(d, o, t) || lost < o->loss)
		return -1;
	return o->base + o->exp * e + o->normal * n + o->uniform * u + (spike < o->spike ? o->spike_max * height : 0);
}

bool
direction_repeats(struct direction *d, const struct path_opts *o)
{
	return o->repeat > 0 && stream_uniform(&d->stream) < o->repeat;
}

/* What the server's clock shows. */
static struct ntptime
server_time(const struct server *s, const struct server_opts *o, double t, struct walltime utc)
{
	return walltime_to_ntp(walltime_add(utc, o->offset + o->freq * (t - s->set_at)));
}

bool
server_answer(struct server *s, const struct server_opts *o, const uint8_t request[static PACKET_LEN], double t, struct walltime utc,
    uint8_t reply[static PACKET_LEN])
{
	struct packet q, p;
	struct packet_tail tail;

	if (o->mute || packet_parse(&q, &tail, request, PACKET_LEN) != WIRE_OK || q.mode != MODE_CLIENT)
		return false;
	p = (struct packet){
		.leap = (uint8_t)o->leap,
		.version = q.version,
		.mode = MODE_SERVER,
		.stratum = (uint8_t)o->stratum,
		.poll = q.poll,
		.precision = (int8_t)o->precision,
		.rootdelay = short_from_seconds(o->rootdelay),
		.rootdisp = short_from_seconds(o->rootdisp),
		.refid = REFID('S', 'I', 'M', 0),
		.reftime = server_time(s, o, t - 8, walltime_add(utc, -8)),
		.org = q.xmt,
		.rec = server_time(s, o, t, utc),
		.xmt = server_time(s, o, t + o->hold, walltime_add(utc, o->hold)),
	};
	if (o->kiss != 0) {
		p.leap = LEAP_UNSYNC;
		p.stratum = STRATUM_KOD;
		p.refid = o->kiss;
	}
	if (o->frozen && s->have_frozen) {
		struct packet old;

		if (packet_parse(&old, &tail, s->frozen, PACKET_LEN) == WIRE_OK) {
			p.rec = old.rec;
			p.xmt = old.xmt;
		}
	}
	packet_build(&p, reply);
	memcpy(s->frozen, reply, PACKET_LEN);
	s->have_frozen = true;
	return true;
}

void
server_forge(struct server *s, struct walltime utc, uint8_t out[static PACKET_LEN])
{
	static const uint32_t kisses[] = { REFID_RATE, REFID_DENY, REFID_RSTR };
	uint64_t dice = stream_u64(&s->stream);
	struct packet p = {
		.version = 4,
		.mode = MODE_SERVER,
		.stratum = (uint8_t)(dice & 1),
		.refid = kisses[(dice >> 1) % NELEMS(kisses)],
		.org = { (dice >> 8 & 3) == 0 ? 0 : stream_u64(&s->stream) },
		.rec = walltime_to_ntp(walltime_add(utc, 5)),
		.xmt = walltime_to_ntp(walltime_add(utc, 5)),
	};

	packet_build(&p, out);
}
