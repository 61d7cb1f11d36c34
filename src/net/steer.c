/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash of the source address as a program for the kernel. */
#include <stddef.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "net/steer.h"

#define STEPS_MAX	64

/* Octets of the network header; the program's own view begins after the UDP header. */
#define NET(off)	((uint32_t)SKF_NET_OFF + (uint32_t)(off))
#define V4_SOURCE	offsetof(struct iphdr, saddr)
#define V6_SOURCE	offsetof(struct ipv6hdr, saddr)

struct program {
	struct sock_filter	step[STEPS_MAX];
	unsigned short		n;
};

static void
emit(struct program *p, uint16_t code, uint32_t k)
{
	p->step[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

static void
load(struct program *p, size_t off)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, NET(off));
}

/* A ^= A >> shift */
static void
fold(struct program *p, uint32_t shift)
{
	emit(p, BPF_MISC | BPF_TAX, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, shift);
	emit(p, BPF_ALU | BPF_XOR | BPF_X, 0);
}

/* The finalizer of MurmurHash3 (Appleby): every bit of A comes to depend on every other. */
static void
mix(struct program *p, uint32_t key)
{
	emit(p, BPF_ALU | BPF_XOR | BPF_K, key);
	fold(p, 16);
	emit(p, BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b);
	fold(p, 13);
	emit(p, BPF_ALU | BPF_MUL | BPF_K, 0xc2b2ae35);
	fold(p, 16);
}

/* The half of the address that tells sources apart: its words into M[0] and A. */
static void
load_v6(struct program *p)
{
	load(p, V6_SOURCE);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 0xffc00000);
	p->step[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xfe800000, 0, 4);	/* fe80::/10 */
	load(p, V6_SOURCE + 8);
	emit(p, BPF_ST, 0);
	load(p, V6_SOURCE + 12);
	emit(p, BPF_JMP | BPF_JA, 3);
	load(p, V6_SOURCE);
	emit(p, BPF_ST, 0);
	load(p, V6_SOURCE + 4);
}

static uint32_t
mixed(uint32_t a, uint32_t key)
{
	a ^= key;
	a ^= a >> 16;
	a *= 0x85ebca6b;
	a ^= a >> 13;
	a *= 0xc2b2ae35;
	return a ^ a >> 16;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

unsigned
steer_pick(const struct addr *source, unsigned n, const struct steer_key *key)
{
	const uint8_t *half = source->ip;
	uint32_t a = word(source->ip);

	if (source->family == 6) {
		if ((a & 0xffc00000) == 0xfe800000)
			half += 8;
		a = mixed(word(half + 4), key->k[1]) ^ word(half);
	}
	return mixed(a, key->k[0]) % n;
}

int
steer_attach(int fd, int family, unsigned n, const struct steer_key *key)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.step };

	if (family == 6) {
		load_v6(&p);
		mix(&p, key->k[1]);
		emit(&p, BPF_LDX | BPF_MEM, 0);
		emit(&p, BPF_ALU | BPF_XOR | BPF_X, 0);
	} else
		load(&p, V4_SOURCE);
	mix(&p, key->k[0]);
	emit(&p, BPF_ALU | BPF_MOD | BPF_K, n);
	emit(&p, BPF_RET | BPF_A, 0);
	prog.len = p.n;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog));
}
